//! The operations beside payments, each with every field.

use super::*;
use concordat_types::{
    BusinessDate, CaughtUp, Change, ChangeKind, FreezeTarget, GovernanceRules, Hold, HoldSide, Invite, Leg, LimitScope,
    Limits, Offer, OpenAccount, PendingRef, Proposal, ProposalId, Threshold, Tier,
    member::{AccessKey, KeyGroup, NodeRecord, OperatorKey},
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
    assert!(decode::<Operation>(&bytes_of("1a"), 100).is_err(), "no such operation");
}

#[test]
fn governance() {
    let propose = |change| {
        let (reason, expires_at) = (String::from("why"), Timestamp(TIME));
        Operation::Propose(Proposal { change, reason, expires_at, execute_at: Some(Height(258)), forced: true })
    };
    // After the change: reason, expiry, height, forced.
    let rest = "0300000077687900 68e5cf8b010000 01 0201000000000000 01";
    let check_change = |change: Change, fields: &str| {
        check(&propose(change), &format!("13 propose\n{}\n{}", fields, rest.replace(' ', "")));
    };
    let bank_b = || "bank-b".parse().unwrap();
    let key = || Ed25519PublicKey([0x66; 32]);
    let group = || KeyGroup { k: 1, keys: vec![key()] };
    let consensus = (BlsPublicKey([0x77; 48]), BlsSignature([0x88; 96]));
    let (key_hex, consensus_hex) = ("66".repeat(32), format!("{}{}", "77".repeat(48), "88".repeat(96)));
    let limits = Limits { day_max: Some(5), ..Limits::default() };
    check_change(
        Change::Admit { member: bank_b(), request: Hash([0x44; 32]) },
        &format!("000662616e6b2d62{}", "44".repeat(32)),
    );
    check_change(Change::Suspend { member: bank_b() }, "010662616e6b2d62");
    check_change(Change::Reactivate { member: bank_b() }, "020662616e6b2d62");
    check_change(
        Change::Close { member: bank_b(), estate: "bank-a".parse().unwrap() },
        "030662616e6b2d620662616e6b2d61",
    );
    check_change(Change::Merge { member: bank_b(), into: "bank-a".parse().unwrap() }, "040662616e6b2d620662616e6b2d61");
    check_change(Change::SetRoles { member: bank_b(), roles: Roles(6) }, "050662616e6b2d6206000000");
    check_change(
        Change::SetLegalIdentity { member: bank_b(), legal_name: "N".into(), lei: "L".into(), bic: "".into() },
        "060662616e6b2d62 010000004e 010000004c 00000000".replace(' ', "").as_str(),
    );
    check_change(
        Change::ResetAdminKeys { member: bank_b(), admin_keys: group() },
        &format!("070662616e6b2d620101000000{key_hex}"),
    );
    check_change(
        Change::AddValidator { member: bank_b(), key: consensus.0, possession: consensus.1, power: 100 },
        &format!("080662616e6b2d62{consensus_hex}6400000000000000"),
    );
    check_change(Change::RemoveValidator { member: bank_b() }, "090662616e6b2d62");
    check_change(Change::SetPower { member: bank_b(), power: 7 }, "0a0662616e6b2d620700000000000000");
    check_change(Change::SetIssuer { asset: "EUR".parse().unwrap(), issuer: bank_b() }, "0b034555520662616e6b2d62");
    check_change(
        Change::SetQuota { asset: "EUR".parse().unwrap(), quota: 7 },
        "0c0345555207000000000000000000000000000000",
    );
    check_change(
        Change::SetLimits { member: bank_b(), asset: "EUR".parse().unwrap(), limits },
        "0d0662616e6b2d6203455552 00 0105000000000000000000000000000000 00 00 00".replace(' ', "").as_str(),
    );
    check_change(Change::SetThreshold { kind: ChangeKind(1), threshold: Threshold { parts: 1, of: 2 } }, "0e010102");
    let rules = GovernanceRules { expiry_max_ms: 1, admin_notice_ms: 2, reset_notice_ms: 3 };
    check_change(Change::SetRules(rules), "10010000000000000002000000000000000300000000000000");
    check_change(
        Change::Freeze { target: FreezeTarget::Member(bank_b()), debits: true, credits: false },
        "11020662616e6b2d620100",
    );
    let (debit_account, credit_account) = (account("bank-a/EUR/main"), account("bank-b/EUR/main"));
    check_change(
        Change::ForcedTransfer { debit_account, credit_account, amount: 7 },
        "1204d6c4f964cbf7a658b1eb476cd10330ea6c3fbb6c6d9721079298a3c101d1e407000000000000000000000000000000",
    );
    check_change(
        Change::AddOperatorKey(OperatorKey { key: key(), rights: Rights(3) }),
        &format!("40{key_hex}03000000"),
    );
    check_change(Change::RemoveOperatorKey(key()), &format!("41{key_hex}"));
    check_change(
        Change::AddAccessKey(AccessKey { key: Hash([0x44; 32]), rights: Rights(8) }),
        &format!("42{}08000000", "44".repeat(32)),
    );
    check_change(Change::RemoveAccessKey(Hash([0x44; 32])), &format!("43{}", "44".repeat(32)));
    let node = NodeRecord { tls_key: Hash([0x44; 32]), peer_address: "a:1".into(), client_address: "b:2".into() };
    check_change(Change::SetNode(node), &format!("44{}03000000613a3103000000623a32", "44".repeat(32)));
    check_change(Change::SetAdminKeys(group()), &format!("450101000000{key_hex}"));
    check_change(Change::SetRecoveryKeys(group()), &format!("460101000000{key_hex}"));
    check_change(
        Change::RotateConsensusKey { key: consensus.0, possession: consensus.1 },
        &format!("47{consensus_hex}"),
    );

    let vote = Operation::Vote { proposal: ProposalId(258), hash: Hash([0x44; 32]), approve: true };
    check(&vote, &format!("14 0201000000000000 {} 01", "44".repeat(32)).replace(' ', ""));
    check(&Operation::Withdraw { proposal: ProposalId(258) }, "150201000000000000");
    let invite = Invite { member: bank_b(), lei: "L".into(), key: key(), expires_at: Timestamp(TIME) };
    check(&Operation::Invite(invite), &format!("160662616e6b2d62010000004c{key_hex}0068e5cf8b010000"));
    check(&Operation::RevokeInvite { member: bank_b() }, "170662616e6b2d62");
    let (height, block) = (Height(258), BlockId(Hash([0x44; 32])));
    let proof = CaughtUp { height, block, key: consensus.0, signature: consensus.1 };
    check(&Operation::ProveCaughtUp(proof), &format!("190201000000000000{}{consensus_hex}", "44".repeat(32)));
    let message = CaughtUp::message(&NetworkId(Hash([0x11; 32])), height, &block);
    assert_eq!(
        hex(&message),
        format!("16{}{}0201000000000000{}", hex(b"concordat/caught-up/v1"), "11".repeat(32), "44".repeat(32))
    );
}
