//! What the state tree costs: time for a changed key, memory for an account, and the building of a large tree.
//!
//! Criterion shows the first with its spread; then three lines give the figures as the project states its aims:
//! `cargo bench -p concordat-ledger --bench tree`. With `-- --figures` only those, with `-- --count` one block for
//! `cargo xtask count`. On a busy machine the least of many runs is nearest to what the code needs.

use concordat_ledger::{StateKey, StateTree, StateValue, TreeBuilder, TreeShare};
use concordat_types::{Account, AccountId, AccountName, AssetCode, Hash, MemberId, encode, money::AccountFlags};
use criterion::{BatchSize, Criterion, Throughput};
use rustix::time::{ClockId, clock_gettime};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::{
    alloc::System,
    collections::BTreeMap,
    hint::black_box,
    thread,
    time::{Duration, Instant},
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

type Changes = BTreeMap<StateKey, Option<StateValue>>;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    if has("--count") {
        return count();
    }
    if !has("--figures") {
        let mut criterion = Criterion::default().configure_from_args();
        changes(&mut criterion);
        criterion.final_summary();
    }
    figures();
}

/// Preview alone, as a voter does for a proposal that is not decided, and with the commit.
fn changes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("tree");
    group.throughput(Throughput::Elements(CHANGES)).sample_size(10);
    for leaves in [100_000, ACCOUNTS] {
        let mut tree = tree(leaves);
        let block = block_of(leaves, 2);
        group.bench_function(format!("preview_{CHANGES}_of_{leaves}"), |bencher| {
            bencher.iter_with_large_drop(|| tree.preview(&block));
        });
        let mut credits = 2;
        group.bench_function(format!("preview_and_commit_{CHANGES}_of_{leaves}"), |bencher| {
            let setup = || {
                credits += 1;
                block_of(leaves, credits)
            };
            bencher.iter_batched(setup, |changes| apply(&mut tree, changes), BatchSize::PerIteration);
        });
    }
    group.finish();
}

fn figures() {
    let region = Region::new(ALLOCATOR);
    let mut tree = tree(ACCOUNTS);
    let memory = region.change();
    let bytes = (memory.bytes_allocated - memory.bytes_deallocated) as f64 / ACCOUNTS as f64;
    let (mut least, mut least_of_core) = (f64::INFINITY, f64::INFINITY);
    for credits in 0..ROUNDS {
        let changes = block_of(ACCOUNTS, 2 + credits);
        let (begun, begun_of_core) = (Instant::now(), time_of(ClockId::ThreadCPUTime));
        let changes = apply(&mut tree, changes);
        least = least.min(begun.elapsed().as_secs_f64());
        least_of_core = least_of_core.min((time_of(ClockId::ThreadCPUTime) - begun_of_core).as_secs_f64());
        drop(changes);
    }
    let us = |seconds: f64| seconds * 1e6 / CHANGES as f64;
    println!(
        "a changed key: {:.2} us of a core, {:.2} us by the clock (preview and commit, {CHANGES} of {ACCOUNTS}, least of {ROUNDS})",
        us(least_of_core),
        us(least)
    );
    println!("memory: {bytes:.0} bytes an account ({ACCOUNTS}, as allocated)");
    drop(tree);

    let (begun, begun_of_cores) = (Instant::now(), time_of(ClockId::ProcessCPUTime));
    let builder = builder(MANY_ACCOUNTS);
    let hashed = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let tree = on_two_cores(builder);
    let built = begun.elapsed().as_secs_f64();
    let of_cores = (time_of(ClockId::ProcessCPUTime) - begun_of_cores).as_secs_f64();
    println!(
        "rebuilding {MANY_ACCOUNTS}: {of_cores:.1} s of cores, {:.1} s by the clock ({hashed:.1} s to hash the rows on one core, {built:.1} s to build on two)",
        hashed + built
    );
    black_box(tree.root());
}

/// One block, under a tool that counts what `apply` does: a tenth of everything, because the tool is slow.
fn count() {
    let mut tree = tree(ACCOUNTS / 10);
    let changes = (0..CHANGES / 10).map(|number| change(number * (ACCOUNTS / CHANGES), 2)).collect();
    black_box(apply(&mut tree, changes));
    println!("{}", CHANGES / 10);
}

/// Hands the changes back: that they are dropped is not the tree's time.
#[inline(never)]
fn apply(tree: &mut StateTree, changes: Changes) -> (Hash, Changes) {
    let (root, patch) = tree.preview(&changes);
    tree.commit(patch);
    (root, changes)
}

/// Where others use the machine too, the clock counts their time as well; these are of this thread or process.
fn time_of(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn tree(leaves: u64) -> StateTree {
    builder(leaves).finish()
}

fn builder(leaves: u64) -> TreeBuilder {
    let mut builder = TreeBuilder::new();
    let mut value = encode(&StateValue::Account(account()));
    for number in 0..leaves {
        // The blinding stands last.
        let place = value.len() - 8;
        value[place..].copy_from_slice(&number.to_le_bytes());
        builder.add_bytes(&key(number).to_bytes(), &value);
    }
    builder
}

fn on_two_cores(builder: TreeBuilder) -> StateTree {
    let mut first = builder.into_shares();
    let second = first.split_off(first.len() / 2);
    let build = |shares: Vec<TreeShare>| -> Vec<_> { shares.into_iter().map(TreeShare::build).collect() };
    let built = thread::scope(|scope| {
        let second = scope.spawn(|| build(second));
        let mut built = build(first);
        built.extend(second.join().expect("a share can be built"));
        built
    });
    StateTree::from_shares(built)
}

/// Changes of keys all over the tree.
fn block_of(leaves: u64, credits: u128) -> Changes {
    (0..CHANGES).map(|number| change(number * (leaves / CHANGES), credits)).collect()
}

fn change(number: u64, credits: u128) -> (StateKey, Option<StateValue>) {
    (key(number), Some(StateValue::Account(Account { credits_posted: credits, ..account() })))
}

fn key(number: u64) -> StateKey {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    StateKey::Account(AccountId(id))
}

fn account() -> Account {
    Account {
        owner: MemberId::new("bank-1").expect("a valid literal"),
        asset: AssetCode::new("EUR").expect("a valid literal"),
        name: AccountName::new("customer-1234567").expect("a valid literal"),
        flags: AccountFlags::default(),
        parent: None,
        customer: None,
        tier: None,
        children: 0,
        debits_posted: 0,
        credits_posted: 1,
        debits_pending: 0,
        credits_pending: 0,
        blinding: [7; 16],
    }
}

const CHANGES: u64 = 10_000;
const ACCOUNTS: u64 = 1_000_000;
const MANY_ACCOUNTS: u64 = 10_000_000;
const ROUNDS: u128 = 50;
