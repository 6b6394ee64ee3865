//! `concordat issue`

use super::{Options, SendArgs, Single, account_path, decimals_of, place_text, with_place};
use crate::{
    CliError,
    amounts::{format_amount, parse_amount},
    output::Report,
    transactions,
};
use clap::Args;
use concordat_types::{AccountId, Operation, Reference};
use serde_json::json;
use std::time::Duration;

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
    let id = args.send.id.unwrap_or_else(transactions::new_id);
    let single = Single {
        operation: Operation::Issue {
            id,
            asset: to.asset,
            credit_account: AccountId::new(&to),
            amount,
            reference: args.reference,
        },
        transaction_id: transactions::transaction_id(id),
        valid_for: Duration::from_secs(args.send.valid_for),
    };
    let amount = format_amount(amount, decimals);
    let data = json!({
        "id": id.to_string(), "transaction": single.transaction_id.to_string(),
        "to": to.to_string(), "asset": to.asset.as_str(), "amount": amount,
    });
    if args.send.dry_run {
        single.check(&client)?;
        return Ok(Report::dry_run(data, format!("Would issue {amount} {} to {to} under id {id}.", to.asset)));
    }
    let submitted = single.submit(&client, &profile, id).await?;
    let text = format!("Issued {amount} {} to {to}: id {id}, {}.", to.asset, place_text(&submitted));
    Ok(Report::new(with_place(data, &submitted), text))
}
