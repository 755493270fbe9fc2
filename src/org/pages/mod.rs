//! The screens: departments with their members, one member, and the forms to change them.

pub(super) mod department;
pub(super) mod edit;
mod index;
mod member;
#[cfg(test)]
mod tests;

pub(super) use index::index;
pub(super) use member::member;

use super::MemberState;

/// Catalogue key and tone of a member's state.
fn state(state: MemberState) -> (&'static str, &'static str) {
    match state {
        MemberState::Active => ("org.state.active", "ok"),
        MemberState::Disabled => ("org.state.disabled", "bad"),
        MemberState::Inactive => ("org.state.inactive", "warn"),
        MemberState::Left => ("org.state.left", "muted"),
    }
}
