//! Whose turn it is: by height and round, and past those who are away.

use super::{start, validators};
use crate::{Consensus, Input, Output, proposer};
use concordat_types::{Bitmap, Height, Round, ValidatorIndex, VoteType};

fn away(count: usize, indices: &[u16]) -> Bitmap {
    let mut away = Bitmap::new(count);
    indices.iter().for_each(|index| away.insert(ValidatorIndex(*index)));
    away
}

#[test]
fn proposers_take_turns_by_height_and_round() {
    for count in [1, 4, 7] {
        let (set, nobody) = (validators(&alloc::vec![1; count]), Bitmap::new(count));
        let at = |height, round| usize::from(proposer(Height(height), Round(round), &set, &nobody).0);
        for round in 0..20 {
            assert_eq!(at(count as u64, round), round as usize % count);
            assert_eq!(at(count as u64 + 1, round), at(count as u64, round + 1));
        }
        assert!(at(u64::MAX, u32::MAX) < count);
    }
}

/// (validators, away, height, round, whose turn).
type Row = (usize, &'static [u16], u64, u32, u16);

const ROWS: &[Row] = &[
    (4, &[], 5, 0, 1),
    // The next in order takes the turn, and keeps its own.
    (4, &[1], 4, 0, 0),
    (4, &[1], 5, 0, 2),
    (4, &[1], 6, 0, 2),
    (4, &[1], 7, 0, 3),
    // Only in round 0: a record that is wrong stops nobody for good.
    (4, &[1], 5, 1, 2),
    (4, &[1], 4, 1, 1),
    (4, &[1], 5, 4, 1),
    // Over several, and over the end of the order.
    (4, &[1, 2], 5, 0, 3),
    (4, &[1, 2], 6, 0, 3),
    (4, &[3], 7, 0, 0),
    (4, &[0, 3], 7, 0, 1),
    (4, &[0, 1, 2], 8, 0, 3),
    (7, &[5, 6], 12, 0, 0),
    // All away: plain rotation.
    (4, &[0, 1, 2, 3], 5, 0, 1),
    (4, &[0, 1, 2, 3], 6, 0, 2),
    (1, &[0], 5, 0, 0),
    // At the end of the numbers.
    (4, &[3], u64::MAX, 0, 0),
];

#[test]
fn who_is_away_is_skipped_in_round_0() {
    for row @ (count, indices, height, round, expected) in ROWS {
        let set = validators(&alloc::vec![1; *count]);
        let got = proposer(Height(*height), Round(*round), &set, &away(*count, indices));
        assert_eq!(got, ValidatorIndex(*expected), "{row:?}");
    }
}

/// Validator 0 of 4 has the turn at height 4, and validator 1 stands in for it.
#[test]
fn the_machine_goes_by_it() {
    let mut stand_in = crate::HeightStart { away: away(4, &[0]), ..start(&[1; 4], Some(1)) };
    let mut machine = Consensus::new(stand_in.clone());
    assert!(machine.handle(Input::Start).contains(&Output::GetValue { round: Round(0) }));
    let value = Input::Value { round: Round(0), block: super::block("A") };
    let signs = |output: &Output| matches!(output, Output::Sign(vote) if vote.vote_type == VoteType::Proposal);
    assert!(machine.handle(value).iter().any(signs));

    stand_in.me = Some(ValidatorIndex(0));
    let mut skipped = Consensus::new(stand_in);
    assert!(!skipped.handle(Input::Start).iter().any(|output| matches!(output, Output::GetValue { .. })));
    assert_eq!([0, 1, 2].map(|round| skipped.proposer(Round(round)).0), [1, 1, 2]);
}
