//! `/assets`: the library, by folder, kind and words.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::{Page, Timestamp},
    org,
    store::Read,
    view,
    web::{
        Cx, ListQuery, Shown, Web, filters,
        parts::{Chip, Choice, Empty, EmptyKind, Filter, Link, Pager, Tab},
    },
};

use super::{
    super::{
        Bubble, FolderId, Kind, Material,
        queries::{self, Folders},
    },
    HERE,
};

/// Assets on one page.
const ROWS: usize = 48;

/// One asset.
pub(super) struct Card {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) icon: &'static str,
    pub(super) kind: &'static str,
    pub(super) bubble: Bubble,
    pub(super) uses: usize,
    pub(super) folder: String,
    pub(super) changed_at: Timestamp,
    pub(super) is_archived: bool,
}

/// The page.
#[derive(Template)]
#[template(path = "outreach/assets.html", blocks = ["title", "list"])]
pub(in crate::outreach) struct AssetsPage {
    pub(super) text: String,
    pub(super) kinds: Vec<Tab>,
    pub(super) filters: Vec<Filter>,
    pub(super) chips: Vec<Chip>,
    pub(super) cards: Vec<Card>,
    pub(super) pager: Pager,
    pub(super) empty: Empty,
    /// Kinds that can be made, if any may be: address and word.
    pub(super) makes: Vec<Link>,
}
view!(AssetsPage, "list" => as_list);

/// Which assets a list is about.
#[derive(Debug, Clone, Default)]
pub(in crate::outreach) struct Sought {
    /// Words of the title.
    pub(in crate::outreach) text: String,
    /// Only of this kind.
    pub(in crate::outreach) kind: Option<Kind>,
    /// Only in this folder and below.
    pub(in crate::outreach) folder: Option<FolderId>,
    /// Those that were put away instead of the others.
    pub(in crate::outreach) is_archived: bool,
}

impl Sought {
    fn of(query: &ListQuery) -> Self {
        Self {
            text: query.get("q").unwrap_or("").trim().to_owned(),
            kind: query.get("kind").and_then(Kind::of_code),
            folder: query.get("folder").and_then(|id| id.parse().ok()),
            is_archived: query.has("state", "archived"),
        }
    }

    /// Those of `found` that are sought.
    pub(in crate::outreach) fn keep(&self, folders: &Folders, found: &mut Vec<Material>) {
        let words = self.text.to_lowercase();
        let is_below = |m: &Material| {
            self.folder.is_none_or(|sought| {
                let path = m.folder.map(|id| folders.path(id)).unwrap_or_default();
                path.iter().any(|folder| folder.id == sought)
            })
        };
        found.retain(|m| {
            m.is_archived() == self.is_archived
                && self.kind.is_none_or(|kind| kind == m.kind())
                && m.title.to_lowercase().contains(&words)
                && is_below(m)
        });
    }
}

/// Shows the assets that are offered to the viewer.
pub(in crate::outreach) async fn index(
    viewer: Viewer,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Shown<AssetsPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let sought = Sought::of(&query);
    let page = app.read(|r| {
        let (scope, sight) = super::reach(&app, r, &viewer, Permission::OutreachRead)?;
        let folders = Folders::load(r)?;
        let mut found = queries::offered(r, &scope, &sight.directory)?;
        sought.keep(&folders, &mut found);
        let mut request = web.cursors.page_request(&viewer.name_for_binding(), &query);
        request.limit = Some(ROWS);
        let found = Page::of_whole(found, &request);
        let pager = Pager::of(&found, &query, &viewer.name_for_binding(), &web.cursors);
        let is_offered =
            |id: Option<FolderId>| org::is_offered(&scope, &sight.directory, folders.unit(id));
        let filters = filters_of(&cx, &query, super::folder_choices(&folders, is_offered));
        Ok::<_, AppError>(AssetsPage {
            chips: chips(&cx, &query, &filters),
            kinds: kinds(&cx, &query),
            cards: cards(r, &folders, found.items)?,
            empty: empty(&cx, &query),
            makes: match viewer.may(Permission::OutreachManage) {
                true => Kind::ALL.map(|kind| make(&cx, &query, kind)).into(),
                false => Vec::new(),
            },
            text: sought.text,
            pager,
            filters,
        })
    })?;
    Ok(Shown::of(page))
}

