//! A page: neighbouring leaves in one allocation, with the hashes of the branches between them.
//!
//! Of leaves in order of keys, two neighbours part at one branch, and each branch parts one pair of neighbours: the last
//! key on its left and the first on its right. So the branch stands with the leaf on its right, and its bit tells its
//! height: below a branch all bits are later. What a page holds is thereby a list; no node names another.

use super::{
    first_difference,
    hash::{leaf_hash, node_hash},
    order, side_of,
};
use alloc::{boxed::Box, vec::Vec};
use concordat_types::Hash;

/// In strictly ascending order of keys.
pub(super) type Page = Box<[Entry]>;

/// A leaf, and the branch at which it parts from the leaf before it. 128 bytes: two lines of a cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Entry {
    pub key: Hash,
    pub value: Hash,
    /// Of key and value. It is kept so that hashing a path does not hash the neighbours' leaves.
    pub leaf: Hash,
    /// Of the branch; means nothing in the first entry of a page.
    pub branch: Hash,
}

/// What is to become of one key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edit {
    pub key: Hash,
    /// None removes.
    pub value: Option<Hash>,
}

impl Entry {
    pub(super) fn new(key: Hash, value: Hash) -> Entry {
        Entry { key, value, leaf: leaf_hash(&key, &value), branch: Hash::ZERO }
    }
}

/// The first bit in which the key at a place, not the first, differs from the one before it.
pub(super) fn bit_of(entries: &[Entry], place: usize) -> u8 {
    first_difference(&entries[place - 1].key, &entries[place].key).expect("keys ascend strictly")
}

/// The branch at which keys of these entries part first: its place, or None below two.
pub(super) fn top(entries: &[Entry]) -> Option<usize> {
    (1..entries.len()).min_by_key(|place| bit_of(entries, *place))
}

/// Of the subtree that these entries are; zero if there are none.
pub(super) fn root(entries: &[Entry]) -> Hash {
    match (top(entries), entries.first()) {
        (Some(top), _) => entries[top].branch,
        (None, Some(only)) => only.leaf,
        (None, None) => Hash::ZERO,
    }
}

/// Entries with 0 and with 1 at a bit that is not after any at which they part.
pub(super) fn split(page: &[Entry], bit: u8) -> [Page; 2] {
    let middle = page.partition_point(|entry| side_of(&entry.key, bit) == 0);
    [Box::from(&page[..middle]), Box::from(&page[middle..])]
}

/// A page in the making. Kept from page to page for its memory.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub entries: Vec<Entry>,
    /// The leaf is new or changed, or another beside it is gone.
    touched: Vec<bool>,
    open: Vec<Open>,
}

/// What edits did to a page.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Change {
    Nothing,
    /// Only of values.
    Values,
    /// Entries came or went.
    Entries,
}

/// A branch whose right side is not complete yet.
#[derive(Clone, Copy, Debug)]
struct Open {
    place: usize,
    bit: u8,
    left: Hash,
    left_touched: bool,
}

impl Draft {
    /// Takes the entries of a page with the edits made. Both are in order of keys. Hashes of branches still are the page's.
    pub(super) fn merge(&mut self, page: &[Entry], edits: &[Edit]) -> Change {
        self.entries.clear();
        self.touched.clear();
        let (mut rest, mut change, mut beside_gone) = (page, Change::Nothing, false);
        for edit in edits {
            let (before, after) = rest.split_at(rest.partition_point(|entry| order(&entry.key, &edit.key).is_lt()));
            self.take(before, &mut beside_gone);
            let found = after.first().filter(|entry| entry.key == edit.key);
            rest = &after[usize::from(found.is_some())..];
            match (found, edit.value) {
                (Some(entry), Some(value)) if entry.value == value => {
                    self.take(core::slice::from_ref(entry), &mut beside_gone);
                }
                (Some(entry), Some(value)) => {
                    self.put(Entry { branch: entry.branch, ..Entry::new(edit.key, value) });
                    (change, beside_gone) = (change.max(Change::Values), false);
                }
                (None, Some(value)) => {
                    self.put(Entry::new(edit.key, value));
                    (change, beside_gone) = (Change::Entries, false);
                }
                (Some(_), None) => {
                    // A branch that held the leaf holds one of its neighbours too, whichever of them is left.
                    if let Some(before) = self.touched.last_mut() {
                        *before = true;
                    }
                    (change, beside_gone) = (Change::Entries, true);
                }
                (None, None) => {}
            }
        }
        self.take(rest, &mut beside_gone);
        change
    }

    /// Takes new leaves in order of keys.
    pub(super) fn fill(&mut self, leaves: impl Iterator<Item = Entry>) {
        self.entries.clear();
        self.entries.extend(leaves);
        self.touched.clear();
        self.touched.resize(self.entries.len(), true);
    }

    /// Hashes each branch above what was touched once. The root.
    pub(super) fn rehash(&mut self) -> Hash {
        let Some(first) = self.entries.first() else { return Hash::ZERO };
        let (mut below, mut touched) = (first.leaf, self.touched[0]);
        for place in 1..self.entries.len() {
            let bit = bit_of(&self.entries, place);
            while let Some(open) = self.open.pop_if(|open| open.bit > bit) {
                (below, touched) = self.close(open, below, touched);
            }
            self.open.push(Open { place, bit, left: below, left_touched: touched });
            (below, touched) = (self.entries[place].leaf, self.touched[place]);
        }
        while let Some(open) = self.open.pop() {
            (below, touched) = self.close(open, below, touched);
        }
        below
    }

    /// Both sides are complete. The branch's hash, and whether it is new.
    fn close(&mut self, open: Open, right: Hash, right_touched: bool) -> (Hash, bool) {
        let branch = &mut self.entries[open.place].branch;
        let touched = open.left_touched || right_touched;
        if touched {
            *branch = node_hash(open.bit, &open.left, &right);
        }
        (*branch, touched)
    }

    /// Entries as they are; the first may stand beside one that is gone.
    fn take(&mut self, entries: &[Entry], beside_gone: &mut bool) {
        if entries.is_empty() {
            return;
        }
        self.touched.push(core::mem::take(beside_gone));
        self.entries.extend_from_slice(entries);
        self.touched.resize(self.entries.len(), false);
    }

    fn put(&mut self, entry: Entry) {
        self.entries.push(entry);
        self.touched.push(true);
    }
}
