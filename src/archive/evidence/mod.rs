//! Evidence (固证): messages gathered into a case, and the case sealed into a package that
//! anybody can verify offline.
//!
//! A case belongs to the firm. It is there for whoever may gather evidence and sees its
//! conversations whole; once it is sealed nothing of it changes. The package's form is
//! [`crate::audit::evidence`]'s; on disk it lies sealed with the firm's key.

mod about;
mod actions;
mod around;
mod deleted;
mod facts;
mod gather;
mod job;
mod keep;
mod model;
mod print;
mod proof;
pub mod queries;
mod rest;
mod said;
pub(super) mod tables;

#[cfg(test)]
mod tests;

pub(super) use actions::is_running;
pub use actions::{
    AddItem, CreateCase, EditCase, RemoveItem, SealCase, Span, add, create, edit, remove, seal,
};
pub(super) use around::window;
pub use job::{KIND, run};
pub(super) use keep::keep_leaves;
pub(super) use model::Chosen;
pub use model::{AtRest, Case, CaseId, CaseState, Item, ItemId, Seal};
pub use rest::{Package, Packages, packages, run_at_start, seal_open_ones};
