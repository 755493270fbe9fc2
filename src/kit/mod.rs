//! Small shared words: ids, time, randomness, secrets, paging, limits.
//!
//! Everything above may use this module; it uses nothing of ours. There is no ambient
//! clock and no ambient randomness anywhere else: both are handed down as [`Clock`] and
//! [`Random`], so that a test can move the one and repeat the other.

mod id;
pub mod limits;
mod page;
pub mod picture;
mod random;
mod secret;
mod time;

pub use id::{Id, Operation, OperationId, ParseIdError};
pub use page::{Cursor, Page, PageRequest};
pub use random::Random;
pub use secret::Secret;
pub use time::{Clock, Timestamp};
