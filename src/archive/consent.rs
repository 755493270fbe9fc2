//! Who has agreed to being archived (同意存档), towards whom, since when. The newest word counts.

use crate::store::{StoreError, Write};

use super::model::Consent;

/// Keeps an answer unless a newer one is known.
pub(super) fn keep(w: &mut Write<'_>, consent: &Consent) -> Result<(), StoreError> {
    let known = w.get::<Consent>(&(consent.party, consent.staff))?;
    if known.is_some_and(|known| known.at > consent.at) {
        return Ok(());
    }
    w.put(consent)
}
