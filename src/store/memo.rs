//! What was made from records is kept as long as no record changes: most pages read again what
//! the page before has read, and only machinery and the audit log were written in between.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Things that are kept at once; more than a day's work of an office looks at between two
/// changes.
const KEPT_MAX: usize = 4_096;

type Kept = HashMap<(TypeId, u64), Arc<dyn Any + Send + Sync>>;

/// Made from one state of all records; states that differ in nothing but machinery share it.
#[derive(Default)]
pub(super) struct Memo {
    kept: Mutex<Kept>,
}

impl Memo {
    /// What was kept under this number, of this type.
    pub(super) fn get<T: Any + Send + Sync>(&self, number: u64) -> Option<Arc<T>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.get(&(TypeId::of::<T>(), number))?.clone();
        drop(kept);
        found.downcast().ok()
    }

    /// Keeps something.
    pub(super) fn put<T: Any + Send + Sync>(&self, number: u64, made: Arc<T>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // Dropped when nothing is held.
        let dropped = (kept.len() >= KEPT_MAX).then(|| std::mem::take(&mut *kept));
        kept.insert((TypeId::of::<T>(), number), made);
        drop(kept);
        drop(dropped);
    }
}
