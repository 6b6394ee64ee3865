//! What every leg is checked for, whatever the operation that it belongs to: docs/ledger.md, "Checks of a leg".

use super::{Done, refuse_if};
use crate::{
    limits::{self, Flow},
    overlay::{AccountSlot, Legs, MemberSlot, Overlay},
    transaction::Run,
};
use concordat_types::{AccountId, Amount, ResultCode, Rights, money::AccountFlags};

/// 10 to 13: two accounts of one asset.
pub(crate) fn find(overlay: &mut Overlay<'_>, debit: AccountId, credit: AccountId) -> Result<Legs, ResultCode> {
    let debit = overlay.find_account(debit).ok_or(ResultCode::DebitAccountNotFound)?;
    let credit = overlay.find_account(credit).ok_or(ResultCode::CreditAccountNotFound)?;
    refuse_if(debit == credit, ResultCode::SameAccount)?;
    refuse_if(overlay.account(debit).asset != overlay.account(credit).asset, ResultCode::AssetMismatch)?;
    Ok(Legs { debit, credit })
}

pub(super) fn payer(run: &Run<'_, '_>, legs: Legs) -> MemberSlot {
    run.overlay.account(legs.debit).owner
}

/// 20: only issuing and redeeming move an issuance account; nobody has the right to pay from or to it.
pub(crate) fn check_no_issuance(overlay: &Overlay<'_>, legs: Legs) -> Done {
    let is_issuance = |slot: AccountSlot| overlay.account(slot).account.flags.contains(AccountFlags::ISSUANCE);
    refuse_if(is_issuance(legs.debit) || is_issuance(legs.credit), ResultCode::NotAuthorised)
}

/// 21: the submitter and the owners of both accounts take part. Out of the accounts of a member that is wound up its estate pays:
/// into accounts of its own, or as its successor to anybody.
pub(super) fn check_members(run: &Run<'_, '_>, legs: Legs) -> Done {
    let (payer, payee) = (run.overlay.account(legs.debit).owner, run.overlay.account(legs.credit).owner);
    let is_active = |slot| run.overlay.member(slot).is_active();
    let may_pay = is_active(payer)
        || run
            .estate_of(payer)
            .is_some_and(|estate| estate.is_successor || run.overlay.member(payee).id == estate.member);
    refuse_if(!run.is_submitter_active() || !may_pay || !is_active(payee), ResultCode::MemberNotActive)
}

/// 22 to 25: what is frozen or closed.
pub(super) fn check_flags(run: &Run<'_, '_>, legs: Legs) -> Done {
    let (debit, credit) = (run.overlay.account(legs.debit), run.overlay.account(legs.credit));
    let (debit_flags, credit_flags) = (debit.account.flags, credit.account.flags);
    let (payer, payee) = (run.overlay.member(debit.owner), run.overlay.member(credit.owner));
    refuse_if(run.overlay.asset(debit.asset).frozen, ResultCode::AssetFrozen)?;
    refuse_if(debit_flags.is_debit_frozen() || payer.frozen.debits, ResultCode::DebitAccountFrozen)?;
    refuse_if(credit_flags.is_credit_frozen() || payee.frozen.credits, ResultCode::CreditAccountFrozen)?;
    check_open(run.overlay, legs)
}

/// 25 alone.
pub(crate) fn check_open(overlay: &Overlay<'_>, legs: Legs) -> Done {
    let is_closed = |slot| overlay.account(slot).account.flags.contains(AccountFlags::CLOSED);
    refuse_if(is_closed(legs.debit) || is_closed(legs.credit), ResultCode::AccountClosed)
}

/// 27: maker and checker, where the amount asks for both.
pub(super) fn check_second_key(run: &mut Run<'_, '_>, legs: Legs, amount: Amount, right: Rights) -> Done {
    let needs_two = limits::second_key_above(run.overlay, legs).is_some_and(|above| amount > above);
    refuse_if(needs_two && !run.is_authorised_by_two(payer(run, legs), right), ResultCode::SecondKeyMissing)
}

/// 30 and 31. Posted and pending together must fit, so that booking what is reserved never fails.
pub(crate) fn check_amount(overlay: &Overlay<'_>, legs: Legs, amount: Amount) -> Done {
    let sum = |posted: Amount, pending: Amount| posted.checked_add(pending)?.checked_add(amount);
    let (debit, credit) = (&overlay.account(legs.debit).account, &overlay.account(legs.credit).account);
    let debits = sum(debit.debits_posted, debit.debits_pending);
    let credits = sum(credit.credits_posted, credit.credits_pending);
    refuse_if(amount == 0, ResultCode::AmountZero)?;
    refuse_if(debits.is_none() || credits.is_none(), ResultCode::AmountOverflow)
}

/// 91.
pub(super) fn check_limits(run: &mut Run<'_, '_>, legs: Legs, amount: Amount) -> Done {
    limits::check(run.overlay, legs, amount)
}

/// 92.
pub(crate) fn check_funds(overlay: &Overlay<'_>, legs: Legs, amount: Amount) -> Done {
    let available = overlay.account(legs.debit).account.available();
    refuse_if(available.is_none_or(|available| available < amount), ResultCode::InsufficientFunds)
}

/// Books and counts a payment that was checked.
pub(super) fn post(run: &mut Run<'_, '_>, legs: Legs, amount: Amount) {
    run.overlay.post(legs, amount);
    limits::count(run.overlay, legs, amount, Flow::Paid);
}

/// Reserves and counts a payment to come that was checked.
pub(super) fn reserve(run: &mut Run<'_, '_>, legs: Legs, amount: Amount) {
    run.overlay.reserve(legs, amount);
    limits::count(run.overlay, legs, amount, Flow::Reserved);
}
