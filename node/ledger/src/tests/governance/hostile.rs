//! What somebody tries who means harm.

use super::*;

#[test]
fn no_parameters_halt_the_ledger() {
    let mut chain = Chain::new();
    macro_rules! fields {
        ($($field:ident),*) => {
            [$((stringify!($field), (|p, value| p.$field = value.try_into().unwrap()) as fn(&mut Parameters, u64))),*]
        };
    }
    let fields = fields!(
        timeout_propose_ms,
        timeout_prevote_ms,
        timeout_precommit_ms,
        timeout_step_ms,
        timeout_max_ms,
        heartbeat_ms,
        precision_ms,
        delay_ms,
        tx_bytes_max,
        block_bytes_max,
        block_transfers_max,
        transfers_per_tx_max,
        id_window_ms,
        evidence_window_heights,
        evidence_window_ms
    );
    for (name, set) in fields {
        for value in [0, 1, u64::from(u32::MAX), u64::from(u32::MAX / 2) + 1] {
            let mut parameters = Parameters::default();
            set(&mut parameters, value);
            let is_possible = value > 1 && name.starts_with("evidence_window");
            let code = if is_possible { ResultCode::Ok } else { ResultCode::ValueOutOfRange };
            // What no genesis may have, no vote may set; and whatever it is, it is judged without computing with it.
            assert!(parameters.out_of_range().is_none() || code == ResultCode::ValueOutOfRange, "{name} = {value}");
            let until = chain.time + DAY_MS;
            let operation = propose(Change::SetParameters(parameters), until);
            chain.block(&[("bank-a", &["bank-a:admin"], operation, code)]);
        }
    }
}

#[test]
fn an_estate_that_is_suspended_pays_nobody_and_another_takes_its_place() {
    let mut chain = Chain::new();
    fund(&mut chain.world, "C", 100);
    chain.adopted(Change::Merge { member: member_id("bank-c"), into: member_id("bank-b") });
    member_mut(&mut chain.world, "bank-b").status = MemberStatus::Suspended;
    let pay = |number| Operation::Transfer(transfer(id_at(number, NOW), "C", "A", 10));
    chain.block(&[
        ("bank-a", &["bank-a", "bank-b"], pay(1), ResultCode::NotAuthorised),
        ("bank-a", &["bank-a", "bank-c"], pay(2), ResultCode::MemberNotActive),
    ]);
    member_mut(&mut chain.world, "bank-b").status = MemberStatus::Active;
    let state = chain.adopt_by_rest(Change::Close { member: member_id("bank-c"), estate: member_id("bank-a") });
    assert!(matches!(state, ProposalState::Executed { .. }), "{state:?}");
    let pay = |number, credit| Operation::Transfer(transfer(id_at(number, NOW), "C", credit, 10));
    chain.block(&[
        ("bank-b", &["bank-b"], pay(3, "B"), ResultCode::NotAuthorised),
        ("bank-a", &["bank-a"], pay(4, "A"), ResultCode::Ok),
    ]);
}

#[test]
fn what_old_admin_keys_have_planted_is_void_with_them() {
    let mut chain = Chain::new();
    let planted = OperatorKey { key: key("thief"), rights: Rights::PAY };
    let proposal = Proposal {
        change: Change::AddOperatorKey(planted),
        reason: String::new(),
        expires_at: Timestamp(chain.time + DAY_MS),
        execute_at: Some(Height(1000)),
        forced: false,
    };
    chain.block(&[("bank-b", &["bank-b:admin"], Operation::Propose(proposal), ResultCode::Ok)]);
    let (planted_id, new) = (ProposalId(1), KeyGroup { k: 1, keys: vec![key("found admin")] });
    let reset = chain.file(Change::ResetAdminKeys { member: member_id("bank-b"), admin_keys: new.clone() });
    chain.vote(reset, &["bank-c", "central-bank"]);
    // Neither the member nor anybody else takes an announced key away.
    let squat = Change::AddOperatorKey(OperatorKey { key: key("found admin"), rights: Rights::PAY });
    let until = chain.time + DAY_MS;
    chain.block(&[
        ("bank-b", &["bank-b:admin"], propose(squat.clone(), until), ResultCode::KeyInUse),
        ("bank-a", &["bank-a:admin"], propose(squat, until), ResultCode::KeyInUse),
        ("bank-a", &["bank-a:admin"], invite("bank-z", "found admin", until), ResultCode::KeyInUse),
    ]);
    chain.wait(3 * DAY_MS);
    assert_eq!(chain.member("bank-b").admin_keys, new);
    assert!(matches!(chain.record(planted_id).state, ProposalState::Withdrawn { .. }));
    // A suspended member changes nothing about itself: what was adopted before is refused at its time.
    let mut chain = Chain::new();
    chain.block(&[(
        "bank-b",
        &["bank-b:admin"],
        propose(Change::SetAdminKeys(new.clone()), chain.time + DAY_MS),
        ResultCode::Ok,
    )]);
    chain.adopted_by(suspend("bank-b"), &["bank-c", "central-bank"]);
    chain.wait(DAY_MS);
    assert_ne!(chain.member("bank-b").admin_keys, new);
    let code = ResultCode::StatusNotAllowed;
    assert_eq!(chain.record(ProposalId(1)).state, ProposalState::RefusedAtExecution { at: Height(chain.height), code });
}

