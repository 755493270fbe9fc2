//! Who does what: the first argument of every write.

use std::{
    net::IpAddr,
    sync::{Arc, OnceLock},
};

use crate::kit::{Id, OperationId};

/// A person whose data is held: a customer, a member, an account. Each has a key of its own
/// under which everything personal is sealed; erasing the key erases the person.
pub struct Subject;

/// See [`Subject`]. The same 64 bits as the id of the entity that stands for the person.
pub type SubjectId = Id<Subject>;

/// The key for what belongs to nobody in particular, e.g. lists of ids.
pub const SYSTEM_SUBJECT: SubjectId = Id::from_bits(0);

/// Who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Somebody with an account.
    Account(SubjectId),
    /// Qitai itself, for this named reason, e.g. `sync` or `schedule`.
    System(&'static str),
    /// Somebody not signed in.
    Nobody,
}

impl Actor {
    /// `account:<id>`, `system:<reason>` or `nobody`, as in the audit trail.
    pub fn text(&self) -> String {
        match self {
            Self::Account(id) => format!("account:{id}"),
            Self::System(reason) => format!("system:{reason}"),
            Self::Nobody => "nobody".to_owned(),
        }
    }

    /// Whose key seals what is known about the actor.
    pub fn subject(&self) -> SubjectId {
        match self {
            Self::Account(id) => *id,
            Self::System(_) | Self::Nobody => SYSTEM_SUBJECT,
        }
    }
}

/// The way in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// A browser.
    Web,
    /// The JSON API.
    Api,
    /// The command line.
    Cli,
    /// A background job.
    Job,
}

impl Channel {
    /// The word in the audit trail.
    pub fn code(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Api => "api",
            Self::Cli => "cli",
            Self::Job => "job",
        }
    }
}

/// From where an act came.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The way in.
    pub channel: Channel,
    /// The peer's address; committed, never in clear.
    pub ip: Option<IpAddr>,
    /// The device as it names itself; committed, never in clear.
    pub device: Option<String>,
    /// The request's number, the same as in log and error page.
    pub request: String,
    /// The operation the request is to carry out, once; set when its form has been read.
    pub operation: Arc<OnceLock<OperationId>>,
}

impl Origin {
    /// An origin without a peer: jobs and the command line.
    pub fn local(channel: Channel, request: impl Into<String>) -> Self {
        Self {
            channel,
            ip: None,
            device: None,
            request: request.into(),
            operation: Arc::default(),
        }
    }
}

/// Whether an act changes records or shows what is personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActKind {
    /// Leaves an audit entry only if a record changed.
    Change,
    /// Always leaves an audit entry: reading personal data, signing in, exporting.
    Record,
}

/// A thing an act is about: kind and public id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRef {
    /// The entity's kind, e.g. `customer`.
    pub kind: &'static str,
    /// Its key as text; ids only, nothing personal.
    pub id: String,
}

/// A value the audit entry commits to without showing it.
#[derive(Debug, Clone)]
pub struct Detail {
    /// The name of the commitment, e.g. `query`, `reason`, `ids`.
    pub field: &'static str,
    /// The value.
    pub value: String,
    /// Whose key seals the value.
    pub subject: SubjectId,
}

/// Who does what to which things, from where. Nothing is written without one.
#[derive(Debug, Clone)]
pub struct Act {
    /// Stable code, `<what>.<verb>`, e.g. `customer.view`.
    pub code: &'static str,
    /// Whether an entry is left even if nothing changes.
    pub kind: ActKind,
    /// Who.
    pub actor: Actor,
    /// The role in which the actor acts; a stable code.
    pub role: String,
    /// On whose behalf, where that differs.
    pub on_behalf: Option<Actor>,
    /// The things named by the caller; changed records are added by the store.
    pub objects: Vec<ObjectRef>,
    /// From where.
    pub origin: Origin,
    /// Values committed to.
    pub details: Vec<Detail>,
}

impl Act {
    /// A change by the system itself.
    pub fn by_system(code: &'static str, reason: &'static str) -> Self {
        Self {
            code,
            kind: ActKind::Change,
            actor: Actor::System(reason),
            role: "system".to_owned(),
            on_behalf: None,
            objects: Vec::new(),
            origin: Origin::local(Channel::Job, ""),
            details: Vec::new(),
        }
    }

    /// The same act, leaving an entry even if no record changes.
    pub fn recorded(mut self) -> Self {
        self.kind = ActKind::Record;
        self
    }

    /// Names a thing the act is about.
    pub fn about(mut self, kind: &'static str, id: impl std::fmt::Display) -> Self {
        self.objects.push(ObjectRef {
            kind,
            id: id.to_string(),
        });
        self
    }

    /// Commits to a value sealed under the actor's key, e.g. the text of a search.
    pub fn detail(mut self, field: &'static str, value: impl Into<String>) -> Self {
        let subject = self.actor.subject();
        self.details.push(Detail {
            field,
            value: value.into(),
            subject,
        });
        self
    }

    /// Commits to a value sealed under the system's key, e.g. the ids a list page showed.
    pub fn system_detail(mut self, field: &'static str, value: impl Into<String>) -> Self {
        self.note(field, value);
        self
    }

    /// The same of an act that is under way.
    pub fn note(&mut self, field: &'static str, value: impl Into<String>) {
        self.details.push(Detail {
            field,
            value: value.into(),
            subject: SYSTEM_SUBJECT,
        });
    }
}

/// How an act ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Ok,
    /// It was refused for want of a right; nothing changed.
    Denied,
}

impl Outcome {
    /// The word in the audit trail.
    pub fn code(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Denied => "denied",
        }
    }
}
