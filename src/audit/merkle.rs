//! The tree of RFC 9162 (certificate transparency): hashes, roots, proofs and their checks.
//!
//! A leaf is hashed with a 0x00 in front, a node with a 0x01, so that one can never be
//! passed off as the other. Subtrees are read through [`Hashes`], which a store or a package
//! implements; everything here is pure.

use aws_lc_rs::digest;

/// SHA-256.
pub type Hash = [u8; 32];

/// The hash of a leaf.
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    sha256(&[&[0], leaf])
}

/// The hash of a node over two subtrees.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// The root of the tree without leaves.
pub fn empty_root() -> Hash {
    sha256(&[])
}

fn sha256(parts: &[&[u8]]) -> Hash {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}

/// The right edge of a tree: roots of the complete subtrees that make it up, largest first.
/// Enough to append and to know the root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    roots: Vec<Hash>,
}

impl Frontier {
    /// From its parts; `None` if their number does not fit the size.
    pub fn from_parts(size: u64, roots: Vec<Hash>) -> Option<Self> {
        (roots.len() == size.count_ones() as usize).then_some(Self { size, roots })
    }

    /// Leaves so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The subtree roots, largest first.
    pub fn roots(&self) -> &[Hash] {
        &self.roots
    }

    /// Appends a leaf's hash.
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        let mut merged = self.size;
        while merged & 1 == 1 {
            let left = self.roots.pop().expect("one root for each bit of the size");
            hash = node_hash(&left, &hash);
            merged >>= 1;
        }
        self.roots.push(hash);
        self.size += 1;
    }

    /// The root of the whole tree.
    pub fn root(&self) -> Hash {
        let folded = self
            .roots
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| node_hash(&left, &right));
        folded.unwrap_or_else(empty_root)
    }
}

