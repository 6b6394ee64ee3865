//! `concordat inbox | show | vote | withdraw | members`

use super::{Options, admin::AdminArgs, admin::open};
use crate::{
    CliError, Client, Exit, Profile,
    client::ProposalView,
    governance::{self, fingerprint, member_lines, roles_text, state_name, state_text, words},
    output::{Report, fields, format_time, table},
    transactions,
};
use clap::Args;
use concordat_ledger::{Ballot, ProposalState};
use concordat_proto::Code;
use concordat_types::{Change, Ed25519PublicKey, Hash, MemberId, Operation, ProposalId};
use serde_json::{Value, json};
use std::{fs::OpenOptions, io::Write};

/// Proposals that wait for the member's vote
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  concordat inbox
  concordat inbox --all")]
pub struct InboxArgs {
    /// Those that the member has voted on, and those that are over, too
    #[arg(long)]
    all: bool,
}

/// One proposal: what it does, who has voted how, and the hash that a vote names
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  concordat show 7")]
pub struct ShowArgs {
    number: u64,
}

/// Vote on a proposal, as one of the member's people
///
/// The vote is bound to the hash of what was read: of anything else it is refused.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  concordat vote 7 --hash 3f1a…
  concordat vote 8 --hash 77c0… --compared-by \"A. Meier with their CFO, by telephone\"
  concordat vote 7 --hash 3f1a… --refuse")]
