//! What somebody may see: handed to every query of personal data.

use crate::{kit::Id, store::SubjectId};

use super::{
    Account, Permission, Unit,
    role::{Breadth, Grant},
};

/// How far a scope reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// The whole firm.
    Everything,
    /// These departments with all below them.
    Units(Vec<Id<Unit>>),
    /// The departments the member is in, with all below them.
    OwnUnits,
    /// What belongs to the member.
    Own,
}

/// The right to see, under one permission, what lies within reach. Made only by
/// [`Viewer::scope`](super::Viewer::scope) and while a command is allowed:
///
/// ```compile_fail,E0451
/// use qitai::identity::{Reach, Scope};
/// let all = Scope { reach: Reach::Everything, member: None };
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    reach: Reach,
    member: Option<SubjectId>,
}

impl Scope {
    pub(super) fn everything() -> Self {
        Self {
            reach: Reach::Everything,
            member: None,
        }
    }

    /// What this account sees under `permission`.
    pub(super) fn of(account: &Account, grant: &Grant, permission: Option<Permission>) -> Self {
        let breadth = match permission {
            // The firm's address book begins with one's colleagues.
            Some(Permission::OrgRead) => grant.breadth.max(Breadth::OwnUnits),
            Some(
                Permission::ArchiveRead | Permission::EvidenceManage | Permission::AccessApprove,
            ) => grant.chats,
            Some(_) => grant.breadth,
            None => Breadth::Own,
        };
        let reach = match breadth {
            Breadth::Own | Breadth::AsStaff => Reach::Own,
            Breadth::OwnUnits => Reach::OwnUnits,
            Breadth::ManagedUnits => Reach::Units(account.units.clone()),
            Breadth::Everything => Reach::Everything,
        };
        Self {
            reach,
            member: account.member,
        }
    }

    /// How far it reaches.
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// The member whose eyes these are, if the account stands for one.
    pub fn member(&self) -> Option<SubjectId> {
        self.member
    }

    /// Whether it reaches the whole firm.
    pub fn is_everything(&self) -> bool {
        self.reach == Reach::Everything
    }
}
