//! What is changed here is told to WeCom, where the firm allows it.
//!
//! A change plans its effect in its own write. What is sent is the record as it is then, so
//! that an effect that waited never undoes a later one, and sending twice is sending once; of
//! those that make something WeCom is asked first whether it is there.
//!
//! WeCom makes nobody without a mobile or mail address (documentation, 成员管理): such members
//! stay here alone until they have one.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::{
    app::App,
    error::{AppError, Result},
    store::{Actor, Channel, Write},
    wecom::{Client, DepartmentChange, MemberChange, MemberFields, NewDepartment, NewMember},
    work::effects::{
        Area, Effect, EffectFuture, EffectKind, EffectSpec, LookFuture, NewEffect, Priority,
        Refusal, Seen, WriteMode, mode, plan,
    },
};

use super::{
    Department, DepartmentId, Gender, Member, MemberDraft, MemberId, MemberState, Origin, Post,
    directory::touch, standing::is_local, sync, tables::DEPARTMENT_BY_WECOM_ID,
};

const MEMBER_CREATE: EffectSpec =
    EffectSpec::post("org.member_create", Area::Directory, "user/create");
const MEMBER_UPDATE: EffectSpec =
    EffectSpec::post("org.member_update", Area::Directory, "user/update");
const MEMBER_DELETE: EffectSpec =
    EffectSpec::get("org.member_delete", Area::Directory, "user/delete");
const DEPARTMENT_CREATE: EffectSpec = EffectSpec::post(
    "org.department_create",
    Area::Directory,
    "department/create",
);
const DEPARTMENT_UPDATE: EffectSpec = EffectSpec::post(
    "org.department_update",
    Area::Directory,
    "department/update",
);
const DEPARTMENT_DELETE: EffectSpec = EffectSpec::get(
    "org.department_delete",
    Area::Directory,
    "department/delete",
);

/// How long a member waits for a department that is still to be made at WeCom, in ms.
const WAIT_MS: i64 = 2_000;
/// After this time a member goes without it, in ms: the department was refused.
const PATIENCE_MS: i64 = 600_000;

/// What happens at WeCom.
pub(super) fn kinds() -> Vec<EffectKind<App>> {
    vec![
        EffectKind::new(MEMBER_CREATE, member_create)
            .looking(look_for_member)
            .arriving(member_arrived),
        EffectKind::new(MEMBER_UPDATE, member_update),
        EffectKind::new(MEMBER_DELETE, member_delete),
        EffectKind::new(DEPARTMENT_CREATE, department_create)
            .looking(look_for_department)
            .arriving(department_arrived),
        EffectKind::new(DEPARTMENT_UPDATE, department_update),
        EffectKind::new(DEPARTMENT_DELETE, department_delete),
    ]
}

/// A member's effect.
#[derive(Encode, Decode)]
struct AboutMember {
    #[n(0)]
    id: MemberId,
    /// Deleting needs it after the record has changed.
    #[n(1)]
    userid: String,
    /// The fields that changed; everything for a new one.
    #[n(2)]
    fields: Vec<String>,
}

/// A department's effect.
#[derive(Encode, Decode)]
struct AboutDepartment {
    #[n(0)]
    id: DepartmentId,
    /// Deleting needs it after the record has changed.
    #[n(1)]
    number: u64,
}

