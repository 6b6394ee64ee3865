//! `concordat block show`

use super::Options;
use crate::{
    CliError,
    output::{Report, fields, format_time, table},
};
use clap::{Args, Subcommand};
use concordat_proto::v1;
use concordat_types::{Height, ResultCode};
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub enum BlockVerb {
    /// A block's header, who signed it, and the transactions in it that concern the member
    Show(ShowArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  concordat block show\n  concordat block show 42 --output json")]
pub struct ShowArgs {
    /// A height from 1, or latest
    #[arg(default_value = "latest", value_parser = parse_height)]
    height: Wanted,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wanted {
    Latest,
    At(Height),
}

pub(super) fn parse_height(text: &str) -> Result<Wanted, String> {
    match text {
        "latest" => Ok(Wanted::Latest),
        _ => match text.parse() {
            Ok(height) if height > 0 => Ok(Wanted::At(Height(height))),
            _ => Err("a height is a number from 1, or the word latest".to_owned()),
        },
    }
}

pub async fn run(verb: BlockVerb, options: &Options) -> Result<Report, CliError> {
    let BlockVerb::Show(args) = verb;
    let profile = options.profile()?;
    let height = match args.height {
        Wanted::Latest => None,
        Wanted::At(height) => Some(height),
    };
    let block = options.client(&profile).await?.block(height).await?;
    Ok(Report::new(to_json(&block), text(&block)))
}

pub(super) fn to_json(block: &v1::Block) -> Value {
    let visible = block.visible.iter().map(|transaction| {
        json!({
            "hash": hex::encode(&transaction.hash),
            "submitter": transaction.submitter,
            "id": uuid_text(&transaction.id),
            "transfers": transaction.transfers,
            "repeat": transaction.repeat,
            "results": transaction.results.iter().map(|result| json!({
                "result": result.result, "name": result_name(result.result), "transfer_results": result.transfer_results,
            })).collect::<Vec<_>>(),
            "items": transaction.items.iter().map(|item| json!({
                "operation": item.operation, "item": item.item, "result": item.result, "name": result_name(item.result),
                "repeat": item.repeat,
            })).collect::<Vec<_>>(),
        })
    });
    json!({
        "height": block.height,
        "block_id": hex::encode(&block.block_id),
        "time_ms": block.time_ms,
        "parent": hex::encode(&block.parent),
        "state_root": hex::encode(&block.state_root),
        "results_root": hex::encode(&block.results_root),
        "transactions_root": hex::encode(&block.transactions_root),
        "proposer": block.proposer,
        "round": block.round,
        "signers": block.signers,
        "transactions": block.transactions,
        "transfers": block.transfers,
        "visible": visible.collect::<Vec<_>>(),
    })
}

fn text(block: &v1::Block) -> String {
    let head = fields([
        ("height", block.height.to_string()),
        ("block", hex::encode(&block.block_id)),
        ("time", format_time(block.time_ms)),
        ("parent", hex::encode(&block.parent)),
        ("proposer", block.proposer.clone()),
        ("round", block.round.to_string()),
        ("signers", block.signers.join(" ")),
        ("transactions", format!("{} with {} payments", block.transactions, block.transfers)),
        ("state root", hex::encode(&block.state_root)),
        ("results root", hex::encode(&block.results_root)),
    ]);
    if block.visible.is_empty() {
        return head;
    }
    let rows = block.visible.iter().map(|transaction| {
        // Of another member's transaction there are only the items that the caller is party to.
        let own = transaction.results.iter().map(|result| result.result);
        let results: Vec<_> = own.chain(transaction.items.iter().map(|item| item.result)).map(result_name).collect();
        let payments = transaction.transfers.max(transaction.items.len() as u32);
        vec![uuid_text(&transaction.id), transaction.submitter.clone(), payments.to_string(), results.join(" ")]
    });
    format!("{head}\n\n{}", table(&["transaction", "submitter", "payments", "results"], &[2], rows))
}

fn uuid_text(id: &[u8]) -> String {
    uuid::Uuid::from_slice(id).map_or_else(|_| hex::encode(id), |id| id.to_string())
}

fn result_name(number: u32) -> &'static str {
    let result = u16::try_from(number).ok().and_then(ResultCode::from_number);
    result.map_or("unknown", ResultCode::name)
}
