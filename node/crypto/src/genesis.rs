//! The checks of a genesis that need curves.

use crate::{
    bls::{self, BlsError, PublicKey, Signature},
    ed25519::is_usable_key,
    votes::ValidatorKeys,
};
use concordat_types::{
    BlsPublicKey, BlsSignature, Ed25519PublicKey, Genesis, Member, MemberId, genesis::GenesisError,
    validators::ValidatorSetError,
};

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CheckGenesisError {
    #[error(transparent)]
    Form(GenesisError),
    #[error("member {member}: {key} is not an Ed25519 key that only its owner can sign for")]
    Key { member: MemberId, key: Ed25519PublicKey },
    #[error("member {member}: the consensus key or its proof of possession is no point")]
    NotAPoint { member: MemberId, source: BlsError },
    #[error("member {0}: the proof of possession does not belong to the consensus key")]
    Possession(MemberId),
    #[error(transparent)]
    Validators(ValidatorSetError),
}

/// Everything that `Genesis::check` looks at, and that every key is one, and every consensus key in its owner's hands. Gives
/// the set that decides heights 1 and 2.
pub fn check_genesis(genesis: &Genesis) -> Result<ValidatorKeys, CheckGenesisError> {
    genesis.check().map_err(CheckGenesisError::Form)?;
    genesis.members.iter().try_for_each(check_member)?;
    let set = genesis.validators().map_err(CheckGenesisError::Validators)?;
    ValidatorKeys::new(set).map_err(|error| {
        let member = genesis.members.iter().filter(|member| member.is_active() && member.validator.is_some());
        let member = member.map(|member| member.id).nth(usize::from(error.validator.0));
        let member = member.expect("the set is made of the active members with a validator record");
        CheckGenesisError::NotAPoint { member, source: error.source }
    })
}

/// A consensus key with the proof that its owner holds the secret, as at admission or rotation.
pub fn check_possession(key: &BlsPublicKey, possession: &BlsSignature) -> Result<bool, BlsError> {
    Ok(bls::verify_possession(&PublicKey::parse(key)?, &Signature::parse(possession)?))
}

fn check_member(member: &Member) -> Result<(), CheckGenesisError> {
    let groups = member.admin_keys.keys.iter().chain(&member.recovery_keys.keys);
    let operators = member.operator_keys.iter().map(|operator| &operator.key);
    if let Some(key) = groups.chain(operators).find(|key| !is_usable_key(key)) {
        return Err(CheckGenesisError::Key { member: member.id, key: *key });
    }
    let Some(record) = &member.validator else { return Ok(()) };
    match check_possession(&record.key, &record.possession) {
        Ok(true) => Ok(()),
        Ok(false) => Err(CheckGenesisError::Possession(member.id)),
        Err(source) => Err(CheckGenesisError::NotAPoint { member: member.id, source }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
