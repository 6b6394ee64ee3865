//! Filing a change for a vote.

use super::{Done, refuse_if};
use crate::{
    governance::{self, ProposalRecord, ProposalState},
    transaction::Run,
};
use alloc::vec::Vec;
use concordat_types::{Hash, Height, Proposal, ResultCode, genesis};

pub(super) fn execute(run: &mut Run<'_, '_>, proposal: &Proposal) -> Done {
    let (block, proposer) = (run.block, run.checked.transaction.submitter);
    let keys = run.signing_admins();
    refuse_if(keys.is_empty(), ResultCode::NotAuthorised)?;
    refuse_if(!run.is_submitter_active(), ResultCode::MemberNotActive)?;
    check_times(run, proposal)?;
    let judged = ProposalRecord {
        proposer,
        proposal: proposal.clone(),
        hash: Hash::ZERO,
        filed_at: block.context.height,
        state: ProposalState::Open,
        ballots: Vec::new(),
    };
    governance::check_filing(run.overlay, block, &judged)?;
    governance::check_room(run.overlay, proposer)?;
    let is_readable = proposal.reason.len() <= Proposal::REASON_BYTES_MAX && genesis::is_plain(&proposal.reason);
    let latest = Height(block.context.height.0.saturating_add(Proposal::EXECUTE_AHEAD_MAX));
    let is_near = proposal.execute_at.is_none_or(|height| height <= latest);
    refuse_if(!is_readable || !is_near, ResultCode::ValueOutOfRange)?;
    let id = governance::file(run.overlay, block, proposer, proposal.clone());
    governance::vote(run.overlay, block, id, proposer, &keys, true);
    Ok(())
}

/// 63: it ends after now, and not later than the rules allow.
fn check_times(run: &Run<'_, '_>, proposal: &Proposal) -> Done {
    let (now, rules) = (run.block.context.time.0, governance::governance(run.overlay).rules);
    refuse_if(proposal.expires_at.0 <= now, ResultCode::ProposalExpired)?;
    refuse_if(proposal.expires_at.0 - now > rules.expiry_max_ms, ResultCode::ValueOutOfRange)
}
