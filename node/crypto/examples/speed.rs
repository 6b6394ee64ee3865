//! Microseconds an operation: `cargo run --release -p concordat-crypto --example speed`.

use blst::min_pk::SecretKey;
use concordat_crypto::{
    ValidatorKeys, bls, certificate_from_votes, check_possession, check_transaction, check_transactions,
    verify_certificate, verify_vote, verify_votes,
};
use concordat_types::{
    AccountName, BlockId, BlsPublicKey, BlsSignature, Ed25519PublicKey, Ed25519Signature, Hash, Height, MemberId,
    NetworkId, Operation, Round, SignedTransaction, SignedVote, Timestamp, Transaction, Uuid, Validator,
    ValidatorIndex, ValidatorSet, Vote, VoteType, encode,
    transaction::{FormRules, TransactionSignature},
};
use ed25519_zebra::{SigningKey, VerificationKeyBytes};
use std::{hint::black_box, time::Instant};

const NETWORK: NetworkId = NetworkId(Hash([7; 32]));

/// The fastest of some runs, each divided by the number of operations in it.
fn measure<T>(name: &str, operations: usize, mut run: impl FnMut() -> T) {
    let best = (0..7).map(|_| {
        let start = Instant::now();
        black_box(run());
        start.elapsed().as_secs_f64() * 1e6 / operations as f64
    });
    println!("{:10.1} us  {name}", best.fold(f64::INFINITY, f64::min));
}

fn secret(number: usize) -> SecretKey {
    let mut material = [0x5a; 32];
    material[..8].copy_from_slice(&(number as u64).to_le_bytes());
    SecretKey::key_gen(&material, &[]).expect("32 bytes are enough")
}

fn signed_transaction(number: usize, signers: usize) -> SignedTransaction {
    let mut seed = [1; 32];
    seed[..8].copy_from_slice(&((number % signers) as u64).to_le_bytes());
    let signer = SigningKey::from(seed);
    let transaction = Transaction {
        version: 1,
        network: NETWORK,
        submitter: MemberId::new("bank-a").expect("a valid name"),
        id: Uuid((number as u128).to_le_bytes()),
        valid_until: Timestamp(1),
        signers: vec![Ed25519PublicKey(VerificationKeyBytes::from(&signer).into())],
        operations: vec![Operation::OpenAccount(concordat_types::OpenAccount {
            asset: "EUR".parse().expect("a valid code"),
            name: AccountName::new("main").expect("a valid name"),
            parent: None,
            customer: None,
            tier: None,
        })],
    };
    let bytes = encode(&transaction);
    let signature = Ed25519Signature(signer.sign(&Transaction::hash_of(&bytes).0.0).into());
    let key = Ed25519PublicKey(VerificationKeyBytes::from(&signer).into());
    SignedTransaction { bytes, signatures: vec![TransactionSignature { key, signature }] }
}

fn main() {
    let rules = FormRules { network: NETWORK, tx_bytes_max: 4096, transfers_per_tx_max: 10 };
    let one = signed_transaction(0, 1);
    measure("check_transaction", 1, || check_transaction(one.clone(), &rules));
    for (count, signers) in [(2, 2), (8, 8), (64, 64), (1024, 1024), (1024, 4), (1024, 1)] {
        let many: Vec<_> = (0..count).map(|i| signed_transaction(i, signers)).collect();
        measure(&format!("check_transactions, each of {count} by {signers} signers"), count, || {
            check_transactions(many.clone(), &rules)
        });
    }
    let vote = Vote {
        vote_type: VoteType::Precommit,
        height: Height(1),
        round: Round(0),
        valid_round: None,
        block: Some(BlockId(Hash([1; 32]))),
    };
    let message = vote.sign_bytes(NETWORK, 0);
    measure("sign", 1, || secret(0).sign(&message, bls::SIGNATURE_DST, &[]));
    for count in [4usize, 16, 64, 100, 256] {
        let validator = |i| Validator {
            member: MemberId::new(&format!("bank-{i:03}")).expect("a valid name"),
            key: BlsPublicKey(secret(i).sk_to_pk().to_bytes()),
            power: 100,
        };
        let set = ValidatorSet::new((0..count).map(validator).collect()).expect("a set");
        let keys = ValidatorKeys::new(set.clone()).expect("keys");
        let sign = |i| SignedVote {
            vote,
            validator: ValidatorIndex(i as u16),
            signature: BlsSignature(secret(i).sign(&message, bls::SIGNATURE_DST, &[]).to_bytes()),
        };
        let votes: Vec<_> = (0..count).map(sign).collect();
        if count == 4 {
            let key = BlsPublicKey(secret(0).sk_to_pk().to_bytes());
            let proof = BlsSignature(secret(0).sign(&key.0, bls::POSSESSION_DST, &[]).to_bytes());
            measure("check_possession", 1, || check_possession(&key, &proof));
            measure("verify_vote", 1, || verify_vote(&keys, votes[0], NETWORK, 0));
            measure("PublicKey::parse", 1, || bls::PublicKey::parse(&key));
            measure("Signature::parse", 1, || bls::Signature::parse(&proof));
        }
        let sorted = verify_votes(&keys, votes.clone(), NETWORK, 0);
        let certificate = certificate_from_votes(&sorted.good, &keys, NETWORK, 0).expect("a quorum").into_inner();
        measure(&format!("ValidatorKeys::new of {count}"), 1, || ValidatorKeys::new(set.clone()));
        measure(&format!("verify_votes, {count} at once, all good"), 1, || {
            verify_votes(&keys, votes.clone(), NETWORK, 0)
        });
        let mut one_bad = votes.clone();
        one_bad[count / 2].signature = votes[0].signature;
        measure(&format!("verify_votes, {count} at once, one bad"), 1, || {
            verify_votes(&keys, one_bad.clone(), NETWORK, 0)
        });
        measure(&format!("certificate_from_votes of {count}"), 1, || {
            certificate_from_votes(&sorted.good, &keys, NETWORK, 0)
        });
        measure(&format!("verify_certificate of {count}"), 1, || {
            verify_certificate(certificate.clone(), &keys, NETWORK, 0)
        });
    }
}
