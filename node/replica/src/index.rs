//! What statements and references are found by: follows from the committed blocks, trails them, and is made anew where it
//! is lost. Layout: docs/storage.md; why it is one: docs/adr/0010-index-beside-the-store.md.
//!
//! It takes in what the ledger did and must not judge it. Nothing of it is input to a decision of the chain.

mod build;
mod read;

pub use build::{IndexError, Indexer};
pub use read::{Cut, Entry, Found, Page, Position, Search, balance, entries, find};

use crate::{
    query,
    store::{Reader, StoreError, Table},
};
use borsh::{BorshDeserialize, BorshSerialize};
use concordat_types::{AccountId, Amount, BlockId, Height, MemberId, Reference, Tag, encode};

/// How far an index reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct IndexTip {
    pub height: Height,
    pub block: BlockId,
}

/// What was booked on an account from the first block on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Counters {
    pub debits_posted: Amount,
    pub credits_posted: Amount,
}

impl Counters {
    /// None: more than a counter can hold, which the ledger never books.
    fn checked_add(self, other: Counters) -> Option<Counters> {
        Some(Counters {
            debits_posted: self.debits_posted.checked_add(other.debits_posted)?,
            credits_posted: self.credits_posted.checked_add(other.credits_posted)?,
        })
    }
}

/// Of an account and a block that booked on it. A payment file of one account costs one row for it.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
struct AccountRow {
    /// After the block.
    after: Counters,
    /// In order.
    runs: Vec<Run>,
}

/// Bookings on an account that follow each other among those of a transaction (`concordat_ledger::bookings`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
struct Run {
    /// Or `EVENTS`.
    tx_index: u32,
    first: u32,
    count: u32,
}

impl Run {
    /// Stands for the block's events: `first` is the event, `count` is 1.
    const EVENTS: u32 = u32::MAX;
}

/// An item that carries a reference itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
struct ReferencePlace {
    tx_index: u32,
    operation: u16,
    item: u32,
    /// `member_bit` of everybody who is party to it: members whose bit is missing are none.
    parties: u64,
}

pub fn tip(index: &(impl Reader + ?Sized)) -> Result<Option<IndexTip>, StoreError> {
    index.get(Table::IndexMeta, META_TIP)?.map(|row| query::parse(&row)).transpose()
}

/// A filter, not an order of rank: several members share a bit in a large network.
pub fn member_bit(member: &MemberId) -> u64 {
    1 << (Tag::RECORD.hash(&[b"index-party", &encode(member)]).0[0] % 64)
}

fn account_key(account: &AccountId, height: Height) -> [u8; 24] {
    let mut key = [0; 24];
    key[..16].copy_from_slice(&account.0);
    key[16..].copy_from_slice(&query::height_key(height));
    key
}

/// The first eight bytes of the hash: whoever finds two references with the same ones only makes his own look-ups slower,
/// since what is found is compared.
fn reference_prefix(reference: &Reference) -> [u8; 8] {
    let hash = Tag::RECORD.hash(&[b"index-reference", reference.as_str().as_bytes()]);
    *hash.0.first_chunk().expect("32 bytes have 8")
}

fn reference_key(prefix: &[u8; 8], height: Height) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(prefix);
    key[8..].copy_from_slice(&query::height_key(height));
    key
}

/// The height in a key, if the key begins so.
fn height_in(key: &[u8], prefix: &[u8]) -> Option<Height> {
    let height = key.strip_prefix(prefix)?;
    Some(Height(u64::from_be_bytes(height.try_into().ok()?)))
}

const META_TIP: &[u8] = b"tip";
