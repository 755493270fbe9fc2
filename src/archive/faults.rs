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
    /// A file is said to be here before it is on disk.
    FileNotedFirst,
    /// What was read last before the process ended is stored once more after it has begun again.
    StoredTwice,
    /// What the audit trail says of an answer is not what was stored of it.
    AuditedLess,
}

impl Bug {
    /// The bug that a test wants a process of its own to have, by `QITAI_PLANTED`.
    fn from_env() -> Option<Self> {
        match std::env::var("QITAI_PLANTED").ok()?.as_str() {
            "cursor_first" => Some(Self::CursorFirst),
            "lost_between_stretches" => Some(Self::LostBetweenStretches),
            "parked_nowhere" => Some(Self::ParkedNowhere),
            "index_ahead" => Some(Self::IndexAhead),
            "file_noted_first" => Some(Self::FileNotedFirst),
            "stored_twice" => Some(Self::StoredTwice),
            "audited_less" => Some(Self::AuditedLess),
            _ => None,
        }
    }
}

/// What is wrong, and whether it has done harm.
#[derive(Debug)]
pub struct Faults {
    bug: Mutex<Option<Bug>>,
    done: Mutex<bool>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            bug: Mutex::new(Bug::from_env()),
            done: Mutex::default(),
        }
    }
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
