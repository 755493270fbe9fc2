//! `/archive`: a search among the messages that somebody sees.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    archive::{
        find::{self, Asked, Understood},
        ingest, link,
        names::Names,
        queries::{self, ArchiveSight, Message},
        standing,
    },
    error::Result,
    identity::{Permission, Viewer},
    kit::{Page, PageRequest, Timestamp},
    store::{Act, Read},
    view,
    web::{
        Cx, ListQuery, Shown, Web, filters,
        parts::{Chip, Empty, EmptyKind, Filter, Link, Pager, Tab},
    },
};

use super::{
    asked::{self, By, CONDITIONS},
    customer,
    hits::{Hit, HitGroup, Lines, address, icon_of},
    locked::Locked,
    picker::{Picker, Sort},
    room, searches,
};

/// What the form of the search has fields for.
const FIELDS: [&str; 12] = [
    "q", "staff", "dept", "customer", "who", "sort", "room", "group", "type", "flag", "from", "to",
];
/// Hits of one conversation that stand on the page.
const SHOWN_PER_CHAT: usize = 3;

/// The page.
#[derive(Template)]
#[template(path = "archive/search.html", blocks = ["title", "list", "who", "group"])]
pub(in crate::archive) struct SearchPage {
    pub(super) text: String,
    pub(super) filters: Vec<Filter>,
    pub(super) customer: Picker,
    pub(super) room: Picker,
    pub(super) from: String,
    pub(super) to: String,
    /// Conditions without a field of their own.
    pub(super) kept: Vec<(String, String)>,
    pub(super) chips: Vec<Chip>,
    /// Searches that are saved, the viewer's own first.
    pub(super) saved: Vec<searches::Line>,
    /// Where this one can be saved; none without conditions.
    pub(super) save_href: Option<String>,
    pub(super) tabs: Vec<Tab>,
    pub(super) hits: Vec<Hit>,
    pub(super) groups: Vec<HitGroup>,
    /// The sentence that says how many there are.
    pub(super) summary: String,
    pub(super) pager: Pager,
    pub(super) empty: Option<Empty>,
    /// Those that nobody can read yet, where these are asked for.
    pub(super) locked: Option<Locked>,
    /// How many they are, where others are asked for.
    pub(super) parked: u64,
    pub(super) caught_up_at: Option<Timestamp>,
    /// What of the question was not looked for, in sentences.
    pub(super) asides: Vec<String>,
}
view!(SearchPage, "list" => as_list, "who" => as_who, "group" => as_group);

/// Shows what was found. The entry of it is durable before anything is.
pub(in crate::archive) async fn search(
    viewer: Viewer,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Shown<SearchPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let asked = asked::asked(&query, &cx.zone);
    let maker = Maker {
        app: &app,
        web: &web,
        viewer: &viewer,
        cx: &cx,
        query: &query,
        asked: &asked,
    };
    let pickers = [&customer::CUSTOMER, &room::ROOM];
    if let Some(sort) = pickers.into_iter().find(|sort| sort.is_asked(&cx)) {
        let (page, act) = app.read(|r| maker.picked(r, sort))?;
        if let Some(act) = act {
            app.note(act).await?;
        }
        return Ok(Shown::of(page));
    }
    let (page, act) = app.read(|r| maker.page(r))?;
    let asking = viewer.clone();
    app.write(act, move |w| asked.still_may(&w.read(), &asking))
        .await?;
    Ok(Shown::of(page))
}

/// The act of a search: the words and what was shown.
pub(in crate::archive) fn act_of<'m>(
    viewer: &Viewer,
    asked: &Asked,
    query: &ListQuery,
    shown: impl IntoIterator<Item = &'m Message>,
) -> Act {
    act_of_numbers(viewer, asked, query, shown.into_iter().map(|m| m.seq))
}

/// The same by the numbers of what was shown.
pub(in crate::archive) fn act_of_numbers(
    viewer: &Viewer,
    asked: &Asked,
    query: &ListQuery,
    shown: impl IntoIterator<Item = u64>,
) -> Act {
    let seqs: Vec<String> = shown.into_iter().map(|seq| seq.to_string()).collect();
    let mut act = viewer
        .view("archive.search")
        .system_detail("ids", seqs.join(" "));
    if !asked.text.is_empty() {
        act = act.detail("query", asked.text.as_str());
    }
    let filter = query.without("q").without("by").without("limit").identity();
    if let Some((_, filter)) = filter.split_once('?') {
        act = act.detail("filter", filter);
    }
    act
}

/// Puts the page together.
pub(super) struct Maker<'a> {
    app: &'a App,
    web: &'a Web,
    pub(super) viewer: &'a Viewer,
    pub(super) cx: &'a Cx,
    pub(super) query: &'a ListQuery,
    pub(super) asked: &'a Asked,
}

