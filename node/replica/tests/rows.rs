//! The rows of a store: that none is used which is not what was written, and what is listed from them.

#![allow(clippy::unwrap_used)]

mod alone;

use alone::{Alone, BANKS, START, account, funded, name, open_account, pay};
use concordat_ledger::{IdKey, IdKind, StateKey};
use concordat_replica::{
    Fatal, OpenError, SubmitOutcome, chain::OpenChainError, query, store::StoreError, store::Table,
};
use concordat_types::{AccountId, AssetCode, ResultCode};

fn pays(alone: &mut Alone) -> Result<SubmitOutcome, Fatal> {
    let id = alone.new_id();
    let signed = alone.transaction("bank-a", vec![pay(id, "bank-a/EUR/main", "bank-b/EUR/main", 1)]);
    alone.submit_to_bad_rows(&signed)
}

/// A bit of each byte of the value flipped in turn, and no row at all.
fn spoilings(value: &[u8]) -> Vec<Option<Vec<u8>>> {
    let flipped = |byte: usize| {
        let mut spoiled = value.to_vec();
        spoiled[byte] ^= 1;
        Some(spoiled)
    };
    (0..value.len()).map(flipped).chain([None]).collect()
}

#[test]
fn a_node_does_not_start_on_a_row_that_was_not_written() {
    let mut alone = funded();
    let rows = alone.store.rows(Table::State);
    assert!(rows.len() >= 10, "{}", rows.len());
    for (key, value) in rows {
        for spoiled in spoilings(&value) {
            alone.store.spoil(Table::State, &key, spoiled);
            let error = alone.open().expect_err("it is not what was written");
            let is_found =
                matches!(error, OpenError::Chain(OpenChainError::StateRoot { .. } | OpenChainError::Corrupt(_)));
            assert!(is_found, "{key:?}: {error:?}");
        }
        alone.store.spoil(Table::State, &key, Some(value));
    }
    // A row that nobody wrote.
    let (key, value) = (StateKey::Account(AccountId([9; 16])).to_bytes(), alone.store.rows(Table::State)[0].1.clone());
    alone.store.spoil(Table::State, &key, Some(value));
    assert!(matches!(alone.open(), Err(OpenError::Chain(OpenChainError::StateRoot { .. }))));
    alone.store.spoil(Table::State, &key, None);
    let signatures = alone.signatures();
    alone.open().expect("it is as it was");
    assert_eq!(alone.signatures(), signatures);
    assert!(pays(&mut alone).is_ok());
}

/// What goes bad while the node runs ends it before it signs anything that rests on it.
#[test]
fn a_row_that_goes_bad_under_way_ends_the_node_before_it_signs() {
    let eur = AssetCode::new("EUR").unwrap();
    for key in [
        StateKey::Account(account("bank-a/EUR/main")),
        StateKey::Account(account("bank-b/EUR/main")),
        StateKey::Member(name("bank-a")),
        StateKey::Member(name("bank-b")),
        StateKey::Asset(eur),
        StateKey::Parameters,
        StateKey::ValidatorsNext,
        StateKey::ValidatorsAfterNext,
        StateKey::IdWindow,
        StateKey::Evidence,
    ] {
        let mut alone = funded();
        let row = key.to_bytes();
        let value = alone.store.rows(Table::State).into_iter().find(|(key, _)| *key == row).unwrap().1;
        for spoiled in spoilings(&value) {
            // Accounts that were read lately are in memory; after a start none is.
            alone.store.spoil(Table::State, &row, Some(value.clone()));
            alone.open().unwrap();
            alone.store.spoil(Table::State, &row, spoiled);
            let before = alone.signatures();
            match pays(&mut alone) {
                Err(Fatal::Store(StoreError::Corrupt(cause))) => {
                    assert!(cause.contains("the state root of height"), "{key:?}: {cause}");
                }
                other => panic!("{key:?}: {other:?}"),
            }
            assert_eq!(alone.signatures(), before, "{key:?}");
        }
    }
}

#[test]
fn accounts_are_listed_by_their_owner_page_by_page() {
    let mut alone = funded();
    for number in 0..10 {
        alone.book(BANKS[number % 2], vec![open_account(&format!("c-{number}"))]);
    }
    // Opened and credited in one block: it is new all the same. Opened and undone: it is none.
    let id = alone.new_id();
    alone.book("bank-a", vec![open_account("last"), pay(id, "bank-a/EUR/main", "bank-a/EUR/last", 5)]);
    let id = alone.new_id();
    let undone = alone.book("bank-a", vec![open_account("undone"), pay(id, "bank-a/EUR/main", "bank-b/EUR/main", 0)]);
    assert_eq!(undone.operations[0].code, ResultCode::BatchAborted);
    alone.open().unwrap();
    let all = query::accounts_of(&alone.store, None, None, 1000).unwrap();
    assert_eq!(all.len(), 14);
    for owner in ["bank-a", "bank-b", "central-bank", "bank", "bank-c"] {
        let owner = name(owner);
        let expected: Vec<_> = all.iter().filter(|(_, account)| account.owner == owner).cloned().collect();
        for limit in 1..=8 {
            let (mut listed, mut after) = (Vec::new(), None);
            loop {
                let page = query::accounts_of(&alone.store, Some(&owner), after, limit).unwrap();
                assert!(page.len() <= limit);
                let Some((last, _)) = page.last() else { break };
                after = Some(*last);
                listed.extend(page);
            }
            assert_eq!(listed, expected, "{owner}, {limit} a page");
        }
    }
}

#[test]
fn an_id_is_found_long_after_the_window_and_is_refused_all_the_same() {
    let mut alone = funded();
    let (id, paid_ms) = (alone.new_id(), 1000);
    let operations = vec![pay(id, "bank-a/EUR/main", "bank-b/EUR/main", 1)];
    let signed = alone.transaction("bank-a", operations.clone());
    let first = alone.submit(&signed).unwrap();
    alone.wait(paid_ms + 3 * alone.genesis.parameters.id_window_ms);
    assert!(pays(&mut alone).is_ok(), "the window moves on");
    let key = IdKey { id, kind: IdKind::Transfer, submitter: name("bank-a") };
    assert!(id.time().unwrap().0 < START + paid_ms);
    let record = query::id_record(&alone.store, &key).unwrap().expect("it is kept");
    let (SubmitOutcome::Committed { height, result, .. }, SubmitOutcome::Committed { height: at, result: again, .. }) =
        (first, alone.submit(&signed).unwrap())
    else {
        panic!("both are committed")
    };
    assert_eq!((record.height(), at), (height, height));
    assert!(again.repeat && again.operations == result.operations);
    // The ledger itself knows no more of it: in another transaction it is outside the window.
    let result = alone.book("bank-a", operations);
    assert_eq!(result.operations[0].code, ResultCode::IdOutsideWindow);
    assert_eq!(query::id_record(&alone.store, &key).unwrap(), Some(record), "and its record is the first one");
}
