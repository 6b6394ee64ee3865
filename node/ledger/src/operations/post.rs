//! Booking a hold, whole or in part.

use super::{Done, code_of, leg, refuse_if};
use crate::{
    limits::Flow,
    pending::{HoldRecord, Pending, PendingState, check_open, legs_of},
    transaction::Run,
};
use concordat_types::{Amount, HoldSide, PendingRef, ResultCode};

pub(super) fn execute(run: &mut Run<'_, '_>, name: PendingRef, amount: Amount) -> ResultCode {
    code_of(post(run, name, amount))
}

fn post(run: &mut Run<'_, '_>, name: PendingRef, amount: Amount) -> Done {
    let hold = find(run, name)?;
    let legs = legs_of(run.overlay, &hold.leg());
    let decides = match hold.posted_by {
        HoldSide::Debtor => legs.debit,
        HoldSide::Creditor => legs.credit,
    };
    let decides = run.overlay.account(decides).owner;
    refuse_if(!run.may_pay(decides), ResultCode::NotAuthorised)?;
    leg::check_members(run, legs)?;
    leg::check_flags(run, legs)?;
    refuse_if(amount == 0, ResultCode::AmountZero)?;
    check_open(hold.state, hold.expires_at, run.block.context.time)?;
    refuse_if(amount > hold.amount, ResultCode::ExceedsHold)?;
    hold.end(run.overlay, run.block, name, PendingState::Posted, amount);
    run.post_and_tell(legs, amount, Flow::Posted);
    Ok(())
}

/// 40, which stands alone: who may ask for a hold that is not there cannot be said.
pub(super) fn find(run: &Run<'_, '_>, name: PendingRef) -> Result<HoldRecord, ResultCode> {
    match run.overlay.pending(name) {
        Some(Pending::Hold(hold)) => Ok(hold),
        Some(Pending::Offer(_)) | None => Err(ResultCode::HoldNotFound),
    }
}
