//! Reads of the archive, by what the viewer sees: whoever has at least one member among
//! sender and receivers of a message in scope sees that message.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    app::App,
    audit::merkle::Hash,
    customers::{self, Customer},
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::Timestamp,
    org::{Member, MemberId, Sight},
    search::MessageScope,
    store::{Key, Read, StoreError, SubjectId, Walk},
    wecom::archive::{Action, Body, Kind, Line, Message as Wire},
};

use super::{
    approval,
    model::{Brought, Chat, ChatId, Consent, Media, Party, PartyKind, Place, Pull, Towards},
    opening,
    stretch::{Content, Head, Open, Stretch, json_bytes, leaf},
    tables::{
        CHAT_BY_ID, CHAT_BY_PARTY, CHAT_BY_PLACE, PARTY_BY_SUBJECT, PARTY_BY_WECOM_ID, place_key,
        wecom_key,
    },
};

/// What somebody sees of the archive.
#[derive(Debug, Clone)]
pub struct ArchiveSight {
    /// The directory and the members in scope.
    pub sight: Sight,
    /// The members in scope as parties; `None` if all are.
    staff: Option<Arc<BTreeSet<u32>>>,
    /// The viewer as a party.
    own: Option<u32>,
    /// The conversations of others that are read: those a second person has agreed to; `None`
    /// if the firm does not want one.
    agreed: Option<Arc<BTreeSet<u32>>>,
    /// Whether the viewer handles alerts.
    judges: bool,
}

impl ArchiveSight {
    /// What `viewer` sees. Where the firm wants a second person for reading, what others wrote
    /// is withheld from every read until one has agreed: it is found, and not shown. Of a message
    /// that an alert names the queue shows the words found, with a little around them.
    pub fn of(app: &App, r: &Read<'_>, viewer: &Viewer) -> Result<Self> {
        let mut seen = Self::from(r, app.sight(r, viewer, Permission::ArchiveRead)?)?;
        seen.judges = viewer.scope(r, Permission::AlertHandle).is_ok();
        Ok(seen.withholding(r, viewer, app.store.clock().now())?)
    }

    /// The same, without what others wrote and nobody has agreed to, where the firm wants a
    /// second person for reading.
    pub(super) fn withholding(
        self,
        r: &Read<'_>,
        viewer: &Viewer,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        if !approval::four_eyes(r)?.read {
            return Ok(self);
        }
        Ok(Self {
            agreed: Some(Arc::new(opening::opened(r, viewer, now)?)),
            ..self
        })
    }

    /// The same from a sight under the permission to read the archive; nothing is withheld.
    pub(super) fn from(r: &Read<'_>, sight: Sight) -> Result<Self, StoreError> {
        let mut staff = None;
        if let Some(members) = sight.members() {
            let mut numbers = BTreeSet::new();
            for member in members {
                numbers.extend(party_of(r, member.cast())?);
            }
            staff = Some(Arc::new(numbers));
        }
        let own = match sight.own() {
            Some(member) => party_of(r, member.cast())?,
            None => None,
        };
        Ok(Self {
            sight,
            staff,
            own,
            agreed: None,
            judges: false,
        })
    }

    /// Everything, with nobody's directory.
    #[cfg(test)]
    pub(super) fn everything_for_test() -> Self {
        Self {
            sight: Sight::everything_for_test(),
            staff: None,
            own: None,
            agreed: None,
            judges: false,
        }
    }

    /// What these members wrote and received, by number, with nobody's directory.
    #[cfg(test)]
    pub(super) fn of_staff_for_test(staff: impl IntoIterator<Item = u32>) -> Self {
        Self {
            staff: Some(Arc::new(staff.into_iter().collect())),
            ..Self::everything_for_test()
        }
    }

    /// Whether the viewer may ask which messages there are alerts about.
    pub(super) fn judges(&self) -> bool {
        self.judges
    }

