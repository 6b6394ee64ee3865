//! Conservation, validators, blinding, and what changes and what does not.

use super::{scenario::tree_of, world::*};
use crate::{
    BlockContext, ConservationError, MemoryState, StateKey, StateValue, conservation_in_full, execute, next_validators,
    overlay::{Legs, Overlay},
    validators_after_next,
};
use alloc::{string::ToString, sync::Arc, vec, vec::Vec};
use concordat_types::{
    Amount, CheckedTransaction, Hash, Height, Operation, ResultCode, Tag, Timestamp, ValidatorSet, Verified,
};

fn run(world: &MemoryState, height: u64, transactions: &[Arc<Verified<CheckedTransaction>>]) -> crate::Execution {
    execute(world, &BlockContext { height: Height(height), time: NOW, ..BlockContext::default() }, transactions)
        .unwrap()
}

#[test]
fn books_in_full() {
    let mut world = world();
    fund(&mut world, "A", 10);
    fund(&mut world, "AUSD", Amount::MAX);
    assert_eq!(conservation_in_full(world.accounts()), Ok(()));
    let broken = |break_it: fn(&mut MemoryState)| {
        let mut world = world.clone();
        break_it(&mut world);
        conservation_in_full(world.accounts()).unwrap_err()
    };
    let asset = asset_code("EUR");
    assert_eq!(broken(|world| account_mut(world, "A").credits_posted += 1), ConservationError::Unbalanced { asset });
    assert_eq!(broken(|world| account_mut(world, "A").credits_pending += 1), ConservationError::Unbalanced { asset });
    let overdrawn = broken(|world| {
        account_mut(world, "B").debits_posted += 1;
        account_mut(world, "A").credits_posted += 1;
    });
    assert_eq!(overdrawn, ConservationError::Overdrawn { account: account_id("B") });
    assert_eq!(
        broken(|world| account_mut(world, "A").debits_pending = 11),
        ConservationError::Overdrawn { account: account_id("A") }
    );
    let negative = broken(|world| account_mut(world, "issuance").credits_posted = 11);
    assert_eq!(negative, ConservationError::NegativeSupply { asset });
    // Sums past 2^128 do not wrap into balance.
    let wrapped = broken(|world| {
        for name in ["A", "B"] {
            account_mut(world, name).credits_posted = 1 << 127;
        }
        account_mut(world, "issuance").debits_posted = 0;
    });
    assert_eq!(wrapped, ConservationError::Unbalanced { asset });
}

#[test]
fn books_of_a_block_in_order() {
    let world = world();
    let mut overlay = Overlay::new(&world);
    let [a, b] = ["A", "B"].map(|name| overlay.find_account(account_id(name)).unwrap());
    overlay.post(Legs { debit: a, credit: b }, 7);
    overlay.assert_conservation();
}

#[test]
#[should_panic(expected = "debits and credits of EUR differ in this block")]
fn money_from_nowhere_is_noticed() {
    let world = world();
    let mut overlay = Overlay::new(&world);
    let key = StateKey::Account(account_id("A"));
    let Some(StateValue::Account(mut account)) = overlay.value(&key) else { panic!() };
    account.credits_posted += 1;
    overlay.put(key, Some(StateValue::Account(account)));
    overlay.assert_conservation();
}

#[test]
#[should_panic(expected = "pending debits and credits of EUR differ in this block")]
fn a_reservation_on_one_side_is_noticed() {
    let world = world();
    let mut overlay = Overlay::new(&world);
    let key = StateKey::Account(account_id("A"));
    let Some(StateValue::Account(mut account)) = overlay.value(&key) else { panic!() };
    account.credits_pending += 1;
    overlay.put(key, Some(StateValue::Account(account)));
    overlay.assert_conservation();
}

#[test]
#[should_panic(expected = "fell")]
fn a_counter_that_falls_is_noticed() {
    let mut world = world();
    fund(&mut world, "A", 5);
    let mut overlay = Overlay::new(&world);
    let key = StateKey::Account(account_id("A"));
    overlay.put(key, Some(StateValue::Account(empty_account("A"))));
    overlay.assert_conservation();
}

