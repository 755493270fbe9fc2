//! `/groups`: the customer groups.

use actix_web::web::Data;
use askama::Template;

use crate::{
    app::App,
    customers::{
        Group, GroupState, list,
        queries::{self, GroupFilter},
    },
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::{Page, Timestamp},
    org::Sight,
    view,
    web::{
        Cx, Lang, ListQuery, Shown, Web, filters,
        parts::{Chip, Choice, Empty, EmptyKind, Filter, Link, Pager},
    },
};

/// The states that a list can be narrowed to, by code.
pub(in crate::customers) const STATES: [&str; 5] =
    ["normal", "owner_left", "inheriting", "inherited", "gone"];

/// Catalogue key and tone of a state.
pub(super) fn state(state: GroupState) -> (&'static str, &'static str) {
    match state {
        GroupState::Normal => ("groups.state.normal", "ok"),
        GroupState::OwnerLeft => ("groups.state.owner_left", "bad"),
        GroupState::Inheriting => ("groups.state.inheriting", "warn"),
        GroupState::Inherited => ("groups.state.inherited", "ok"),
        GroupState::Gone { .. } => ("groups.state.gone", "muted"),
    }
}

/// A line of the list.
struct Row {
    id: String,
    name: String,
    owner: String,
    owner_id: String,
    members: u32,
    outside: u32,
    created_at: Timestamp,
    state: (&'static str, &'static str),
}

/// The list.
#[derive(Template)]
#[template(path = "groups/list.html", blocks = ["title", "list"])]
pub(in crate::customers) struct GroupsPage {
    text: String,
    filters: Vec<Filter>,
    chips: Vec<Chip>,
    rows: Vec<Row>,
    total: u64,
    /// People from outside in all of them.
    outside: u64,
    pager: Pager,
    empty: Empty,
    /// Where a broadcast to these groups is written, if the viewer may.
    broadcast: Option<String>,
}
view!(GroupsPage, "list" => as_list);

/// Shows the groups in scope. The entry of it joins the next batch.
pub(in crate::customers) async fn groups(
    viewer: Viewer,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Shown<GroupsPage>> {
    let query = ListQuery::parse(&cx.path, &cx.query);
    let filter = filter(&query);
    let (sight, found) = app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::GroupRead)?;
        let found = queries::groups(r, &sight, &filter)?;
        Ok::<_, AppError>((sight, found))
    })?;
    let outside = found.iter().map(|g| u64::from(g.external_count)).sum();
    let request = web.cursors.page_request(&viewer.name_for_binding(), &query);
    let page = Page::of_whole(found, &request);
    let ids: Vec<String> = page.items.iter().map(|g| g.id.to_string()).collect();
    let mut act = viewer
        .view("group.list")
        .system_detail("ids", ids.join(" "));
    if !filter.name.is_empty() {
        act = act.detail("query", filter.name.as_str());
    }
    let filters = filters(&cx, &query, &sight);
    let shown = GroupsPage {
        pager: Pager::of(&page, &query, &viewer.name_for_binding(), &web.cursors),
        total: page.total,
        outside,
        chips: chips(&cx, &query, &filters, "groups.column.name"),
        filters,
        rows: page.items.iter().map(|g| row(&sight, g)).collect(),
        empty: empty(
            &cx,
            &query,
            app.wecom().is_some(),
            viewer.may(Permission::SyncRun),
        ),
        broadcast: broadcast(&viewer, &query),
        text: filter.name,
    };
    app.note(act).await?;
    Ok(Shown::of(shown))
}

fn filter(query: &ListQuery) -> GroupFilter {
    GroupFilter {
        department: query.get("dept").and_then(|d| d.parse().ok()),
        owner: query.get("owner").and_then(|o| o.parse().ok()),
        state: query
            .get("state")
            .filter(|s| STATES.contains(s))
            .map(str::to_owned),
        name: query.get("q").unwrap_or("").trim().to_owned(),
    }
}

