//! `cargo xtask`: sets the machine up, builds, and runs what was built. Plain Rust instead of shell, and nothing native,
//! so that it compiles where the ledger does not yet.
//!
//! Progress goes to stderr. Exit 0 all is well, 1 a check failed, 2 usage, 3 set-up missing.

mod cargo;
mod count;
mod python;
mod report;
mod setup;
mod stages;
mod test;

use cargo::Workspace;
use report::object;
use serde_json::{Value, json};
use setup::Need;
use std::{fmt, process::ExitCode, time::Instant};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            failure.exit_code()
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let Some((verb, rest)) = arguments.split_first() else {
        return Err(Failure::Usage("name a task".into()));
    };
    match verb.as_str() {
        "build" => build(rest),
        "demo" => hand_over("concordat-demo", NETWORK_BINARIES, rest),
        "bench" => hand_over("concordat-bench", NETWORK_BINARIES, rest),
        "count" => count::count(rest),
        "sim" => hand_over("concordat-sim", &[], rest),
        "test" => test::test(rest),
        "help" | "--help" | "-h" => {
            println!("{}", usage());
            Ok(())
        }
        other => Err(Failure::Usage(format!("there is no task {other}"))),
    }
}

fn build(arguments: &[String]) -> Result<(), Failure> {
    let mut in_json = false;
    for argument in arguments {
        match argument.as_str() {
            "--json" => in_json = true,
            other => return Err(Failure::Usage(format!("build does not know {other}"))),
        }
    }
    let start = Instant::now();
    setup::check(Need::BUILD)?;
    let workspace = Workspace::find()?;
    workspace.build_binaries(ALL_BINARIES)?;

    let target = workspace.target.display().to_string();
    if in_json {
        let binaries: Vec<Value> =
            ALL_BINARIES.iter().map(|name| json!(workspace.binary(name).display().to_string())).collect();
        println!(
            "{}",
            object(&[
                ("schema", json!("concordat.build.v1")),
                ("ok", json!(true)),
                ("seconds", json!(start.elapsed().as_secs())),
                ("target", json!(target)),
                ("binaries", json!(binaries)),
            ])
        );
    } else {
        println!("{target}");
    }
    Ok(())
}

/// Builds a program and becomes it, so that signals and the exit code are the program's own.
fn hand_over(program: &str, beside: &[&str], arguments: &[String]) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt as _;

    setup::check(Need::BUILD)?;
    let workspace = Workspace::find()?;
    let mut binaries = beside.to_vec();
    binaries.push(program);
    workspace.build_binaries(&binaries)?;
    let error = workspace.command(workspace.binary(program)).args(arguments).exec();
    Err(Failure::Check(format!("{program} does not start: {error}")))
}

fn usage() -> String {
    let stages: Vec<&str> = stages::STAGES.iter().map(|stage| stage.name).collect();
    format!(
        "cargo xtask build [--json]                                     the programs; prints the target folder
cargo xtask demo  [--exit] [--json] [--dir D] [--base-port P]    a trial network, and every step shown on it
cargo xtask test  [--only STAGE]... [--all] [--json]             all checks
cargo xtask bench [--scenario NAME]... [--seconds N] [--json]    what the ledger does a second, and what limits it
cargo xtask count [--json]                                     instructions for a changed key of the state tree
cargo xtask sim   --seeds N | --seed S | --minutes M | --scenario FILE [--nodes N] [--trace FILE] [--json]

Stages of test: {}.
Exit: 0 all is well, 1 a check failed, 2 usage, 3 set-up missing.",
        stages.join(" ")
    )
}

/// Why a task ended early.
#[derive(Debug)]
pub enum Failure {
    Usage(String),
    /// Names the package and the command that installs it.
    SetUp(String),
    Check(String),
}

impl Failure {
    fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Failure::Check(_) => 1,
            Failure::Usage(_) => 2,
            Failure::SetUp(_) => 3,
        })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(text) => write!(f, "{text}\n\n{}", usage()),
            Failure::SetUp(text) | Failure::Check(text) => f.write_str(text),
        }
    }
}

/// What a network of processes needs.
const NETWORK_BINARIES: &[&str] = &["concordat", "concordat-node", "concordat-validator"];
const ALL_BINARIES: &[&str] =
    &["concordat", "concordat-node", "concordat-validator", "concordat-demo", "concordat-sim", "concordat-bench"];
