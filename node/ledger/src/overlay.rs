//! The state as a block changes it: what was read, decoded once, and what was written, on top of the committed state.
//!
//! Accounts know their owner and asset by place in a table, so that a payment looks up two accounts and nothing else.

use crate::{
    conservation::Sums,
    due::DueKey,
    ids::{IdKey, IdRecord},
    limits::{LimitKey, LimitRecord},
    pending::Pending,
    state::{StateKey, StateValue},
    view::{self, StateView},
};
use alloc::{boxed::Box, collections::BTreeMap, vec::Vec};
use concordat_types::{
    Account, AccountId, Amount, Asset, AssetCode, BusinessDate, Member, MemberId, PendingRef, Timestamp,
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct AccountSlot(u32);
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct MemberSlot(pub u32);
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct AssetSlot(u32);
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct LimitSlot(u32);

/// The two accounts of a leg, found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Legs {
    pub debit: AccountSlot,
    pub credit: AccountSlot,
}

pub(crate) struct Overlay<'v> {
    view: &'v dyn StateView,
    members: Table<MemberId, Member>,
    assets: Table<AssetCode, Asset>,
    accounts: Table<AccountId, OpenAccount>,
    limits: Table<LimitKey, LimitRecord>,
    /// Where a member's limits in an asset stand, asked for with each payment.
    member_limits: BTreeMap<(MemberSlot, AssetSlot), u32>,
    others: BTreeMap<StateKey, Entry<StateValue>>,
    /// New ids in order of execution, and where they stand.
    ids: Vec<(IdKey, IdRecord)>,
    known: BTreeMap<IdKey, u32>,
    /// What the transaction has done so far, to be undone backwards.
    journal: Vec<Undo>,
}

/// An account with its owner and asset found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct OpenAccount {
    pub account: Account,
    pub owner: MemberSlot,
    pub asset: AssetSlot,
}

#[derive(Debug)]
enum Undo {
    Posted { legs: Legs, amount: Amount },
    Reserved { legs: Legs, amount: Amount },
    Released { legs: Legs, amount: Amount },
    Put { key: StateKey, before: Box<Option<StateValue>> },
}

impl PartialEq<Account> for OpenAccount {
    fn eq(&self, other: &Account) -> bool {
        self.account == *other
    }
}

impl StateView for Overlay<'_> {
    fn get(&self, key: &StateKey) -> Option<StateValue> {
        match self.cached(key) {
            Some(value) => value,
            None => self.view.get(key),
        }
    }

    fn id(&self, key: &IdKey) -> Option<IdRecord> {
        match self.known.get(key) {
            Some(place) => Some(self.ids[*place as usize].1.clone()),
            None => self.view.id(key),
        }
    }

    /// As the block found it: what falls due is worked off before anything is changed.
    fn due(&self, until: Timestamp, max: usize) -> Vec<(DueKey, PendingRef)> {
        self.view.due(until, max)
    }
}

impl<'v> Overlay<'v> {
    pub(crate) fn new(view: &'v dyn StateView) -> Self {
        Overlay {
            view,
            members: Table::default(),
            assets: Table::default(),
            accounts: Table::default(),
            limits: Table::default(),
            member_limits: BTreeMap::new(),
            others: BTreeMap::new(),
            ids: Vec::new(),
            known: BTreeMap::new(),
            journal: Vec::new(),
        }
    }

    // ---- Reading ----

    pub(crate) fn find_member(&mut self, id: MemberId) -> Option<MemberSlot> {
        let view = self.view;
        self.members.find(id, || view::member(view, id)).map(MemberSlot)
    }

    pub(crate) fn member(&self, slot: MemberSlot) -> &Member {
        self.members.at(slot.0)
    }

    pub(crate) fn find_asset(&mut self, code: AssetCode) -> Option<AssetSlot> {
        let view = self.view;
        self.assets.find(code, || view::asset(view, code)).map(AssetSlot)
    }

    pub(crate) fn asset(&self, slot: AssetSlot) -> &Asset {
        self.assets.at(slot.0)
    }

    pub(crate) fn find_account(&mut self, id: AccountId) -> Option<AccountSlot> {
        if let Some(place) = self.accounts.places.get(&id) {
            return self.accounts.entries[*place as usize].1.now.is_some().then_some(AccountSlot(*place));
        }
        let account = view::account(self.view, id).map(|account| self.resolve(account));
        self.accounts.find(id, || account).map(AccountSlot)
    }

    pub(crate) fn account(&self, slot: AccountSlot) -> &OpenAccount {
        self.accounts.at(slot.0)
    }

