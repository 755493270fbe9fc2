//! Customer groups and the people in them as JSON: the same queries as the pages.

use actix_web::web::{Data, Json, Path, Query};
use serde::{Deserialize, Serialize};

use crate::{
    api::{List, NoQuery, Paging},
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::{Page, Timestamp},
    org::Sight,
    slice::{Access, ApiOperation, Route},
    store::Read,
    web::{ListQuery, Web},
};

use super::{
    Group, GroupId, GroupMember,
    pages::GROUP_STATES,
    queries::{self, GroupFilter, PeopleFilter},
};

/// The routes, with their descriptions.
pub(super) fn routes() -> Vec<Route> {
    use actix_web::web::get;
    let read = Access::Needs(Permission::GroupRead);
    let groups = ApiOperation::json::<GroupQuery, List<GroupItem>>(
        "listGroups",
        "Customer groups in scope, newest first.",
    );
    let group = ApiOperation::json::<NoQuery, GroupItem>("getGroup", "One group in scope.");
    let people = ApiOperation::json::<PeopleQuery, List<PersonItem>>(
        "listGroupPeople",
        "The people in a group, members of the firm first, then by time of joining.",
    );
    vec![
        Route::get("/api/v1/groups", read, || get().to(list)).documented(groups),
        Route::get("/api/v1/groups/{id}", read, || get().to(one)).documented(group),
        Route::get("/api/v1/groups/{id}/people", read, || get().to(people_of)).documented(people),
    ]
}

/// The query of the list.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct GroupQuery {
    /// A part of the name.
    #[serde(default)]
    q: String,
    /// Id of the owner, a member.
    #[serde(default)]
    owner: String,
    /// `normal`, `owner_left`, `inheriting`, `inherited` or `gone`.
    #[serde(default)]
    state: String,
    /// WeCom's number of a department: groups of owners in it or below.
    department: Option<u64>,
    /// Groups wanted, at most 200.
    limit: Option<usize>,
    /// From `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A customer group.
#[derive(Serialize, schemars::JsonSchema)]
struct GroupItem {
    /// Id.
    id: String,
    /// Name, may be empty.
    name: String,
    /// Id of the owner, if known.
    owner: Option<String>,
    /// The owner's name.
    owner_name: String,
    /// `normal`, `owner_left`, `inheriting`, `inherited` or `gone`.
    state: &'static str,
    /// Notice, may be empty.
    notice: String,
    /// Members of the firm in it.
    members: u32,
    /// People from outside in it.
    outside: u32,
    /// When it was made, milliseconds since 1970.
    created_at: Timestamp,
}

/// The query of the people in a group.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct PeopleQuery {
    /// A part of the name or the name in the group.
    #[serde(default)]
    q: String,
    /// Only people from outside, or only members of the firm.
    outside: Option<bool>,
    /// People wanted, at most 200.
    limit: Option<usize>,
    /// From `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Somebody in a group.
#[derive(Serialize, schemars::JsonSchema)]
struct PersonItem {
    /// Id of the place in the group.
    id: String,
    /// Name; empty if WeCom does not say.
    name: String,
    /// Name in the group, may be empty.
    nickname: String,
    /// Id of the member, if of the firm.
    member: Option<String>,
    /// Id of the customer, if known and in scope.
    customer: Option<String>,
    /// Whether from outside.
    outside: bool,
    /// `unknown`, `invited`, `link` or `code`.
    scene: &'static str,
    /// When joined, milliseconds since 1970.
    joined_at: Timestamp,
}

async fn list(
    viewer: Viewer,
    query: Query<GroupQuery>,
    app: Data<App>,
    web: Data<Web>,
) -> Result<Json<List<GroupItem>>> {
    let query = query.into_inner();
    let department = query.department.map(|n| n.to_string());
    let bound = ListQuery::new("/api/v1/groups")
        .with("q", &query.q)
        .with("owner", &query.owner)
        .with("state", &query.state)
        .with("department", department.unwrap_or_default());
    let cursor = query.cursor.as_deref();
    let paging = Paging::of(&web.cursors, &viewer, bound, cursor, query.limit)?;
    let filter = filter(query)?;
    let (sight, found) = app.read(|r| {
        let sight = app.sight(r, &viewer, Permission::GroupRead)?;
        let found = queries::groups(r, &sight, &filter)?;
        Ok::<_, AppError>((sight, found))
    })?;
    let page = Page::of_whole(found, &paging.request);
    let ids: Vec<String> = page.items.iter().map(|g| g.id.to_string()).collect();
    let mut act = viewer
        .view("group.list")
        .system_detail("ids", ids.join(" "));
    if !filter.name.is_empty() {
        act = act.detail("query", filter.name.as_str());
    }
    app.note(act).await?;
    Ok(Json(paging.answer(page.map(|group| item(&sight, group)))))
}

