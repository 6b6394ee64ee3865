//! Votes of a member's people on a proposal.

use super::{Done, refuse_if};
use crate::{governance, transaction::Run};
use alloc::vec::Vec;
use concordat_types::{Ed25519PublicKey, Hash, ProposalId, ResultCode};

pub(super) fn execute(run: &mut Run<'_, '_>, id: ProposalId, hash: Hash, approve: bool) -> Done {
    let (block, member) = (run.block, run.checked.transaction.submitter);
    let mut keys = run.signing_admins();
    refuse_if(keys.is_empty(), ResultCode::NotAuthorised)?;
    refuse_if(!run.is_submitter_active(), ResultCode::MemberNotActive)?;
    let record = governance::proposal(run.overlay, id).ok_or(ResultCode::ProposalNotFound)?;
    // What concerns one member alone is nobody else's to vote on.
    let is_own = record.proposal.change.kind().is_own();
    refuse_if(is_own && record.proposer != member, ResultCode::NotAuthorised)?;
    refuse_if(record.hash != hash, ResultCode::HashChanged)?;
    let ballot = record.ballots.iter().find(|(voter, _)| *voter == member).map(|(_, ballot)| ballot);
    let voted: Vec<Ed25519PublicKey> =
        ballot.map_or(Vec::new(), |ballot| ballot.approve.iter().chain(&ballot.refuse).copied().collect());
    keys.retain(|key| !voted.contains(key));
    refuse_if(keys.is_empty(), ResultCode::AlreadyVoted)?;
    let is_expired = record.is_open() && record.proposal.expires_at <= block.context.time;
    refuse_if(is_expired, ResultCode::ProposalExpired)?;
    refuse_if(!record.is_open(), ResultCode::ProposalClosed)?;
    governance::vote(run.overlay, block, id, member, &keys, approve);
    Ok(())
}
