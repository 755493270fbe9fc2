//! What a viewer sees of the firm: a scope turned into a set of members.

use std::{collections::BTreeSet, sync::Arc};

use crate::identity::{Reach, Scope};

use super::{Directory, MemberId};

/// The directory together with the members in scope. Queries of other slices take it: what
/// belongs to a member outside is not there for this viewer.
#[derive(Debug, Clone)]
pub struct Sight {
    /// The whole directory; names of colleagues are no secret within a firm.
    pub directory: Arc<Directory>,
    members: Option<Arc<BTreeSet<MemberId>>>,
    own: Option<MemberId>,
}

impl Sight {
    /// What `scope` means in this directory.
    pub fn new(directory: Arc<Directory>, scope: &Scope) -> Self {
        let own = scope.member().map(|subject| subject.cast());
        let mut members = match scope.reach() {
            Reach::Everything => {
                return Self {
                    directory,
                    members: None,
                    own,
                };
            }
            Reach::Units(units) => under(&directory, units.iter().map(|unit| unit.cast())),
            Reach::OwnUnits => own_colleagues(&directory, own),
            Reach::Own => BTreeSet::new(),
        };
        members.extend(own);
        Self {
            directory,
            members: Some(Arc::new(members)),
            own,
        }
    }

    /// Everything, in an empty directory.
    #[cfg(test)]
    pub(crate) fn everything_for_test() -> Self {
        Self {
            directory: Arc::default(),
            members: None,
            own: None,
        }
    }

    /// These members, in an empty directory.
    #[cfg(test)]
    pub(crate) fn of_members_for_test(members: impl IntoIterator<Item = MemberId>) -> Self {
        Self {
            members: Some(Arc::new(members.into_iter().collect())),
            ..Self::everything_for_test()
        }
    }

    /// Whether what belongs to this member is visible.
    pub fn sees(&self, member: MemberId) -> bool {
        self.members
            .as_ref()
            .is_none_or(|members| members.contains(&member))
    }

    /// The members in scope; `None` if all are.
    pub fn members(&self) -> Option<&BTreeSet<MemberId>> {
        self.members.as_deref()
    }

    /// The member the viewer is, if any.
    pub fn own(&self) -> Option<MemberId> {
        self.own
    }

    /// The name of a member, for showing beside what is visible.
    pub fn name(&self, member: MemberId) -> &str {
        self.directory.name(member)
    }
}

fn under(
    directory: &Directory,
    units: impl Iterator<Item = super::DepartmentId>,
) -> BTreeSet<MemberId> {
    let found = units.filter_map(|unit| directory.tree.find(unit));
    found
        .flat_map(|unit| directory.member_ids_under(unit.wecom_id))
        .collect()
}

/// Everybody in the departments the member is in, and below them.
fn own_colleagues(directory: &Directory, own: Option<MemberId>) -> BTreeSet<MemberId> {
    let posts = own
        .and_then(|id| directory.member(id))
        .map_or(&[][..], |m| m.posts.as_slice());
    posts
        .iter()
        .flat_map(|post| directory.member_ids_under(post.department))
        .collect()
}
