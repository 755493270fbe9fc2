//! One answer of the archive becomes one write: messages, cursor, tallies, consent, and the
//! pull that speaks for them. What was stored before is passed over, so the same answer may
//! come any number of times.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    audit::merkle,
    kit::{Id, Timestamp},
    store::{Key, Read, StoreError, SubjectId, Walk, Write},
    wecom::archive::{Body as Decoded, Kind, Message as Wire},
};

use super::{
    model::{
        Answer, Brought, Chat, Cursor, Gap, Heard, Locked, Media, MediaState, Parked, Party,
        PartyKind, Place, Pull, Said, Tally, Towards,
    },
    queries,
    retention::Kept,
    stretch::{Body, Incoming, MsgId, Open, Stretch, flag, json_bytes, place_of},
    tables::{
        CHAT_BY_PLACE, FIRM, PARKED_BY_VERSION, PARTY_BY_SUBJECT, PARTY_BY_WECOM_ID, place_key,
        wecom_key,
    },
};

/// Stretches that are looked through, newest first, for a message that was recalled. WeCom
/// lets people recall for minutes; this is thousands of messages.
const RECALL_STRETCHES_MAX: usize = 32;
/// Files of one message that are kept track of.
const FILES_MAX: usize = 200;

/// A message as the library gave it out.
#[derive(Debug, Clone)]
pub struct Opened {
    /// WeCom's number.
    pub seq: u64,
    /// What it says.
    pub message: Wire,
}

/// One answer, as far as it could be opened.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// What brought it.
    pub why: Brought,
    /// Read, by number.
    pub opened: Vec<Opened>,
    /// Not readable yet.
    pub parked: Vec<Parked>,
    /// The zone in which the firm's days begin.
    pub zone: jiff::tz::TimeZone,
    /// Planted bugs.
    #[cfg(any(test, feature = "faults"))]
    pub faults: Option<std::sync::Arc<super::faults::Faults>>,
}

impl Arrival {
    /// A page of the archive all of which could be opened.
    pub fn of(opened: Vec<Opened>, zone: jiff::tz::TimeZone) -> Self {
        Self {
            why: Brought::Pulled,
            opened,
            parked: Vec::new(),
            zone,
            #[cfg(any(test, feature = "faults"))]
            faults: None,
        }
    }
}

/// What an arrival has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stored {
    /// Messages that were not here before.
    pub messages: u32,
    /// Messages parked that were not before.
    pub parked: u32,
    /// Files to be fetched.
    pub files: u32,
}

/// Stores an arrival. Nothing new leaves no trace but the time at which the archive answered.
pub fn store(w: &mut Write<'_>, arrival: Arrival) -> Result<Stored, StoreError> {
    let cursor = cursor(&w.read())?;
    let mut page = Page {
        before: cursor.seq,
        cursor,
        zone: arrival.zone,
        parties: HashMap::new(),
        chats: BTreeMap::new(),
        places: HashMap::new(),
        leaves: BTreeMap::new(),
        recalls: Vec::new(),
        tallies: BTreeMap::new(),
        unlocked: BTreeMap::new(),
        last: None,
        stored: Stored::default(),
    };
    let parked = page.park(w, arrival.parked, arrival.why)?;
    for opened in arrival.opened {
        #[cfg(any(test, feature = "faults"))]
        if page.loses(w, &opened, arrival.faults.as_deref())? {
            continue;
        }
        page.take(w, opened)?;
    }
    #[cfg(any(test, feature = "faults"))]
    page.spoil(arrival.faults.as_deref());
    page.finish(w, arrival.why, &parked)
}

/// What came of erasing a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forgotten {
    /// What they wrote, and what was written to them alone, can be read by nobody any more.
    Whole,
    /// Nothing was erased, because this is held. The same may be asked for again once it is
    /// not: until then the request is open.
    Held(Kept),
}

