//! A network that is small enough for things to meet: four banks, a central bank, a supervisor; three assets.

use concordat_types::{
    AccountId, AccountName, Amount, Asset, AssetCode, AssetKind, BlsPublicKey, BlsSignature, CheckedTransaction,
    Ed25519PublicKey, Ed25519Signature, Genesis, Member, MemberId, MemberStatus, NetworkId, Operation, Parameters,
    Rights, Roles, SignedTransaction, Tag, Timestamp, Transaction, Uuid, Verified, encode,
    member::{KeyGroup, OperatorKey, ValidatorRecord},
    names::AccountPath,
    transaction::{FormRules, TransactionSignature},
};
use std::sync::Arc;

pub const START: Timestamp = Timestamp(1_700_000_000_000);
pub const WINDOW_MS: u64 = 48 * 3_600_000;
pub const BANKS: [&str; 4] = ["bank-a", "bank-b", "bank-c", "bank-d"];
pub const CENTRAL_BANK: &str = "central-bank";
pub const SUPERVISOR: &str = "supervisor";

/// Every member has the keys NAME with every right, NAME.maker with all but `approve`, NAME.checker with `approve`, and
/// one for each right alone.
pub const KEYS: &[(&str, Rights)] = &[
    ("", Rights::ALL),
    (".maker", Rights(Rights::ALL.0 & !Rights::APPROVE.0)),
    (".checker", Rights::APPROVE),
    (".pay", Rights::PAY),
    (".accounts", Rights::ACCOUNTS),
    (".issue", Rights::ISSUE),
    (".read", Rights::READ),
    (".limits", Rights::LIMITS),
    (".freeze", Rights::FREEZE),
    (".assets", Rights::ASSETS),
];

pub fn member_id(name: &str) -> MemberId {
    MemberId::new(name).unwrap()
}

pub fn asset_code(code: &str) -> AssetCode {
    AssetCode::new(code).unwrap()
}

pub fn key(member: MemberId, suffix: &str) -> Ed25519PublicKey {
    Ed25519PublicKey(Tag::RECORD.hash(&[b"key", member.as_str().as_bytes(), suffix.as_bytes()]).0)
}

/// `bank-a/EUR/main`.
pub fn account_id(path: &str) -> AccountId {
    AccountId::new(&path.parse::<AccountPath>().unwrap())
}

pub fn account_name(name: &str) -> AccountName {
    AccountName::new(name).unwrap()
}

fn member(name: &str) -> Member {
    let id = member_id(name);
    let group = |kind: &str| KeyGroup { k: 1, keys: vec![key(id, kind)] };
    let mut consensus = [0; 48];
    consensus[..32].copy_from_slice(&key(id, ":bls").0);
    let roles = match name {
        CENTRAL_BANK => Roles::CENTRAL_BANK,
        SUPERVISOR => Roles::SUPERVISOR,
        _ => Roles::BANK,
    };
    let validator = ValidatorRecord { key: BlsPublicKey(consensus), possession: BlsSignature([0; 96]), power: 100 };
    Member {
        id,
        legal_name: name.to_string(),
        lei: String::new(),
        bic: String::new(),
        roles,
        status: MemberStatus::Active,
        frozen: Default::default(),
        admin_keys: group(":admin"),
        recovery_keys: group(":recovery"),
        operator_keys: KEYS
            .iter()
            .map(|(suffix, rights)| OperatorKey { key: key(id, suffix), rights: *rights })
            .collect(),
        access_keys: vec![],
        node: None,
        validator: Some(validator),
    }
}

pub fn genesis() -> Genesis {
    let asset = |code: &str, issuer: &str, kind, quota| Asset {
        code: asset_code(code),
        decimals: 2,
        issuer: member_id(issuer),
        kind,
        quota,
        frozen: false,
    };
    let genesis = Genesis {
        version: 1,
        name: "model".to_string(),
        time: START,
        trial: true,
        parameters: Parameters { id_window_ms: WINDOW_MS, ..Parameters::default() },
        members: BANKS.into_iter().chain([CENTRAL_BANK, SUPERVISOR]).map(member).collect(),
        assets: vec![
            // So much that counters run over.
            asset("BIG", "bank-b", AssetKind::Security, Amount::MAX),
            asset("EUR", CENTRAL_BANK, AssetKind::CentralBankMoney, 1_000_000),
            asset("TOK.A", "bank-a", AssetKind::DepositToken, 5_000),
        ],
    };
    genesis.check().unwrap();
    genesis
}

pub fn network() -> NetworkId {
    NetworkId(Tag::GENESIS.hash(&[b"model"]))
}

/// Id number n, made at a time.
pub fn id_at(number: u64, time: Timestamp) -> Uuid {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    // The two highest bits of the number's first byte are the id's variant.
    assert!(number < 1 << 62);
    Uuid::from_parts(time, random)
}

pub fn transaction(
    submitter: MemberId,
    id: Uuid,
    valid_until: Timestamp,
    signers: &[Ed25519PublicKey],
    operations: Vec<Operation>,
) -> Transaction {
    let mut signers = signers.to_vec();
    signers.sort_unstable();
    signers.dedup();
    Transaction { version: 1, network: network(), submitter, id, valid_until, signers, operations }
}

/// As it comes out of `crypto`, its form checked. Nothing below looks at the signatures themselves.
pub fn checked(transaction: &Transaction) -> Arc<Verified<CheckedTransaction>> {
    let bytes = encode(transaction);
    let signature = |key: &Ed25519PublicKey| TransactionSignature { key: *key, signature: Ed25519Signature([0; 64]) };
    let signed = SignedTransaction { signatures: transaction.signers.iter().map(signature).collect(), bytes };
    let parameters = Parameters::default();
    let rules = FormRules {
        network: network(),
        tx_bytes_max: parameters.tx_bytes_max as usize,
        transfers_per_tx_max: parameters.transfers_per_tx_max as usize,
    };
    let transaction = signed.parse(&rules).expect("only transactions of good form are made");
    let hash = signed.hash();
    Arc::new(Verified::attest_verified(CheckedTransaction { signed, transaction, hash }))
}
