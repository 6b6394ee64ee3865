//! The way back of an issue: a holder pays into the issuance account of its asset.

use super::{Done, code_of, leg, refuse_if};
use crate::{limits::Flow, transaction::Run};
use concordat_types::{AccountId, Amount, ResultCode, Rights};

pub(super) fn execute(run: &mut Run<'_, '_>, debit_account: AccountId, amount: Amount) -> ResultCode {
    code_of(redeem(run, debit_account, amount))
}

fn redeem(run: &mut Run<'_, '_>, debit_account: AccountId, amount: Amount) -> Done {
    let debit = run.overlay.find_account(debit_account).ok_or(ResultCode::DebitAccountNotFound)?;
    let asset = run.overlay.account(debit).asset;
    let issuance_account = AccountId::new(&run.overlay.asset(asset).issuance_account());
    let legs = leg::find(run.overlay, debit_account, issuance_account)?;
    refuse_if(!run.may_pay(leg::payer(run, legs)), ResultCode::NotAuthorised)?;
    leg::check_members(run, legs)?;
    leg::check_flags(run, legs)?;
    leg::check_second_key(run, legs, amount, Rights::PAY)?;
    leg::check_amount(run.overlay, legs, amount)?;
    leg::check_limits(run, legs, amount)?;
    leg::check_funds(run.overlay, legs, amount)?;
    run.post_and_tell(legs, amount, Flow::Paid);
    Ok(())
}
