//! Certificates and evidence: judged whole, against the receiver's own validator set.

use crate::{
    bls::{self, BlsError, Signature},
    votes::{ValidatorKeys, VerifyVoteError, verify_vote},
};
use concordat_types::{
    Bitmap, BlsSignature, Certificate, CertificateKind, Evidence, NetworkId, SignedVote, ValidatorIndex, Verified,
    Vote, VoteType,
};

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CertificateError {
    #[error("the votes are not all equal prevotes or precommits for one block")]
    VotesDiffer,
    #[error("validator {} votes twice", _0.0)]
    VoterTwice(ValidatorIndex),
    #[error("the set has no validator {}", _0.0)]
    UnknownValidator(ValidatorIndex),
    #[error("the bitmap is for {got} validators, the set has {expected}")]
    WrongBitmap { got: usize, expected: usize },
    #[error("the certified vote is not well formed")]
    Malformed,
    #[error("the signers have {got} of a voting power of {total}: no quorum")]
    NoQuorum { got: u128, total: u128 },
    #[error("the aggregate is not a point: {0}")]
    NotASignature(BlsError),
    #[error("the aggregate does not belong to the vote and its signers")]
    BadSignature,
}

/// Makes the certificate of a quorum of equal votes, and verifies what it made.
pub fn certificate_from_votes(
    votes: &[Verified<SignedVote>],
    keys: &ValidatorKeys,
    network: NetworkId,
    epoch: u32,
) -> Result<Verified<Certificate>, CertificateError> {
    let Some(first) = votes.first() else {
        return Err(CertificateError::NoQuorum { got: 0, total: keys.set().total_power() });
    };
    let kind = match first.vote.vote_type {
        VoteType::Prevote => CertificateKind::Polka,
        VoteType::Precommit => CertificateKind::Commit,
        VoteType::Proposal => return Err(CertificateError::VotesDiffer),
    };
    let block = first.vote.block.ok_or(CertificateError::VotesDiffer)?;
    let mut signers = Bitmap::new(keys.set().len());
    let mut signatures: Vec<BlsSignature> = Vec::with_capacity(votes.len());
    for signed in votes {
        add_signer(&mut signers, signed, &first.vote, keys)?;
        signatures.push(signed.signature);
    }
    let signature = bls::aggregate_parsed_before(&signatures).map_err(CertificateError::NotASignature)?;
    let (height, round, valid_round) = (first.vote.height, first.vote.round, first.vote.valid_round);
    let certificate = Certificate { kind, height, round, valid_round, block, signers, signature };
    verify_certificate(certificate, keys, network, epoch)
}

/// A certificate with more signers: votes equal to its own that came when it had been made. They need not have been
/// verified; what comes out is.
pub fn extend_certificate(
    certificate: &Certificate,
    more: &[SignedVote],
    keys: &ValidatorKeys,
    network: NetworkId,
    epoch: u32,
) -> Result<Verified<Certificate>, CertificateError> {
    let vote = certificate.vote();
    let mut signers = certificate.signers.clone();
    let mut signatures = vec![certificate.signature];
    for signed in more {
        add_signer(&mut signers, signed, &vote, keys)?;
        signatures.push(signed.signature);
    }
    let signature = bls::aggregate_parsed_before(&signatures).map_err(CertificateError::NotASignature)?;
    verify_certificate(Certificate { signers, signature, ..certificate.clone() }, keys, network, epoch)
}

fn add_signer(
    signers: &mut Bitmap,
    signed: &SignedVote,
    vote: &Vote,
    keys: &ValidatorKeys,
) -> Result<(), CertificateError> {
    if signed.vote != *vote {
        return Err(CertificateError::VotesDiffer);
    }
    if keys.get(signed.validator).is_none() {
        return Err(CertificateError::UnknownValidator(signed.validator));
    }
    if signers.contains(signed.validator) {
        return Err(CertificateError::VoterTwice(signed.validator));
    }
    signers.insert(signed.validator);
    Ok(())
}

/// A quorum of the set's power signed the certificate's vote. That the height is the set's is for the caller to see to.
pub fn verify_certificate(
    certificate: Certificate,
    keys: &ValidatorKeys,
    network: NetworkId,
    epoch: u32,
) -> Result<Verified<Certificate>, CertificateError> {
    let set = keys.set();
    if certificate.signers.len() != set.len() {
        return Err(CertificateError::WrongBitmap { got: certificate.signers.len(), expected: set.len() });
    }
    let vote = certificate.vote();
    if !vote.is_well_formed() {
        return Err(CertificateError::Malformed);
    }
    let power = certificate.signers.power(set);
    if !set.is_quorum(power) {
        return Err(CertificateError::NoQuorum { got: power, total: set.total_power() });
    }
    let signature = Signature::parse(&certificate.signature).map_err(CertificateError::NotASignature)?;
    let signers: Vec<_> = certificate.signers.iter().filter_map(|index| keys.get(index)).collect();
    match bls::verify_aggregate(&signers, &vote.sign_bytes(network, epoch), &signature) {
        true => Ok(Verified::attest_verified(certificate)),
        false => Err(CertificateError::BadSignature),
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EvidenceError {
    #[error("the two votes do not contradict each other")]
    NoContradiction,
    #[error("a vote of the evidence is not good: {0}")]
    Vote(VerifyVoteError),
}

/// Both votes are the validator's own, under one epoch, and no honest validator signs both.
pub fn verify_evidence(
    evidence: Evidence,
    keys: &ValidatorKeys,
    network: NetworkId,
    epoch: u32,
) -> Result<Verified<Evidence>, EvidenceError> {
    if !evidence.is_well_formed() {
        return Err(EvidenceError::NoContradiction);
    }
    for signed in [evidence.first, evidence.second] {
        verify_vote(keys, signed, network, epoch).map_err(EvidenceError::Vote)?;
    }
    Ok(Verified::attest_verified(evidence))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
