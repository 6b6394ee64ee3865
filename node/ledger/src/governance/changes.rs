//! What each change does, and the rules that bind it when it takes effect. Checks stand in ascending order of their numbers.

use super::{
    Block, Estate, ProposalRecord, StateKey, StateValue, candidate, estate, filing, governance, open_accounts,
    power::{SetChange, change_set, join_set, leave_set, validating},
    put_governance, put_member,
};
use crate::{
    genesis::issuance_account,
    limits::{self, LimitKey, Moment, Origin},
    operations::{freeze, leg, refuse_if},
    overlay::{Legs, Overlay},
    results::Booking,
    view,
};
use alloc::{vec, vec::Vec};
use concordat_types::{
    AccountId, Amount, Asset, AssetCode, Change, ChangeKind, Ed25519PublicKey, FreezeTarget, Hash, Height, Member,
    MemberId, MemberStatus, Parameters, Proposal, ResultCode, genesis,
    member::{Frozen, KeyGroup, KeyName, NodeRecord, ValidatorRecord},
};

type Applied = Result<Vec<Booking>, ResultCode>;

/// Could the change take effect at all, as things stand? What may have come right by then is let through.
pub(crate) fn check_filing(
    overlay: &mut Overlay<'_>,
    block: &Block,
    record: &ProposalRecord,
) -> Result<(), ResultCode> {
    let mark = overlay.mark();
    let outcome = apply(overlay, block, record);
    overlay.undo_to(mark);
    match outcome {
        Ok(_)
        | Err(
            ResultCode::BalanceNotZero
            | ResultCode::QuorumAtRisk
            | ResultCode::PowerStepTooLarge
            | ResultCode::InsufficientFunds,
        ) => Ok(()),
        Err(code) => Err(code),
    }
}

/// Does it. What it did before an error is for the caller to undo.
pub(crate) fn apply(overlay: &mut Overlay<'_>, block: &Block, record: &ProposalRecord) -> Applied {
    let Proposal { change, forced, .. } = &record.proposal;
    let (height, forced) = (block.context.height, *forced);
    match change {
        Change::ForcedTransfer { debit_account, credit_account, amount } => {
            return force_transfer(overlay, *debit_account, *credit_account, *amount);
        }
        Change::SetIssuer { asset, issuer } => return set_issuer(overlay, *asset, *issuer),
        Change::Admit { member, request } => admit(overlay, *member, *request)?,
        Change::Suspend { member } => suspend(overlay, height, *member, forced)?,
        Change::Reactivate { member } => reactivate(overlay, *member)?,
        Change::Close { member, estate } => wind_up(overlay, height, *member, *estate, false, forced)?,
        Change::Merge { member, into } => wind_up(overlay, height, *member, *into, true, forced)?,
        Change::SetRoles { member, roles } => {
            let mut member = find_admitted(overlay, *member)?;
            refuse_if(roles.0 == 0 || roles.0 > 7, ResultCode::ValueOutOfRange)?;
            member.roles = *roles;
            put_member(overlay, member);
        }
        Change::SetLegalIdentity { member, legal_name, lei, bic } => {
            let mut member = find_admitted(overlay, *member)?;
            (member.legal_name, member.lei, member.bic) = (legal_name.clone(), lei.clone(), bic.clone());
            put_checked(overlay, member)?;
        }
        Change::ResetAdminKeys { member, admin_keys } => {
            let mut member = find_admitted(overlay, *member)?;
            // Whoever holds the old keys does not keep the new ones away by taking them for something else.
            member.operator_keys.retain(|operator| !admin_keys.keys.contains(&operator.key));
            set_admin_keys(overlay, block, member, admin_keys)?;
        }
        Change::AddValidator { member, key, possession, power } => {
            let record = ValidatorRecord { key: *key, possession: *possession, power: *power };
            add_candidate(overlay, *member, record)?;
        }
        Change::RemoveValidator { member } => remove_validator(overlay, height, *member, forced)?,
        Change::SetPower { member, power } => set_power(overlay, height, *member, *power, forced)?,
        Change::SetQuota { asset, quota } => {
            let mut asset = find_asset(overlay, *asset)?;
            asset.quota = *quota;
            overlay.put(StateKey::Asset(asset.code), Some(StateValue::Asset(asset)));
        }
        Change::SetLimits { member, asset, limits } => {
            find_asset(overlay, *asset)?;
            find_member(overlay, *member)?;
            refuse_if(limits.balance_max.is_some(), ResultCode::ValueOutOfRange)?;
            let origin = Origin { at: Moment { height, tx_index: 0, operation: 0 }, seed: record.hash };
            limits::replace(overlay, LimitKey::Common { member: *member, asset: *asset }, *limits, &origin);
        }
        Change::SetThreshold { kind, threshold } => {
            let is_kind = *kind <= ChangeKind::LAST_COMMON;
            refuse_if(!is_kind || !threshold.is_valid(), ResultCode::ValueOutOfRange)?;
            let mut governance = governance(overlay);
            governance.thresholds.retain(|(other, _)| other != kind);
            governance.thresholds.push((*kind, *threshold));
            governance.thresholds.sort_unstable_by_key(|(kind, _)| *kind);
            put_governance(overlay, governance);
        }
        Change::SetParameters(parameters) => set_parameters(overlay, parameters)?,
        Change::SetRules(rules) => {
            refuse_if(!rules.is_valid(), ResultCode::ValueOutOfRange)?;
            let mut governance = governance(overlay);
            governance.rules = *rules;
            put_governance(overlay, governance);
        }
        Change::Freeze { target, debits, credits } => {
            set_frozen(overlay, *target, Frozen { debits: *debits, credits: *credits })?;
        }
        own => apply_own(overlay, block, record.proposer, own)?,
    }
    Ok(Vec::new())
}

