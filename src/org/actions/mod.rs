//! Changing members and departments here.

mod departments;
mod members;
mod reach;

pub use departments::{RemoveDepartment, SaveDepartment, remove_department, save_department};
pub use members::{MemberSaved, PutBack, SaveMember, SetState, put_back, save_member, set_state};

/// A command that an HR system gives through SCIM: the same change under another right.
#[derive(Debug, Clone)]
pub struct ByScim<C>(pub C);
