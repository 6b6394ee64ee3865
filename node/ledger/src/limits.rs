//! Limits of accounts, customer tiers, members and pairs of members, and what has been used of them on a business date.
//!
//! Most payments meet none: they look at two flags and two remembered answers.

use crate::{
    overlay::{AccountSlot, Legs, LimitSlot, Overlay},
    pending::Reserved,
    state::{StateKey, StateValue},
};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use concordat_types::{
    AccountId, Amount, AssetCode, BusinessDate, Hash, Height, LimitScope, Limits, MemberId, ResultCode, Tag, Tier,
    money::AccountFlags,
};

/// A scope with the member that it belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum LimitKey {
    Account(AccountId) = 0,
    Tier {
        member: MemberId,
        asset: AssetCode,
        tier: Tier,
    } = 1,
    Member {
        member: MemberId,
        asset: AssetCode,
    } = 2,
    Bilateral {
        member: MemberId,
        asset: AssetCode,
        counterparty: MemberId,
    } = 3,
    /// Of a member, set by vote: it cannot lift them itself.
    Common {
        member: MemberId,
        asset: AssetCode,
    } = 4,
}

impl LimitKey {
    pub fn new(member: MemberId, scope: LimitScope) -> LimitKey {
        match scope {
            LimitScope::Account(account) => LimitKey::Account(account),
            LimitScope::Tier { asset, tier } => LimitKey::Tier { member, asset, tier },
            LimitScope::Member { asset } => LimitKey::Member { member, asset },
            LimitScope::Bilateral { asset, counterparty } => LimitKey::Bilateral { member, asset, counterparty },
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct LimitRecord {
    pub limits: Limits,
    /// Not used in the scope of a tier: each account of it has its own.
    pub usage: Usage,
    /// When it began to count: what was reserved before is not given back.
    pub since: Moment,
    /// In the scope of a member: how many pairs of it have limits, and one if limits were set by vote, so that nobody looks
    /// for them where there are none.
    pub pairs: u32,
    /// As in `Account`.
    pub blinding: [u8; 16],
}

/// A place in the chain: greater is later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
pub struct Moment {
    pub height: Height,
    pub tx_index: u32,
    pub operation: u16,
}

/// When a record is made, and what blinds it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Origin {
    pub at: Moment,
    pub seed: Hash,
}

impl Origin {
    /// First 16 bytes of SHA-256(Tag::BLINDING, seed, canonical key).
    pub(crate) fn blinding(&self, key: &StateKey) -> [u8; 16] {
        let Hash(digest) = Tag::BLINDING.hash(&[&self.seed.0, &key.to_bytes()]);
        let mut blinding = [0; 16];
        blinding.copy_from_slice(&digest[..16]);
        blinding
    }
}

/// What was paid out of and into a scope on a business date.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Usage {
    pub date: BusinessDate,
    pub debits: Amount,
    pub credits: Amount,
}

impl Usage {
    /// Of another date nothing has been used.
    pub fn on(self, date: BusinessDate) -> Usage {
        if self.date == date { self } else { Usage { date, debits: 0, credits: 0 } }
    }

    /// Debits less credits after one more debit, at least 0. None: more than 2^128 - 1.
    fn net_debit_after(self, amount: Amount) -> Option<Amount> {
        match self.debits.checked_sub(self.credits) {
            Some(net) => net.checked_add(amount),
            None => Some(amount.saturating_sub(self.credits - self.debits)),
        }
    }
}

/// What a payment comes to, as limits see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flow {
    /// Booked at once: out of one account, into the other.
    Paid,
    /// Out; not yet in. Else two members could lift a net debit cap: one promises, the other pays, the promise is given up.
    Reserved,
    /// What was reserved is booked: in.
    Posted,
    /// What was reserved then is not out after all.
    Released(Reserved),
}

/// 91: would the payment pass a limit?
pub(crate) fn check(overlay: &mut Overlay<'_>, legs: Legs, amount: Amount) -> Result<(), ResultCode> {
    if !is_limited(overlay, legs) {
        return Ok(());
    }
    let date = overlay.business_date();
    let exceeded = Err(ResultCode::LimitExceeded);
    for Scope { limits, usage } in scopes(overlay, legs.debit, legs.credit) {
        let used = usage.map_or(Usage::default(), |slot| overlay.limits(slot).usage).on(date);
        let is_more = |sum: Option<Amount>, max: Amount| sum.is_none_or(|sum| sum > max);
        if limits.transfer_max.is_some_and(|max| amount > max)
            || limits.day_max.is_some_and(|max| is_more(used.debits.checked_add(amount), max))
            || limits.net_debit_max.is_some_and(|max| is_more(used.net_debit_after(amount), max))
        {
            return exceeded;
        }
    }
    let balance_max =
        account_scopes(overlay, legs.credit).into_iter().filter_map(|scope| scope.limits.balance_max).min();
    match balance_max {
        Some(max) if balance_after(overlay, legs.credit, amount) > max => exceeded,
        _ => Ok(()),
    }
}

