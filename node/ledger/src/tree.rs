//! The tree whose root commits to the state: a binary Patricia tree over SHA-256 hashes of keys. Its shape depends on
//! the keys alone, not on the order in which they came.
//!
//! - key hash = SHA-256(Tag::STATE_KEY, key); bit 0 is the most significant bit of its first byte.
//! - value hash = SHA-256(Tag "concordat/state-value/v1", value). An account's value holds its 16 bytes of blinding, so
//!   its hash cannot be guessed. It is hashed apart from the leaf so that the proof that a key is absent, which names
//!   the leaf found in its place, shows nothing of that leaf's value.
//! - leaf = SHA-256(Tag::STATE_LEAF, key hash, value hash)
//! - node = SHA-256(Tag::STATE_NODE, bit as one byte, left, right): the first bit in which the keys below differ; those
//!   with 0 are left. Bits ascend on the way from the root.
//! - The root is that of the only node, leaf or inner; of no leaf at all, `Hash::ZERO`.
//!
//! To prove a key absent, follow its bits from the root: in a tree of this shape the leaf that is reached would be the
//! key's own if it were there.

use crate::state::{StateKey, StateValue};
use alloc::{collections::BTreeMap, vec::Vec};
use borsh::{BorshDeserialize, BorshSerialize};
use concordat_types::{Hash, Tag};
use core::fmt;
use sha2::Digest;

/// 76 bytes a branch and 64 a leaf, in two arenas: 140 bytes a key. A node's hash stands with its parent, so that
/// hashing a path does not touch the siblings.
#[derive(Clone, Debug, Default)]
pub struct StateTree {
    root: Option<Child>,
    leaves: Arena<Leaf>,
    branches: Arena<Branch>,
    /// Counts commits, to hold a patch against the tree it was made for.
    generation: u64,
}

/// A change to a tree, not yet made. It belongs to the tree as it was at `preview`.
#[derive(Clone, Debug)]
pub struct TreePatch {
    generation: u64,
    root: Option<Child>,
    leaves: Changes<Leaf>,
    branches: Changes<Branch>,
}

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
    /// It ends at another key's leaf, at a leaf with another value, or at a leaf where there should be none.
    WrongLeaf,
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ProofError::Malformed => "the proof is not a path of ascending bits",
            ProofError::WrongRoot => "the proof leads to another root",
            ProofError::WrongLeaf => "the proof ends at a leaf that says otherwise",
        })
    }
}

impl core::error::Error for ProofError {}

impl StateTree {
    pub fn new() -> Self {
        StateTree::default()
    }

    /// In any order. Of a key that comes twice the last value counts.
    pub fn from_leaves(leaves: impl IntoIterator<Item = (StateKey, StateValue)>) -> Self {
        let mut buffer = Vec::new();
        let mut leaves: Vec<Leaf> =
            leaves.into_iter().map(|(key, value)| Leaf::new(&key, &value, &mut buffer)).collect();
        leaves.sort_by_key(|leaf| leaf.key);
        leaves.dedup_by(|later, earlier| {
            let same = later.key == earlier.key;
            if same {
                *earlier = *later;
            }
            same
        });
        let mut tree = StateTree::new();
        let mut work = Work::new(&tree);
        work.patch.root = work.build(&leaves);
        let patch = work.patch;
        tree.commit(patch);
        tree
    }

    pub fn root(&self) -> Hash {
        self.root.map_or(Hash::ZERO, |root| root.hash)
    }

    pub fn len(&self) -> usize {
        self.leaves.len()
    }

    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// The root after changes (None removes), and the patch that makes them. The tree itself stays as it is.
    pub fn preview(&self, changes: &BTreeMap<StateKey, Option<StateValue>>) -> (Hash, TreePatch) {
        let mut work = Work::new(self);
        let mut edits = self.edits(changes);
        work.patch.root = match self.root {
            Some(root) => work.apply(root, &mut edits),
            None => {
                let leaves: Vec<Leaf> = edits.iter().filter_map(Edit::leaf).collect();
                work.build(&leaves)
            }
        };
        let root = work.patch.root.map_or(Hash::ZERO, |root| root.hash);
        (root, work.patch)
    }