/// What a member decides about itself.
fn apply_own(overlay: &mut Overlay<'_>, block: &Block, id: MemberId, change: &Change) -> Result<(), ResultCode> {
    let height = block.context.height;
    let mut member = find_member(overlay, id)?;
    let brought: &[Ed25519PublicKey] = match change {
        Change::AddOperatorKey(operator) => core::slice::from_ref(&operator.key),
        Change::SetAdminKeys(group) | Change::SetRecoveryKeys(group) => &group.keys,
        _ => &[],
    };
    let is_reserved = brought.iter().any(|key| super::is_reserved(overlay, id, key));
    refuse_if(is_reserved, ResultCode::KeyInUse)?;
    refuse_if(!member.is_active(), ResultCode::StatusNotAllowed)?;
    match change {
        Change::AddOperatorKey(operator) => {
            register_keys(overlay, &member, &[KeyName::of_ed25519(&operator.key)])?;
            member.operator_keys.push(*operator);
            put_checked(overlay, member)
        }
        Change::RemoveOperatorKey(key) => {
            let before = member.operator_keys.len();
            member.operator_keys.retain(|operator| operator.key != *key);
            refuse_if(member.operator_keys.len() == before, ResultCode::ValueOutOfRange)?;
            put_checked(overlay, member)
        }
        Change::AddAccessKey(access) => {
            register_keys(overlay, &member, &[KeyName::of_tls(&access.key)])?;
            member.access_keys.push(*access);
            put_checked(overlay, member)
        }
        Change::RemoveAccessKey(key) => {
            let before = member.access_keys.len();
            member.access_keys.retain(|access| access.key != *key);
            refuse_if(member.access_keys.len() == before, ResultCode::ValueOutOfRange)?;
            put_checked(overlay, member)
        }
        Change::SetNode(node) => set_node(overlay, member, node),
        Change::SetAdminKeys(group) => set_admin_keys(overlay, block, member, group),
        Change::SetRecoveryKeys(group) => {
            let before = core::mem::take(&mut member.recovery_keys);
            register_keys(overlay, &member, &new_names(&before.keys, &group.keys))?;
            member.recovery_keys = group.clone();
            put_checked(overlay, member)
        }
        Change::RotateConsensusKey { key, possession } => {
            register_keys(overlay, &member, &[KeyName::of_bls(key)])?;
            let rotated = |power| ValidatorRecord { key: *key, possession: *possession, power };
            if let Some(record) = candidate(overlay, id) {
                let record = StateValue::Candidate(rotated(record.power));
                overlay.put(StateKey::Candidate(id), Some(record));
                return Ok(());
            }
            let power = member.validator.as_ref().ok_or(ResultCode::NotAValidator)?.power;
            // A rotation moves no power, so that no rule of power is in its way.
            join_set(overlay, height, member, rotated(power), true)
        }
        common => unreachable!("{} is not a member's own change", common.name()),
    }
}

// ---- Members ----