    /// The same with nothing withheld.
    pub(super) fn whole(self) -> Self {
        Self {
            agreed: None,
            ..self
        }
    }

    /// Whether a message with these members among sender and receivers is visible.
    pub fn sees_any(&self, mut people: impl Iterator<Item = u32>) -> bool {
        match &self.staff {
            None => true,
            Some(staff) => people.any(|no| staff.contains(&no)),
        }
    }

    /// Whether anything of a conversation may be visible.
    pub fn sees(&self, chat: &Chat) -> bool {
        self.sees_any(chat.staff.iter().copied())
    }

    /// Whether the viewer took part: reading what one wrote oneself needs no reason.
    pub fn is_own(&self, chat: &Chat) -> bool {
        self.own
            .is_some_and(|own| chat.staff.binary_search(&own).is_ok())
    }

    /// Whether what a conversation in scope says may be shown: it is the viewer's own, or no
    /// second person is wanted, or one has agreed.
    pub(super) fn reads(&self, r: &Read<'_>, chat: u32) -> Result<bool, StoreError> {
        let Some(agreed) = &self.agreed else {
            return Ok(true);
        };
        let is_agreed = agreed.contains(&chat);
        Ok(is_agreed || r.get::<Chat>(&chat)?.is_some_and(|chat| self.is_own(&chat)))
    }

    /// Whether every message of a visible conversation is visible: not so in a room which a
    /// member in scope has joined late or left.
    pub fn sees_all_of(&self, chat: &Chat) -> bool {
        self.staff.is_none() || !chat.is_room()
    }

    /// The viewer as a party.
    pub fn own(&self) -> Option<u32> {
        self.own
    }

    /// The same as the engine takes it.
    pub fn scope(&self) -> MessageScope {
        match &self.staff {
            None => MessageScope::All,
            Some(staff) => MessageScope::Staff(staff.iter().copied().collect()),
        }
    }
}

/// The number of the party that stands for a member or customer, if they ever wrote.
pub fn party_of(r: &Read<'_>, subject: SubjectId) -> Result<Option<u32>, StoreError> {
    let walk = Walk::prefix(Key::new().with(subject));
    if let Some(hit) = r.walk(&PARTY_BY_SUBJECT, &walk)?.next().transpose()? {
        return Ok(Some(hit.key));
    }
    // The archive may have met them before the directory or the list of customers did.
    let wecom_id = match r.get::<Member>(&subject.cast())? {
        Some(member) => member.userid,
        None => match r.get::<Customer>(&subject.cast())? {
            Some(customer) => customer.external_userid,
            None => return Ok(None),
        },
    };
    r.find_key(&PARTY_BY_WECOM_ID, &wecom_key(r.vault(), &wecom_id))
}

/// The numbers of the members in a department (WeCom's number) or below, as far as they are in
/// scope.
pub(super) fn staff_under(
    r: &Read<'_>,
    sight: &ArchiveSight,
    department: u64,
) -> Result<BTreeSet<u32>, StoreError> {
    let mut numbers = BTreeSet::new();
    for member in sight.sight.directory.member_ids_under(department) {
        if sight.sight.sees(member) {
            numbers.extend(party_of(r, member.cast())?);
        }
    }
    Ok(numbers)
}

/// The conversation between two, if anything of it is here and may be visible.
pub(super) fn chat_between(
    r: &Read<'_>,
    sight: &ArchiveSight,
    (a, b): (u32, u32),
) -> Result<Option<Chat>, StoreError> {
    let place = Place::OneToOne(a.min(b), a.max(b));
    let found = r.find(&CHAT_BY_PLACE, place_key(r.vault(), &place))?;
    Ok(found.filter(|chat| sight.sees(chat)))
}

