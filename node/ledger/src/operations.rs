//! The operations, one file each. A new one brings its file, its variant of `Operation` and its line below.
//!
//! In each file the checks stand in ascending order of their numbers and the first that fails is the result: the order
//! of the lines is the precedence that docs/ledger.md specifies.

mod accept;
mod batch;
mod cancel;
mod change_account;
mod close_account;
mod create_asset;
mod end_of_day;
mod file_join;
pub(crate) mod freeze;
mod hold;
mod invite;
mod issue;
pub(crate) mod leg;
mod offer;
mod open_account;
mod parents;
mod post;
mod propose;
mod prove_caught_up;
mod redeem;
mod set_limits;
mod set_quota;
mod transfer;
mod void;
mod vote;
mod withdraw;

use crate::{
    items::{Item, Outcome},
    overlay::MemberSlot,
    transaction::Run,
};
use concordat_types::{Operation, ResultCode, Rights, Roles};

/// Does an operation or refuses it. `items` are its own: itself, then the transfers of a batch.
pub(crate) fn execute(run: &mut Run<'_, '_>, operation: &Operation, items: &mut [Item]) -> ResultCode {
    let item = &mut items[0];
    match operation {
        // These have an id of their own, by which they are recognised when they come again.
        Operation::Issue { asset, credit_account, amount, .. } => {
            run.settle(item, |run| issue::execute(run, *asset, *credit_account, *amount))
        }
        Operation::Transfer(transfer) => run.settle(item, |run| transfer::execute(run, transfer)),
        Operation::Redeem { debit_account, amount, .. } => {
            run.settle(item, |run| redeem::execute(run, *debit_account, *amount))
        }
        Operation::Hold(hold) => run.settle(item, |run| hold::execute(run, hold)),
        Operation::Post { hold, amount, .. } => run.settle(item, |run| post::execute(run, *hold, *amount)),
        Operation::Offer(offer) => run.settle(item, |run| offer::execute(run, offer)),
        Operation::Batch { mode, transfers } => batch::execute(run, *mode, transfers, items),
        // The transaction's id stands for these.
        Operation::OpenAccount(opening) => note(item, open_account::execute(run, opening)),
        Operation::Void { hold } => note(item, void::execute(run, *hold)),
        Operation::Accept { offer } => note(item, accept::execute(run, *offer)),
        Operation::Cancel { offer } => note(item, cancel::execute(run, *offer)),
        Operation::CloseAccount { account } => note(item, close_account::execute(run, *account)),
        Operation::ChangeAccount { account, parent, tier } => {
            note(item, change_account::execute(run, *account, *parent, *tier))
        }
        Operation::SetLimits { scope, limits } => note(item, set_limits::execute(run, *scope, limits)),
        Operation::Freeze { target, debits, credits, .. } => note(
            item,
            freeze::execute(run, *target, concordat_types::member::Frozen { debits: *debits, credits: *credits }),
        ),
        Operation::EndOfDay { next } => note(item, end_of_day::execute(run, *next)),
        Operation::CreateAsset { code, decimals, kind, issuer, quota } => {
            let terms =
                create_asset::Terms { code: *code, decimals: *decimals, kind: *kind, issuer: *issuer, quota: *quota };
            note(item, create_asset::execute(run, terms))
        }
        Operation::SetQuota { asset, quota } => note(item, set_quota::execute(run, *asset, *quota)),
        Operation::Propose(proposal) => note(item, propose::execute(run, proposal)),
        Operation::Vote { proposal, hash, approve } => note(item, vote::execute(run, *proposal, *hash, *approve)),
        Operation::Withdraw { proposal } => note(item, withdraw::execute(run, *proposal)),
        Operation::Invite(invitation) => note(item, invite::execute(run, invitation)),
        Operation::RevokeInvite { member } => note(item, invite::revoke(run, *member)),
        Operation::FileJoin(request) => note(item, file_join::execute(run, request)),
        Operation::ProveCaughtUp(proof) => note(item, prove_caught_up::execute(run, proof)),
    }
}

/// An operation's outcome: done, or refused for a reason.
pub(crate) type Done = Result<(), ResultCode>;

fn note(item: &mut Item, done: Done) -> ResultCode {
    let code = code_of(done);
    item.outcome = Outcome::New(code);
    code
}

fn code_of(done: Done) -> ResultCode {
    done.err().unwrap_or(ResultCode::Ok)
}

pub(crate) fn refuse_if(condition: bool, code: ResultCode) -> Done {
    if condition { Err(code) } else { Ok(()) }
}

/// 20 and 21: the submitter with a right, active.
fn check_submitter(run: &Run<'_, '_>, right: Rights) -> Result<MemberSlot, ResultCode> {
    let submitter = run.submitter_with(right).ok_or(ResultCode::NotAuthorised)?;
    refuse_if(!run.is_submitter_active(), ResultCode::MemberNotActive)?;
    Ok(submitter)
}

/// 20 and 21: the central bank with a right, active.
fn check_central_bank(run: &Run<'_, '_>, right: Rights) -> Done {
    let submitter = run.submitter_with(right).ok_or(ResultCode::NotAuthorised)?;
    refuse_if(!run.overlay.member(submitter).roles.contains(Roles::CENTRAL_BANK), ResultCode::NotAuthorised)?;
    refuse_if(!run.is_submitter_active(), ResultCode::MemberNotActive)
}
