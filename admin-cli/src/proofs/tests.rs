//! Files over a chain made here: four validators of a genesis, of whom one is replaced at height 10.

use super::*;
use blst::min_pk::{AggregateSignature, SecretKey};
use concordat_crypto::{
    Anchor,
    bls::{POSSESSION_DST, SIGNATURE_DST},
};
use concordat_ledger::{
    BlockEvent, LeafPlace, OperationResult, StateKey, StateTree, StateValue, TransactionResult, result_leaves,
    results_root,
};
use concordat_types::{
    Account, AccountId, Bitmap, BlockId, BlsPublicKey, BlsSignature, Certificate, CertificateKind, CheckedTransaction,
    Ed25519PublicKey, Ed25519Signature, Genesis, Hash, Header, Height, Member, MemberId, MemberStatus, NetworkId,
    Operation, Parameters, PendingRef, Purpose, RECOVERY_EPOCH, Reference, ResultCode, Roles, Round, SignedTransaction,
    Timestamp, Transaction, Transfer, Uuid, Validator, ValidatorIndex, ValidatorSet, encode,
    member::{Frozen, KeyGroup, ValidatorRecord},
    money::AccountFlags,
    names::AccountPath,
    transaction::TransactionSignature,
};

const TIME: Timestamp = Timestamp(1_700_000_000_000);
/// The first height that the second set decides.
const SECOND: u64 = 10;

fn secret(number: u8) -> SecretKey {
    SecretKey::key_gen(&[number; 32], &[]).expect("32 bytes are enough")
}

fn public(number: u8) -> BlsPublicKey {
    BlsPublicKey(secret(number).sk_to_pk().to_bytes())
}

fn member_id(number: u8) -> MemberId {
    format!("bank-{}", char::from(b'a' + number)).parse().expect("a name")
}

fn member(number: u8) -> Member {
    // Points of the curve: the public halves of RFC 8032's first seeds are not needed, only that they are keys.
    let key = |place: u8| concordat_keys::SecretKey::from_seed(&[number * 4 + place; 32]).public_key();
    let group = |place| KeyGroup { k: 1, keys: vec![key(place)] };
    let possession = secret(number).sign(&public(number).0, POSSESSION_DST, &[]).to_bytes();
    Member {
        id: member_id(number),
        legal_name: "A bank".to_owned(),
        lei: String::new(),
        bic: String::new(),
        roles: Roles::BANK,
        status: MemberStatus::Active,
        frozen: Frozen::default(),
        admin_keys: group(0),
        recovery_keys: group(1),
        operator_keys: Vec::new(),
        access_keys: Vec::new(),
        node: None,
        validator: Some(ValidatorRecord { key: public(number), possession: BlsSignature(possession), power: 100 }),
    }
}

fn genesis() -> Genesis {
    Genesis {
        version: Genesis::VERSION,
        name: "made up".to_owned(),
        time: TIME,
        trial: true,
        parameters: Parameters::default(),
        members: (0..4).map(member).collect(),
        assets: Vec::new(),
    }
}

fn network() -> NetworkId {
    genesis().network_id()
}

fn set(numbers: impl Iterator<Item = u8>) -> ValidatorSet {
    let validator = |number| Validator { member: member_id(number), key: public(number), power: 100 };
    ValidatorSet::new(numbers.map(validator).collect()).expect("in order")
}

fn set_at(height: u64) -> ValidatorSet {
    if height < SECOND { set(0..4) } else { set(1..5) }
}

fn path(text: &str) -> AccountPath {
    text.parse().expect("a path")
}

fn account() -> Account {
    let AccountPath { member, asset, name } = path("bank-a/EUR/main");
    Account {
        owner: member,
        asset,
        name,
        flags: AccountFlags::default(),
        parent: None,
        customer: None,
        tier: None,
        children: 0,
        debits_posted: 1,
        credits_posted: 100,
        debits_pending: 0,
        credits_pending: 0,
        blinding: [9; 16],
    }
}

fn tree() -> StateTree {
    let others = (0..50u8).map(|number| {
        let key = StateKey::Account(AccountId([number; 16]));
        (key, StateValue::Account(Account { blinding: [number; 16], ..account() }))
    });
    let own = [
        (StateKey::Account(AccountId::new(&path("bank-a/EUR/main"))), StateValue::Account(account())),
        (StateKey::Member(member_id(1)), StateValue::Member(member(1))),
    ];
    StateTree::from_leaves(others.chain(own))
}