    /// Panics where the tree has changed since the patch was made.
    pub fn commit(&mut self, patch: TreePatch) {
        assert!(patch.generation == self.generation, "a patch is made for the tree it is committed to");
        self.leaves.commit(patch.leaves);
        self.branches.commit(patch.branches);
        self.root = patch.root;
        self.generation += 1;
    }

    /// Shows the key's value, or that it has none.
    pub fn prove(&self, key: &StateKey) -> Proof {
        let key = key_hash(key);
        let mut path = Vec::new();
        let Some(mut child) = self.root else { return Proof { path, leaf: None } };
        loop {
            match child.node {
                Node::Leaf(place) => {
                    let leaf = self.leaves.get(place);
                    return Proof { path, leaf: Some((leaf.key, leaf.value)) };
                }
                Node::Branch(place) => {
                    let branch = self.branches.get(place);
                    let side = side_of(&key, branch.bit);
                    path.push((branch.bit, branch.children[1 - side].hash));
                    child = branch.children[side];
                }
            }
        }
    }

    /// The leaf that a key's bits lead to.
    fn nearest(&self, key: &Hash) -> Option<&Leaf> {
        let mut node = self.root?.node;
        loop {
            match node {
                Node::Leaf(place) => return Some(self.leaves.get(place)),
                Node::Branch(place) => {
                    let branch = self.branches.get(place);
                    node = branch.children[side_of(key, branch.bit)].node;
                }
            }
        }
    }

    /// Changes in order of key hashes, each with the place where it meets the tree. Removals of what is not there, and
    /// values that are there already, are left out.
    fn edits(&self, changes: &BTreeMap<StateKey, Option<StateValue>>) -> Vec<Edit> {
        let mut buffer = Vec::new();
        let mut edits: Vec<Edit> = Vec::with_capacity(changes.len());
        for (key, value) in changes {
            let value = value.as_ref().map(|value| value_hash(value, &mut buffer));
            edits.push(Edit { key: hash_of_key(key, &mut buffer), value, parts: None });
        }
        edits.sort_unstable_by_key(|edit| edit.key);
        edits.retain_mut(|edit| match self.nearest(&edit.key) {
            None => edit.value.is_some(),
            Some(leaf) if leaf.key == edit.key => edit.value != Some(leaf.value),
            Some(leaf) => {
                edit.parts = first_difference(&edit.key, &leaf.key);
                edit.value.is_some()
            }
        });
        edits
    }
}

impl Proof {
    /// Checks that in the state of this root the key has this value, or with None that it has none.
    pub fn verify(&self, root: Hash, key: &StateKey, value: Option<&StateValue>) -> Result<(), ProofError> {
        let key = key_hash(key);
        let value = value.map(|value| value_hash(value, &mut Vec::new()));
        // A byte counts the bits, so ascending order bounds the length too.
        if !self.path.is_sorted_by(|(a, _), (b, _)| a < b) || self.leaf.is_none() && !self.path.is_empty() {
            return Err(ProofError::Malformed);
        }
        if self.root(&key) != root {
            return Err(ProofError::WrongRoot);
        }
        let found = self.leaf.filter(|(leaf_key, _)| *leaf_key == key).map(|(_, value)| value);
        if found == value { Ok(()) } else { Err(ProofError::WrongLeaf) }
    }

    fn root(&self, key: &Hash) -> Hash {
        let Some((leaf_key, value)) = self.leaf else { return Hash::ZERO };
        let leaf = Leaf { key: leaf_key, value }.hash();
        self.path.iter().rev().fold(leaf, |below, (bit, other)| match side_of(key, *bit) {
            0 => node_hash(*bit, &below, other),
            _ => node_hash(*bit, other, &below),
        })
    }
}

#[derive(Clone, Copy, Debug)]
struct Leaf {
    key: Hash,
    value: Hash,
}

impl Leaf {
    fn new(key: &StateKey, value: &StateValue, buffer: &mut Vec<u8>) -> Leaf {
        Leaf { value: value_hash(value, buffer), key: hash_of_key(key, buffer) }
    }

    fn hash(&self) -> Hash {
        Tag::STATE_LEAF.hash(&[&self.key.0, &self.value.0])
    }
}

