//! What is measured, one function a scenario.

use super::{
    fsync::{FsyncProbe, FsyncTimes},
    meter::{Counts, Meter},
    report::{LatencyMs, Limits, ScenarioReport, round},
    sample::{Used, Watch},
    saturate::{Job, results, saturate},
    traffic::{Bed, batch, prepare, single},
};
use crate::harness::{Failure, failure::ensure, wait_until};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scenario {
    pub name: &'static str,
    pub shows: &'static str,
    pub is_default: bool,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Rest,
    Latency,
    Single,
    Batch,
    Steady,
}

pub const SCENARIOS: &[Scenario] = &[
    Scenario { name: "rest", shows: "a network that has nothing to do", is_default: true, kind: Kind::Rest },
    Scenario { name: "latency", shows: "20 payments a second", is_default: true, kind: Kind::Latency },
    Scenario {
        name: "single",
        shows: "single payments, each signed, as many as it takes",
        is_default: true,
        kind: Kind::Single,
    },
    Scenario {
        name: "batch",
        shows: "payment files of 8,190, as many as it takes",
        is_default: true,
        kind: Kind::Batch,
    },
    Scenario {
        name: "steady",
        shows: "20,000 payments a second for as long as asked; memory must not grow after the second minute",
        is_default: false,
        kind: Kind::Steady,
    },
];

/// What a scenario has seen.
struct Seen {
    from: Counts,
    to: Counts,
    latency_ms: Option<LatencyMs>,
    used: Used,
}

impl Scenario {
    pub fn named(name: &str) -> Option<&'static Scenario> {
        SCENARIOS.iter().find(|scenario| scenario.name == name)
    }

    pub async fn run(
        &self,
        bed: &mut Bed,
        duration: Duration,
        limits: &Limits,
        fsync: &mut FsyncTimes,
    ) -> Result<ScenarioReport, Failure> {
        bed.start().await?;
        if self.kind == Kind::Rest {
            return Ok(self.report(rest(bed, duration).await?, limits));
        }
        bed.fund().await?;
        let probe = FsyncProbe::start(&bed.network.dir)?;
        let seen = match self.kind {
            Kind::Latency => latency(bed, duration).await,
            Kind::Single => {
                let jobs = single_jobs(bed, duration, limits);
                flow(bed, jobs, duration, Duration::ZERO).await
            }
            Kind::Batch => flow(bed, batch_jobs(bed, duration), duration, Duration::ZERO).await,
            Kind::Steady | Kind::Rest => steady(bed, duration).await,
        };
        probe.finish(fsync);
        Ok(self.report(seen?, limits))
    }

    fn report(&self, seen: Seen, limits: &Limits) -> ScenarioReport {
        let Seen { from, to, latency_ms, used } = seen;
        let seconds = (to.at - from.at).as_secs_f64();
        let payments = to.committed - from.committed;
        let per_s = |payments: u64| (payments as f64 / seconds).round();
        let per_payment = |value: f64| if payments == 0 { 0.0 } else { round(value / payments as f64) };
        let nodes = used.written_bytes.keys().filter(|name| *name != "load").count().max(1);
        let written: u64 = used.written_bytes.iter().filter(|(name, _)| *name != "load").map(|(_, bytes)| bytes).sum();
        let of_nodes = || used.rss_mb.iter().filter(|(name, _)| *name != "load").map(|(_, rss)| rss);
        let rss_max = of_nodes().map(|rss| rss.max).fold(0.0, f64::max);
        let growth = of_nodes().map(|rss| rss.end / rss.start.max(1.0)).fold(0.0, f64::max);
        let committed_per_s = per_s(payments);
        let p50 = latency_ms.map_or(f64::INFINITY, |latency| latency.p50);
        let none_refused = to.refused == 0;
        let (target, ratio, ok) = match self.kind {
            Kind::Rest => (REST_MB_MAX, round(rss_max / REST_MB_MAX), rss_max <= REST_MB_MAX),
            Kind::Latency => (LATENCY_MS_MAX, round(p50 / LATENCY_MS_MAX), p50 <= LATENCY_MS_MAX),
            Kind::Single => {
                let ratio = round(committed_per_s / limits.signature_bound);
                (SINGLE_SHARE_MIN, ratio, ratio >= SINGLE_SHARE_MIN)
            }
            Kind::Batch => {
                let ok = committed_per_s >= BATCH_PER_S_MIN && rss_max <= LOAD_MB_MAX;
                (BATCH_PER_S_MIN, round(committed_per_s / BATCH_PER_S_MIN), ok)
            }
            Kind::Steady => (GROWTH_MAX, round(growth), growth <= GROWTH_MAX && committed_per_s >= 0.95 * STEADY_PER_S),
        };
        let cpu = used.cpu.iter().map(|(name, cpu)| (name.clone(), per_payment(cpu.as_secs_f64() * 1e6)));
        ScenarioReport {
            name: self.name,
            offered_per_s: per_s(to.sent - from.sent),
            committed_per_s,
            latency_ms,
            cpu_us_per_payment: cpu.collect(),
            rss_mb: used.rss_mb.clone(),
            disk_bytes_per_payment: per_payment(written as f64 / nodes as f64),
            target,
            ratio,
            ok: ok && none_refused,
        }
    }
}

