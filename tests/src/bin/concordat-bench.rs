//! `concordat-bench`: see `concordat_tests::bench`.

use clap::Parser;
use concordat_tests::{
    bench::{self, Options, SCENARIOS, Scenario},
    harness::{Failure, signals::told_to_stop},
};
use std::{process::ExitCode, time::Duration};

/// What the ledger does a second on this machine, and what limits it
#[derive(Debug, Parser)]
#[command(name = "concordat-bench", version = concordat_node::VERSION, max_term_width = 100)]
struct Arguments {
    /// rest, latency, single, batch or steady [default: all but steady]
    #[arg(long, value_parser = scenario)]
    scenario: Vec<&'static Scenario>,
    /// How long each scenario is measured
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// One JSON object on stdout, concordat.bench.v1
    #[arg(long)]
    json: bool,
}

fn scenario(name: &str) -> Result<&'static Scenario, String> {
    Scenario::named(name).ok_or_else(|| {
        let names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        format!("choose one of {}", names.join(", "))
    })
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let scenarios = match arguments.scenario.is_empty() {
        true => SCENARIOS.iter().filter(|scenario| scenario.is_default).collect(),
        false => arguments.scenario.clone(),
    };
    let options = Options { scenarios, duration: Duration::from_secs(arguments.seconds) };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("concordat-bench: the runtime does not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(measure(&options, arguments.json))
}

async fn measure(options: &Options, in_json: bool) -> ExitCode {
    let outcome = tokio::select! {
        outcome = bench::run(options) => outcome,
        // The network goes with the future that holds it.
        () = told_to_stop() => {
            eprintln!("concordat-bench: stopped");
            return ExitCode::FAILURE;
        }
    };
    match outcome {
        Ok(report) => {
            eprintln!("{report}");
            if in_json {
                match serde_json::to_string(&report) {
                    Ok(text) => println!("{text}"),
                    Err(error) => eprintln!("concordat-bench: the report has no JSON: {error}"),
                }
            }
            match report.scenarios.iter().all(|scenario| scenario.ok) {
                true => ExitCode::SUCCESS,
                false => ExitCode::FAILURE,
            }
        }
        Err(Failure { code, cause, next }) => {
            eprintln!("error[{code}]: {cause}\n  next: {next}");
            ExitCode::FAILURE
        }
    }
}
