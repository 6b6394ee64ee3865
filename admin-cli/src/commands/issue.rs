//! `concordat issue`

use super::{Change, IdOf, Options, SendArgs, account_path, decimals_of};
use crate::{
    CliError,
    amounts::{format_amount, parse_amount},
    output::Report,
};
use clap::Args;
use concordat_types::{AccountId, Operation, Reference};
use serde_json::json;

/// Create money of an asset whose issuer the member is
///
/// Credits the account and debits the asset's issuance account; refused when more than the issuer's quota would be
/// outstanding.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  concordat issue --profile net/central-bank --to bank-a/EUR/main --amount 1000000.00"
)]
pub struct IssueArgs {
    /// Account to credit: member/ASSET/name. Its asset is the one issued
    #[arg(long, value_name = "ACCOUNT")]
    to: String,
    /// Decimal, such as 1000000.00
    #[arg(long)]
    amount: String,
    /// End-to-end reference, at most 36 characters
    #[arg(long, default_value = "")]
    reference: Reference,
    #[command(flatten)]
    send: SendArgs,
}

pub async fn run(args: IssueArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let to = account_path(&args.to, profile.member)?;
    let client = options.client(&profile).await?;
    let decimals = decimals_of(&client, to.asset).await?;
    let amount = parse_amount(&args.amount, decimals)?;
    let id = args.send.id();
    let what = format!("{} {} to {to}", format_amount(amount, decimals), to.asset);
    let change = Change {
        id,
        id_of: IdOf::Operation,
        operation: Operation::Issue {
            id,
            asset: to.asset,
            credit_account: AccountId::new(&to),
            amount,
            reference: args.reference,
        },
        data: json!({
            "to": to.to_string(), "asset": to.asset.as_str(), "amount": format_amount(amount, decimals),
            "reference": args.reference.as_str(),
        }),
        would: format!("Would issue {what}"),
        done: format!("Issued {what}"),
    };
    change.run(&client, &profile, &args.send).await
}
