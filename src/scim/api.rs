//! The calls on users and groups.

use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::{StatusCode, header},
    web::{Data, Path, Query},
};
use bytes::BytesMut;
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    app::App,
    error::{AppError, Result},
    identity::{Permission, Viewer},
    org::{
        Department, DepartmentDraft, DepartmentId, Member, MemberId, MemberState, Post, Sight,
        actions::{self, ByScim, RemoveDepartment, SaveDepartment, SaveMember, SetState},
        standing::ROOT,
    },
    store::{Read, Write},
    web::Cx,
};

use super::{
    BASE,
    answer::{Answer, Refused, finish, list as page, resource},
    discovery::RESULTS_MAX,
    filter::Filter,
    group, patch,
    path::AttrPath,
    select::{Selection, order},
    user,
};

/// Bytes of a request: a group names everybody in it.
const BODY_BYTES_MAX: usize = 1 << 20;

/// The address that everything here begins with.
pub(super) fn base(req: &HttpRequest, app: &App) -> String {
    let host = req.headers().get(header::HOST);
    let host = host.and_then(|h| h.to_str().ok()).unwrap_or("localhost");
    let scheme = if app.is_secure() { "https" } else { "http" };
    format!("{scheme}://{host}{BASE}")
}

/// Users or groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Users,
    Groups,
}

impl Kind {
    fn of(text: &str) -> Result<Self, Refused> {
        match text {
            "Users" => Ok(Self::Users),
            "Groups" => Ok(Self::Groups),
            other => Err(Refused::Scim(404, "", format!("{other} is not there."))),
        }
    }
}

/// A request's JSON, within its own bound.
pub(super) struct Body(Value);

impl FromRequest for Body {
    type Error = AppError;
    type Future = Pin<Box<dyn Future<Output = Result<Self>>>>;

    fn from_request(_: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let mut payload = payload.take();
        Box::pin(async move {
            let mut body = BytesMut::new();
            while let Some(chunk) = payload.next().await {
                let chunk = chunk.map_err(|_| AppError::BadRequest { why: "encoding" })?;
                if body.len() + chunk.len() > BODY_BYTES_MAX {
                    return Err(AppError::TooLarge {
                        bytes_max: BODY_BYTES_MAX,
                    });
                }
                body.extend_from_slice(&chunk);
            }
            let value: Value = serde_json::from_slice(&body)
                .map_err(|_| AppError::BadRequest { why: "encoding" })?;
            match value.is_object() {
                true => Ok(Self(value)),
                false => Err(AppError::BadRequest { why: "encoding" }),
            }
        })
    }
}

/// What a list is asked for, in the address or in a body.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Asked {
    filter: Option<String>,
    sort_by: Option<String>,
    sort_order: Option<String>,
    start_index: Option<i64>,
    count: Option<i64>,
    attributes: Option<OneOrMany>,
    excluded_attributes: Option<OneOrMany>,
}

/// Names apart by commas in an address, a list in a body.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Asked {
    fn selection(&self) -> Selection {
        let names = |names: &Option<OneOrMany>| match names {
            None => Vec::new(),
            Some(OneOrMany::One(one)) => vec![one.clone()],
            Some(OneOrMany::Many(many)) => many.clone(),
        };
        Selection::new(&names(&self.attributes), &names(&self.excluded_attributes))
    }
}

/// Calls the protocol knows and this server does not.
pub(super) async fn not_implemented() -> Answer {
    let detail = "This server does not do that.".to_owned();
    finish(Err(Refused::Scim(501, "", detail)))
}

fn sight(app: &App, r: &Read<'_>, viewer: &Viewer) -> Result<Sight> {
    app.sight(r, viewer, Permission::Scim)
}

/// `GET /Users`, `GET /Groups`.
pub(super) async fn list(
    viewer: Viewer,
    kind: Path<String>,
    asked: Query<Asked>,
    app: Data<App>,
    req: HttpRequest,
) -> Answer {
    finish(listed(viewer, &kind, asked.into_inner(), app, &req).await)
}