    pub(crate) fn account_id(&self, slot: AccountSlot) -> AccountId {
        self.accounts.key(slot.0)
    }

    pub(crate) fn find_limits(&mut self, key: LimitKey) -> Option<LimitSlot> {
        let view = self.view;
        self.limits.find(key, || view::limits(view, key)).map(LimitSlot)
    }

    pub(crate) fn find_member_limits(&mut self, owner: MemberSlot, asset: AssetSlot) -> Option<LimitSlot> {
        if let Some(place) = self.member_limits.get(&(owner, asset)) {
            return self.limits.exists(*place).then_some(LimitSlot(*place));
        }
        let key = LimitKey::Member { member: self.member(owner).id, asset: self.asset(asset).code };
        let view = self.view;
        let place = self.limits.load(key, || view::limits(view, key));
        self.member_limits.insert((owner, asset), place);
        self.limits.exists(place).then_some(LimitSlot(place))
    }

    pub(crate) fn limits(&self, slot: LimitSlot) -> &LimitRecord {
        self.limits.at(slot.0)
    }

    pub(crate) fn limit_key(&self, slot: LimitSlot) -> LimitKey {
        self.limits.key(slot.0)
    }

    pub(crate) fn pending(&self, name: PendingRef) -> Option<Pending> {
        match self.get(&StateKey::Pending(name))? {
            StateValue::Hold(hold) => Some(Pending::Hold(hold)),
            StateValue::Offer(offer) => Some(Pending::Offer(offer)),
            other => panic!("not a pending: {other:?}"),
        }
    }

    /// What of the state before the block has come to its time.
    pub(crate) fn due_before_block(&self, until: Timestamp, max: usize) -> Vec<(DueKey, PendingRef)> {
        self.view.due(until, max)
    }

    pub(crate) fn business_date(&self) -> BusinessDate {
        view::business_date(self)
    }

    fn resolve(&mut self, account: Account) -> OpenAccount {
        let owner = self.find_member(account.owner).expect("an account's owner is a member");
        let asset = self.find_asset(account.asset).expect("an account's asset exists");
        OpenAccount { account, owner, asset }
    }

    /// A copy of any value; the typed look-ups above are for those that are read often.
    pub(crate) fn value(&self, key: &StateKey) -> Option<StateValue> {
        self.get(key)
    }

    fn cached(&self, key: &StateKey) -> Option<Option<StateValue>> {
        match key {
            StateKey::Member(id) => Some(self.members.get(id)?.map(|member| StateValue::Member(member.clone()))),
            StateKey::Asset(code) => Some(self.assets.get(code)?.map(|asset| StateValue::Asset(asset.clone()))),
            StateKey::Account(id) => Some(self.accounts.get(id)?.map(|open| StateValue::Account(open.account.clone()))),
            StateKey::Limits(key) => Some(self.limits.get(key)?.map(|record| StateValue::Limits(record.clone()))),
            _ => Some(self.others.get(key)?.now.clone()),
        }
    }

    // ---- Writing ----

    /// Books an amount in full. The caller has checked that neither counter overflows.
    pub(crate) fn post(&mut self, legs: Legs, amount: Amount) {
        let debits = &mut self.accounts.at_mut(legs.debit.0).account.debits_posted;
        *debits = debits.checked_add(amount).expect("checked for amount_overflow");
        let credits = &mut self.accounts.at_mut(legs.credit.0).account.credits_posted;
        *credits = credits.checked_add(amount).expect("checked for amount_overflow");
        self.journal.push(Undo::Posted { legs, amount });
    }

    /// Sets an amount apart for a payment to come. The caller has checked that posted and pending together fit.
    pub(crate) fn reserve(&mut self, legs: Legs, amount: Amount) {
        let debits = &mut self.accounts.at_mut(legs.debit.0).account.debits_pending;
        *debits = debits.checked_add(amount).expect("checked for amount_overflow");
        let credits = &mut self.accounts.at_mut(legs.credit.0).account.credits_pending;
        *credits = credits.checked_add(amount).expect("checked for amount_overflow");
        self.journal.push(Undo::Reserved { legs, amount });
    }

    /// Takes back a reservation in full.
    pub(crate) fn release(&mut self, legs: Legs, amount: Amount) {
        let debits = &mut self.accounts.at_mut(legs.debit.0).account.debits_pending;
        *debits = debits.checked_sub(amount).expect("what is released was reserved");
        let credits = &mut self.accounts.at_mut(legs.credit.0).account.credits_pending;
        *credits = credits.checked_sub(amount).expect("what is released was reserved");
        self.journal.push(Undo::Released { legs, amount });
    }

