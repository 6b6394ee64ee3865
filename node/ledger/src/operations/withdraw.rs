//! Taking a proposal back: the member that filed it, by any one admin key, as long as it has not taken effect. So one person
//! of a member stops new admin keys that the others never meant.

use super::{Done, refuse_if};
use crate::{governance, transaction::Run};
use concordat_types::{ProposalId, ResultCode};

pub(super) fn execute(run: &mut Run<'_, '_>, id: ProposalId) -> Done {
    refuse_if(run.signing_admins().is_empty(), ResultCode::NotAuthorised)?;
    refuse_if(!run.is_submitter_active(), ResultCode::MemberNotActive)?;
    let record = governance::proposal(run.overlay, id).ok_or(ResultCode::ProposalNotFound)?;
    refuse_if(record.proposer != run.checked.transaction.submitter, ResultCode::NotAuthorised)?;
    refuse_if(!record.is_pending(), ResultCode::ProposalClosed)?;
    governance::withdraw(run.overlay, run.block, id, record);
    Ok(())
}
