//! `/archive/{chat}`: a conversation, with the hits beside it and what is known of it.

use actix_web::web::{Data, Path};
use askama::Template;

use crate::{
    app::App,
    archive::{
        find::{self, Asked},
        model::{Chat, ChatId},
        names::Names,
        opening::{self, Right},
        queries::{self, ArchiveSight, Message, Side},
    },
    error::{AppError, Result},
    identity::{Permission, Viewer},
    search::MessageQuery,
    store::{Act, Read},
    web::{Cx, ListQuery, Shown, View, filters},
};

use super::{
    asked::{self, CONDITIONS},
    bubble::{Item, Maker},
    facts::{Facts, Gatherer},
    flags::Flags,
    hits::{Hit, HitGroup, Lines, address, icon_of},
    news::Watch,
};

/// Messages on either side of the one in the middle, and those that come with a click.
pub(super) const STEP: usize = 20;
/// Conversations beside this one.
const CHATS: usize = 12;
/// Hits of one conversation beside this one.
const HITS: usize = 5;

/// Where this message stands among the hits of its conversation.
pub(super) struct Place {
    pub(super) number: Option<u64>,
    pub(super) total: u64,
    pub(super) prev: Option<String>,
    pub(super) next: Option<String>,
}

/// The page.
#[derive(Template)]
#[template(path = "archive/chat.html", blocks = ["title"])]
pub(in crate::archive) struct ChatPage {
    pub(super) title: String,
    pub(super) text: String,
    /// Conditions that the search beside keeps.
    pub(super) kept: Vec<(String, String)>,
    /// The search with all its hits.
    pub(super) all: String,
    pub(super) is_search: bool,
    pub(super) summary: String,
    pub(super) groups: Vec<HitGroup>,
    pub(super) place: Option<Place>,
    pub(super) earlier: Option<String>,
    pub(super) later: Option<String>,
    /// What is asked where the conversation ends.
    pub(super) watch: Option<Watch>,
    pub(super) items: Vec<Item>,
    /// Where a message is added to a case, its number behind; none without the right.
    pub(super) keep: Option<String>,
    /// Not with a part.
    pub(super) facts: Option<Facts>,
}

/// What a click at either end brings: messages, and the way on.
#[derive(Template)]
#[template(path = "archive/chat_part.html")]
struct End<'p> {
    is_earlier: bool,
    items: &'p [Item],
    keep: &'p Option<String>,
    href: &'p Option<String>,
    watch: &'p Option<Watch>,
}

impl View for ChatPage {
    fn page(&self, cx: &Cx) -> askama::Result<String> {
        self.render_with_values(cx)
    }
    fn title(&self, cx: &Cx) -> askama::Result<String> {
        self.as_title().render_with_values(cx)
    }
    fn block(&self, id: &str, cx: &Cx) -> Option<askama::Result<String>> {
        let href = match id {
            "earlier" => &self.earlier,
            "later" => &self.later,
            _ => return None,
        };
        let end = End {
            is_earlier: id == "earlier",
            items: &self.items,
            keep: &self.keep,
            href,
            watch: &self.watch,
        };
        Some(end.render_with_values(cx))
    }
}

/// Shows a part of a conversation. The entry of it names every message shown, and is durable
/// before anything is.
pub(in crate::archive) async fn view(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<ChatPage>> {
    let missing = |_| AppError::NotFound { what: "chat" };
    let id: ChatId = id.parse().map_err(missing)?;
    let query = ListQuery::parse(&cx.path, &cx.query);
    let asked = asked::asked(&query, &cx.zone);
    let made = app.read(|r| {
        let sight = ArchiveSight::of(&app, r, &viewer)?;
        let chat = queries::chat(r, &sight, id)?;
        let Some(right) = opening::right(r, &viewer, &sight, &chat, cx.now)? else {
            return Ok::<_, AppError>(None);
        };
        let viewing = Viewing {
            app: &app,
            r,
            viewer: &viewer,
            cx: &cx,
            sight: &sight,
            names: &Names::new(r, &sight.sight, &cx),
            query: &query,
            asked: &asked,
            chat: &chat,
        };
        let (page, act) = viewing.page(&right)?;
        Ok(Some((page, act, sight.judges())))
    })?;
    let Some((page, act, judges)) = made else {
        let form = ListQuery::new(&format!("/archive/{id}/open"));
        return Ok(Shown::go_to(form.with("next", next_of(&cx, id))));
    };
    let asking = viewer.clone();
    let checking = app.clone();
    app.write(act, move |w| {
        let r = w.read();
        // The hits beside were found by it.
        asked.still_may(&r, &asking)?;
        let sight = ArchiveSight::of(&checking, &r, &asking)?;
        let chat = queries::chat(&r, &sight, id)?;
        if judges && !sight.judges() {
            // What was found is on the page, or that nothing was.
            asking.scope(&r, Permission::AlertHandle)?;
        }
        let right = opening::right(&r, &asking, &sight, &chat, w.now())?;
        right.map(drop).ok_or(AppError::NotFound { what: "chat" })
    })
    .await?;
    Ok(Shown::of(page))
}

/// Where one comes back to: this page, whole.
fn next_of(cx: &Cx, id: ChatId) -> String {
    match cx.is_fragment {
        true => format!("/archive/{id}"),
        false => cx.here(),
    }
}

/// What is on the screen of a conversation.
struct Window {
    /// The message above, if it is not shown.
    above: Option<Message>,
    messages: Vec<Message>,
    has_earlier: bool,
    has_later: bool,
    /// The number behind which the messages are.
    behind: Option<u64>,
    /// The one in the middle.
    at: Option<u64>,
}

struct Viewing<'a> {
    app: &'a App,
    r: &'a Read<'a>,
    viewer: &'a Viewer,
    cx: &'a Cx,
    sight: &'a ArchiveSight,
    names: &'a Names<'a>,
    query: &'a ListQuery,
    asked: &'a Asked,
    chat: &'a Chat,
}

