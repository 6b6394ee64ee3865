//! The proposal engine: what is filed, who has voted, when it takes effect.
//!
//! Every administrative change is a proposal. It is adopted by members, or by a member alone where it concerns only itself, and
//! takes effect at the start of a block. What a change does, and which rules bind it, is in `changes`; the rules of voting
//! power are in `power`.

mod changes;
mod power;

use crate::{
    due::BlockEvent,
    overlay::Overlay,
    state::{StateKey, StateValue},
    transaction::Block,
    view::{self, StateView},
};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use concordat_types::{
    BlockId, Change, ChangeKind, Ed25519PublicKey, GovernanceRules, Hash, Height, Invite, Member, MemberId,
    MemberStatus, Proposal, ProposalId, ResultCode, Threshold, Timestamp, member::ValidatorRecord,
};

pub(crate) use changes::{check_filing, register_new_keys};
pub(crate) use power::{STEP_HEIGHTS, join_set};

/// Rules of the engine, and what waits in it.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Governance {
    pub rules: GovernanceRules,
    /// Of kinds that do not have the default. Ascending.
    pub thresholds: Vec<(ChangeKind, Threshold)>,
    /// LEI and BIC may be absent, as in genesis.
    pub trial: bool,
    pub last_proposal: ProposalId,
    /// Ascending. At most `AGENDA_MAX`, and of one member `OPEN_OF_ONE_MAX`.
    pub agenda: Vec<AgendaItem>,
}

/// A proposal that is not closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct AgendaItem {
    pub proposal: ProposalId,
    pub proposer: MemberId,
    pub expires_at: Timestamp,
    /// Adopted: takes effect in the first block that is neither lower nor earlier.
    pub effect: Option<(Height, Timestamp)>,
}

#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct ProposalRecord {
    pub proposer: MemberId,
    pub proposal: Proposal,
    pub hash: Hash,
    pub filed_at: Height,
    pub state: ProposalState,
    /// Ascending in members.
    pub ballots: Vec<(MemberId, Ballot)>,
}

/// Numbers are for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum ProposalState {
    Open = 0,
    Adopted {
        at: Height,
    } = 1,
    Executed {
        at: Height,
    } = 2,
    /// A rule forbade it in the state that it met.
    RefusedAtExecution {
        at: Height,
        code: ResultCode,
    } = 3,
    /// So many voted against it that it could not be adopted any more.
    Rejected {
        at: Height,
    } = 4,
    Withdrawn {
        at: Height,
    } = 5,
    Expired {
        at: Height,
    } = 6,
}

/// The votes of a member's people. They count for the member while as many of its present admin keys as decide for it agree.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Ballot {
    pub approve: Vec<Ed25519PublicKey>,
    pub refuse: Vec<Ed25519PublicKey>,
}

/// An invitation and what was filed with it.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Filing {
    pub sponsor: MemberId,
    pub invite: Invite,
    /// Of the request that was filed.
    pub request: Option<Hash>,
    pub validator: Option<ValidatorRecord>,
}

/// A block that a candidate may name, with its time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct BlockMark {
    pub height: Height,
    pub block: BlockId,
    pub time: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Estate {
    pub member: MemberId,
    /// It goes on in the other's place and may pay anybody; else it may only move money into accounts of its own.
    pub is_successor: bool,
}

impl Governance {
    pub const AGENDA_MAX: usize = 1024;
    pub const OPEN_OF_ONE_MAX: usize = 16;

    pub(crate) fn at_genesis(trial: bool) -> Governance {
        Governance {
            rules: GovernanceRules::DEFAULT,
            thresholds: Vec::new(),
            trial,
            last_proposal: ProposalId(0),
            agenda: Vec::new(),
        }
    }

    /// Of a kind that members decide.
    pub fn threshold(&self, kind: ChangeKind) -> Threshold {
        let place = self.thresholds.binary_search_by_key(&kind, |(kind, _)| *kind);
        place.map_or(Threshold::DEFAULT, |place| self.thresholds[place].1)
    }
}

impl ProposalRecord {
    pub fn is_open(&self) -> bool {
        self.state == ProposalState::Open
    }

    /// Neither executed nor given up.
    pub fn is_pending(&self) -> bool {
        matches!(self.state, ProposalState::Open | ProposalState::Adopted { .. })
    }
}

/// How the members stand to a proposal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tally {
    pub approving: Vec<MemberId>,
    pub refusing: Vec<MemberId>,
    /// Members whose count matters: the active ones, or the proposer alone.
    pub active: usize,
    /// None: the proposer's own admin keys decide.
    pub threshold: Option<Threshold>,
}

