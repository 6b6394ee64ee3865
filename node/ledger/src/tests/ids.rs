//! Idempotency and the id window.

use super::{scenario::check, world::*};
use crate::{
    BlockContext, Execution, IdKey, IdKind, IdRecord, Inclusion, InvalidBlock, MemoryState, StateKey, StateValue,
    execute, expired_ids_before,
    view::StateView,
    window::{ID_BUCKETS_SWEPT_MAX, IdWindow, MINUTE_MS},
};
use alloc::{collections::BTreeMap, vec, vec::Vec};
use concordat_types::{
    Hash, Height, Operation, Parameters, ResultCode, Tag, Timestamp, Uuid, encode, merkle::MerkleRoot,
};

#[test]
fn a_repeat_pays_once() {
    check("A=9 | transfer A B 1 #1 -> ok; transfer A B 1 #1 -> ok* | A=8");
    check("A=9 | transfer A B 1 #1 -> ok; next; transfer A B 1 #1 -> ok* | A=8");
    check("A=9 | tx#5 transfer A B 1 #1 -> ok; tx#5 transfer A B 1 #1 -> repeat ok | A=8");
    check("A=9 | tx#5 transfer A B 1 #1 -> ok; next; tx#5 transfer A B 1 #1 -> repeat ok | A=8");
    check("A=9 | each[transfer A B 1 #1, transfer A B 1 #1] -> ok ok ok* | A=8");
    check(
        "A=9 | each[transfer A B 1 #1, transfer A B 1 #2] -> ok ok ok; next; \
         each[transfer A B 1 #1, transfer A B 1 #3] -> ok ok* ok | A=6",
    );
    check("A=9 | transfer A B 1 #1 + transfer A B 1 #1 -> ok + ok* | A=8");
    check("| tx#5 open EUR new -> ok; next; tx#5 open EUR new -> repeat ok |");
    check("| by=central-bank issue EUR A 1 #1 -> ok; next; by=central-bank issue EUR A 1 #1 -> ok* | A=1");
    check(
        "A=9 | tx#5 each[transfer A B 10 #1, transfer A B 1 #1] -> ok insufficient_funds exists_with_different_body; next; \
         tx#5 each[transfer A B 10 #1, transfer A B 1 #1] -> repeat ok insufficient_funds exists_with_different_body | A=9",
    );
}

#[test]
fn another_body_under_the_same_id() {
    check("A=9 | transfer A B 1 #1 -> ok; transfer A B 2 #1 -> exists_with_different_body | A=8");
    check("A=9 | transfer A B 1 #1 -> ok; next; transfer A C 1 #1 -> exists_with_different_body | A=8");
    check("A=9 | tx#5 transfer A B 1 #1 -> ok; next; tx#5 transfer A B 1 #2 -> exists_with_different_body | A=8");
    check(
        "A=9 | tx#5 transfer A B 1 -> ok; tx#5 each[transfer A B 1 #2] -> exists_with_different_body batch_aborted; \
         transfer A B 1 #2 -> ok | A=7",
    );
    check(
        "A=9 | transfer A B 1 #1 -> ok; by=central-bank issue EUR A 1 #1 -> ok; issue EUR A 1 #1 -> exists_with_different_body |",
    );
    // Each member has its own ids, and transactions theirs.
    check("A=9 B=9 | transfer A C 1 #1 -> ok; by=bank-b transfer B C 1 #1 -> ok; tx#1 transfer A C 1 #2 -> ok | C=3");
}

#[test]
fn a_refused_id_stays_refused() {
    check(
        "A=9 B=9 | transfer A B 10 #1 -> insufficient_funds; by=bank-b transfer B A 5 -> ok; next; \
         transfer A B 10 #1 -> insufficient_funds*; transfer A B 10 #2 -> ok | A=4",
    );
    check(
        "A=9 | transfer A B 1 #1 + transfer A B 10 #2 -> batch_aborted + insufficient_funds; next; \
         transfer A B 1 #1 -> batch_aborted*; transfer A B 10 #2 -> insufficient_funds* | A=9",
    );
    check(
        "A=9 | transfer A B 10 #1 + transfer A B 1 #2 -> insufficient_funds + batch_aborted; transfer A B 1 #2 -> batch_aborted* | A=9",
    );
}

