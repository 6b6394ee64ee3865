use crate::tests::scenario::check;

#[test]
fn a_bond_for_cash() {
    check(
        "A=100 BUSD=7 | offer #7 1000 [A B 60, BUSD AUSD 7] -> ok ; transfer A C 41 -> insufficient_funds ; by=bank-b accept bank-a#7 -> ok | A=40 B=60 AUSD=7 BUSD=0 A.debits=0",
    );
    check(
        "A=100 BUSD=6 | offer #7 1000 [A B 60, BUSD AUSD 7] -> ok ; by=bank-b accept bank-a#7 -> insufficient_funds | A=100 A.debits=60 BUSD=6",
    );
}

#[test]
fn all_signatures_at_once_settle_at_once() {
    check(
        "A=100 BUSD=7 | sign=bank-a,bank-b offer #7 1000 [A B 60, BUSD AUSD 7] -> ok ; by=bank-b accept bank-a#7 -> hold_posted | A=40 AUSD=7 A.debits=0",
    );
    check(
        "A=100 BUSD=6 | sign=bank-a,bank-b offer #7 1000 [A B 60, BUSD AUSD 7] -> insufficient_funds | A=100 A.debits=0",
    );
    check("A=100 B=5 | sign=bank-a.pay,bank-b.read offer #7 1000 [A B 60, B A 5] -> ok | A.debits=60 B.debits=0");
}

#[test]
fn three_members_and_the_last_acceptance_settles() {
    check(
        "A=5 B=5 C=5 | offer #7 1000 [A B 5, B C 5, C A 5] -> ok ; by=bank-c accept bank-a#7 -> ok ; by=bank-c accept bank-a#7 -> already_accepted ; by=bank-b accept bank-a#7 -> ok | A=5 B=5 C=5 A.debits=0 B.debits=0 C.debits=0",
    );
    // Reserved is reserved: what one gets is there only when all have accepted.
    check(
        "A=5 C=5 | offer #7 1000 [A B 5, B C 5] -> ok ; by=bank-b accept bank-a#7 -> insufficient_funds | A=5 A.debits=5",
    );
    check("A=9 | offer #7 1000 [A B 5, A C 4] -> ok | A=0 B=5 C=4");
    check("A=8 | offer #7 1000 [A B 5, A C 4] -> insufficient_funds | A=8 A.debits=0");
}

#[test]
fn an_offer_ends_in_one_way() {
    check(
        "A=9 | offer #7 1000 [A B 5, B A 1] -> ok ; cancel bank-a#7 -> ok ; cancel bank-a#7 -> hold_voided ; by=bank-b accept bank-a#7 -> hold_voided | A=9 A.debits=0",
    );
    check("A=9 B=1 | offer #7 1000 [A B 5, B A 1] -> ok ; by=bank-b cancel bank-a#7 -> ok | A=9 A.debits=0");
    check(
        "A=9 | offer #7 1000 [A B 5, B A 1] -> ok ; by=bank-c cancel bank-a#7 -> not_authorised ; by=bank-c accept bank-a#7 -> already_accepted | A.debits=5",
    );
    check(
        "A=9 B=1 | offer #7 1000 [A B 5, B A 1] -> ok ; by=bank-b accept bank-a#7 -> ok ; cancel bank-a#7 -> hold_posted | A=5 B=5",
    );
    check(
        "A=9 B=1 | offer #7 1000 [A B 5, B A 1] -> ok ; next 999 ; by=bank-b accept bank-a#7 -> hold_expired ; cancel bank-a#7 -> hold_expired | A=9 A.debits=0",
    );
    check(
        "A=9 | offer #7 0 [A B 5, B A 1] -> hold_expired ; cancel bank-a#8 -> hold_not_found ; accept bank-a#8 -> hold_not_found | A.debits=0",
    );
    check(
        "A=9 | hold A B 1 1000 #7 -> ok ; cancel bank-a#7 -> hold_not_found ; accept bank-a#7 -> hold_not_found | A.debits=1",
    );
    check(
        "A=9 | offer #7 1000 [A B 5, B A 1] -> ok ; offer #7 1000 [A B 5, B A 1] -> ok* ; offer #7 1000 [A B 5, B A 2] -> exists_with_different_body | A.debits=5",
    );
}

#[test]
fn who_may_offer_and_accept() {
    check("A=9 B=9 | by=bank-c offer #7 1000 [A B 5, B A 1] -> not_authorised | A.debits=0");
    // A third member's key in the transaction is no signature of a payer's.
    check("A=9 B=9 | by=bank-c sign=bank-a,bank-c offer #7 1000 [A B 5, B A 1] -> not_authorised | A.debits=0");
    check("A=9 B=9 | sign=bank-a.read offer #7 1000 [A B 5, B A 1] -> not_authorised | A.debits=0");
    check(
        "A=9 B=9 | offer #7 1000 [A B 5, B A 1] -> ok ; by=bank-b sign=bank-b.read accept bank-a#7 -> not_authorised | A.debits=5",
    );
    check(
        "A=9 B=9 | offer #7 1000 [A issuance 5, B A 1] -> not_authorised ; offer #8 1000 [A B 0, B A 1] -> amount_zero ; offer #9 1000 [A A 1, B A 1] -> same_account | A.debits=0",
    );
}

#[test]
fn of_the_refusals_of_several_legs_the_smallest_number_is_told() {
    check("A=9 B.credit_frozen C.closed | offer #7 1000 [A C 1, A B 1] -> credit_account_frozen | A.debits=0");
    check("A=9 C.closed | offer #7 1000 [A C 1, A Bx 1] -> credit_account_not_found | A.debits=0");
}

#[test]
fn what_is_frozen_when_an_offer_completes_stops_it() {
    check(
        "A=9 B=1 | offer #7 1000 [A B 5, B A 1] -> ok ; freeze account:A debits -> ok ; by=bank-b accept bank-a#7 -> debit_account_frozen ; freeze account:A none -> ok ; by=bank-b accept bank-a#7 -> ok | A=5 B=5",
    );
    check(
        "A=9 B=1 | offer #7 1000 [A B 5, B A 1] -> ok ; by=central-bank freeze member:bank-a credits -> ok ; by=bank-b accept bank-a#7 -> credit_account_frozen | A.debits=5",
    );
}

#[test]
fn legs_of_an_acceptance_are_all_reserved_or_none() {
    check(
        "A=9 B=5 | offer #7 1000 [A B 5, B A 3, B C 3] -> ok ; by=bank-b accept bank-a#7 -> insufficient_funds | A.debits=5 B.debits=0",
    );
    // What the offer itself brings comes only when all is reserved.
    check("A=9 B=6 | offer #7 1000 [A B 5, B A 3, B C 3] -> ok ; by=bank-b accept bank-a#7 -> ok | A=7 B=5 C=3");
}
