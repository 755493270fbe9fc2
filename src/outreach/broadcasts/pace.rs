//! How many touches one write settles while a broadcast is followed or stopped; and, for tests,
//! behind which of these writes nothing goes on, as if the process had ended there.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::standing::STRETCH;

/// See above.
pub struct Pace {
    stretch: AtomicUsize,
    left: AtomicUsize,
    is_cut: AtomicBool,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            stretch: AtomicUsize::new(STRETCH),
            left: AtomicUsize::new(usize::MAX),
            is_cut: AtomicBool::new(false),
        }
    }
}

impl Pace {
    /// Touches settled in one write.
    pub(super) fn stretch(&self) -> usize {
        self.stretch.load(Ordering::Relaxed)
    }

    /// Comes before each such write.
    pub(super) async fn pass(&self) {
        let one_less = |left: usize| match left {
            usize::MAX => Some(left),
            left => left.checked_sub(1),
        };
        let order = Ordering::SeqCst;
        if self.left.fetch_update(order, order, one_less).is_err() {
            self.is_cut.store(true, order);
            std::future::pending::<()>().await;
        }
    }

    /// From now on each write settles so few touches, and behind so many of them nothing goes on.
    #[cfg(feature = "faults")]
    pub fn cut_behind(&self, writes: usize, touches: usize) {
        self.stretch.store(touches.max(1), Ordering::SeqCst);
        self.left.store(writes, Ordering::SeqCst);
    }

    /// Whether that has come.
    #[cfg(feature = "faults")]
    pub fn is_cut(&self) -> bool {
        self.is_cut.load(Ordering::SeqCst)
    }
}
