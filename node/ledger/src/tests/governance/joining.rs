//! Invitations, requests and admissions.

use super::*;

pub(super) fn invite(name: &str, key_name: &str, expires_at: u64) -> Operation {
    let expires_at = Timestamp(expires_at);
    Operation::Invite(Invite { member: member_id(name), lei: String::new(), key: key(key_name), expires_at })
}

pub(super) fn request(name: &str) -> JoinRequest {
    let member = Member { status: MemberStatus::Filed, validator: None, ..member(name) };
    let record = ValidatorRecord { key: bls(&format!("{name}:bls")), possession: POSSESSION, power: 100 };
    JoinRequest { member, validator: Some(record) }
}

pub(super) fn file_join(request: &JoinRequest) -> Operation {
    Operation::FileJoin(Box::new(request.clone()))
}

/// Invited and filed; the number of the proposal to admit it.
pub(super) fn filed(chain: &mut Chain, name: &str) -> ProposalId {
    let admin = format!("{name}:admin");
    let until = chain.time + DAY_MS;
    chain.block(&[("bank-a", &["bank-a:admin"], invite(name, "invitation", until), ResultCode::Ok)]);
    assert_eq!(chain.member(name).status, MemberStatus::Invited);
    chain.block(&[(name, &["invitation", &admin], file_join(&request(name)), ResultCode::Ok)]);
    assert_eq!(chain.member(name).status, MemberStatus::Filed);
    governance::governance(&chain.world).last_proposal
}

pub(super) fn caught_up(chain: &Chain, key_name: &str) -> Operation {
    let mark = governance::block_marks(&chain.world).last().copied().unwrap();
    let (height, block) = (mark.height, mark.block);
    Operation::ProveCaughtUp(CaughtUp { height, block, key: bls(key_name), signature: POSSESSION })
}

#[test]
fn an_institution_is_invited_files_is_admitted_and_validates_two_heights_on() {
    let mut chain = Chain::new();
    let id = filed(&mut chain, "bank-n");
    chain.vote(id, &["bank-a", "bank-b", "bank-c"]);
    assert_eq!(chain.member("bank-n").status, MemberStatus::Approved);
    chain.block(&[]);
    assert_eq!(chain.member("bank-n").status, MemberStatus::Active);
    assert_eq!(chain.powers().len(), 4, "a candidate has no power");
    // It works as any other.
    chain.block(&[("bank-n", &["bank-n"], open("EUR", "main"), ResultCode::Ok)]);
    // A candidate proves with a block of the last minute that it is caught up.
    let old = caught_up(&chain, "bank-n:bls");
    chain.wait(61_000).block(&[]);
    let proof = caught_up(&chain, "bank-n:bls");
    let mut other_block = proof.clone();
    if let Operation::ProveCaughtUp(proof) = &mut other_block {
        proof.block = block_id(999);
    }
    chain.block(&[
        ("bank-n", &["bank-n"], old, ResultCode::NotCaughtUp),
        ("bank-n", &["bank-n"], other_block, ResultCode::NotCaughtUp),
        ("bank-n", &["bank-n"], caught_up(&chain, "another"), ResultCode::NotAValidator),
        ("bank-b", &["bank-b"], caught_up(&chain, "bank-b:bls"), ResultCode::NotAValidator),
    ]);
    chain.block(&[("bank-n", &["bank-n"], proof.clone(), ResultCode::Ok)]);
    let height = chain.height;
    assert_eq!(validators_after_next(&chain.world).len(), 5, "decides height {}", height + 2);
    assert_eq!(next_validators(&chain.world).len(), 4, "decides height {}", height + 1);
    chain.block(&[("bank-n", &["bank-n"], proof, ResultCode::NotAValidator)]);
    assert_eq!(next_validators(&chain.world).len(), 5);
    assert_eq!(chain.member("bank-n").validator.unwrap().power, 100);
}

