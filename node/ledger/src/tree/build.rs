//! A tree from all its leaves at once. The work can be shared by prefix of the key hash among threads, of which this
//! crate knows nothing.

use super::{
    LEAVES_A_PAGE, PAGES_MAX, StateTree,
    hash::{Hasher, join},
    level_of, node_of, order,
    page::{Draft, Entry, Page},
    prefix_of,
};
use crate::state::{StateKey, StateValue};
use alloc::{boxed::Box, collections::VecDeque, vec, vec::Vec};
use concordat_types::Hash;

/// Leaves on their way into a tree, 64 bytes each.
#[derive(Debug)]
pub struct TreeBuilder {
    /// By first byte of the key hash. A share is freed when it has been built: leaves and tree are never in memory
    /// twice.
    shares: Vec<Vec<Leaf>>,
    hasher: Hasher,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Leaf {
    pub key: Hash,
    pub value: Hash,
}

/// Leaves of neighbouring keys, from which pages can be made without the others.
#[derive(Debug)]
pub struct TreeShare {
    /// Keys that begin with 32 bits from here up to, not including, there.
    prefixes: core::ops::Range<u64>,
    /// In the whole tree.
    pages: usize,
    leaves: Vec<Leaf>,
}

/// The pages of a share and their hashes.
#[derive(Debug)]
pub struct BuiltShare {
    prefixes: core::ops::Range<u64>,
    pages: Vec<(Page, Hash)>,
}

impl Default for TreeBuilder {
    fn default() -> Self {
        TreeBuilder { shares: vec![Vec::new(); SHARES], hasher: Hasher::default() }
    }
}

impl TreeBuilder {
    pub fn new() -> Self {
        TreeBuilder::default()
    }

    /// In any order. Of a key that comes twice the last value counts.
    pub fn add(&mut self, key: &StateKey, value: &StateValue) {
        let leaf = Leaf { key: self.hasher.key(key), value: self.hasher.value(value) };
        self.push(leaf);
    }

    /// The same, of canonical bytes that the caller has checked for being so.
    pub fn add_bytes(&mut self, key: &[u8], value: &[u8]) {
        let leaf = Leaf { key: self.hasher.key_bytes(key), value: self.hasher.value_bytes(value) };
        self.push(leaf);
    }

    pub fn finish(self) -> StateTree {
        let shares = self.into_shares();
        StateTree::from_shares(shares.into_iter().map(TreeShare::build).collect())
    }

    /// For `StateTree::from_shares`, when each has been built; a small tree is one share.
    pub fn into_shares(self) -> Vec<TreeShare> {
        let leaves: usize = self.shares.iter().map(Vec::len).sum();
        let pages = leaves.div_ceil(LEAVES_A_PAGE).clamp(1, PAGES_MAX);
        if pages < SHARES {
            return vec![TreeShare { prefixes: 0..1 << 32, pages, leaves: self.shares.concat() }];
        }
        let share = |(number, leaves): (u64, Vec<Leaf>)| TreeShare {
            prefixes: number << PREFIX_BITS..(number + 1) << PREFIX_BITS,
            pages,
            leaves,
        };
        (0..).zip(self.shares).map(share).collect()
    }

    pub(super) fn push(&mut self, leaf: Leaf) {
        self.shares[usize::from(leaf.key.0[0])].push(leaf);
    }
}

impl TreeShare {
    pub fn build(mut self) -> BuiltShare {
        // Stable, so that what came last stands last.
        self.leaves.sort_by(|a, b| order(&a.key, &b.key));
        self.leaves.dedup_by(|later, earlier| {
            let same = later.key == earlier.key;
            if same {
                *earlier = *later;
            }
            same
        });
        let (mut draft, mut pages, mut rest) = (Draft::default(), Vec::new(), &self.leaves[..]);
        let mut from = self.prefixes.start;
        while from < self.prefixes.end {
            let node = node_of(self.pages, from as u32);
            from += 1 << (32 - u32::from(level_of(node)));
            let (of_page, later) = rest.split_at(rest.partition_point(|leaf| u64::from(prefix_of(&leaf.key)) < from));
            draft.fill(of_page.iter().map(|leaf| Entry::new(leaf.key, leaf.value)));
            let root = draft.rehash();
            pages.push((Box::from(&draft.entries[..]), root));
            rest = later;
        }
        BuiltShare { prefixes: self.prefixes, pages }
    }
}

impl StateTree {
    /// Of all shares of one builder, in their order.
    pub fn from_shares(shares: Vec<BuiltShare>) -> StateTree {
        let count: usize = shares.iter().map(|share| share.pages.len()).sum();
        let mut next = 0;
        let mut crown = vec![Hash::ZERO; 2 * count];
        let mut pages = VecDeque::with_capacity(count);
        for share in shares {
            assert!(share.prefixes.start == next, "shares come whole and in order");
            next = share.prefixes.end;
            let mut from = share.prefixes.start;
            for (page, root) in share.pages {
                let node = node_of(count, from as u32);
                from += 1 << (32 - u32::from(level_of(node)));
                crown[node as usize] = root;
                pages.push_back(page);
            }
        }
        assert!(next == 1 << 32, "shares come whole and in order");
        // In order of keys the pages of the lower level stand first, in order of nodes last.
        let lowest = 1 << (2 * count - 1).ilog2();
        pages.rotate_left(2 * count - lowest);
        for node in (1..count).rev() {
            crown[node] = join(level_of(node as u32), &crown[2 * node], &crown[2 * node + 1]);
        }
        let leaves = pages.iter().map(|page: &Page| page.len()).sum();
        StateTree { crown, pages, leaves, generation: 0 }
    }
}

/// One for each first byte of a key hash: enough for any number of cores, and small beside the tree.
const SHARES: usize = 256;
const PREFIX_BITS: u32 = 24;
