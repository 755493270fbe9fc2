//! Making and changing members, and letting them go.

use crate::{
    error::{AppError, Invalid, Result},
    identity::{Allowed, Command, Permission, Scope},
    store::{Read, StoreError, Write},
};

use super::{
    super::{
        Department, Member, MemberDraft, MemberId, MemberState, Origin, Post,
        directory::touch,
        presence::put_member,
        standing::{self, Standing},
        sync::blank,
        tables::MEMBER_BY_NO,
    },
    ByScim, reach,
};

/// Makes a member or changes one.
#[derive(Debug, Clone)]
pub struct SaveMember {
    /// Which one; none makes a new one.
    pub member: Option<MemberId>,
    /// The version that somebody saw before deciding; none does not look.
    pub seen: Option<u32>,
    /// The member to be.
    pub draft: MemberDraft,
    /// What state the member is in then; none leaves it, and makes new ones active.
    pub state: Option<MemberState>,
    /// Who says what.
    pub standing: Standing,
}

/// Disables a member, lets it work again, or notes that it has left.
#[derive(Debug, Clone, Copy)]
pub struct SetState {
    /// Which one.
    pub member: MemberId,
    /// The state to be.
    pub state: MemberState,
    /// Who says what.
    pub standing: Standing,
}

/// Makes a member what it was before a change, unless it has changed since.
#[derive(Debug, Clone)]
pub struct PutBack {
    /// The member as that change left it.
    pub changed: Member,
    /// The member before; none if the change made it.
    pub before: Option<Member>,
    /// Who says what.
    pub standing: Standing,
}

/// A member that was saved.
#[derive(Debug, Clone)]
pub struct MemberSaved {
    /// As it was; none if it is new.
    pub before: Option<Member>,
    /// As it is.
    pub member: Member,
}

fn posts_of(r: &Read<'_>, id: MemberId) -> Result<Option<Vec<Post>>, StoreError> {
    Ok(r.get::<Member>(&id)?.map(|member| member.posts))
}

impl SaveMember {
    fn is_within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        match self.member {
            None => reach::may_move(r, scope, None, &self.draft.posts),
            Some(id) => match posts_of(r, id)? {
                Some(before) => reach::may_move(r, scope, Some(&before), &self.draft.posts),
                None => Ok(false),
            },
        }
    }
}

impl Command for SaveMember {
    const PERMISSION: Option<Permission> = Some(Permission::OrgEdit);
    const WHAT: &'static str = "member";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        self.is_within(r, scope)
    }
}

impl SetState {
    fn is_within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        match posts_of(r, self.member)? {
            Some(posts) => reach::may_move(r, scope, Some(&posts), &posts),
            None => Ok(false),
        }
    }
}

impl Command for SetState {
    const PERMISSION: Option<Permission> = Some(Permission::OrgEdit);
    const WHAT: &'static str = "member";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        self.is_within(r, scope)
    }
}

impl Command for PutBack {
    const PERMISSION: Option<Permission> = Some(Permission::OrgEdit);
    const WHAT: &'static str = "member";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        let before = self.before.as_ref().map_or(&[][..], |m| m.posts.as_slice());
        let is_new = self.before.is_none();
        let after = if is_new { &self.changed.posts } else { before };
        reach::may_move(r, scope, Some(&self.changed.posts), after)
    }
}

impl Command for ByScim<SaveMember> {
    const PERMISSION: Option<Permission> = Some(Permission::Scim);
    const WHAT: &'static str = "member";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        self.0.is_within(r, scope)
    }
}

impl Command for ByScim<SetState> {
    const PERMISSION: Option<Permission> = Some(Permission::Scim);
    const WHAT: &'static str = "member";
    fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        self.0.is_within(r, scope)
    }
}

/// What let a member's change through.
pub trait MaySave {
    /// The change.
    fn into_save(self) -> SaveMember;
}
impl MaySave for Allowed<SaveMember> {
    fn into_save(self) -> SaveMember {
        self.into_command()
    }
}
impl MaySave for Allowed<ByScim<SaveMember>> {
    fn into_save(self) -> SaveMember {
        self.into_command().0
    }
}

/// What let a change of state through.
pub trait MaySetState {
    /// The change.
    fn into_set(self) -> SetState;
}
impl MaySetState for Allowed<SetState> {
    fn into_set(self) -> SetState {
        self.into_command()
    }
}
impl MaySetState for Allowed<ByScim<SetState>> {
    fn into_set(self) -> SetState {
        self.into_command().0
    }
}

