//! `concordat join`

use super::{Options, validator};
use crate::{
    CliError, Exit, Profile,
    invite::InviteFile,
    network::{Joiner, Place, REQUEST_FILE, home_in, invite_in, keep},
    output::{Report, fields},
    secrets, transactions,
};
use clap::{Args, Subcommand};
use concordat_proto::v1;
use concordat_types::{JoinRequest, Operation, SignedTransaction, Timestamp, decode};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// Ask a network to be taken in, with the file that its sponsor has sent
///
/// Makes the institution's keys, profile and node configuration in a new folder; no key leaves it. Files the request, and says
/// how far it has come. A failed attempt can be repeated with the same folder: it keeps its keys.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Examples:
  concordat join bank-n.invite.json --dir net --legal-name \"Bank N\" --validator
  concordat join status --dir net --wait 10m"
)]
pub struct JoinArgs {
    #[command(subcommand)]
    status: Option<JoinVerb>,
    /// The invitation
    #[arg(required = true, value_name = "FILE")]
    file: Option<PathBuf>,
    /// A new folder: genesis.json, and in a folder of the member's name all that is its own
    #[arg(long, required = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The institution's name
    #[arg(long, default_value = "")]
    legal_name: String,
    /// Its LEI, to be sure that the invitation is meant for it
    #[arg(long)]
    lei: Option<String>,
    /// Its BIC (ISO 9362)
    #[arg(long, default_value = "")]
    bic: String,
    /// Make a consensus key too, and ask to validate
    #[arg(long)]
    validator: bool,
    /// Where others reach the node
    #[arg(long, default_value = "127.0.0.1", value_name = "HOST")]
    host: String,
    /// The node's port for other nodes; the next two are for clients and for probes
    #[arg(long, default_value_t = 7400, value_parser = clap::value_parser!(u16).range(1..=65_533))]
    base_port: u16,
}

#[derive(Debug, Subcommand)]
enum JoinVerb {
    Status(StatusArgs),
}

/// How far the request has come; with --wait, and once admitted, goes on until the member validates, where it wants to
#[derive(Debug, Args)]
struct StatusArgs {
    /// The folder that concordat join made [default: the profile's]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Wait so long for the admission, and for the node to catch up and validate
    #[arg(long, value_parser = super::parse_duration)]
    wait: Option<Duration>,
}

pub async fn run(args: JoinArgs, options: &Options) -> Result<Report, CliError> {
    match &args.status {
        Some(JoinVerb::Status(status)) => follow(status, options).await,
        None => join(&args, options).await,
    }
}

async fn join(args: &JoinArgs, options: &Options) -> Result<Report, CliError> {
    let (Some(file), Some(dir)) = (&args.file, &args.dir) else {
        return Err(CliError::usage("FILE and --dir are missing", "concordat join --help shows how."));
    };
    let invite = InviteFile::read(file)?;
    let joiner = joiner(args, dir, &invite)?;
    let home = joiner.home();
    let is_repeat = home.join(REQUEST_FILE).exists();
    invite.check_time(transactions::now()).or_else(|error| if is_repeat { Ok(()) } else { Err(error) })?;
    let request = match is_repeat {
        true => amended(args, &invite, kept(&home)?)?,
        false => joiner.create(&invite)?,
    };
    if !invite.signer_is_of_genesis() {
        anstream::eprintln!(
            "note: the key that signed the invitation is not in the genesis; ask {} whether it is theirs",
            invite.sponsor
        );
    }
    let profile = Profile::load(&home)?;
    if profile.network_id != invite.network_id {
        let cause = format!("{} is of network {}, the invitation of another", home.display(), profile.network_id);
        return Err(concordat_proto::Code::WrongNetwork.error(cause).into());
    }
    let reply = file_request(&profile, &invite, &request, options).await?;
    // What was filed is what is asked about from now on.
    keep(&home, &invite, &request)?;
    Ok(report(&profile, &request, &reply))
}

fn joiner(args: &JoinArgs, dir: &Path, invite: &InviteFile) -> Result<Joiner, CliError> {
    if args.lei.as_ref().is_some_and(|lei| *lei != invite.lei) {
        let lei = args.lei.clone().unwrap_or_default();
        let cause = format!("the invitation is for the LEI {:?}, not {lei:?}", invite.lei);
        let next = "Ask the sponsor to invite the institution under its own LEI.";
        return Err(CliError::new(Exit::Verification, concordat_proto::Code::InviteLei.name(), cause, next));
    }
    let place = Place {
        member: invite.member,
        is_central_bank: false,
        host: args.host.clone(),
        peer: args.base_port,
        client: args.base_port + 1,
        http: args.base_port + 2,
    };
    let legal_name = if args.legal_name.is_empty() { invite.member.to_string() } else { args.legal_name.clone() };
    Ok(Joiner { dir: dir.to_owned(), legal_name, bic: args.bic.clone(), place, validates: args.validator })
}

/// The request that this folder was made with.
fn kept(home: &Path) -> Result<JoinRequest, CliError> {
    let path = home.join(REQUEST_FILE);
    let bytes = fs::read(&path).map_err(|error| CliError::file("request", &path, &error))?;
    decode(&bytes, REQUEST_BYTES_MAX).map_err(|error| {
        CliError::config(format!("{}: {error}", path.display()), "Begin anew in another folder, by the invitation.")
    })
}

