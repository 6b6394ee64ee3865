use crate::tests::scenario::check;

#[test]
fn one_payment_and_all_of_a_day() {
    check(
        "A=100 | limit account:A transfer=10 day=25 -> ok ; transfer A B 11 -> limit_exceeded ; transfer A B 10 -> ok ; transfer A B 10 -> ok ; transfer A B 6 -> limit_exceeded ; transfer A B 5 -> ok | A=75",
    );
    // What was refused, or undone, was not used.
    check(
        "A=100 | limit account:A day=10 -> ok ; transfer A B 10 + transfer A B 101 -> batch_aborted + limit_exceeded ; transfer A B 10 -> ok | A=90",
    );
    check(
        "A=100 | limit account:A day=0 -> ok ; transfer A B 1 -> limit_exceeded ; limit account:A -> ok ; transfer A B 1 -> ok | A=99",
    );
    // Payments into the account do not count.
    check(
        "A=100 B=9 | limit account:A day=10 -> ok ; by=bank-b transfer B A 9 -> ok ; transfer A B 10 -> ok ; transfer A B 1 -> limit_exceeded | A=99",
    );
}

#[test]
fn a_new_business_date_starts_at_zero_and_nothing_else_does() {
    check(
        "A=100 | limit account:A day=10 -> ok ; transfer A B 10 -> ok ; next 90000000 ; transfer A B 1 -> limit_exceeded ; by=central-bank day 1 -> ok ; transfer A B 10 -> ok ; transfer A B 1 -> limit_exceeded | A=80",
    );
}

#[test]
fn the_net_debit_cap() {
    check(
        "A=100 B=9 | limit member:EUR net=10 -> ok ; transfer A B 10 -> ok ; transfer A B 1 -> limit_exceeded ; by=bank-b transfer B A 4 -> ok ; transfer A B 5 -> limit_exceeded ; transfer A B 4 -> ok | A=90",
    );
}

/// Else one member promises, the other pays out more than its cap, and the promise is voided.
#[test]
fn a_promise_does_not_lift_a_net_debit_cap() {
    check(
        "A=100 B=9 | limit member:EUR net=10 -> ok ; by=bank-b hold B A 9 1000 #7 -> ok ; transfer A B 11 -> limit_exceeded ; by=bank-b post bank-b#7 4 -> ok ; transfer A B 15 -> limit_exceeded ; transfer A B 14 -> ok | A=90",
    );
    check(
        "A=1 AUSD=20 | limit member:USD net=5 -> ok ; transfer AUSD BUSD 5 -> ok ; by=bank-b offer #7 1000 [BUSD AUSD 5, A B 1] -> ok ; transfer AUSD BUSD 1 -> limit_exceeded ; accept bank-b#7 -> ok ; transfer AUSD BUSD 6 -> limit_exceeded ; transfer AUSD BUSD 5 -> ok | AUSD=15",
    );
}

#[test]
fn a_member_s_limit_is_for_payments_to_others() {
    check(
        "A=100 | limit member:EUR day=10 -> ok ; transfer A A2 50 -> ok ; transfer A2 B 6 -> ok ; transfer A B 5 -> limit_exceeded ; transfer A B 4 -> ok | A=46 A2=44",
    );
    check("AUSD=100 | limit member:EUR day=10 -> ok ; transfer AUSD BUSD 50 -> ok | AUSD=50");
    check(
        "A=100 | limit pair:EUR:bank-b day=10 -> ok ; transfer A C 50 -> ok ; transfer A B 11 -> limit_exceeded ; transfer A B 10 -> ok | A=40",
    );
    check("A=100 | limit pair:EUR:bank-b day=10 -> ok ; limit pair:EUR:bank-b -> ok ; transfer A B 50 -> ok | A=50");
    check(
        "A=100 | limit pair:EUR:bank-b day=10 -> ok ; limit member:EUR day=50 -> ok ; limit member:EUR -> ok ; transfer A B 11 -> limit_exceeded | A=100",
    );
}