/// A message as people read it.
#[derive(Debug, Clone)]
pub struct Message {
    /// WeCom's number; its name in addresses and in the API.
    pub seq: u64,
    /// The conversation's number.
    pub chat: u32,
    /// When it was sent.
    pub at: Timestamp,
    /// Who wrote it.
    pub from: u32,
    /// Who received it.
    pub to: Vec<u32>,
    /// The type.
    pub kind: Kind,
    /// What happened.
    pub action: Action,
    /// WeCom's id.
    pub msgid: String,
    /// Whether it was recalled later.
    pub is_recalled: bool,
    /// Whose it is: under this person's key it lies.
    pub subject: SubjectId,
    /// What is left of it.
    pub content: Content,
    /// The salt with which its pull committed to it.
    pub salt: Option<[u8; 16]>,
    /// Its leaf, where that was kept because the rest may be gone.
    pub leaf: Option<[u8; 32]>,
    /// The purge that deleted it, by number.
    pub purge: Option<u64>,
}

impl Message {
    pub(super) fn of(open: &Open, head: &Head) -> Self {
        Self {
            seq: head.seq,
            chat: open.stretch().chat,
            at: head.at,
            from: head.from,
            to: open.stretch().audience(head).to_vec(),
            kind: head.kind(),
            action: head.action(),
            msgid: head.msgid.text(head.at),
            is_recalled: head.is_recalled(),
            subject: open.subject(head),
            content: open.content(head),
            salt: open.salt(head),
            leaf: head.leaf,
            purge: head.purge,
        }
    }

    /// The same without what it says.
    fn withheld(self) -> Self {
        Self {
            content: Content::Withheld,
            salt: None,
            leaf: None,
            ..self
        }
    }

    /// The leaf with which its pull committed to it: kept, or computed from what is here; none
    /// if it was erased or names somebody who was.
    pub fn leaf(&self, r: &Read<'_>, chat: &Chat) -> Result<Option<Hash>, StoreError> {
        if self.leaf.is_some() {
            return Ok(self.leaf);
        }
        let (Some(salt), Some(json)) = (self.salt, self.to_json(r, chat)?) else {
            return Ok(None);
        };
        Ok(Some(leaf(&salt, self.seq, &json_bytes(&json)?)))
    }

    /// What it says, for showing; none if it is gone.
    pub fn body(&self) -> Option<Body> {
        match &self.content {
            Content::Text(text) => Some(Body::text(text.clone())),
            other => other.rest().map(|rest| Body::decode(self.kind, &rest)),
        }
    }

    /// The text that searches look in.
    pub fn text_to_index(&self) -> String {
        match &self.content {
            Content::Erased | Content::Deleted | Content::Withheld => String::new(),
            _ => self.body().map(|b| b.text_to_index()).unwrap_or_default(),
        }
    }

    /// Everything it says, field by field; none if it is gone.
    pub fn lines(&self) -> Option<Vec<Line>> {
        let rest = self.content.rest()?;
        Some(Line::all(self.kind, &rest))
    }

    /// What it says as text: its words, and below them whatever else it says; empty if it is
    /// gone.
    pub fn plain(&self) -> String {
        let rest = self.content.rest();
        rest.map(|rest| Line::plain(self.kind, &rest))
            .unwrap_or_default()
    }

    /// The message exactly as the library gave it out; none if it is gone or one of its
    /// people was erased.
    pub fn to_json(
        &self,
        r: &Read<'_>,
        chat: &Chat,
    ) -> Result<Option<serde_json::Value>, StoreError> {
        let Some(rest) = self.content.rest() else {
            return Ok(None);
        };
        let Some(from) = r.get::<Party>(&self.from)? else {
            return Ok(None);
        };
        let mut to = Vec::with_capacity(self.to.len());
        for no in &self.to {
            match r.get::<Party>(no)? {
                Some(party) => to.push(party.wecom_id),
                None => return Ok(None),
            }
        }
        let room = match &chat.place {
            Place::Room(id) => Some(id.clone()),
            _ => None,
        };
        let message = Wire {
            msgid: self.msgid.clone(),
            action: self.action,
            from: from.wecom_id,
            to,
            room,
            at_ms: self.at.ms(),
            kind: self.kind,
            rest,
        };
        Ok(Some(message.to_json()))
    }
}

