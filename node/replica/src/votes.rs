//! Votes on their way to the state machine. Checking one costs a millisecond, checking many of one message hardly more,
//! so votes wait here until they could matter: until, all of them good, a quorum or a round skip would be reached.
//!
//! A vote waits unverified only if it came over the connection of the validator that it names, so that nobody fills
//! another's place with rubbish. A relayed one is verified at once.

use concordat_crypto::{ValidatorKeys, verify_vote, verify_votes};
use concordat_types::{NetworkId, Round, SignedVote, ValidatorIndex, Verified, VoteType};
use std::collections::BTreeMap;

/// Votes of one height.
#[derive(Debug)]
pub struct VoteKeeper {
    network: NetworkId,
    epoch: u32,
    /// Unverified votes that wait, one a validator.
    waiting: BTreeMap<(Round, VoteType), BTreeMap<ValidatorIndex, SignedVote>>,
    /// Verified ones that the machine has been given.
    given: BTreeMap<(Round, VoteType), BTreeMap<ValidatorIndex, SignedVote>>,
    /// Beyond `ROUNDS_AHEAD_MAX`: the newest of each validator.
    far: BTreeMap<ValidatorIndex, SignedVote>,
}

/// What came of a vote.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Added {
    /// For the machine, in order.
    pub verified: Vec<Verified<SignedVote>>,
    /// The sender vouched for a vote that is not good.
    pub sender_is_bad: bool,
}

impl VoteKeeper {
    pub fn new(network: NetworkId, epoch: u32) -> VoteKeeper {
        VoteKeeper { network, epoch, waiting: BTreeMap::new(), given: BTreeMap::new(), far: BTreeMap::new() }
    }

    /// `from` is the validator at the other end of the connection, if it is one; `current` the machine's round.
    pub fn add(
        &mut self,
        keys: &ValidatorKeys,
        current: Option<Round>,
        from: Option<ValidatorIndex>,
        signed: SignedVote,
    ) -> Added {
        let place = (signed.vote.round, signed.vote.vote_type);
        if !signed.vote.is_well_formed() || keys.get(signed.validator).is_none() {
            return Added { sender_is_bad: true, ..Added::default() };
        }
        let known = |votes: &BTreeMap<_, BTreeMap<_, _>>| votes.get(&place)?.get(&signed.validator).copied();
        let given: Option<SignedVote> = known(&self.given);
        let waiting: Option<SignedVote> = known(&self.waiting);
        if given == Some(signed) || (waiting == Some(signed) && from == Some(signed.validator)) {
            return Added::default();
        }
        if waiting == Some(signed) {
            // Somebody else thinks that we lack it: it is worth a look.
            return Added { verified: self.verify(keys, place), sender_is_bad: false };
        }
        let horizon = Round(current.unwrap_or(Round(0)).0.saturating_add(ROUNDS_AHEAD_MAX));
        let is_far = signed.vote.round > horizon;
        if is_far && self.far.get(&signed.validator).is_some_and(|newest| newest.vote.round >= signed.vote.round) {
            return Added::default();
        }
        let is_own_connection = from == Some(signed.validator);
        if is_far || !is_own_connection || given.is_some() || waiting.is_some() {
            return self.add_singly(keys, current, signed, waiting, is_far);
        }
        self.waiting.entry(place).or_default().insert(signed.validator, signed);
        // Idle, any good vote of this height wakes the machine.
        let verified = if current.is_none() {
            self.verify(keys, place)
        } else {
            self.verify_where_it_matters(keys, current, place)
        };
        let sender_is_bad = !verified.iter().any(|good| good.validator == signed.validator)
            && !self.waiting.get(&place).is_some_and(|votes| votes.contains_key(&signed.validator));
        Added { verified, sender_is_bad }
    }

    /// A vote made here: its signature is known to be good by making. With it, votes that wait may make a quorum.
    pub fn add_own(
        &mut self,
        keys: &ValidatorKeys,
        current: Option<Round>,
        signed: &Verified<SignedVote>,
    ) -> Vec<Verified<SignedVote>> {
        let place = (signed.vote.round, signed.vote.vote_type);
        self.given.entry(place).or_default().insert(signed.validator, **signed);
        self.verify_where_it_matters(keys, current, place)
    }

