//! The reference model: docs/ledger.md once more, written without a look at the ledger's code, slow and obvious.
//!
//! No counter is kept that can be summed: balances, pending amounts, supply, children and usage are added up from lists
//! each time they are asked for. A transaction works on a copy of the world, which is thrown away if it is refused. Where
//! several checks fail, all that can be judged are told, not only the one that is the result.

mod checks;
mod limits;
mod operations;
mod refusals;
mod transactions;
mod wide;

pub use refusals::Refusals;
pub use transactions::{InvalidReason, Known, OperationOutcome, TransactionOutcome};
pub use wide::Wide;

use concordat_types::{
    AccountId, AccountName, Amount, Asset, AssetCode, BusinessDate, Genesis, Hash, HoldSide, Leg, LimitScope, Limits,
    Member, MemberId, Parameters, PendingRef, Tag, Tier, Timestamp, encode, names::AccountPath,
};
pub use limits::CountedScope;
use std::collections::BTreeMap;
use transactions::IdName;

/// What the chain has come to.
#[derive(Clone)]
pub struct Model {
    pub world: World,
    pub parameters: Parameters,
    pub time: Timestamp,
    /// Every id that was recorded. Those outside the window are never asked for.
    ids: BTreeMap<IdName, Known>,
}

/// What a refused transaction leaves as it was.
#[derive(Clone)]
pub struct World {
    pub members: BTreeMap<MemberId, Member>,
    pub assets: BTreeMap<AssetCode, Asset>,
    pub accounts: BTreeMap<AccountId, Account>,
    pub pending: BTreeMap<PendingRef, Pending>,
    /// By the member that set them.
    pub limits: BTreeMap<(MemberId, LimitScope), Limits>,
    pub date: BusinessDate,
    /// Every booking since genesis.
    pub bookings: Vec<Leg>,
    /// Every payment that may count for a limit, in order.
    counted: Vec<Counted>,
    /// From which entry of `counted` on payments count. Scopes that are not here do not count.
    counting: BTreeMap<CountedScope, usize>,
}