fn admit(overlay: &mut Overlay<'_>, id: MemberId, request: Hash) -> Result<(), ResultCode> {
    let filing = filing(overlay, id).ok_or(ResultCode::InviteNotFound)?;
    refuse_if(filing.request != Some(request), ResultCode::HashChanged)?;
    let mut member = find_member(overlay, id)?;
    let is_filed = matches!(member.status, MemberStatus::Filed | MemberStatus::Approved);
    refuse_if(!is_filed, ResultCode::StatusNotAllowed)?;
    member.status = MemberStatus::Active;
    if let Some(record) = filing.validator {
        overlay.put(StateKey::Candidate(id), Some(StateValue::Candidate(record)));
    }
    overlay.put(StateKey::Filing(id), None);
    put_member(overlay, member);
    Ok(())
}

/// What it validated with it keeps as a candidate: once reactivated it proves again that it is caught up.
fn suspend(overlay: &mut Overlay<'_>, height: Height, id: MemberId, forced: bool) -> Result<(), ResultCode> {
    let mut member = find_member(overlay, id)?;
    let validated = leave_set(overlay, height, &mut member, forced);
    refuse_if(member.status != MemberStatus::Active, ResultCode::StatusNotAllowed)?;
    if let Some(record) = validated? {
        overlay.put(StateKey::Candidate(id), Some(StateValue::Candidate(record)));
    }
    member.status = MemberStatus::Suspended;
    put_member(overlay, member);
    Ok(())
}

fn reactivate(overlay: &mut Overlay<'_>, id: MemberId) -> Result<(), ResultCode> {
    let mut member = find_member(overlay, id)?;
    refuse_if(member.status != MemberStatus::Suspended, ResultCode::StatusNotAllowed)?;
    member.status = MemberStatus::Active;
    put_member(overlay, member);
    Ok(())
}

/// Active or suspended, it begins to close; closing already and with no account left, it is closed.
fn wind_up(
    overlay: &mut Overlay<'_>,
    height: Height,
    id: MemberId,
    by: MemberId,
    is_successor: bool,
    forced: bool,
) -> Result<(), ResultCode> {
    let new = Estate { member: by, is_successor };
    let is_closing = view::member(overlay, id).is_some_and(|member| member.status == MemberStatus::Closing);
    let is_same = estate(overlay, id) == Some(new);
    refuse_if(is_closing && is_same && open_accounts(overlay, id) > 0, ResultCode::BalanceNotZero)?;
    let mut member = find_member(overlay, id)?;
    let estate_member = find_member(overlay, by)?;
    let validated = leave_set(overlay, height, &mut member, forced);
    let may_wind_up = estate_member.is_active() && by != id;
    match member.status {
        MemberStatus::Active | MemberStatus::Suspended if may_wind_up => {
            validated?;
            overlay.put(StateKey::Candidate(id), None);
            overlay.put(StateKey::Estate(id), Some(StateValue::Estate(new)));
            member.status = MemberStatus::Closing;
        }
        // Another one winds it up from here on.
        MemberStatus::Closing if !is_same && may_wind_up => {
            overlay.put(StateKey::Estate(id), Some(StateValue::Estate(new)));
        }
        MemberStatus::Closing if is_same => {
            overlay.put(StateKey::Estate(id), None);
            member.status = MemberStatus::Closed;
        }
        _ => return Err(ResultCode::StatusNotAllowed),
    }
    put_member(overlay, member);
    Ok(())
}

fn set_admin_keys(
    overlay: &mut Overlay<'_>,
    block: &Block,
    mut member: Member,
    group: &KeyGroup,
) -> Result<(), ResultCode> {
    let before = core::mem::take(&mut member.admin_keys);
    register_keys(overlay, &member, &new_names(&before.keys, &group.keys))?;
    member.admin_keys = group.clone();
    let id = member.id;
    put_checked(overlay, member)?;
    super::void_own(overlay, block, id);
    Ok(())
}

/// From its filing on, what a change announces is kept for the member that it is about.
pub(super) fn reserve_keys(overlay: &mut Overlay<'_>, proposer: MemberId, change: &Change) {
    let (member, names) = match change {
        Change::ResetAdminKeys { member, admin_keys } => {
            (*member, admin_keys.keys.iter().map(KeyName::of_ed25519).collect())
        }
        Change::AddValidator { member, key, .. } => (*member, vec![KeyName::of_bls(key)]),
        Change::RotateConsensusKey { key, .. } => (proposer, vec![KeyName::of_bls(key)]),
        _ => return,
    };
    for name in names {
        let key = StateKey::KeyOwner(name);
        if overlay.value(&key).is_none() {
            overlay.put(key, Some(StateValue::KeyOwner(member)));
        }
    }
}

/// Of the keys that were not in the group before: those that stay are registered already.
fn new_names(before: &[Ed25519PublicKey], after: &[Ed25519PublicKey]) -> Vec<KeyName> {
    after.iter().filter(|key| !before.contains(key)).map(KeyName::of_ed25519).collect()
}