/// The signers are part of what is signed, so that a refusal for want of a right is as final as any other.
#[test]
fn a_refusal_for_want_of_a_right_is_remembered() {
    check(
        "A=9 | sign=bank-a.read transfer A B 1 #1 -> not_authorised; next; transfer A B 1 #1 -> not_authorised* | A=9",
    );
    check(
        "A=9 B=9 | each[transfer B A 1 #1, transfer A B 10 #2] -> ok not_authorised insufficient_funds; \
         sign=bank-a,bank-b each[transfer B A 1 #1, transfer A B 10 #2] -> ok not_authorised* insufficient_funds* | A=9",
    );
}

#[test]
fn the_window_has_two_edges() {
    let window = WINDOW_MS as i64;
    for (offset, result) in
        [(-window - 1, "id_outside_window"), (-window, "ok"), (window, "ok"), (window + 1, "id_outside_window")]
    {
        check(&alloc::format!("A=9 | transfer A B 1 #1@{offset} -> {result} |"));
        check(&alloc::format!("A=9 | tx#1@{offset} transfer A B 1 -> {result} |"));
        let transfer_result = if result == "ok" { "ok" } else { "batch_aborted" };
        check(&alloc::format!("A=9 | tx#1@{offset} each[transfer A B 1] -> {result} {transfer_result} |"));
    }
}

/// Refused for its time, and nothing remembered: it goes through once its time has come.
#[test]
fn an_id_ahead_of_the_window_is_not_remembered() {
    let early = WINDOW_MS + 500;
    check(&alloc::format!(
        "A=9 | tx#7@{early} transfer A B 1 #1@{early} -> id_outside_window; next; tx#7@{early} transfer A B 1 #1@{early} -> ok | A=8"
    ));
}

#[test]
fn an_id_of_another_version_is_outside() {
    let mut id = id_at(1, NOW);
    id.0[6] = 0x40;
    let transaction = transaction("bank-a", id_at(2, NOW), NOW, vec![Operation::Transfer(transfer(id, "A", "B", 1))]);
    let execution = run(&funded(), 1, NOW, vec![transaction]);
    assert_eq!(execution.results[0].operations[0].code, ResultCode::IdOutsideWindow);
    assert_eq!(execution.ids.len(), 1, "only the transaction's own");
}

fn funded() -> MemoryState {
    let mut world = world();
    fund(&mut world, "A", 1000);
    world
}

fn run(
    world: &MemoryState,
    height: u64,
    time: Timestamp,
    transactions: Vec<concordat_types::Transaction>,
) -> Execution {
    let transactions: Vec<_> = transactions.into_iter().map(|transaction| sign(transaction, &["bank-a"])).collect();
    execute(world, &BlockContext { height: Height(height), time, ..BlockContext::default() }, &transactions).unwrap()
}

fn pay(number: u64, id_time: Timestamp, valid_until: Timestamp) -> concordat_types::Transaction {
    let operation = Operation::Transfer(transfer(id_at(number, id_time), "A", "B", 1));
    transaction("bank-a", id_at(number, id_time), valid_until, vec![operation])
}

#[test]
fn what_is_recorded_names_its_place() {
    let execution = run(&funded(), 9, NOW, vec![pay(1, NOW, NOW), pay(2, NOW, NOW)]);
    let key = IdKey { id: id_at(2, NOW), kind: IdKind::Transfer, submitter: member_id("bank-a") };
    let record = execution.ids.iter().find(|(found, _)| *found == key).unwrap();
    let body = Tag::TRANSFER.hash(&[&encode(&transfer(id_at(2, NOW), "A", "B", 1))]).into();
    let code = ResultCode::Ok;
    assert_eq!(record.1, IdRecord::Transfer { body, code, height: Height(9), tx_index: 1, operation: 0, item: 0 });
}

