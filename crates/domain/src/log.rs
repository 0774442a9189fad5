//! The log as a hash tree (RFC 9162, section 2): nothing in it can be removed or changed unseen.
//!
//! Whoever remembers one root can check, without trusting us, that an entry is in the log
//! ([`verify_inclusion`]) and that a later log still contains the earlier one
//! ([`verify_consistency`]). Hashes only: what an entry says, and who signs a root, is elsewhere.

use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use std::{fmt, ops::Range, str::FromStr};

/// A SHA-256 hash in the tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Takes the bytes of a hash.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_STANDARD.encode(self.0))
    }
}

impl FromStr for Hash {
    type Err = NoCheckpoint;

    fn from_str(text: &str) -> Result<Self, NoCheckpoint> {
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| NoCheckpoint)?;
        bytes.try_into().map(Self).map_err(|_| NoCheckpoint)
    }
}

/// The hash of an entry.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0x00]).chain_update(entry).finalize().into())
}

/// The hash of a node above two others.
pub fn node_hash(left: Hash, right: Hash) -> Hash {
    Hash(
        Sha256::new()
            .chain_update([0x01])
            .chain_update(left.0)
            .chain_update(right.0)
            .finalize()
            .into(),
    )
}

/// The right edge of a tree: all that is needed to grow it and to know its root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    // The roots of the complete subtrees, left to right: one for each bit set in `size`.
    subtrees: Vec<Hash>,
}

/// A frontier with more or fewer subtrees than its size has.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a tree of {size} leaves has {} complete subtrees, not {found}", .size.count_ones())]
pub struct ImpossibleFrontier {
    size: u64,
    found: usize,
}

impl Frontier {
    /// Takes up a tree where it was left.
    pub fn resume(size: u64, subtrees: Vec<Hash>) -> Result<Self, ImpossibleFrontier> {
        if usize::try_from(size.count_ones()) == Ok(subtrees.len()) {
            Ok(Self { size, subtrees })
        } else {
            Err(ImpossibleFrontier { size, found: subtrees.len() })
        }
    }

    /// Adds a leaf at the right.
    pub fn push(&mut self, leaf: Hash) {
        let mut subtree = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.subtrees.pop().expect("there is a subtree for each bit of the size");
            subtree = node_hash(left, subtree);
        }
        self.subtrees.push(subtree);
        self.size += 1;
    }

    /// How many leaves there are.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, left to right.
    pub fn subtrees(&self) -> &[Hash] {
        &self.subtrees
    }

    /// The root of the whole tree.
    pub fn root(&self) -> Hash {
        let from_the_right = self.subtrees.iter().rev().copied();
        from_the_right
            .reduce(|right, left| node_hash(left, right))
            .unwrap_or_else(|| Hash(Sha256::digest([]).into()))
    }
}

impl FromIterator<Hash> for Frontier {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut frontier = Self::default();
        leaves.into_iter().for_each(|leaf| frontier.push(leaf));
        frontier
    }
}

/// The ranges of leaves whose roots prove that leaf `index` is in a tree of `size` leaves.
///
/// Hash each range with [`Frontier`] (or look it up) and send the roots in this order.
pub fn inclusion_ranges(index: u64, size: u64) -> Vec<Range<u64>> {
    let mut ranges = Vec::new();
    if index < size {
        collect_inclusion(index, 0..size, &mut ranges);
    }
    ranges
}

fn collect_inclusion(index: u64, tree: Range<u64>, ranges: &mut Vec<Range<u64>>) {
    if tree.end - tree.start <= 1 {
        return;
    }
    let middle = tree.start + split(tree.end - tree.start);
    if index < middle {
        collect_inclusion(index, tree.start..middle, ranges);
        ranges.push(middle..tree.end);
    } else {
        collect_inclusion(index, middle..tree.end, ranges);
        ranges.push(tree.start..middle);
    }
}

/// The ranges of leaves whose roots prove that a tree of `size` leaves begins with the tree of
/// its first `earlier` leaves.
pub fn consistency_ranges(earlier: u64, size: u64) -> Vec<Range<u64>> {
    let mut ranges = Vec::new();
    if 0 < earlier && earlier < size {
        collect_consistency(earlier, 0..size, true, &mut ranges);
    }
    ranges
}

fn collect_consistency(
    earlier: u64,
    tree: Range<u64>,
    known_whole: bool,
    ranges: &mut Vec<Range<u64>>,
) {
    if earlier == tree.end {
        if !known_whole {
            ranges.push(tree);
        }
        return;
    }
    let middle = tree.start + split(tree.end - tree.start);
    if earlier <= middle {
        collect_consistency(earlier, tree.start..middle, known_whole, ranges);
        ranges.push(middle..tree.end);
    } else {
        collect_consistency(earlier, middle..tree.end, false, ranges);
        ranges.push(tree.start..middle);
    }
}

