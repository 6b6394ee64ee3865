//! Governance from the command line to the transaction that reaches a node.

use crate::{
    client::tests::Answer,
    commands::send::tests::{Bank, transaction},
    governance::tests::{admin_view, change, member_view},
    invite::{InviteFile, tests::genesis},
};
use concordat_ledger::{Ballot, ProposalRecord, ProposalState};
use concordat_proto::v1;
use concordat_types::{
    Change, GovernanceRules, Hash, Height, JoinRequest, MemberStatus, Operation, Parameters, Proposal, ProposalId,
    ResultCode, Timestamp, Transaction, encode,
};
use serde_json::{Value, json};
use std::fs;

fn record(change: Change) -> ProposalRecord {
    let proposal = Proposal {
        change,
        reason: "because".to_owned(),
        expires_at: Timestamp(5_000),
        execute_at: None,
        forced: false,
    };
    ProposalRecord {
        proposer: "bank-b".parse().unwrap(),
        proposal,
        // What a node that lies would say.
        hash: Hash([66; 32]),
        filed_at: Height(3),
        state: ProposalState::Open,
        ballots: vec![("bank-b".parse().unwrap(), Ballot::default())],
    }
}

fn wire(id: u64, record: &ProposalRecord) -> v1::Proposal {
    v1::Proposal {
        id,
        record: encode(record),
        approving: vec!["bank-b".to_owned()],
        active: 5,
        threshold_parts: 2,
        threshold_of: 3,
        height: 9,
        ..v1::Proposal::default()
    }
}

async fn bank(proposals: Vec<v1::Proposal>) -> Bank {
    let bank = Bank::new(Answer::Booked).await;
    let view = admin_view(4);
    let mut state = bank.node.admin.lock().unwrap();
    state.proposals = proposals;
    let members = view.members.iter().map(|member| v1::MemberRecord {
        record: encode(&member.member),
        validator: member.validator.clone(),
        power: member.power,
        ..v1::MemberRecord::default()
    });
    state.governance = v1::Governance {
        height: 9,
        members: members.collect(),
        record: encode(&view.record),
        parameters: encode(&view.parameters),
    };
    drop(state);
    bank
}

fn only(transaction: &Transaction) -> Operation {
    let [operation] = &transaction.operations[..] else { panic!("one operation") };
    operation.clone()
}

#[tokio::test]
async fn a_vote_is_signed_by_admin_keys_and_names_what_was_read() {
    let record = record(change("suspend"));
    let hash = record.proposal.hash(ProposalId(7), record.proposer);
    let bank = bank(vec![wire(7, &record)]).await;
    let sent = bank.sent(&format!("vote 7 --hash {hash}")).await;
    assert_eq!(only(&sent), Operation::Vote { proposal: ProposalId(7), hash, approve: true });
    assert_eq!(sent.signers, [bank.admins[0]]);

    let keys =
        format!("--key {} --key {}", bank.keys.path("admin.key").display(), bank.keys.path("admin-2.key").display());
    let sent = bank.sent(&format!("vote 7 --hash {hash} --refuse {keys}")).await;
    assert_eq!(only(&sent), Operation::Vote { proposal: ProposalId(7), hash, approve: false });
    let mut both = bank.admins;
    both.sort_unstable();
    assert_eq!(sent.signers, both);

    assert_eq!(only(&bank.sent("withdraw 7").await), Operation::Withdraw { proposal: ProposalId(7) });
    // An operator key is no admin key.
    let operator = bank.keys.path("operator.key");
    let error = bank.run(&format!("withdraw 7 --key {}", operator.display())).await.expect_err("another kind");
    assert_eq!(error.code, "E_KEY_FILE");
}

