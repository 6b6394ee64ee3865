//! A payment between two accounts of one asset.

use super::{Legs, check_amount, check_flags, check_members, refuse_if};
use crate::{items::Item, transaction::Run};
use concordat_types::{ResultCode, Transfer, money::AccountFlags};

pub(super) fn execute(run: &mut Run<'_, '_>, transfer: &Transfer, item: &mut Item) -> ResultCode {
    run.settle(item, |run| match check(run, transfer) {
        Ok(legs) => {
            run.overlay.post(legs.debit, legs.credit, transfer.amount);
            ResultCode::Ok
        }
        Err(code) => code,
    })
}

fn check(run: &mut Run<'_, '_>, transfer: &Transfer) -> Result<Legs, ResultCode> {
    let debit = run.overlay.find_account(transfer.debit_account).ok_or(ResultCode::DebitAccountNotFound)?;
    let credit = run.overlay.find_account(transfer.credit_account).ok_or(ResultCode::CreditAccountNotFound)?;
    let legs = Legs { debit, credit };
    refuse_if(debit == credit, ResultCode::SameAccount)?;
    refuse_if(run.overlay.account(debit).asset != run.overlay.account(credit).asset, ResultCode::AssetMismatch)?;
    check_authorised(run, legs)?;
    check_members(run, legs)?;
    check_flags(run, legs)?;
    check_amount(run, legs, transfer.amount)?;
    let available = run.overlay.account(debit).account.available();
    refuse_if(available.is_none_or(|available| available < transfer.amount), ResultCode::InsufficientFunds)?;
    Ok(legs)
}

/// 20. Only issuing and redeeming move an issuance account; nobody has the right to pay from or to it.
fn check_authorised(run: &mut Run<'_, '_>, legs: Legs) -> Result<(), ResultCode> {
    let is_issuance = |slot| run.overlay.account(slot).account.flags.contains(AccountFlags::ISSUANCE);
    let moves_issuance = is_issuance(legs.debit) || is_issuance(legs.credit);
    let payer = run.overlay.account(legs.debit).owner;
    refuse_if(moves_issuance || !run.may_pay(payer), ResultCode::NotAuthorised)
}
