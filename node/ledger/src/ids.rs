//! What is remembered of an id for as long as it may come again.

use crate::results::OperationResult;
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use concordat_types::{Hash, Height, MemberId, ResultCode, Uuid};

/// Transactions and transfers have their ids apart: a single payment may carry one id for both.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum IdKind {
    Transaction = 0,
    Transfer = 1,
}

/// An id as its submitter used it. The id stands first: its bytes begin with its time, so records lie in order of
/// time in a table keyed by the canonical encoding, and old ones are removed by range.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
pub struct IdKey {
    pub id: Uuid,
    pub kind: IdKind,
    pub submitter: MemberId,
}

/// First 16 bytes of a body's hash. Enough here: to find a second body for an id that is already recorded takes 2^128
/// tries, and whoever prepares two bodies of one digest (2^64) only cheats himself out of his second payment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
pub struct BodyDigest(pub [u8; 16]);

impl From<Hash> for BodyDigest {
    fn from(hash: Hash) -> Self {
        let mut digest = [0; 16];
        digest.copy_from_slice(&hash.0[..16]);
        BodyDigest(digest)
    }
}

/// The first result of an id, and where in the chain it stands.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum IdRecord {
    /// Of the transaction's body (its `TransactionHash`). All its results stand here, so that a repeat is answered
    /// alike even when ids inside it have left the window.
    Transaction { body: BodyDigest, height: Height, tx_index: u32, results: Vec<OperationResult> } = 0,
    /// Of a transfer or an issue. `operation` and `item` as in `ResultLeaf`.
    Transfer { body: BodyDigest, code: ResultCode, height: Height, tx_index: u32, operation: u16, item: u32 } = 1,
}

impl IdRecord {
    pub fn body(&self) -> BodyDigest {
        match self {
            IdRecord::Transaction { body, .. } | IdRecord::Transfer { body, .. } => *body,
        }
    }

    pub fn height(&self) -> Height {
        match self {
            IdRecord::Transaction { height, .. } | IdRecord::Transfer { height, .. } => *height,
        }
    }
}