#[test]
fn a_high_threshold_is_neither_forced_nor_lowered_by_fewer() {
    let mut chain = Chain::new();
    let (kind, high) = (ChangeKind(12), Threshold { parts: 9, of: 10 });
    chain.adopted(Change::SetThreshold { kind, threshold: high });
    for (change, forced) in [
        (Change::SetQuota { asset: asset_code("EUR"), quota: 1 }, true),
        (Change::SetThreshold { kind, threshold: Threshold { parts: 1, of: 2 } }, false),
    ] {
        let expires_at = Timestamp(chain.time + DAY_MS);
        let proposal = Proposal { change, reason: String::new(), expires_at, execute_at: None, forced };
        chain.block(&[("bank-a", &["bank-a:admin"], Operation::Propose(proposal), ResultCode::Ok)]);
        let id = governance::governance(&chain.world).last_proposal;
        assert_eq!(Tally::of(&chain.world, &chain.record(id)).threshold, Some(high));
    }
    assert_eq!(high.or_higher(Threshold::FORCED), high);
    assert_eq!(Threshold::DEFAULT.or_higher(Threshold::FORCED), Threshold::FORCED);
}

#[test]
fn what_people_read_cannot_hide_anything() {
    let mut chain = Chain::new();
    for text in ["a\rb", "a\u{1b}[8m", "a\nb", "a\u{202e}b"] {
        let proposal = Proposal {
            change: suspend("bank-b"),
            reason: text.to_string(),
            expires_at: Timestamp(chain.time + DAY_MS),
            execute_at: None,
            forced: false,
        };
        let identity = Change::SetLegalIdentity {
            member: member_id("bank-b"),
            legal_name: text.to_string(),
            lei: String::new(),
            bic: String::new(),
        };
        let node = NodeRecord { tls_key: Hash([2; 32]), peer_address: text.to_string(), client_address: "a:1".into() };
        let until = chain.time + DAY_MS;
        chain.block(&[
            ("bank-a", &["bank-a:admin"], Operation::Propose(proposal), ResultCode::ValueOutOfRange),
            ("bank-a", &["bank-a:admin"], propose(identity, until), ResultCode::ValueOutOfRange),
            ("bank-a", &["bank-a:admin"], propose(Change::SetNode(node), until), ResultCode::ValueOutOfRange),
        ]);
    }
}

#[test]
fn what_was_filed_is_not_changed_before_it_is_voted_on() {
    let mut chain = Chain::new();
    filed(&mut chain, "bank-n");
    let roles = Change::SetRoles { member: member_id("bank-n"), roles: Roles::CENTRAL_BANK };
    let until = chain.time + DAY_MS;
    chain.block(&[("bank-a", &["bank-a:admin"], propose(roles, until), ResultCode::StatusNotAllowed)]);
}

#[test]
fn a_change_that_is_refused_at_execution_leaves_nothing_behind() {
    let mut chain = Chain::new();
    let id = chain.file(Change::Close { member: member_id("bank-c"), estate: member_id("bank-b") });
    chain.vote(id, &["central-bank", "bank-c"]);
    // Its estate is gone by then: the set that would have been smaller is not.
    member_mut(&mut chain.world, "bank-b").status = MemberStatus::Suspended;
    chain.block(&[]);
    let code = ResultCode::StatusNotAllowed;
    assert_eq!(chain.record(id).state, ProposalState::RefusedAtExecution { at: Height(chain.height), code });
    assert_eq!(chain.powers().len(), 4);
    assert!(chain.member("bank-c").validator.is_some() && chain.member("bank-c").is_active());
}
