//! Proposals, votes, invitations and what they do to members, money and voting power.

use super::world::*;
use crate::{
    BlockContext, BlockEvent, Execution, MemoryState, ProposalState, StateKey, StateValue, Tally, conservation_in_full,
    execute, governance, next_validators, results_root, validators_after_next, view,
};
use alloc::{boxed::Box, format, string::String, string::ToString, vec, vec::Vec};
use concordat_types::{
    Amount, BlockId, BlsPublicKey, BlsSignature, CaughtUp, Change, ChangeKind, Ed25519PublicKey, FreezeTarget,
    GovernanceRules, Hash, Height, Invite, JoinRequest, Member, MemberStatus, Operation, Parameters, Proposal,
    ProposalId, ResultCode, Rights, Roles, Tag, Threshold, Timestamp,
    member::{AccessKey, KeyGroup, NodeRecord, OperatorKey, ValidatorRecord},
};

const DAY_MS: u64 = 86_400_000;

/// What a transaction asks for, by whom, and what must become of it.
type Step<'a> = (&'a str, &'a [&'a str], Operation, ResultCode);

struct Chain {
    world: MemoryState,
    height: u64,
    time: u64,
    next_id: u64,
    events: Vec<BlockEvent>,
}

impl Chain {
    fn new() -> Chain {
        Chain { world: world(), height: 0, time: NOW.0, next_id: 1, events: Vec::new() }
    }

