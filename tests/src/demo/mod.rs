//! `concordat-demo`: the main job of a ledger on a network of real processes, and what happens when they fail.
//!
//! What a person would do goes through the `concordat` command, which is shown; the load comes from the library. The
//! first step that fails ends the run: what follows would rest on it.

mod books;
mod disturb;
mod membership;
mod operations;
mod payments;
mod receipt;
mod refused;
mod report;
mod stage;
mod start;

pub use report::{NodeReport, Report, StepReport};
pub use stage::Stage;

use crate::harness::Failure;
use report::Figures;
use std::{collections::BTreeMap, path::PathBuf, time::Instant};

#[derive(Clone, Debug)]
pub struct Options {
    /// None: a new folder that is removed at the end.
    pub dir: Option<PathBuf>,
    /// None: ports that are free now.
    pub base_port: Option<u16>,
}

/// Runs all steps. The stage is the network as they leave it, for as long as it is kept; none where it was never made.
pub async fn run(options: &Options) -> (Report, Option<Stage>) {
    let begun = Instant::now();
    let mut run = Run { stage: None, steps: Vec::new() };
    run.steps(options).await;
    let Run { stage, steps } = run;
    let report = Report {
        schema: "concordat.demo.v1",
        ok: steps.len() == STEPS.len() && steps.iter().all(|step| step.ok),
        seconds: report::seconds(begun.elapsed()),
        network_id: stage.as_ref().map(|stage| stage.network.network_id.to_string()),
        steps,
        nodes: stage.iter().flat_map(|stage| stage.network.nodes.iter().map(NodeReport::of)).collect(),
        profiles: stage.iter().flat_map(Stage::profiles).collect::<BTreeMap<_, _>>(),
    };
    (report, stage)
}

/// Ids and what they show, in order.
pub const STEPS: &[(&str, &str)] = &[
    ("genesis", "four banks and a central bank make their keys and agree on a genesis"),
    ("start", "five processes: a validator for each bank, a follower for the central bank"),
    ("issue", "the banks open accounts, the central bank issues money to them"),
    ("quota", "a bank issues its deposit token, as far as the central bank lets it"),
    ("pay", "one bank pays another"),
    ("pay_file", "a payment file of 20,000 lines"),
    ("hold", "money is reserved, posted in part, given back, and never forgotten"),
    ("dvp", "a bond against cash: both change hands, or neither does"),
    ("refused", "what must not work does not"),
    ("kill", "a validator is killed in the middle of the load"),
    ("rejoin", "it comes back, catches up and votes"),
    ("halt", "two of four validators stop: nothing more may be decided"),
    ("heal", "they go on, and so does the ledger"),
    ("admit", "an institution is invited, asks to be taken in, and the members vote"),
    ("validate", "its node catches up, proves it, and takes part in deciding"),
    ("receipt", "what the ledger says can be shown to somebody who asks no node"),
    ("books", "all nodes hold the same ledger, and its books balance"),
];

struct Run {
    stage: Option<Stage>,
    steps: Vec<StepReport>,
}

impl Run {
    async fn steps(&mut self, options: &Options) {
        let Some(begun) = self.begin() else { return };
        match start::genesis(options).await {
            Ok((stage, figures)) => {
                self.stage = Some(stage);
                self.end(begun, Ok(figures));
            }
            Err(failure) => return self.end(begun, Err(failure)),
        }
        self.step(start::start).await;
        self.step(payments::issue).await;
        self.step(operations::quota).await;
        self.step(payments::pay).await;
        self.step(payments::pay_file).await;
        self.step(operations::hold).await;
        self.step(operations::dvp).await;
        self.step(refused::refused).await;
        self.step(disturb::kill).await;
        self.step(disturb::rejoin).await;
        self.step(disturb::halt).await;
        self.step(disturb::heal).await;
        self.step(membership::admit).await;
        self.step(membership::validate).await;
        self.step(receipt::receipt).await;
        self.step(books::books).await;
    }

    async fn step(&mut self, work: impl AsyncFnOnce(&mut Stage) -> Result<Figures, Failure>) {
        let Some(begun) = self.begin() else { return };
        let Some(stage) = &mut self.stage else { return };
        let outcome = work(stage).await;
        self.end(begun, outcome);
    }

    /// None after a failure.
    fn begin(&self) -> Option<Instant> {
        if self.steps.iter().any(|step| !step.ok) {
            return None;
        }
        let (id, shows) = STEPS[self.steps.len()];
        eprintln!("{:>2}/{} {id}: {shows}", self.steps.len() + 1, STEPS.len());
        Some(Instant::now())
    }

    fn end(&mut self, begun: Instant, outcome: Result<Figures, Failure>) {
        let (id, _) = STEPS[self.steps.len()];
        let step = StepReport::new(id, begun.elapsed(), outcome);
        eprintln!("{step}");
        self.steps.push(step);
    }
}
