//! Validator sets of the past, for as long as something may still be verified against them: precommits and evidence of
//! heights below. Sets change seldom, so that each is kept once, under the first height that it decides.

use crate::{
    overlay::Overlay,
    state::{StateKey, StateValue},
    view::StateView,
};
use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use concordat_types::{Height, ValidatorSet};

/// Far more changes than a consortium makes within an evidence window, and a few megabytes at most. What went before is
/// out of the window.
pub const SETS_KEPT_MAX: usize = 128;

/// The first height of the set that decides this one, if it is still known.
pub fn set_start(view: &dyn StateView, height: Height) -> Option<Height> {
    start_in(&starts(view), height)
}

/// The set that decides the height, if it is still known. Of state h that is so up to h + 1.
pub fn validators_at(view: &dyn StateView, height: Height) -> Option<ValidatorSet> {
    set_from(view, set_start(view, height)?)
}

/// The first height whose set is still known.
pub(crate) fn first_start(view: &dyn StateView) -> Height {
    starts(view).first().copied().unwrap_or_default()
}

/// Of several heights; each set is read once.
pub(crate) fn validators_of(
    view: &dyn StateView,
    heights: impl Iterator<Item = Height>,
) -> Vec<Option<Arc<ValidatorSet>>> {
    let starts = starts(view);
    let mut read: BTreeMap<Height, Option<Arc<ValidatorSet>>> = BTreeMap::new();
    let mut set_of = |height| {
        let start = start_in(&starts, height)?;
        read.entry(start).or_insert_with(|| set_from(view, start).map(Arc::new)).clone()
    };
    heights.map(&mut set_of).collect()
}

/// The sets that decide this height and those after it, as far as they are in force.
pub(crate) fn since(view: &dyn StateView, height: Height) -> Vec<ValidatorSet> {
    let starts = starts(view);
    let first = starts.partition_point(|from| *from <= height).saturating_sub(1);
    starts[first..].iter().filter_map(|from| set_from(view, *from)).collect()
}

/// A set comes into force.
pub(crate) fn begin(overlay: &mut Overlay<'_>, from: Height, set: ValidatorSet) {
    let mut starts = starts(overlay);
    starts.push(from);
    overlay.put(StateKey::ValidatorsFrom(from), Some(StateValue::Validators(set)));
    let surplus = starts.len().saturating_sub(SETS_KEPT_MAX);
    forget(overlay, starts, surplus);
}

/// Sets that decide no height from `oldest` on are dropped.
pub(crate) fn forget_before(overlay: &mut Overlay<'_>, oldest: Height) {
    let starts = starts(overlay);
    let gone = starts.partition_point(|from| *from <= oldest).saturating_sub(1);
    if gone > 0 {
        forget(overlay, starts, gone);
    }
}

fn forget(overlay: &mut Overlay<'_>, mut starts: Vec<Height>, count: usize) {
    for from in starts.drain(..count) {
        overlay.put(StateKey::ValidatorsFrom(from), None);
    }
    overlay.put(StateKey::ValidatorSets, Some(StateValue::ValidatorSets(starts)));
}

fn start_in(starts: &[Height], height: Height) -> Option<Height> {
    starts[..starts.partition_point(|from| *from <= height)].last().copied()
}

fn starts(view: &dyn StateView) -> Vec<Height> {
    match view.get(&StateKey::ValidatorSets) {
        Some(StateValue::ValidatorSets(starts)) => starts,
        _ => panic!("a state without validator sets"),
    }
}

fn set_from(view: &dyn StateView, from: Height) -> Option<ValidatorSet> {
    match view.get(&StateKey::ValidatorsFrom(from))? {
        StateValue::Validators(set) => Some(set),
        other => panic!("not a validator set: {other:?}"),
    }
}
