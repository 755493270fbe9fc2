//! `/live-codes`: the codes in scope.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::{Page, Timestamp},
    livecodes::{
        CodeKind, LiveCode,
        board::{self, CodeFilter, STANDINGS},
    },
    org::Directory,
    store::Read,
    view,
    web::{
        Cx, ListQuery, Shown, Web, filters,
        parts::{Chip, Choice, Empty, EmptyKind, Filter, Link, Pager},
    },
};

use super::standing;

/// A line of the list.
struct Row {
    id: String,
    name: String,
    kind: &'static str,
    channel: String,
    /// Members or groups.
    leads_to: usize,
    unit: String,
    scans: u64,
    made_at: Timestamp,
    state: (&'static str, &'static str),
}

/// The list.
#[derive(Template)]
#[template(path = "livecodes/list.html", blocks = ["title", "list"])]
pub(in crate::livecodes) struct CodesPage {
    text: String,
    filters: Vec<Filter>,
    chips: Vec<Chip>,
    rows: Vec<Row>,
    may_make: bool,
    pager: Pager,
    empty: Empty,
}
view!(CodesPage, "list" => as_list);

/// Shows the codes in scope. They name no customer; the entry joins the next batch.
pub(in crate::livecodes) async fn index(
    viewer: Viewer,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Shown<CodesPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let binding = viewer.name_for_binding();
    let request = web.cursors.page_request(&binding, &query);
    let shown = app.read(|r| {
        let eyes = board::eyes(&app, r, &viewer, Permission::LiveCodeRead)?;
        let filter = filter(&query);
        let found = board::codes(r, &eyes, &filter, cx.now)?;
        let page = Page::of_whole(found, &request);
        let tree = board::channel_tree(r)?;
        let directory = app.directory.get(r)?;
        let filters = filters(&cx, &query, &tree);
        let rows = page.items.iter();
        let rows = rows.map(|code| row(r, &cx, &directory, &tree, code));
        let may_make = viewer.may(Permission::LiveCodeManage);
        Ok::<_, AppError>(CodesPage {
            rows: rows.collect::<Result<_>>()?,
            pager: Pager::of(&page, &query, &binding, &web.cursors),
            chips: chips(&cx, &query, &filters),
            filters,
            text: filter.name,
            empty: empty(&cx, &query, may_make),
            may_make,
        })
    })?;
    app.note(viewer.view("live_code.list")).await?;
    Ok(Shown::of(shown))
}

fn filter(query: &ListQuery) -> CodeFilter {
    let state = query.get("status").unwrap_or("");
    CodeFilter {
        kind: query.get("kind").and_then(CodeKind::of_code),
        channel: query.get("channel").and_then(|id| id.parse().ok()),
        state: STANDINGS.into_iter().find(|known| *known == state),
        name: query.get("q").unwrap_or("").trim().to_owned(),
    }
}

fn row(
    r: &Read<'_>,
    cx: &Cx,
    directory: &Directory,
    tree: &[(usize, crate::livecodes::Channel)],
    code: &LiveCode,
) -> Result<Row> {
    let unit = code.unit.and_then(|unit| directory.tree.find(unit));
    Ok(Row {
        id: code.id.to_string(),
        name: code.name.clone(),
        kind: code.kind.code(),
        channel: board::channel_path(tree, code.channel),
        leads_to: code.seats.len() + code.rooms.len(),
        unit: unit.map_or(String::new(), |unit| unit.name.clone()),
        scans: board::scans_of(r, code.id)?,
        made_at: code.created_at,
        state: standing(code.standing(cx.now)),
    })
}

