//! The `concordat` command: one file a verb. Each turns its arguments into a report; `main` prints it.

pub mod account;
pub mod asset;
pub mod block;
pub mod issue;
pub mod network;
pub mod outcome;
pub mod pay;
pub mod pay_file;
pub mod proof;
pub mod receipt;
pub mod status;
pub mod verify;
pub mod watch;

use crate::{
    CliError, Client, Exit, Profile,
    client::{AssetView, Submitted},
    error::REFUSED,
    output::{Format, Report},
    payments::Assets,
    secrets, transactions,
};
use clap::{Args, Parser, Subcommand};
use concordat_keys::SecretKey;
use concordat_types::{AssetCode, MemberId, Operation, ResultCode, Transaction, Uuid, names::AccountPath};
use serde_json::{Value, json};
use std::{path::PathBuf, time::Duration};

/// Pay, issue and look around on a Concordat ledger.
#[derive(Debug, Parser)]
#[command(name = "concordat", version = VERSION, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    #[command(flatten)]
    pub options: Options,
    #[command(subcommand)]
    pub verb: Verb,
}

#[derive(Clone, Debug, Args)]
pub struct Options {
    /// Folder with profile.toml: whose keys to use, which nodes to trust [env: CONCORDAT_PROFILE] [default:
    /// ~/.config/concordat/default]
    #[arg(long, global = true, value_name = "DIR", help_heading = EVERYWHERE)]
    pub profile: Option<PathBuf>,
    /// Tables for people, or one JSON object for programs
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORM", help_heading = EVERYWHERE)]
    pub output: Format,
    /// How long to wait for an answer, repeats and other nodes included
    #[arg(long, global = true, help_heading = EVERYWHERE, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub timeout: u64,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    Status(status::StatusArgs),
    /// Open and look at accounts
    #[command(subcommand)]
    Account(account::AccountVerb),
    /// The units of value on this ledger
    #[command(subcommand)]
    Asset(asset::AssetVerb),
    Issue(issue::IssueArgs),
    Pay(pay::PayArgs),
    PayFile(pay_file::PayFileArgs),
    Outcome(outcome::OutcomeArgs),
    /// Look at a block
    #[command(subcommand)]
    Block(block::BlockVerb),
    Watch(watch::WatchArgs),
    /// What became of something, as a file that proves it to anybody
    #[command(subcommand)]
    Receipt(receipt::ReceiptVerb),
    /// What the state holds, or does not, as a file that proves it to anybody
    #[command(subcommand)]
    Proof(proof::ProofVerb),
    Verify(verify::VerifyArgs),
    /// Make the files of a whole network on this machine
    #[command(subcommand)]
    Network(network::NetworkVerb),
}

const EVERYWHERE: &str = "Options of every command";

const EXAMPLES: &str = "Examples:
  concordat network new --dir net --banks 4 --trial
  concordat status --profile net/bank-a
  concordat pay --from bank-a/EUR/main --to bank-b/EUR/main --amount 250.00 --reference INV-7
  concordat pay-file salaries.csv --yes

Exit codes: 0 ok, 1 internal, 2 usage, 3 refused by the ledger, 4 denied, 5 unreachable or timed out
(state unknown, safe to repeat), 6 verification failed, 7 unsafe local state.";

pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("CONCORDAT_GIT_HASH"), ")");

impl Verb {
    pub async fn run(self, options: &Options) -> Result<Report, CliError> {
        match self {
            Verb::Status(args) => status::run(args, options).await,
            Verb::Account(verb) => account::run(verb, options).await,
            Verb::Asset(verb) => asset::run(verb, options).await,
            Verb::Issue(args) => issue::run(args, options).await,
            Verb::Pay(args) => pay::run(args, options).await,
            Verb::PayFile(args) => pay_file::run(args, options).await,
            Verb::Outcome(args) => outcome::run(args, options).await,
            Verb::Block(verb) => block::run(verb, options).await,
            Verb::Watch(args) => watch::run(args, options).await,
            Verb::Receipt(verb) => receipt::run(verb, options).await,
            Verb::Proof(verb) => proof::run(verb, options).await,
            Verb::Verify(args) => verify::run(&args, options),
            Verb::Network(verb) => network::run(verb, options),
        }
    }
}

