//! `cargo xtask count`: what a changed key of the state tree costs in instructions.
//!
//! Time depends on who else uses the machine; instructions do not, so a change of a few in a hundred shows. Valgrind
//! counts them. It knows no SHA-NI, so the program under it hashes in software: that part is shown as calls, and apart from the rest.

use crate::{
    Failure,
    cargo::{self, Workspace},
    report::object,
    setup::{self, Need},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Stdio,
};

pub fn count(arguments: &[String]) -> Result<(), Failure> {
    let mut in_json = false;
    for argument in arguments {
        match argument.as_str() {
            "--json" => in_json = true,
            other => return Err(Failure::Usage(format!("count does not know {other}"))),
        }
    }
    setup::check(&[Need::Processor, Need::Valgrind])?;
    let workspace = Workspace::find()?;
    let bench = build(&workspace)?;
    let (keys, profile) = run(&workspace, &bench)?;
    let costs = Costs::of(&profile);
    if costs.hash_calls == 0 || costs.instructions <= costs.in_hashes {
        return Err(Failure::Check(format!("Valgrind has not counted `{MEASURED}`: {costs:?}")));
    }
    let per_key = |count: u64| (10.0 * count as f64 / keys as f64).round() / 10.0;
    let (without, calls) = (per_key(costs.instructions - costs.in_hashes), per_key(costs.hash_calls));
    if in_json {
        println!(
            "{}",
            object(&[
                ("schema", json!("concordat.count.v1")),
                ("keys", json!(keys)),
                ("instructions_per_key_without_sha256", json!(without)),
                ("sha256_per_key", json!(calls)),
            ])
        );
    } else {
        println!("a changed key: {without} instructions, and {calls} calls of SHA-256 beside them ({keys} keys)");
    }
    Ok(())
}

/// The ledger alone: it needs nothing native.
fn build(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let mut command = workspace.cargo();
    command.args(["bench", "--package", "concordat-ledger", "--bench", BENCH, "--no-run"]);
    command.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
    let mut executable = None;
    cargo::run_lines("build of the bench", &mut command, |line| {
        let message: Value = serde_json::from_str(line).unwrap_or_default();
        if message["target"]["name"] == BENCH && message["target"]["kind"][0] == "bench" {
            executable = message["executable"].as_str().map(PathBuf::from);
        }
    })?;
    executable.ok_or_else(|| Failure::Check(format!("cargo names no executable of the bench {BENCH}")))
}

/// How many keys were changed, and the profile of that.
fn run(workspace: &Workspace, bench: &Path) -> Result<(u64, String), Failure> {
    let profile = workspace.target.join("callgrind.out");
    let mut command = workspace.command("valgrind");
    command.args(["--quiet", "--tool=callgrind"]).arg(format!("--callgrind-out-file={}", profile.display()));
    command.args([format!("--zero-before={MEASURED}"), format!("--dump-after={MEASURED}")]);
    command.arg(bench).arg("--count").stdout(Stdio::piped());
    let mut keys = 0;
    cargo::run_lines("count", &mut command, |line| keys = line.trim().parse().unwrap_or(keys))?;
    // The dump after the call; the file of the name itself has what came later.
    let dump = profile.with_extension("out.1");
    let text = std::fs::read_to_string(&dump)
        .map_err(|error| Failure::Check(format!("Valgrind's profile {}: {error}", dump.display())))?;
    if keys == 0 {
        Err(Failure::Check("the bench does not say how many keys it changed".into()))
    } else {
        Ok((keys, text))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Costs {
    instructions: u64,
    in_hashes: u64,
    hash_calls: u64,
}

impl Costs {
    /// Reads a profile in Callgrind's format: `fn=(id) name` begins a function, the name stands at the id's first use only;
    /// lines that begin with a position are its own costs, but for the one after `calls=`, which is the callee's.
    fn of(profile: &str) -> Costs {
        let (mut costs, mut names) = (Costs::default(), BTreeMap::new());
        let (mut function, mut callee, mut of_callee) = (String::new(), String::new(), false);
        for line in profile.lines() {
            if let Some(name) = line.strip_prefix("fn=") {
                function = name_of(name, &mut names);
            } else if let Some(name) = line.strip_prefix("cfn=") {
                callee = name_of(name, &mut names);
            } else if let Some(calls) = line.strip_prefix("calls=") {
                of_callee = true;
                // Counted where it is entered from outside, so that no call is counted twice.
                if callee.ends_with("::compress256") {
                    costs.hash_calls += number(calls.split(' ').next());
                }
            } else if line.starts_with(|c: char| c.is_ascii_digit() || "+-*".contains(c)) {
                let own = number(line.split(' ').nth(1));
                if !std::mem::take(&mut of_callee) {
                    costs.instructions += own;
                    costs.in_hashes += if function.starts_with("sha2::") { own } else { 0 };
                }
            }
        }
        costs
    }
}

fn name_of(reference: &str, names: &mut BTreeMap<String, String>) -> String {
    let (id, name) = reference.split_once(' ').unwrap_or((reference, ""));
    if !name.is_empty() {
        names.insert(id.to_owned(), name.to_owned());
    }
    names.get(id).cloned().unwrap_or_default()
}

fn number(text: Option<&str>) -> u64 {
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

const BENCH: &str = "tree";
/// The function of the bench that is one block: preview and commit.
const MEASURED: &str = "tree::apply";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_callgrind_writes() {
        let profile = "# callgrind format\nversion: 1\npositions: line\nevents: Ir\nsummary: 120\n\n\
            ob=(1) /t/tree-1\nfl=(1) src/tree.rs\nfn=(7) tree::apply\n16 10\n+2 5\ncfi=(2) src/hash.rs\n\
            cfn=(8) sha2::sha256::compress256\ncalls=3 0 \n* 90\ncfn=(9) other\ncalls=4 0\n* 7\n\n\
            fn=(8)\n0 20\ncfn=(10) sha2::sha256::soft::unroll::compress\ncalls=3 0\n0 70\n\n\
            fn=(10)\n0 70\n\nfn=(9)\n5 7\ncfn=(8)\ncalls=2 0\n+1 8\n\ntotals: 120\n";
        assert_eq!(Costs::of(profile), Costs { instructions: 112, in_hashes: 90, hash_calls: 5 });
        assert_eq!(Costs::of(""), Costs::default());
    }
}