/// Makes a member or changes one.
///
/// [`AppError::Invalid`] names what cannot be, `conflict.changed` that somebody else was
/// faster, `conflict.wecoms_own` that only WeCom may change it.
pub fn save_member(w: &mut Write<'_>, allowed: impl MaySave) -> Result<MemberSaved> {
    let save = allowed.into_save();
    let before = match save.member {
        Some(id) => Some(seen(w, id, save.seen)?),
        None => None,
    };
    save.draft.check().into_result()?;
    if let Some(known) = &before
        && !save.standing.may_change_member(known.origin)
    {
        let own = standing::wecoms_own(known, &save.draft);
        let wrong = own.into_iter().fold(Invalid::default(), |wrong, field| {
            wrong.with(field, "org.problem.wecoms_own")
        });
        wrong.into_result()?;
        if save.state.is_some_and(|state| state != known.state) {
            return Err(AppError::Conflict { why: "wecoms_own" });
        }
    }
    must_be_there(&w.read(), &save.draft.posts)?;
    let base = match &before {
        Some(known) => known.clone(),
        None => {
            let no = w.read().next_number(&MEMBER_BY_NO, |m| m.no)?;
            Member {
                origin: Origin::Local,
                ..blank(w.new_id::<Member>()?, no, &save.draft.userid)
            }
        }
    };
    let mut member = save.draft.onto(base);
    if let Some(state) = save.state {
        enter(&mut member, state, w);
    }
    write(w, before.as_ref(), &member)?;
    Ok(MemberSaved { before, member })
}

/// Sets a member's state. Whoever leaves keeps everything but the place among those here.
pub fn set_state(w: &mut Write<'_>, allowed: impl MaySetState) -> Result<MemberSaved> {
    let set = allowed.into_set();
    let before = seen(w, set.member, None)?;
    if !set.standing.may_change_member(before.origin) && before.state != set.state {
        return Err(AppError::Conflict { why: "wecoms_own" });
    }
    let mut member = before.clone();
    enter(&mut member, set.state, w);
    write(w, Some(&before), &member)?;
    Ok(MemberSaved {
        before: Some(before),
        member,
    })
}

/// Undoes one change; `false` if the member is not as that change left it, and stays so.
/// A member that the change made is marked as left: nobody is deleted.
pub fn put_back(w: &mut Write<'_>, allowed: Allowed<PutBack>) -> Result<bool> {
    let back = allowed.into_command();
    let now = seen(w, back.changed.id, None)?;
    if now != back.changed || !back.standing.may_change_member(now.origin) {
        return Ok(false);
    }
    let member = match back.before {
        Some(before) => before,
        None => {
            let mut gone = now.clone();
            enter(&mut gone, MemberState::Left, w);
            gone
        }
    };
    if must_be_there(&w.read(), &member.posts).is_err() {
        return Ok(false);
    }
    write(w, Some(&now), &member)?;
    Ok(true)
}

fn enter(member: &mut Member, state: MemberState, w: &Write<'_>) {
    member.left_at = match (state, member.state) {
        (MemberState::Left, MemberState::Left) => member.left_at,
        (MemberState::Left, _) => Some(w.now()),
        _ => None,
    };
    member.state = state;
}

fn seen(w: &Write<'_>, id: MemberId, version: Option<u32>) -> Result<Member> {
    let found = w.read().get_versioned::<Member>(&id)?;
    let found = found.ok_or(AppError::NotFound { what: "member" })?;
    match version.is_some_and(|seen| seen != found.version) {
        true => Err(AppError::Conflict { why: "changed" }),
        false => Ok(found.entity),
    }
}

fn must_be_there(r: &Read<'_>, posts: &[Post]) -> Result<()> {
    for post in posts {
        let found = reach::department(r, post.department)?;
        if found.is_none_or(|d| d.removed_at.is_some()) {
            return Err(AppError::field("dept", "org.problem.department_gone"));
        }
    }
    Ok(())
}

fn write(w: &mut Write<'_>, before: Option<&Member>, member: &Member) -> Result<()> {
    let changed = w.changed();
    put_member(w, member).map_err(|error| match error {
        StoreError::Duplicate { .. } => AppError::field("userid", "org.problem.userid_taken"),
        other => other.into(),
    })?;
    heads(w, before, member)?;
    if w.changed() > changed {
        touch(w)?;
    }
    Ok(())
}

/// Keeps the departments' lists of heads in step with the members' posts.
fn heads(w: &mut Write<'_>, before: Option<&Member>, member: &Member) -> Result<()> {
    let leads = |member: &Member, department: u64| {
        let mut posts = member.posts.iter();
        member.is_here() && posts.any(|p| p.department == department && p.is_leader)
    };
    let old = before.map_or(&[][..], |m| m.posts.as_slice());
    for post in old.iter().chain(&member.posts) {
        let led = before.is_some_and(|b| leads(b, post.department));
        let renamed = before.is_some_and(|b| b.userid != member.userid);
        let heads = leads(member, post.department);
        if led == heads && !renamed {
            continue;
        }
        if let Some(mut department) = reach::department(&w.read(), post.department)? {
            let was = before.map_or(member.userid.as_str(), |b| b.userid.as_str());
            let is = |userid: &str, one: &str| userid.eq_ignore_ascii_case(one);
            department
                .leaders
                .retain(|u| !is(u, was) && !is(u, &member.userid));
            if heads {
                department.leaders.push(member.userid.clone());
            }
            w.put::<Department>(&department)?;
        }
    }
    Ok(())
}
