//! The mark of a checked signature. Only `crypto` puts it on (the tidy test looks for the constructor's name
//! elsewhere); consensus, ledger and replica accept nothing without it.

use crate::{Ed25519PublicKey, SignedTransaction, Transaction, TransactionHash};
use core::ops::Deref;

/// A value whose signature, or signatures, were found good against the keys it was to be checked with.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Verified<T>(T);

impl<T> Verified<T> {
    /// For `crypto`, after it has verified.
    pub fn attest_verified(value: T) -> Self {
        Verified(value)
    }

    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// A transaction whose form is right and whose signatures belong to the keys they name. Whether the keys have the
/// right is for the ledger to say, at the block that holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckedTransaction {
    pub signed: SignedTransaction,
    pub transaction: Transaction,
    pub hash: TransactionHash,
}

impl CheckedTransaction {
    pub fn signers(&self) -> &[Ed25519PublicKey] {
        &self.transaction.signers
    }
}
