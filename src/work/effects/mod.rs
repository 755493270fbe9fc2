//! The outbox: everything Qitai does outside, planned in the same transaction as the change it
//! belongs to, then sent by the courier.
//!
//! Table `effects-1`. An effect moves queued → sending → done, failed or unknown. *Sending* is
//! durable before the first byte leaves. Whatever is found in *sending* after a crash, or had
//! no clear answer, is looked up at the other end before anything is sent again; where the
//! other end cannot tell, it stays *unknown* until a person decides.

mod courier;
mod effect;
#[cfg(test)]
mod tests;

pub use courier::{Courier, EffectFuture, EffectKind, LookFuture, Refusal, Seen};
pub use effect::{
    Decision, Effect, EffectId, EffectState, NewEffect, Priority, TABLES, Tally, cancel, decide,
    newest, of_batch, plan, retry, tally,
};