#[tokio::test]
async fn nothing_is_signed_for_another_hash_or_another_proposal() {
    let record = record(change("suspend"));
    let hash = record.proposal.hash(ProposalId(7), record.proposer);
    let bank = bank(vec![wire(7, &record)]).await;
    fs::remove_file(bank.keys.path("admin.key")).unwrap();
    // What the node says, what would be right under another number, and anything.
    for other in [record.hash, record.proposal.hash(ProposalId(8), record.proposer), Hash([0; 32])] {
        let error = bank.run(&format!("vote 7 --hash {other}")).await.expect_err("not the hash");
        assert_eq!(error.code, "E_PROPOSAL_HASH");
        assert!(error.cause.contains(&hash.to_string()), "{}", error.cause);
    }
    let error = bank.run(&format!("vote 8 --hash {hash}")).await.expect_err("it answers with another number");
    assert_eq!(error.code, "E_MALFORMED");
    assert!(bank.seen().is_empty());
    let shown = bank.run("show 7").await.unwrap();
    assert_eq!(shown.data["hash"], hash.to_string());
    assert!(shown.text.contains(&hash.to_string()) && !shown.text.contains(&record.hash.to_string()));
}

#[tokio::test]
async fn an_admission_is_read_as_it_was_filed_or_not_approved() {
    let member = member_view("bank-n", MemberStatus::Filed, None).member;
    let request = JoinRequest { member: member.clone(), validator: None };
    let admit = record(Change::Admit { member: member.id, request: request.hash() });
    let hash = admit.proposal.hash(ProposalId(7), admit.proposer);
    // Adopted in the meantime: the request is still the same.
    let approved = concordat_types::Member { status: MemberStatus::Approved, ..member.clone() };
    let good = v1::Proposal { member: encode(&approved), sponsor: "bank-b".to_owned(), ..wire(7, &admit) };
    let bank = bank(vec![good.clone()]).await;
    let shown = bank.run("show 7").await.unwrap();
    let fingerprint = crate::governance::fingerprint(&request.hash());
    assert_eq!(shown.data["request"]["fingerprint"], fingerprint);
    assert!(shown.text.contains(&fingerprint) && shown.text.contains("The bank-n"), "{}", shown.text);

    bank.sent(&format!("vote 7 --hash {hash} --compared-by Anna-by-telephone")).await;
    let noted = fs::read_to_string(bank.keys.path("votes.jsonl")).unwrap();
    let noted: Value = serde_json::from_str(noted.trim()).unwrap();
    let fields = (&noted["compared_by"], &noted["proposal"], &noted["height"], &noted["hash"]);
    assert_eq!(fields, (&json!("Anna-by-telephone"), &json!(7), &json!(7), &json!(hash.to_string())));

    let mut other = member;
    other.admin_keys.k = 2;
    bank.node.admin.lock().unwrap().proposals = vec![v1::Proposal { member: encode(&other), ..good }];
    let shown = bank.run("show 7").await.unwrap();
    assert_eq!((&shown.data["is_other_request"], &shown.data["request"]), (&json!(true), &Value::Null));
    assert!(shown.text.contains("do not approve"), "{}", shown.text);
    let before = bank.seen().len();
    let error = bank.run(&format!("vote 7 --hash {hash}")).await.expect_err("it shows another");
    assert_eq!((error.code, bank.seen().len()), ("E_PROPOSAL_HASH", before));
    bank.sent(&format!("vote 7 --hash {hash} --refuse")).await;
}

