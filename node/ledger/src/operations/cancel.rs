//! Ending an offer that is not complete.

use super::{Done, offer};
use crate::{
    pending::{OfferRecord, Pending, PendingState, check_open},
    transaction::Run,
};
use concordat_types::{PendingRef, ResultCode, Rights};

pub(super) fn execute(run: &mut Run<'_, '_>, name: PendingRef) -> Done {
    run.submitter_with(Rights::PAY).ok_or(ResultCode::NotAuthorised)?;
    let record = find(run, name)?;
    offer::check_party(run, &record)?;
    check_open(record.state, record.deadline, run.block.context.time)?;
    record.end(run.overlay, run.block, name, PendingState::Voided);
    Ok(())
}

/// 40, which stands alone.
pub(super) fn find(run: &Run<'_, '_>, name: PendingRef) -> Result<OfferRecord, ResultCode> {
    match run.overlay.pending(name) {
        Some(Pending::Offer(offer)) => Ok(offer),
        Some(Pending::Hold(_)) | None => Err(ResultCode::HoldNotFound),
    }
}
