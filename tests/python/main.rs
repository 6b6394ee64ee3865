//! `examples/python` against real processes: that a bank can write its client from the documents alone, and that what such a
//! client verifies is what the ledger says.
//!
//! `cargo xtask test --only python` makes the Python with what `requirements.txt` pins and names it in CONCORDAT_PYTHON.

use concordat_tests::harness::{Binaries, Cli, Failure, Layout, Network, failure::ensure};
use serde_json::Value;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tempfile::TempDir;

#[test]
fn its_own_tests_pass() {
    let python = Python::new();
    let said = python.run(&["-m", "unittest", "discover", "tests"]).expect("they pass");
    let ran = said.lines().find_map(|line| line.strip_prefix("Ran ")?.split(' ').next()?.parse::<u32>().ok());
    assert!(ran.is_some_and(|ran| ran > 0), "nothing was run: {said}");
}

#[test]
fn a_back_office_pays_follows_and_verifies() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    if let Err(failure) = runtime.expect("a runtime").block_on(back_office()) {
        panic!("{failure}\n  next: {}", failure.next);
    }
}

async fn back_office() -> Result<(), Failure> {
    let python = Python::new();
    let (binaries, folder) = (Binaries::find()?, tempfile::tempdir().expect("a temporary folder"));
    let cli = Cli { program: binaries.cli.clone(), is_shown: false };
    let layout = Layout { dir: folder.path().join("network"), banks: 4, operator_keys: 1, base_port: None };
    let mut network = Network::create(binaries, cli, &layout).await?;
    network.start_all()?;
    network.wait_ready(START_WITHIN).await?;
    for bank in ["bank-a", "bank-b"] {
        let account = format!("{bank}/EUR/main");
        network.cli(bank, &["account", "open", &account]).await?.data()?;
        network.cli("central-bank", &["issue", "--to", &account, "--amount", "1000.00"]).await?.data()?;
    }

    let office = Office { python: &python, network: &network, folder: folder.path() };
    let said = office.run("12.50", 2)?;
    let ids = ids_of(&said, "paid ");
    ensure(ids.len() == 2 && ids_of(&said, "verified ") == ids, || format!("two payments, each verified: {said}"))?;
    ensure(said.contains("verified balance 97500 of bank-a/EUR/main"), || format!("another balance: {said}"))?;
    let cursor = office.cursor()?;
    // Run again, it goes on behind what it has worked off, and pays anew.
    let said = office.run("0.01", 1)?;
    ensure(ids_of(&said, "verified ").len() == 1 && office.cursor()? > cursor, || {
        format!("it does not go on: {said}")
    })?;
    let balance = balance(&network).await?;
    ensure(balance == "974.99", || format!("the node has a balance of {balance}"))?;
    ensure(said.contains("verified balance 97499 of"), || format!("the node has {balance}: {said}"))?;

    of_the_command_line(&office, &ids[0]).await
}

/// Receipt and proof as Rust writes them, verified by Python; altered, they are refused.
async fn of_the_command_line(office: &Office<'_>, id: &str) -> Result<(), Failure> {
    let path = |name: &str| office.folder.join(name).display().to_string();
    let (receipt, proof) = (path("receipt.json"), path("proof.json"));
    office.network.cli("bank-a", &["receipt", "get", id, "--file", &receipt]).await?.data()?;
    office.network.cli("bank-a", &["proof", "account", "bank-a/EUR/main", "--file", &proof]).await?.data()?;
    for file in [&receipt, &proof] {
        let shown = office.verify(file)?;
        ensure(shown.starts_with("verified"), || format!("{file}: {shown}"))?;
        let text = fs::read_to_string(file).expect("it was just written");
        let content: Value = serde_json::from_str(&text).expect("it is JSON");
        for part in ["/leaf", "/path", "/subject/transfer", "/value", "/finality/header", "/finality/certificate"] {
            let Some(hex) = content.pointer(part).and_then(Value::as_str) else { continue };
            let mut altered = content.clone();
            let last = if hex.ends_with('0') { "1" } else { "0" };
            *altered.pointer_mut(part).expect("it was there") = format!("{}{last}", &hex[..hex.len() - 1]).into();
            fs::write(path("altered.json"), altered.to_string()).expect("ours");
            let shown = office.verify(&path("altered.json"))?;
            ensure(shown.starts_with("refused"), || format!("{file}, {part} altered: {shown}"))?;
        }
    }
    // The receipt that Python has kept shows the same.
    let (kept, theirs) = (json(&office.folder.join(format!("{id}.json"))), json(Path::new(&receipt)));
    for part in ["network_id", "subject", "leaf", "path"] {
        ensure(kept[part] == theirs[part] && !kept[part].is_null(), || format!("{part}: {kept} and {theirs}"))?;
    }
    Ok(())
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("it was written")).expect("it is JSON")
}

