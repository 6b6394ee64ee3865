//! The arithmetic of quorums, by power and never by count: more than two thirds, more than one third.

use super::{block, signed, start};
use crate::{Consensus, Input, Output};
use alloc::{vec, vec::Vec};
use concordat_types::{Round, Vote, VoteType};

/// (powers, voters, is a quorum, is one honest).
type Row = (&'static [u64], &'static [u16], bool, bool);

const ROWS: &[Row] = &[
    (&[1; 4], &[0], false, false),
    (&[1; 4], &[0, 1], false, true),
    (&[1; 4], &[0, 1, 2], true, true),
    (&[1; 5], &[0], false, false),
    (&[1; 5], &[0, 1, 2], false, true),
    (&[1; 5], &[0, 1, 2, 3], true, true),
    // Exactly a third, and exactly two thirds, are not enough: 2f + 1 with f = 1 would be 3 here.
    (&[1; 6], &[0, 1], false, false),
    (&[1; 6], &[0, 1, 2], false, true),
    (&[1; 6], &[0, 1, 2, 3], false, true),
    (&[1; 6], &[0, 1, 2, 3, 4], true, true),
    (&[1; 7], &[0, 1], false, false),
    (&[1; 7], &[0, 1, 2], false, true),
    (&[1; 7], &[0, 1, 2, 3], false, true),
    (&[1; 7], &[0, 1, 2, 3, 4], true, true),
    (&[1; 8], &[0, 1], false, false),
    (&[1; 8], &[0, 1, 2, 3, 4], false, true),
    (&[1; 8], &[0, 1, 2, 3, 4, 5], true, true),
    // Weights: one of 4 is a third of 12, two of 4 are two thirds.
    (&[4, 4, 2, 2], &[0], false, false),
    (&[4, 4, 2, 2], &[0, 1], false, true),
    (&[4, 4, 2, 2], &[0, 2, 3], false, true),
    (&[4, 4, 2, 2], &[0, 1, 2], true, true),
    (&[100, 1, 1, 1], &[1, 2, 3], false, false),
    (&[100, 1, 1, 1], &[0], true, true),
    (&[50, 25, 25, 25, 25], &[1, 2, 3, 4], false, true),
    (&[50, 25, 25, 25, 25], &[0, 1, 2], false, true),
    (&[50, 25, 25, 25, 25], &[0, 1, 2, 3], true, true),
    // Nothing overflows.
    (&[u64::MAX; 4], &[0, 1], false, true),
    (&[u64::MAX; 4], &[0, 1, 2], true, true),
];

/// What follows when the voters vote so in a round.
fn outputs((powers, voters, ..): &Row, vote_type: VoteType, round: u32, name: Option<&str>) -> Vec<Output> {
    let mut machine = Consensus::new(start(powers, None));
    let mut out = machine.handle(Input::Start);
    let block = name.map(block);
    if let Some(block) = block {
        out.extend(machine.handle(Input::Block { block, valid: true }));
    }
    let vote = Vote { vote_type, height: machine.height(), round: Round(round), valid_round: None, block };
    for voter in *voters {
        // Repetition adds nothing.
        out.extend(machine.handle(Input::Vote(signed(vote, *voter))));
        out.extend(machine.handle(Input::Vote(signed(vote, *voter))));
    }
    out
}

#[test]
fn commits_by_more_than_two_thirds() {
    for row in ROWS {
        let out = outputs(row, VoteType::Precommit, 0, Some("A"));
        assert_eq!(out.iter().any(|output| matches!(output, Output::Decide { .. })), row.2, "{row:?}");
    }
}

#[test]
fn any_precommits_of_more_than_two_thirds_start_the_timer() {
    for row in ROWS {
        // The first output of round 0 is its propose timer.
        let timers = |output: &&Output| matches!(output, Output::Schedule(_));
        assert_eq!(outputs(row, VoteType::Precommit, 0, None).iter().filter(timers).count() == 2, row.2, "{row:?}");
    }
}

#[test]
fn skips_by_more_than_one_third() {
    for row in ROWS {
        let rounds = |output: &Output| match output {
            Output::EnterRound { round } => Some(round.0),
            _ => None,
        };
        for round in [1, 10, 11, 1000, u32::MAX] {
            let out = outputs(row, VoteType::Prevote, round, None);
            let expected = if row.3 { vec![0, round] } else { vec![0] };
            assert_eq!(out.iter().filter_map(rounds).collect::<Vec<_>>(), expected, "{row:?}");
        }
    }
}