fn transfer() -> Transfer {
    Transfer {
        id: Uuid::from_parts(TIME, [1; 10]),
        debit_account: AccountId::new(&path("bank-a/EUR/main")),
        credit_account: AccountId::new(&path("bank-b/EUR/main")),
        amount: 1250,
        reference: Reference::new("INV-7").expect("a reference"),
        purpose: Purpose::new("SALA").expect("a purpose"),
        document: None,
    }
}

/// A payment, and the acceptance of an offer, which has no id of its own.
fn transactions() -> Vec<CheckedTransaction> {
    let named = PendingRef { submitter: member_id(1), id: Uuid::from_parts(TIME, [3; 10]) };
    let operations = [Operation::Transfer(transfer()), Operation::Accept { offer: named }];
    let checked = |(number, operation): (u8, Operation)| {
        let transaction = Transaction {
            version: Transaction::VERSION,
            network: network(),
            submitter: member_id(0),
            id: Uuid::from_parts(TIME, [10 + number; 10]),
            valid_until: TIME,
            signers: vec![Ed25519PublicKey([4; 32])],
            operations: vec![operation],
        };
        let signature = TransactionSignature { key: Ed25519PublicKey([4; 32]), signature: Ed25519Signature([5; 64]) };
        let signed = SignedTransaction { bytes: encode(&transaction), signatures: vec![signature] };
        CheckedTransaction { hash: signed.hash(), transaction, signed }
    };
    (0..).zip(operations).map(checked).collect()
}

fn results() -> Vec<TransactionResult> {
    let operation = OperationResult { code: ResultCode::Ok, transfers: vec![], repeats: vec![], bookings: vec![] };
    vec![TransactionResult { repeat: false, operations: vec![operation] }; 2]
}

fn events() -> Vec<BlockEvent> {
    vec![BlockEvent::HoldExpired(PendingRef { submitter: member_id(2), id: Uuid::from_parts(TIME, [2; 10]) })]
}

fn header(height: u64) -> Header {
    let hash = |byte| Hash([byte; 32]);
    Header {
        version: Header::VERSION,
        network: network(),
        height: Height(height),
        time: Timestamp(TIME.0 + height * 1000),
        parent: BlockId(hash(1)),
        batches_root: hash(2),
        transactions_root: hash(3),
        results_root: results_root(&result_leaves(transactions().iter(), &results(), &events())),
        state_root: tree().root(),
        validators: set_at(height).hash(),
        next_validators: set_at(height + 1).hash(),
        parameters: hash(4),
        last_certificate: hash(5),
        participation: hash(6),
        evidence_root: hash(7),
        proposer: member_id(1),
    }
}

fn certificate(header: &Header) -> Certificate {
    let set = set_at(header.height.0);
    let (kind, height, block) = (CertificateKind::Commit, header.height, header.id());
    let (mut signers, round, valid_round) = (Bitmap::new(set.len()), Round(1), None);
    let mut certificate = Certificate {
        kind,
        height,
        round,
        valid_round,
        block,
        signers: signers.clone(),
        signature: BlsSignature([0; 96]),
    };
    let message = certificate.vote().sign_bytes(network(), RECOVERY_EPOCH);
    let signatures: Vec<_> = (0..3u16)
        .map(|place| {
            signers.insert(ValidatorIndex(place));
            let number = place as u8 + u8::from(header.height.0 >= SECOND);
            secret(number).sign(&message, SIGNATURE_DST, &[])
        })
        .collect();
    let references: Vec<_> = signatures.iter().collect();
    let aggregate = AggregateSignature::aggregate(&references, false).expect("three good signatures");
    certificate.signature = BlsSignature(aggregate.to_signature().to_bytes());
    certificate.signers = signers;
    certificate
}

fn finality(anchor: u64, height: u64) -> v1::FinalityProof {
    let change = header(SECOND - 1);
    let changes = (anchor + 2..=height).contains(&SECOND).then(|| v1::finality_proof::SetChange {
        header: encode(&change),
        certificate: encode(&certificate(&change)),
        next_validators: encode(&set_at(SECOND)),
    });
    v1::FinalityProof {
        network_id: network().0.0.to_vec(),
        header: encode(&header(height)),
        certificate: encode(&certificate(&header(height))),
        set_changes: changes.into_iter().collect(),
        checkpoint: (anchor > 0).then(|| v1::finality_proof::Checkpoint {
            header: encode(&header(anchor)),
            next_validators: encode(&set_at(anchor + 1)),
        }),
    }
}

