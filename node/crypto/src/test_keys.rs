//! Secrets for tests, made from small numbers.

use crate::{
    ValidatorKeys,
    bls::{POSSESSION_DST, SIGNATURE_DST},
};
use blst::min_pk::SecretKey;
use concordat_types::{
    BlockId, BlsPublicKey, BlsSignature, Hash, Height, MemberId, NetworkId, Power, Round, SignedVote, Validator,
    ValidatorIndex, ValidatorSet, Vote, VoteType,
};

pub(crate) const NETWORK: NetworkId = NetworkId(Hash([7; 32]));
pub(crate) const EPOCH: u32 = 0;

pub(crate) fn secret(number: usize) -> SecretKey {
    let mut material = [0x5a; 32];
    material[..8].copy_from_slice(&(number as u64).to_le_bytes());
    SecretKey::key_gen(&material, &[]).unwrap()
}

pub(crate) fn public_key(secret: &SecretKey) -> BlsPublicKey {
    BlsPublicKey(secret.sk_to_pk().to_bytes())
}

pub(crate) fn sign(secret: &SecretKey, message: &[u8]) -> BlsSignature {
    BlsSignature(secret.sign(message, SIGNATURE_DST, &[]).to_bytes())
}

pub(crate) fn possession(secret: &SecretKey) -> BlsSignature {
    BlsSignature(secret.sign(&public_key(secret).0, POSSESSION_DST, &[]).to_bytes())
}

pub(crate) fn member(number: usize) -> MemberId {
    MemberId::new(&format!("bank-{number:03}")).unwrap()
}

/// Validator i has secret i and the power given.
pub(crate) fn validator_keys(powers: &[Power]) -> ValidatorKeys {
    let validator =
        |(i, power): (usize, &Power)| Validator { member: member(i), key: public_key(&secret(i)), power: *power };
    ValidatorKeys::new(ValidatorSet::new(powers.iter().enumerate().map(validator).collect()).unwrap()).unwrap()
}

pub(crate) fn precommit(height: u64, block: u8) -> Vote {
    Vote {
        vote_type: VoteType::Precommit,
        height: Height(height),
        round: Round(0),
        valid_round: None,
        block: Some(BlockId(Hash([block; 32]))),
    }
}

pub(crate) fn signed(validator: usize, vote: Vote) -> SignedVote {
    let signature = sign(&secret(validator), &vote.sign_bytes(NETWORK, EPOCH));
    SignedVote { vote, validator: ValidatorIndex(validator as u16), signature }
}
