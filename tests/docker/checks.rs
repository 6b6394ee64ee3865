//! What must hold of the network in containers.

use crate::{
    engine::Engine,
    images::tag,
    trial::{BANKS, MEMBERS, Trial, project},
    watch,
};
use concordat_tests::harness::{Failure, failure::ensure, wait::seen, wait_until};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// Nothing that a node does not need: asked of the engine, and of the kernel.
pub async fn confined(trial: &Trial<'_>) -> Result<(), Failure> {
    for service in MEMBERS.into_iter().chain(["founding", "prometheus"]) {
        let container = trial.inspect(service).await?;
        let host = &container["HostConfig"];
        let found = (
            &container["Config"]["User"],
            &host["ReadonlyRootfs"],
            &host["CapDrop"][0],
            &host["SecurityOpt"][0],
            &host["Privileged"],
        );
        ensure(
            found
                == (
                    &"65532:65532".into(),
                    &true.into(),
                    &"ALL".into(),
                    &"no-new-privileges:true".into(),
                    &false.into(),
                ),
            || format!("{service} is not confined: {found:?}"),
        )?;
        if service != "founding" {
            check_process(service, &container["State"]["Pid"])?;
        }
    }
    Ok(())
}

fn check_process(service: &str, pid: &Value) -> Result<(), Failure> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).map_err(|error| Failure::file("process", Path::new(&path), &error))?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().split_whitespace().next().unwrap_or_default().to_owned()
    };
    let found = ["Uid", "CapEff", "NoNewPrivs"].map(field);
    ensure(found == ["65532", "0000000000000000", "1"], || format!("{service} runs with {found:?}"))
}

/// A node sees its own member's folder and what is everybody's, and in that there is no secret. Nothing comes from the
/// image: each network has passphrases of its own.
pub async fn keys_are_apart(trial: &Trial<'_>) -> Result<(), Failure> {
    let mut passphrases = BTreeSet::new();
    for member in MEMBERS {
        let mounts = mounts(&trial.inspect(member).await?);
        let names: Vec<&str> = mounts.keys().map(String::as_str).collect();
        ensure(names == ["/network", &format!("/network/{member}")], || format!("{member} has mounted {names:?}"))?;
        let (source, is_writable) = &mounts["/network"];
        ensure(!is_writable, || format!("{member} may write what is everybody's"))?;
        let files = files_below(source);
        let is_public = |path: &PathBuf| path.ends_with("genesis.json") || path.extension() == Some("crt".as_ref());
        let secret: Vec<_> = files.iter().filter(|path| !is_public(path)).collect();
        ensure(secret.is_empty() && files.len() == 1 + MEMBERS.len(), || format!("everybody can read {secret:?}"))?;
        let passphrase = mounts[&format!("/network/{member}")].0.join("passphrase");
        let text = fs::read(&passphrase).map_err(|error| Failure::file("passphrase", &passphrase, &error))?;
        passphrases.insert(text);
    }
    ensure(passphrases.len() == MEMBERS.len(), || "members share a passphrase".to_owned())
}

