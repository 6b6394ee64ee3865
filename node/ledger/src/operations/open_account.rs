//! Opening an account of the submitting member.

use super::{Done, check_submitter, parents, refuse_if};
use crate::{
    governance, limits,
    state::{StateKey, StateValue},
    transaction::Run,
};
use concordat_types::{
    Account, AccountId, Asset, OpenAccount, ResultCode, Rights, money::AccountFlags, names::AccountPath,
};

pub(super) fn execute(run: &mut Run<'_, '_>, opening: &OpenAccount) -> Done {
    let owner = run.checked.transaction.submitter;
    let path = AccountPath { member: owner, asset: opening.asset, name: opening.name };
    let id = AccountId::new(&path);
    refuse_if(run.overlay.find_asset(opening.asset).is_none(), ResultCode::AssetMismatch)?;
    let parent = parents::find(run, opening.parent)?;
    let place = parents::Place { account: id, owner, asset: opening.asset, has_children: false, depth: 0 };
    parents::check(run, &place, parent)?;
    // The issuance account comes with its asset; nobody has the right to open one by hand.
    refuse_if(opening.name.as_str() == Asset::ISSUANCE_ACCOUNT, ResultCode::NotAuthorised)?;
    check_submitter(run, Rights::ACCOUNTS)?;
    refuse_if(run.overlay.find_account(id).is_some(), ResultCode::AccountExists)?;
    open(run, opening, path, id);
    Ok(())
}

fn open(run: &mut Run<'_, '_>, opening: &OpenAccount, path: AccountPath, id: AccountId) {
    let key = StateKey::Account(id);
    let account = Account {
        owner: path.member,
        asset: path.asset,
        name: path.name,
        flags: AccountFlags::default().with(AccountFlags::LIMITED, opening.tier.is_some()),
        parent: opening.parent,
        customer: opening.customer,
        tier: opening.tier,
        children: 0,
        debits_posted: 0,
        credits_posted: 0,
        debits_pending: 0,
        credits_pending: 0,
        blinding: run.blinding(&key),
    };
    run.overlay.put(key, Some(StateValue::Account(account)));
    if opening.tier.is_some() {
        let origin = run.origin();
        limits::start_usage(run.overlay, id, &origin);
    }
    parents::count(run, opening.parent, true);
    governance::count_account(run.overlay, path.member, true);
}