#[test]
fn a_tier_limits_each_account_of_it() {
    check(
        "A=100 | limit tier:EUR:1 transfer=10 day=15 balance=12 -> ok ; open EUR c1 top 1 -> ok ; open EUR c2 top 1 -> ok ; transfer A Ac1 13 -> limit_exceeded ; transfer A Ac1 12 -> ok ; transfer A Ac2 12 -> ok ; transfer Ac1 B 11 -> limit_exceeded ; transfer Ac1 B 10 -> ok ; transfer A Ac1 10 -> ok ; transfer Ac1 B 6 -> limit_exceeded ; transfer Ac1 B 5 -> ok ; transfer Ac2 B 10 -> ok | Ac1=7 Ac2=2",
    );
    check(
        "A=100 | open EUR c1 top 1 -> ok ; transfer A Ac1 50 -> ok ; limit tier:EUR:1 day=15 -> ok ; transfer Ac1 B 16 -> limit_exceeded ; move Ac1 top 2 -> ok ; transfer Ac1 B 16 -> ok ; move Ac1 top 1 -> ok ; transfer Ac1 B 1 -> limit_exceeded ; move Ac1 top -> ok ; transfer Ac1 B 1 -> ok | Ac1=33",
    );
    // Its own limits hold beside the tier's, and both count in one place.
    check(
        "A=100 | open EUR c1 top 1 -> ok ; transfer A Ac1 50 -> ok ; limit tier:EUR:1 day=15 -> ok ; limit account:Ac1 day=10 -> ok ; transfer Ac1 B 10 -> ok ; transfer Ac1 B 1 -> limit_exceeded ; limit account:Ac1 -> ok ; transfer Ac1 B 5 -> ok ; transfer Ac1 B 1 -> limit_exceeded | Ac1=35",
    );
}

#[test]
fn the_largest_balance_counts_what_is_promised() {
    check(
        "A=100 | by=bank-b limit account:B balance=10 -> ok ; hold A B 6 1000 #7 -> ok ; transfer A B 5 -> limit_exceeded ; transfer A B 4 -> ok ; post bank-a#7 6 -> ok | B=10",
    );
    check(
        "A=100 | by=bank-b limit account:B balance=10 -> ok ; hold A B 6 1000 #7 -> ok ; void bank-a#7 -> ok ; transfer A B 10 -> ok | B=10",
    );
}

#[test]
fn a_hold_counts_when_it_is_made_and_what_is_released_today_counts_no_more() {
    check(
        "A=100 | limit account:A day=10 -> ok ; hold A B 10 1000 #7 -> ok ; transfer A B 1 -> limit_exceeded ; post bank-a#7 4 -> ok ; transfer A B 7 -> limit_exceeded ; transfer A B 6 -> ok | A=90",
    );
    check(
        "A=100 | limit account:A day=10 -> ok ; hold A B 10 1000 #7 -> ok ; void bank-a#7 -> ok ; transfer A B 10 -> ok | A=90",
    );
    check("A=100 | limit account:A day=10 -> ok ; hold A B 10 1000 #7 -> ok ; next 999 ; transfer A B 10 -> ok | A=90");
    // Released under another date: nothing is given back.
    check(
        "A=100 | limit account:A day=10 -> ok ; hold A B 10 1000 #7 -> ok ; by=central-bank day 1 -> ok ; transfer A B 4 -> ok ; void bank-a#7 -> ok ; transfer A B 7 -> limit_exceeded ; transfer A B 6 -> ok | A=90",
    );
    check(
        "A=100 B=3 | limit account:A day=10 -> ok ; offer #7 1000 [A B 10, B A 3] -> ok ; transfer A C 1 -> limit_exceeded ; cancel bank-a#7 -> ok ; transfer A C 10 -> ok | A=90",
    );
    check(
        "A=100 B=3 | limit account:A day=10 -> ok ; offer #7 1000 [A B 10, B A 3] -> ok ; by=bank-b accept bank-a#7 -> ok ; transfer A C 1 -> limit_exceeded | A=93",
    );
}

