//! Stopping debits or credits of an account, an asset or a member, and letting them go on.

use super::{Done, check_central_bank, check_submitter, refuse_if};
use crate::{
    governance::put_member,
    overlay::Overlay,
    state::{StateKey, StateValue},
    transaction::Run,
};
use concordat_types::{
    Account, AccountId, Asset, AssetCode, FreezeTarget, MemberId, ResultCode, Rights, member::Frozen,
    money::AccountFlags,
};

pub(super) fn execute(run: &mut Run<'_, '_>, target: FreezeTarget, frozen: Frozen) -> Done {
    match target {
        FreezeTarget::Account(account) => freeze_account(run, account, frozen),
        FreezeTarget::Asset(asset) => freeze_asset(run, asset, frozen),
        FreezeTarget::Member(member) => freeze_member(run, member, frozen),
    }
}

/// Owner and issuer each have their own marks, so that neither lifts what the other has frozen.
fn freeze_account(run: &mut Run<'_, '_>, id: AccountId, frozen: Frozen) -> Done {
    let slot = run.overlay.find_account(id).ok_or(ResultCode::AccountNotFound)?;
    let open = run.overlay.account(slot).clone();
    let issuer = run.overlay.asset(open.asset).issuer;
    let is_owner = run.submitter == Some(open.owner);
    let is_issuer = run.submitter.is_some_and(|submitter| run.overlay.member(submitter).id == issuer);
    refuse_if(!is_owner && !is_issuer, ResultCode::NotAuthorised)?;
    check_submitter(run, Rights::FREEZE)?;
    let marks = if is_owner { OWNER_MARKS } else { ISSUER_MARKS };
    set_account(run.overlay, open.account, marks, frozen)
}

/// 25: sets the marks of an account for debits and credits.
pub(crate) fn set_account(
    overlay: &mut Overlay<'_>,
    mut account: Account,
    (debits, credits): (AccountFlags, AccountFlags),
    frozen: Frozen,
) -> Done {
    refuse_if(account.flags.contains(AccountFlags::CLOSED), ResultCode::AccountClosed)?;
    account.flags = account.flags.with(debits, frozen.debits).with(credits, frozen.credits);
    let key = StateKey::Account(AccountId::new(&account.path()));
    overlay.put(key, Some(StateValue::Account(account)));
    Ok(())
}

/// Either side freezes an asset whole.
pub(crate) fn set_asset(overlay: &mut Overlay<'_>, mut asset: Asset, frozen: Frozen) {
    asset.frozen = frozen.debits || frozen.credits;
    overlay.put(StateKey::Asset(asset.code), Some(StateValue::Asset(asset)));
}

pub(crate) const OWNER_MARKS: (AccountFlags, AccountFlags) = (AccountFlags::DEBIT_FROZEN, AccountFlags::CREDIT_FROZEN);
pub(crate) const ISSUER_MARKS: (AccountFlags, AccountFlags) =
    (AccountFlags::DEBIT_FROZEN_BY_ISSUER, AccountFlags::CREDIT_FROZEN_BY_ISSUER);

fn freeze_asset(run: &mut Run<'_, '_>, code: AssetCode, frozen: Frozen) -> Done {
    let slot = run.overlay.find_asset(code).ok_or(ResultCode::AssetMismatch)?;
    let asset = run.overlay.asset(slot).clone();
    let is_issuer = run.submitter.is_some_and(|submitter| run.overlay.member(submitter).id == asset.issuer);
    refuse_if(!is_issuer, ResultCode::NotAuthorised)?;
    check_submitter(run, Rights::FREEZE)?;
    set_asset(run.overlay, asset, frozen);
    Ok(())
}

fn freeze_member(run: &mut Run<'_, '_>, id: MemberId, frozen: Frozen) -> Done {
    check_central_bank(run, Rights::FREEZE)?;
    let slot = run.overlay.find_member(id).ok_or(ResultCode::MemberNotFound)?;
    let mut member = run.overlay.member(slot).clone();
    member.frozen = frozen;
    put_member(run.overlay, member);
    Ok(())
}
