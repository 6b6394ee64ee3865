//! What shows what became of an operation, a payment or an event to somebody who holds the results root of a final header.

use crate::{
    due::BlockEvent,
    results::{EventLeaf, ItemLeaf, ResultLeaf, TransactionResult, result_leaves},
};
use alloc::vec::Vec;
use concordat_types::{
    CheckedTransaction, Hash, Operation, Tag, Transaction, Transfer, decode, encode,
    merkle::{InclusionPath, leaf_hash},
};
use core::fmt;

/// A leaf of the results, what it is about, and the path to the root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receipt {
    pub subject: Subject,
    pub leaf: ResultLeaf,
    pub path: InclusionPath,
}

/// What was asked for, as canonical bytes: as little of the transaction as the leaf binds by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subject {
    /// A `Transfer`, alone or one of a batch.
    Transfer(Vec<u8>),
    /// Another `Operation` that has an id of its own.
    Operation(Vec<u8>),
    /// The `Transaction` of an operation that has none.
    Transaction(Vec<u8>),
    /// Nobody asked: the leaf itself says what happened.
    Event,
}

/// What a receipt shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Shown {
    Transfer(ItemLeaf, Transfer),
    Operation(ItemLeaf, Operation),
    /// The whole transaction, and its operation in question.
    OfTransaction(ItemLeaf, Transaction, Operation),
    Event(EventLeaf),
}

/// Where in its block something stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeafPlace {
    /// As in `ItemLeaf`.
    Item { tx_index: u32, operation: u16, item: u32 },
    /// As in `EventLeaf`.
    Event { index: u32 },
}

/// Which part of a receipt was altered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReceiptError {
    /// It leads to another root.
    Path,
    /// It is not the one that the path begins with.
    Leaf,
    /// It is not what the leaf is about.
    Subject,
}

impl fmt::Display for ReceiptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ReceiptError::Path => "the path does not lead to the results root of the header",
            ReceiptError::Leaf => "the leaf is not the one that the path begins with",
            ReceiptError::Subject => "what was asked for is not what the leaf is about",
        })
    }
}

impl core::error::Error for ReceiptError {}

impl Receipt {
    /// None if nothing stands in this place. Of a block as it was committed.
    pub fn of(
        transactions: &[CheckedTransaction],
        results: &[TransactionResult],
        events: &[BlockEvent],
        place: LeafPlace,
    ) -> Option<Receipt> {
        let leaves = result_leaves(transactions.iter(), results, events);
        let index = leaves.iter().position(|leaf| leaf.place() == place)?;
        let hashes: Vec<Hash> = leaves.iter().map(|leaf| leaf_hash(&encode(leaf))).collect();
        let path = InclusionPath::of(&hashes, index).expect("the index is of a leaf");
        let leaf = leaves.into_iter().nth(index).expect("the index is of a leaf");
        let subject = match &leaf {
            ResultLeaf::Event(_) => Subject::Event,
            ResultLeaf::Item(item) => subject_of(&transactions[item.tx_index as usize], item)?,
        };
        Some(Receipt { subject, leaf, path })
    }

    /// Judges the path first, then what stands at its lower end, so that the error names what was altered.
    pub fn verify(&self, results_root: Hash) -> Result<Shown, ReceiptError> {
        if self.path.siblings.len() > InclusionPath::SIBLINGS_MAX || self.path.root() != results_root {
            return Err(ReceiptError::Path);
        }
        if leaf_hash(&encode(&self.leaf)) != self.path.leaf {
            return Err(ReceiptError::Leaf);
        }
        match (&self.leaf, &self.subject) {
            (ResultLeaf::Event(event), Subject::Event) => Some(Shown::Event(*event)),
            (ResultLeaf::Item(item), subject) => shown(item, subject),
            (ResultLeaf::Event(_), _) => None,
        }
        .ok_or(ReceiptError::Subject)
    }
}

/// None where the bytes are not what the leaf binds.
fn shown(leaf: &ItemLeaf, subject: &Subject) -> Option<Shown> {
    match subject {
        Subject::Transfer(bytes) if Tag::TRANSFER.hash(&[bytes]) == leaf.body => {
            let transfer: Transfer = decode(bytes, bytes.len()).ok()?;
            (transfer.id == leaf.id).then_some(Shown::Transfer(leaf.clone(), transfer))
        }
        Subject::Operation(bytes) if Tag::TRANSFER.hash(&[bytes]) == leaf.body => {
            let operation: Operation = decode(bytes, bytes.len()).ok()?;
            (operation.id() == Some(leaf.id)).then_some(Shown::Operation(leaf.clone(), operation))
        }
        Subject::Transaction(bytes) => {
            // The body is the transaction itself only where the operation has no id of its own.
            let hash = Transaction::hash_of(bytes);
            if hash != leaf.transaction || hash.0 != leaf.body || leaf.item != 0 {
                return None;
            }
            let transaction: Transaction = decode(bytes, bytes.len()).ok()?;
            let operation = transaction.operations.get(usize::from(leaf.operation))?.clone();
            Some(Shown::OfTransaction(leaf.clone(), transaction, operation))
        }
        _ => None,
    }
}

fn subject_of(checked: &CheckedTransaction, leaf: &ItemLeaf) -> Option<Subject> {
    let operation = checked.transaction.operations.get(usize::from(leaf.operation))?;
    Some(match (operation, leaf.item.checked_sub(1)) {
        (Operation::Batch { transfers, .. }, Some(transfer)) => {
            Subject::Transfer(encode(transfers.get(transfer as usize)?))
        }
        (Operation::Transfer(transfer), _) => Subject::Transfer(encode(transfer)),
        (operation, _) if operation.id().is_some() => Subject::Operation(encode(operation)),
        _ => Subject::Transaction(checked.signed.bytes.clone()),
    })
}

impl ResultLeaf {
    pub fn place(&self) -> LeafPlace {
        match *self {
            ResultLeaf::Item(ItemLeaf { tx_index, operation, item, .. }) => {
                LeafPlace::Item { tx_index, operation, item }
            }
            ResultLeaf::Event(EventLeaf { index, .. }) => LeafPlace::Event { index },
        }
    }
}

#[cfg(test)]
mod tests;
