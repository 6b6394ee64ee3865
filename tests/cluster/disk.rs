//! A validator whose disk fills up under load ends and says why; the others pay on. With room again it comes back, has
//! everything, and has signed nothing twice.

use crate::support::{TestNetwork, alone, counter, settled};
use concordat_tests::harness::{Failure, Load, SmallDisk, failure::ensure, wait::seen, wait_until};
use std::{fs, time::Duration};

#[test]
#[ignore = "mounts a file system: root, or name spaces of one's own"]
fn a_full_disk_ends_the_validator_and_not_the_network() {
    alone(async || {
        let mut test = TestNetwork::new().await?;
        let data = test.network.node(FULL)?.data_path();
        fs::create_dir_all(&data).expect("ours");
        let disk = SmallDisk::mount(&data, DISK_MB)?;
        let others: Vec<String> = test.network.nodes.iter().map(|node| node.name.clone()).collect();
        for name in others.iter().filter(|name| *name != FULL) {
            test.network.start(name)?;
        }
        start(&mut test, &disk)?;
        test.network.wait_ready(WITHIN).await?;
        Load::prepare(&test.network).await?;
        let load = Load::start(&test.network, WORKERS).await?;

        // Twice: it must not depend on which write is the first that fails.
        for left in [2 << 20, 300 << 10] {
            disk.fill(left)?;
            if ended_for_want_of_room(&mut test, FILLED_WITHIN).await.is_err() {
                // The load of a busy machine takes long to use up the rest, and compaction may have made room.
                disk.fill(0)?;
                ended_for_want_of_room(&mut test, WITHIN).await?;
            }
            let before = load.committed();
            wait_until("the others pay on", WITHIN, async || {
                seen(load.committed() > before + 100, || format!("{} payments since", load.committed() - before))
            })
            .await?;
            // A start on a disk that is still full says the same.
            start(&mut test, &disk)?;
            ended_for_want_of_room(&mut test, WITHIN).await?;
            disk.make_room()?;
            start(&mut test, &disk)?;
            test.network.wait_ready(WITHIN).await?;
        }

        let done = load.stop().await?;
        settled(&mut test, done.committed, WITHIN).await?;
        for node in test.network.validators() {
            let status = node.status().await.map_err(Failure::check)?;
            ensure(status.signing, || format!("{} does not sign: {}", node.name, status.not_ready_reason))?;
            let alarms = counter(&node.http, "concordat_alarms_total").await;
            ensure(alarms == 0.0, || format!("{}: {alarms} alarms: did somebody sign twice?", node.name))?;
        }
        Ok(())
    });
}

fn start(test: &mut TestNetwork, disk: &SmallDisk) -> Result<(), Failure> {
    let command = test.network.command(FULL)?;
    // Each life of it is judged by what it says itself.
    fs::write(test.network.node(FULL)?.log_path(), "").expect("ours");
    test.network.start_by(FULL, disk.inside(&command))
}

async fn ended_for_want_of_room(test: &mut TestNetwork, within: Duration) -> Result<(), Failure> {
    let exit = wait_until("the disk is full and the validator ends", within, async || {
        test.network.exited(FULL).map_err(|failure| failure.to_string())?.ok_or_else(|| "it runs".to_owned())
    })
    .await?;
    let said = test.network.node(FULL)?.log();
    ensure(exit.code().is_some_and(|code| code != 0), || format!("{exit}: {said}"))?;
    for text in ["error[E_DISK]", "No space left on device", "next: Check free space"] {
        ensure(said.contains(text), || format!("it does not say {text:?}: {said}"))?;
    }
    ensure(!said.contains("panicked"), || format!("a panic: {said}"))
}

const FULL: &str = "bank-c";
/// For a start, a load of a minute, and no more.
const DISK_MB: u32 = 192;
/// Payments of each bank under way at once.
const WORKERS: usize = 4;
const FILLED_WITHIN: Duration = Duration::from_secs(30);
const WITHIN: Duration = Duration::from_secs(90);
