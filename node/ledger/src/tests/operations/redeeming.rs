use crate::tests::scenario::check;

#[test]
fn the_supply_falls_by_what_is_redeemed() {
    check("A=100 | redeem A 30 -> ok | A=70 issuance=-70");
    check("A=100 | redeem A 100 -> ok | A=0 issuance=0");
    check("A=100 | redeem A 30 #7 -> ok ; redeem A 30 #7 -> ok* ; redeem A 31 #7 -> exists_with_different_body | A=70");
}

#[test]
fn nobody_redeems_what_it_has_not() {
    check("A=100 | redeem A 101 -> insufficient_funds ; redeem A 0 -> amount_zero | A=100");
    check("A=100 | redeem Ax 1 -> debit_account_not_found ; redeem issuance 1 -> same_account | A=100");
    check("A=100 | by=bank-b redeem A 1 -> not_authorised ; sign=bank-a.issue redeem A 1 -> not_authorised | A=100");
    check("A=100 | by=central-bank redeem A 1 -> not_authorised | A=100");
    check("A=100 A.debit_frozen | redeem A 1 -> debit_account_frozen | A=100");
    check("A=100 issuance.credit_frozen | redeem A 1 -> credit_account_frozen | A=100");
    check("A=100 central-bank.suspended | redeem A 1 -> member_not_active | A=100");
}
