//! Suspension, closing and merging.

use super::*;

#[test]
fn a_suspended_member_keeps_its_money_and_loses_its_say() {
    let mut chain = Chain::new();
    fund(&mut chain.world, "C", 100);
    fund(&mut chain.world, "A", 100);
    chain.adopted(suspend("bank-c"));
    assert_eq!(chain.powers().len(), 3);
    let pay = |number, debit, credit| Operation::Transfer(transfer(id_at(number, NOW), debit, credit, 10));
    chain.block(&[
        ("bank-c", &["bank-c"], pay(1, "C", "A"), ResultCode::MemberNotActive),
        ("bank-a", &["bank-a"], pay(2, "A", "C"), ResultCode::MemberNotActive),
        ("bank-c", &["bank-c:admin"], propose(suspend("bank-a"), NOW.0 + DAY_MS), ResultCode::MemberNotActive),
        ("bank-c", &["bank-c"], caught_up(&chain, "bank-c:bls"), ResultCode::MemberNotActive),
    ]);
    assert_eq!(chain.balance("C"), 100);
    // A suspended member does not count: two of three are not more than two thirds, three are.
    let id = chain.file(Change::Reactivate { member: member_id("bank-c") });
    chain.vote(id, &["bank-b"]).block(&[]);
    assert_eq!(chain.record(id).state, ProposalState::Open);
    chain.vote(id, &["central-bank"]).block(&[]);
    assert!(chain.member("bank-c").is_active());
    assert_eq!(chain.powers().len(), 3, "it proves first that it is caught up");
    let proof = caught_up(&chain, "bank-c:bls");
    chain.block(&[
        ("bank-c", &["bank-c"], pay(3, "C", "A"), ResultCode::Ok),
        ("bank-c", &["bank-c"], proof, ResultCode::Ok),
    ]);
    assert_eq!(chain.powers().len(), 4);
}

#[test]
fn a_closing_member_is_wound_up_by_its_estate_alone() {
    let mut chain = Chain::new();
    fund(&mut chain.world, "A", 100);
    chain.block(&[("bank-c", &["bank-c"], open("EUR", "x"), ResultCode::Ok)]);
    fund(&mut chain.world, "Cx", 100);
    let close = Change::Close { member: member_id("bank-c"), estate: member_id("bank-b") };
    chain.adopted(close.clone());
    let pay = |number, debit, credit, amount| Operation::Transfer(transfer(id_at(number, NOW), debit, credit, amount));
    let close_account = Operation::CloseAccount { account: account_id("Cx") };
    chain.block(&[
        ("bank-c", &["bank-c"], pay(1, "Cx", "A", 10), ResultCode::NotAuthorised),
        ("bank-a", &["bank-a"], pay(2, "A", "Cx", 10), ResultCode::MemberNotActive),
        ("bank-a", &["bank-a"], pay(3, "Cx", "A", 10), ResultCode::NotAuthorised),
        // The estate only into its own accounts.
        ("bank-b", &["bank-b"], pay(4, "Cx", "A", 10), ResultCode::MemberNotActive),
        ("bank-b", &["bank-b"], close_account.clone(), ResultCode::BalanceNotZero),
        ("bank-b", &["bank-b"], pay(5, "Cx", "B", 100), ResultCode::Ok),
    ]);
    let state = chain.adopt_by_rest(close.clone());
    let code = ResultCode::BalanceNotZero;
    assert_eq!(state, ProposalState::RefusedAtExecution { at: Height(chain.height), code });
    chain.block(&[
        ("bank-a", &["bank-a"], close_account.clone(), ResultCode::NotAuthorised),
        ("bank-b", &["bank-b"], close_account, ResultCode::Ok),
    ]);
    let state = chain.adopt_by_rest(close);
    assert!(matches!(state, ProposalState::Executed { .. }), "{state:?}");
    assert_eq!(chain.member("bank-c").status, MemberStatus::Closed);
    assert_eq!((chain.balance("B"), chain.balance("A")), (100, 100));
    // An evicted member comes back under no name that was its.
    let again = invite("bank-c", "i", chain.time + DAY_MS);
    chain.block(&[("bank-a", &["bank-a:admin"], again, ResultCode::MemberExists)]);
}

#[test]
fn a_successor_goes_on_in_a_merged_members_place() {
    let mut chain = Chain::new();
    fund(&mut chain.world, "C", 100);
    chain.adopted(Change::Merge { member: member_id("bank-c"), into: member_id("bank-b") });
    let pay = |number, debit, credit| Operation::Transfer(transfer(id_at(number, NOW), debit, credit, 10));
    chain.block(&[
        ("bank-b", &["bank-b.read"], pay(1, "C", "A"), ResultCode::NotAuthorised),
        ("bank-b", &["bank-b"], pay(2, "C", "A"), ResultCode::Ok),
        ("bank-c", &["bank-c"], pay(3, "C", "A"), ResultCode::NotAuthorised),
    ]);
    assert_eq!((chain.balance("C"), chain.balance("A")), (90, 10));
}
