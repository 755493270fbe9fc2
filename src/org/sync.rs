//! The directory as WeCom tells it: insert or update, mark as gone, never delete.

use std::collections::{BTreeMap, HashSet};

use crate::{
    store::{Read, StoreError, Write},
    work::effects::{EffectState, pending_about},
};

use super::{
    Department, Gender, Member, MemberState, Origin, Post,
    directory::touch,
    presence::put_member,
    queries::{self, DepartmentTree},
    standing::is_local,
    tables::{DEPARTMENT_BY_WECOM_ID, MEMBER_BY_NO},
};

/// What an answer says of one department.
#[derive(Debug, Clone, Default)]
pub struct DepartmentFacts {
    /// WeCom's number.
    pub wecom_id: u64,
    /// WeCom's number of the parent; 0 for the root.
    pub parent_wecom_id: u64,
    /// Name.
    pub name: String,
    /// English name.
    pub name_en: String,
    /// Larger stands higher.
    pub order: u64,
    /// Userids of the heads.
    pub leaders: Vec<String>,
}

/// What an answer says of one member. Absent values were not given and are left as they are.
#[derive(Debug, Clone)]
pub struct MemberFacts {
    /// WeCom's userid.
    pub userid: String,
    /// Name.
    pub name: String,
    /// Alias.
    pub alias: Option<String>,
    /// Job title.
    pub position: Option<String>,
    /// Departments, heads and order.
    pub posts: Vec<Post>,
    /// WeCom's number of the main department.
    pub main_department: Option<u64>,
    /// Gender.
    pub gender: Option<Gender>,
    /// Mobile.
    pub mobile: Option<String>,
    /// Mail.
    pub email: Option<String>,
    /// WeCom's status.
    pub state: MemberState,
}

/// Stores the whole list of departments. `complete` says that the list came from one answer
/// without errors: only then is a department that is missing in it marked as removed.
/// Gives the number of departments created, changed or marked.
pub fn apply_departments(
    w: &mut Write<'_>,
    facts: &[DepartmentFacts],
    complete: bool,
) -> Result<usize, StoreError> {
    let before = w.changed();
    for fact in facts {
        let key = crate::store::Key::new().with(fact.wecom_id);
        let mut known = w.read().find(&DEPARTMENT_BY_WECOM_ID, key)?;
        if known.is_none() {
            known = meet(w, fact)?;
        }
        let id = match &known {
            Some(known) if is_being_told(&w.read(), "department", &known.id.to_string())? => {
                continue;
            }
            Some(known) => known.id,
            None => w.new_id::<Department>()?,
        };
        w.put(&Department {
            id,
            wecom_id: fact.wecom_id,
            parent_wecom_id: fact.parent_wecom_id,
            name: fact.name.clone(),
            name_en: fact.name_en.clone(),
            order: fact.order,
            leaders: fact.leaders.clone(),
            removed_at: None,
            told_at: known.as_ref().and_then(|known| known.told_at),
            external_id: known.map_or(String::new(), |known| known.external_id),
        })?;
    }
    if complete {
        mark_removed(w, facts)?;
    }
    finish(w, before)
}

/// The local department that WeCom now tells of: the same name at the same place. It gets
/// WeCom's number, and whoever names the old one names the new one.
fn meet(w: &mut Write<'_>, fact: &DepartmentFacts) -> Result<Option<Department>, StoreError> {
    let tree = DepartmentTree::load(&w.read())?;
    let children = tree.children(fact.parent_wecom_id);
    let mut same = children.into_iter().filter(|d| is_local(d.wecom_id));
    match same.find(|d| d.name == fact.name).cloned() {
        Some(local) => renumber(w, local, fact.wecom_id).map(Some),
        None => Ok(None),
    }
}

