//! Scripts that drive one machine: `input -> output, output`, one line each.
//!
//! Validator i of n proposes in round i (mod n): the height is n. Votes name their signers after `by`, and our own are
//! given back by the script, like everything else.

mod bounds;
mod late;
mod locks;
mod network;
mod proposers;
mod quorums;
mod restore;
mod rules;
mod scenarios;

use crate::{Consensus, HeightStart, Input, Lock, Output, Quorum, Timeout, TimeoutKind};
use alloc::{
    collections::BTreeSet,
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use concordat_types::{
    Bitmap, BlockId, BlsPublicKey, BlsSignature, Certificate, CertificateKind, Evidence, Hash, Height, MemberId, Round,
    SignedVote, Validator, ValidatorIndex, ValidatorSet, Verified, Vote, VoteType,
};

/// One script for one machine.
struct Case {
    name: &'static str,
    powers: &'static [u64],
    me: Option<u16>,
    script: &'static str,
}

/// Four equal validators, we are number 3, who proposes in round 3.
const fn case(name: &'static str, script: &'static str) -> Case {
    Case { name, powers: &[1, 1, 1, 1], me: Some(3), script }
}

fn check(cases: &[Case]) -> BTreeSet<String> {
    let mut fired = BTreeSet::new();
    for case in cases {
        let mut machine = Consensus::new(start(case.powers, case.me));
        fired.append(&mut play(&mut machine, case.name, case.script));
    }
    fired
}

/// Plays a script and returns the rules that fired, by the paper's lines.
fn play(machine: &mut Consensus, name: &str, script: &str) -> BTreeSet<String> {
    let mut fired = BTreeSet::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (input, expected) = line.split_once("->").unwrap_or_else(|| panic!("{name}: no arrow in {line}"));
        let mut out = Vec::new();
        for input in parse(machine, input.trim()) {
            let got = machine.handle_traced(input.clone(), |rule| {
                fired.insert(format!("{rule:?}"));
            });
            infer(&input, &got, &mut fired);
            out.extend(got);
        }
        let got: Vec<String> = out.iter().map(show).collect();
        let expected: Vec<&str> = expected.split(',').map(str::trim).filter(|word| !word.is_empty()).collect();
        assert_eq!(got, expected, "{name}: {line}");
    }
    fired
}

/// The rules that are no conditions on the state: StartRound and the timeouts.
fn infer(input: &Input, out: &[Output], fired: &mut BTreeSet<String>) {
    for output in out {
        match output {
            Output::GetValue { .. } => fired.insert("L18".into()),
            Output::Sign(vote) if vote.vote_type == VoteType::Proposal && vote.valid_round.is_some() => {
                fired.insert("L16".into())
            }
            _ => false,
        };
    }
    if let (Input::Timeout(timeout), false) = (input, out.is_empty()) {
        let line = match timeout.kind {
            TimeoutKind::Propose => "L57",
            TimeoutKind::Prevote => "L61",
            TimeoutKind::Precommit => "L65",
        };
        fired.insert(line.into());
    }
}

#[test]
fn every_rule_fires() {
    let mut fired = BTreeSet::new();
    for cases in [rules::CASES, scenarios::CASES, locks::CASES] {
        fired.append(&mut check(cases));
    }
    let rules = "Fetch InvalidCommit InvalidPolka L16 L18 L22 L28 L34 L36Lock L36Valid L44 L47 L49 L55 L57 L61 L65";
    assert_eq!(fired.into_iter().collect::<Vec<_>>().join(" "), rules);
}

fn validators(powers: &[u64]) -> ValidatorSet {
    let validator = |(i, power): (usize, &u64)| Validator {
        member: MemberId::new(&format!("v{i:03}")).unwrap(),
        key: BlsPublicKey([i as u8; 48]),
        power: *power,
    };
    ValidatorSet::new(powers.iter().enumerate().map(validator).collect()).unwrap()
}

fn start(powers: &[u64], me: Option<u16>) -> HeightStart {
    let (height, validators, me) = (Height(powers.len() as u64), validators(powers), me.map(ValidatorIndex));
    let away = Bitmap::new(validators.len());
    HeightStart { height, validators, away, me }
}

fn block(name: &str) -> BlockId {
    let [byte] = name.as_bytes() else { panic!("a block is a letter, not {name}") };
    BlockId(Hash([*byte; 32]))
}

fn signed(vote: Vote, validator: u16) -> Verified<SignedVote> {
    Verified::attest_verified(SignedVote {
        vote,
        validator: ValidatorIndex(validator),
        signature: BlsSignature([0; 96]),
    })
}

fn certificate(kind: CertificateKind, vote: Vote, set: &ValidatorSet, signers: &[u16]) -> Verified<Certificate> {
    let mut bitmap = Bitmap::new(set.len());
    signers.iter().for_each(|signer| bitmap.insert(ValidatorIndex(*signer)));
    Verified::attest_verified(Certificate {
        kind,
        height: vote.height,
        round: vote.round,
        valid_round: vote.valid_round,
        block: vote.block.unwrap(),
        signers: bitmap,
        signature: BlsSignature([0; 96]),
    })
}