/// Erases a person from the archive, unless something of theirs is held: one key opens all of
/// it, so it goes as a whole or stays as a whole. The entry of the write names a hold for
/// everything that is kept, and how much that is. Whoever writes under that id again is
/// somebody new. `rows` deletes what else is kept of the person: after it was found out what they
/// wrote, and before their key goes, without which no row can be taken out of its indexes. No
/// page and no job erases anybody yet.
pub fn forget(
    w: &mut Write<'_>,
    subject: SubjectId,
    rows: impl FnOnce(&mut Write<'_>) -> Result<(), StoreError>,
) -> Result<Forgotten, StoreError> {
    let kept = Kept::of(&w.read(), subject)?;
    if !kept.is_nothing() {
        kept.note(w.act_mut());
        return Ok(Forgotten::Held(kept));
    }
    let walk = Walk::prefix(Key::new().with(subject));
    let hits = w.read().walk(&PARTY_BY_SUBJECT, &walk)?;
    let mut parties: BTreeSet<u32> = hits
        .map(|hit| hit.map(|hit| hit.key))
        .collect::<Result<_, _>>()?;
    // Whom the archive met before they were known has a subject of its own there.
    parties.extend(queries::party_of(&w.read(), subject)?);
    let parties: Vec<u32> = parties.into_iter().collect();
    super::evidence::keep_leaves(w, &parties)?;
    let mut subjects = BTreeSet::from([subject]);
    for party in parties {
        subjects.extend(w.get::<Party>(&party)?.map(|party| party.subject));
        w.delete::<Party>(&party)?;
    }
    rows(w)?;
    for subject in subjects {
        w.forget_subject(subject);
    }
    Ok(Forgotten::Whole)
}

/// The party with an id, made on first sight: for what is known of people before they write.
pub(super) fn party_with_id(w: &mut Write<'_>, wecom_id: &str) -> Result<Party, StoreError> {
    let key = wecom_key(w.read().vault(), wecom_id);
    if let Some(party) = w.read().find(&PARTY_BY_WECOM_ID, key)? {
        return Ok(party);
    }
    let mut cursor = cursor(&w.read())?;
    cursor.parties += 1;
    w.put(&cursor)?;
    make_party(w, cursor.parties, wecom_id)
}

/// The party of a member by a userid that comes from outside: WeCom compares userids without
/// case, and the archive has them as the directory does.
pub(super) fn party_of_userid(w: &mut Write<'_>, userid: &str) -> Result<Party, StoreError> {
    let member = crate::org::queries::member_by_userid(&w.read(), userid)?;
    let userid = member.map_or_else(|| userid.to_owned(), |member| member.userid);
    party_with_id(w, &userid)
}

fn make_party(w: &mut Write<'_>, no: u32, wecom_id: &str) -> Result<Party, StoreError> {
    let (kind, subject) = {
        let r = w.read();
        if let Some(member) = crate::org::queries::member_id_by_userid(&r, wecom_id)? {
            (PartyKind::Member, Some(member.cast()))
        } else {
            let customer = crate::customers::sync::by_external_userid(&r, wecom_id)?;
            let subject = customer.map(|customer| customer.id.cast());
            (PartyKind::of_id(wecom_id), subject)
        }
    };
    let party = Party {
        no,
        kind,
        wecom_id: wecom_id.to_owned(),
        subject: subject.unwrap_or_else(|| Id::from_bits(w.random().u64())),
        name: String::new(),
        asked_at: None,
    };
    w.put(&party)?;
    Ok(party)
}

/// How far the archive has been read.
pub fn cursor(r: &Read<'_>) -> Result<Cursor, StoreError> {
    Ok(r.get(&FIRM.to_owned())?.unwrap_or_default())
}

/// What one write gathers.
struct Page {
    /// The greatest number before this write.
    before: u64,
    cursor: Cursor,
    zone: jiff::tz::TimeZone,
    parties: HashMap<String, Party>,
    chats: BTreeMap<u32, Touched>,
    /// The numbers of these.
    places: HashMap<Place, u32>,
    leaves: BTreeMap<u64, merkle::Hash>,
    recalls: Vec<(u32, u64)>,
    tallies: BTreeMap<(u32, u32), Tally>,
    /// Parked messages that could be opened, by the day on which they came.
    unlocked: BTreeMap<u32, u32>,
    /// The newest message: its number, and when it was sent.
    last: Option<(u64, Timestamp)>,
    stored: Stored,
}

/// A conversation that this write changes, with the stretch it grows.
struct Touched {
    chat: Chat,
    /// The stretch, and the number under which it lies in the store.
    open: Option<(Open, Option<u64>)>,
    added: u32,
}

impl Page {
    /// Parks what can't be opened, as it came; gives the numbers that are new.
    fn park(
        &mut self,
        w: &mut Write<'_>,
        parked: Vec<Parked>,
        why: Brought,
    ) -> Result<Vec<u64>, StoreError> {
        let mut new = Vec::new();
        for mut row in parked {
            // What came long ago and still can't be opened changes only when it was tried.
            if why == Brought::Pulled && row.seq <= self.before {
                continue;
            }
            match w.get::<Parked>(&row.seq)? {
                Some(known) if row.why == Locked::Untried && known.why == row.why => continue,
                // It was counted on the day on which it first came, and is taken off there.
                Some(known) => row.at = known.at,
                None => {
                    new.push(row.seq);
                    let day = day_of(row.at, &self.zone);
                    self.tally(day, Tally::UNKNOWN).parked += 1;
                }
            }
            w.put(&row)?;
        }
        self.stored.parked = count(new.len());
        Ok(new)
    }

    /// A planted bug: the message that would begin a new stretch of its conversation is lost.
    #[cfg(any(test, feature = "faults"))]
    fn loses(
        &mut self,
        w: &mut Write<'_>,
        opened: &Opened,
        faults: Option<&super::faults::Faults>,
    ) -> Result<bool, StoreError> {
        let bug = super::faults::Bug::LostBetweenStretches;
        let Some(faults) = faults.filter(|faults| faults.is_waiting(bug)) else {
            return Ok(false);
        };
        let message = &opened.message;
        let from = self.party(w, &message.from)?.no;
        let mut to = Vec::new();
        for id in &message.to {
            to.push(self.party(w, id)?.no);
        }
        let place = place_of(message.room.as_deref(), from, &to);
        let touched = self.chats.values().find(|t| t.chat.place == place);
        let open = touched.and_then(|touched| touched.open.as_ref());
        let is_full = open.is_some_and(|(open, _)| open.heads().len() == super::stretch::FULL);
        if is_full {
            faults.strike();
        }
        Ok(is_full)
    }

    /// Planted bugs: a message is there twice, or one is left out of what is said of them.
    #[cfg(any(test, feature = "faults"))]
    fn spoil(&mut self, faults: Option<&super::faults::Faults>) {
        use super::faults::Bug;
        let Some(faults) = faults.filter(|_| self.stored.messages > 0) else {
            return;
        };
        if faults.is_waiting(Bug::AuditedLess) {
            self.stored.messages -= 1;
            faults.strike();
        }
        if faults.is_waiting(Bug::StoredTwice) {
            // Nothing was here before: this process has not begun again.
            let is_first = self.before == 0;
            let open = self.chats.values_mut().find_map(|t| t.open.as_mut());
            if let Some((open, _)) = open.filter(|_| !is_first) {
                open.double_last();
            }
            faults.strike();
        }
    }

    fn take(&mut self, w: &mut Write<'_>, opened: Opened) -> Result<(), StoreError> {
        let Opened { seq, message } = opened;
        let at = Timestamp::from_ms(message.at_ms);
        let from = self.party(w, &message.from)?;
        let mut to = Vec::with_capacity(message.to.len());
        for id in &message.to {
            to.push(self.party(w, id)?);
        }
        let numbers: Vec<u32> = to.iter().map(|party| party.no).collect();
        let place = place_of(message.room.as_deref(), from.no, &numbers);
        let people: Vec<&Party> = std::iter::once(&from).chain(&to).collect();
        let subject = subject_of(&place, &from, &people);
        let no = self.chat(w, place, at)?;
        let body = Body::of(&message)?;
        let incoming = Incoming {
            seq,
            at,
            from: from.no,
            to: numbers,
            kind: message.kind,
            msgid: message.msgid.clone(),
            subject,
            action: message.action,
            canonical: canonical(&message, &body)?,
            body,
        };
        if !self.insert(w, no, incoming)? {
            return Ok(());
        }
        if let Some(parked) = w.get::<Parked>(&seq)? {
            w.delete::<Parked>(&seq)?;
            let day = day_of(parked.at, &self.zone);
            *self.unlocked.entry(day).or_default() += 1;
        }
        self.last = self.last.max(Some((seq, at)));
        self.count_in(no, at, seq, &from, &people, &message);
        self.note_consent(w, no, &message, &people)?;
        self.note_recall(w, no, &message)?;
        self.note_recalled_before(w, no, seq, &message)?;
        let staff = people.iter().find(|p| p.kind == PartyKind::Member);
        self.note_files(w, no, seq, subject, staff.map_or(0, |p| p.no), &message)
    }

    /// The party with an id, made on first sight.
    fn party(&mut self, w: &mut Write<'_>, wecom_id: &str) -> Result<Party, StoreError> {
        if let Some(known) = self.parties.get(wecom_id) {
            return Ok(known.clone());
        }
        let key = wecom_key(w.read().vault(), wecom_id);
        let party = match w.read().find(&PARTY_BY_WECOM_ID, key)? {
            Some(party) => party,
            None => self.new_party(w, wecom_id)?,
        };
        self.parties.insert(wecom_id.to_owned(), party.clone());
        Ok(party)
    }

    fn new_party(&mut self, w: &mut Write<'_>, wecom_id: &str) -> Result<Party, StoreError> {
        self.cursor.parties += 1;
        make_party(w, self.cursor.parties, wecom_id)
    }

    /// The conversation of a place, made on first sight.
    fn chat(&mut self, w: &Write<'_>, place: Place, at: Timestamp) -> Result<u32, StoreError> {
        // A conversation made by this write is stored at its end.
        if let Some(no) = self.places.get(&place) {
            return Ok(*no);
        }
        let r = w.read();
        let key = place_key(r.vault(), &place);
        let chat = match r.find(&CHAT_BY_PLACE, key)? {
            Some(chat) => chat,
            None => {
                self.cursor.chats += 1;
                Chat {
                    no: self.cursor.chats,
                    id: Id::from_bits(w.random().u64()),
                    place,
                    is_external: false,
                    staff: Vec::new(),
                    others: Vec::new(),
                    messages: 0,
                    first_at: at,
                    last_at: at,
                    last_seq: 0,
                    recalled: 0,
                    dangling: 0,
                    name: String::new(),
                    asked_at: None,
                    deleted: 0,
                }
            }
        };
        let no = chat.no;
        self.places.insert(chat.place.clone(), no);
        let touched = Touched {
            chat,
            open: None,
            added: 0,
        };
        self.chats.insert(no, touched);
        Ok(no)
    }

    /// Puts a message at its place; `false` if it is there already.
    fn insert(
        &mut self,
        w: &mut Write<'_>,
        chat: u32,
        message: Incoming,
    ) -> Result<bool, StoreError> {
        let seq = message.seq;
        self.turn_to(w, chat, seq)?;
        let touched = touched(&mut self.chats, chat)?;
        let (open, _) = touched.open.as_mut().ok_or_else(lost)?;
        let random = w.random();
        let Some(leaf) = open.insert(message, || random.bytes())? else {
            return Ok(false);
        };
        touched.added += 1;
        self.leaves.insert(seq, leaf);
        self.stored.messages += 1;
        Ok(true)
    }

    /// Opens the stretch of a conversation in which a number has its place, and stores the
    /// one that was open before.
    fn turn_to(&mut self, w: &mut Write<'_>, chat: u32, seq: u64) -> Result<(), StoreError> {
        let touched = touched(&mut self.chats, chat)?;
        if let Some((open, _)) = &touched.open {
            let heads = open.heads();
            let is_behind = touched.chat.last_seq < seq && heads.last().map(|h| h.seq) <= Some(seq);
            let ends_chat = heads.last().is_some_and(|h| h.seq >= touched.chat.last_seq);
            let is_within = heads.first().is_some_and(|h| h.seq <= seq)
                && heads.last().is_some_and(|h| h.seq >= seq);
            if is_within || (is_behind && ends_chat && heads.len() < super::stretch::FULL) {
                return Ok(());
            }
        }
        if let Some((open, stored)) = touched.open.take() {
            open.store(w, stored)?;
        }
        let found = stretch_for(&w.read(), chat, seq)?;
        let is_full = found
            .as_ref()
            .is_some_and(|s| s.last() < seq && s.heads.len() >= super::stretch::FULL);
        touched.open = Some(match found.filter(|_| !is_full) {
            Some(stretch) => {
                let first = stretch.first();
                (stretch.open(&w.read())?, Some(first))
            }
            None => (Open::new(chat), None),
        });
        Ok(())
    }

    fn count_in(
        &mut self,
        chat: u32,
        at: Timestamp,
        seq: u64,
        from: &Party,
        people: &[&Party],
        message: &Wire,
    ) {
        let day = day_of(at, &self.zone);
        let staff: BTreeSet<u32> = numbers_of(people, PartyKind::Member);
        for no in &staff {
            self.tally(day, *no).opened += 1;
        }
        let Some(Touched { chat, .. }) = self.chats.get_mut(&chat) else {
            return;
        };
        chat.messages += 1;
        chat.first_at = chat.first_at.min(at);
        chat.last_at = chat.last_at.max(at);
        chat.last_seq = chat.last_seq.max(seq);
        chat.is_external |= people.iter().any(|p| p.kind.is_outside());
        merge(&mut chat.staff, staff);
        let others = match (&message.room, from.kind) {
            (Some(_), PartyKind::Member) => BTreeSet::new(),
            (Some(_), _) => BTreeSet::from([from.no]),
            (None, _) => people
                .iter()
                .filter(|p| p.kind != PartyKind::Member)
                .map(|p| p.no)
                .collect(),
        };
        merge(&mut chat.others, others);
    }

    fn tally(&mut self, day: u32, staff: u32) -> &mut Tally {
        self.tallies
            .entry((day, staff))
            .or_insert_with(|| Tally::of(day, staff))
    }

    /// Keeps the last word of somebody outside on being archived.
    fn note_consent(
        &self,
        w: &mut Write<'_>,
        chat: u32,
        message: &Wire,
        people: &[&Party],
    ) -> Result<(), StoreError> {
        let answer = match message.kind {
            Kind::Agree => Answer::Agreed,
            Kind::Disagree => Answer::Refused,
            _ => return Ok(()),
        };
        let towards: Vec<Towards> = match message.room {
            Some(_) => vec![Towards::Room(chat)],
            None => numbers_of(people, PartyKind::Member)
                .into_iter()
                .map(Towards::Member)
                .collect(),
        };
        let said = Said {
            answer,
            at: Timestamp::from_ms(message.at_ms),
            heard: Heard::Message,
        };
        for party in outsiders(message, people) {
            for towards in &towards {
                super::consent::keep(w, party, *towards, said)?;
            }
        }
        Ok(())
    }

    /// Marks the message that this one recalls.
    fn note_recall(
        &mut self,
        w: &mut Write<'_>,
        chat: u32,
        message: &Wire,
    ) -> Result<(), StoreError> {
        let Decoded::Revoke { msgid: pre_msgid } = Decoded::decode(message.kind, &message.rest)
        else {
            return Ok(());
        };
        self.put_away(w, chat)?;
        let found = find_by_msgid(&w.read(), chat, &pre_msgid)?;
        let touched = touched(&mut self.chats, chat)?;
        let Some((stretch, seq)) = found else {
            touched.chat.dangling += 1;
            return Ok(());
        };
        let first = stretch.first();
        let mut open = stretch.open(&w.read())?;
        if open.mark(seq, flag::RECALLED) {
            touched.chat.recalled += 1;
            self.recalls.push((chat, seq));
        }
        open.store(w, Some(first))
    }

    /// Marks a message that was recalled before it came.
    fn note_recalled_before(
        &mut self,
        w: &mut Write<'_>,
        chat: u32,
        seq: u64,
        message: &Wire,
    ) -> Result<(), StoreError> {
        let known = &touched(&mut self.chats, chat)?.chat;
        // Behind the newest message lies no recall.
        let is_newest = known.last_seq <= seq;
        if known.dangling == 0 || is_newest || message.kind == Kind::Revoke {
            return Ok(());
        }
        self.put_away(w, chat)?;
        if !recalls(&w.read(), chat, seq, &message.msgid)? {
            return Ok(());
        }
        self.turn_to(w, chat, seq)?;
        let touched = touched(&mut self.chats, chat)?;
        if let Some((open, _)) = &mut touched.open
            && open.mark(seq, flag::RECALLED)
        {
            touched.chat.recalled += 1;
            touched.chat.dangling -= 1;
            self.recalls.push((chat, seq));
        }
        Ok(())
    }

    /// Stores the open stretch of a conversation, so that reads see it.
    fn put_away(&mut self, w: &mut Write<'_>, chat: u32) -> Result<(), StoreError> {
        let touched = touched(&mut self.chats, chat)?;
        match touched.open.take() {
            Some((open, stored)) => open.store(w, stored),
            None => Ok(()),
        }
    }

    fn note_files(
        &mut self,
        w: &mut Write<'_>,
        chat: u32,
        seq: u64,
        subject: SubjectId,
        staff: u32,
        message: &Wire,
    ) -> Result<(), StoreError> {
        if message.kind == Kind::Text {
            return Ok(());
        }
        let files = Decoded::decode(message.kind, &message.rest).media();
        let sent_at = Timestamp::from_ms(message.at_ms);
        let day = day_of(sent_at, &self.zone);
        for (place, file) in (0..=u8::MAX).zip(files.into_iter().take(FILES_MAX)) {
            let state = match file.fileid.is_empty() {
                true => MediaState::Lost,
                false => MediaState::Waiting,
            };
            let is_lost = state == MediaState::Lost;
            w.put(&Media {
                seq,
                place,
                chat,
                subject,
                fileid: file.fileid,
                size: file.size.unwrap_or(0),
                md5: file.md5.unwrap_or_default(),
                state,
                sha256: None,
                length: 0,
                attempts: 0,
                next_at: w.now(),
                sent_at,
                staff,
                differs: false,
            })?;
            let tally = self.tally(day, staff);
            tally.media += 1;
            tally.media_lost += u32::from(is_lost);
            self.stored.files += u32::from(!is_lost);
        }
        Ok(())
    }

    /// Stores what was gathered, and the pull that speaks for it.
    fn finish(
        mut self,
        w: &mut Write<'_>,
        why: Brought,
        parked: &[u64],
    ) -> Result<Stored, StoreError> {
        let mut chats = Vec::new();
        for (no, touched) in std::mem::take(&mut self.chats) {
            if let Some((open, stored)) = touched.open {
                open.store(w, stored)?;
            }
            if touched.added > 0 {
                chats.push((no, touched.added));
                w.put(&touched.chat)?;
            }
        }
        let numbers = self.leaves.keys().chain(parked);
        let numbers: BTreeSet<u64> = numbers.copied().collect();
        let skipped = match why {
            Brought::Pulled => self.note_gaps(w, &numbers)?,
            Brought::Unlocked => 0,
        };
        for (key, added) in std::mem::take(&mut self.tallies) {
            add_tally(w, key, &added)?;
        }
        for (day, opened) in std::mem::take(&mut self.unlocked) {
            if let Some(mut tally) = w.get::<Tally>(&(day, Tally::UNKNOWN))? {
                tally.parked = tally.parked.saturating_sub(opened);
                w.put(&tally)?;
            }
        }
        if why == Brought::Pulled {
            self.cursor.answered_at = Some(w.now());
            self.cursor.failure = None;
            let last_sent_at = self.last.map(|(_, at)| at);
            self.cursor.last_sent_at = last_sent_at.or(self.cursor.last_sent_at);
        }
        let (Some(first), Some(last)) = (numbers.first(), numbers.last()) else {
            w.put(&self.cursor)?;
            return Ok(self.stored);
        };
        let mut tree = merkle::Frontier::default();
        for leaf in self.leaves.values() {
            tree.push(*leaf);
        }
        let cursor = &mut self.cursor;
        cursor.pulls += 1;
        cursor.seq = cursor.seq.max(*last);
        cursor.messages += u64::from(self.stored.messages);
        cursor.parked += u64::from(self.stored.parked);
        if why == Brought::Unlocked {
            cursor.parked = cursor.parked.saturating_sub(self.leaves.len() as u64);
        }
        cursor.skipped += skipped;
        cursor.stored_at = Some(w.now());
        let scattered = match why {
            Brought::Pulled => Vec::new(),
            Brought::Unlocked => self.leaves.keys().copied().collect(),
        };
        w.put(&Pull {
            no: cursor.pulls,
            at: w.now(),
            why,
            first_seq: *first,
            last_seq: *last,
            messages: self.stored.messages,
            parked: self.stored.parked,
            skipped,
            root: tree.root(),
            chats,
            recalls: self.recalls,
            numbers: scattered,
        })?;
        w.put(&self.cursor)?;
        Ok(self.stored)
    }
}

impl Page {
    /// Keeps which numbers never came, on the day of now; gives how many.
    fn note_gaps(&mut self, w: &mut Write<'_>, numbers: &BTreeSet<u64>) -> Result<u64, StoreError> {
        let day = day_of(w.now(), &self.zone);
        let mut skipped = 0;
        for (first, last) in gaps(self.before, numbers) {
            let gap = Gap { day, first, last };
            skipped += gap.count();
            w.put(&gap)?;
        }
        if skipped > 0 {
            self.tally(day, Tally::UNKNOWN).skipped += skipped;
        }
        Ok(skipped)
    }
}

fn lost() -> StoreError {
    StoreError::Internal("a conversation was lost on the way".to_owned())
}

fn touched(chats: &mut BTreeMap<u32, Touched>, no: u32) -> Result<&mut Touched, StoreError> {
    chats.get_mut(&no).ok_or_else(lost)
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn numbers_of(people: &[&Party], kind: PartyKind) -> BTreeSet<u32> {
    let of_kind = people.iter().filter(|p| p.kind == kind);
    of_kind.map(|p| p.no).collect()
}

/// Who answers in a message about consent: its writer in a room, in which others read along.
fn outsiders<'p>(message: &Wire, people: &[&'p Party]) -> Vec<&'p Party> {
    let said_by = people.iter().take(match message.room {
        Some(_) => 1,
        None => people.len(),
    });
    let outside = said_by.filter(|party| party.kind.is_outside());
    outside.copied().collect()
}