impl Maker<'_> {
    fn page(&self, r: &Read<'_>) -> Result<(SearchPage, Act)> {
        let sight = ArchiveSight::of(self.app, r, self.viewer)?;
        let names = Names::new(r, &sight.sight, self.cx);
        let lines = Lines {
            cx: self.cx,
            names: &names,
            text: &self.asked.text,
            query: self.query,
        };
        let filters = asked::filters(self.cx, self.query, &sight);
        let cursor = ingest::cursor(r)?;
        let maker = searches::Maker {
            r,
            cx: self.cx,
            viewer: self.viewer,
            sight: &sight,
            names: &names,
        };
        let (mut saved, shared) = match self.cx.is_fragment {
            // They stand outside of the part that is replaced.
            true => (Vec::new(), Vec::new()),
            false => maker.lines()?,
        };
        saved.extend(shared);
        // The fields stand outside of the part that is replaced, the chips do not.
        let customer = self.customer(r, &sight, &names)?;
        let room = self.room(r, &sight, &names)?;
        let mut page = SearchPage {
            chips: asked::chips(self.cx, self.query, &filters, &[&customer, &room]),
            filters,
            customer,
            room,
            saved,
            save_href: searches::save_href(self.query),
            parked: match self.asked.undecrypted {
                true => 0,
                false => standing::parked_for(&sight, &cursor),
            },
            caught_up_at: cursor.caught_up_at,
            asides: self.asides(),
            ..self.blank()
        };
        if self.asked.undecrypted {
            let act = self.locked(r, &sight, &mut page)?;
            let act = page.room.beside(page.customer.beside(act));
            return Ok((page, act));
        }
        let act = match By::of(self.query) {
            By::Chat => self.by_chat(r, &sight, &lines, &mut page)?,
            By::Time | By::Relevance => self.by_message(r, &sight, &lines, &mut page)?,
        };
        let act = page.room.beside(page.customer.beside(act));
        if page.hits.is_empty() && page.groups.is_empty() {
            page.empty = Some(self.empty(cursor.messages)?);
        }
        Ok((page, act))
    }

    /// The page with its form and nothing else.
    fn blank(&self) -> SearchPage {
        let text = |name| self.query.get(name).unwrap_or_default().to_owned();
        SearchPage {
            text: self.asked.text.clone(),
            filters: Vec::new(),
            customer: Picker::new(&customer::CUSTOMER, self.query),
            room: Picker::new(&room::ROOM, self.query),
            from: text("from"),
            to: text("to"),
            kept: self
                .query
                .fields_except(&FIELDS)
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            chips: Vec::new(),
            saved: Vec::new(),
            save_href: None,
            tabs: match self.asked.undecrypted {
                true => Vec::new(),
                false => asked::tabs(self.cx, self.query),
            },
            hits: Vec::new(),
            groups: Vec::new(),
            summary: String::new(),
            pager: self.pager(&nothing()),
            empty: None,
            locked: None,
            parked: 0,
            caught_up_at: None,
            asides: Vec::new(),
        }
    }

    fn customer(&self, r: &Read<'_>, sight: &ArchiveSight, names: &Names<'_>) -> Result<Picker> {
        customer::picker(self.app, r, sight, names, (self.cx, self.query))
    }

    fn room(&self, r: &Read<'_>, sight: &ArchiveSight, names: &Names<'_>) -> Result<Picker> {
        room::picker(self.app, r, sight, names, (self.cx, self.query))
    }

    /// What can be chosen by what was typed in one of the conditions, and the act of looking
    /// for it.
    fn picked(&self, r: &Read<'_>, sort: &Sort) -> Result<(SearchPage, Option<Act>)> {
        let sight = ArchiveSight::of(self.app, r, self.viewer)?;
        let names = Names::new(r, &sight.sight, self.cx);
        let mut page = self.blank();
        let act = if sort.name == customer::CUSTOMER.name {
            page.customer = self.customer(r, &sight, &names)?;
            page.customer.act(self.viewer)
        } else {
            page.room = self.room(r, &sight, &names)?;
            page.room.act(self.viewer)
        };
        Ok((page, act))
    }

    /// What of the question is not looked for, whoever asks.
    fn asides(&self) -> Vec<String> {
        let told = |word: &str, args| self.cx.tf(word, args).into_owned();
        let unread = asked::unread(self.query);
        let mut asides: Vec<String> = unread
            .into_iter()
            .map(|condition| told("archive.unread", ("condition", condition)))
            .collect();
        let left_out = self.asked.left_out();
        if !left_out.is_empty() {
            asides.push(told(
                "archive.words_left_out",
                ("words", left_out.join(" ")),
            ));
        }
        if let (Some(from), Some(to)) = (self.asked.from, self.asked.to)
            && from >= to
        {
            asides.push(self.cx.t("archive.backwards").into_owned());
        }
        asides
    }

    /// Tells of words that too many names begin with.
    fn tell_common(&self, understood: &Understood, page: &mut SearchPage) {
        let common = understood.common.iter();
        let told = |word: &String| self.cx.tf("archive.too_common", ("word", word.clone()));
        page.asides
            .extend(common.map(|word| told(word).into_owned()));
    }

    fn by_message(
        &self,
        r: &Read<'_>,
        sight: &ArchiveSight,
        lines: &Lines<'_>,
        page: &mut SearchPage,
    ) -> Result<Act> {
        let understood = self.asked.understood(self.app, r, sight)?;
        self.tell_common(&understood, page);
        let found = find::messages(self.app, r, sight, understood.query, &self.request())?;
        for message in &found.items {
            if let Some(chat) = queries::chat_by_no(r, sight, message.chat)? {
                let mut hit = lines.hit(&chat, message, true)?;
                let keep = super::evidence::keep(self.viewer, sight, &chat);
                hit.keep = keep.map(|to| format!("{to}{}", message.seq));
                page.hits.push(hit);
            }
        }
        let act = act_of(self.viewer, self.asked, self.query, &found.items);
        page.pager = self.pager(&found);
        let total = page.pager.total_text();
        page.summary = self.cx.tf("archive.found", ("total", total)).into_owned();
        Ok(act)
    }

    fn by_chat(
        &self,
        r: &Read<'_>,
        sight: &ArchiveSight,
        lines: &Lines<'_>,
        page: &mut SearchPage,
    ) -> Result<Act> {
        let understood = self.asked.understood(self.app, r, sight)?;
        self.tell_common(&understood, page);
        let query = understood.query;
        let all = find::by_chat(self.app, &query)?;
        let messages: u64 = all.chats.iter().map(|chat| chat.count).sum();
        let mut found = Page::of_whole(all.chats, &self.request());
        found.total_exact = all.complete;
        let mut shown = Vec::new();
        for chat_hits in &found.items {
            let Some(chat) = queries::chat_by_no(r, sight, chat_hits.chat)? else {
                continue;
            };
            let within = find::newest_in(self.app, r, sight, &query, chat_hits, SHOWN_PER_CHAT)?;
            let hits = within.newest.iter().map(|m| lines.hit(&chat, m, false));
            let hits = hits.collect::<Result<Vec<_>, _>>()?;
            let rest = within.count.saturating_sub(hits.len() as u64);
            page.groups.push(HitGroup {
                title: lines.names.title(&chat)?,
                icon: icon_of(&chat),
                count: within.count,
                hits,
                more: (rest > 0).then(|| (address(&chat, self.query).to_string(), rest)),
            });
            shown.extend(within.newest);
        }
        page.pager = self.pager(&found);
        let plus = if all.complete { "" } else { "+" };
        let messages = format!("{}{plus}", crate::web::format::count(messages));
        let args = (("messages", messages), ("n", page.pager.total));
        page.summary = self.cx.tf("archive.found_in_chats", args).into_owned();
        Ok(act_of(self.viewer, self.asked, self.query, &shown))
    }

    /// The page that is asked for.
    pub(super) fn request(&self) -> PageRequest {
        let name = self.viewer.name_for_binding();
        self.web.cursors.page_request(&name, self.query)
    }

    pub(super) fn pager<T>(&self, page: &Page<T>) -> Pager {
        let name = self.viewer.name_for_binding();
        Pager::of(page, self.query, &name, &self.web.cursors)
    }

    /// Nothing matches, nothing is there yet, or the archive is not set up.
    fn empty(&self, kept: u64) -> Result<Empty> {
        let is_narrowed = CONDITIONS.iter().any(|name| self.query.get(name).is_some());
        let is_set_up = kept > 0 || link::in_use(self.app)?.is_some();
        let (kind, word) = match (is_narrowed, is_set_up) {
            (_, false) => (EmptyKind::NotConnected, "archive.empty.not_set_up"),
            (true, true) => (EmptyKind::NothingMatches, "archive.empty.no_match"),
            (false, true) => (EmptyKind::NothingYet, "archive.empty.none"),
        };
        let link = |word: &str, href: &str| Link {
            label: self.cx.t(word).into_owned(),
            href: href.to_owned(),
        };
        Ok(Empty {
            kind,
            title: self.cx.t(&format!("{word}.title")).into_owned(),
            hint: self.cx.t(&format!("{word}.hint")).into_owned(),
            action: match (is_narrowed, is_set_up) {
                (true, true) => Some(link("list.clear_all", "/archive")),
                (_, false) if self.viewer.may(Permission::SettingsManage) => {
                    Some(link("archive.to_settings", "/settings/archive"))
                }
                _ => None,
            },
            other: None,
        })
    }
}

fn nothing() -> Page<()> {
    Page {
        items: Vec::new(),
        total: 0,
        total_exact: true,
        offset: None,
        next: None,
        prev: None,
    }
}