/// A conversation by its id, if anything of it may be visible.
pub fn chat(r: &Read<'_>, sight: &ArchiveSight, id: ChatId) -> Result<Chat> {
    let found = chat_by_id(r, id)?.filter(|chat| sight.sees(chat));
    found.ok_or(AppError::NotFound { what: "chat" })
}

/// A conversation by its id, whoever may see it.
pub(super) fn chat_by_id(r: &Read<'_>, id: ChatId) -> Result<Option<Chat>, StoreError> {
    r.find(&CHAT_BY_ID, Key::new().with(id))
}

/// A conversation by its number.
pub fn chat_by_no(r: &Read<'_>, sight: &ArchiveSight, no: u32) -> Result<Option<Chat>, StoreError> {
    Ok(r.get::<Chat>(&no)?.filter(|chat| sight.sees(chat)))
}

/// The conversations of a member or customer, newest first.
pub fn chats_of(
    r: &Read<'_>,
    sight: &ArchiveSight,
    subject: SubjectId,
) -> Result<Vec<Chat>, StoreError> {
    let Some(party) = party_of(r, subject)? else {
        return Ok(Vec::new());
    };
    let walk = Walk::prefix(Key::new().with(party));
    let mut chats = Vec::new();
    for chat in r.list(&CHAT_BY_PARTY, &walk)? {
        let chat = chat?;
        if sight.sees(&chat) {
            chats.push(chat);
        }
    }
    chats.sort_by_key(|chat| std::cmp::Reverse(chat.last_at));
    Ok(chats)
}

/// Which messages of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Those before a number, the nearest.
    Before(u64),
    /// Those behind a number, the nearest.
    After(u64),
}

/// Visible messages of a conversation on one side of a number, in order of number, and
/// whether there are more on that side.
pub fn messages(
    r: &Read<'_>,
    sight: &ArchiveSight,
    chat: &Chat,
    side: Side,
    limit: usize,
) -> Result<(Vec<Message>, bool), StoreError> {
    let mut found = Vec::new();
    let reads = sight.reads(r, chat.no)?;
    let is_backwards = matches!(side, Side::Before(_));
    for stretch in stretches(r, chat.no, side)? {
        let stretch = stretch?;
        if stretch.chat != chat.no {
            break;
        }
        let open = stretch.open(r)?;
        let heads: Box<dyn Iterator<Item = &Head>> = match is_backwards {
            true => Box::new(open.heads().iter().rev()),
            false => Box::new(open.heads().iter()),
        };
        for head in heads {
            let is_there = match side {
                Side::Before(seq) => head.seq < seq,
                Side::After(seq) => head.seq > seq,
            };
            if is_there && sees_head(sight, &open, head) {
                if found.len() == limit {
                    return Ok((in_order(found, is_backwards), true));
                }
                let message = Message::of(&open, head);
                found.push(if reads { message } else { message.withheld() });
            }
        }
    }
    Ok((in_order(found, is_backwards), false))
}

/// How many visible messages of a conversation follow a number, `most` at most. Nothing of them
/// is opened; nothing is said of a conversation that is not read.
pub fn count_after(
    r: &Read<'_>,
    sight: &ArchiveSight,
    chat: &Chat,
    seq: u64,
    most: usize,
) -> Result<usize, StoreError> {
    if chat.last_seq <= seq || !sight.reads(r, chat.no)? {
        return Ok(0);
    }
    let mut count = 0;
    for stretch in stretches(r, chat.no, Side::After(seq))? {
        let stretch = stretch?;
        if stretch.chat != chat.no || count >= most {
            break;
        }
        let heads = stretch.heads.iter().filter(|head| head.seq > seq);
        count += heads.filter(|head| sees(sight, &stretch, head)).count();
    }
    Ok(count.min(most))
}

