//! What the fault tests need: places at which everything stops as if the process were killed,
//! and planted bugs that the tests must catch.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// A place on the way of an effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// *Sending* is not durable yet.
    BeforeSending,
    /// *Sending* is durable, nothing has left.
    Sending,
    /// The call has been made; nothing about its end is durable.
    AfterCall,
    /// The end is known and is about to be written.
    BeforeEnd,
    /// The end is durable.
    AfterEnd,
}

impl Step {
    /// Every place, in the order in which an effect passes them.
    pub const ALL: [Self; 5] = [
        Self::BeforeSending,
        Self::Sending,
        Self::AfterCall,
        Self::BeforeEnd,
        Self::AfterEnd,
    ];
}

/// A way in which real software sends things twice, or never.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// After a crash it is sent again without looking.
    ResendWithoutLooking,
    /// It leaves before *sending* is durable.
    SendBeforeMarked,
    /// It is noted as done before it has left.
    DoneBeforeSent,
}

/// Where to stop, and what is wrong.
#[derive(Debug, Default)]
pub struct Faults {
    stop_at: Mutex<Option<Step>>,
    has_stopped: AtomicBool,
    bug: Mutex<Option<Bug>>,
}

impl Faults {
    /// Stops for good at this place the next time it is reached.
    pub fn stop_at(&self, step: Step) {
        *self.stop_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(step);
    }

    /// Plants a bug.
    pub fn plant(&self, bug: Bug) {
        *self.bug.lock().unwrap_or_else(PoisonError::into_inner) = Some(bug);
    }

    /// Whether the place has been reached.
    pub fn has_stopped(&self) -> bool {
        self.has_stopped.load(Ordering::SeqCst)
    }

    /// No place to stop at and no bug.
    pub fn clear(&self) {
        *self.stop_at.lock().unwrap_or_else(PoisonError::into_inner) = None;
        *self.bug.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.has_stopped.store(false, Ordering::SeqCst);
    }

    pub(super) fn has(&self, bug: Bug) -> bool {
        *self.bug.lock().unwrap_or_else(PoisonError::into_inner) == Some(bug)
    }

    pub(super) async fn pass(&self, step: Step) {
        let is_here = *self.stop_at.lock().unwrap_or_else(PoisonError::into_inner) == Some(step);
        if is_here {
            self.has_stopped.store(true, Ordering::SeqCst);
            std::future::pending::<()>().await;
        }
    }
}