fn filters(cx: &Cx, query: &ListQuery, tree: &[(usize, crate::livecodes::Channel)]) -> Vec<Filter> {
    let choice = |name: &str, value: String, label: String| Choice {
        is_on: query.has(name, &value),
        value,
        label,
        count: None,
    };
    let kinds = CodeKind::ALL.map(|kind| {
        let label = cx
            .t(&format!("livecodes.kind.{}", kind.code()))
            .into_owned();
        choice("kind", kind.code().to_owned(), label)
    });
    let channels = tree.iter().map(|(depth, channel)| {
        let label = format!("{}{}", "　".repeat(*depth), channel.name);
        choice("channel", channel.id.to_string(), label)
    });
    let states = STANDINGS.map(|code| {
        let label = cx.t(&format!("livecodes.state.{code}")).into_owned();
        choice("status", code.to_owned(), label)
    });
    let filter = |name, word, choices| Filter {
        name,
        label: cx.t(word).into_owned(),
        choices,
        many: false,
    };
    vec![
        filter("kind", "livecodes.column.kind", kinds.to_vec()),
        filter("channel", "livecodes.channel", channels.collect()),
        filter("status", "livecodes.column.state", states.to_vec()),
    ]
}

fn chips(cx: &Cx, query: &ListQuery, filters: &[Filter]) -> Vec<Chip> {
    let on = filters.iter().filter(|filter| filter.is_on());
    let mut chips: Vec<Chip> = on
        .map(|filter| Chip {
            label: filter.label.clone(),
            value: filter.chosen().trim_start_matches('　').to_owned(),
            remove: query.without(filter.name).to_string(),
        })
        .collect();
    if let Some(typed) = query.get("q") {
        chips.push(Chip {
            label: cx.t("livecodes.column.name").into_owned(),
            value: typed.to_owned(),
            remove: query.without("q").to_string(),
        });
    }
    chips
}

fn empty(cx: &Cx, query: &ListQuery, may_make: bool) -> Empty {
    let narrowed = ["q", "kind", "channel", "status"]
        .iter()
        .any(|name| query.get(name).is_some());
    let (kind, word) = match narrowed {
        true => (EmptyKind::NothingMatches, "livecodes.empty.no_match"),
        false => (EmptyKind::NothingYet, "livecodes.empty.none"),
    };
    let link = |word: &str, href: &str| Link {
        label: cx.t(word).into_owned(),
        href: href.to_owned(),
    };
    Empty {
        kind,
        title: cx.t(&format!("{word}.title")).into_owned(),
        hint: cx.t(&format!("{word}.hint")).into_owned(),
        action: match narrowed {
            true => Some(link("list.clear_all", "/live-codes")),
            false => may_make.then(|| link("livecodes.new.staff", "/live-codes/new?kind=staff")),
        },
        other: (!narrowed && may_make)
            .then(|| link("livecodes.new.group", "/live-codes/new?kind=group")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::tests::{HOSTILE, check_page};

    #[test]
    fn the_list_renders_with_none_one_many_and_hostile_names() {
        for n in [0, 1, 20] {
            let row = |at: usize| Row {
                id: format!("{at:013}"),
                name: HOSTILE.to_owned(),
                kind: if at.is_multiple_of(2) {
                    "staff"
                } else {
                    "group"
                },
                channel: HOSTILE.to_owned(),
                leads_to: at,
                unit: if at == 1 {
                    String::new()
                } else {
                    HOSTILE.to_owned()
                },
                scans: 12_345,
                made_at: Timestamp::from_s(1_795_579_200),
                state: standing(STANDINGS[at % 4]),
            };
            check_page(&CodesPage {
                text: HOSTILE.to_owned(),
                filters: Vec::new(),
                chips: Vec::new(),
                rows: (0..n).map(row).collect(),
                may_make: n > 0,
                pager: Pager {
                    from: Some(1),
                    to: Some(n as u64),
                    total: n as u64,
                    total_exact: true,
                    rows: n as u64,
                    prev: None,
                    next: Some("/live-codes?after=x".to_owned()),
                },
                empty: Empty {
                    kind: EmptyKind::NothingYet,
                    title: "t".to_owned(),
                    hint: "h".to_owned(),
                    action: None,
                    other: None,
                },
            });
        }
    }
}
