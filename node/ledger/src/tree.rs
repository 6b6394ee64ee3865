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
//!
//! How it is kept decides the time, because the memory of a large tree is far from the processor: a node that names its
//! children is a wait at each level. So nothing here names anything. Key hashes are evenly spread; their first bits
//! say which of many small pages has a leaf, and above the pages the hashes lie in an array. A block's changes meet
//! their pages in ascending order and go up level by level, each node hashed once. docs/adr/0009 weighs this.

mod build;
mod hash;
mod page;
mod proof;

pub use build::{BuiltShare, TreeBuilder, TreeShare};
pub use proof::{Proof, ProofError};

use crate::state::{StateKey, StateValue};
use alloc::{
    boxed::Box,
    collections::{BTreeMap, VecDeque},
    vec,
    vec::Vec,
};
use concordat_types::Hash;
use core::cmp::Ordering;
use hash::{Hasher, join};
use page::{Change, Draft, Edit, Page};

/// About 150 bytes a key, a page's allocation among them.
#[derive(Clone, Debug)]
pub struct StateTree {
    /// A complete binary tree over the pages, in heap order: below node n are 2n and 2n + 1, the root is 1, and 0 is
    /// not used. With P pages the nodes from P on are the pages' own, in two levels at most. A node on level l is for the
    /// keys that begin with the l last bits of its number. Hash zero: no such key.
    crown: Vec<Hash>,
    /// Invariant: never empty, and half as many as the crown has places. Page n - P is that of node n.
    pages: VecDeque<Page>,
    leaves: usize,
    /// Counts commits, to hold a patch against the tree it was made for.
    generation: u64,
}

/// A change to a tree, not yet made. It belongs to the tree as it was at `preview`.
#[derive(Clone, Debug)]
pub struct TreePatch {
    generation: u64,
    /// In the tree after the change.
    leaves: usize,
    /// Node and its new hash, the root last.
    crown: Vec<(u32, Hash)>,
    /// Of pages that keep their entries.
    values: Vec<NewValue>,
    branches: Vec<NewBranch>,
    /// Of pages to which entries came or from which they went: node, and the page whole.
    pages: Vec<(u32, Page)>,
}

#[derive(Clone, Debug)]
struct NewValue {
    node: u32,
    place: u32,
    value: Hash,
    leaf: Hash,
}

#[derive(Clone, Debug)]
struct NewBranch {
    node: u32,
    place: u32,
    branch: Hash,
}

impl Default for StateTree {
    fn default() -> Self {
        let pages = VecDeque::from([Page::default()]);
        StateTree { crown: vec![Hash::ZERO; 2], pages, leaves: 0, generation: 0 }
    }
}

impl StateTree {
    pub fn new() -> Self {
        StateTree::default()
    }

    /// In any order. Of a key that comes twice the last value counts.
    pub fn from_leaves(leaves: impl IntoIterator<Item = (StateKey, StateValue)>) -> Self {
        let mut builder = TreeBuilder::new();
        leaves.into_iter().for_each(|(key, value)| builder.add(&key, &value));
        builder.finish()
    }

    pub fn root(&self) -> Hash {
        self.crown[1]
    }

    pub fn len(&self) -> usize {
        self.leaves
    }

    pub fn is_empty(&self) -> bool {
        self.leaves == 0
    }

    /// The root after changes (None removes), and the patch that makes them. The tree itself stays as it is.
    pub fn preview(&self, changes: &BTreeMap<StateKey, Option<StateValue>>) -> (Hash, TreePatch) {
        let mut hasher = Hasher::default();
        let edit = |(key, value): (&StateKey, &Option<StateValue>)| Edit {
            key: hasher.key(key),
            value: value.as_ref().map(|value| hasher.value(value)),
        };
        let mut edits: Vec<Edit> = changes.iter().map(edit).collect();
        edits.sort_unstable_by(|a, b| order(&a.key, &b.key));
        let patch = self.patch(&edits);
        (patch.crown.last().map_or(self.root(), |(_, root)| *root), patch)
    }

    /// Panics where the tree has changed since the patch was made.
    pub fn commit(&mut self, patch: TreePatch) {
        assert!(patch.generation == self.generation, "a patch is made for the tree it is committed to");
        for NewValue { node, place, value, leaf } in patch.values {
            let entry = &mut self.page_mut(node)[place as usize];
            (entry.value, entry.leaf) = (value, leaf);
        }
        for NewBranch { node, place, branch } in patch.branches {
            self.page_mut(node)[place as usize].branch = branch;
        }
        for (node, page) in patch.pages {
            *self.page_mut(node) = page;
        }
        for (node, hash) in patch.crown {
            self.crown[node as usize] = hash;
        }
        self.leaves = patch.leaves;
        self.generation += 1;
        self.grow();
    }