fn set_node(overlay: &mut Overlay<'_>, mut member: Member, node: &NodeRecord) -> Result<(), ResultCode> {
    let before = member.node.take();
    if before.is_none_or(|before| before.tls_key != node.tls_key) {
        register_keys(overlay, &member, &[KeyName::of_tls(&node.tls_key)])?;
    }
    member.node = Some(node.clone());
    put_checked(overlay, member)
}

/// 74: writes a member whose record is still well formed.
fn put_checked(overlay: &mut Overlay<'_>, member: Member) -> Result<(), ResultCode> {
    let is_well_formed = genesis::check_member(&member, governance(overlay).trial).is_ok();
    refuse_if(!is_well_formed || member.has_a_key_twice(), ResultCode::ValueOutOfRange)?;
    put_member(overlay, member);
    Ok(())
}

/// 66: takes keys for a member that nobody else has, or had, and that it does not use already.
fn register_keys(overlay: &mut Overlay<'_>, member: &Member, names: &[KeyName]) -> Result<(), ResultCode> {
    register_new_keys(overlay, member.id, &member.key_names(), names)
}

/// The same for a member that uses these keys so far.
pub(crate) fn register_new_keys(
    overlay: &mut Overlay<'_>,
    id: MemberId,
    used: &[KeyName],
    names: &[KeyName],
) -> Result<(), ResultCode> {
    for name in names {
        let owner = match overlay.value(&StateKey::KeyOwner(*name)) {
            Some(StateValue::KeyOwner(owner)) => Some(owner),
            _ => None,
        };
        refuse_if(owner.is_some_and(|owner| owner != id) || used.contains(name), ResultCode::KeyInUse)?;
        overlay.put(StateKey::KeyOwner(*name), Some(StateValue::KeyOwner(id)));
    }
    Ok(())
}

// ---- Validators ----

fn add_candidate(overlay: &mut Overlay<'_>, id: MemberId, record: ValidatorRecord) -> Result<(), ResultCode> {
    let member = find_member(overlay, id)?;
    register_keys(overlay, &member, &[KeyName::of_bls(&record.key)])?;
    refuse_if(!member.is_active(), ResultCode::StatusNotAllowed)?;
    refuse_if(record.power == 0, ResultCode::ValueOutOfRange)?;
    let exists = member.validator.is_some() || candidate(overlay, id).is_some();
    refuse_if(exists, ResultCode::AlreadyAValidator)?;
    overlay.put(StateKey::Candidate(id), Some(StateValue::Candidate(record)));
    Ok(())
}

fn remove_validator(overlay: &mut Overlay<'_>, height: Height, id: MemberId, forced: bool) -> Result<(), ResultCode> {
    let mut member = find_member(overlay, id)?;
    let validated = leave_set(overlay, height, &mut member, forced)?;
    refuse_if(validated.is_none() && candidate(overlay, id).is_none(), ResultCode::NotAValidator)?;
    overlay.put(StateKey::Candidate(id), None);
    put_member(overlay, member);
    Ok(())
}

fn set_power(
    overlay: &mut Overlay<'_>,
    height: Height,
    id: MemberId,
    power: u64,
    forced: bool,
) -> Result<(), ResultCode> {
    let mut member = find_member(overlay, id)?;
    let Some(record) = &mut member.validator else { return Err(ResultCode::NotAValidator) };
    record.power = power;
    let validator = validating(id, record);
    change_set(overlay, height, SetChange::Put(validator), forced)?;
    put_member(overlay, member);
    Ok(())
}

// ---- Money ----

/// Leaves at least what is held; asks nobody.
fn force_transfer(overlay: &mut Overlay<'_>, debit: AccountId, credit: AccountId, amount: Amount) -> Applied {
    let legs = leg::find(overlay, debit, credit)?;
    leg::check_no_issuance(overlay, legs)?;
    leg::check_open(overlay, legs)?;
    leg::check_amount(overlay, legs, amount)?;
    leg::check_funds(overlay, legs, amount)?;
    overlay.post(legs, amount);
    Ok(vec![Booking { debit_account: debit, credit_account: credit, amount }])
}