/// `prevote 1 A vr 0 by 0 1 2` and its like.
struct Words<'a> {
    round: Round,
    block: Option<BlockId>,
    valid_round: Option<Round>,
    signers: Vec<u16>,
    words: Vec<&'a str>,
}

impl<'a> Words<'a> {
    fn parse(words: Vec<&'a str>) -> Words<'a> {
        let (left, by) = match words.iter().position(|word| *word == "by") {
            Some(at) => (&words[..at], &words[at + 1..]),
            None => (&words[..], &[][..]),
        };
        Words {
            round: Round(left[1].parse().unwrap()),
            block: Some(left[2]).filter(|name| *name != "nil").map(block),
            valid_round: left.iter().position(|word| *word == "vr").map(|at| Round(left[at + 1].parse().unwrap())),
            signers: by.iter().map(|word| word.parse().unwrap()).collect(),
            words,
        }
    }

    fn vote(&self, vote_type: VoteType, height: Height) -> Vote {
        Vote { vote_type, height, round: self.round, valid_round: self.valid_round, block: self.block }
    }
}

fn parse(machine: &Consensus, text: &str) -> Vec<Input> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let votes = |vote_type, words| -> Vec<Input> {
        let words = Words::parse(words);
        let vote = words.vote(vote_type, machine.height());
        words.signers.iter().map(|signer| Input::Vote(signed(vote, *signer))).collect()
    };
    let certified = |kind, vote_type, words| {
        let words = Words::parse(words);
        let vote = words.vote(vote_type, machine.height());
        vec![Input::Certificate(certificate(kind, vote, machine.validators(), &words.signers))]
    };
    match words[0] {
        "start" => vec![Input::Start],
        "value" => vec![Input::Value { round: Round(words[1].parse().unwrap()), block: block(words[2]) }],
        "block" => vec![Input::Block { block: block(words[1]), valid: words[2] == "ok" }],
        "timeout" => {
            let kind = match words[1] {
                "propose" => TimeoutKind::Propose,
                "prevote" => TimeoutKind::Prevote,
                _ => TimeoutKind::Precommit,
            };
            let round = Round(words[2].parse().unwrap());
            vec![Input::Timeout(Timeout { height: machine.height(), round, kind })]
        }
        "proposal" => {
            let words = Words::parse(words);
            let proposer = words.signers.first().copied().unwrap_or(machine.proposer(words.round).0);
            let proposal = signed(words.vote(VoteType::Proposal, machine.height()), proposer);
            vec![Input::Proposal { proposal, timely: !words.words.contains(&"untimely") }]
        }
        "prevote" => votes(VoteType::Prevote, words),
        "precommit" => votes(VoteType::Precommit, words),
        "polka" => certified(CertificateKind::Polka, VoteType::Prevote, words),
        "commit" => certified(CertificateKind::Commit, VoteType::Precommit, words),
        word => panic!("no input {word}"),
    }
}

fn name(block: &BlockId) -> String {
    char::from(block.0.0[0]).to_string()
}

fn show_vote(vote: &Vote) -> String {
    let block = vote.block.as_ref().map_or("nil".into(), name);
    let valid_round = vote.valid_round.map_or(String::new(), |round| format!(" vr {round}"));
    let vote_type = format!("{:?}", vote.vote_type).to_lowercase();
    format!("{vote_type} {} {block}{valid_round}", vote.round)
}

fn show_lock(lock: &Lock) -> String {
    let show = |value: &Option<(BlockId, Round)>| {
        value.as_ref().map_or("-".into(), |(block, round)| format!("{}@{round}", name(block)))
    };
    format!("locked {} valid {}", show(&lock.locked), show(&lock.valid))
}

fn show(output: &Output) -> String {
    match output {
        Output::EnterRound { round } => format!("round {round}"),
        Output::GetValue { round } => format!("get {round}"),
        Output::Persist(lock) => {
            assert!(lock.polka.is_some(), "a lock is written with its polka");
            show_lock(lock)
        }
        Output::Sign(vote) => format!("sign {}", show_vote(vote)),
        Output::Schedule(timeout) => {
            format!("timer {} {}", format!("{:?}", timeout.kind).to_lowercase(), timeout.round)
        }
        Output::FetchBlock(block) => format!("fetch {}", name(block)),
        Output::Decide { round, block, commit } => {
            let how = if matches!(commit, Quorum::Certificate(_)) { " certified" } else { "" };
            format!("decide {round} {}{how}", name(block))
        }
        Output::Evidence(Evidence { first, second }) => {
            let kind = if (Evidence { first: *first, second: *second }).is_duplicate() { "duplicate" } else { "lock" };
            assert!(Evidence { first: *first, second: *second }.is_well_formed());
            format!("evidence {kind} {}", first.validator.0)
        }
        Output::InvalidPolka { round, block } => format!("invalid polka {round} {}", name(block)),
        Output::InvalidCommit { round, block } => format!("invalid commit {round} {}", name(block)),
    }
}
