use super::*;
use crate::registry::tests::caller;
use concordat_ledger::{StateKey, StateValue};
use concordat_replica::{
    memory::MemoryStore,
    store::{Store, Table, WriteBatch},
};
use concordat_types::{
    Account, AccountName, AssetCode, BatchMode, Hash, MemberId, NetworkId, Purpose, Reference, ResultCode, Roles,
    Timestamp, Uuid, encode, money::AccountFlags,
};

pub fn put_account(store: &mut MemoryStore, id: AccountId, owner: &str) {
    let account = Account {
        owner: name(owner),
        asset: AssetCode::new("EUR").expect("a valid literal"),
        name: AccountName::new("main").expect("a valid literal"),
        flags: AccountFlags::default(),
        parent: None,
        customer: None,
        tier: None,
        children: 0,
        debits_posted: 0,
        credits_posted: 0,
        debits_pending: 0,
        credits_pending: 0,
        blinding: [0; 16],
    };
    let mut batch = WriteBatch::default();
    batch.put(Table::State, StateKey::Account(id).to_bytes(), encode(&StateValue::Account(account)));
    store.write(batch).expect("in memory");
}

fn name(text: &str) -> MemberId {
    text.parse().expect("a valid literal")
}

fn no_reference() -> Reference {
    Reference::new("").expect("it may be empty")
}

const A: AccountId = AccountId([1; 16]);
const B: AccountId = AccountId([2; 16]);
const C: AccountId = AccountId([3; 16]);

fn pay(debit_account: AccountId, credit_account: AccountId) -> Transfer {
    let (reference, purpose) = (no_reference(), Purpose::new("").expect("it may be empty"));
    Transfer { id: Uuid([0; 16]), debit_account, credit_account, amount: 1, reference, purpose, document: None }
}

/// Bank A pays B alone, then C, B and C in a file, and issues to C.
fn transaction() -> Transaction {
    Transaction {
        version: Transaction::VERSION,
        network: NetworkId(Hash::ZERO),
        submitter: name("bank-a"),
        id: Uuid([0; 16]),
        valid_until: Timestamp(1),
        signers: Vec::new(),
        operations: vec![
            Operation::Transfer(pay(A, B)),
            Operation::Batch { mode: BatchMode::Each, transfers: vec![pay(A, C), pay(A, B), pay(A, C)] },
            Operation::Issue {
                id: Uuid([0; 16]),
                asset: AssetCode::new("EUR").expect("a valid literal"),
                credit_account: C,
                amount: 1,
                reference: no_reference(),
            },
        ],
    }
}

fn result() -> TransactionResult {
    let ok = ResultCode::Ok;
    let operation = |transfers, repeats| OperationResult { code: ok, transfers, repeats, bookings: Vec::new() };
    TransactionResult {
        repeat: false,
        operations: vec![
            operation(Vec::new(), vec![0]),
            operation(vec![ok, ResultCode::InsufficientFunds, ok], vec![3]),
            operation(Vec::new(), Vec::new()),
        ],
    }
}

fn summary_for(member: &str, roles: Roles) -> Option<v1::TransactionSummary> {
    let mut store = MemoryStore::default();
    for (id, owner) in [(A, "bank-a"), (B, "bank-b"), (C, "bank-c")] {
        put_account(&mut store, id, owner);
    }
    let caller = caller(member, roles);
    let (transaction, result) = (transaction(), result());
    let signed = SignedTransaction { bytes: encode(&transaction), signatures: Vec::new() };
    let seen = Sight { reader: &store, caller: &caller, parties: BTreeMap::new() }.of(&transaction, None);
    match seen.expect("the store can be read") {
        Seen::Whole => Some(whole(&signed, &transaction, Some(&result))),
        Seen::Items(items) => (!items.is_empty()).then(|| part(&signed, &transaction, Some(&result), &items)),
    }
}

#[test]
fn the_submitter_and_those_who_see_all_see_the_whole() {
    for (member, roles) in
        [("bank-a", Roles::BANK), ("supervisor", Roles::SUPERVISOR), ("central-bank", Roles::CENTRAL_BANK)]
    {
        let summary = summary_for(member, roles).expect("it is seen");
        assert_eq!((summary.results.len(), summary.transfers, summary.items.len()), (3, 5, 0), "{member}");
        assert_eq!((&summary.results[0].repeats, &summary.results[1].repeats), (&vec![0], &vec![3]));
    }
}

#[test]
fn a_party_sees_its_own_items_and_no_count_of_the_others() {
    let items = |member| {
        let summary = summary_for(member, Roles::BANK)?;
        assert_eq!((summary.results, summary.transfers, summary.repeat), (Vec::new(), 0, false));
        let items = summary.items.iter();
        Some(items.map(|item| (item.operation, item.item, item.result, item.repeat)).collect::<Vec<_>>())
    };
    let refused = u32::from(ResultCode::InsufficientFunds.number());
    assert_eq!(items("bank-b"), Some(vec![(0, 0, 0, true), (1, 2, refused, false)]));
    assert_eq!(items("bank-c"), Some(vec![(1, 1, 0, false), (1, 3, 0, true), (2, 0, 0, false)]));
    assert_eq!(items("bank-d"), None);
}
