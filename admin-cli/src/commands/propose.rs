//! `concordat propose`

use super::{
    Options, account_path,
    admin::{AdminArgs, after, open},
    decimals_of, parse_duration,
};
use crate::{
    CliError, Client, Profile,
    amounts::parse_amount,
    client::ProposalView,
    governance::{self, impact, parse_kind, parse_rights, words},
    output::{Report, fields},
};
use clap::{Args, Subcommand, ValueEnum};
use concordat_types::{
    AccountId, AssetCode, BlsPublicKey, BlsSignature, Change, ChangeKind, Ed25519PublicKey, FreezeTarget,
    GovernanceRules, Hash, Height, Limits, MemberId, Operation, Parameters, Proposal, Rights, Roles, Threshold,
    member::{AccessKey, KeyGroup, NodeRecord, OperatorKey},
};
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

/// File a change for a vote; the member's own vote goes with it
///
/// Changes of the network are decided by the members, each one vote; the last ones below, about the member's own keys and
/// node, by the member's admin keys alone.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  concordat propose suspend bank-c --reason \"insolvency, order 17\"
  concordat propose add-validator bank-n --consensus-key 8f… --possession 9a…
  concordat propose set-parameters heartbeat_ms=5000 --execute-at 120000
  concordat propose add-operator-key 3c… --rights pay,read --dry-run")]
pub struct ProposeArgs {
    #[command(subcommand)]
    kind: Kind,
    /// For those who vote; at most 280 bytes
    #[arg(long, global = true, default_value = "")]
    reason: String,
    /// How long it may wait for its votes
    #[arg(long, global = true, default_value = "3d", value_parser = parse_duration)]
    expires: Duration,
    /// Not before this height
    #[arg(long, global = true, value_name = "HEIGHT")]
    execute_at: Option<u64>,
    /// Also where fewer live validators than a quorum would be left; more than 5/6 of the members have to approve
    #[arg(long, global = true)]
    forced: bool,
    /// An admin key that signs [default: keys/admin.key of the profile]; may be given several times
    #[arg(long = "key", global = true, value_name = "FILE")]
    keys: Vec<std::path::PathBuf>,
    /// Show what would be filed, and send nothing
    #[arg(long, global = true)]
    dry_run: bool,
}

#[derive(Debug, Subcommand)]
enum Kind {
    /// Take in a member that has filed its request (filed by itself when the request comes)
    Admit {
        member: MemberId,
        #[arg(long, value_parser = hash)]
        request: Hash,
    },
    /// Let a member do nothing; its money stays, its voting power ends
    Suspend { member: MemberId },
    /// Let a suspended member go on
    Reactivate { member: MemberId },
    /// Wind a member up; once all its accounts are closed the same again closes it for ever
    Close {
        member: MemberId,
        #[arg(long)]
        estate: MemberId,
    },
    /// Let another member go on in a member's place
    Merge {
        member: MemberId,
        #[arg(long)]
        into: MemberId,
    },
    /// What a member is: central-bank, bank, supervisor
    SetRoles {
        member: MemberId,
        #[arg(required = true)]
        roles: Vec<Role>,
    },
    /// Name, LEI and BIC; the id stays
    SetLegalIdentity {
        member: MemberId,
        #[arg(long)]
        legal_name: String,
        #[arg(long, default_value = "")]
        lei: String,
        #[arg(long, default_value = "")]
        bic: String,
    },
    /// New admin keys for a member that has lost its own; takes effect after three days
    ResetAdminKeys {
        member: MemberId,
        #[command(flatten)]
        group: GroupArgs,
    },
    /// Make a member a candidate; it validates once it has proved that it is caught up
    AddValidator {
        member: MemberId,
        #[command(flatten)]
        consensus: ConsensusArgs,
        #[arg(long, default_value_t = 100)]
        power: u64,
    },
    /// Take a validator, or a candidate, out
    RemoveValidator { member: MemberId },
    /// Voting power of a validator
    SetPower { member: MemberId, power: u64 },
    /// Who issues an asset; the supply moves along
    SetIssuer { asset: AssetCode, issuer: MemberId },
    /// How much of an asset may be outstanding
    SetQuota { asset: AssetCode, amount: String },
    /// Limits of a member that it cannot lift itself; none of them lifts them
    SetLimits {
        member: MemberId,
        asset: AssetCode,
        #[arg(long)]
        transfer_max: Option<String>,
        #[arg(long)]
        day_max: Option<String>,
        #[arg(long)]
        net_debit_max: Option<String>,
        #[arg(long)]
        second_key_above: Option<String>,
    },
    /// More than PARTS of OF active members adopt changes of a kind, such as suspend
    SetThreshold {
        #[arg(value_parser = parse_kind)]
        kind: ChangeKind,
        parts: u8,
        of: u8,
    },
    /// On-chain parameters, NAME=VALUE each; the others stay as they are
    SetParameters {
        #[arg(required = true, value_name = "NAME=VALUE")]
        values: Vec<String>,
    },
    /// Times of governance; those not named stay as they are
    SetRules {
        #[arg(long, value_parser = parse_duration)]
        expiry_max: Option<Duration>,
        #[arg(long, value_parser = parse_duration)]
        admin_notice: Option<Duration>,
        #[arg(long, value_parser = parse_duration)]
        reset_notice: Option<Duration>,
    },
    /// Stop debits, credits or both, or with neither let them go on
    Freeze {
        target: Target,
        name: String,
        #[arg(long)]
        debits: bool,
        #[arg(long)]
        credits: bool,
    },
    /// Move money without its owner
    ForcedTransfer {
        #[arg(long)]
        from: String,
        #[arg(long)]
        to: String,
        #[arg(long)]
        amount: String,
    },

