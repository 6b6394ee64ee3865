//! Votes against a validator set: singly, or many at once with the bad ones sorted out.

use crate::{
    blinding::Blinding,
    bls::{self, BlindedGroup, BlsError, PublicKey, Signature},
};
use concordat_types::{NetworkId, SignedVote, ValidatorIndex, ValidatorSet, Verified, Vote, encode};
use std::collections::BTreeMap;

/// A validator set with its keys decoded, once for all votes of its heights.
#[derive(Clone, Debug)]
pub struct ValidatorKeys {
    // Invariant: points[i] is the key of validator i.
    set: ValidatorSet,
    points: Vec<PublicKey>,
}

/// A validator's key is not one; such a set must never come into force.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the consensus key of validator {} is not valid", validator.0)]
pub struct InvalidValidatorKey {
    pub validator: ValidatorIndex,
    pub source: BlsError,
}

impl ValidatorKeys {
    pub fn new(set: ValidatorSet) -> Result<ValidatorKeys, InvalidValidatorKey> {
        let parse = |(validator, record): (ValidatorIndex, &concordat_types::Validator)| {
            PublicKey::parse(&record.key).map_err(|source| InvalidValidatorKey { validator, source })
        };
        let points = set.iter().map(parse).collect::<Result<_, _>>()?;
        Ok(ValidatorKeys { set, points })
    }

    pub fn set(&self) -> &ValidatorSet {
        &self.set
    }

    pub fn get(&self, validator: ValidatorIndex) -> Option<&PublicKey> {
        self.points.get(usize::from(validator.0))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum VerifyVoteError {
    #[error("the vote is not well formed")]
    Malformed,
    #[error("the set has no validator {}", _0.0)]
    UnknownValidator(ValidatorIndex),
    #[error("the signature is not a point: {0}")]
    NotASignature(BlsError),
    #[error("the signature does not belong to the vote and its validator")]
    BadSignature,
}

pub fn verify_vote(
    keys: &ValidatorKeys,
    signed: SignedVote,
    network: NetworkId,
    epoch: u32,
) -> Result<Verified<SignedVote>, VerifyVoteError> {
    let (key, signature) = parse(keys, &signed)?;
    match bls::verify(key, &signed.vote.sign_bytes(network, epoch), &signature) {
        true => Ok(Verified::attest_verified(signed)),
        false => Err(VerifyVoteError::BadSignature),
    }
}

/// A vote that this process has just signed with its own key: good by making. Checking it again would cost a millisecond
/// at each step of each height; where the signer is broken all the same, the certificate made of it does not verify.
pub fn attest_own_vote(signed: SignedVote) -> Verified<SignedVote> {
    Verified::attest_verified(signed)
}

/// What became of many votes, in the order they were given.
#[derive(Clone, Debug, Default)]
pub struct SortedVotes {
    pub good: Vec<Verified<SignedVote>>,
    pub bad: Vec<SignedVote>,
}

/// Judges each vote exactly as `verify_vote` would, at the cost of about one check when all are good. A batch with b bad
/// votes of n costs at most about 2 b log2(n) checks.
pub fn verify_votes(keys: &ValidatorKeys, votes: Vec<SignedVote>, network: NetworkId, epoch: u32) -> SortedVotes {
    let mut messages: BTreeMap<Vote, Vec<u8>> = BTreeMap::new();
    for signed in &votes {
        messages.entry(signed.vote).or_insert_with(|| signed.vote.sign_bytes(network, epoch));
    }
    let mut blinding = blinding(keys, &votes, network, epoch);
    let mut candidates = Vec::with_capacity(votes.len());
    for (position, signed) in votes.iter().enumerate() {
        let factor = blinding.next_factor();
        if let Ok((key, signature)) = parse(keys, signed) {
            candidates.push(Candidate { position, vote: signed.vote, key, signature, factor });
        }
    }
    // Equal votes stand together, so that halving cuts as few of their groups as it can.
    candidates.sort_by_key(|candidate| candidate.vote);
    let mut is_good = vec![false; votes.len()];
    mark_good(&candidates, &messages, &mut is_good);
    let mut sorted = SortedVotes::default();
    for (signed, is_good) in votes.into_iter().zip(is_good) {
        match is_good {
            true => sorted.good.push(Verified::attest_verified(signed)),
            false => sorted.bad.push(signed),
        }
    }
    sorted
}

struct Candidate<'a> {
    position: usize,
    vote: Vote,
    key: &'a PublicKey,
    signature: Signature,
    factor: [u64; 2],
}

/// All at once, else each half on its own.
fn mark_good(candidates: &[Candidate<'_>], messages: &BTreeMap<Vote, Vec<u8>>, is_good: &mut [bool]) {
    let all_good = match candidates {
        [] => return,
        [one] => bls::verify(one.key, &messages[&one.vote], &one.signature),
        _ => {
            let groups: Vec<BlindedGroup<'_>> = candidates
                .chunk_by(|a, b| a.vote == b.vote)
                .map(|equal| BlindedGroup {
                    message: &messages[&equal[0].vote],
                    entries: equal.iter().map(|one| (one.key, &one.signature, one.factor)).collect(),
                })
                .collect();
            bls::verify_blinded(&groups)
        }
    };
    if all_good {
        candidates.iter().for_each(|candidate| is_good[candidate.position] = true);
    } else if candidates.len() > 1 {
        let (left, right) = candidates.split_at(candidates.len() / 2);
        mark_good(left, messages, is_good);
        mark_good(right, messages, is_good);
    }
}

/// Binds all that stands in the equation: keys, messages, signatures.
fn blinding(keys: &ValidatorKeys, votes: &[SignedVote], network: NetworkId, epoch: u32) -> Blinding {
    let mut parts = vec![encode(&network), epoch.to_le_bytes().to_vec()];
    for signed in votes {
        parts.push(keys.get(signed.validator).map_or(Vec::new(), |key| key.bytes().0.to_vec()));
        parts.push(encode(signed));
    }
    Blinding::new("concordat/vote-batch/v1", parts.iter().map(Vec::as_slice))
}

fn parse<'a>(keys: &'a ValidatorKeys, signed: &SignedVote) -> Result<(&'a PublicKey, Signature), VerifyVoteError> {
    if !signed.vote.is_well_formed() {
        return Err(VerifyVoteError::Malformed);
    }
    let key = keys.get(signed.validator).ok_or(VerifyVoteError::UnknownValidator(signed.validator))?;
    let signature = Signature::parse(&signed.signature).map_err(VerifyVoteError::NotASignature)?;
    Ok((key, signature))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