    /// Writes any value, or removes it.
    pub(crate) fn put(&mut self, key: StateKey, value: Option<StateValue>) {
        let before = self.get(&key);
        self.write(key, value);
        self.journal.push(Undo::Put { key, before: Box::new(before) });
    }

    fn write(&mut self, key: StateKey, value: Option<StateValue>) {
        let view = self.view;
        match (key, value) {
            (StateKey::Member(id), None) => self.members.put(id, None, || view::member(view, id)),
            (StateKey::Member(id), Some(StateValue::Member(member))) => {
                self.members.put(id, Some(member), || view::member(view, id));
            }
            (StateKey::Asset(code), None) => self.assets.put(code, None, || view::asset(view, code)),
            (StateKey::Asset(code), Some(StateValue::Asset(asset))) => {
                self.assets.put(code, Some(asset), || view::asset(view, code));
            }
            (StateKey::Account(id), value @ (None | Some(StateValue::Account(_)))) => {
                self.find_account(id);
                let open = match value {
                    Some(StateValue::Account(account)) => Some(self.resolve(account)),
                    _ => None,
                };
                self.accounts.put(id, open, || None);
            }
            (StateKey::Limits(key), value @ (None | Some(StateValue::Limits(_)))) => {
                let record = match value {
                    Some(StateValue::Limits(record)) => Some(record),
                    _ => None,
                };
                self.limits.put(key, record, || view::limits(view, key));
            }
            (StateKey::Member(_) | StateKey::Asset(_) | StateKey::Account(_) | StateKey::Limits(_), Some(other)) => {
                panic!("{key:?} written as {other:?}")
            }
            (key, value) => {
                let entry = self.others.entry(key).or_insert_with(|| {
                    let before = view.get(&key);
                    Entry { before: before.clone(), now: before }
                });
                entry.now = value;
            }
        }
    }

    /// Undoes all since the last `keep`.
    pub(crate) fn undo(&mut self) {
        self.undo_to(0);
    }

    /// A point to which can be gone back, until the next `keep`.
    pub(crate) fn mark(&self) -> usize {
        self.journal.len()
    }

    pub(crate) fn undo_to(&mut self, mark: usize) {
        while self.journal.len() > mark {
            let Some(undo) = self.journal.pop() else { return };
            match undo {
                Undo::Posted { legs, amount } => {
                    self.accounts.at_mut(legs.debit.0).account.debits_posted -= amount;
                    self.accounts.at_mut(legs.credit.0).account.credits_posted -= amount;
                }
                Undo::Reserved { legs, amount } => {
                    self.accounts.at_mut(legs.debit.0).account.debits_pending -= amount;
                    self.accounts.at_mut(legs.credit.0).account.credits_pending -= amount;
                }
                Undo::Released { legs, amount } => {
                    self.accounts.at_mut(legs.debit.0).account.debits_pending += amount;
                    self.accounts.at_mut(legs.credit.0).account.credits_pending += amount;
                }
                Undo::Put { key, before } => self.write(key, *before),
            }
        }
    }

    /// From here on nothing before can be undone.
    pub(crate) fn keep(&mut self) {
        self.journal.clear();
    }

    // ---- Ids ----

    pub(crate) fn ids_count(&self) -> usize {
        self.ids.len()
    }

    /// The place of an id that this block recorded.
    pub(crate) fn recorded_now(&self, key: &IdKey) -> Option<usize> {
        self.known.get(key).map(|place| *place as usize)
    }

    pub(crate) fn record(&mut self, key: IdKey, record: IdRecord) {
        let twice = self.known.insert(key, self.ids.len() as u32);
        assert!(twice.is_none(), "an id is recorded once");
        self.ids.push((key, record));
    }

    pub(crate) fn records_from(&mut self, start: usize) -> impl Iterator<Item = &mut IdRecord> {
        self.ids[start..].iter_mut().map(|(_, record)| record)
    }

    pub(crate) fn forget_records_from(&mut self, start: usize) {
        for (key, _) in self.ids.drain(start..) {
            self.known.remove(&key);
        }
    }

    pub(crate) fn take_ids(&mut self) -> Vec<(IdKey, IdRecord)> {
        self.known.clear();
        core::mem::take(&mut self.ids)
    }

    // ---- The end of the block ----