/// Gives a local department the number that WeCom knows it by.
pub fn renumber(
    w: &mut Write<'_>,
    mut department: Department,
    number: u64,
) -> Result<Department, StoreError> {
    let before = std::mem::replace(&mut department.wecom_id, number);
    w.put(&department)?;
    let below: Vec<Department> = w.read().all(None)?.collect::<Result<_, _>>()?;
    for mut child in below {
        if child.parent_wecom_id == before {
            child.parent_wecom_id = number;
            w.put(&child)?;
        }
    }
    let members: Vec<Member> = w.read().all(None)?.collect::<Result<_, _>>()?;
    for mut member in members {
        let is_main = member.main_department == before;
        let mut posts = member.posts.iter_mut();
        let post = posts.find(|post| post.department == before);
        if let Some(post) = post {
            post.department = number;
        } else if !is_main {
            continue;
        }
        if is_main {
            member.main_department = number;
        }
        w.put(&member)?;
    }
    Ok(department)
}

fn mark_removed(w: &mut Write<'_>, facts: &[DepartmentFacts]) -> Result<(), StoreError> {
    let seen: HashSet<u64> = facts.iter().map(|f| f.wecom_id).collect();
    let stored: Vec<Department> = w.read().all(None)?.collect::<Result<_, _>>()?;
    for mut department in stored {
        let is_wecoms = !is_local(department.wecom_id);
        if is_wecoms && department.removed_at.is_none() && !seen.contains(&department.wecom_id) {
            department.removed_at = Some(w.now());
            w.put(&department)?;
        }
    }
    Ok(())
}

/// Stores members. Gives the number created or changed.
pub fn apply_members(w: &mut Write<'_>, facts: &[MemberFacts]) -> Result<usize, StoreError> {
    let before = w.changed();
    for fact in facts {
        let known = queries::member_by_userid(&w.read(), &fact.userid)?;
        let member = match known {
            Some(known) if is_being_told(&w.read(), "member", &known.id.to_string())? => continue,
            Some(known) => updated(known, fact),
            None => {
                let id = w.new_id::<Member>()?;
                let no = w.read().next_number(&MEMBER_BY_NO, |m| m.no)?;
                updated(blank(id, no, &fact.userid), fact)
            }
        };
        put_member(w, &member)?;
    }
    finish(w, before)
}

/// Whether WeCom is still to be told of a change made here: until then its answer is older than
/// what stands here, and would undo what is about to be sent. A later pass brings both together.
fn is_being_told(r: &Read<'_>, kind: &str, id: &str) -> Result<bool, StoreError> {
    let is_open = |state| {
        matches!(
            state,
            EffectState::Queued | EffectState::Sending | EffectState::Unknown
        )
    };
    let pending = pending_about(r, kind, id)?;
    Ok(pending.iter().any(|effect| is_open(effect.state)))
}

/// A member of whom nothing but the userid is known.
pub(super) fn blank(id: super::MemberId, no: u32, userid: &str) -> Member {
    Member {
        id,
        userid: userid.to_owned(),
        name: String::new(),
        alias: String::new(),
        position: String::new(),
        posts: Vec::new(),
        main_department: 0,
        gender: Gender::Unknown,
        mobile: String::new(),
        email: String::new(),
        state: MemberState::Active,
        left_at: None,
        serves_customers: false,
        no,
        origin: Origin::Wecom,
        job_number: String::new(),
        direct_leader: String::new(),
        external_id: String::new(),
        told_at: None,
    }
}

/// What WeCom says of a member over what stands here. Places in local departments stay, and
/// whoever was known here alone is WeCom's from now on.
fn updated(old: Member, fact: &MemberFacts) -> Member {
    let local = old.posts.iter().filter(|post| is_local(post.department));
    let posts = fact.posts.iter().chain(local).cloned().collect();
    Member {
        origin: Origin::Wecom,
        name: fact.name.clone(),
        alias: fact.alias.clone().unwrap_or(old.alias),
        position: fact.position.clone().unwrap_or(old.position),
        posts,
        main_department: fact.main_department.unwrap_or(old.main_department),
        gender: fact.gender.unwrap_or(old.gender),
        mobile: fact.mobile.clone().unwrap_or(old.mobile),
        email: fact.email.clone().unwrap_or(old.email),
        state: fact.state,
        left_at: if fact.state == MemberState::Left {
            old.left_at
        } else {
            None
        },
        ..old
    }
}

