//! Results, and the root that a header holds over them.

use crate::{
    due::BlockEvent,
    items::{Item, items_of},
};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use concordat_types::{
    AccountId, Amount, CheckedTransaction, Hash, ResultCode, TransactionHash, Uuid, merkle::MerkleRoot,
};

/// What became of one operation.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct OperationResult {
    /// Of a batch in mode `each`: ok when its form was right. In mode `all`: of the first transfer that was refused.
    pub code: ResultCode,
    /// One for each transfer of a batch, else empty.
    pub transfers: Vec<ResultCode>,
    /// Ascending items (0 the operation itself, i + 1 the i-th transfer) whose id was booked before, with the same
    /// body, in this transaction or an earlier one: the code is that first result and nothing was done now.
    pub repeats: Vec<u32>,
    /// What was booked and cannot be read off the operation itself: of a redemption, a posted hold, a settled offer.
    pub bookings: Vec<Booking>,
}

/// An amount debited to one account and credited to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Booking {
    pub debit_account: AccountId,
    pub credit_account: AccountId,
    pub amount: Amount,
}

impl OperationResult {
    /// Of item 0, the operation itself, or i + 1, the i-th transfer of a batch.
    pub fn code_of(&self, item: u32) -> ResultCode {
        match item.checked_sub(1) {
            None => self.code,
            Some(transfer) => self.transfers[transfer as usize],
        }
    }
}

/// What became of a transaction.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct TransactionResult {
    /// The very transaction was executed before: these are its first results and nothing was done now.
    pub repeat: bool,
    pub operations: Vec<OperationResult>,
}

/// A leaf of the results root (RFC 6962). Leaves stand in the order of what happened: events of the block, then items of
/// transactions in order of (tx_index, operation, item).
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum ResultLeaf {
    Item(ItemLeaf) = 0,
    Event(EventLeaf) = 1,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct EventLeaf {
    /// The event's place in the block, from 0.
    pub index: u32,
    pub event: BlockEvent,
}

/// What became of an operation, or of one transfer of a batch.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct ItemLeaf {
    /// The transaction's place in the block, from 0.
    pub tx_index: u32,
    /// The operation's place in the transaction, from 0.
    pub operation: u16,
    /// 0 is the operation itself, i + 1 the i-th transfer of a batch.
    pub item: u32,
    pub transaction: TransactionHash,
    /// The item's own id, if it has one (transfer, issue, redemption, hold, post, offer), else the transaction's.
    pub id: Uuid,
    /// SHA-256(Tag::TRANSFER, canonical bytes) of the transfer, or of another operation with an id of its own; the
    /// transaction's hash for those without.
    pub body: Hash,
    pub code: ResultCode,
    /// The id was booked before; `code` is the first result and this block did nothing.
    pub repeat: bool,
    /// Of the operation itself, as in its `OperationResult`: a receipt says what was settled without what it was settled by.
    pub bookings: Vec<Booking>,
}

/// The leaves of a block, in order; what receipts are proved against.
pub fn result_leaves<'a>(
    transactions: impl Iterator<Item = &'a CheckedTransaction>,
    results: &[TransactionResult],
    events: &[BlockEvent],
) -> Vec<ResultLeaf> {
    let mut leaves: Vec<ResultLeaf> = event_leaves(events).collect();
    let mut items = Vec::new();
    for (tx_index, (checked, result)) in (0..).zip(transactions.zip(results)) {
        items_of(checked, &mut items);
        leaves.extend(item_leaves(tx_index, checked, &items, result));
    }
    leaves
}

pub fn results_root(leaves: &[ResultLeaf]) -> Hash {
    let mut root = ResultsRoot::default();
    leaves.iter().for_each(|leaf| root.push(leaf));
    root.finish()
}

/// Of one transaction.
pub(crate) fn item_leaves<'a>(
    tx_index: u32,
    checked: &'a CheckedTransaction,
    items: &'a [Item],
    result: &'a TransactionResult,
) -> impl Iterator<Item = ResultLeaf> + 'a {
    items.iter().map(move |&Item { operation, item, id, body, .. }| {
        let of_operation = &result.operations[usize::from(operation)];
        let repeat = result.repeat || of_operation.repeats.binary_search(&item).is_ok();
        let bookings = if item == 0 && !repeat { of_operation.bookings.clone() } else { Vec::new() };
        let (code, transaction) = (of_operation.code_of(item), checked.hash);
        ResultLeaf::Item(ItemLeaf { tx_index, operation, item, transaction, id, body, code, repeat, bookings })
    })
}

fn event_leaves(events: &[BlockEvent]) -> impl Iterator<Item = ResultLeaf> {
    (0..).zip(events).map(|(index, event)| ResultLeaf::Event(EventLeaf { index, event: *event }))
}

/// Collects leaves without an allocation each.
#[derive(Debug, Default)]
pub(crate) struct ResultsRoot {
    root: MerkleRoot,
    buffer: Vec<u8>,
}

impl ResultsRoot {
    pub(crate) fn of_events(events: &[BlockEvent]) -> ResultsRoot {
        let mut root = ResultsRoot::default();
        event_leaves(events).for_each(|leaf| root.push(&leaf));
        root
    }

    pub(crate) fn push(&mut self, leaf: &ResultLeaf) {
        self.buffer.clear();
        leaf.serialize(&mut self.buffer).expect("writing to a vector cannot fail");
        self.root.push(&self.buffer);
    }

    pub(crate) fn finish(self) -> Hash {
        self.root.finish()
    }
}
