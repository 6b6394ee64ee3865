//! Single operations: what is accepted, what is refused and the edges between.

use super::scenario::check;
use super::world::QUOTA;
use alloc::format;

#[test]
fn transfers() {
    check("A=100 | transfer A B 120 -> insufficient_funds | A=100 B=0");
    check("A=100 | transfer A B 100 -> ok | A=0 B=100");
    check("A=100 | transfer A B 101 -> insufficient_funds | A=100");
    check("A=100 | transfer A B 1 -> ok; by=bank-b transfer B C 1 -> ok | A=99 B=0 C=1");
    check("A=100 | transfer A B 0 -> amount_zero | A=100");
    check("A=100 | transfer A B max -> insufficient_funds | A=100");
    check("A=100 | transfer A B 60 -> ok; transfer A B 60 -> insufficient_funds; next; transfer A B 40 -> ok | A=0");
    check("A=100 | transfer Ax B 1 -> debit_account_not_found; transfer A Bx 1 -> credit_account_not_found | A=100");
    check("A=100 | transfer A A 1 -> same_account; transfer A BUSD 1 -> asset_mismatch | A=100");
    check("A=100 | transfer A A2 100 -> ok | A=0 A2=100");
}

#[test]
fn counters_do_not_overflow() {
    // The debited counter stands at 1 after the first payment; the credited one is full.
    check("A=max B=0 | transfer A B 1 -> ok; transfer A B max -> amount_overflow | B=1");
    check("A=max | transfer A B max -> ok; by=bank-b transfer B A 1 -> amount_overflow | A=0");
}

#[test]
fn authorisation() {
    check("A=9 | sign=bank-a.pay transfer A B 1 -> ok; sign=bank-a.read transfer A B 1 -> not_authorised | A=8");
    check("A=9 | by=bank-b transfer A B 1 -> not_authorised | A=9");
    // The owner's signature counts, whoever hands in the transaction; but the one who hands it in signs too.
    check("A=9 | by=bank-b sign=bank-a,bank-b transfer A B 1 -> ok | A=8");
    // Nobody pays from or to an issuance account.
    check("A=9 | by=central-bank transfer issuance A 1 -> not_authorised | A=9");
    check("A=9 | transfer A issuance 1 -> not_authorised | A=9");
}

#[test]
fn status_and_freezes() {
    check("A=9 bank-a.suspended | transfer A B 1 -> member_not_active | A=9");
    check("A=9 bank-b.suspended | transfer A B 1 -> member_not_active; transfer A C 1 -> ok | A=8");
    check("A=9 bank-c.suspended | by=bank-c sign=bank-a,bank-c transfer A B 1 -> member_not_active | A=9");
    check("A=9 EUR.frozen | transfer A B 1 -> asset_frozen | A=9");
    check("A=9 B=9 A.debit_frozen | transfer A B 1 -> debit_account_frozen; by=bank-b transfer B A 1 -> ok | A=10");
    check("A=9 B=9 B.credit_frozen | transfer A B 1 -> credit_account_frozen; by=bank-b transfer B A 1 -> ok | A=10");
    check("A=9 B.closed | transfer A B 1 -> account_closed | A=9");
    check("A=9 A.closed | transfer A B 1 -> account_closed | A=9");
}

#[test]
fn issues() {
    check("| by=central-bank issue EUR A 100 -> ok | A=100 issuance=-100");
    check(&format!(
        "| by=central-bank issue EUR A {QUOTA} -> ok; by=central-bank issue EUR A 1 -> quota_exceeded | A={QUOTA}"
    ));
    check(&format!("| by=central-bank issue EUR A {} -> quota_exceeded | A=0", QUOTA + 1));
    check(
        "A=1 | by=central-bank issue EUR B max -> amount_overflow; by=central-bank issue EUR A 0 -> amount_zero | A=1",
    );
    check("| by=central-bank issue EUR B max -> quota_exceeded | B=0");
    check(
        "| by=central-bank issue GBP A 1 -> debit_account_not_found; by=central-bank issue EUR Ax 1 -> credit_account_not_found |",
    );
    check(
        "| by=central-bank issue EUR issuance 1 -> same_account; by=central-bank issue EUR AUSD 1 -> asset_mismatch |",
    );
    check("| by=central-bank sign=central-bank.issue issue EUR A 1 -> ok | A=1");
    check("| by=central-bank sign=central-bank.pay issue EUR A 1 -> not_authorised | A=0");
    check("| issue EUR A 1 -> not_authorised; sign=bank-a,central-bank issue EUR A 1 -> not_authorised | A=0");
    check("central-bank.suspended | by=central-bank issue EUR A 1 -> member_not_active | A=0");
    check("bank-a.suspended | by=central-bank issue EUR A 1 -> member_not_active | A=0");
    check("EUR.frozen | by=central-bank issue EUR A 1 -> asset_frozen | A=0");
    check("issuance.debit_frozen | by=central-bank issue EUR A 1 -> debit_account_frozen | A=0");
    check("A.credit_frozen | by=central-bank issue EUR A 1 -> credit_account_frozen | A=0");
    check("A.closed | by=central-bank issue EUR A 1 -> account_closed | A=0");
}

#[test]
fn opening_accounts() {
    check("A=5 | open EUR new -> ok; transfer A Anew 5 -> ok; next; transfer Anew A 2 -> ok | A=2 Anew=3");
    check("A=5 | open EUR new + transfer A Anew 5 -> ok + ok | Anew=5");
    check("| open EUR main -> account_exists; open EUR new -> ok; open EUR new -> account_exists |");
    check("| open GBP new -> asset_mismatch; open EUR issuance -> not_authorised |");
    check("| sign=bank-a.accounts open EUR new -> ok; sign=bank-a.pay open EUR other -> not_authorised |");
    check("| by=central-bank open EUR issuance -> not_authorised |");
    check("bank-a.suspended | open EUR new -> member_not_active |");
}
