//! `concordat-node`: a node that follows the chain and serves clients, and never votes.

use clap::{Parser, Subcommand};
use concordat_node::{
    Config, RunError, RunOptions, VERSION,
    config::Overrides,
    error::report,
    init_logs,
    probe::{HealthArgs, health},
    run,
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

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
    /// Asks the running node whether it is ready: exit code 0 or 1.
    Health(HealthArgs),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run { config, overrides } => follow(&config, &overrides),
        Command::Health(args) => health(&args).map(|text| println!("{text}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", report(&error));
            ExitCode::FAILURE
        }
    }
}

fn follow(config: &Path, overrides: &Overrides) -> Result<(), RunError> {
    let config = Config::load(config, overrides)?;
    init_logs(&config.log)?;
    run(RunOptions { config, signer: None })
}
