//! A payer's acceptance of an offer: its legs are reserved, and the last acceptance books all.

use super::{Done, cancel, leg, offer};
use crate::{
    pending::{OfferRecord, check_open, legs_of},
    transaction::Run,
};
use alloc::vec::Vec;
use concordat_types::{PendingRef, ResultCode, Rights};

pub(super) fn execute(run: &mut Run<'_, '_>, name: PendingRef) -> Done {
    let submitter = run.submitter_with(Rights::PAY).ok_or(ResultCode::NotAuthorised)?;
    let mut record = cancel::find(run, name)?;
    let is_mine = |run: &mut Run<'_, '_>, leg: &crate::pending::OfferLeg| {
        let legs = legs_of(run.overlay, &leg.leg);
        leg.reserved.is_none() && leg::payer(run, legs) == submitter
    };
    let mine: Vec<usize> = (0..record.legs.len()).filter(|place| is_mine(run, &record.legs[*place])).collect();
    check(run, &record, &mine)?;
    for place in mine {
        let legs = legs_of(run.overlay, &record.legs[place].leg);
        offer::reserve(run, legs, &mut record.legs[place])?;
    }
    record.write(run.overlay, name);
    if record.is_complete() {
        offer::settle(run, record, name);
    }
    Ok(())
}

/// Of all that does not depend on the order of the legs the smallest number is the result.
fn check(run: &mut Run<'_, '_>, record: &OfferRecord, mine: &[usize]) -> Done {
    let mut codes = Vec::new();
    for place in mine {
        let leg = record.legs[*place].leg;
        let legs = legs_of(run.overlay, &leg);
        codes.extend(offer::check_leg(run, legs, &leg, true).err());
    }
    let open = record.legs.iter().filter(|leg| leg.reserved.is_none()).count();
    if open == mine.len() && open > 0 {
        codes.extend(offer::check_settling(run, record));
    }
    codes.extend(check_open(record.state, record.deadline, run.block.context.time).err());
    codes.extend(mine.is_empty().then_some(ResultCode::AlreadyAccepted));
    codes.into_iter().min().map_or(Ok(()), Err)
}
