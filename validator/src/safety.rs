//! May this key sign this vote? Pure: the record is a value, the answer follows from it.
//!
//! A validator signs upwards only: by (height, round, step), where a round's steps are proposal, prevote, precommit. In the
//! height at hand a vote that is on record may be signed again, since a BLS signature of equal bytes is equal.

use concordat_replica::signer::SignRefused;
use concordat_types::{Height, NetworkId, Round, Vote, VoteType};
use std::collections::VecDeque;

/// What the record says: all that later decisions rest on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignRecordState {
    /// None until the key first runs in a network.
    binding: Option<Binding>,
    /// The key signs above this height only: 0 for a new key, the height of its `recover` transaction for one whose record
    /// was lost.
    signs_above: Height,
    // Invariant: strictly ascending by position, all of one height, the newest ones, at most RECENT_VOTES_MAX.
    recent: VecDeque<Vote>,
}

/// What the signed bytes carry beside the vote.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Binding {
    pub network: NetworkId,
    /// Recovery epoch.
    pub epoch: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// Later than everything on record: sign once it is recorded.
    New,
    /// On record already: sign.
    Same,
    Refused(SignRefused),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BindError {
    #[error("the key has signed in network {recorded} and signs in no other")]
    OtherNetwork { recorded: NetworkId },
    #[error("the key has entered recovery epoch {recorded} and signs in no earlier one")]
    EarlierEpoch { recorded: u32 },
}

impl SignRecordState {
    pub fn new(signs_above: Height) -> SignRecordState {
        SignRecordState { binding: None, signs_above, recent: VecDeque::new() }
    }

    pub fn binding(&self) -> Option<Binding> {
        self.binding
    }

    pub fn signs_above(&self) -> Height {
        self.signs_above
    }

    /// The newest vote on record.
    pub fn last(&self) -> Option<Vote> {
        self.recent.back().copied()
    }

    /// What must be kept when the record is written anew.
    pub fn recent(&self) -> impl ExactSizeIterator<Item = &Vote> {
        self.recent.iter()
    }

    /// May the key run here? A later epoch starts with an empty record: its signed bytes are other bytes, and its first
    /// height may be one that was voted on before.
    pub fn check_binding(&self, asked: Binding) -> Result<(), BindError> {
        match self.binding {
            Some(Binding { network, .. }) if network != asked.network => {
                Err(BindError::OtherNetwork { recorded: network })
            }
            Some(Binding { epoch, .. }) if epoch > asked.epoch => Err(BindError::EarlierEpoch { recorded: epoch }),
            _ => Ok(()),
        }
    }

    /// Panics where `check_binding` refuses.
    pub fn bind(&mut self, binding: Binding) {
        assert_eq!(self.check_binding(binding), Ok(()));
        if self.binding != Some(binding) {
            self.binding = Some(binding);
            self.recent.clear();
        }
    }

    pub fn decide(&self, vote: &Vote) -> Decision {
        if !vote.is_well_formed() {
            return Decision::Refused(SignRefused::Malformed);
        }
        if self.binding.is_none() || vote.height <= self.signs_above {
            return Decision::Refused(SignRefused::NoTrustedRecord);
        }
        let Some(last) = self.recent.back() else { return Decision::New };
        if position(vote) > position(last) {
            return Decision::New;
        }
        match self.recent.iter().find(|recorded| position(recorded) == position(vote)) {
            Some(recorded) if recorded == vote => Decision::Same,
            Some(recorded) => Decision::Refused(SignRefused::Conflict { recorded: *recorded }),
            None => Decision::Refused(SignRefused::Lower { recorded: *last }),
        }
    }

    /// Panics unless `decide` says that the vote is new.
    pub fn record(&mut self, vote: Vote) {
        assert_eq!(self.decide(&vote), Decision::New);
        if self.recent.back().is_some_and(|last| last.height < vote.height) {
            self.recent.clear();
        }
        if self.recent.len() == RECENT_VOTES_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(vote);
    }
}

fn position(vote: &Vote) -> (Height, Round, VoteType) {
    (vote.height, vote.round, vote.vote_type)
}

/// Over eighty rounds of one height; a vote that was dropped is refused as lower, never signed otherwise.
pub const RECENT_VOTES_MAX: usize = 256;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