/// `POST /Users/.search`: the same with a body.
pub(super) async fn search(
    viewer: Viewer,
    kind: Path<String>,
    body: Body,
    app: Data<App>,
    req: HttpRequest,
) -> Answer {
    let asked = serde_json::from_value(body.0);
    let asked = asked.map_err(|_| Refused::syntax("The search is not understood."));
    finish(match asked {
        Ok(asked) => listed(viewer, &kind, asked, app, &req).await,
        Err(refused) => Err(refused),
    })
}

async fn listed(
    viewer: Viewer,
    kind: &str,
    asked: Asked,
    app: Data<App>,
    req: &HttpRequest,
) -> Result<HttpResponse, Refused> {
    let kind = Kind::of(kind)?;
    let filter = match asked.filter.as_deref().filter(|f| !f.trim().is_empty()) {
        Some(text) => Some(Filter::parse(text).ok_or_else(|| {
            Refused::Scim(400, "invalidFilter", "The filter is not understood.".into())
        })?),
        None => None,
    };
    let base = base(req, &app);
    let mut found = app.read(|r| all(r, &sight(&app, r, &viewer)?, kind, &base))?;
    if let Some(filter) = &filter {
        found.retain(|resource| filter.matches(resource));
    }
    if let Some(path) = asked.sort_by.as_deref().and_then(AttrPath::parse) {
        found.sort_by(|a, b| order(&path, a, b));
        if asked.sort_order.as_deref() == Some("descending") {
            found.reverse();
        }
    }
    let total = found.len();
    let start = usize::try_from(asked.start_index.unwrap_or(1))
        .unwrap_or(1)
        .max(1);
    // A negative count is none (RFC 7644, §3.4.2.4).
    let count = asked
        .count
        .map_or(RESULTS_MAX, |n| usize::try_from(n).unwrap_or(0));
    let count = count.min(RESULTS_MAX);
    let shown: Vec<Value> = found.into_iter().skip(start - 1).take(count).collect();
    let ids: Vec<&str> = shown.iter().filter_map(|one| one["id"].as_str()).collect();
    let act = viewer.view("scim.list").system_detail("ids", ids.join(" "));
    app.write(act, |_| Ok(())).await?;
    let selection = asked.selection();
    let shown = shown.into_iter().map(|one| selection.of(one)).collect();
    Ok(page(shown, total, start))
}

/// All resources in sight, in a lasting order.
fn all(r: &Read<'_>, sight: &Sight, kind: Kind, base: &str) -> Result<Vec<Value>> {
    let directory = &sight.directory;
    let mut found = Vec::new();
    match kind {
        Kind::Users => {
            let members = directory.members();
            let mut members: Vec<&Member> = members
                .filter(|m| m.is_here() && sight.sees(m.id))
                .collect();
            members.sort_by_key(|m| m.no);
            for member in members {
                // The version is only in the store's row; a list of thousands does without.
                found.push(user::resource(
                    directory,
                    member,
                    version_of_member(r, member)?,
                    base,
                ));
            }
        }
        Kind::Groups => {
            for (_, department) in directory.tree.flat() {
                let version = r.get_versioned::<Department>(&department.id)?;
                let version = version.map_or(0, |v| v.version);
                found.push(group::resource(directory, department, version, base));
            }
        }
    }
    Ok(found)
}

fn version_of_member(r: &Read<'_>, member: &Member) -> Result<u32> {
    let found = r.get_versioned::<Member>(&member.id)?;
    Ok(found.map_or(0, |found| found.version))
}

/// A resource as it is.
fn load(
    app: &App,
    r: &Read<'_>,
    viewer: &Viewer,
    kind: Kind,
    id: &str,
    base: &str,
) -> Result<Value, Refused> {
    let sight = sight(app, r, viewer)?;
    let missing = || Refused::Scim(404, "", format!("{id} is not there."));
    match kind {
        Kind::Users => {
            let id: MemberId = id.parse().map_err(|_| missing())?;
            let found = r.get_versioned::<Member>(&id)?;
            let found = found.filter(|f| f.entity.is_here() && sight.sees(id));
            let found = found.ok_or_else(missing)?;
            Ok(user::resource(
                &sight.directory,
                &found.entity,
                found.version,
                base,
            ))
        }
        Kind::Groups => {
            let id: DepartmentId = id.parse().map_err(|_| missing())?;
            let found = r.get_versioned::<Department>(&id)?;
            let found = found.filter(|f| f.entity.removed_at.is_none());
            let found = found.ok_or_else(missing)?;
            Ok(group::resource(
                &sight.directory,
                &found.entity,
                found.version,
                base,
            ))
        }
    }
}

