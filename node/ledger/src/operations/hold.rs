//! Reserving an amount for a payment to come.

use super::{Done, code_of, leg, refuse_if};
use crate::{
    pending::{HoldRecord, PendingState},
    state::StateKey,
    transaction::Run,
};
use concordat_types::{Hold, ResultCode, Rights};

pub(super) fn execute(run: &mut Run<'_, '_>, hold: &Hold) -> ResultCode {
    code_of(reserve(run, hold))
}

fn reserve(run: &mut Run<'_, '_>, hold: &Hold) -> Done {
    let amount = hold.amount;
    let legs = leg::find(run.overlay, hold.debit_account, hold.credit_account)?;
    leg::check_no_issuance(run.overlay, legs)?;
    refuse_if(!run.may_pay(leg::payer(run, legs)), ResultCode::NotAuthorised)?;
    leg::check_members(run, legs)?;
    leg::check_flags(run, legs)?;
    leg::check_second_key(run, legs, amount, Rights::PAY)?;
    leg::check_amount(run.overlay, legs, amount)?;
    refuse_if(hold.expires_at <= run.block.context.time, ResultCode::HoldExpired)?;
    leg::check_limits(run, legs, amount)?;
    leg::check_funds(run.overlay, legs, amount)?;
    leg::reserve(run, legs, amount);
    let name = run.pending_ref(hold.id);
    let record = HoldRecord {
        debit_account: hold.debit_account,
        credit_account: hold.credit_account,
        amount,
        expires_at: hold.expires_at,
        posted_by: hold.posted_by,
        state: PendingState::Open,
        reserved: run.reserved_now(),
        due: hold.expires_at,
        blinding: run.blinding(&StateKey::Pending(name)),
    };
    record.open(run.overlay, name);
    Ok(())
}