/// The supply moves from one issuance account to the other, since each account belongs to the member in its name.
fn set_issuer(overlay: &mut Overlay<'_>, code: AssetCode, issuer: MemberId) -> Applied {
    let mut asset = find_asset(overlay, code)?;
    let new_issuer = find_member(overlay, issuer)?;
    refuse_if(!new_issuer.is_active() || asset.issuer == issuer, ResultCode::StatusNotAllowed)?;
    let old = AccountId::new(&issuance_account(&asset).path());
    asset.issuer = issuer;
    let account = issuance_account(&asset);
    let new = AccountId::new(&account.path());
    if overlay.find_account(new).is_none() {
        overlay.put(StateKey::Account(new), Some(StateValue::Account(account)));
    }
    let find = |overlay: &mut Overlay<'_>, id| overlay.find_account(id).expect("it exists or was just made");
    let legs = Legs { debit: find(overlay, new), credit: find(overlay, old) };
    let supply = {
        let account = &overlay.account(legs.credit).account;
        account.debits_posted - account.credits_posted
    };
    let fits = overlay.account(legs.debit).account.debits_posted.checked_add(supply).is_some();
    refuse_if(!fits, ResultCode::AmountOverflow)?;
    overlay.put(StateKey::Asset(code), Some(StateValue::Asset(asset)));
    if supply == 0 {
        return Ok(Vec::new());
    }
    overlay.post(legs, supply);
    Ok(vec![Booking { debit_account: new, credit_account: old, amount: supply }])
}

/// As an issuer, or for a member the central bank, would.
fn set_frozen(overlay: &mut Overlay<'_>, target: FreezeTarget, frozen: Frozen) -> Result<(), ResultCode> {
    match target {
        FreezeTarget::Account(id) => {
            let slot = overlay.find_account(id).ok_or(ResultCode::AccountNotFound)?;
            let account = overlay.account(slot).account.clone();
            freeze::set_account(overlay, account, freeze::ISSUER_MARKS, frozen)?;
        }
        FreezeTarget::Asset(code) => {
            let asset = find_asset(overlay, code)?;
            freeze::set_asset(overlay, asset, frozen);
        }
        FreezeTarget::Member(id) => {
            let mut member = find_admitted(overlay, id)?;
            member.frozen = frozen;
            put_member(overlay, member);
        }
    }
    Ok(())
}

/// Nodes size their queues by the largest transaction when they start, and ids that were forgotten cannot be remembered: these
/// three stay as in genesis.
fn set_parameters(overlay: &mut Overlay<'_>, new: &Parameters) -> Result<(), ResultCode> {
    let old = view::parameters(overlay);
    let fixed = |p: &Parameters| (p.tx_bytes_max, p.transfers_per_tx_max, p.id_window_ms);
    let is_possible = fixed(new) == fixed(&old) && new.out_of_range().is_none() && lets_decide(new);
    refuse_if(!is_possible, ResultCode::ValueOutOfRange)?;
    overlay.put(StateKey::Parameters, Some(StateValue::Parameters(new.clone())));
    Ok(())
}

/// What no vote could take back, since nothing would be decided any more: rounds too short for a proposal to travel, clocks that
/// would have to agree to the millisecond, evidence that nobody could bring in time.
fn lets_decide(p: &Parameters) -> bool {
    let timeouts = [p.timeout_propose_ms, p.timeout_prevote_ms, p.timeout_precommit_ms];
    timeouts.iter().all(|timeout| *timeout >= 100)
        && (50..=10_000).contains(&p.timeout_step_ms)
        && (5_000..=600_000).contains(&p.timeout_max_ms)
        && (1_000..=60_000).contains(&p.heartbeat_ms)
        && (50..=60_000).contains(&p.precision_ms)
        && (200..=600_000).contains(&p.delay_ms)
        && p.evidence_window_heights >= 1_000
        && (3_600_000..=365 * 86_400_000).contains(&p.evidence_window_ms)
}

// ---- Look-ups ----

/// 65, and 71 for one that is not admitted: what was filed is what members vote on.
fn find_admitted(overlay: &mut Overlay<'_>, id: MemberId) -> Result<Member, ResultCode> {
    let member = find_member(overlay, id)?;
    let is_filing = matches!(member.status, MemberStatus::Invited | MemberStatus::Filed | MemberStatus::Approved);
    refuse_if(is_filing, ResultCode::StatusNotAllowed)?;
    Ok(member)
}

/// 65.
fn find_member(overlay: &mut Overlay<'_>, id: MemberId) -> Result<Member, ResultCode> {
    view::member(overlay, id).ok_or(ResultCode::MemberNotFound)
}

/// 13.
fn find_asset(overlay: &mut Overlay<'_>, code: AssetCode) -> Result<Asset, ResultCode> {
    view::asset(overlay, code).ok_or(ResultCode::AssetMismatch)
}