    fn block_of(&mut self, after_ms: u64, steps: &[Step<'_>]) -> Execution {
        self.height += 1;
        self.time += after_ms;
        let time = Timestamp(self.time);
        let transactions: Vec<_> = steps
            .iter()
            .map(|(submitter, signers, operation, _)| {
                self.next_id += 1;
                let id = id_at(self.next_id, time);
                sign(transaction(submitter, id, time, vec![operation.clone()]), signers)
            })
            .collect();
        let parent = block_id(self.height - 1);
        let context = BlockContext { height: Height(self.height), time, parent, ..BlockContext::default() };
        let execution = execute(&self.world, &context, &transactions).unwrap();
        for ((submitter, _, operation, code), result) in steps.iter().zip(&execution.results) {
            assert_eq!(result.operations[0].code, *code, "{submitter}: {operation:?}");
        }
        self.world.apply(&execution);
        conservation_in_full(self.world.accounts()).unwrap();
        self.events.clone_from(&execution.events);
        execution
    }

    fn block(&mut self, steps: &[Step<'_>]) -> &mut Self {
        self.block_of(1000, steps);
        self
    }

    fn wait(&mut self, ms: u64) -> &mut Self {
        self.block_of(ms, &[]);
        self
    }

    /// Files a change by `bank-a`, whose vote it brings, and gives its number.
    fn file(&mut self, change: Change) -> ProposalId {
        let operation = propose(change, self.time + 1000 + DAY_MS);
        self.block(&[("bank-a", &["bank-a:admin"], operation, ResultCode::Ok)]);
        governance::governance(&self.world).last_proposal
    }

    fn vote(&mut self, id: ProposalId, voters: &[&str]) -> &mut Self {
        for voter in voters {
            let signer = format!("{voter}:admin");
            let vote = self.vote_on(id, true);
            self.block(&[(voter, &[&signer], vote, ResultCode::Ok)]);
        }
        self
    }

    fn vote_on(&self, id: ProposalId, approve: bool) -> Operation {
        Operation::Vote { proposal: id, hash: self.record(id).hash, approve }
    }

    /// Files and adopts a change; it takes effect in the block after the last vote.
    fn adopt(&mut self, change: Change) -> ProposalState {
        let id = self.file(change);
        self.vote(id, &["bank-b", "bank-c"]).block(&[]);
        self.record(id).state
    }

    fn adopted(&mut self, change: Change) -> &mut Self {
        let state = self.adopt(change.clone());
        assert!(matches!(state, ProposalState::Executed { .. }), "{change:?}: {state:?}");
        self
    }

    fn record(&self, id: ProposalId) -> crate::ProposalRecord {
        governance::proposal(&self.world, id).unwrap()
    }

    fn member(&self, name: &str) -> Member {
        view::member(&self.world, member_id(name)).unwrap()
    }

    fn powers(&self) -> Vec<(String, u64)> {
        let set = validators_after_next(&self.world);
        set.iter().map(|(_, validator)| (validator.member.to_string(), validator.power)).collect()
    }

    fn balance(&mut self, name: &str) -> i128 {
        let account = account_mut(&mut self.world, name);
        account.credits_posted as i128 - account.debits_posted as i128
    }
}

fn block_id(height: u64) -> BlockId {
    BlockId(Tag::RECORD.hash(&[b"block", &height.to_le_bytes()]))
}

fn propose(change: Change, expires_at: u64) -> Operation {
    let expires_at = Timestamp(expires_at);
    Operation::Propose(Proposal { change, reason: String::from("test"), expires_at, execute_at: None, forced: false })
}

fn suspend(name: &str) -> Change {
    Change::Suspend { member: member_id(name) }
}

fn bls(name: &str) -> BlsPublicKey {
    let mut bytes = [0; 48];
    bytes[..32].copy_from_slice(&key(name).0);
    BlsPublicKey(bytes)
}

const POSSESSION: BlsSignature = BlsSignature([0; 96]);

#[test]
fn more_than_two_thirds_of_the_active_members_adopt() {
    let mut chain = Chain::new();
    let id = chain.file(suspend("central-bank"));
    assert_eq!(chain.record(id).state, ProposalState::Open);
    // Two of four are not enough, three are: more than 8/3.
    chain.vote(id, &["bank-b"]);
    assert_eq!(chain.record(id).state, ProposalState::Open);
    let tally = Tally::of(&chain.world, &chain.record(id));
    assert_eq!((tally.approving.len(), tally.active, tally.threshold), (2, 4, Some(Threshold::DEFAULT)));
    chain.vote(id, &["bank-c"]);
    assert_eq!(chain.record(id).state, ProposalState::Adopted { at: Height(3) });
    assert!(chain.member("central-bank").is_active(), "it takes effect in the next block");
    chain.block(&[]);
    assert_eq!(chain.record(id).state, ProposalState::Executed { at: Height(4) });
    assert_eq!(chain.member("central-bank").status, MemberStatus::Suspended);
    assert_eq!(chain.events, [BlockEvent::ProposalExecuted(id)]);
    assert!(governance::governance(&chain.world).agenda.is_empty());
}

#[test]
fn a_vote_is_refused_with_the_number_of_its_reason() {
    let mut chain = Chain::new();
    let id = chain.file(suspend("central-bank"));
    let vote = chain.vote_on(id, true);
    let unknown = Operation::Vote { proposal: ProposalId(9), hash: Hash::ZERO, approve: true };
    let changed = Operation::Vote { proposal: id, hash: Hash::ZERO, approve: true };
    chain.block(&[
        ("bank-a", &["bank-a:admin"], vote.clone(), ResultCode::AlreadyVoted),
        ("bank-b", &["bank-b"], vote.clone(), ResultCode::NotAuthorised),
        ("bank-b", &["bank-b:admin"], unknown, ResultCode::ProposalNotFound),
        ("bank-b", &["bank-b:admin"], changed, ResultCode::HashChanged),
        ("bank-b", &["bank-b:admin"], vote.clone(), ResultCode::Ok),
        ("bank-b", &["bank-b:admin"], vote.clone(), ResultCode::AlreadyVoted),
        // One's admin key does not vote for another.
        ("bank-c", &["bank-b:admin", "bank-c"], vote.clone(), ResultCode::NotAuthorised),
    ]);
    chain.wait(DAY_MS - 1001);
    member_mut(&mut chain.world, "bank-c").status = MemberStatus::Suspended;
    chain.block(&[("bank-c", &["bank-c:admin"], vote.clone(), ResultCode::MemberNotActive)]);
    member_mut(&mut chain.world, "bank-c").status = MemberStatus::Active;
    // Its time is over with that block.
    assert_eq!(chain.record(id).state, ProposalState::Expired { at: Height(chain.height) });
    assert_eq!(chain.events, [BlockEvent::ProposalExpired(id)]);
    chain.block(&[("bank-c", &["bank-c:admin"], vote, ResultCode::ProposalClosed)]);
}

#[test]
fn refusals_end_a_proposal_that_can_no_more_be_adopted() {
    let mut chain = Chain::new();
    let id = chain.file(suspend("central-bank"));
    let no = chain.vote_on(id, false);
    chain.block(&[("bank-b", &["bank-b:admin"], no.clone(), ResultCode::Ok)]);
    assert_eq!(chain.record(id).state, ProposalState::Open);
    chain.block(&[("central-bank", &["central-bank:admin"], no, ResultCode::Ok)]);
    assert_eq!(chain.record(id).state, ProposalState::Rejected { at: Height(3) });
    assert!(governance::governance(&chain.world).agenda.is_empty());
}

#[test]
fn k_of_n_people_speak_for_a_member_and_a_removed_key_takes_its_vote_along() {
    let mut chain = Chain::new();
    let admins = ["x", "y", "z"].map(|name| key(&format!("bank-b:{name}")));
    member_mut(&mut chain.world, "bank-b").admin_keys = KeyGroup { k: 2, keys: admins.to_vec() };
    let id = chain.file(suspend("central-bank"));
    chain.vote(id, &["bank-c"]);
    let vote = chain.vote_on(id, true);
    chain.block(&[("bank-b", &["bank-b:x"], vote.clone(), ResultCode::Ok)]);
    assert_eq!(chain.record(id).state, ProposalState::Open, "maker and checker differ");
    chain.block(&[("bank-b", &["bank-b:x"], vote.clone(), ResultCode::AlreadyVoted)]);
    // Without x only y has voted.
    member_mut(&mut chain.world, "bank-b").admin_keys.keys.remove(0);
    chain.block(&[("bank-b", &["bank-b:y"], vote.clone(), ResultCode::Ok)]);
    assert_eq!(chain.record(id).state, ProposalState::Open);
    chain.block(&[("bank-b", &["bank-b:z"], vote, ResultCode::Ok)]);
    assert!(matches!(chain.record(id).state, ProposalState::Adopted { .. }));
}

#[test]
fn filing_is_refused_where_the_change_can_never_be() {
    let mut chain = Chain::new();
    let (expires, long) = (chain.time + DAY_MS, chain.time + 8 * DAY_MS);
    let unknown = || member_id("bank-z");
    let parameters = |change: fn(&mut Parameters)| {
        let mut parameters = Parameters::default();
        change(&mut parameters);
        Change::SetParameters(parameters)
    };
    let cases = [
        (suspend("bank-z"), ResultCode::MemberNotFound),
        (Change::RemoveValidator { member: unknown() }, ResultCode::MemberNotFound),
        (Change::Reactivate { member: member_id("bank-b") }, ResultCode::StatusNotAllowed),
        (Change::Admit { member: unknown(), request: Hash::ZERO }, ResultCode::InviteNotFound),
        (Change::SetQuota { asset: asset_code("XXX"), quota: 1 }, ResultCode::AssetMismatch),
        (Change::SetRoles { member: member_id("bank-b"), roles: Roles(8) }, ResultCode::ValueOutOfRange),
        (Change::Close { member: member_id("bank-b"), estate: member_id("bank-b") }, ResultCode::StatusNotAllowed),
        (parameters(|p| p.heartbeat_ms = 0), ResultCode::ValueOutOfRange),
        (parameters(|p| p.id_window_ms *= 2), ResultCode::ValueOutOfRange),
        (parameters(|p| p.tx_bytes_max *= 2), ResultCode::ValueOutOfRange),
        (
            Change::SetThreshold { kind: ChangeKind(1), threshold: Threshold { parts: 1, of: 3 } },
            ResultCode::ValueOutOfRange,
        ),
        (
            Change::SetThreshold { kind: ChangeKind(64), threshold: Threshold { parts: 1, of: 2 } },
            ResultCode::ValueOutOfRange,
        ),
        (
            Change::SetRules(GovernanceRules { expiry_max_ms: 0, ..GovernanceRules::DEFAULT }),
            ResultCode::ValueOutOfRange,
        ),
        (
            Change::AddValidator { member: member_id("bank-b"), key: bls("new"), possession: POSSESSION, power: 1 },
            ResultCode::AlreadyAValidator,
        ),
        (Change::RotateConsensusKey { key: bls("bank-b:bls"), possession: POSSESSION }, ResultCode::KeyInUse),
        (Change::AddOperatorKey(OperatorKey { key: key("bank-b"), rights: Rights::PAY }), ResultCode::KeyInUse),
        (Change::RemoveOperatorKey(key("bank-b")), ResultCode::ValueOutOfRange),
        (Change::SetAdminKeys(KeyGroup { k: 0, keys: vec![key("new")] }), ResultCode::ValueOutOfRange),
        (Change::SetAdminKeys(KeyGroup { k: 3, keys: vec![key("new")] }), ResultCode::ValueOutOfRange),
        (Change::SetAdminKeys(KeyGroup { k: 2, keys: vec![key("new"), key("new")] }), ResultCode::ValueOutOfRange),
        (
            Change::ForcedTransfer {
                debit_account: account_id("issuance"),
                credit_account: account_id("A"),
                amount: 1,
            },
            ResultCode::NotAuthorised,
        ),
    ];
    for (change, code) in cases {
        chain.block(&[("bank-a", &["bank-a:admin"], propose(change, expires), code)]);
    }
    chain.block(&[
        ("bank-a", &["bank-a"], propose(suspend("bank-b"), expires), ResultCode::NotAuthorised),
        ("bank-a", &["bank-a:admin"], propose(suspend("bank-b"), chain.time), ResultCode::ProposalExpired),
        ("bank-a", &["bank-a:admin"], propose(suspend("bank-b"), long), ResultCode::ValueOutOfRange),
    ]);
    assert_eq!(governance::governance(&chain.world).last_proposal, ProposalId(0), "nothing was filed");
}

#[test]
fn one_member_does_not_fill_the_agenda() {
    let mut chain = Chain::new();
    for _ in 0..16 {
        chain.file(suspend("bank-b"));
    }
    let one_more = propose(suspend("bank-b"), chain.time + DAY_MS);
    chain.block(&[
        ("bank-a", &["bank-a:admin"], one_more.clone(), ResultCode::TooManyOpen),
        ("bank-c", &["bank-c:admin"], one_more.clone(), ResultCode::Ok),
        ("bank-a", &["bank-a:admin"], Operation::Withdraw { proposal: ProposalId(3) }, ResultCode::Ok),
        ("bank-a", &["bank-a:admin"], one_more, ResultCode::Ok),
    ]);
}

#[test]
fn only_the_member_that_filed_it_takes_a_proposal_back_and_only_before_it_takes_effect() {
    let mut chain = Chain::new();
    let id = chain.file(suspend("central-bank"));
    let withdraw = Operation::Withdraw { proposal: id };
    chain.block(&[
        ("bank-b", &["bank-b:admin"], withdraw.clone(), ResultCode::NotAuthorised),
        ("bank-a", &["bank-a"], withdraw.clone(), ResultCode::NotAuthorised),
        ("bank-a", &["bank-a:admin"], Operation::Withdraw { proposal: ProposalId(7) }, ResultCode::ProposalNotFound),
    ]);
    // Adopted and withdrawn before its block.
    chain.vote(id, &["bank-b"]);
    let last = chain.vote_on(id, true);
    chain.block(&[
        ("bank-c", &["bank-c:admin"], last, ResultCode::Ok),
        ("bank-a", &["bank-a:admin"], withdraw.clone(), ResultCode::Ok),
    ]);
    chain.block(&[("bank-a", &["bank-a:admin"], withdraw, ResultCode::ProposalClosed)]);
    assert!(chain.member("central-bank").is_active());
    assert_eq!(chain.record(id).state, ProposalState::Withdrawn { at: Height(4) });
}

#[test]
fn a_proposal_waits_for_its_height() {
    let mut chain = Chain::new();
    let proposal = Proposal {
        change: suspend("central-bank"),
        reason: String::new(),
        expires_at: Timestamp(chain.time + DAY_MS),
        execute_at: Some(Height(10)),
        forced: false,
    };
    chain.block(&[("bank-a", &["bank-a:admin"], Operation::Propose(proposal), ResultCode::Ok)]);
    let id = ProposalId(1);
    chain.vote(id, &["bank-b", "bank-c"]);
    while chain.height < 9 {
        chain.block(&[]);
        assert!(chain.member("central-bank").is_active());
    }
    chain.block(&[]);
    assert_eq!(chain.record(id).state, ProposalState::Executed { at: Height(10) });
}

#[test]
fn own_keys_are_changed_by_the_member_alone() {
    let mut chain = Chain::new();
    let operator = OperatorKey { key: key("new operator"), rights: Rights::PAY };
    let id = chain.file(Change::AddOperatorKey(operator));
    assert!(matches!(chain.record(id).state, ProposalState::Adopted { .. }));
    let vote = chain.vote_on(id, false);
    chain.block(&[("bank-b", &["bank-b:admin"], vote, ResultCode::NotAuthorised)]);
    assert!(chain.member("bank-a").operator_keys.contains(&operator));
    for change in [
        Change::RemoveOperatorKey(operator.key),
        Change::AddAccessKey(AccessKey { key: Hash([1; 32]), rights: Rights::READ }),
        Change::SetNode(NodeRecord {
            tls_key: Hash([2; 32]),
            peer_address: "a:1".into(),
            client_address: "a:2".into(),
        }),
        Change::SetRecoveryKeys(KeyGroup { k: 1, keys: vec![key("new recovery")] }),
        Change::RotateConsensusKey { key: bls("new consensus"), possession: POSSESSION },
        Change::RemoveAccessKey(Hash([1; 32])),
    ] {
        let id = chain.file(change);
        chain.block(&[]);
        assert!(matches!(chain.record(id).state, ProposalState::Executed { .. }), "{:?}", chain.record(id));
    }
    let member = chain.member("bank-a");
    assert!(!member.operator_keys.contains(&operator) && member.access_keys.is_empty());
    assert_eq!(member.node.unwrap().tls_key, Hash([2; 32]));
    assert_eq!(member.recovery_keys.keys, [key("new recovery")]);
    let set = validators_after_next(&chain.world);
    assert_eq!(set.iter().next().unwrap().1.key, bls("new consensus"));
    // What was a key of one member never is one of another.
    let stolen = Change::AddOperatorKey(operator);
    let filed = propose(stolen, chain.time + DAY_MS);
    chain.block(&[("bank-b", &["bank-b:admin"], filed, ResultCode::KeyInUse)]);
}

#[test]
fn new_admin_keys_wait_a_day_and_one_old_key_stops_them() {
    let mut chain = Chain::new();
    let new = KeyGroup { k: 1, keys: vec![key("new admin")] };
    let id = chain.file(Change::SetAdminKeys(new.clone()));
    chain.wait(DAY_MS - 1001);
    assert_ne!(chain.member("bank-a").admin_keys, new);
    chain.time -= 1;
    chain.block(&[("bank-a", &["bank-a:admin"], Operation::Withdraw { proposal: id }, ResultCode::Ok)]);
    chain.wait(DAY_MS);
    assert_ne!(chain.member("bank-a").admin_keys, new);
    chain.file(Change::SetAdminKeys(new.clone()));
    chain.wait(DAY_MS);
    assert_eq!(chain.member("bank-a").admin_keys, new);
}

#[test]
fn others_reset_lost_admin_keys_after_three_days() {
    let mut chain = Chain::new();
    let new = KeyGroup { k: 1, keys: vec![key("found admin")] };
    let id = chain.file(Change::ResetAdminKeys { member: member_id("bank-b"), admin_keys: new.clone() });
    chain.vote(id, &["bank-c", "central-bank"]);
    chain.wait(3 * DAY_MS - 1);
    assert_ne!(chain.member("bank-b").admin_keys, new);
    chain.wait(1);
    assert_eq!(chain.member("bank-b").admin_keys, new);
}

// ---- Joining ----

fn invite(name: &str, key_name: &str, expires_at: u64) -> Operation {
    let expires_at = Timestamp(expires_at);
    Operation::Invite(Invite { member: member_id(name), lei: String::new(), key: key(key_name), expires_at })
}

fn request(name: &str) -> JoinRequest {
    let member = Member { status: MemberStatus::Filed, validator: None, ..member(name) };
    let record = ValidatorRecord { key: bls(&format!("{name}:bls")), possession: POSSESSION, power: 100 };
    JoinRequest { member, validator: Some(record) }
}

fn file_join(request: &JoinRequest) -> Operation {
    Operation::FileJoin(Box::new(request.clone()))
}

/// Invited and filed; the number of the proposal to admit it.
fn filed(chain: &mut Chain, name: &str) -> ProposalId {
    let admin = format!("{name}:admin");
    let until = chain.time + DAY_MS;
    chain.block(&[("bank-a", &["bank-a:admin"], invite(name, "invitation", until), ResultCode::Ok)]);
    assert_eq!(chain.member(name).status, MemberStatus::Invited);
    chain.block(&[(name, &["invitation", &admin], file_join(&request(name)), ResultCode::Ok)]);
    assert_eq!(chain.member(name).status, MemberStatus::Filed);
    governance::governance(&chain.world).last_proposal
}

fn caught_up(chain: &Chain, key_name: &str) -> Operation {
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

// ---- Voting power ----

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

// ---- Suspension and winding up ----

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

impl Chain {
    /// Like `adopt`, where bank-c has no vote.
    fn adopt_by_rest(&mut self, change: Change) -> ProposalState {
        let id = self.file(change);
        self.vote(id, &["bank-b", "central-bank"]).block(&[]);
        self.record(id).state
    }
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

// ---- Money and rules ----

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

// ---- Random histories ----

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }
}

const NAMES: [&str; 7] = ["bank-a", "bank-b", "bank-c", "central-bank", "bank-n", "bank-o", "bank-z"];

fn random_change(random: &mut Random, chain: &Chain) -> Change {
    let member = member_id(random.pick(&NAMES));
    let other = member_id(random.pick(&NAMES));
    let key_name = format!("random {}", random.below(6));
    match random.below(20) {
        0 => Change::Suspend { member },
        1 | 2 => Change::Reactivate { member },
        3 => Change::Close { member, estate: other },
        4 => Change::Merge { member, into: other },
        5 | 6 => Change::RemoveValidator { member },
        7 | 8 => Change::AddValidator { member, key: bls(&key_name), possession: POSSESSION, power: 100 },
        9 => Change::SetPower { member, power: random.below(200) },
        10 => Change::SetIssuer { asset: asset_code("EUR"), issuer: member },
        11 => Change::SetQuota { asset: asset_code("EUR"), quota: random.below(1000).into() },
        12 => Change::ForcedTransfer {
            debit_account: account_id(random.pick(&["A", "B", "C"])),
            credit_account: account_id(random.pick(&["A", "B", "C"])),
            amount: random.below(50).into(),
        },
        13 => Change::SetThreshold {
            kind: ChangeKind(random.below(20) as u8),
            threshold: Threshold { parts: random.below(4) as u8, of: random.below(5) as u8 },
        },
        14 => Change::SetRoles { member, roles: Roles(random.below(9) as u32) },
        15 => Change::RotateConsensusKey { key: bls(&key_name), possession: POSSESSION },
        16 => Change::AddOperatorKey(OperatorKey { key: key(&key_name), rights: Rights::PAY }),
        17 => Change::SetAdminKeys(random_group(random)),
        18 => Change::ResetAdminKeys { member, admin_keys: random_group(random) },
        _ => {
            let request = governance::filing(&chain.world, member).and_then(|filing| filing.request);
            Change::Admit { member, request: request.unwrap_or(Hash::ZERO) }
        }
    }
}

fn random_group(random: &mut Random) -> KeyGroup {
    let keys = (0..1 + random.below(3)).map(|_| key(&format!("admin {}", random.below(8)))).collect();
    KeyGroup { k: random.below(4) as u8, keys }
}

fn random_operation(random: &mut Random, chain: &Chain, submitter: &str) -> Operation {
    let last = governance::governance(&chain.world).last_proposal.0;
    match random.below(12) {
        0..=2 => {
            let forced = random.below(8) == 0;
            let execute_at = (random.below(4) == 0).then(|| Height(chain.height + random.below(20)));
            let expires_at = Timestamp(chain.time + 1 + random.below(2 * DAY_MS));
            let change = random_change(random, chain);
            Operation::Propose(Proposal { change, reason: String::new(), expires_at, execute_at, forced })
        }
        3..=7 => {
            let id = ProposalId(last.saturating_sub(random.below(6)));
            let hash = governance::proposal(&chain.world, id).map_or(Hash::ZERO, |record| record.hash);
            Operation::Vote { proposal: id, hash, approve: random.below(5) > 0 }
        }
        8 => Operation::Withdraw { proposal: ProposalId(last.saturating_sub(random.below(6))) },
        9 => {
            let name = random.pick(&["bank-n", "bank-o"]);
            match random.below(3) {
                0 => Operation::RevokeInvite { member: member_id(name) },
                _ => invite(name, &format!("invitation {}", random.below(9)), chain.time + DAY_MS),
            }
        }
        10 => file_join(&request(submitter)),
        _ => {
            let key =
                governance::candidate(&chain.world, member_id(submitter)).map_or(bls("none"), |record| record.key);
            match governance::block_marks(&chain.world).last() {
                Some(mark) => Operation::ProveCaughtUp(CaughtUp {
                    height: mark.height,
                    block: mark.block,
                    key,
                    signature: POSSESSION,
                }),
                None => open("EUR", "z"),
            }
        }
    }
}

/// Who signs: mostly people who may.
fn random_signers(random: &mut Random, chain: &Chain, submitter: &str) -> Vec<Ed25519PublicKey> {
    let Some(member) = view::member(&chain.world, member_id(submitter)) else { return vec![key("nobody")] };
    let mut signers: Vec<Ed25519PublicKey> =
        member.admin_keys.keys.iter().filter(|_| random.below(3) > 0).copied().collect();
    if let Some(filing) = governance::filing(&chain.world, member.id) {
        signers.push(filing.invite.key);
        signers.extend(request(submitter).member.admin_keys.keys);
    }
    signers.extend(member.operator_keys.first().map(|operator| operator.key));
    signers.sort_unstable();
    signers.dedup();
    signers
}

/// Counts anew, from what was signed and what the registry says, whether a proposal may be adopted.
fn naive_is_adopted(chain: &Chain, record: &crate::ProposalRecord) -> bool {
    let approves = |name: &str| {
        let Some(member) = view::member(&chain.world, member_id(name)) else { return false };
        let signed: Vec<_> =
            record.ballots.iter().filter(|(id, _)| *id == member.id).flat_map(|(_, ballot)| &ballot.approve).collect();
        let count = member.admin_keys.keys.iter().filter(|key| signed.contains(key)).count();
        count >= usize::from(member.admin_keys.k)
    };
    if record.proposal.change.kind().is_own() {
        return approves(record.proposer.as_str());
    }
    let active: Vec<&str> = NAMES
        .into_iter()
        .filter(|name| view::member(&chain.world, member_id(name)).is_some_and(|m| m.is_active()))
        .collect();
    let approving = active.iter().filter(|name| approves(name)).count();
    let (parts, of) = match record.proposal.forced {
        true => (5, 6),
        false => {
            let kind = record.proposal.change.kind();
            let own = governance::governance(&chain.world).thresholds.into_iter().find(|(other, _)| *other == kind);
            own.map_or((2, 3), |(_, threshold)| (usize::from(threshold.parts), usize::from(threshold.of)))
        }
    };
    approving * of > active.len() * parts
}

#[test]
fn random_histories_change_nothing_without_the_threshold_and_never_halt() {
    let seed = option_env!("CONCORDAT_SEED").and_then(|text| text.parse().ok()).unwrap_or(0x5eed_u64);
    let mut executed = 0;
    let mut codes = alloc::collections::BTreeSet::new();
    for history in 0..40 {
        let mut random = Random(seed + history);
        let mut chain = Chain::new();
        for name in ["A", "B", "C"] {
            fund(&mut chain.world, name, 100);
        }
        for _ in 0..250 {
            let before = registry(&chain.world);
            let pending: Vec<_> = governance::governance(&chain.world).agenda;
            chain.height += 1;
            chain.time += if random.below(30) == 0 { 2 * DAY_MS } else { random.below(20_000) };
            let time = Timestamp(chain.time);
            let submitters: Vec<&str> = (0..random.below(4)).map(|_| random.pick(&NAMES)).collect();
            let transactions: Vec<_> = submitters
                .iter()
                .filter_map(|submitter| {
                    chain.next_id += 1;
                    let operation = random_operation(&mut random, &chain, submitter);
                    let id = id_at(chain.next_id, time);
                    let mut transaction = transaction(submitter, id, time, vec![operation]);
                    transaction.signers = random_signers(&mut random, &chain, submitter);
                    let checked = sign_by_keys(transaction);
                    // Only what its submitter has signed comes into a block.
                    let mut inclusion = crate::Inclusion::new(&chain.world, time, WINDOW_MS);
                    inclusion.check(0, &checked).is_ok().then_some(checked)
                })
                .collect();
            let context = BlockContext {
                height: Height(chain.height),
                time,
                parent: block_id(chain.height - 1),
                ..BlockContext::default()
            };
            let say = || format!("seed {seed}, history {history}, height {}", chain.height);
            let first = execute(&chain.world, &context, &transactions).unwrap();
            let second = execute(&chain.world, &context, &transactions).unwrap();
            assert_eq!(first, second, "{}", say());
            codes.extend(first.results.iter().map(|result| result.operations[0].code));
            let checked = transactions.iter().map(|checked| &***checked);
            let leaves = crate::result_leaves(checked, &first.results, &first.events);
            assert_eq!(results_root(&leaves), first.results_root, "{}", say());
            chain.world.apply(&first);
            conservation_in_full(chain.world.accounts()).unwrap();
            for event in &first.events {
                if let BlockEvent::ProposalExecuted(id) = event {
                    executed += 1;
                    // It was adopted before this block began.
                    assert!(pending.iter().any(|item| item.proposal == *id && item.effect.is_some()), "{}", say());
                }
            }
            for (id, record) in proposals(&chain.world) {
                if record.state == (ProposalState::Adopted { at: Height(chain.height) }) {
                    assert!(naive_is_adopted(&chain, &record), "{}: {id}: {record:?}", say());
                }
            }
            // The registry of admitted members changes only by events.
            let has_executed = first.events.iter().any(|event| matches!(event, BlockEvent::ProposalExecuted(_)));
            if !has_executed {
                assert_eq!(before, registry(&chain.world), "{}", say());
            }
            check_sets(&chain, &say());
        }
    }
    assert!(executed > 150, "only {executed} proposals took effect");
    for code in [
        ResultCode::Ok,
        ResultCode::NotAuthorised,
        ResultCode::MemberNotActive,
        ResultCode::MemberExists,
        ResultCode::InviteUsed,
        ResultCode::AlreadyVoted,
        ResultCode::ProposalClosed,
        ResultCode::MemberNotFound,
        ResultCode::KeyInUse,
        ResultCode::StatusNotAllowed,
        ResultCode::ValueOutOfRange,
        ResultCode::NotAValidator,
    ] {
        assert!(codes.contains(&code), "{code} was never met: {codes:?}");
    }
}

fn sign_by_keys(
    transaction: concordat_types::Transaction,
) -> alloc::sync::Arc<concordat_types::Verified<concordat_types::CheckedTransaction>> {
    use concordat_types::{
        CheckedTransaction, Ed25519Signature, SignedTransaction, Transaction, Verified, encode,
        transaction::TransactionSignature,
    };
    let bytes = encode(&transaction);
    let signature = |key: &Ed25519PublicKey| TransactionSignature { key: *key, signature: Ed25519Signature([0; 64]) };
    let signatures = transaction.signers.iter().map(signature).collect();
    let hash = Transaction::hash_of(&bytes);
    let signed = SignedTransaction { bytes, signatures };
    alloc::sync::Arc::new(Verified::attest_verified(CheckedTransaction { signed, transaction, hash }))
}

fn proposals(world: &MemoryState) -> Vec<(ProposalId, crate::ProposalRecord)> {
    let records = world.state.iter().filter_map(|(key, value)| match (key, value) {
        (StateKey::Proposal(id), StateValue::Proposal(record)) => Some((*id, record.clone())),
        _ => None,
    });
    records.collect()
}

/// Members that were admitted, but for the validator's part, which a proof changes too.
fn registry(world: &MemoryState) -> Vec<Member> {
    let members = world.state.values().filter_map(|value| match value {
        StateValue::Member(member) => Some(Member { validator: None, ..member.clone() }),
        _ => None,
    });
    members.filter(|member| member.status as u8 >= MemberStatus::Active as u8).collect()
}

/// Who validates by the registry is in the newest set, with its key and power, and nobody else.
fn check_sets(chain: &Chain, say: &str) {
    let set = validators_after_next(&chain.world);
    let validating: Vec<_> = chain
        .world
        .state
        .values()
        .filter_map(|value| match value {
            StateValue::Member(member) => {
                let record = member.validator.as_ref()?;
                assert!(member.is_active(), "{say}: {member:?}");
                Some((member.id, record.key, record.power))
            }
            _ => None,
        })
        .collect();
    let in_set: Vec<_> = set.iter().map(|(_, validator)| (validator.member, validator.key, validator.power)).collect();
    assert_eq!(validating, in_set, "{say}");
}