async fn rest(bed: &Bed, duration: Duration) -> Result<Seen, Failure> {
    let meter = Meter::default();
    let from = meter.counts();
    let mut watch = Watch::start(bed.processes());
    watch_until(&mut watch, from.at + duration, || false).await;
    Ok(Seen { from, to: meter.counts(), latency_ms: None, used: watch.finish() })
}

/// Sends at fixed times, whatever the answers take: a slow answer does not thin out the load.
async fn latency(bed: &Bed, duration: Duration) -> Result<Seen, Failure> {
    let meter = Arc::new(Meter::default());
    meter.measure(true);
    let payments = (duration.as_secs_f64() * LATENCY_PER_S) as u64;
    let mut replies: JoinSet<Result<(), Failure>> = JoinSet::new();
    // A connection is not what is measured.
    for node in bed.network.validators() {
        node.status().await.map_err(Failure::check)?;
    }
    for bank in bed.banks.iter() {
        bank.member.client.of_node(0).status().await?;
    }
    let mut watch = Watch::start(bed.processes());
    let from = meter.counts();
    for number in 0..payments {
        let due = from.at + Duration::from_secs_f64(number as f64 / LATENCY_PER_S);
        let bank = number as usize % bed.banks.len();
        let transaction = single(&bed.banks, bank, number);
        tokio::time::sleep_until(due.into()).await;
        meter.add_sent(1);
        let (client, meter) = (bed.banks[bank].member.client.clone(), meter.clone());
        replies.spawn(async move {
            let submitted = client.submit(&transaction).await?;
            let (ok, refused) = results(&submitted);
            meter.add_committed(ok, refused, due.elapsed());
            Ok(())
        });
    }
    while let Some(reply) = replies.join_next().await {
        reply.map_err(|error| Failure::check(format!("a task ended early: {error}")))??;
    }
    let to = meter.counts();
    watch.look();
    Ok(Seen { from, to, latency_ms: LatencyMs::of(meter.take_latencies()), used: watch.finish() })
}

fn single_jobs(bed: &Bed, duration: Duration, limits: &Limits) -> Vec<Job> {
    // More than has ever been reached; when they are used up, the measurement ends early.
    let wanted = SINGLE_PREPARED_SHARE * limits.signature_bound * (duration + WARM_UP).as_secs_f64();
    let of_each = (wanted / bed.banks.len() as f64) as u64;
    jobs(bed, prepare(&bed.banks, of_each, single), 1, SINGLE_WINDOW, Duration::ZERO)
}

fn batch_jobs(bed: &Bed, duration: Duration) -> Vec<Job> {
    let wanted = BATCH_PREPARED_PER_S * (duration + WARM_UP).as_secs_f64();
    let of_each = (wanted / (BATCH_PAYMENTS as f64 * bed.banks.len() as f64)).ceil() as u64;
    let make = |banks: &[_], bank, number| batch(banks, bank, number, BATCH_PAYMENTS);
    jobs(bed, prepare(&bed.banks, of_each, make), BATCH_PAYMENTS, BATCH_WINDOW, Duration::ZERO)
}

fn jobs(bed: &Bed, transactions: Vec<Vec<Vec<u8>>>, payments: u64, window: usize, pause: Duration) -> Vec<Job> {
    let each = |(bank, transactions): (&super::traffic::Bank, _)| Job {
        client: bank.member.client.of_node(0),
        transactions,
        payments,
        window,
        pause,
    };
    bed.banks.iter().zip(transactions).map(each).collect()
}