/// What the account would hold if all that is promised to it came: never less than zero but for an issuance account.
fn balance_after(overlay: &Overlay<'_>, credit: AccountSlot, amount: Amount) -> Amount {
    let account = &overlay.account(credit).account;
    let credits = account.credits_posted.saturating_add(account.credits_pending).saturating_add(amount);
    credits.saturating_sub(account.debits_posted)
}

/// The lowest amount from which on a second key is needed for a payment.
pub(crate) fn second_key_above(overlay: &mut Overlay<'_>, legs: Legs) -> Option<Amount> {
    if !is_limited(overlay, legs) {
        return None;
    }
    let scopes = scopes(overlay, legs.debit, legs.credit);
    scopes.into_iter().filter_map(|scope| scope.limits.second_key_above).min()
}

/// Counts a payment in the scopes that it leaves and enters.
pub(crate) fn count(overlay: &mut Overlay<'_>, legs: Legs, amount: Amount, flow: Flow) {
    if !is_limited(overlay, legs) {
        return;
    }
    let today = overlay.business_date();
    if flow != Flow::Posted {
        change_usage(overlay, legs.debit, legs.credit, |record| {
            let usage = record.usage.on(today);
            let debits = match flow {
                // Given back is only what was counted, and counted today.
                Flow::Released(Reserved { date, at }) if date != today || at < record.since => return,
                Flow::Released(_) => usage.debits.saturating_sub(amount),
                _ => usage.debits.saturating_add(amount),
            };
            record.usage = Usage { debits, ..usage };
        });
    }
    if matches!(flow, Flow::Paid | Flow::Posted) {
        change_usage(overlay, legs.credit, legs.debit, |record| {
            let usage = record.usage.on(today);
            record.usage = Usage { credits: usage.credits.saturating_add(amount), ..usage };
        });
    }
}

fn change_usage(
    overlay: &mut Overlay<'_>,
    account: AccountSlot,
    other: AccountSlot,
    change: impl Fn(&mut LimitRecord),
) {
    let mut slots: Vec<LimitSlot> =
        scopes(overlay, account, other).into_iter().filter_map(|scope| scope.usage).collect();
    // An account's own limits and its tier's share one usage.
    slots.dedup();
    for slot in slots {
        let mut record = overlay.limits(slot).clone();
        change(&mut record);
        let key = overlay.limit_key(slot);
        overlay.put(StateKey::Limits(key), Some(StateValue::Limits(record)));
    }
}

/// Replaces the limits of a scope. What has been used stays.
pub(crate) fn replace(overlay: &mut Overlay<'_>, key: LimitKey, limits: Limits, origin: &Origin) {
    let existed = overlay.find_limits(key).is_some();
    write(overlay, key, limits, origin);
    match key {
        LimitKey::Account(id) => match_flag(overlay, id, origin),
        LimitKey::Bilateral { member, asset, .. } | LimitKey::Common { member, asset } => {
            let exists = overlay.find_limits(key).is_some();
            count_pairs(overlay, LimitKey::Member { member, asset }, exists, existed, origin);
        }
        LimitKey::Tier { .. } | LimitKey::Member { .. } => {}
    }
}

/// An account that has just got a tier: from here on its payments are counted.
pub(crate) fn start_usage(overlay: &mut Overlay<'_>, id: AccountId, origin: &Origin) {
    let key = LimitKey::Account(id);
    let record = new_record(origin, key);
    overlay.put(StateKey::Limits(key), Some(StateValue::Limits(record)));
}

/// Whether an account is counted follows from its tier and its own limits: makes flag and record say so.
pub(crate) fn match_flag(overlay: &mut Overlay<'_>, id: AccountId, origin: &Origin) {
    let slot = overlay.find_account(id).expect("the caller has found it");
    let mut account = overlay.account(slot).account.clone();
    let key = LimitKey::Account(id);
    let own = overlay.find_limits(key).map(|slot| overlay.limits(slot).limits);
    let is_limited = account.tier.is_some() || own.is_some_and(|limits| !limits.is_none());
    match (is_limited, own) {
        (true, None) => start_usage(overlay, id, origin),
        (false, Some(_)) => overlay.put(StateKey::Limits(key), None),
        _ => {}
    }
    account.flags = account.flags.with(AccountFlags::LIMITED, is_limited);
    overlay.put(StateKey::Account(id), Some(StateValue::Account(account)));
}