fn new_effect<I: Encode<()>>(
    w: &Write<'_>,
    kind: EffectSpec,
    input: &I,
    about: (&'static str, String),
) -> Result<NewEffect> {
    let act = w.act();
    Ok(NewEffect {
        kind,
        priority: match act.origin.channel {
            Channel::Job => Priority::Bulk,
            _ => Priority::Awaited,
        },
        input: minicbor::to_vec(input).map_err(AppError::internal)?,
        about,
        batch: None,
        created_by: match act.on_behalf.unwrap_or(act.actor) {
            Actor::Account(id) => Some(id),
            _ => None,
        },
        expires_at: None,
    })
}

/// Plans what a change of a member means at WeCom. Gives the member, with the note that WeCom
/// was told of it.
pub(super) fn tell_member(
    w: &mut Write<'_>,
    before: Option<&Member>,
    after: Member,
) -> Result<Member> {
    let is_on = match mode(&w.read(), Area::Directory)? {
        WriteMode::Off => return Ok(after),
        mode => mode == WriteMode::On,
    };
    let is_told = |m: &Member| m.origin == Origin::Wecom || m.told_at.is_some();
    let was_there = before.is_some_and(|m| m.is_here() && is_told(m));
    let mut after = after;
    let (kind, fields) = match (was_there, after.is_here()) {
        (false, false) => return Ok(after),
        (false, true) if after.mobile.is_empty() && after.email.is_empty() => return Ok(after),
        (false, true) => {
            for post in &after.posts {
                tell_of_department(w, post.department, is_on)?;
            }
            (MEMBER_CREATE, Vec::new())
        }
        (true, false) => (MEMBER_DELETE, Vec::new()),
        (true, true) => {
            let fields = before.map_or(Vec::new(), |before| changed(before, &after));
            if fields.is_empty() {
                return Ok(after);
            }
            for post in &after.posts {
                tell_of_department(w, post.department, is_on)?;
            }
            (MEMBER_UPDATE, fields)
        }
    };
    let about = AboutMember {
        id: after.id,
        userid: after.userid.clone(),
        fields,
    };
    let effect = new_effect(w, kind, &about, ("member", after.id.to_string()))?;
    plan(w, effect)?;
    if is_on {
        after.told_at = after.is_here().then(|| w.now());
    }
    Ok(after)
}

/// The fields that WeCom keeps too and that differ.
fn changed(before: &Member, after: &Member) -> Vec<String> {
    let (old, new) = (MemberDraft::of(before), MemberDraft::of(after));
    let fields = [
        ("name", old.name != new.name),
        ("alias", old.alias != new.alias),
        ("position", old.position != new.position),
        ("gender", old.gender != new.gender),
        ("mobile", old.mobile != new.mobile),
        ("email", old.email != new.email),
        ("direct_leader", old.direct_leader != new.direct_leader),
        (
            "posts",
            old.posts != new.posts || old.main_department != new.main_department,
        ),
        ("state", before.state != after.state),
    ];
    let fields = fields.into_iter().filter(|(_, differs)| *differs);
    fields.map(|(field, _)| field.to_owned()).collect()
}

/// Sees to it that WeCom hears of a local department and those above it.
fn tell_of_department(w: &mut Write<'_>, number: u64, is_on: bool) -> Result<()> {
    let mut untold = Vec::new();
    let mut at = number;
    while is_local(at) && untold.len() < 64 {
        let found = w
            .read()
            .find(&DEPARTMENT_BY_WECOM_ID, crate::store::Key::new().with(at))?;
        let Some(department) = found else { break };
        at = department.parent_wecom_id;
        if department.told_at.is_none() {
            untold.push(department);
        }
    }
    for mut department in untold.into_iter().rev() {
        plan_department(w, DEPARTMENT_CREATE, &department)?;
        if is_on {
            department.told_at = Some(w.now());
            w.put(&department)?;
        }
    }
    Ok(())
}

fn plan_department(w: &mut Write<'_>, kind: EffectSpec, department: &Department) -> Result<()> {
    let about = AboutDepartment {
        id: department.id,
        number: department.wecom_id,
    };
    let about_id = ("department", department.id.to_string());
    let effect = new_effect(w, kind, &about, about_id)?;
    plan(w, effect).map(drop)
}

/// Plans what a change of a department means at WeCom.
pub(super) fn tell_department(
    w: &mut Write<'_>,
    before: Option<&Department>,
    after: &Department,
) -> Result<()> {
    let is_on = match mode(&w.read(), Area::Directory)? {
        WriteMode::Off => return Ok(()),
        mode => mode == WriteMode::On,
    };
    let is_told = |d: &Department| !is_local(d.wecom_id) || d.told_at.is_some();
    match before {
        Some(before) if is_told(before) && after.removed_at.is_some() => {
            plan_department(w, DEPARTMENT_DELETE, after)
        }
        Some(before) if is_told(before) => {
            let differs = (
                &before.name,
                &before.name_en,
                before.parent_wecom_id,
                before.order,
            ) != (
                &after.name,
                &after.name_en,
                after.parent_wecom_id,
                after.order,
            );
            if differs {
                tell_of_department(w, after.parent_wecom_id, is_on)?;
                plan_department(w, DEPARTMENT_UPDATE, after)?;
            }
            Ok(())
        }
        _ if after.removed_at.is_some() => Ok(()),
        _ => tell_of_department(w, after.wecom_id, is_on),
    }
}

fn client(app: &App) -> Result<Client> {
    app.wecom().ok_or(AppError::Unavailable {
        why: "wecom_missing",
    })
}

fn read_input<T: for<'b> Decode<'b, ()>>(effect: &Effect) -> Result<T, Refusal> {
    minicbor::decode(&effect.input).map_err(|e| Refusal::Refused(AppError::internal(e)))
}

/// The member of an effect and its departments as WeCom numbers them.
fn member_now(app: &App, effect: &Effect) -> Result<(Member, AboutMember), Refusal> {
    let about: AboutMember = read_input(effect)?;
    let found = app
        .read(|r| r.get::<Member>(&about.id))
        .map_err(AppError::from)?;
    let mut member = found.ok_or(Refusal::Refused(AppError::NotFound { what: "member" }))?;
    let now = app.store.clock().now();
    let waits = member.posts.iter().any(|post| is_local(post.department));
    if waits && now.since_ms(effect.created_at) < PATIENCE_MS {
        return Err(Refusal::Later {
            until: now.plus_ms(WAIT_MS),
            error: AppError::Unavailable { why: "department" },
        });
    }
    member.posts.retain(|post| !is_local(post.department));
    Ok((member, about))
}

/// What WeCom is told of a member: these fields, or all.
fn fields_of(member: &Member, only: Option<&[String]>) -> MemberFields {
    let wants = |field: &str| only.is_none_or(|only| only.iter().any(|f| f == field));
    let text = |field: &str, value: &String| {
        // Of a new member only what there is; a change may empty a field.
        (wants(field) && (only.is_some() || !value.is_empty())).then(|| value.clone())
    };
    let mut fields = MemberFields {
        name: text("name", &member.name),
        alias: text("alias", &member.alias),
        position: text("position", &member.position),
        mobile: text("mobile", &member.mobile),
        email: text("email", &member.email),
        ..MemberFields::default()
    };
    if wants("gender") && member.gender != Gender::Unknown {
        fields.gender = Some((member.gender as u8).to_string());
    }
    if wants("direct_leader") && (only.is_some() || !member.direct_leader.is_empty()) {
        let leader = Some(member.direct_leader.clone()).filter(|u| !u.is_empty());
        fields.direct_leader = Some(leader.into_iter().collect());
    }
    if wants("posts") && !member.posts.is_empty() {
        let posts = &member.posts;
        let each = |of: fn(&Post) -> u64| Some(posts.iter().map(of).collect());
        fields.department = each(|post| post.department);
        fields.order = each(|post| post.order);
        fields.is_leader_in_dept = Some(posts.iter().map(|p| u8::from(p.is_leader)).collect());
        let mut main = posts.iter().map(|p| p.department);
        fields.main_department = main.find(|d| *d == member.main_department);
    }
    if wants("state") && (only.is_some() || member.state == MemberState::Disabled) {
        fields.enable = Some(u8::from(member.state != MemberState::Disabled));
    }
    fields
}

fn member_create(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let (member, _) = member_now(&app, &effect)?;
        if !member.is_here() {
            return Err(Refusal::Refused(AppError::Conflict { why: "left" }));
        }
        let new = NewMember {
            userid: member.userid.clone(),
            fields: fields_of(&member, None),
            // An invitation by message is a decision of its own.
            to_invite: false,
        };
        client(&app)?.create_member(&new).await?;
        Ok(Vec::new())
    })
}

