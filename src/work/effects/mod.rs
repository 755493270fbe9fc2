//! The outbox: everything Qitai does outside, planned in the same transaction as the change it
//! belongs to, then sent by the courier.
//!
//! Tables `effects-1`, `write-settings-1`, `outbox-home-1`. An effect moves queued → sending → done, failed or
//! unknown. *Sending* is durable before the first byte leaves. Whatever is found in *sending*
//! after a crash, or had no clear answer, is looked up at the other end before anything is sent
//! again; where the other end cannot tell, it stays *unknown* until a person decides. What is
//! for one record leaves in the order in which it was planned. Where the firm only rehearses,
//! an effect is recorded as what would be done and never sent.

mod courier;
mod effect;
#[cfg(any(test, feature = "faults"))]
pub mod faults;
mod kind;
mod permit;
#[cfg(test)]
mod tests;

use crate::store::TableSpec;

pub use courier::Courier;
pub use effect::{
    Decision, Effect, EffectId, EffectState, NewEffect, Priority, Sought, Tally, cancel, decide,
    ids, of_batch, page, pending_about, plan, planned, queued, retry, tally,
};
pub use kind::{
    EffectFuture, EffectKind, EffectSpec, LookFuture, Outside, Refusal, Seen, SendFn, Tell, Told,
};
pub use permit::{Area, SaveWriteSettings, WriteMode, WriteSettings, mode, save_write_settings};

/// The outbox's tables.
pub const TABLES: [TableSpec; 3] = [
    TableSpec::of::<Effect>(),
    TableSpec::of::<effect::Home>(),
    TableSpec::of::<WriteSettings>(),
];