/// The records that a store keeps after `expired_ids_before` are what the buckets commit to, whatever was pruned.
#[test]
fn buckets_commit_to_the_records_that_are_kept() {
    let mut world = funded();
    let minute = |n: u64| Timestamp(NOW.0 + n * MINUTE_MS);
    for (height, time) in (1..).zip([0, 1, 1, 2, 2000, 2879, 2880, 2881, 2882, 2883].map(minute)) {
        let time = Timestamp(time.0 + height);
        let ids = [time, Timestamp(time.0 - 1000 * 60_000), Timestamp(time.0 + 60_001), time];
        let transactions = (1..).zip(ids).map(|(n, id_time)| pay(height * 10 + n, id_time, time)).collect();
        let execution = run(&world, height, time, transactions);
        world.apply(&execution);
        let expired = expired_ids_before(time, &Parameters::default());
        world.ids.retain(|key, _| key.id.time().unwrap() >= expired);
        assert_eq!(buckets_in(&world, expired), buckets_of(&world), "height {height}");
    }
    let last = Timestamp(NOW.0 + 2884 * MINUTE_MS);
    for height in 100..500 {
        world.apply(&run(&world, height, last, vec![]));
    }
    world.ids.retain(|key, _| key.id.time().unwrap() >= expired_ids_before(last, &Parameters::default()));
    assert_eq!(buckets_in(&world, Timestamp(0)), buckets_of(&world), "all old buckets are swept");
    assert!(!world.state.contains_key(&StateKey::IdBucket(NOW.0 / MINUTE_MS)) && !world.ids.is_empty());
}

fn buckets_in(world: &MemoryState, expired: Timestamp) -> BTreeMap<u64, Hash> {
    let buckets = world.state.iter().filter_map(|(key, value)| match (key, value) {
        (StateKey::IdBucket(minute), StateValue::IdBucket(hash)) => Some((*minute, *hash)),
        _ => None,
    });
    buckets.filter(|(minute, _)| minute * MINUTE_MS >= expired.0).collect()
}

/// Made again from the records alone.
fn buckets_of(world: &MemoryState) -> BTreeMap<u64, Hash> {
    let place = |record: &IdRecord| match record {
        IdRecord::Transfer { height, tx_index, operation, item, .. } => (*height, *tx_index, 0, *operation, *item),
        IdRecord::Transaction { height, tx_index, .. } => (*height, *tx_index, 1, 0, 0),
    };
    let mut records: Vec<_> = world.ids.iter().map(|(key, record)| (*key, record.clone())).collect();
    records.sort_by_key(|(_, record)| place(record));
    let mut roots: BTreeMap<(u64, Height), MerkleRoot> = BTreeMap::new();
    for entry in records {
        let minute = entry.0.id.time().unwrap().0 / MINUTE_MS;
        roots.entry((minute, entry.1.height())).or_default().push(&encode(&entry));
    }
    let mut buckets = BTreeMap::new();
    for ((minute, _), root) in roots {
        let bucket = buckets.entry(minute).or_insert(Hash::ZERO);
        *bucket = Tag::ID_WINDOW.hash(&[&bucket.0, &root.finish().0]);
    }
    buckets
}

#[test]
fn sweeping_is_bounded_and_catches_up() {
    let mut world = funded();
    let first = (NOW.0 - WINDOW_MS) / MINUTE_MS;
    let later = Timestamp(NOW.0 + 20 * MINUTE_MS);
    for (height, swept) in (1..).zip([8, 16, 20, 20]) {
        let execution = run(&world, height, later, vec![]);
        world.apply(&execution);
        let expected = IdWindow { swept_before: first + swept };
        assert_eq!(world.get(&StateKey::IdWindow), Some(StateValue::IdWindow(expected)));
    }
    assert_eq!(ID_BUCKETS_SWEPT_MAX, 8);
}