/// A hold from before there was a limit was not counted, so giving it up leaves no room for more.
#[test]
fn what_was_not_counted_is_not_given_back() {
    check(
        "A=100 | hold A B 50 1000 #7 -> ok ; limit account:A day=10 -> ok ; transfer A B 10 -> ok ; void bank-a#7 -> ok ; transfer A B 1 -> limit_exceeded | A=90",
    );
    // In one transaction too.
    check(
        "A=100 | hold A B 50 1000 #7 + limit account:A day=10 -> ok + ok ; transfer A B 10 -> ok ; void bank-a#7 -> ok ; transfer A B 1 -> limit_exceeded | A=90",
    );
    check(
        "A=100 | limit account:A day=50 + hold A B 50 1000 #7 -> ok + ok ; transfer A B 1 -> limit_exceeded ; void bank-a#7 -> ok ; transfer A B 50 -> ok | A=50",
    );
    check(
        "A=100 | limit account:A day=50 -> ok ; hold A B 50 1000 #7 -> ok ; limit account:A -> ok ; limit account:A day=10 -> ok ; transfer A B 10 -> ok ; void bank-a#7 -> ok ; transfer A B 1 -> limit_exceeded | A=90",
    );
}

#[test]
fn a_second_key_above_an_amount() {
    check(
        "A=100 | limit member:EUR second=10 -> ok ; transfer A B 10 -> ok ; transfer A B 11 -> second_key_missing ; sign=bank-a.pay,bank-a.approve transfer A B 11 -> ok | A=79",
    );
    // One key that may do both is one key; two that may not approve are none.
    check(
        "A=100 | limit member:EUR second=10 -> ok ; sign=bank-a,bank-a.read transfer A B 11 -> second_key_missing ; sign=bank-a,bank-a.pay transfer A B 11 -> ok ; sign=bank-a,bank-b transfer A B 11 -> second_key_missing | A=89",
    );
    check(
        "A=100 | limit account:A second=10 -> ok ; transfer A A2 11 -> second_key_missing ; redeem A 11 -> second_key_missing ; hold A B 11 1000 -> second_key_missing ; offer #7 1000 [A B 11, B A 1] -> second_key_missing ; redeem A 10 -> ok | A=90",
    );
    check(
        "A=100 | by=central-bank limit member:EUR second=10 -> ok ; by=central-bank issue EUR A 11 -> second_key_missing ; by=central-bank sign=central-bank.issue,central-bank.approve issue EUR A 11 -> ok ; by=central-bank issue EUR A 10 -> ok | A=121",
    );
    check(
        "A=100 B=50 | by=bank-b limit account:B second=10 -> ok ; offer #7 1000 [A B 1, B A 11] -> ok ; by=bank-b accept bank-a#7 -> second_key_missing ; by=bank-b sign=bank-b.pay,bank-b.approve accept bank-a#7 -> ok | A=110",
    );
    check(
        "A=100 | limit pair:EUR:bank-b second=10 -> ok ; transfer A C 11 -> ok ; transfer A B 11 -> second_key_missing | A=89",
    );
}

#[test]
fn who_sets_limits() {
    check(
        "A=1 | by=bank-b limit account:A day=1 -> not_authorised ; sign=bank-a.pay limit account:A day=1 -> not_authorised ; limit account:Ax day=1 -> account_not_found ; limit member:GBP day=1 -> asset_mismatch ; limit pair:EUR:bank-x day=1 -> member_not_found ; limit pair:EUR:bank-a day=1 -> member_not_found ; sign=bank-a.limits limit account:A day=1 -> ok | A=1",
    );
    check("A=0 A2.closed | limit account:A2 day=1 -> account_closed | A=0");
    check("A=0 bank-a.suspended | limit account:A day=1 -> member_not_active | A=0");
}

#[test]
fn an_issue_is_a_payment_of_the_issuer() {
    check(
        "A=0 | by=central-bank limit account:issuance day=10 -> ok ; by=central-bank issue EUR A 11 -> limit_exceeded ; by=central-bank issue EUR A 10 -> ok | A=10",
    );
}
