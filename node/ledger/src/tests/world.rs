//! A small network: a central bank that issues EUR and USD, and the banks a, b and c.

use crate::{
    MemoryState,
    genesis::genesis_state,
    state::{StateKey, StateValue},
};
use alloc::{format, string::ToString, sync::Arc, vec, vec::Vec};
use concordat_types::{
    Account, AccountId, AccountName, Amount, Asset, AssetCode, AssetKind, BlsPublicKey, BlsSignature, BusinessDate,
    CheckedTransaction, Ed25519PublicKey, Ed25519Signature, FreezeTarget, Genesis, Hold, HoldSide, Leg, LimitScope,
    Limits, Member, MemberId, MemberStatus, NetworkId, Offer, OpenAccount, Operation, Parameters, Purpose, Reference,
    Rights, Roles, SignedTransaction, Tag, Tier, Timestamp, Transaction, Transfer, Uuid, Verified, encode,
    member::{Frozen, KeyGroup, OperatorKey, ValidatorRecord},
    money::AccountFlags,
    names::AccountPath,
    transaction::TransactionSignature,
};

pub const NOW: Timestamp = Timestamp(1_700_000_000_000);
pub const QUOTA: Amount = 1_000_000;
pub const WINDOW_MS: u64 = 48 * 3_600_000;

pub fn member_id(name: &str) -> MemberId {
    MemberId::new(name).unwrap()
}

pub fn asset_code(code: &str) -> AssetCode {
    AssetCode::new(code).unwrap()
}

/// Keys are named `bank-a` (every right) and `bank-a.read` (no right but to read), `bank-a.pay` and so on.
pub fn key(name: &str) -> Ed25519PublicKey {
    Ed25519PublicKey(Tag::RECORD.hash(&[b"key", name.as_bytes()]).0)
}

pub fn member(name: &str) -> Member {
    let rights = [
        ("", Rights::ALL),
        (".read", Rights::READ),
        (".pay", Rights::PAY),
        (".accounts", Rights::ACCOUNTS),
        (".issue", Rights::ISSUE),
        (".approve", Rights::APPROVE),
        (".limits", Rights::LIMITS),
        (".freeze", Rights::FREEZE),
        (".assets", Rights::ASSETS),
    ];
    let operator = |(suffix, rights)| OperatorKey { key: key(&format!("{name}{suffix}")), rights };
    let group = |kind: &str| KeyGroup { k: 1, keys: vec![key(&format!("{name}:{kind}"))] };
    let mut consensus = [0; 48];
    consensus[..32].copy_from_slice(&key(&format!("{name}:bls")).0);
    Member {
        id: member_id(name),
        legal_name: name.to_string(),
        lei: "".to_string(),
        bic: "".to_string(),
        roles: if name == "central-bank" { Roles::CENTRAL_BANK } else { Roles::BANK },
        status: MemberStatus::Active,
        frozen: Frozen::default(),
        admin_keys: group("admin"),
        recovery_keys: group("recovery"),
        operator_keys: rights.into_iter().map(operator).collect(),
        access_keys: vec![],
        node: None,
        validator: Some(ValidatorRecord {
            key: BlsPublicKey(consensus),
            possession: BlsSignature([0; 96]),
            power: 100,
        }),
    }
}

pub fn genesis() -> Genesis {
    let asset = |code| Asset {
        code: asset_code(code),
        decimals: 2,
        issuer: member_id("central-bank"),
        kind: AssetKind::CentralBankMoney,
        quota: QUOTA,
        frozen: false,
    };
    let genesis = Genesis {
        version: 1,
        name: "test".to_string(),
        time: NOW,
        trial: true,
        parameters: Parameters::default(),
        members: ["bank-a", "bank-b", "bank-c", "central-bank"].map(member).to_vec(),
        assets: vec![asset("EUR"), asset("USD")],
    };
    genesis.check().unwrap();
    genesis
}

/// A is `bank-a/EUR/main`, A2 `bank-a/EUR/2`, AUSD `bank-a/USD/main`; so for B and C. `issuance` is that of EUR.
pub fn path(name: &str) -> AccountPath {
    if name == "issuance" {
        return "central-bank/EUR/issuance".parse().unwrap();
    }
    if name.contains('/') {
        return name.parse().unwrap();
    }
    let member = format!("bank-{}", name[..1].to_lowercase());
    let (asset, account) = match &name[1..] {
        "" => ("EUR", "main"),
        "USD" => ("USD", "main"),
        other => ("EUR", other),
    };
    format!("{member}/{asset}/{account}").parse().unwrap()
}