fn cards(r: &Read<'_>, folders: &Folders, found: Vec<Material>) -> Result<Vec<Card>> {
    let card = |m: Material| {
        Ok::<_, AppError>(Card {
            id: m.id.to_string(),
            icon: m.kind().icon(),
            kind: m.kind().word(),
            bubble: Bubble::of(m.id, m.version, &m.title, &m.body),
            uses: queries::use_count(r, m.id)?,
            folder: m
                .folder
                .and_then(|id| folders.get(id))
                .map_or(String::new(), |folder| folder.name.clone()),
            changed_at: m.changed_at,
            is_archived: m.is_archived(),
            title: m.title,
        })
    };
    found.into_iter().map(card).collect()
}

fn kinds(cx: &Cx, query: &ListQuery) -> Vec<Tab> {
    let tab = |code: &str, word: &str| Tab {
        label: cx.t(word).into_owned(),
        href: query.with("kind", code).to_string(),
        count: None,
        is_current: query.get("kind").unwrap_or("") == code,
    };
    std::iter::once(tab("", "assets.all"))
        .chain(Kind::ALL.map(|kind| tab(kind.code(), kind.word())))
        .collect()
}

fn filters_of(cx: &Cx, query: &ListQuery, mut folders: Vec<Choice>) -> Vec<Filter> {
    for choice in &mut folders {
        choice.is_on = query.has("folder", &choice.value);
    }
    let archived = Choice {
        value: "archived".to_owned(),
        label: cx.t("assets.archived").into_owned(),
        count: None,
        is_on: query.has("state", "archived"),
    };
    let filter = |name, word, choices| Filter {
        name,
        label: cx.t(word).into_owned(),
        choices,
        many: false,
    };
    vec![
        filter("folder", "assets.folder", folders),
        filter("state", "assets.state", vec![archived]),
    ]
}

fn chips(cx: &Cx, query: &ListQuery, filters: &[Filter]) -> Vec<Chip> {
    let on = filters.iter().filter(|filter| filter.is_on());
    let mut chips: Vec<Chip> = on
        .map(|filter| Chip {
            label: filter.label.clone(),
            value: filter.chosen().trim_start_matches('\u{3000}').to_owned(),
            remove: query.without(filter.name).to_string(),
        })
        .collect();
    if let Some(typed) = query.get("q") {
        chips.push(Chip {
            label: cx.t("assets.title_label").into_owned(),
            value: typed.to_owned(),
            remove: query.without("q").to_string(),
        });
    }
    chips
}

fn make(cx: &Cx, query: &ListQuery, kind: Kind) -> Link {
    let folder = query.get("folder").unwrap_or("");
    let href = ListQuery::new("/assets/new").with("kind", kind.code());
    Link {
        label: cx.t(kind.word()).into_owned(),
        href: href.with("folder", folder).to_string(),
    }
}

fn empty(cx: &Cx, query: &ListQuery) -> Empty {
    let conditions = ["q", "kind", "folder", "state"];
    let is_narrowed = conditions.iter().any(|name| query.get(name).is_some());
    let (kind, title, hint) = match is_narrowed {
        true => (
            EmptyKind::NothingMatches,
            "assets.no_match",
            "assets.no_match_hint",
        ),
        false => (EmptyKind::NothingYet, "assets.none", "assets.none_hint"),
    };
    Empty {
        kind,
        title: cx.t(title).into_owned(),
        hint: cx.t(hint).into_owned(),
        action: is_narrowed.then(|| Link {
            label: cx.t("list.clear_all").into_owned(),
            href: HERE.to_owned(),
        }),
        other: None,
    }
}
