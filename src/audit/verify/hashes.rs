//! The list of leaf hashes of a package, read a file at a time.

use std::collections::{BTreeMap, VecDeque};

use super::{
    super::{
        merkle::{Frontier, Hash},
        package::CHUNK,
    },
    container::{Container, Kind, Unreadable},
};

/// Files kept in memory: the one being read and its neighbours.
const CACHED_FILES: usize = 4;

/// Leaf hashes by position.
pub(super) struct HashList {
    container: Container,
    files: u64,
    count: u64,
    cache: VecDeque<(u64, Vec<u8>)>,
    roots: BTreeMap<u64, Hash>,
}

impl HashList {
    /// Reads the whole list once and computes the roots of the trees of the given sizes, as far
    /// as it reaches. `None` if the files are not what they must be: numbered from 0,
    /// full but for the last.
    pub(super) fn scan(
        container: Container,
        sizes: impl Iterator<Item = u64>,
    ) -> Result<Option<Self>, Unreadable> {
        let names = container.names();
        let numbers: Vec<u64> = names
            .iter()
            .filter_map(|(kind, _)| match kind {
                Kind::Hashes(number) => Some(*number),
                _ => None,
            })
            .collect();
        if !(0u64..).zip(&numbers).all(|(i, number)| i == *number) {
            return Ok(None);
        }
        let mut list = Self {
            container,
            files: numbers.len() as u64,
            count: 0,
            cache: VecDeque::new(),
            roots: BTreeMap::new(),
        };
        let mut wanted: Vec<u64> = sizes.collect();
        wanted.sort_unstable_by(|a, b| b.cmp(a));
        let mut roots = BTreeMap::new();
        let mut frontier = Frontier::default();
        for file in 0..list.files {
            let last = file + 1 == list.files;
            let bytes = list.file(file)?;
            let full = bytes.len() as u64 == CHUNK * 32;
            if !bytes.len().is_multiple_of(32) || bytes.is_empty() || (!full && !last) {
                return Ok(None);
            }
            for hash in bytes.chunks_exact(32) {
                frontier.push(hash.try_into().unwrap_or_default());
                while wanted.last().is_some_and(|size| *size <= frontier.size()) {
                    if wanted.pop() == Some(frontier.size()) {
                        roots.insert(frontier.size(), frontier.root());
                    }
                }
            }
        }
        list.count = frontier.size();
        list.roots = roots;
        Ok(Some(list))
    }

    /// The roots of the trees asked for.
    pub(super) fn roots(&self) -> &BTreeMap<u64, Hash> {
        &self.roots
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The hash at a position; `None` behind the end.
    pub(super) fn get(&mut self, position: u64) -> Result<Option<Hash>, Unreadable> {
        if position >= self.count {
            return Ok(None);
        }
        let at = usize::try_from(position % CHUNK).unwrap_or(0) * 32;
        let bytes = self.file(position / CHUNK)?;
        Ok(bytes.get(at..at + 32).and_then(|hash| hash.try_into().ok()))
    }

    fn file(&mut self, number: u64) -> Result<&[u8], Unreadable> {
        let found = self.cache.iter().position(|(cached, _)| *cached == number);
        let at = match found {
            Some(at) => at,
            None => {
                let name = format!("hashes/{number:08}.bin");
                let bytes = self.container.whole(&name, CHUNK * 32)?;
                if self.cache.len() == CACHED_FILES {
                    self.cache.pop_front();
                }
                self.cache.push_back((number, bytes));
                self.cache.len() - 1
            }
        };
        Ok(&self.cache[at].1)
    }

    /// Gives back the package with the digests of all files of the list.
    pub(super) fn into_container(self) -> Container {
        self.container
    }
}
