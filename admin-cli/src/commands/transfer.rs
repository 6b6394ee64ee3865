//! `concordat transfer show`

use super::Options;
use crate::{
    CliError,
    client::records::FoundView,
    output::{Report, fields, format_time},
    payments::Assets,
    records::{found_to_json, kind_name, legs_text, state_name},
    transactions,
};
use clap::{Args, Subcommand};
use concordat_proto::{Code, v1::record};
use concordat_types::{Reference, Uuid};
use serde_json::json;

#[derive(Debug, Subcommand)]
pub enum TransferVerb {
    Show(ShowArgs),
}

/// Payments, issues, redemptions, holds and offers by their id or reference
///
/// An id is looked up whoever has used it; what the member is not party to is not shown. Of a hold or an offer the state
/// is that of now.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  concordat transfer show 01930000-0000-7000-8000-000000000001
  concordat transfer show --reference INV-7 --output json")]
pub struct ShowArgs {
    /// A UUID of version 7
    #[arg(value_parser = transactions::parse_id, required_unless_present = "reference", conflicts_with = "reference")]
    id: Option<Uuid>,
    /// End-to-end reference: everything that carries it, the newest first
    #[arg(long, value_parser = parse_reference)]
    reference: Option<Reference>,
    /// Show at most so many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

fn parse_reference(text: &str) -> Result<Reference, String> {
    match Reference::new(text) {
        Ok(reference) if !text.is_empty() => Ok(reference),
        Ok(_) => Err("a reference to look for is not empty".to_owned()),
        Err(error) => Err(error.0.to_owned()),
    }
}

pub async fn run(verb: TransferVerb, options: &Options) -> Result<Report, CliError> {
    let TransferVerb::Show(args) = verb;
    let profile = options.profile()?;
    let client = options.client(&profile).await?;
    let assets = Assets::new(&client.assets().await?);
    let (found, what) = match (args.id, args.reference) {
        (Some(id), _) => (client.records_of_id(id).await?, format!("the id {id}")),
        (None, Some(reference)) => {
            let found = client.records_of_reference(reference.as_str(), args.limit as usize).await?;
            (found, format!("the reference {reference}"))
        }
        (None, None) => return Err(CliError::usage("neither an id nor a reference", "Name one of them.")),
    };
    if found.is_empty() {
        let cause = format!("there is nothing under {what} that {} may see", profile.member);
        return Err(Code::NotFound.error(cause).into());
    }
    report(&found, &assets)
}

fn report(found: &[FoundView], assets: &Assets) -> Result<Report, CliError> {
    let data = found.iter().map(|found| found_to_json(found, assets)).collect::<Result<Vec<_>, _>>()?;
    let text = found.iter().map(|found| text(found, assets)).collect::<Result<Vec<_>, _>>()?;
    Ok(Report::new(json!({ "records": data }), text.join("\n\n")))
}

fn text(found: &FoundView, assets: &Assets) -> Result<String, CliError> {
    let record = &found.record;
    let again = if record.repeat { ", as booked before" } else { "" };
    let place = match &record.at {
        record::At::Event(event) => format!("height {}, event {event}", record.height),
        record::At::Place(place) => format!("height {}, index {}", record.height, place.tx_index),
    };
    let mut rows = vec![
        ("kind", kind_name(record.kind).to_owned()),
        ("id", record.id.to_string()),
        ("submitter", record.submitter.to_string()),
        ("result", format!("{} {}{again}", record.result.number(), record.result)),
        ("booked", if record.booked { "yes" } else { "no" }.to_owned()),
        ("legs", legs_text(record, assets)?),
        ("reference", record.reference.clone()),
        ("purpose", record.purpose.clone()),
        ("at", format!("{place}, {}", format_time(record.time_ms))),
    ];
    rows.extend(record.document.map(|document| ("document", document.to_string())));
    rows.extend(record.pending.map(|(submitter, id)| ("of", format!("{submitter} {id}"))));
    rows.extend(record.until_ms.map(|until| ("until", format_time(until))));
    rows.extend(state_name(found.state).map(|state| ("state", state.to_owned())));
    Ok(fields(rows))
}
