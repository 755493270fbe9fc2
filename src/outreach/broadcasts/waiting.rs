//! What waits for a second person.

use crate::{
    org::Sight,
    outreach::campaign::waits_for,
    store::{Read, StoreError, SubjectId},
};

use super::{model::State, queries};

/// How many broadcasts wait for somebody with this sight to approve them. Nobody decides about
/// their own.
///
/// # Errors
/// Those of the store.
pub fn waiting(r: &Read<'_>, sight: &Sight, own: Option<SubjectId>) -> Result<usize, StoreError> {
    let active = queries::active(r)?.into_iter();
    let waiting = active.filter(|b| b.state == State::Waiting && waits_for(b, sight, own));
    Ok(waiting.count())
}
