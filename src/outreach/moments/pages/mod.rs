//! Pages of moments.

pub(super) mod deeds;
pub(super) mod edit;
pub(super) mod list;
#[cfg(test)]
mod samples_tests;
pub(super) mod show;

use crate::error::{AppError, Result};

use super::model::MomentId;

/// The list's address.
const HERE: &str = "/moments";
/// Moments that are looked through.
pub(super) const LOOKED_AT: usize = 2_000;

pub(super) fn id_of(text: &str) -> Result<MomentId> {
    let missing = |_| AppError::NotFound { what: "moment" };
    text.parse().map_err(missing)
}
