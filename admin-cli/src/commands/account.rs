//! `concordat account open | list | show`; statements are in `statement`

use super::{Options, SendArgs, Single, account_path, decimals_of, place_text, statement, with_place};
use crate::{
    CliError,
    amounts::{format_amount, format_balance},
    client::AccountView,
    output::{Report, fields, table},
    payments::Assets,
    transactions,
};
use clap::{Args, Subcommand};
use concordat_types::{AccountId, money::AccountFlags, names::AccountPath};
use serde_json::{Value, json};
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub enum AccountVerb {
    /// Open an account of the member
    Open(OpenArgs),
    /// All accounts of the member, with balances
    List,
    /// One account with its four counters
    Show(ShowArgs),
    /// What an account had after a height
    Balance(statement::BalanceArgs),
    /// The bookings on an account, in order, with the balance after each
    Statement(statement::StatementArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  concordat account open bank-a/EUR/main\n  concordat account open EUR/main")]
pub struct OpenArgs {
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
        AccountVerb::List => list(options).await,
        AccountVerb::Show(args) => show(args, options).await,
        AccountVerb::Balance(args) => statement::balance(args, options).await,
        AccountVerb::Statement(args) => statement::statement(args, options).await,
    }
}

async fn open(args: OpenArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let path = account_path(&args.account, profile.member)?;
    if path.member != profile.member {
        let cause = format!("{path} belongs to {}, and the profile is of {}", path.member, profile.member);
        return Err(CliError::usage(cause, "A member opens its own accounts; use its profile."));
    }
    let id = args.send.id.unwrap_or_else(transactions::new_id);
    let single = Single {
        operation: transactions::open_account(&path),
        transaction_id: id,
        valid_for: Duration::from_secs(args.send.valid_for),
    };
    let data = json!({
        "id": id.to_string(), "transaction": id.to_string(),
        "account": path.to_string(), "account_id": AccountId::new(&path).to_string(),
    });
    let client = options.client(&profile).await?;
    if args.send.dry_run {
        single.check(&client)?;
        return Ok(Report::dry_run(data, format!("Would open {path}.")));
    }
    let submitted = single.submit(&client, &profile, id).await?;
    Ok(Report::new(with_place(data, &submitted), format!("Opened {path}: {}.", place_text(&submitted))))
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
    let amount = |amount| format_amount(amount, decimals);
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
        ("at height", account.height.to_string()),
    ]);
    Ok(Report::new(to_json(&account, decimals), text))
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
