//! Giving an account another parent and another customer tier.

use super::{Done, check_submitter, parents, refuse_if};
use crate::{
    limits,
    state::{StateKey, StateValue},
    transaction::Run,
};
use concordat_types::{AccountId, ResultCode, Rights, Tier, money::AccountFlags};

pub(super) fn execute(run: &mut Run<'_, '_>, id: AccountId, parent: Option<AccountId>, tier: Option<Tier>) -> Done {
    let slot = run.overlay.find_account(id).ok_or(ResultCode::AccountNotFound)?;
    let above = parents::find(run, parent)?;
    let open = run.overlay.account(slot).clone();
    let place = parents::Place {
        account: id,
        owner: open.account.owner,
        asset: open.account.asset,
        has_children: open.account.children > 0,
        depth: parents::depth(run, &open),
    };
    parents::check(run, &place, above)?;
    let is_own = run.submitter == Some(open.owner) && !open.account.flags.contains(AccountFlags::ISSUANCE);
    refuse_if(!is_own, ResultCode::NotAuthorised)?;
    check_submitter(run, Rights::ACCOUNTS)?;
    refuse_if(open.account.flags.contains(AccountFlags::CLOSED), ResultCode::AccountClosed)?;

    let mut account = open.account;
    let before = account.parent;
    account.parent = parent;
    account.tier = tier;
    run.overlay.put(StateKey::Account(id), Some(StateValue::Account(account)));
    let origin = run.origin();
    limits::match_flag(run.overlay, id, &origin);
    parents::count(run, before, false);
    parents::count(run, parent, true);
    Ok(())
}
