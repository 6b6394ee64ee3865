//! `concordat-bench`: what the ledger does a second on this machine, and what limits it.
//!
//! Four validators as real processes, a fresh network for each scenario. Payments are signed before the
//! clock starts, by 16 operator keys of each bank (a batch of signatures of one key is verified twice as fast). Each
//! figure stands beside the bound that this machine sets: signatures, the ledger's own work, and the disk.

mod fsync;
mod limits;
mod meter;
mod report;
mod sample;
mod saturate;
mod scenarios;
mod traffic;

pub use report::{Report, ScenarioReport};
pub use scenarios::{SCENARIOS, Scenario};

use crate::harness::{Binaries, Failure};
use fsync::FsyncTimes;
use std::time::Duration;

#[derive(Clone, Debug)]
pub struct Options {
    /// In the order in which they run.
    pub scenarios: Vec<&'static Scenario>,
    /// Of each scenario, without the time to warm up.
    pub duration: Duration,
}

pub async fn run(options: &Options) -> Result<Report, Failure> {
    let binaries = Binaries::find()?;
    let mut fsync = FsyncTimes::default();
    let mut limits = None;
    let mut scenarios = Vec::new();
    for scenario in &options.scenarios {
        let mut bed = traffic::Bed::make(&binaries).await?;
        let limits = match limits {
            Some(limits) => limits,
            None => *limits.insert(limits::measure(&bed).await?),
        };
        eprintln!("{}: {}", scenario.name, scenario.shows);
        let report = scenario.run(&mut bed, options.duration, &limits, &mut fsync).await?;
        eprintln!("{report}");
        scenarios.push(report);
    }
    let limits = limits.ok_or_else(|| Failure::set_up("no scenario", "Name one by --scenario."))?;
    Ok(Report {
        schema: "concordat.bench.v1",
        machine: report::Machine::this()?,
        limits: report::Limits { fsync_ms: fsync.percentiles(), ..limits },
        scenarios,
    })
}
