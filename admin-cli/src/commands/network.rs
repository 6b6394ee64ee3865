//! `concordat network new`

use super::Options;
use crate::{
    CliError,
    network::{NewNetwork, check_is_free, member_names},
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
  concordat network new --dir net --banks 7 --base-port 9000 --trial --dry-run")]
pub struct NewArgs {
    /// New or empty folder
    #[arg(long)]
    dir: PathBuf,
    /// How many banks, each with a validator
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    banks: u16,
    /// First port; ten a member: peers, +1 clients, +2 http
    #[arg(long, default_value_t = 7400, value_parser = clap::value_parser!(u16).range(1..))]
    base_port: u16,
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
    let plan =
        NewNetwork { dir: args.dir, banks: args.banks, base_port: args.base_port, operator_keys: args.operator_keys };
    let places = plan.places()?;
    let rows = places.iter().map(|place| {
        let address = |port: u16| format!("127.0.0.1:{port}");
        vec![
            place.member.to_string(),
            place.role().to_owned(),
            address(place.peer),
            address(place.client),
            address(place.http),
        ]
    });
    let members = table(&["member", "role", "peers", "clients", "http"], &[], rows);
    let ports = places.iter().map(|place| {
        json!({"member": place.member, "role": place.role(), "peer": place.peer, "client": place.client, "http": place.http,
               "profile": plan.dir.join(place.member.as_str())})
    });
    let mut data = json!({"dir": plan.dir, "trial": true, "members": ports.collect::<Vec<_>>()});
    if args.dry_run {
        check_is_free(&plan.dir)?;
        let text = format!("{members}\n\nWould make {} in {}.", member_names(&places), plan.dir.display());
        data["dry_run"] = json!(true);
        return Ok(Report::new(data, format!("{text}\nDry run: nothing was made.")));
    }
    let made = plan.create()?;
    data["network_id"] = json!(made.network_id);
    data["genesis"] = json!(plan.dir.join("genesis.json"));
    data["passphrase_file"] = json!(made.passphrase_file);
    let passphrase = match &made.passphrase_file {
        Some(path) => format!("\nThe keys' passphrase was made up and is in {}.", path.display()),
        None => String::new(),
    };
    let text = format!("{members}\n\nNetwork {} in {}.{passphrase}", made.network_id, plan.dir.display());
    Ok(Report::new(data, text))
}
