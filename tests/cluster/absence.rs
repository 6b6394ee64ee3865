//! A validator that is dead costs a round at its turns until the record shows it, and has its turn back once it is back.

use crate::support::{START_WITHIN, TestNetwork, alone};
use concordat_tests::harness::{Failure, Load, failure::ensure};
use concordat_types::Height;
use std::{ops::RangeInclusive, time::Duration};

/// The last of the four in the set's order.
const AWAY: &str = "bank-d";

#[test]
fn a_dead_validator_is_skipped_until_it_is_back() {
    alone(async || {
        let mut test = TestNetwork::started().await?;
        Load::prepare(&test.network).await?;
        let load = Load::start(&test.network, 1).await?;
        reach(&test, tip(&test).await + ABSENCE_SHOWS_HEIGHTS).await?;
        test.network.kill(AWAY)?;
        // Its last votes may be for the height above the others' tip.
        let dead = tip(&test).await + 2;
        reach(&test, dead + ABSENCE_SHOWS_HEIGHTS + 1 + WATCHED_HEIGHTS).await?;
        let before = turns(&test, dead..=dead + ABSENCE_SHOWS_HEIGHTS - 1).await?;
        ensure(before.iter().all(|turn| turn.round > 0), || format!("a dead validator has proposed: {before:?}"))?;
        let skipped = dead + ABSENCE_SHOWS_HEIGHTS + 1..=dead + ABSENCE_SHOWS_HEIGHTS + WATCHED_HEIGHTS;
        let after = turns(&test, skipped).await?;
        // On a busy machine a round may fail for other reasons, but not at each turn.
        let failed = after.iter().filter(|turn| turn.round > 0).count();
        ensure(failed * 4 < after.len(), || format!("{failed} rounds failed, turns of {AWAY} still count: {after:?}"))?;

        test.network.start(AWAY)?;
        test.network.wait_ready(START_WITHIN).await?;
        let back = tip(&test).await;
        reach(&test, back + PRESENCE_SHOWS_HEIGHTS + WATCHED_HEIGHTS).await?;
        let again =
            turns(&test, back + PRESENCE_SHOWS_HEIGHTS..=back + PRESENCE_SHOWS_HEIGHTS + WATCHED_HEIGHTS).await?;
        ensure(again.iter().any(|turn| turn.round == 0 && turn.proposer == AWAY), || {
            format!("{AWAY} is back and has no turn: {again:?}")
        })?;
        load.stop().await.map(|_| ())
    });
}

#[derive(Debug)]
struct Turn {
    round: u32,
    proposer: String,
}

/// What became of the heights that are AWAY's by plain rotation.
async fn turns(test: &TestNetwork, heights: RangeInclusive<u64>) -> Result<Vec<Turn>, Failure> {
    let node = test.network.node("bank-a")?;
    let mut turns = Vec::new();
    for height in heights.filter(|height| height % 4 == 3) {
        let block = node.rpc().block(Some(Height(height))).await?;
        turns.push(Turn { round: block.round, proposer: block.proposer });
    }
    Ok(turns)
}

async fn tip(test: &TestNetwork) -> u64 {
    test.network.heights().await.iter().map(|(_, height)| *height).max().unwrap_or_default()
}

async fn reach(test: &TestNetwork, height: u64) -> Result<(), Failure> {
    test.network.node("bank-a")?.wait_height(height, HEIGHTS_WITHIN).await.map(|_| ())
}

/// Ten heights until a record is made, and ten records (docs/protocol.md, Participation).
const ABSENCE_SHOWS_HEIGHTS: u64 = 20;
/// The first record with it, and some heights to catch up.
const PRESENCE_SHOWS_HEIGHTS: u64 = 15;
/// Eight turns of each validator.
const WATCHED_HEIGHTS: u64 = 32;
/// Five turns of the dead one among them, on a busy machine.
const HEIGHTS_WITHIN: Duration = Duration::from_secs(60);
