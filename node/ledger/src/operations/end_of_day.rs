//! The central bank ends the business day.

use super::{Done, check_central_bank, refuse_if};
use crate::{
    state::{StateKey, StateValue},
    transaction::Run,
};
use concordat_types::{BusinessDate, ResultCode, Rights};

/// A date too far ahead could not be taken back. Longer holidays are passed in two steps.
pub(super) const DAYS_AHEAD_MAX: u32 = 31;

pub(super) fn execute(run: &mut Run<'_, '_>, next: BusinessDate) -> Done {
    check_central_bank(run, Rights::ASSETS)?;
    let today = run.overlay.business_date();
    let ahead = next.days().checked_sub(today.days());
    let is_in_range = ahead.is_some_and(|days| (1..=DAYS_AHEAD_MAX).contains(&days));
    refuse_if(!is_in_range, ResultCode::BusinessDateOutOfRange)?;
    run.overlay.put(StateKey::BusinessDate, Some(StateValue::BusinessDate(next)));
    Ok(())
}
