//! How much a machine keeps, and that it can skip any distance with it.

use super::{block, play, show, signed, start};
use crate::tally::{ROUNDS_AHEAD_MAX, ROUNDS_BEHIND_MAX};
use crate::{Consensus, Input, Timeout, TimeoutKind};
use alloc::vec::Vec;
use concordat_types::{Height, Round, SignedVote, Verified, Vote, VoteType};

fn vote(vote_type: VoteType, round: u32, name: Option<&str>, validator: u16) -> Verified<SignedVote> {
    let vote = Vote { vote_type, height: Height(4), round: Round(round), valid_round: None, block: name.map(block) };
    signed(vote, validator)
}

#[test]
fn one_liar_fills_a_window_and_one_slot() {
    let mut machine = Consensus::new(start(&[1; 4], Some(3)));
    machine.handle(Input::Start);
    for round in 0..5000 {
        for vote_type in [VoteType::Prevote, VoteType::Precommit] {
            assert_eq!(machine.handle(Input::Vote(vote(vote_type, round, None, 0))), []);
        }
        for name in ["A", "B"] {
            machine.handle(Input::Proposal {
                proposal: vote(VoteType::Proposal, round, Some(name), (round % 4) as u16),
                timely: true,
            });
        }
    }
    let window = ROUNDS_AHEAD_MAX as usize + 1;
    assert_eq!(machine.held(), (2 * window, 1, window));
    assert!(machine.proposal(Round(ROUNDS_AHEAD_MAX)).is_some());
    assert!(machine.proposal(Round(ROUNDS_AHEAD_MAX + 1)).is_none());
}

#[test]
fn rounds_long_past_are_forgotten_but_for_the_valid_value() {
    let mut machine = Consensus::new(start(&[1; 4], Some(3)));
    let script = "
        start -> round 0, timer propose 0
        block A ok ->
        proposal 0 A -> sign prevote 0 A
        prevote 0 A by 0 1 2 -> locked A@0 valid A@0, sign precommit 0 A
    ";
    play(&mut machine, "valid value in round 0", script);
    for round in 0..3 * ROUNDS_BEHIND_MAX {
        for validator in 0..3 {
            machine.handle(Input::Vote(vote(VoteType::Precommit, round, None, validator)));
        }
        let timeout = Timeout { height: Height(4), round: Round(round), kind: TimeoutKind::Precommit };
        assert_ne!(machine.handle(Input::Timeout(timeout)), []);
    }
    let (near, far, proposals) = machine.held();
    assert_eq!((near, far, proposals), (3 * ROUNDS_BEHIND_MAX as usize + 6, 0, 0));
    assert_eq!(machine.votes(Round(0), VoteType::Prevote).count(), 3);
    assert_eq!(machine.handle(Input::Vote(vote(VoteType::Prevote, 1, None, 0))), []);
    assert_eq!(machine.votes(Round(1), VoteType::Prevote).count(), 0);
    // A certificate from then still decides.
    play(&mut machine, "late commit", "commit 1 A by 0 1 2 -> decide 1 A certified");
}

#[test]
fn a_far_slot_keeps_the_newest_vote_and_counts_when_it_comes_near() {
    let mut machine = Consensus::new(start(&[1; 4], Some(3)));
    let script = "
        start -> round 0, timer propose 0
        block A ok ->
        prevote 20 nil by 0 ->
        precommit 20 nil by 0 ->
        precommit 20 A by 0 -> evidence duplicate 0
        prevote 20 nil by 0 ->
        precommit 22 A by 1 -> round 20, timer propose 20
        precommit 22 A by 0 -> round 22, timer propose 22
        precommit 22 A by 2 -> decide 22 A
    ";
    play(&mut machine, "slots", script);
}

#[test]
fn slots_of_different_far_rounds_speak_for_the_lower() {
    let mut machine = Consensus::new(start(&[1; 7], Some(6)));
    let script = "
        start -> round 0, timer propose 0
        prevote 4294967295 nil by 0 ->
        prevote 502 nil by 1 ->
        prevote 501 nil by 2 -> round 501, timer propose 501
        prevote 4294967295 nil by 1 ->
        polka 4294967295 A by 0 1 2 3 4 -> round 4294967295, timer propose 4294967295, fetch A
    ";
    play(&mut machine, "far", script);
}

#[test]
fn inputs_of_another_height_are_ignored() {
    let mut machine = Consensus::new(start(&[1; 4], Some(3)));
    machine.handle(Input::Start);
    let before = machine.clone();
    for height in [3, 5] {
        let at = |vote: Verified<SignedVote>| {
            let vote = SignedVote { vote: Vote { height: Height(height), ..vote.vote }, ..*vote };
            Verified::attest_verified(vote)
        };
        for validator in 0..4 {
            assert_eq!(machine.handle(Input::Vote(at(vote(VoteType::Precommit, 0, None, validator)))), []);
            let proposal = at(vote(VoteType::Proposal, 0, Some("A"), validator));
            assert_eq!(machine.handle(Input::Proposal { proposal, timely: true }), []);
        }
        let timeout = Timeout { height: Height(height), round: Round(0), kind: TimeoutKind::Propose };
        assert_eq!(machine.handle(Input::Timeout(timeout)), []);
    }
    assert_eq!(machine, before);
}

#[test]
fn the_next_height_begins_unstarted() {
    let mut machine = Consensus::new(start(&[1; 4], Some(3)));
    play(&mut machine, "decide", "block A ok ->\nprecommit 0 A by 0 1 2 -> decide 0 A");
    assert!(machine.has_decided());
    machine.next_height(start(&[1; 5], Some(4)));
    assert_eq!(machine, Consensus::new(start(&[1; 5], Some(4))));
    assert_eq!((machine.height(), machine.round(), machine.has_decided()), (Height(5), None, false));
    let out: Vec<_> = machine.handle(Input::Start).iter().map(show).collect();
    assert_eq!(out, ["round 0", "timer propose 0"]);
    assert_eq!(machine.handle(Input::Start), []);
}
