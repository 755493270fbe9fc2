//! The archive's tables. Messages lie in stretches, sealed for whom they are about; the pulls
//! that brought them are audited and fed in their place.

use crate::store::{
    AuditView, Class, Desc, Entity, Index, Key, SYSTEM_SUBJECT, SubjectId, TableSpec, Vault,
};

use super::{
    model::{
        ArchiveSettings, Chat, Consent, Cursor, Gap, KeyVersion, Leftover, Media, MediaState,
        Opening, Parked, Party, Place, Pull, Seat, Tally,
    },
    stretch::Stretch,
    tell::LastTold,
    viewed::Viewed,
};

/// The key of tables with one row.
pub(super) const FIRM: &str = "firm";

/// The slice's tables.
pub(super) const TABLES: [TableSpec; 17] = [
    TableSpec::of::<Party>(),
    TableSpec::of::<Chat>(),
    TableSpec::of::<Stretch>(),
    TableSpec::of::<Pull>(),
    TableSpec::of::<Parked>(),
    TableSpec::of::<Cursor>(),
    TableSpec::of::<Tally>(),
    TableSpec::of::<Seat>(),
    TableSpec::of::<Gap>(),
    TableSpec::of::<Consent>(),
    TableSpec::of::<KeyVersion>(),
    TableSpec::of::<ArchiveSettings>(),
    TableSpec::of::<Media>(),
    TableSpec::of::<Opening>(),
    TableSpec::of::<Leftover>(),
    TableSpec::of::<Viewed>(),
    TableSpec::of::<LastTold>(),
];

/// The party with an id of WeCom's.
pub(super) const PARTY_BY_WECOM_ID: Index<Party> =
    Index::unique("archive-parties-1.by_wecom_id", |p, vault| {
        vec![wecom_key(vault, &p.wecom_id)]
    });

/// The parties that stand for a person.
pub(super) const PARTY_BY_SUBJECT: Index<Party> =
    Index::new("archive-parties-1.by_subject", |p, _| {
        vec![Key::new().with(p.subject)]
    });

/// The key of an id in [`PARTY_BY_WECOM_ID`].
pub(super) fn wecom_key(vault: &Vault, wecom_id: &str) -> Key {
    Key::new().with(vault.blind("archive-parties-1.by_wecom_id", wecom_id.as_bytes()))
}

impl Entity for Party {
    const KIND: &'static str = "archive_party";
    const TABLE: &'static str = "archive-parties-1";
    const CLASS: Class = Class::Covered;
    type Key = u32;

    fn key(&self) -> u32 {
        self.no
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(self.subject)
    }
    fn indexes() -> &'static [Index<Self>] {
        &[PARTY_BY_WECOM_ID, PARTY_BY_SUBJECT]
    }
}

/// Conversations by the id in addresses.
pub(super) const CHAT_BY_ID: Index<Chat> =
    Index::unique("archive-chats-1.by_id", |c, _| vec![Key::new().with(c.id)]);

/// The conversation of a place.
pub(super) const CHAT_BY_PLACE: Index<Chat> =
    Index::unique("archive-chats-1.by_place", |c, vault| {
        vec![place_key(vault, &c.place)]
    });

/// The conversations of a party.
pub(super) const CHAT_BY_PARTY: Index<Chat> = Index::new("archive-chats-1.by_party", |c, _| {
    let people = c.staff.iter().chain(&c.others);
    people.map(|no| Key::new().with(*no)).collect()
});

/// The key of a place in [`CHAT_BY_PLACE`].
pub(super) fn place_key(vault: &Vault, place: &Place) -> Key {
    match place {
        Place::OneToOne(a, b) => Key::new().with(0u8).with(*a).with(*b),
        Place::Room(id) => Key::new()
            .with(1u8)
            .with(vault.blind("archive-chats-1.by_place", id.as_bytes())),
        Place::Alone(party) => Key::new().with(2u8).with(*party),
    }
}

impl Entity for Chat {
    const KIND: &'static str = "archive_chat";
    const TABLE: &'static str = "archive-chats-1";
    const CLASS: Class = Class::Covered;
    type Key = u32;

    fn key(&self) -> u32 {
        self.no
    }
    fn indexes() -> &'static [Index<Self>] {
        &[CHAT_BY_ID, CHAT_BY_PLACE, CHAT_BY_PARTY]
    }
}

impl Entity for Stretch {
    const KIND: &'static str = "archive_stretch";
    const TABLE: &'static str = "archive-stretches-1";
    const CLASS: Class = Class::Covered;
    type Key = (u32, u64);

    fn key(&self) -> (u32, u64) {
        (self.chat, self.first())
    }
}

impl Entity for Pull {
    const KIND: &'static str = "archive_pull";
    const TABLE: &'static str = "archive-pulls-1";
    const CLASS: Class = Class::Record;
    type Key = u64;

    fn key(&self) -> u64 {
        self.no
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("why", self.why.code().into()),
            ("first_seq", self.first_seq.into()),
            ("last_seq", self.last_seq.into()),
            ("messages", self.messages.into()),
            ("parked", self.parked.into()),
            ("skipped", self.skipped.into()),
            ("root", hex::encode(self.root).into()),
        ]
    }
}

/// Parked messages by the version of the key they wait for.
pub(super) const PARKED_BY_VERSION: Index<Parked> =
    Index::new("archive-parked-1.by_version", |p, _| {
        vec![Key::new().with(p.key_version)]
    });

