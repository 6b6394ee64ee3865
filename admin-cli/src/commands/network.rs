//! `concordat network new`

use super::Options;
use crate::{
    CliError,
    network::{MEMBER_IN_HOST, MadeUp, NewNetwork, PASSPHRASE_FILE, check_is_free, member_names, network_in},
    output::{Report, table},
};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum NetworkVerb {
    New(NewArgs),
}

/// Write genesis, keys, profiles and node configurations of a trial network
///
/// One folder a member: bank-a, bank-b and so on, who validate, and central-bank, who follows the chain and issues
/// EUR. All keys are made on this machine, which is good for a trial and for nothing else. The passphrase of the keys
/// comes from the file that CONCORDAT_PASSPHRASE_FILE names; without it a random one is written to DIR/passphrase.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  concordat network new --dir net --banks 4 --trial
  concordat network new --dir net --banks 7 --base-port 9000 --trial --dry-run
  concordat network new --dir net --host {member}.example --apart --trial")]
pub struct NewArgs {
    /// New or empty folder
    #[arg(long)]
    dir: PathBuf,
    /// How many banks, each with a validator
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    banks: u16,
    /// First port: peers, +1 clients, +2 http; ten a member, unless each has a host of its own
    #[arg(long, default_value_t = 7400, value_parser = clap::value_parser!(u16).range(1..))]
    base_port: u16,
    /// Each node on a host of its own, with {member} for its member's name [default: all on this machine]
    #[arg(long, value_name = "PATTERN", value_parser = host_pattern)]
    host: Option<String>,
    /// For members' folders that are handed out or mounted: a passphrase for each, and a folder that is there already
    /// is filled if it is empty
    #[arg(long)]
    apart: bool,
    /// Where DIR holds a network, leave it as it is and end well
    #[arg(long)]
    if_missing: bool,
    /// Operator keys a member; each can sign payments alone
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    operator_keys: u16,
    /// A network to try things on; one party alone makes no other kind, so this is always on
    #[arg(long)]
    trial: bool,
    /// Show what would be made, and make nothing
    #[arg(long)]
    dry_run: bool,
}

pub fn run(verb: NetworkVerb, _options: &Options) -> Result<Report, CliError> {
    let NetworkVerb::New(args) = verb;
    if args.if_missing
        && let Some(network_id) = network_in(&args.dir)?
    {
        let text = format!("Network {network_id} is in {}; nothing was made.", args.dir.display());
        return Ok(Report::new(json!({"dir": args.dir, "network_id": network_id, "made": false}), text));
    }
    let plan = NewNetwork {
        dir: args.dir,
        banks: args.banks,
        base_port: args.base_port,
        host: args.host,
        operator_keys: args.operator_keys,
        apart: args.apart,
    };
    let places = plan.places()?;
    let rows = places.iter().map(|place| {
        vec![
            place.member.to_string(),
            place.role().to_owned(),
            place.peer_address(),
            place.client_address(),
            place.http_address(),
        ]
    });
    let members = table(&["member", "role", "peers", "clients", "http"], &[], rows);
    let ports = places.iter().map(|place| {
        json!({"member": place.member, "role": place.role(), "host": place.host, "peer": place.peer, "client": place.client, "http": place.http,
               "profile": plan.dir.join(place.member.as_str())})
    });
    let mut data = json!({"dir": plan.dir, "trial": true, "members": ports.collect::<Vec<_>>()});
    if args.dry_run {
        if !plan.apart {
            check_is_free(&plan.dir)?;
        }
        let text = format!("{members}\n\nWould make {} in {}.", member_names(&places), plan.dir.display());
        data["dry_run"] = json!(true);
        return Ok(Report::new(data, format!("{text}\nDry run: nothing was made.")));
    }
    let made = plan.create()?;
    data["network_id"] = json!(made.network_id);
    data["genesis"] = json!(plan.dir.join("genesis.json"));
    let passphrase_file = plan.dir.join(PASSPHRASE_FILE);
    data["passphrase_file"] = json!((made.passphrases == MadeUp::ForAll).then_some(&passphrase_file));
    let passphrases = match made.passphrases {
        MadeUp::None => String::new(),
        MadeUp::ForAll => format!("\nThe keys' passphrase was made up and is in {}.", passphrase_file.display()),
        MadeUp::ForEach => {
            format!("\nThe passphrases of the keys were made up; each member's is in its folder as {PASSPHRASE_FILE}.")
        }
    };
    let text = format!("{members}\n\nNetwork {} in {}.{passphrases}", made.network_id, plan.dir.display());
    Ok(Report::new(data, text))
}

/// A name with which each member gets another host.
fn host_pattern(text: &str) -> Result<String, String> {
    let rest = text.replacen(MEMBER_IN_HOST, "", 1);
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    match rest.len() < text.len() && rest.len() <= HOST_CHARS_MAX && rest.chars().all(is_of_name) {
        true => Ok(text.to_owned()),
        false => Err(format!("a pattern has {MEMBER_IN_HOST} once, and else letters, digits, '-' and '.'")),
    }
}

/// With a member's name and a port it fits a registered address, which has 255 bytes at most.
const HOST_CHARS_MAX: usize = 200;
