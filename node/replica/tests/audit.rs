//! The audit of a whole store: nothing to say of a good one, and a finding for whatever is spoilt.

#![allow(clippy::unwrap_used)]

mod alone;

use alone::{account, life::Life, name};
use concordat_ledger::{StateKey, StateValue};
use concordat_replica::{
    audit::{Audit, FINDINGS_MAX, audit},
    memory::MemoryStore,
    query,
    store::Table,
};
use concordat_types::{AssetCode, decode, encode};

fn run(life: &Life) -> Audit {
    audit(&life.alone.genesis, life.chain(), &mut |_| true).unwrap()
}

#[test]
fn a_good_store_has_no_findings() {
    let mut life = Life::new(61);
    life.live(60);
    let audit = run(&life);
    assert_eq!(audit.findings, []);
    let eur = AssetCode::new("EUR").unwrap();
    let issuance = query::account(life.chain(), &account("central-bank/EUR/issuance")).unwrap().unwrap();
    assert_eq!(audit.supply[&eur], issuance.debits_posted - issuance.credits_posted);
    assert_eq!((audit.height, audit.accounts), (life.tip(), 5));
    let booked = life.records().iter().filter(|record| record.booked).map(|record| record.legs.len() as u64).sum();
    assert_eq!(audit.bookings, booked);
    assert!(audit.transactions > 60);
    // Before the first block, and of nothing at all.
    let genesis = &life.alone.genesis;
    assert_eq!(audit_of_genesis(genesis), []);
    assert_eq!(
        concordat_replica::audit::audit(genesis, &MemoryStore::default(), &mut |_| true).unwrap().findings.len(),
        1
    );
}

fn audit_of_genesis(genesis: &concordat_types::Genesis) -> Vec<concordat_replica::audit::Finding> {
    let chain = concordat_replica::chain::Chain::open(genesis, Box::new(MemoryStore::default())).unwrap();
    audit(genesis, chain.store(), &mut |_| true).unwrap().findings
}

/// Of each row of each table that the audit covers: a bit flipped, and the row taken away.
#[test]
fn every_spoilt_row_is_found() {
    let mut life = Life::new(62);
    life.live(6);
    assert_eq!(run(&life).findings, []);
    for table in Table::STORE.iter().filter(|table| **table != Table::Ids) {
        for (number, (key, value)) in life.chain().rows(*table).into_iter().enumerate() {
            let mut spoilt = vec![None];
            if !value.is_empty() {
                let mut flipped = value.clone();
                flipped[number * 7 % value.len()] ^= 1 << (number % 8);
                spoilt.push(Some(flipped));
            }
            for spoilt in spoilt {
                life.alone.store.spoil(*table, &key, spoilt.clone());
                let outcome = audit(&life.alone.genesis, life.chain(), &mut |_| true);
                let is_found = outcome.as_ref().map_or(true, |audit| !audit.findings.is_empty());
                assert!(is_found, "{table:?}, row {key:02x?}, {spoilt:02x?}");
            }
            life.alone.store.spoil(*table, &key, Some(value));
        }
    }
    assert_eq!(run(&life).findings, []);
}

/// Money that no booking explains, though the books balance and only the audit of the bookings can tell.
#[test]
fn a_balance_that_no_booking_explains_is_found() {
    let mut life = Life::new(63);
    life.live(20);
    for (path, is_debit) in [("bank-a/EUR/main", false), ("central-bank/EUR/issuance", true)] {
        let key = StateKey::Account(account(path)).to_bytes();
        let row = life.chain().rows(Table::State).into_iter().find(|(row, _)| *row == key).unwrap().1;
        let StateValue::Account(mut changed) = decode(&row, row.len()).unwrap() else { panic!("an account") };
        if is_debit {
            changed.debits_posted += 100
        } else {
            changed.credits_posted += 100
        }
        life.alone.store.spoil(Table::State, &key, Some(encode(&StateValue::Account(changed))));
    }
    let findings: Vec<String> = run(&life).findings.iter().map(ToString::to_string).collect();
    for words in ["bank-a/EUR/main has posted", "central-bank/EUR/issuance has posted", "the state has root"] {
        assert!(findings.iter().any(|finding| finding.contains(words)), "{words}: {findings:?}");
    }
    assert_eq!(findings.len(), 3, "the books balance: {findings:?}");
}

#[test]
fn findings_are_bounded_and_an_audit_can_be_ended() {
    let mut life = Life::new(64);
    life.live(60);
    for (key, _) in life.chain().rows(Table::Bodies) {
        life.alone.store.spoil(Table::Bodies, &key, None);
    }
    for (key, _) in life.chain().rows(Table::Results) {
        life.alone.store.spoil(Table::Results, &key, None);
    }
    let findings = run(&life).findings;
    assert!(findings.len() <= FINDINGS_MAX && findings.len() > 30);
    let mut heights = 0;
    let early = audit(&life.alone.genesis, life.chain(), &mut |_| {
        heights += 1;
        heights <= 3
    });
    assert_eq!(early.unwrap().findings.len(), 3);
    assert_eq!(name("bank-a").as_str(), "bank-a");
}