fn merge(known: &mut Vec<u32>, more: BTreeSet<u32>) {
    for no in more {
        if let Err(place) = known.binary_search(&no) {
            known.insert(place, no);
        }
    }
}

/// The message as JSON in order of keys, as it is made again from what is stored: a number
/// may come out of its text a little different each time, and the leaf must not.
fn canonical(message: &Wire, body: &Body) -> Result<Vec<u8>, StoreError> {
    let stored = match body {
        Body::Text(_) => message.to_json(),
        Body::Rest(bytes) => {
            let rest = serde_json::from_slice(bytes);
            let rest = rest.map_err(|e| StoreError::Internal(e.to_string()))?;
            let stored = Wire {
                rest,
                ..message.clone()
            };
            stored.to_json()
        }
    };
    json_bytes(&stored)
}

/// Whose a message is: between a member and somebody outside, the one outside; otherwise
/// whoever wrote it.
fn subject_of(place: &Place, from: &Party, people: &[&Party]) -> SubjectId {
    if let Place::OneToOne(..) = place
        && let Some(outside) = people.iter().find(|p| p.kind.is_outside())
    {
        return outside.subject;
    }
    from.subject
}

/// Numbers that were passed over, from one to another: behind the last one known, and among
/// these.
fn gaps(before: u64, numbers: &BTreeSet<u64>) -> Vec<(u64, u64)> {
    // Before the first message nothing is missed: WeCom begins where its window does.
    let mut known = match before {
        0 => numbers.first().map_or(0, |first| first - 1),
        known => known,
    };
    let mut gaps = Vec::new();
    for number in numbers.range(known.saturating_add(1)..) {
        if *number - known > 1 {
            gaps.push((known + 1, number - 1));
        }
        known = *number;
    }
    gaps
}

