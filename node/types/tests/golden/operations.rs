//! The operations beside payments, each with every field.

use super::*;
use concordat_types::{
    BusinessDate, FreezeTarget, Hold, HoldSide, Leg, LimitScope, Limits, Offer, OpenAccount, PendingRef, Tier,
};

fn check(operation: &Operation, fields: &str) {
    assert_eq!(hex(&encode(operation)), joined(fields));
    assert_eq!(decode(&encode(operation), 1000).as_ref(), Ok(operation));
}

fn pending() -> PendingRef {
    PendingRef { submitter: "bank-a".parse().unwrap(), id: uuid(0, 0xab) }
}

fn reference(text: &str) -> Reference {
    Reference::new(text).unwrap()
}

#[test]
fn accounts() {
    check(
        &Operation::OpenAccount(OpenAccount {
            asset: "EUR".parse().unwrap(),
            name: "c-1".parse().unwrap(),
            parent: Some(account("bank-a/EUR/main")),
            customer: Some(Hash([0x44; 32])),
            tier: Some(Tier(2)),
        }),
        "01                                  open account
         03455552                            EUR
         03632d31                            c-1
         01                                  a parent:
         04d6c4f964cbf7a658b1eb476cd10330
         01                                  a customer:
         4444444444444444444444444444444444444444444444444444444444444444
         01                                  a tier:
         02",
    );
    check(
        &Operation::CloseAccount { account: account("bank-a/EUR/main") },
        "0c                                  close account
         04d6c4f964cbf7a658b1eb476cd10330",
    );
    check(
        &Operation::ChangeAccount { account: account("bank-a/EUR/main"), parent: None, tier: Some(Tier(1)) },
        "0d                                  change account
         04d6c4f964cbf7a658b1eb476cd10330
         00                                  no parent
         01                                  a tier:
         01",
    );
}

#[test]
fn redeeming_and_holding() {
    check(
        &Operation::Redeem {
            id: uuid(0, 0xab),
            debit_account: account("bank-a/EUR/main"),
            amount: 12_345,
            reference: reference("R1"),
        },
        "05                                  redeem
         018bcfe568007bababababababababab    id
         04d6c4f964cbf7a658b1eb476cd10330    debit account
         39300000000000000000000000000000    amount
         025231                              reference R1",
    );
    check(
        &Operation::Hold(Hold {
            id: uuid(0, 0xab),
            debit_account: account("bank-a/EUR/main"),
            credit_account: account("bank-b/EUR/main"),
            amount: 12_345,
            expires_at: Timestamp(TIME),
            posted_by: HoldSide::Creditor,
            reference: reference(""),
            purpose: Purpose::new("SALA").unwrap(),
            document: None,
        }),
        "06                                  hold
         018bcfe568007bababababababababab    id
         04d6c4f964cbf7a658b1eb476cd10330    debit account
         ea6c3fbb6c6d9721079298a3c101d1e4    credit account
         39300000000000000000000000000000    amount
         0068e5cf8b010000                    expires at
         01                                  posted by the creditor
         00                                  no reference
         0453414c41                          purpose SALA
         00                                  no document",
    );
    check(
        &Operation::Post { id: uuid(1, 0xcd), hold: pending(), amount: 1 },
        "07                                  post
         018bcfe568017dcd8dcdcdcdcdcdcdcd    id
         0662616e6b2d61                      of bank-a
         018bcfe568007bababababababababab    the hold
         01000000000000000000000000000000    amount",
    );
    check(
        &Operation::Void { hold: pending() },
        "08                                  void
         0662616e6b2d61
         018bcfe568007bababababababababab",
    );
}

