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

/// What governance brings along: keys that are keys, and signatures of consensus keys.
#[test]
fn what_a_transaction_carries_is_checked_with_it() {
    let rules = FormRules { transfers_per_tx_max: 1000, ..RULES };
    use crate::test_keys::{possession, public_key, secret, sign as sign_bls};
    use concordat_types::{BlockId, Height, Proposal};
    let (key, other) = (public_key(&secret(1)), public_key(&secret(2)));
    let good_possession = possession(&secret(1));
    let good_key = Ed25519PublicKey(VerificationKeyBytes::from(&SigningKey::from([9; 32])).into());
    // The point of order one: anybody signs for it.
    let mut identity = [0; 32];
    identity[0] = 1;
    let bad_key = Ed25519PublicKey(identity);
    let propose = |change| {
        let proposal =
            Proposal { change, reason: String::new(), expires_at: Timestamp(1), execute_at: None, forced: false };
        Operation::Propose(proposal)
    };
    let rotate = |key, possession| propose(Change::RotateConsensusKey { key, possession });
    let group = |key| KeyGroup { k: 1, keys: vec![good_key, key] };
    let member = |operator: Ed25519PublicKey| Member {
        id: MemberId::new("bank-n").unwrap(),
        legal_name: String::new(),
        lei: String::new(),
        bic: String::new(),
        roles: concordat_types::Roles::BANK,
        status: concordat_types::MemberStatus::Filed,
        frozen: Default::default(),
        admin_keys: group(good_key),
        recovery_keys: group(good_key),
        operator_keys: vec![concordat_types::member::OperatorKey { key: operator, rights: Default::default() }],
        access_keys: Vec::new(),
        node: None,
        validator: None,
    };
    let join = |operator, key, possession| {
        let validator = Some(ValidatorRecord { key, possession, power: 1 });
        Operation::FileJoin(Box::new(concordat_types::JoinRequest { member: member(operator), validator }))
    };
    let invite = |key| {
        let member = MemberId::new("bank-n").unwrap();
        Operation::Invite(concordat_types::Invite { member, lei: String::new(), key, expires_at: Timestamp(1) })
    };
    let (height, block) = (Height(7), BlockId(Hash([5; 32])));
    let caught_up = |network: NetworkId, height, block| {
        let signature = sign_bls(&secret(1), &CaughtUp::message(&network, height, &block));
        Operation::ProveCaughtUp(CaughtUp { height: Height(7), block: BlockId(Hash([5; 32])), key, signature })
    };
    let cases = [
        (rotate(key, good_possession), None),
        (rotate(other, good_possession), Some(CheckError::Possession(other))),
        (rotate(BlsPublicKey([1; 48]), good_possession), Some(CheckError::NotAPoint)),
        (
            propose(Change::AddValidator {
                member: MemberId::new("bank-n").unwrap(),
                key: other,
                possession: good_possession,
                power: 1,
            }),
            Some(CheckError::Possession(other)),
        ),
        (propose(Change::SetAdminKeys(group(good_key))), None),
        (propose(Change::SetAdminKeys(group(bad_key))), Some(CheckError::Key(bad_key))),
        (propose(Change::SetRecoveryKeys(group(bad_key))), Some(CheckError::Key(bad_key))),
        (
            propose(Change::ResetAdminKeys { member: MemberId::new("bank-n").unwrap(), admin_keys: group(bad_key) }),
            Some(CheckError::Key(bad_key)),
        ),
        (
            propose(Change::AddOperatorKey(concordat_types::member::OperatorKey {
                key: bad_key,
                rights: Default::default(),
            })),
            Some(CheckError::Key(bad_key)),
        ),
        (invite(good_key), None),
        (invite(bad_key), Some(CheckError::Key(bad_key))),
        (join(good_key, key, good_possession), None),
        (join(bad_key, key, good_possession), Some(CheckError::Key(bad_key))),
        (join(good_key, other, good_possession), Some(CheckError::Possession(other))),
        (caught_up(RULES.network, height, block), None),
        (caught_up(NetworkId(Hash([8; 32])), height, block), Some(CheckError::CaughtUp(key))),
        (caught_up(RULES.network, Height(8), block), Some(CheckError::CaughtUp(key))),
        (caught_up(RULES.network, height, BlockId(Hash([6; 32]))), Some(CheckError::CaughtUp(key))),
    ];
    for (operation, error) in cases {
        let transaction = Transaction { operations: vec![operation.clone()], ..transaction(1, RULES.network) };
        let outcome = check_transaction(sign(&transaction, &[1]), &rules).err();
        assert_eq!(outcome, error, "{operation:?}");
        let many = check_transactions(vec![good(1), sign(&transaction, &[1])], &rules);
        assert_eq!(many[1].as_ref().err(), error.as_ref(), "{operation:?}");
    }
    let twice = vec![rotate(key, good_possession), caught_up(RULES.network, height, block)];
    let transaction = Transaction { operations: twice, ..transaction(1, RULES.network) };
    let outcome = check_transaction(sign(&transaction, &[1]), &rules).err();
    assert_eq!(outcome, Some(CheckError::TooManyConsensusKeys));
}
