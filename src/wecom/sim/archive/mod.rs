//! 会话内容存档: the firm's chats, closed with the firm's public key.
//!
//! The history is a rule (`story`), not a list; what is said after the start is kept in order.
//! A message's number is its place in both, so that a second start tells the same.
//!
//! Source: WeCom documentation, 会话内容存档.

mod api;
mod bodies;
mod cast;
mod media;
mod plan;
mod scripts;
mod story;
mod words;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value};

use super::{
    callbacks::Notice,
    firm::{Book, GroupChat, Org, Rng},
    routes::Route,
    state::World,
};
use crate::wecom::archive::{KeyError, PublicKey};

use cast::{Cast, Person, Room};
use plan::Plan;
use story::Story;

/// The calls of this area.
pub const AREAS: [&[Route]; 1] = [api::ROUTES];

/// WeCom keeps messages for so many days.
const KEPT_MS: i64 = 5 * 86_400_000;
/// `msgaudit_notify` comes at most so often, in seconds.
const NOTICE_S: i64 = 15;
/// After a new public key old and new ones alternate for this long.
const CHANGE_MS: i64 = 60_000;
/// The archive's own app, which events name.
const AGENT: u64 = 2_000_004;

/// What chats there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArchiveOptions {
    /// Messages of the history, in the half year before the start.
    pub messages: u64,
    /// A new message comes every so many seconds; 0 for none.
    pub arrivals_s: u64,
    /// Older messages than five days are gone, as at WeCom.
    pub five_days: bool,
    /// Whoever would send a file writes instead: what messages alone cost can be measured.
    pub words_only: bool,
}

/// What only the archive knows.
#[derive(Debug, Clone)]
pub struct State {
    story: Arc<Story>,
    /// Public keys by version (the first is 1), and since when, milliseconds.
    keys: Vec<(i64, PublicKey)>,
    /// What has been said since the start.
    live: Vec<Entry>,
    /// When messages came by themselves, seconds.
    arrivals: Vec<i64>,
    /// When the next one comes, seconds; and how often.
    next_s: i64,
    every_s: u64,
    five_days: bool,
    /// Refuses all calls with this errcode.
    refusal: Option<i64>,
    /// When somebody was last told of messages, seconds.
    told_s: i64,
    untold: bool,
    /// Customers who have agreed or refused since the start, and when, seconds.
    consents: BTreeMap<String, (bool, i64)>,
}

#[derive(Debug, Clone)]
enum Entry {
    /// Came by itself; its number among these.
    Arrived(usize),
    /// Somebody wrote it on the stage.
    Written {
        at_ms: i64,
        message: Box<Map<String, Value>>,
    },
}

impl State {
    /// The archive of this firm at `now_s` (seconds).
    pub fn new(
        seed: u64,
        now_s: i64,
        (org, book, groups): (&Org, &Book, &BTreeMap<String, GroupChat>),
        options: ArchiveOptions,
    ) -> Self {
        let plan = Plan::new(options.messages, now_s);
        let story = Story {
            seed,
            cast: Cast::new(seed, org, book, groups, &plan),
            plan,
            library: media::Library::default(),
            words_only: options.words_only,
        };
        Self {
            story: Arc::new(story),
            keys: Vec::new(),
            live: Vec::new(),
            arrivals: Vec::new(),
            next_s: now_s + i64::try_from(options.arrivals_s).unwrap_or(0),
            every_s: options.arrivals_s,
            five_days: options.five_days,
            refusal: None,
            told_s: 0,
            untold: false,
            consents: BTreeMap::new(),
        }
    }

    /// How many messages there are; the seq of the last one.
    pub fn len(&self) -> u64 {
        self.story.plan.count + u64::try_from(self.live.len()).unwrap_or(0)
    }

    /// When the message with this seq was written, milliseconds.
    pub fn at_ms(&self, seq: u64) -> i64 {
        let index = seq.saturating_sub(1);
        match self.later(index) {
            None => self.story.at_ms(index),
            Some(Entry::Arrived(number)) => self.arrival_ms(*number),
            Some(Entry::Written { at_ms, .. }) => *at_ms,
        }
    }

    fn later(&self, index: u64) -> Option<&Entry> {
        let behind = index.checked_sub(self.story.plan.count)?;
        self.live.get(usize::try_from(behind).ok()?)
    }

    /// Arrivals are a second apart at least; they lie somewhere in theirs.
    fn arrival_ms(&self, number: usize) -> i64 {
        let within = Rng::of(self.story.seed, 67, number as u64).below(1000);
        let at_s = self.arrivals.get(number).copied().unwrap_or(0);
        at_s * 1000 + i64::try_from(within).unwrap_or(0)
    }

