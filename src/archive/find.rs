//! A search among the messages that somebody sees: what is asked in people's words, and the
//! messages found. Words that are names, also in pinyin, stand for the people as well.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    app::{App, scope_filter},
    customers::{self, Customer, CustomerId},
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::{Cursor, Id, Page, PageRequest, Timestamp},
    org::MemberId,
    search::{
        ChatHits, Filters, From, InChat, Kind as People, MessageChatSort, MessageChats, MessageHit,
        MessageMarks, MessageOrder, MessagePage, MessagePlace, MessageQuery, MessageTally,
        PeopleQuery, ScopeFilter, Sort, Word, highlight, is_phone_search,
    },
    store::{Read, StoreError, SubjectId},
    wecom::archive::Kind,
};

use super::{
    index::card_mark,
    model::ChatId,
    parked,
    queries::{self, ArchiveSight, Message},
};

/// Words that are looked for.
const WORDS_MAX: usize = 8;
/// People whom one word may mean; a name that more have says too little.
const MEANT_MAX: usize = 50;
/// Characters of a word that may be a name.
const NAME_CHARS: std::ops::RangeInclusive<usize> = 2..=20;
/// A party that nobody is.
const NOBODY: u32 = u32::MAX;

/// What is asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// What was typed.
    pub text: String,
    /// This member took part.
    pub staff: Option<MemberId>,
    /// Somebody in this department (WeCom's number) or below took part.
    pub department: Option<u64>,
    /// This customer took part.
    pub customer: Option<CustomerId>,
    /// In this conversation.
    pub chat: Option<ChatId>,
    /// In a room, or not in one.
    pub in_room: Option<bool>,
    /// Of one of these types; none is all.
    pub kinds: Vec<Kind>,
    /// Sent at or after.
    pub from: Option<Timestamp>,
    /// Sent before.
    pub to: Option<Timestamp>,
    /// Only what was recalled.
    pub recalled: bool,
    /// Only what there is an alert about; refused to whoever does not handle alerts.
    pub alerted: bool,
    /// Only what nobody can read yet; refused to whoever does not see the whole firm. No
    /// message that can be searched is one of these: see `parked`.
    pub undecrypted: bool,
    /// The order.
    pub order: MessageOrder,
}

impl Asked {
    /// Words with blanks between.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.text.split_whitespace().take(WORDS_MAX)
    }

    /// As the engine takes it.
    pub fn query(&self, app: &App, r: &Read<'_>, sight: &ArchiveSight) -> Result<MessageQuery> {
        let mut query = MessageQuery::new(sight.scope(), 0);
        for word in self.words() {
            let named = named(app, r, sight, word)?;
            query.words.push(Word {
                text: word.to_owned(),
                parties: parties(r, &named)?,
                also: cards(app, r, sight, (word, &named))?,
            });
        }
        if let Some(department) = self.department {
            query.with = queries::staff_under(r, sight, department)?
                .into_iter()
                .collect();
            if query.with.is_empty() {
                query.with.push(NOBODY);
            }
        }
        let (customer, staff) = (self.customer.map(Id::cast), self.staff.map(Id::cast));
        for subject in [customer, staff].into_iter().flatten() {
            // All have to have taken part: a word without letters stands for one of them.
            query.words.push(Word {
                text: String::new(),
                parties: vec![party(r, subject)?],
                ..Word::default()
            });
        }
        if let Some(id) = self.chat {
            let chat = queries::chat_by_id(r, id)?.filter(|chat| sight.sees(chat));
            query.chat = Some(chat.map_or(NOBODY, |chat| chat.no));
        }
        if let Some(in_room) = self.in_room {
            let rooms = app.archive.rooms.set(r)?;
            query.sort = Some(match in_room {
                true => MessageChatSort::In(rooms),
                false => MessageChatSort::NotIn(rooms),
            });
        }
        query.kinds = self.kinds.iter().map(|kind| kind.number()).collect();
        query.from_ms = self.from.map(Timestamp::ms);
        query.to_ms = self.to.map(Timestamp::ms);
        query.only = self.only(app, r, sight)?;
        query.order = self.order;
        Ok(query)
    }

    /// The messages with all marks that are asked for; none if all messages will do.
    fn only(
        &self,
        app: &App,
        r: &Read<'_>,
        sight: &ArchiveSight,
    ) -> Result<Option<Arc<MessageMarks>>> {
        if self.alerted && !sight.judges() {
            return Err(AppError::Forbidden {
                permission: Permission::AlertHandle.code(),
            });
        }
        if self.undecrypted {
            parked::must_see(sight)?;
            return Ok(Some(Arc::default()));
        }
        let archive = &app.archive;
        Ok(match (self.recalled, self.alerted) {
            (false, false) => None,
            (true, false) => Some(archive.recalled.marks(r)?),
            (false, true) => Some(archive.alerted.marks(r)?),
            (true, true) => {
                let alerted = archive.alerted.marks(r)?;
                Some(Arc::new(archive.recalled.marks(r)?.and(&alerted)))
            }
        })
    }

    /// The rights that what is asked needs, asked again.
    pub(super) fn still_may(&self, r: &Read<'_>, viewer: &Viewer) -> Result<()> {
        let scope = viewer.scope(r, Permission::ArchiveRead)?;
        if self.alerted {
            viewer.scope(r, Permission::AlertHandle)?;
        }
        if self.undecrypted {
            parked::must_reach(&scope)?;
        }
        Ok(())
    }
}

