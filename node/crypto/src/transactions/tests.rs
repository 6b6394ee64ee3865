use super::*;
use concordat_types::{
    AccountName, Hash, MemberId, NetworkId, Operation, Timestamp, Transaction, Uuid, encode,
    transaction::TransactionSignature,
};
use ed25519_zebra::{SigningKey, VerificationKeyBytes};

const RULES: FormRules = FormRules { network: NetworkId(Hash([7; 32])), tx_bytes_max: 4096, transfers_per_tx_max: 10 };

fn transaction(number: u16, network: NetworkId) -> Transaction {
    let mut id = [0; 16];
    id[..2].copy_from_slice(&number.to_le_bytes());
    Transaction {
        version: 1,
        network,
        submitter: MemberId::new("bank-a").unwrap(),
        id: Uuid(id),
        valid_until: Timestamp(1),
        signers: Vec::new(),
        operations: vec![Operation::OpenAccount(concordat_types::OpenAccount {
            asset: "EUR".parse().unwrap(),
            name: AccountName::new("main").unwrap(),
            parent: None,
            customer: None,
            tier: None,
        })],
    }
}

fn sign(transaction: &Transaction, signers: &[u8]) -> SignedTransaction {
    let key = |signer: &u8| Ed25519PublicKey(VerificationKeyBytes::from(&SigningKey::from([*signer; 32])).into());
    let mut keys: Vec<_> = signers.iter().map(key).collect();
    keys.sort_unstable();
    let bytes = encode(&Transaction { signers: keys, ..transaction.clone() });
    let hash = Transaction::hash_of(&bytes);
    let mut signatures: Vec<_> = signers
        .iter()
        .map(|signer| {
            let secret = SigningKey::from([*signer; 32]);
            let key = VerificationKeyBytes::from(&secret);
            TransactionSignature {
                key: Ed25519PublicKey(key.into()),
                signature: concordat_types::Ed25519Signature(secret.sign(&hash.0.0).into()),
            }
        })
        .collect();
    signatures.sort_unstable();
    SignedTransaction { bytes, signatures }
}

fn good(number: u16) -> SignedTransaction {
    let signers: &[u8] = if number.is_multiple_of(3) { &[1, 2, 3] } else { &[1] };
    sign(&transaction(number, RULES.network), signers)
}

/// Many and one agree, and exactly the positions given are refused.
fn check(signed: Vec<SignedTransaction>, bad: &[usize]) {
    let many = check_transactions(signed.clone(), &RULES);
    let refused: Vec<usize> = many.iter().enumerate().filter(|(_, result)| result.is_err()).map(|(i, _)| i).collect();
    assert_eq!(refused, bad);
    let one: Vec<_> = signed.into_iter().map(|signed| check_transaction(signed, &RULES)).collect();
    assert_eq!(many, one);
}

#[test]
fn nothing_and_one() {
    check(vec![], &[]);
    check(vec![good(1)], &[]);
}

#[test]
fn good_ones_across_the_bounds_of_batches() {
    check((0..400).map(good).collect(), &[]);
}

#[test]
fn bad_ones_are_named_and_the_rest_taken() {
    let mut signed: Vec<_> = (0..300).map(good).collect();
    signed[0].signatures[2].signature.0[40] ^= 1;
    signed[150].bytes.push(0);
    signed[151] = sign(&transaction(151, NetworkId(Hash([8; 32]))), &[1]);
    let signer = signed[299].signatures[0].key;
    let another = good(0).signatures.into_iter().map(|entry| entry.key).find(|key| *key != signer);
    signed[299].signatures.truncate(1);
    signed[299].signatures[0].key = another.unwrap();
    check(signed, &[0, 150, 151, 299]);
}

#[test]
fn a_signature_for_another_transaction_is_refused() {
    let mut signed = good(1);
    signed.signatures = good(2).signatures;
    let hash = signed.hash();
    let key = signed.signatures[0].key;
    assert_eq!(check_transaction(signed, &RULES), Err(CheckError::Signature { key, hash }));
}

#[test]
fn form_comes_before_signatures() {
    let mut signed = good(3);
    signed.signatures.reverse();
    assert_eq!(check_transaction(signed, &RULES), Err(CheckError::Form(FormError::SignaturesNotSorted)));
}
