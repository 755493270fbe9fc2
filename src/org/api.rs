//! Members and departments as JSON: the same queries as the pages.

use actix_web::web::{Data, Json, Path, Query};
use serde::{Deserialize, Serialize};

use crate::{
    api::{List, NoQuery, Paging},
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    kit::{Page, Timestamp},
    slice::{Access, ApiOperation, Route},
    web::{ListQuery, Web},
};

use super::{
    Department, DepartmentId, Directory, Member, MemberId, MemberState, Sight,
    queries::{self, MemberFilter},
};

/// The routes, with their descriptions.
pub(super) fn routes() -> Vec<Route> {
    use actix_web::web::get;
    let read = Access::Needs(Permission::OrgRead);
    let members = ApiOperation::json::<MemberQuery, List<MemberItem>>(
        "listMembers",
        "Members in scope, those who have left last.",
    );
    let member = ApiOperation::json::<NoQuery, MemberItem>("getMember", "One member in scope.");
    let departments = ApiOperation::json::<DepartmentQuery, List<DepartmentItem>>(
        "listDepartments",
        "Departments with somebody in scope, parents before children.",
    );
    let department = ApiOperation::json::<NoQuery, DepartmentItem>(
        "getDepartment",
        "One department with somebody in scope.",
    );
    vec![
        Route::get("/api/v1/members", read, || get().to(list_members)).documented(members),
        Route::get("/api/v1/members/{id}", read, || get().to(one_member)).documented(member),
        Route::get("/api/v1/departments", read, || get().to(list_departments))
            .documented(departments),
        Route::get("/api/v1/departments/{id}", read, || {
            get().to(one_department)
        })
        .documented(department),
    ]
}

/// The query of the list of members.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct MemberQuery {
    /// A part of the name or the alias.
    #[serde(default)]
    q: String,
    /// WeCom's number of a department; members directly in it.
    department: Option<u64>,
    /// `active`, `disabled`, `inactive` or `left`.
    #[serde(default)]
    state: String,
    /// Members wanted, at most 200.
    limit: Option<usize>,
    /// From `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A member.
#[derive(Serialize, schemars::JsonSchema)]
struct MemberItem {
    /// Id.
    id: String,
    /// WeCom's userid.
    userid: String,
    /// Name.
    name: String,
    /// Alias, may be empty.
    alias: String,
    /// Job title, may be empty.
    position: String,
    /// The departments the member is in.
    departments: Vec<PostItem>,
    /// WeCom's number of the main department, 0 if none.
    main_department: u64,
    /// `active`, `disabled`, `inactive` or `left`.
    state: &'static str,
    /// When found to have left, milliseconds since 1970.
    left_at: Option<Timestamp>,
    /// Whether the member may add customers.
    serves_customers: bool,
}

/// A member's place in a department.
#[derive(Serialize, schemars::JsonSchema)]
struct PostItem {
    /// WeCom's number of the department.
    department: u64,
    /// Name of the department; empty if it is gone.
    name: String,
    /// Whether a head of it.
    is_leader: bool,
}

/// The query of the list of departments.
#[derive(Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct DepartmentQuery {
    /// Departments wanted, at most 200.
    limit: Option<usize>,
    /// From `next_cursor` of the page before.
    cursor: Option<String>,
}

/// A department.
#[derive(Serialize, schemars::JsonSchema)]
struct DepartmentItem {
    /// Id.
    id: String,
    /// WeCom's number; 1 is the root.
    number: u64,
    /// WeCom's number of the parent; 0 for the root.
    parent: u64,
    /// Name.
    name: String,
    /// English name, may be empty.
    name_en: String,
    /// Members here and below that are in scope and have not left.
    people: usize,
}

