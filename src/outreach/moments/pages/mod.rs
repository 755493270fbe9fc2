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

pub(super) fn id_of(text: &str) -> Result<MomentId> {
    let missing = |_| AppError::NotFound { what: "moment" };
    text.parse().map_err(missing)
}
