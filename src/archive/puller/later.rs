//! What was parked is tried again: as soon as its key comes, and what the library could not
//! open one by one, rarer and rarer, when nothing else is to be done. None of it stands in the
//! way of what is new.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    error::{AppError, Result},
    kit::Timestamp,
    wecom::archive::Envelope,
};

use super::{
    super::{
        ingest,
        key_ring::{self, KeyRing},
        model::{Brought, Locked, Parked},
    },
    Came, Pause, Puller, Trouble,
};

/// Parked messages that are tried at once.
const UNLOCK: usize = 500;
/// A message that did not open is tried again after this long, then after as long as it has
/// been here, ms.
const AGAIN_MS: i64 = 3_600_000;

/// What is to be tried again, in memory: the rows say the rest.
#[derive(Default)]
pub(super) struct Later {
    /// How far the messages parked for a key were tried; all of them where there is none.
    keys: BTreeMap<(u32, String), Option<u64>>,
    /// Messages that nobody has tried.
    untried: BTreeSet<u64>,
    /// Messages that did not open, by the time of the next attempt.
    damaged: BTreeSet<(Timestamp, u64)>,
}

/// A parked message, as far as it matters here.
pub(super) struct Waiting {
    seq: u64,
    why: Locked,
    due: Timestamp,
}

impl Waiting {
    pub(super) fn of(parked: &Parked) -> Self {
        let age = parked.tried_at.since_ms(parked.at);
        Self {
            seq: parked.seq,
            why: parked.why,
            due: parked.tried_at.plus_ms(age.max(AGAIN_MS)),
        }
    }
}

impl Later {
    /// Forgets what has opened.
    pub(super) fn forget(&mut self, seqs: impl IntoIterator<Item = u64>) {
        for seq in seqs {
            self.untried.remove(&seq);
        }
    }

    /// Forgets how far keys were tried that are no longer there: what is parked while they are
    /// away is opened when they come back.
    fn keep_to(&mut self, keys: &KeyRing) {
        self.keys.retain(|(version, fingerprint), _| {
            let key = keys.get(version);
            key.is_some_and(|key| key.fingerprint() == *fingerprint)
        });
    }

    /// Remembers what did not open.
    pub(super) fn extend(&mut self, parked: impl IntoIterator<Item = Waiting>) {
        for Waiting { seq, why, due } in parked {
            self.untried.remove(&seq);
            match why {
                Locked::NoKey | Locked::WrongKey => {}
                Locked::Untried => drop(self.untried.insert(seq)),
                Locked::Damaged => drop(self.damaged.insert((due, seq))),
            }
        }
    }

    /// The first of what did not open, if its time has come.
    fn next_damaged(&mut self, now: Timestamp) -> Option<u64> {
        let (due, _) = self.damaged.first()?;
        if *due > now {
            return None;
        }
        self.damaged.pop_first().map(|(_, seq)| seq)
    }
}

impl Puller {
    /// Opens some of what was parked; whether there is more that is worth trying at once.
    pub(super) async fn open_parked(&mut self, pause: Pause) -> Result<bool, Trouble> {
        if self.unlock().await? {
            return Ok(true);
        }
        if pause != Pause::Idle {
            return Ok(false);
        }
        let untried: Vec<u64> = self.later.untried.iter().copied().take(UNLOCK).collect();
        if !untried.is_empty() {
            let opened = self.try_again(&untried, Locked::Untried).await?;
            return Ok(opened > 0);
        }
        let now = self.app.store.clock().now();
        if let Some(seq) = self.later.next_damaged(now) {
            // Alone: if the library dies of it, nothing else is lost on the way.
            let tried = self.try_again(&[seq], Locked::Damaged).await;
            if tried.is_err() {
                self.later.damaged.insert((now.plus_ms(AGAIN_MS), seq));
            }
            tried?;
        }
        Ok(false)
    }

    /// Takes the keys as they are now.
    pub(super) fn load_keys(&mut self) -> Result<()> {
        self.keys = Arc::new(self.app.read(key_ring::load)?);
        self.later.keep_to(&self.keys);
        Ok(())
    }

    /// Tries some of what was parked for a key that has come since; whether there is more.
    pub(super) async fn unlock(&mut self) -> Result<bool, Trouble> {
        self.load_keys()?;
        for (version, key) in self.keys.clone().iter() {
            let name = (*version, key.fingerprint());
            let after = match self.later.keys.get(&name) {
                Some(None) => continue,
                Some(Some(after)) => *after,
                None => 0,
            };
            let rows = self
                .app
                .read(|r| ingest::waiting_for(r, *version, after, UNLOCK))
                .map_err(AppError::from)?;
            let last = rows.last().map(|row| row.seq);
            let is_for_key = |row: &Parked| matches!(row.why, Locked::NoKey | Locked::WrongKey);
            let (rows, others): (Vec<_>, Vec<_>) = rows.into_iter().partition(is_for_key);
            self.later.extend(others.iter().map(Waiting::of));
            if !rows.is_empty() {
                let page = rows.into_iter().map(came).collect();
                self.store(page, Brought::Unlocked).await?;
            }
            self.later.keys.insert(name, last);
            if last.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Tries these once more, as far as they still wait for that; gives how many opened.
    async fn try_again(&mut self, seqs: &[u64], why: Locked) -> Result<u32, Trouble> {
        let mut page = Vec::new();
        for seq in seqs {
            let row = self.app.read(|r| r.get::<Parked>(seq));
            match row.map_err(AppError::from)? {
                Some(row) if row.why == why => page.push(came(row)),
                _ => drop(self.later.untried.remove(seq)),
            }
        }
        if page.is_empty() {
            return Ok(0);
        }
        Ok(self.store(page, Brought::Unlocked).await?.messages)
    }
}

fn came(parked: Parked) -> Came {
    Came {
        at: parked.at,
        envelope: Envelope {
            seq: parked.seq,
            msgid: parked.msgid,
            key_version: parked.key_version,
            key: parked.key,
            message: parked.message,
        },
    }
}
