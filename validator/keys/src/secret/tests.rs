use super::*;
use concordat_types::Hash;
use ed25519_zebra::{Signature, VerificationKey};

fn verifies(key: Ed25519PublicKey, message: &[u8], signature: Ed25519Signature) -> bool {
    let key = VerificationKey::try_from(key.0).unwrap();
    key.verify(&Signature::from_bytes(&signature.0), message).is_ok()
}

/// RFC 8032, section 7.1, test 1.
#[test]
fn keys_are_those_of_the_rfc() {
    let seed =
        concordat_types::hash::from_hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
    let key = SecretKey::from_seed(&seed);
    assert_eq!(key.public_key().to_string(), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
}

#[test]
fn a_saved_key_signs_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("operator.json");
    let key = SecretKey::generate().unwrap();
    key.save(&path, KeyKind::Operator, &"x".into(), Strength::Trial).unwrap();
    let loaded = SecretKey::load(&path, KeyKind::Operator, &"x".into()).unwrap();
    let hash = TransactionHash(Hash([3; 32]));
    let signature = loaded.sign(hash);
    assert_eq!(signature, key.sign(hash));
    assert!(verifies(key.public_key(), &hash.0.0, signature.signature));
    let wrong_kind = SecretKey::load(&path, KeyKind::Admin, &"x".into());
    assert!(matches!(wrong_kind, Err(LoadError::Unseal(UnsealError::WrongKind { .. }))));
}

#[test]
fn two_keys_differ() {
    assert_ne!(SecretKey::generate().unwrap().public_key(), SecretKey::generate().unwrap().public_key());
}

#[test]
fn a_file_whose_public_key_is_anothers_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.json");
    sealed::seal(&path, "admin", &[1; 32], &[2; 32], &"x".into(), Strength::Trial).unwrap();
    assert!(matches!(SecretKey::load(&path, KeyKind::Admin, &"x".into()), Err(LoadError::OtherPublicKey)));
    let path = folder.path().join("short.json");
    sealed::seal(&path, "admin", &[1; 32], &[2; 31], &"x".into(), Strength::Trial).unwrap();
    let short = SecretKey::load(&path, KeyKind::Admin, &"x".into());
    assert!(matches!(short, Err(LoadError::Unseal(UnsealError::Corrupt(_)))));
}

#[test]
fn a_statement_is_signed_under_its_tag() {
    let key = SecretKey::from_seed(&[1; 32]);
    let tag = Tag("concordat/test/v1");
    let signature = key.sign_statement(tag, &[b"a", b"b"]);
    assert!(verifies(key.public_key(), &tag.hash(&[b"ab"]).0, signature));
    assert!(!verifies(key.public_key(), &Tag::RECORD.hash(&[b"ab"]).0, signature));
}

#[test]
fn debug_shows_no_secret() {
    let seed = [0xab; 32];
    let shown = format!("{:?}", SecretKey::from_seed(&seed));
    assert!(!shown.contains("abab") && !shown.contains("171"), "{shown}");
}
