//! `/groups`: the customer groups and one of them.

use actix_web::web::{Data, Path};
use askama::Template;

use crate::{
    app::App,
    customers::{
        Customer, Group, GroupId, GroupMember, GroupState, JoinScene,
        queries::{self, GroupFilter, VisibleGroup},
    },
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::{Page, Timestamp},
    org::Sight,
    store::Read,
    view,
    web::{
        Cx, ListQuery, Shown, Web, filters,
        parts::{Chip, Choice, Empty, EmptyKind, Filter, Link, Pager},
    },
};

/// The states that a list can be narrowed to, by code.
const STATES: [&str; 5] = ["normal", "owner_left", "inheriting", "inherited", "gone"];

/// Catalogue key and tone of a state.
fn state(state: GroupState) -> (&'static str, &'static str) {
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
        chips: chips(&cx, &query, &filters),
        filters,
        rows: page.items.iter().map(|g| row(&sight, g)).collect(),
        empty: empty(
            &cx,
            &query,
            app.wecom().is_some(),
            viewer.may(Permission::SyncRun),
        ),
        text: filter.name,
    };
    app.store.write_later(act, |_| Ok(()))?;
    Ok(Shown::of(shown))
}

fn filter(query: &ListQuery) -> GroupFilter {
    GroupFilter {
        owner: query.get("owner").and_then(|o| o.parse().ok()),
        state: query
            .get("state")
            .filter(|s| STATES.contains(s))
            .map(str::to_owned),
        name: query.get("q").unwrap_or("").trim().to_owned(),
    }
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
        filter("owner", "groups.owner", owners.collect()),
        filter("state", "groups.column.state", states.to_vec()),
    ]
}

fn chips(cx: &Cx, query: &ListQuery, filters: &[Filter]) -> Vec<Chip> {
    let mut chips: Vec<Chip> = filters
        .iter()
        .filter(|filter| filter.is_on())
        .map(|filter| Chip {
            label: filter.label.clone(),
            value: filter.chosen(),
            remove: query.without(filter.name).to_string(),
        })
        .collect();
    if let Some(text) = query.get("q") {
        chips.push(Chip {
            label: cx.t("groups.column.name").into_owned(),
            value: text.to_owned(),
            remove: query.without("q").to_string(),
        });
    }
    chips
}

fn empty(cx: &Cx, query: &ListQuery, connected: bool, may_sync: bool) -> Empty {
    let narrowed = ["q", "owner", "state"]
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

/// Somebody in the group.
struct Person {
    key: String,
    name: String,
    nickname: String,
    /// Where the name leads, if the viewer may go there.
    href: Option<String>,
    is_external: bool,
    is_owner: bool,
    joined_at: Timestamp,
    scene: &'static str,
}

/// One group.
#[derive(Template)]
#[template(path = "groups/group.html", blocks = ["title"])]
pub(in crate::customers) struct GroupPage {
    name: String,
    group: Group,
    owner: String,
    /// The owner's page, if the viewer may see it.
    owner_href: Option<String>,
    state: (&'static str, &'static str),
    people: Vec<Person>,
}
view!(GroupPage);

/// Shows a group. The entry of it is durable before anything is.
pub(in crate::customers) async fn group(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    cx: Cx,
) -> Result<Shown<GroupPage>> {
    let missing = |_| AppError::NotFound { what: "group" };
    let id: GroupId = id.parse().map_err(missing)?;
    let act = viewer.view("group.view").about("group", id);
    let (checking, asking) = (app.clone(), viewer.clone());
    app.write(act, move |w| {
        let sight = checking.sight(&w.read(), &asking, Permission::GroupRead)?;
        visible(&w.read(), &sight, id).map(drop)
    })
    .await?;
    let page = app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::GroupRead)?;
        let found = visible(r, &sight, id)?;
        Leads::of(&app, r, &viewer)?.page(&cx, &sight, found)
    })?;
    Ok(Shown::of(page))
}

fn visible(r: &Read<'_>, sight: &Sight, id: GroupId) -> Result<VisibleGroup> {
    queries::group(r, sight, id)?.ok_or(AppError::NotFound { what: "group" })
}

/// What the viewer sees of those in a group: a link leads only where it can be followed.
struct Leads<'a> {
    r: &'a Read<'a>,
    customers: Option<Sight>,
    members: Option<Sight>,
}

impl<'a> Leads<'a> {
    fn of(app: &App, r: &'a Read<'a>, viewer: &Viewer) -> Result<Self> {
        let sight = |permission| match viewer.may(permission) {
            true => app.sight(r, viewer, permission).map(Some),
            false => Ok(None),
        };
        Ok(Self {
            r,
            customers: sight(Permission::CustomerRead)?,
            members: sight(Permission::OrgRead)?,
        })
    }

    fn member(&self, id: crate::org::MemberId) -> Option<String> {
        let sight = self.members.as_ref().filter(|sight| sight.sees(id));
        sight.map(|_| format!("/org/members/{id}"))
    }

    fn person(&self, sight: &Sight, group: &Group, person: GroupMember) -> Result<Person> {
        let mut name = person.name;
        let mut href = person.member.and_then(|id| self.member(id));
        if let Some(id) = person.member
            && name.is_empty()
        {
            name = sight.name(id).to_owned();
        }
        if let (Some(id), Some(sight)) = (person.customer, &self.customers)
            && queries::customer(self.r, sight, id)?.is_some()
        {
            href = Some(format!("/customers/{id}"));
            if name.is_empty() {
                let known = self.r.get::<Customer>(&id)?;
                name = known.map_or(String::new(), |customer| customer.name);
            }
        }
        Ok(Person {
            key: person.id.to_string(),
            name,
            nickname: person.nickname,
            href,
            is_external: person.is_external,
            is_owner: person.member.is_some() && person.member == group.owner,
            joined_at: person.joined_at,
            scene: scene(person.scene),
        })
    }

    fn page(&self, cx: &Cx, sight: &Sight, found: VisibleGroup) -> Result<GroupPage> {
        let group = found.group;
        let people = found.people.into_iter();
        let people = people.map(|person| self.person(sight, &group, person));
        Ok(GroupPage {
            people: people.collect::<Result<_>>()?,
            name: match group.name.as_str() {
                "" => cx.t("groups.unnamed").into_owned(),
                name => name.to_owned(),
            },
            owner: group.owner.map_or("", |o| sight.name(o)).to_owned(),
            owner_href: group.owner.and_then(|id| self.member(id)),
            state: state(group.state),
            group,
        })
    }
}

fn scene(scene: JoinScene) -> &'static str {
    match scene {
        JoinScene::Unknown => "groups.scene.unknown",
        JoinScene::Invited => "groups.scene.invited",
        JoinScene::Link => "groups.scene.link",
        JoinScene::Code => "groups.scene.code",
    }
}

#[cfg(test)]
#[path = "groups_tests.rs"]
mod tests;
