//! Is a header final, for somebody who trusts an anchor and no server? Looks only at what it is given.
//!
//! Each certificate is judged by itself before the header it names, so that the error says which of the two was altered.

use crate::{
    CertificateError, CheckGenesisError, InvalidValidatorKey, ValidatorKeys, check_genesis, verify_certificate,
};
use concordat_types::{
    BlockId, Certificate, CertificateKind, FinalityProof, Genesis, Header, Height, NetworkId, ProofStart,
    RECOVERY_EPOCH, SetChange, Timestamp, ValidatorSet, Verified,
};

/// What a verifier trusts to begin with.
#[derive(Clone, Debug)]
pub enum Anchor {
    Genesis(GenesisAnchor),
    /// A block that the verifier knows to be final from elsewhere: an invite, an earlier verification.
    Checkpoint {
        height: Height,
        block: BlockId,
    },
}

#[derive(Clone, Debug)]
pub struct GenesisAnchor {
    network: NetworkId,
    time: Timestamp,
    validators: ValidatorKeys,
}

impl Anchor {
    pub fn genesis(genesis: &Genesis) -> Result<Anchor, CheckGenesisError> {
        let validators = check_genesis(genesis)?;
        Ok(Anchor::Genesis(GenesisAnchor { network: genesis.network_id(), time: genesis.time, validators }))
    }
}

/// A header that a quorum of its height has certified, as far as the anchor can be trusted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Final {
    pub header: Verified<Header>,
    pub block: BlockId,
    /// Of the anchor: 0 is genesis. The older it is, the longer ago the keys were in use that the proof rests on, and the
    /// more must be believed of those who have left since: that they have destroyed them.
    pub anchor_height: Height,
    pub anchor_time: Timestamp,
}

/// Why a proof shows nothing. Each variant is about one part of it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FinalityError {
    #[error("it is of network {got}, the anchor of network {expected}")]
    Network { got: NetworkId, expected: NetworkId },
    #[error("the anchor: {0}")]
    Anchor(AnchorError),
    #[error("{got} changes of the validator set, at most {}: take a later anchor", FinalityProof::CHANGES_MAX)]
    TooManyChanges { got: usize },
    #[error("change {place} of the validator set: {error}")]
    Change { place: usize, error: ChangeError },
    /// What is certified and by whom fits together, but the changes do not lead there.
    #[error("the changes of the validator set do not lead to the set that the header says decides it")]
    ChangesIncomplete,
    #[error("the commit certificate: {0}")]
    Certificate(CommitError),
    #[error("the header: {0}")]
    Header(HeaderError),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AnchorError {
    #[error("the proof begins at genesis, and a checkpoint was given to verify it by")]
    NotACheckpoint,
    #[error("the proof begins at the checkpoint of height {0}, and a genesis was given to verify it by")]
    NotGenesis(Height),
    #[error("the proof's block is {got}, the checkpoint's {expected}")]
    WrongBlock { got: BlockId, expected: BlockId },
    #[error("the proof's block is of height {got}, the checkpoint of {expected}")]
    WrongHeight { got: Height, expected: Height },
    #[error("it is of height {anchor}; what is to be verified is of height {got}, which is not later")]
    NotEarlier { anchor: Height, got: Height },
    #[error("the set of validators is not the one that the block names")]
    WrongValidators,
    #[error(transparent)]
    Keys(InvalidValidatorKey),
}

