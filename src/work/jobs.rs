//! Jobs as rows: what is to be done, how far it is, how it ended.

use minicbor::{Decode, Encode};

use crate::{
    error::AppError,
    kit::{Id, Timestamp},
    store::{
        Class, Desc, Entity, Index, Key, Read, SYSTEM_SUBJECT, StoreError, SubjectId, TableSpec,
        Walk, Write,
    },
};

/// See [`Job`].
pub type JobId = Id<Job>;

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum JobState {
    /// Waiting for its turn, or for the time of its next attempt.
    #[n(0)]
    Queued,
    /// Being worked on.
    #[n(1)]
    Running,
    /// Finished.
    #[n(2)]
    Done,
    /// Given up; `failure` says why.
    #[n(3)]
    Failed,
    /// Stopped by a person.
    #[n(4)]
    Cancelled,
}

impl JobState {
    /// Stable code, also the catalogue key's end.
    pub fn code(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// How far a job is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct Progress {
    /// Catalogue key's end of what is being done, e.g. `customers`.
    #[n(0)]
    pub phase: String,
    /// Units done.
    #[n(1)]
    pub done: u64,
    /// Units in all; 0 while unknown.
    #[n(2)]
    pub total: u64,
    /// Named counts for the result, e.g. `customers → 5000`, in the order first counted.
    #[n(3)]
    pub counts: Vec<(String, u64)>,
}

impl Progress {
    /// Adds to a named count.
    pub fn count(&mut self, name: &str, by: u64) {
        match self.counts.iter_mut().find(|(known, _)| known == name) {
            Some((_, n)) => *n += by,
            None => self.counts.push((name.to_owned(), by)),
        }
    }

    /// A named count; 0 if never counted.
    pub fn counted(&self, name: &str) -> u64 {
        self.counts
            .iter()
            .find(|(known, _)| known == name)
            .map_or(0, |(_, n)| *n)
    }

    /// Percent done, while the total is known.
    pub fn percent(&self) -> Option<u64> {
        (self.total > 0).then(|| (self.done.saturating_mul(100) / self.total).min(100))
    }
}

/// Why the last attempt ended badly.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Failure {
    /// Error code of the catalogue.
    #[n(0)]
    pub code: String,
    /// When.
    #[n(1)]
    pub at: Timestamp,
    /// The cause for the log and the super admin; nothing personal.
    #[n(2)]
    pub cause: String,
    /// What WeCom answered, if it did.
    #[n(3)]
    pub errcode: Option<i64>,
}

impl Failure {
    /// What is kept of an error.
    pub fn of(error: &AppError, at: Timestamp) -> Self {
        let errcode = match error {
            AppError::Wecom { errcode, .. } if *errcode != 0 => Some(*errcode),
            _ => None,
        };
        Self {
            code: error.code().into_owned(),
            at,
            cause: error.to_string(),
            errcode,
        }
    }
}

/// A piece of long work.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Job {
    /// Ours.
    #[n(0)]
    pub id: JobId,
    /// Which job: the name of a registered kind.
    #[n(1)]
    pub kind: String,
    /// Where it stands.
    #[n(2)]
    pub state: JobState,
    /// The account that asked for it; none for the system's own.
    #[n(3)]
    pub created_by: Option<SubjectId>,
    /// When asked for.
    #[n(4)]
    pub created_at: Timestamp,
    /// Not before this time.
    #[n(5)]
    pub run_after: Timestamp,
    /// When the first attempt began.
    #[n(6)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[n(7)]
    pub finished_at: Option<Timestamp>,
    /// Attempts so far.
    #[n(8)]
    pub attempts: u32,
    /// How far it is.
    #[n(9)]
    pub progress: Progress,
    /// What was asked, in the kind's own encoding.
    #[cbor(n(10), with = "minicbor::bytes")]
    pub input: Vec<u8>,
    /// Where to continue, in the kind's own encoding.
    #[cbor(n(11), with = "minicbor::bytes")]
    pub cursor: Option<Vec<u8>>,
    /// What came out, in the kind's own encoding.
    #[cbor(n(12), with = "minicbor::bytes")]
    pub result: Option<Vec<u8>>,
    /// Why the last attempt ended badly.
    #[n(13)]
    pub failure: Option<Failure>,
    /// A person wants it stopped.
    #[n(14)]
    pub cancel_asked: bool,
}

/// Jobs by state and due time.
const BY_STATE: Index<Job> = Index::new("jobs-1.by_state", |job, _| {
    vec![Key::new().with(job.state as u8).with(job.run_after)]
});

/// Jobs by kind, newest first.
const BY_KIND: Index<Job> = Index::new("jobs-1.by_kind", |job, _| {
    vec![
        Key::new()
            .with(job.kind.as_str())
            .with(Desc(job.created_at)),
    ]
});