/// The largest power of two below `size`, which is at least 2.
const fn split(size: u64) -> u64 {
    1 << (size - 1).ilog2()
}

/// Whether `proof` shows that `leaf` is at `index` in the tree of `size` leaves with this root
/// (RFC 9162, 2.1.3.2).
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, root: Hash, proof: &[Hash]) -> bool {
    if size <= index {
        return false;
    }
    let (mut position, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if position & 1 == 1 || position == last {
            hash = node_hash(*sibling, hash);
            let skipped = position.trailing_zeros();
            if position & 1 == 0 && position != 0 {
                position >>= skipped;
                last >>= skipped;
            }
        } else {
            hash = node_hash(hash, *sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    last == 0 && hash == root
}

/// Whether `proof` shows that the tree of `size` leaves with root `root` begins with the tree of
/// `earlier` leaves with root `earlier_root` (RFC 9162, 2.1.4.2).
pub fn verify_consistency(
    (earlier, earlier_root): (u64, Hash),
    (size, root): (u64, Hash),
    proof: &[Hash],
) -> bool {
    if earlier == size {
        return proof.is_empty() && earlier_root == root;
    }
    if earlier == 0 || size < earlier {
        return false;
    }
    let mut path = proof.iter().copied();
    // An earlier tree that is complete is its own first node.
    let first = if earlier.is_power_of_two() { Some(earlier_root) } else { path.next() };
    let Some(first) = first else { return false };
    let (mut position, mut last) = (earlier - 1, size - 1);
    let complete = position.trailing_ones();
    position >>= complete;
    last >>= complete;
    let (mut earlier_hash, mut hash) = (first, first);
    for node in path {
        if last == 0 {
            return false;
        }
        if position & 1 == 1 || position == last {
            earlier_hash = node_hash(node, earlier_hash);
            hash = node_hash(node, hash);
            let skipped = position.trailing_zeros();
            if position & 1 == 0 && position != 0 {
                position >>= skipped;
                last >>= skipped;
            }
        } else {
            hash = node_hash(hash, node);
        }
        position >>= 1;
        last >>= 1;
    }
    last == 0 && earlier_hash == earlier_root && hash == root
}

/// A statement about the log, to be signed: its name, size and root (C2SP tlog-checkpoint).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// The root of its tree.
    pub root: Hash,
}

/// The text is no checkpoint.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no checkpoint")]
pub struct NoCheckpoint;

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, size, root } = self;
        write!(f, "{origin}\n{size}\n{root}\n")
    }
}

impl FromStr for Checkpoint {
    type Err = NoCheckpoint;

    fn from_str(text: &str) -> Result<Self, NoCheckpoint> {
        let mut lines = text.lines();
        let mut line = || lines.next().ok_or(NoCheckpoint);
        let (origin, size, root) = (line()?.to_owned(), line()?, line()?);
        let checkpoint =
            Self { origin, size: size.parse().map_err(|_| NoCheckpoint)?, root: root.parse()? };
        // Only one spelling is a checkpoint; extension lines are none of ours.
        if checkpoint.to_string() == text { Ok(checkpoint) } else { Err(NoCheckpoint) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|number| leaf_hash(&number.to_be_bytes())).collect()
    }

    fn roots(leaves: &[Hash], ranges: Vec<Range<u64>>) -> Vec<Hash> {
        let at = |bound: u64| usize::try_from(bound).unwrap();
        ranges
            .into_iter()
            .map(|range| {
                leaves[at(range.start)..at(range.end)].iter().copied().collect::<Frontier>().root()
            })
            .collect()
    }

    fn root(leaves: &[Hash]) -> Hash {
        leaves.iter().copied().collect::<Frontier>().root()
    }

