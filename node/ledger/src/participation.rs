//! Who takes part in deciding: the record of the last blocks' precommits, and who is away by it.
//!
//! It decides whom the rotation of proposers skips, and must not know how. That the signers handed in are those of a good
//! certificate is checked before.

use crate::{
    engine::BlockContext,
    overlay::Overlay,
    sets,
    state::{StateKey, StateValue},
    view::{self, StateView},
};
use alloc::{sync::Arc, vec::Vec};
use borsh::{BorshDeserialize, BorshSerialize};
use concordat_types::{Bitmap, BlockId, Body, Height, ValidatorSet};

/// Whose precommits the last blocks have shown, and the blocks for which the next ones will.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Participation {
    // Invariant: both ascend in height, without a gap. At most LAG - 1 blocks, the newest the state's parent; at most
    // RECORDS_MAX records.
    blocks: Vec<(Height, BlockId)>,
    records: Vec<ParticipationRecord>,
}

/// Validators of the set of `height` whose precommits for its block were shown.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct ParticipationRecord {
    pub height: Height,
    pub signers: Bitmap,
}

impl Participation {
    /// A validator that is in none of so many is away.
    pub const RECORDS_MAX: usize = 10;
    /// Records are of heights at most this far below the state's.
    pub(crate) const REACH: u64 = Body::PARTICIPATION_LAG + Self::RECORDS_MAX as u64 - 1;

    pub fn records(&self) -> &[ParticipationRecord] {
        &self.records
    }
}

/// The block whose participation record a block of this height on the state must carry; None up to height 10.
pub fn participation_due(view: &dyn StateView, height: Height) -> Option<(Height, BlockId)> {
    let due = height.0.checked_sub(Body::PARTICIPATION_LAG).filter(|due| *due > 0)?;
    participation(view).blocks.into_iter().find(|(height, _)| height.0 == due)
}

/// Validators of the next height that had the chance to be in the last ten records and are in none: by their place in its
/// set. Who was in the set for a part of them only counts as present.
pub fn away(view: &dyn StateView) -> Bitmap {
    let set = view::next_validators(view);
    let mut away = Bitmap::new(set.len());
    let records = participation(view).records;
    if records.len() < Participation::RECORDS_MAX {
        return away;
    }
    let sets_of_records = sets::validators_of(view, records.iter().map(|record| record.height));
    for (index, validator) in set.iter() {
        let was_missed = |(record, set): (&ParticipationRecord, &Option<Arc<ValidatorSet>>)| {
            let place = set.as_ref().and_then(|set| set.index_of(&validator.member));
            place.is_some_and(|place| !record.signers.contains(place))
        };
        if records.iter().zip(&sets_of_records).all(was_missed) {
            away.insert(index);
        }
    }
    away
}

/// What the block shows, and the block it stands on.
pub(crate) fn record(overlay: &mut Overlay<'_>, context: &BlockContext) {
    let mut participation = participation(overlay);
    let below = |height: Height, distance: u64| height.0.checked_sub(distance).map(Height);
    if let (Some(signers), Some(height)) = (&context.participation, below(context.height, Body::PARTICIPATION_LAG)) {
        participation.records.push(ParticipationRecord { height, signers: signers.clone() });
        let surplus = participation.records.len().saturating_sub(Participation::RECORDS_MAX);
        participation.records.drain(..surplus);
    }
    if let Some(parent) = below(context.height, 1) {
        participation.blocks.push((parent, context.parent));
        let surplus = participation.blocks.len().saturating_sub(Body::PARTICIPATION_LAG as usize - 1);
        participation.blocks.drain(..surplus);
    }
    overlay.put(StateKey::Participation, Some(StateValue::Participation(participation)));
}

fn participation(view: &dyn StateView) -> Participation {
    match view.get(&StateKey::Participation) {
        Some(StateValue::Participation(participation)) => participation,
        _ => panic!("a state without participation"),
    }
}