fn receipt(place: LeafPlace, anchor: u64) -> String {
    let made = Receipt::of(&transactions(), &results(), &events(), place).expect("it is there");
    let subject = match made.subject {
        concordat_ledger::Subject::Transfer(bytes) => Some(v1::receipt::Subject::Transfer(bytes)),
        concordat_ledger::Subject::Operation(bytes) => Some(v1::receipt::Subject::Operation(bytes)),
        concordat_ledger::Subject::Transaction(bytes) => Some(v1::receipt::Subject::Transaction(bytes)),
        concordat_ledger::Subject::Event => None,
    };
    let (leaf, path) = (encode(&made.leaf), encode(&made.path));
    let receipt = v1::Receipt { finality: Some(finality(anchor, 20)), leaf, path, subject };
    receipt_file(&receipt, network()).expect("it hangs together").0
}

fn proof(of: ProofOf, anchor: u64) -> String {
    let key = match &of {
        ProofOf::Account(text) => StateKey::Account(AccountId::new(&path(text))),
        ProofOf::Member(member) => StateKey::Member(*member),
    };
    let value = match &of {
        ProofOf::Account(text) if text == "bank-a/EUR/main" => Some(StateValue::Account(account())),
        ProofOf::Member(member) if *member == member_id(1) => Some(StateValue::Member(self::member(1))),
        _ => None,
    };
    let (value, proof) = (value.map(|value| encode(&value)), encode(&tree().prove(&key)));
    let proof = v1::StateProof { finality: Some(finality(anchor, 20)), key: key.to_bytes(), value, proof };
    proof_file(&proof, of, network()).expect("it hangs together").0
}

const PAYMENT: LeafPlace = LeafPlace::Item { tx_index: 0, operation: 0, item: 0 };
const ACCEPTANCE: LeafPlace = LeafPlace::Item { tx_index: 1, operation: 0, item: 0 };

fn from_genesis() -> Anchor {
    Anchor::genesis(&genesis()).expect("a good genesis")
}

fn from_checkpoint(height: u64) -> Anchor {
    Anchor::Checkpoint { height: Height(height), block: header(height).id() }
}

/// One of each kind, with what it is verified by.
fn files() -> Vec<(&'static str, String, Anchor)> {
    let account = |name: &str| ProofOf::Account(format!("bank-a/EUR/{name}"));
    vec![
        ("payment", receipt(PAYMENT, 0), from_genesis()),
        ("acceptance", receipt(ACCEPTANCE, 5), from_checkpoint(5)),
        ("event", receipt(LeafPlace::Event { index: 0 }, 15), from_checkpoint(15)),
        ("account", proof(account("main"), 0), from_genesis()),
        ("no account", proof(account("none"), 5), from_checkpoint(5)),
        ("member", proof(ProofOf::Member(member_id(1)), 15), from_checkpoint(15)),
        ("no member", proof(ProofOf::Member(member_id(7)), 0), from_genesis()),
    ]
}

#[test]
fn files_verify_and_say_what_is_proved() {
    for (name, text, anchor) in files() {
        let outcome = verify(text.as_bytes(), &anchor).unwrap_or_else(|error| panic!("{name}: {error}"));
        let says = &outcome.says;
        assert_eq!((&says["height"], outcome.signers), (&20.into(), (3, 4)), "{name}");
        match name {
            "payment" => {
                assert_eq!((&says["result"], &says["operation"]["amount_minor"]), (&0.into(), &"1250".into()));
                assert_eq!((outcome.set_changes, outcome.at.anchor_height), (1, Height(0)));
            }
            "acceptance" => assert_eq!(says["operation"]["kind"], "accept"),
            "event" => assert_eq!(says["event"]["kind"], "hold_expired"),
            "account" => assert_eq!((&says["exists"], &says["account"]["balance_minor"]), (&true.into(), &"99".into())),
            "member" => assert_eq!((&says["exists"], &says["member"]["status"]), (&true.into(), &"active".into())),
            _ => assert_eq!(says["exists"], false, "{name}"),
        }
    }
}