    /// Shows the key's value, or that it has none.
    pub fn prove(&self, key: &StateKey) -> Proof {
        self.prove_hash(&Hasher::default().key(key))
    }

    fn prove_hash(&self, key: &Hash) -> Proof {
        let mut path = Vec::new();
        let mut node = 1;
        while node < self.pages.len() {
            let bit = level_of(node as u32);
            let [left, right] = [self.crown[2 * node], self.crown[2 * node + 1]];
            let side = match (left == Hash::ZERO, right == Hash::ZERO) {
                (false, false) => {
                    let side = side_of(key, bit);
                    path.push((bit, [right, left][side]));
                    side
                }
                // All keys here have the same bit, so no node parts them by it.
                (empty, _) => usize::from(empty),
            };
            node = 2 * node + side;
        }
        let mut entries = &self.pages[node - self.pages.len()][..];
        while let Some(top) = page::top(entries) {
            let bit = page::bit_of(entries, top);
            let (left, right) = entries.split_at(top);
            let (taken, other) = if side_of(key, bit) == 0 { (left, right) } else { (right, left) };
            path.push((bit, page::root(other)));
            entries = taken;
        }
        Proof { path, leaf: entries.first().map(|leaf| (leaf.key, leaf.value)) }
    }

    /// Is this row, or with None that there is none, what the root commits to? `value` is the canonical encoding. For
    /// those who keep the rows elsewhere and want to know whether what they read is what was written.
    pub fn commits_to(&self, key: &StateKey, value: Option<&[u8]>) -> bool {
        let mut hasher = Hasher::default();
        let key = hasher.key(key);
        let page = self.page(self.node_of(&key));
        let held = page.binary_search_by(|entry| order(&entry.key, &key)).ok().map(|place| page[place].value);
        held == value.map(|value| hasher.value_bytes(value))
    }

    /// What edits, in strictly ascending order of keys, do.
    fn patch(&self, edits: &[Edit]) -> TreePatch {
        let mut patch = TreePatch {
            generation: self.generation,
            leaves: self.leaves,
            crown: Vec::new(),
            values: Vec::new(),
            branches: Vec::new(),
            pages: Vec::new(),
        };
        let mut roots = Vec::with_capacity(edits.len().min(self.pages.len()));
        let mut draft = Draft::default();
        let (mut done, mut fetched) = (0, 0);
        for edits_of_page in edits.chunk_by(|a, b| self.node_of(&a.key) == self.node_of(&b.key)) {
            if fetched <= done {
                fetched = edits.len().min(done + EDITS_FETCHED);
                self.fetch(&edits[done..fetched]);
            }
            done += edits_of_page.len();
            let node = self.node_of(&edits_of_page[0].key);
            let page = self.page(node);
            let change = draft.merge(page, edits_of_page);
            if change == Change::Nothing {
                continue;
            }
            roots.push((node, draft.rehash()));
            match change {
                Change::Entries => {
                    patch.leaves = patch.leaves + draft.entries.len() - page.len();
                    patch.pages.push((node, Box::from(&draft.entries[..])));
                }
                _ => patch.add_values(node, page, &draft),
            }
        }
        patch.crown = self.fold(roots);
        patch
    }

    /// Reads the pages that edits lead to. A page's place is known from the key alone, so the waits for memory overlap; when
    /// the hashing comes to a page, it is near.
    fn fetch(&self, edits: &[Edit]) {
        let read = |sum: u8, edit: &Edit| {
            let page = self.page(self.node_of(&edit.key));
            page.iter().fold(sum, |sum, entry| sum ^ entry.key.0[0] ^ entry.leaf.0[0])
        };
        core::hint::black_box(edits.iter().fold(0, read));
    }

    /// New hashes of pages, in order of keys, and of all nodes above them; the root comes last.
    fn fold(&self, pages: Vec<(u32, Hash)>) -> Vec<(u32, Hash)> {
        let lowest = 1 << (self.crown.len() as u32 - 1).ilog2();
        // Pages of the lower level have the first keys. Their parents have keys before the pages of the level above.
        let lower = pages.partition_point(|(node, _)| *node >= lowest);
        let mut crown = Vec::with_capacity(2 * pages.len() + 64);
        crown.extend_from_slice(&pages[..lower]);
        let (mut start, mut upper) = (0, &pages[lower..]);
        let mut siblings = Vec::with_capacity(pages.len());
        loop {
            let end = crown.len();
            siblings.clear();
            siblings.extend(crown[start..end].iter().map(|(node, _)| self.crown[*node as usize ^ 1]));
            let mut place = start;
            while place < end && crown[place].0 > 1 {
                let (node, hash) = crown[place];
                let bit = level_of(node) - 1;
                let pair = crown[place..end].get(1).filter(|(next, _)| *next == node ^ 1).map(|(_, hash)| *hash);
                let sibling = pair.unwrap_or(siblings[place - start]);
                let parent = if node % 2 == 0 { join(bit, &hash, &sibling) } else { join(bit, &sibling, &hash) };
                crown.push((node / 2, parent));
                place += if pair.is_some() { 2 } else { 1 };
            }
            crown.extend_from_slice(core::mem::take(&mut upper));
            start = end;
            if start == crown.len() {
                return crown;
            }
        }
    }