/// A form for these groups; those in one state cannot be asked for there.
fn broadcast(viewer: &Viewer, query: &ListQuery) -> Option<String> {
    if !viewer.may(Permission::BroadcastSend) || query.get("state").is_some() {
        return None;
    }
    let mut form = ListQuery::new("/broadcasts/new").with("to", "groups");
    for name in ["q", "dept", "owner"] {
        form = form.with(name, query.get(name).unwrap_or(""));
    }
    Some(form.to_string())
}

fn row(sight: &Sight, group: &Group) -> Row {
    Row {
        id: group.id.to_string(),
        name: group.name.clone(),
        owner: group.owner.map_or("", |o| sight.name(o)).to_owned(),
        owner_id: group.owner.map_or(String::new(), |o| o.to_string()),
        members: group.member_count,
        outside: group.external_count,
        created_at: group.created_at,
        state: state(group.state),
    }
}

fn filters(cx: &Cx, query: &ListQuery, sight: &Sight) -> Vec<Filter> {
    let choice = |name: &str, value: String, label: String| Choice {
        is_on: query.has(name, &value),
        value,
        label,
        count: None,
    };
    let members = sight.directory.members();
    let mut owners: Vec<_> = members
        .filter(|m| sight.sees(m.id) && (m.serves_customers || !m.is_here()))
        .collect();
    owners.sort_by_key(|m| (!m.is_here(), m.name.clone()));
    let owners = owners
        .into_iter()
        .map(|m| choice("owner", m.id.to_string(), m.name.clone()));
    let english = cx.lang() == Lang::En;
    let departments = list::departments_in_scope(sight)
        .into_iter()
        .map(|(depth, d)| {
            let label = format!("{}{}", "　".repeat(depth), d.name_in(english));
            choice("dept", d.wecom_id.to_string(), label)
        });
    let states = STATES.map(|code| {
        let label = cx.t(&format!("groups.state.{code}")).into_owned();
        choice("state", code.to_owned(), label)
    });
    let filter = |name, word, choices| Filter {
        name,
        label: cx.t(word).into_owned(),
        choices,
        many: false,
    };
    vec![
        filter("dept", "customers.filter.dept", departments.collect()),
        filter("owner", "groups.owner", owners.collect()),
        filter("state", "groups.column.state", states.to_vec()),
    ]
}

/// A chip for each condition. `text` is the name of what `q` searches.
pub(super) fn chips(cx: &Cx, query: &ListQuery, filters: &[Filter], text: &str) -> Vec<Chip> {
    let mut chips: Vec<Chip> = filters
        .iter()
        .filter(|filter| filter.is_on())
        .map(|filter| Chip {
            label: filter.label.clone(),
            value: filter.chosen().trim_start_matches('　').to_owned(),
            remove: query.without(filter.name).to_string(),
        })
        .collect();
    if let Some(typed) = query.get("q") {
        chips.push(Chip {
            label: cx.t(text).into_owned(),
            value: typed.to_owned(),
            remove: query.without("q").to_string(),
        });
    }
    chips
}

fn empty(cx: &Cx, query: &ListQuery, connected: bool, may_sync: bool) -> Empty {
    let narrowed = ["q", "dept", "owner", "state"]
        .iter()
        .any(|n| query.get(n).is_some());
    let (kind, word) = match (narrowed, connected) {
        (true, _) => (EmptyKind::NothingMatches, "groups.empty.no_match"),
        (false, true) => (EmptyKind::NothingYet, "groups.empty.none"),
        (false, false) => (EmptyKind::NotConnected, "groups.empty.connect"),
    };
    let link = |word, href: &str| Link {
        label: cx.t(word).into_owned(),
        href: href.to_owned(),
    };
    Empty {
        kind,
        title: cx.t(&format!("{word}.title")).into_owned(),
        hint: cx.t(&format!("{word}.hint")).into_owned(),
        action: match narrowed {
            true => Some(link("list.clear_all", "/groups")),
            false => may_sync.then(|| link("groups.to_sync", "/org/sync")),
        },
        other: None,
    }
}

#[cfg(test)]
#[path = "groups_tests.rs"]
mod tests;
