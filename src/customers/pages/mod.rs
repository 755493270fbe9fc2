//! Pages of customers.

mod groups;
mod list;
mod profile;

pub(super) use groups::{group, groups};
pub(super) use list::{export, list, list_act};
pub(super) use profile::{profile, reveal_phone, show_masked_phone};