    /// Splits pages, from the first keys on, until they are as small as they should be: a few in a block that opens
    /// accounts, never all at once. No hash changes. Pages that removals have emptied stay.
    fn grow(&mut self) {
        while self.leaves > LEAVES_A_PAGE * self.pages.len() && self.pages.len() < PAGES_MAX {
            reserve(&mut self.crown, 2);
            let node = self.pages.len() as u32;
            let page = self.pages.pop_front().expect("never empty");
            for half in page::split(&page, level_of(node)) {
                self.crown.push(page::root(&half));
                self.pages.push_back(half);
            }
        }
    }

    /// The node of the page that has the key or would have it.
    fn node_of(&self, key: &Hash) -> u32 {
        node_of(self.pages.len(), prefix_of(key))
    }

    fn page(&self, node: u32) -> &Page {
        &self.pages[node as usize - self.pages.len()]
    }

    fn page_mut(&mut self, node: u32) -> &mut Page {
        let first = self.pages.len();
        &mut self.pages[node as usize - first]
    }
}

impl TreePatch {
    fn add_values(&mut self, node: u32, page: &Page, draft: &Draft) {
        for (place, (before, after)) in (0..).zip(page.iter().zip(&draft.entries)) {
            if after.value != before.value {
                self.values.push(NewValue { node, place, value: after.value, leaf: after.leaf });
            }
            if after.branch != before.branch {
                self.branches.push(NewBranch { node, place, branch: after.branch });
            }
        }
    }
}

/// Growing by an eighth, not by doubling, keeps memory near what is used.
fn reserve(crown: &mut Vec<Hash>, more: usize) {
    if crown.capacity() - crown.len() < more {
        crown.reserve_exact(more.max(crown.len() / 8));
    }
}

/// In a crown over so many pages, the node of the page for keys that begin so.
fn node_of(pages: usize, prefix: u32) -> u32 {
    let nodes = 2 * pages as u64;
    let node = (1 << 32 | u64::from(prefix)) >> (32 - (nodes - 1).ilog2());
    (if node < nodes { node } else { node / 2 }) as u32
}

/// How many bits of a key lead to the node; so the first bit that its own keys may part at.
fn level_of(node: u32) -> u8 {
    node.ilog2() as u8
}

fn prefix_of(key: &Hash) -> u32 {
    u32::from_be_bytes(key.0[..4].try_into().expect("four bytes"))
}

fn side_of(key: &Hash, bit: u8) -> usize {
    usize::from(key.0[usize::from(bit / 8)] >> (7 - bit % 8) & 1)
}

/// Eight bytes tell almost all keys apart.
fn order(a: &Hash, b: &Hash) -> Ordering {
    let word = |key: &Hash| u64::from_be_bytes(*key.0.first_chunk().expect("eight bytes"));
    word(a).cmp(&word(b)).then_with(|| a.cmp(b))
}

/// None if they are equal.
fn first_difference(a: &Hash, b: &Hash) -> Option<u8> {
    let words = a.0.as_chunks().0.iter().zip(b.0.as_chunks().0);
    let differences = words.map(|(a, b)| u64::from_be_bytes(*a) ^ u64::from_be_bytes(*b));
    let (word, difference) = (0u8..).zip(differences).find(|(_, difference)| *difference != 0)?;
    Some(64 * word + difference.leading_zeros() as u8)
}

/// On average; 2 to 8 where keys are spread evenly. With smaller pages the crown grows (32 bytes more a key at 2), with
/// larger ones what is read for a change (a tenth more time at 12).
const LEAVES_A_PAGE: usize = 4;

/// Nodes have numbers of 32 bits. Past this (eight thousand million accounts) pages just get longer.
const PAGES_MAX: usize = 1 << 31;

/// About 80 kB of pages: they are still in a core's own cache when their turn comes.
const EDITS_FETCHED: usize = 128;

#[cfg(test)]
mod tests;