/// What each part of a file is named when it was altered.
const PARTS: &[(&str, Part)] = &[
    ("/network_id", Part::Network),
    ("/leaf", Part::Leaf),
    ("/path", Part::Path),
    ("/proof", Part::Path),
    ("/subject/transfer", Part::Subject),
    ("/subject/transaction", Part::Subject),
    ("/key", Part::Key),
    ("/value", Part::Value),
    ("/of/account", Part::Key),
    ("/finality/header", Part::Header),
    ("/finality/certificate", Part::Certificate),
    ("/finality/set_changes/0/header", Part::SetChange),
    ("/finality/set_changes/0/certificate", Part::SetChange),
    ("/finality/set_changes/0/next_validators", Part::SetChange),
    ("/finality/anchor/checkpoint/header", Part::Anchor),
    ("/finality/anchor/checkpoint/next_validators", Part::Anchor),
];

/// Every byte of every file, the last bit of each: none verifies, and within a part the error names it.
#[test]
fn every_changed_byte_is_named() {
    for (name, text, anchor) in files() {
        let file: Value = serde_json::from_str(&text).expect("JSON");
        let values = PARTS.iter().filter_map(|(pointer, part)| Some((file.pointer(pointer)?.as_str()?, *part)));
        let ranges: Vec<_> = values
            .map(|(value, part)| {
                let begin = text.rfind(&format!("\"{value}\"")).expect("it stands in the file") + 1;
                (begin..begin + value.len(), part)
            })
            .collect();
        let says = text.find("\"says\": {").expect("it says something")..text.find("\n  },").expect("an end");
        for place in 0..text.len() {
            let mut altered = text.clone().into_bytes();
            altered[place] ^= 1;
            let Err(error) = verify(&altered, &anchor) else { panic!("{name}: byte {place} was altered unseen") };
            match ranges.iter().find(|(range, _)| range.contains(&place)) {
                Some((_, part)) => assert_eq!(error.part, *part, "{name}, byte {place}: {error}"),
                None if says.contains(&place) => {
                    assert!(matches!(error.part, Part::Says | Part::Form), "{name}, byte {place}: {error}");
                }
                None => assert!(matches!(error.part, Part::Form | Part::Key), "{name}, byte {place}: {error}"),
            }
        }
    }
}

#[test]
fn what_is_trusted_decides() {
    let refused = |text: &str, anchor: &Anchor| verify(text.as_bytes(), anchor).expect_err("it does not fit").part;
    let (payment, later) = (receipt(PAYMENT, 0), receipt(PAYMENT, 15));
    assert_eq!(refused(&payment, &from_checkpoint(5)), Part::Anchor);
    assert_eq!(refused(&later, &from_genesis()), Part::Anchor);
    assert_eq!(refused(&later, &from_checkpoint(14)), Part::Anchor);
    let other = Genesis { name: "another".to_owned(), ..genesis() };
    assert_eq!(refused(&payment, &Anchor::genesis(&other).expect("a good genesis")), Part::Network);
}

#[test]
fn what_a_file_says_may_be_left_out_but_not_altered() {
    let mut file: ReceiptFile = serde_json::from_str(&receipt(PAYMENT, 0)).expect("written by us");
    let check =
        |file: &ReceiptFile| verify(text_of(file).as_bytes(), &from_genesis()).map_err(|error| error.to_string());
    let says = file.says.clone().expect("it says something");
    file.says = None;
    assert_eq!(check(&file).map(|outcome| outcome.says), Ok(says.0.clone()));
    let mut more = says.clone();
    more.0["remark"] = "approved".into();
    file.says = Some(more);
    assert_eq!(check(&file), Err("says: says.remark is \"approved\", proved is not there".to_owned()));
    let mut other = says;
    other.0["operation"]["amount_minor"] = "9".into();
    file.says = Some(other);
    assert_eq!(check(&file), Err("says: says.operation.amount_minor is \"9\", proved is \"1250\"".to_owned()));
}

#[test]
fn another_form_is_refused() {
    let good = receipt(PAYMENT, 0);
    for text in [
        "",
        "{}",
        "[]",
        &good.replace("concordat.receipt.v1", "concordat.receipt.v2"),
        &good.replace("concordat.receipt.v1", "concordat.proof.v1"),
        &good.replacen('{', "{\"remark\": 1,", 1),
        &good.replacen("\"leaf\":", "\"leaf\": \"00\", \"leaf\":", 1),
        &format!("{good} x"),
    ] {
        let error = verify(text.as_bytes(), &from_genesis()).expect_err("another form");
        assert_eq!(error.part, Part::Form, "{error}");
    }
    let upper = good.replace(&network().to_string(), &network().to_string().to_uppercase());
    assert_eq!(verify(upper.as_bytes(), &from_genesis()).expect_err("upper case").part, Part::Network);
}
