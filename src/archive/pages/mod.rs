//! The archive's pages.

pub(super) mod ledger;
pub(super) mod settings;