/// The day of the firm's calendar, as yyyymmdd.
pub(super) fn day_of(at: Timestamp, zone: &jiff::tz::TimeZone) -> u32 {
    number_of(at.to_jiff().to_zoned(zone.clone()).date())
}

/// A day as yyyymmdd.
pub(super) fn number_of(date: jiff::civil::Date) -> u32 {
    let year = u32::from(date.year().unsigned_abs());
    let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
    year * 10_000 + u32::from(month) * 100 + u32::from(day)
}

/// Adds to what was counted of a member's day.
pub(super) fn add_tally(
    w: &mut Write<'_>,
    (day, staff): (u32, u32),
    added: &Tally,
) -> Result<(), StoreError> {
    let known = w.get::<Tally>(&(day, staff))?;
    let mut tally = known.unwrap_or_else(|| Tally::of(day, staff));
    tally.opened += added.opened;
    tally.media += added.media;
    tally.media_here += added.media_here;
    tally.media_lost += added.media_lost;
    tally.parked += added.parked;
    tally.deleted += added.deleted;
    tally.skipped += added.skipped;
    w.put(&tally)
}

/// The stretch in which a number has its place: the last that does not begin behind it, or
/// else the first of all.
fn stretch_for(r: &Read<'_>, chat: u32, seq: u64) -> Result<Option<Stretch>, StoreError> {
    let before = r.all_backwards::<Stretch>(Some(&(chat, seq.saturating_add(1))))?;
    let mut before = before;
    if let Some(stretch) = before.next().transpose()?
        && stretch.chat == chat
    {
        return Ok(Some(stretch));
    }
    let mut behind = r.all::<Stretch>(Some(&(chat, seq)))?;
    let first = behind.next().transpose()?;
    Ok(first.filter(|stretch| stretch.chat == chat))
}

