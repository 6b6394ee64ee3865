//! Who validates, and with how much power.

use super::*;

#[test]
fn removing_an_unknown_validator_is_refused() {
    let mut chain = Chain::new();
    chain.adopted(Change::RemoveValidator { member: member_id("central-bank") });
    assert_eq!(chain.powers().len(), 3);
    let again = propose(Change::RemoveValidator { member: member_id("central-bank") }, chain.time + DAY_MS);
    chain.block(&[("bank-a", &["bank-a:admin"], again, ResultCode::NotAValidator)]);
}

#[test]
fn the_last_validator_stays() {
    let mut chain = Chain::new();
    for name in ["central-bank", "bank-c", "bank-b"] {
        for _ in 0..101 {
            chain.block(&[]);
        }
        chain.adopted(Change::RemoveValidator { member: member_id(name) });
    }
    assert_eq!(chain.powers(), [("bank-a".to_string(), 100)]);
    for forced in [false, true] {
        let change = Change::RemoveValidator { member: member_id("bank-a") };
        let expires_at = Timestamp(chain.time + DAY_MS);
        let proposal = Proposal { change, reason: String::new(), expires_at, execute_at: None, forced };
        chain.block(&[("bank-a", &["bank-a:admin"], Operation::Propose(proposal), ResultCode::LastValidator)]);
    }
}

#[test]
fn a_third_of_the_power_does_not_move_within_a_hundred_heights() {
    let mut chain = Chain::new();
    chain.adopted(Change::RemoveValidator { member: member_id("central-bank") });
    let removed_at = chain.height;
    // 200 of 400 within 100 heights.
    let state = chain.adopt(Change::RemoveValidator { member: member_id("bank-c") });
    let code = ResultCode::PowerStepTooLarge;
    assert_eq!(state, ProposalState::RefusedAtExecution { at: Height(chain.height), code });
    while chain.height < removed_at + 100 {
        chain.block(&[]);
    }
    chain.adopted(Change::RemoveValidator { member: member_id("bank-c") });
    // In proposal order, each on the state left by the one before: of two in one block the second fails.
    let mut chain = Chain::new();
    let ids = ["bank-c", "central-bank"].map(|name| chain.file(Change::RemoveValidator { member: member_id(name) }));
    let votes: Vec<_> =
        ["bank-b", "bank-c"].iter().flat_map(|voter| ids.map(|id| (*voter, chain.vote_on(id, true)))).collect();
    let signers: Vec<_> = votes.iter().map(|(voter, _)| format!("{voter}:admin")).collect();
    let signers: Vec<[&str; 1]> = signers.iter().map(|signer| [signer.as_str()]).collect();
    let steps: Vec<Step<'_>> = votes
        .iter()
        .zip(&signers)
        .map(|((voter, vote), signer)| (*voter, signer.as_slice(), vote.clone(), ResultCode::Ok))
        .collect();
    chain.block(&steps).block(&[]);
    assert_eq!(
        chain.events,
        [BlockEvent::ProposalExecuted(ids[0]), BlockEvent::ProposalRefused { proposal: ids[1], code }]
    );
}

#[test]
fn no_change_leaves_fewer_live_validators_than_a_quorum_unless_forced() {
    let mut chain = Chain::new();
    // Two of four are away by the record: removing a live one leaves one of three.
    let set = next_validators(&chain.world);
    let away: Vec<_> = ["bank-c", "central-bank"].iter().map(|name| set.index_of(&member_id(name)).unwrap()).collect();
    let mut signers = concordat_types::Bitmap::new(set.len());
    set.iter().filter(|(index, _)| !away.contains(index)).for_each(|(index, _)| signers.insert(index));
    let context = |chain: &Chain| BlockContext {
        height: Height(chain.height),
        time: Timestamp(chain.time),
        parent: block_id(chain.height - 1),
        participation: (chain.height > 10).then(|| signers.clone()),
        ..BlockContext::default()
    };
    while chain.height < 21 {
        chain.height += 1;
        chain.time += 1000;
        let execution = execute(&chain.world, &context(&chain), &[]).unwrap();
        chain.world.apply(&execution);
    }
    assert_eq!(crate::away(&chain.world).count(), 2);
    let state = chain.adopt(Change::RemoveValidator { member: member_id("bank-b") });
    let code = ResultCode::QuorumAtRisk;
    assert_eq!(state, ProposalState::RefusedAtExecution { at: Height(chain.height), code });
    // Forced, it takes more than five sixths: all four.
    let proposal = Proposal {
        change: Change::RemoveValidator { member: member_id("bank-b") },
        reason: String::new(),
        expires_at: Timestamp(chain.time + DAY_MS),
        execute_at: None,
        forced: true,
    };
    chain.block(&[("bank-a", &["bank-a:admin"], Operation::Propose(proposal), ResultCode::Ok)]);
    let id = governance::governance(&chain.world).last_proposal;
    chain.vote(id, &["bank-b", "bank-c"]).block(&[]);
    assert_eq!(chain.record(id).state, ProposalState::Open);
    chain.vote(id, &["central-bank"]).block(&[]);
    assert!(matches!(chain.record(id).state, ProposalState::Executed { .. }));
}

#[test]
fn a_validator_that_was_removed_comes_back_with_another_key_or_its_own() {
    let mut chain = Chain::new();
    chain.adopted(Change::RemoveValidator { member: member_id("bank-c") });
    for key_name in ["bank-c:bls", "bank-c:new"] {
        for _ in 0..100 {
            chain.block(&[]);
        }
        let add = Change::AddValidator {
            member: member_id("bank-c"),
            key: bls(key_name),
            possession: POSSESSION,
            power: 100,
        };
        chain.adopted(add);
        let proof = caught_up(&chain, key_name);
        chain.block(&[("bank-c", &["bank-c"], proof, ResultCode::Ok)]);
        assert_eq!(chain.powers().len(), 4);
        for _ in 0..100 {
            chain.block(&[]);
        }
        chain.adopted(Change::RemoveValidator { member: member_id("bank-c") });
    }
}

#[test]
fn power_that_is_not_in_force_yet_counts_too() {
    let mut chain = Chain::new();
    let more = chain.file(Change::SetPower { member: member_id("bank-a"), power: 220 });
    let none = chain.file(Change::RemoveValidator { member: member_id("bank-a") });
    for voter in ["bank-b", "bank-c"] {
        let signer = format!("{voter}:admin");
        let votes = [more, none].map(|id| chain.vote_on(id, true));
        let [first, second] = votes;
        chain.block(&[(voter, &[&signer], first, ResultCode::Ok), (voter, &[&signer], second, ResultCode::Ok)]);
    }
    // 100 of 400 against the set in force would pass; 220 of 520 against the one to come does not.
    chain.block(&[]);
    let refused = BlockEvent::ProposalRefused { proposal: none, code: ResultCode::PowerStepTooLarge };
    assert_eq!(chain.events, [BlockEvent::ProposalExecuted(more), refused]);
}
