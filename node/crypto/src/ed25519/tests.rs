use super::*;
use concordat_types::Hash;
use curve25519_dalek::{EdwardsPoint, Scalar, constants};
use sha2::{Digest, Sha512};

fn message(number: u8) -> TransactionHash {
    TransactionHash(Hash([number; 32]))
}

fn job(key: [u8; 32], r: [u8; 32], s: [u8; 32], message: TransactionHash) -> Job {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(&s);
    Job { key: Ed25519PublicKey(key), hash: message, signature: Ed25519Signature(signature) }
}

/// The eight points of small order and the six other encodings that ZIP 215 admits for them.
fn small_order_encodings() -> Vec<[u8; 32]> {
    let mut encodings: Vec<_> = constants::EIGHT_TORSION.iter().map(|point| point.compress().to_bytes()).collect();
    let mut p = [0xff; 32];
    (p[0], p[31]) = (0xed, 0x7f);
    let with_low = |low: u8| {
        let mut bytes = p;
        bytes[0] = low;
        bytes
    };
    let negative = |mut bytes: [u8; 32]| {
        bytes[31] |= 0x80;
        bytes
    };
    let mut one = [0; 32];
    one[0] = 1;
    // The order: -0 at y = 1 and y = -1, then y = p and y = p + 1 with both signs.
    encodings.extend([
        negative(one),
        negative(with_low(0xec)),
        p,
        negative(p),
        with_low(0xee),
        negative(with_low(0xee)),
    ]);
    encodings.sort_unstable();
    encodings.dedup();
    assert_eq!(encodings.len(), 14);
    encodings
}

fn hash_of(r: &[u8], key: &[u8], message: &TransactionHash) -> Scalar {
    Scalar::from_hash(Sha512::new().chain_update(r).chain_update(key).chain_update(message.0.0))
}

/// A signature whose key and R carry points of small order besides: good by the equation with cofactor only.
fn mixed_order(number: u64, key_torsion: EdwardsPoint, r_torsion: EdwardsPoint) -> Job {
    let (a, r) = (Scalar::from(7919 * (number + 1)), Scalar::from(104_729 * (number + 1)));
    let key = (constants::ED25519_BASEPOINT_POINT * a + key_torsion).compress().to_bytes();
    let r_bytes = (constants::ED25519_BASEPOINT_POINT * r + r_torsion).compress().to_bytes();
    let message = message(number as u8);
    let s = r + hash_of(&r_bytes, &key, &message) * a;
    job(key, r_bytes, s.to_bytes(), message)
}

/// One and many judge alike: alone, among good ones, and twice.
fn check(edge: Job, expected: bool) {
    let good: Vec<Job> =
        (0..3).map(|i| mixed_order(i, constants::EIGHT_TORSION[0], constants::EIGHT_TORSION[0])).collect();
    assert_eq!(edge.verify(), expected);
    assert_eq!(verify_all(&[good[0], edge, good[1], good[2]]), expected);
    assert_eq!(verify_all(&[edge, edge]), expected);
}

#[test]
fn small_order_keys_and_points_are_judged_alike() {
    let encodings = small_order_encodings();
    for key in &encodings {
        for r in &encodings {
            check(job(*key, *r, [0; 32], message(1)), true);
            check(job(*key, *r, Scalar::ONE.to_bytes(), message(1)), false);
        }
    }
}

#[test]
fn points_of_mixed_order_are_judged_alike() {
    for (i, torsion) in constants::EIGHT_TORSION.iter().enumerate() {
        let other = constants::EIGHT_TORSION[(3 * i + 1) % 8];
        let edge = mixed_order(i as u64, *torsion, other);
        check(edge, true);
        let mut wrong = edge;
        wrong.hash = message(99);
        check(wrong, false);
    }
}

#[test]
fn s_beyond_the_order_is_refused_alike() {
    let good = mixed_order(5, constants::EIGHT_TORSION[0], constants::EIGHT_TORSION[0]);
    check(good, true);
    let mut order = [0u8; 32];
    order.copy_from_slice(&(-Scalar::ONE).to_bytes());
    let (mut edge, mut carry) = (good, 1u16);
    for (byte, order) in edge.signature.0[32..].iter_mut().zip(order) {
        carry += u16::from(*byte) + u16::from(order);
        *byte = carry as u8;
        carry >>= 8;
    }
    assert_ne!(edge.signature, good.signature);
    check(edge, false);
}

#[test]
fn bytes_off_the_curve_are_refused_alike() {
    let good = mixed_order(5, constants::EIGHT_TORSION[0], constants::EIGHT_TORSION[0]);
    let mut off = [0; 32];
    off[0] = 2;
    assert!(VerificationKey::try_from(off).is_err());
    check(Job { key: Ed25519PublicKey(off), ..good }, false);
    let mut edge = good;
    edge.signature.0[..32].copy_from_slice(&off);
    check(edge, false);
}

/// Two wrong signatures whose errors are opposite: a sum without random factors would take them.
#[test]
fn signatures_that_cancel_out_are_caught() {
    let torsion_free = constants::EIGHT_TORSION[0];
    let (mut plus, mut minus) =
        (mixed_order(1, torsion_free, torsion_free), mixed_order(2, torsion_free, torsion_free));
    for (job, by) in [(&mut plus, Scalar::ONE), (&mut minus, -Scalar::ONE)] {
        let s = Scalar::from_canonical_bytes(job.signature.0[32..].try_into().unwrap()).unwrap();
        job.signature.0[32..].copy_from_slice(&(s + by).to_bytes());
    }
    assert!(!plus.verify() && !minus.verify());
    assert!(!verify_all(&[plus, minus]));
}

#[test]
fn keys_that_anybody_signs_for_are_not_usable() {
    for key in small_order_encodings() {
        assert!(!is_usable_key(&Ed25519PublicKey(key)));
    }
    assert!(is_usable_key(&mixed_order(1, constants::EIGHT_TORSION[0], constants::EIGHT_TORSION[0]).key));
    assert!(is_usable_key(&mixed_order(1, constants::EIGHT_TORSION[1], constants::EIGHT_TORSION[0]).key));
    let mut off_the_curve = [0; 32];
    off_the_curve[0] = 2;
    assert!(!is_usable_key(&Ed25519PublicKey(off_the_curve)));
}