#[test]
fn undoing_restores_every_kind() {
    let mut world = world();
    fund(&mut world, "A", 5);
    let mut overlay = Overlay::new(&world);
    let [a, b] = ["A", "B"].map(|name| overlay.find_account(account_id(name)).unwrap());
    let legs = Legs { debit: a, credit: b };
    overlay.post(legs, 5);
    overlay.reserve(legs, 3);
    overlay.release(legs, 2);
    overlay.put(StateKey::Account(account_id("A")), None);
    overlay.put(StateKey::Account(account_id("Anew")), Some(StateValue::Account(empty_account("Anew"))));
    overlay.put(StateKey::IdBucket(1), Some(StateValue::IdBucket(Hash::ZERO)));
    overlay.put(StateKey::Asset(asset_code("EUR")), None);
    overlay.put(StateKey::Member(member_id("bank-d")), Some(StateValue::Member(member("bank-d"))));
    assert!(overlay.find_account(account_id("A")).is_none());
    overlay.undo();
    assert!(overlay.find_account(account_id("A")).is_some());
    assert!(overlay.into_changes().is_empty());
}

#[test]
fn only_what_differs_is_a_change() {
    let mut world = world();
    fund(&mut world, "A", 5);
    let pay = |number, debit, credit| Operation::Transfer(transfer(id_at(number, NOW), debit, credit, 5));
    let operations = vec![pay(1, "A", "B"), pay(2, "C", "B")];
    let refused = sign(transaction("bank-a", id_at(3, NOW), NOW, operations), &["bank-a"]);
    // Every block is a parent, and every id is recorded.
    let always = |key: &StateKey| matches!(key, StateKey::IdBucket(_) | StateKey::Participation);
    assert!(run(&world, 1, &[refused]).changes.keys().all(always));
    let paid = sign(transaction("bank-a", id_at(4, NOW), NOW, vec![pay(4, "A", "B")]), &["bank-a"]);
    let changes: Vec<_> = run(&world, 1, &[paid]).changes.into_keys().collect();
    let mut accounts = ["A", "B"].map(|name| StateKey::Account(account_id(name)));
    accounts.sort();
    assert_eq!(changes, [accounts[0], accounts[1], StateKey::IdBucket(NOW.0 / 60_000), StateKey::Participation]);
    assert!(run(&world, 1, &[]).changes.into_keys().eq([StateKey::Participation]));
}

#[test]
fn a_new_set_is_in_force_two_heights_later() {
    let mut world = world();
    let old = next_validators(&world);
    let new = ValidatorSet::new(old.iter().skip(1).map(|(_, validator)| validator.clone()).collect()).unwrap();
    // As an operation at height 5 would leave it: 6 is decided by the old set, 7 by the new one.
    world.state.insert(StateKey::ValidatorsAfterNext, StateValue::Validators(new.clone()));
    assert_eq!((next_validators(&world), validators_after_next(&world)), (old, new.clone()));
    // A refused transaction undoes its own doing, not the block's.
    let refused = Operation::Transfer(transfer(id_at(1, NOW), "A", "B", 1));
    let refused = sign(transaction("bank-a", id_at(1, NOW), NOW, vec![refused]), &["bank-a"]);
    let execution = run(&world, 6, &[refused]);
    assert_eq!(execution.results[0].operations[0].code, ResultCode::InsufficientFunds);
    world.apply(&execution);
    assert_eq!((next_validators(&world), validators_after_next(&world)), (new.clone(), new));
    assert!(!run(&world, 7, &[]).changes.contains_key(&StateKey::ValidatorsNext));
}

#[test]
fn an_account_is_blinded_by_its_opening_transaction() {
    let world = world();
    let opening = sign(transaction("bank-a", id_at(1, NOW), NOW, vec![open("EUR", "new")]), &["bank-a"]);
    let key = StateKey::Account(account_id("Anew"));
    let Some(Some(StateValue::Account(account))) = run(&world, 1, core::slice::from_ref(&opening)).changes.remove(&key)
    else {
        panic!()
    };
    let expected = Tag::BLINDING.hash(&[&opening.signed.leaf().0, &key.to_bytes()]);
    assert_eq!(account.blinding[..], expected.0[..16]);
}

#[test]
fn an_execution_is_the_same_every_time() {
    let mut world = world();
    fund(&mut world, "A", 100);
    let pay = |number| Operation::Transfer(transfer(id_at(number, NOW), "A", "B", 5));
    let block: Vec<_> = (1..9)
        .map(|number| {
            sign(transaction("bank-a", id_at(number, NOW), Timestamp(NOW.0 + 5), vec![pay(number)]), &["bank-a"])
        })
        .collect();
    assert_eq!(run(&world, 1, &block), run(&world.clone(), 1, &block));
}

#[test]
fn errors_say_what_is_wrong() {
    let asset = asset_code("EUR");
    assert_eq!(ConservationError::Unbalanced { asset }.to_string(), "debits and credits of EUR differ");
    assert_ne!(tree_of(&world()).root(), Hash::ZERO);
}