    /// The open message with this seq.
    pub fn message(&self, seq: u64, book: &Book) -> Option<Map<String, Value>> {
        let index = seq.checked_sub(1).filter(|_| seq <= self.len())?;
        let number = match self.later(index) {
            Some(Entry::Written { message, .. }) => return Some((**message).clone()),
            Some(Entry::Arrived(number)) => self.story.plan.count + *number as u64,
            None => index,
        };
        let at = |number: u64| match number.checked_sub(self.story.plan.count) {
            Some(arrival) => self.arrival_ms(usize::try_from(arrival).unwrap_or(0)),
            None => self.story.at_ms(number),
        };
        Some(self.story.message(number, &at, book))
    }

    /// The version of the key that closes a message, and the key. What is older than the first
    /// key is closed with that one.
    fn key(&self, seq: u64, at_ms: i64) -> Option<(usize, &PublicKey)> {
        let newer = self.keys.partition_point(|(since, _)| *since <= at_ms);
        let mut at = newer.saturating_sub(1);
        let changes = self.keys.get(at)?.0 + CHANGE_MS > at_ms && newer > 1;
        if changes && seq.is_multiple_of(2) {
            at -= 1;
        }
        Some((at + 1, &self.keys.get(at)?.1))
    }

    /// A new public key, as the console takes it. Answers its version; the same key again does
    /// not make another one.
    ///
    /// # Errors
    /// When it is no RSA key of 2048 bits.
    pub fn upload_key(&mut self, pem: &str, now_ms: i64) -> Result<usize, KeyError> {
        let key = PublicKey::from_pem(pem)?;
        let newest = self.keys.last();
        if newest.is_none_or(|(_, known)| known.fingerprint() != key.fingerprint()) {
            self.keys.push((now_ms, key));
        }
        Ok(self.keys.len())
    }

    /// Fingerprints of the public keys by version.
    pub fn keys(&self) -> Vec<String> {
        self.keys.iter().map(|(_, key)| key.fingerprint()).collect()
    }

    /// A message every so many seconds from now on; 0 for none.
    pub fn set_arrivals(&mut self, every_s: u64, now_s: i64) {
        self.every_s = every_s;
        self.next_s = now_s + i64::try_from(every_s).unwrap_or(0);
    }

    /// Seconds between messages that come by themselves; 0 if none do.
    pub fn every_s(&self) -> u64 {
        self.every_s
    }

    /// Whether messages are gone after five days.
    pub fn is_five_days(&self) -> bool {
        self.five_days
    }

    /// Lets messages go after five days, or keeps them.
    pub fn set_five_days(&mut self, on: bool) {
        self.five_days = on;
    }

    /// Refuses all calls with this errcode; `None` serves them.
    pub fn refuse(&mut self, errcode: Option<i64>) {
        self.refusal = errcode;
    }

    /// The errcode with which calls are refused.
    pub fn refusal(&self) -> Option<i64> {
        self.refusal
    }

    /// The seq before the first message that is still there at `now_ms`.
    fn gone(&self, now_ms: i64) -> u64 {
        if !self.five_days {
            return 0;
        }
        // Times are nearly in order; a few seconds more or less don't matter.
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.at_ms(middle + 1) < now_ms - KEPT_MS {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low
    }

    /// What has come by `now_s`; told of at most every quarter of a minute.
    pub fn pass_time(&mut self, now_s: i64) -> Option<Notice> {
        while self.every_s > 0 && self.next_s <= now_s {
            let number = self.arrivals.len();
            self.arrivals.push(self.next_s);
            self.live.push(Entry::Arrived(number));
            self.untold = true;
            let mut rng = Rng::of(self.story.seed, 68, number as u64);
            let every = usize::try_from(self.every_s).unwrap_or(1);
            let wait = (every / 2 + rng.below(every + 1)).max(1);
            self.next_s += i64::try_from(wait).unwrap_or(1);
        }
        (self.untold && now_s >= self.told_s + NOTICE_S).then(|| {
            self.untold = false;
            self.told_s = now_s;
            Notice::new("msgaudit_notify", "").number("AgentID", AGENT)
        })
    }

    /// Keeps a message that somebody has written; its seq.
    fn keep(&mut self, at_ms: i64, message: Map<String, Value>) -> u64 {
        let message = Box::new(message);
        self.live.push(Entry::Written { at_ms, message });
        self.untold = true;
        self.len()
    }
}

/// What somebody writes on the stage.
#[derive(Debug, Clone, Copy)]
pub struct Writing<'a> {
    /// Who writes: userid or external userid.
    pub from: &'a str,
    /// The other one of a single chat, or the room.
    pub to: &'a str,
    /// `text`, `image`, `voice`, `video`, `file`, or another type of the scripts.
    pub kind: &'a str,
    /// The text, or the name of the file.
    pub text: &'a str,
}

