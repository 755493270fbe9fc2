//! The deletion of what has had its time: first it is looked for, by heads alone, then it is
//! deleted stretch by stretch within one write, which asks rules and holds again.

use std::collections::{BTreeMap, HashMap};

use crate::{
    audit::merkle::{self, Hash},
    kit::Timestamp,
    store::{Read, StoreError, Write},
};

use super::{
    super::{
        ingest::{add_tally, day_of},
        model::{Chat, Leftover, Media, MediaState, Tally},
        queries::{self, Message},
        sensitive,
        stretch::{Head, Stretch},
    },
    holds::{Held, Holds},
    model::{Purge, RetentionRule, RuleId, Sort, Under},
    policy::Policy,
    tables::next_purge,
};

/// What decides about a message.
pub(super) struct Judge<'a> {
    pub(super) policy: &'a Policy,
    pub(super) holds: &'a Holds,
    pub(super) now: Timestamp,
}

/// What is decided.
pub(super) enum Verdict<'a> {
    /// Its time is not over, or it is gone already.
    Stays,
    /// Its time is over under this rule, and a hold keeps it.
    Held(Held<'a>),
    /// It goes, under this rule.
    Goes(&'a RetentionRule),
}

impl Judge<'_> {
    pub(super) fn judge(
        &self,
        r: &Read<'_>,
        stretch: &Stretch,
        head: &Head,
    ) -> Result<Verdict<'_>, StoreError> {
        if head.is_deleted() {
            return Ok(Verdict::Stays);
        }
        let people = people(stretch, head);
        let sort = Sort::of(head.kind());
        let over = self
            .policy
            .over(r, people.clone(), sort, head.at, self.now)?;
        let Some(rule) = over else {
            return Ok(Verdict::Stays);
        };
        let held = self
            .holds
            .on_message(r, head.seq, stretch.chat, people, head.at)?;
        Ok(held.map_or(Verdict::Goes(rule), Verdict::Held))
    }
}

/// Who wrote and who received.
pub(super) fn people<'s>(
    stretch: &'s Stretch,
    head: &Head,
) -> impl Iterator<Item = u32> + Clone + use<'s> {
    let received = stretch.audience(head).iter().copied();
    std::iter::once(head.from).chain(received)
}

/// The name of a stretch: conversation and first number.
pub(super) type StretchKey = (u32, u64);

/// What a look at some stretches has found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Stretches from which something goes.
    pub(super) stretches: Vec<StretchKey>,
    /// Messages that were looked at.
    pub(super) seen: u64,
    /// Of them, those that a hold keeps.
    pub(super) held: u64,
    /// The last stretch that was looked at; none if there are no more.
    pub(super) last: Option<StretchKey>,
}

/// Looks through stretches behind `after`, until `most` of them have something that goes or
/// `most_seen` were looked at.
pub(super) fn look(
    r: &Read<'_>,
    judge: &Judge<'_>,
    after: Option<StretchKey>,
    most: usize,
    most_seen: usize,
) -> Result<Found, StoreError> {
    let mut found = Found::default();
    for (n, stretch) in r.all::<Stretch>(after.as_ref())?.enumerate() {
        if n == most_seen || found.stretches.len() == most {
            return Ok(found);
        }
        let stretch = stretch?;
        let key = (stretch.chat, stretch.first());
        found.last = Some(key);
        found.seen += stretch.heads.len() as u64;
        let mut goes = false;
        for head in &stretch.heads {
            match judge.judge(r, &stretch, head)? {
                Verdict::Stays => {}
                Verdict::Held(_) => found.held += 1,
                Verdict::Goes(_) => goes = true,
            }
        }
        if goes {
            found.stretches.push(key);
        }
    }
    // What was found last is dealt with, and then nothing is left.
    if found.stretches.is_empty() {
        found.last = None;
    }
    Ok(found)
}

/// What one write has deleted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Deleted {
    pub(super) messages: u64,
    pub(super) files: u64,
    /// The purges: number, rule and messages.
    pub(super) purges: Vec<(u64, Under, u32)>,
}

/// Deletes what goes from these stretches. A stretch that has another name by now is left to
/// the next run.
pub(super) fn delete(
    w: &mut Write<'_>,
    judge: &Judge<'_>,
    stretches: &[StretchKey],
    zone: &jiff::tz::TimeZone,
) -> Result<Deleted, StoreError> {
    let mut batch = Batch {
        next: next_purge(&w.read())?,
        gone: BTreeMap::new(),
        tallies: BTreeMap::new(),
        unfetched: BTreeMap::new(),
        chats: HashMap::new(),
        zone,
    };
    for key in stretches {
        if let Some(stretch) = w.get::<Stretch>(key)? {
            batch.take(w, judge, stretch)?;
        }
    }
    batch.finish(w, judge.policy)
}

/// What goes under one rule.
struct Gone {
    no: u64,
    rule: RetentionRule,
    chats: BTreeMap<u32, Vec<(u64, Hash)>>,
    files: u32,
}

/// What one write gathers.
struct Batch<'a> {
    next: u64,
    gone: BTreeMap<RuleId, Gone>,
    tallies: BTreeMap<(u32, u32), Tally>,
    /// Files that are not waited for any longer, by day and member.
    unfetched: BTreeMap<(u32, u32), u32>,
    chats: HashMap<u32, Chat>,
    zone: &'a jiff::tz::TimeZone,
}

