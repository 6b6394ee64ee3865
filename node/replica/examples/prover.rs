//! What readers of the state tree cost the replica: `cargo run --release -p concordat-replica --example prover -- ACCOUNTS`.
//!
//! Commits blocks of 10,000 changed accounts and prints how long the commit takes: alone, beside clients that want a proof
//! each millisecond, and beside some that never pause.

use concordat_ledger::{StateKey, StateTree, StateValue};
use concordat_replica::prover::SharedTree;
use concordat_types::{Account, AccountId, Height, money::AccountFlags};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

const CHANGES: u64 = 10_000;
const BLOCKS: u64 = 40;

fn main() {
    let accounts = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(1_000_000);
    let tree = StateTree::from_leaves((0..accounts).map(|number| (key(number), value(number, 0))));
    let mut shared = SharedTree::new(Height(0), tree);
    println!("{accounts} accounts, {CHANGES} of them changed in each of {BLOCKS} blocks; milliseconds a commit");
    let ms = Duration::from_millis(1);
    for (readers, pause) in [(0, ms), (1, ms), (16, ms), (1, Duration::ZERO), (16, Duration::ZERO)] {
        let (stop, proofs) = (AtomicBool::new(false), AtomicU64::new(0));
        let began = Instant::now();
        let mut took = std::thread::scope(|scope| {
            for reader in 0..readers {
                let (prover, stop, proofs) = (shared.prover(), &stop, &proofs);
                scope.spawn(move || {
                    for number in (reader..).step_by(7919) {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        std::hint::black_box(prover.prove(&key(number % accounts)));
                        proofs.fetch_add(1, Ordering::Relaxed);
                        if !pause.is_zero() {
                            std::thread::sleep(pause);
                        }
                    }
                });
            }
            let took = commit_blocks(&mut shared, accounts);
            stop.store(true, Ordering::Relaxed);
            took
        });
        took.sort_by(f64::total_cmp);
        let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
        let rate = proofs.into_inner() as f64 / began.elapsed().as_secs_f64();
        let (median, p90, longest) = (at(0.5), at(0.9), at(1.0));
        println!(
            "{readers:2} readers: p50 {median:6.2}  p90 {p90:6.2}  max {longest:6.2}   {rate:9.0} proofs a second"
        );
    }
}

fn commit_blocks(shared: &mut SharedTree, accounts: u64) -> Vec<f64> {
    let mut took = Vec::new();
    for block in 1..=BLOCKS {
        let changed = (0..CHANGES).map(|number| (number * 104_729 + block) % accounts);
        let changes: BTreeMap<_, _> = changed.map(|number| (key(number), Some(value(number, block)))).collect();
        let (_, patch) = shared.preview(&changes);
        let began = Instant::now();
        shared.commit(Height(block), patch);
        took.push(began.elapsed().as_secs_f64() * 1e3);
    }
    took
}

fn key(number: u64) -> StateKey {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_le_bytes());
    StateKey::Account(AccountId(id))
}

fn value(number: u64, balance: u64) -> StateValue {
    let mut blinding = [7; 16];
    blinding[..8].copy_from_slice(&number.to_le_bytes());
    StateValue::Account(Account {
        owner: "bank-a".parse().expect("a name"),
        asset: "EUR".parse().expect("an asset"),
        name: "main".parse().expect("a name"),
        flags: AccountFlags::default(),
        parent: None,
        customer: None,
        tier: None,
        children: 0,
        debits_posted: 0,
        credits_posted: balance.into(),
        debits_pending: 0,
        credits_pending: 0,
        blinding,
    })
}