impl Tally {
    /// Judged by the admin keys and the members of the state.
    pub fn of(view: &dyn StateView, record: &ProposalRecord) -> Tally {
        let kind = record.proposal.change.kind();
        let is_own = kind.is_own();
        let members = members(view).into_iter().filter_map(|id| view::member(view, id));
        let counted: Vec<Member> =
            members.filter(|member| if is_own { member.id == record.proposer } else { member.is_active() }).collect();
        let decided = |member: &Member, keys: fn(&Ballot) -> &Vec<Ed25519PublicKey>| {
            let ballot = record.ballots.iter().find(|(id, _)| *id == member.id);
            ballot.is_some_and(|(_, ballot)| member.admin_keys.is_reached_by(keys(ballot)))
        };
        let of = |keys: fn(&Ballot) -> &Vec<Ed25519PublicKey>| {
            counted.iter().filter(|member| decided(member, keys)).map(|member| member.id).collect()
        };
        let governance = governance(view);
        let mut threshold = governance.threshold(kind);
        // Nobody gets round a high threshold by lowering it, or by force.
        if let Change::SetThreshold { kind, .. } = record.proposal.change {
            threshold = threshold.or_higher(governance.threshold(kind));
        }
        if record.proposal.forced {
            threshold = threshold.or_higher(Threshold::FORCED);
        }
        let threshold = (!is_own).then_some(threshold);
        Tally {
            approving: of(|ballot| &ballot.approve),
            refusing: of(|ballot| &ballot.refuse),
            active: counted.len(),
            threshold,
        }
    }

    pub fn is_adopted(&self) -> bool {
        self.reaches(self.approving.len())
    }

    /// Even if all others approved.
    pub fn cannot_be_adopted(&self) -> bool {
        !self.reaches(self.active - self.refusing.len())
    }

    fn reaches(&self, members: usize) -> bool {
        match self.threshold {
            None => members > 0,
            Some(threshold) => threshold.is_reached(members, self.active),
        }
    }
}

fn is_due(item: &AgendaItem, height: Height, time: Timestamp) -> bool {
    item.effect.is_some_and(|(not_below, not_before)| height >= not_below && time >= not_before)
}

// ---- Filing and voting ----

/// A proposal of a member, not voted on yet.
pub(crate) fn file(overlay: &mut Overlay<'_>, block: &Block, proposer: MemberId, proposal: Proposal) -> ProposalId {
    let mut governance = governance(overlay);
    let id = ProposalId(governance.last_proposal.0 + 1);
    governance.last_proposal = id;
    let expires_at = proposal.expires_at;
    governance.agenda.push(AgendaItem { proposal: id, proposer, expires_at, effect: None });
    put_governance(overlay, governance);
    let hash = proposal.hash(id, proposer);
    let filed_at = block.context.height;
    let record = ProposalRecord { proposer, proposal, hash, filed_at, state: ProposalState::Open, ballots: Vec::new() };
    changes::reserve_keys(overlay, proposer, &record.proposal.change);
    put_proposal(overlay, id, record);
    id
}

/// 73: would one more of this proposer be too many?
pub(crate) fn check_room(view: &dyn StateView, proposer: MemberId) -> Result<(), ResultCode> {
    let agenda = governance(view).agenda;
    let own = agenda.iter().filter(|item| item.proposer == proposer).count();
    match agenda.len() < Governance::AGENDA_MAX && own < Governance::OPEN_OF_ONE_MAX {
        true => Ok(()),
        false => Err(ResultCode::TooManyOpen),
    }
}

/// Takes the votes of admin keys of a member, those that have not voted, and looks whether they decide it.
pub(crate) fn vote(
    overlay: &mut Overlay<'_>,
    block: &Block,
    id: ProposalId,
    member: MemberId,
    keys: &[Ed25519PublicKey],
    approve: bool,
) {
    let mut record = proposal(overlay, id).expect("the caller has found the proposal");
    let place = match record.ballots.binary_search_by_key(&member, |(member, _)| *member) {
        Ok(place) => place,
        Err(place) => {
            record.ballots.insert(place, (member, Ballot::default()));
            place
        }
    };
    let ballot = &mut record.ballots[place].1;
    let side = if approve { &mut ballot.approve } else { &mut ballot.refuse };
    side.extend_from_slice(keys);
    decide(overlay, block, id, record);
}

/// Adopts or rejects an open proposal if its votes say so, and writes it.
fn decide(overlay: &mut Overlay<'_>, block: &Block, id: ProposalId, mut record: ProposalRecord) {
    let tally = Tally::of(overlay, &record);
    let at = block.context.height;
    if tally.is_adopted() {
        record.state = ProposalState::Adopted { at };
        adopt(overlay, block, id, &record.proposal);
    } else if tally.cannot_be_adopted() {
        record.state = ProposalState::Rejected { at };
        close(overlay, id);
    }
    put_proposal(overlay, id, record);
}

