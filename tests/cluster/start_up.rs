//! Starts that must fail do so at once, with a code, the cause and the next step.

use crate::support::{START_WITHIN, TestNetwork, alone};
use concordat_tests::harness::{Failure, Network, failure::ensure, http, wait_until};
use std::{
    fs::{self, OpenOptions},
    net::TcpListener,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{process::Command, time::timeout};

#[test]
fn starts_that_must_fail_say_why_and_what_to_do() {
    alone(async || {
        let mut test = TestNetwork::new().await?;
        let other = TestNetwork::new().await?;
        let network = &mut test.network;

        taken_port(network).await?;
        no_config(network).await?;
        unknown_key_in_config(network).await?;
        wrong_genesis(network).await?;
        make_store(network, "bank-a").await?;
        make_store(network, "bank-b").await?;
        foreign_data(network, &other.network).await?;
        data_in_use(network).await?;
        corrupt_store(network).await?;
        foreign_sign_record(network).await
    });
}

/// How a start that must fail ends.
struct Ended {
    exit: Option<i32>,
    said: String,
}

impl Ended {
    fn expect(self, code: &str, mentions: &[&str]) -> Result<(), Failure> {
        let Ended { exit, said } = self;
        ensure(exit.is_some_and(|exit| exit != 0), || format!("expected {code}, and it ended with {exit:?}: {said}"))?;
        ensure(said.contains(&format!("error[{code}]")), || format!("expected {code}: {said}"))?;
        ensure(said.contains("next: "), || format!("{code} without a next step: {said}"))?;
        ensure(!said.contains("panicked"), || format!("a panic: {said}"))?;
        let missing = mentions.iter().find(|text| !said.contains(**text));
        ensure(missing.is_none(), || format!("{code} does not mention {missing:?}: {said}"))
    }
}

async fn start(network: &Network, name: &str, arguments: &[&str]) -> Result<Ended, Failure> {
    let command = network.command(name)?;
    let mut command = Command::from(command);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let ended = timeout(WITHIN, command.output()).await;
    let ended = ended.map_err(|_| Failure::check(format!("{name} runs, and should not")))?;
    let output = ended.map_err(|error| Failure::check(format!("{name} does not start: {error}")))?;
    Ok(Ended { exit: output.status.code(), said: String::from_utf8_lossy(&output.stderr).into_owned() })
}

async fn taken_port(network: &Network) -> Result<(), Failure> {
    let node = network.node("bank-a")?;
    for address in [&node.peer, &node.client, &node.http] {
        let _holder = TcpListener::bind(address).expect("found free just now");
        start(network, "bank-a", &[]).await?.expect("E_PORT_TAKEN", &[address])?;
    }
    Ok(())
}

async fn no_config(network: &Network) -> Result<(), Failure> {
    for name in ["bank-a", "central-bank"] {
        let path = network.node(name)?.config_path();
        let aside = path.with_extension("aside");
        fs::rename(&path, &aside).expect("ours");
        let ended = start(network, name, &[]).await;
        fs::rename(&aside, &path).expect("ours");
        ended?.expect("E_CONFIG", &["node.toml"])?;
    }
    Ok(())
}

async fn unknown_key_in_config(network: &Network) -> Result<(), Failure> {
    let path = network.node("bank-a")?.config_path();
    with_text(&path, |text| format!("colour = \"blue\"\n{text}"), async || start(network, "bank-a", &[]).await)
        .await?
        .expect("E_CONFIG", &["colour"])
}

async fn wrong_genesis(network: &Network) -> Result<(), Failure> {
    let path = network.dir.join("genesis.json");
    let good = fs::read_to_string(&path).expect("it was written");
    for (what, text) in [
        ("another content than its id", good.replacen(": \"trial\"", ": \"trail\"", 1)),
        ("not JSON", good[..good.len() / 2].to_owned()),
        ("empty", String::new()),
    ] {
        let ended = with_text(&path, |_| text, async || start(network, "bank-a", &[]).await).await?;
        ended.expect("E_GENESIS", &["genesis.json"]).map_err(|failure| failure.context(what))?;
    }
    Ok(())
}

/// Lets a node run alone until its store is made.
async fn make_store(network: &mut Network, name: &str) -> Result<(), Failure> {
    network.start(name)?;
    let address = network.node(name)?.http.clone();
    wait_until("it lives", START_WITHIN, async || {
        http::get(&address, "/livez").await.map_err(|error| error.to_string())
    })
    .await?;
    network.kill(name)
}

async fn foreign_data(network: &Network, other: &Network) -> Result<(), Failure> {
    // The other network's own genesis and keys, with the data of the first.
    let data = network.node("bank-a")?.data_path().display().to_string();
    start(other, "central-bank", &["--data", &data]).await?.expect("E_DATA_FOREIGN", &["network"])
}

async fn data_in_use(network: &mut Network) -> Result<(), Failure> {
    network.start("bank-a")?;
    let node = network.node("bank-a")?;
    let address = node.http.clone();
    wait_until("it lives", START_WITHIN, async || {
        http::get(&address, "/livez").await.map_err(|error| error.to_string())
    })
    .await?;
    let data = node.data_path().display().to_string();
    start(network, "central-bank", &["--data", &data]).await?.expect("E_DATA_IN_USE", &[])?;
    // A second validator with the same key would be the end of it.
    let free = ["--listen-peer", "127.0.0.1:0", "--listen-client", "127.0.0.1:0", "--listen-http", "127.0.0.1:0"];
    start(network, "bank-a", &free).await?.expect("E_SIGNER", &["sign"])?;
    network.kill("bank-a")
}

async fn corrupt_store(network: &Network) -> Result<(), Failure> {
    let store = network.node("bank-b")?.data_path().join("store");
    let manifest = files(&store).into_iter().find(|path| name(path).starts_with("MANIFEST"));
    spoil(&manifest.expect("RocksDB keeps one"));
    start(network, "bank-b", &[]).await?.expect("E_DATA_CORRUPT", &[])?;
    fs::write(store.join("CURRENT"), "nonsense\n").expect("ours");
    start(network, "bank-b", &[]).await?.expect("E_DATA_CORRUPT", &[])
}

/// A record that belongs to another key must not be signed with.
async fn foreign_sign_record(network: &Network) -> Result<(), Failure> {
    let record = |name: &str| network.profile(name).join("validator/sign-record");
    fs::copy(record("bank-d"), record("bank-c")).expect("ours");
    start(network, "bank-c", &[]).await?.expect("E_SIGNER", &["key"])?;
    fs::remove_file(record("bank-c")).expect("ours");
    start(network, "bank-c", &[]).await?.expect("E_SIGNER", &["sign record"])
}

/// Runs with the file changed, and puts it back.
async fn with_text<T>(path: &Path, change: impl FnOnce(String) -> String, run: impl AsyncFnOnce() -> T) -> T {
    let text = fs::read_to_string(path).expect("it was written");
    fs::write(path, change(text.clone())).expect("ours");
    let outcome = run().await;
    fs::write(path, text).expect("ours");
    outcome
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the node has made it");
    entries.map(|entry| entry.expect("readable").path()).collect()
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Other bytes in the middle.
fn spoil(path: &Path) {
    let length = fs::metadata(path).expect("it exists").len();
    let file = OpenOptions::new().write(true).open(path).expect("ours");
    let at = length / 3;
    file.write_all_at(&vec![0x5a; (length / 3).max(1) as usize], at).expect("ours");
}

const WITHIN: Duration = Duration::from_secs(30);