#[derive(Clone, Copy, Debug)]
struct Branch {
    bit: u8,
    children: [Child; 2],
}

impl Branch {
    fn hash(&self) -> Hash {
        node_hash(self.bit, &self.children[0].hash, &self.children[1].hash)
    }
}

/// A node as its parent knows it.
#[derive(Clone, Copy, Debug)]
struct Child {
    hash: Hash,
    node: Node,
}

#[derive(Clone, Copy, Debug)]
enum Node {
    Leaf(u32),
    Branch(u32),
}

/// What is to become of one key.
#[derive(Clone, Copy, Debug)]
struct Edit {
    key: Hash,
    /// None removes.
    value: Option<Hash>,
    /// Of a key that is not in the tree: the first bit in which it differs from the leaf that its bits lead to. Every
    /// node on the way there with a later bit has to make room above itself.
    parts: Option<u8>,
}

impl Edit {
    fn leaf(&self) -> Option<Leaf> {
        self.value.map(|value| Leaf { key: self.key, value })
    }
}

/// A patch in the making. Committed nodes are read, never written.
struct Work<'t> {
    tree: &'t StateTree,
    patch: TreePatch,
}

impl<'t> Work<'t> {
    fn new(tree: &'t StateTree) -> Self {
        let (leaves, branches) = (Changes::default(), Changes::default());
        Work { tree, patch: TreePatch { generation: tree.generation, root: None, leaves, branches } }
    }

    /// The subtree after edits, which all lead through it. None if nothing is left.
    fn apply(&mut self, child: Child, edits: &mut [Edit]) -> Option<Child> {
        if edits.is_empty() {
            return Some(child);
        }
        let own_bit = match child.node {
            Node::Branch(place) => Some(self.tree.branches.get(place).bit),
            Node::Leaf(_) => None,
        };
        // The first bit in which a new key leaves what all keys here share.
        let parting = edits.iter().filter_map(|edit| edit.parts).min();
        if let Some(bit) = parting.filter(|bit| own_bit.is_none_or(|own_bit| *bit < own_bit)) {
            return self.make_room(child, bit, edits);
        }
        match child.node {
            Node::Leaf(place) => {
                let edit = &edits[0];
                assert!(edits.len() == 1, "one edit a key");
                self.patch.leaves.freed.push(place);
                edit.leaf().map(|leaf| self.add_leaf(leaf))
            }
            Node::Branch(place) => {
                let branch = *self.tree.branches.get(place);
                self.patch.branches.freed.push(place);
                let [left_edits, right_edits] = split(edits, branch.bit);
                let left = self.apply(branch.children[0], left_edits);
                let right = self.apply(branch.children[1], right_edits);
                self.join(branch.bit, left, right)
            }
        }
    }

    /// A branch above a subtree, for new keys that part from it at a bit before its own.
    fn make_room(&mut self, child: Child, bit: u8, edits: &mut [Edit]) -> Option<Child> {
        let newcomer = edits.iter().find(|edit| edit.parts == Some(bit)).expect("the bit is one of them");
        let new_side = side_of(&newcomer.key, bit);
        let sides = split(edits, bit);
        let leaves: Vec<Leaf> = sides[new_side].iter().filter_map(Edit::leaf).collect();
        let new = self.build(&leaves);
        let old = self.apply(child, sides[1 - new_side]);
        let [left, right] = if new_side == 0 { [new, old] } else { [old, new] };
        self.join(bit, left, right)
    }

    /// A tree of new leaves in strictly ascending order of keys.
    fn build(&mut self, leaves: &[Leaf]) -> Option<Child> {
        let (first, last) = (leaves.first()?, leaves.last()?);
        let Some(bit) = first_difference(&first.key, &last.key) else { return Some(self.add_leaf(*first)) };
        let middle = leaves.partition_point(|leaf| side_of(&leaf.key, bit) == 0);
        let left = self.build(&leaves[..middle]);
        let right = self.build(&leaves[middle..]);
        self.join(bit, left, right)
    }

