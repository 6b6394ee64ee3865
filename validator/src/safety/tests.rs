use super::*;
use concordat_types::{BlockId, Hash};

const NETWORK: NetworkId = NetworkId(Hash([7; 32]));
const BINDING: Binding = Binding { network: NETWORK, epoch: 0 };

/// `5/2 prevote A`, `5/2 prevote nil`, `5/2 proposal A vr1`, `5/2 precommit B`.
fn vote(text: &str) -> Vote {
    let words: Vec<&str> = text.split_whitespace().collect();
    let (height, round) = words[0].split_once('/').unwrap();
    let vote_type = match words[1] {
        "proposal" => VoteType::Proposal,
        "prevote" => VoteType::Prevote,
        "precommit" => VoteType::Precommit,
        other => panic!("{other}"),
    };
    let block = (words[2] != "nil").then(|| BlockId(Hash([words[2].as_bytes()[0]; 32])));
    let valid_round = words.get(3).map(|word| Round(word.strip_prefix("vr").unwrap().parse().unwrap()));
    Vote {
        vote_type,
        height: Height(height.parse().unwrap()),
        round: Round(round.parse().unwrap()),
        valid_round,
        block,
    }
}

fn state(signs_above: u64) -> SignRecordState {
    let mut state = SignRecordState::new(Height(signs_above));
    state.bind(BINDING);
    state
}

/// Votes in the order they are asked for, each with the answer; what is new is recorded.
fn check(script: &str) {
    let mut state = state(0);
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (asked, expected) = line.split_once("->").unwrap();
        let vote = vote(asked);
        let decision = state.decide(&vote);
        let got = match decision {
            Decision::New => "new",
            Decision::Same => "same",
            Decision::Refused(SignRefused::Conflict { .. }) => "conflict",
            Decision::Refused(SignRefused::Lower { .. }) => "lower",
            Decision::Refused(SignRefused::Malformed) => "malformed",
            Decision::Refused(SignRefused::NoTrustedRecord) => "no record",
        };
        assert_eq!(got, expected.trim(), "{line}");
        if decision == Decision::New {
            state.record(vote);
        }
    }
}

#[test]
fn a_round_is_signed_upwards() {
    check(
        "5/0 proposal A      -> new
         5/0 prevote A       -> new
         5/0 precommit A     -> new
         5/1 prevote A vr0   -> new
         5/1 precommit nil   -> new
         6/0 prevote nil     -> new",
    );
}

#[test]
fn the_same_again_is_signed_again() {
    check(
        "5/0 proposal A  -> new
         5/0 proposal A  -> same
         5/0 prevote A   -> new
         5/0 proposal A  -> same
         5/0 prevote A   -> same
         5/1 prevote nil -> new
         5/0 prevote A   -> same",
    );
}

#[test]
fn another_vote_at_the_same_step_is_refused() {
    check(
        "5/3 prevote A vr1 -> new
         5/3 prevote B     -> conflict
         5/3 prevote nil   -> conflict
         5/3 prevote A     -> conflict
         5/3 prevote A vr2 -> conflict
         5/3 prevote A vr1 -> same
         5/3 precommit nil -> new
         5/3 precommit A   -> conflict
         5/3 prevote B     -> conflict",
    );
}

#[test]
fn lower_is_refused() {
    check(
        "5/3 precommit A  -> new
         5/3 prevote A    -> lower
         5/3 proposal A   -> lower
         5/2 precommit A  -> lower
         5/2 prevote nil  -> lower
         4/9 precommit A  -> lower
         6/0 prevote A    -> new
         5/3 precommit A  -> lower
         5/4 precommit A  -> lower",
    );
}

#[test]
fn what_is_malformed_is_never_signed() {
    check(
        "5/1 proposal nil      -> malformed
         5/1 proposal A vr1    -> malformed
         5/1 prevote nil vr0   -> malformed
         5/1 prevote A vr2     -> malformed
         5/1 precommit A vr0   -> malformed
         5/1 precommit nil vr0 -> malformed
         5/1 prevote A vr0     -> new
         0/0 prevote A         -> no record",
    );
}

#[test]
fn refusals_name_what_is_on_record() {
    let mut state = state(0);
    state.record(vote("5/0 prevote A"));
    state.record(vote("5/1 precommit A"));
    let conflict = SignRefused::Conflict { recorded: vote("5/0 prevote A") };
    assert_eq!(state.decide(&vote("5/0 prevote B")), Decision::Refused(conflict));
    let lower = SignRefused::Lower { recorded: vote("5/1 precommit A") };
    assert_eq!(state.decide(&vote("5/0 precommit A")), Decision::Refused(lower));
    assert_eq!(state.last(), Some(vote("5/1 precommit A")));
}

#[test]
fn a_key_without_network_or_below_its_recovery_signs_nothing() {
    let unbound = SignRecordState::new(Height(0));
    assert_eq!(unbound.decide(&vote("5/0 prevote A")), Decision::Refused(SignRefused::NoTrustedRecord));
    let recovered = state(5);
    assert_eq!(recovered.decide(&vote("5/9 prevote A")), Decision::Refused(SignRefused::NoTrustedRecord));
    assert_eq!(recovered.decide(&vote("6/0 prevote A")), Decision::New);
}

#[test]
fn one_network_and_no_earlier_epoch() {
    let mut state = state(2);
    state.record(vote("5/0 prevote A"));
    let other = Binding { network: NetworkId(Hash([8; 32])), epoch: 9 };
    assert_eq!(state.check_binding(other), Err(BindError::OtherNetwork { recorded: NETWORK }));
    state.bind(BINDING);
    assert_eq!(state.last(), Some(vote("5/0 prevote A")));
    let later = Binding { network: NETWORK, epoch: 1 };
    state.bind(later);
    assert_eq!((state.last(), state.signs_above()), (None, Height(2)));
    assert_eq!(state.check_binding(BINDING), Err(BindError::EarlierEpoch { recorded: 1 }));
}

#[test]
fn what_was_dropped_is_refused_never_signed_otherwise() {
    let mut state = state(0);
    for round in 0..2 * RECENT_VOTES_MAX {
        state.record(vote(&format!("5/{round} prevote A")));
    }
    assert_eq!(state.recent().len(), RECENT_VOTES_MAX);
    assert!(matches!(state.decide(&vote("5/0 prevote A")), Decision::Refused(SignRefused::Lower { .. })));
    assert!(matches!(state.decide(&vote("5/0 prevote B")), Decision::Refused(SignRefused::Lower { .. })));
    let kept = RECENT_VOTES_MAX;
    assert_eq!(state.decide(&vote(&format!("5/{kept} prevote A"))), Decision::Same);
}
