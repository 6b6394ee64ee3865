//! An invited institution files its request: its record takes the place of the invitation's, and members vote on it.

use super::{Done, refuse_if};
use crate::{
    governance,
    state::{StateKey, StateValue},
    transaction::Run,
    view,
};
use alloc::string::String;
use concordat_types::{
    Change, JoinRequest, Member, MemberStatus, Proposal, ResultCode, Timestamp, genesis,
    member::{Frozen, KeyName},
};

pub(super) fn execute(run: &mut Run<'_, '_>, request: &JoinRequest) -> Done {
    let (block, id) = (run.block, run.checked.transaction.submitter);
    let filing = governance::filing(run.overlay, id);
    // The invitation's key shows that it came from the sponsor, the request's own that its people hold them.
    let signed = |filing: &governance::Filing| run.signers().contains(&filing.invite.key);
    let is_authorised = filing.as_ref().is_none_or(signed) && request.member.has_decided(run.signers());
    refuse_if(!is_authorised, ResultCode::NotAuthorised)?;
    let mut filing = filing.ok_or(ResultCode::InviteNotFound)?;
    refuse_if(filing.request.is_some(), ResultCode::InviteUsed)?;
    refuse_if(filing.invite.expires_at <= block.context.time, ResultCode::InviteExpired)?;
    refuse_if(request.member.lei != filing.invite.lei, ResultCode::LegalIdDiffers)?;
    let sponsor = view::member(run.overlay, filing.sponsor).filter(Member::is_active);
    refuse_if(sponsor.is_none(), ResultCode::MemberNotActive)?;
    let governance = governance::governance(run.overlay);
    register(run, request, &KeyName::of_ed25519(&filing.invite.key))?;
    governance::check_room(run.overlay, filing.sponsor)?;
    refuse_if(!is_well_formed(request, id, governance.trial), ResultCode::ValueOutOfRange)?;
    filing.request = Some(request.hash());
    filing.validator.clone_from(&request.validator);
    let sponsor = filing.sponsor;
    run.overlay.put(StateKey::Filing(id), Some(StateValue::Filing(filing)));
    governance::put_member(run.overlay, request.member.clone());
    let proposal = Proposal {
        change: Change::Admit { member: id, request: request.hash() },
        reason: String::from("filed by invitation"),
        expires_at: Timestamp(block.context.time.0.saturating_add(governance.rules.expiry_max_ms)),
        execute_at: None,
        forced: false,
    };
    governance::file(run.overlay, block, sponsor, proposal);
    Ok(())
}

/// 66: of all its keys, none is anybody else's, nor the invitation's, which the sponsor knows.
fn register(run: &mut Run<'_, '_>, request: &JoinRequest, invite: &KeyName) -> Done {
    let mut names = request.member.key_names();
    refuse_if(names.contains(invite), ResultCode::KeyInUse)?;
    names.extend(request.validator.iter().map(|record| KeyName::of_bls(&record.key)));
    governance::register_new_keys(run.overlay, request.member.id, &[], &names)
}

fn is_well_formed(request: &JoinRequest, id: concordat_types::MemberId, trial: bool) -> bool {
    let JoinRequest { member, validator } = request;
    member.id == id
        && member.status == MemberStatus::Filed
        && member.frozen == Frozen::default()
        && member.validator.is_none()
        && (1..=7).contains(&member.roles.0)
        && !member.has_a_key_twice()
        && genesis::check_member(member, trial).is_ok()
        && validator.as_ref().is_none_or(|record| record.power > 0)
}
