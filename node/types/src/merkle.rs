//! Merkle tree root by RFC 6962, section 2.1: leaf = SHA-256(0x00, entry), node = SHA-256(0x01, left, right).
//!
//! Folded over a stack of complete subtrees: n leaves cost 2n - 1 hashes and log2(n) digests of memory. (A library tree
//! that keeps its nodes hashes the path to the root again for each leaf; the tests hold this one against it.)

use crate::Hash;
use alloc::vec::Vec;
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
        let mut subtree = Hash(Sha256::new().chain_update([0]).chain_update(entry).finalize().into());
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

fn node(left: Hash, right: Hash) -> Hash {
    Hash(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

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