/// Stretches in which a visible message is looked for, to tell who is in a room.
const ROOM_STRETCHES: usize = 20;

/// Who is in a room as its newest visible message tells, members of the firm first, each group in
/// the order in which the archive met them: nobody else's name says anything to this viewer.
/// `staff` is who is in scope, `None` for everybody. Nothing is opened for it.
pub(super) fn people_in(
    r: &Read<'_>,
    room: &Chat,
    staff: Option<&BTreeSet<u32>>,
) -> Result<Vec<u32>, StoreError> {
    let stretches = stretches(r, room.no, Side::Before(u64::MAX))?;
    for stretch in stretches.take(ROOM_STRETCHES) {
        let stretch = stretch?;
        if stretch.chat != room.no {
            break;
        }
        for head in stretch.heads.iter().rev() {
            let audience = stretch.audience(head).iter().copied();
            let people: BTreeSet<u32> = std::iter::once(head.from).chain(audience).collect();
            if staff.is_none_or(|staff| people.iter().any(|no| staff.contains(no))) {
                let mut people: Vec<u32> = people.into_iter().collect();
                people.sort_by_key(|no| (room.staff.binary_search(no).is_err(), *no));
                return Ok(people);
            }
        }
    }
    Ok(Vec::new())
}

fn in_order(mut found: Vec<Message>, is_backwards: bool) -> Vec<Message> {
    if is_backwards {
        found.reverse();
    }
    found
}

fn sees_head(sight: &ArchiveSight, open: &Open, head: &Head) -> bool {
    sees(sight, open.stretch(), head)
}

fn sees(sight: &ArchiveSight, stretch: &Stretch, head: &Head) -> bool {
    let people = std::iter::once(head.from).chain(stretch.audience(head).iter().copied());
    sight.sees_any(people)
}

pub(super) type Stretches<'a> = Box<dyn Iterator<Item = Result<Stretch, StoreError>> + 'a>;

/// The stretches of a conversation on one side of a number, from the one it lies in.
pub(super) fn stretches<'a>(
    r: &Read<'a>,
    chat: u32,
    side: Side,
) -> Result<Stretches<'a>, StoreError> {
    Ok(match side {
        Side::Before(seq) => Box::new(r.all_backwards::<Stretch>(Some(&(chat, seq)))?),
        Side::After(seq) => {
            // The stretch that begins at or before the number may reach behind it.
            let reach = (chat, seq.saturating_add(1));
            let mut before = r.all_backwards::<Stretch>(Some(&reach))?;
            let within = before
                .next()
                .filter(|s| s.as_ref().is_ok_and(|s| s.chat == chat));
            let behind = r.all::<Stretch>(Some(&(chat, seq)))?;
            Box::new(within.into_iter().chain(behind))
        }
    })
}

/// One visible message.
pub fn message(
    r: &Read<'_>,
    sight: &ArchiveSight,
    chat: u32,
    seq: u64,
) -> Result<Option<Message>, StoreError> {
    let mut before = r.all_backwards::<Stretch>(Some(&(chat, seq.saturating_add(1))))?;
    let Some(stretch) = before.next().transpose()?.filter(|s| s.chat == chat) else {
        return Ok(None);
    };
    if !stretch.heads.iter().any(|head| head.seq == seq) {
        return Ok(None);
    }
    let open = stretch.open(r)?;
    let head = open.heads().iter().find(|head| head.seq == seq);
    let head = head.filter(|head| sees_head(sight, &open, head));
    let found = head.map(|head| Message::of(&open, head));
    Ok(match sight.reads(r, chat)? {
        true => found,
        false => found.map(Message::withheld),
    })
}

/// Every message of an open stretch, whoever may see them.
pub(super) fn messages_in(open: &Open) -> Vec<Message> {
    let heads = open.heads().iter();
    heads.map(|head| Message::of(open, head)).collect()
}