impl Entity for Parked {
    const KIND: &'static str = "archive_parked";
    const TABLE: &'static str = "archive-parked-1";
    const CLASS: Class = Class::Covered;
    type Key = u64;

    fn key(&self) -> u64 {
        self.seq
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(SYSTEM_SUBJECT)
    }
    fn indexes() -> &'static [Index<Self>] {
        &[PARKED_BY_VERSION]
    }
}

impl Entity for Cursor {
    const KIND: &'static str = "archive_cursor";
    const TABLE: &'static str = "archive-cursor-1";
    const CLASS: Class = Class::Machinery;
    type Key = String;

    fn key(&self) -> String {
        FIRM.to_owned()
    }
}

impl Entity for Tally {
    const KIND: &'static str = "archive_tally";
    const TABLE: &'static str = "archive-tallies-1";
    const CLASS: Class = Class::Covered;
    type Key = (u32, u32);

    fn key(&self) -> (u32, u32) {
        (self.day, self.staff)
    }
}

impl Entity for Seat {
    const KIND: &'static str = "archive_seat";
    const TABLE: &'static str = "archive-seats-1";
    const CLASS: Class = Class::Record;
    type Key = u32;

    fn key(&self) -> u32 {
        self.party
    }
    fn audit_view(&self) -> AuditView {
        let spans = self.spans.iter().map(|span| (span.from, span.to));
        vec![("spans", serde_json::json!(spans.collect::<Vec<_>>()))]
    }
}

impl Entity for Gap {
    const KIND: &'static str = "archive_gap";
    const TABLE: &'static str = "archive-gaps-1";
    const CLASS: Class = Class::Covered;
    type Key = (u32, u64);

    fn key(&self) -> (u32, u64) {
        (self.day, self.first)
    }
}

/// Where people stand, by what they said, the newest word first.
pub(super) const CONSENT_BY_ANSWER: Index<Consent> =
    Index::new("archive-consents-2.by_answer", |c, _| {
        vec![Key::new().with(c.answer as u8).with(Desc(c.at))]
    });

/// Where people stand towards one member or in one room.
pub(super) const CONSENT_BY_TOWARDS: Index<Consent> =
    Index::new("archive-consents-2.by_towards", |c, _| {
        vec![Key::new().with(c.towards.number())]
    });

impl Entity for Consent {
    const KIND: &'static str = "archive_consent";
    const TABLE: &'static str = "archive-consents-2";
    const CLASS: Class = Class::Record;
    type Key = (u32, u64);

    fn key(&self) -> (u32, u64) {
        (self.party, self.towards.number())
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(self.subject)
    }
    fn indexes() -> &'static [Index<Self>] {
        &[CONSENT_BY_ANSWER, CONSENT_BY_TOWARDS]
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("answer", self.answer.code().into()),
            ("at", self.at.ms().into()),
        ]
    }
}

impl Entity for KeyVersion {
    const KIND: &'static str = "archive_key";
    const TABLE: &'static str = "archive-keys-1";
    const CLASS: Class = Class::Record;
    type Key = u32;

    fn key(&self) -> u32 {
        self.version
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(SYSTEM_SUBJECT)
    }
    fn audit_view(&self) -> AuditView {
        vec![("fingerprint", self.fingerprint.as_str().into())]
    }
}

impl Entity for ArchiveSettings {
    const KIND: &'static str = "archive_settings";
    const TABLE: &'static str = "archive-settings-1";
    const CLASS: Class = Class::Record;
    type Key = String;

    fn key(&self) -> String {
        FIRM.to_owned()
    }
    fn audit_view(&self) -> AuditView {
        vec![
            ("library", self.library.as_str().into()),
            ("digest", self.digest.as_deref().into()),
            ("on", self.is_on.into()),
            ("tells", self.tells.into()),
        ]
    }
}

/// Files to be fetched, by the time of the next attempt.
pub(super) const MEDIA_DUE: Index<Media> = Index::new("archive-media-1.due", |m, _| {
    let is_waiting = m.state == MediaState::Waiting;
    is_waiting
        .then(|| Key::new().with(m.next_at))
        .into_iter()
        .collect()
});

impl Entity for Media {
    const KIND: &'static str = "archive_media";
    const TABLE: &'static str = "archive-media-1";
    const CLASS: Class = Class::Covered;
    type Key = (u64, u8);

    fn key(&self) -> (u64, u8) {
        (self.seq, self.place)
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(self.subject)
    }
    fn indexes() -> &'static [Index<Self>] {
        &[MEDIA_DUE]
    }
}

impl Entity for Opening {
    const KIND: &'static str = "archive_opening";
    const TABLE: &'static str = "archive-openings-1";
    const CLASS: Class = Class::Machinery;
    type Key = (u64, u32);

    fn key(&self) -> (u64, u32) {
        (self.account.bits(), self.chat)
    }
    fn subject(&self) -> Option<SubjectId> {
        Some(self.account)
    }
}

impl Entity for Leftover {
    const KIND: &'static str = "archive_leftover";
    const TABLE: &'static str = "archive-leftovers-1";
    const CLASS: Class = Class::Machinery;
    type Key = [u8; 32];

    fn key(&self) -> [u8; 32] {
        self.sha256
    }
}