    /// Own: a key that signs payments
    AddOperatorKey {
        #[arg(value_parser = ed25519)]
        public_key: Ed25519PublicKey,
        #[arg(long, value_parser = parse_rights)]
        rights: Rights,
    },
    /// Own
    RemoveOperatorKey {
        #[arg(value_parser = ed25519)]
        public_key: Ed25519PublicKey,
    },
    /// Own: a TLS key of programs, by the SHA-256 of its public key
    AddAccessKey {
        #[arg(value_parser = hash)]
        fingerprint: Hash,
        #[arg(long, value_parser = parse_rights)]
        rights: Rights,
    },
    /// Own
    RemoveAccessKey {
        #[arg(value_parser = hash)]
        fingerprint: Hash,
    },
    /// Own: the node's TLS key and addresses
    SetNode {
        #[arg(long, value_parser = hash)]
        tls_key: Hash,
        #[arg(long)]
        peer_address: String,
        #[arg(long)]
        client_address: String,
    },
    /// Own: takes effect after a day; until then any one admin key withdraws it
    SetAdminKeys {
        #[command(flatten)]
        group: GroupArgs,
    },
    /// Own
    SetRecoveryKeys {
        #[command(flatten)]
        group: GroupArgs,
    },
    /// Own: the same voting power under a new key
    RotateConsensusKey {
        #[command(flatten)]
        consensus: ConsensusArgs,
    },
}

#[derive(Debug, Args)]
struct GroupArgs {
    /// How many of the keys decide
    #[arg(long)]
    k: u8,
    #[arg(required = true, value_parser = ed25519, value_name = "PUBLIC KEY")]
    group: Vec<Ed25519PublicKey>,
}

