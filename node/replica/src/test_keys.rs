//! Validators with keys made from small numbers, and a genesis of them, for tests.

use blst::min_pk::SecretKey;
use concordat_crypto::bls::{POSSESSION_DST, SIGNATURE_DST};
use concordat_types::{
    BlockId, BlsPublicKey, BlsSignature, Ed25519PublicKey, Genesis, Height, Member, MemberId, MemberStatus, NetworkId,
    Parameters, Roles, Round, SignedVote, Timestamp, ValidatorIndex, Vote, VoteType,
    member::{KeyGroup, ValidatorRecord},
};

pub(crate) fn secret(number: u16) -> SecretKey {
    SecretKey::key_gen(&[number as u8; 32], &[]).unwrap()
}

pub(crate) fn member_id(number: u16) -> MemberId {
    MemberId::new(&format!("bank-{number}")).unwrap()
}

pub(crate) fn signed(network: NetworkId, validator: u16, vote: Vote) -> SignedVote {
    let signature = secret(validator).sign(&vote.sign_bytes(network, 0), SIGNATURE_DST, &[]).to_bytes();
    SignedVote { vote, validator: ValidatorIndex(validator), signature: BlsSignature(signature) }
}

pub(crate) fn precommit(height: Height, block: BlockId) -> Vote {
    let (vote_type, round) = (VoteType::Precommit, Round(0));
    Vote { vote_type, height, round, valid_round: None, block: Some(block) }
}

/// bank-0, bank-1 and so on, each a validator with power 100.
pub(crate) fn genesis(validators: u16) -> Genesis {
    Genesis {
        version: Genesis::VERSION,
        name: "test".to_owned(),
        time: GENESIS_TIME,
        trial: true,
        parameters: Parameters::default(),
        members: (0..validators).map(member).collect(),
        assets: Vec::new(),
    }
}

pub(crate) fn member(number: u16) -> Member {
    let key = BlsPublicKey(secret(number).sk_to_pk().to_bytes());
    let possession = BlsSignature(secret(number).sign(&key.0, POSSESSION_DST, &[]).to_bytes());
    let group = |kind: u8| KeyGroup { k: 1, keys: vec![ed25519(&[kind, number as u8]).1] };
    Member {
        id: member_id(number),
        legal_name: format!("Bank {number}"),
        lei: String::new(),
        bic: String::new(),
        roles: Roles::BANK,
        status: MemberStatus::Active,
        frozen: Default::default(),
        admin_keys: group(1),
        recovery_keys: group(2),
        operator_keys: Vec::new(),
        access_keys: Vec::new(),
        node: None,
        validator: Some(ValidatorRecord { key, possession, power: 100 }),
    }
}

/// The only admin key of a member.
pub(crate) fn admin(number: u16) -> (ed25519_zebra::SigningKey, Ed25519PublicKey) {
    ed25519(&[1, number as u8])
}

fn ed25519(seed: &[u8; 2]) -> (ed25519_zebra::SigningKey, Ed25519PublicKey) {
    let mut secret = [3; 32];
    secret[..2].copy_from_slice(seed);
    let key = ed25519_zebra::SigningKey::from(secret);
    (key, Ed25519PublicKey(ed25519_zebra::VerificationKey::from(&key).into()))
}

pub(crate) const GENESIS_TIME: Timestamp = Timestamp(1_800_000_000_000);