fn filter(query: GroupQuery) -> Result<GroupFilter> {
    let nonsense = AppError::BadRequest { why: "field" };
    let owner = match query.owner.as_str() {
        "" => None,
        id => Some(id.parse().map_err(|_| nonsense)?),
    };
    if !query.state.is_empty() && !GROUP_STATES.contains(&query.state.as_str()) {
        return Err(AppError::BadRequest { why: "field" });
    }
    Ok(GroupFilter {
        owner,
        department: query.department,
        state: Some(query.state).filter(|state| !state.is_empty()),
        name: query.q.trim().to_owned(),
    })
}

async fn one(viewer: Viewer, id: Path<String>, app: Data<App>) -> Result<Json<GroupItem>> {
    let missing = || AppError::NotFound { what: "group" };
    let id: GroupId = id.parse().map_err(|_| missing())?;
    let act = viewer.view("group.view").about("group", id);
    let checking = app.clone();
    let item = app.write(act, move |w| {
        let sight = checking.sight(&w.read(), &viewer, Permission::GroupRead)?;
        let group = queries::group_head(&w.read(), &sight, id)?;
        Ok(item(&sight, group.ok_or_else(missing)?))
    });
    Ok(Json(item.await?))
}

async fn people_of(
    viewer: Viewer,
    id: Path<String>,
    query: Query<PeopleQuery>,
    app: Data<App>,
    web: Data<Web>,
) -> Result<Json<List<PersonItem>>> {
    let missing = || AppError::NotFound { what: "group" };
    let id: GroupId = id.parse().map_err(|_| missing())?;
    let bound = ListQuery::new(&format!("/api/v1/groups/{id}/people"))
        .with("q", &query.q)
        .with(
            "outside",
            query.outside.map_or("", |is| if is { "1" } else { "0" }),
        );
    let cursor = query.cursor.as_deref();
    let paging = Paging::of(&web.cursors, &viewer, bound, cursor, query.limit)?;
    let filter = PeopleFilter {
        is_external: query.outside,
        scene: None,
        name: query.q.trim().to_owned(),
    };
    let act = viewer.view("group.view").about("group", id);
    let (checking, request) = (app.clone(), paging.request.clone());
    let page = app.write(act, move |w| {
        let sight = checking.sight(&w.read(), &viewer, Permission::GroupRead)?;
        queries::group_head(&w.read(), &sight, id)?.ok_or_else(missing)?;
        let people = queries::people(&w.read(), &sight, id, &filter)?;
        let page = Page::of_whole(people, &request);
        let ids: Vec<String> = page.items.iter().map(|p| p.id.to_string()).collect();
        let act = w.act().clone().system_detail("ids", ids.join(" "));
        *w.act_mut() = act;
        let customers = match viewer.may(Permission::CustomerRead) {
            true => Some(checking.sight(&w.read(), &viewer, Permission::CustomerRead)?),
            false => None,
        };
        let read = w.read();
        page.try_map(|p| person(&read, customers.as_ref(), p))
    });
    Ok(Json(paging.answer(page.await?)))
}

fn item(sight: &Sight, group: Group) -> GroupItem {
    GroupItem {
        id: group.id.to_string(),
        owner: group.owner.map(|id| id.to_string()),
        owner_name: group.owner.map_or("", |id| sight.name(id)).to_owned(),
        state: group.state.code(),
        name: group.name,
        notice: group.notice,
        members: group.member_count,
        outside: group.external_count,
        created_at: group.created_at,
    }
}

/// Somebody in a group; who the customer is only those learn who see that customer.
fn person(r: &Read<'_>, customers: Option<&Sight>, person: GroupMember) -> Result<PersonItem> {
    let customer = match (person.customer, customers) {
        (Some(id), Some(sight)) => queries::customer(r, sight, id)?.map(|_| id),
        _ => None,
    };
    Ok(PersonItem {
        id: person.id.to_string(),
        name: person.name,
        nickname: person.nickname,
        member: person.member.map(|id| id.to_string()),
        customer: customer.map(|id| id.to_string()),
        outside: person.is_external,
        scene: person.scene.code(),
        joined_at: person.joined_at,
    })
}