/// By place in the container: where it is on this machine, and whether it may be written.
fn mounts(container: &Value) -> BTreeMap<String, (PathBuf, bool)> {
    let mounts = container["Mounts"].as_array().cloned().unwrap_or_default();
    let text = |mount: &Value, name: &str| mount[name].as_str().unwrap_or_default().to_owned();
    mounts
        .iter()
        .map(|mount| (text(mount, "Destination"), (text(mount, "Source").into(), mount["RW"] == true)))
        .collect()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in entries.map(|entry| entry.expect("readable").path()) {
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

/// Three of four validators go on; the fourth comes back, has the same ledger, and signs.
pub async fn pays_while_one_is_down(trial: &Trial<'_>) -> Result<(), Failure> {
    for bank in ["bank-a", "bank-b"] {
        trial.cli(bank, &["account", "open", &format!("{bank}/EUR/main")]).await?;
    }
    trial.cli("central-bank", &["issue", "--to", "bank-a/EUR/main", "--amount", "1000.00"]).await?;
    pay(trial).await?;

    trial.compose(&["kill", AWAY]).await?;
    let status = &trial.inspect(AWAY).await?["State"]["Status"];
    ensure(status == "exited", || format!("{AWAY} was killed and is {status}"))?;
    for _ in 0..PAYMENTS {
        pay(trial).await?;
    }
    watch::alert_is_pending(trial, "NodeDown", AWAY).await?;
    trial.up().await?;
    trial.wait_healthy(&[AWAY]).await?;
    same_ledger(trial).await?;
    wait_until(&format!("{AWAY} signs again"), SIGNS_WITHIN, async || {
        pay(trial).await.map_err(|failure| failure.cause)?;
        let status = trial.cli("bank-a", &["status"]).await.map_err(|failure| failure.cause)?;
        let signers = &status["last_signers"];
        seen(signers.as_array().is_some_and(|signers| signers.contains(&AWAY.into())), || format!("signers: {signers}"))
    })
    .await
}

/// The second start finds the keys of the first.
pub async fn survives_a_stop_of_all(trial: &Trial<'_>) -> Result<(), Failure> {
    let network = |status: &Value| status["network_id"].clone();
    let before = network(&trial.cli("bank-a", &["status"]).await?);
    trial.compose(&["stop", "--timeout", "5"]).await?;
    trial.up().await?;
    trial.wait_healthy(&MEMBERS).await?;
    let after = network(&trial.cli("bank-a", &["status"]).await?);
    ensure(before == after, || format!("the network was {before} and is {after}"))?;
    pay(trial).await?;
    same_ledger(trial).await?;
    let account = trial.cli("bank-b", &["account", "show", "bank-b/EUR/main"]).await?;
    let paid = account["balance"].as_str().and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    ensure(paid >= f64::from(PAYMENTS + 2), || format!("bank-b has {}", account["balance"]))
}

async fn pay(trial: &Trial<'_>) -> Result<(), Failure> {
    let pay = ["pay", "--from", "bank-a/EUR/main", "--to", "bank-b/EUR/main", "--amount", "1.00"];
    trial.cli("bank-a", &pay).await.map(|_| ())
}

/// Every node, asked itself, comes to the highest height seen and has the same block there.
async fn same_ledger(trial: &Trial<'_>) -> Result<(), Failure> {
    let mut tip = 0;
    for member in MEMBERS {
        tip = tip.max(trial.cli(member, &["status"]).await?["height"].as_u64().unwrap_or_default());
    }
    let mut blocks = BTreeSet::new();
    for member in MEMBERS {
        let what = format!("{member} at height {tip}");
        wait_until(&what, CATCHES_UP_WITHIN, async || {
            let status = trial.cli(member, &["status"]).await.map_err(|failure| failure.cause)?;
            seen(status["member"] == member, || format!("{} answered", status["member"]))?;
            seen(status["height"].as_u64() >= Some(tip), || format!("it is at {}", status["height"]))
        })
        .await?;
        let block = trial.cli(member, &["block", "show", &tip.to_string()]).await?;
        blocks.insert(block["block_id"].to_string());
    }
    ensure(blocks.len() == 1, || format!("at height {tip} there are {blocks:?}"))
}

/// Of this run.
pub async fn nothing_is_left(engine: &Engine) -> Result<(), Failure> {
    let of_project = format!("label=com.docker.compose.project={}", project());
    for kind in [&["ps", "--all"][..], &["volume", "ls"], &["network", "ls"]] {
        let left = engine.docker(&[kind, &["--quiet", "--filter", &of_project]].concat()).await?;
        ensure(left.trim().is_empty(), || format!("docker {} still has {left}", kind.join(" ")))?;
    }
    let images = engine.docker(&["images", "--quiet", "--filter", &format!("reference={}", tag("*"))]).await?;
    ensure(images.trim().is_empty(), || format!("docker images still has {images}"))
}

const AWAY: &str = BANKS[2];
const PAYMENTS: u32 = 10;
const SIGNS_WITHIN: Duration = Duration::from_secs(60);
const CATCHES_UP_WITHIN: Duration = Duration::from_secs(60);