fn look_for_member(app: Arc<App>, effect: Effect) -> LookFuture {
    Box::pin(async move {
        let about: AboutMember = minicbor::decode(&effect.input).map_err(AppError::internal)?;
        Ok(match client(&app)?.member(&about.userid).await? {
            Some(_) => Seen::Happened(Vec::new()),
            None => Seen::NotThere,
        })
    })
}

/// From now on WeCom knows the member.
fn member_arrived(w: &mut Write<'_>, effect: &Effect, _: &[u8]) -> Result<()> {
    let about: AboutMember = minicbor::decode(&effect.input).map_err(AppError::internal)?;
    if let Some(mut member) = w.get::<Member>(&about.id)?
        && member.origin == Origin::Local
    {
        member.origin = Origin::Wecom;
        // At WeCom nobody is active before having signed in there.
        if member.state == MemberState::Active {
            member.state = MemberState::Inactive;
        }
        w.put(&member)?;
        touch(w)?;
    }
    Ok(())
}

fn member_update(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let (member, about) = member_now(&app, &effect)?;
        if !member.is_here() {
            // It is deleted next.
            return Ok(Vec::new());
        }
        let change = MemberChange {
            userid: member.userid.clone(),
            fields: fields_of(&member, Some(&about.fields)),
            ..MemberChange::default()
        };
        client(&app)?.update_member(&change).await?;
        Ok(Vec::new())
    })
}

