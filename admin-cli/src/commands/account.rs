//! `concordat account open | move | close | list | show`; statements are in `statement`

use super::{Change, IdOf, Options, SendArgs, account_path, decimals_of, statement};
use crate::{
    CliError, Client, Profile,
    amounts::{format_amount, format_balance},
    client::AccountView,
    output::{Report, fields, table},
    payments::Assets,
};
use clap::{Args, Subcommand};
use concordat_types::{AccountId, Hash, OpenAccount, Operation, Tier, money::AccountFlags, names::AccountPath};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub enum AccountVerb {
    Open(OpenArgs),
    Move(MoveArgs),
    Close(CloseArgs),
    /// All accounts of the member, with balances
    List,
    /// One account with its four counters
    Show(ShowArgs),
    /// What an account had after a height
    Balance(statement::BalanceArgs),
    /// The bookings on an account, in order, with the balance after each
    Statement(statement::StatementArgs),
}

/// Open an account of the member
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  concordat account open bank-a/EUR/main
  concordat account open EUR/retail-17 --parent EUR/retail --tier 1 \\
    --customer 5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03")]
pub struct OpenArgs {
    /// member/ASSET/name; the member may be left out
    account: String,
    /// An account of the same member and asset that this one stands below
    #[arg(long, value_name = "ACCOUNT")]
    parent: Option<String>,
    /// Who the bank keeps it for, as 64 hex digits: HMAC-SHA-256 of the customer's number under a secret of that
    /// customer's. Never the number itself
    #[arg(long, value_name = "HEX", value_parser = parse_customer)]
    customer: Option<Hash>,
    /// The customer tier whose limits apply, 0 to 255
    #[arg(long)]
    tier: Option<u8>,
    #[command(flatten)]
    send: SendArgs,
}

/// Give an account another parent or another customer tier
///
/// What is not named stays as it is.
#[derive(Debug, Args)]
#[command(
    group = clap::ArgGroup::new("what").required(true).multiple(true)
        .args(["parent", "no_parent", "tier", "no_tier"]),
    after_help = "Examples:
  concordat account move EUR/retail-17 --parent EUR/business
  concordat account move EUR/retail-17 --no-parent --tier 2"
)]
pub struct MoveArgs {
    /// member/ASSET/name; the member may be left out
    account: String,
    /// An account of the same member and asset that it shall stand below
    #[arg(long, value_name = "ACCOUNT", conflicts_with = "no_parent")]
    parent: Option<String>,
    /// It shall stand below none
    #[arg(long)]
    no_parent: bool,
    /// The customer tier whose limits shall apply, 0 to 255
    #[arg(long, conflicts_with = "no_tier")]
    tier: Option<u8>,
    /// No tier's limits shall apply
    #[arg(long)]
    no_tier: bool,
    #[command(flatten)]
    send: SendArgs,
}

