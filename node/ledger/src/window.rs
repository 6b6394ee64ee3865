//! The id window: which ids may come, and the state's commitment to those that came.
//!
//! Ids are bucketed by the minute of their own time, not of the block's: the records that a store still keeps after it
//! forgot those outside the window are then exactly the ones that the remaining buckets commit to, and a copy of the
//! records can be checked against the state.

use crate::{
    ids::{IdKey, IdRecord},
    overlay::Overlay,
    state::{StateKey, StateValue},
};
use alloc::{collections::BTreeMap, vec::Vec};
use borsh::{BorshDeserialize, BorshSerialize};
use concordat_types::{Hash, Parameters, Tag, Timestamp, Uuid, merkle::MerkleRoot};

pub const MINUTE_MS: u64 = 60_000;

/// Minutes looked at per block when old buckets are deleted: a block is at most ten seconds after the last, so even
/// one would keep up; more make up for a halt.
pub const ID_BUCKETS_SWEPT_MAX: u64 = 8;

/// Buckets of minutes before this one are deleted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct IdWindow {
    pub swept_before: u64,
}

/// Is the id of version 7 and its time at most the window away from block time?
pub fn is_inside(id: &Uuid, block_time: Timestamp, parameters: &Parameters) -> bool {
    id.time().is_some_and(|time| time.0.abs_diff(block_time.0) <= parameters.id_window_ms)
}

/// Records of ids whose own time is before this may be forgotten once the block of `block_time` is committed: no
/// later block asks for them and no bucket that is not about to be deleted holds them. Always a full minute.
pub fn expired_ids_before(block_time: Timestamp, parameters: &Parameters) -> Timestamp {
    Timestamp(first_minute(block_time, parameters) * MINUTE_MS)
}

/// The first minute that still holds an id inside the window.
pub(crate) fn first_minute(block_time: Timestamp, parameters: &Parameters) -> u64 {
    block_time.0.saturating_sub(parameters.id_window_ms) / MINUTE_MS
}

/// Adds a block's new ids to their buckets and deletes buckets that have left the window. A bucket's value is
/// SHA-256(Tag::ID_WINDOW, value before or zero, RFC 6962 root over the canonical (key, record) of the block's ids of
/// that minute in order of execution).
pub(crate) fn close(overlay: &mut Overlay<'_>, ids: &[(IdKey, IdRecord)], time: Timestamp, parameters: &Parameters) {
    let mut roots: BTreeMap<u64, MerkleRoot> = BTreeMap::new();
    let mut buffer = Vec::new();
    for entry in ids {
        let minute = entry.0.id.time().expect("only ids of version 7 are recorded").0 / MINUTE_MS;
        buffer.clear();
        entry.serialize(&mut buffer).expect("writing to a vector cannot fail");
        roots.entry(minute).or_default().push(&buffer);
    }
    for (minute, root) in roots {
        let key = StateKey::IdBucket(minute);
        let previous = match overlay.value(&key) {
            Some(StateValue::IdBucket(hash)) => hash,
            _ => Hash::ZERO,
        };
        let hash = Tag::ID_WINDOW.hash(&[&previous.0, &root.finish().0]);
        overlay.put(key, Some(StateValue::IdBucket(hash)));
    }
    sweep(overlay, time, parameters);
}

fn sweep(overlay: &mut Overlay<'_>, time: Timestamp, parameters: &Parameters) {
    let Some(StateValue::IdWindow(window)) = overlay.value(&StateKey::IdWindow) else {
        panic!("a state without id window");
    };
    let end = first_minute(time, parameters).min(window.swept_before + ID_BUCKETS_SWEPT_MAX);
    if end <= window.swept_before {
        return;
    }
    (window.swept_before..end).for_each(|minute| overlay.put(StateKey::IdBucket(minute), None));
    overlay.put(StateKey::IdWindow, Some(StateValue::IdWindow(IdWindow { swept_before: end })));
}
