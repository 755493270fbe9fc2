//! The directory: departments and members as WeCom has them.
//!
//! Tables: `departments-1`, `members-1`, `directory-version-1`. Invariants: nobody is deleted, a member who is gone
//! is marked as left and keeps the id; a department that is gone is marked as removed; the
//! tree may be read while it changes, so queries tolerate a missing parent.

mod directory;
mod model;
pub mod queries;
mod sight;
pub mod sync;

pub mod tables;

pub use directory::{Directory, DirectoryCache};
pub use model::{Department, DepartmentId, Gender, Member, MemberId, MemberState, Post};
pub use sight::Sight;

/// What the slice says about itself.
pub fn slice() -> crate::slice::Slice {
    crate::slice::Slice {
        name: "org",
        tables: tables::TABLES.to_vec(),
        ..crate::slice::Slice::default()
    }
}
