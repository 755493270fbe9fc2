//! Which documents belong to a scope or another list of values, a bit for each.
//!
//! Found once for each list and segment: segments do not change but for deletions, which are
//! looked at elsewhere.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tantivy::{index::SegmentId, schema::Field};

use crate::search::{bits::Bits, disk::SearchError, view::with_any};

use super::view::View;

/// Memory of all sets together, bytes.
const BYTES_MAX: usize = 64 << 20;

/// Documents that have one of these values (ascending) in a field.
pub(super) type SetKey = (Field, Arc<[u32]>);

/// A set for each part of a view, in its order.
pub(super) type PartSets = Arc<[Arc<Bits>]>;

struct Known {
    generation: u64,
    segments: Vec<SegmentId>,
    sets: PartSets,
    /// When last asked for.
    used: u64,
}

impl Known {
    fn bytes(&self) -> usize {
        self.sets.iter().map(|set| set.bytes()).sum()
    }
}

/// The sets that are kept.
#[derive(Default)]
pub(super) struct Sets {
    known: Mutex<HashMap<SetKey, Known>>,
    generations: AtomicU64,
    asked: AtomicU64,
}

impl Sets {
    pub(super) fn new_generation(&self) -> u64 {
        self.generations.fetch_add(1, Ordering::Relaxed)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SetKey, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sets of a list of values. Nobody waits while they are found.
    pub(super) fn get(&self, view: &View, key: &SetKey) -> Result<PartSets, SearchError> {
        let used = self.asked.fetch_add(1, Ordering::Relaxed);
        let mut before = HashMap::new();
        if let Some(known) = self.lock().get_mut(key) {
            known.used = used;
            if known.generation == view.generation {
                return Ok(Arc::clone(&known.sets));
            }
            before.extend(
                known
                    .segments
                    .iter()
                    .copied()
                    .zip(known.sets.iter().cloned()),
            );
        }
        let values: Vec<u64> = key.1.iter().map(|value| u64::from(*value)).collect();
        let sets = view
            .parts
            .iter()
            .map(|part| match before.remove(&part.reader.segment_id()) {
                Some(set) => Ok(set),
                None => with_any(&part.reader, key.0, &values).map(Arc::new),
            });
        let sets: PartSets = sets.collect::<Result<_, SearchError>>()?;
        let segments = view.parts.iter().map(|part| part.reader.segment_id());
        let known = Known {
            generation: view.generation,
            segments: segments.collect(),
            sets: Arc::clone(&sets),
            used,
        };
        self.keep(key.clone(), known);
        Ok(sets)
    }

    fn keep(&self, key: SetKey, new: Known) {
        let mut known = self.lock();
        known.insert(key, new);
        while known.len() > 1 && known.values().map(Known::bytes).sum::<usize>() > BYTES_MAX {
            let oldest = known.iter().min_by_key(|(_, known)| known.used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            known.remove(&oldest);
        }
    }
}
