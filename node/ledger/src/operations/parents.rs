//! Accounts below accounts: a tree per member and asset, for reports. Money knows nothing of it.

use super::{Done, refuse_if};
use crate::{
    overlay::{AccountSlot, OpenAccount},
    state::{StateKey, StateValue},
    transaction::Run,
};
use concordat_types::{AccountId, AssetCode, MemberId, ResultCode, money::AccountFlags};

/// Accounts in a chain of parents. A walk up is at most this long.
pub(super) const CHAIN_MAX: usize = 8;

/// Where an account is to stand.
pub(super) struct Place {
    pub account: AccountId,
    pub owner: MemberId,
    pub asset: AssetCode,
    /// What stands below moves along.
    pub has_children: bool,
    /// Accounts above it now.
    pub depth: usize,
}

/// 14: there is such a parent.
pub(super) fn find(run: &mut Run<'_, '_>, parent: Option<AccountId>) -> Result<Option<AccountSlot>, ResultCode> {
    parent.map(|parent| run.overlay.find_account(parent).ok_or(ResultCode::AccountNotFound)).transpose()
}

/// 15: may the account stand there?
pub(super) fn check(run: &mut Run<'_, '_>, place: &Place, parent: Option<AccountSlot>) -> Done {
    let Some(parent) = parent else { return Ok(()) };
    let not_allowed = ResultCode::ParentNotAllowed;
    let above = &run.overlay.account(parent).account;
    let fits = above.owner == place.owner && above.asset == place.asset;
    let unfit = AccountFlags::CLOSED.0 | AccountFlags::ISSUANCE.0;
    refuse_if(!fits || above.flags.0 & unfit != 0, not_allowed)?;
    let (depth, is_below_itself) = walk_up(run, parent, place.account);
    // Below an account there may be a whole tree, which is not walked: it must not get deeper than it is.
    let is_too_deep = depth >= CHAIN_MAX || place.has_children && depth > place.depth;
    refuse_if(is_below_itself || is_too_deep, not_allowed)
}

/// Accounts above one.
pub(super) fn depth(run: &mut Run<'_, '_>, account: &OpenAccount) -> usize {
    match account.account.parent.and_then(|parent| run.overlay.find_account(parent)) {
        None => 0,
        Some(parent) => walk_up(run, parent, AccountId([0; 16])).0,
    }
}

/// Accounts from this one to the top, and whether the sought is among them.
fn walk_up(run: &mut Run<'_, '_>, from: AccountSlot, sought: AccountId) -> (usize, bool) {
    let (mut slot, mut is_found) = (from, false);
    for count in 1..=CHAIN_MAX {
        is_found |= run.overlay.account_id(slot) == sought;
        match run.overlay.account(slot).account.parent {
            None => return (count, is_found),
            Some(parent) => slot = run.overlay.find_account(parent).expect("a parent is never removed"),
        }
    }
    (CHAIN_MAX, is_found)
}

/// One child more or less.
pub(super) fn count(run: &mut Run<'_, '_>, parent: Option<AccountId>, is_more: bool) {
    let Some(parent) = parent else { return };
    let slot = run.overlay.find_account(parent).expect("a parent is never removed");
    let mut account = run.overlay.account(slot).account.clone();
    account.children = match is_more {
        true => account.children.checked_add(1).expect("fewer than 2^32 accounts"),
        false => account.children.checked_sub(1).expect("each child was counted"),
    };
    run.overlay.put(StateKey::Account(parent), Some(StateValue::Account(account)));
}
