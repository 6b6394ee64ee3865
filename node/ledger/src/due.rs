//! What falls due by itself: holds and offers that expire, and ended ones that are forgotten. Worked off at the start of
//! each block, so that what is free again may be spent in it.

use crate::{
    overlay::Overlay,
    pending::Pending,
    results::Booking,
    state::{StateKey, StateValue},
    transaction::Block,
};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use concordat_types::{Hash, PendingRef, ProposalId, ResultCode, Tag, Timestamp, encode};

/// Due items of one block: about as much work as the payments of a small block. The rest is left to the next one.
pub const DUE_PER_BLOCK_MAX: usize = 1_000;

/// Unix milliseconds (8 bytes, big-endian), then the first 16 bytes of SHA-256(Tag::DUE, canonical PendingRef): the keys lie in
/// order of time, in a table too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
pub struct DueKey(pub [u8; 24]);

impl DueKey {
    pub fn new(at: Timestamp, pending: &PendingRef) -> DueKey {
        let Hash(digest) = Tag::DUE.hash(&[&encode(pending)]);
        let mut key = [0; 24];
        key[..8].copy_from_slice(&at.0.to_be_bytes());
        key[8..].copy_from_slice(&digest[..16]);
        DueKey(key)
    }

    pub fn at(&self) -> Timestamp {
        let mut ms = [0; 8];
        ms.copy_from_slice(&self.0[..8]);
        Timestamp(u64::from_be_bytes(ms))
    }
}

/// Something that happened in a block without a transaction. Numbers are for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum BlockEvent {
    HoldExpired(PendingRef) = 0,
    OfferExpired(PendingRef) = 1,
    /// An adopted proposal took effect.
    ProposalExecuted(ProposalId) = 2,
    /// An adopted proposal met a rule that forbids it, and ended.
    ProposalRefused {
        proposal: ProposalId,
        code: ResultCode,
    } = 3,
    ProposalExpired(ProposalId) = 4,
    /// A proposal moved money.
    ProposalBooked {
        proposal: ProposalId,
        booking: Booking,
    } = 5,
}

impl BlockEvent {
    /// What it booked.
    pub fn booking(&self) -> Option<Booking> {
        match self {
            BlockEvent::ProposalBooked { booking, .. } => Some(*booking),
            _ => None,
        }
    }
}

/// Expires what has come to its time and forgets what ended long ago.
pub(crate) fn sweep(overlay: &mut Overlay<'_>, block: &Block) -> Vec<BlockEvent> {
    let mut events = Vec::new();
    for (key, pending) in overlay.due_before_block(block.context.time, DUE_PER_BLOCK_MAX) {
        let record = overlay.pending(pending).expect("what is due is in the state");
        if record.is_open() {
            events.push(match &record {
                Pending::Hold(_) => BlockEvent::HoldExpired(pending),
                Pending::Offer(_) => BlockEvent::OfferExpired(pending),
            });
            record.expire(overlay, block, pending);
        } else {
            overlay.put(StateKey::Due(key), None);
            overlay.put(StateKey::Pending(pending), None);
        }
    }
    events
}

/// The item falls due at a time, and no more at the one before.
pub(crate) fn put_due(overlay: &mut Overlay<'_>, pending: PendingRef, before: Option<Timestamp>, at: Timestamp) {
    if let Some(before) = before {
        overlay.put(StateKey::Due(DueKey::new(before, &pending)), None);
    }
    overlay.put(StateKey::Due(DueKey::new(at, &pending)), Some(StateValue::Due(pending)));
}
