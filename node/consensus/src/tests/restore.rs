//! After a crash: own votes count again, the lock binds, and nothing conflicting is asked to be signed.

use super::{block, certificate, play, show, signed, start};
use crate::{Consensus, Input, Lock, Output, Quorum, Step};
use alloc::{string::String, vec, vec::Vec};
use concordat_types::{BlockId, CertificateKind, Height, Round, SignedVote, Verified, Vote, VoteType};

const NO_LOCK: Lock = Lock { locked: None, valid: None, polka: None };

fn prevote(round: u32, name: Option<&str>) -> Vote {
    Vote {
        vote_type: VoteType::Prevote,
        height: Height(4),
        round: Round(round),
        valid_round: None,
        block: name.map(block),
    }
}

fn precommit(round: u32, name: Option<&str>) -> Vote {
    Vote { vote_type: VoteType::Precommit, ..prevote(round, name) }
}

fn own(votes: &[Vote]) -> Vec<Verified<SignedVote>> {
    votes.iter().map(|vote| signed(*vote, 3)).collect()
}

fn at(name: &str, round: u32) -> Option<(BlockId, Round)> {
    Some((block(name), Round(round)))
}

fn lock_with_polka(name: &str, round: u32) -> Lock {
    let polka = (0..3).map(|validator| signed(prevote(round, Some(name)), validator)).collect();
    Lock { locked: at(name, round), valid: at(name, round), polka: Some(Quorum::Votes(polka)) }
}

fn check(lock: Lock, votes: &[Vote], outputs: &[&str], script: &str) -> Consensus {
    let mut machine = Consensus::new(start(&[1; 4], Some(3)));
    let out: Vec<String> = machine.restore(lock, own(votes)).iter().map(show).collect();
    assert_eq!(out, outputs);
    play(&mut machine, "restored", script);
    machine
}

#[test]
fn nothing_recorded_is_unstarted() {
    let machine = check(NO_LOCK, &[], &[], "start -> round 0, timer propose 0");
    assert_eq!(machine.lock(), &NO_LOCK);
}

#[test]
fn a_recorded_prevote_is_not_cast_again() {
    check(
        NO_LOCK,
        &[prevote(0, None), prevote(2, Some("A"))],
        &["round 2"],
        "
            start ->
            block B ok ->
            block A ok ->
            proposal 2 B ->
            timeout propose 2 ->
            prevote 2 A by 0 ->
            prevote 2 A by 1 -> locked A@2 valid A@2, sign precommit 2 A
        ",
    );
}

#[test]
fn a_recorded_precommit_is_not_contradicted_and_the_lock_binds() {
    let machine = check(
        lock_with_polka("A", 1),
        &[precommit(1, Some("A")), prevote(0, None), prevote(1, Some("A"))],
        &["round 1", "fetch A"],
        "
            timeout prevote 1 ->
            block A ok -> locked A@1 valid A@1
            block B ok ->
            precommit 1 nil by 0 1 -> timer precommit 1
            timeout precommit 1 -> round 2, timer propose 2
            proposal 2 B -> sign prevote 2 nil
            precommit 3 nil by 0 1 -> round 3, timer propose 3, sign proposal 3 A vr 1
        ",
    );
    assert_eq!(machine.step(), Step::Propose);
}

#[test]
fn a_lock_without_its_precommit_is_carried_on() {
    check(
        lock_with_polka("A", 0),
        &[prevote(0, Some("A"))],
        &["round 0", "fetch A", "timer prevote 0"],
        "block A ok -> locked A@0 valid A@0, sign precommit 0 A",
    );
}

#[test]
fn a_precommit_without_its_lock_binds() {
    let machine = check(
        NO_LOCK,
        &[prevote(0, Some("A")), precommit(0, Some("A"))],
        &["round 0", "fetch A"],
        "
            block B ok ->
            precommit 1 nil by 0 1 -> round 1, timer propose 1
            proposal 1 B -> sign prevote 1 nil
        ",
    );
    assert_eq!((machine.lock().locked, machine.lock().valid), (at("A", 0), at("A", 0)));
}

