//! A WeCom server that runs here: a made-up firm behind the real paths, with the checks,
//! error codes and envelopes of the WeCom documentation, and with faults at will.
//!
//! ```text
//! server ─▶ faults ─▶ routes (token, right, body) ─▶ api_* (fields) ─▶ state ─▶ firm
//!      └──▶ stage (what people do) ─▶ state, journal, callbacks
//! ```

mod api_agent;
mod api_chat;
mod api_customer;
mod api_login;
mod api_tag;
mod archive;
mod callbacks;
mod check;
mod contact;
mod directory;
mod faults;
mod fields;
pub mod firm;
mod handle;
mod journal;
mod limits;
mod media;
mod messages;
mod receive;
mod routes;
mod server;
mod stage;
mod state;
#[cfg(test)]
mod tests;
mod tokens;

pub use archive::ArchiveOptions;
pub use callbacks::{Delivery, Outcome, Target, Unverified};
pub use contact::{Greeted, Trait};
pub use faults::{CallbackFault, Dial, Fault};
pub use handle::SimHandle;
pub use limits::Window;
pub use messages::Sent;
pub use server::{Answered, SimOptions, Simulator};
pub use stage::{
    AppVerb, ArchiveVerb, CodeVerb, ContactVerb, CustomerVerb, DirectoryVerb, GroupVerb, LoginVerb,
    Refusal, TagVerb, Verb,
};
pub use tokens::App;
