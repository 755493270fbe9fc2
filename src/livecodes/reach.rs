//! Whose a code is: it belongs to a department, and is seen by whoever is on it.

use std::sync::Arc;

use crate::{
    identity::{Reach, Scope},
    org::{DepartmentId, Directory, MemberId},
};

use super::LiveCode;

/// Which codes somebody sees and decides about.
#[derive(Debug, Clone)]
pub struct Eyes {
    scope: Scope,
    directory: Arc<Directory>,
    own: Option<MemberId>,
}

impl Eyes {
    /// What a scope means for codes.
    pub fn new(directory: Arc<Directory>, scope: &Scope) -> Self {
        Self {
            own: scope.member().map(|subject| subject.cast()),
            scope: scope.clone(),
            directory,
        }
    }

    /// Whether what belongs to this department, or to the firm, is within reach.
    pub fn reaches(&self, unit: Option<DepartmentId>) -> bool {
        let Some(unit) = unit.and_then(|unit| self.directory.tree.find(unit)) else {
            return self.scope.is_everything();
        };
        let path = self.directory.tree.path(unit.wecom_id);
        match self.scope.reach() {
            Reach::Everything => true,
            Reach::Units(units) => units
                .iter()
                .any(|own| path.iter().any(|above| above.id == own.cast())),
            Reach::OwnUnits => {
                let own = self.own.and_then(|own| self.directory.member(own));
                let posts = own.map_or(&[][..], |own| &own.posts);
                let is_in = |above: &&crate::org::Department| {
                    posts.iter().any(|post| post.department == above.wecom_id)
                };
                path.iter().any(is_in)
            }
            Reach::Own => false,
        }
    }

    /// Whether a code is visible.
    pub fn sees(&self, code: &LiveCode) -> bool {
        let is_on_it = self.own.is_some_and(|own| code.seat(own).is_some());
        is_on_it || self.reaches(code.unit)
    }
}