async fn list_members(
    viewer: Viewer,
    query: Query<MemberQuery>,
    app: Data<App>,
    web: Data<Web>,
) -> Result<Json<List<MemberItem>>> {
    let query = query.into_inner();
    let department = query.department.map(|n| n.to_string());
    let bound = ListQuery::new("/api/v1/members")
        .with("q", &query.q)
        .with("department", department.unwrap_or_default())
        .with("state", &query.state);
    let cursor = query.cursor.as_deref();
    let paging = Paging::of(&web.cursors, &viewer, bound, cursor, query.limit)?;
    let filter = MemberFilter {
        department: query.department,
        state: state(&query.state)?,
        name: query.q.trim().to_owned(),
    };
    let sight = app.read(|r| app.sight(r, &viewer, Permission::OrgRead))?;
    let page = Page::of_whole(queries::members(&sight, &filter), &paging.request);
    let ids: Vec<String> = page.items.iter().map(|m| m.id.to_string()).collect();
    let mut act = viewer.view("org.list").system_detail("ids", ids.join(" "));
    if !filter.name.is_empty() {
        act = act.detail("query", filter.name.as_str());
    }
    let answer = paging.answer(page.map(|m| member_item(&sight.directory, m)));
    app.note(act).await?;
    Ok(Json(answer))
}

fn state(code: &str) -> Result<Option<MemberState>> {
    use MemberState::{Active, Disabled, Inactive, Left};
    let known = [Active, Disabled, Inactive, Left];
    match known.into_iter().find(|state| state.code() == code) {
        None if !code.is_empty() => Err(AppError::BadRequest { why: "field" }),
        state => Ok(state),
    }
}

async fn one_member(viewer: Viewer, id: Path<String>, app: Data<App>) -> Result<Json<MemberItem>> {
    let missing = || AppError::NotFound { what: "member" };
    let id: MemberId = id.parse().map_err(|_| missing())?;
    let act = viewer.view("member.view").about("member", id);
    let checking = app.clone();
    let item = app.write(act, move |w| {
        let sight = checking.sight(&w.read(), &viewer, Permission::OrgRead)?;
        let member = queries::member(&sight, id).ok_or_else(missing)?;
        Ok(member_item(&sight.directory, member))
    });
    Ok(Json(item.await?))
}

fn member_item(directory: &Directory, member: &Member) -> MemberItem {
    let posts = member.posts.iter().map(|post| PostItem {
        department: post.department,
        name: directory
            .tree
            .get(post.department)
            .map_or(String::new(), |d| d.name.clone()),
        is_leader: post.is_leader,
    });
    MemberItem {
        id: member.id.to_string(),
        userid: member.userid.clone(),
        name: member.name.clone(),
        alias: member.alias.clone(),
        position: member.position.clone(),
        departments: posts.collect(),
        main_department: member.main_department,
        state: member.state.code(),
        left_at: member.left_at,
        serves_customers: member.serves_customers,
    }
}

async fn list_departments(
    viewer: Viewer,
    query: Query<DepartmentQuery>,
    app: Data<App>,
    web: Data<Web>,
) -> Result<Json<List<DepartmentItem>>> {
    let bound = ListQuery::new("/api/v1/departments");
    let cursor = query.cursor.as_deref();
    let paging = Paging::of(&web.cursors, &viewer, bound, cursor, query.limit)?;
    let items = app.read(|r| departments(&app.sight(r, &viewer, Permission::OrgRead)?))?;
    app.note(viewer.view("org.list")).await?;
    let page = Page::of_whole(items, &paging.request);
    Ok(Json(paging.answer(page)))
}

async fn one_department(
    viewer: Viewer,
    id: Path<String>,
    app: Data<App>,
) -> Result<Json<DepartmentItem>> {
    let missing = || AppError::NotFound { what: "department" };
    let id: DepartmentId = id.parse().map_err(|_| missing())?;
    let wanted = id.to_string();
    let items = app.read(|r| departments(&app.sight(r, &viewer, Permission::OrgRead)?))?;
    let item = items.into_iter().find(|item| item.id == wanted);
    let item = item.ok_or_else(missing)?;
    app.note(viewer.view("org.list")).await?;
    Ok(Json(item))
}

fn departments(sight: &Sight) -> Result<Vec<DepartmentItem>> {
    let item = |(_, d, people): (usize, &Department, usize)| DepartmentItem {
        id: d.id.to_string(),
        number: d.wecom_id,
        parent: d.parent_wecom_id,
        name: d.name.clone(),
        name_en: d.name_en.clone(),
        people,
    };
    Ok(queries::departments(sight).into_iter().map(item).collect())
}