fn party(r: &Read<'_>, subject: SubjectId) -> Result<u32> {
    Ok(queries::party_of(r, subject)?.unwrap_or(NOBODY))
}

/// The people whom a word may name, as parties.
pub(super) fn meant(app: &App, r: &Read<'_>, sight: &ArchiveSight, word: &str) -> Result<Vec<u32>> {
    Ok(parties(r, &named(app, r, sight, word)?)?)
}

/// The people whom a word may name: members and customers in scope whose name or remark
/// begins with it or, in pinyin, is it.
fn named(app: &App, r: &Read<'_>, sight: &ArchiveSight, word: &str) -> Result<BTreeSet<SubjectId>> {
    let mut subjects = BTreeSet::new();
    for kind in [People::Customer, People::Member] {
        for subject in looked_up(app, word, kind, scope_filter(&sight.sight))? {
            let is_named = match kind {
                People::Customer => names_customer(r, sight, subject.cast(), word)?,
                _ => begins(sight.sight.name(subject.cast()), word),
            };
            if is_named {
                subjects.insert(subject);
            }
        }
    }
    Ok(subjects)
}

/// Those in whose name a word was found; none if there are too many to mean anybody.
fn looked_up(app: &App, word: &str, kind: People, scope: ScopeFilter) -> Result<Vec<SubjectId>> {
    if !NAME_CHARS.contains(&word.chars().count()) || is_phone_search(word) {
        return Ok(Vec::new());
    }
    let asked = PeopleQuery {
        text: word.to_owned(),
        kind,
        scope,
        filters: Filters::default(),
        sort: Sort::Relevance,
        may_see_phones: false,
    };
    let hits = app.people.search(&asked, From::Start, MEANT_MAX)?;
    if hits.total > MEANT_MAX as u64 {
        return Ok(Vec::new());
    }
    let found = hits.items.iter();
    Ok(found.map(|hit| SubjectId::from_bits(hit.object)).collect())
}

fn parties(r: &Read<'_>, subjects: &BTreeSet<SubjectId>) -> Result<Vec<u32>, StoreError> {
    let mut parties = Vec::new();
    for subject in subjects {
        parties.extend(queries::party_of(r, *subject)?);
    }
    Ok(parties)
}

/// The marks of the cards on which a word's people stand, as far as a bubble names them:
/// customers in scope, and members of the whole firm.
fn cards(
    app: &App,
    r: &Read<'_>,
    sight: &ArchiveSight,
    (word, named): (&str, &BTreeSet<SubjectId>),
) -> Result<Vec<String>> {
    let mut people = named.clone();
    if sight.sight.members().is_some() {
        let colleagues = looked_up(app, word, People::Member, ScopeFilter::Everything)?;
        let is_named = |id: &SubjectId| begins(sight.sight.name(id.cast()), word);
        people.extend(colleagues.into_iter().filter(is_named));
    }
    let mut marks = Vec::new();
    for subject in people {
        let wecom_id = match sight.sight.directory.member(subject.cast()) {
            Some(member) => Some(member.userid.clone()),
            None => r
                .get::<Customer>(&subject.cast())?
                .map(|customer| customer.external_userid),
        };
        let wecom_id = wecom_id.filter(|id| !id.is_empty());
        marks.extend(wecom_id.map(|id| card_mark(r.vault(), &id)));
    }
    Ok(marks)
}

fn names_customer(r: &Read<'_>, sight: &ArchiveSight, id: CustomerId, word: &str) -> Result<bool> {
    let found = customers::queries::customer(r, &sight.sight, id)?;
    Ok(found.is_some_and(|found| {
        let remarks = found.relations.iter().map(|r| r.remark.as_str());
        let mut names = std::iter::once(found.customer.name.as_str()).chain(remarks);
        names.any(|name| begins(name, word))
    }))
}

/// Whether a name begins with a word, in letters or in pinyin.
fn begins(name: &str, word: &str) -> bool {
    highlight(name, word)
        .first()
        .is_some_and(|piece| piece.marked)
}

