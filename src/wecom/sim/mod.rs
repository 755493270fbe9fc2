//! A WeCom server that runs here: a made-up firm behind the real paths, with the checks,
//! error codes and envelopes of the WeCom documentation, and with faults at will.
//!
//! ```text
//! server ─▶ faults ─▶ check (token, right, body) ─▶ api_* ─▶ state ─▶ firm
//!      └──▶ stage (what people do) ─▶ state, journal, callbacks
//! ```

mod api_chat;
mod api_customer;
mod api_directory;
mod api_tag;
mod callbacks;
mod check;
mod faults;
pub mod firm;
mod handle;
mod journal;
mod server;
mod stage;
mod state;
#[cfg(test)]
mod tests;
mod tokens;

pub use callbacks::{Delivery, Outcome, Target, Unverified};
pub use faults::{CallbackFault, Dial, Fault};
pub use handle::SimHandle;
pub use server::{SimOptions, Simulator};
pub use stage::{AppVerb, CustomerVerb, DirectoryVerb, GroupVerb, Refusal, TagVerb, Verb};