/// The kept request under this invitation, with what the command line says otherwise: a request that was refused can be mended.
/// Its keys stay.
fn amended(args: &JoinArgs, invite: &InviteFile, mut request: JoinRequest) -> Result<JoinRequest, CliError> {
    if args.validator && request.validator.is_none() {
        let cause = "the folder was made without --validator, so it has no consensus key";
        let next =
            "Join without it and add a validator later by concordat propose add-validator, or use another folder.";
        return Err(CliError::usage(cause, next));
    }
    request.member.lei.clone_from(&invite.lei);
    if !args.legal_name.is_empty() {
        request.member.legal_name.clone_from(&args.legal_name);
    }
    if !args.bic.is_empty() {
        request.member.bic.clone_from(&args.bic);
    }
    Ok(request)
}

/// Signed anew each time: what was filed once is known by its request.
async fn file_request(
    profile: &Profile,
    invite: &InviteFile,
    request: &JoinRequest,
    options: &Options,
) -> Result<v1::JoinReply, CliError> {
    let mut keys = secrets::admin_keys(profile, &[])?;
    keys.push(invite.secret()?);
    let valid_until = Timestamp(transactions::now().0 + transactions::VALID_FOR.as_millis() as u64);
    let operation = Operation::FileJoin(Box::new(request.clone()));
    let transaction: SignedTransaction =
        transactions::sign_transaction(profile.network_id, profile.member, vec![operation], valid_until, &keys);
    // Its own node knows nothing before it is let in.
    let others = Profile { endpoints: profile.endpoints[1..].to_vec(), ..profile.clone() };
    options.client(&others).await?.join(&transaction).await
}

async fn follow(args: &StatusArgs, options: &Options) -> Result<Report, CliError> {
    let profile = match &args.dir {
        Some(dir) => Profile::load(&home_in(dir)?)?,
        None => options.profile()?,
    };
    let (invite, request) = (invite_in(&profile.dir)?, kept(&profile.dir)?);
    let deadline = args.wait.map(|wait| Instant::now() + wait);
    let mut told = String::new();
    loop {
        let reply = match file_request(&profile, &invite, &request, options).await {
            Ok(reply) => reply,
            Err(error) if error.is_worth_repeating() && deadline.is_some_and(|deadline| Instant::now() < deadline) => {
                anstream::eprintln!("no answer yet: {}", error.cause);
                sleep(POLL).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        if deadline.is_some() && is_given_up(&reply) {
            let cause = "no proposal to admit the member is open: it was rejected, withdrawn, or has expired";
            let mut report = report(&profile, &request, &reply);
            report.failure = Some(CliError::from(concordat_proto::Code::JoinRefused.error(cause)).with_next(GIVEN_UP));
            return Ok(report);
        }
        let is_done = is_done(&request, &reply);
        if deadline.is_none_or(|deadline| is_done || Instant::now() >= deadline) {
            let mut report = report(&profile, &request, &reply);
            if deadline.is_some() && !is_done {
                let cause =
                    format!("after the time given the member is {}, its validator {}", reply.status, reply.validator);
                let next = "Ask the members to vote; concordat status of the own node says whether it catches up.";
                report.failure =
                    Some(CliError::new(Exit::Unreachable, concordat_proto::Code::Timeout.name(), cause, next));
            }
            return Ok(report);
        }
        let tell = format!("{} (approved by {}), validator {}", reply.status, reply.approving.len(), reply.validator);
        if tell != told {
            anstream::eprintln!("{tell}");
            told = tell;
        }
        if reply.status == "active" && reply.validator == "syncing" {
            sleep(validator::prove(&profile, options).await?).await;
        } else {
            sleep(POLL).await;
        }
    }
}

fn is_done(request: &JoinRequest, reply: &v1::JoinReply) -> bool {
    reply.status == "active" && (request.validator.is_none() || reply.validator == "validating")
}

/// It was filed, and nobody can vote on it any more.
fn is_given_up(reply: &v1::JoinReply) -> bool {
    matches!(reply.status.as_str(), "filed" | "approved") && reply.proposal == 0
}

fn report(profile: &Profile, request: &JoinRequest, reply: &v1::JoinReply) -> Report {
    let fingerprint = crate::governance::fingerprint(&request.hash());
    let data = json!({
        "member": profile.member,
        "profile": profile.dir.display().to_string(),
        "status": reply.status,
        "validator": reply.validator,
        "height": reply.height,
        "proposal": reply.proposal,
        "approving": reply.approving,
        "refusing": reply.refusing,
        "active_members": reply.active,
        "request": request.hash().to_string(),
        "fingerprint": fingerprint,
    });
    let mut rows = vec![
        ("member", profile.member.to_string()),
        ("status", reply.status.clone()),
        ("validator", reply.validator.clone()),
        ("profile", profile.dir.display().to_string()),
        ("fingerprint", fingerprint),
    ];
    if reply.proposal > 0 {
        rows.push((
            "proposal",
            format!("{}, approved by {} of {} members", reply.proposal, reply.approving.len(), reply.active),
        ));
    }
    let next = match reply.status.as_str() {
        _ if is_given_up(reply) => GIVEN_UP,
        "filed" => {
            "Tell the members the fingerprint by another channel; they vote. Then: concordat join status --wait 10m"
        }
        "active" => "The member is admitted.",
        _ => "",
    };
    Report::new(data, format!("{}\n{next}", fields(rows)).trim_end().to_owned())
}

const GIVEN_UP: &str = "Ask the sponsor: a member can propose the admission again, or the sponsor revokes the invitation and \
                        sends a new one, for the same folder.";
const POLL: Duration = Duration::from_secs(1);
const REQUEST_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