/// The visible message with a number, wherever it stands: for addresses that name no
/// conversation.
pub fn message_by_seq(
    r: &Read<'_>,
    sight: &ArchiveSight,
    seq: u64,
) -> Result<Option<Message>, StoreError> {
    let Some(pull) = pull_of(r, seq)? else {
        return Ok(None);
    };
    let within = |pull: &Pull| {
        let mut chats = pull.chats.iter();
        chats
            .find_map(|(chat, _)| message(r, sight, *chat, seq).transpose())
            .transpose()
    };
    if let Some(found) = within(&pull)? {
        return Ok(Some(found));
    }
    if pull.parked == 0 {
        return Ok(None);
    }
    // It came closed; a later pull opened it.
    for later in r.all::<Pull>(Some(&pull.no))? {
        let later = later?;
        if later.why == Brought::Unlocked && later.numbers.binary_search(&seq).is_ok() {
            return within(&later);
        }
    }
    Ok(None)
}

/// The answer of the archive that brought a number.
pub(super) fn pull_of(r: &Read<'_>, seq: u64) -> Result<Option<Pull>, StoreError> {
    let (mut low, mut high) = (1, super::ingest::cursor(r)?.pulls);
    while low <= high {
        let middle = low + (high - low) / 2;
        let Some(pull) = pulled_at(r, middle, high)? else {
            high = middle - 1;
            continue;
        };
        if pull.last_seq < seq {
            low = pull.no + 1;
        } else if pull.first_seq > seq {
            high = middle - 1;
        } else {
            return Ok(Some(pull));
        }
    }
    Ok(None)
}

/// The first answer from `no` up to `last` that brought what was new.
fn pulled_at(r: &Read<'_>, no: u64, last: u64) -> Result<Option<Pull>, StoreError> {
    for pull in r.all::<Pull>(Some(&(no - 1)))? {
        let pull = pull?;
        if pull.no > last {
            break;
        }
        if pull.why == Brought::Pulled {
            return Ok(Some(pull));
        }
    }
    Ok(None)
}

/// Every message of the folder behind a conversation and a number in it, for what is derived:
/// conversation by conversation, in order of number. `(0, 0)` begins.
pub fn all_messages<'a>(
    r: &Read<'a>,
    after: (u32, u64),
) -> Result<impl Iterator<Item = Result<Vec<Message>, StoreError>> + use<'a>, StoreError> {
    let read = *r;
    let (chat, seq) = after;
    Ok(stretches(r, chat, Side::After(seq))?.map(move |stretch| {
        let mut messages = messages_in(&stretch?.open(&read)?);
        messages.retain(|message| (message.chat, message.seq) > after);
        Ok(messages)
    }))
}

/// The messages that a pull has brought, whoever may see them: for what is derived.
pub fn messages_of_pull(r: &Read<'_>, pull: &Pull) -> Result<Vec<Message>, StoreError> {
    let numbers: BTreeSet<u64> = pull.numbers.iter().copied().collect();
    let mut found = Vec::new();
    for (chat, _) in &pull.chats {
        let before = pull.first_seq.saturating_sub(1);
        for stretch in stretches(r, *chat, Side::After(before))? {
            let stretch = stretch?;
            if stretch.chat != *chat || stretch.first() > pull.last_seq {
                break;
            }
            let open = stretch.open(r)?;
            let is_in = |seq: u64| match numbers.is_empty() {
                true => (pull.first_seq..=pull.last_seq).contains(&seq),
                false => numbers.contains(&seq),
            };
            let heads = open.heads().iter().filter(|head| is_in(head.seq));
            found.extend(heads.map(|head| Message::of(&open, head)));
        }
    }
    Ok(found)
}

/// The files of a message.
pub fn files(r: &Read<'_>, seq: u64) -> Result<Vec<Media>, StoreError> {
    let mut files = Vec::new();
    for file in r.all::<Media>(Some(&(seq.saturating_sub(1), u8::MAX)))? {
        let file = file?;
        if file.seq != seq {
            break;
        }
        files.push(file);
    }
    Ok(files)
}