/// Runs the jobs and measures after they have warmed up. RSS growth counts from `rss_after` on.
async fn flow(bed: &Bed, jobs: Vec<Job>, duration: Duration, rss_after: Duration) -> Result<Seen, Failure> {
    let meter = Arc::new(Meter::default());
    let mut running: JoinSet<Result<(), Failure>> = JoinSet::new();
    for job in jobs {
        running.spawn(saturate(job, meter.clone()));
    }
    wait_until("the first payments", FIRST_WITHIN, async || {
        if meter.counts().committed > 0 { Ok(()) } else { Err("none is committed".to_owned()) }
    })
    .await?;
    tokio::time::sleep(WARM_UP).await;

    meter.measure(true);
    let mut watch = Watch::start(bed.processes());
    let from = meter.counts();
    // When one bank has sent all that was prepared for it, or has failed, the load is not what it was.
    let mut first_end = None;
    let mut has_ended = || {
        first_end = first_end.take().or_else(|| running.try_join_next());
        first_end.is_some()
    };
    if !rss_after.is_zero() {
        watch_until(&mut watch, from.at + rss_after, &mut has_ended).await;
        watch.set_rss_start();
    }
    watch_until(&mut watch, from.at + duration, &mut has_ended).await;
    let to = meter.counts();
    let used = watch.finish();
    meter.measure(false);
    meter.stop();
    loop {
        let Some(ended) = (match first_end.take() {
            Some(ended) => Some(ended),
            None => running.join_next().await,
        }) else {
            break;
        };
        ended.map_err(|error| Failure::check(format!("a task ended early: {error}")))??;
    }
    ensure(to.committed > from.committed, || "nothing was committed".to_owned())?;
    if to.busy > 0 {
        eprintln!("    {} transactions were asked to come again later", to.busy);
    }
    Ok(Seen { from, to, latency_ms: LatencyMs::of(meter.take_latencies()), used })
}

/// Transactions of 1,000 payments at a fixed rate, made as they are sent.
async fn steady(bed: &Bed, duration: Duration) -> Result<Seen, Failure> {
    let of_each = STEADY_PER_S / STEADY_PAYMENTS as f64 / bed.banks.len() as f64;
    let count = (of_each * (duration + WARM_UP + WARM_UP).as_secs_f64()).ceil() as u64;
    let make = |banks: &[_], bank, number| batch(banks, bank, number, STEADY_PAYMENTS);
    let prepared = prepare(&bed.banks, count, make);
    let jobs = jobs(bed, prepared, STEADY_PAYMENTS, STEADY_WINDOW, Duration::from_secs_f64(1.0 / of_each));
    flow(bed, jobs, duration, STEADY_RSS_AFTER.min(duration / 5)).await
}

async fn watch_until(watch: &mut Watch, end: Instant, mut is_over: impl FnMut() -> bool) {
    while Instant::now() < end && !is_over() {
        tokio::time::sleep(LOOK_EVERY.min(end.saturating_duration_since(Instant::now()))).await;
        watch.look();
    }
}

const LATENCY_PER_S: f64 = 20.0;
const LATENCY_MS_MAX: f64 = 50.0;
const REST_MB_MAX: f64 = 150.0;
const LOAD_MB_MAX: f64 = 1000.0;
/// Of the bound that signatures set.
const SINGLE_SHARE_MIN: f64 = 0.25;
const SINGLE_PREPARED_SHARE: f64 = 0.6;
/// Of each bank: a second's worth and more, so that no block waits for the next payments.
const SINGLE_WINDOW: usize = 4096;
const BATCH_PER_S_MIN: f64 = 20_000.0;
const BATCH_PREPARED_PER_S: f64 = 120_000.0;
/// On-chain parameter `transfers_per_tx_max`.
const BATCH_PAYMENTS: u64 = 8_190;
/// Of each bank: the four together fill two blocks.
const BATCH_WINDOW: usize = 2;
const STEADY_PER_S: f64 = 20_000.0;
const STEADY_PAYMENTS: u64 = 1_000;
const STEADY_WINDOW: usize = 64;
/// Caches are full by then.
const STEADY_RSS_AFTER: Duration = Duration::from_secs(120);
const GROWTH_MAX: f64 = 1.1;
const WARM_UP: Duration = Duration::from_secs(3);
const FIRST_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(250);
