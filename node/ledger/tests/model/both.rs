//! The ledger and the model side by side: the same blocks, and what must be equal after each.

use crate::{
    reference::{
        Account, CountedScope, Model, OperationOutcome, Pending, PendingKind, PendingState, Sides, TransactionOutcome,
        Wide,
    },
    scene::{checked, genesis},
};
use concordat_ledger::{
    BlockContext, BlockEvent, Booking, Execution, HoldRecord, InvalidBlock, LimitKey, LimitRecord, MemoryState,
    OfferRecord, OperationResult, StateKey, StateValue, TransactionResult, bookings, conservation_in_full, execute,
    genesis_state, result_leaves, results_root,
};
use concordat_types::{
    AccountId, CheckedTransaction, Height, Leg, LimitScope, MemberId, MemberStatus, PendingRef, Timestamp, Transaction,
    Verified,
    money::{self, AccountFlags},
};
use std::{fmt::Debug, sync::Arc};

#[derive(Clone)]
pub struct Both {
    pub ledger: MemoryState,
    pub model: Model,
    height: Height,
    block: Block,
}

/// The block that is being made: the model has executed it already.
#[derive(Clone, Default)]
struct Block {
    expired: Vec<PendingRef>,
    /// Bookings before it.
    booked_before: usize,
    transactions: Vec<Arc<Verified<CheckedTransaction>>>,
    outcomes: Vec<TransactionOutcome>,
}

/// Where they differ.
pub type Difference = String;

impl Both {
    pub fn new() -> Both {
        let genesis = genesis();
        let ledger = MemoryState::new(genesis_state(&genesis));
        Both { ledger, model: Model::new(&genesis), height: Height(0), block: Block::default() }
    }

    pub fn start_block(&mut self, time: Timestamp) {
        let expired = self.model.start_block(time);
        self.block = Block { expired, booked_before: self.model.world.bookings.len(), ..Block::default() };
        self.height = self.height.next();
    }

    /// Between blocks: what governance will do.
    pub fn set_status(&mut self, id: MemberId, status: MemberStatus) {
        self.model.world.members.get_mut(&id).expect("a member").status = status;
        match self.ledger.state.get_mut(&StateKey::Member(id)) {
            Some(StateValue::Member(member)) => member.status = status,
            _ => panic!("no member {id}"),
        }
    }

    fn context(&self) -> BlockContext {
        BlockContext { height: self.height, time: self.model.time, ..BlockContext::default() }
    }

    /// None if no block may hold it, which the ledger has confirmed.
    pub fn submit(&mut self, transaction: &Transaction) -> Result<Option<&TransactionOutcome>, Difference> {
        let transaction_checked = checked(transaction);
        if let Err(reason) = self.model.check_inclusion(transaction) {
            let mut block = self.block.transactions.clone();
            block.push(transaction_checked);
            let context = self.context();
            let ledger = execute(&self.ledger, &context, &block).map(|_| ());
            let expected = Err(invalid_block(reason, transaction, block.len() - 1, self.model.time));
            return equal("validity of a block", &ledger, &expected).map(|()| None);
        }
        self.block.outcomes.push(self.model.execute(transaction));
        self.block.transactions.push(transaction_checked);
        Ok(self.block.outcomes.last())
    }

    /// The ledger executes the block; everything is compared.
    pub fn end_block(&mut self) -> Result<(), Difference> {
        let Block { expired, booked_before, transactions, outcomes } = std::mem::take(&mut self.block);
        let context = self.context();
        let execution = execute(&self.ledger, &context, &transactions).map_err(|error| format!("{error}"))?;
        self.compare_events(&execution, &expired)?;
        equal("number of results", &execution.results.len(), &outcomes.len())?;
        for ((result, outcome), checked) in execution.results.iter().zip(&outcomes).zip(&transactions) {
            let what = || format!("results of {:#?}", checked.transaction);
            equal_with(what, &result.repeat, &outcome.repeat)?;
            let operations: Vec<_> = result.operations.iter().map(outcome_of).collect();
            equal_with(what, &operations, &outcome.operations)?;
        }
        let booked: Vec<Leg> = transactions.iter().zip(&execution.results).flat_map(booked).collect();
        equal("bookings as statements tell them", &booked, &self.model.world.bookings[booked_before..].to_vec())?;
        let checked = transactions.iter().map(|checked| &***checked);
        let leaves = result_leaves(checked, &execution.results, &execution.events);
        equal("results root", &results_root(&leaves), &execution.results_root)?;
        self.ledger.apply(&execution);
        self.compare_state()
    }