/// As `concordat-validator init` says them.
#[derive(Debug, Args)]
struct ConsensusArgs {
    #[arg(long, value_parser = bls_key)]
    consensus_key: BlsPublicKey,
    #[arg(long, value_parser = bls_signature)]
    possession: BlsSignature,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    CentralBank,
    Bank,
    Supervisor,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Target {
    Account,
    Asset,
    Member,
}

pub async fn run(args: ProposeArgs, options: &Options) -> Result<Report, CliError> {
    let (profile, client) = open(options).await?;
    let change = args.kind.change(&client, &profile).await?;
    let proposal = Proposal {
        change,
        reason: args.reason.clone(),
        expires_at: after(args.expires),
        execute_at: args.execute_at.map(Height),
        forced: args.forced,
    };
    let admin = AdminArgs { keys: args.keys.clone(), dry_run: args.dry_run };
    let what = words(&proposal.change);
    let is_own = proposal.change.kind().is_own();
    let who = if is_own { "decided by the member's own admin keys" } else { "decided by the members" };
    let mut data = json!({
        "change": governance::data(&proposal.change),
        "would": what,
        "own": is_own,
        "reason": proposal.reason,
        "forced": proposal.forced,
    });
    let mut would = format!("Would propose to {what} ({who})");
    if args.dry_run {
        let impact = impact::of(&proposal, profile.member, &client.governance().await?);
        data["impact"] = impact.to_json();
        would = format!("{would}\n{}\nIt would be filed", fields(impact.rows()));
    }
    let filed = proposal.clone();
    let done = format!("Proposed to {what} ({who})");
    let mut report = admin.send(&client, &profile, Operation::Propose(proposal), data, would, done).await?;
    if !args.dry_run
        && let Some(view) = find(&client, &profile, &filed).await?
    {
        report.data["proposal"] = json!(view.id.0);
        report.data["hash"] = json!(view.hash.to_string());
        report.data["state"] = json!(governance::state_name(view.record.state));
        report.text = format!("{}\nproposal {}, hash {}", report.text, view.id, view.hash);
    }
    Ok(report)
}

/// The newest that is exactly this; the time at which it expires tells it from one that says the same.
async fn find(client: &Client, profile: &Profile, filed: &Proposal) -> Result<Option<ProposalView>, CliError> {
    let is_this = |view: &ProposalView| view.record.proposer == profile.member && view.record.proposal == *filed;
    for attempt in 0..FIND_MAX {
        if attempt > 0 {
            sleep(FIND_PAUSE).await;
        }
        if let Some(view) = client.proposals(true).await?.into_iter().find(is_this) {
            return Ok(Some(view));
        }
    }
    anstream::eprintln!("note: the node that was asked does not show the proposal yet; see concordat inbox --all");
    Ok(None)
}

/// The node that was asked may be another than the one that booked it, and a little behind.
const FIND_MAX: u32 = 5;
const FIND_PAUSE: Duration = Duration::from_millis(300);

impl Kind {
    async fn change(&self, client: &Client, profile: &Profile) -> Result<Change, CliError> {
        Ok(match self {
            Kind::Admit { member, request } => Change::Admit { member: *member, request: *request },
            Kind::Suspend { member } => Change::Suspend { member: *member },
            Kind::Reactivate { member } => Change::Reactivate { member: *member },
            Kind::Close { member, estate } => Change::Close { member: *member, estate: *estate },
            Kind::Merge { member, into } => Change::Merge { member: *member, into: *into },
            Kind::SetRoles { member, roles } => {
                let bit = |role: &Role| match role {
                    Role::CentralBank => Roles::CENTRAL_BANK.0,
                    Role::Bank => Roles::BANK.0,
                    Role::Supervisor => Roles::SUPERVISOR.0,
                };
                Change::SetRoles { member: *member, roles: Roles(roles.iter().map(bit).fold(0, |sum, bit| sum | bit)) }
            }
            Kind::SetLegalIdentity { member, legal_name, lei, bic } => Change::SetLegalIdentity {
                member: *member,
                legal_name: legal_name.clone(),
                lei: lei.clone(),
                bic: bic.clone(),
            },
            Kind::ResetAdminKeys { member, group } => {
                Change::ResetAdminKeys { member: *member, admin_keys: group.group() }
            }
            Kind::AddValidator { member, consensus, power } => Change::AddValidator {
                member: *member,
                key: consensus.consensus_key,
                possession: consensus.possession,
                power: *power,
            },
            Kind::RemoveValidator { member } => Change::RemoveValidator { member: *member },
            Kind::SetPower { member, power } => Change::SetPower { member: *member, power: *power },
            Kind::SetIssuer { asset, issuer } => Change::SetIssuer { asset: *asset, issuer: *issuer },
            Kind::SetQuota { asset, amount } => {
                let quota = parse_amount(amount, decimals_of(client, *asset).await?)?;
                Change::SetQuota { asset: *asset, quota }
            }
            Kind::SetLimits { member, asset, transfer_max, day_max, net_debit_max, second_key_above } => {
                let decimals = decimals_of(client, *asset).await?;
                let amount =
                    |text: &Option<String>| text.as_deref().map(|text| parse_amount(text, decimals)).transpose();
                let limits = Limits {
                    transfer_max: amount(transfer_max)?,
                    day_max: amount(day_max)?,
                    net_debit_max: amount(net_debit_max)?,
                    balance_max: None,
                    second_key_above: amount(second_key_above)?,
                };
                Change::SetLimits { member: *member, asset: *asset, limits }
            }
            Kind::SetThreshold { kind, parts, of } => {
                Change::SetThreshold { kind: *kind, threshold: Threshold { parts: *parts, of: *of } }
            }
            Kind::SetParameters { values } => Change::SetParameters(parameters(client, values).await?),
            Kind::SetRules { expiry_max, admin_notice, reset_notice } => {
                let ms = |duration: &Option<Duration>, present: u64| duration.map_or(present, |d| d.as_millis() as u64);
                let present = client.governance().await?.record.rules;
                Change::SetRules(GovernanceRules {
                    expiry_max_ms: ms(expiry_max, present.expiry_max_ms),
                    admin_notice_ms: ms(admin_notice, present.admin_notice_ms),
                    reset_notice_ms: ms(reset_notice, present.reset_notice_ms),
                })
            }
            Kind::Freeze { target, name, debits, credits } => {
                let target = match target {
                    Target::Account => FreezeTarget::Account(AccountId::new(&account_path(name, profile.member)?)),
                    Target::Asset => FreezeTarget::Asset(name.parse()?),
                    Target::Member => FreezeTarget::Member(name.parse()?),
                };
                Change::Freeze { target, debits: *debits, credits: *credits }
            }
            Kind::ForcedTransfer { from, to, amount } => {
                let (from, to) = (account_path(from, profile.member)?, account_path(to, profile.member)?);
                let amount = parse_amount(amount, decimals_of(client, from.asset).await?)?;
                let (debit_account, credit_account) = (AccountId::new(&from), AccountId::new(&to));
                Change::ForcedTransfer { debit_account, credit_account, amount }
            }
            Kind::AddOperatorKey { public_key, rights } => {
                Change::AddOperatorKey(OperatorKey { key: *public_key, rights: *rights })
            }
            Kind::RemoveOperatorKey { public_key } => Change::RemoveOperatorKey(*public_key),
            Kind::AddAccessKey { fingerprint, rights } => {
                Change::AddAccessKey(AccessKey { key: *fingerprint, rights: *rights })
            }
            Kind::RemoveAccessKey { fingerprint } => Change::RemoveAccessKey(*fingerprint),
            Kind::SetNode { tls_key, peer_address, client_address } => Change::SetNode(NodeRecord {
                tls_key: *tls_key,
                peer_address: peer_address.clone(),
                client_address: client_address.clone(),
            }),
            Kind::SetAdminKeys { group } => Change::SetAdminKeys(group.group()),
            Kind::SetRecoveryKeys { group } => Change::SetRecoveryKeys(group.group()),
            Kind::RotateConsensusKey { consensus } => {
                Change::RotateConsensusKey { key: consensus.consensus_key, possession: consensus.possession }
            }
        })
    }
}

impl GroupArgs {
    fn group(&self) -> KeyGroup {
        KeyGroup { k: self.k, keys: self.group.clone() }
    }
}

/// The present ones with some of them changed.
async fn parameters(client: &Client, values: &[String]) -> Result<Parameters, CliError> {
    let present = client.governance().await?.parameters;
    let mut json = serde_json::to_value(present).map_err(|error| CliError::internal(error.to_string()))?;
    for value in values {
        let usage = |cause: String| CliError::usage(cause, "Write NAME=VALUE; docs/protocol.md lists the parameters.");
        let (name, text) = value.split_once('=').ok_or_else(|| usage(format!("{value:?} is not NAME=VALUE")))?;
        let number: u64 = text.parse().map_err(|_| usage(format!("{text:?} is not a number")))?;
        let slot = json.get_mut(name).ok_or_else(|| usage(format!("there is no parameter {name:?}")))?;
        *slot = json!(number);
    }
    serde_json::from_value(json)
        .map_err(|error| CliError::usage(format!("{error}"), "Give a number that fits the parameter."))
}

fn hash(text: &str) -> Result<Hash, String> {
    Hash::from_hex(text).ok_or_else(|| "expected 64 lower-case hex digits".to_owned())
}

fn ed25519(text: &str) -> Result<Ed25519PublicKey, String> {
    Ed25519PublicKey::from_hex(text)
        .ok_or_else(|| "expected an Ed25519 public key, 64 lower-case hex digits".to_owned())
}

fn bls_key(text: &str) -> Result<BlsPublicKey, String> {
    BlsPublicKey::from_hex(text).ok_or_else(|| "expected a consensus key, 96 lower-case hex digits".to_owned())
}

fn bls_signature(text: &str) -> Result<BlsSignature, String> {
    BlsSignature::from_hex(text).ok_or_else(|| "expected a proof of possession, 192 lower-case hex digits".to_owned())
}