/// Where hashes of complete subtrees are read from.
pub trait Hashes {
    /// What reading may fail with.
    type Error;
    /// The root of the complete subtree of 2^`height` leaves that begins at
    /// `index` · 2^`height`.
    fn subtree(&self, height: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// The root over the leaves `from..to`, which is a subtree of RFC 9162's recursion: `from` is
/// a multiple of the smallest power of two not less than the length.
fn range_root<H: Hashes>(hashes: &H, from: u64, to: u64) -> Result<Hash, H::Error> {
    let len = to - from;
    if len.is_power_of_two() {
        let height = len.trailing_zeros();
        return hashes.subtree(height, from >> height);
    }
    let split = from + split_of(len);
    Ok(node_hash(
        &range_root(hashes, from, split)?,
        &range_root(hashes, split, to)?,
    ))
}

/// The largest power of two smaller than `len`.
fn split_of(len: u64) -> u64 {
    1 << (63 - (len - 1).leading_zeros())
}

/// The root of the tree of the first `size` leaves.
pub fn root<H: Hashes>(hashes: &H, size: u64) -> Result<Hash, H::Error> {
    if size == 0 {
        Ok(empty_root())
    } else {
        range_root(hashes, 0, size)
    }
}

/// The proof that leaf `index` is in the tree of `size` leaves: siblings from the leaf up.
/// `index` must be smaller than `size`.
pub fn inclusion<H: Hashes>(hashes: &H, index: u64, size: u64) -> Result<Vec<Hash>, H::Error> {
    let (mut from, mut to) = (0, size);
    let mut path = Vec::new();
    while to - from > 1 {
        let split = from + split_of(to - from);
        if index < split {
            path.push(range_root(hashes, split, to)?);
            to = split;
        } else {
            path.push(range_root(hashes, from, split)?);
            from = split;
        }
    }
    path.reverse();
    Ok(path)
}

/// The root that an inclusion proof leads to; `None` if it has not the right length.
pub fn inclusion_root(leaf: Hash, index: u64, size: u64, path: &[Hash]) -> Option<Hash> {
    if index >= size {
        return None;
    }
    let (mut hash, mut place, mut last) = (leaf, index, size - 1);
    for sibling in path {
        if last == 0 {
            return None;
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(sibling, &hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(hash)
}

/// The proof that the tree of `old` leaves is the beginning of the tree of `new` leaves.
/// `0 < old <= new`.
pub fn consistency<H: Hashes>(hashes: &H, old: u64, new: u64) -> Result<Vec<Hash>, H::Error> {
    let (mut from, mut to) = (0, new);
    let mut path = Vec::new();
    let mut whole = true;
    while old != to {
        let split = from + split_of(to - from);
        if old <= split {
            path.push(range_root(hashes, split, to)?);
            to = split;
        } else {
            path.push(range_root(hashes, from, split)?);
            from = split;
            whole = false;
        }
    }
    if !whole {
        path.push(range_root(hashes, from, to)?);
    }
    path.reverse();
    Ok(path)
}

/// Whether a consistency proof holds between two roots (RFC 9162, 2.1.4.2).
pub fn consistent(old: u64, old_root: &Hash, new: u64, new_root: &Hash, path: &[Hash]) -> bool {
    if old == 0 || old > new {
        return false;
    }
    if old == new {
        return path.is_empty() && old_root == new_root;
    }
    let mut path = path.iter();
    let first = if old.is_power_of_two() {
        Some(old_root)
    } else {
        path.next()
    };
    let Some(first) = first else { return false };
    let (mut place, mut last) = (old - 1, new - 1);
    while place & 1 == 1 {
        place >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while place & 1 == 0 && place != 0 {
                place >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Leaves(Vec<Hash>);

    impl Hashes for Leaves {
        type Error = std::convert::Infallible;
        fn subtree(&self, height: u32, index: u64) -> Result<Hash, Self::Error> {
            let start = (index << height) as usize;
            Ok(naive(&self.0[start..start + (1 << height)]))
        }
    }

    /// MTH of RFC 9162, word for word.
    fn naive(leaves: &[Hash]) -> Hash {
        match leaves.len() {
            0 => empty_root(),
            1 => leaves[0],
            n => {
                let k = (1usize..)
                    .map(|i| 1 << i)
                    .take_while(|k| *k < n)
                    .last()
                    .unwrap_or(1);
                node_hash(&naive(&leaves[..k]), &naive(&leaves[k..]))
            }
        }
    }

    fn leaves(n: u64) -> Leaves {
        Leaves((0..n).map(|i| leaf_hash(&i.to_be_bytes())).collect())
    }

    #[test]
    fn known_answers_of_the_rfc_family() {
        assert_eq!(
            hex::encode(empty_root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            hex::encode(leaf_hash(b"")),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
    }

    #[test]
    fn appending_gives_the_root_of_the_definition() {
        let mut frontier = Frontier::default();
        for n in 0..300u64 {
            let tree = leaves(n);
            assert_eq!(frontier.root(), naive(&tree.0), "{n}");
            assert_eq!(root(&tree, n), Ok(naive(&tree.0)));
            frontier.push(leaf_hash(&n.to_be_bytes()));
        }
    }

    #[test]
    fn every_proof_of_small_trees_holds_and_no_other() {
        for n in 1..40u64 {
            let tree = leaves(n);
            let top = naive(&tree.0);
            for i in 0..n {
                let path = inclusion(&tree, i, n).unwrap();
                let leaf = tree.0[i as usize];
                assert_eq!(inclusion_root(leaf, i, n, &path), Some(top));
                for other in (0..n).filter(|o| *o != i) {
                    assert_ne!(
                        inclusion_root(leaf, other, n, &path),
                        Some(top),
                        "{i} {other} {n}"
                    );
                }
            }
            for old in 1..=n {
                let path = consistency(&tree, old, n).unwrap();
                let old_root = naive(&tree.0[..old as usize]);
                assert!(consistent(old, &old_root, n, &top, &path), "{old} {n}");
                assert!(!consistent(old, &leaf_hash(b"x"), n, &top, &path));
                if old < n {
                    assert!(!consistent(old, &old_root, n, &leaf_hash(b"x"), &path));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_changed_proof_fails(n in 2u64..400, pick: u64, flip: u8) {
            let tree = leaves(n);
            let index = pick % n;
            let mut path = inclusion(&tree, index, n).unwrap();
            let at = pick as usize % path.len();
            path[at][flip as usize % 32] ^= 1 << (flip % 8);
            let got = inclusion_root(tree.0[index as usize], index, n, &path);
            prop_assert_ne!(got, Some(naive(&tree.0)));
        }
    }
}
