//! Planted bugs that the tests of completeness must catch.

use std::sync::{Mutex, PoisonError};

/// A way in which real software loses messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// How far the archive has been read is durable before the messages are.
    CursorFirst,
    /// A message is lost where one stretch ends and the next begins.
    LostBetweenStretches,
    /// What cannot be opened is passed over instead of parked.
    ParkedNowhere,
    /// The index believes to be further than it is.
    IndexAhead,
}

/// What is wrong, and whether it has done harm.
#[derive(Debug, Default)]
pub struct Faults {
    bug: Mutex<Option<Bug>>,
    done: Mutex<bool>,
}

impl Faults {
    /// Plants a bug. It does harm once.
    pub fn plant(&self, bug: Bug) {
        *self.bug.lock().unwrap_or_else(PoisonError::into_inner) = Some(bug);
    }

    /// Whether the bug has done harm.
    pub fn has_struck(&self) -> bool {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this bug is planted and has done no harm yet.
    pub(super) fn is_waiting(&self, bug: Bug) -> bool {
        let planted = *self.bug.lock().unwrap_or_else(PoisonError::into_inner);
        planted == Some(bug) && !self.has_struck()
    }

    /// Notes that the bug does its harm.
    pub(super) fn strike(&self) {
        *self.done.lock().unwrap_or_else(PoisonError::into_inner) = true;
    }
}