pub struct VoteArgs {
    number: u64,
    /// As `show` gives it
    #[arg(long, value_parser = parse_hash)]
    hash: Hash,
    /// Vote against it
    #[arg(long)]
    refuse: bool,
    /// Of an admission: who has compared the fingerprint with the institution, and how. Kept with the vote in votes.jsonl of
    /// the profile's folder
    #[arg(long, value_name = "TEXT", value_parser = parse_compared)]
    compared_by: Option<String>,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Take a proposal of the member back, as long as it has not taken effect: any one of its people may
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  concordat withdraw 7")]
pub struct WithdrawArgs {
    number: u64,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Who belongs to the network, and who validates
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  concordat members")]
pub struct MembersArgs {}

fn parse_hash(text: &str) -> Result<Hash, String> {
    Hash::from_hex(text).ok_or_else(|| "a hash is 64 lower-case hex digits, as concordat show gives it".to_owned())
}

fn parse_compared(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("say who compared it, and how".to_owned()),
        text if text.chars().count() > COMPARED_MAX => Err(format!("at most {COMPARED_MAX} characters")),
        text => Ok(text.to_owned()),
    }
}

/// A sentence or two.
const COMPARED_MAX: usize = 300;

pub async fn inbox(args: InboxArgs, options: &Options) -> Result<Report, CliError> {
    let (profile, client) = open(options).await?;
    let mut proposals = client.proposals(args.all).await?;
    if !args.all {
        proposals.retain(|proposal| waits_for(proposal, &profile.member));
    }
    let data = json!({"proposals": proposals.iter().map(to_json).collect::<Vec<_>>()});
    if proposals.is_empty() {
        return Ok(Report::new(data, "Nothing waits for a vote."));
    }
    let rows = proposals.iter().map(|proposal| {
        vec![
            proposal.id.to_string(),
            proposal.record.proposer.to_string(),
            words(&proposal.record.proposal.change),
            state_name(proposal.record.state).to_owned(),
            list(&proposal.approving),
            list(&proposal.refusing),
            missing(proposal).to_string(),
            format_time(proposal.record.proposal.expires_at.0),
        ]
    });
    let header = ["number", "by", "would", "state", "approved by", "refused by", "missing", "expires"];
    Ok(Report::new(data, table(&header, &[0, 6], rows)))
}

fn waits_for(proposal: &ProposalView, member: &MemberId) -> bool {
    let is_own = proposal.record.proposal.change.kind().is_own();
    let approves = proposal.approving.iter().any(|approving| approving == member.as_str());
    let refuses = proposal.refusing.iter().any(|refusing| refusing == member.as_str());
    proposal.record.is_open() && (!is_own || proposal.record.proposer == *member) && !approves && !refuses
}

/// So many approvals are missing.
fn missing(proposal: &ProposalView) -> usize {
    (proposal.needed() as usize).saturating_sub(proposal.approving.len())
}

fn list(members: &[String]) -> String {
    if members.is_empty() { "nobody".to_owned() } else { members.join(", ") }
}

pub async fn show(args: ShowArgs, options: &Options) -> Result<Report, CliError> {
    let (_, client) = open(options).await?;
    let proposal = client.proposal(ProposalId(args.number)).await?;
    let differences = differences(&client, &proposal.record.proposal.change).await?;
    let mut data = to_json(&proposal);
    data["differences"] = json!(differences);
    Ok(Report::new(data, text(&proposal, &differences)))
}

/// Of what has many values: those that would be others than now.
async fn differences(client: &Client, change: &Change) -> Result<Vec<String>, CliError> {
    Ok(match change {
        Change::SetParameters(parameters) => {
            governance::differences(&json!(client.governance().await?.parameters), &json!(parameters))
        }
        Change::SetRules(rules) => {
            let present = client.governance().await?.record.rules;
            governance::differences(&governance::rules_data(&present), &governance::rules_data(rules))
        }
        _ => Vec::new(),
    })
}

pub async fn vote(args: VoteArgs, options: &Options) -> Result<Report, CliError> {
    let (profile, client) = open(options).await?;
    let proposal = client.proposal(ProposalId(args.number)).await?;
    if proposal.hash != args.hash {
        let cause = format!("proposal {} has the hash {}, not {}", args.number, proposal.hash, args.hash);
        let next = "Read it again with concordat show, and vote on what it says now.";
        return Err(CliError::new(Exit::Verification, Code::ProposalHash.name(), cause, next));
    }
    let is_admission = matches!(proposal.record.proposal.change, Change::Admit { .. });
    if is_admission && !args.refuse {
        check_admission(&proposal, args.compared_by.is_some())?;
    }
    let (verb, past) = if args.refuse { ("vote against", "Voted against") } else { ("vote for", "Voted for") };
    let what = format!("proposal {}: {}", args.number, words(&proposal.record.proposal.change));
    let operation = Operation::Vote { proposal: proposal.id, hash: args.hash, approve: !args.refuse };
    let mut data = json!({"proposal": args.number, "hash": args.hash.to_string(), "approve": !args.refuse});
    if let Some(compared_by) = &args.compared_by {
        data["compared_by"] = json!(compared_by);
    }
    let (would, done) = (format!("Would {verb} {what}"), format!("{past} {what}"));
    let report = args.admin.send(&client, &profile, operation, data, would, done).await?;
    if args.compared_by.is_some() && !args.admin.dry_run {
        note_vote(&profile, &report.data);
    }
    Ok(report)
}

/// What is approved has to be what can be read.
fn check_admission(proposal: &ProposalView, is_compared: bool) -> Result<(), CliError> {
    if proposal.is_other_request {
        let cause = "what the node shows of the institution is not the request that the proposal names";
        let next = "Do not approve it; ask another node, and the sponsor.";
        return Err(CliError::new(Exit::Verification, Code::ProposalHash.name(), cause, next));
    }
    if !is_compared {
        anstream::eprintln!("note: --compared-by keeps a record of who compared the fingerprint, and how");
    }
    Ok(())
}

/// A line for the member's own files. The vote is booked: that the line cannot be written does not undo it.
fn note_vote(profile: &Profile, data: &Value) {
    let path = profile.dir.join(VOTES_FILE);
    let mut line = data.clone();
    line["at"] = json!(format_time(transactions::now().0));
    let written = OpenOptions::new().create(true).append(true).open(&path);
    let written = written.and_then(|mut file| writeln!(file, "{line}").and_then(|()| file.sync_all()));
    if let Err(error) = written {
        anstream::eprintln!("note: {} could not be written: {error}", path.display());
    }
}

const VOTES_FILE: &str = "votes.jsonl";

pub async fn withdraw(args: WithdrawArgs, options: &Options) -> Result<Report, CliError> {
    let (profile, client) = open(options).await?;
    let operation = Operation::Withdraw { proposal: ProposalId(args.number) };
    let data = json!({"proposal": args.number});
    let (would, done) =
        (format!("Would withdraw proposal {}", args.number), format!("Withdrew proposal {}", args.number));
    args.admin.send(&client, &profile, operation, data, would, done).await
}

pub async fn members(_args: MembersArgs, options: &Options) -> Result<Report, CliError> {
    let (_, client) = open(options).await?;
    let members = client.governance().await?.members;
    let data = members.iter().map(|view| {
        json!({
            "member": view.member.id,
            "legal_name": view.member.legal_name,
            "status": view.member.status,
            "roles": view.member.roles.0,
            "validator": view.validator,
            "power": view.power,
            "sponsor": view.sponsor,
            "estate": view.estate,
            "estate_is_successor": view.is_successor,
            "record": view.member,
        })
    });
    let data = json!({"members": data.collect::<Vec<_>>()});
    let rows = members.iter().map(|view| {
        let status = view.member.status.name().to_owned();
        let with = match (view.sponsor.as_str(), view.estate.as_str()) {
            ("", "") => String::new(),
            ("", estate) => format!("estate {estate}"),
            (sponsor, _) => format!("invited by {sponsor}"),
        };
        let power = if view.power == 0 { String::new() } else { view.power.to_string() };
        vec![
            view.member.id.to_string(),
            view.member.legal_name.clone(),
            status,
            roles_text(view.member.roles),
            view.validator.clone(),
            power,
            with,
        ]
    });
    let header = ["member", "name", "status", "roles", "validator", "power", ""];
    Ok(Report::new(data, table(&header, &[5], rows)))
}

pub(crate) fn to_json(view: &ProposalView) -> Value {
    let ProposalView { record, .. } = view;
    let ballots = record
        .ballots
        .iter()
        .map(|(member, ballot)| json!({"member": member, "approve": ballot.approve, "refuse": ballot.refuse}));
    json!({
        "proposal": view.id.0,
        "hash": view.hash.to_string(),
        "change": governance::data(&record.proposal.change),
        "would": words(&record.proposal.change),
        "proposer": record.proposer,
        "reason": record.proposal.reason,
        "state": state_name(record.state),
        "refused_by": match record.state {
            ProposalState::RefusedAtExecution { code, .. } => json!({"result": code.number(), "name": code.name()}),
            _ => Value::Null,
        },
        "filed_at_height": record.filed_at.0,
        "expires_at": format_time(record.proposal.expires_at.0),
        "execute_at": record.proposal.execute_at.map(|height| height.0),
        "forced": record.proposal.forced,
        "approving": view.approving,
        "refusing": view.refusing,
        "active_members": view.active,
        "needed": view.needed(),
        "missing": missing(view),
        "is_other_request": view.is_other_request,
        "ballots": ballots.collect::<Vec<_>>(),
        "effect": view.effect.map(|(height, time)| json!({"height": height, "time": format_time(time)})),
        "request": view.request.as_ref().map(|request| json!({
            "hash": request.hash().to_string(),
            "fingerprint": fingerprint(&request.hash()),
            "member": request.member,
            "validator": request.validator,
            "sponsor": view.sponsor,
        })),
    })
}

fn text(view: &ProposalView, differences: &[String]) -> String {
    let proposal = &view.record.proposal;
    let mut rows = vec![
        ("proposal".to_owned(), view.id.to_string()),
        ("would".to_owned(), words(&proposal.change)),
        ("filed by".to_owned(), format!("{} at height {}", view.record.proposer, view.record.filed_at)),
        ("reason".to_owned(), proposal.reason.clone()),
        ("state".to_owned(), state_text(view.record.state)),
        ("expires".to_owned(), format_time(proposal.expires_at.0)),
        (
            "approved by".to_owned(),
            format!("{} ({} needed, {} missing)", list(&view.approving), view.needed(), missing(view)),
        ),
        ("refused by".to_owned(), list(&view.refusing)),
    ];
    rows.extend(differences.iter().map(|difference| ("changes".to_owned(), difference.clone())));
    for (member, ballot) in &view.record.ballots {
        rows.push(("votes of".to_owned(), ballot_text(member, ballot)));
    }
    if let Some(height) = proposal.execute_at {
        rows.push(("not before".to_owned(), format!("height {height}")));
    }
    if let Some((height, time)) = view.effect {
        rows.push(("takes effect".to_owned(), format!("from height {height} and {} on", format_time(time))));
    }
    if proposal.forced {
        rows.push(("forced".to_owned(), "yes: more than 5/6 have to approve".to_owned()));
    }
    if view.is_other_request {
        let warning =
            "what the node shows of the institution is not the request that this proposal names; do not approve";
        rows.push(("WARNING".to_owned(), warning.to_owned()));
    }
    if let Some(request) = &view.request {
        rows.push(("invited by".to_owned(), view.sponsor.clone()));
        rows.extend(member_lines(&request.member));
        if let Some(validator) = &request.validator {
            rows.push(("would validate".to_owned(), format!("power {}, key {}", validator.power, validator.key)));
        }
        rows.push(("fingerprint".to_owned(), fingerprint(&request.hash())));
        rows.push((
            String::new(),
            "Compare the fingerprint with the institution by another channel before you vote.".to_owned(),
        ));
    }
    rows.push(("hash".to_owned(), view.hash.to_string()));
    fields(rows)
}

/// A member's people, by their keys.
fn ballot_text(member: &MemberId, ballot: &Ballot) -> String {
    let keys = |keys: &[Ed25519PublicKey]| keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let sides = [("for", &ballot.approve), ("against", &ballot.refuse)].into_iter().filter(|(_, of)| !of.is_empty());
    let sides: Vec<String> = sides.map(|(side, of)| format!("{side} {}", keys(of))).collect();
    format!("{member}: {}", sides.join("; "))
}