/// `PREFIX ID: ...`, in order.
fn ids_of(said: &str, prefix: &str) -> Vec<String> {
    let id = |line: &str| Some(line.strip_prefix(prefix)?.split_once(':')?.0.to_owned());
    said.lines().filter_map(id).collect()
}

async fn balance(network: &Network) -> Result<String, Failure> {
    let account = network.cli("bank-a", &["account", "show", "bank-a/EUR/main"]).await?.data()?;
    Ok(account["balance"].as_str().unwrap_or_default().to_owned())
}

struct Office<'a> {
    python: &'a Python,
    network: &'a Network,
    /// For the cursor and the receipts.
    folder: &'a Path,
}

impl Office<'_> {
    fn run(&self, amount: &str, count: u32) -> Result<String, Failure> {
        let path = |path: PathBuf| path.display().to_string();
        let (profile, genesis) = (path(self.network.profile("bank-a")), path(self.network.dir.join("genesis.json")));
        let (cursor, receipts, count) = (path(self.cursor_path()), path(self.folder.to_owned()), count.to_string());
        self.python.run(&[
            "back_office.py",
            "--profile",
            &profile,
            "--genesis",
            &genesis,
            "--to",
            "bank-b/EUR/main",
            "--amount",
            amount,
            "--count",
            &count,
            "--cursor",
            &cursor,
            "--receipts",
            &receipts,
        ])
    }

    fn cursor_path(&self) -> PathBuf {
        self.folder.join("cursor")
    }

    fn cursor(&self) -> Result<u64, Failure> {
        let text = fs::read_to_string(self.cursor_path()).unwrap_or_default();
        text.parse().map_err(|_| Failure::check(format!("the cursor holds {text:?}")))
    }

    fn verify(&self, file: &str) -> Result<String, Failure> {
        let genesis = self.network.dir.join("genesis.json").display().to_string();
        self.python.run(&["-c", VERIFY, &genesis, file])
    }
}

/// With the stubs that README.md says to generate.
struct Python {
    program: PathBuf,
    stubs: TempDir,
}

impl Python {
    fn new() -> Python {
        let program = env::var_os("CONCORDAT_PYTHON").expect("run by `cargo xtask test --only python`").into();
        let python = Python { program, stubs: tempfile::tempdir().expect("a temporary folder") };
        let protos = root().join("proto").display().to_string();
        let stubs = python.stubs.path().display().to_string();
        let (to, grpc_to) = (format!("--python_out={stubs}"), format!("--grpc_python_out={stubs}"));
        let ledger = root().join("proto/concordat/v1/ledger.proto").display().to_string();
        python
            .run(&["-m", "grpc_tools.protoc", "-I", &protos, &to, &grpc_to, &ledger])
            .expect("the stubs are generated");
        python
    }

    /// In examples/python; what it says on both streams.
    fn run(&self, arguments: &[&str]) -> Result<String, Failure> {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(root().join("examples/python"));
        // Nothing is written into the checkout, and the user's own surroundings stay out of it.
        command.env("PYTHONPATH", self.stubs.path()).env("PYTHONDONTWRITEBYTECODE", "1");
        command.env_remove("CONCORDAT_PASSPHRASE_FILE");
        let output = command.output().map_err(|error| Failure::file("program", &self.program, &error))?;
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure(output.status.success(), || format!("python {}: {}: {said}", arguments.join(" "), output.status))?;
        Ok(said)
    }
}

fn root() -> PathBuf {
    let package = env::var("CARGO_MANIFEST_DIR").expect("cargo and xtask set it");
    Path::new(&package).parent().expect("the package is in the workspace").to_owned()
}

/// Of what concordat_client is for beside the script: a file that somebody else has handed over.
const VERIFY: &str = "
import json, sys
from concordat_client import receipts
anchor = receipts.GenesisAnchor(receipts.load_genesis(sys.argv[1]))
try:
    header, *_ = receipts.verify(json.load(open(sys.argv[2], encoding='utf-8')), anchor)
    print('verified', header['height'])
except receipts.Refused as refused:
    print('refused', refused)
";
const START_WITHIN: Duration = Duration::from_secs(60);
