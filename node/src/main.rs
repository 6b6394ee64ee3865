//! `concordat-node`: a node that follows the chain and serves clients, and never votes.

use clap::{Parser, Subcommand};
use concordat_node::{Config, RunOptions, VERSION, config::Overrides, error::report, init_logs, run};
use std::{path::PathBuf, process::ExitCode};

#[derive(Parser, Debug)]
#[command(name = "concordat-node", version = VERSION, about = "Follows a Concordat ledger and serves its members")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Runs the node until it is told to stop.
    Run {
        /// The configuration file.
        #[arg(long, env = "CONCORDAT_CONFIG", default_value = "node.toml")]
        config: PathBuf,
        #[command(flatten)]
        overrides: Overrides,
    },
}

fn main() -> ExitCode {
    let Command::Run { config, overrides } = Arguments::parse().command;
    let outcome = Config::load(&config, &overrides).and_then(|config| {
        init_logs(&config.log)?;
        run(RunOptions { config, signer: None })
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", report(&error));
            ExitCode::FAILURE
        }
    }
}
