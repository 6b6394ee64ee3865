//! The limits that a member sets itself.

use super::{Done, check_submitter, refuse_if};
use crate::{
    limits::{self, LimitKey},
    transaction::Run,
};
use concordat_types::{LimitScope, Limits, ResultCode, Rights};

pub(super) fn execute(run: &mut Run<'_, '_>, scope: LimitScope, new: &Limits) -> Done {
    let mut is_own = true;
    match scope {
        LimitScope::Account(id) => {
            let slot = run.overlay.find_account(id).ok_or(ResultCode::AccountNotFound)?;
            is_own = run.submitter == Some(run.overlay.account(slot).owner);
        }
        LimitScope::Tier { asset, .. } | LimitScope::Member { asset } | LimitScope::Bilateral { asset, .. } => {
            refuse_if(run.overlay.find_asset(asset).is_none(), ResultCode::AssetMismatch)?;
        }
    }
    refuse_if(!is_own, ResultCode::NotAuthorised)?;
    let submitter = check_submitter(run, Rights::LIMITS)?;
    if let LimitScope::Account(id) = scope {
        let slot = run.overlay.find_account(id).expect("found above");
        let is_closed = run.overlay.account(slot).account.flags.contains(concordat_types::money::AccountFlags::CLOSED);
        refuse_if(is_closed, ResultCode::AccountClosed)?;
    }
    if let LimitScope::Bilateral { counterparty, .. } = scope {
        let counterparty = run.overlay.find_member(counterparty);
        refuse_if(counterparty.is_none_or(|counterparty| counterparty == submitter), ResultCode::MemberNotFound)?;
    }
    let origin = run.origin();
    limits::replace(run.overlay, LimitKey::new(run.checked.transaction.submitter, scope), *new, &origin);
    Ok(())
}