/// Close an account for ever
///
/// It must hold and owe nothing, have nothing reserved, and no open account may stand below it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  concordat account close bank-a/EUR/old")]
pub struct CloseArgs {
    /// member/ASSET/name; the member may be left out
    account: String,
    #[command(flatten)]
    send: SendArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  concordat account show bank-a/EUR/main")]
pub struct ShowArgs {
    /// member/ASSET/name; the member may be left out
    account: String,
}

pub async fn run(verb: AccountVerb, options: &Options) -> Result<Report, CliError> {
    match verb {
        AccountVerb::Open(args) => open(args, options).await,
        AccountVerb::Move(args) => change(args, options).await,
        AccountVerb::Close(args) => close(args, options).await,
        AccountVerb::List => list(options).await,
        AccountVerb::Show(args) => show(args, options).await,
        AccountVerb::Balance(args) => statement::balance(args, options).await,
        AccountVerb::Statement(args) => statement::statement(args, options).await,
    }
}

/// Of the profile's member: others' accounts are theirs to change.
fn own_path(text: &str, profile: &Profile) -> Result<AccountPath, CliError> {
    let path = account_path(text, profile.member)?;
    if path.member != profile.member {
        let cause = format!("{path} belongs to {}, and the profile is of {}", path.member, profile.member);
        return Err(CliError::usage(cause, "A member changes its own accounts; use its profile."));
    }
    Ok(path)
}

async fn open(args: OpenArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let path = own_path(&args.account, &profile)?;
    let parent = args.parent.as_deref().map(|text| account_path(text, profile.member)).transpose()?;
    let client = options.client(&profile).await?;
    let change = Change {
        id: args.send.id(),
        id_of: IdOf::Transaction,
        operation: Operation::OpenAccount(OpenAccount {
            asset: path.asset,
            name: path.name,
            parent: parent.as_ref().map(AccountId::new),
            customer: args.customer,
            tier: args.tier.map(Tier),
        }),
        data: json!({
            "account": path.to_string(), "account_id": AccountId::new(&path).to_string(),
            "parent": parent.map(|parent| parent.to_string()), "tier": args.tier,
            "customer": args.customer.map(|customer| customer.to_string()),
        }),
        would: format!("Would open {path}"),
        done: format!("Opened {path}"),
    };
    change.run(&client, &profile, &args.send).await
}

async fn change(args: MoveArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let path = own_path(&args.account, &profile)?;
    let wanted = args.parent.as_deref().map(|text| account_path(text, profile.member)).transpose()?;
    let client = options.client(&profile).await?;
    let id = AccountId::new(&path);
    // The operation replaces both.
    let now = client.account(id).await?;
    let parent = if args.no_parent { None } else { wanted.as_ref().map(AccountId::new).or(now.parent) };
    let tier = if args.no_tier { None } else { args.tier.map(Tier).or(now.tier) };
    let parent_name = match (&wanted, parent) {
        (Some(path), _) => path.to_string(),
        (None, Some(parent)) => name_of(&client, parent).await?,
        (None, None) => "none".to_owned(),
    };
    let tier_name = tier.map_or_else(|| "none".to_owned(), |tier| tier.0.to_string());
    let what = format!("{path}: parent {parent_name}, tier {tier_name}");
    let change = Change {
        id: args.send.id(),
        id_of: IdOf::Transaction,
        operation: Operation::ChangeAccount { account: id, parent, tier },
        data: json!({
            "account": path.to_string(), "account_id": id.to_string(),
            "parent": parent.map(|_| parent_name), "tier": tier.map(|tier| tier.0),
        }),
        would: format!("Would change {what}"),
        done: format!("Changed {what}"),
    };
    change.run(&client, &profile, &args.send).await
}

async fn close(args: CloseArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let path = own_path(&args.account, &profile)?;
    let client = options.client(&profile).await?;
    let account = AccountId::new(&path);
    let change = Change {
        id: args.send.id(),
        id_of: IdOf::Transaction,
        operation: Operation::CloseAccount { account },
        data: json!({ "account": path.to_string(), "account_id": account.to_string() }),
        would: format!("Would close {path} for ever"),
        done: format!("Closed {path}"),
    };
    change.run(&client, &profile, &args.send).await
}

/// Of an account that the member may see.
async fn name_of(client: &Client, id: AccountId) -> Result<String, CliError> {
    Ok(client.account(id).await?.path.to_string())
}

/// 64 lower-case hex digits.
fn parse_customer(text: &str) -> Result<Hash, String> {
    Hash::from_hex(text).ok_or_else(|| "a customer is 64 lower-case hex digits, an HMAC-SHA-256".to_owned())
}

async fn list(options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let client = options.client(&profile).await?;
    let assets = Assets::new(&client.assets().await?);
    let mut accounts = client.accounts().await?;
    accounts.sort_by_key(|account| account.path);
    let mut data = Vec::new();
    let mut rows = Vec::new();
    for account in &accounts {
        let decimals = assets.decimals(account.path.asset)?;
        data.push(to_json(account, decimals));
        let balance = format_balance(account.credits_posted, account.debits_posted, decimals);
        rows.push(vec![account.path.to_string(), balance, available(account, decimals), flags(account).join(" ")]);
    }
    let text = match rows.is_empty() {
        true => format!("{} has no accounts; `concordat account open ASSET/name` opens one.", profile.member),
        false => table(&["account", "balance", "available", "flags"], &[1, 2], rows),
    };
    Ok(Report::new(json!({ "accounts": data }), text))
}

async fn show(args: ShowArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let path: AccountPath = account_path(&args.account, profile.member)?;
    let client = options.client(&profile).await?;
    let decimals = decimals_of(&client, path.asset).await?;
    let account = client.account(AccountId::new(&path)).await?;
    let parent = match account.parent {
        Some(parent) => Some(name_of(&client, parent).await?),
        None => None,
    };
    let amount = |amount| format_amount(amount, decimals);
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let text = fields([
        ("account", path.to_string()),
        ("id", account.id.to_string()),
        ("balance", format_balance(account.credits_posted, account.debits_posted, decimals)),
        ("available", available(&account, decimals)),
        ("credits posted", amount(account.credits_posted)),
        ("debits posted", amount(account.debits_posted)),
        ("credits pending", amount(account.credits_pending)),
        ("debits pending", amount(account.debits_pending)),
        ("flags", flags(&account).join(" ")),
        ("parent", or_none(parent.clone())),
        ("tier", or_none(account.tier.map(|tier| tier.0.to_string()))),
        ("customer", or_none(account.customer.map(|customer| customer.to_string()))),
        ("at height", account.height.to_string()),
    ]);
    let mut data = to_json(&account, decimals);
    data["parent"] = json!(parent);
    Ok(Report::new(data, text))
}

fn to_json(account: &AccountView, decimals: u8) -> Value {
    let amount = |amount| format_amount(amount, decimals);
    json!({
        "account": account.path.to_string(),
        "account_id": account.id.to_string(),
        "asset": account.path.asset.as_str(),
        "balance": format_balance(account.credits_posted, account.debits_posted, decimals),
        "available": available(account, decimals),
        "credits_posted": amount(account.credits_posted),
        "debits_posted": amount(account.debits_posted),
        "credits_pending": amount(account.credits_pending),
        "debits_pending": amount(account.debits_pending),
        "flags": flags(account),
        "parent_id": account.parent.map(|parent| parent.to_string()),
        "tier": account.tier.map(|tier| tier.0),
        "customer": account.customer.map(|customer| customer.to_string()),
        "height": account.height.0,
    })
}

/// Balance less what is held. The issuance account of an asset has nothing to spend.
fn available(account: &AccountView, decimals: u8) -> String {
    let held = account.debits_posted.checked_add(account.debits_pending);
    let available = held.and_then(|held| account.credits_posted.checked_sub(held));
    format_amount(available.unwrap_or(0), decimals)
}

fn flags(account: &AccountView) -> Vec<&'static str> {
    let names = [
        (AccountFlags::ISSUANCE, "issuance"),
        (AccountFlags::DEBIT_FROZEN, "debit-frozen"),
        (AccountFlags::CREDIT_FROZEN, "credit-frozen"),
        (AccountFlags::DEBIT_FROZEN_BY_ISSUER, "debit-frozen-by-issuer"),
        (AccountFlags::CREDIT_FROZEN_BY_ISSUER, "credit-frozen-by-issuer"),
        (AccountFlags::LIMITED, "limited"),
        (AccountFlags::CLOSED, "closed"),
    ];
    names.into_iter().filter(|(flag, _)| account.flags.contains(*flag)).map(|(_, name)| name).collect()
}
