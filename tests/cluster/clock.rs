//! A validator whose clock is minutes off says so and is not ready; it goes on following, and the others pay on.

use crate::support::{START_WITHIN, TestNetwork, alone};
use concordat_tests::harness::{failure::ensure, http, wait::seen, wait_until};
use std::{fs, time::Duration};

#[test]
fn a_clock_that_is_off_is_noticed() {
    alone(async || {
        let mut test = TestNetwork::new().await?;
        let path = test.network.node(OFF)?.config_path();
        let text = fs::read_to_string(&path).expect("it was written");
        fs::write(&path, format!("clock_offset_ms = {OFFSET_MS}\n{text}")).expect("ours");
        test.network.start_all()?;
        let network = &test.network;
        for node in network.nodes.iter().filter(|node| node.name != OFF) {
            wait_until("the others are ready", START_WITHIN, async || {
                let answer = http::get(&node.http, "/readyz").await.map_err(|error| error.to_string())?;
                seen(answer.status == 200, || format!("{}: {}", node.name, answer.body))
            })
            .await?;
        }
        let off = network.node(OFF)?;
        wait_until("/readyz tells the clock", WITHIN, async || {
            let answer = http::get(&off.http, "/readyz").await.map_err(|error| error.to_string())?;
            seen(answer.status == 503 && answer.body.contains("clock"), || format!("{} {}", answer.status, answer.body))
        })
        .await?;
        let reason = off.status().await.map_err(concordat_tests::harness::Failure::check)?.not_ready_reason;
        ensure(reason.contains("clock"), || format!("the status says {reason:?}"))?;

        test.fund().await?;
        test.pay().await?;
        let tip = network.node("bank-a")?.status().await.map_err(concordat_tests::harness::Failure::check)?.height;
        off.wait_height(tip, WITHIN).await.map(|_| ())
    });
}

const OFF: &str = "bank-d";
const OFFSET_MS: i64 = 5 * 60_000;
const WITHIN: Duration = Duration::from_secs(60);
