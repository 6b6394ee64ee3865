//! A new asset, with the issuance account that comes with it.

use super::{Done, refuse_if};
use crate::{
    genesis::issuance_account,
    state::{StateKey, StateValue},
    transaction::Run,
};
use concordat_types::{AccountId, Amount, Asset, AssetCode, AssetKind, MemberId, ResultCode, Rights, Roles};

pub(super) struct Terms {
    pub code: AssetCode,
    pub decimals: u8,
    pub kind: AssetKind,
    pub issuer: MemberId,
    pub quota: Amount,
}

pub(super) fn execute(run: &mut Run<'_, '_>, terms: Terms) -> Done {
    let Terms { code, decimals, kind, issuer, quota } = terms;
    let submitter = run.submitter_with(Rights::ASSETS).ok_or(ResultCode::NotAuthorised)?;
    let member = run.overlay.member(submitter);
    let is_own_token = member.roles.contains(Roles::BANK) && member.id == issuer && kind == AssetKind::DepositToken;
    let may_create = is_own_token || member.roles.contains(Roles::CENTRAL_BANK);
    refuse_if(!may_create, ResultCode::NotAuthorised)?;
    let issuer_slot = run.overlay.find_member(issuer);
    let is_issuer_inactive = issuer_slot.is_some_and(|issuer| !run.overlay.member(issuer).is_active());
    refuse_if(!run.is_submitter_active() || is_issuer_inactive, ResultCode::MemberNotActive)?;
    let asset = Asset { code, decimals, issuer, kind, quota, frozen: false };
    let account = issuance_account(&asset);
    let id = AccountId::new(&account.path());
    let exists = run.overlay.find_asset(code).is_some() || run.overlay.find_account(id).is_some();
    refuse_if(exists, ResultCode::AccountExists)?;
    refuse_if(issuer_slot.is_none(), ResultCode::MemberNotFound)?;
    run.overlay.put(StateKey::Asset(code), Some(StateValue::Asset(asset)));
    run.overlay.put(StateKey::Account(id), Some(StateValue::Account(account)));
    Ok(())
}
