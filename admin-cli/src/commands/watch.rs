//! `concordat watch`

use super::{Options, block};
use crate::{
    CliError, Client,
    output::{Format, Report, format_time, print_line},
};
use clap::Args;
use concordat_proto::v1;
use concordat_types::Height;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Follow the blocks as they are committed
///
/// One line a block, without gap or duplicate; a lost connection is made again. With --output json each line is an
/// object of its own.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  concordat watch\n  concordat watch --from 1 --count 10 --output json")]
pub struct WatchArgs {
    /// First height [default: the next block]
    #[arg(long, value_name = "HEIGHT", value_parser = clap::value_parser!(u64).range(1..))]
    from: Option<u64>,
    /// End after so many blocks
    #[arg(long)]
    count: Option<u64>,
}

pub async fn run(args: WatchArgs, options: &Options) -> Result<Report, CliError> {
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