fn write(overlay: &mut Overlay<'_>, key: LimitKey, limits: Limits, origin: &Origin) {
    let before = overlay.find_limits(key).map(|slot| overlay.limits(slot).clone());
    let record = match before {
        Some(before) => LimitRecord { limits, ..before },
        None => LimitRecord { limits, ..new_record(origin, key) },
    };
    // An account's record goes with its flag, a member's stays while there are pairs.
    let is_needed = matches!(key, LimitKey::Account(_)) || record.pairs > 0 || !limits.is_none();
    overlay.put(StateKey::Limits(key), is_needed.then_some(StateValue::Limits(record)));
}

/// A pair's limits have come or gone: the member's record counts them.
fn count_pairs(overlay: &mut Overlay<'_>, member: LimitKey, exists: bool, existed: bool, origin: &Origin) {
    let before = overlay.find_limits(member).map(|slot| overlay.limits(slot).clone());
    let mut record = before.unwrap_or_else(|| new_record(origin, member));
    record.pairs = record.pairs + u32::from(exists) - u32::from(existed);
    let is_needed = record.pairs > 0 || !record.limits.is_none();
    overlay.put(StateKey::Limits(member), is_needed.then_some(StateValue::Limits(record)));
}

fn new_record(origin: &Origin, key: LimitKey) -> LimitRecord {
    LimitRecord {
        limits: Limits::default(),
        usage: Usage::default(),
        since: origin.at,
        pairs: 0,
        blinding: origin.blinding(&StateKey::Limits(key)),
    }
}

/// Limits that hold, and where their usage is counted.
struct Scope {
    limits: Limits,
    usage: Option<LimitSlot>,
}

fn is_limited(overlay: &mut Overlay<'_>, legs: Legs) -> bool {
    let (debit, credit) = (overlay.account(legs.debit), overlay.account(legs.credit));
    let (payer, payee, asset) = (debit.owner, credit.owner, debit.asset);
    let has_limits = |flags: AccountFlags| flags.contains(AccountFlags::LIMITED);
    if has_limits(debit.account.flags) || has_limits(credit.account.flags) {
        return true;
    }
    payer != payee
        && (overlay.find_member_limits(payer, asset).is_some() || overlay.find_member_limits(payee, asset).is_some())
}

/// All that hold for payments between an account and another, seen from the first.
fn scopes(overlay: &mut Overlay<'_>, account: AccountSlot, other: AccountSlot) -> Vec<Scope> {
    let mut found = account_scopes(overlay, account);
    let (open, other) = (overlay.account(account), overlay.account(other));
    let (owner, other, asset) = (open.owner, other.owner, open.asset);
    if owner == other {
        return found;
    }
    let Some(slot) = overlay.find_member_limits(owner, asset) else { return found };
    let record = overlay.limits(slot);
    let pairs = record.pairs;
    found.push(Scope { limits: record.limits, usage: Some(slot) });
    if pairs > 0 {
        let (member, counterparty) = (overlay.member(owner).id, overlay.member(other).id);
        let asset = overlay.asset(asset).code;
        if let Some(slot) = overlay.find_limits(LimitKey::Common { member, asset }) {
            found.push(Scope { limits: overlay.limits(slot).limits, usage: Some(slot) });
        }
        if let Some(slot) = overlay.find_limits(LimitKey::Bilateral { member, asset, counterparty }) {
            found.push(Scope { limits: overlay.limits(slot).limits, usage: Some(slot) });
        }
    }
    found
}

/// An account's own limits and those of its tier.
fn account_scopes(overlay: &mut Overlay<'_>, slot: AccountSlot) -> Vec<Scope> {
    let account = &overlay.account(slot).account;
    let (member, asset, tier, flags) = (account.owner, account.asset, account.tier, account.flags);
    if !flags.contains(AccountFlags::LIMITED) {
        return Vec::new();
    }
    let key = LimitKey::Account(overlay.account_id(slot));
    let own = overlay.find_limits(key).expect("a limited account has a record of its usage");
    let mut found = alloc::vec![Scope { limits: overlay.limits(own).limits, usage: Some(own) }];
    if let Some(tier) = tier
        && let Some(slot) = overlay.find_limits(LimitKey::Tier { member, asset, tier })
    {
        found.push(Scope { limits: overlay.limits(slot).limits, usage: Some(own) });
    }
    found
}
