//! Merkle trees by RFC 6962, section 2.1: leaf = SHA-256(0x00, entry), node = SHA-256(0x01, left, right). Roots, and paths
//! that show that an entry is in a tree.
//!
//! Folded over a stack of complete subtrees: n leaves cost 2n - 1 hashes and log2(n) digests of memory. (A library tree
//! that keeps its nodes hashes the path to the root again for each leaf; the tests hold this one against it.)

use crate::Hash;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest, Sha256};

/// Collects entries in order, then gives the root.
#[derive(Clone, Debug, Default)]
pub struct MerkleRoot {
    // Invariant: complete subtrees, sizes strictly falling powers of two, adding up to `count`.
    subtrees: Vec<Hash>,
    count: u64,
}

impl MerkleRoot {
    pub fn push(&mut self, entry: &[u8]) {
        let mut subtree = leaf_hash(entry);
        // Each trailing one bit of the count is a subtree of the same size as the one being carried.
        for _ in 0..self.count.trailing_ones() {
            subtree = node(self.subtrees.pop().expect("one subtree for each one bit of the count"), subtree);
        }
        self.subtrees.push(subtree);
        self.count += 1;
    }

    /// Of no entries: SHA-256 of nothing.
    pub fn finish(mut self) -> Hash {
        let Some(mut root) = self.subtrees.pop() else { return Hash(Sha256::new().finalize().into()) };
        while let Some(left) = self.subtrees.pop() {
            root = node(left, root);
        }
        root
    }
}

impl<T: AsRef<[u8]>> FromIterator<T> for MerkleRoot {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        let mut tree = MerkleRoot::default();
        entries.into_iter().for_each(|entry| tree.push(entry.as_ref()));
        tree
    }
}

/// Where a sibling stands, seen from the way up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Side {
    Left = 0,
    Right = 1,
}

/// An audit path (RFC 6962, section 2.1.1) with the side of each sibling in place of the leaf's number and the size of the
/// tree: those two are bound by no root, and several of them give one path.
///
/// It begins with the leaf's hash, so that it can be told whether the path was altered or the entry.
#[derive(Clone, PartialEq, Eq, Hash, Debug, BorshSerialize, BorshDeserialize)]
pub struct InclusionPath {
    pub leaf: Hash,
    /// From the leaf up.
    pub siblings: Vec<(Side, Hash)>,
}

impl InclusionPath {
    /// A tree of 2^64 leaves has no longer ones.
    pub const SIBLINGS_MAX: usize = 64;

    /// Of the leaf at this place, from 0; None beyond the last.
    pub fn of(leaves: &[Hash], place: usize) -> Option<InclusionPath> {
        let leaf = *leaves.get(place)?;
        let (mut level, mut place, mut siblings) = (leaves.to_vec(), place, Vec::new());
        // Joined in pairs, level by level, the odd one out going up as it is: the same tree as by splitting at the largest
        // power of two.
        while level.len() > 1 {
            let side = if place % 2 == 0 { Side::Right } else { Side::Left };
            siblings.extend(level.get(place ^ 1).map(|sibling| (side, *sibling)));
            let join = |pair: &[Hash]| if let [left, right] = pair { node(*left, *right) } else { pair[0] };
            level = level.chunks(2).map(join).collect();
            place /= 2;
        }
        Some(InclusionPath { leaf, siblings })
    }

    /// Where it leads. An entry is in the tree of a root if its path begins with the entry's `leaf_hash` and leads to the
    /// root: leaves and nodes are hashed apart, so nothing but an entry of the tree has such a path.
    pub fn root(&self) -> Hash {
        self.siblings.iter().fold(self.leaf, |below, (side, sibling)| match side {
            Side::Left => node(*sibling, below),
            Side::Right => node(below, *sibling),
        })
    }
}

pub fn leaf_hash(entry: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([0]).chain_update(entry).finalize().into())
}

fn node(left: Hash, right: Hash) -> Hash {
    Hash(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_equal_the_librarys_and_lead_to_the_root() {
        let mut library = ct_merkle::mem_backed_tree::MemoryBackedTree::<Sha256, Vec<u8>>::new();
        let mut leaves = Vec::new();
        assert_eq!(InclusionPath::of(&leaves, 0), None);
        for size in 1u32..70 {
            let entry = size.to_le_bytes().to_vec();
            leaves.push(leaf_hash(&entry));
            library.push(entry);
            for place in 0..leaves.len() {
                let path = InclusionPath::of(&leaves, place).expect("there is such a leaf");
                let theirs = library.prove_inclusion(place);
                let ours: Vec<u8> = path.siblings.iter().flat_map(|(_, hash)| hash.0).collect();
                assert_eq!(ours, theirs.as_bytes(), "leaf {place} of {size}");
                assert_eq!(path.root().0[..], library.root().as_bytes()[..], "leaf {place} of {size}");
            }
            assert_eq!(InclusionPath::of(&leaves, leaves.len()), None);
        }
    }

    #[test]
    fn an_altered_path_leads_elsewhere() {
        let leaves: Vec<Hash> = (0u8..11).map(|entry| leaf_hash(&[entry])).collect();
        let path = InclusionPath::of(&leaves, 10).expect("the last of eleven");
        assert_eq!(path.siblings.len(), 2, "the odd one out goes up without a sibling");
        let check = |alter: &dyn Fn(&mut InclusionPath)| {
            let mut altered = path.clone();
            alter(&mut altered);
            assert_ne!(altered.root(), path.root(), "{altered:?}");
        };
        check(&|path| path.leaf = leaf_hash(&[9]));
        check(&|path| path.siblings[1].0 = Side::Right);
        check(&|path| path.siblings[0].1.0[31] ^= 1);
        check(&|path| path.siblings.truncate(1));
        check(&|path| path.siblings.insert(0, (Side::Left, leaf_hash(&[9]))));
    }

    #[test]
    fn equals_the_library_tree_at_every_size() {
        let mut library = ct_merkle::mem_backed_tree::MemoryBackedTree::<Sha256, Vec<u8>>::new();
        let mut entries: Vec<Vec<u8>> = Vec::new();
        for size in 0u32..130 {
            let ours = entries.iter().collect::<MerkleRoot>().finish();
            assert_eq!(ours.0[..], library.root().as_bytes()[..], "{size} leaves");
            entries.push(size.to_le_bytes().to_vec());
            library.push(size.to_le_bytes().to_vec());
        }
    }
}
