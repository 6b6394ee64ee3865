//! The figures, for programs (docs/interfaces.md, concordat.bench.v1) and for people.

use crate::harness::Failure;
use serde::Serialize;
use std::{collections::BTreeMap, fmt, fs, path::Path, time::Duration};

/// Members in the order of the schema.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Report {
    pub schema: &'static str,
    pub machine: Machine,
    pub limits: Limits,
    pub scenarios: Vec<ScenarioReport>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Machine {
    pub cores: usize,
    pub cpu: String,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Limits {
    /// A 512-byte append and fdatasync on the data's file system, during the load.
    pub fsync_ms: Option<FsyncMs>,
    /// One signature in a batch of many keys, one thread.
    pub verify_us: f64,
    /// All that a payment costs but signature and network: decode, hash, execute, state tree, store write; one thread.
    pub ledger_us: f64,
    /// Payments a second if all cores did nothing but verify each payment's signature once on each validator.
    pub signature_bound: f64,
    /// The same of `ledger_us`.
    pub engine_bound: f64,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct FsyncMs {
    pub p50: f64,
    pub p99: f64,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct ScenarioReport {
    pub name: &'static str,
    pub offered_per_s: f64,
    pub committed_per_s: f64,
    /// From the submission to the reply that it is committed.
    pub latency_ms: Option<LatencyMs>,
    pub cpu_us_per_payment: BTreeMap<String, f64>,
    pub rss_mb: BTreeMap<String, RssMb>,
    /// Mean over the nodes.
    pub disk_bytes_per_payment: f64,
    /// What `ratio` is to reach, or not to exceed.
    pub target: f64,
    pub ratio: f64,
    pub ok: bool,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct LatencyMs {
    pub p50: f64,
    pub p95: f64,
    pub p99: f64,
}

#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct RssMb {
    pub start: f64,
    pub end: f64,
    pub max: f64,
}

impl Machine {
    pub fn this() -> Result<Machine, Failure> {
        let path = Path::new("/proc/cpuinfo");
        let text = fs::read_to_string(path).map_err(|error| Failure::file("file", path, &error))?;
        let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let cpu = model.map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned());
        Ok(Machine { cores: cores(), cpu })
    }
}

pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

impl LatencyMs {
    /// None without samples.
    pub fn of(mut samples: Vec<Duration>) -> Option<LatencyMs> {
        samples.sort_unstable();
        let at = |share| percentile(&samples, share);
        Some(LatencyMs { p50: at(0.5)?, p95: at(0.95)?, p99: at(0.99)? })
    }
}

/// Of sorted samples, in ms.
pub fn percentile(sorted: &[Duration], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let sample = sorted[(last as f64 * share).round() as usize];
    Some(round(sample.as_secs_f64() * 1000.0))
}

/// Two digits after the point are more than the figures are worth.
pub fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

impl fmt::Display for ScenarioReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.ok { "ok" } else { "MISSED" };
        write!(f, "  {verdict}  {} payments/s of {} offered", self.committed_per_s, self.offered_per_s)?;
        if let Some(LatencyMs { p50, p95, p99 }) = self.latency_ms {
            write!(f, ", latency {p50} / {p95} / {p99} ms (p50 / p95 / p99)")?;
        }
        write!(f, ", ratio {} of target {}", self.ratio, self.target)?;
        write!(f, "\n    CPU us a payment: {}", row(&self.cpu_us_per_payment, |us| us.to_string()))?;
        let rss = row(&self.rss_mb, |rss| format!("{} -> {} (max {})", rss.start, rss.end, rss.max));
        write!(f, "\n    RSS MB: {rss}\n    disk bytes a payment and node: {}", self.disk_bytes_per_payment)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Limits { fsync_ms, verify_us, ledger_us, signature_bound, engine_bound } = self.limits;
        write!(f, "{} cores, {}", self.machine.cores, self.machine.cpu)?;
        write!(f, "\n  a signature {verify_us} us: at most {signature_bound} payments/s")?;
        write!(f, "\n  the ledger's own work {ledger_us} us: at most {engine_bound} payments/s")?;
        if let Some(FsyncMs { p50, p99 }) = fsync_ms {
            write!(f, "\n  fdatasync {p50} ms (p50), {p99} ms (p99)")?;
        }
        Ok(())
    }
}

fn row<T>(values: &BTreeMap<String, T>, show: impl Fn(&T) -> String) -> String {
    values.iter().map(|(name, value)| format!("{name} {}", show(value))).collect::<Vec<_>>().join(", ")
}