#[test]
fn settling() {
    let leg = |debit, credit, amount| Leg { debit_account: account(debit), credit_account: account(credit), amount };
    check(
        &Operation::Offer(Offer {
            id: uuid(0, 0xab),
            legs: vec![leg("bank-a/EUR/main", "bank-b/EUR/main", 3), leg("bank-b/EUR/main", "bank-a/EUR/main", 5)],
            deadline: Timestamp(TIME),
            reference: reference(""),
            document: Some(Hash([0x33; 32])),
        }),
        "09                                  offer
         018bcfe568007bababababababababab    id
         02000000                            two legs
         04d6c4f964cbf7a658b1eb476cd10330    debit account
         ea6c3fbb6c6d9721079298a3c101d1e4    credit account
         03000000000000000000000000000000    amount
         ea6c3fbb6c6d9721079298a3c101d1e4
         04d6c4f964cbf7a658b1eb476cd10330
         05000000000000000000000000000000
         0068e5cf8b010000                    deadline
         00                                  no reference
         01                                  a document:
         3333333333333333333333333333333333333333333333333333333333333333",
    );
    for (operation, number) in
        [(Operation::Accept { offer: pending() }, "0a"), (Operation::Cancel { offer: pending() }, "0b")]
    {
        check(
            &operation,
            &format!(
                "{number}
                 0662616e6b2d61                      of bank-a
                 018bcfe568007bababababababababab    the offer"
            ),
        );
    }
}

#[test]
fn limits() {
    let all = Limits {
        transfer_max: Some(1),
        day_max: Some(2),
        net_debit_max: Some(3),
        balance_max: Some(4),
        second_key_above: Some(5),
    };
    check(
        &Operation::SetLimits { scope: LimitScope::Account(account("bank-a/EUR/main")), limits: all },
        "0e                                  set limits
         00                                  of an account:
         04d6c4f964cbf7a658b1eb476cd10330
         0101000000000000000000000000000000  transfer max
         0102000000000000000000000000000000  day max
         0103000000000000000000000000000000  net debit max
         0104000000000000000000000000000000  balance max
         0105000000000000000000000000000000  second key above",
    );
    let asset = "EUR".parse().unwrap();
    for (scope, fields) in [
        (LimitScope::Tier { asset, tier: Tier(2) }, "01 EUR tier 2"),
        (LimitScope::Member { asset }, "02 EUR"),
        (LimitScope::Bilateral { asset, counterparty: "bank-b".parse().unwrap() }, "03 EUR bank-b"),
    ] {
        let encoded = fields.replace(" EUR", "03455552").replace(" tier 2", "02").replace(" bank-b", "0662616e6b2d62");
        check(&Operation::SetLimits { scope, limits: Limits::default() }, &format!("0e{encoded}0000000000"));
    }
}

#[test]
fn administering() {
    let freeze = |target| Operation::Freeze { target, debits: true, credits: false, reference: reference("X") };
    check(
        &freeze(FreezeTarget::Account(account("bank-a/EUR/main"))),
        "0f                                  freeze
         00                                  an account:
         04d6c4f964cbf7a658b1eb476cd10330
         01                                  debits
         00                                  not credits
         0158                                reference X",
    );
    check(&freeze(FreezeTarget::Asset("EUR".parse().unwrap())), "0f010345555201000158");
    check(&freeze(FreezeTarget::Member("bank-a".parse().unwrap())), "0f020662616e6b2d6101000158");
    check(
        &Operation::EndOfDay { next: "2023-11-15".parse::<BusinessDate>().unwrap() },
        "10                                  end of day
         dc4c0000                            day 19,676 since 1970-01-01",
    );
    check(
        &Operation::CreateAsset {
            code: "BOND".parse().unwrap(),
            decimals: 2,
            kind: AssetKind::Security,
            issuer: "bank-a".parse().unwrap(),
            quota: 7,
        },
        "11                                  create asset
         04424f4e44                          BOND
         02                                  decimals
         03                                  a security
         0662616e6b2d61                      issuer
         07000000000000000000000000000000    quota",
    );
    check(
        &Operation::SetQuota { asset: "BOND".parse().unwrap(), quota: 7 },
        "12                                  set quota
         04424f4e44
         07000000000000000000000000000000",
    );
    assert!(decode::<Operation>(&bytes_of("10ffffffff"), 100).is_err(), "a date after 9999-12-31");
    assert!(decode::<Operation>(&bytes_of("13"), 100).is_err(), "no such operation");
}