    fn compare_events(&self, execution: &Execution, expired: &[PendingRef]) -> Result<(), Difference> {
        let names = execution.events.iter().map(|event| match event {
            BlockEvent::HoldExpired(name) => (*name, true),
            BlockEvent::OfferExpired(name) => (*name, false),
            other => panic!("an event of governance, which this model does not have: {other:?}"),
        });
        let is_hold = |name: &PendingRef| self.model.world.pending[name].kind != PendingKind::Offer;
        let expected = expired.iter().map(|name| (*name, is_hold(name)));
        equal("expiries", &names.collect::<Vec<_>>(), &expected.collect::<Vec<_>>())
    }

    fn compare_state(&self) -> Result<(), Difference> {
        conservation_in_full(self.ledger.accounts()).map_err(|error| error.to_string())?;
        let world = &self.model.world;
        let totals = world.totals();
        let mut found = Found::default();
        for (key, value) in &self.ledger.state {
            match (key, value) {
                (StateKey::Account(id), StateValue::Account(account)) => {
                    found.accounts += 1;
                    self.compare_account(*id, account, totals.get(id).copied().unwrap_or_default())?;
                }
                (StateKey::Asset(code), StateValue::Asset(asset)) => {
                    found.assets += 1;
                    equal("asset", &Some(asset), &world.assets.get(code))?;
                }
                (StateKey::Member(id), StateValue::Member(member)) => {
                    equal("member", &Some(member), &world.members.get(id))?;
                }
                (StateKey::BusinessDate, StateValue::BusinessDate(date)) => equal("date", date, &world.date)?,
                (StateKey::Pending(name), StateValue::Hold(hold)) => {
                    found.pending += 1;
                    equal_with(|| format!("{name:?}"), &seen_hold(hold), &self.seen_pending(name))?;
                }
                (StateKey::Pending(name), StateValue::Offer(offer)) => {
                    found.pending += 1;
                    equal_with(|| format!("{name:?}"), &seen_offer(offer), &self.seen_pending(name))?;
                }
                (StateKey::Due(key), StateValue::Due(name)) => {
                    found.due += 1;
                    let due = world.pending.get(name).map(|pending| self.model.due_at(pending));
                    equal_with(|| format!("when {name:?} is due"), &Some(key.at()), &due)?;
                }
                (StateKey::Limits(key), StateValue::Limits(record)) => {
                    found.limits += usize::from(!record.limits.is_none());
                    self.compare_limits(key, record)?;
                }
                _ => {}
            }
        }
        let expected = Found {
            accounts: world.accounts.len(),
            assets: world.assets.len(),
            pending: world.pending.len(),
            due: world.pending.len(),
            limits: world.limits.len(),
        };
        equal("number of accounts, assets, pending, due, limits", &found, &expected)
    }

    fn compare_account(&self, id: AccountId, account: &money::Account, totals: [Wide; 4]) -> Result<(), Difference> {
        let world = &self.model.world;
        let Some(expected) = world.accounts.get(&id) else {
            return Err(format!("the model has no account {}", account.path()));
        };
        let what = |what: &str| format!("{what} of {}", account.path());
        let counters = [account.debits_posted, account.credits_posted, account.debits_pending, account.credits_pending];
        equal_with(|| what("counters"), &counters.map(Wide::from), &totals)?;
        equal_with(|| what("flags"), &account.flags, &flags_of(expected, world.is_counted(CountedScope::Account(id))))?;
        equal_with(|| what("children"), &account.children, &world.children(id))?;
        let rest = (account.owner, account.asset, account.name, account.parent, account.customer, account.tier);
        let Account { owner, asset, name, parent, customer, tier, .. } = *expected;
        equal_with(|| what("other fields"), &rest, &(owner, asset, name, parent, customer, tier))
    }

    fn seen_pending(&self, name: &PendingRef) -> Option<SeenPending> {
        self.model.world.pending.get(name).map(|Pending { kind, legs, until, state }| SeenPending {
            kind: *kind,
            legs: legs.iter().map(|leg| (leg.leg, *state == PendingState::Open && leg.reserved.is_some())).collect(),
            until: *until,
            state: state_of(*state),
        })
    }

    fn compare_limits(&self, key: &LimitKey, record: &LimitRecord) -> Result<(), Difference> {
        let world = &self.model.world;
        let (set_by, counted) = match *key {
            LimitKey::Account(id) => {
                ((world.accounts[&id].owner, LimitScope::Account(id)), Some(CountedScope::Account(id)))
            }
            LimitKey::Tier { member, asset, tier } => ((member, LimitScope::Tier { asset, tier }), None),
            LimitKey::Member { member, asset } => {
                ((member, LimitScope::Member { asset }), Some(CountedScope::Member(member, asset)))
            }
            LimitKey::Bilateral { member, asset, counterparty } => (
                (member, LimitScope::Bilateral { asset, counterparty }),
                Some(CountedScope::Pair(member, counterparty, asset)),
            ),
            LimitKey::Common { .. } => panic!("limits by vote, which this model does not have"),
        };
        let limits = world.limits.get(&set_by).copied().unwrap_or_default();
        equal_with(|| format!("limits {key:?}"), &record.limits, &limits)?;
        let Some(counted) = counted.filter(|counted| world.is_counted(*counted)) else { return Ok(()) };
        let usage = record.usage.on(world.date);
        let expected = world.usage(counted);
        let usage = [usage.debits, usage.credits].map(Wide::from);
        equal_with(|| format!("usage of {key:?}"), &usage, &[expected.out, expected.into])
    }
}

