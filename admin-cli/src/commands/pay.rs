//! `concordat pay`

use super::{Options, SendArgs, Single, account_path, decimals_of, place_text, with_place};
use crate::{
    CliError,
    amounts::{format_amount, parse_amount},
    output::Report,
    transactions::{self, Memo},
};
use clap::Args;
use concordat_types::{Operation, Purpose, Reference};
use serde_json::json;
use std::time::Duration;

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
    let id = args.send.id.unwrap_or_else(transactions::new_id);
    let memo = Memo { reference: args.reference, purpose: args.purpose };
    let single = Single {
        operation: Operation::Transfer(transactions::transfer(id, &from, &to, amount, memo)),
        transaction_id: transactions::transaction_id(id),
        valid_for: Duration::from_secs(args.send.valid_for),
    };
    let amount = format_amount(amount, decimals);
    let data = json!({
        "id": id.to_string(), "transaction": single.transaction_id.to_string(),
        "from": from.to_string(), "to": to.to_string(), "asset": from.asset.as_str(), "amount": amount,
        "reference": args.reference.as_str(), "purpose": args.purpose.as_str(),
    });
    if args.send.dry_run {
        single.check(&client)?;
        return Ok(Report::dry_run(
            data,
            format!("Would pay {amount} {} from {from} to {to} under id {id}.", from.asset),
        ));
    }
    let submitted = single.submit(&client, &profile, id).await?;
    let text = format!("Paid {amount} {} from {from} to {to}: id {id}, {}.", from.asset, place_text(&submitted));
    Ok(Report::new(with_place(data, &submitted), text))
}
