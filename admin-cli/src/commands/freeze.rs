//! `concordat freeze | unfreeze`

use super::{Change, IdOf, Options, SendArgs, account_path};
use crate::{CliError, output::Report};
use clap::{Args, ValueEnum};
use concordat_types::{AccountId, AssetCode, FreezeTarget, MemberId, Operation, Reference};
use serde_json::json;

/// Stop debits, credits or both
///
/// An account: by its owner, or by the asset's issuer, each of whom lifts only what it has frozen. An asset: by its
/// issuer, for debits and credits at once. A member with all its accounts: by the central bank. The side that is not
/// named goes on, also where it stood still before.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  concordat freeze account bank-a/EUR/main --debits --reference court-order-17
  concordat freeze asset EUR.A
  concordat freeze member bank-c --profile net/central-bank")]
pub struct FreezeArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Stop debits [default: both sides]
    #[arg(long)]
    debits: bool,
    /// Stop credits
    #[arg(long)]
    credits: bool,
    #[command(flatten)]
    send: SendArgs,
}

/// Let debits and credits go on that the member has frozen
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  concordat unfreeze account bank-a/EUR/main")]
pub struct UnfreezeArgs {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    send: SendArgs,
}

#[derive(Debug, Args)]
struct TargetArgs {
    kind: Kind,
    /// member/ASSET/name, an asset's code, or a member
    name: String,
    /// Why, such as the number of an order; at most 36 characters
    #[arg(long, default_value = "")]
    reference: Reference,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Kind {
    Account,
    Asset,
    Member,
}

impl TargetArgs {
    /// With what it is called.
    fn target(&self, member: MemberId) -> Result<(FreezeTarget, String), CliError> {
        Ok(match self.kind {
            Kind::Account => {
                let path = account_path(&self.name, member)?;
                (FreezeTarget::Account(AccountId::new(&path)), format!("account {path}"))
            }
            Kind::Asset => {
                let code = self.name.parse::<AssetCode>()?;
                (FreezeTarget::Asset(code), format!("asset {code}"))
            }
            Kind::Member => {
                let member = self.name.parse::<MemberId>()?;
                (FreezeTarget::Member(member), format!("member {member}"))
            }
        })
    }
}

pub async fn run(args: FreezeArgs, options: &Options) -> Result<Report, CliError> {
    let is_asset = args.target.kind == Kind::Asset;
    let (debits, credits) = match (args.debits, args.credits) {
        (false, false) => (true, true),
        (true, true) => (true, true),
        _ if is_asset => {
            let cause = "an asset is frozen for debits and credits at once";
            return Err(CliError::usage(cause, "Leave --debits and --credits out."));
        }
        sides => sides,
    };
    set(&args.target, debits, credits, &args.send, options).await
}

pub async fn lift(args: UnfreezeArgs, options: &Options) -> Result<Report, CliError> {
    set(&args.target, false, false, &args.send, options).await
}

async fn set(
    args: &TargetArgs,
    debits: bool,
    credits: bool,
    send: &SendArgs,
    options: &Options,
) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let (target, name) = args.target(profile.member)?;
    let client = options.client(&profile).await?;
    let state = |frozen| if frozen { "frozen" } else { "free" };
    let sides = format!("debits {}, credits {}", state(debits), state(credits));
    let change = Change {
        id: send.id(),
        id_of: IdOf::Transaction,
        operation: Operation::Freeze { target, debits, credits, reference: args.reference },
        data: json!({
            "target": name, "debits_frozen": debits, "credits_frozen": credits, "reference": args.reference.as_str(),
        }),
        would: format!("Would set {name}: {sides}"),
        done: format!("Set {name}: {sides}"),
    };
    change.run(&client, &profile, send).await
}
