//! Where the workspace and its target folder are, and cargo as a child that is seen to be alive.

use crate::Failure;
use serde_json::Value;
use std::{
    ffi::OsStr,
    io::{BufRead as _, BufReader, stderr},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

pub struct Workspace {
    pub root: PathBuf,
    /// Outlives the checkout, so that the C++ of RocksDB is compiled once a machine.
    pub target: PathBuf,
}

/// A test executable that cargo has built.
pub struct TestTarget {
    pub package: String,
    /// `lib`, `bin` or `test`.
    pub kind: String,
    pub name: String,
    pub executable: PathBuf,
    /// The folder of the package: tests run in it, as under `cargo test`.
    pub folder: PathBuf,
}

impl Workspace {
    pub fn find() -> Result<Workspace, Failure> {
        // Set by `cargo run`; the literal serves a binary that is started by hand.
        let package =
            std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let root = package.parent().map(Path::to_path_buf).filter(|root| root.join("Cargo.lock").is_file());
        let root = root.ok_or_else(|| {
            Failure::SetUp("the workspace is not beside xtask: run `cargo xtask` in a checkout".into())
        })?;
        Ok(Workspace { root, target: target_folder()? })
    }

    pub fn binary(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }

    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("CARGO_TARGET_DIR", &self.target);
        command
    }

    pub fn cargo(&self) -> Command {
        let mut command = self.command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root);
        if let Some(folder) = crate::setup::libclang_outside_the_usual_places() {
            command.env("LIBCLANG_PATH", folder);
        }
        command
    }

    /// The packages are always resolved together (`--workspace`): a single one may ask its dependencies for fewer
    /// features, which is another build of RocksDB.
    pub fn build_binaries(&self, names: &[&str]) -> Result<(), Failure> {
        eprintln!("xtask: building {} into {}", names.join(", "), self.target.display());
        let mut command = self.cargo();
        command.args(["build", "--release", "--workspace"]);
        for name in names {
            command.args(["--bin", name]);
        }
        run("build", command.stdout(stderr()))
    }

    /// Builds every test of the workspace, and the programs that they start. `targets` has what was built, also where
    /// something failed.
    pub fn build_tests(&self, targets: &mut Vec<TestTarget>) -> Result<(), Failure> {
        eprintln!("xtask: building the tests into {}", self.target.display());
        let mut command = self.cargo();
        command.args(["build", "--release", "--workspace", "--lib", "--bins", "--tests", "--keep-going"]);
        command.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped());
        let lines = |line: &str| {
            let message: Value = serde_json::from_str(line).unwrap_or_default();
            targets.extend(test_target(&message));
        };
        run_lines("build of the tests", &mut command, lines)
    }
}

/// Runs to the end and wants success.
pub fn run(what: &str, command: &mut Command) -> Result<(), Failure> {
    finish(what, spawn(what, command)?)
}

/// The same, with each line of its output (which must be piped) handed over as it comes.
pub fn run_lines(what: &str, command: &mut Command, mut each: impl FnMut(&str)) -> Result<(), Failure> {
    let mut child = spawn(what, command)?;
    let stdout = child.child.stdout.take().expect("the caller pipes the output");
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line.map_err(|error| Failure::Check(format!("{what}: its output ended: {error}")))?;
        each(&String::from_utf8_lossy(&line));
    }
    finish(what, child)
}

struct Child {
    child: std::process::Child,
    /// Dropped when the child has ended; that ends the reminder thread.
    _reminder: mpsc::Sender<()>,
}

fn spawn(what: &str, command: &mut Command) -> Result<Child, Failure> {
    let child = command.spawn().map_err(|error| Failure::Check(format!("{what} does not start: {error}")))?;
    Ok(Child { child, _reminder: remind(what.to_owned()) })
}

fn finish(what: &str, mut child: Child) -> Result<(), Failure> {
    match child.child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::Check(format!("{what} failed: {status}"))),
        Err(error) => Err(Failure::Check(format!("{what}: {error}"))),
    }
}

/// Says every half minute that it is still running, until the sender is dropped. RocksDB is silent for a quarter of an hour.
fn remind(what: String) -> mpsc::Sender<()> {
    let (sender, receiver) = mpsc::channel::<()>();
    let start = Instant::now();
    std::thread::spawn(move || {
        while receiver.recv_timeout(REMINDER) == Err(mpsc::RecvTimeoutError::Timeout) {
            let seconds = start.elapsed().as_secs();
            let hint = if what.contains("build") {
                " (the first build compiles RocksDB: 8 to 16 minutes on two cores)"
            } else {
                ""
            };
            eprintln!("xtask: {what}: {} min {:02} s so far{hint}", seconds / 60, seconds % 60);
        }
    });
    sender
}

fn target_folder() -> Result<PathBuf, Failure> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = if let Some(folder) = set("CARGO_TARGET_DIR") {
        folder
    } else if let Some(cache) = set("XDG_CACHE_HOME") {
        cache.join("concordat/target")
    } else if let Some(home) = set("HOME") {
        home.join(".cache/concordat/target")
    } else {
        return Err(Failure::SetUp("no place for the target folder: set HOME or CARGO_TARGET_DIR".into()));
    };
    std::path::absolute(&folder).map_err(|error| Failure::SetUp(format!("target folder {}: {error}", folder.display())))
}

/// A line of cargo's JSON output, if it reports a test executable.
fn test_target(message: &Value) -> Option<TestTarget> {
    if message["reason"] != "compiler-artifact" || message["profile"]["test"] != true {
        return None;
    }
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?.to_path_buf();
    Some(TestTarget {
        package: package_name(message["package_id"].as_str()?)?.to_owned(),
        kind: message["target"]["kind"][0].as_str()?.to_owned(),
        name: message["target"]["name"].as_str()?.to_owned(),
        executable: message["executable"].as_str()?.into(),
        folder,
    })
}

/// `path+file:///folder/name#0.1.0` or `path+file:///folder#name@0.1.0` (cargo's package id specifications).
fn package_name(id: &str) -> Option<&str> {
    let (place, rest) = id.split_once('#')?;
    match rest.split_once('@') {
        Some((name, _version)) => Some(name),
        None => place.rsplit('/').next(),
    }
}

const REMINDER: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_packages_by_both_forms_of_id() {
        assert_eq!(package_name("path+file:///w/xtask#0.1.0"), Some("xtask"));
        assert_eq!(package_name("path+file:///w/node/types#concordat-types@0.1.0"), Some("concordat-types"));
        assert_eq!(package_name("nonsense"), None);
    }

    #[test]
    fn only_test_artifacts_count() {
        let artifact = |reason: &str, test: bool| {
            let text = format!(
                r#"{{"reason":"{reason}","package_id":"path+file:///w/tests#concordat-tests@0.1.0","manifest_path":"/w/tests/Cargo.toml",
                    "target":{{"kind":["test"],"name":"tidy"}},"profile":{{"test":{test}}},"executable":"/t/tidy-1"}}"#
            );
            test_target(&serde_json::from_str(&text).unwrap()).map(|target| target.name)
        };
        assert_eq!(artifact("compiler-artifact", true).as_deref(), Some("tidy"));
        assert_eq!(artifact("compiler-artifact", false), None);
        assert_eq!(artifact("build-script-executed", true), None);
    }
}
