//! Replays executions of the Quint specification of Tendermint, where `CONCORDAT_TENDERMINT_VECTORS` names their folder,
//! and compares what each validator proposes, votes and decides, and where it ends. The project does not need them: without
//! the variable the test says so.
#![allow(clippy::unwrap_used)]

use concordat_consensus::{Consensus, HeightStart, Input, Output, Step, Timeout, TimeoutKind};
use concordat_types::{
    Bitmap, BlockId, BlsPublicKey, BlsSignature, Certificate, CertificateKind, Hash, Height, MemberId, Round,
    SignedVote, Validator, ValidatorIndex, ValidatorSet, Verified, Vote, VoteType,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Names the folder of the executions, one JSON file each.
const VARIABLE: &str = "CONCORDAT_TENDERMINT_VECTORS";

/// Runs that may differ: in the first five a validator begins a height with votes that the trace does not show; in the
/// last the specification waits for the next input before it prevotes, and so decides before it does.
const EXPLAINED: [&str; 6] = [
    "catchUpToHigherRoundTest",
    "catchUpToHigherRoundAfterHeightChangeTest",
    "fastProcessesDecidesAtHeight0SlowOneCatchesUpTest",
    "preloadVotekeeperOnlyTest",
    "slowProcessAtHeight1Test",
    "DecideFutureRoundTest",
];

struct Replay {
    set: ValidatorSet,
    names: Vec<String>,
    machines: BTreeMap<String, Machine>,
    /// Their votes carry no valid round: it is that of the proposal, by (height, round, value).
    valid_rounds: BTreeMap<(u64, u32, String), Option<Round>>,
}

struct Machine {
    consensus: Consensus,
    /// Of later heights, kept as a replica does.
    early: Vec<(Height, Input)>,
    said: Vec<String>,
    expected: Vec<String>,
}

impl Replay {
    fn new(trace: &Value) -> Replay {
        let names: Vec<String> =
            trace["validators"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().into()).collect();
        let validator = |(i, name): (usize, &String)| Validator {
            member: MemberId::new(name).unwrap(),
            key: BlsPublicKey([i as u8; 48]),
            power: 1,
        };
        let set = ValidatorSet::new(names.iter().enumerate().map(validator).collect()).unwrap();
        let mut replay = Replay { set, names, machines: BTreeMap::new(), valid_rounds: BTreeMap::new() };
        for step in trace["steps"].as_array().unwrap() {
            if let Some(proposal) = step.get("prop") {
                let key = (number(&proposal["height"]), number(&proposal["round"]) as u32, text(&proposal["proposal"]));
                replay.valid_rounds.entry(key).or_insert(round_of(&proposal["validRound"]));
            }
        }
        replay
    }

    /// Validator (round + 1) mod n proposes at all their heights.
    fn height(&self, theirs: u64) -> Height {
        Height(theirs * self.set.len() as u64 + 1)
    }

    fn index(&self, name: &Value) -> ValidatorIndex {
        ValidatorIndex(self.names.iter().position(|other| *other == text(name)).unwrap() as u16)
    }

    fn signed(&self, vote: Vote, validator: ValidatorIndex) -> Verified<SignedVote> {
        Verified::attest_verified(SignedVote { vote, validator, signature: BlsSignature([0; 96]) })
    }

    fn vote(&self, vote: &Value) -> (Height, Input) {
        let vote_type = if text(&vote["typ"]) == "Prevote" { VoteType::Prevote } else { VoteType::Precommit };
        let (theirs, round) = (number(&vote["h"]), number(&vote["r"]) as u32);
        let value = vote["val"].as_str();
        let valid_round = value
            .filter(|_| vote_type == VoteType::Prevote)
            .and_then(|value| self.valid_rounds.get(&(theirs, round, value.into())).copied().flatten());
        let height = self.height(theirs);
        let new = Vote { vote_type, height, round: Round(round), valid_round, block: value.map(block) };
        (height, Input::Vote(self.signed(new, self.index(&vote["src"]))))
    }

    /// The polka or commit that these votes are.
    fn certificate(&self, votes: &[Value]) -> (Height, Input) {
        let mut signers = Bitmap::new(self.set.len());
        votes.iter().for_each(|vote| signers.insert(self.index(&vote["src"])));
        let (height, Input::Vote(first)) = self.vote(&votes[0]) else { panic!("a vote is a vote") };
        let kind = match first.vote.vote_type {
            VoteType::Precommit => CertificateKind::Commit,
            _ => CertificateKind::Polka,
        };
        let Vote { round, valid_round, block, .. } = first.vote;
        let block = block.unwrap();
        let signature = first.signature;
        let certificate = Certificate { kind, height, round, valid_round, block, signers, signature };
        (height, Input::Certificate(Verified::attest_verified(certificate)))
    }

    fn inputs(&self, step: &Value, machine: &Consensus) -> Vec<(Height, Input)> {
        let height = self.height(number(&step["height"]));
        match text(&step["tag"]).as_str() {
            "StartDInput" => vec![(height, Input::Start)],
            "ProposeValueDInput" => {
                let round = machine.round().unwrap();
                vec![(machine.height(), Input::Value { round, block: block(&text(&step["value"])) })]
            }
            "TimeoutDInput" => {
                let kind = match text(&step["timeout"]).as_str() {
                    "ProposeTimeout" => TimeoutKind::Propose,
                    "PrevoteTimeout" => TimeoutKind::Prevote,
                    _ => TimeoutKind::Precommit,
                };
                let timeout = Timeout { height: machine.height(), round: machine.round().unwrap(), kind };
                vec![(machine.height(), Input::Timeout(timeout))]
            }
            "ProposalDInput" => {
                let proposal = &step["prop"];
                let value = text(&proposal["proposal"]);
                let height = self.height(number(&proposal["height"]));
                let vote = Vote {
                    vote_type: VoteType::Proposal,
                    height,
                    round: Round(number(&proposal["round"]) as u32),
                    valid_round: round_of(&proposal["validRound"]),
                    block: Some(block(&value)),
                };
                let proposal = self.signed(vote, self.index(&proposal["srcAddress"]));
                vec![
                    (height, Input::Proposal { proposal, timely: true }),
                    (height, Input::Block { block: block(&value), valid: value != "invalid" }),
                ]
            }
            "VoteDInput" => vec![self.vote(&step["vote"])],
            "CertificateDInput" => vec![self.certificate(step["cert"].as_array().unwrap())],
            // The specification takes one rule at a time and is told to go on; the machine runs all at once.
            "PendingDInput" | "StepChangeDInput" | "NoDInput" => vec![],
            tag => panic!("unknown input {tag}"),
        }
    }

    fn step(&mut self, step: &Value) {
        let name = text(&step["v"]);
        let start = HeightStart {
            height: self.height(number(&step["height"])),
            validators: self.set.clone(),
            away: Bitmap::new(self.set.len()),
            me: Some(self.index(&step["v"])),
        };
        let mut machine = self.machines.remove(&name).unwrap_or_else(|| Machine {
            consensus: Consensus::new(start.clone()),
            early: vec![],
            said: vec![],
            expected: vec![],
        });
        if start.height > machine.consensus.height() {
            machine.consensus.next_height(start);
            for (height, input) in std::mem::take(&mut machine.early) {
                machine.give(height, input);
            }
        }
        for (height, input) in self.inputs(step, &machine.consensus) {
            machine.give(height, input);
        }
        machine.expected.extend(step["exp"].as_str().map(String::from));
        self.machines.insert(name, machine);
    }
}

impl Machine {
    fn give(&mut self, height: Height, input: Input) {
        if height > self.consensus.height() {
            self.early.push((height, input));
        } else if height == self.consensus.height() {
            let n = self.consensus.validators().len() as u64;
            let out = self.consensus.handle(input);
            self.said.extend(out.iter().filter_map(|output| show(output, n)));
        }
    }
}

fn show(output: &Output, n: u64) -> Option<String> {
    match output {
        Output::Sign(vote) => {
            let (height, round) = ((vote.height.0 - 1) / n, vote.round);
            let value = vote.block.as_ref().map_or("None".into(), name);
            let valid_round = vote.valid_round.map_or(-1, |round| i64::from(round.0));
            Some(match vote.vote_type {
                VoteType::Proposal => format!("Proposal h{height} r{round} {value} vr{valid_round}"),
                _ => format!("{:?} h{height} r{round} {value}", vote.vote_type),
            })
        }
        Output::Decide { block, .. } => Some(format!("Decided {}", name(block))),
        _ => None,
    }
}

/// What the specification's state says at the end, in its words.
fn end(machine: &Consensus, n: u64) -> Value {
    let value = |value: &Option<(BlockId, Round)>| match value {
        Some((block, round)) => serde_json::json!([name(block), round.0]),
        None => serde_json::json!([null, -1]),
    };
    let step = match (machine.has_decided(), machine.step()) {
        (true, _) => "CommitStep",
        (false, Step::Propose) => "ProposeStep",
        (false, Step::Prevote) => "PrevoteStep",
        (false, Step::Precommit) => "PrecommitStep",
    };
    serde_json::json!({
        "height": (machine.height().0 - 1) / n,
        "round": machine.round().map_or(-1, |round| i64::from(round.0)),
        "step": step,
        "locked": value(&machine.lock().locked),
        "valid": value(&machine.lock().valid),
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().into()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap()
}

fn round_of(value: &Value) -> Option<Round> {
    value.as_u64().map(|round| Round(round as u32))
}

fn block(value: &str) -> BlockId {
    let mut bytes = [b' '; 32];
    bytes[..value.len()].copy_from_slice(value.as_bytes());
    BlockId(Hash(bytes))
}

fn name(block: &BlockId) -> String {
    String::from_utf8_lossy(&block.0.0).trim_end().into()
}

#[test]
fn replays_the_specification() {
    let Some(folder) = std::env::var_os(VARIABLE) else {
        println!("{VARIABLE} is not set: skipped");
        return;
    };
    let mut different = BTreeSet::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let file = path.file_stem().unwrap().to_string_lossy().into_owned();
        let trace: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let mut replay = Replay::new(&trace);
        trace["steps"].as_array().unwrap().iter().for_each(|step| replay.step(step));
        for (name, machine) in &replay.machines {
            let end = end(&machine.consensus, replay.set.len() as u64);
            if machine.said != machine.expected || end != trace["final"][name] {
                println!("{file} {name}\n  said     {:?}\n  expected {:?}", machine.said, machine.expected);
                println!("  ends     {end}\n  expected {}", trace["final"][name]);
                different.insert(file.clone());
            }
        }
    }
    let explained = |file: &&String| EXPLAINED.iter().any(|run| file.starts_with(run));
    let unexplained: Vec<_> = different.iter().filter(|file| !explained(file)).collect();
    assert!(unexplained.is_empty(), "{unexplained:?}");
}
