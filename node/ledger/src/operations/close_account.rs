//! Closing an account for ever. It stays in the state, so that its id is never anybody else's.

use super::{Done, check_submitter, parents, refuse_if};
use crate::{
    governance,
    limits::LimitKey,
    state::{StateKey, StateValue},
    transaction::Run,
};
use concordat_types::{AccountId, ResultCode, Rights, money::AccountFlags};

pub(super) fn execute(run: &mut Run<'_, '_>, id: AccountId) -> Done {
    let slot = run.overlay.find_account(id).ok_or(ResultCode::AccountNotFound)?;
    let open = run.overlay.account(slot).clone();
    let mut account = open.account;
    let submitter = run.checked.transaction.submitter;
    let is_estate = run.estate_of(open.owner).is_some_and(|estate| estate.member == submitter);
    let is_own = run.submitter == Some(open.owner) || is_estate;
    let is_own = is_own && !account.flags.contains(AccountFlags::ISSUANCE);
    refuse_if(!is_own, ResultCode::NotAuthorised)?;
    check_submitter(run, Rights::ACCOUNTS)?;
    refuse_if(account.flags.contains(AccountFlags::CLOSED), ResultCode::AccountClosed)?;
    let is_empty = account.credits_posted == account.debits_posted
        && account.debits_pending == 0
        && account.credits_pending == 0
        && account.children == 0;
    refuse_if(!is_empty, ResultCode::BalanceNotZero)?;
    let (parent, owner) = (account.parent, account.owner);
    if account.flags.contains(AccountFlags::LIMITED) {
        run.overlay.put(StateKey::Limits(LimitKey::Account(id)), None);
    }
    account.flags = account.flags.with(AccountFlags::LIMITED, false).with(AccountFlags::CLOSED, true);
    run.overlay.put(StateKey::Account(id), Some(StateValue::Account(account)));
    parents::count(run, parent, false);
    governance::count_account(run.overlay, owner, false);
    Ok(())
}
