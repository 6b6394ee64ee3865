//! Proposals, votes, invitations and what they do to members, money and voting power.

mod histories;
mod hostile;
mod joining;
mod money;
mod power;
mod winding_up;

use joining::{caught_up, file_join, filed, invite, request};

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

impl Chain {
    /// Like `adopt`, where bank-c has no vote.
    fn adopt_by_rest(&mut self, change: Change) -> ProposalState {
        let id = self.file(change);
        self.vote(id, &["bank-b", "central-bank"]).block(&[]);
        self.record(id).state
    }
}

impl Chain {
    fn adopted_by(&mut self, change: Change, voters: &[&str]) {
        let id = self.file(change);
        self.vote(id, voters).block(&[]);
        assert!(matches!(self.record(id).state, ProposalState::Executed { .. }), "{:?}", self.record(id));
    }
}
