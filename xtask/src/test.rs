//! `cargo xtask test`: runs the stages, counts, and goes on after a failure.
//!
//! All tests are built by one cargo command and then started one by one: `cargo test -p` of a single package would ask
//! for other features and compile RocksDB a second time. A test that no stage claims is a failure.

use crate::{
    Failure,
    cargo::{self, TestTarget, Workspace},
    python,
    report::object,
    setup,
    stages::{STAGES, Stage, Step},
};
use serde_json::{Value, json};
use std::{io::stderr, ops::AddAssign, path::PathBuf, process::Stdio, time::Instant};

pub fn test(arguments: &[String]) -> Result<(), Failure> {
    let options = Options::parse(arguments)?;
    let stages: Vec<&Stage> = STAGES.iter().filter(|stage| options.wants(stage)).collect();
    for stage in &stages {
        setup::check(stage.needs)?;
    }
    let workspace = Workspace::find()?;
    let mut run = Run { workspace, targets: None, rows: Vec::new() };
    for stage in stages {
        run.stage(stage);
    }
    run.report(options.in_json)
}

struct Options {
    only: Vec<String>,
    all: bool,
    in_json: bool,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Options, Failure> {
        let mut options = Options { only: Vec::new(), all: false, in_json: false };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--all" => options.all = true,
                "--json" => options.in_json = true,
                "--only" => {
                    let name =
                        arguments.next().ok_or_else(|| Failure::Usage("--only wants the name of a stage".into()))?;
                    if !STAGES.iter().any(|stage| stage.name == name) {
                        return Err(Failure::Usage(format!("there is no stage {name}")));
                    }
                    options.only.push(name.clone());
                }
                other => return Err(Failure::Usage(format!("test does not know {other}"))),
            }
        }
        Ok(options)
    }

    fn wants(&self, stage: &Stage) -> bool {
        if self.only.is_empty() {
            self.all || !stage.only_with_all
        } else {
            self.only.iter().any(|name| name == stage.name)
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Counts {
    const PASSED: Counts = Counts { passed: 1, failed: 0, skipped: 0 };
    const FAILED: Counts = Counts { passed: 0, failed: 1, skipped: 0 };
    const SKIPPED: Counts = Counts { passed: 0, failed: 0, skipped: 1 };
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// A stage that has run.
struct Row {
    name: &'static str,
    seconds: f64,
    counts: Counts,
}

struct Run {
    workspace: Workspace,
    /// Built by the first stage that needs it; its time is that stage's.
    targets: Option<Vec<TestTarget>>,
    rows: Vec<Row>,
}

impl Run {
    fn stage(&mut self, stage: &Stage) {
        eprintln!("xtask: stage {}", stage.name);
        let start = Instant::now();
        let mut counts = Counts::default();
        match setup::check(stage.wants) {
            Ok(()) => stage.steps.iter().for_each(|step| counts += self.step(stage.name, *step)),
            Err(missing) => {
                eprintln!("xtask: stage {} is skipped: {missing}", stage.name);
                counts += Counts::SKIPPED;
            }
        }
        let row = Row { name: stage.name, seconds: start.elapsed().as_secs_f64(), counts };
        eprintln!("xtask: {}", line(&row));
        self.rows.push(row);
    }

    fn step(&mut self, stage: &str, step: Step) -> Counts {
        match step {
            Step::Cargo(arguments) => {
                let what = format!("cargo {}", arguments.join(" "));
                one(&what, cargo::run(&what, self.workspace.cargo().args(arguments).stdout(stderr())))
            }
            Step::Program(name, arguments) => {
                if let Err(failure) = self.workspace.build_binaries(&programs_beside(name)) {
                    return one(name, Err(failure));
                }
                let mut command = self.workspace.command(self.workspace.binary(name));
                one(name, cargo::run(name, command.args(arguments).stdout(stderr())))
            }
            Step::Tests { which, arguments } => self.tests(stage, which, arguments, &[]),
            Step::PythonTests { which } => match python::interpreter(&self.workspace) {
                Ok(python) => self.tests(stage, which, &["--test-threads=1"], &[("CONCORDAT_PYTHON", python)]),
                Err(failure) => one("examples/python", Err(failure)),
            },
            Step::MountingTests { which, arguments } if setup::may_mount() => {
                self.tests(stage, which, &[arguments, &["--include-ignored"]].concat(), &[])
            }
            Step::MountingTests { which, arguments } => {
                eprintln!("xtask: this user may not mount a file system: tests that do are skipped");
                self.tests(stage, which, arguments, &[])
            }
        }
    }

    fn tests(
        &mut self,
        stage: &str,
        which: fn(&TestTarget) -> bool,
        arguments: &[&str],
        environment: &[(&str, PathBuf)],
    ) -> Counts {
        let mut counts = Counts::default();
        let workspace = &self.workspace;
        let targets = self.targets.get_or_insert_with(|| {
            let mut targets = Vec::new();
            // Counted once; the stages of what did compile still run.
            if let Err(failure) = workspace.build_tests(&mut targets) {
                counts += one("tests", Err(failure));
            }
            targets
        });
        let mut ran = Counts::default();
        for target in targets.iter().filter(|target| which(target)) {
            ran += run_target(workspace, target, arguments, environment);
        }
        if ran == Counts::default() {
            eprintln!("xtask: stage {stage}: not a single test was built and run for it");
            ran = Counts::FAILED;
        }
        counts += ran;
        counts
    }

    fn report(mut self, in_json: bool) -> Result<(), Failure> {
        let unclaimed = self.unclaimed();
        if !unclaimed.is_empty() {
            eprintln!("xtask: tests that no stage runs (xtask/src/stages.rs): {}", unclaimed.join(", "));
            self.rows.push(Row {
                name: "unclaimed",
                seconds: 0.0,
                counts: Counts { failed: unclaimed.len() as u64, ..Counts::default() },
            });
        }
        let mut total = Counts::default();
        for row in &self.rows {
            println!("{}", line(row));
            total += row.counts;
        }
        println!("{} passed, {} failed, {} skipped", total.passed, total.failed, total.skipped);
        if in_json {
            println!("{}", json_report(&self.rows, total));
        }
        match total.failed {
            0 => Ok(()),
            failed => Err(Failure::Check(format!("{failed} failed"))),
        }
    }

    fn unclaimed(&self) -> Vec<String> {
        let claims = |target: &TestTarget| {
            let mut steps = STAGES.iter().flat_map(|stage| stage.steps);
            steps.any(|step| match step {
                Step::Tests { which, .. } | Step::MountingTests { which, .. } | Step::PythonTests { which } => {
                    which(target)
                }
                Step::Cargo(_) | Step::Program(..) => false,
            })
        };
        let targets = self.targets.iter().flatten();
        targets.filter(|target| !claims(target)).map(|target| format!("{}/{}", target.package, target.name)).collect()
    }
}

fn run_target(
    workspace: &Workspace,
    target: &TestTarget,
    arguments: &[&str],
    environment: &[(&str, PathBuf)],
) -> Counts {
    let what = format!("{}/{} ({})", target.package, target.name, target.kind);
    eprintln!("xtask: {what}");
    let mut command = workspace.command(&target.executable);
    command
        .args(arguments)
        .current_dir(&target.folder)
        .env("CARGO_MANIFEST_DIR", &target.folder)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::piped());
    let mut counts = Counts::default();
    let outcome = cargo::run_lines(&what, &mut command, |line| {
        eprintln!("{line}");
        counts += counts_of(line).unwrap_or_default();
    });
    if let Err(failure) = outcome {
        eprintln!("xtask: {failure}");
        // It died before it could count.
        if counts.failed == 0 {
            counts += Counts::FAILED;
        }
    }
    counts
}

/// The demo starts the programs of a node, a validator and the command line.
fn programs_beside(name: &'static str) -> Vec<&'static str> {
    let mut programs = vec![name];
    if name == "concordat-demo" {
        programs.extend(crate::NETWORK_BINARIES);
    }
    programs
}

fn one(what: &str, outcome: Result<(), Failure>) -> Counts {
    match outcome {
        Ok(()) => Counts::PASSED,
        Err(failure) => {
            eprintln!("xtask: {what}: {failure}");
            Counts::FAILED
        }
    }
}

/// `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`
fn counts_of(line: &str) -> Option<Counts> {
    let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = Counts::default();
    for part in numbers.split("; ") {
        let Some((number, what)) = part.split_once(' ') else { continue };
        let Ok(number) = number.parse::<u64>() else { continue };
        match what {
            "passed" => counts.passed = number,
            "failed" => counts.failed = number,
            "ignored" => counts.skipped = number,
            _ => {}
        }
    }
    Some(counts)
}

fn line(row: &Row) -> String {
    let Counts { passed, failed, skipped } = row.counts;
    let verdict = if failed == 0 { "ok" } else { "FAILED" };
    format!("{:<10} {verdict:<6} {:>7.1} s  {passed} passed, {failed} failed, {skipped} skipped", row.name, row.seconds)
}

fn json_report(rows: &[Row], total: Counts) -> String {
    let counts = |counts: Counts| (json!(counts.passed), json!(counts.failed), json!(counts.skipped));
    let stages: Vec<Value> = rows
        .iter()
        .map(|row| {
            let (passed, failed, skipped) = counts(row.counts);
            json!({"name": row.name, "ok": row.counts.failed == 0, "seconds": row.seconds, "passed": passed, "failed": failed, "skipped": skipped})
        })
        .collect();
    let (passed, failed, skipped) = counts(total);
    object(&[
        ("schema", json!("concordat.test.v1")),
        ("ok", json!(total.failed == 0)),
        ("stages", json!(stages)),
        ("passed", passed),
        ("failed", failed),
        ("skipped", skipped),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_what_the_test_harness_prints() {
        let check = |line: &str, passed, failed, skipped| {
            assert_eq!(counts_of(line), Some(Counts { passed, failed, skipped }), "{line}");
        };
        check(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            12,
            0,
            1,
        );
        check(
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 7 filtered out; finished in 1.50s",
            3,
            2,
            0,
        );
        assert_eq!(counts_of("test result of a bank"), None);
        assert_eq!(counts_of("running 3 tests"), None);
    }

    #[test]
    fn stages_are_asked_for_by_name() {
        let parse = |text: &str| Options::parse(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert!(parse("--only fmt --only unit").is_ok_and(|options| options.only == ["fmt", "unit"]));
        assert!(matches!(parse("--only nonsense"), Err(Failure::Usage(_))));
        assert!(matches!(parse("--only"), Err(Failure::Usage(_))));
        assert!(matches!(parse("fmt"), Err(Failure::Usage(_))));
    }
}