    /// The definition of RFC 9162, word for word.
    fn root_by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash(Sha256::digest([]).into()),
            [leaf] => *leaf,
            _ => {
                let middle = usize::try_from(split(u64::try_from(leaves.len()).unwrap())).unwrap();
                node_hash(
                    root_by_definition(&leaves[..middle]),
                    root_by_definition(&leaves[middle..]),
                )
            }
        }
    }

    #[test]
    fn the_published_test_vectors_hold() {
        // From the Certificate Transparency reference implementation.
        let entries: [&[u8]; 8] = [
            b"",
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[
                0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d,
                0x6e, 0x6f,
            ],
        ];
        let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        let hex = |hash: Hash| {
            hash.0.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
        };
        assert_eq!(
            hex(root(&[])),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            hex(root(&leaves[..1])),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
        assert_eq!(
            hex(root(&leaves)),
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
        );
    }

    #[test]
    fn every_entry_of_every_small_tree_can_be_proven_and_nothing_else() {
        for size in 1..=33 {
            let leaves = leaves(size);
            let root = root(&leaves);
            for index in 0..size {
                let leaf = leaves[usize::try_from(index).unwrap()];
                let proof = roots(&leaves, inclusion_ranges(index, size));
                assert!(verify_inclusion(leaf, index, size, root, &proof), "{index} of {size}");
                assert!(!verify_inclusion(leaf_hash(b"other"), index, size, root, &proof));
                assert!(!verify_inclusion(leaf, index, size, leaf_hash(b"other"), &proof));
                for other in (0..size).filter(|other| *other != index) {
                    assert!(!verify_inclusion(leaf, other, size, root, &proof));
                }
            }
        }
    }

    #[test]
    fn every_small_tree_is_consistent_with_each_of_its_beginnings() {
        for size in 1..=33 {
            let leaves = leaves(size);
            let now = (size, root(&leaves));
            for earlier in 1..=size {
                let then = (earlier, root(&leaves[..usize::try_from(earlier).unwrap()]));
                let proof = roots(&leaves, consistency_ranges(earlier, size));
                assert!(verify_consistency(then, now, &proof), "{earlier} of {size}");
                assert!(!verify_consistency((earlier, leaf_hash(b"other")), now, &proof));
                assert!(!verify_consistency(then, (size, leaf_hash(b"other")), &proof));
            }
        }
    }

    proptest! {
        #[test]
        fn a_tree_grown_leaf_by_leaf_has_the_root_of_the_definition(count in 0_u64..300) {
            let leaves = leaves(count);
            prop_assert_eq!(root(&leaves), root_by_definition(&leaves));
        }

        #[test]
        fn a_tree_can_be_left_and_taken_up_anywhere(count in 1_u64..300, left_at in 0_u64..300) {
            let leaves = leaves(count);
            let left_at = usize::try_from(left_at.min(count)).unwrap();
            let left: Frontier = leaves[..left_at].iter().copied().collect();
            let mut taken_up = Frontier::resume(left.size(), left.subtrees().to_vec()).unwrap();
            leaves[left_at..].iter().for_each(|leaf| taken_up.push(*leaf));
            prop_assert_eq!(taken_up.root(), root_by_definition(&leaves));
        }

        #[test]
        fn a_changed_proof_proves_nothing(count in 2_u64..200, index in 0_u64..200, at: prop::sample::Index) {
            let leaves = leaves(count);
            let index = index % count;
            let leaf = leaves[usize::try_from(index).unwrap()];
            let mut proof = roots(&leaves, inclusion_ranges(index, count));
            let at = at.index(proof.len());
            proof[at].0[7] ^= 1;
            prop_assert!(!verify_inclusion(leaf, index, count, root(&leaves), &proof));
            proof[at].0[7] ^= 1;
            proof.push(leaf);
            prop_assert!(!verify_inclusion(leaf, index, count, root(&leaves), &proof));
        }

        #[test]
        fn a_removed_entry_shows(count in 3_u64..120, removed in 0_u64..120, later in 1_u64..40) {
            let then = leaves(count);
            let mut now = leaves(count + later);
            now.remove(usize::try_from(removed % count).unwrap());
            let size = count + later - 1;
            let proof = roots(&now, consistency_ranges(count, size));
            prop_assert!(!verify_consistency((count, root(&then)), (size, root(&now)), &proof));
        }
    }

    #[test]
    fn a_checkpoint_reads_and_writes_the_same() {
        let checkpoint =
            Checkpoint { origin: "example.com/log".to_owned(), size: 3, root: leaf_hash(b"x") };
        let text = checkpoint.to_string();
        assert_eq!(text.parse(), Ok(checkpoint));
        for wrong in [text.trim_end(), &text.replace('3', "03"), &format!("{text}more\n"), ""] {
            assert_eq!(wrong.parse::<Checkpoint>(), Err(NoCheckpoint), "{wrong:?}");
        }
    }

    #[test]
    fn a_frontier_that_does_not_fit_its_size_is_refused() {
        assert!(Frontier::resume(3, vec![leaf_hash(b"x")]).is_err());
        assert!(Frontier::resume(0, vec![]).is_ok());
    }
}