    /// Of one round, each verified or received over the connection of its validator.
    pub fn precommits(&self, round: Round) -> impl Iterator<Item = SignedVote> + '_ {
        let place = (round, VoteType::Precommit);
        [&self.given, &self.waiting]
            .into_iter()
            .filter_map(move |votes| votes.get(&place))
            .flat_map(|votes| votes.values())
            .copied()
    }

    /// On entering a round: votes that wait in it may now reach what they could not before.
    pub fn enter_round(&mut self, keys: &ValidatorKeys, current: Round) -> Vec<Verified<SignedVote>> {
        // Far ones that are near now count with the rest; the machine has them already.
        let horizon = Round(current.0.saturating_add(ROUNDS_AHEAD_MAX));
        for signed in self.far.values().filter(|signed| signed.vote.round <= horizon) {
            let place = (signed.vote.round, signed.vote.vote_type);
            self.given.entry(place).or_default().entry(signed.validator).or_insert(*signed);
        }
        self.far.retain(|_, signed| signed.vote.round > horizon);
        let places: Vec<_> = self.waiting.keys().copied().filter(|(round, _)| *round >= current).collect();
        places.into_iter().flat_map(|place| self.verify_where_it_matters(keys, Some(current), place)).collect()
    }

    fn add_singly(
        &mut self,
        keys: &ValidatorKeys,
        current: Option<Round>,
        signed: SignedVote,
        waiting: Option<SignedVote>,
        is_far: bool,
    ) -> Added {
        let Ok(verified) = verify_vote(keys, signed, self.network, self.epoch) else {
            return Added { sender_is_bad: true, ..Added::default() };
        };
        let place = (signed.vote.round, signed.vote.vote_type);
        // The one that waited in this place came first: if it is good too, the machine must see both.
        let mut all = Vec::new();
        if waiting.is_some() {
            all.extend(self.verify(keys, place));
        }
        if is_far {
            self.far.insert(signed.validator, signed);
        } else {
            self.given.entry(place).or_default().entry(signed.validator).or_insert(signed);
        }
        all.push(verified);
        // With this one, others that wait may make a quorum.
        all.extend(self.verify_where_it_matters(keys, current, place));
        Added { verified: all, sender_is_bad: false }
    }

    fn verify_where_it_matters(
        &mut self,
        keys: &ValidatorKeys,
        current: Option<Round>,
        place: (Round, VoteType),
    ) -> Vec<Verified<SignedVote>> {
        let (round, _) = place;
        let set = keys.set();
        let power = |votes: &BTreeMap<_, BTreeMap<ValidatorIndex, SignedVote>>, place| -> u128 {
            votes.get(&place).into_iter().flatten().map(|(validator, _)| set.power(*validator)).sum()
        };
        let given = power(&self.given, place);
        let quorum_near = set.is_quorum(given + power(&self.waiting, place)) && !self.is_settled(keys, place);
        if quorum_near {
            return self.verify(keys, place);
        }
        if current.is_some_and(|current| round > current) {
            let places = [(round, VoteType::Prevote), (round, VoteType::Precommit)];
            let mut voters: Vec<ValidatorIndex> = places
                .iter()
                .flat_map(|place| self.given.get(place).into_iter().chain(self.waiting.get(place)).flatten())
                .map(|(validator, _)| *validator)
                .collect();
            voters.sort_unstable();
            voters.dedup();
            if set.is_one_honest(voters.iter().map(|validator| set.power(*validator)).sum()) {
                let mut verified = self.verify(keys, (round, VoteType::Prevote));
                verified.extend(self.verify(keys, (round, VoteType::Precommit)));
                return verified;
            }
        }
        Vec::new()
    }

    /// Has one message a verified quorum? Then nothing that still waits can change anything.
    fn is_settled(&self, keys: &ValidatorKeys, place: (Round, VoteType)) -> bool {
        let Some(votes) = self.given.get(&place) else { return false };
        let mut power_of = BTreeMap::new();
        for (validator, signed) in votes {
            *power_of.entry(signed.vote).or_insert(0) += keys.set().power(*validator);
        }
        power_of.values().any(|power| keys.set().is_quorum(*power))
    }

    fn verify(&mut self, keys: &ValidatorKeys, place: (Round, VoteType)) -> Vec<Verified<SignedVote>> {
        let Some(votes) = self.waiting.remove(&place) else { return Vec::new() };
        let sorted = verify_votes(keys, votes.into_values().collect(), self.network, self.epoch);
        for good in &sorted.good {
            self.given.entry(place).or_default().entry(good.validator).or_insert(**good);
        }
        sorted.good
    }
}

/// As the machine keeps whole rounds (docs/protocol.md).
pub const ROUNDS_AHEAD_MAX: u32 = 10;

#[cfg(test)]
mod tests;
