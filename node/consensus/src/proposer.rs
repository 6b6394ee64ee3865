//! Who proposes. A pure function of the height's validator set, so that all agree without a message.

use concordat_types::{Height, Round, ValidatorIndex, ValidatorSet};

/// Plain rotation in set order that advances with both height and round. Power gives no larger share.
pub fn proposer(height: Height, round: Round, validators: &ValidatorSet) -> ValidatorIndex {
    let turn = u128::from(height.0) + u128::from(round.0);
    // A set has at least 1 and at most 256 validators, so the remainder exists and fits.
    ValidatorIndex((turn % validators.len() as u128) as u16)
}
