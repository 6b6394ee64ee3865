//! What nodes say to each other, and the rim that checks it.
//!
//! A message crosses the wire as the canonical encoding of `Message`. `Rim::check` decodes it under bounds and verifies
//! the client signatures inside; the replica takes nothing that has not passed it. Votes and certificates are verified
//! by the replica itself, lazily.

use borsh::{BorshDeserialize, BorshSerialize};
use concordat_types::{
    BatchDigest, Bitmap, Block, BlockId, BodyRef, Certificate, Evidence, Header, Height, Round, SignedVote,
};

/// A proposal, complete enough to build the block where the named batches are at hand.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Proposal {
    /// Of type Proposal; names the block and the valid round.
    pub signed: SignedVote,
    pub header: Header,
    pub body: Vec<BodyRef>,
    pub last_certificate: Option<Certificate>,
    pub participation: Option<Certificate>,
    pub evidence: Vec<Evidence>,
    /// The polka that a proposal made again rests on.
    pub polka: Option<Certificate>,
}

/// What the sender holds of a height, so that the receiver can send what is missing.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct HeldVotes {
    pub round: Round,
    pub proposal: bool,
    pub prevotes: Bitmap,
    pub precommits: Bitmap,
}

/// Where a node is. Sent on connection, at each new height and round, and while nothing moves.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct NodeStatus {
    /// Last committed height and its block.
    pub tip: Height,
    pub tip_block: BlockId,
    /// None: idle, before round 0.
    pub round: Option<Round>,
    /// This round and the last.
    pub held: Vec<HeldVotes>,
    /// The sender's clock, Unix ms, for the clock alarm only: it comes back in the answer, `Message::Clock`.
    pub clock_ms: u64,
}

/// A block with the certificate that makes it final.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct CertifiedBlock {
    pub block: Block,
    pub certificate: Certificate,
}

#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Message {
    Status(NodeStatus) = 1,
    /// Canonical bytes of a `Batch`.
    Batch(Vec<u8>) = 2,
    BatchAck(Vec<BatchDigest>) = 3,
    BatchRequest(Vec<BatchDigest>) = 4,
    Proposal(Box<Proposal>) = 5,
    Vote(SignedVote) = 6,
    Certificate(Certificate) = 7,
    /// What justifies a round above 0.
    RoundCertificate {
        votes: Vec<SignedVote>,
        certificates: Vec<Certificate>,
    } = 8,
    /// Who has the proposal of this block? Answered with `Proposal`, or `Blocks` where it is committed.
    ProposalRequest {
        height: Height,
        block: BlockId,
    } = 9,
    BlockRequest {
        from: Height,
        count: u16,
    } = 10,
    Blocks(Vec<CertifiedBlock>) = 11,
    /// Answers a status: its `clock_ms`, and the answerer's clock, Unix ms.
    Clock {
        left_ms: u64,
        answered_ms: u64,
    } = 12,
}

/// Which queue of a connection a message takes: votes overtake batches, batches overtake sync.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Priority {
    Consensus,
    Batch,
    Sync,
}

impl Message {
    /// A proposal or a run of synced blocks with everything around it.
    pub const BYTES_MAX: usize = (16 << 20) + (1 << 20);

    pub fn priority(&self) -> Priority {
        match self {
            Message::Status(_)
            | Message::Clock { .. }
            | Message::Proposal(_)
            | Message::Vote(_)
            | Message::Certificate(_)
            | Message::RoundCertificate { .. }
            | Message::ProposalRequest { .. }
            | Message::BatchAck(_)
            | Message::BatchRequest(_) => Priority::Consensus,
            Message::Batch(_) => Priority::Batch,
            Message::BlockRequest { .. } | Message::Blocks(_) => Priority::Sync,
        }
    }
}
