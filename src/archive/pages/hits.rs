//! Messages found, as lines: on the page of the search, and beside a conversation.

use crate::{
    archive::{
        Content,
        model::{Chat, Place},
        names::{Names, Who},
        queries::Message,
    },
    kit::Timestamp,
    search::{Piece, mark},
    store::StoreError,
    web::{Cx, ListQuery},
    wecom::archive::{Body, Kind},
};

use super::markdown;

/// Characters of a text that a line shows.
pub(in crate::archive) const SHOWN_CHARS: usize = 120;
/// Characters before the first match that a line shows.
const BEFORE_CHARS: usize = 24;

/// One message found.
pub(in crate::archive) struct Hit {
    /// Its address: the conversation, with the message in the middle.
    pub href: String,
    pub by: String,
    pub key: String,
    pub at: Timestamp,
    /// What it is, if not a text.
    pub tag: Option<String>,
    pub text: Vec<Piece>,
    pub is_recalled: bool,
    pub is_current: bool,
    /// To whom it was written or in which room, and the icon before it, where the line stands
    /// alone.
    pub towards: Option<(String, &'static str)>,
    /// Where it is added to a case, on the page of the search.
    pub keep: Option<String>,
}

/// Hits of one conversation.
pub(in crate::archive) struct HitGroup {
    pub title: String,
    pub icon: &'static str,
    pub count: u64,
    pub hits: Vec<Hit>,
    /// Where the others are, and how many.
    pub more: Option<(String, u64)>,
}

/// The icon of a conversation.
pub(super) fn icon_of(chat: &Chat) -> &'static str {
    match chat.is_room() {
        true => "group",
        false => "user",
    }
}

/// Makes lines of messages.
pub(in crate::archive) struct Lines<'a> {
    pub cx: &'a Cx,
    pub names: &'a Names<'a>,
    /// What was typed.
    pub text: &'a str,
    /// The conditions that go along into the conversation.
    pub query: &'a ListQuery,
}

impl Lines<'_> {
    /// The address of a message within its conversation, with the conditions kept.
    pub fn href(&self, chat: &Chat, seq: u64) -> String {
        address(chat, self.query).with("at", seq).to_string() + &format!("#m-{seq}")
    }

    /// One message.
    pub fn hit(&self, chat: &Chat, message: &Message, alone: bool) -> Result<Hit, StoreError> {
        let who: std::rc::Rc<Who> = self.names.who(message.from)?;
        let towards = match alone {
            true => self.towards(chat, message.from)?,
            false => None,
        };
        let kind = format!("archive.kind.{}", message.kind.code());
        let tag = (message.kind != Kind::Text).then(|| self.cx.t(&kind).into_owned());
        Ok(Hit {
            href: self.href(chat, message.seq),
            by: who.name.clone(),
            key: who.key.clone(),
            at: message.at,
            tag,
            text: self.text_of(message)?,
            is_recalled: message.is_recalled,
            is_current: false,
            towards,
            keep: None,
        })
    }

    /// Where `from`'s message went. Whoever wrote is named already: of two people only the other
    /// one is, so that both names have room on a phone.
    fn towards(
        &self,
        chat: &Chat,
        from: u32,
    ) -> Result<Option<(String, &'static str)>, StoreError> {
        Ok(match chat.place {
            Place::Alone(_) => None,
            Place::OneToOne(a, b) if from == a || from == b => {
                let other = if from == a { b } else { a };
                Some((self.names.who(other)?.name.clone(), "right"))
            }
            Place::OneToOne(..) | Place::Room(_) => Some((self.names.title(chat)?, icon_of(chat))),
        })
    }
}

impl Lines<'_> {
    /// The part of a message that shows why it was found; a card has the name on it, as in its
    /// bubble.
    fn text_of(&self, message: &Message) -> Result<Vec<Piece>, StoreError> {
        let Some(Body::Card { userid, firm }) = message.body() else {
            return Ok(excerpt(self.cx, message, self.text));
        };
        let name = self.names.by_wecom_id(&userid)?;
        let name = name.unwrap_or_else(|| self.cx.t("archive.person.wechat").into_owned());
        let line = [name, firm].join(" ");
        Ok(around(mark(line.trim(), self.text)))
    }
}

/// The address of a conversation under the conditions of a search.
pub(super) fn address(chat: &Chat, query: &ListQuery) -> ListQuery {
    let kept = query.only(&super::asked::CONDITIONS).to_string();
    let kept = kept
        .split_once('?')
        .map_or("", |(_, query)| query)
        .to_owned();
    ListQuery::parse(&format!("/archive/{}", chat.id), &kept)
}

/// The part of a message that shows why it was found.
pub fn excerpt(cx: &Cx, message: &Message, typed: &str) -> Vec<Piece> {
    let plain = |word: &str| {
        vec![Piece {
            text: cx.t(word).into_owned(),
            marked: false,
        }]
    };
    match &message.content {
        Content::Erased => return plain("archive.gone.erased"),
        Content::Deleted => return plain("archive.gone.deleted"),
        Content::Withheld => return plain("archive.withheld"),
        Content::Text(_) | Content::Rest(_) => {}
    }
    let text = text_of(message);
    if text.trim().is_empty() {
        return plain(&format!("archive.kind.{}", message.kind.code()));
    }
    around(mark(&text.replace('\n', " "), typed))
}

/// What a message says, as a person reads it.
pub(super) fn text_of(message: &Message) -> String {
    match message.body() {
        Some(Body::Markdown { content }) => markdown::plain(&content),
        _ => message.text_to_index(),
    }
}

/// Cuts pieces to what a line can show, beginning a little before the first match.
fn around(pieces: Vec<Piece>) -> Vec<Piece> {
    let before: usize = pieces
        .iter()
        .take_while(|piece| !piece.marked)
        .map(|piece| piece.text.chars().count())
        .sum();
    let is_found = pieces.iter().any(|piece| piece.marked);
    let skip = match is_found {
        true => before.saturating_sub(BEFORE_CHARS),
        false => 0,
    };
    let (mut at, mut left, mut shown) = (0, SHOWN_CHARS, Vec::new());
    for piece in pieces {
        let length = piece.text.chars().count();
        let from = skip.saturating_sub(at).min(length);
        let mut text: String = piece.text.chars().skip(from).take(left).collect();
        let taken = text.chars().count();
        left -= taken;
        at += length;
        if taken == 0 {
            continue;
        }
        if shown.is_empty() && skip > 0 {
            text.insert(0, '…');
        }
        if left == 0 {
            text.push('…');
        }
        shown.push(Piece {
            text,
            marked: piece.marked,
        });
        if left == 0 {
            break;
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, typed: &str) -> String {
        let piece = |p: Piece| match p.marked {
            true => format!("[{}]", p.text),
            false => p.text,
        };
        around(mark(text, typed)).into_iter().map(piece).collect()
    }

    #[test]
    fn a_line_begins_a_little_before_what_was_found_and_ends() {
        assert_eq!(shown("专用发票", "发票"), "专用[发票]");
        let far = format!("{}发票{}", "前".repeat(60), "后".repeat(200));
        let line = shown(&far, "发票");
        assert!(
            line.starts_with(&format!("…{}[发票]后", "前".repeat(24))),
            "{line}"
        );
        assert!(
            line.ends_with("后…") && line.chars().count() < 130,
            "{line}"
        );
        assert_eq!(shown(&"字".repeat(300), "发票").chars().count(), 121);
    }
}