impl Viewing<'_> {
    fn page(&self, right: &Right) -> Result<(ChatPage, Act)> {
        let is_search = CONDITIONS.iter().any(|name| self.query.get(name).is_some());
        let query = self.asked.query(self.app, self.r, self.sight)?;
        let window = self.window(is_search.then_some(&query))?;
        let flags = Flags::of((self.r, self.cx), self.sight, self.chat, &window.messages)?;
        let maker = Maker {
            app: self.app,
            r: self.r,
            cx: self.cx,
            sight: self.sight,
            names: self.names,
            chat: self.chat,
            text: &self.asked.text,
            at: window.at,
            flags: &flags,
        };
        let items = maker.items(&window.messages, window.above.as_ref())?;
        let here = address(self.chat, self.query);
        let here = match window.at {
            Some(at) => here.with("at", at),
            None => here,
        };
        let first = window.messages.first().map(|m| m.seq);
        let last = window.messages.last().map(|m| m.seq);
        let end = last.or(window.behind).unwrap_or(0);
        let mut act = self
            .viewer
            .view("archive.view")
            .about("archive_chat", self.chat.id)
            .system_detail("seqs", seqs(&window.messages));
        if let Some(shown) = flags.shown() {
            act = act.system_detail("alerts", shown);
        }
        if let Right::Opened(opening) = right {
            act = act.detail("reason", opening.reason.as_str());
        }
        let is_part = self.cx.is_fragment
            && self
                .cx
                .target
                .as_deref()
                .is_some_and(|t| ["earlier", "later"].contains(&t));
        let (groups, summary) = match is_part {
            true => (Vec::new(), String::new()),
            false => {
                let (groups, summary, shown) = self.beside(&query, is_search)?;
                if !self.asked.text.is_empty() {
                    act = act.detail("query", self.asked.text.as_str());
                }
                act = act.system_detail("hits", shown);
                (groups, summary)
            }
        };
        let gatherer = Gatherer {
            app: self.app,
            r: self.r,
            cx: self.cx,
            viewer: self.viewer,
            sight: self.sight,
            names: self.names,
        };
        let all = address(self.chat, self.query).to_string();
        let all = all.split_once('?').map_or("", |(_, conditions)| conditions);
        let all = ListQuery::parse("/archive", all);
        let page = ChatPage {
            title: self.names.title(self.chat)?,
            text: self.asked.text.clone(),
            kept: all
                .fields_except(&["q"])
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            all: all.to_string(),
            is_search,
            summary,
            groups,
            place: match window.at {
                Some(at) if is_search && !is_part => Some(self.place(&query, at)?),
                _ => None,
            },
            earlier: first
                .filter(|_| window.has_earlier)
                .map(|seq| here.before(&seq.to_string()).to_string()),
            later: last
                .filter(|_| window.has_later)
                .map(|seq| here.after(&seq.to_string()).to_string()),
            watch: (!window.has_later).then(|| Watch::of(self.chat, &here, end)),
            items,
            keep: super::evidence::keep(self.viewer, self.sight, self.chat),
            facts: match is_part {
                true => None,
                false => Some(gatherer.facts(self.chat, right)?),
            },
        };
        Ok((page, act))
    }

    /// The messages asked for: before or after one, or around the one in the middle.
    fn window(&self, query: Option<&MessageQuery>) -> Result<Window> {
        let number = |name| self.query.get(name).and_then(|n| n.parse::<u64>().ok());
        let mut at = number("at");
        if let Some(seq) = number("before") {
            let (messages, has_earlier) = self.side(Side::Before(seq))?;
            return Ok(Window {
                above: None,
                has_later: !messages.is_empty(),
                messages,
                has_earlier,
                behind: None,
                at,
            });
        }
        if let Some(seq) = number("after") {
            let (messages, has_later) = self.side(Side::After(seq))?;
            return Ok(Window {
                above: queries::message(self.r, self.sight, self.chat.no, seq)?,
                has_earlier: !messages.is_empty(),
                messages,
                has_later,
                behind: Some(seq),
                at,
            });
        }
        if let (None, Some(query)) = (at, query) {
            at = find::newest_hit(self.app, query, self.chat.no)?;
        }
        let middle = at.unwrap_or(u64::MAX);
        let (mut messages, has_earlier) = self.side(Side::Before(middle))?;
        messages.extend(queries::message(self.r, self.sight, self.chat.no, middle)?);
        let (after, has_later) = self.side(Side::After(middle))?;
        messages.extend(after);
        Ok(Window {
            above: None,
            messages,
            has_earlier,
            has_later,
            behind: None,
            at,
        })
    }

    fn side(&self, side: Side) -> Result<(Vec<Message>, bool)> {
        Ok(queries::messages(
            self.r, self.sight, self.chat, side, STEP,
        )?)
    }

    fn place(&self, query: &MessageQuery, at: u64) -> Result<Place> {
        let found = find::place_in(self.app, query, self.chat.no, at)?;
        let lines = self.lines();
        let href = |seq: Option<u64>| seq.map(|seq| lines.href(self.chat, seq));
        Ok(Place {
            number: found.position,
            total: found.total,
            prev: href(found.earlier),
            next: href(found.later),
        })
    }

    fn lines(&self) -> Lines<'_> {
        Lines {
            cx: self.cx,
            names: self.names,
            text: &self.asked.text,
            query: self.query,
        }
    }

    /// The hits by conversation, or the newest conversations; the sentence over them; and the
    /// numbers of the messages shown.
    fn beside(
        &self,
        query: &MessageQuery,
        is_search: bool,
    ) -> Result<(Vec<HitGroup>, String, String)> {
        let all = find::by_chat(self.app, query)?;
        let messages: u64 = all.chats.iter().map(|chat| chat.count).sum();
        let chats = all.chats.len() as u64;
        let summary = match is_search {
            true => {
                let plus = if all.complete { "" } else { "+" };
                let messages = format!("{}{plus}", crate::web::format::count(messages));
                let args = (("messages", messages), ("n", chats));
                self.cx.tf("archive.found_in_chats", args).into_owned()
            }
            false => self.cx.t("archive.newest_chats").into_owned(),
        };
        let most = if is_search { HITS } else { 1 };
        let is_this = |hits: &&crate::search::ChatHits| hits.chat == self.chat.no;
        let mut shown: Vec<_> = all.chats.iter().take(CHATS).collect();
        if !shown.iter().any(is_this)
            && let Some(this) = all.chats.iter().find(is_this)
        {
            shown.insert(0, this);
        }
        let (mut groups, mut numbers) = (Vec::new(), Vec::new());
        for hits in shown {
            let Some(chat) = queries::chat_by_no(self.r, self.sight, hits.chat)? else {
                continue;
            };
            let found = find::newest_in(self.app, self.r, self.sight, query, hits, most)?;
            groups.push(self.group(&chat, &found, is_search)?);
            numbers.extend(found.newest.iter().map(|m| m.seq.to_string()));
        }
        Ok((groups, summary, numbers.join(" ")))
    }

    fn group(&self, chat: &Chat, found: &find::ChatFound, is_search: bool) -> Result<HitGroup> {
        let lines = self.lines();
        let at = self.query.get("at").and_then(|n| n.parse::<u64>().ok());
        let mut hits = Vec::with_capacity(found.newest.len());
        for message in &found.newest {
            let mut hit: Hit = lines.hit(chat, message, false)?;
            hit.is_current = match is_search {
                true => chat.no == self.chat.no && at == Some(message.seq),
                false => chat.no == self.chat.no,
            };
            if !is_search {
                hit.href = format!("/archive/{}", chat.id);
            }
            hits.push(hit);
        }
        let rest = found.count.saturating_sub(hits.len() as u64);
        Ok(HitGroup {
            title: self.names.title(chat)?,
            icon: icon_of(chat),
            count: found.count,
            hits,
            more: (is_search && rest > 0).then(|| (address(chat, self.query).to_string(), rest)),
        })
    }
}

fn seqs(messages: &[Message]) -> String {
    let seqs: Vec<String> = messages.iter().map(|m| m.seq.to_string()).collect();
    seqs.join(" ")
}
