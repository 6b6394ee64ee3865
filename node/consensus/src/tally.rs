//! The votes and certificates of a height, and what they amount to.
//!
//! Only verified ones come here. A validator's first vote per round and type counts, a certificate is judged whole on
//! its own bitmap, and only equal signed bytes add up to a polka or a commit. It must not know steps or locks.

use crate::Quorum;
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use concordat_types::{
    BlockId, Certificate, CertificateKind, Evidence, Round, SignedVote, ValidatorIndex, ValidatorSet, Verified, Vote,
    VoteType,
};

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct Tally {
    // Invariant: only rounds of the window, and older ones for a certificate's sake.
    rounds: BTreeMap<Round, RoundVotes>,
    /// Beyond the window: each validator's newest vote, the newest polka and the newest commit. It is enough to
    /// skip any distance.
    far_votes: BTreeMap<ValidatorIndex, Verified<SignedVote>>,
    far_polka: Option<Verified<Certificate>>,
    far_commit: Option<Verified<Certificate>>,
}

/// What became of a vote that was handed in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Received {
    /// Counted, or kept for a far round.
    New,
    /// Known already, or of a round that is not kept.
    Nothing,
    /// Not counted: its validator signed this other vote in the same round and type before.
    Conflict(SignedVote),
}

/// The rounds whose votes are all kept, for a machine that is in `current` (0 before the first).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Window {
    pub first: Round,
    pub last: Round,
}

impl Window {
    pub fn at(current: Round) -> Window {
        Window {
            first: Round(current.0.saturating_sub(ROUNDS_BEHIND_MAX)),
            last: Round(current.0.saturating_add(ROUNDS_AHEAD_MAX)),
        }
    }

    pub fn contains(self, round: Round) -> bool {
        self.first <= round && round <= self.last
    }
}

impl Tally {
    pub fn add_vote(&mut self, vote: &Verified<SignedVote>, set: &ValidatorSet, window: Window) -> Received {
        let round = vote.vote.round;
        if round > window.last {
            return self.keep_far(vote);
        }
        if round < window.first {
            return Received::Nothing;
        }
        self.rounds.entry(round).or_default().of_mut(vote.vote.vote_type).add(vote, set)
    }

    fn keep_far(&mut self, new: &Verified<SignedVote>) -> Received {
        if let Some(held) = self.far_votes.get(&new.validator) {
            let place = |vote: &Vote| (vote.round, vote.vote_type);
            match place(&new.vote).cmp(&place(&held.vote)) {
                core::cmp::Ordering::Equal if new.vote != held.vote => return Received::Conflict(**held),
                core::cmp::Ordering::Greater => {}
                _ => return Received::Nothing,
            }
        }
        self.far_votes.insert(new.validator, new.clone());
        Received::New
    }

    /// The first certificate per round and kind is kept: a second one names the same block, or more than a third of
    /// the power is faulty. One of a round long past is kept until the next round begins, for a re-proposal needs it.
    pub fn add_certificate(&mut self, certificate: Verified<Certificate>, window: Window) {
        if certificate.round <= window.last {
            let votes = self.rounds.entry(certificate.round).or_default();
            votes.of_mut(certificate.vote().vote_type).certificate.get_or_insert(certificate);
            return;
        }
        let slot = match certificate.kind {
            CertificateKind::Polka => &mut self.far_polka,
            CertificateKind::Commit => &mut self.far_commit,
        };
        if slot.as_ref().is_none_or(|held| held.round < certificate.round) {
            *slot = Some(certificate);
        }
    }

