use super::*;
use concordat_crypto::{
    bls::{self, PublicKey, Signature},
    check_possession,
};
use concordat_types::{BlockId, Hash, Height, Round, VoteType};

#[test]
fn a_saved_key_is_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("consensus.json");
    let key = ConsensusKey::generate().unwrap();
    key.save(&path, &"x".into(), Strength::Trial).unwrap();
    let loaded = ConsensusKey::load(&path, &"x".into()).unwrap();
    assert_eq!((loaded.public_key(), loaded.possession()), (key.public_key(), key.possession()));
    let wrong = ConsensusKey::load(&path, &"y".into());
    assert!(matches!(wrong, Err(LoadKeyError::Unseal(UnsealError::WrongPassphrase))));
    assert!(matches!(key.save(&path, &"x".into(), Strength::Trial), Err(SealError::Exists)));
}

#[test]
fn possession_and_votes_verify() {
    let key = ConsensusKey::from_seed(&[1; 32]);
    assert_eq!(check_possession(&key.public_key(), &key.possession()), Ok(true));
    assert_eq!(check_possession(&ConsensusKey::from_seed(&[2; 32]).public_key(), &key.possession()), Ok(false));
    let vote = Vote {
        vote_type: VoteType::Prevote,
        height: Height(1),
        round: Round(0),
        valid_round: None,
        block: Some(BlockId(Hash([1; 32]))),
    };
    let network = NetworkId(Hash([7; 32]));
    let signature = Signature::parse(&key.sign_unrecorded(&vote, network, 3)).unwrap();
    let public = PublicKey::parse(&key.public_key()).unwrap();
    assert!(bls::verify(&public, &vote.sign_bytes(network, 3), &signature));
    assert!(!bls::verify(&public, &vote.sign_bytes(network, 4), &signature));
}

#[test]
fn what_is_no_consensus_secret_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str, kind: &str, public: &[u8], secret: &[u8]| {
        let path = folder.path().join(name);
        sealed::seal(&path, kind, public, secret, &"x".into(), Strength::Trial).unwrap();
        ConsensusKey::load(&path, &"x".into()).unwrap_err()
    };
    assert!(matches!(check("a", "operator", &[], &[1; 32]), LoadKeyError::Unseal(UnsealError::WrongKind { .. })));
    assert!(matches!(check("b", KIND, &[], &[0; 32]), LoadKeyError::NotASecret));
    assert!(matches!(check("c", KIND, &[], &[0xff; 32]), LoadKeyError::NotASecret));
    assert!(matches!(check("d", KIND, &[], &[1; 31]), LoadKeyError::NotASecret));
    let another = ConsensusKey::from_seed(&[9; 32]).public_key();
    assert!(matches!(check("e", KIND, &another.0, &[1; 32]), LoadKeyError::OtherPublicKey));
}

#[test]
fn debug_shows_the_public_key_alone() {
    let key = ConsensusKey::new(min_pk::SecretKey::from_bytes(&[0x11; 32]).unwrap());
    let shown = format!("{key:?}");
    assert!(!shown.contains("1111") && !shown.contains("17, 17"), "{shown}");
}