pub fn account_id(name: &str) -> AccountId {
    AccountId::new(&path(name))
}

pub fn empty_account(name: &str) -> Account {
    let AccountPath { member, asset, name } = path(name);
    Account {
        owner: member,
        asset,
        name,
        flags: AccountFlags::default(),
        parent: None,
        customer: None,
        tier: None,
        children: 0,
        debits_posted: 0,
        credits_posted: 0,
        debits_pending: 0,
        credits_pending: 0,
        blinding: [7; 16],
    }
}

/// Genesis with the accounts A, A2, AUSD, B, BUSD and C, all empty.
pub fn world() -> MemoryState {
    let mut world = MemoryState::new(genesis_state(&genesis()));
    for name in ["A", "A2", "AUSD", "B", "BUSD", "C"] {
        put_account(&mut world, empty_account(name));
    }
    world
}

pub fn put_account(world: &mut MemoryState, account: Account) {
    world.state.insert(StateKey::Account(AccountId::new(&account.path())), StateValue::Account(account));
}

pub fn account_mut<'w>(world: &'w mut MemoryState, name: &str) -> &'w mut Account {
    match world.state.get_mut(&StateKey::Account(account_id(name))) {
        Some(StateValue::Account(account)) => account,
        _ => panic!("no account {name}"),
    }
}

pub fn member_mut<'w>(world: &'w mut MemoryState, name: &str) -> &'w mut Member {
    match world.state.get_mut(&StateKey::Member(member_id(name))) {
        Some(StateValue::Member(member)) => member,
        _ => panic!("no member {name}"),
    }
}

pub fn asset_mut<'w>(world: &'w mut MemoryState, code: &str) -> &'w mut Asset {
    match world.state.get_mut(&StateKey::Asset(asset_code(code))) {
        Some(StateValue::Asset(asset)) => asset,
        _ => panic!("no asset {code}"),
    }
}

/// Money as if it had been issued: conservation holds.
pub fn fund(world: &mut MemoryState, name: &str, amount: Amount) {
    let issuance = format!("central-bank/{}/issuance", path(name).asset).parse().unwrap();
    match world.state.get_mut(&StateKey::Account(AccountId::new(&issuance))) {
        Some(StateValue::Account(account)) => account.debits_posted += amount,
        _ => panic!("no issuance account"),
    }
    account_mut(world, name).credits_posted += amount;
}

/// Id number n, made at a time.
pub fn id_at(number: u64, time: Timestamp) -> Uuid {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.to_be_bytes());
    Uuid::from_parts(time, random)
}

pub fn transfer(id: Uuid, debit: &str, credit: &str, amount: Amount) -> Transfer {
    Transfer {
        id,
        debit_account: account_id(debit),
        credit_account: account_id(credit),
        amount,
        reference: Reference::new("").unwrap(),
        purpose: Purpose::new("").unwrap(),
        document: None,
    }
}

pub fn issue(id: Uuid, asset: &str, credit: &str, amount: Amount) -> Operation {
    let reference = Reference::new("").unwrap();
    Operation::Issue { id, asset: asset_code(asset), credit_account: account_id(credit), amount, reference }
}

pub fn open(asset: &str, name: &str) -> Operation {
    let (asset, name) = (asset_code(asset), AccountName::new(name).unwrap());
    Operation::OpenAccount(OpenAccount { asset, name, parent: None, customer: None, tier: None })
}

pub fn open_below(asset: &str, name: &str, parent: &str, tier: Option<&str>) -> Operation {
    Operation::OpenAccount(OpenAccount {
        asset: asset_code(asset),
        name: AccountName::new(name).unwrap(),
        parent: (parent != "top").then(|| account_id(parent)),
        customer: None,
        tier: tier.map(|tier| Tier(tier.parse().unwrap())),
    })
}

pub fn redeem(id: Uuid, account: &str, amount: Amount) -> Operation {
    Operation::Redeem { id, debit_account: account_id(account), amount, reference: Reference::new("").unwrap() }
}

pub fn leg(debit: &str, credit: &str, amount: Amount) -> Leg {
    Leg { debit_account: account_id(debit), credit_account: account_id(credit), amount }
}

