//! Pages of broadcasts.

pub(super) mod deeds;
pub(super) mod edit;
pub(super) mod form;
mod group_form;
mod groups_card;
pub(super) mod limits;
pub(super) mod list;
pub(super) mod show;

use crate::{
    error::{AppError, Result},
    outreach::touches::{TouchState, Why},
};

use super::model::BroadcastId;

/// The list's address.
const HERE: &str = "/broadcasts";

fn id_of(text: &str) -> Result<BroadcastId> {
    let missing = |_| AppError::NotFound { what: "broadcast" };
    text.parse().map_err(missing)
}

/// The outcome that an address names; everybody if it names none.
pub(super) fn outcome_of(code: &str) -> Option<(TouchState, Option<Why>)> {
    match code {
        "planned" => Some((TouchState::Planned, None)),
        "sent" => Some((TouchState::Sent, None)),
        code => {
            let why = Why::ALL.into_iter().find(|why| why.code() == code)?;
            Some((TouchState::Failed, Some(why)))
        }
    }
}