fn adopt(overlay: &mut Overlay<'_>, block: &Block, id: ProposalId, proposal: &Proposal) {
    let mut governance = governance(overlay);
    let notice_ms = match proposal.change {
        Change::SetAdminKeys(_) => governance.rules.admin_notice_ms,
        Change::ResetAdminKeys { .. } => governance.rules.reset_notice_ms,
        _ => 0,
    };
    let next = block.context.height.next();
    let not_below = proposal.execute_at.map_or(next, |height| height.max(next));
    let not_before = Timestamp(block.context.time.0.saturating_add(notice_ms));
    let item =
        governance.agenda.iter_mut().find(|item| item.proposal == id).expect("an open proposal is on the agenda");
    item.effect = Some((not_below, not_before));
    put_governance(overlay, governance);
    if let Change::Admit { member, .. } = proposal.change
        && let Some(mut filed) = view::member(overlay, member).filter(|member| member.status == MemberStatus::Filed)
    {
        filed.status = MemberStatus::Approved;
        put_member(overlay, filed);
    }
}

/// Ends a proposal before it has taken effect.
pub(crate) fn withdraw(overlay: &mut Overlay<'_>, block: &Block, id: ProposalId, mut record: ProposalRecord) {
    record.state = ProposalState::Withdrawn { at: block.context.height };
    close(overlay, id);
    unapprove(overlay, &record.proposal.change);
    put_proposal(overlay, id, record);
}

/// New admin keys: what the old ones have decided about the member and is still to come is void.
pub(crate) fn void_own(overlay: &mut Overlay<'_>, block: &Block, member: MemberId) {
    for item in governance(overlay).agenda.into_iter().filter(|item| item.proposer == member) {
        let record = proposal(overlay, item.proposal).expect("what is on the agenda is in the state");
        if record.proposal.change.kind().is_own() {
            withdraw(overlay, block, item.proposal, record);
        }
    }
}

/// Is the key to become an admin key of the member by a reset that is under way? Nobody may take it meanwhile.
pub(crate) fn is_reserved(overlay: &Overlay<'_>, member: MemberId, key: &Ed25519PublicKey) -> bool {
    governance(overlay).agenda.iter().any(|item| {
        proposal(overlay, item.proposal).is_some_and(|record| match &record.proposal.change {
            Change::ResetAdminKeys { member: of, admin_keys } => *of == member && admin_keys.keys.contains(key),
            _ => false,
        })
    })
}

fn close(overlay: &mut Overlay<'_>, id: ProposalId) {
    let mut governance = governance(overlay);
    governance.agenda.retain(|item| item.proposal != id);
    put_governance(overlay, governance);
}

/// An adopted admission that does not come about leaves a request that may be voted on again.
fn unapprove(overlay: &mut Overlay<'_>, change: &Change) {
    if let Change::Admit { member, .. } = change
        && let Some(mut filed) = view::member(overlay, *member).filter(|member| member.status == MemberStatus::Approved)
    {
        filed.status = MemberStatus::Filed;
        put_member(overlay, filed);
    }
}

/// The start of a block: what is due takes effect or expires, in order of numbers, each on the state left by the one before.
pub(crate) fn sweep(overlay: &mut Overlay<'_>, block: &Block, events: &mut Vec<BlockEvent>) {
    let (at, time) = (block.context.height, block.context.time);
    for item in governance(overlay).agenda {
        let id = item.proposal;
        let is_expired = item.effect.is_none() && item.expires_at <= time;
        if !is_expired && !is_due(&item, at, time) {
            continue;
        }
        // One before it may have closed it.
        if !governance(overlay).agenda.iter().any(|open| open.proposal == id) {
            continue;
        }
        let mut record = proposal(overlay, id).expect("what is on the agenda is in the state");
        close(overlay, id);
        overlay.keep();
        record.state = if is_expired {
            events.push(BlockEvent::ProposalExpired(id));
            ProposalState::Expired { at }
        } else {
            match changes::apply(overlay, block, &record) {
                Ok(bookings) => {
                    events.push(BlockEvent::ProposalExecuted(id));
                    let booked = |booking| BlockEvent::ProposalBooked { proposal: id, booking };
                    events.extend(bookings.into_iter().map(booked));
                    ProposalState::Executed { at }
                }
                Err(code) => {
                    overlay.undo();
                    unapprove(overlay, &record.proposal.change);
                    events.push(BlockEvent::ProposalRefused { proposal: id, code });
                    ProposalState::RefusedAtExecution { at, code }
                }
            }
        };
        put_proposal(overlay, id, record);
        overlay.keep();
    }
}