#[derive(Clone, Debug)]
pub struct Account {
    pub owner: MemberId,
    pub asset: AssetCode,
    pub name: AccountName,
    pub is_issuance: bool,
    pub is_closed: bool,
    pub frozen_by_owner: Sides,
    pub frozen_by_issuer: Sides,
    pub parent: Option<AccountId>,
    pub customer: Option<Hash>,
    pub tier: Option<Tier>,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Sides {
    pub debits: bool,
    pub credits: bool,
}

/// A hold (one leg) or an offer.
#[derive(Clone, Debug)]
pub struct Pending {
    pub kind: PendingKind,
    pub legs: Vec<PendingLeg>,
    /// From this block time on it can no longer be posted or accepted.
    pub until: Timestamp,
    pub state: PendingState,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PendingKind {
    Hold(HoldSide),
    Offer,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PendingState {
    Open,
    /// Posted or settled, at a block time.
    Done(Timestamp),
    /// Voided or cancelled.
    GivenUp(Timestamp),
    Expired(Timestamp),
}

#[derive(Clone, Copy, Debug)]
pub struct PendingLeg {
    pub leg: Leg,
    /// Where it stands in `World::counted`, once it has been reserved.
    pub reserved: Option<usize>,
}

/// A payment as limits see it.
#[derive(Clone, Copy, Debug)]
struct Counted {
    date: BusinessDate,
    leg: Leg,
    /// What of it was released on the same date.
    released: Amount,
    flow: Flow,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Flow {
    /// Out of one account and into another at once.
    Paid,
    /// Out, not yet in.
    Reserved,
    /// In, after it was reserved.
    Posted,
}

/// At most so many due items are worked off at the start of a block.
pub const DUE_MAX: usize = 1_000;

impl Model {
    pub fn new(genesis: &Genesis) -> Model {
        let mut world = World {
            members: genesis.members.iter().map(|member| (member.id, member.clone())).collect(),
            assets: BTreeMap::new(),
            accounts: BTreeMap::new(),
            pending: BTreeMap::new(),
            limits: BTreeMap::new(),
            date: BusinessDate::of(genesis.time),
            bookings: Vec::new(),
            counted: Vec::new(),
            counting: BTreeMap::new(),
        };
        genesis.assets.iter().for_each(|asset| world.add_asset(asset.clone()));
        Model { world, parameters: genesis.parameters.clone(), time: genesis.time, ids: BTreeMap::new() }
    }

    /// The start of a block: what is due is worked off. What expired, in order of time.
    pub fn start_block(&mut self, time: Timestamp) -> Vec<PendingRef> {
        assert!(time > self.time, "block time goes on");
        self.time = time;
        let pending = self.world.pending.iter();
        let mut due: Vec<_> = pending.map(|(name, pending)| (self.due_at(pending), hash_of(name), *name)).collect();
        due.retain(|(at, _, _)| *at <= time);
        due.sort();
        due.truncate(DUE_MAX);
        let mut expired = Vec::new();
        for (_, _, name) in due {
            if self.world.pending[&name].state == PendingState::Open {
                self.world.release(&name, 0);
                self.world.end(&name, PendingState::Expired(time));
                expired.push(name);
            } else {
                self.world.pending.remove(&name);
            }
        }
        expired
    }

    /// When it expires, or is forgotten: as long after its end as an id made then is known.
    pub fn due_at(&self, pending: &Pending) -> Timestamp {
        match pending.state {
            PendingState::Open => pending.until,
            PendingState::Done(at) | PendingState::GivenUp(at) | PendingState::Expired(at) => {
                Timestamp(at.0 + self.parameters.id_window_ms)
            }
        }
    }
}

/// Puts those of one time in order.
fn hash_of(name: &PendingRef) -> Hash {
    Tag::DUE.hash(&[&encode(name)])
}

// ---- What is read off the lists ----

impl World {
    pub fn debits_posted(&self, id: AccountId) -> Wide {
        self.bookings.iter().filter(|leg| leg.debit_account == id).map(|leg| leg.amount).sum()
    }

    pub fn credits_posted(&self, id: AccountId) -> Wide {
        self.bookings.iter().filter(|leg| leg.credit_account == id).map(|leg| leg.amount).sum()
    }

    fn reserved_legs(&self) -> impl Iterator<Item = &Leg> {
        let open = self.pending.values().filter(|pending| pending.state == PendingState::Open);
        open.flat_map(|pending| &pending.legs).filter(|leg| leg.reserved.is_some()).map(|leg| &leg.leg)
    }

    pub fn debits_pending(&self, id: AccountId) -> Wide {
        self.reserved_legs().filter(|leg| leg.debit_account == id).map(|leg| leg.amount).sum()
    }

    pub fn credits_pending(&self, id: AccountId) -> Wide {
        self.reserved_legs().filter(|leg| leg.credit_account == id).map(|leg| leg.amount).sum()
    }

    pub fn balance(&self, id: AccountId) -> Wide {
        self.credits_posted(id) - self.debits_posted(id)
    }

    pub fn available(&self, id: AccountId) -> Wide {
        self.balance(id) - self.debits_pending(id)
    }

    /// Of each account what is posted and pending, debits before credits; all in one go, for comparisons.
    pub fn totals(&self) -> BTreeMap<AccountId, [Wide; 4]> {
        let mut totals: BTreeMap<AccountId, [Wide; 4]> = BTreeMap::new();
        let mut add = |id: AccountId, place: usize, amount: Amount| {
            let total = &mut totals.entry(id).or_default()[place];
            *total = *total + amount.into();
        };
        for leg in &self.bookings {
            add(leg.debit_account, 0, leg.amount);
            add(leg.credit_account, 1, leg.amount);
        }
        for leg in self.reserved_legs() {
            add(leg.debit_account, 2, leg.amount);
            add(leg.credit_account, 3, leg.amount);
        }
        totals
    }

    /// What is outstanding of an asset.
    pub fn supply(&self, asset: &Asset) -> Wide {
        let id = issuance_account(asset);
        self.debits_posted(id) - self.credits_posted(id)
    }

    pub fn children(&self, id: AccountId) -> u32 {
        self.accounts.values().filter(|account| account.parent == Some(id) && !account.is_closed).count() as u32
    }

    pub fn is_central_bank(&self, member: MemberId) -> bool {
        self.has_role(member, concordat_types::Roles::CENTRAL_BANK)
    }

    fn has_role(&self, member: MemberId, role: concordat_types::Roles) -> bool {
        self.members.get(&member).is_some_and(|member| member.roles.contains(role))
    }

    fn is_active(&self, member: MemberId) -> bool {
        self.members.get(&member).is_some_and(|member| member.status == concordat_types::MemberStatus::Active)
    }

    fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.get(&id)
    }

    fn account_mut(&mut self, id: AccountId) -> &mut Account {
        self.accounts.get_mut(&id).expect("an account that was found")
    }
}

// ---- What happens to them ----

impl World {
    fn add_asset(&mut self, asset: Asset) {
        let AccountPath { member, asset: code, name } = asset.issuance_account();
        let mut account = Account::new(member, code, name);
        account.is_issuance = true;
        self.accounts.insert(issuance_account(&asset), account);
        self.assets.insert(asset.code, asset);
    }

    fn book(&mut self, leg: Leg) {
        self.bookings.push(leg);
    }

    /// The payment counts for the limits that look at it. Its place among the counted.
    fn count(&mut self, leg: Leg, flow: Flow) -> usize {
        self.counted.push(Counted { date: self.date, leg, released: 0, flow });
        self.counted.len() - 1
    }

    /// What is reserved is free again, or was booked instead, as far as it was `used`. The rest is told to the limits if it
    /// was reserved on this very business date.
    fn release(&mut self, name: &PendingRef, used: Amount) {
        for leg in &self.pending[name].legs {
            if let Some(place) = leg.reserved {
                let counted = &mut self.counted[place];
                if counted.date == self.date {
                    counted.released = counted.leg.amount - used;
                }
            }
        }
    }

    fn end(&mut self, name: &PendingRef, state: PendingState) {
        self.pending.get_mut(name).expect("a pending that was found").state = state;
    }
}

impl Account {
    fn new(owner: MemberId, asset: AssetCode, name: AccountName) -> Account {
        Account {
            owner,
            asset,
            name,
            is_issuance: false,
            is_closed: false,
            frozen_by_owner: Sides::default(),
            frozen_by_issuer: Sides::default(),
            parent: None,
            customer: None,
            tier: None,
        }
    }
}

pub fn issuance_account(asset: &Asset) -> AccountId {
    AccountId::new(&asset.issuance_account())
}
