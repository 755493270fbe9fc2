//! What each person of the firm was sent lately. WeCom drops silently what is too much for one
//! person, so it is counted here, and that too outlives a restart.
//!
//! People are told apart by a hash under a salt of this folder; they lie in shards, so that one
//! message rewrites a small part only.

use std::{
    collections::{BTreeMap, HashMap, hash_map::RandomState},
    hash::BuildHasher,
};

use aws_lc_rs::digest;
use minicbor::{Decode, Encode};

use super::{Counter, Window};
use crate::kit::Timestamp;

/// Shards. The number is part of what is stored.
const SHARDS: usize = 32;
/// People of one shard; beyond that its memory begins anew.
const SHARD_MAX: usize = 2_000;

/// What has to outlive a restart about some of the people.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct KeptPeople {
    /// Which of them.
    #[n(0)]
    pub shard: u32,
    /// What they are hashed with.
    #[n(1)]
    pub salt: u64,
    /// Whom, by hash, within what time how often.
    #[n(2)]
    pub people: Vec<(u64, Vec<(Window, Counter)>)>,
}

#[derive(Default)]
struct Shard {
    people: HashMap<u64, BTreeMap<Window, Counter>>,
    is_changed: bool,
}

/// Everybody who was sent something.
pub(super) struct People {
    salt: u64,
    shards: Vec<Shard>,
}

impl Default for People {
    fn default() -> Self {
        Self {
            salt: RandomState::new().hash_one("salt"),
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
        }
    }
}

fn place(hash: u64) -> usize {
    usize::try_from(hash % SHARDS as u64).unwrap_or(0)
}

impl People {
    fn hash(&self, budget: &str, userid: &str) -> u64 {
        let userid = userid.to_ascii_lowercase();
        let text = format!("{:016x}\0{budget}\0{userid}", self.salt);
        let hash = digest::digest(&digest::SHA256, text.as_bytes());
        let first = hash.as_ref().first_chunk::<8>();
        u64::from_be_bytes(first.copied().unwrap_or_default())
    }

    /// What somebody was sent within a window.
    pub(super) fn counter(&self, budget: &str, userid: &str, window: Window) -> Counter {
        let hash = self.hash(budget, userid);
        let shard = self.shards.get(place(hash));
        let counters = shard.and_then(|shard| shard.people.get(&hash));
        let counter = counters.and_then(|counters| counters.get(&window));
        counter.copied().unwrap_or_default()
    }

    /// One more for somebody, in each of these windows.
    pub(super) fn count(&mut self, budget: &str, userid: &str, windows: &[Window], now: Timestamp) {
        let hash = self.hash(budget, userid);
        let Some(shard) = self.shards.get_mut(place(hash)) else {
            return;
        };
        if shard.people.len() >= SHARD_MAX && !shard.people.contains_key(&hash) {
            shard.people.clear();
        }
        let counters = shard.people.entry(hash).or_default();
        for window in windows {
            counters.entry(*window).or_default().add(*window, now, 1);
        }
        shard.is_changed = true;
    }

    /// What has changed since the last time; whoever was sent nothing lately is forgotten.
    pub(super) fn changed(&mut self, now: Timestamp) -> Vec<KeptPeople> {
        let mut kept = Vec::new();
        for (number, shard) in (0..).zip(&mut self.shards) {
            if !std::mem::take(&mut shard.is_changed) {
                continue;
            }
            shard.people.retain(|_, counters| {
                let mut counters = counters.iter();
                counters.any(|(window, counter)| counter.used(*window, now) > 0)
            });
            let mut people: Vec<(u64, Vec<(Window, Counter)>)> = shard
                .people
                .iter()
                .map(|(hash, counters)| (*hash, counters.iter().map(|(w, c)| (*w, *c)).collect()))
                .collect();
            people.sort_unstable_by_key(|(hash, _)| *hash);
            kept.push(KeptPeople {
                shard: number,
                salt: self.salt,
                people,
            });
        }
        kept
    }

    /// What could not be kept has to be given again.
    pub(super) fn not_kept(&mut self, shards: impl IntoIterator<Item = u32>) {
        for number in shards {
            let shard = self.shards.get_mut(number as usize);
            if let Some(shard) = shard {
                shard.is_changed = true;
            }
        }
    }

    /// Goes on from what was kept.
    pub(super) fn restore(&mut self, kept: impl IntoIterator<Item = KeptPeople>) {
        for kept in kept {
            self.salt = kept.salt;
            let people = kept.people.into_iter();
            if let Some(shard) = self.shards.get_mut(kept.shard as usize) {
                shard.people = people
                    .map(|(hash, counters)| (hash, counters.into_iter().collect()))
                    .collect();
            }
        }
    }
}
