//! The tamper-evident log (防篡改日志): who saw, changed, sent or erased what, and when.
//!
//! An RFC 9162 Merkle tree over JSON lines, appended in the transaction of the act itself,
//! with signed checkpoints, proofs, and an export that an outsider verifies offline.
//! Invariants: an entry is never changed or removed; its time never lies before the one
//! before it; nothing personal stands in a line; a head is signed only if it extends the one
//! signed before.

mod check;
pub mod checkpoints;
pub mod evidence;
pub mod export;
mod leaf;
pub mod log;
pub mod merkle;
pub mod note;
pub mod package;
pub mod query;
pub mod seen;
pub mod verify;

pub use leaf::{Leaf, Objects, Opening};
pub use log::{Dimension, Log};

#[cfg(test)]
mod python;
#[cfg(test)]
mod tests;
