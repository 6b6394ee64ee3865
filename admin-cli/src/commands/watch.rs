//! `concordat watch`

use super::{Options, block, events};
use crate::{
    CliError, Client,
    output::{Format, Report, format_time, print_line},
    records::parse_cursor,
};
use clap::Args;
use concordat_proto::v1;
use concordat_types::Height;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Follow the blocks as they are committed, or what happens to the member
///
/// One line each, without gap or duplicate; a lost connection is made again. With --output json each line is an object
/// of its own, and those of events have the cursor to go on after; one with nothing but a cursor says how far there
/// was nothing else.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  concordat watch
  concordat watch --from 1 --count 10 --output json
  concordat watch --events --after 1000.7 --output json")]
pub struct WatchArgs {
    /// First height [default: the next block]
    #[arg(long, value_name = "HEIGHT", value_parser = clap::value_parser!(u64).range(1..))]
    from: Option<u64>,
    /// What is booked on the member's accounts, and what becomes of its holds and offers
    #[arg(long, conflicts_with = "from")]
    events: bool,
    /// The events behind this cursor; 0: all [default: from now on]
    #[arg(long, value_name = "HEIGHT.LEAF", requires = "events", value_parser = parse_cursor)]
    after: Option<v1::Cursor>,
    /// End after so many blocks or events
    #[arg(long)]
    count: Option<u64>,
}

pub async fn run(args: WatchArgs, options: &Options) -> Result<Report, CliError> {
    if args.events {
        events::follow(args.after, args.count, options).await?;
        return Ok(Report::new(Value::Null, ""));
    }
    let profile = options.profile()?;
    let client = options.client(&profile).await?;
    let mut next = args.from.map(Height);
    let mut left = args.count;
    let mut lost_at: Option<Instant> = None;
    while left != Some(0) {
        let error = match follow(&client, options.output, &mut next, &mut left, &mut lost_at).await {
            Ok(()) => continue,
            Err(error) if !error.is_worth_repeating() => return Err(error),
            Err(error) => error,
        };
        // From the first loss on, until a block comes again.
        let since = lost_at.get_or_insert_with(Instant::now);
        if since.elapsed() > Duration::from_secs(options.timeout) {
            return Err(error);
        }
        sleep(RECONNECT_PAUSE).await;
    }
    Ok(Report::new(Value::Null, ""))
}

/// Until the count is reached or the stream ends.
async fn follow(
    client: &Client,
    format: Format,
    next: &mut Option<Height>,
    left: &mut Option<u64>,
    lost_at: &mut Option<Instant>,
) -> Result<(), CliError> {
    let mut blocks = client.watch(*next).await?;
    while *left != Some(0) {
        match blocks.message().await.map_err(|status| client.explain(&status))? {
            Some(block) => {
                print_line(&line(&block, format));
                *next = Some(Height(block.height).next());
                *left = left.map(|left| left - 1);
                *lost_at = None;
            }
            None => return Err(crate::client::unreachable("the node ended the stream".to_owned())),
        }
    }
    Ok(())
}

fn line(block: &v1::Block, format: Format) -> String {
    match format {
        Format::Json => json!({"ok": true, "data": block::to_json(block)}).to_string(),
        Format::Table => format!(
            "{:>8}  {}  {}  {:>6} payments in {} transactions  by {} in round {}, {} signers",
            block.height,
            format_time(block.time_ms),
            hex::encode(block.block_id.iter().take(4).copied().collect::<Vec<_>>()),
            block.transfers,
            block.transactions,
            block.proposer,
            block.round,
            block.signers.len(),
        ),
    }
}

const RECONNECT_PAUSE: Duration = Duration::from_millis(500);
