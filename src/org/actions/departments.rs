//! Making, renaming, moving and removing departments.

use crate::{
    error::{AppError, Result},
    identity::{Allowed, Command, Permission, Scope},
    store::{Read, StoreError, Write},
};

use super::{
    super::{
        Department, DepartmentDraft, DepartmentId, Member,
        directory::touch,
        outbound,
        queries::DepartmentTree,
        standing::{LOCAL_FROM, ROOT, Standing},
    },
    ByScim, reach,
};

/// Levels of the tree (WeCom documentation, 部门管理).
const LEVELS_MAX: usize = 15;

/// Makes a department or changes one.
#[derive(Debug, Clone)]
pub struct SaveDepartment {
    /// Which one; none makes a new one.
    pub department: Option<DepartmentId>,
    /// The version that somebody saw before deciding; none does not look.
    pub seen: Option<u32>,
    /// The department to be.
    pub draft: DepartmentDraft,
    /// Who says what.
    pub standing: Standing,
}

/// Removes a department that nobody is in.
#[derive(Debug, Clone, Copy)]
pub struct RemoveDepartment {
    /// Which one.
    pub department: DepartmentId,
    /// Who says what.
    pub standing: Standing,
}

impl SaveDepartment {
    fn is_within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        let parent_is = self.draft.parent == 0 || reach::covers(r, scope, self.draft.parent)?;
        let Some(id) = &self.department else {
            return Ok(parent_is && (self.draft.parent != 0 || scope.is_everything()));
        };
        match r.get::<Department>(id)? {
            Some(known) => {
                let stays = known.parent_wecom_id == self.draft.parent;
                Ok(reach::covers(r, scope, known.wecom_id)? && (stays || parent_is))
            }
            None => Ok(false),
        }
    }
}

impl RemoveDepartment {
    fn is_within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
        match r.get::<Department>(&self.department)? {
            Some(known) => reach::covers(r, scope, known.wecom_id),
            None => Ok(false),
        }
    }
}

macro_rules! changes_departments {
    ($($command:ty, $scim:ty);*) => {$(
        impl Command for $command {
            const PERMISSION: Option<Permission> = Some(Permission::OrgEdit);
            const WHAT: &'static str = "department";
            fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
                self.is_within(r, scope)
            }
        }
        impl Command for $scim {
            const PERMISSION: Option<Permission> = Some(Permission::Scim);
            const WHAT: &'static str = "department";
            fn within(&self, r: &Read<'_>, scope: &Scope) -> Result<bool, StoreError> {
                self.0.is_within(r, scope)
            }
        }
    )*};
}
changes_departments!(
    SaveDepartment, ByScim<SaveDepartment>;
    RemoveDepartment, ByScim<RemoveDepartment>
);

/// What let a department's change through.
pub trait MaySaveDepartment {
    /// The change.
    fn into_save(self) -> SaveDepartment;
}
impl MaySaveDepartment for Allowed<SaveDepartment> {
    fn into_save(self) -> SaveDepartment {
        self.into_command()
    }
}
impl MaySaveDepartment for Allowed<ByScim<SaveDepartment>> {
    fn into_save(self) -> SaveDepartment {
        self.into_command().0
    }
}

/// What let a department's removal through.
pub trait MayRemoveDepartment {
    /// The removal.
    fn into_remove(self) -> RemoveDepartment;
}
impl MayRemoveDepartment for Allowed<RemoveDepartment> {
    fn into_remove(self) -> RemoveDepartment {
        self.into_command()
    }
}
impl MayRemoveDepartment for Allowed<ByScim<RemoveDepartment>> {
    fn into_remove(self) -> RemoveDepartment {
        self.into_command().0
    }
}