    /// A round has begun: forgets rounds that fall out of the window, save `valid_round` and those with a commit, and
    /// returns the far votes that now lie in it, to be added again.
    pub fn advance(
        &mut self,
        window: Window,
        valid_round: Option<Round>,
        set: &ValidatorSet,
    ) -> Vec<Verified<SignedVote>> {
        self.rounds.retain(|round, votes| {
            *round >= window.first || Some(*round) == valid_round || votes.precommits.quorum_for_block(set).is_some()
        });
        for slot in [&mut self.far_polka, &mut self.far_commit] {
            if let Some(certificate) = slot.take_if(|held| held.round <= window.last) {
                let votes = self.rounds.entry(certificate.round).or_default();
                votes.of_mut(certificate.vote().vote_type).certificate.get_or_insert(certificate);
            }
        }
        let (near, far) = core::mem::take(&mut self.far_votes)
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|(_, vote)| vote.vote.round <= window.last);
        self.far_votes = far;
        near.into_values().collect()
    }

    /// The vote that a quorum has cast for a block in this round.
    pub fn quorum_vote(&self, round: Round, vote_type: VoteType, set: &ValidatorSet) -> Option<Vote> {
        self.of(round, vote_type)?.quorum_for_block(set)
    }

    /// The same with what proves it.
    pub fn quorum(&self, round: Round, vote_type: VoteType, set: &ValidatorSet) -> Option<Quorum> {
        let far = match vote_type {
            VoteType::Precommit => self.far_commit.as_ref(),
            _ => self.far_polka.as_ref(),
        };
        if let Some(certificate) = far.filter(|certificate| certificate.round == round) {
            return Some(Quorum::Certificate(certificate.clone()));
        }
        let votes = self.of(round, vote_type)?;
        if let Some(certificate) = &votes.certificate {
            return Some(Quorum::Certificate(certificate.clone()));
        }
        let vote = votes.quorum_for_block(set)?;
        Some(Quorum::Votes(votes.votes.values().filter(|signed| signed.vote == vote).cloned().collect()))
    }

    pub fn is_nil_quorum(&self, round: Round, vote_type: VoteType, set: &ValidatorSet) -> bool {
        let is_nil_quorum = |(vote, power): (&Vote, &u128)| vote.block.is_none() && set.is_quorum(*power);
        self.of(round, vote_type).is_some_and(|votes| votes.powers.iter().any(is_nil_quorum))
    }

    /// More than two thirds have voted, for whatever.
    pub fn is_any_quorum(&self, round: Round, vote_type: VoteType, set: &ValidatorSet) -> bool {
        // The signers of a certificate are a quorum by themselves.
        self.of(round, vote_type).is_some_and(|votes| votes.certificate.is_some() || set.is_quorum(votes.power))
    }

    /// The rounds and blocks that have a commit quorum: at most one block while fewer than a third are faulty.
    pub fn commits(&self, set: &ValidatorSet) -> Option<(Round, BlockId)> {
        let near = self.rounds.iter().find_map(|(round, votes)| {
            let block = votes.precommits.quorum_for_block(set)?.block?;
            Some((*round, block))
        });
        near.or_else(|| self.far_commit.as_ref().map(|certificate| (certificate.round, certificate.block)))
    }

    /// The highest round above `current` that at least one honest validator has surely reached.
    pub fn skip_target(&self, current: Round, set: &ValidatorSet) -> Option<Round> {
        let above = (core::ops::Bound::Excluded(current), core::ops::Bound::Unbounded);
        let near = self.rounds.range(above).rev().find(|(_, votes)| votes.has_one_honest(set)).map(|(round, _)| *round);
        let certified = [&self.far_polka, &self.far_commit].into_iter().flatten().map(|certificate| certificate.round);
        near.into_iter().chain(certified).chain(self.far_skip_target(set)).filter(|round| *round > current).max()
    }

    /// Of far votes only the newest are held, so a vote of a later round speaks for the earlier ones too.
    fn far_skip_target(&self, set: &ValidatorSet) -> Option<Round> {
        let mut reached: Vec<(Round, ValidatorIndex)> =
            self.far_votes.iter().map(|(validator, vote)| (vote.vote.round, *validator)).collect();
        reached.sort_unstable();
        let mut power = 0;
        reached.into_iter().rev().find_map(|(round, validator)| {
            power += set.power(validator);
            set.is_one_honest(power).then_some(round)
        })
    }

    pub fn votes(&self, round: Round, vote_type: VoteType) -> impl Iterator<Item = &Verified<SignedVote>> {
        self.of(round, vote_type).into_iter().flat_map(|votes| votes.votes.values())
    }

    pub fn certificate(&self, round: Round, vote_type: VoteType) -> Option<&Verified<Certificate>> {
        self.of(round, vote_type)?.certificate.as_ref()
    }

    /// At least one honest validator has surely voted in this round.
    pub fn is_reached(&self, round: Round, set: &ValidatorSet) -> bool {
        self.rounds.get(&round).is_some_and(|votes| votes.has_one_honest(set))
    }

    /// What convicts the signer of this counted vote of a breach of its lock, together with it.
    pub fn lock_violation(&self, new: &SignedVote) -> Option<Evidence> {
        let others = self.rounds.values().flat_map(|votes| {
            let other = match new.vote.vote_type {
                VoteType::Precommit => votes.prevotes.votes.get(&new.validator),
                _ => votes.precommits.votes.get(&new.validator),
            };
            other.map(|vote| **vote)
        });
        let pair = |other: SignedVote| match new.vote.vote_type {
            VoteType::Precommit => Evidence { first: *new, second: other },
            _ => Evidence { first: other, second: *new },
        };
        others.map(pair).find(Evidence::is_lock_violation)
    }

    fn of(&self, round: Round, vote_type: VoteType) -> Option<&VoteSet> {
        let votes = self.rounds.get(&round)?;
        Some(if vote_type == VoteType::Precommit { &votes.precommits } else { &votes.prevotes })
    }

    #[cfg(test)]
    pub fn held(&self) -> (usize, usize) {
        let near = |votes: &RoundVotes| votes.prevotes.votes.len() + votes.precommits.votes.len();
        (self.rounds.values().map(near).sum(), self.far_votes.len())
    }
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct RoundVotes {
    prevotes: VoteSet,
    precommits: VoteSet,
}

