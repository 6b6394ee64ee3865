//! Who proposes. A pure function of the height's validator set and of who has been seen voting, so that all agree without a
//! message.

use concordat_types::{Bitmap, Height, Round, ValidatorIndex, ValidatorSet};

/// Plain rotation in set order that advances with both height and round. Power gives no larger share. In round 0 the turn
/// of a validator that is `away` goes to the next that is not; in later rounds everyone has its turn, so that a wrong
/// record costs time and never the height. Where all are away nobody is skipped.
pub fn proposer(height: Height, round: Round, validators: &ValidatorSet, away: &Bitmap) -> ValidatorIndex {
    let turn = u128::from(height.0) + u128::from(round.0);
    let count = validators.len() as u128;
    // A set has at least 1 and at most 256 validators, so the remainder exists and fits.
    let at = |turn: u128| ValidatorIndex((turn % count) as u16);
    let is_skipped = |index: ValidatorIndex| round == Round(0) && away.contains(index);
    (turn..turn + count).map(at).find(|index| !is_skipped(*index)).unwrap_or(at(turn))
}
