//! A payment between two accounts of one asset.

use super::{Done, code_of, leg, refuse_if};
use crate::{overlay::Legs, transaction::Run};
use concordat_types::{ResultCode, Rights, Transfer};

pub(super) fn execute(run: &mut Run<'_, '_>, transfer: &Transfer) -> ResultCode {
    code_of(pay(run, transfer))
}

fn pay(run: &mut Run<'_, '_>, transfer: &Transfer) -> Done {
    let legs = check(run, transfer)?;
    leg::post(run, legs, transfer.amount);
    Ok(())
}

fn check(run: &mut Run<'_, '_>, transfer: &Transfer) -> Result<Legs, ResultCode> {
    let amount = transfer.amount;
    let legs = leg::find(run.overlay, transfer.debit_account, transfer.credit_account)?;
    leg::check_no_issuance(run.overlay, legs)?;
    refuse_if(!run.may_pay(leg::payer(run, legs)), ResultCode::NotAuthorised)?;
    leg::check_members(run, legs)?;
    leg::check_flags(run, legs)?;
    leg::check_second_key(run, legs, amount, Rights::PAY)?;
    leg::check_amount(run.overlay, legs, amount)?;
    leg::check_limits(run, legs, amount)?;
    leg::check_funds(run.overlay, legs, amount)?;
    Ok(legs)
}