impl Batch<'_> {
    fn take(
        &mut self,
        w: &mut Write<'_>,
        judge: &Judge<'_>,
        stretch: Stretch,
    ) -> Result<(), StoreError> {
        let key = (stretch.chat, stretch.first());
        let mut doomed: Vec<(u64, RetentionRule)> = Vec::new();
        for head in &stretch.heads {
            if let Verdict::Goes(rule) = judge.judge(&w.read(), &stretch, head)? {
                doomed.push((head.seq, rule.clone()));
            }
        }
        if doomed.is_empty() {
            return Ok(());
        }
        let lost = || StoreError::Internal("a stretch without its conversation".to_owned());
        let mut chat = match self.chats.remove(&key.0) {
            Some(chat) => chat,
            None => w.get::<Chat>(&key.0)?.ok_or_else(lost)?,
        };
        let mut open = stretch.open(&w.read())?;
        let messages: HashMap<u64, Message> = queries::messages_in(&open)
            .into_iter()
            .map(|message| (message.seq, message))
            .collect();
        for (seq, rule) in doomed {
            let Some(message) = messages.get(&seq) else {
                continue;
            };
            let leaf = message.leaf(&w.read(), &chat)?;
            let files = self.take_files(w, seq)?;
            let gone = self.gone_under(rule);
            if !open.delete(seq, leaf, gone.no) {
                continue;
            }
            gone.files += files;
            let of_chat = gone.chats.entry(key.0).or_default();
            of_chat.push((seq, leaf.unwrap_or_default()));
            chat.deleted += 1;
            self.count(w, judge, message)?;
            sensitive::tables::forget_words(w, seq)?;
        }
        open.store(w, Some(key.1))?;
        self.chats.insert(key.0, chat);
        Ok(())
    }

    fn gone_under(&mut self, rule: RetentionRule) -> &mut Gone {
        let next = &mut self.next;
        self.gone.entry(rule.id).or_insert_with(|| {
            let no = *next;
            *next += 1;
            Gone {
                no,
                rule,
                chats: BTreeMap::new(),
                files: 0,
            }
        })
    }

    fn tally(&mut self, at: Timestamp, staff: u32) -> &mut Tally {
        let day = day_of(at, self.zone);
        let none = || Tally::of(day, staff);
        self.tallies.entry((day, staff)).or_insert_with(none)
    }

    fn count(
        &mut self,
        w: &Write<'_>,
        judge: &Judge<'_>,
        message: &Message,
    ) -> Result<(), StoreError> {
        let mut staff = Vec::new();
        for no in std::iter::once(message.from).chain(message.to.iter().copied()) {
            if !staff.contains(&no) && judge.policy.is_staff(&w.read(), no)? {
                staff.push(no);
            }
        }
        for no in staff {
            self.tally(message.at, no).deleted += 1;
        }
        Ok(())
    }

    /// Deletes the rows of a message's files. The files themselves leave the shelf when
    /// nothing else names them. One that never came is not waited for any longer.
    fn take_files(&mut self, w: &mut Write<'_>, seq: u64) -> Result<u32, StoreError> {
        let mut taken = 0;
        for file in queries::files(&w.read(), seq)? {
            taken += 1;
            w.delete::<Media>(&(file.seq, file.place))?;
            if let Some(sha256) = file.sha256 {
                w.put(&Leftover {
                    sha256,
                    since: w.now(),
                })?;
            }
            if file.state == MediaState::Waiting {
                let day = day_of(file.sent_at, self.zone);
                *self.unfetched.entry((day, file.staff)).or_default() += 1;
            }
        }
        Ok(taken)
    }

    fn finish(self, w: &mut Write<'_>, policy: &Policy) -> Result<Deleted, StoreError> {
        let mut deleted = Deleted::default();
        for chat in self.chats.values() {
            w.put(chat)?;
        }
        for (key, added) in &self.tallies {
            add_tally(w, *key, added)?;
        }
        for (key, n) in &self.unfetched {
            if let Some(mut tally) = w.get::<Tally>(key)? {
                tally.media = tally.media.saturating_sub(*n);
                w.put(&tally)?;
            }
        }
        for gone in self.gone.into_values() {
            let mut tree = merkle::Frontier::default();
            let mut messages = 0;
            let mut chats = Vec::new();
            for (chat, mut leaves) in gone.chats {
                leaves.sort_unstable_by_key(|(seq, _)| *seq);
                for (_, leaf) in &leaves {
                    tree.push(*leaf);
                    messages += 1;
                }
                chats.push((chat, leaves.into_iter().map(|(seq, _)| seq).collect()));
            }
            deleted.messages += u64::from(messages);
            deleted.files += u64::from(gone.files);
            let under = policy.under(&gone.rule);
            deleted.purges.push((gone.no, under.clone(), messages));
            w.put(&Purge {
                no: gone.no,
                at: w.now(),
                under,
                chats,
                messages,
                files: gone.files,
                root: tree.root(),
            })?;
        }
        Ok(deleted)
    }
}