/// `GET /Users/{id}`, `GET /Groups/{id}`.
pub(super) async fn one(
    viewer: Viewer,
    path: Path<(String, String)>,
    asked: Query<Asked>,
    app: Data<App>,
    req: HttpRequest,
) -> Answer {
    let done = async {
        let kind = Kind::of(&path.0)?;
        let base = base(&req, &app);
        let found = app.read(|r| load(&app, r, &viewer, kind, &path.1, &base))?;
        let what = match kind {
            Kind::Users => "member",
            Kind::Groups => "department",
        };
        let act = viewer.view("scim.view").about(what, &path.1);
        app.write(act, |_| Ok(())).await?;
        let version = found["meta"]["version"].as_str().unwrap_or("").to_owned();
        let known = req.headers().get(header::IF_NONE_MATCH);
        if known.and_then(|k| k.to_str().ok()) == Some(&version) {
            return Ok(HttpResponse::NotModified()
                .insert_header(("etag", version))
                .finish());
        }
        Ok(resource(StatusCode::OK, &asked.selection().of(found)))
    };
    finish(done.await)
}

/// `POST /Users`, `POST /Groups`.
pub(super) async fn create(
    viewer: Viewer,
    kind: Path<String>,
    asked: Query<Asked>,
    body: Body,
    app: Data<App>,
    req: HttpRequest,
) -> Answer {
    let done = async {
        let kind = Kind::of(&kind)?;
        let id = match kind {
            Kind::Users => create_user(&app, &viewer, &body.0).await?,
            Kind::Groups => save_group(&app, &viewer, None, &body.0, None).await?,
        };
        let base = base(&req, &app);
        let found = app.read(|r| load(&app, r, &viewer, kind, &id, &base))?;
        Ok(resource(StatusCode::CREATED, &asked.selection().of(found)))
    };
    finish(done.await)
}

/// Makes a member; one who left under this userid comes back.
async fn create_user(app: &App, viewer: &Viewer, body: &Value) -> Result<String, Refused> {
    let directory = app.read(|r| app.directory.get(r))?;
    let userid = super::path::member(body, "userName").and_then(Value::as_str);
    let known = userid.and_then(|userid| directory.by_userid(userid.trim()));
    if known.is_some_and(Member::is_here) {
        let detail = "userName: another user has it.".to_owned();
        return Err(Refused::Scim(409, "uniqueness", detail));
    }
    let wanted = user::wanted(&directory, body, known)?;
    directory
        .taken(&wanted.draft, known.map(|m| m.id))
        .into_result()?;
    let state = match wanted.is_active {
        true => MemberState::Active,
        false => MemberState::Disabled,
    };
    let save = SaveMember {
        member: known.map(|m| m.id),
        seen: None,
        draft: wanted.draft,
        state: Some(state),
        standing: app.org_standing(),
    };
    let viewer = viewer.clone();
    let saved = app
        .write(viewer.change("member.create"), move |w| {
            let allowed = viewer.allow(w, ByScim(save))?;
            actions::save_member(w, allowed)
        })
        .await?;
    Ok(saved.member.id.to_string())
}

/// The version that a client insists on.
fn expected(req: &HttpRequest) -> Option<u32> {
    let told = req.headers().get(header::IF_MATCH)?.to_str().ok()?.trim();
    if told == "*" {
        return None;
    }
    let bare = told.trim_start_matches("W/").trim_matches('"');
    // A version that is none of ours fits no resource.
    Some(bare.parse().unwrap_or(0))
}

/// `PUT`: the resource is what the body says.
pub(super) async fn replace(
    viewer: Viewer,
    path: Path<(String, String)>,
    asked: Query<Asked>,
    body: Body,
    app: Data<App>,
    req: HttpRequest,
) -> Answer {
    finish(put(&viewer, &path, &asked, |_| Ok(body.0), &app, &req).await)
}

