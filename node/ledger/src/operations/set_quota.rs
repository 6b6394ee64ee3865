//! How much of an asset may be outstanding.

use super::{Done, check_central_bank};
use crate::{
    state::{StateKey, StateValue},
    transaction::Run,
};
use concordat_types::{Amount, AssetCode, ResultCode, Rights};

pub(super) fn execute(run: &mut Run<'_, '_>, code: AssetCode, quota: Amount) -> Done {
    let slot = run.overlay.find_asset(code).ok_or(ResultCode::AssetMismatch)?;
    check_central_bank(run, Rights::ASSETS)?;
    let mut asset = run.overlay.asset(slot).clone();
    asset.quota = quota;
    run.overlay.put(StateKey::Asset(code), Some(StateValue::Asset(asset)));
    Ok(())
}
