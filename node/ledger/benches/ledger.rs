//! What a payment costs on one thread, without signatures, state tree, network and disk.

use concordat_ledger::{BlockContext, Execution, MemoryState, StateKey, StateValue, execute, genesis_state};
use concordat_types::{
    Account, AccountId, AccountName, Asset, AssetCode, AssetKind, BatchMode, BlsPublicKey, BlsSignature,
    CheckedTransaction, Ed25519PublicKey, Ed25519Signature, Genesis, Hash, Height, Member, MemberId, MemberStatus,
    NetworkId, Operation, Parameters, Purpose, Reference, Rights, Roles, SignedTransaction, Timestamp, Transaction,
    Transfer, Uuid, Verified, encode,
    member::{Frozen, KeyGroup, OperatorKey, ValidatorRecord},
    money::AccountFlags,
    transaction::TransactionSignature,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::sync::Arc;

const NOW: Timestamp = Timestamp(1_700_000_000_000);
const TRANSFERS: u64 = 8190;
const ACCOUNTS_A_BANK: u64 = 5000;

fn name(text: &str) -> MemberId {
    MemberId::new(text).expect("a valid literal")
}

fn member(number: u8) -> Member {
    let rights = Rights::PAY | Rights::ACCOUNTS;
    let operator = |n: u8| OperatorKey { key: Ed25519PublicKey([number * 16 + n; 32]), rights };
    let group = KeyGroup { k: 1, keys: vec![Ed25519PublicKey([255; 32])] };
    Member {
        id: name(&format!("bank-{number}")),
        legal_name: format!("Bank {number}"),
        lei: String::new(),
        bic: String::new(),
        roles: Roles::BANK,
        status: MemberStatus::Active,
        frozen: Frozen::default(),
        admin_keys: group.clone(),
        recovery_keys: group,
        operator_keys: (0..16).map(operator).collect(),
        access_keys: Vec::new(),
        node: None,
        validator: Some(ValidatorRecord {
            key: BlsPublicKey([number; 48]),
            possession: BlsSignature([0; 96]),
            power: 100,
        }),
    }
}

fn account(bank: u8, number: u64) -> Account {
    Account {
        owner: name(&format!("bank-{bank}")),
        asset: AssetCode::new("EUR").expect("a valid literal"),
        name: AccountName::new(&format!("c-{number}")).expect("a valid literal"),
        flags: AccountFlags::default(),
        parent: None,
        customer: None,
        tier: None,
        children: 0,
        debits_posted: 0,
        credits_posted: 1_000_000,
        debits_pending: 0,
        credits_pending: 0,
        blinding: [7; 16],
    }
}

fn id_of(account: &Account) -> AccountId {
    AccountId::new(&account.path())
}

fn world() -> MemoryState {
    let eur = Asset {
        code: AssetCode::new("EUR").expect("a valid literal"),
        decimals: 2,
        issuer: name("bank-0"),
        kind: AssetKind::CentralBankMoney,
        quota: u128::MAX,
        frozen: false,
    };
    let genesis = Genesis {
        version: 1,
        name: "bench".into(),
        time: NOW,
        trial: true,
        parameters: Parameters::default(),
        members: (0..4).map(member).collect(),
        assets: vec![eur],
    };
    let mut world = MemoryState::new(genesis_state(&genesis));
    for bank in 0..4 {
        for number in 0..ACCOUNTS_A_BANK {
            let account = account(bank, number);
            world.state.insert(StateKey::Account(id_of(&account)), StateValue::Account(account));
        }
    }
    world
}

fn batch(mode: BatchMode) -> Arc<Verified<CheckedTransaction>> {
    let reference = Reference::new("0c8f1f4e-8a0e-4b6e-9d83-3f1b2f6a7c11").expect("a valid literal");
    let transfers = (0..TRANSFERS).map(|n| Transfer {
        id: uuid(n),
        debit_account: id_of(&account(0, n.wrapping_mul(2_654_435_761) % ACCOUNTS_A_BANK)),
        credit_account: id_of(&account(1 + (n % 3) as u8, n.wrapping_mul(40_503) % ACCOUNTS_A_BANK)),
        amount: 5,
        reference,
        purpose: Purpose::new("SALA").expect("a valid literal"),
        document: None,
    });
    let transaction = Transaction {
        version: 1,
        network: NetworkId(Hash::ZERO),
        submitter: name("bank-0"),
        id: uuid(TRANSFERS),
        valid_until: NOW,
        signers: vec![Ed25519PublicKey([3; 32])],
        operations: vec![Operation::Batch { mode, transfers: transfers.collect() }],
    };
    let bytes = encode(&transaction);
    let hash = Transaction::hash_of(&bytes);
    let signature = TransactionSignature { key: Ed25519PublicKey([3; 32]), signature: Ed25519Signature([0; 64]) };
    let signed = SignedTransaction { bytes, signatures: vec![signature] };
    Arc::new(Verified::attest_verified(CheckedTransaction { signed, transaction, hash }))
}

fn uuid(number: u64) -> Uuid {
    let mut random = [0; 10];
    random[2..].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    Uuid::from_parts(Timestamp(NOW.0 + number / 100), random)
}

fn payments(criterion: &mut Criterion) {
    let world = world();
    let context = BlockContext { height: Height(1), time: NOW, ..BlockContext::default() };
    let run = |block: &[Arc<Verified<CheckedTransaction>>]| -> Execution {
        execute(&world, &context, block).expect("a valid block")
    };
    let mut group = criterion.benchmark_group("execute");
    group.throughput(Throughput::Elements(TRANSFERS)).sample_size(20);
    for (label, mode) in [("batch_each", BatchMode::Each), ("batch_all", BatchMode::All)] {
        let block = [batch(mode)];
        assert!(run(&block).results[0].operations[0].transfers.iter().all(|code| code.number() == 0));
        group.bench_function(label, |bencher| bencher.iter_with_large_drop(|| run(&block)));
    }
    group.finish();
}

criterion_group!(benches, payments);
criterion_main!(benches);