#[tokio::test]
async fn the_inbox_holds_what_waits_for_the_member() {
    let voted = v1::Proposal { approving: vec!["bank-a".to_owned()], ..wire(8, &record(change("close"))) };
    let refused = v1::Proposal { refusing: vec!["bank-a".to_owned()], ..wire(6, &record(change("merge"))) };
    let closed = ProposalRecord { state: ProposalState::Expired { at: Height(5) }, ..record(change("reactivate")) };
    let of_another = v1::Proposal { threshold_of: 0, ..wire(4, &record(change("set-admin-keys"))) };
    let waiting = wire(7, &record(change("suspend")));
    let bank = bank(vec![voted, waiting, refused, wire(5, &closed), of_another]).await;
    let report = bank.run("inbox").await.unwrap();
    let [proposal] = &report.data["proposals"].as_array().unwrap()[..] else { panic!("{}", report.data) };
    let fields = (&proposal["proposal"], &proposal["needed"], &proposal["missing"], &proposal["approving"]);
    assert_eq!(fields, (&json!(7), &json!(4), &json!(3), &json!(["bank-b"])));
    assert!(report.text.contains("suspend bank-0") && report.text.contains("1970-01-01T00:00:05"), "{}", report.text);
    assert_eq!(bank.run("inbox --all").await.unwrap().data["proposals"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn each_kind_is_proposed_as_it_was_written() {
    let bank = bank(Vec::new()).await;
    let hex = |byte: u8, bytes: usize| hex::encode(vec![byte; bytes]);
    let consensus = format!("--consensus-key {} --possession {}", hex(23, 48), hex(24, 96));
    let group = format!("--k 1 {} {}", hex(21, 32), hex(22, 32));
    for (line, kind) in [
        (format!("admit bank-0 --request {}", hex(26, 32)), "admit"),
        ("suspend bank-0".to_owned(), "suspend"),
        ("reactivate bank-0".to_owned(), "reactivate"),
        ("close bank-0 --estate bank-1".to_owned(), "close"),
        ("merge bank-0 --into bank-1".to_owned(), "merge"),
        ("set-roles bank-0 supervisor".to_owned(), "set-roles"),
        (format!("reset-admin-keys bank-0 {group}"), "reset-admin-keys"),
        (format!("add-validator bank-n {consensus}"), "add-validator"),
        ("remove-validator bank-0".to_owned(), "remove-validator"),
        ("set-power bank-0 1000".to_owned(), "set-power"),
        ("set-issuer EUR bank-1".to_owned(), "set-issuer"),
        ("set-threshold suspend 3 4".to_owned(), "set-threshold"),
        ("set-threshold 1 3 4".to_owned(), "set-threshold"),
        ("freeze member bank-0 --debits".to_owned(), "freeze"),
        (format!("add-operator-key {} --rights pay", hex(29, 32)), "add-operator-key"),
        (format!("remove-operator-key {}", hex(29, 32)), "remove-operator-key"),
        (format!("add-access-key {} --rights read", hex(30, 32)), "add-access-key"),
        (format!("remove-access-key {}", hex(30, 32)), "remove-access-key"),
        (format!("set-node --tls-key {} --peer-address host:41 --client-address host:42", hex(25, 32)), "set-node"),
        (format!("set-admin-keys {group}"), "set-admin-keys"),
        (format!("set-recovery-keys {group}"), "set-recovery-keys"),
        (format!("rotate-consensus-key {consensus}"), "rotate-consensus-key"),
    ] {
        let sent = bank.sent(&format!("propose {line}")).await;
        let Operation::Propose(proposal) = only(&sent) else { panic!("{line}") };
        assert_eq!(proposal.change, change(kind), "{line}");
        assert_eq!((proposal.reason.as_str(), proposal.execute_at, proposal.forced), ("", None, false));
        assert_eq!(sent.signers, [bank.admins[0]], "{line}");
    }
    let sent = bank.sent("propose set-quota EUR 5.25 --reason R --expires 1h --execute-at 12 --forced").await;
    let Operation::Propose(proposal) = only(&sent) else { panic!("a proposal") };
    assert_eq!(proposal.change, Change::SetQuota { asset: "EUR".parse().unwrap(), quota: 525 });
    assert_eq!((proposal.reason.as_str(), proposal.execute_at, proposal.forced), ("R", Some(Height(12)), true));
    let in_ms = proposal.expires_at.0 - crate::transactions::now().0;
    assert!((3_500_000..=3_600_000).contains(&in_ms), "{in_ms}");

    let sent = bank.sent("propose set-limits bank-0 EUR --day-max 3.00").await;
    let Operation::Propose(Proposal { change: Change::SetLimits { limits, .. }, .. }) = only(&sent) else { panic!() };
    assert_eq!((limits.day_max, limits.transfer_max), (Some(300), None));
    let sent = bank.sent("propose forced-transfer --from bank-0/EUR/main --to bank-1/EUR/main --amount 1.00").await;
    let Operation::Propose(Proposal { change: Change::ForcedTransfer { amount, .. }, .. }) = only(&sent) else {
        panic!()
    };
    assert_eq!(amount, 100);
}

#[tokio::test]
async fn what_is_not_named_stays_as_it_is() {
    let bank = bank(Vec::new()).await;
    let present = Parameters { delay_ms: 777, ..Parameters::default() };
    let rules = GovernanceRules { reset_notice_ms: 5_000_000, ..GovernanceRules::DEFAULT };
    {
        let mut state = bank.node.admin.lock().unwrap();
        state.governance.parameters = encode(&present);
        state.governance.record = encode(&concordat_ledger::Governance { rules, ..admin_view(1).record });
    }
    let sent = bank.sent("propose set-parameters heartbeat_ms=5000 timeout_max_ms=9000").await;
    let Operation::Propose(Proposal { change: Change::SetParameters(after), .. }) = only(&sent) else { panic!() };
    assert_eq!(after, Parameters { heartbeat_ms: 5_000, timeout_max_ms: 9_000, ..present });
    let sent = bank.sent("propose set-rules --expiry-max 10d").await;
    let Operation::Propose(Proposal { change: Change::SetRules(after), .. }) = only(&sent) else { panic!() };
    assert_eq!(after, GovernanceRules { expiry_max_ms: 864_000_000, ..rules });
    for wrong in ["colour=1", "heartbeat_ms", "heartbeat_ms=x", "heartbeat_ms=-1", "heartbeat_ms=4294967296"] {
        let error = bank.run(&format!("propose set-parameters {wrong}")).await.expect_err(wrong);
        assert_eq!(error.code, "E_USAGE", "{wrong}");
    }
    // Whoever reads it is told what would change, of all the values.
    let proposal = record(Change::SetParameters(Parameters { heartbeat_ms: 5_000, ..present_of(&bank) }));
    bank.node.admin.lock().unwrap().proposals = vec![wire(7, &proposal)];
    let shown = bank.run("show 7").await.unwrap();
    assert_eq!(shown.data["differences"], json!(["heartbeat_ms: 10000 -> 5000"]));
}

fn present_of(bank: &Bank) -> Parameters {
    let state = bank.node.admin.lock().unwrap();
    concordat_types::decode(&state.governance.parameters, 1 << 20).unwrap()
}

#[tokio::test]
async fn a_proposal_comes_with_its_number_and_hash_and_a_dry_run_with_what_it_needs() {
    let bank = bank(Vec::new()).await;
    let dry = bank.run("propose suspend bank-0 --dry-run").await.unwrap();
    assert!(bank.seen().is_empty());
    let impact = &dry.data["impact"];
    assert_eq!((&impact["needed"], &impact["deciders"].as_array().unwrap().len()), (&json!(3), &4));
    assert_eq!(impact["voting_power"]["before"]["quorum"], "267");
    assert_eq!(impact["voting_power"]["after"]["quorum"], "201");
    assert!(dry.text.contains("more than 2/3 of 4") && dry.text.contains("quorum 201"), "{}", dry.text);

    let report = bank.run("propose suspend bank-0").await.unwrap();
    let Operation::Propose(proposal) = only(&transaction(bank.seen().last().unwrap())) else { panic!("a proposal") };
    let hash = proposal.hash(ProposalId(99), "bank-a".parse().unwrap());
    assert_eq!((&report.data["proposal"], &report.data["hash"]), (&json!(99), &json!(hash.to_string())));
    assert_eq!((&report.data["change"]["kind"], &report.data["state"]), (&json!("suspend"), &json!("open")));
}

#[tokio::test]
async fn members_are_told_with_what_they_are() {
    let bank = bank(Vec::new()).await;
    {
        let mut state = bank.node.admin.lock().unwrap();
        let invited = member_view("bank-n", MemberStatus::Invited, None).member;
        let sponsor = "bank-0".to_owned();
        let record = v1::MemberRecord { record: encode(&invited), sponsor, ..v1::MemberRecord::default() };
        state.governance.members.push(record);
    }
    let report = bank.run("members").await.unwrap();
    let members = report.data["members"].as_array().unwrap();
    assert_eq!((members.len(), &members[0]["power"], &members[0]["validator"]), (5, &json!(100), &json!("validating")));
    assert_eq!((&members[4]["status"], &members[4]["sponsor"]), (&json!("invited"), &json!("bank-0")));
    assert!(report.text.contains("The bank-0") && report.text.contains("invited by bank-0"), "{}", report.text);
}

/// Of the network whose genesis lies beside it.
async fn sponsor(answer: Answer) -> Bank {
    let bank = Bank::new(answer).await;
    let genesis = genesis();
    let text = fs::read_to_string(bank.keys.path("profile.toml")).unwrap();
    let text = text.replace(&concordat_types::NetworkId::default().to_string(), &genesis.network_id().to_string());
    fs::write(bank.keys.path("profile.toml"), text).unwrap();
    let file = json!({"network_id": genesis.network_id(), "genesis": genesis});
    fs::write(bank.keys.path("genesis.json"), file.to_string()).unwrap();
    let status = v1::NodeStatus { height: 12, block_id: vec![5; 32], ..v1::NodeStatus::default() };
    bank.node.admin.lock().unwrap().status = status;
    bank
}

fn invite_line(bank: &Bank) -> String {
    let (out, genesis) = (bank.keys.path("n.invite.json"), bank.keys.path("genesis.json"));
    format!("member invite bank-n --lei LEI --expires 2h --out {} --genesis {}", out.display(), genesis.display())
}

#[tokio::test]
async fn an_invitation_is_a_file_and_a_transaction_that_fit_each_other() {
    let bank = sponsor(Answer::Booked).await;
    let dry = bank.run(&format!("{} --dry-run", invite_line(&bank))).await.unwrap();
    assert!(dry.data["dry_run"] == true && !bank.keys.path("n.invite.json").exists() && bank.seen().is_empty());
    let sent = bank.sent(&invite_line(&bank)).await;
    let Operation::Invite(invite) = only(&sent) else { panic!("an invitation") };
    assert_eq!(sent.signers, [bank.admins[0]]);
    let file = InviteFile::read(&bank.keys.path("n.invite.json")).unwrap();
    assert_eq!((file.member, file.lei.as_str(), file.expires_at_ms), (invite.member, "LEI", invite.expires_at.0));
    assert_eq!((file.secret().unwrap().public_key(), file.signed_by), (invite.key, Some(bank.admins[0])));
    assert_eq!((file.checkpoint.height, file.endpoints[0].address.clone()), (12, bank.node.address.clone()));
    assert_eq!(file.endpoints[0].certificate, fs::read_to_string(bank.keys.path("node.crt")).unwrap());
    // Nothing is ever overwritten.
    assert_eq!(bank.run(&invite_line(&bank)).await.map_err(|error| error.code), Err("E_USAGE"));
    let revoked = bank.sent("member revoke bank-n").await;
    assert_eq!(only(&revoked), Operation::RevokeInvite { member: invite.member });
}

#[tokio::test]
async fn an_invitation_that_the_ledger_refuses_leaves_no_file() {
    let bank = sponsor(Answer::Result(ResultCode::MemberNotActive)).await;
    let error = bank.run(&invite_line(&bank)).await.expect_err("refused");
    assert_eq!((error.code, error.result), ("E_REFUSED", Some(21)));
    assert!(!bank.keys.path("n.invite.json").exists());
    let bank = Bank::new(Answer::Booked).await;
    fs::write(bank.keys.path("genesis.json"), json!({"genesis": genesis()}).to_string()).unwrap();
    let error = bank.run(&invite_line(&bank)).await.expect_err("of another network");
    assert_eq!(error.code, "E_WRONG_NETWORK");
}