/// Marks the parent now and then, so that candidates can show by a block of the last minute that they are caught up.
pub(crate) fn mark(overlay: &mut Overlay<'_>, block: &Block) {
    let mut marks = block_marks(overlay);
    let time = block.context.time;
    let is_due = marks.last().is_none_or(|mark| time.0.saturating_sub(mark.time.0) >= MARK_INTERVAL_MS);
    if let Some(height) = block.context.height.0.checked_sub(1)
        && height > 0
        && is_due
    {
        marks.retain(|mark| mark.is_recent(time));
        marks.push(BlockMark { height: Height(height), block: block.context.parent, time });
        overlay.put(StateKey::BlockMarks, Some(StateValue::BlockMarks(marks)));
    }
}

impl BlockMark {
    pub fn is_recent(&self, now: Timestamp) -> bool {
        now.0.saturating_sub(self.time.0) <= MARK_AGE_MAX_MS
    }
}

const MARK_INTERVAL_MS: u64 = 5_000;
const MARK_AGE_MAX_MS: u64 = 60_000;

// ---- Reading and writing ----

pub fn governance(view: &dyn StateView) -> Governance {
    match view.get(&StateKey::Governance) {
        Some(StateValue::Governance(governance)) => governance,
        _ => panic!("a state without governance"),
    }
}

pub fn members(view: &dyn StateView) -> Vec<MemberId> {
    match view.get(&StateKey::MemberList) {
        Some(StateValue::MemberList(members)) => members,
        _ => panic!("a state without members"),
    }
}

pub fn proposal(view: &dyn StateView, id: ProposalId) -> Option<ProposalRecord> {
    match view.get(&StateKey::Proposal(id))? {
        StateValue::Proposal(record) => Some(record),
        other => panic!("not a proposal: {other:?}"),
    }
}

pub fn candidate(view: &dyn StateView, member: MemberId) -> Option<ValidatorRecord> {
    match view.get(&StateKey::Candidate(member))? {
        StateValue::Candidate(record) => Some(record),
        other => panic!("not a candidate: {other:?}"),
    }
}

pub fn filing(view: &dyn StateView, member: MemberId) -> Option<Filing> {
    match view.get(&StateKey::Filing(member))? {
        StateValue::Filing(filing) => Some(filing),
        other => panic!("not a filing: {other:?}"),
    }
}

pub fn block_marks(view: &dyn StateView) -> Vec<BlockMark> {
    match view.get(&StateKey::BlockMarks) {
        Some(StateValue::BlockMarks(marks)) => marks,
        _ => panic!("a state without block marks"),
    }
}

pub fn estate(view: &dyn StateView, member: MemberId) -> Option<Estate> {
    match view.get(&StateKey::Estate(member))? {
        StateValue::Estate(estate) => Some(estate),
        other => panic!("not an estate: {other:?}"),
    }
}

pub fn open_accounts(view: &dyn StateView, member: MemberId) -> u64 {
    match view.get(&StateKey::OpenAccounts(member)) {
        Some(StateValue::OpenAccounts(count)) => count,
        None => 0,
        Some(other) => panic!("not a number of accounts: {other:?}"),
    }
}

pub(crate) fn count_account(overlay: &mut Overlay<'_>, member: MemberId, is_opened: bool) {
    let before = open_accounts(overlay, member);
    let count = if is_opened { before + 1 } else { before.saturating_sub(1) };
    let value = (count > 0).then_some(StateValue::OpenAccounts(count));
    overlay.put(StateKey::OpenAccounts(member), value);
}

pub(crate) fn put_governance(overlay: &mut Overlay<'_>, governance: Governance) {
    overlay.put(StateKey::Governance, Some(StateValue::Governance(governance)));
}

pub(crate) fn put_member(overlay: &mut Overlay<'_>, member: Member) {
    overlay.put(StateKey::Member(member.id), Some(StateValue::Member(member)));
}

fn put_proposal(overlay: &mut Overlay<'_>, id: ProposalId, record: ProposalRecord) {
    overlay.put(StateKey::Proposal(id), Some(StateValue::Proposal(record)));
}

/// A member that was not in the list.
pub(crate) fn list_member(overlay: &mut Overlay<'_>, id: MemberId) {
    let mut members = members(overlay);
    if let Err(place) = members.binary_search(&id) {
        members.insert(place, id);
        overlay.put(StateKey::MemberList, Some(StateValue::MemberList(members)));
    }
}

pub(crate) fn unlist_member(overlay: &mut Overlay<'_>, id: MemberId) {
    let mut members = members(overlay);
    members.retain(|member| *member != id);
    overlay.put(StateKey::MemberList, Some(StateValue::MemberList(members)));
}
