//! A payment file: many transfers under one signature.

use super::transfer;
use crate::{
    items::{Item, Outcome},
    transaction::Run,
};
use concordat_types::{BatchMode, ResultCode, Transfer};

/// Mode `each` happens when the submitter has signed it; its transfers succeed or fail singly, in order. Mode `all`
/// stops at the first transfer that is refused and is refused with its code, which undoes the whole transaction.
pub(super) fn execute(
    run: &mut Run<'_, '_>,
    mode: BatchMode,
    transfers: &[Transfer],
    items: &mut [Item],
) -> ResultCode {
    let (own, items) = items.split_first_mut().expect("a batch is an item itself");
    let code = match run.is_signed_by_submitter {
        true => execute_transfers(run, mode, transfers, items),
        false => ResultCode::NotAuthorised,
    };
    own.outcome = Outcome::New(code);
    code
}

fn execute_transfers(run: &mut Run<'_, '_>, mode: BatchMode, transfers: &[Transfer], items: &mut [Item]) -> ResultCode {
    for (transfer, item) in transfers.iter().zip(items) {
        let code = run.settle(item, |run| transfer::execute(run, transfer));
        if mode == BatchMode::All && code != ResultCode::Ok {
            return code;
        }
    }
    ResultCode::Ok
}
