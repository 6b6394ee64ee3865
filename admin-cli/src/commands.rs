//! The `concordat` command: one file a verb. Each turns its arguments into a report; `main` prints it.

pub mod account;
mod admin;
pub mod asset;
pub mod block;
pub mod decide;
pub mod end_of_day;
mod events;
pub mod freeze;
pub mod hold;
pub mod issue;
pub mod join;
pub mod limit;
pub mod member;
pub mod network;
pub mod outcome;
pub mod pay;
pub mod pay_file;
mod pending;
pub mod proof;
pub mod propose;
pub mod receipt;
pub mod redeem;
pub mod send;
pub mod settle;
mod statement;
pub mod status;
pub mod supply;
pub mod transfer;
pub mod validator;
pub mod verify;
pub mod watch;

pub(crate) use send::{Change, IdOf};
pub use send::{SecondKeys, SendArgs};

use crate::{
    CliError, Client, Profile,
    output::{Format, Report},
    payments::Assets,
    times,
};
use clap::{Args, Parser, Subcommand};
use concordat_types::{AssetCode, MemberId, Timestamp, names::AccountPath};
use std::{path::PathBuf, time::Duration};

/// Pay, issue, decide and look around on a Concordat ledger.
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
    Redeem(redeem::RedeemArgs),
    Pay(pay::PayArgs),
    PayFile(pay_file::PayFileArgs),
    Hold(hold::HoldArgs),
    Post(hold::PostArgs),
    Void(hold::VoidArgs),
    /// Payments of several members that all happen or none: delivery versus payment, payment versus payment
    #[command(subcommand)]
    Settle(settle::SettleVerb),
    /// What the member may pay, and from which amount on a second key must sign
    #[command(subcommand)]
    Limit(limit::LimitVerb),
    Freeze(freeze::FreezeArgs),
    Unfreeze(freeze::UnfreezeArgs),
    EndOfDay(end_of_day::EndOfDayArgs),
    Outcome(outcome::OutcomeArgs),
    /// Look up payments and what is like them
    #[command(subcommand)]
    Transfer(transfer::TransferVerb),
    Supply(supply::SupplyArgs),
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
    Members(decide::MembersArgs),
    Propose(Box<propose::ProposeArgs>),
    Inbox(decide::InboxArgs),
    Show(decide::ShowArgs),
    Vote(decide::VoteArgs),
    Withdraw(decide::WithdrawArgs),
    /// Invite an institution, as its sponsor
    #[command(subcommand)]
    Member(member::MemberVerb),
    Join(join::JoinArgs),
    /// The member's validator
    #[command(subcommand)]
    Validator(validator::ValidatorVerb),
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
            Verb::Redeem(args) => redeem::run(args, options).await,
            Verb::Pay(args) => pay::run(args, options).await,
            Verb::PayFile(args) => pay_file::run(args, options).await,
            Verb::Hold(args) => hold::run(args, options).await,
            Verb::Post(args) => hold::post(args, options).await,
            Verb::Void(args) => hold::void(args, options).await,
            Verb::Settle(verb) => settle::run(verb, options).await,
            Verb::Limit(verb) => limit::run(verb, options).await,
            Verb::Freeze(args) => freeze::run(args, options).await,
            Verb::Unfreeze(args) => freeze::lift(args, options).await,
            Verb::EndOfDay(args) => end_of_day::run(args, options).await,
            Verb::Outcome(args) => outcome::run(args, options).await,
            Verb::Transfer(verb) => transfer::run(verb, options).await,
            Verb::Supply(args) => supply::run(args, options).await,
            Verb::Block(verb) => block::run(verb, options).await,
            Verb::Watch(args) => watch::run(args, options).await,
            Verb::Receipt(verb) => receipt::run(verb, options).await,
            Verb::Proof(verb) => proof::run(verb, options).await,
            Verb::Verify(args) => verify::run(&args, options),
            Verb::Members(args) => decide::members(args, options).await,
            Verb::Propose(args) => propose::run(*args, options).await,
            Verb::Inbox(args) => decide::inbox(args, options).await,
            Verb::Show(args) => decide::show(args, options).await,
            Verb::Vote(args) => decide::vote(args, options).await,
            Verb::Withdraw(args) => decide::withdraw(args, options).await,
            Verb::Member(verb) => member::run(verb, options).await,
            Verb::Join(args) => join::run(args, options).await,
            Verb::Validator(verb) => validator::run(verb, options).await,
            Verb::Network(verb) => network::run(verb, options),
        }
    }
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

pub(crate) fn asset_kind(number: u32) -> &'static str {
    match number {
        0 => "central bank money",
        1 => "deposit token",
        2 => "stablecoin",
        3 => "security",
        4 => "registered asset",
        5 => "time credit",
        _ => "unknown",
    }
}

/// `30s`, `15m`, `1h`, `2d`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => 0,
    };
    match digits.parse::<u64>().ok().and_then(|count| count.checked_mul(seconds)) {
        Some(seconds) if (1..=DURATION_MAX.as_secs()).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err("a duration is a number from 1 and s, m, h or d, such as 90s or 1h, and at most 366d".to_owned()),
    }
}

/// RFC 3339, such as 2026-11-28T17:00:00Z.
pub(crate) fn parse_time(text: &str) -> Result<Timestamp, String> {
    times::parse(text).ok_or_else(|| "a time is written like 2026-11-28T17:00:00Z (RFC 3339), from 1970 on".to_owned())
}

/// A year, leap day included: whoever means more mistypes a unit.
const DURATION_MAX: Duration = Duration::from_secs(366 * 86_400);

#[cfg(test)]
mod tests;
