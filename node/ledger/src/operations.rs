//! The operations, one file each. A new one brings its file, its variant of `Operation` and its line below.
//!
//! In each file the checks stand in ascending order of their numbers and the first that fails is the result: the order
//! of the lines is the precedence that docs/errors.md specifies.

mod batch;
mod issue;
mod open_account;
mod transfer;

use crate::{items::Item, overlay::AccountSlot, transaction::Run};
use concordat_types::{Amount, Operation, ResultCode, money::AccountFlags};

/// Does an operation or refuses it. `items` are its own: itself, then the transfers of a batch.
pub(crate) fn execute(run: &mut Run<'_, '_>, operation: &Operation, items: &mut [Item]) -> ResultCode {
    match operation {
        Operation::OpenAccount { asset, name } => open_account::execute(run, *asset, *name, &mut items[0]),
        Operation::Issue { asset, credit_account, amount, .. } => {
            issue::execute(run, *asset, *credit_account, *amount, &mut items[0])
        }
        Operation::Transfer(transfer) => transfer::execute(run, transfer, &mut items[0]),
        Operation::Batch { mode, transfers } => batch::execute(run, *mode, transfers, items),
    }
}

/// The two accounts of a booking, found.
#[derive(Clone, Copy)]
struct Legs {
    debit: AccountSlot,
    credit: AccountSlot,
}

fn refuse_if(condition: bool, code: ResultCode) -> Result<(), ResultCode> {
    if condition { Err(code) } else { Ok(()) }
}

/// 21: the submitter and the owners of both accounts take part.
fn check_members(run: &Run<'_, '_>, legs: Legs) -> Result<(), ResultCode> {
    let owner_is_active = |slot| run.overlay.member(run.overlay.account(slot).owner).is_active();
    let all_active = run.is_submitter_active() && owner_is_active(legs.debit) && owner_is_active(legs.credit);
    refuse_if(!all_active, ResultCode::MemberNotActive)
}

/// 22 to 25: what is frozen or closed.
fn check_flags(run: &Run<'_, '_>, legs: Legs) -> Result<(), ResultCode> {
    let (debit, credit) = (run.overlay.account(legs.debit), run.overlay.account(legs.credit));
    let (debit_flags, credit_flags) = (debit.account.flags, credit.account.flags);
    refuse_if(run.overlay.asset(debit.asset).frozen, ResultCode::AssetFrozen)?;
    refuse_if(debit_flags.contains(AccountFlags::DEBIT_FROZEN), ResultCode::DebitAccountFrozen)?;
    refuse_if(credit_flags.contains(AccountFlags::CREDIT_FROZEN), ResultCode::CreditAccountFrozen)?;
    let is_closed = debit_flags.contains(AccountFlags::CLOSED) || credit_flags.contains(AccountFlags::CLOSED);
    refuse_if(is_closed, ResultCode::AccountClosed)
}

/// 30 and 31.
fn check_amount(run: &Run<'_, '_>, legs: Legs, amount: Amount) -> Result<(), ResultCode> {
    let debits = run.overlay.account(legs.debit).account.debits_posted.checked_add(amount);
    let credits = run.overlay.account(legs.credit).account.credits_posted.checked_add(amount);
    refuse_if(amount == 0, ResultCode::AmountZero)?;
    refuse_if(debits.is_none() || credits.is_none(), ResultCode::AmountOverflow)
}
