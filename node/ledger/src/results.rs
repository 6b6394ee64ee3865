//! Results, and the root that a header holds over them.

use crate::items::{Item, items_of};
use alloc::{sync::Arc, vec::Vec};
use borsh::{BorshDeserialize, BorshSerialize};
use concordat_types::{CheckedTransaction, Hash, ResultCode, TransactionHash, Uuid, Verified, merkle::MerkleRoot};

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

/// A leaf of the results root (RFC 6962). Leaves stand in order of (tx_index, operation, item). The canonical bytes
/// are borsh: the fields below in their order, integers little-endian, the code as two bytes, the flag as one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct ResultLeaf {
    /// The transaction's place in the block, from 0.
    pub tx_index: u32,
    /// The operation's place in the transaction, from 0.
    pub operation: u16,
    /// 0 is the operation itself, i + 1 the i-th transfer of a batch.
    pub item: u32,
    pub transaction: TransactionHash,
    /// Of the transfer or issue; the transaction's for operations without an id of their own.
    pub id: Uuid,
    /// SHA-256(Tag::TRANSFER, canonical bytes) of the transfer or, for an issue, of the operation; the transaction's
    /// hash for operations without an id of their own.
    pub body: Hash,
    pub code: ResultCode,
    /// The id was booked before; `code` is the first result and this block did nothing.
    pub repeat: bool,
}

/// The leaves of a block, in order; what receipts are proved against.
pub fn result_leaves(
    transactions: &[Arc<Verified<CheckedTransaction>>],
    results: &[TransactionResult],
) -> Vec<ResultLeaf> {
    let mut leaves = Vec::new();
    let mut items = Vec::new();
    for (tx_index, (checked, result)) in transactions.iter().zip(results).enumerate() {
        items_of(checked, &mut items);
        for item in &items {
            let operation = &result.operations[usize::from(item.operation)];
            let code = operation.code_of(item.item);
            let repeat = result.repeat || operation.repeats.binary_search(&item.item).is_ok();
            leaves.push(leaf(tx_index as u32, checked, item, code, repeat));
        }
    }
    leaves
}

pub fn results_root(leaves: &[ResultLeaf]) -> Hash {
    let mut root = ResultsRoot::default();
    leaves.iter().for_each(|leaf| root.push(leaf));
    root.finish()
}

pub(crate) fn leaf(
    tx_index: u32,
    checked: &CheckedTransaction,
    item: &Item,
    code: ResultCode,
    repeat: bool,
) -> ResultLeaf {
    let Item { operation, item: number, id, body, .. } = *item;
    ResultLeaf { tx_index, operation, item: number, transaction: checked.hash, id, body, code, repeat }
}

/// Collects leaves without an allocation each.
#[derive(Debug, Default)]
pub(crate) struct ResultsRoot {
    root: MerkleRoot,
    buffer: Vec<u8>,
}

impl ResultsRoot {
    pub(crate) fn push(&mut self, leaf: &ResultLeaf) {
        self.buffer.clear();
        leaf.serialize(&mut self.buffer).expect("writing to a vector cannot fail");
        self.root.push(&self.buffer);
    }

    pub(crate) fn finish(self) -> Hash {
        self.root.finish()
    }
}
