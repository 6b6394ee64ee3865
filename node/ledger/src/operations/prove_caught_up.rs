//! A candidate shows that it has the last blocks, and becomes a validator two heights on.

use super::{Done, refuse_if};
use crate::{governance, state::StateKey, transaction::Run, view};
use concordat_types::{CaughtUp, ResultCode};

/// The signature was checked against the key that it names, as the transaction's own were.
pub(super) fn execute(run: &mut Run<'_, '_>, proof: &CaughtUp) -> Done {
    let (height, time) = (run.block.context.height, run.block.context.time);
    let id = run.checked.transaction.submitter;
    refuse_if(!run.is_signed_by_submitter, ResultCode::NotAuthorised)?;
    refuse_if(!run.is_submitter_active(), ResultCode::MemberNotActive)?;
    let is_known =
        |mark: &governance::BlockMark| mark.height == proof.height && mark.block == proof.block && mark.is_recent(time);
    let is_caught_up = governance::block_marks(run.overlay).iter().any(is_known);
    let candidate = governance::candidate(run.overlay, id).filter(|record| record.key == proof.key);
    let member = view::member(run.overlay, id).ok_or(ResultCode::MemberNotFound)?;
    if let Some(record) = candidate.clone() {
        governance::join_set(run.overlay, height, member, record, false)?;
    }
    refuse_if(!is_caught_up, ResultCode::NotCaughtUp)?;
    refuse_if(candidate.is_none(), ResultCode::NotAValidator)?;
    run.overlay.put(StateKey::Candidate(id), None);
    Ok(())
}
