//! `concordat settle offer | accept | cancel | show`

use super::{
    Change, IdOf, Options, SendArgs, account_path,
    pending::{self, Until},
};
use crate::{
    CliError,
    amounts::{format_amount, parse_amount},
    output::{Report, format_time},
    payments::Assets,
};
use clap::{ArgGroup, Args, Subcommand};
use concordat_types::{AccountId, Leg, MemberId, Offer, Operation, PendingRef, Reference, names::AccountPath};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub enum SettleVerb {
    Offer(OfferArgs),
    Accept(AcceptArgs),
    Cancel(CancelArgs),
    /// A hold or an offer with its legs and what became of it
    Show(ShowArgs),
}

/// Offer payments that happen together or not at all
///
/// The member pays at least one leg; its own legs are reserved at once. The others wait until their payers accept; the
/// last acceptance books all legs in one block. What nobody has completed by the deadline is free again. With the keys of
/// all payers (--second-key) all is settled by this one transaction.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("until").required(true).args(["deadline_in", "deadline_at"]),
    after_help = "Example, a bond against cash:
  concordat settle offer --deadline-in 1h \\
    --leg bank-a/BOND1/main,bank-b/BOND1/main,100 --leg bank-b/EUR/main,bank-a/EUR/main,99500.00"
)]
pub struct OfferArgs {
    /// FROM,TO,AMOUNT: account to debit, account to credit, decimal. Once for each leg, at most 16
    #[arg(long = "leg", value_name = "FROM,TO,AMOUNT", required = true)]
    legs: Vec<String>,
    /// How long after the time in its id it can be accepted: a number and s, m, h or d
    #[arg(long, value_name = "DURATION", value_parser = Until::parse_in)]
    deadline_in: Option<Until>,
    /// When it can no longer be accepted, RFC 3339
    #[arg(long, value_name = "TIME", value_parser = Until::parse_at)]
    deadline_at: Option<Until>,
    /// End-to-end reference, at most 36 characters
    #[arg(long, default_value = "")]
    reference: Reference,
    #[command(flatten)]
    send: SendArgs,
}

/// Accept the member's legs of an offer
///
/// Look at it first: `settle show` has all legs. If no leg is left open then, all are booked.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  concordat settle accept bank-a/01930000-0000-7000-8000-000000000001")]
pub struct AcceptArgs {
    /// MEMBER/ID
    offer: String,
    #[command(flatten)]
    send: SendArgs,
}

/// End an offer that is not complete: what is reserved is free again
///
/// By any member that pays a leg.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  concordat settle cancel bank-a/01930000-0000-7000-8000-000000000001")]
pub struct CancelArgs {
    /// MEMBER/ID; the member may be left out
    offer: String,
    #[command(flatten)]
    send: SendArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  concordat settle show bank-a/01930000-0000-7000-8000-000000000001 --output json")]
pub struct ShowArgs {
    /// MEMBER/ID; the member may be left out
    name: String,
}

pub async fn run(verb: SettleVerb, options: &Options) -> Result<Report, CliError> {
    match verb {
        SettleVerb::Offer(args) => offer(args, options).await,
        SettleVerb::Accept(args) => end(Step::Accept, &args.offer, &args.send, options).await,
        SettleVerb::Cancel(args) => end(Step::Cancel, &args.offer, &args.send, options).await,
        SettleVerb::Show(args) => show(args, options).await,
    }
}

/// A leg as it was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct WrittenLeg {
    pub from: AccountPath,
    pub to: AccountPath,
    pub amount: String,
}

pub(super) fn parse_leg(text: &str, member: MemberId) -> Result<WrittenLeg, CliError> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    let [from, to, amount] = parts[..] else {
        let next = "Write it like bank-a/EUR/main,bank-b/EUR/main,250.00.";
        return Err(CliError::usage(format!("{text:?} is no leg: it has {} parts of 3", parts.len()), next));
    };
    Ok(WrittenLeg { from: account_path(from, member)?, to: account_path(to, member)?, amount: amount.to_owned() })
}

async fn offer(args: OfferArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let written = args.legs.iter().map(|text| parse_leg(text, profile.member)).collect::<Result<Vec<_>, _>>()?;
    if written.len() > Offer::LEGS_MAX {
        let cause = format!("{} legs, and an offer has at most {}", written.len(), Offer::LEGS_MAX);
        return Err(CliError::usage(cause, "Split it; each offer settles on its own."));
    }
    let client = options.client(&profile).await?;
    let assets = Assets::new(&client.assets().await?);
    let (mut legs, mut shown, mut lines) = (Vec::new(), Vec::<Value>::new(), Vec::new());
    for WrittenLeg { from, to, amount } in written {
        let decimals = assets.decimals(from.asset)?;
        let amount = parse_amount(&amount, decimals)?;
        legs.push(Leg { debit_account: AccountId::new(&from), credit_account: AccountId::new(&to), amount });
        let amount = format_amount(amount, decimals);
        lines.push(format!("{amount} {} from {from} to {to}", from.asset));
        shown.push(json!({
            "from": from.to_string(), "to": to.to_string(), "asset": from.asset.as_str(), "amount": amount,
        }));
    }
    let id = args.send.id();
    let until = args.deadline_in.or(args.deadline_at).expect("clap has seen one of the two");
    let deadline = until.of(id);
    let name = pending::text(PendingRef { submitter: profile.member, id });
    let ends = format_time(deadline.0);
    let what = format!("{} until {ends}", lines.join(", "));
    let change = Change {
        id,
        id_of: IdOf::Operation,
        operation: Operation::Offer(Offer { id, legs, deadline, reference: args.reference, document: None }),
        data: json!({
            "offer": name, "legs": shown, "deadline": ends, "deadline_ms": deadline.0,
            "reference": args.reference.as_str(),
        }),
        would: format!("Would offer {what}"),
        done: format!("Offered {what}"),
    };
    change.run(&client, &profile, &args.send).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Accept,
    Cancel,
}

async fn end(step: Step, offer: &str, send: &SendArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let offer = pending::name(offer, profile.member)?;
    let client = options.client(&profile).await?;
    let name = pending::text(offer);
    let (operation, verb, done) = match step {
        Step::Accept => (Operation::Accept { offer }, "accept", "Accepted"),
        Step::Cancel => (Operation::Cancel { offer }, "cancel", "Cancelled"),
    };
    let change = Change {
        id: send.id(),
        id_of: IdOf::Transaction,
        operation,
        data: json!({ "offer": name }),
        would: format!("Would {verb} offer {name}"),
        done: format!("{done} offer {name}"),
    };
    change.run(&client, &profile, send).await
}

async fn show(args: ShowArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let name = pending::name(&args.name, profile.member)?;
    let client = options.client(&profile).await?;
    let found = client.pending(name).await?;
    pending::report(&found, &Assets::new(&client.assets().await?))
}
