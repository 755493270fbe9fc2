//! Anti-harassment (防骚扰): every message that reached or is to reach a customer, and how many
//! the firm allows.
//!
//! Tables: `touches-1` (covered), `touch-postings-1`, `touch-limits-1`, `opt-outs-1`.
//! Invariants: a touch is noted in the write that causes it, and asked about room there; what
//! is planned counts until it is sent, released or failed; touches are spoken for by the
//! posting written with them, which commits to all of them.

mod actions;
mod model;
pub mod queries;
mod tables;

use crate::slice::Slice;

pub(in crate::outreach) use actions::LIMIT_MAX;
pub use actions::{
    Lift, OptOutCustomer, SaveLimits, lift, note, note_all, opt_out, save_limits, settle,
};
pub use model::{
    Limit, Limits, NewTouch, OptOut, OptOutKind, Room, Touch, TouchId, TouchKind, TouchState, Why,
};
pub use queries::room;
pub use tables::Posting;

pub(super) fn part() -> Slice {
    Slice {
        tables: tables::TABLES.to_vec(),
        ..Slice::default()
    }
}
