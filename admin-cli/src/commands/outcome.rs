//! `concordat outcome`

use super::Options;
use crate::{
    CliError,
    client::{IdKind, OutcomeView},
    output::{Report, fields},
    transactions,
};
use clap::{Args, ValueEnum};
use concordat_proto::codes::Code;
use concordat_types::Uuid;
use serde_json::json;

/// What became of a payment, an issue or a transaction of the member
///
/// That there is nothing under an id is final only once the time for which its transaction was valid has passed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  concordat outcome 01930000-0000-7000-8000-000000000001
  concordat outcome 01930000-0000-7000-8000-000000000001 --kind transaction --output json")]
pub struct OutcomeArgs {
    /// A UUID of version 7
    #[arg(value_parser = transactions::parse_id)]
    id: Uuid,
    /// What the id stands for [default: a transfer; if there is none, a transaction]
    #[arg(long, value_enum)]
    kind: Option<Kind>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Kind {
    /// As `account open` prints its id, and `transaction` in what the others print
    Transaction,
    /// A payment or an issue
    Transfer,
}

pub async fn run(args: OutcomeArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let client = options.client(&profile).await?;
    let kind = args.kind.unwrap_or(Kind::Transfer);
    match client.outcome(args.id, kind.into()).await {
        Err(error) if args.kind.is_none() && error.code == Code::NotFound.name() => {
            let outcome = client.outcome(args.id, IdKind::Transaction).await?;
            Ok(report(args.id, Kind::Transaction, &outcome))
        }
        outcome => Ok(report(args.id, kind, &outcome?)),
    }
}

fn report(id: Uuid, kind: Kind, outcome: &OutcomeView) -> Report {
    let name = if kind == Kind::Transfer { "transfer" } else { "transaction" };
    let results = outcome.results.iter().map(|result| json!({"result": result.number(), "name": result.name()}));
    let mut data = json!({
        "id": id.to_string(), "kind": name, "height": outcome.height.0, "index": outcome.tx_index,
        "results": results.collect::<Vec<_>>(),
    });
    let results: Vec<_> = outcome.results.iter().map(|result| format!("{} {result}", result.number())).collect();
    let mut rows = vec![
        ("id", id.to_string()),
        ("kind", name.to_owned()),
        ("result", results.join(", ")),
        ("height", outcome.height.to_string()),
        ("index", outcome.tx_index.to_string()),
    ];
    if kind == Kind::Transfer {
        data["item"] = json!(outcome.item);
        rows.push(("item", outcome.item.to_string()));
    }
    Report::new(data, fields(rows))
}

impl From<Kind> for IdKind {
    fn from(kind: Kind) -> IdKind {
        match kind {
            Kind::Transaction => IdKind::Transaction,
            Kind::Transfer => IdKind::Transfer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use concordat_types::{Height, ResultCode};

    #[test]
    fn an_outcome_has_its_place_and_results() {
        let id = transactions::parse_id("01930000-0000-7000-8000-000000000001").expect("an id");
        let outcome =
            OutcomeView { height: Height(9), tx_index: 2, item: 7, results: vec![ResultCode::InsufficientFunds] };
        let transfer = report(id, Kind::Transfer, &outcome);
        assert_eq!((&transfer.data["height"], &transfer.data["index"]), (&json!(9), &json!(2)));
        assert_eq!(transfer.data["results"], json!([{"result": 92, "name": "insufficient_funds"}]));
        assert_eq!((&transfer.data["kind"], &transfer.data["item"]), (&json!("transfer"), &json!(7)));
        assert!(transfer.text.contains("92 insufficient_funds"), "{}", transfer.text);
        let transaction = report(id, Kind::Transaction, &outcome);
        assert_eq!((&transaction.data["kind"], transaction.data.get("item")), (&json!("transaction"), None));
    }
}
