//! The parts of a firm that are reconciled, each of which can run alone.

use std::sync::Arc;

use crate::{
    app::App,
    store::{Read, StoreError},
    work::{
        JobContext, JobFuture, JobKind, JobState,
        jobs::{self, Job},
    },
};

use super::{KIND, job, place::Place};

/// A part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Departments and members.
    Directory,
    /// Corp tags.
    Tags,
    /// Customers with their followers.
    Customers,
    /// Customer groups.
    Groups,
}

impl Part {
    /// All of them, in the order in which a full pass takes them.
    pub const ALL: [Self; 4] = [Self::Directory, Self::Tags, Self::Customers, Self::Groups];

    /// Stable code, also the catalogue key's end.
    pub fn code(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::Tags => "tags",
            Self::Customers => "customers",
            Self::Groups => "groups",
        }
    }

    /// The part with this code.
    pub fn of_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.code() == code)
    }

    /// The job that reconciles it alone.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Directory => "sync.directory",
            Self::Tags => "sync.tags",
            Self::Customers => "sync.customers",
            Self::Groups => "sync.groups",
        }
    }

    /// Where it begins.
    pub(super) fn beginning(self) -> Place {
        match self {
            Self::Directory => Place::Directory,
            Self::Tags => Place::Tags,
            Self::Customers => Place::Customers {
                from_userid: String::new(),
            },
            Self::Groups => Place::Groups {
                after_chat_id: String::new(),
            },
        }
    }

    /// Whether a complete pass has been made before: what differs then is a repair.
    pub(super) fn was_complete(self, r: &Read<'_>) -> Result<bool, StoreError> {
        for kind in [KIND, self.kind()] {
            if jobs::latest_in(r, kind, JobState::Done)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Whether a job reconciles.
pub fn is_sync(kind: &str) -> bool {
    kind == KIND || Part::ALL.iter().any(|part| part.kind() == kind)
}

/// The newest jobs that reconcile, newest first.
pub(super) fn history(r: &Read<'_>, limit: usize) -> Result<Vec<Job>, StoreError> {
    let mut all = jobs::newest(r, KIND, limit)?;
    for part in Part::ALL {
        all.extend(jobs::newest(r, part.kind(), limit)?);
    }
    all.sort_by_key(|job| std::cmp::Reverse(job.created_at));
    all.truncate(limit);
    Ok(all)
}

/// The jobs: everything, and each part alone.
pub(super) fn jobs() -> Vec<JobKind<App>> {
    fn run(app: Arc<App>, context: JobContext, parts: &'static [Part]) -> JobFuture {
        Box::pin(job::run(app, context, parts))
    }
    vec![
        JobKind {
            name: KIND,
            run: |app, context| run(app, context, &Part::ALL),
        },
        JobKind {
            name: "sync.directory",
            run: |app, context| run(app, context, &[Part::Directory]),
        },
        JobKind {
            name: "sync.tags",
            run: |app, context| run(app, context, &[Part::Tags]),
        },
        JobKind {
            name: "sync.customers",
            run: |app, context| run(app, context, &[Part::Customers]),
        },
        JobKind {
            name: "sync.groups",
            run: |app, context| run(app, context, &[Part::Groups]),
        },
    ]
}
