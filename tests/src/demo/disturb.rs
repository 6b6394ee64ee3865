//! `kill`, `rejoin`, `halt`, `heal`: one validator may fail without anybody noticing; with two of four gone nothing is
//! decided, and nothing is lost.

use super::{
    Stage,
    report::{Figures, figures},
    stage::Halted,
};
use crate::harness::{
    Failure, Load, Network, Signal,
    failure::ensure,
    wait::{seen, wait_until},
};
use concordat_cli::{Exit, client::IdKind, new_id};
use serde_json::json;
use std::time::{Duration, Instant};

pub async fn kill(stage: &mut Stage) -> Result<Figures, Failure> {
    Load::prepare(&stage.network).await?;
    let load = stage.load.insert(Load::start(&stage.network, WORKERS).await?);
    let committed = async |load: &Load, at_least| {
        wait_until("payments of the load", LOAD_WITHIN, async || {
            let committed = load.committed();
            seen(committed >= at_least, || format!("{committed} of {at_least} are committed"))
        })
        .await
    };
    committed(load, PAYMENTS_BETWEEN).await?;

    let before = load.committed();
    load.take_longest_gap();
    stage.network.kill(VICTIM)?;
    committed(load, before + PAYMENTS_BETWEEN).await?;
    let gap = load.take_longest_gap();
    ensure(gap <= GAP_MAX, || format!("no payment was committed for {} ms", gap.as_millis()))?;
    let status = stage.network.node("bank-a")?.status().await.map_err(Failure::check)?;
    Ok(figures([
        ("killed", json!(VICTIM)),
        ("committed_before", json!(before)),
        ("committed_after", json!(load.committed() - before)),
        ("longest_gap_ms", json!(gap.as_millis() as u64)),
        ("height", json!(status.height)),
    ]))
}

pub async fn rejoin(stage: &mut Stage) -> Result<Figures, Failure> {
    let status = async |network: &Network, name| network.node(name)?.status().await.map_err(Failure::check);
    let tip = status(&stage.network, "bank-a").await?.height;
    let begun = Instant::now();
    stage.network.start(VICTIM)?;
    let (bank_a, victim) = (stage.network.node("bank-a")?, stage.network.node(VICTIM)?);
    let first = wait_until("it answers", REJOIN_WITHIN, async || victim.status().await).await?;
    victim.wait_height(tip, REJOIN_WITHIN).await?;
    let caught_up = begun.elapsed();
    let voted_at = wait_until("it votes", REJOIN_WITHIN, async || {
        let status = bank_a.status().await?;
        let signs = status.height > tip && status.last_signers.iter().any(|signer| signer == VICTIM);
        seen(signs, || format!("height {} is signed by {:?}", status.height, status.last_signers))?;
        Ok(status.height)
    })
    .await?;
    Ok(figures([
        ("behind", json!(tip.saturating_sub(first.height))),
        ("caught_up_ms", json!(caught_up.as_millis() as u64)),
        ("voted_at_height", json!(voted_at)),
        ("voted_ms", json!(begun.elapsed().as_millis() as u64)),
    ]))
}