/// Which part of a change, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChangeError {
    #[error("its certificate: {0}")]
    Certificate(CommitError),
    #[error("its header: {0}")]
    Header(HeaderError),
    #[error("the set of validators is not the one that its header names")]
    Validators,
    #[error(transparent)]
    Keys(InvalidValidatorKey),
    #[error("a change is missing before it")]
    Missing,
    #[error("the set stays as it is")]
    NoChange,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CommitError {
    #[error("it is of a polka, not of a commit")]
    NotACommit,
    #[error(transparent)]
    Bad(CertificateError),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeaderError {
    #[error("it is block {got}, the certificate is of block {certified}")]
    NotCertified { got: BlockId, certified: BlockId },
    #[error("it is of height {got}, the certificate of height {certified}")]
    WrongHeight { got: Height, certified: Height },
    #[error("it is of network {0}")]
    WrongNetwork(NetworkId),
    #[error("it is of version {0}")]
    WrongVersion(u16),
    #[error("it names another set of validators as the one that decides it")]
    WrongValidators,
    #[error("it is of height {got}, what comes before it of height {before}")]
    NotLater { got: Height, before: Height },
}

/// `network` is the one that the proof claims to be of.
pub fn verify_finality(proof: &FinalityProof, network: NetworkId, anchor: &Anchor) -> Result<Final, FinalityError> {
    if proof.changes.len() > FinalityProof::CHANGES_MAX {
        return Err(FinalityError::TooManyChanges { got: proof.changes.len() });
    }
    let (mut trusted, anchor_time) = Trusted::begin(&proof.start, anchor).map_err(FinalityError::Anchor)?;
    let anchor_height = trusted.height;
    if network != trusted.network {
        return Err(FinalityError::Network { got: network, expected: trusted.network });
    }
    for (place, change) in proof.changes.iter().enumerate() {
        trusted = trusted.after(change).map_err(|error| FinalityError::Change { place, error })?;
    }
    let block = trusted.judge(&proof.header, &proof.certificate).map_err(|fault| match fault {
        Fault::Missing => FinalityError::ChangesIncomplete,
        // After the last change the anchor is the only thing that can be too late.
        Fault::Header(HeaderError::NotLater { got, before }) if before == anchor_height => {
            FinalityError::Anchor(AnchorError::NotEarlier { anchor: anchor_height, got })
        }
        Fault::Header(error) => FinalityError::Header(error),
        Fault::Certificate(error) => FinalityError::Certificate(error),
    })?;
    let header = Verified::attest_verified(proof.header.clone());
    Ok(Final { header, block, anchor_height, anchor_time })
}

/// What is known at one point of the proof.
struct Trusted {
    network: NetworkId,
    /// Of the last header that counts as final; 0 is genesis.
    height: Height,
    /// Decides the next height, and those after it up to the next change.
    validators: ValidatorKeys,
}

/// What is wrong with a header and its certificate.
enum Fault {
    Certificate(CommitError),
    Header(HeaderError),
    /// Both agree on a set that is not the trusted one.
    Missing,
}

impl Trusted {
    fn begin(start: &ProofStart, anchor: &Anchor) -> Result<(Trusted, Timestamp), AnchorError> {
        match (start, anchor) {
            (ProofStart::Genesis, Anchor::Genesis(GenesisAnchor { network, time, validators })) => {
                Ok((Trusted { network: *network, height: Height(0), validators: validators.clone() }, *time))
            }
            (ProofStart::Checkpoint { header, next_validators }, Anchor::Checkpoint { height, block }) => {
                let got = header.id();
                if got != *block {
                    return Err(AnchorError::WrongBlock { got, expected: *block });
                }
                if header.height != *height {
                    return Err(AnchorError::WrongHeight { got: header.height, expected: *height });
                }
                let validators = known_set(next_validators, header).ok_or(AnchorError::WrongValidators)?;
                let validators = validators.map_err(AnchorError::Keys)?;
                Ok((Trusted { network: header.network, height: *height, validators }, header.time))
            }
            (ProofStart::Genesis, Anchor::Checkpoint { .. }) => Err(AnchorError::NotACheckpoint),
            (ProofStart::Checkpoint { header, .. }, Anchor::Genesis(_)) => Err(AnchorError::NotGenesis(header.height)),
        }
    }

    /// The set that the change puts in place of this one.
    fn after(self, change: &SetChange) -> Result<Trusted, ChangeError> {
        self.judge(&change.header, &change.certificate).map_err(|fault| match fault {
            Fault::Certificate(error) => ChangeError::Certificate(error),
            Fault::Header(error) => ChangeError::Header(error),
            Fault::Missing => ChangeError::Missing,
        })?;
        if change.header.next_validators == change.header.validators {
            return Err(ChangeError::NoChange);
        }
        let validators = known_set(&change.next_validators, &change.header).ok_or(ChangeError::Validators)?;
        let validators = validators.map_err(ChangeError::Keys)?;
        Ok(Trusted { height: change.header.height, validators, ..self })
    }

    /// Has a quorum of the trusted set certified the header, and was that set the one to decide its height?
    fn judge(&self, header: &Header, certificate: &Certificate) -> Result<BlockId, Fault> {
        let got = header.id();
        let names_trusted_set = header.validators == self.validators.set().hash();
        if let Err(error) = self.verify(certificate) {
            let agree = got == certificate.block && !names_trusted_set;
            return Err(if agree { Fault::Missing } else { Fault::Certificate(error) });
        }
        let fault = |error| Err(Fault::Header(error));
        if got != certificate.block {
            return fault(HeaderError::NotCertified { got, certified: certificate.block });
        }
        // From here on a quorum has signed what is wrong.
        if header.height != certificate.height {
            return fault(HeaderError::WrongHeight { got: header.height, certified: certificate.height });
        }
        if header.network != self.network {
            return fault(HeaderError::WrongNetwork(header.network));
        }
        if header.version != Header::VERSION {
            return fault(HeaderError::WrongVersion(header.version));
        }
        if !names_trusted_set {
            return fault(HeaderError::WrongValidators);
        }
        if header.height <= self.height {
            return fault(HeaderError::NotLater { got: header.height, before: self.height });
        }
        Ok(got)
    }

    fn verify(&self, certificate: &Certificate) -> Result<(), CommitError> {
        if certificate.kind != CertificateKind::Commit {
            return Err(CommitError::NotACommit);
        }
        let verified = verify_certificate(certificate.clone(), &self.validators, self.network, RECOVERY_EPOCH);
        verified.map(|_| ()).map_err(CommitError::Bad)
    }
}

/// None if it is not the set that the header says decides the next height. Its keys were admitted with proofs of possession,
/// or no quorum would have certified the header.
fn known_set(set: &ValidatorSet, header: &Header) -> Option<Result<ValidatorKeys, InvalidValidatorKey>> {
    (set.hash() == header.next_validators).then(|| ValidatorKeys::new(set.clone()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
