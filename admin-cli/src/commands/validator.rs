//! `concordat validator prove`

use super::{Options, admin::open};
use crate::{CliError, Client, Exit, Profile, output::Report, secrets, transactions};
use clap::{Args, Subcommand};
use concordat_types::{CaughtUp, Operation, Timestamp, decode};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[derive(Debug, Subcommand)]
pub enum ValidatorVerb {
    Prove(ProveArgs),
}

/// Show the ledger that the member's node has caught up, so that its candidate becomes a validator
///
/// After an admission `join status --wait` does it; after `reactivate` and `add-validator` this does. The node's own consensus key
/// signs that it has a block of the last minute; it validates two heights on.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  concordat validator prove --wait 10m")]
pub struct ProveArgs {
    /// How long to wait for the node to catch up
    #[arg(long, default_value = "1m", value_parser = super::parse_duration)]
    wait: Duration,
}

pub async fn run(verb: ValidatorVerb, options: &Options) -> Result<Report, CliError> {
    let ValidatorVerb::Prove(args) = verb;
    let (profile, client) = open(options).await?;
    let deadline = Instant::now() + args.wait;
    loop {
        let state = state_of(&client, &profile).await?;
        match state.as_str() {
            "validating" => {
                let data = json!({"member": profile.member, "validator": state});
                return Ok(Report::new(data, format!("{} validates.", profile.member)));
            }
            "none" => {
                let cause = format!("{} is no candidate", profile.member);
                return Err(CliError::usage(cause, "Have the members decide on it: concordat propose add-validator."));
            }
            _ if Instant::now() >= deadline => {
                let cause = format!("{} is {state} after the time given", profile.member);
                let next = "concordat status says whether the node catches up; repeat with a longer --wait.";
                return Err(CliError::new(Exit::Unreachable, concordat_proto::Code::Timeout.name(), cause, next));
            }
            "syncing" => sleep(prove(&profile, options).await?).await,
            _ => sleep(POLL).await,
        }
    }
}

/// none, syncing, validating, leaving.
async fn state_of(client: &Client, profile: &Profile) -> Result<String, CliError> {
    let members = client.governance().await?.members;
    let own = members.into_iter().find(|view| view.member.id == profile.member);
    Ok(own.map_or_else(|| "none".to_owned(), |view| view.validator))
}

/// As soon as the own node says that it has caught up. A refusal is tried again: the mark may have grown old meanwhile. Says how
/// long to wait before looking again.
pub(super) async fn prove(profile: &Profile, options: &Options) -> Result<Duration, CliError> {
    let own = Client::connect(profile).await?.of_node(0).with_timeout(Duration::from_secs(options.timeout.min(5)));
    let status = match own.status().await {
        Ok(status) => status,
        Err(error) => {
            anstream::eprintln!("the own node does not answer yet: {}", error.cause);
            return Ok(POLL);
        }
    };
    if status.caught_up.is_empty() {
        anstream::eprintln!("the own node is at height {}", status.height);
        return Ok(POLL);
    }
    let proof: CaughtUp = decode(&status.caught_up, PROOF_BYTES_MAX)
        .map_err(|error| CliError::internal(format!("the node's word that it is caught up: {error}")))?;
    let valid_until = Timestamp(transactions::now().0 + transactions::VALID_FOR.as_millis() as u64);
    let keys = [secrets::operator_key(profile)?];
    let operations = vec![Operation::ProveCaughtUp(proof)];
    let transaction =
        transactions::sign_transaction(profile.network_id, profile.member, operations, valid_until, &keys);
    match options.client(profile).await?.submit(&transaction).await {
        Ok(submitted) => match submitted.refusal() {
            None => Ok(POLL),
            Some(refusal) => {
                anstream::eprintln!("not yet: {refusal} ({})", refusal.cause());
                Ok(AFTER_REFUSAL)
            }
        },
        Err(error) => {
            anstream::eprintln!("not yet: {error}");
            Ok(AFTER_REFUSAL)
        }
    }
}

const POLL: Duration = Duration::from_secs(1);
/// A new mark comes every five seconds, and what else it may be refused for takes longer to pass.
const AFTER_REFUSAL: Duration = Duration::from_secs(5);
const PROOF_BYTES_MAX: usize = 1 << 10;
