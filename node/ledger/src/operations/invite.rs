//! Inviting an institution, and taking the invitation back.

use super::{Done, refuse_if};
use crate::{
    governance::{self, Filing, Governance},
    state::{StateKey, StateValue},
    transaction::Run,
    view,
};
use alloc::{string::String, vec, vec::Vec};
use concordat_types::{
    Invite, Member, MemberId, MemberStatus, ResultCode, Roles, genesis,
    member::{Frozen, KeyGroup, KeyName},
};

pub(super) fn execute(run: &mut Run<'_, '_>, invite: &Invite) -> Done {
    let sponsor = run.checked.transaction.submitter;
    let has_decided = run.submitter.is_some_and(|submitter| run.overlay.member(submitter).has_decided(run.signers()));
    refuse_if(!has_decided, ResultCode::NotAuthorised)?;
    refuse_if(!run.is_submitter_active(), ResultCode::MemberNotActive)?;
    refuse_if(view::member(run.overlay, invite.member).is_some(), ResultCode::MemberExists)?;
    let (now, governance) = (run.block.context.time.0, governance::governance(run.overlay));
    refuse_if(invite.expires_at.0 <= now, ResultCode::InviteExpired)?;
    let member = invited(invite);
    governance::register_new_keys(run.overlay, invite.member, &[], &[KeyName::of_ed25519(&invite.key)])?;
    refuse_if(open_invites(run, sponsor) >= Governance::OPEN_OF_ONE_MAX, ResultCode::TooManyOpen)?;
    let is_possible = invite.expires_at.0 - now <= governance.rules.expiry_max_ms
        && ((governance.trial && invite.lei.is_empty()) || genesis::is_lei(&invite.lei));
    refuse_if(!is_possible, ResultCode::ValueOutOfRange)?;
    let filing = Filing { sponsor, invite: invite.clone(), request: None, validator: None };
    run.overlay.put(StateKey::Filing(invite.member), Some(StateValue::Filing(filing)));
    governance::put_member(run.overlay, member);
    governance::list_member(run.overlay, invite.member);
    Ok(())
}

pub(super) fn revoke(run: &mut Run<'_, '_>, id: MemberId) -> Done {
    refuse_if(run.signing_admins().is_empty(), ResultCode::NotAuthorised)?;
    refuse_if(!run.is_submitter_active(), ResultCode::MemberNotActive)?;
    let filing = governance::filing(run.overlay, id).ok_or(ResultCode::InviteNotFound)?;
    refuse_if(filing.sponsor != run.checked.transaction.submitter, ResultCode::NotAuthorised)?;
    run.overlay.put(StateKey::Filing(id), None);
    run.overlay.put(StateKey::Member(id), None);
    governance::unlist_member(run.overlay, id);
    Ok(())
}

fn open_invites(run: &Run<'_, '_>, sponsor: MemberId) -> usize {
    let filings = governance::members(run.overlay).into_iter().filter_map(|id| governance::filing(run.overlay, id));
    filings.filter(|filing| filing.sponsor == sponsor).count()
}

/// A member that has nothing but the key with which it files its request.
fn invited(invite: &Invite) -> Member {
    Member {
        id: invite.member,
        legal_name: String::new(),
        lei: invite.lei.clone(),
        bic: String::new(),
        roles: Roles::default(),
        status: MemberStatus::Invited,
        frozen: Frozen::default(),
        admin_keys: KeyGroup { k: 1, keys: vec![invite.key] },
        recovery_keys: KeyGroup::default(),
        operator_keys: Vec::new(),
        access_keys: Vec::new(),
        node: None,
        validator: None,
    }
}
