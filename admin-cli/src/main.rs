//! The `concordat` command.

use clap::{Parser, error::ErrorKind};
use concordat_cli::{
    CliError, Exit,
    commands::Cli,
    output::{self, Format},
};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(bad_usage(&error)),
    };
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| CliError::internal(format!("starting the runtime: {error}")))
        .and_then(|runtime| runtime.block_on(cli.verb.run(&cli.options)));
    // What a command has printed by itself as it went needs no report.
    if let Ok(report) = &outcome
        && report.data.is_null()
    {
        return ExitCode::SUCCESS;
    }
    ExitCode::from(output::print(cli.options.output, &outcome))
}

/// Help and version go to stdout and are no error. The rest is one in the form that the caller asked for, as far as
/// the command line can be understood.
fn bad_usage(error: &clap::Error) -> u8 {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = error.print();
        return Exit::Ok as u8;
    }
    let words: Vec<_> = std::env::args().collect();
    let wants_json = words.iter().any(|word| word == "--output=json")
        || words.windows(2).any(|pair| pair[0] == "--output" && pair[1] == "json");
    if wants_json {
        let text = error.render().to_string();
        // Up to the empty line before the usage.
        let cause: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
        let cause = cause.join(" ").trim_start_matches("error: ").to_owned();
        return output::print(Format::Json, &Err(CliError::usage(cause, "Run the command with --help.")));
    }
    let _ = error.print();
    Exit::Usage as u8
}
