//! A search among the messages that somebody sees: what is asked in people's words, and the
//! messages found. Words that are names, also in pinyin, stand for the people as well.

use std::sync::Arc;

use crate::{
    app::App,
    customers::CustomerId,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::{Cursor, Id, Page, PageRequest, Timestamp},
    org::MemberId,
    search::{
        ChatHits, InChat, MessageChatSort, MessageChats, MessageHit, MessageMarks, MessageOrder,
        MessagePage, MessagePlace, MessageQuery, MessageTally, Word,
    },
    store::{Read, SubjectId},
    wecom::archive::Kind,
};

use super::{
    meant::meant,
    model::ChatId,
    parked,
    queries::{self, ArchiveSight, Message},
};

/// Words that are looked for; whoever types more is told.
const WORDS_MAX: usize = 16;
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
    /// Words with blanks between, as far as they are looked for.
    fn words(&self) -> Vec<&str> {
        self.text.split_whitespace().take(WORDS_MAX).collect()
    }

    /// Words that are too many to be looked for.
    pub fn left_out(&self) -> Vec<&str> {
        self.text.split_whitespace().skip(WORDS_MAX).collect()
    }

    /// As the engine takes it.
    pub fn query(&self, app: &App, r: &Read<'_>, sight: &ArchiveSight) -> Result<MessageQuery> {
        Ok(self.understood(app, r, sight)?.query)
    }

    /// As the engine takes it, and what could not be.
    pub fn understood(&self, app: &App, r: &Read<'_>, sight: &ArchiveSight) -> Result<Understood> {
        let mut query = MessageQuery::new(sight.scope(), 0);
        let mut common = Vec::new();
        let words = self.words();
        let mut rest = words.as_slice();
        while let [word, behind @ ..] = rest {
            rest = behind;
            if let [next, behind @ ..] = rest
                && let Some(both) = name_of_two(app, r, sight, word, next)?
            {
                query.words.push(both);
                rest = behind;
                continue;
            }
            let meant = meant(app, r, sight, word)?;
            if meant.is_common {
                common.push((*word).to_owned());
            }
            query.words.push(Word {
                text: (*word).to_owned(),
                parties: meant.parties(r)?,
                also: meant.cards(app, r, sight, word)?,
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
        Ok(Understood { query, common })
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

/// What is asked, as the engine takes it.
#[derive(Debug, Clone)]
pub struct Understood {
    /// The question.
    pub query: MessageQuery,
    /// Words with which too many names begin: they are looked for in texts, and not all whom
    /// they may mean are.
    pub common: Vec<String>,
}

/// Two words that together are a name, as letters are typed: a nickname with a blank in it, or
/// pinyin with blanks between syllables.
fn name_of_two(
    app: &App,
    r: &Read<'_>,
    sight: &ArchiveSight,
    first: &str,
    second: &str,
) -> Result<Option<Word>> {
    let has_letter = |word: &str| word.bytes().any(|b| b.is_ascii_alphabetic());
    if !has_letter(first) && !has_letter(second) {
        return Ok(None);
    }
    let text = format!("{first} {second}");
    let are_letters = text.bytes().all(|b| b.is_ascii_alphabetic() || b == b' ');
    let joined = are_letters.then(|| format!("{first}{second}"));
    for name in std::iter::once(text.clone()).chain(joined) {
        let meant = meant(app, r, sight, &name)?;
        let parties = meant.parties(r)?;
        if !parties.is_empty() && !meant.is_common {
            let also = meant.cards(app, r, sight, &name)?;
            return Ok(Some(Word {
                text,
                parties,
                also,
            }));
        }
    }
    Ok(None)
}

fn party(r: &Read<'_>, subject: SubjectId) -> Result<u32> {
    Ok(queries::party_of(r, subject)?.unwrap_or(NOBODY))
}

/// A page of the messages found.
pub fn messages(
    app: &App,
    r: &Read<'_>,
    sight: &ArchiveSight,
    mut query: MessageQuery,
    request: &PageRequest,
) -> Result<Page<Message>> {
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
}
