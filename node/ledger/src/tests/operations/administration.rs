use crate::{
    BlockContext, BlockEvent, ResultLeaf,
    due::DUE_PER_BLOCK_MAX,
    execute, result_leaves,
    tests::{
        scenario::{assert_pending_is_reserved, check},
        world::*,
    },
};
use alloc::{vec, vec::Vec};
use concordat_types::{Height, HoldSide, PendingRef, Timestamp};

#[test]
fn freezing_an_account() {
    check(
        "A=9 | freeze account:A debits -> ok ; freeze account:A debits -> ok ; transfer A B 1 -> debit_account_frozen ; freeze account:A credits -> ok ; transfer A B 1 -> ok | A=8",
    );
    check(
        "A=9 B=9 | freeze account:A credits -> ok ; by=bank-b transfer B A 1 -> credit_account_frozen ; freeze account:A none -> ok ; by=bank-b transfer B A 1 -> ok | A=10",
    );
    // Owner and issuer each lift what they have frozen.
    check(
        "A=9 | by=central-bank freeze account:A both -> ok ; freeze account:A none -> ok ; transfer A B 1 -> debit_account_frozen ; by=central-bank freeze account:A none -> ok ; transfer A B 1 -> ok | A=8",
    );
    check(
        "A=9 | freeze account:A both -> ok ; by=central-bank freeze account:A none -> ok ; transfer A B 1 -> debit_account_frozen | A=9",
    );
    check(
        "A=9 | freeze account:Ax both -> account_not_found ; by=bank-b freeze account:A both -> not_authorised ; sign=bank-a.pay freeze account:A both -> not_authorised ; sign=bank-a.freeze freeze account:A both -> ok | A=9",
    );
    check("A=9 bank-a.suspended | freeze account:A both -> member_not_active | A=9");
}

#[test]
fn freezing_an_asset() {
    check(
        "A=9 AUSD=1 | by=central-bank freeze asset:EUR credits -> ok ; transfer A B 1 -> asset_frozen ; transfer AUSD BUSD 1 -> ok ; by=central-bank issue EUR A 1 -> asset_frozen ; by=central-bank freeze asset:EUR none -> ok ; transfer A B 1 -> ok | A=8",
    );
    check(
        "A=9 | freeze asset:EUR both -> not_authorised ; by=central-bank freeze asset:GBP both -> asset_mismatch ; by=central-bank sign=central-bank.issue freeze asset:EUR both -> not_authorised | A=9",
    );
}

#[test]
fn freezing_a_member() {
    check(
        "A=9 B=9 | by=central-bank freeze member:bank-a debits -> ok ; transfer A B 1 -> debit_account_frozen ; by=bank-b transfer B A 1 -> ok ; by=central-bank freeze member:bank-a credits -> ok ; by=bank-b transfer B A 1 -> credit_account_frozen ; transfer A B 1 -> ok | A=9",
    );
    check(
        "A=9 | freeze member:bank-a debits -> not_authorised ; by=central-bank freeze member:bank-x both -> member_not_found ; by=central-bank sign=central-bank.pay freeze member:bank-a both -> not_authorised | A=9",
    );
}

#[test]
fn the_business_date_moves_on_by_at_most_a_month() {
    check(
        "A=0 | by=central-bank day 0 -> business_date_out_of_range ; by=central-bank day 32 -> business_date_out_of_range ; by=central-bank day 31 -> ok ; by=central-bank day 31 -> business_date_out_of_range ; by=central-bank day 30 -> business_date_out_of_range ; by=central-bank day 32 -> ok | A=0",
    );
    check(
        "A=0 | by=bank-a day 1 -> not_authorised ; by=central-bank sign=central-bank.pay day 1 -> not_authorised ; by=central-bank sign=central-bank.assets day 1 -> ok | A=0",
    );
    check("A=0 central-bank.suspended | by=central-bank day 1 -> member_not_active | A=0");
}

