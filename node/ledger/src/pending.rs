//! Holds and offers: what is reserved, for whom, until when.

use crate::{
    due::put_due,
    limits::{self, Flow, Moment},
    overlay::{Legs, Overlay},
    state::{StateKey, StateValue},
    transaction::Block,
};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use concordat_types::{AccountId, Amount, BusinessDate, HoldSide, Leg, PendingRef, ResultCode, Timestamp};

/// How far a hold or an offer has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum PendingState {
    Open = 0,
    /// Posted, or settled.
    Posted = 1,
    /// Voided, or cancelled.
    Voided = 2,
    Expired = 3,
}

/// When an amount was reserved: for the limits that count it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Reserved {
    pub date: BusinessDate,
    pub at: Moment,
}

#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct HoldRecord {
    pub debit_account: AccountId,
    pub credit_account: AccountId,
    pub amount: Amount,
    pub expires_at: Timestamp,
    pub posted_by: HoldSide,
    pub state: PendingState,
    pub reserved: Reserved,
    /// Its place among what is due.
    pub due: Timestamp,
    /// As in `Account`.
    pub blinding: [u8; 16],
}

#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct OfferRecord {
    pub legs: Vec<OfferLeg>,
    pub deadline: Timestamp,
    pub state: PendingState,
    pub due: Timestamp,
    pub blinding: [u8; 16],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct OfferLeg {
    pub leg: Leg,
    /// None: its payer has not accepted.
    pub reserved: Option<Reserved>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Pending {
    Hold(HoldRecord),
    Offer(OfferRecord),
}

impl Pending {
    pub(crate) fn is_open(&self) -> bool {
        let (Pending::Hold(HoldRecord { state, .. }) | Pending::Offer(OfferRecord { state, .. })) = self;
        *state == PendingState::Open
    }

    pub(crate) fn expire(self, overlay: &mut Overlay<'_>, block: &Block, name: PendingRef) {
        match self {
            Pending::Hold(hold) => hold.end(overlay, block, name, PendingState::Expired, 0),
            Pending::Offer(offer) => offer.end(overlay, block, name, PendingState::Expired),
        }
    }
}

/// 41 to 43: what may still be posted, accepted, voided or cancelled.
pub(crate) fn check_open(state: PendingState, until: Timestamp, now: Timestamp) -> Result<(), ResultCode> {
    match state {
        PendingState::Open if now < until => Ok(()),
        PendingState::Open | PendingState::Expired => Err(ResultCode::HoldExpired),
        PendingState::Posted => Err(ResultCode::HoldPosted),
        PendingState::Voided => Err(ResultCode::HoldVoided),
    }
}

impl HoldRecord {
    pub(crate) fn leg(&self) -> Leg {
        Leg { debit_account: self.debit_account, credit_account: self.credit_account, amount: self.amount }
    }

    /// Writes an open hold and its place among what is due.
    pub(crate) fn open(self, overlay: &mut Overlay<'_>, name: PendingRef) {
        put_due(overlay, name, None, self.due);
        overlay.put(StateKey::Pending(name), Some(StateValue::Hold(self)));
    }

    /// Releases the hold; of its amount, `used` keeps counting for limits.
    pub(crate) fn end(
        mut self,
        overlay: &mut Overlay<'_>,
        block: &Block,
        name: PendingRef,
        state: PendingState,
        used: Amount,
    ) {
        release(overlay, &self.leg(), self.reserved, used);
        self.state = state;
        self.due = forget_later(overlay, block, name, self.due);
        overlay.put(StateKey::Pending(name), Some(StateValue::Hold(self)));
    }
}

impl OfferRecord {
    pub(crate) fn is_complete(&self) -> bool {
        self.legs.iter().all(|leg| leg.reserved.is_some())
    }

    /// Writes an open offer and its place among what is due.
    pub(crate) fn open(&self, overlay: &mut Overlay<'_>, name: PendingRef) {
        put_due(overlay, name, None, self.due);
        self.write(overlay, name);
    }

    pub(crate) fn write(&self, overlay: &mut Overlay<'_>, name: PendingRef) {
        overlay.put(StateKey::Pending(name), Some(StateValue::Offer(self.clone())));
    }

    /// Releases what is reserved.
    pub(crate) fn end(mut self, overlay: &mut Overlay<'_>, block: &Block, name: PendingRef, state: PendingState) {
        for OfferLeg { leg, reserved } in &self.legs {
            if let Some(reserved) = reserved {
                let used = if state == PendingState::Posted { leg.amount } else { 0 };
                release(overlay, leg, *reserved, used);
            }
        }
        self.state = state;
        self.due = forget_later(overlay, block, name, self.due);
        overlay.put(StateKey::Pending(name), Some(StateValue::Offer(self)));
    }
}

fn release(overlay: &mut Overlay<'_>, leg: &Leg, reserved: Reserved, used: Amount) {
    let legs = legs_of(overlay, leg);
    overlay.release(legs, leg.amount);
    if leg.amount > used {
        limits::count(overlay, legs, leg.amount - used, Flow::Released(reserved));
    }
}

/// The accounts of a leg that was reserved: they cannot have gone, since an account is never removed.
pub(crate) fn legs_of(overlay: &mut Overlay<'_>, leg: &Leg) -> Legs {
    let mut find = |id| overlay.find_account(id).expect("a reserved leg's account exists");
    Legs { debit: find(leg.debit_account), credit: find(leg.credit_account) }
}

/// An ended one is remembered as long as the ids of its time.
fn forget_later(overlay: &mut Overlay<'_>, block: &Block, name: PendingRef, before: Timestamp) -> Timestamp {
    let at = Timestamp(block.context.time.0.saturating_add(block.parameters.id_window_ms));
    put_due(overlay, name, Some(before), at);
    at
}
