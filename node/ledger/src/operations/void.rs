//! Giving a hold up.

use super::{Done, post, refuse_if};
use crate::{
    pending::{PendingState, check_open, legs_of},
    transaction::Run,
};
use concordat_types::{HoldSide, PendingRef, ResultCode};

/// By who decides over it, or by who would have been paid. Nobody has to be active: what is given up harms nobody.
pub(super) fn execute(run: &mut Run<'_, '_>, name: PendingRef) -> Done {
    let hold = post::find(run, name)?;
    let legs = legs_of(run.overlay, &hold.leg());
    let (payer, payee) = (run.overlay.account(legs.debit).owner, run.overlay.account(legs.credit).owner);
    let may_void = run.may_pay(payee) || hold.posted_by == HoldSide::Debtor && run.may_pay(payer);
    refuse_if(!may_void, ResultCode::NotAuthorised)?;
    check_open(hold.state, hold.expires_at, run.block.context.time)?;
    hold.end(run.overlay, run.block, name, PendingState::Voided, 0);
    Ok(())
}