/// One file of a message.
pub fn file(r: &Read<'_>, seq: u64, place: u8) -> Result<Option<Media>, StoreError> {
    r.get::<Media>(&(seq, place))
}

/// Where the people outside of this conversation stand on being archived: in the room, or
/// towards its members.
pub fn consents(r: &Read<'_>, chat: &Chat) -> Result<Vec<Consent>, StoreError> {
    let mut found = Vec::new();
    for party in &chat.others {
        found.extend(consents_of(r, chat, *party)?);
    }
    Ok(found)
}

/// The same of one of them, also of somebody who only reads.
pub fn consents_of(r: &Read<'_>, chat: &Chat, party: u32) -> Result<Vec<Consent>, StoreError> {
    let mut found = Vec::new();
    for consent in r.all::<Consent>(Some(&(party, 0)))? {
        let consent = consent?;
        if consent.party != party {
            break;
        }
        let is_here = match consent.towards {
            Towards::Member(no) => !chat.is_room() && chat.staff.binary_search(&no).is_ok(),
            Towards::Room(no) => no == chat.no,
        };
        if is_here {
            found.push(consent);
        }
    }
    Ok(found)
}

/// Somebody in a conversation, as shown to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The party's number.
    pub no: u32,
    /// What the party is; `None` if the person was erased.
    pub kind: Option<PartyKind>,
    /// The name; empty if nobody knows it.
    pub name: String,
    /// The member, where the party is one the directory knows.
    pub member: Option<MemberId>,
    /// The customer, where the party is one.
    pub customer: Option<customers::CustomerId>,
}

/// The name of who is behind one of WeCom's ids that stands within a message.
pub fn name_of_id(
    r: &Read<'_>,
    sight: &Sight,
    wecom_id: &str,
) -> Result<Option<String>, StoreError> {
    if let Some(member) = sight.directory.by_userid(wecom_id) {
        return Ok(Some(member.name.clone()));
    }
    // A card may be anybody's: only who is in scope has a name.
    let Some(customer) = customers::sync::by_external_userid(r, wecom_id)? else {
        return Ok(None);
    };
    let found = customers::queries::customer(r, sight, customer.id)?;
    let name = found.map(|found| found.customer.name);
    Ok(name.filter(|name| !name.is_empty()))
}

/// Who a party is. Names of those who take part in a visible conversation are part of it.
pub fn person(r: &Read<'_>, sight: &Sight, no: u32) -> Result<Person, StoreError> {
    let mut person = Person {
        no,
        kind: None,
        name: String::new(),
        member: None,
        customer: None,
    };
    let Some(party) = r.get::<Party>(&no)? else {
        return Ok(person);
    };
    person.kind = Some(party.kind);
    let member = sight.directory.member(party.subject.cast());
    let member = member.or_else(|| match party.kind {
        PartyKind::Member => sight.directory.by_userid(&party.wecom_id),
        _ => None,
    });
    if let Some(member) = member {
        person.member = Some(member.id);
        person.name.clone_from(&member.name);
    } else if let Some(customer) = r.get::<Customer>(&party.subject.cast())? {
        person.customer = Some(customer.id);
        person.name = customer.name;
    } else if let Some(customer) = customer_since(r, &party)? {
        person.customer = Some(customer.id);
        person.name = customer.name;
    } else if party.kind == PartyKind::Member {
        person.name = party.wecom_id;
    } else if party.kind == PartyKind::Robot {
        person.name = party.name;
    }
    Ok(person)
}

/// The customer a party turned out to be after the archive had met them.
fn customer_since(r: &Read<'_>, party: &Party) -> Result<Option<Customer>, StoreError> {
    match party.kind.is_outside() {
        true => crate::customers::sync::by_external_userid(r, &party.wecom_id),
        false => Ok(None),
    }
}
