//! 会话内容存档, the chat archive on the wire: keys, the process that holds the library, and
//! what a message says once it is opened.
//!
//! ```text
//! Host ══ socket ══▶ sdk-host (child) ──▶ the library, or its protocol over HTTP
//!   │ Envelope: still closed, its random key for our PrivateKey
//!   ▼
//! PrivateKey::open ─▶ Host::open ─▶ Message::parse ─▶ Body::decode
//! ```
//!
//! Source: WeCom documentation, 获取会话内容 and the pages below 会话内容存档.

mod body;
mod decode;
mod host;
mod keys;
mod kind;
mod lines;
mod message;
mod quote;
mod sdk;
#[cfg(test)]
mod tests;

pub use body::{
    AgendaItem, Body, CallMedia, Chapter, Draw, FormQuestion, LinkCard, MediaRef, Nested, Place,
    Unknown,
};
pub use host::{
    Backend, Chunk, Envelope, Host, HostError, OpenError, Remedy, Settings, library_digest,
};
pub use keys::{KeyError, PrivateKey, PublicKey, SealError};
pub use kind::{Kind, Party};
pub use lines::{Line, Means, Role};
pub use message::{Action, Message, ParseError};
pub use quote::Quote;
pub(in crate::wecom) use sdk::close;
pub use sdk::run as run_child;
#[cfg(test)]
pub(crate) use sdk::stand;
#[cfg(any(test, feature = "faults"))]
pub use sdk::{close_for_test, stand_in_for_test};