    /// Posted counters never fall, and what was debited was credited, reserved was reserved on both sides, asset by asset.
    /// Only a bug can break this.
    pub(crate) fn assert_conservation(&self) {
        let mut sums: BTreeMap<AssetCode, Sums> = BTreeMap::new();
        let mut pending: BTreeMap<AssetCode, Sums> = BTreeMap::new();
        for (id, entry) in &self.accounts.entries {
            let Some(now) = &entry.now else { continue };
            // Pending counters fall too: now and before stand crosswise, so that nothing is subtracted.
            let pending = pending.entry(now.account.asset).or_default();
            let before = entry.before.as_ref().map(|before| &before.account);
            let (debits_before, credits_before) =
                before.map_or((0, 0), |before| (before.debits_pending, before.credits_pending));
            pending.debits.add(now.account.debits_pending);
            pending.debits.add(credits_before);
            pending.credits.add(now.account.credits_pending);
            pending.credits.add(debits_before);
            let (debits, credits) = entry
                .before
                .as_ref()
                .map_or((0, 0), |before| (before.account.debits_posted, before.account.credits_posted));
            let sums = sums.entry(now.account.asset).or_default();
            let debited = now.account.debits_posted.checked_sub(debits);
            sums.debits.add(debited.unwrap_or_else(|| panic!("debits of account {id} fell")));
            let credited = now.account.credits_posted.checked_sub(credits);
            sums.credits.add(credited.unwrap_or_else(|| panic!("credits of account {id} fell")));
        }
        for (asset, sums) in sums {
            assert!(sums.debits == sums.credits, "debits and credits of {asset} differ in this block");
        }
        for (asset, sums) in pending {
            assert!(sums.debits == sums.credits, "pending debits and credits of {asset} differ in this block");
        }
    }

    /// What differs from the committed state.
    pub(crate) fn into_changes(self) -> BTreeMap<StateKey, Option<StateValue>> {
        let members = self.members.changes().map(|(id, now)| (StateKey::Member(id), now.map(StateValue::Member)));
        let assets = self.assets.changes().map(|(code, now)| (StateKey::Asset(code), now.map(StateValue::Asset)));
        let accounts = self.accounts.changes();
        let accounts =
            accounts.map(|(id, now)| (StateKey::Account(id), now.map(|open| StateValue::Account(open.account))));
        let limits = self.limits.changes().map(|(key, now)| (StateKey::Limits(key), now.map(StateValue::Limits)));
        let others = self.others.into_iter().filter(|(_, entry)| entry.now != entry.before);
        let others = others.map(|(key, entry)| (key, entry.now));
        members.chain(assets).chain(accounts).chain(limits).chain(others).collect()
    }
}

/// Values of one kind, each read from the committed state at most once. A place never changes hands.
struct Table<K, V> {
    places: BTreeMap<K, u32>,
    entries: Vec<(K, Entry<V>)>,
}

struct Entry<V> {
    before: Option<V>,
    now: Option<V>,
}

impl<K: Ord + Copy, V> Default for Table<K, V> {
    fn default() -> Self {
        Table { places: BTreeMap::new(), entries: Vec::new() }
    }
}

impl<K: Ord + Copy, V: Clone + PartialEq> Table<K, V> {
    fn load(&mut self, key: K, read: impl FnOnce() -> Option<V>) -> u32 {
        let entries = &mut self.entries;
        *self.places.entry(key).or_insert_with(|| {
            let before = read();
            entries.push((key, Entry { now: before.clone(), before }));
            (entries.len() - 1) as u32
        })
    }

    fn find(&mut self, key: K, read: impl FnOnce() -> Option<V>) -> Option<u32> {
        let place = self.load(key, read);
        self.entries[place as usize].1.now.is_some().then_some(place)
    }

    /// None if it was never looked at.
    fn get(&self, key: &K) -> Option<Option<&V>> {
        self.places.get(key).map(|place| self.entries[*place as usize].1.now.as_ref())
    }

    fn put(&mut self, key: K, value: Option<V>, read: impl FnOnce() -> Option<V>) {
        let place = self.load(key, read);
        self.entries[place as usize].1.now = value;
    }

    fn key(&self, place: u32) -> K {
        self.entries[place as usize].0
    }

    fn exists(&self, place: u32) -> bool {
        self.entries[place as usize].1.now.is_some()
    }

    fn at(&self, place: u32) -> &V {
        self.entries[place as usize].1.now.as_ref().expect("a slot is handed out for a value that exists")
    }

    fn at_mut(&mut self, place: u32) -> &mut V {
        self.entries[place as usize].1.now.as_mut().expect("a slot is handed out for a value that exists")
    }

    fn changes(self) -> impl Iterator<Item = (K, Option<V>)> {
        let changed = self.entries.into_iter().filter(|(_, entry)| entry.now != entry.before);
        changed.map(|(key, entry)| (key, entry.now))
    }
}
