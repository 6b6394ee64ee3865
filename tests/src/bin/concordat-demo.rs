//! `concordat-demo`: see `concordat_tests::demo`.

use clap::Parser;
use concordat_tests::{
    demo::{self, Options},
    harness::signals::told_to_stop,
};
use std::{path::PathBuf, process::ExitCode};

/// A trial network of real processes on this machine, and every step of the main job shown on it
#[derive(Debug, Parser)]
#[command(name = "concordat-demo", version = concordat_node::VERSION, max_term_width = 100)]
struct Arguments {
    /// End when the steps are done, instead of leaving the network running until Ctrl-C
    #[arg(long)]
    exit: bool,
    /// One JSON object on stdout, concordat.demo.v1
    #[arg(long)]
    json: bool,
    /// Keep everything in this new or empty folder [default: a temporary one that is removed at the end]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// First of 50 ports [default: some that are free]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    base_port: Option<u16>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("concordat-demo: the runtime does not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(demonstrate(&arguments))
}

async fn demonstrate(arguments: &Arguments) -> ExitCode {
    let options = Options { dir: arguments.dir.clone(), base_port: arguments.base_port };
    let (report, stage) = tokio::select! {
        done = demo::run(&options) => done,
        // The network goes with the future that holds it.
        () = told_to_stop() => {
            eprintln!("\nconcordat-demo: stopped");
            return ExitCode::FAILURE;
        }
    };
    let verdict = if report.ok { "every step went well" } else { "a step FAILED" };
    eprintln!("{verdict}, {:.1} s", report.seconds);
    if arguments.json {
        match serde_json::to_string(&report) {
            Ok(text) => println!("{text}"),
            Err(error) => eprintln!("concordat-demo: the report has no JSON: {error}"),
        }
    }
    let Some(mut stage) = stage else { return ExitCode::FAILURE };
    if !report.ok {
        stage.folder.keep();
        eprintln!("the logs of the nodes stay in {}", stage.network.dir.display());
        return ExitCode::FAILURE;
    }
    if !arguments.exit {
        eprintln!("{}\nCtrl-C stops it.", stage.how_to_talk(&stage.network.cli.program));
        told_to_stop().await;
    }
    ExitCode::SUCCESS
}
