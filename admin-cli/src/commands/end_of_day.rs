//! `concordat end-of-day`

use super::{Change, IdOf, Options, SendArgs};
use crate::{CliError, output::Report};
use clap::Args;
use concordat_types::{BusinessDate, Operation};
use serde_json::json;

/// End the business day: from here on limits count for the next date
///
/// By the central bank alone. The next date is later than the present one, by at most 31 days.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  concordat end-of-day --next 2026-11-30")]
pub struct EndOfDayArgs {
    /// The business date that begins: year-month-day
    #[arg(long, value_name = "DATE")]
    next: BusinessDate,
    #[command(flatten)]
    send: SendArgs,
}

pub async fn run(args: EndOfDayArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let client = options.client(&profile).await?;
    let next = args.next;
    let change = Change {
        id: args.send.id(),
        id_of: IdOf::Transaction,
        operation: Operation::EndOfDay { next },
        data: json!({ "business_date": next.to_string() }),
        would: format!("Would end the business day and begin {next}"),
        done: format!("The business date is {next}"),
    };
    change.run(&client, &profile, &args.send).await
}