/// Members known to WeCom who are here but were not in a complete list: each is a question to
/// WeCom, not an answer.
pub fn missing_members(r: &Read<'_>, seen: &HashSet<String>) -> Result<Vec<String>, StoreError> {
    let mut missing = Vec::new();
    for member in r.all::<Member>(None)? {
        let member = member?;
        let is_wecoms = member.origin == Origin::Wecom;
        if is_wecoms && member.is_here() && !seen.contains(&member.userid.to_ascii_lowercase()) {
            missing.push(member.userid);
        }
    }
    Ok(missing)
}

/// Marks members as left whom WeCom, asked one by one, does not know any more. One whom it
/// never knew stays.
pub fn mark_left(w: &mut Write<'_>, userids: &[String]) -> Result<usize, StoreError> {
    let before = w.changed();
    for userid in userids {
        if let Some(mut member) = queries::member_by_userid(&w.read(), userid)?
            && member.is_here()
            && member.origin == Origin::Wecom
        {
            member.state = MemberState::Left;
            member.left_at = Some(w.now());
            put_member(w, &member)?;
        }
    }
    finish(w, before)
}

/// Gives a member a new userid, as WeCom says it has now. Nothing happens if the old one is
/// not known or the new one is: then the two have met already.
pub fn rename_member(w: &mut Write<'_>, before: &str, now: &str) -> Result<(), StoreError> {
    let known = queries::member_by_userid(&w.read(), before)?;
    let taken = queries::member_by_userid(&w.read(), now)?;
    if let (Some(mut member), None) = (known, taken) {
        member.userid = now.to_owned();
        w.put(&member)?;
        touch(w)?;
    }
    Ok(())
}

/// Notes who may add customers, from the complete list of them.
pub fn apply_follow_users(w: &mut Write<'_>, userids: &[String]) -> Result<usize, StoreError> {
    let before = w.changed();
    let serving: HashSet<String> = userids.iter().map(|u| u.to_ascii_lowercase()).collect();
    let members: Vec<Member> = w.read().all(None)?.collect::<Result<_, _>>()?;
    for mut member in members {
        let serves = serving.contains(&member.userid.to_ascii_lowercase());
        if member.serves_customers != serves {
            member.serves_customers = serves;
            w.put(&member)?;
        }
    }
    finish(w, before)
}

fn finish(w: &mut Write<'_>, before: usize) -> Result<usize, StoreError> {
    let changed = w.changed() - before;
    if changed > 0 {
        touch(w)?;
    }
    Ok(changed)
}

/// Members by lower-cased userid, to resolve many at once.
pub fn members_by_userid(r: &Read<'_>) -> Result<BTreeMap<String, super::MemberId>, StoreError> {
    r.all::<Member>(None)?
        .map(|m| m.map(|m| (m.userid.to_ascii_lowercase(), m.id)))
        .collect()
}

/// What a member has agreed to show while signing in; empty values were not given.
#[derive(Debug, Clone, Default)]
pub struct PrivateFacts {
    /// Mobile.
    pub mobile: String,
    /// Corp mail or mail.
    pub email: String,
}

/// Keeps what a member has agreed to show. Nothing happens if the member is not known.
pub fn keep_private_details(
    w: &mut Write<'_>,
    userid: &str,
    facts: &PrivateFacts,
) -> Result<(), StoreError> {
    let before = w.changed();
    if let Some(mut member) = queries::member_by_userid(&w.read(), userid)? {
        for (kept, given) in [
            (&mut member.mobile, &facts.mobile),
            (&mut member.email, &facts.email),
        ] {
            if !given.is_empty() {
                kept.clone_from(given);
            }
        }
        put_member(w, &member)?;
    }
    finish(w, before).map(drop)
}
