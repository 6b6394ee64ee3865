//! `concordat redeem`

use super::{Change, IdOf, Options, SendArgs, account_path, decimals_of};
use crate::{
    CliError,
    amounts::{format_amount, parse_amount},
    output::Report,
};
use clap::Args;
use concordat_types::{AccountId, Operation, Reference};
use serde_json::json;

/// Give money back to its issuer
///
/// Debits the account and credits the asset's issuance account: what is outstanding falls by the amount.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  concordat redeem --from bank-a/EUR/main --amount 1000.00")]
pub struct RedeemArgs {
    /// Account to debit: member/ASSET/name; the member may be left out. Its asset is the one redeemed
    #[arg(long, value_name = "ACCOUNT")]
    from: String,
    /// Decimal, such as 1000.00
    #[arg(long)]
    amount: String,
    /// End-to-end reference, at most 36 characters
    #[arg(long, default_value = "")]
    reference: Reference,
    #[command(flatten)]
    send: SendArgs,
}

pub async fn run(args: RedeemArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let from = account_path(&args.from, profile.member)?;
    let client = options.client(&profile).await?;
    let decimals = decimals_of(&client, from.asset).await?;
    let amount = parse_amount(&args.amount, decimals)?;
    let id = args.send.id();
    let what = format!("{} {} from {from}", format_amount(amount, decimals), from.asset);
    let change = Change {
        id,
        id_of: IdOf::Operation,
        operation: Operation::Redeem { id, debit_account: AccountId::new(&from), amount, reference: args.reference },
        data: json!({
            "from": from.to_string(), "asset": from.asset.as_str(), "amount": format_amount(amount, decimals),
            "reference": args.reference.as_str(),
        }),
        would: format!("Would redeem {what}"),
        done: format!("Redeemed {what}"),
    };
    change.run(&client, &profile, &args.send).await
}
