//! Blocks: a header that binds everything, and a body of batches.

use crate::{
    Certificate, DecodeError, Evidence, Hash, MemberId, NetworkId, SignedTransaction, Tag, decode, encode,
    merkle::MerkleRoot,
};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;
use serde::{Deserialize, Serialize};

/// A block's place in the chain, from 1. Genesis is height 0.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Height(pub u64);

impl Height {
    pub fn next(self) -> Height {
        Height(self.0 + 1)
    }

    pub fn previous(self) -> Option<Height> {
        self.0.checked_sub(1).map(Height)
    }
}

impl fmt::Display for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Height {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// SHA-256(tag, canonical header).
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct BlockId(pub Hash);

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Everything that a block's id binds. The round is not among it: a block proposed again keeps its id.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Header {
    /// Protocol version, 1.
    pub version: u16,
    pub network: NetworkId,
    pub height: Height,
    /// The first proposer's clock, later than the parent's time.
    pub time: Timestamp,
    pub parent: BlockId,
    /// RFC 6962 root over the digests of the body's batches, in order: who holds the header can tell a right body from a
    /// wrong one before it is whole.
    pub batches_root: Hash,
    /// RFC 6962 root over `SignedTransaction::leaf`, in order of execution.
    pub transactions_root: Hash,
    /// RFC 6962 root over the results: one leaf an operation, a payment of a file, an end-of-block event.
    pub results_root: Hash,
    /// Root of the state tree after this block.
    pub state_root: Hash,
    /// Hash of the validator set that decides this height, and of the one that decides the next.
    pub validators: Hash,
    pub next_validators: Hash,
    pub parameters: Hash,
    /// Hash of the parent's commit certificate in `Body`; zero at height 1.
    pub last_certificate: Hash,
    /// Hash of the participation record in `Body`; zero up to height 10.
    pub participation: Hash,
    /// RFC 6962 root over the evidence in `Body`.
    pub evidence_root: Hash,
    /// Who built the block. Another may propose it again.
    pub proposer: MemberId,
}

impl Header {
    pub const VERSION: u16 = 1;

    pub fn id(&self) -> BlockId {
        BlockId(Tag::BLOCK_ID.hash(&[&encode(self)]))
    }
}

/// SHA-256(tag, canonical batch).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
pub struct BatchDigest(pub Hash);

/// Transactions that travel together, ahead of the block that names them by digest.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Batch {
    pub transactions: Vec<SignedTransaction>,
}

impl Batch {
    pub fn digest_of(bytes: &[u8]) -> BatchDigest {
        BatchDigest(Tag::BATCH.hash(&[bytes]))
    }

    pub fn from_bytes(bytes: &[u8], bytes_max: usize) -> Result<Batch, DecodeError> {
        decode(bytes, bytes_max)
    }
}

/// How a proposal names a part of its body.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum BodyRef {
    /// A batch that a quorum has acknowledged.
    Digest(BatchDigest) = 0,
    /// The canonical bytes of a batch.
    Inline(Vec<u8>) = 1,
}

/// What stands in a block beside its header. `batches` are canonical bytes of `Batch`.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Body {
    pub batches: Vec<Vec<u8>>,
    pub last_certificate: Option<Certificate>,
    /// Of the block `PARTICIPATION_LAG` heights below: a commit certificate whose signers are all whose precommits the
    /// proposer holds, those that came after the decision too.
    pub participation: Option<Certificate>,
    pub evidence: Vec<Evidence>,
}

impl Body {
    pub const EVIDENCE_MAX: usize = 32;
    /// Heights that precommits have time to arrive in before a block says who sent one.
    pub const PARTICIPATION_LAG: u64 = 10;
}

/// What a header says of a commit certificate in the body; zero where there is none.
pub fn certificate_hash(certificate: Option<&Certificate>) -> Hash {
    certificate.map_or(Hash::ZERO, Certificate::hash)
}

pub fn evidence_root(evidence: &[Evidence]) -> Hash {
    evidence.iter().map(encode).collect::<MerkleRoot>().finish()
}

pub fn batches_root(digests: impl Iterator<Item = BatchDigest>) -> Hash {
    digests.map(|digest| digest.0.0).collect::<MerkleRoot>().finish()
}

pub fn transactions_root<'a>(transactions: impl Iterator<Item = &'a SignedTransaction>) -> Hash {
    transactions.map(|transaction| transaction.leaf().0).collect::<MerkleRoot>().finish()
}

#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Block {
    pub header: Header,
    pub body: Body,
}
