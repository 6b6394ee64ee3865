//! What validators sign, and certificates of it. Algorithm 1 of arXiv 1807.04938 (Tendermint).

use crate::{
    Bitmap, BlockId, BlsSignature, Hash, Height, MemberId, NetworkId, Tag, ValidatorIndex, ValidatorSet, encode,
};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;

/// Part of what is signed. Until the recovery procedure exists there is one epoch.
pub const RECOVERY_EPOCH: u32 = 0;

/// A round of a height, from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Round(pub u32);

impl Round {
    pub fn next(self) -> Round {
        Round(self.0.saturating_add(1))
    }
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The three things a validator signs in a round, in the order of the round's steps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum VoteType {
    Proposal = 1,
    Prevote = 2,
    Precommit = 3,
}

/// What is signed, less the network and epoch that `sign_bytes` adds. It names no voter and no time, so equal votes
/// of many aggregate into one signature.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
pub struct Vote {
    pub vote_type: VoteType,
    pub height: Height,
    pub round: Round,
    /// Of a proposal, and of a prevote for a block: the round of the polka it rests on. It makes a breach of a lock
    /// provable. Always None in a nil prevote and in a precommit.
    pub valid_round: Option<Round>,
    /// None is nil; a proposal always names a block.
    pub block: Option<BlockId>,
}

impl Vote {
    pub fn is_well_formed(&self) -> bool {
        let valid_round_is_earlier = self.valid_round.is_none_or(|valid_round| valid_round < self.round);
        match self.vote_type {
            VoteType::Proposal => self.block.is_some() && valid_round_is_earlier,
            VoteType::Prevote => valid_round_is_earlier && (self.block.is_some() || self.valid_round.is_none()),
            VoteType::Precommit => self.valid_round.is_none(),
        }
    }

    /// The bytes under the signature: domain tag, network (genesis hash), recovery epoch, then the vote.
    pub fn sign_bytes(&self, network: NetworkId, epoch: u32) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128);
        bytes.push(Tag::VOTE.0.len() as u8);
        bytes.extend_from_slice(Tag::VOTE.0.as_bytes());
        bytes.extend_from_slice(&encode(&network));
        bytes.extend_from_slice(&epoch.to_le_bytes());
        bytes.extend_from_slice(&encode(self));
        bytes
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
pub struct SignedVote {
    pub vote: Vote,
    pub validator: ValidatorIndex,
    pub signature: BlsSignature,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum CertificateKind {
    /// A quorum of prevotes for one block and valid round.
    Polka = 2,
    /// A quorum of precommits for one block: the block is final.
    Commit = 3,
}

/// A quorum of equal votes for a block, under one aggregate signature.
#[derive(Clone, PartialEq, Eq, Hash, Debug, BorshSerialize, BorshDeserialize)]
pub struct Certificate {
    pub kind: CertificateKind,
    pub height: Height,
    pub round: Round,
    /// Polka only: the valid round inside the prevotes.
    pub valid_round: Option<Round>,
    pub block: BlockId,
    pub signers: Bitmap,
    pub signature: BlsSignature,
}

impl Certificate {
    /// The vote that every signer signed.
    pub fn vote(&self) -> Vote {
        let vote_type = match self.kind {
            CertificateKind::Polka => VoteType::Prevote,
            CertificateKind::Commit => VoteType::Precommit,
        };
        let Certificate { height, round, valid_round, block, .. } = *self;
        Vote { vote_type, height, round, valid_round, block: Some(block) }
    }

    pub fn hash(&self) -> Hash {
        Tag::CERTIFICATE.hash(&[&encode(self)])
    }
}

/// Two signed votes of one validator that no honest validator signs both.
#[derive(Clone, PartialEq, Eq, Hash, Debug, BorshSerialize, BorshDeserialize)]
pub struct Evidence {
    pub first: SignedVote,
    pub second: SignedVote,
}

impl Evidence {
    /// Duplicate vote or proposal: same height, round and type, other signed bytes. Two that differ in the valid round
    /// alone are a duplicate too.
    pub fn is_duplicate(&self) -> bool {
        let (a, b) = (&self.first.vote, &self.second.vote);
        self.first.validator == self.second.validator
            && (a.height, a.round, a.vote_type) == (b.height, b.round, b.vote_type)
            && a != b
    }

    /// Lock violation: precommitted one block, later prevoted another without a polka that came in between.
    pub fn is_lock_violation(&self) -> bool {
        let (lock, later) = (&self.first.vote, &self.second.vote);
        self.first.validator == self.second.validator
            && lock.height == later.height
            && lock.vote_type == VoteType::Precommit
            && later.vote_type == VoteType::Prevote
            && lock.round < later.round
            && lock.block.is_some()
            && later.block.is_some()
            && lock.block != later.block
            && later.valid_round.is_none_or(|valid_round| valid_round < lock.round)
    }

    pub fn is_well_formed(&self) -> bool {
        self.first.vote.is_well_formed() && self.second.vote.is_well_formed() && self.kind().is_some()
    }

    pub fn height(&self) -> Height {
        self.first.vote.height
    }

    /// What it convicts of, if it is well formed; the set is that of its height.
    pub fn offence(&self, set: &ValidatorSet) -> Option<Offence> {
        let kind = self.kind().filter(|_| self.is_well_formed())?;
        let member = set.get(self.second.validator)?.member;
        Some(Offence { member, height: self.height(), round: self.second.vote.round, kind })
    }

    fn kind(&self) -> Option<OffenceKind> {
        match self.first.vote.vote_type {
            VoteType::Proposal if self.is_duplicate() => Some(OffenceKind::DuplicateProposal),
            VoteType::Prevote if self.is_duplicate() => Some(OffenceKind::DuplicatePrevote),
            VoteType::Precommit if self.is_duplicate() => Some(OffenceKind::DuplicatePrecommit),
            _ if self.is_lock_violation() => Some(OffenceKind::LockViolation),
            _ => None,
        }
    }
}

/// What a validator did, whichever of its votes prove it: evidence of one offence counts once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
pub struct Offence {
    pub member: MemberId,
    pub height: Height,
    /// Of a lock violation, that of the prevote.
    pub round: Round,
    pub kind: OffenceKind,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum OffenceKind {
    DuplicateProposal = 1,
    DuplicatePrevote = 2,
    DuplicatePrecommit = 3,
    LockViolation = 4,
}