#[test]
fn a_polka_certificate_is_restored_too() {
    let machine = Consensus::new(start(&[1; 4], Some(3)));
    let polka = certificate(CertificateKind::Polka, prevote(0, Some("A")), machine.validators(), &[0, 1, 2]);
    let lock = Lock { locked: None, valid: at("A", 0), polka: Some(Quorum::Certificate(polka)) };
    let machine = check(
        lock,
        &[prevote(0, None), precommit(0, None), prevote(1, None)],
        &["round 1", "fetch A"],
        "
            precommit 2 nil by 0 1 -> round 2, timer propose 2
            proposal 2 A vr 0 ->
            block A ok -> sign prevote 2 A vr 0
        ",
    );
    assert!(machine.quorum(Round(0), CertificateKind::Polka).is_some());
}

#[test]
fn a_recorded_proposal_is_not_made_again_and_its_timer_runs() {
    let proposal = Vote { vote_type: VoteType::Proposal, ..prevote(3, Some("A")) };
    check(
        NO_LOCK,
        &[prevote(2, None), proposal],
        &["round 3", "timer propose 3", "fetch A"],
        "
            value 3 B ->
            block A ok -> sign prevote 3 A
        ",
    );
}

#[test]
fn own_votes_count_again_and_those_of_others_or_other_heights_are_not_own() {
    let mut machine = Consensus::new(start(&[1; 4], Some(3)));
    let other_height = Vote { height: Height(3), ..prevote(9, None) };
    let votes = vec![signed(prevote(0, None), 3), signed(prevote(7, None), 2), signed(other_height, 3)];
    machine.restore(NO_LOCK, votes);
    assert_eq!((machine.round(), machine.step()), (Some(Round(0)), Step::Prevote));
    play(&mut machine, "own votes", "prevote 0 nil by 0 ->\nprevote 0 nil by 1 -> sign precommit 0 nil");
}

#[test]
fn locked_on_b_after_a_a_restored_machine_does_not_convict_itself() {
    check(
        lock_with_polka("B", 2),
        &[precommit(0, Some("A")), prevote(2, None), precommit(2, Some("B")), prevote(3, None)],
        &["round 3", "fetch B"],
        "
            block B ok ->
            precommit 4 nil by 0 1 -> round 4, timer propose 4
            proposal 4 B -> sign prevote 4 nil
            precommit 5 nil by 0 1 -> round 5, timer propose 5
            proposal 5 B vr 2 -> sign prevote 5 B vr 2
        ",
    );
}

#[test]
fn the_round_certificate_is_what_brought_us_here_and_brings_another() {
    let by_timeout = "
        start -> round 0, timer propose 0
        precommit 0 nil by 0 1 2 -> timer precommit 0
        timeout precommit 0 -> round 1, timer propose 1
    ";
    let by_votes = "
        start -> round 0, timer propose 0
        prevote 5 nil by 0 ->
        precommit 5 nil by 1 -> round 5, timer propose 5
    ";
    let by_polka = "
        start -> round 0, timer propose 0
        polka 5 A by 0 1 2 -> round 5, timer propose 5, fetch A
    ";
    for (script, round, inputs) in [(by_timeout, 0, 3), (by_votes, 5, 2), (by_polka, 5, 1)] {
        let mut machine = Consensus::new(start(&[1; 4], Some(3)));
        assert_eq!(machine.round_certificate(), []);
        play(&mut machine, "enter", script);
        let certificate = machine.round_certificate();
        assert_eq!(certificate.len(), inputs);

        let mut other = Consensus::new(start(&[1; 4], Some(2)));
        other.handle(Input::Start);
        let out: Vec<_> = certificate.into_iter().flat_map(|input| other.handle(input)).collect();
        assert!(matches!(out[0], Output::Schedule(_) | Output::EnterRound { .. }));
        assert_eq!(other.round(), Some(Round(round)));
    }
}
