//! Tendermint, Algorithm 1 of arXiv 1807.04938, as a pure state machine.
//!
//! One `Consensus` decides one height after another. It takes verified inputs and returns outputs in the order in
//! which to carry them out. It knows votes and block ids; it must not know what a block holds, what the time is, how
//! a signature is checked or where bytes are kept.
#![no_std]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod machine;
mod proposer;
mod tally;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;

pub use machine::{Consensus, Step};
pub use proposer::proposer;

use alloc::vec::Vec;
use concordat_types::{
    Bitmap, BlockId, Certificate, Evidence, Height, Round, SignedVote, ValidatorSet, Verified, Vote,
};

/// What happens to the machine. Inputs of another height than the machine's are ignored; `Value` and `Block` name none,
/// so the replica must not hand in late ones of the height before.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Input {
    /// Leave the idle state and enter round 0 (L10). Ignored once a round has begun.
    Start,
    /// The answer to `Output::GetValue`: a block that this node has built and found valid. No `Block` is needed for it.
    Value {
        round: Round,
        block: BlockId,
    },
    /// A verified proposal. `timely` is the rim's verdict on a fresh proposal's time (proposer-based timestamps).
    Proposal {
        proposal: Verified<SignedVote>,
        timely: bool,
    },
    /// The block is here and has been executed on the parent state.
    Block {
        block: BlockId,
        valid: bool,
    },
    /// A verified prevote or precommit, our own too.
    Vote(Verified<SignedVote>),
    /// A verified polka or commit certificate.
    Certificate(Verified<Certificate>),
    Timeout(Timeout),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TimeoutKind {
    Propose,
    Prevote,
    Precommit,
}

/// A timer of one step of one round; one that comes late is recognised and ignored.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timeout {
    pub height: Height,
    pub round: Round,
    pub kind: TimeoutKind,
}

/// Where a quorum is known from.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Quorum {
    /// Equal votes of more than two thirds of the power, to be aggregated.
    Votes(Vec<Verified<SignedVote>>),
    Certificate(Verified<Certificate>),
}

/// A value that this node is bound to, or would propose again: (block, round of its polka).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Lock {
    pub locked: Option<(BlockId, Round)>,
    pub valid: Option<(BlockId, Round)>,
    /// Of the valid value.
    pub polka: Option<Quorum>,
}

/// What to do, in order.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Output {
    /// A round has begun. For one above 0 `Consensus::round_certificate` is to be recorded and passed on.
    EnterRound {
        round: Round,
    },
    /// L18: build a block and answer with `Input::Value`.
    GetValue {
        round: Round,
    },
    /// Make the lock durable before the vote that follows leaves the process. Also when only the valid value moves.
    Persist(Lock),
    /// Record, sync, sign, send; then give it back as `Input::Proposal` or `Input::Vote`.
    Sign(Vote),
    Schedule(Timeout),
    /// A commit, a polka or proposal of this round, or a restored lock names a block whose verdict is not known: get
    /// and execute it, and answer with `Input::Block`. Said once a block, so the replica keeps trying.
    FetchBlock(BlockId),
    /// L49: the block is final. The machine takes nothing more until `next_height`.
    Decide {
        round: Round,
        block: BlockId,
        commit: Quorum,
    },
    /// Two votes of one validator that convict it.
    Evidence(Evidence),
    /// A polka exists for a block that is invalid here: a third of the power is faulty, or this node is.
    InvalidPolka {
        round: Round,
        block: BlockId,
    },
    /// A commit quorum exists for a block that is invalid here: stop signing.
    InvalidCommit {
        round: Round,
        block: BlockId,
    },
}

/// Who decides a height and who this node is in it.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct HeightStart {
    pub height: Height,
    pub validators: ValidatorSet,
    /// Who has not been seen voting for a while, by the state below this height: skipped as proposer of round 0.
    pub away: Bitmap,
    /// None: a follower. It decides and never signs.
    pub me: Option<concordat_types::ValidatorIndex>,
}
