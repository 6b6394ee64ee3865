//! Creating money: the issuer's debit on the asset's issuance account, up to the quota.

use super::{Done, code_of, leg, refuse_if};
use crate::{overlay::Legs, transaction::Run};
use concordat_types::{AccountId, Amount, AssetCode, ResultCode, Rights};

pub(super) fn execute(
    run: &mut Run<'_, '_>,
    asset: AssetCode,
    credit_account: AccountId,
    amount: Amount,
) -> ResultCode {
    code_of(issue(run, asset, credit_account, amount))
}

fn issue(run: &mut Run<'_, '_>, asset: AssetCode, credit_account: AccountId, amount: Amount) -> Done {
    // The account to debit is the asset's issuance account; where there is no such asset, there is no such account.
    let asset = run.overlay.find_asset(asset).ok_or(ResultCode::DebitAccountNotFound)?;
    let issuance_account = AccountId::new(&run.overlay.asset(asset).issuance_account());
    let legs = leg::find(run.overlay, issuance_account, credit_account)?;
    let issuer = leg::payer(run, legs);
    let is_issuer = run.submitter == Some(issuer);
    refuse_if(!is_issuer || !run.is_authorised(issuer, Rights::ISSUE), ResultCode::NotAuthorised)?;
    leg::check_members(run, legs)?;
    leg::check_flags(run, legs)?;
    leg::check_second_key(run, legs, amount, Rights::ISSUE)?;
    leg::check_amount(run.overlay, legs, amount)?;
    check_quota(run, legs, amount)?;
    leg::check_limits(run, legs, amount)?;
    leg::post(run, legs, amount);
    Ok(())
}

/// 90. What is outstanding is the issuance account's negative balance.
fn check_quota(run: &Run<'_, '_>, legs: Legs, amount: Amount) -> Done {
    let issuance = run.overlay.account(legs.debit);
    let supply = issuance.account.debits_posted.checked_sub(issuance.account.credits_posted);
    let supply = supply.expect("an issuance account is never in credit");
    let quota = run.overlay.asset(issuance.asset).quota;
    refuse_if(supply.checked_add(amount).is_none_or(|supply| supply > quota), ResultCode::QuotaExceeded)
}
