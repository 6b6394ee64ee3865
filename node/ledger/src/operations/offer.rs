//! Payments of several members that all happen or none: made at once where all have signed, else offered.

use super::{Done, code_of, leg, refuse_if};
use crate::{
    limits::Flow,
    overlay::Legs,
    pending::{OfferLeg, OfferRecord, PendingState, legs_of},
    state::StateKey,
    transaction::Run,
};
use alloc::vec::Vec;
use concordat_types::{Leg, Offer, PendingRef, ResultCode, Rights};

pub(super) fn execute(run: &mut Run<'_, '_>, offer: &Offer) -> ResultCode {
    code_of(make(run, offer))
}

fn make(run: &mut Run<'_, '_>, offer: &Offer) -> Done {
    check(run, offer)?;
    let name = run.pending_ref(offer.id);
    let mut record = OfferRecord {
        legs: offer.legs.iter().map(|leg| OfferLeg { leg: *leg, reserved: None }).collect(),
        deadline: offer.deadline,
        state: PendingState::Open,
        due: offer.deadline,
        blinding: run.blinding(&StateKey::Pending(name)),
    };
    reserve_signed(run, &mut record)?;
    record.open(run.overlay, name);
    if record.is_complete() {
        settle(run, record, name);
    }
    Ok(())
}

/// All that does not depend on the order of the legs. Of all refusals the smallest number is the result.
fn check(run: &mut Run<'_, '_>, offer: &Offer) -> Done {
    let mut codes: Vec<ResultCode> = Vec::new();
    let mut is_party = false;
    for leg in &offer.legs {
        match leg::find(run.overlay, leg.debit_account, leg.credit_account) {
            Ok(legs) => {
                let payer = leg::payer(run, legs);
                is_party |= run.submitter == Some(payer);
                let needs_second_key = run.may_pay(payer);
                codes.extend(leg::check_no_issuance(run.overlay, legs).err());
                codes.extend(check_leg(run, legs, leg, needs_second_key).err());
            }
            Err(code) => codes.push(code),
        }
    }
    let may_offer = is_party && run.submitter_with(Rights::PAY).is_some();
    codes.extend((!may_offer).then_some(ResultCode::NotAuthorised));
    codes.extend((offer.deadline <= run.block.context.time).then_some(ResultCode::HoldExpired));
    codes.into_iter().min().map_or(Ok(()), Err)
}

/// 21 to 31 of a leg, with the second key where it is reserved now.
pub(super) fn check_leg(run: &mut Run<'_, '_>, legs: Legs, leg: &Leg, is_reserved_now: bool) -> Done {
    leg::check_members(run, legs)?;
    leg::check_flags(run, legs)?;
    if is_reserved_now {
        leg::check_second_key(run, legs, leg.amount, Rights::PAY)?;
    }
    leg::check_amount(run.overlay, legs, leg.amount)
}

/// Reserves the open legs, in order, whose payers have signed.
fn reserve_signed(run: &mut Run<'_, '_>, record: &mut OfferRecord) -> Done {
    for leg in &mut record.legs {
        let legs = legs_of(run.overlay, &leg.leg);
        if leg.reserved.is_none() && run.may_pay(leg::payer(run, legs)) {
            reserve(run, legs, leg)?;
        }
    }
    Ok(())
}

/// 31, since legs before it may have filled a counter, 91 and 92; then reserves.
pub(super) fn reserve(run: &mut Run<'_, '_>, legs: Legs, leg: &mut OfferLeg) -> Done {
    let amount = leg.leg.amount;
    leg::check_amount(run.overlay, legs, amount)?;
    leg::check_limits(run, legs, amount)?;
    leg::check_funds(run.overlay, legs, amount)?;
    leg::reserve(run, legs, amount);
    leg.reserved = Some(run.reserved_now());
    Ok(())
}

/// Books all legs of a complete offer. Each was reserved, so none can fail.
pub(super) fn settle(run: &mut Run<'_, '_>, record: OfferRecord, name: PendingRef) {
    let legs: Vec<Leg> = record.legs.iter().map(|leg| leg.leg).collect();
    record.end(run.overlay, run.block, name, PendingState::Posted);
    for leg in legs {
        let accounts = legs_of(run.overlay, &leg);
        run.post_and_tell(accounts, leg.amount, Flow::Posted);
    }
}

/// 22 to 25 of every leg, at the moment of settling, and 21 of who takes part.
pub(super) fn check_settling(run: &mut Run<'_, '_>, record: &OfferRecord) -> Vec<ResultCode> {
    let mut codes = Vec::new();
    for leg in &record.legs {
        let legs = legs_of(run.overlay, &leg.leg);
        codes.extend(leg::check_members(run, legs).err());
        codes.extend(leg::check_flags(run, legs).err());
    }
    codes
}

/// 20 for who may neither accept nor cancel.
pub(super) fn check_party(run: &mut Run<'_, '_>, record: &OfferRecord) -> Done {
    let is_party = record.legs.iter().any(|leg| {
        let legs = legs_of(run.overlay, &leg.leg);
        run.submitter == Some(leg::payer(run, legs))
    });
    refuse_if(!is_party, ResultCode::NotAuthorised)
}
