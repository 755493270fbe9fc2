//! moments: what is published; moment-parts: what each member makes of it; moment-looks: when
//! WeCom is next asked about one; moment-asked: when it was last asked about a part.

use crate::{
    org::MemberId,
    store::{AuditView, Class, Desc, Entity, Index, Key, SYSTEM_SUBJECT, SubjectId, TableSpec},
};

use super::model::{Asked, Look, Moment, MomentId, Part};

/// The tables.
pub(super) const TABLES: [TableSpec; 4] = [
    TableSpec::of::<Moment>(),
    TableSpec::of::<Part>(),
    TableSpec::of::<Look>(),
    TableSpec::of::<Asked>(),
];

/// Moments, newest first.
pub(super) const BY_TIME: Index<Moment> = Index::new("moments-1.by_time", |m, _| {
    vec![Key::new().with(Desc(m.created_at))]
});

/// Moments with which something is still to happen.
pub(super) const ACTIVE: Index<Moment> = Index::new("moments-1.active", |m, _| {
    let is_active = m.state.is_active();
    is_active
        .then(|| Key::new().with(m.state as u8))
        .into_iter()
        .collect()
});

fn named<T: ToString>(ids: &[T]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

impl Entity for Moment {
    const KIND: &'static str = "moment";
    const TABLE: &'static str = "moments-1";
    const CLASS: Class = Class::Record;
    type Key = MomentId;

    fn key(&self) -> MomentId {
        self.id
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(SYSTEM_SUBJECT)
    }
    fn indexes() -> &'static [Index<Self>] {
        &[BY_TIME, ACTIVE]
    }
    fn audit_view(&self) -> AuditView {
        let decided = self.approval.as_ref().and_then(|a| a.decided.as_ref());
        let stopped = self.stopped.as_ref();
        vec![
            ("name", self.name.as_str().into()),
            ("text", self.content.text.as_str().into()),
            ("attachments", named(&self.content.attachments).into()),
            ("members", named(&self.range.members).into()),
            ("departments", named(&self.range.departments).into()),
            ("tags", named(&self.range.tags).into()),
            ("state", self.state.code().into()),
            ("send_at", self.send_at.map(|at| at.ms()).into()),
            ("senders", self.senders.len().into()),
            ("audience", self.audience.into()),
            ("moment_id", self.moment_id.as_str().into()),
            ("granted", decided.map(|d| d.is_granted).into()),
            (
                "decided_by",
                decided.and_then(|d| d.by).map(|by| by.to_string()).into(),
            ),
            (
                "stopped",
                stopped.map(|stop| stop.why.code().to_owned()).into(),
            ),
            ("cancelled_at", self.cancelled_at.map(|at| at.ms()).into()),
        ]
    }
}

impl Entity for Part {
    const KIND: &'static str = "moment_part";
    const TABLE: &'static str = "moment-parts-1";
    const CLASS: Class = Class::Record;
    type Key = (MomentId, MemberId);

    fn key(&self) -> (MomentId, MemberId) {
        (self.moment, self.member)
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("moment", self.moment.to_string().into()),
            ("member", self.member.to_string().into()),
            ("state", self.state.code().into()),
            ("published_at", self.published_at.map(|at| at.ms()).into()),
            ("visible", self.visible.into()),
            ("comments", self.comments.into()),
            ("likes", self.likes.into()),
        ]
    }
}

/// Looks by the time at which they are due.
pub(super) const DUE: Index<Look> = Index::new("moment-looks-1.due", |l, _| {
    vec![Key::new().with(l.next_at)]
});

impl Entity for Look {
    const KIND: &'static str = "moment_look";
    const TABLE: &'static str = "moment-looks-1";
    const CLASS: Class = Class::Machinery;
    type Key = MomentId;

    fn key(&self) -> MomentId {
        self.moment
    }
    fn indexes() -> &'static [Index<Self>] {
        &[DUE]
    }
}

impl Entity for Asked {
    const KIND: &'static str = "moment_asked";
    const TABLE: &'static str = "moment-asked-1";
    const CLASS: Class = Class::Machinery;
    type Key = (MomentId, MemberId);

    fn key(&self) -> (MomentId, MemberId) {
        (self.moment, self.member)
    }
}
