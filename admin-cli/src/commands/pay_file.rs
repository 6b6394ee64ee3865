//! `concordat pay-file`

use super::{Options, SecondKeys};
use crate::{
    CliError, Exit, Profile,
    amounts::format_amount,
    error::REFUSED,
    output::{Report, table},
    payments::{Assets, Expired, Run, Summary, TRANSFERS_PER_TRANSACTION_MAX, UNKNOWN},
};
use clap::{Args, ValueEnum};
use concordat_types::{BatchMode, ResultCode};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use std::{
    io::{self, BufRead, IsTerminal},
    path::PathBuf,
};

/// Pay what stands in a CSV file
///
/// The file is RFC 4180, UTF-8, with the header id,debit,credit,amount,reference,purpose. The asset follows from the
/// accounts. An id is a UUID of version 7, or empty to have one made. What became of each line is written to
/// FILE.results.csv, also when the run breaks off: a line whose fate is open is called unknown. Run the same command
/// again after a break: FILE.state.jsonl remembers, and nothing is paid twice. What could not be booked in time goes
/// into new transactions under the same ids, once it is certain that it was not booked.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  concordat pay-file salaries.csv
  concordat pay-file salaries.csv --mode all --yes --output json

A line of the file:
  ,bank-a/EUR/main,bank-b/EUR/main,250.00,INV-7,SALA")]
pub struct PayFileArgs {
    file: PathBuf,
    /// Whether each payment succeeds or fails on its own, in order, or all or none (at most 8,190)
    #[arg(long, value_enum, default_value_t = Mode::Each)]
    mode: Mode,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
    /// Read and sum up the file, and send nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    second_keys: SecondKeys,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Mode {
    Each,
    All,
}

pub async fn run(args: PayFileArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let client = options.client(&profile).await?;
    let assets = Assets::new(&client.assets().await?);
    let mode = if args.mode == Mode::Each { BatchMode::Each } else { BatchMode::All };
    let mut run = Run::open(&args.file, mode, &client, &assets)?;
    let (question, data) = describe(&args, &run, &profile, &assets)?;
    if args.dry_run {
        return Ok(Report::dry_run(data, question));
    }
    if !args.yes {
        confirm(&question)?;
    }
    let keys = args.second_keys.load(&profile)?;
    let bar = progress_bar(run.file.payments.len());
    run.begin()?;
    let sent = run.send(&client, &keys, |more| bar.inc(more as u64)).await;
    bar.finish_and_clear();
    match (sent, run.write_report(&args.file)) {
        (sent, Ok(summary)) => Ok(report(data, &summary, &run.expired, sent.err())),
        (Err(error), Err(_)) | (Ok(()), Err(error)) => Err(error),
    }
}

fn describe(args: &PayFileArgs, run: &Run, profile: &Profile, assets: &Assets) -> Result<(String, Value), CliError> {
    let totals = run
        .totals()
        .ok_or_else(|| CliError::usage("the amounts add up to more than the ledger can count", "Check the file."))?;
    let mut sums = Vec::new();
    for (asset, total) in &totals {
        sums.push((asset, format_amount(*total, assets.decimals(*asset)?)));
    }
    let (count, transactions) = (run.file.payments.len(), run.transactions_count());
    let text: Vec<_> = sums.iter().map(|(asset, total)| format!("{total} {asset}")).collect();
    let resumed = if run.state.is_resumed() { " This goes on with an earlier run." } else { "" };
    let question = format!(
        "{count} payments, {} in all, for {} in {transactions} transactions of at most {TRANSFERS_PER_TRANSACTION_MAX}.{resumed}",
        text.join(" and "),
        profile.member,
    );
    let totals: serde_json::Map<String, Value> =
        sums.iter().map(|(asset, total)| (asset.to_string(), json!(total))).collect();
    let data = json!({
        "file": args.file, "mode": if args.mode == Mode::Each { "each" } else { "all" }, "payments": count,
        "transactions": transactions, "totals": totals, "resumed": run.state.is_resumed(),
    });
    Ok((question, data))
}

/// One confirmation for the whole file.
fn confirm(question: &str) -> Result<(), CliError> {
    if !io::stdin().is_terminal() {
        return Err(CliError::usage(
            "there is no terminal to ask for confirmation on",
            "Add --yes to pay without being asked.",
        ));
    }
    anstream::eprint!("{question}\nPay? [y/N] ");
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| CliError::internal(format!("reading the answer: {error}")))?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(CliError::usage("not confirmed", "Nothing was sent.")),
    }
}

fn progress_bar(payments: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} payments  {per_sec}  {eta}");
    // Draws on stderr, and nothing where that is no terminal.
    ProgressBar::new(payments as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn report(mut data: Value, summary: &Summary, expired: &[Expired], broken_off: Option<CliError>) -> Report {
    let counts = summary.results.iter().map(|(result, count)| (result.name().to_owned(), json!(count)));
    data["results"] = Value::Object(counts.collect());
    data["unknown"] = json!(summary.unknown);
    data["transactions"] = json!(summary.transactions);
    data["repeated_transactions"] = json!(summary.repeated);
    data["expired_transactions"] = expired.iter().map(expired_json).collect();
    data["report"] = json!(summary.report);
    let rows = summary
        .results
        .iter()
        .map(|(result, count)| vec![result.number().to_string(), result.to_string(), count.to_string()]);
    let unknown = (summary.unknown > 0).then(|| vec![String::new(), UNKNOWN.to_owned(), summary.unknown.to_string()]);
    let results = table(&["result", "name", "payments"], &[0, 2], rows.chain(unknown));
    let expired: String = expired.iter().map(|expired| format!("{expired}\n")).collect();
    let text = format!("{expired}{results}\n\nEach line: {}", summary.report.display());
    let failure = broken_off.or_else(|| (summary.refused() > 0).then(|| refused(summary)));
    Report { failure, ..Report::new(data, text) }
}

fn expired_json(expired: &Expired) -> Value {
    json!({
        "transaction": expired.transaction.to_string(), "valid_until_ms": expired.valid_until.0,
        "booked": expired.booked, "again": expired.again, "unknown": expired.unknown,
    })
}

fn refused(summary: &Summary) -> CliError {
    let refused: Vec<_> = summary.results.iter().filter(|(result, _)| **result != ResultCode::Ok).collect();
    let text: Vec<_> = refused.iter().map(|(result, count)| format!("{count} {result}")).collect();
    let cause = format!("{} of {} payments were refused: {}", summary.refused(), summary.transfers, text.join(", "));
    let next = format!("Look at {}; pay the refused ones again under new ids.", summary.report.display());
    let result = refused.first().map(|(result, _)| result.number());
    CliError { result, ..CliError::new(Exit::Refused, REFUSED, cause, next) }
}
