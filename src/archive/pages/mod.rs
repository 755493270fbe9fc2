//! The archive's pages.

pub(super) mod alerts;
pub(super) mod ledger;
pub(super) mod settings;
pub(super) mod words;
