//! broadcasts, broadcast-tasks: what is sent and who sends it; broadcast-looks: when WeCom is
//! next asked about a task.

use crate::store::{
    AuditView, Class, Desc, Entity, Index, Key, SYSTEM_SUBJECT, SubjectId, TableSpec,
};

use super::model::{Broadcast, BroadcastId, Look, Task};

/// The tables.
pub(super) const TABLES: [TableSpec; 3] = [
    TableSpec::of::<Broadcast>(),
    TableSpec::of::<Task>(),
    TableSpec::of::<Look>(),
];

/// Broadcasts, newest first.
pub(super) const BY_TIME: Index<Broadcast> = Index::new("broadcasts-1.by_time", |b, _| {
    vec![Key::new().with(Desc(b.created_at))]
});

/// Broadcasts with which something is still to happen.
pub(super) const ACTIVE: Index<Broadcast> = Index::new("broadcasts-1.active", |b, _| {
    let is_active = b.state.is_active();
    is_active
        .then(|| Key::new().with(b.state as u8))
        .into_iter()
        .collect()
});

impl Entity for Broadcast {
    const KIND: &'static str = "broadcast";
    const TABLE: &'static str = "broadcasts-1";
    const CLASS: Class = Class::Record;
    type Key = BroadcastId;

    fn key(&self) -> BroadcastId {
        self.id
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(SYSTEM_SUBJECT)
    }
    fn indexes() -> &'static [Index<Self>] {
        &[BY_TIME, ACTIVE]
    }
    fn audit_view(&self) -> AuditView {
        let assets = self.content.attachments.iter();
        let assets: Vec<String> = assets.map(ToString::to_string).collect();
        let decided = self.approval.as_ref().and_then(|a| a.decided.as_ref());
        vec![
            ("name", self.name.as_str().into()),
            ("text", self.content.text.as_str().into()),
            ("attachments", assets.into()),
            ("audience", self.audience.digest().into()),
            ("state", self.state.code().into()),
            ("send_at", self.send_at.map(|at| at.ms()).into()),
            ("begins_at", self.begins_at.map(|at| at.ms()).into()),
            ("senders", self.senders.len().into()),
            ("granted", decided.map(|d| d.is_granted).into()),
            (
                "decided_by",
                decided.and_then(|d| d.by).map(|by| by.to_string()).into(),
            ),
        ]
    }
}

impl Entity for Task {
    const KIND: &'static str = "broadcast_task";
    const TABLE: &'static str = "broadcast-tasks-1";
    const CLASS: Class = Class::Record;
    type Key = (BroadcastId, u32);

    fn key(&self) -> (BroadcastId, u32) {
        (self.broadcast, self.no)
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("member", self.member.to_string().into()),
            ("msgid", self.msgid.as_str().into()),
            ("sent_at", self.sent_at.map(|at| at.ms()).into()),
            ("cancelled_at", self.cancelled_at.map(|at| at.ms()).into()),
            ("reminders", self.reminded_at.len().into()),
        ]
    }
}

/// Looks by the time at which they are due.
pub(super) const DUE: Index<Look> = Index::new("broadcast-looks-1.due", |l, _| {
    vec![Key::new().with(l.next_at)]
});

impl Entity for Look {
    const KIND: &'static str = "broadcast_look";
    const TABLE: &'static str = "broadcast-looks-1";
    const CLASS: Class = Class::Machinery;
    type Key = (BroadcastId, u32);

    fn key(&self) -> (BroadcastId, u32) {
        (self.broadcast, self.no)
    }
    fn indexes() -> &'static [Index<Self>] {
        &[DUE]
    }
}