/// Makes a department or changes one. The first of all is the root.
pub fn save_department(w: &mut Write<'_>, allowed: impl MaySaveDepartment) -> Result<Department> {
    let save = allowed.into_save();
    let tree = DepartmentTree::load(&w.read())?;
    let known = match &save.department {
        Some(id) => Some(seen(w, *id, save.seen)?),
        None => None,
    };
    if let Some(known) = &known
        && !save.standing.may_change_department(known.wecom_id)
    {
        return Err(AppError::Conflict { why: "wecoms_own" });
    }
    save.draft.check().into_result()?;
    let number = match &known {
        Some(known) => known.wecom_id,
        None => next_number(&w.read())?,
    };
    let parent = if number == ROOT { 0 } else { save.draft.parent };
    must_fit(&tree, number, parent, &save.draft.name)?;
    let before = known.clone();
    let base = match known {
        Some(known) => known,
        None => Department {
            id: w.new_id::<Department>()?,
            wecom_id: number,
            parent_wecom_id: parent,
            name: String::new(),
            name_en: String::new(),
            order: 0,
            leaders: Vec::new(),
            removed_at: None,
            external_id: String::new(),
            told_at: None,
        },
    };
    let department = Department {
        parent_wecom_id: parent,
        name: save.draft.name,
        name_en: save.draft.name_en,
        order: save.draft.order,
        external_id: save.draft.external_id,
        removed_at: None,
        ..base
    };
    let changed = w.changed();
    w.put(&department)?;
    if w.changed() > changed {
        touch(w)?;
        if save.standing.tells() {
            outbound::tell_department(w, before.as_ref(), &department)?;
        }
    }
    Ok(department)
}

/// The root's number if there never was a department, else one that WeCom never gives and
/// that none has had.
fn next_number(r: &Read<'_>) -> Result<u64, StoreError> {
    let mut next = ROOT;
    for department in r.all::<Department>(None)? {
        next = next.max(department?.wecom_id + 1).max(LOCAL_FROM);
    }
    Ok(next)
}

fn must_fit(tree: &DepartmentTree, number: u64, parent: u64, name: &str) -> Result<()> {
    if number == ROOT {
        return Ok(());
    }
    if tree.get(parent).is_none() {
        return Err(AppError::field("parent", "org.problem.parent"));
    }
    if tree.subtree(number).contains(&parent) {
        return Err(AppError::field("parent", "org.problem.parent_below"));
    }
    if tree.path(parent).len() >= LEVELS_MAX {
        return Err(AppError::field("parent", "org.problem.levels"));
    }
    let siblings = tree.children(parent);
    let mut others = siblings.iter().filter(|d| d.wecom_id != number);
    match others.any(|d| d.name == name) {
        true => Err(AppError::field("name", "org.problem.department_taken")),
        false => Ok(()),
    }
}

/// Removes a department. Its past stays; whoever left from it keeps that place.
pub fn remove_department(
    w: &mut Write<'_>,
    allowed: impl MayRemoveDepartment,
) -> Result<Department> {
    let remove = allowed.into_remove();
    let mut department = seen(w, remove.department, None)?;
    if !remove.standing.may_change_department(department.wecom_id) {
        return Err(AppError::Conflict { why: "wecoms_own" });
    }
    if department.removed_at.is_some() {
        return Ok(department);
    }
    let tree = DepartmentTree::load(&w.read())?;
    let is_in_use = !tree.children(department.wecom_id).is_empty()
        || has_people(&w.read(), department.wecom_id)?;
    if department.wecom_id == ROOT || is_in_use {
        return Err(AppError::Conflict {
            why: "department_in_use",
        });
    }
    let before = department.clone();
    department.removed_at = Some(w.now());
    w.put(&department)?;
    touch(w)?;
    if remove.standing.tells() {
        outbound::tell_department(w, Some(&before), &department)?;
    }
    Ok(department)
}

fn has_people(r: &Read<'_>, number: u64) -> Result<bool, StoreError> {
    for member in r.all::<Member>(None)? {
        let member = member?;
        if member.is_here() && member.posts.iter().any(|p| p.department == number) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn seen(w: &Write<'_>, id: DepartmentId, version: Option<u32>) -> Result<Department> {
    let found = w.read().get_versioned::<Department>(&id)?;
    let found = found.ok_or(AppError::NotFound { what: "department" })?;
    match version.is_some_and(|seen| seen != found.version) {
        true => Err(AppError::Conflict { why: "changed" }),
        false => Ok(found.entity),
    }
}
