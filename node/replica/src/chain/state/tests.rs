use super::*;
use crate::{
    chain::{Chain, tree_of},
    memory::MemoryStore,
    query::{self, META_TIP, Tip},
    store::{Store, WriteBatch},
    test_keys::{self, member_id},
};
use concordat_ledger::genesis_state;
use concordat_types::{
    Account, AccountId, AccountName, Asset, AssetCode, AssetKind, Bitmap, BlockId, BlsSignature, Certificate,
    CertificateKind, Genesis, Hash, Header, Height, Round, Timestamp, encode, money::AccountFlags,
};

fn genesis() -> Genesis {
    let eur = Asset {
        code: eur(),
        decimals: 2,
        issuer: member_id(0),
        kind: AssetKind::CentralBankMoney,
        quota: 1_000_000,
        frozen: false,
    };
    Genesis { assets: vec![eur], ..test_keys::genesis(1) }
}

fn eur() -> AssetCode {
    AssetCode::new("EUR").unwrap()
}

fn account(number: u64, credits_posted: u128) -> (StateKey, StateValue) {
    let account = Account {
        owner: member_id(0),
        asset: eur(),
        name: AccountName::new(&format!("c-{number}")).unwrap(),
        flags: AccountFlags::default(),
        parent: None,
        customer: None,
        tier: None,
        children: 0,
        debits_posted: 0,
        credits_posted,
        debits_pending: 0,
        credits_pending: 0,
        blinding: [7; 16],
    };
    (StateKey::Account(AccountId::new(&account.path())), StateValue::Account(account))
}

/// Genesis, and on it one block that opened accounts; its header is certified for the state it left.
fn store(accounts: impl Iterator<Item = (StateKey, StateValue)>) -> MemoryStore {
    let genesis = genesis();
    let mut state = genesis_state(&genesis);
    state.extend(accounts);
    let header = Header {
        version: Header::VERSION,
        network: genesis.network_id(),
        height: Height(1),
        time: Timestamp(2),
        parent: BlockId(genesis.network_id().0),
        batches_root: Hash::ZERO,
        transactions_root: Hash::ZERO,
        results_root: Hash::ZERO,
        state_root: tree_of(state.clone()).root(),
        validators: Hash::ZERO,
        next_validators: Hash::ZERO,
        parameters: Hash::ZERO,
        last_certificate: Hash::ZERO,
        participation: Hash::ZERO,
        evidence_root: Hash::ZERO,
        proposer: member_id(0),
    };
    let tip = Tip { height: Height(1), block: header.id(), time: header.time };
    let certificate = Certificate {
        kind: CertificateKind::Commit,
        height: Height(1),
        round: Round(0),
        valid_round: None,
        block: header.id(),
        signers: Bitmap::new(1),
        signature: BlsSignature([0; 96]),
    };
    let (mut store, mut batch) = (MemoryStore::default(), WriteBatch::default());
    state.iter().for_each(|(key, value)| batch.put(Table::State, key.to_bytes(), encode(value)));
    batch.put(Table::Headers, query::height_key(Height(1)), encode(&(&header, &certificate)));
    batch.put(Table::Meta, META_TIP, encode(&tip));
    store.write(batch).unwrap();
    store
}

fn open(store: &MemoryStore) -> Result<Chain, OpenChainError> {
    Chain::open(&genesis(), Box::new(store.clone()))
}

/// Opens after a change to the rows of the state.
fn open_with(change: impl FnOnce(&mut WriteBatch)) -> Result<Chain, OpenChainError> {
    let mut store = store((0..5).map(|number| account(number, 0)));
    assert_eq!(open(&store).unwrap().tip.height, Height(1));
    let mut batch = WriteBatch::default();
    change(&mut batch);
    store.write(batch).unwrap();
    open(&store)
}

fn is_another_root(opened: Result<Chain, OpenChainError>) -> bool {
    let error = opened.unwrap_err();
    assert!(error.to_string().contains("of height 1"), "{error}");
    matches!(error, OpenChainError::StateRoot { got, expected, height: Height(1) } if got != expected)
}

#[test]
fn an_empty_store_begins_with_genesis() {
    let chain = open(&MemoryStore::default()).unwrap();
    assert_eq!((chain.tip.height, chain.state_root()), (Height(0), tree_of(genesis_state(&genesis())).root()));
}

#[test]
fn a_state_of_another_root_is_refused() {
    let (key, value) = account(3, 0);
    let other = |number, credits| account(number, credits).1;
    assert!(is_another_root(open_with(|batch| batch.put(Table::State, key.to_bytes(), encode(&other(3, 1))))));
    assert!(is_another_root(open_with(|batch| batch.put(Table::State, key.to_bytes(), encode(&other(4, 0))))));
    assert!(is_another_root(open_with(|batch| batch.delete(Table::State, key.to_bytes()))));
    assert!(is_another_root(open_with(|batch| {
        let (key, value) = account(5, 0);
        batch.put(Table::State, key.to_bytes(), encode(&value));
    })));
    // The same rows again are no change.
    assert!(open_with(|batch| batch.put(Table::State, key.to_bytes(), encode(&value))).is_ok());
}

#[test]
fn a_row_that_does_not_decode_is_named() {
    let (key, value) = account(3, 0);
    let (key, mut value) = (key.to_bytes(), encode(&value));
    value.pop();
    for (key, value) in [(key.clone(), value), (key[1..].to_vec(), encode(&account(3, 0).1)), (vec![99], vec![])] {
        let Err(OpenChainError::Corrupt(cause)) = open_with(|batch| batch.put(Table::State, key.clone(), value)) else {
            panic!("{key:?} is not a row of the state");
        };
        assert!(cause.contains(&format!("{key:02x?}")), "{cause}");
    }
}

/// The certificate does not help: no majority makes money.
#[test]
fn books_that_do_not_balance_are_refused() {
    let error = open(&store([account(0, 5)].into_iter())).unwrap_err();
    assert!(matches!(&error, OpenChainError::Books(cause) if cause.contains("EUR")), "{error}");
}

#[test]
fn a_tip_without_header_is_refused() {
    let missing = open_with(|batch| batch.delete(Table::Headers, query::height_key(Height(1))));
    assert!(matches!(missing, Err(OpenChainError::Corrupt(_))));
}

/// Enough for the tree to be built in shares, on several threads where there are cores.
#[test]
fn a_large_state_opens() {
    let store = store((0..10_000).map(|number| account(number, 0)));
    let chain = open(&store).unwrap();
    let header = query::header(&store, Height(1)).unwrap().unwrap().0;
    assert_eq!(chain.state_root(), header.state_root);
    for cores in [1, 2, 3, 5, 255, 256, 300] {
        let mut builder = TreeBuilder::new();
        let rows = genesis_state(&genesis()).into_iter().chain((0..10_000).map(|number| account(number, 0)));
        rows.for_each(|(key, value)| builder.add(&key, &value));
        assert_eq!(build(builder, cores).root(), header.state_root, "{cores} cores");
    }
    let mut missing = store.clone();
    let mut batch = WriteBatch::default();
    batch.delete(Table::State, account(9_999, 0).0.to_bytes());
    missing.write(batch).unwrap();
    assert!(is_another_root(open(&missing)));
}
