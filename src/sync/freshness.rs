//! Which of two answers of WeCom is the newer one.
//!
//! Events and the full sync ask about the same things at the same time. An answer tells how
//! things stood when it was asked for, so the one asked for later wins, in whichever order
//! the two are applied. Kept in memory: what was asked for before a restart is not applied
//! after it.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::Target;

/// When an answer was asked for: a number that only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked(u64);

/// Single things remembered at most; beyond this the older half is forgotten, which are long
/// settled by then.
const REMEMBERED_MAX: usize = 100_000;

/// Remembers what the newest applied answer about each thing was.
#[derive(Default)]
pub struct Freshness {
    next: AtomicU64,
    newest: Mutex<Newest>,
}

#[derive(Default)]
struct Newest {
    single: HashMap<Target, Asked>,
    customer_page: Option<Asked>,
}

impl Freshness {
    /// Call this before asking.
    pub(super) fn asking(&self) -> Asked {
        Asked(self.next.fetch_add(1, Ordering::SeqCst))
    }

    /// Whether something about `target` that was asked for later is already in place. Call it
    /// and [`Self::applied`] inside the write that applies the answer.
    pub(super) fn is_stale(&self, target: &Target, asked: Asked) -> bool {
        let newest = self.lock();
        let page = newest
            .customer_page
            .filter(|_| matches!(target, Target::Customer(_)));
        let single = newest.single.get(&target.thing());
        single.is_some_and(|a| *a > asked) || page.is_some_and(|a| a > asked)
    }

    /// An answer about `target` is being applied.
    pub(super) fn applied(&self, target: &Target, asked: Asked) {
        let mut newest = self.lock();
        if newest.single.len() >= REMEMBERED_MAX {
            let mut all: Vec<Asked> = newest.single.values().copied().collect();
            all.sort_unstable();
            let middle = all[all.len() / 2];
            newest.single.retain(|_, asked| *asked > middle);
        }
        newest.single.insert(target.thing(), asked);
    }

    /// Whether a single answer about a customer is newer than a page asked for at `asked`.
    pub(super) fn is_row_stale(&self, external_userid: &str, asked: Asked) -> bool {
        let target = Target::Customer(external_userid.to_owned());
        self.lock().single.get(&target).is_some_and(|a| *a > asked)
    }

    /// A page of customers is being applied.
    pub(super) fn applied_page(&self, asked: Asked) {
        self.lock().customer_page = Some(asked);
    }

    fn lock(&self) -> MutexGuard<'_, Newest> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer(id: &str) -> Target {
        Target::Customer(id.to_owned())
    }

    #[test]
    fn the_answer_asked_for_later_wins_in_either_order() {
        let freshness = Freshness::default();
        let (first, second) = (freshness.asking(), freshness.asking());
        assert!(!freshness.is_stale(&customer("a"), first));
        freshness.applied(&customer("a"), second);
        assert!(freshness.is_stale(&customer("a"), first));
        assert!(!freshness.is_stale(&customer("b"), first));
        assert!(!freshness.is_stale(&customer("a"), second));
    }

    #[test]
    fn a_page_and_a_single_answer_are_compared_too() {
        let freshness = Freshness::default();
        let (page, single) = (freshness.asking(), freshness.asking());
        freshness.applied(&customer("a"), single);
        assert!(freshness.is_row_stale("a", page));
        assert!(!freshness.is_row_stale("b", page));
        let (single, page) = (freshness.asking(), freshness.asking());
        freshness.applied_page(page);
        assert!(freshness.is_stale(&customer("a"), single));
        assert!(!freshness.is_stale(&Target::Tags, single));
    }

    #[test]
    fn what_is_long_settled_is_forgotten() {
        let freshness = Freshness::default();
        for n in 0..=REMEMBERED_MAX {
            let asked = freshness.asking();
            freshness.applied(&customer(&n.to_string()), asked);
        }
        let newest = freshness.lock();
        assert!(newest.single.len() <= REMEMBERED_MAX / 2 + 1);
        assert!(
            newest
                .single
                .contains_key(&customer(&REMEMBERED_MAX.to_string()))
        );
    }
}
