//! The line before the writer: who comes next, and who shares a commit with whom.
//!
//! Somebody waits for most verbs: a person, or WeCom, which takes five seconds for silence. A
//! step of long work may take as long as hundreds of those, and an entry that nobody waits for
//! may go with whatever comes next. So:
//! - short verbs go before a long one, and share a commit among themselves;
//! - a long one waits for one such commit at most, goes first into the next, and those that
//!   came meanwhile share it;
//! - a commit that nobody waits for is put off a little, so that more can share it.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long a commit that nobody waits for may be put off.
const LINGER: Duration = Duration::from_millis(25);

/// How a verb stands in line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// Somebody waits for it.
    Awaited,
    /// Somebody waits, but can: a step of long work.
    Long,
    /// Nobody waits.
    Later,
}

/// Why a verb was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// Too many are in line.
    Full,
    /// No more are taken.
    Closed,
}

/// Verbs in line.
pub(super) struct Line<T> {
    most: usize,
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    short: VecDeque<(T, Pace)>,
    long: VecDeque<T>,
    /// The last commit left a long one behind.
    is_long_due: bool,
    is_closed: bool,
}

impl<T> State<T> {
    fn len(&self) -> usize {
        self.short.len() + self.long.len()
    }
}

impl<T> Line<T> {
    /// An open line for `most` verbs.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            state: Mutex::new(State {
                short: VecDeque::new(),
                long: VecDeque::new(),
                is_long_due: false,
                is_closed: false,
            }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a verb in line.
    pub(super) fn push(&self, verb: T, pace: Pace) -> Result<(), Refused> {
        let mut state = self.lock();
        if state.is_closed {
            return Err(Refused::Closed);
        }
        if state.len() >= self.most {
            return Err(Refused::Full);
        }
        match pace {
            Pace::Long => state.long.push_back(verb),
            Pace::Awaited | Pace::Later => state.short.push_back((verb, pace)),
        }
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// The first verb of the next commit; waits for one. `None` when the line is closed and
    /// empty.
    pub(super) fn first(&self) -> Option<(T, Pace)> {
        let mut state = self.lock();
        loop {
            let is_long = state.is_long_due || state.short.is_empty();
            if is_long && let Some(verb) = state.long.pop_front() {
                state.is_long_due = false;
                return Some((verb, Pace::Long));
            }
            if let Some(verb) = state.short.pop_front() {
                state.is_long_due = !state.long.is_empty();
                return Some(verb);
            }
            if state.is_closed {
                return None;
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// One more verb for the same commit, if there is one.
    pub(super) fn another(&self) -> Option<(T, Pace)> {
        self.lock().short.pop_front()
    }

    /// One more verb for a commit that nobody waits for, which was begun at `since`: waits a
    /// little for it, but not while a long one waits or the line is closed.
    pub(super) fn linger(&self, since: Instant) -> Option<(T, Pace)> {
        let mut state = self.lock();
        loop {
            if let Some(verb) = state.short.pop_front() {
                return Some(verb);
            }
            let rest = LINGER.saturating_sub(since.elapsed());
            if state.is_closed || !state.long.is_empty() || rest.is_zero() {
                return None;
            }
            let waited = self.changed.wait_timeout(state, rest);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How many are in line.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Takes no more verbs; those in line are still given.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// Takes no more verbs and drops those in line.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        // A verb may own whoever calls here: it is dropped when nothing is held.
        let dropped = (
            std::mem::take(&mut state.short),
            std::mem::take(&mut state.long),
        );
        drop(state);
        drop(dropped);
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(verbs: &[(u32, Pace)]) -> Line<u32> {
        let line = Line::new(10);
        for (verb, pace) in verbs {
            line.push(*verb, *pace).unwrap();
        }
        line
    }

    /// The next commit as the writer puts it together.
    fn commit(line: &Line<u32>) -> Vec<u32> {
        let first = line.first().map(|(verb, _)| verb);
        let others = std::iter::from_fn(|| line.another().map(|(verb, _)| verb));
        first.into_iter().chain(others).collect()
    }

    #[test]
    fn short_verbs_go_before_a_long_one_but_only_once() {
        let line = line(&[
            (1, Pace::Long),
            (2, Pace::Long),
            (3, Pace::Awaited),
            (4, Pace::Later),
        ]);
        assert_eq!(commit(&line), [3, 4]);
        line.push(5, Pace::Awaited).unwrap();
        assert_eq!(commit(&line), [1, 5], "the long one goes first now");
        line.push(6, Pace::Awaited).unwrap();
        assert_eq!(commit(&line), [6]);
        assert_eq!(commit(&line), [2]);
    }

    #[test]
    fn a_full_or_closed_line_refuses_and_what_is_in_it_is_still_given() {
        let line = line(&[(0, Pace::Awaited); 10]);
        assert_eq!(line.push(1, Pace::Long), Err(Refused::Full));
        line.close();
        assert_eq!(line.push(1, Pace::Awaited), Err(Refused::Closed));
        assert_eq!(commit(&line).len(), 10);
        assert_eq!(line.first(), None);
    }

    #[test]
    fn an_abandoned_line_gives_nothing() {
        let line = line(&[(1, Pace::Awaited), (2, Pace::Long)]);
        line.abandon();
        assert_eq!(line.first(), None);
    }

    #[test]
    fn nobody_lingers_while_somebody_waits() {
        let since = Instant::now();
        let line = line(&[(1, Pace::Long)]);
        assert_eq!(line.linger(since), None, "the long one waits");
        assert_eq!(line.first(), Some((1, Pace::Long)));
        std::thread::scope(|scope| {
            scope.spawn(|| line.push(2, Pace::Awaited).unwrap());
            assert_eq!(line.first(), Some((2, Pace::Awaited)));
        });
        line.close();
        assert_eq!(line.linger(Instant::now()), None, "the line is closed");
    }
}
