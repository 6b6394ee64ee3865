//! `concordat-sim`: many seeded runs of the simulator, on all cores, and what they found.

use clap::Parser;
use concordat_tests::simulation::{Outcome, Settings, run};
use serde_json::json;
use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Runs whole networks on a virtual network, disk and clock, each from one seed.
#[derive(Parser)]
#[command(version = concordat_node::VERSION)]
struct Arguments {
    /// How many seeds, counted from --from.
    #[arg(long, default_value_t = 200, conflicts_with_all = ["seed", "minutes"])]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// One seed alone, as a failure names it.
    #[arg(long)]
    seed: Option<u64>,
    /// As many seeds as fit into so many minutes.
    #[arg(long, conflicts_with = "seed")]
    minutes: Option<u64>,
    /// Validators; a follower comes on top.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    nodes: u16,
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let settings = Settings { validators: usize::from(arguments.nodes), ..Settings::default() };
    let started = Instant::now();
    let until = arguments.minutes.map(|minutes| started + Duration::from_secs(60 * minutes));
    let (first, last) = match (arguments.seed, until) {
        (Some(seed), _) => (seed, seed),
        (None, Some(_)) => (arguments.from, u64::MAX),
        (None, None) => (arguments.from, arguments.from + arguments.seeds.max(1) - 1),
    };
    let outcomes = run_all(first, last, until, &settings, started);
    let report = Report::new(&outcomes, first, &settings, arguments.nodes);
    report.print(&outcomes, started.elapsed(), arguments.json);
    if report.failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn run_all(first: u64, last: u64, until: Option<Instant>, settings: &Settings, started: Instant) -> Vec<Outcome> {
    let next = AtomicU64::new(first);
    let outcomes = Mutex::new(Vec::new());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed > last || until.is_some_and(|until| Instant::now() >= until) {
            return;
        }
        let outcome = run(seed, settings);
        if let Some((violation, at_ms)) = &outcome.violation {
            eprintln!("seed {seed}, virtual ms {at_ms}: {violation}");
        }
        let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
        outcomes.push(outcome);
        if outcomes.len() % 25 == 0 {
            eprintln!("{} runs in {} s", outcomes.len(), started.elapsed().as_secs());
        }
    };
    std::thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    let mut outcomes = outcomes.into_inner().unwrap_or_else(PoisonError::into_inner);
    outcomes.sort_by_key(|outcome| outcome.seed);
    outcomes
}

struct Report {
    coverage: BTreeMap<&'static str, u64>,
    /// States that so many runs must have met, and did not.
    missing: Vec<&'static str>,
    /// The first seed, run again, did something else.
    not_deterministic: bool,
    failures: usize,
    nodes: u16,
}

impl Report {
    fn new(outcomes: &[Outcome], first: u64, settings: &Settings, nodes: u16) -> Report {
        let mut coverage = BTreeMap::new();
        for (state, count) in outcomes.iter().flat_map(|outcome| &outcome.coverage) {
            *coverage.entry(*state).or_insert(0) += count;
        }
        let enough = outcomes.len() >= RUNS_FOR_COVERAGE;
        let missing = MUST_OCCUR.iter().filter(|state| enough && !coverage.contains_key(**state)).copied().collect();
        let again = outcomes.first().map(|outcome| (outcome.audit, run(first, settings).audit));
        Report {
            coverage,
            missing,
            not_deterministic: again.is_some_and(|(once, twice)| once != twice),
            failures: outcomes.iter().filter(|outcome| outcome.violation.is_some()).count(),
            nodes,
        }
    }

    fn failed(&self) -> bool {
        self.failures > 0 || !self.missing.is_empty() || self.not_deterministic
    }

    fn print(&self, outcomes: &[Outcome], elapsed: Duration, as_json: bool) {
        let heights: u64 = outcomes.iter().map(|outcome| outcome.heights).sum();
        let node_heights: u64 = outcomes.iter().map(|outcome| outcome.node_heights).sum();
        let per_s = node_heights as f64 / elapsed.as_secs_f64().max(0.001);
        if self.not_deterministic {
            eprintln!("the first seed, run again, did something else: the simulation is not deterministic");
        }
        if !self.missing.is_empty() {
            eprintln!("too tame: these never occurred: {}", self.missing.join(", "));
        }
        eprintln!("{} runs, {heights} heights, {per_s:.0} node heights a second, {:?}", outcomes.len(), self.coverage);
        let passed = outcomes.len() - self.failures;
        let failed = self.failures + self.missing.len() + usize::from(self.not_deterministic);
        eprintln!("simulation: {passed} passed, {failed} failed");
        if as_json {
            let failure = |outcome: &Outcome| {
                let (violation, at_ms) = outcome.violation.as_ref()?;
                let replay = format!("cargo xtask sim --seed {} --nodes {}", outcome.seed, self.nodes);
                let check = format!("{violation:?}").split([' ', '(', '{']).next().map(str::to_owned);
                let text = violation.to_string();
                Some(json!({"seed": outcome.seed, "check": check, "height": outcome.heights, "node": null,
                            "at_ms": at_ms, "text": text, "replay": replay}))
            };
            let failures: Vec<_> = outcomes.iter().filter_map(failure).collect();
            let audit = outcomes.first().map(|outcome| outcome.audit.to_string());
            println!(
                "{}",
                json!({"schema": "concordat.sim.v1", "runs": outcomes.len(), "heights": heights,
                       "node_heights_per_s": per_s.round(), "coverage": self.coverage, "missing": self.missing,
                       "failures": failures, "audit": audit})
            );
        }
    }
}

/// From so many runs on, a state that never occurred means that the faults are too tame.
const RUNS_FOR_COVERAGE: usize = 100;
const MUST_OCCUR: [&str; 14] = [
    "busy node",
    "clock minutes off",
    "corrupted message",
    "decided above round 0",
    "disk full",
    "kill",
    "lost message",
    "one away for good",
    "partition",
    "power loss",
    "precommit after the decision",
    "refused at the rim",
    "turn given back",
    "turn of an absent validator skipped",
];
