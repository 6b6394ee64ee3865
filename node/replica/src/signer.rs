//! The consensus key as the replica sees it: a promise never to sign twice. `validator` implements it over a key file;
//! a follower has none.

use concordat_types::{BlockId, BlsPublicKey, BlsSignature, Height, NetworkId, Vote};

pub trait Signer: Send {
    fn public_key(&self) -> BlsPublicKey;

    /// Checks the votes and appends them to the sign record. Nothing is durable yet. A refusal concerns its vote alone; a
    /// `SignerError` ends the process.
    fn prepare(&mut self, votes: &[Vote]) -> Result<Vec<Result<(), SignRefused>>, SignerError>;

    /// Starts making what was prepared durable; the log syncs meanwhile.
    fn begin_sync(&mut self) -> Result<(), SignerError>;

    /// Returns once everything prepared before `begin_sync` is durable.
    fn end_sync(&mut self) -> Result<(), SignerError>;

    /// Only for votes that were prepared, and only after `end_sync`.
    fn sign(&mut self, vote: &Vote) -> Result<BlsSignature, SignerError>;

    /// A candidate's word that it has a block. It is no vote, and begins with another tag than votes do: nothing to record.
    fn sign_caught_up(
        &mut self,
        network: &NetworkId,
        height: Height,
        block: &BlockId,
    ) -> Result<BlsSignature, SignerError>;

    /// The votes on record of the newest height that it has any of, in order. They remember what the log may have lost:
    /// a precommit among them is a lock.
    fn recent(&self) -> Vec<Vote>;
}

/// Why this key does not sign this vote.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SignRefused {
    #[error("another vote is on record for height {}, round {}", recorded.height, recorded.round)]
    Conflict { recorded: Vote },
    #[error("a later vote is on record: height {}, round {}", recorded.height, recorded.round)]
    Lower { recorded: Vote },
    #[error("the vote is not well formed")]
    Malformed,
    #[error("the key has no sign record that can be trusted")]
    NoTrustedRecord,
}

/// The record or the key failed. Never retried: what became durable is not known any more.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SignerError {
    #[error("the sign record cannot be written: {0}")]
    Disk(String),
    #[error("sign record: {0}")]
    Broken(String),
}
