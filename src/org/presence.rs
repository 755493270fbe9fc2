//! The one way a member is stored: whoever leaves or is disabled takes the account along, in
//! the same write, whether a sync, an event or a person says so.

use crate::{
    identity::actions::{member_back, member_gone},
    store::{StoreError, Write},
};

use super::{Member, MemberState};

/// Stores a member, and shuts or opens the account with them when their state changes.
pub(super) fn put_member(w: &mut Write<'_>, member: &Member) -> Result<(), StoreError> {
    let before = w.get::<Member>(&member.id)?.map(|known| known.state);
    w.put(member)?;
    if before == Some(member.state) {
        return Ok(());
    }
    match member.state {
        MemberState::Left | MemberState::Disabled => member_gone(w, member.id.cast()),
        MemberState::Active => member_back(w, member.id.cast()),
        MemberState::Inactive => Ok(()),
    }
}
