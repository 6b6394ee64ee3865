//! A network for a test, and what the tests ask of it.

use concordat_tests::harness::{
    Binaries, Cli, Failure, Layout, Load, Network,
    books::{balance, same_chain, same_ledger},
    http,
};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tempfile::TempDir;

/// Dropped from top to bottom: the processes end before their folder goes.
pub struct TestNetwork {
    pub network: Network,
    _folder: TempDir,
}

impl TestNetwork {
    /// Four banks and a central bank, not started.
    pub async fn new() -> Result<TestNetwork, Failure> {
        let binaries = Binaries::find()?;
        let cli = Cli { program: binaries.cli.clone(), is_shown: false };
        let folder = tempfile::Builder::new().prefix("concordat-cluster-").tempdir().expect("a temporary folder");
        let layout = Layout { dir: folder.path().join("network"), banks: 4, operator_keys: 1, base_port: None };
        Ok(TestNetwork { network: Network::create(binaries, cli, &layout).await?, _folder: folder })
    }

    pub async fn started() -> Result<TestNetwork, Failure> {
        let mut test = TestNetwork::new().await?;
        test.network.start_all()?;
        test.network.wait_ready(START_WITHIN).await?;
        Ok(test)
    }

    /// `bank-a/EUR/main` with money on it, and the same of bank-b.
    pub async fn fund(&self) -> Result<(), Failure> {
        for bank in ["bank-a", "bank-b"] {
            let account = format!("{bank}/EUR/main");
            self.network.cli(bank, &["account", "open", &account]).await?.data()?;
            let issue = ["issue", "--to", &account, "--amount", "1000.00"];
            self.network.cli("central-bank", &issue).await?.data()?;
        }
        Ok(())
    }

    /// The network still does what it is for.
    pub async fn pay(&self) -> Result<(), Failure> {
        let pay = ["pay", "--from", "bank-a/EUR/main", "--to", "bank-b/EUR/main", "--amount", "1.00"];
        self.network.cli("bank-a", &pay).await?.data().map(|_| ())
    }
}

/// Runs a test with no other beside it; what it says ends the test.
pub fn alone(test: impl AsyncFnOnce() -> Result<(), Failure>) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    if let Err(failure) = runtime.expect("a runtime").block_on(test()) {
        panic!("{failure}\n  next: {}", failure.next);
    }
}

/// All are at one height, with one ledger that balances and holds what was acknowledged.
pub async fn settled(test: &mut TestNetwork, acknowledged: u64, within: Duration) -> Result<(), Failure> {
    test.network.wait_ready(within).await?;
    let network = &test.network;
    let tip = network.heights().await.iter().map(|(_, height)| *height).max().unwrap_or_default();
    for node in &network.nodes {
        node.wait_height(tip, within).await?;
    }
    same_ledger(network).await?;
    same_chain(network, tip).await?;
    balance(network).await?;
    Load::check_books(network, acknowledged).await
}

/// Sum of a counter over its labels.
pub async fn counter(address: &str, name: &str) -> f64 {
    let metrics = http::get(address, "/metrics").await.expect("a node that runs serves metrics").body;
    let lines = metrics.lines().filter(|line| line.starts_with(name));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

pub fn rss_mb(pid: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux says so");
    line.split_whitespace().next().and_then(|text| text.parse::<f64>().ok()).expect("a number") / 1000.0
}

pub const START_WITHIN: Duration = Duration::from_secs(60);