/// How a payment or issue is signed and sent.
#[derive(Clone, Debug, Args)]
pub struct SendArgs {
    /// A UUID of version 7. A repeat with the same id is booked once [default: a new one]
    #[arg(long, value_name = "UUID", value_parser = transactions::parse_id)]
    pub id: Option<Uuid>,
    /// No block later than this long after the time in the id may hold it
    #[arg(long, value_name = "SECONDS", default_value_t = transactions::VALID_FOR.as_secs(), value_parser = clap::value_parser!(u64).range(1..=172_800))]
    pub valid_for: u64,
    /// Show what would be sent, and send nothing
    #[arg(long)]
    pub dry_run: bool,
}

impl Options {
    pub fn profile(&self) -> Result<Profile, CliError> {
        Profile::find(self.profile.as_deref())
    }

    pub async fn client(&self, profile: &Profile) -> Result<Client, CliError> {
        Ok(Client::connect(profile).await?.with_timeout(Duration::from_secs(self.timeout)))
    }
}

/// `member/ASSET/name`, or `ASSET/name` of the profile's member.
pub(crate) fn account_path(text: &str, member: MemberId) -> Result<AccountPath, CliError> {
    let own = || format!("{member}/{text}");
    let path = if text.matches('/').count() == 1 { own().parse() } else { text.parse() };
    path.map_err(|error: concordat_types::NameError| CliError::from(error).with_next("Write it like bank-a/EUR/main."))
}

pub(crate) async fn decimals_of(client: &Client, asset: AssetCode) -> Result<u8, CliError> {
    Assets::new(&client.assets().await?).decimals(asset)
}

pub(crate) fn asset_kind(asset: &AssetView) -> &'static str {
    match asset.kind {
        0 => "central bank money",
        1 => "deposit token",
        2 => "stablecoin",
        3 => "security",
        4 => "registered asset",
        5 => "time credit",
        _ => "unknown",
    }
}

/// A transaction of one operation, ready to go.
pub(crate) struct Single {
    pub operation: Operation,
    pub transaction_id: Uuid,
    pub valid_for: Duration,
}

impl Single {
    fn transaction(self, client: &Client) -> Result<Transaction, CliError> {
        Ok(Transaction {
            version: Transaction::VERSION,
            network: client.network_id,
            submitter: client.member,
            id: self.transaction_id,
            valid_until: transactions::valid_until(self.transaction_id, self.valid_for)?,
            signers: Vec::new(),
            operations: vec![self.operation],
        })
    }

    /// Checked, and signed by nobody.
    pub fn check(self, client: &Client) -> Result<(), CliError> {
        self.transaction(client).map(|_| ())
    }

    /// `id` is the one that the user repeats with.
    pub async fn submit(self, client: &Client, profile: &Profile, id: Uuid) -> Result<Submitted, CliError> {
        let transaction = self.transaction(client)?;
        let key: SecretKey = secrets::operator_key(profile)?;
        // Whoever loses the answer, and this program with it, can still repeat.
        anstream::eprintln!("id {id}");
        let submitted = client.submit(&transactions::sign(&transaction, &[key])).await;
        let submitted = submitted.map_err(|error| repeat_with(error, id))?;
        match submitted.refusal() {
            None => Ok(submitted),
            Some(result) => Err(refused(result, &submitted, id)),
        }
    }
}

/// Once bytes may have left there is one safe way to try again, whatever the error.
fn repeat_with(error: CliError, id: Uuid) -> CliError {
    let again = format!("Repeat with --id {id}: it is booked at most once.");
    match error.exit {
        Exit::Unreachable => error.with_next(again),
        _ => {
            let next = format!("{} {again}", error.next);
            error.with_next(next)
        }
    }
}

fn refused(result: ResultCode, submitted: &Submitted, id: Uuid) -> CliError {
    let error = CliError::refused(result);
    debug_assert_eq!(error.code, REFUSED);
    let cause = format!("{} (id {id}, height {}, index {})", error.cause, submitted.height, submitted.tx_index);
    CliError { cause, ..error }
}

/// The place in the ledger, added to what a command says of a booked operation.
pub(crate) fn with_place(mut data: Value, submitted: &Submitted) -> Value {
    data["result"] = json!(ResultCode::Ok.number());
    data["name"] = json!(ResultCode::Ok.name());
    data["height"] = json!(submitted.height.0);
    data["block_id"] = json!(submitted.block_id.to_string());
    data["index"] = json!(submitted.tx_index);
    data["repeat"] = json!(submitted.repeat);
    data
}

pub(crate) fn place_text(submitted: &Submitted) -> String {
    let again = if submitted.repeat { ", as booked before" } else { "" };
    format!("height {}, index {}{again}", submitted.height, submitted.tx_index)
}

#[cfg(test)]
mod tests;
