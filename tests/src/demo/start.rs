//! `genesis`, `start`

use super::{
    Options, Stage,
    report::{Figures, figures},
    stage::Folder,
};
use crate::harness::{Binaries, Cli, Failure, Layout, Network, failure::ensure};
use serde_json::json;
use std::time::{Duration, Instant};

pub async fn genesis(options: &Options) -> Result<(Stage, Figures), Failure> {
    let binaries = Binaries::find()?;
    let folder = match &options.dir {
        Some(dir) => Folder::Kept(std::path::absolute(dir).map_err(|error| Failure::file("folder", dir, &error))?),
        None => {
            let folder = tempfile::Builder::new().prefix("concordat-demo-").tempdir();
            Folder::Temporary(folder.map_err(|error| Failure::file("folder", &std::env::temp_dir(), &error))?)
        }
    };
    let cli = Cli { program: binaries.cli.clone(), is_shown: true };
    let dir = folder.path().join("network");
    let layout = Layout { dir, banks: BANKS, operator_keys: 1, base_port: options.base_port };
    let network = Network::create(binaries, cli, &layout).await?;
    let validators = network.validators().count();
    ensure(validators == usize::from(BANKS), || format!("{validators} validators, expected {BANKS}"))?;
    let figures = figures([
        ("members", json!(network.nodes.len())),
        ("validators", json!(validators)),
        ("network_id", json!(network.network_id)),
    ]);
    Ok((Stage { network, base_port: options.base_port, load: None, load_committed: 0, halted: None, folder }, figures))
}

pub async fn start(stage: &mut Stage) -> Result<Figures, Failure> {
    let begun = Instant::now();
    stage.network.start_all()?;
    stage.network.wait_ready(START_WITHIN).await?;
    let ready = begun.elapsed();
    let status = stage.network.cli("bank-a", &["status"]).await?.data()?;
    let peers = status["peers"].as_array().map_or(0, Vec::len);
    ensure(peers == usize::from(BANKS), || format!("bank-a has {peers} peers, expected {BANKS}"))?;
    Ok(figures([
        ("processes", json!(stage.network.nodes.len())),
        ("connections", json!(peers)),
        ("ready_ms", json!(ready.as_millis() as u64)),
    ]))
}

const BANKS: u16 = 4;
const START_WITHIN: Duration = Duration::from_secs(60);
