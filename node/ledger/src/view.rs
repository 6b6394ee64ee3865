//! How the ledger reads the state that a block meets.

use crate::{
    due::DueKey,
    engine::Execution,
    ids::{IdKey, IdRecord},
    limits::{LimitKey, LimitRecord},
    state::{StateKey, StateValue},
};
use alloc::{collections::BTreeMap, vec::Vec};
use concordat_types::{
    Account, AccountId, Asset, AssetCode, BusinessDate, Member, MemberId, Parameters, PendingRef, Timestamp,
    ValidatorSet,
};

/// The committed state. It cannot fail: a store that fails to read ends the process.
pub trait StateView {
    fn get(&self, key: &StateKey) -> Option<StateValue>;

    /// The record of an id. The ledger asks only for ids inside the window, so that it does not matter when an
    /// implementor forgets older ones (`expired_ids_before`).
    fn id(&self, key: &IdKey) -> Option<IdRecord>;

    /// The first of what falls due at this time or earlier (`StateKey::Due`), in order of its keys, at most `max`.
    fn due(&self, until: Timestamp, max: usize) -> Vec<(DueKey, PendingRef)>;
}

/// The state in memory, for tests, simulation and tools.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MemoryState {
    pub state: BTreeMap<StateKey, StateValue>,
    pub ids: BTreeMap<IdKey, IdRecord>,
}

impl MemoryState {
    pub fn new(state: BTreeMap<StateKey, StateValue>) -> Self {
        MemoryState { state, ids: BTreeMap::new() }
    }

    pub fn apply(&mut self, execution: &Execution) {
        for (key, value) in &execution.changes {
            match value {
                Some(value) => self.state.insert(*key, value.clone()),
                None => self.state.remove(key),
            };
        }
        self.ids.extend(execution.ids.iter().cloned());
    }

    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.state.values().filter_map(|value| match value {
            StateValue::Account(account) => Some(account),
            _ => None,
        })
    }
}

impl StateView for MemoryState {
    fn get(&self, key: &StateKey) -> Option<StateValue> {
        self.state.get(key).cloned()
    }

    fn id(&self, key: &IdKey) -> Option<IdRecord> {
        self.ids.get(key).cloned()
    }

    fn due(&self, until: Timestamp, max: usize) -> Vec<(DueKey, PendingRef)> {
        let entries = self.state.range(StateKey::Due(DueKey([0; 24]))..);
        let due = entries.map_while(|entry| match entry {
            (StateKey::Due(key), StateValue::Due(pending)) if key.at() <= until => Some((*key, *pending)),
            _ => None,
        });
        due.take(max).collect()
    }
}

/// Panics where genesis was not written: every state has parameters.
pub fn parameters(view: &dyn StateView) -> Parameters {
    match view.get(&StateKey::Parameters) {
        Some(StateValue::Parameters(parameters)) => parameters,
        _ => panic!("a state without parameters"),
    }
}

/// The set that decides the height after the state's: of state h, the validators of h + 1.
pub fn next_validators(view: &dyn StateView) -> ValidatorSet {
    validators(view, StateKey::ValidatorsNext)
}

/// Of state h, the validators of h + 2.
pub fn validators_after_next(view: &dyn StateView) -> ValidatorSet {
    validators(view, StateKey::ValidatorsAfterNext)
}

fn validators(view: &dyn StateView, key: StateKey) -> ValidatorSet {
    match view.get(&key) {
        Some(StateValue::Validators(set)) => set,
        _ => panic!("a state without validators"),
    }
}

/// Panics where genesis was not written.
pub fn business_date(view: &dyn StateView) -> BusinessDate {
    match view.get(&StateKey::BusinessDate) {
        Some(StateValue::BusinessDate(date)) => date,
        _ => panic!("a state without business date"),
    }
}

pub fn limits(view: &dyn StateView, key: LimitKey) -> Option<LimitRecord> {
    match view.get(&StateKey::Limits(key))? {
        StateValue::Limits(record) => Some(record),
        other => panic!("not limits: {other:?}"),
    }
}

pub fn member(view: &dyn StateView, id: MemberId) -> Option<Member> {
    match view.get(&StateKey::Member(id))? {
        StateValue::Member(member) => Some(member),
        other => panic!("not a member: {other:?}"),
    }
}

pub fn asset(view: &dyn StateView, code: AssetCode) -> Option<Asset> {
    match view.get(&StateKey::Asset(code))? {
        StateValue::Asset(asset) => Some(asset),
        other => panic!("not an asset: {other:?}"),
    }
}

pub fn account(view: &dyn StateView, id: AccountId) -> Option<Account> {
    match view.get(&StateKey::Account(id))? {
        StateValue::Account(account) => Some(account),
        other => panic!("not an account: {other:?}"),
    }
}
