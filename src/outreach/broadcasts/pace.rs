//! How many touches one write settles while a broadcast is followed or stopped; and, for tests,
//! behind which of these writes nothing goes on, as if the process had ended there.

#[cfg(feature = "faults")]
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::standing::STRETCH;

/// See above.
#[derive(Default)]
pub struct Pace {
    #[cfg(feature = "faults")]
    cut: Mutex<Option<Cut>>,
}

/// Where a test has it end.
#[cfg(feature = "faults")]
struct Cut {
    touches: usize,
    writes: usize,
    has_come: bool,
}

impl Pace {
    /// Touches settled in one write.
    pub(super) fn stretch(&self) -> usize {
        #[cfg(feature = "faults")]
        if let Some(cut) = &*self.cut() {
            return cut.touches;
        }
        STRETCH
    }

    /// Comes before each such write.
    pub(super) async fn pass(&self) {
        #[cfg(feature = "faults")]
        if self.has_ended() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(feature = "faults")]
impl Pace {
    /// From now on each write settles so few touches, and behind so many of them nothing goes on.
    pub fn cut_behind(&self, writes: usize, touches: usize) {
        *self.cut() = Some(Cut {
            touches: touches.max(1),
            writes,
            has_come: false,
        });
    }

    /// Whether that has come.
    pub fn is_cut(&self) -> bool {
        self.cut().as_ref().is_some_and(|cut| cut.has_come)
    }

    fn has_ended(&self) -> bool {
        let mut cut = self.cut();
        let Some(cut) = &mut *cut else {
            return false;
        };
        cut.has_come |= cut.writes == 0;
        cut.writes = cut.writes.saturating_sub(1);
        cut.has_come
    }

    fn cut(&self) -> MutexGuard<'_, Option<Cut>> {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
