//! What votes do to money, limits and rules.

use super::*;

#[test]
fn votes_move_money_issuers_quotas_limits_and_rules() {
    let mut chain = Chain::new();
    fund(&mut chain.world, "A", 100);
    let (debit_account, credit_account) = (account_id("A"), account_id("B"));
    chain.adopted(Change::ForcedTransfer { debit_account, credit_account, amount: 30 });
    let booking = crate::Booking { debit_account, credit_account, amount: 30 };
    assert_eq!(chain.events[1], BlockEvent::ProposalBooked { proposal: ProposalId(1), booking });
    assert_eq!((chain.balance("A"), chain.balance("B")), (70, 30));
    let state = chain.adopt(Change::ForcedTransfer { debit_account, credit_account, amount: 71 });
    assert!(matches!(state, ProposalState::RefusedAtExecution { code: ResultCode::InsufficientFunds, .. }));

    chain.adopted(Change::SetIssuer { asset: asset_code("EUR"), issuer: member_id("bank-b") });
    assert_eq!(chain.balance("issuance"), 0);
    assert_eq!(chain.balance("bank-b/EUR/issuance"), -100);
    chain.block(&[
        ("central-bank", &["central-bank"], issue(id_at(1, NOW), "EUR", "A", 5), ResultCode::NotAuthorised),
        ("bank-b", &["bank-b"], issue(id_at(2, NOW), "EUR", "A", 5), ResultCode::Ok),
    ]);
    chain.adopted(Change::SetIssuer { asset: asset_code("EUR"), issuer: member_id("central-bank") });
    assert_eq!((chain.balance("issuance"), chain.balance("bank-b/EUR/issuance")), (-105, 0));

    chain.adopted(Change::SetQuota { asset: asset_code("EUR"), quota: 110 });
    chain.block(&[("central-bank", &["central-bank"], issue(id_at(3, NOW), "EUR", "A", 6), ResultCode::QuotaExceeded)]);

    // Limits by vote hold beside the member's own, and it cannot lift them.
    let limits = |words: &[&str]| Change::SetLimits {
        member: member_id("bank-a"),
        asset: asset_code("EUR"),
        limits: limits_of(words),
    };
    let pay = |number, amount: Amount| Operation::Transfer(transfer(id_at(number, NOW), "A", "B", amount));
    chain.adopted(limits(&["day=20"]));
    let own = Operation::SetLimits { scope: scope_of("member:EUR"), limits: limits_of(&["day=50"]) };
    let none = Operation::SetLimits { scope: scope_of("member:EUR"), limits: limits_of(&[]) };
    chain.block(&[
        ("bank-a", &["bank-a"], pay(10, 15), ResultCode::Ok),
        ("bank-a", &["bank-a"], own, ResultCode::Ok),
        ("bank-a", &["bank-a"], pay(11, 6), ResultCode::LimitExceeded),
        ("bank-a", &["bank-a"], none, ResultCode::Ok),
        ("bank-a", &["bank-a"], pay(12, 6), ResultCode::LimitExceeded),
        ("bank-a", &["bank-a"], pay(13, 5), ResultCode::Ok),
    ]);
    chain.adopted(limits(&[]));
    chain.block(&[("bank-a", &["bank-a"], pay(14, 6), ResultCode::Ok)]);

    chain.adopted(Change::Freeze { target: FreezeTarget::Account(account_id("A")), debits: true, credits: false });
    chain.block(&[("bank-a", &["bank-a"], pay(15, 1), ResultCode::DebitAccountFrozen)]);
    let unfreeze = freeze("account:A", "none");
    chain.block(&[("bank-a", &["bank-a"], unfreeze, ResultCode::Ok)]);
    chain.block(&[("bank-a", &["bank-a"], pay(16, 1), ResultCode::DebitAccountFrozen)]);

    let (kind, threshold) = (ChangeKind(5), Threshold { parts: 1, of: 2 });
    chain.adopted(Change::SetThreshold { kind, threshold });
    let id = chain.file(Change::SetRoles { member: member_id("bank-b"), roles: Roles::SUPERVISOR });
    chain.vote(id, &["bank-b"]);
    assert_eq!(chain.record(id).state, ProposalState::Open, "two of four are not more than a half");
    let rules = GovernanceRules { admin_notice_ms: 0, ..GovernanceRules::DEFAULT };
    chain.adopted(Change::SetRules(rules));
    assert_eq!(governance::governance(&chain.world).rules, rules);
    let parameters = Parameters { heartbeat_ms: 1234, ..view::parameters(&chain.world) };
    chain.adopted(Change::SetParameters(parameters.clone()));
    assert_eq!(view::parameters(&chain.world), parameters);
    let identity = Change::SetLegalIdentity {
        member: member_id("bank-b"),
        legal_name: "New name".into(),
        lei: String::new(),
        bic: "ABCDEFGH".into(),
    };
    chain.adopted(identity);
    assert_eq!(chain.member("bank-b").legal_name, "New name");
}