impl RoundVotes {
    fn of_mut(&mut self, vote_type: VoteType) -> &mut VoteSet {
        if vote_type == VoteType::Precommit { &mut self.precommits } else { &mut self.prevotes }
    }

    /// Each validator counts once over both types.
    fn has_one_honest(&self, set: &ValidatorSet) -> bool {
        if self.prevotes.certificate.is_some() || self.precommits.certificate.is_some() {
            return true;
        }
        let voters: BTreeSet<_> = self.prevotes.votes.keys().chain(self.precommits.votes.keys()).copied().collect();
        set.is_one_honest(voters.into_iter().map(|voter| set.power(voter)).sum())
    }
}

/// Votes of one round and type.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct VoteSet {
    // Invariant: `powers` sums the voters of `votes` by what they signed, `power` sums them all.
    votes: BTreeMap<ValidatorIndex, Verified<SignedVote>>,
    powers: BTreeMap<Vote, u128>,
    power: u128,
    certificate: Option<Verified<Certificate>>,
}

impl VoteSet {
    fn add(&mut self, new: &Verified<SignedVote>, set: &ValidatorSet) -> Received {
        if let Some(held) = self.votes.get(&new.validator) {
            return if held.vote == new.vote { Received::Nothing } else { Received::Conflict(**held) };
        }
        let power = set.power(new.validator);
        self.votes.insert(new.validator, new.clone());
        *self.powers.entry(new.vote).or_default() += power;
        self.power += power;
        Received::New
    }

    fn quorum_for_block(&self, set: &ValidatorSet) -> Option<Vote> {
        let counted = || {
            let is_quorum = |(vote, power): &(&Vote, &u128)| vote.block.is_some() && set.is_quorum(**power);
            self.powers.iter().find(is_quorum).map(|(vote, _)| *vote)
        };
        self.certificate.as_ref().map(|certificate| certificate.vote()).or_else(counted)
    }
}

/// Votes further ahead than this keep one slot a validator: an honest node that far ahead of us is no longer waited
/// for, it is skipped to.
pub(crate) const ROUNDS_AHEAD_MAX: u32 = 10;

/// Votes further behind are forgotten: they are not sent again by anyone, who decided there sends the certificate.
pub(crate) const ROUNDS_BEHIND_MAX: u32 = 100;