pub async fn halt(stage: &mut Stage) -> Result<Figures, Failure> {
    let network = &stage.network;
    network.cli("bank-b", &["account", "open", "bank-b/EUR/late"]).await?.data()?;
    for name in STOPPED {
        network.signal(name, Signal::Stop)?;
    }
    let at_stop = highest(network).await?;
    // The command's own timeout is the time for which we watch.
    let id = new_id();
    let text = id.to_string();
    let pay = [
        "pay",
        "--from",
        "bank-a/EUR/main",
        "--to",
        "bank-b/EUR/late",
        "--amount",
        "7.00",
        "--id",
        &text,
        "--timeout",
        "5",
    ];
    let begun = Instant::now();
    network.cli("bank-a", &pay).await?.refused(Exit::Unreachable as i32, "E_TIMEOUT", None)?;
    let watched = begun.elapsed();
    let height = highest(network).await?;
    ensure(height <= at_stop + 1, || format!("height {height}, and it was {at_stop} when two validators stopped"))?;
    let bank_a = network.node("bank-a")?;
    let outcome = bank_a.rpc().outcome(id, IdKind::Transfer).await;
    ensure(outcome.as_ref().is_err_and(|error| error.code == "E_NOT_FOUND"), || {
        format!("the payment should be pending, and is {outcome:?}")
    })?;
    stage.halted = Some(Halted { validators: STOPPED.map(str::to_owned).to_vec(), height, payment: id });
    Ok(figures([
        ("stopped", json!(STOPPED)),
        ("height_at_stop", json!(at_stop)),
        ("height_after", json!(height)),
        ("watched_ms", json!(watched.as_millis() as u64)),
    ]))
}

pub async fn heal(stage: &mut Stage) -> Result<Figures, Failure> {
    let halted = stage.halted.take().ok_or_else(|| Failure::check("nothing is halted"))?;
    let network = &stage.network;
    let begun = Instant::now();
    for name in &halted.validators {
        network.signal(name, Signal::Continue)?;
    }
    let bank_a = network.node("bank-a")?;
    bank_a.wait_height(halted.height + 1, HEAL_WITHIN).await?;
    let healed = begun.elapsed();

    let booked = wait_until("the payment is booked", HEAL_WITHIN, async || {
        bank_a.rpc().outcome(halted.payment, IdKind::Transfer).await.map_err(|error| error.to_string())
    });
    let booked_at = booked.await?.height.0;
    let late = network.cli("bank-b", &["account", "show", "bank-b/EUR/late"]).await?.data()?;
    ensure(late["credits_posted"] == "7.00", || format!("7.00 was paid, and {} is booked", late["credits_posted"]))?;

    // Sent once more it is known, and moves nothing.
    let text = halted.payment.to_string();
    let pay = ["pay", "--from", "bank-a/EUR/main", "--to", "bank-b/EUR/late", "--amount", "7.00", "--id", &text];
    let again = network.cli("bank-a", &pay).await?.data()?;
    ensure(again["repeat"] == true && again["height"].as_u64() == Some(booked_at), || {
        format!("the repeat says {again}")
    })?;
    let late = network.cli("bank-b", &["account", "show", "bank-b/EUR/late"]).await?.data()?;
    ensure(late["credits_posted"] == "7.00", || format!("booked twice: {}", late["credits_posted"]))?;

    let load = stage.load.take().ok_or_else(|| Failure::check("there is no load"))?;
    let done = load.stop().await?;
    stage.load_committed = done.committed;
    Ok(figures([
        ("block_after_ms", json!(healed.as_millis() as u64)),
        ("booked_at_height", json!(booked_at)),
        ("booked_times", json!(1)),
        ("load_payments", json!(done.committed)),
        ("load_repeats", json!(done.repeats)),
    ]))
}

async fn highest(network: &Network) -> Result<u64, Failure> {
    let mut highest = None;
    for node in network.nodes.iter().filter(|node| !STOPPED.contains(&node.name.as_str())) {
        highest = highest.max(Some(node.status().await.map_err(Failure::check)?.height));
    }
    highest.ok_or_else(|| Failure::check("no node answers"))
}

const VICTIM: &str = "bank-c";
const STOPPED: [&str; 2] = ["bank-c", "bank-d"];
/// Payments of each bank under way at once.
const WORKERS: usize = 4;
const PAYMENTS_BETWEEN: u64 = 200;
const LOAD_WITHIN: Duration = Duration::from_secs(60);
/// A proposal of the dead validator times out, and the round after it takes a while on a busy machine.
const GAP_MAX: Duration = Duration::from_secs(15);
const REJOIN_WITHIN: Duration = Duration::from_secs(30);
const HEAL_WITHIN: Duration = Duration::from_secs(10);