#[derive(PartialEq, Eq, Debug, Default)]
struct Found {
    accounts: usize,
    assets: usize,
    pending: usize,
    due: usize,
    limits: usize,
}

/// A hold or an offer as it can be seen in the state.
#[derive(PartialEq, Eq, Debug)]
struct SeenPending {
    kind: PendingKind,
    /// Each with: is it reserved?
    legs: Vec<(Leg, bool)>,
    until: Timestamp,
    state: concordat_ledger::PendingState,
}

/// When it ended is seen by when it is due to be forgotten.
fn state_of(state: PendingState) -> concordat_ledger::PendingState {
    match state {
        PendingState::Open => concordat_ledger::PendingState::Open,
        PendingState::Done(_) => concordat_ledger::PendingState::Posted,
        PendingState::GivenUp(_) => concordat_ledger::PendingState::Voided,
        PendingState::Expired(_) => concordat_ledger::PendingState::Expired,
    }
}

fn seen_hold(hold: &HoldRecord) -> Option<SeenPending> {
    let HoldRecord { debit_account, credit_account, amount, expires_at, posted_by, state, .. } = *hold;
    let leg = Leg { debit_account, credit_account, amount };
    let is_reserved = state == concordat_ledger::PendingState::Open;
    Some(SeenPending { kind: PendingKind::Hold(posted_by), legs: vec![(leg, is_reserved)], until: expires_at, state })
}

fn seen_offer(offer: &OfferRecord) -> Option<SeenPending> {
    let is_open = offer.state == concordat_ledger::PendingState::Open;
    let legs = offer.legs.iter().map(|leg| (leg.leg, is_open && leg.reserved.is_some())).collect();
    Some(SeenPending { kind: PendingKind::Offer, legs, until: offer.deadline, state: offer.state })
}

fn booked((checked, result): (&Arc<Verified<CheckedTransaction>>, &TransactionResult)) -> Vec<Leg> {
    bookings(&checked.transaction, result).into_iter().map(|item| leg_of(item.booking)).collect()
}

fn leg_of(booking: Booking) -> Leg {
    let Booking { debit_account, credit_account, amount } = booking;
    Leg { debit_account, credit_account, amount }
}

fn outcome_of(result: &OperationResult) -> OperationOutcome {
    let OperationResult { code, transfers, repeats, bookings } = result.clone();
    OperationOutcome { code, transfers, repeats, bookings: bookings.into_iter().map(leg_of).collect() }
}

fn flags_of(account: &Account, is_counted: bool) -> AccountFlags {
    let Account { is_issuance, is_closed, frozen_by_owner, frozen_by_issuer, .. } = account;
    let Sides { debits, credits } = *frozen_by_issuer;
    [
        (*is_issuance, AccountFlags::ISSUANCE),
        (*is_closed, AccountFlags::CLOSED),
        (frozen_by_owner.debits, AccountFlags::DEBIT_FROZEN),
        (frozen_by_owner.credits, AccountFlags::CREDIT_FROZEN),
        (debits, AccountFlags::DEBIT_FROZEN_BY_ISSUER),
        (credits, AccountFlags::CREDIT_FROZEN_BY_ISSUER),
        (is_counted, AccountFlags::LIMITED),
    ]
    .into_iter()
    .fold(AccountFlags::default(), |flags, (on, flag)| flags.with(flag, on))
}

fn equal<T: PartialEq + Debug>(what: &str, ledger: &T, model: &T) -> Result<(), Difference> {
    equal_with(|| what.to_string(), ledger, model)
}

fn equal_with<T: PartialEq + Debug>(what: impl Fn() -> String, ledger: &T, model: &T) -> Result<(), Difference> {
    if ledger == model {
        return Ok(());
    }
    Err(format!("{}\nledger: {ledger:#?}\nmodel:  {model:#?}", what()))
}

fn invalid_block(
    reason: crate::reference::InvalidReason,
    transaction: &Transaction,
    tx_index: usize,
    time: Timestamp,
) -> InvalidBlock {
    use crate::reference::InvalidReason;
    let (tx_index, valid_until) = (tx_index as u32, transaction.valid_until);
    match reason {
        InvalidReason::Expired => InvalidBlock::Expired { tx_index, valid_until, time },
        InvalidReason::ValidUntilTooFar => InvalidBlock::ValidUntilTooFar { tx_index, valid_until, time },
        InvalidReason::NotSignedBySubmitter => InvalidBlock::NotSignedBySubmitter { tx_index },
    }
}
