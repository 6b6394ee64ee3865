//! That a key has a value in the state of a root, or has none.

use super::{
    hash::{Hasher, leaf_hash, node_hash},
    side_of,
};
use crate::state::{StateKey, StateValue};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use concordat_types::Hash;
use core::fmt;

/// That a key has a value, or has none, in the state of a root.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Proof {
    /// From the root down: the bit a branch decides, and the hash on the side not taken.
    pub path: Vec<(u8, Hash)>,
    /// Key hash and value hash of the leaf at its end; None in an empty tree.
    pub leaf: Option<(Hash, Hash)>,
}

/// Why a proof does not show what it is said to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProofError {
    /// More branches than a key has bits, or bits not in ascending order.
    Malformed,
    /// It leads to another root.
    WrongRoot,
    /// It leads to the root, but is not the way of this key, or ends at another key's leaf.
    WrongKey,
    /// The key has another value, or has one and should have none.
    WrongValue,
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProofError::Malformed => "the proof is not a path of ascending bits",
            ProofError::WrongRoot => "the proof leads to another root",
            ProofError::WrongKey => "the proof is of another key",
            ProofError::WrongValue => "the proof ends at a leaf that says otherwise of the key",
        })
    }
}

impl core::error::Error for ProofError {}

impl Proof {
    /// Checks that in the state of this root the key has this value, or with None that it has none.
    pub fn verify(&self, root: Hash, key: &StateKey, value: Option<&StateValue>) -> Result<(), ProofError> {
        let mut hasher = Hasher::default();
        let key = hasher.key(key);
        let value = value.map(|value| hasher.value(value));
        self.verify_hashes(root, &key, value)
    }

    pub(super) fn verify_hashes(&self, root: Hash, key: &Hash, value: Option<Hash>) -> Result<(), ProofError> {
        // A byte counts the bits, so ascending order bounds the length too.
        if !self.path.is_sorted_by(|(a, _), (b, _)| a < b) || self.leaf.is_none() && !self.path.is_empty() {
            return Err(ProofError::Malformed);
        }
        let Some((leaf_key, leaf_value)) = self.leaf else {
            return match (root == Hash::ZERO, value) {
                (false, _) => Err(ProofError::WrongRoot),
                (true, None) => Ok(()),
                (true, Some(_)) => Err(ProofError::WrongKey),
            };
        };
        // By the leaf's own bits: whether it is in the tree does not depend on what is asked about it.
        if path_root(&self.path, &leaf_key, &leaf_value) != root {
            return Err(ProofError::WrongRoot);
        }
        let is_way_of_key = self.path.iter().all(|(bit, _)| side_of(key, *bit) == side_of(&leaf_key, *bit));
        match value {
            _ if !is_way_of_key => Err(ProofError::WrongKey),
            None if leaf_key == *key => Err(ProofError::WrongValue),
            None => Ok(()),
            Some(_) if leaf_key != *key => Err(ProofError::WrongKey),
            Some(value) if leaf_value != value => Err(ProofError::WrongValue),
            Some(_) => Ok(()),
        }
    }
}

fn path_root(path: &[(u8, Hash)], leaf_key: &Hash, leaf_value: &Hash) -> Hash {
    path.iter().rev().fold(leaf_hash(leaf_key, leaf_value), |below, (bit, other)| match side_of(leaf_key, *bit) {
        0 => node_hash(*bit, &below, other),
        _ => node_hash(*bit, other, &below),
    })
}