impl World {
    /// Somebody writes; the msgid, or `None` where it is not archived. `Err`: nobody like this.
    pub fn write_in_chat(
        &mut self,
        writing: Writing<'_>,
        now_ms: i64,
    ) -> Result<Option<String>, ()> {
        let room = self.room(writing.to);
        let people = match &room {
            Some(room) => room.people.clone(),
            None => vec![
                self.person(writing.from).ok_or(())?,
                self.person(writing.to).ok_or(())?,
            ],
        };
        let sender = people.iter().find(|p| p.id == writing.from).ok_or(())?;
        let is_external = |p: &Person| self.book.number(&p.id).is_some();
        let refuses = |p: &Person| is_external(p) && !self.agrees(&p.id);
        if room.is_none() && people.iter().any(refuses) {
            return Ok(None);
        }
        let external = people.iter().any(is_external);
        let archive = &self.archive;
        let index = archive.len();
        let mut message = archive.story.written(writing, sender, index, now_ms);
        // Beyond the numbers of everything that comes by itself.
        let msgid = archive.story.msgid(u64::MAX - index, now_ms, external);
        let sender = sender.clone();
        story::envelope(
            &mut message,
            msgid.clone(),
            &sender,
            &people,
            room.as_ref(),
            now_ms,
        );
        self.archive.keep(now_ms, message);
        Ok(Some(msgid))
    }

    /// Takes the last message back that this person has written to that one or into that room
    /// on the stage; false if there is none.
    pub fn recall_in_chat(&mut self, from: &str, to: &str, now_ms: i64) -> bool {
        let mut written = self
            .archive
            .live
            .iter()
            .rev()
            .filter_map(|entry| match entry {
                Entry::Written { message, .. } => Some(message),
                Entry::Arrived(_) => None,
            });
        let is_it = |message: &Map<String, Value>| {
            let is_there = message.get("roomid").is_some_and(|room| room == to)
                || message
                    .get("tolist")
                    .and_then(Value::as_array)
                    .is_some_and(|list| list.len() == 1 && list[0] == to);
            message.get("from").is_some_and(|f| f == from)
                && is_there
                && message.get("action").is_some_and(|action| action == "send")
        };
        let Some(found) = written.find(|message| is_it(message)) else {
            return false;
        };
        let mut message = (**found).clone();
        let kind = message["msgtype"].as_str().unwrap_or_default().to_owned();
        for body in [kind.as_str(), "info", "doc", "redpacket"] {
            message.remove(body);
        }
        let index = self.archive.len();
        let external = message["msgid"]
            .as_str()
            .is_some_and(|id| id.ends_with("_external"));
        let msgid = self.archive.story.msgid(u64::MAX - index, now_ms, external);
        let taken = message.insert("msgid".to_owned(), msgid.into());
        message.insert("action".to_owned(), "recall".into());
        message.insert("msgtime".to_owned(), now_ms.into());
        message.insert("msgtype".to_owned(), "revoke".into());
        let revoke = serde_json::json!({ "pre_msgid": taken });
        message.insert("revoke".to_owned(), revoke);
        self.archive.keep(now_ms, message);
        true
    }

    /// A customer agrees to the archive towards a member, or refuses.
    pub fn consent_in_chat(
        &mut self,
        userid: &str,
        external_userid: &str,
        agrees: bool,
        now_s: i64,
    ) {
        let now_ms = now_s * 1000;
        let archive = &mut self.archive;
        let known = (agrees, now_s);
        archive.consents.insert(external_userid.to_owned(), known);
        let msgid = archive.story.msgid(u64::MAX - archive.len(), now_ms, true);
        let message = story::consent(userid, external_userid, agrees, msgid, now_ms);
        archive.keep(now_ms, message);
    }

    /// Whether this customer's chats are archived now.
    fn agrees(&self, external_userid: &str) -> bool {
        match self.archive.consents.get(external_userid) {
            Some((agrees, _)) => *agrees,
            None => self.book.number(external_userid).is_none_or(|number| {
                !matches!(
                    self.archive.story.cast.standing(number),
                    cast::Standing::RefusedAt(_)
                )
            }),
        }
    }

    fn person(&self, id: &str) -> Option<Person> {
        let member = self.member(id).map(|m| (m.userid.clone(), m.name.clone()));
        let customer = || {
            let customer = self.book.get(self.book.number(id)?)?;
            Some((customer.external_userid, customer.name))
        };
        let (id, name) = member.or_else(customer)?;
        Some(Person { id, name })
    }

    /// The name of somebody, or the id of whom nobody knows.
    pub fn called(&self, id: &str) -> String {
        let robots = &self.archive.story.cast.robots;
        let robot = || robots.iter().find(|robot| robot.id == id).cloned();
        let person = self.person(id).or_else(robot);
        person.map_or_else(|| id.to_owned(), |person| person.name)
    }

    /// A room, with customers or without.
    fn room(&self, id: &str) -> Option<Room> {
        let rooms = &self.archive.story.cast.rooms;
        let internal = rooms.iter().find(|room| room.id == id).cloned();
        internal.or_else(|| cast::customer_group(self.groups.get(id)?))
    }

    /// Rooms of colleagues: id and name.
    pub fn internal_rooms(&self) -> Vec<(String, String)> {
        let rooms = &self.archive.story.cast.rooms;
        rooms
            .iter()
            .map(|room| (room.id.clone(), room.name.clone()))
            .collect()
    }
}