pub fn hold(id: Uuid, leg: Leg, expires_at: Timestamp, posted_by: HoldSide) -> Operation {
    let Leg { debit_account, credit_account, amount } = leg;
    let (reference, purpose) = (Reference::new("").unwrap(), Purpose::new("").unwrap());
    let document = None;
    Operation::Hold(Hold {
        id,
        debit_account,
        credit_account,
        amount,
        expires_at,
        posted_by,
        reference,
        purpose,
        document,
    })
}

pub fn offer(id: Uuid, legs: Vec<Leg>, deadline: Timestamp) -> Operation {
    Operation::Offer(Offer { id, legs, deadline, reference: Reference::new("").unwrap(), document: None })
}

/// `account:A`, `tier:EUR:2`, `member:EUR`, `pair:EUR:bank-b`.
pub fn scope_of(text: &str) -> LimitScope {
    match text.split(':').collect::<Vec<_>>()[..] {
        ["account", name] => LimitScope::Account(account_id(name)),
        ["tier", asset, tier] => LimitScope::Tier { asset: asset_code(asset), tier: Tier(tier.parse().unwrap()) },
        ["member", asset] => LimitScope::Member { asset: asset_code(asset) },
        ["pair", asset, member] => LimitScope::Bilateral { asset: asset_code(asset), counterparty: member_id(member) },
        _ => panic!("no scope {text}"),
    }
}

/// `transfer=5 day=10 net=3 balance=7 second=2`.
pub fn limits_of(words: &[&str]) -> Limits {
    let mut limits = Limits::default();
    for word in words {
        let (name, amount) = word.split_once('=').unwrap();
        let slot = match name {
            "transfer" => &mut limits.transfer_max,
            "day" => &mut limits.day_max,
            "net" => &mut limits.net_debit_max,
            "balance" => &mut limits.balance_max,
            "second" => &mut limits.second_key_above,
            _ => panic!("no limit {word}"),
        };
        *slot = Some(amount.parse().unwrap());
    }
    limits
}

/// `account:A`, `asset:EUR`, `member:bank-b`, and `debits`, `credits`, `both` or `none`.
pub fn freeze(target: &str, sides: &str) -> Operation {
    let target = match target.split_once(':').unwrap() {
        ("account", name) => FreezeTarget::Account(account_id(name)),
        ("asset", code) => FreezeTarget::Asset(asset_code(code)),
        ("member", name) => FreezeTarget::Member(member_id(name)),
        _ => panic!("no target {target}"),
    };
    let [debits, credits] = match sides {
        "debits" => [true, false],
        "credits" => [false, true],
        "both" => [true, true],
        _ => [false, false],
    };
    Operation::Freeze { target, debits, credits, reference: Reference::new("").unwrap() }
}

/// Days after the first block's.
pub fn day(days: u32) -> BusinessDate {
    BusinessDate::from_days(BusinessDate::of(NOW).days() + days).unwrap()
}

pub fn create_asset(code: &str, kind: &str, issuer: &str, quota: Amount) -> Operation {
    let kind = match kind {
        "token" => AssetKind::DepositToken,
        "security" => AssetKind::Security,
        _ => AssetKind::CentralBankMoney,
    };
    Operation::CreateAsset { code: asset_code(code), decimals: 2, kind, issuer: member_id(issuer), quota }
}

pub fn transaction(submitter: &str, id: Uuid, valid_until: Timestamp, operations: Vec<Operation>) -> Transaction {
    let network = NetworkId(Tag::GENESIS.hash(&[b"test"]));
    Transaction {
        version: 1,
        network,
        submitter: member_id(submitter),
        id,
        valid_until,
        signers: Vec::new(),
        operations,
    }
}

pub fn sign(mut transaction: Transaction, signers: &[&str]) -> Arc<Verified<CheckedTransaction>> {
    transaction.signers = signers.iter().map(|name| key(name)).collect();
    transaction.signers.sort_unstable();
    sign_by_signers(transaction)
}

/// By the keys that it names.
pub fn sign_by_signers(transaction: Transaction) -> Arc<Verified<CheckedTransaction>> {
    let bytes = encode(&transaction);
    let signature = |key: &Ed25519PublicKey| TransactionSignature { key: *key, signature: Ed25519Signature([0; 64]) };
    let signatures = transaction.signers.iter().map(signature).collect();
    let hash = Transaction::hash_of(&bytes);
    let signed = SignedTransaction { bytes, signatures };
    Arc::new(Verified::attest_verified(CheckedTransaction { signed, transaction, hash }))
}
