//! What WeCom tells of customers who came by a code, as far as turns and caps need it at once.

use crate::{
    error::Result,
    org,
    store::Write,
    wecom::event::{CustomerChange, Event, Received},
};

use super::{LiveCode, choice::Moment, model::of_state, scan::Turn};

/// Counts a customer who has added a member by a code.
pub(super) fn count(w: &mut Write<'_>, received: &Received) -> Result<()> {
    let Event::Customer(told) = &received.event else {
        return Ok(());
    };
    let CustomerChange::Added {
        state: Some(state), ..
    } = &told.change
    else {
        return Ok(());
    };
    let Some(code) = of_state(state) else {
        return Ok(());
    };
    if !w.read().exists::<LiveCode>(&code)? {
        return Ok(());
    }
    let Some(member) = org::queries::member_id_by_userid(&w.read(), &told.userid)? else {
        return Ok(());
    };
    let moment = Moment::of(w.now(), &crate::serve::zone());
    let turn = w.get::<Turn>(&code)?;
    let mut turn = turn.unwrap_or_else(|| Turn::new(code));
    turn.note_added(member, &moment);
    Ok(w.put(&turn)?)
}
