//! A validator is killed at many instants under load, and comes back each time. Afterwards there is one chain, every
//! acknowledged payment stands in it exactly once, and no key has signed twice.

use crate::support::{TestNetwork, alone, counter, settled};
use concordat_tests::harness::{
    Failure, Load,
    failure::ensure,
    wait::{let_pass, seen},
    wait_until,
};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use std::{
    env,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

#[test]
fn validators_survive_a_kill_at_any_instant() {
    let seed = number("CONCORDAT_SEED").unwrap_or_else(from_the_clock);
    let instants = number("CONCORDAT_KILLS").unwrap_or(INSTANTS);
    eprintln!("seed {seed}, {instants} kills; CONCORDAT_SEED={seed} draws the same again");
    alone(async || {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut test = TestNetwork::started().await?;
        let validators: Vec<String> = test.network.validators().map(|node| node.name.clone()).collect();
        Load::prepare(&test.network).await?;
        let load = Load::start(&test.network, WORKERS).await?;
        for instant in 1..=instants {
            let victim = &validators[random.random_range(0..validators.len())];
            let_pass(Duration::from_millis(random.random_range(0..INSTANT_MS_MAX))).await;
            test.network.kill(victim)?;
            // Down for no time at all, or for long enough that the others go on.
            let_pass(Duration::from_millis(random.random_range(0..DOWN_MS_MAX))).await;
            let before = load.committed();
            test.network.start(victim)?;
            comes_back(&test, victim, &load, before)
                .await
                .map_err(|failure| failure.context(format!("seed {seed}, kill {instant} of {instants}, {victim}")))?;
        }
        let done = load.stop().await?;
        settles(&mut test, done.committed).await.map_err(|failure| failure.context(format!("seed {seed}")))?;
        eprintln!("{} payments acknowledged, {} sent again", done.committed, done.repeats);
        Ok(())
    });
}

/// The victim answers, and payments go on.
async fn comes_back(test: &TestNetwork, victim: &str, load: &Load, before: u64) -> Result<(), Failure> {
    let node = test.network.node(victim)?;
    let back = wait_until("it answers", BACK_WITHIN, async || node.status().await).await;
    back.map_err(|failure| {
        failure.context(node.process.as_ref().map_or_else(String::new, |process| process.last_words()))
    })?;
    wait_until("payments go on", BACK_WITHIN, async || {
        seen(load.committed() > before, || "none is committed".to_owned())
    })
    .await
}

async fn settles(test: &mut TestNetwork, acknowledged: u64) -> Result<(), Failure> {
    settled(test, acknowledged, BACK_WITHIN).await?;
    let network = &test.network;
    for node in &network.nodes {
        let (log, name) = (node.log(), &node.name);
        for word in ["panicked", "equivocation", "Equivocation", "error[E_"] {
            ensure(!log.contains(word), || format!("{name}: {word:?} is in its log"))?;
        }
    }
    for node in network.validators() {
        let signing = node.status().await.map_err(Failure::check)?.signing;
        ensure(signing, || format!("{} does not sign", node.name))?;
        let alarms = counter(&node.http, "concordat_alarms_total").await;
        ensure(alarms == 0.0, || format!("{}: {alarms} alarms", node.name))?;
    }
    Ok(())
}

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|error| panic!("{variable}={text}: {error}")))
}

fn from_the_clock() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_millis() as u64)
}

const INSTANTS: u64 = 50;
/// Payments of each bank under way at once.
const WORKERS: usize = 4;
/// A few heights: every phase of one is hit.
const INSTANT_MS_MAX: u64 = 900;
const DOWN_MS_MAX: u64 = 600;
const BACK_WITHIN: Duration = Duration::from_secs(60);
