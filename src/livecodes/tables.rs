//! live-codes: LiveCodeId → LiveCode · live-code-channels · live-code-ways, each with its
//! picture in live-code-pictures · scans: code and place → Scan · live-code-turns.

use crate::store::{AuditView, Class, Entity, Index, Key, TableSpec};

use super::{
    Channel, ChannelId, LiveCode, LiveCodeId, Scan,
    model::CodeState,
    scan::Turn,
    way::{Bytes, Target, Way, WayId},
};

/// Codes by channel.
pub(super) const CODE_BY_CHANNEL: Index<LiveCode> =
    Index::new("live-codes-1.by_channel", |code, _| {
        let channel = code.channel.map(|channel| Key::new().with(channel));
        channel.into_iter().collect()
    });

/// The ways of a code.
pub(super) const WAY_BY_CODE: Index<Way> = Index::new("live-code-ways-1.by_code", |way, _| {
    vec![Key::new().with(way.code)]
});

/// Ways whose picture is to be fetched.
pub(super) const WAY_WITHOUT_PICTURE: Index<Way> =
    Index::new("live-code-ways-1.by_lack", |way, _| {
        let lacks = way.is_wanted && way.is_made() && way.picture.is_none();
        lacks.then(Key::new).into_iter().collect()
    });

impl Entity for LiveCode {
    const KIND: &'static str = "live_code";
    const TABLE: &'static str = "live-codes-1";
    const CLASS: Class = Class::Record;
    type Key = LiveCodeId;

    fn key(&self) -> LiveCodeId {
        self.id
    }
    fn indexes() -> &'static [Index<Self>] {
        &[CODE_BY_CHANNEL]
    }
    fn audit_view(&self) -> AuditView {
        let seat = |seat: &super::Seat| {
            let cap = seat.daily_cap.map_or("-".to_owned(), |cap| cap.to_string());
            let spare = if seat.is_spare { " spare" } else { "" };
            format!("{} {} {cap}{spare}", seat.member, seat.weight)
        };
        let window = |window: &super::Window| {
            let members = window.members.iter().map(ToString::to_string);
            let members: Vec<String> = members.collect();
            let (days, from, until) = (window.days, window.from, window.until);
            format!("{days:07b} {from}-{until} {}", members.join(" "))
        };
        let room = |room: &super::Room| format!("{} {}", room.group, room.threshold);
        let welcome = self.welcome.as_ref();
        let attachments = welcome.map_or(&[][..], |welcome| &welcome.attachments);
        let tags: Vec<String> = self.tags.iter().map(ToString::to_string).collect();
        let seats: Vec<String> = self.seats.iter().map(seat).collect();
        let schedule: Vec<String> = self.schedule.iter().map(window).collect();
        let rooms: Vec<String> = self.rooms.iter().map(room).collect();
        let attachments: Vec<String> = attachments.iter().map(ToString::to_string).collect();
        vec![
            ("kind", self.kind.code().into()),
            ("name", self.name.as_str().into()),
            ("state", self.state.code().into()),
            ("unit", self.unit.map(|id| id.to_string()).into()),
            ("channel", self.channel.map(|id| id.to_string()).into()),
            ("tags", tags.into()),
            ("remark_prefix", self.remark_prefix.as_str().into()),
            ("welcome", welcome.map(|w| w.text.as_str()).into()),
            ("attachments", attachments.into()),
            ("expires_at", self.expires_at.map(|at| at.ms()).into()),
            ("staff", seats.into()),
            ("skip_verify", self.skip_verify.into()),
            ("schedule", schedule.into()),
            ("groups", rooms.into()),
            (
                "auto_group",
                self.auto_room
                    .as_ref()
                    .map(|auto| auto.name.as_str())
                    .into(),
            ),
            (
                "archived_at",
                match self.state {
                    CodeState::Archived { at } => at.ms().into(),
                    _ => serde_json::Value::Null,
                },
            ),
        ]
    }
}

/// Channels below a channel; those at the top stand below the number 0.
pub(super) const CHANNEL_BY_PARENT: Index<Channel> =
    Index::new("live-code-channels-1.by_parent", |channel, _| {
        let parent = channel.parent.map_or(0, ChannelId::bits);
        vec![Key::new().with(parent)]
    });

impl Entity for Channel {
    const KIND: &'static str = "channel";
    const TABLE: &'static str = "live-code-channels-1";
    const CLASS: Class = Class::Record;
    type Key = ChannelId;

    fn key(&self) -> ChannelId {
        self.id
    }
    fn indexes() -> &'static [Index<Self>] {
        &[CHANNEL_BY_PARENT]
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("name", self.name.as_str().into()),
            ("parent", self.parent.map(|id| id.to_string()).into()),
        ]
    }
}

impl Entity for Way {
    const KIND: &'static str = "live_way";
    const TABLE: &'static str = "live-code-ways-1";
    const CLASS: Class = Class::Record;
    type Key = WayId;

    fn key(&self) -> WayId {
        self.id
    }
    fn indexes() -> &'static [Index<Self>] {
        &[WAY_BY_CODE, WAY_WITHOUT_PICTURE]
    }
    fn audit_view(&self) -> AuditView {
        let (kind, of) = match self.target {
            Target::Direct => ("direct", None),
            Target::Member(member) => ("member", Some(member.to_string())),
            Target::Group(group) => ("group", Some(group.to_string())),
        };
        vec![
            ("code", self.code.to_string().into()),
            ("adds", kind.into()),
            ("of", of.into()),
            ("config_id", self.config_id.as_str().into()),
            (
                "picture",
                self.picture.as_ref().map(|p| hex::encode(p.sha256)).into(),
            ),
            ("wanted", self.is_wanted.into()),
            ("behind", self.is_behind.into()),
        ]
    }
}

impl Entity for Bytes {
    const KIND: &'static str = "live_picture";
    const TABLE: &'static str = "live-code-pictures-1";
    const CLASS: Class = Class::Covered;
    type Key = WayId;

    fn key(&self) -> WayId {
        self.way
    }
}

impl Entity for Scan {
    const KIND: &'static str = "scan";
    const TABLE: &'static str = "scans-1";
    const CLASS: Class = Class::Machinery;
    type Key = (LiveCodeId, u64);

    fn key(&self) -> (LiveCodeId, u64) {
        self.key
    }
}

impl Entity for Turn {
    const KIND: &'static str = "live_turn";
    const TABLE: &'static str = "live-code-turns-1";
    const CLASS: Class = Class::Machinery;
    type Key = LiveCodeId;

    fn key(&self) -> LiveCodeId {
        self.code
    }
}

/// The slice's tables.
pub(crate) const TABLES: [TableSpec; 6] = [
    TableSpec::of::<LiveCode>(),
    TableSpec::of::<Channel>(),
    TableSpec::of::<Way>(),
    TableSpec::of::<Bytes>(),
    TableSpec::of::<Scan>(),
    TableSpec::of::<Turn>(),
];
