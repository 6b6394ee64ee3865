use super::*;
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("../../vectors/bls.json")).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

fn key(value: &Value) -> BlsPublicKey {
    BlsPublicKey(bytes(value).try_into().unwrap())
}

fn signature(value: &Value) -> BlsSignature {
    BlsSignature(bytes(value).try_into().unwrap())
}

#[test]
fn single_signatures_are_those_of_py_ecc() {
    let vectors = vectors();
    for case in vectors["single"].as_array().unwrap() {
        let secret = blst::min_pk::SecretKey::from_bytes(&bytes(&case["secret"])).unwrap();
        let message = bytes(&case["message"]);
        assert_eq!(secret.sk_to_pk().to_bytes(), key(&case["key"]).0);
        assert_eq!(secret.sign(&message, SIGNATURE_DST, &[]).to_bytes(), signature(&case["signature"]).0);

        let public = PublicKey::parse(&key(&case["key"])).unwrap();
        let good = Signature::parse(&signature(&case["signature"])).unwrap();
        assert_eq!((public.bytes(), good.bytes()), (key(&case["key"]), signature(&case["signature"])));
        assert!(verify(&public, &message, &good));
        assert!(!verify(&public, &[&message[..], b"!"].concat(), &good));
        assert!(!verify_possession(&public, &good));
    }
}

#[test]
fn aggregates_are_judged_as_by_py_ecc() {
    for case in vectors()["aggregate"].as_array().unwrap() {
        let keys: Vec<_> =
            case["keys"].as_array().unwrap().iter().map(|k| PublicKey::parse(&key(k)).unwrap()).collect();
        let keys: Vec<_> = keys.iter().collect();
        let good = Signature::parse(&signature(&case["signature"]))
            .is_ok_and(|signature| verify_aggregate(&keys, &bytes(&case["message"]), &signature));
        assert_eq!(good, case["expected"].as_bool().unwrap(), "{}", case["name"]);
    }
}

#[test]
fn aggregation_gives_the_aggregate_of_py_ecc() {
    let vectors = vectors();
    let singles = vectors["single"].as_array().unwrap();
    let of_message = |case: &&Value| bytes(&case["message"]) == b"concordat";
    let signatures: Vec<_> = singles.iter().filter(of_message).map(|case| signature(&case["signature"])).collect();
    let two = vectors["aggregate"].as_array().unwrap().iter().find(|case| case["name"] == "2 signers").unwrap();
    assert_eq!(aggregate(&signatures[..2]).unwrap(), signature(&two["signature"]));
    assert_eq!(aggregate(&[]), Err(BlsError::Empty));
}

#[test]
fn possession_is_judged_as_by_py_ecc() {
    for case in vectors()["possession"].as_array().unwrap() {
        let public = PublicKey::parse(&key(&case["key"])).unwrap();
        let proof = Signature::parse(&signature(&case["proof"])).unwrap();
        assert_eq!(verify_possession(&public, &proof), case["expected"].as_bool().unwrap());
    }
}

#[test]
fn no_key_but_a_point_of_the_subgroup() {
    for (name, case) in vectors()["invalid_keys"].as_object().unwrap() {
        let expected = if name == "identity" { BlsError::Identity } else { BlsError::NotAPoint };
        assert_eq!(PublicKey::parse(&key(case)), Err(expected), "{name}");
    }
}

#[test]
fn no_signature_but_a_point_of_the_subgroup() {
    for (name, case) in vectors()["invalid_signatures"].as_object().unwrap() {
        let expected = if name == "identity" { BlsError::Identity } else { BlsError::NotAPoint };
        assert_eq!(Signature::parse(&signature(case)), Err(expected), "{name}");
        assert_eq!(aggregate(&[signature(case)]), Err(expected), "{name}");
    }
}

#[test]
fn keys_that_cancel_out_certify_nothing() {
    let case = &vectors()["cancelling_keys"];
    let keys: Vec<_> = case["keys"].as_array().unwrap().iter().map(|k| PublicKey::parse(&key(k)).unwrap()).collect();
    for (public, proof) in keys.iter().zip(case["proofs"].as_array().unwrap()) {
        assert!(verify_possession(public, &Signature::parse(&signature(proof)).unwrap()));
    }
    let signatures: Vec<_> = case["signatures"].as_array().unwrap().iter().map(signature).collect();
    assert_eq!(aggregate(&signatures), Err(BlsError::Identity));
    let identity = Signature { point: G2Affine::identity().into() };
    assert!(!verify_aggregate(&[&keys[0], &keys[1]], &bytes(&case["message"]), &identity));
}

#[test]
fn a_rogue_key_has_no_proof_of_possession() {
    let case = &vectors()["rogue_key"];
    let keys: Vec<_> = case["keys"].as_array().unwrap().iter().map(|k| PublicKey::parse(&key(k)).unwrap()).collect();
    let forged = Signature::parse(&signature(&case["signature"])).unwrap();
    // Why possession must be proved: one secret signs for both.
    assert!(verify_aggregate(&[&keys[0], &keys[1]], &bytes(&case["message"]), &forged));
    assert!(!verify_possession(&keys[1], &Signature::parse(&signature(&case["forged_proof"])).unwrap()));
}