/// Jobs by who asked, newest first.
const BY_CREATOR: Index<Job> = Index::new("jobs-1.by_creator", |job, _| {
    vec![
        Key::new()
            .with(job.created_by.unwrap_or(SYSTEM_SUBJECT))
            .with(Desc(job.created_at)),
    ]
});

impl Entity for Job {
    const KIND: &'static str = "job";
    const TABLE: &'static str = "jobs-1";
    const CLASS: Class = Class::Machinery;
    type Key = JobId;

    fn key(&self) -> JobId {
        self.id
    }
    /// What was asked may name people (a search that is exported).
    fn subject(&self) -> Option<SubjectId> {
        Some(self.created_by.unwrap_or(SYSTEM_SUBJECT))
    }
    fn indexes() -> &'static [Index<Self>] {
        &[BY_STATE, BY_KIND, BY_CREATOR]
    }
}

/// The module's tables.
pub(crate) const TABLES: [TableSpec; 1] = [TableSpec::of::<Job>()];

/// A job to be queued.
pub struct NewJob {
    /// Name of a registered kind.
    pub kind: &'static str,
    /// What is asked, in the kind's own encoding.
    pub input: Vec<u8>,
    /// Who asks.
    pub created_by: Option<SubjectId>,
}

/// Queues a job; it starts once this write is durable.
pub fn enqueue(w: &mut Write<'_>, new: NewJob) -> Result<JobId, StoreError> {
    let id = w.new_id::<Job>()?;
    let job = Job {
        id,
        kind: new.kind.to_owned(),
        state: JobState::Queued,
        created_by: new.created_by,
        created_at: w.now(),
        run_after: w.now(),
        started_at: None,
        finished_at: None,
        attempts: 0,
        progress: Progress::default(),
        input: new.input,
        cursor: None,
        result: None,
        failure: None,
        cancel_asked: false,
    };
    w.put(&job)?;
    Ok(id)
}

/// Queues a job unless one of its kind is waiting or running; gives the one there is.
pub fn enqueue_once(w: &mut Write<'_>, new: NewJob) -> Result<JobId, StoreError> {
    match latest(&w.read(), new.kind)? {
        Some(job) if !job.state.is_final() => Ok(job.id),
        _ => enqueue(w, new),
    }
}

/// Asks a job to stop; `false` if it has ended or is not there.
pub fn ask_to_cancel(w: &mut Write<'_>, id: JobId) -> Result<bool, StoreError> {
    let Some(mut job) = w.get::<Job>(&id)?.filter(|job| !job.state.is_final()) else {
        return Ok(false);
    };
    if job.state == JobState::Queued {
        job.state = JobState::Cancelled;
        job.finished_at = Some(w.now());
    }
    job.cancel_asked = true;
    w.put(&job)?;
    Ok(true)
}

/// The newest job of a kind.
pub fn latest(r: &Read<'_>, kind: &str) -> Result<Option<Job>, StoreError> {
    r.list(&BY_KIND, &Walk::prefix(Key::new().with(kind)))?
        .next()
        .transpose()
}

/// The newest jobs of a kind.
pub fn newest(r: &Read<'_>, kind: &str, limit: usize) -> Result<Vec<Job>, StoreError> {
    r.list(&BY_KIND, &Walk::prefix(Key::new().with(kind)))?
        .take(limit)
        .collect()
}

/// The newest job of a kind in this state.
pub fn latest_in(r: &Read<'_>, kind: &str, state: JobState) -> Result<Option<Job>, StoreError> {
    let jobs = r.list(&BY_KIND, &Walk::prefix(Key::new().with(kind)))?;
    for job in jobs {
        let job = job?;
        if job.state == state {
            return Ok(Some(job));
        }
    }
    Ok(None)
}

/// The jobs somebody asked for, newest first.
pub fn of_creator(
    r: &Read<'_>,
    creator: Option<SubjectId>,
    limit: usize,
) -> Result<Vec<Job>, StoreError> {
    let prefix = Key::new().with(creator.unwrap_or(SYSTEM_SUBJECT));
    r.list(&BY_CREATOR, &Walk::prefix(prefix))?
        .take(limit)
        .collect()
}

/// Waiting jobs that are due, oldest due time first.
pub(super) fn due(r: &Read<'_>, now: Timestamp) -> Result<Vec<Job>, StoreError> {
    let mut due = Vec::new();
    for job in in_state(r, JobState::Queued)? {
        let job = job?;
        if job.run_after > now {
            break;
        }
        due.push(job);
    }
    Ok(due)
}

/// All jobs in a state, in order of due time.
pub(super) fn in_state<'a>(
    r: &Read<'a>,
    state: JobState,
) -> Result<impl Iterator<Item = Result<Job, StoreError>> + 'a, StoreError> {
    r.list(&BY_STATE, &Walk::prefix(Key::new().with(state as u8)))
}