fn member_delete(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let about: AboutMember = read_input(&effect)?;
        client(&app)?.delete_member(&about.userid).await?;
        Ok(Vec::new())
    })
}

/// The department of an effect, and WeCom's number of the one above.
fn department_now(app: &App, effect: &Effect) -> Result<Department, Refusal> {
    let about: AboutDepartment = read_input(effect)?;
    let found = app
        .read(|r| r.get::<Department>(&about.id))
        .map_err(AppError::from)?;
    let missing = Refusal::Refused(AppError::NotFound { what: "department" });
    let department = found.ok_or(missing)?;
    if is_local(department.parent_wecom_id) {
        let now = app.store.clock().now();
        return Err(Refusal::Later {
            until: now.plus_ms(WAIT_MS),
            error: AppError::Unavailable { why: "department" },
        });
    }
    Ok(department)
}

fn name_en(department: &Department) -> Option<String> {
    Some(department.name_en.clone()).filter(|name| !name.is_empty())
}

fn department_create(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let department = department_now(&app, &effect)?;
        let new = NewDepartment {
            name: department.name.clone(),
            name_en: name_en(&department),
            parentid: department.parent_wecom_id,
            order: Some(department.order),
            id: None,
        };
        let number = client(&app)?.create_department(&new).await?;
        Ok(number.to_be_bytes().to_vec())
    })
}

/// The department of this name at this place, if WeCom has it.
fn look_for_department(app: Arc<App>, effect: Effect) -> LookFuture {
    Box::pin(async move {
        let about: AboutDepartment = minicbor::decode(&effect.input).map_err(AppError::internal)?;
        let Some(department) = app.read(|r| r.get::<Department>(&about.id))? else {
            return Ok(Seen::CannotTell);
        };
        let all = client(&app)?.departments().await?;
        let is_same = |parent: u64, name: &str| {
            parent == department.parent_wecom_id && name == department.name
        };
        let found = all.into_iter().find(|d| is_same(d.parentid, &d.name));
        Ok(match found {
            Some(found) => Seen::Happened(found.id.to_be_bytes().to_vec()),
            None => Seen::NotThere,
        })
    })
}

/// From now on the department has WeCom's number. A sync may have been faster.
fn department_arrived(w: &mut Write<'_>, effect: &Effect, answer: &[u8]) -> Result<()> {
    let about: AboutDepartment = minicbor::decode(&effect.input).map_err(AppError::internal)?;
    let number = u64::from_be_bytes(answer.try_into().map_err(AppError::internal)?);
    let known = w.get::<Department>(&about.id)?;
    let taken = w.read().find_key(
        &DEPARTMENT_BY_WECOM_ID,
        &crate::store::Key::new().with(number),
    )?;
    if let Some(department) = known.filter(|d| is_local(d.wecom_id) && taken.is_none()) {
        sync::renumber(w, department, number)?;
        touch(w)?;
    }
    Ok(())
}

fn department_update(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let department = department_now(&app, &effect)?;
        if department.removed_at.is_some() || is_local(department.wecom_id) {
            return Ok(Vec::new());
        }
        let change = DepartmentChange {
            id: department.wecom_id,
            name: Some(department.name.clone()),
            name_en: name_en(&department),
            parentid: Some(department.parent_wecom_id).filter(|parent| *parent != 0),
            order: Some(department.order),
        };
        client(&app)?.update_department(&change).await?;
        Ok(Vec::new())
    })
}

fn department_delete(app: Arc<App>, effect: Effect) -> EffectFuture {
    Box::pin(async move {
        let about: AboutDepartment = read_input(&effect)?;
        let found = app
            .read(|r| r.get::<Department>(&about.id))
            .map_err(AppError::from)?;
        // It may have got WeCom's number since this was planned.
        let number = found.map_or(about.number, |department| department.wecom_id);
        if !is_local(number) {
            client(&app)?.delete_department(number).await?;
        }
        Ok(Vec::new())
    })
}