/// The message of a conversation with an id of WeCom's, among the newest.
fn find_by_msgid(
    r: &Read<'_>,
    chat: u32,
    msgid: &str,
) -> Result<Option<(Stretch, u64)>, StoreError> {
    let newest = r.all_backwards::<Stretch>(Some(&(chat, u64::MAX)))?;
    for stretch in newest.take(RECALL_STRETCHES_MAX) {
        let stretch = stretch?;
        if stretch.chat != chat {
            break;
        }
        let is_it = |head: &&super::stretch::Head| MsgId::of(msgid, head.at) == head.msgid;
        if let Some(head) = stretch.heads.iter().rev().find(is_it) {
            let seq = head.seq;
            return Ok(Some((stretch, seq)));
        }
    }
    Ok(None)
}

/// Whether a recall behind `seq` names the message.
fn recalls(r: &Read<'_>, chat: u32, seq: u64, msgid: &str) -> Result<bool, StoreError> {
    let from = stretch_for(r, chat, seq)?.map_or(seq, |s| s.first().saturating_sub(1));
    let behind = r.all::<Stretch>(Some(&(chat, from)))?;
    for stretch in behind.take(RECALL_STRETCHES_MAX) {
        let stretch = stretch?;
        if stretch.chat != chat {
            break;
        }
        let is_recall = |head: &&super::stretch::Head| head.kind() == Kind::Revoke;
        if !stretch.heads.iter().any(|head| is_recall(&head)) {
            continue;
        }
        let open = stretch.open(r)?;
        for head in open.heads().iter().filter(is_recall) {
            if let super::stretch::Content::Rest(rest) = open.content(head)
                && let Decoded::Revoke { msgid: pre_msgid } = Decoded::decode(Kind::Revoke, &rest)
                && pre_msgid == msgid
            {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// Parked messages that wait for a version of the key, oldest first, behind number `after`.
pub fn waiting_for(
    r: &Read<'_>,
    version: u32,
    after: u64,
    most: usize,
) -> Result<Vec<Parked>, StoreError> {
    let prefix = Key::new().with(version);
    let walk = Walk {
        after: Some(prefix.clone().with(after).into_bytes()),
        ..Walk::prefix(prefix)
    };
    let rows = r.list(&PARKED_BY_VERSION, &walk)?;
    rows.take(most).collect()
}
