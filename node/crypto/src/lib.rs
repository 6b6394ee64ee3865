//! Verification of signatures, and nothing else: no secret, no socket, no clock, no randomness of its own.
//!
//! This crate alone puts the mark `Verified` on a value. Given the same input it gives the same answer on every
//! machine: the blinding of batches is derived from the batch itself (`blinding`).

mod blinding;
pub mod bls;
mod certificate;
mod ed25519;
mod finality;
mod genesis;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod test_keys;
mod transactions;
mod votes;

pub use certificate::{
    CertificateError, EvidenceError, certificate_from_votes, extend_certificate, verify_certificate, verify_evidence,
};
pub use ed25519::{is_usable_key, verify_signature};
pub use finality::{
    Anchor, AnchorError, ChangeError, CommitError, Final, FinalityError, GenesisAnchor, HeaderError, verify_finality,
};
pub use genesis::{CheckGenesisError, check_genesis, check_possession};
pub use transactions::{CheckError, check_transaction, check_transactions};
pub use votes::{
    InvalidValidatorKey, SortedVotes, ValidatorKeys, VerifyVoteError, attest_own_vote, verify_vote, verify_votes,
};