    fn join(&mut self, bit: u8, left: Option<Child>, right: Option<Child>) -> Option<Child> {
        let (Some(left), Some(right)) = (left, right) else { return left.or(right) };
        let branch = Branch { bit, children: [left, right] };
        let place = self.patch.branches.add(&self.tree.branches, branch);
        Some(Child { hash: branch.hash(), node: Node::Branch(place) })
    }

    fn add_leaf(&mut self, leaf: Leaf) -> Child {
        let place = self.patch.leaves.add(&self.tree.leaves, leaf);
        Child { hash: leaf.hash(), node: Node::Leaf(place) }
    }
}

/// Edits with 0 and with 1 at a bit; they are sorted and agree in all bits before it.
fn split(edits: &mut [Edit], bit: u8) -> [&mut [Edit]; 2] {
    let middle = edits.partition_point(|edit| side_of(&edit.key, bit) == 0);
    let (left, right) = edits.split_at_mut(middle);
    [left, right]
}

/// Nodes in one allocation, named by place.
#[derive(Clone, Debug)]
struct Arena<T> {
    nodes: Vec<T>,
    // Invariant: places that no node of the tree names.
    free: Vec<u32>,
}

/// New nodes with the places they will take, and places that become free.
#[derive(Clone, Debug)]
struct Changes<T> {
    added: Vec<T>,
    freed: Vec<u32>,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Arena { nodes: Vec::new(), free: Vec::new() }
    }
}

impl<T> Default for Changes<T> {
    fn default() -> Self {
        Changes { added: Vec::new(), freed: Vec::new() }
    }
}

impl<T> Arena<T> {
    fn get(&self, place: u32) -> &T {
        &self.nodes[place as usize]
    }

    fn len(&self) -> usize {
        self.nodes.len() - self.free.len()
    }

    /// The place of the n-th node that is added next: free places from the end, then new ones.
    fn place(&self, nth: usize) -> u32 {
        match self.free.len().checked_sub(nth + 1) {
            Some(index) => self.free[index],
            None => u32::try_from(self.nodes.len() + nth - self.free.len()).expect("fewer than 2^32 nodes"),
        }
    }

    fn commit(&mut self, changes: Changes<T>) {
        let more = changes.added.len().saturating_sub(self.free.len());
        if self.nodes.capacity() - self.nodes.len() < more {
            // Growing by an eighth, not by doubling, keeps memory near what is used.
            self.nodes.reserve_exact(more.max(self.nodes.len() / 8));
        }
        for node in changes.added {
            match self.free.pop() {
                Some(place) => self.nodes[place as usize] = node,
                None => self.nodes.push(node),
            }
        }
        self.free.extend(changes.freed);
    }
}

impl<T> Changes<T> {
    fn add(&mut self, arena: &Arena<T>, node: T) -> u32 {
        let place = arena.place(self.added.len());
        self.added.push(node);
        place
    }
}

fn key_hash(key: &StateKey) -> Hash {
    hash_of_key(key, &mut Vec::new())
}

fn hash_of_key(key: &StateKey, buffer: &mut Vec<u8>) -> Hash {
    buffer.clear();
    key.serialize(buffer).expect("writing to a vector cannot fail");
    Tag::STATE_KEY.hash(&[buffer])
}

fn value_hash(value: &StateValue, buffer: &mut Vec<u8>) -> Hash {
    buffer.clear();
    value.serialize(buffer).expect("writing to a vector cannot fail");
    STATE_VALUE.hash(&[buffer])
}

fn node_hash(bit: u8, left: &Hash, right: &Hash) -> Hash {
    let hasher = Tag::STATE_NODE.hasher().chain_update([bit]).chain_update(left.0).chain_update(right.0);
    Hash(hasher.finalize().into())
}

fn side_of(key: &Hash, bit: u8) -> usize {
    usize::from(key.0[usize::from(bit / 8)] >> (7 - bit % 8) & 1)
}

/// None if they are equal.
fn first_difference(a: &Hash, b: &Hash) -> Option<u8> {
    let (index, (a, b)) = a.0.iter().zip(&b.0).enumerate().find(|(_, (a, b))| a != b)?;
    Some((index * 8) as u8 + (a ^ b).leading_zeros() as u8)
}

const STATE_VALUE: Tag = Tag("concordat/state-value/v1");

#[cfg(test)]
mod tests;
