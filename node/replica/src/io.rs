//! What goes into a step and what comes out.

use crate::message::Message;
use concordat_ledger::TransactionResult;
use concordat_types::{
    Batch, BatchDigest, BlockId, Certificate, CheckedTransaction, Header, Height, MemberId, TransactionHash, Verified,
    encode,
};
use std::sync::Arc;

/// Both clocks at the start of a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// For timers: never goes back.
    pub monotonic_ms: u64,
    /// For block times: milliseconds since 1970.
    pub unix_ms: u64,
}

/// A batch whose transactions have passed the rim.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckedBatch {
    pub digest: BatchDigest,
    pub bytes: Arc<[u8]>,
    pub transactions: Vec<Arc<Verified<CheckedTransaction>>>,
}

impl CheckedBatch {
    pub fn of(transactions: Vec<Arc<Verified<CheckedTransaction>>>) -> CheckedBatch {
        // A batch is the list of its transactions: encoded from where they lie.
        let bytes = encode(&transactions.iter().map(|checked| &checked.signed).collect::<Vec<_>>());
        CheckedBatch { digest: Batch::digest_of(&bytes), bytes: bytes.into(), transactions }
    }
}

/// A peer's message that has passed the rim; `batches` are those inside it, checked, in order of appearance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckedMessage {
    pub message: Message,
    pub batches: Vec<Arc<CheckedBatch>>,
}

/// Names a waiting client request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ticket(pub u64);

#[derive(Debug)]
pub enum Input {
    PeerConnected {
        peer: MemberId,
    },
    PeerDisconnected {
        peer: MemberId,
    },
    Peer {
        from: MemberId,
        message: CheckedMessage,
    },
    Submit {
        ticket: Ticket,
        transaction: Arc<Verified<CheckedTransaction>>,
    },
    /// The client has gone; the transaction stays.
    Forget {
        ticket: Ticket,
    },
}

/// Done in order. Nothing in it may be sent before the step has returned it: what it rests on is durable by then.
#[derive(Debug)]
pub enum Effect {
    Send {
        to: MemberId,
        message: Arc<Message>,
    },
    /// To every connected peer.
    Broadcast {
        message: Arc<Message>,
    },
    Reply {
        ticket: Ticket,
        outcome: SubmitOutcome,
    },
    /// The peer broke the protocol; connect again later.
    Disconnect {
        peer: MemberId,
        reason: String,
    },
    Committed(Arc<CommittedBlock>),
    Alarm(Alarm),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SubmitOutcome {
    /// In a block with a verified commit certificate. With `repeat` results, the place is that of the first time.
    Committed {
        height: Height,
        block: BlockId,
        tx_index: u32,
        result: TransactionResult,
    },
    Refused(Refusal),
}

/// Why a transaction was not taken, though its form and signatures are right.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("the mempool is full")]
    MempoolFull,
    #[error("the transaction's valid_until has passed")]
    Expired,
    #[error("the transaction's valid_until is further away than the id window")]
    ValidUntilTooFar,
    #[error("the submitting member is not known or not active")]
    SubmitterNotActive,
    #[error("no signature belongs to an operator key of the submitting member")]
    NotSignedBySubmitter,
    #[error("the node is not a validator and no validator is connected")]
    NoValidator,
}

#[derive(Clone, Debug)]
pub struct CommittedBlock {
    pub header: Header,
    pub id: BlockId,
    pub certificate: Certificate,
    /// With results, in order of execution.
    pub transactions: Vec<(TransactionHash, TransactionResult)>,
    /// Payments inside.
    pub transfers: usize,
    /// The member registry or the validators changed: connections must be judged anew.
    pub registry_changed: bool,
}

/// For operators: metrics and logs, never a decision of the chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Alarm {
    /// A validator proposed a block that is invalid here: one of the two is broken.
    InvalidProposal {
        /// Who signed the proposal.
        member: Option<MemberId>,
        height: Height,
        block: BlockId,
        reason: String,
    },
    /// A polka stands for a block that is invalid here.
    InvalidPolka {
        height: Height,
        block: BlockId,
        reason: String,
    },
    /// The node has stopped signing; it goes on serving reads.
    StoppedSigning {
        reason: String,
    },
    /// The key's record refused a vote.
    SignRefused {
        reason: String,
    },
    /// This node cannot execute the transaction; it leaves it out of its blocks.
    Quarantined {
        transaction: TransactionHash,
        reason: String,
    },
    Equivocation {
        member: MemberId,
        height: Height,
    },
    /// The others' clocks, less ours, in ms, at least: more than half of their power prove that ours is off.
    ClockOffset {
        offset_ms: i64,
    },
    ClockGood,
}
