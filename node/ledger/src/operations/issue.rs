//! Creating money: the issuer's debit on the asset's issuance account, up to the quota.

use super::{Legs, check_amount, check_flags, check_members, refuse_if};
use crate::{items::Item, transaction::Run};
use concordat_types::{AccountId, Amount, AssetCode, ResultCode, Rights};

pub(super) fn execute(
    run: &mut Run<'_, '_>,
    asset: AssetCode,
    credit_account: AccountId,
    amount: Amount,
    item: &mut Item,
) -> ResultCode {
    run.settle(item, |run| match check(run, asset, credit_account, amount) {
        Ok(legs) => {
            run.overlay.post(legs.debit, legs.credit, amount);
            ResultCode::Ok
        }
        Err(code) => code,
    })
}

fn check(
    run: &mut Run<'_, '_>,
    code: AssetCode,
    credit_account: AccountId,
    amount: Amount,
) -> Result<Legs, ResultCode> {
    // The account to debit is the asset's issuance account; where there is no such asset, there is no such account.
    let asset = run.overlay.find_asset(code).ok_or(ResultCode::DebitAccountNotFound)?;
    let issuance_account = AccountId::new(&run.overlay.asset(asset).issuance_account());
    let debit = run.overlay.find_account(issuance_account).expect("an asset comes with its issuance account");
    let credit = run.overlay.find_account(credit_account).ok_or(ResultCode::CreditAccountNotFound)?;
    let legs = Legs { debit, credit };
    refuse_if(debit == credit, ResultCode::SameAccount)?;
    refuse_if(run.overlay.account(credit).asset != asset, ResultCode::AssetMismatch)?;
    let issuer = run.overlay.account(debit).owner;
    let is_issuer = run.submitter == Some(issuer);
    refuse_if(!is_issuer || !run.is_authorised(issuer, Rights::ISSUE), ResultCode::NotAuthorised)?;
    check_members(run, legs)?;
    check_flags(run, legs)?;
    check_amount(run, legs, amount)?;
    check_quota(run, legs, amount)?;
    Ok(legs)
}

/// 90. What is outstanding is the issuance account's negative balance.
fn check_quota(run: &Run<'_, '_>, legs: Legs, amount: Amount) -> Result<(), ResultCode> {
    let issuance = run.overlay.account(legs.debit);
    let supply = issuance.account.debits_posted.checked_sub(issuance.account.credits_posted);
    let supply = supply.expect("an issuance account is never in credit");
    let quota = run.overlay.asset(issuance.asset).quota;
    refuse_if(supply.checked_add(amount).is_none_or(|supply| supply > quota), ResultCode::QuotaExceeded)
}
