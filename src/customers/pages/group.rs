//! `/groups/{id}`: one customer group and the people in it.

use actix_web::web::{Data, Path};
use askama::Template;

use crate::{
    app::App,
    customers::{
        Customer, Group, GroupId, GroupMember, GroupState, JoinScene,
        queries::{self, PeopleFilter},
    },
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::{Page, Timestamp},
    org::{MemberId, Sight},
    store::Read,
    view,
    web::{
        Cx, ListQuery, Shown, Web, filters,
        parts::{Chip, Choice, Empty, EmptyKind, Filter, Link, Pager},
    },
};

use super::{
    groups::{chips, state},
    ledger,
    origin::Origins,
};

/// The ways into a group that a list can be narrowed to, by code.
const SCENES: [&str; 4] = ["invited", "link", "code", "unknown"];

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
#[template(path = "groups/group.html", blocks = ["title", "list"])]
pub(in crate::customers) struct GroupPage {
    name: String,
    here: String,
    group: Group,
    owner: String,
    /// The owner's page, if the viewer may see it.
    owner_href: Option<String>,
    state: (&'static str, &'static str),
    text: String,
    filters: Vec<Filter>,
    chips: Vec<Chip>,
    people: Vec<Person>,
    pager: Pager,
    empty: Empty,
    /// What was sent into it, newest first.
    touches: Vec<ledger::Line>,
    may_broadcast: bool,
}
view!(GroupPage, "list" => as_list);

/// Shows a group. The entry of it, which names everybody who was shown, is durable before
/// anything is.
pub(in crate::customers) async fn group(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
    web: Data<Web>,
    cx: Cx,
) -> Result<Shown<GroupPage>> {
    let missing = |_| AppError::NotFound { what: "group" };
    let id: GroupId = id.parse().map_err(missing)?;
    let query = ListQuery::parse(&cx.path, &cx.query);
    let filter = filter(&query);
    let request = web.cursors.page_request(&viewer.name_for_binding(), &query);
    let act = viewer.view("group.view").about("group", id);
    let (checking, asking, narrowed) = (app.clone(), viewer.clone(), filter.clone());
    let page = app
        .write(act, move |w| {
            let sight = checking.sight(&w.read(), &asking, Permission::GroupRead)?;
            visible(&w.read(), &sight, id)?;
            let people = queries::people(&w.read(), &sight, id, &narrowed)?;
            let page = Page::of_whole(people, &request);
            let ids: Vec<String> = page.items.iter().map(|p| p.id.to_string()).collect();
            let act = w.act().clone().system_detail("ids", ids.join(" "));
            *w.act_mut() = act;
            Ok(page)
        })
        .await?;
    let shown = app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::GroupRead)?;
        let group = visible(r, &sight, id)?;
        let leads = Leads::of(&app, r, &viewer)?;
        let people = page.items.iter().cloned();
        let people = people.map(|person| leads.person(&sight, &group, person));
        let filters = filters(&cx, &query);
        Ok::<_, AppError>(GroupPage {
            people: people.collect::<Result<_>>()?,
            pager: Pager::of(&page, &query, &viewer.name_for_binding(), &web.cursors),
            chips: chips(&cx, &query, &filters, "groups.column.person"),
            filters,
            empty: empty(&cx, &query),
            text: filter.name.clone(),
            here: cx.path.clone(),
            name: match group.name.as_str() {
                "" => cx.t("groups.unnamed").into_owned(),
                name => name.to_owned(),
            },
            owner: group.owner.map_or("", |o| sight.name(o)).to_owned(),
            owner_href: group.owner.and_then(|id| leads.member(id)),
            state: state(group.state),
            touches: ledger::of_group(r, (&sight, &Origins::of(&app, r, &viewer)?), id)?,
            may_broadcast: viewer.may(Permission::BroadcastSend)
                && !matches!(group.state, GroupState::Gone { .. }),
            group,
        })
    })?;
    Ok(Shown::of(shown))
}

fn visible(r: &Read<'_>, sight: &Sight, id: GroupId) -> Result<Group> {
    queries::group_head(r, sight, id)?.ok_or(AppError::NotFound { what: "group" })
}

fn filter(query: &ListQuery) -> PeopleFilter {
    PeopleFilter {
        is_external: match query.get("who") {
            Some("outside") => Some(true),
            Some("member") => Some(false),
            _ => None,
        },
        scene: query
            .get("by")
            .filter(|code| SCENES.contains(code))
            .map(str::to_owned),
        name: query.get("q").unwrap_or("").trim().to_owned(),
    }
}

fn filters(cx: &Cx, query: &ListQuery) -> Vec<Filter> {
    let choice = |name: &str, value: &str, word: &str| Choice {
        is_on: query.has(name, value),
        value: value.to_owned(),
        label: cx.t(word).into_owned(),
        count: None,
    };
    let filter = |name, word: &str, choices| Filter {
        name,
        label: cx.t(word).into_owned(),
        choices,
        many: false,
    };
    let who = vec![
        choice("who", "outside", "groups.kind.outside"),
        choice("who", "member", "groups.kind.member"),
    ];
    let scenes = SCENES.map(|code| choice("by", code, &format!("groups.scene.{code}")));
    vec![
        filter("who", "groups.column.kind", who),
        filter("by", "groups.column.scene", scenes.to_vec()),
    ]
}

fn empty(cx: &Cx, query: &ListQuery) -> Empty {
    let narrowed = ["q", "who", "by"].iter().any(|n| query.get(n).is_some());
    let (kind, word) = match narrowed {
        true => (EmptyKind::NothingMatches, "groups.nobody_matches"),
        false => (EmptyKind::NothingYet, "groups.nobody"),
    };
    Empty {
        kind,
        title: cx.t(&format!("{word}.title")).into_owned(),
        hint: cx.t(&format!("{word}.hint")).into_owned(),
        action: narrowed.then(|| Link {
            label: cx.t("list.clear_all").into_owned(),
            href: cx.path.clone(),
        }),
        other: None,
    }
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

    fn member(&self, id: MemberId) -> Option<String> {
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
#[path = "group_tests.rs"]
mod tests;