/// A store that forgot old ids and one that did not must agree.
#[test]
fn ids_outside_the_window_are_never_asked_for() {
    struct Strict(MemoryState, Timestamp);
    impl StateView for Strict {
        fn get(&self, key: &StateKey) -> Option<StateValue> {
            self.0.get(key)
        }
        fn id(&self, key: &IdKey) -> Option<IdRecord> {
            assert!(key.id.time().unwrap() >= self.1);
            None
        }
        fn due(&self, until: Timestamp, max: usize) -> Vec<(crate::DueKey, concordat_types::PendingRef)> {
            self.0.due(until, max)
        }
    }
    let old = Timestamp(NOW.0 - WINDOW_MS - 1);
    let strict = Strict(funded(), Timestamp(NOW.0 - WINDOW_MS));
    let transactions = [pay(1, old, NOW), pay(2, NOW, NOW)].map(|transaction| sign(transaction, &["bank-a"]));
    let context = BlockContext { height: Height(1), time: NOW, ..BlockContext::default() };
    let execution = execute(&strict, &context, &transactions).unwrap();
    let codes = execution.results.iter().map(|result| result.operations[0].code).collect::<Vec<_>>();
    assert_eq!(codes, [ResultCode::IdOutsideWindow, ResultCode::Ok]);
}

#[test]
fn valid_until_makes_a_block_invalid() {
    let context = BlockContext { height: Height(1), time: NOW, ..BlockContext::default() };
    let outcome = |valid_until: u64| {
        let checked = sign(pay(1, NOW, Timestamp(valid_until)), &["bank-a"]);
        let funded = funded();
        let included = Inclusion::new(&funded, NOW, WINDOW_MS).check(0, &checked);
        let executed = execute(&funded, &context, &[checked]).map(|_| ());
        assert_eq!(included, executed);
        executed
    };
    let (time, tx_index) = (NOW, 0);
    assert_eq!(outcome(NOW.0), Ok(()));
    assert_eq!(outcome(NOW.0 + WINDOW_MS), Ok(()));
    let valid_until = Timestamp(NOW.0 - 1);
    assert_eq!(outcome(valid_until.0), Err(InvalidBlock::Expired { tx_index, valid_until, time }));
    let valid_until = Timestamp(NOW.0 + WINDOW_MS + 1);
    assert_eq!(outcome(valid_until.0), Err(InvalidBlock::ValidUntilTooFar { tx_index, valid_until, time }));
    assert!(outcome(u64::MAX).is_err());
}

/// Whoever makes one up in another's name gets it into no block.
#[test]
fn a_transaction_that_its_submitter_has_not_signed_makes_a_block_invalid() {
    let context = BlockContext { height: Height(1), time: NOW, ..BlockContext::default() };
    let valid_until = Timestamp(NOW.0 + 1);
    for signers in [&["bank-b"][..], &["bank-a:recovery"], &["nobody"], &["bank-b", "central-bank"], &[]] {
        let good = sign(pay(1, NOW, valid_until), &["bank-a"]);
        let forged = sign(pay(2, NOW, valid_until), signers);
        let outcome = execute(&funded(), &context, &[good, forged]).map(|_| ());
        assert_eq!(outcome, Err(InvalidBlock::NotSignedBySubmitter { tx_index: 1 }), "{signers:?}");
    }
}

#[test]
fn a_block_has_a_limit_of_transfers() {
    let mut world = funded();
    let Some(StateValue::Parameters(parameters)) = world.state.get_mut(&StateKey::Parameters) else { panic!() };
    parameters.block_transfers_max = 3;
    let context = BlockContext { height: Height(1), time: NOW, ..BlockContext::default() };
    let mut transactions: Vec<_> = (1..4).map(|n| sign(pay(n, NOW, NOW), &["bank-a"])).collect();
    assert!(execute(&world, &context, &transactions).is_ok());
    transactions.push(sign(pay(4, NOW, NOW), &["bank-a"]));
    let error = execute(&world, &context, &transactions).unwrap_err();
    assert_eq!(error, InvalidBlock::TooManyTransfers { got: 4, max: 3 });
}

#[test]
fn ids_lie_in_order_of_time() {
    let key = |time: u64, submitter: &str| IdKey {
        id: Uuid::from_parts(Timestamp(time), [9; 10]),
        kind: IdKind::Transfer,
        submitter: member_id(submitter),
    };
    assert!(encode(&key(255, "z")) < encode(&key(256, "a")));
    assert!(key(255, "z") < key(256, "a"));
}
