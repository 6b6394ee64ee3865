//! What must hold in every run, watched from outside the nodes.

use concordat_replica::{CommittedBlock, message::Message};
use concordat_types::{
    BlockId, Hash, Height, MemberId, Round, SignedVote, TransactionHash, ValidatorIndex, Vote, VoteType,
};
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Violation {
    #[error("height {height}: node {node} committed {got}, another {expected}")]
    Fork { height: Height, node: usize, got: BlockId, expected: BlockId },
    #[error("height {height}: node {node} has state root {got}, another {expected}")]
    StateRoot { height: Height, node: usize, got: Hash, expected: Hash },
    #[error("validator {} signed both {first:?} and {second:?}", validator.0)]
    SignedTwice { validator: ValidatorIndex, first: Vote, second: Vote },
    #[error("transaction {0:?} stands in two blocks, and not as a repeat")]
    BookedTwice(TransactionHash),
    #[error("transaction {0:?} was acknowledged and is in no block")]
    Lost(TransactionHash),
    #[error("node {node} stopped: {reason}")]
    Stopped { node: usize, reason: String },
    #[error("no progress: {height} at the heal, and {ms} ms without faults later: {}", nodes.join("; "))]
    Stuck { height: Height, nodes: Vec<String>, ms: u64 },
    #[error("a node panicked: {0}")]
    Panicked(String),
    #[error("the books of node {node} do not balance: {cause}")]
    Books { node: usize, cause: String },
    #[error("node {node} accused validator {member}, who is honest")]
    HonestAccused { node: usize, member: String },
    #[error("height {height} was proposed by {proposer} and needed round {round}, while {away} was to be skipped")]
    TurnOfAbsent { height: Height, round: Round, proposer: MemberId, away: MemberId },
    #[error("{member} is back and proposed none of the heights {from} to {to}")]
    NoTurn { member: String, from: Height, to: Height },
    #[error("node {0} went on writing to a disk that had refused a write")]
    WroteAfterFailure(usize),
    #[error("node {node} took its clock for {offset_ms} ms off, and it is not")]
    FalseClockAlarm { node: usize, offset_ms: i64 },
    #[error("the clock of node {node} is minutes off, and {ms} ms later it had not said so")]
    ClockNotNoticed { node: usize, ms: u64 },
}

/// Grows with the run.
#[derive(Debug, Default)]
pub struct Checks {
    blocks: BTreeMap<Height, (BlockId, Hash)>,
    /// Of blocks that were decided in round 0.
    proposers: BTreeMap<Height, MemberId>,
    /// From this height on the member is away, and costs no round.
    round_0: Option<(Height, MemberId)>,
    signed: BTreeMap<(ValidatorIndex, Height, Round, VoteType), Vote>,
    booked: BTreeMap<TransactionHash, Height>,
    acknowledged: BTreeMap<TransactionHash, Height>,
}

impl Checks {
    pub fn height_max(&self) -> Height {
        self.blocks.keys().next_back().copied().unwrap_or_default()
    }

    pub fn acknowledged_count(&self) -> usize {
        self.acknowledged.len()
    }

    pub fn on_committed(&mut self, node: usize, committed: &CommittedBlock) -> Result<(), Violation> {
        let height = committed.header.height;
        let (expected, root) = *self.blocks.entry(height).or_insert((committed.id, committed.header.state_root));
        if expected != committed.id {
            return Err(Violation::Fork { height, node, got: committed.id, expected });
        }
        if root != committed.header.state_root {
            return Err(Violation::StateRoot { height, node, got: committed.header.state_root, expected: root });
        }
        let (round, proposer) = (committed.certificate.round, committed.header.proposer);
        if round == Round(0) {
            self.proposers.insert(height, proposer);
        }
        if let Some((from, away)) = self.round_0
            && height >= from
            && (round > Round(0) || proposer == away)
        {
            return Err(Violation::TurnOfAbsent { height, round, proposer, away });
        }
        for (hash, result) in committed.transactions.iter().filter(|(_, result)| !result.repeat) {
            let first = *self.booked.entry(*hash).or_insert(height);
            if first != height {
                return Err(Violation::BookedTwice(*hash));
            }
            let _ = result;
        }
        Ok(())
    }

    pub fn expect_round_0(&mut self, from: Height, away: MemberId) {
        self.round_0 = Some((from, away));
    }

    pub fn expect_nothing(&mut self) {
        self.round_0 = None;
    }

    /// A block above the height, at its turn.
    pub fn has_proposed(&self, member: MemberId, above: Height) -> bool {
        self.proposers.range(above.next()..).any(|(_, proposer)| *proposer == member)
    }

    /// The tap: everything that leaves a node, across restarts.
    pub fn on_sent(&mut self, sender: Option<ValidatorIndex>, message: &Message) -> Result<(), Violation> {
        let own = |signed: &SignedVote| Some(signed.validator) == sender;
        match message {
            Message::Vote(signed) if own(signed) => self.on_signed(signed),
            Message::Proposal(proposal) if own(&proposal.signed) => self.on_signed(&proposal.signed),
            _ => Ok(()),
        }
    }

    fn on_signed(&mut self, signed: &SignedVote) -> Result<(), Violation> {
        let vote = signed.vote;
        let first = *self.signed.entry((signed.validator, vote.height, vote.round, vote.vote_type)).or_insert(vote);
        if first != vote {
            return Err(Violation::SignedTwice { validator: signed.validator, first, second: vote });
        }
        Ok(())
    }

    pub fn on_acknowledged(&mut self, hash: TransactionHash, height: Height) {
        self.acknowledged.insert(hash, height);
    }

    /// At the end: nothing that a client was told is missing.
    pub fn nothing_lost(&self) -> Result<(), Violation> {
        match self.acknowledged.iter().find(|(hash, height)| self.booked.get(hash) != Some(height)) {
            Some((hash, _)) => Err(Violation::Lost(*hash)),
            None => Ok(()),
        }
    }
}
