//! The archive's part of the stage.

use serde_json::{Map, Value};

use super::page::local_day;
use crate::{
    kit::Timestamp,
    wecom::{
        archive::{Body, Message},
        sim::state::World,
    },
};

/// Messages that are shown.
const MESSAGES_SHOWN: u64 = 12;
/// Characters of one that are shown.
const TEXT_CHARS: usize = 60;

/// What the page shows of the archive.
pub(super) struct ArchiveView {
    /// How many messages there are.
    pub count: u64,
    /// Version and beginning of the fingerprint of each public key.
    pub keys: Vec<(usize, String)>,
    /// Seconds between messages that come by themselves.
    pub every: u64,
    /// Messages are gone after five days.
    pub five_days: bool,
    /// The errcode of all calls, 0 if they are served.
    pub refusal: i64,
    /// Rooms of colleagues.
    pub rooms: Vec<(String, String)>,
    /// The latest messages, the newest first.
    pub latest: Vec<Said>,
}

/// A message in the list.
pub(super) struct Said {
    pub time: String,
    pub from: String,
    pub to: String,
    pub kind: String,
    pub text: String,
}

impl ArchiveView {
    pub fn of(world: &World) -> Self {
        let archive = &world.archive;
        let last = archive.len();
        let seqs = (last.saturating_sub(MESSAGES_SHOWN) + 1..=last).rev();
        let message = |seq| archive.message(seq, &world.book);
        Self {
            count: last,
            keys: (1..).zip(archive.keys()).collect(),
            every: archive.every_s(),
            five_days: archive.is_five_days(),
            refusal: archive.refusal().unwrap_or(0),
            rooms: world.internal_rooms(),
            latest: seqs
                .filter_map(message)
                .filter_map(|message| said(message, world))
                .collect(),
        }
    }
}

fn said(message: Map<String, Value>, world: &World) -> Option<Said> {
    let message = Message::from_fields(message).ok()?;
    let body = Body::decode(message.kind, &message.rest);
    let words = body.text_to_index().replace('\n', " ");
    let cut = words.chars().count() > TEXT_CHARS;
    let text = words.chars().take(TEXT_CHARS);
    let to = match &message.room {
        Some(room) => room_name(world, room),
        None => message
            .to
            .first()
            .map_or(String::new(), |id| world.called(id)),
    };
    Some(Said {
        time: local_day(Timestamp::from_ms(message.at_ms)),
        from: world.called(&message.from),
        to,
        kind: message.msgtype().to_owned(),
        text: text.chain(cut.then_some('…')).collect(),
    })
}

fn room_name(world: &World, id: &str) -> String {
    let group = world.groups.get(id).map(|group| group.name.clone());
    let rooms = world.internal_rooms();
    let internal = || rooms.into_iter().find(|(known, _)| known == id);
    let name = group.or_else(|| internal().map(|(_, name)| name));
    name.filter(|name| !name.is_empty())
        .unwrap_or_else(|| id.to_owned())
}