#[test]
fn new_assets() {
    check(
        "A=0 | by=central-bank asset BOND security bank-a 100 -> ok ; by=bank-b open BOND main -> ok ; issue BOND bank-b/BOND/main 101 -> quota_exceeded ; issue BOND bank-b/BOND/main 100 -> ok | bank-b/BOND/main=100",
    );
    // A bank's deposit token: its liability is the issuance account.
    check(
        "A=0 | asset EURA token bank-a 50 -> ok ; open EURA c1 -> ok ; issue EURA bank-a/EURA/c1 20 -> ok ; redeem bank-a/EURA/c1 5 -> ok | bank-a/EURA/c1=15 bank-a/EURA/issuance=-15",
    );
    check(
        "A=0 | asset EURA token bank-b 50 -> not_authorised ; asset EURA security bank-a 50 -> not_authorised ; sign=bank-a.issue asset EURA token bank-a 50 -> not_authorised | A=0",
    );
    check(
        "A=0 | asset EUR token bank-a 50 -> account_exists ; by=central-bank asset BOND security bank-x 1 -> member_not_found ; asset EURA token bank-a 1 -> ok ; by=central-bank asset EURA security bank-b 1 -> account_exists | A=0",
    );
    check("A=0 bank-a.suspended | by=central-bank asset BOND security bank-a 1 -> member_not_active | A=0");
}

#[test]
fn quotas() {
    check(
        "A=0 | by=central-bank quota EUR 5 -> ok ; by=central-bank issue EUR A 6 -> quota_exceeded ; by=central-bank issue EUR A 5 -> ok ; by=central-bank quota EUR 3 -> ok ; by=central-bank issue EUR A 1 -> quota_exceeded ; redeem A 3 -> ok ; by=central-bank issue EUR A 1 -> ok | A=3",
    );
    check("A=0 | quota EUR 5 -> not_authorised ; by=central-bank quota GBP 5 -> asset_mismatch | A=0");
}

#[test]
fn what_falls_due_is_worked_off_in_order_of_time_a_bounded_number_a_block() {
    let mut world = world();
    fund(&mut world, "A", 10_000);
    let count = DUE_PER_BLOCK_MAX as u64 + 10;
    let holds: Vec<_> = (0..count)
        .map(|number| {
            let expires_at = Timestamp(NOW.0 + 1 + (count - number));
            let operation = hold(id_at(number, NOW), leg("A", "B", 1), expires_at, HoldSide::Debtor);
            sign(transaction("bank-a", id_at(10_000 + number, NOW), NOW, vec![operation]), &["bank-a"])
        })
        .collect();
    let context = |height, time| BlockContext { height: Height(height), time, ..BlockContext::default() };
    let execution = execute(&world, &context(1, NOW), &holds).unwrap();
    world.apply(&execution);
    let later = Timestamp(NOW.0 + 10_000);
    let first = execute(&world, &context(2, later), &[]).unwrap();
    world.apply(&first);
    let name = |number| PendingRef { submitter: member_id("bank-a"), id: id_at(number, NOW) };
    assert_eq!(first.events.len(), DUE_PER_BLOCK_MAX);
    assert_eq!(first.events[0], BlockEvent::HoldExpired(name(count - 1)), "the earliest first");
    assert_eq!(account_mut(&mut world, "A").debits_pending, 10);
    assert_pending_is_reserved(&world, "after the first block");
    let leaves = result_leaves([].into_iter(), &first.results, &first.events);
    assert!(leaves.iter().all(|leaf| matches!(leaf, ResultLeaf::Event(_))));
    assert_eq!(crate::results_root(&leaves), first.results_root);
    let second = execute(&world, &context(3, later), &[]).unwrap();
    world.apply(&second);
    assert_eq!(second.events.len(), 10);
    assert_eq!(account_mut(&mut world, "A").debits_pending, 0);
    // What is not yet worked off cannot be posted any more.
    assert!(execute(&world, &context(4, later), &[]).unwrap().events.is_empty());
}