/// A page of the messages found.
pub fn messages(
    app: &App,
    r: &Read<'_>,
    sight: &ArchiveSight,
    asked: &Asked,
    request: &PageRequest,
) -> Result<Page<Message>> {
    let mut query = asked.query(app, r, sight)?;
    query.page = page_of(request);
    query.limit = request.limit();
    let hits = app.messages.search(&query)?;
    Ok(Page {
        items: hydrate(r, sight, &hits.items)?,
        total: hits.total,
        total_exact: hits.total_exact,
        offset: matches!(query.page, MessagePage::Start).then_some(0),
        next: hits.next.map(cursor),
        prev: hits.prev.map(cursor),
    })
}

/// The messages of hits that are (still) there and visible.
fn hydrate(r: &Read<'_>, sight: &ArchiveSight, hits: &[MessageHit]) -> Result<Vec<Message>> {
    let mut found = Vec::with_capacity(hits.len());
    for hit in hits {
        found.extend(queries::message(r, sight, hit.chat, hit.seq)?);
    }
    Ok(found)
}

/// The hits of one conversation: how many, and the newest of them.
#[derive(Debug, Clone)]
pub struct ChatFound {
    /// The conversation's number.
    pub chat: u32,
    /// Hits in it.
    pub count: u64,
    /// The newest of them, the newest first.
    pub newest: Vec<Message>,
}

/// Hits by conversation, and whether all hits were looked at.
pub fn by_chat(app: &App, query: &MessageQuery) -> Result<MessageChats> {
    Ok(app.messages.by_chat(query)?)
}

/// The newest hits of a conversation.
pub fn newest_in(
    app: &App,
    r: &Read<'_>,
    sight: &ArchiveSight,
    query: &MessageQuery,
    chat: &ChatHits,
    most: usize,
) -> Result<ChatFound> {
    let hits = match most {
        1 => vec![chat.newest],
        _ => {
            let within = MessageQuery {
                chat: Some(chat.chat),
                order: MessageOrder::Newest,
                limit: most,
                ..query.clone()
            };
            app.messages.search(&within)?.items
        }
    };
    Ok(ChatFound {
        chat: chat.chat,
        count: chat.count,
        newest: hydrate(r, sight, &hits)?,
    })
}

/// Where a message stands among the hits of its conversation.
pub fn place_in(app: &App, query: &MessageQuery, chat: u32, seq: u64) -> Result<InChat> {
    Ok(app.messages.in_chat(query, chat, seq)?)
}

/// The newest hit of a conversation.
pub fn newest_hit(app: &App, query: &MessageQuery, chat: u32) -> Result<Option<u64>> {
    let within = MessageQuery {
        chat: Some(chat),
        order: MessageOrder::Newest,
        limit: 1,
        ..query.clone()
    };
    let hits = app.messages.search(&within)?;
    Ok(hits.items.first().map(|hit| hit.seq))
}

/// What the visible messages of a conversation come to; `kinds` are groups of types.
pub fn tally(
    app: &App,
    sight: &ArchiveSight,
    chat: u32,
    kinds: &[&[Kind]],
) -> Result<MessageTally> {
    let all = MessageQuery {
        chat: Some(chat),
        ..MessageQuery::new(sight.scope(), 1)
    };
    let groups = kinds
        .iter()
        .map(|kinds| kinds.iter().map(|kind| kind.number()).collect());
    let groups: Vec<Vec<u8>> = groups.collect();
    Ok(app.messages.tally(&all, &groups)?)
}

/// A place as a cursor: how well it matches, then its key; big-endian.
fn cursor(place: MessagePlace) -> Cursor {
    Cursor([&place.score.to_be_bytes()[..], &place.key.to_be_bytes()[..]].concat())
}

fn place(cursor: &Cursor) -> Option<MessagePlace> {
    let (score, key) = cursor.0.split_first_chunk::<4>()?;
    Some(MessagePlace {
        score: u32::from_be_bytes(*score),
        key: u64::from_be_bytes(key.try_into().ok()?),
    })
}

fn page_of(request: &PageRequest) -> MessagePage {
    let after = request
        .after
        .as_ref()
        .and_then(place)
        .map(MessagePage::After);
    let before = request
        .before
        .as_ref()
        .and_then(place)
        .map(MessagePage::Before);
    after.or(before).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nonsense_is_the_first_page() {
        let at = MessagePlace { score: 7, key: 9 };
        assert_eq!(place(&cursor(at)), Some(at));
        let after = |bytes: Vec<u8>| PageRequest {
            after: Some(Cursor(bytes)),
            ..PageRequest::default()
        };
        assert_eq!(page_of(&after(vec![1, 2])), MessagePage::Start);
        assert_eq!(page_of(&after(cursor(at).0)), MessagePage::After(at));
    }

    #[test]
    fn a_word_names_whoever_it_begins() {
        assert!(begins("陈芳雪", "陈芳"));
        assert!(begins("陈芳雪", "cfx"));
        assert!(!begins("陈芳雪", "芳雪"));
        assert!(!begins("老客户退款", "退款"));
    }
}
