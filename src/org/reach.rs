//! What departments own: who decides about it, and to whom it is offered.

use crate::identity::{Reach, Scope};

use super::{DepartmentId, Directory};

/// Whether somebody whose right reaches so far decides about what a department owns, or the
/// whole firm where there is none.
pub fn decides(scope: &Scope, directory: &Directory, unit: Option<DepartmentId>) -> bool {
    match (scope.reach(), unit) {
        (Reach::Everything, _) => true,
        (Reach::Own, _) | (_, None) => false,
        (_, Some(unit)) => {
            let own = own_units(scope, directory);
            above(directory, unit).iter().any(|id| own.contains(id))
        }
    }
}

/// Whether what a department owns is there for somebody: the firm's is for all, a department's
/// for those in it and below, and for those who see it from above.
pub fn is_offered(scope: &Scope, directory: &Directory, unit: Option<DepartmentId>) -> bool {
    let Some(unit) = unit else {
        return true;
    };
    if decides(scope, directory, Some(unit)) {
        return true;
    }
    let mut own = own_units(scope, directory);
    own.extend(posts(scope, directory));
    own.into_iter()
        .any(|id| above(directory, id).contains(&unit))
}

/// A department and those it lies in.
fn above(directory: &Directory, unit: DepartmentId) -> Vec<DepartmentId> {
    let found = directory.tree.find(unit);
    let path = found.map(|unit| directory.tree.path(unit.wecom_id));
    path.unwrap_or_default().iter().map(|d| d.id).collect()
}

/// The departments that a right reaches by itself, without those below.
fn own_units(scope: &Scope, directory: &Directory) -> Vec<DepartmentId> {
    match scope.reach() {
        Reach::Units(units) => units.iter().map(|unit| unit.cast()).collect(),
        Reach::OwnUnits => posts(scope, directory),
        Reach::Everything | Reach::Own => Vec::new(),
    }
}

/// The departments that the member is in.
fn posts(scope: &Scope, directory: &Directory) -> Vec<DepartmentId> {
    let own = scope.member().map(|subject| subject.cast());
    let member = own.and_then(|id| directory.member(id));
    let posts = member.map_or(&[][..], |m| m.posts.as_slice());
    posts
        .iter()
        .filter_map(|post| directory.tree.get(post.department))
        .map(|department| department.id)
        .collect()
}
