//! `concordat hold | post | void`

use super::{
    Change, IdOf, Options, SendArgs, account_path, decimals_of,
    pending::{self, Until},
};
use crate::{
    CliError,
    amounts::{format_amount, parse_amount},
    output::{Report, format_time},
};
use clap::{ArgGroup, Args, ValueEnum};
use concordat_proto::v1::pending::Kind;
use concordat_types::{AccountId, Hold, HoldSide, Operation, PendingRef, Purpose, Reference};
use serde_json::json;

/// Reserve an amount for a payment that is posted or voided later
///
/// The name of the hold is the member and the id, such as bank-a/01930000-0000-7000-8000-000000000001; `post` and `void`
/// take it, and `settle show` shows what became of it. What is held cannot be paid otherwise until the hold ends.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("until").required(true).args(["expires_in", "expires_at"]),
    after_help = "Examples:
  concordat hold --from bank-a/EUR/main --to bank-b/EUR/main --amount 250.00 --expires-in 1h
  concordat hold --from EUR/main --to bank-b/EUR/main --amount 250.00 --expires-at 2026-11-30T17:00:00Z --posted-by creditor"
)]
pub struct HoldArgs {
    /// Account to debit: member/ASSET/name; the member may be left out
    #[arg(long, value_name = "ACCOUNT")]
    from: String,
    /// Account to credit
    #[arg(long, value_name = "ACCOUNT")]
    to: String,
    /// Decimal with at most the asset's decimals, such as 250.00
    #[arg(long)]
    amount: String,
    /// How long after the time in its id it ends: a number and s, m, h or d
    #[arg(long, value_name = "DURATION", value_parser = Until::parse_in)]
    expires_in: Option<Until>,
    /// When it ends, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = Until::parse_at)]
    expires_at: Option<Until>,
    /// Whose signature posts it: of who pays (a reservation), or of who is paid (a guarantee, not to be taken back)
    #[arg(long, value_enum, default_value_t = Side::Debtor)]
    posted_by: Side,
    /// End-to-end reference, at most 36 characters
    #[arg(long, default_value = "")]
    reference: Reference,
    /// ISO 20022 purpose code, such as SALA
    #[arg(long, default_value = "")]
    purpose: Purpose,
    #[command(flatten)]
    send: SendArgs,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Side {
    Debtor,
    Creditor,
}

/// Pay what a hold has reserved, in whole or in part
///
/// A hold is posted once: what is not posted is free again. Needs the signature of the side that the hold names.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  concordat post bank-a/01930000-0000-7000-8000-000000000001
  concordat post 01930000-0000-7000-8000-000000000001 --amount 99.50")]
pub struct PostArgs {
    /// MEMBER/ID; the member may be left out
    hold: String,
    /// Decimal, at most what is held [default: all of it]
    #[arg(long)]
    amount: Option<String>,
    #[command(flatten)]
    send: SendArgs,
}

/// Give a hold up: what it has reserved is free again
///
/// By the side that may post it, or by the owner of the account that would have been paid.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  concordat void bank-a/01930000-0000-7000-8000-000000000001")]
pub struct VoidArgs {
    /// MEMBER/ID; the member may be left out
    hold: String,
    #[command(flatten)]
    send: SendArgs,
}

pub async fn run(args: HoldArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let from = account_path(&args.from, profile.member)?;
    let to = account_path(&args.to, profile.member)?;
    let client = options.client(&profile).await?;
    let decimals = decimals_of(&client, from.asset).await?;
    let amount = parse_amount(&args.amount, decimals)?;
    let id = args.send.id();
    let until = args.expires_in.or(args.expires_at).expect("clap has seen one of the two");
    let expires_at = until.of(id);
    let name = pending::text(PendingRef { submitter: profile.member, id });
    let ends = format_time(expires_at.0);
    let what = format!("{} {} of {from} for {to} until {ends}", format_amount(amount, decimals), from.asset);
    let change = Change {
        id,
        id_of: IdOf::Operation,
        operation: Operation::Hold(Hold {
            id,
            debit_account: AccountId::new(&from),
            credit_account: AccountId::new(&to),
            amount,
            expires_at,
            posted_by: args.posted_by.into(),
            reference: args.reference,
            purpose: args.purpose,
            document: None,
        }),
        data: json!({
            "hold": name, "from": from.to_string(), "to": to.to_string(), "asset": from.asset.as_str(),
            "amount": format_amount(amount, decimals), "expires_at": ends, "expires_at_ms": expires_at.0,
            "posted_by": args.posted_by.to_possible_value().map(|value| value.get_name().to_owned()),
            "reference": args.reference.as_str(), "purpose": args.purpose.as_str(),
        }),
        would: format!("Would hold {what}"),
        done: format!("Held {what}"),
    };
    change.run(&client, &profile, &args.send).await
}

pub async fn post(args: PostArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let hold = pending::name(&args.hold, profile.member)?;
    let client = options.client(&profile).await?;
    let found = client.pending(hold).await?;
    let name = pending::text(hold);
    let Some(leg) = found.legs.first().filter(|_| found.kind == Kind::Hold) else {
        return Err(CliError::usage(format!("{name} is an offer"), "Accept it by `concordat settle accept`."));
    };
    let decimals = decimals_of(&client, leg.debit.asset).await?;
    let amount = match &args.amount {
        Some(text) => parse_amount(text, decimals)?,
        None => leg.amount,
    };
    let id = args.send.id();
    let (from, to) = (leg.debit, leg.credit);
    let what = format!("{} {} of hold {name} from {from} to {to}", format_amount(amount, decimals), from.asset);
    let change = Change {
        id,
        id_of: IdOf::Operation,
        operation: Operation::Post { id, hold, amount },
        data: json!({
            "hold": name, "from": from.to_string(), "to": to.to_string(), "asset": from.asset.as_str(),
            "amount": format_amount(amount, decimals), "held": format_amount(leg.amount, decimals),
        }),
        would: format!("Would post {what}"),
        done: format!("Posted {what}"),
    };
    change.run(&client, &profile, &args.send).await
}

pub async fn void(args: VoidArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let hold = pending::name(&args.hold, profile.member)?;
    let client = options.client(&profile).await?;
    let name = pending::text(hold);
    let change = Change {
        id: args.send.id(),
        id_of: IdOf::Transaction,
        operation: Operation::Void { hold },
        data: json!({ "hold": name }),
        would: format!("Would void hold {name}"),
        done: format!("Voided hold {name}"),
    };
    change.run(&client, &profile, &args.send).await
}

impl From<Side> for HoldSide {
    fn from(side: Side) -> HoldSide {
        match side {
            Side::Debtor => HoldSide::Debtor,
            Side::Creditor => HoldSide::Creditor,
        }
    }
}
