//! `concordat pay`

use super::{Change, IdOf, Options, SendArgs, account_path, decimals_of};
use crate::{
    CliError,
    amounts::{format_amount, parse_amount},
    output::Report,
    transactions::{self, Memo},
};
use clap::Args;
use concordat_types::{Operation, Purpose, Reference};
use serde_json::json;

/// Pay from one account to another
///
/// Returns when the payment is final, or refused by the ledger (exit 3). Its id is printed on stderr before it is sent.
/// When no answer came (exit 5), repeat with that --id: a payment is booked at most once.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  concordat pay --from bank-a/EUR/main --to bank-b/EUR/main --amount 250.00
  concordat pay --from EUR/main --to bank-b/EUR/main --amount 9.50 --reference INV-7 --purpose SALA --output json")]
pub struct PayArgs {
    /// Account to debit: member/ASSET/name; the member may be left out
    #[arg(long, value_name = "ACCOUNT")]
    from: String,
    /// Account to credit
    #[arg(long, value_name = "ACCOUNT")]
    to: String,
    /// Decimal with at most the asset's decimals, such as 250.00
    #[arg(long)]
    amount: String,
    /// End-to-end reference, at most 36 characters
    #[arg(long, default_value = "")]
    reference: Reference,
    /// ISO 20022 purpose code, such as SALA
    #[arg(long, default_value = "")]
    purpose: Purpose,
    #[command(flatten)]
    send: SendArgs,
}

pub async fn run(args: PayArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let from = account_path(&args.from, profile.member)?;
    let to = account_path(&args.to, profile.member)?;
    let client = options.client(&profile).await?;
    let decimals = decimals_of(&client, from.asset).await?;
    let amount = parse_amount(&args.amount, decimals)?;
    let id = args.send.id();
    let memo = Memo { reference: args.reference, purpose: args.purpose };
    let what = format!("{} {} from {from} to {to}", format_amount(amount, decimals), from.asset);
    let change = Change {
        id,
        id_of: IdOf::Operation,
        operation: Operation::Transfer(transactions::transfer(id, &from, &to, amount, memo)),
        data: json!({
            "from": from.to_string(), "to": to.to_string(), "asset": from.asset.as_str(),
            "amount": format_amount(amount, decimals),
            "reference": args.reference.as_str(), "purpose": args.purpose.as_str(),
        }),
        would: format!("Would pay {what}"),
        done: format!("Paid {what}"),
    };
    change.run(&client, &profile, &args.send).await
}
