use crate::tests::scenario::check;

#[test]
fn a_hold_is_set_apart_until_it_is_posted() {
    check(
        "A=100 | hold A B 60 1000 #7 -> ok ; transfer A C 41 -> insufficient_funds ; transfer A C 40 -> ok | A=60 A.debits=60 B.credits=60 B=0",
    );
    check("A=100 | hold A B 60 1000 #7 -> ok ; post bank-a#7 60 -> ok | A=40 B=60 A.debits=0 B.credits=0");
    check(
        "A=100 | hold A B 60 1000 #7 -> ok ; post bank-a#7 20 -> ok ; transfer A C 80 -> ok | A=0 B=20 C=80 A.debits=0",
    );
    check("A=100 | hold A B 60 1000 #7 -> ok ; void bank-a#7 -> ok ; transfer A C 100 -> ok | A=0 C=100 A.debits=0");
}

#[test]
fn a_hold_ends_once() {
    check(
        "A=100 | hold A B 60 1000 #7 -> ok ; post bank-a#7 20 -> ok ; post bank-a#7 20 -> hold_posted ; void bank-a#7 -> hold_posted | B=20",
    );
    check(
        "A=100 | hold A B 60 1000 #7 -> ok ; void bank-a#7 -> ok ; void bank-a#7 -> hold_voided ; post bank-a#7 1 -> hold_voided | B=0",
    );
    check("A=100 | hold A B 60 1000 #7 -> ok ; post bank-a#7 20 #8 -> ok ; post bank-a#7 20 #8 -> ok* | B=20");
    check(
        "A=100 | hold A B 60 1000 #7 -> ok ; hold A B 60 1000 #7 -> ok* ; hold A B 61 1000 #7 -> exists_with_different_body | A.debits=60",
    );
    check(
        "A=100 | hold A B 60 1000 #7 -> ok ; post bank-a#7 61 -> exceeds_hold ; post bank-a#7 0 -> amount_zero | A.debits=60",
    );
    check("A=100 | post bank-a#7 1 -> hold_not_found ; void bank-b#7 -> hold_not_found | A=100");
    check(
        "A=100 | offer #7 1000 [A B 1, B C 1] -> ok ; post bank-a#7 1 -> hold_not_found ; void bank-a#7 -> hold_not_found | A.debits=1",
    );
}

#[test]
fn a_hold_expires_at_its_time_and_what_it_held_is_free_in_that_very_block() {
    check("A=100 | hold A B 60 1000 #7 -> ok ; next 998 ; post bank-a#7 1 -> ok | B=1");
    check(
        "A=100 | hold A B 60 1000 #7 -> ok ; next 999 ; post bank-a#7 1 -> hold_expired ; void bank-a#7 -> hold_expired ; transfer A B 100 -> ok | A=0 B=100 A.debits=0",
    );
    check("A=100 | hold A B 60 0 -> hold_expired ; hold A B 60 1 -> ok | A.debits=60");
}

#[test]
fn an_ended_hold_is_remembered_as_long_as_its_id() {
    const WINDOW: &str = "172800000";
    check(&alloc::format!(
        "A=100 | hold A B 60 9 #7 -> ok ; next ; next ; next {WINDOW} ; post bank-a#7 1 -> hold_not_found | A.debits=0"
    ));
    check(
        "A=100 | hold A B 60 9 #7 -> ok ; next ; next ; next 172790000 ; post bank-a#7 1 -> hold_expired | A.debits=0",
    );
}

#[test]
fn who_decides_over_a_hold() {
    // The debtor's reservation: the creditor cannot post it, but may give it up.
    check(
        "A=100 | hold A B 60 1000 #7 -> ok ; by=bank-b post bank-a#7 60 -> not_authorised ; by=bank-b void bank-a#7 -> ok | A.debits=0",
    );
    check(
        "A=100 | hold A B 60 1000 #7 -> ok ; by=bank-c void bank-a#7 -> not_authorised ; by=bank-c post bank-a#7 1 -> not_authorised | A.debits=60",
    );
    // The guarantee: the debtor cannot take it back.
    check(
        "A=100 | hold A B 60 1000 creditor #7 -> ok ; void bank-a#7 -> not_authorised ; post bank-a#7 60 -> not_authorised ; by=bank-b post bank-a#7 60 -> ok | A=40 B=60",
    );
    check(
        "A=100 | hold A B 60 1000 creditor #7 -> ok ; by=bank-b sign=bank-b.accounts post bank-a#7 60 -> not_authorised ; by=bank-b void bank-a#7 -> ok | A.debits=0",
    );
    check(
        "A=100 | by=bank-b hold A B 60 1000 -> not_authorised ; hold issuance A 5 1000 -> not_authorised | A.debits=0",
    );
}

#[test]
fn what_is_frozen_or_closed_when_a_hold_is_posted() {
    check(
        "A=100 | hold A B 60 1000 #7 -> ok ; freeze account:A debits -> ok ; post bank-a#7 1 -> debit_account_frozen ; void bank-a#7 -> ok | A=100",
    );
    check("A=100 | hold A B 60 1000 #7 -> ok ; by=bank-b close B -> balance_not_zero | A.debits=60");
    check(
        "A=60 | hold A B 60 1000 #7 -> ok ; close A -> balance_not_zero ; post bank-a#7 60 -> ok ; close A -> ok | B=60",
    );
}

#[test]
fn a_refused_transaction_takes_its_holds_back() {
    check(
        "A=100 | hold A B 60 1000 #7 + transfer A B 50 -> batch_aborted + insufficient_funds ; post bank-a#7 1 -> hold_not_found | A.debits=0",
    );
    check(
        "A=100 | hold A B 60 1000 #7 -> ok ; post bank-a#7 60 + transfer A B 50 -> batch_aborted + insufficient_funds ; void bank-a#7 -> ok | A=100",
    );
}

#[test]
fn posted_and_pending_together_fit() {
    check("A=max | hold A B max 1000 -> ok | A.debits=340282366920938463463374607431768211455");
    check(
        "A=max | hold A B 5 1000 #7 -> ok ; post bank-a#7 5 -> ok ; by=bank-b hold B A 5 1000 -> amount_overflow | B=5",
    );
    check(
        "A=100 | hold A B 101 1000 -> insufficient_funds ; hold A B 0 1000 -> amount_zero ; hold A A 1 1000 -> same_account ; hold A AUSD 1 1000 -> asset_mismatch | A.debits=0",
    );
}