/// `PATCH`: the resource is changed as the operations say.
pub(super) async fn modify(
    viewer: Viewer,
    path: Path<(String, String)>,
    asked: Query<Asked>,
    body: Body,
    app: Data<App>,
    req: HttpRequest,
) -> Answer {
    let change = |mut resource: Value| {
        patch::apply(&mut resource, &body.0)?;
        Ok(resource)
    };
    finish(put(&viewer, &path, &asked, change, &app, &req).await)
}

async fn put(
    viewer: &Viewer,
    path: &(String, String),
    asked: &Asked,
    change: impl FnOnce(Value) -> Result<Value, Refused>,
    app: &Data<App>,
    req: &HttpRequest,
) -> Result<HttpResponse, Refused> {
    let kind = Kind::of(&path.0)?;
    let base = base(req, app);
    let before = app.read(|r| load(app, r, viewer, kind, &path.1, &base))?;
    // Between this read and the write nobody else may change it, asked for or not.
    let version = before["meta"]["version"].as_str().unwrap_or("");
    let read: Option<u32> = version
        .trim_start_matches("W/")
        .trim_matches('"')
        .parse()
        .ok();
    let seen = expected(req).or(read);
    let body = change(before)?;
    match kind {
        Kind::Users => save_user(app, viewer, &path.1, &body, seen).await?,
        Kind::Groups => {
            save_group(app, viewer, Some(&path.1), &body, seen).await?;
        }
    }
    let found = app.read(|r| load(app, r, viewer, kind, &path.1, &base))?;
    Ok(resource(StatusCode::OK, &asked.selection().of(found)))
}

async fn save_user(
    app: &App,
    viewer: &Viewer,
    id: &str,
    body: &Value,
    seen: Option<u32>,
) -> Result<(), Refused> {
    let missing = || Refused::Scim(404, "", format!("{id} is not there."));
    let id: MemberId = id.parse().map_err(|_| missing())?;
    let directory = app.read(|r| app.directory.get(r))?;
    let known = directory.member(id).ok_or_else(missing)?;
    let wanted = user::wanted(&directory, body, Some(known))?;
    directory.taken(&wanted.draft, Some(id)).into_result()?;
    let state = match (wanted.is_active, known.state) {
        (true, MemberState::Disabled) => Some(MemberState::Active),
        (false, _) => Some(MemberState::Disabled),
        (true, _) => None,
    };
    let save = SaveMember {
        member: Some(id),
        seen,
        draft: wanted.draft,
        state,
        standing: app.org_standing(),
    };
    let viewer = viewer.clone();
    let act = viewer.change("member.update").about("member", id);
    app.write(act, move |w| {
        let allowed = viewer.allow(w, ByScim(save))?;
        actions::save_member(w, allowed).map(drop)
    })
    .await?;
    Ok(())
}

/// Makes or changes a department, and who is in it, in one write.
async fn save_group(
    app: &App,
    viewer: &Viewer,
    id: Option<&str>,
    body: &Value,
    seen: Option<u32>,
) -> Result<String, Refused> {
    let missing = || Refused::Scim(404, "", "The group is not there.".into());
    let directory = app.read(|r| app.directory.get(r))?;
    let wanted = group::wanted(&directory, body)?;
    let id: Option<DepartmentId> = match id {
        Some(id) => Some(id.parse().map_err(|_| missing())?),
        None => None,
    };
    let known = match id {
        Some(id) => Some(directory.tree.find(id).ok_or_else(missing)?.clone()),
        None => None,
    };
    let standing = app.org_standing();
    let save = SaveDepartment {
        department: id,
        seen,
        draft: DepartmentDraft {
            name: wanted.name,
            name_en: known.as_ref().map_or(String::new(), |d| d.name_en.clone()),
            parent: known.as_ref().map_or(ROOT, |d| d.parent_wecom_id),
            order: known.as_ref().map_or(0, |d| d.order),
            external_id: wanted.external_id,
        },
        standing,
    };
    let here = known
        .as_ref()
        .map(|d| group::members(&directory, d.wecom_id));
    let here: std::collections::BTreeSet<MemberId> =
        here.into_iter().flatten().map(|m| m.id).collect();
    let come: Vec<MemberId> = wanted.members.difference(&here).copied().collect();
    let gone: Vec<MemberId> = here.difference(&wanted.members).copied().collect();
    let viewer = viewer.clone();
    let act = match id {
        Some(id) => viewer.change("department.update").about("department", id),
        None => viewer.change("department.create"),
    };
    let saved = app
        .write(act, move |w| {
            // What WeCom knows stays as it is; who is in it may still be said again.
            let is_same = known.as_ref().is_some_and(|d| {
                d.name == save.draft.name && d.external_id == save.draft.external_id
            });
            let department = match (is_same, known) {
                (true, Some(known)) => known,
                _ => {
                    let allowed = viewer.allow(w, ByScim(save))?;
                    actions::save_department(w, allowed)?
                }
            };
            for (ids, is_in) in [(come, true), (gone, false)] {
                for id in ids {
                    place(w, &viewer, id, department.wecom_id, is_in, standing)?;
                }
            }
            Ok(department)
        })
        .await?;
    Ok(saved.id.to_string())
}

