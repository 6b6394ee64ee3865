//! `concordat receipt get`

use super::{Options, outcome::Kind};
use crate::{
    CliError,
    client::{IdKind, ReceiptOf},
    output::{Report, fields},
    proofs::{self, says_rows},
    transactions,
};
use clap::{ArgGroup, Args, Subcommand};
use concordat_proto::codes::Code;
use concordat_types::{Height, Uuid};
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum ReceiptVerb {
    /// What became of a payment or another operation, as a file that proves it to anybody
    Get(GetArgs),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["id", "height"]), after_help = "Examples:
  concordat receipt get 01930000-0000-7000-8000-000000000001
  concordat receipt get 01930000-0000-7000-8000-000000000001 --file inv-7.json --anchor 1200
  concordat receipt get --height 42 --index 0 --item 17
  concordat receipt get --height 42 --event 0
Then, on any machine:
  concordat verify inv-7.json --genesis genesis.json")]
pub struct GetArgs {
    /// Id of a payment, an issue, a hold, an offer or a transaction of the member
    #[arg(value_name = "UUID", value_parser = transactions::parse_id)]
    id: Option<Uuid>,
    /// What the id stands for [default: a transfer; if there is none, a transaction]
    #[arg(long, value_enum, requires = "id")]
    kind: Option<Kind>,
    /// In place of an id: the height of the block
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    height: Option<u64>,
    /// Place of the transaction in the block, from 0
    #[arg(long, default_value_t = 0, value_name = "N", requires = "height")]
    index: u32,
    /// Place of the operation in the transaction, from 0
    #[arg(long, default_value_t = 0, value_name = "N")]
    operation: u16,
    /// 0 the operation itself, i + 1 the i-th payment of a file
    #[arg(long, default_value_t = 0, value_name = "N", requires = "height")]
    item: u32,
    /// An event of the block, from 0: a hold or an offer that expired
    #[arg(long, value_name = "N", requires = "height", conflicts_with_all = ["index", "operation", "item"])]
    event: Option<u32>,
    /// Height of the block that the receipt will be verified by [default: genesis]
    #[arg(long, default_value_t = 0, value_name = "HEIGHT", hide_default_value = true)]
    anchor: u64,
    /// Where to write it [default: receipt-UUID.json or receipt-HEIGHT-….json]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

pub async fn run(verb: ReceiptVerb, options: &Options) -> Result<Report, CliError> {
    let ReceiptVerb::Get(args) = verb;
    let profile = options.profile()?;
    let client = options.client(&profile).await?;
    let anchor = Height(args.anchor);
    let receipt = match args.which()? {
        (id @ ReceiptOf::Id { .. }, true) => match client.receipt(id, anchor).await {
            Err(error) if error.code == Code::NotFound.name() => {
                client.receipt(id.of_kind(IdKind::Transaction), anchor).await?
            }
            receipt => receipt?,
        },
        (which, _) => client.receipt(which, anchor).await?,
    };
    let (file, says) = proofs::receipt_file(&receipt, client.network_id)?;
    let path = args.file.clone().unwrap_or_else(|| args.file_name().into());
    proofs::write_new(&path, &file)?;
    let data = json!({"file": path.display().to_string(), "says": says});
    let mut rows = vec![("file".to_owned(), path.display().to_string())];
    rows.extend(says_rows(&says));
    let next = format!("concordat verify {} {}", path.display(), proofs::how_to_trust(anchor));
    Ok(Report::new(data, format!("{}\nNot verified yet: {next}", fields(rows))))
}

impl GetArgs {
    /// And whether to look for a transaction if there is no transfer of this id.
    fn which(&self) -> Result<(ReceiptOf, bool), CliError> {
        let (operation, item) = (self.operation, self.item);
        Ok(match (self.id, self.height.map(Height), self.event) {
            (Some(id), _, _) => {
                let kind = self.kind.unwrap_or(Kind::Transfer).into();
                (ReceiptOf::Id { id, kind, operation }, self.kind.is_none())
            }
            (None, Some(height), Some(index)) => (ReceiptOf::Event { height, index }, false),
            (None, Some(height), None) => (ReceiptOf::Place { height, tx_index: self.index, operation, item }, false),
            (None, None, _) => return Err(CliError::usage("no receipt is named", "Give an id or --height.")),
        })
    }

    fn file_name(&self) -> String {
        match (self.id, self.height.unwrap_or_default(), self.event) {
            (Some(id), _, _) => format!("receipt-{id}.json"),
            (None, height, Some(event)) => format!("receipt-{height}-event-{event}.json"),
            (None, height, None) => format!("receipt-{height}-{}-{}-{}.json", self.index, self.operation, self.item),
        }
    }
}