#[test]
fn invitations_and_requests_are_refused_with_the_number_of_their_reason() {
    let mut chain = Chain::new();
    let until = chain.time + DAY_MS;
    let admin: &[&str] = &["bank-a:admin"];
    chain.block(&[
        ("bank-a", &["bank-a"], invite("bank-n", "i", until), ResultCode::NotAuthorised),
        ("bank-a", admin, invite("bank-b", "i", until), ResultCode::MemberExists),
        ("bank-a", admin, invite("bank-n", "i", chain.time), ResultCode::InviteExpired),
        ("bank-a", admin, invite("bank-n", "bank-b", until), ResultCode::KeyInUse),
        ("bank-a", admin, invite("bank-n", "i", until + 8 * DAY_MS), ResultCode::ValueOutOfRange),
        ("bank-a", admin, Operation::RevokeInvite { member: member_id("bank-n") }, ResultCode::InviteNotFound),
        ("bank-a", admin, invite("bank-n", "i", until), ResultCode::Ok),
        ("bank-a", admin, invite("bank-n", "j", until), ResultCode::MemberExists),
        (
            "bank-b",
            &["bank-b:admin"],
            Operation::RevokeInvite { member: member_id("bank-n") },
            ResultCode::NotAuthorised,
        ),
    ]);
    let good = request("bank-n");
    let with = |change: fn(&mut JoinRequest)| {
        let mut request = good.clone();
        change(&mut request);
        file_join(&request)
    };
    let signers: &[&str] = &["i", "bank-n:admin"];
    chain.block(&[
        // Without the invitation's key, without its own people's.
        ("bank-n", &["i"], file_join(&good), ResultCode::NotAuthorised),
        ("bank-n", signers, with(|r| r.member.lei = "X".into()), ResultCode::LegalIdDiffers),
        ("bank-n", signers, with(|r| r.member.operator_keys[0].key = key("bank-b")), ResultCode::KeyInUse),
        ("bank-n", signers, with(|r| r.member.operator_keys[0].key = key("i")), ResultCode::KeyInUse),
        ("bank-n", signers, with(|r| r.validator.as_mut().unwrap().key = bls("bank-b:bls")), ResultCode::KeyInUse),
        ("bank-n", signers, with(|r| r.member.status = MemberStatus::Active), ResultCode::ValueOutOfRange),
        ("bank-n", signers, with(|r| r.member.frozen.debits = true), ResultCode::ValueOutOfRange),
        ("bank-n", signers, with(|r| r.member.id = member_id("bank-m")), ResultCode::ValueOutOfRange),
        ("bank-n", signers, with(|r| r.member.legal_name = "x".repeat(201)), ResultCode::ValueOutOfRange),
        ("bank-n", signers, file_join(&good), ResultCode::Ok),
        // The same once more, now with keys that speak for the member.
        ("bank-n", signers, file_join(&good), ResultCode::InviteUsed),
    ]);
    // Revoked, the name may be invited again, and the same keys filed.
    let revoke = Operation::RevokeInvite { member: member_id("bank-n") };
    chain.block(&[("bank-a", admin, revoke.clone(), ResultCode::Ok)]);
    assert!(view::member(&chain.world, member_id("bank-n")).is_none());
    let soon = chain.time + 3000;
    chain.block(&[("bank-a", admin, invite("bank-n", "j", soon), ResultCode::Ok)]);
    chain.wait(2000).block(&[("bank-n", &["j", "bank-n:admin"], file_join(&good), ResultCode::InviteExpired)]);
    chain.block(&[("bank-a", admin, revoke, ResultCode::Ok)]);
    let id = filed(&mut chain, "bank-n");
    // The old admission names a request that is gone; the new one has another sponsor's number.
    assert_eq!(id, ProposalId(2));
}

#[test]
fn an_admission_is_of_the_request_that_was_read() {
    let mut chain = Chain::new();
    let first = filed(&mut chain, "bank-n");
    let revoke = Operation::RevokeInvite { member: member_id("bank-n") };
    chain.block(&[("bank-a", &["bank-a:admin"], revoke, ResultCode::Ok)]);
    let until = chain.time + DAY_MS;
    chain.block(&[("bank-a", &["bank-a:admin"], invite("bank-n", "other", until), ResultCode::Ok)]);
    let mut other = request("bank-n");
    other.member.legal_name = "somebody else".into();
    chain.block(&[("bank-n", &["other", "bank-n:admin"], file_join(&other), ResultCode::Ok)]);
    chain.vote(first, &["bank-a", "bank-b", "bank-c"]).block(&[]);
    let (at, code) = (Height(chain.height), ResultCode::HashChanged);
    assert_eq!(chain.record(first).state, ProposalState::RefusedAtExecution { at, code });
    assert_eq!(chain.events, [BlockEvent::ProposalRefused { proposal: first, code }]);
    assert_eq!(chain.member("bank-n").status, MemberStatus::Filed, "it can still be admitted");
}

#[test]
fn a_mark_is_good_for_a_minute_also_while_later_ones_stand() {
    for (after_ms, code) in [(2_000, ResultCode::Ok), (2_001, ResultCode::NotCaughtUp)] {
        let mut chain = Chain::new();
        let id = filed(&mut chain, "bank-n");
        chain.vote(id, &["bank-a", "bank-b", "bank-c"]).block(&[]);
        chain.wait(10_000);
        let proof = caught_up(&chain, "bank-n:bls");
        // A later mark, so young that the next block makes none and forgets none.
        chain.wait(58_000);
        chain.block_of(after_ms, &[("bank-n", &["bank-n"], proof, code)]);
    }
}