/// Puts a member into a department or takes it out.
fn place(
    w: &mut Write<'_>,
    viewer: &Viewer,
    id: MemberId,
    number: u64,
    is_in: bool,
    standing: crate::org::Standing,
) -> Result<()> {
    let member = w.get::<Member>(&id)?;
    let member = member.ok_or(AppError::NotFound { what: "member" })?;
    let mut draft = crate::org::MemberDraft::of(&member);
    draft.posts.retain(|post| post.department != number);
    if is_in {
        draft.posts.push(Post {
            department: number,
            is_leader: false,
            order: 0,
        });
    }
    let save = SaveMember {
        member: Some(id),
        seen: None,
        draft,
        state: None,
        standing,
    };
    let allowed = viewer.allow(w, ByScim(save))?;
    actions::save_member(w, allowed).map(drop)
}

/// `DELETE`: the member has left, the department is removed.
pub(super) async fn remove(
    viewer: Viewer,
    path: Path<(String, String)>,
    app: Data<App>,
    req: HttpRequest,
    _cx: Cx,
) -> Answer {
    let done = async {
        let kind = Kind::of(&path.0)?;
        let base = base(&req, &app);
        let found = app.read(|r| load(&app, r, &viewer, kind, &path.1, &base))?;
        let version = found["meta"]["version"].as_str().unwrap_or("");
        let version: Option<u32> = version
            .trim_start_matches("W/")
            .trim_matches('"')
            .parse()
            .ok();
        if expected(&req).is_some_and(|seen| Some(seen) != version) {
            return Err(AppError::Conflict { why: "changed" }.into());
        }
        match kind {
            Kind::Users => remove_user(&app, viewer, &path.1).await?,
            Kind::Groups => remove_group(&app, viewer, &path.1).await?,
        }
        Ok(HttpResponse::NoContent().finish())
    };
    finish(done.await)
}

async fn remove_user(app: &App, viewer: Viewer, id: &str) -> Result<()> {
    let member = id
        .parse()
        .map_err(|_| AppError::NotFound { what: "member" })?;
    let act = viewer.change("member.state").about("member", member);
    let set = SetState {
        member,
        state: MemberState::Left,
        standing: app.org_standing(),
    };
    app.write(act, move |w| {
        let allowed = viewer.allow(w, ByScim(set))?;
        actions::set_state(w, allowed).map(drop)
    })
    .await
}

/// Whoever is in it stays in the firm.
async fn remove_group(app: &App, viewer: Viewer, id: &str) -> Result<()> {
    let missing = || AppError::NotFound { what: "department" };
    let department: DepartmentId = id.parse().map_err(|_| missing())?;
    let directory = app.read(|r| app.directory.get(r))?;
    let number = directory
        .tree
        .find(department)
        .ok_or_else(missing)?
        .wecom_id;
    let ids: Vec<MemberId> = group::members(&directory, number).map(|m| m.id).collect();
    let standing = app.org_standing();
    let act = viewer
        .change("department.remove")
        .about("department", department);
    app.write(act, move |w| {
        for id in ids {
            place(w, &viewer, id, number, false, standing)?;
        }
        let remove = RemoveDepartment {
            department,
            standing,
        };
        let allowed = viewer.allow(w, ByScim(remove))?;
        actions::remove_department(w, allowed).map(drop)
    })
    .await
}
