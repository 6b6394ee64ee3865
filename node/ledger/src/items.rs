//! The parts of a transaction that have a result each.

use crate::ids::BodyDigest;
use alloc::vec::Vec;
use borsh::BorshSerialize;
use concordat_types::{CheckedTransaction, Hash, Operation, ResultCode, Tag, Transfer, Uuid};
use sha2::Digest;

/// An operation or one transfer of a batch, and what became of it. Those before a refusal are judged in order; those
/// after it are not looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub operation: u16,
    /// 0 the operation, i + 1 the i-th transfer of a batch.
    pub item: u32,
    pub id: Uuid,
    pub body: Hash,
    /// The id is the item's own, to be remembered.
    pub has_id: bool,
    pub outcome: Outcome,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    NotReached,
    /// Done or refused now.
    New(ResultCode),
    /// Booked before; the first result.
    Repeat(ResultCode),
}

impl Item {
    pub(crate) fn digest(&self) -> BodyDigest {
        self.body.into()
    }

    pub(crate) fn code(&self) -> ResultCode {
        match self.outcome {
            Outcome::NotReached => ResultCode::BatchAborted,
            Outcome::New(code) | Outcome::Repeat(code) => code,
        }
    }

    pub(crate) fn is_repeat(&self) -> bool {
        matches!(self.outcome, Outcome::Repeat(_))
    }
}

/// Lists a transaction's items in order, none of them judged.
pub(crate) fn items_of(checked: &CheckedTransaction, items: &mut Vec<Item>) {
    items.clear();
    let mut buffer = Vec::with_capacity(256);
    for (index, operation) in checked.transaction.operations.iter().enumerate() {
        let number = index as u16;
        let new =
            |item, id, body, has_id| Item { operation: number, item, id, body, has_id, outcome: Outcome::NotReached };
        let own = (checked.transaction.id, checked.hash.0);
        match (operation, operation.id()) {
            (Operation::Transfer(transfer), _) => {
                items.push(new(0, transfer.id, body_of(transfer, &mut buffer), true));
            }
            // These begin with their own number, a transfer with its id: they share a digest only if they share an id of
            // sixteen bytes of that number, which is not of version 7.
            (_, Some(id)) => items.push(new(0, id, body_of(operation, &mut buffer), true)),
            (_, None) => items.push(new(0, own.0, own.1, false)),
        }
        if let Operation::Batch { transfers, .. } = operation {
            let item_of =
                |(item, transfer): (u32, &Transfer)| new(item, transfer.id, body_of(transfer, &mut buffer), true);
            items.extend((1..).zip(transfers).map(item_of));
        }
    }
}

fn body_of<T: BorshSerialize>(value: &T, buffer: &mut Vec<u8>) -> Hash {
    buffer.clear();
    value.serialize(buffer).expect("writing to a vector cannot fail");
    Hash(Tag::TRANSFER.hasher().chain_update(buffer).finalize().into())
}
