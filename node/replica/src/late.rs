//! Precommits that came after the decision, for the participation record of the block ten heights on.
//!
//! The commit certificate that a node makes holds the first quorum it saw; who is slow is never in it. So for the heights
//! whose record is still to be made the rest is collected. A late vote decides nothing, and so is not checked before a
//! record is made of it, unless it was relayed.

use concordat_crypto::{ValidatorKeys, extend_certificate, verify_vote, verify_votes};
use concordat_types::{Body, Certificate, Height, MemberId, NetworkId, SignedVote, ValidatorIndex};
use std::{collections::BTreeMap, sync::Arc};

#[derive(Debug)]
pub struct LatePrecommits {
    network: NetworkId,
    epoch: u32,
    // Invariant: at most HEIGHTS_MAX, the newest.
    heights: BTreeMap<Height, Decided>,
}

#[derive(Debug)]
struct Decided {
    /// Verified; with the late ones that a record was made of.
    certificate: Certificate,
    /// Of the height's set.
    keys: Arc<ValidatorKeys>,
    /// Votes equal to the certificate's, one a validator that is not in it: over its own connection, or verified.
    late: BTreeMap<ValidatorIndex, SignedVote>,
}

/// What is known of a height.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub certificate: Certificate,
    /// Members whose own late vote was not good.
    pub bad: Vec<MemberId>,
}

impl LatePrecommits {
    pub fn new(network: NetworkId, epoch: u32) -> LatePrecommits {
        LatePrecommits { network, epoch, heights: BTreeMap::new() }
    }

    /// A height is decided; `held` are other precommits of its round that are here, each verified or received over the
    /// connection of its validator.
    pub fn begin(&mut self, certificate: Certificate, keys: Arc<ValidatorKeys>, held: Vec<SignedVote>) {
        let height = certificate.height;
        let mut decided = Decided { certificate, keys, late: BTreeMap::new() };
        for signed in held.into_iter().filter(|signed| decided.wants(signed)).collect::<Vec<_>>() {
            decided.late.insert(signed.validator, signed);
        }
        self.heights.insert(height, decided);
        while self.heights.len() > HEIGHTS_MAX {
            self.heights.pop_first();
        }
    }

    /// A vote of a height that is decided here. False: the sender vouched for a vote that is not good.
    pub fn add(&mut self, from: &MemberId, signed: SignedVote) -> bool {
        let (network, epoch) = (self.network, self.epoch);
        let Some(decided) = self.heights.get_mut(&signed.vote.height).filter(|decided| decided.wants(&signed)) else {
            return true;
        };
        let is_own_connection = decided.keys.set().index_of(from) == Some(signed.validator);
        if !is_own_connection && verify_vote(&decided.keys, signed, network, epoch).is_err() {
            return false;
        }
        decided.late.insert(signed.validator, signed);
        true
    }

    /// The certificate of the height with all who signed, if this process decided it.
    pub fn record(&mut self, height: Height) -> Option<Record> {
        let (network, epoch) = (self.network, self.epoch);
        let decided = self.heights.get_mut(&height)?;
        let late: Vec<SignedVote> = std::mem::take(&mut decided.late).into_values().collect();
        let mut bad = Vec::new();
        if !late.is_empty() {
            let (certificate, keys) = (&decided.certificate, &decided.keys);
            let extended = extend_certificate(certificate, &late, keys, network, epoch).or_else(|_| {
                let sorted = verify_votes(keys, late, network, epoch);
                let member = |signed: &SignedVote| keys.set().get(signed.validator).map(|validator| validator.member);
                bad.extend(sorted.bad.iter().filter_map(member));
                let good: Vec<SignedVote> = sorted.good.into_iter().map(|signed| signed.into_inner()).collect();
                extend_certificate(certificate, &good, keys, network, epoch)
            });
            decided.certificate = extended.expect("verified votes extend a verified certificate").into_inner();
        }
        Some(Record { certificate: decided.certificate.clone(), bad })
    }
}

impl Decided {
    fn wants(&self, signed: &SignedVote) -> bool {
        signed.vote == self.certificate.vote()
            && self.keys.get(signed.validator).is_some()
            && !self.certificate.signers.contains(signed.validator)
            && !self.late.contains_key(&signed.validator)
    }
}

/// Those above and with the one whose record the next block carries.
const HEIGHTS_MAX: usize = Body::PARTICIPATION_LAG as usize;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
