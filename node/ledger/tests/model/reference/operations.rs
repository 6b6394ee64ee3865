//! The operations, in the words of docs/ledger.md.

use super::{
    Account, Flow, Pending, PendingKind, PendingLeg, PendingState, Refusals, Sides, World,
    checks::{Purpose, Signed},
    issuance_account,
};
use concordat_types::{
    AccountId, AccountName, Amount, Asset, AssetCode, AssetKind, BusinessDate, FreezeTarget, Hold, HoldSide, Leg,
    LimitScope, Limits, MemberId, Offer, OpenAccount, Operation, PendingRef, ResultCode, Rights, Roles, Tier,
    Timestamp, Transfer, names::AccountPath,
};

/// A transaction as its operations see it.
pub struct Context<'a> {
    pub signed: Signed<'a>,
    pub time: Timestamp,
}

impl Context<'_> {
    fn submitter(&self) -> MemberId {
        self.signed.submitter
    }
}

/// What was booked, or the checks that failed.
type Outcome = Result<Vec<Leg>, Refusals>;

const NOTHING_BOOKED: Vec<Leg> = Vec::new();

/// Of an asset that there is not.
const NO_ACCOUNT: AccountId = AccountId([0; 16]);

/// Accounts in a chain from one to the top.
const CHAIN_MAX: usize = 8;

/// A business date is moved on by at most so many days.
const BUSINESS_DAYS_STEP_MAX: u32 = 31;

impl World {
    /// Everything but a batch.
    pub fn operate(&mut self, context: &Context<'_>, operation: &Operation) -> Outcome {
        let outcome = match operation {
            Operation::OpenAccount(open) => self.open(context, open),
            Operation::Issue { asset, credit_account, amount, .. } => {
                self.issue(context, *asset, *credit_account, *amount)
            }
            Operation::Transfer(transfer) => self.transfer(context, transfer),
            Operation::Batch { .. } => panic!("a batch is its transfers"),
            Operation::Redeem { debit_account, amount, .. } => self.redeem(context, *debit_account, *amount),
            Operation::Hold(hold) => self.hold(context, hold),
            Operation::Post { hold, amount, .. } => self.post(context, *hold, *amount),
            Operation::Void { hold } => self.void(context, *hold),
            Operation::Offer(offer) => self.offer(context, offer),
            Operation::Accept { offer } => self.accept(context, *offer),
            Operation::Cancel { offer } => self.cancel(context, *offer),
            Operation::CloseAccount { account } => self.close(context, *account),
            Operation::ChangeAccount { account, parent, tier } => self.change(context, *account, *parent, *tier),
            Operation::SetLimits { scope, limits } => self.set_limits(context, *scope, *limits),
            Operation::Freeze { target, debits, credits, .. } => {
                self.freeze(context, *target, Sides { debits: *debits, credits: *credits })
            }
            Operation::EndOfDay { next } => self.end_of_day(context, *next),
            Operation::CreateAsset { code, decimals, kind, issuer, quota } => {
                let (code, decimals, issuer, kind, quota) = (*code, *decimals, *issuer, *kind, *quota);
                self.create_asset(context, Asset { code, decimals, issuer, kind, quota, frozen: false })
            }
            Operation::SetQuota { asset, quota } => self.set_quota(context, *asset, *quota),
            Operation::Propose(_)
            | Operation::Vote { .. }
            | Operation::Withdraw { .. }
            | Operation::Invite(_)
            | Operation::RevokeInvite { .. }
            | Operation::FileJoin(_)
            | Operation::ProveCaughtUp(_) => panic!("governance is not in this model"),
        };
        self.update_counting();
        outcome
    }

    // ---- Payments ----

    pub fn transfer(&mut self, context: &Context<'_>, transfer: &Transfer) -> Outcome {
        let Transfer { debit_account, credit_account, amount, .. } = *transfer;
        self.pay(context, Leg { debit_account, credit_account, amount }, Purpose::Payment)?;
        // It can be read off the operation.
        Ok(NOTHING_BOOKED)
    }

    fn issue(&mut self, context: &Context<'_>, asset: AssetCode, credit_account: AccountId, amount: Amount) -> Outcome {
        let debit_account = self.assets.get(&asset).map_or(NO_ACCOUNT, issuance_account);
        self.pay(context, Leg { debit_account, credit_account, amount }, Purpose::Issue)?;
        Ok(NOTHING_BOOKED)
    }

    fn redeem(&mut self, context: &Context<'_>, debit_account: AccountId, amount: Amount) -> Outcome {
        let Some(debit) = self.account(debit_account) else {
            // Without it there is no asset, hence no account to credit to be judged.
            let leg = Leg { debit_account, credit_account: NO_ACCOUNT, amount };
            return Err(Refusals::when(true, ResultCode::DebitAccountNotFound)
                .and(self.standing_refusals(&context.signed, &leg))
                .and(self.amount_refusals(&leg)));
        };
        let credit_account = issuance_account(&self.assets[&debit.asset]);
        let leg = Leg { debit_account, credit_account, amount };
        self.pay(context, leg, Purpose::Redemption)?;
        Ok(vec![leg])
    }

    fn pay(&mut self, context: &Context<'_>, leg: Leg, purpose: Purpose) -> Result<(), Refusals> {
        self.leg_refusals(&context.signed, &leg, purpose).none()?;
        self.count(leg, Flow::Paid);
        self.book(leg);
        Ok(())
    }

    // ---- Holds ----

    fn hold(&mut self, context: &Context<'_>, hold: &Hold) -> Outcome {
        let Hold { debit_account, credit_account, amount, .. } = *hold;
        let leg = Leg { debit_account, credit_account, amount };
        self.leg_refusals(&context.signed, &leg, Purpose::Payment)
            .and_when(hold.expires_at <= context.time, ResultCode::HoldExpired)
            .none()?;
        let reserved = Some(self.count(leg, Flow::Reserved));
        let name = PendingRef { submitter: context.submitter(), id: hold.id };
        let pending = Pending {
            kind: PendingKind::Hold(hold.posted_by),
            legs: vec![PendingLeg { leg, reserved }],
            until: hold.expires_at,
            state: PendingState::Open,
        };
        assert!(self.pending.insert(name, pending).is_none(), "an id is not free while its hold is known");
        Ok(NOTHING_BOOKED)
    }

    fn find_hold(&self, name: &PendingRef) -> Result<(&Pending, HoldSide, Leg), Refusals> {
        match self.pending.get(name) {
            Some(pending @ Pending { kind: PendingKind::Hold(side), .. }) => Ok((pending, *side, pending.legs[0].leg)),
            _ => Err(Refusals::when(true, ResultCode::HoldNotFound)),
        }
    }

    fn find_offer(&self, name: &PendingRef) -> Option<&Pending> {
        self.pending.get(name).filter(|pending| pending.kind == PendingKind::Offer)
    }

    /// 41, 42, 43. That its time has come is not hidden by that nobody has swept it.
    fn ended_refusals(&self, context: &Context<'_>, pending: &Pending) -> Refusals {
        let is_open = pending.state == PendingState::Open;
        Refusals::when(matches!(pending.state, PendingState::Done(_)), ResultCode::HoldPosted)
            .and_when(matches!(pending.state, PendingState::GivenUp(_)), ResultCode::HoldVoided)
            .and_when(matches!(pending.state, PendingState::Expired(_)), ResultCode::HoldExpired)
            .and_when(is_open && pending.until <= context.time, ResultCode::HoldExpired)
    }

    fn post(&mut self, context: &Context<'_>, name: PendingRef, amount: Amount) -> Outcome {
        let (hold, side, leg) = self.find_hold(&name)?;
        let who = if side == HoldSide::Debtor { leg.debit_account } else { leg.credit_account };
        Refusals::when(
            !self.has_signed(&context.signed, self.accounts[&who].owner, Rights::PAY),
            ResultCode::NotAuthorised,
        )
        .and(self.standing_refusals(&context.signed, &leg))
        .and_when(amount == 0, ResultCode::AmountZero)
        .and(self.ended_refusals(context, hold))
        .and_when(amount > leg.amount, ResultCode::ExceedsHold)
        .none()?;
        self.release(&name, amount);
        self.end(&name, PendingState::Done(context.time));
        let booked = Leg { amount, ..leg };
        self.count(booked, Flow::Posted);
        self.book(booked);
        Ok(vec![booked])
    }

    fn void(&mut self, context: &Context<'_>, name: PendingRef) -> Outcome {
        let (hold, side, leg) = self.find_hold(&name)?;
        let may = |id: AccountId| self.has_signed(&context.signed, self.accounts[&id].owner, Rights::PAY);
        let debtor_may = side == HoldSide::Debtor && may(leg.debit_account);
        Refusals::when(!debtor_may && !may(leg.credit_account), ResultCode::NotAuthorised)
            .and(self.ended_refusals(context, hold))
            .none()?;
        self.give_up(context, &name);
        Ok(NOTHING_BOOKED)
    }

    fn give_up(&mut self, context: &Context<'_>, name: &PendingRef) {
        self.release(name, 0);
        self.end(name, PendingState::GivenUp(context.time));
    }

    // ---- Offers ----

    /// Of all that can be judged before anything is reserved the smallest number is the result.
    fn offer(&mut self, context: &Context<'_>, offer: &Offer) -> Outcome {
        let submitter = context.submitter();
        let pays = |leg: &Leg| self.account(leg.debit_account).is_some_and(|debit| debit.owner == submitter);
        let may = offer.legs.iter().any(pays) && self.has_signed(&context.signed, submitter, Rights::PAY);
        let is_signed = |leg: &Leg| {
            let payer = self.account(leg.debit_account);
            payer.is_some_and(|payer| self.has_signed(&context.signed, payer.owner, Rights::PAY))
        };
        let legs = offer.legs.iter().map(|leg| {
            self.name_refusals(leg)
                .and_when(self.touches_issuance(leg), ResultCode::NotAuthorised)
                .and(self.leg_to_reserve_refusals(context, leg, is_signed(leg)))
        });
        legs.fold(Refusals::default(), Refusals::and)
            .and_when(!may, ResultCode::NotAuthorised)
            .and_when(offer.deadline <= context.time, ResultCode::HoldExpired)
            .none_with(|| self.means_of_legs(offer.legs.iter().filter(|leg| is_signed(leg))))?;
        let name = PendingRef { submitter, id: offer.id };
        let pending = Pending {
            kind: PendingKind::Offer,
            legs: offer.legs.iter().map(|leg| PendingLeg { leg: *leg, reserved: None }).collect(),
            until: offer.deadline,
            state: PendingState::Open,
        };
        assert!(self.pending.insert(name, pending).is_none(), "an id is not free while its offer is known");
        self.reserve_legs(&name, |world, payer| world.has_signed(&context.signed, payer, Rights::PAY))?;
        Ok(self.settle_if_complete(context, &name))
    }

    /// 21 to 31, with the second key for a leg that is reserved now.
    fn leg_to_reserve_refusals(&self, context: &Context<'_>, leg: &Leg, is_reserved_now: bool) -> Refusals {
        let second_key = match is_reserved_now {
            true => self.second_key_refusals(&context.signed, leg, Purpose::Payment),
            false => Refusals::default(),
        };
        self.standing_refusals(&context.signed, leg).and(second_key).and(self.amount_refusals(leg))
    }

    /// 91 and 92 of each leg alone, to be told beside what is looked at before.
    fn means_of_legs<'a>(&self, legs: impl Iterator<Item = &'a Leg>) -> Refusals {
        legs.map(|leg| self.means_refusals(leg, Purpose::Payment)).fold(Refusals::default(), Refusals::and)
    }

    fn accept(&mut self, context: &Context<'_>, name: PendingRef) -> Outcome {
        let submitter = context.submitter();
        let may = self.has_signed(&context.signed, submitter, Rights::PAY);
        let right = Refusals::when(!may, ResultCode::NotAuthorised);
        let Some(offer) = self.find_offer(&name) else { return Err(right.and_when(true, ResultCode::HoldNotFound)) };
        let is_own = |leg: &Leg| self.accounts[&leg.debit_account].owner == submitter;
        let open: Vec<Leg> = offer.legs.iter().filter(|leg| leg.reserved.is_none()).map(|leg| leg.leg).collect();
        let own: Vec<Leg> = open.iter().copied().filter(is_own).collect();
        let legs = own.iter().map(|leg| self.leg_to_reserve_refusals(context, leg, true));
        let mut refusals = legs.fold(right, Refusals::and);
        if !own.is_empty() && own.len() == open.len() {
            // It would settle.
            let all = offer.legs.iter().map(|leg| self.standing_refusals(&context.signed, &leg.leg));
            refusals = all.fold(refusals, Refusals::and);
        }
        refusals
            .and(self.ended_refusals(context, offer))
            .and_when(own.is_empty(), ResultCode::AlreadyAccepted)
            .none_with(|| self.means_of_legs(own.iter()))?;
        self.reserve_legs(&name, |_, payer| payer == submitter)?;
        Ok(self.settle_if_complete(context, &name))
    }

    /// In order, each leg that is open and whose payer is meant.
    fn reserve_legs(&mut self, name: &PendingRef, is_meant: impl Fn(&World, MemberId) -> bool) -> Result<(), Refusals> {
        for index in 0..self.pending[name].legs.len() {
            let PendingLeg { leg, reserved } = self.pending[name].legs[index];
            if reserved.is_some() || !is_meant(self, self.accounts[&leg.debit_account].owner) {
                continue;
            }
            // The legs before it may have used up what there was.
            self.amount_refusals(&leg).and(self.means_refusals(&leg, Purpose::Payment)).none()?;
            let reserved = Some(self.count(leg, Flow::Reserved));
            self.pending.get_mut(name).expect("looked at above").legs[index].reserved = reserved;
        }
        Ok(())
    }

    fn settle_if_complete(&mut self, context: &Context<'_>, name: &PendingRef) -> Vec<Leg> {
        let offer = &self.pending[name];
        if offer.legs.iter().any(|leg| leg.reserved.is_none()) {
            return NOTHING_BOOKED;
        }
        let legs: Vec<Leg> = offer.legs.iter().map(|leg| leg.leg).collect();
        self.end(name, PendingState::Done(context.time));
        for leg in &legs {
            self.count(*leg, Flow::Posted);
            self.book(*leg);
        }
        legs
    }

    fn cancel(&mut self, context: &Context<'_>, name: PendingRef) -> Outcome {
        let submitter = context.submitter();
        let may = self.has_signed(&context.signed, submitter, Rights::PAY);
        let right = Refusals::when(!may, ResultCode::NotAuthorised);
        let Some(offer) = self.find_offer(&name) else { return Err(right.and_when(true, ResultCode::HoldNotFound)) };
        let pays = offer.legs.iter().any(|leg| self.accounts[&leg.leg.debit_account].owner == submitter);
        right.and_when(!pays, ResultCode::NotAuthorised).and(self.ended_refusals(context, offer)).none()?;
        self.give_up(context, &name);
        Ok(NOTHING_BOOKED)
    }

    // ---- Accounts ----

    fn open(&mut self, context: &Context<'_>, open: &OpenAccount) -> Outcome {
        let owner = context.submitter();
        let path = AccountPath { member: owner, asset: open.asset, name: open.name };
        let id = AccountId::new(&path);
        let is_reserved = open.name == AccountName::new(Asset::ISSUANCE_ACCOUNT).expect("a valid name");
        Refusals::when(!self.assets.contains_key(&open.asset), ResultCode::AssetMismatch)
            .and(self.parent_refusals(id, owner, open.asset, open.parent))
            .and_when(
                is_reserved || !self.has_signed(&context.signed, owner, Rights::ACCOUNTS),
                ResultCode::NotAuthorised,
            )
            .and(self.submitter_refusals(context))
            .and_when(self.accounts.contains_key(&id), ResultCode::AccountExists)
            .none()?;
        let mut account = Account::new(owner, open.asset, open.name);
        (account.parent, account.customer, account.tier) = (open.parent, open.customer, open.tier);
        self.accounts.insert(id, account);
        Ok(NOTHING_BOOKED)
    }

    fn submitter_refusals(&self, context: &Context<'_>) -> Refusals {
        Refusals::when(!self.is_active(context.submitter()), ResultCode::MemberNotActive)
    }

    /// 14 and 15, of an account that is or is to be below the parent.
    fn parent_refusals(
        &self,
        child: AccountId,
        owner: MemberId,
        asset: AssetCode,
        parent: Option<AccountId>,
    ) -> Refusals {
        let Some(parent_id) = parent else { return Refusals::default() };
        let Some(parent) = self.account(parent_id) else { return Refusals::when(true, ResultCode::AccountNotFound) };
        let is_other = parent.owner != owner || parent.asset != asset || parent.is_issuance || parent.is_closed;
        let is_below_itself = parent_id == child || self.accounts_above(parent_id).contains(&child);
        let is_too_deep = self.accounts_above(parent_id).len() + 2 > CHAIN_MAX;
        Refusals::when(is_other || is_below_itself || is_too_deep, ResultCode::ParentNotAllowed)
    }

    fn accounts_above(&self, id: AccountId) -> Vec<AccountId> {
        std::iter::successors(self.accounts[&id].parent, |id| self.accounts[id].parent).collect()
    }

    /// What stands below it moves along, and must not get too deep.
    fn sinks(&self, id: AccountId, parent: Option<AccountId>) -> bool {
        let above = parent.filter(|parent| self.accounts.contains_key(parent));
        let depth = above.map_or(0, |parent| self.accounts_above(parent).len() + 1);
        self.children(id) > 0 && depth > self.accounts_above(id).len()
    }

    fn close(&mut self, context: &Context<'_>, id: AccountId) -> Outcome {
        let Some(account) = self.account(id) else { return Err(self.no_account_refusals(context)) };
        let sums = [self.balance(id), self.debits_pending(id), self.credits_pending(id)];
        let is_empty = sums.iter().all(|sum| sum.amount() == Some(0)) && self.children(id) == 0;
        Refusals::when(account.is_issuance || !self.owns(context, account), ResultCode::NotAuthorised)
            .and(self.submitter_refusals(context))
            .and_when(account.is_closed, ResultCode::AccountClosed)
            .and_when(!is_empty, ResultCode::BalanceNotZero)
            .none()?;
        let owner = context.submitter();
        self.account_mut(id).is_closed = true;
        self.limits.remove(&(owner, LimitScope::Account(id)));
        Ok(NOTHING_BOOKED)
    }

    /// 14, and what can be judged without the account.
    fn no_account_refusals(&self, context: &Context<'_>) -> Refusals {
        Refusals::when(true, ResultCode::AccountNotFound)
            .and_when(
                !self.has_signed(&context.signed, context.submitter(), Rights::ACCOUNTS),
                ResultCode::NotAuthorised,
            )
            .and(self.submitter_refusals(context))
    }

    fn owns(&self, context: &Context<'_>, account: &Account) -> bool {
        account.owner == context.submitter() && self.has_signed(&context.signed, account.owner, Rights::ACCOUNTS)
    }

    fn change(
        &mut self,
        context: &Context<'_>,
        id: AccountId,
        parent: Option<AccountId>,
        tier: Option<Tier>,
    ) -> Outcome {
        let Some(account) = self.account(id) else { return Err(self.no_account_refusals(context)) };
        self.parent_refusals(id, account.owner, account.asset, parent)
            .and_when(self.sinks(id, parent), ResultCode::ParentNotAllowed)
            .and_when(account.is_issuance || !self.owns(context, account), ResultCode::NotAuthorised)
            .and(self.submitter_refusals(context))
            .and_when(account.is_closed, ResultCode::AccountClosed)
            .none()?;
        let account = self.account_mut(id);
        (account.parent, account.tier) = (parent, tier);
        Ok(NOTHING_BOOKED)
    }

    // ---- Limits and freezes ----

    fn set_limits(&mut self, context: &Context<'_>, scope: LimitScope, limits: Limits) -> Outcome {
        let submitter = context.submitter();
        let asset = match scope {
            LimitScope::Account(_) => None,
            LimitScope::Tier { asset, .. } | LimitScope::Member { asset } | LimitScope::Bilateral { asset, .. } => {
                Some(asset)
            }
        };
        let account = match scope {
            LimitScope::Account(id) => Some(self.account(id)),
            _ => None,
        };
        let is_foreign = |account: &Account| account.owner != submitter;
        let is_closed = account.flatten().is_some_and(|account| account.is_closed);
        let bad_counterparty = matches!(scope, LimitScope::Bilateral { counterparty, .. }
            if counterparty == submitter || !self.members.contains_key(&counterparty));
        Refusals::when(asset.is_some_and(|asset| !self.assets.contains_key(&asset)), ResultCode::AssetMismatch)
            .and_when(matches!(account, Some(None)), ResultCode::AccountNotFound)
            .and_when(
                !self.has_signed(&context.signed, submitter, Rights::LIMITS)
                    || account.flatten().is_some_and(is_foreign),
                ResultCode::NotAuthorised,
            )
            .and(self.submitter_refusals(context))
            .and_when(is_closed, ResultCode::AccountClosed)
            .and_when(bad_counterparty, ResultCode::MemberNotFound)
            .none()?;
        if limits == Limits::default() {
            self.limits.remove(&(submitter, scope));
        } else {
            self.limits.insert((submitter, scope), limits);
        }
        Ok(NOTHING_BOOKED)
    }

    fn freeze(&mut self, context: &Context<'_>, target: FreezeTarget, sides: Sides) -> Outcome {
        let submitter = context.submitter();
        let (missing, may, is_closed) = match target {
            FreezeTarget::Account(id) => match self.account(id) {
                None => (Some(ResultCode::AccountNotFound), true, false),
                Some(account) => {
                    let issuer = self.assets[&account.asset].issuer;
                    (None, account.owner == submitter || issuer == submitter, account.is_closed)
                }
            },
            FreezeTarget::Asset(code) => match self.assets.get(&code) {
                None => (Some(ResultCode::AssetMismatch), true, false),
                Some(asset) => (None, asset.issuer == submitter, false),
            },
            FreezeTarget::Member(id) => {
                let missing = (!self.members.contains_key(&id)).then_some(ResultCode::MemberNotFound);
                (missing, self.is_central_bank(submitter), false)
            }
        };
        missing
            .map(|code| Refusals::when(true, code))
            .unwrap_or_default()
            .and_when(!may || !self.has_signed(&context.signed, submitter, Rights::FREEZE), ResultCode::NotAuthorised)
            .and(self.submitter_refusals(context))
            .and_when(is_closed, ResultCode::AccountClosed)
            .none()?;
        self.set_frozen(submitter, target, sides);
        Ok(NOTHING_BOOKED)
    }

    fn set_frozen(&mut self, submitter: MemberId, target: FreezeTarget, sides: Sides) {
        match target {
            FreezeTarget::Account(id) => {
                let account = self.account_mut(id);
                if account.owner == submitter {
                    account.frozen_by_owner = sides;
                } else {
                    account.frozen_by_issuer = sides;
                }
            }
            FreezeTarget::Asset(code) => {
                self.assets.get_mut(&code).expect("found").frozen = sides.debits || sides.credits;
            }
            FreezeTarget::Member(id) => {
                let frozen = &mut self.members.get_mut(&id).expect("found").frozen;
                (frozen.debits, frozen.credits) = (sides.debits, sides.credits);
            }
        }
    }

    // ---- What the central bank does ----

    fn end_of_day(&mut self, context: &Context<'_>, next: BusinessDate) -> Outcome {
        let (today, next_day) = (self.date.days(), next.days());
        let in_range = next_day > today && next_day - today <= BUSINESS_DAYS_STEP_MAX;
        Refusals::when(!self.governs_assets(context), ResultCode::NotAuthorised)
            .and(self.submitter_refusals(context))
            .and_when(!in_range, ResultCode::BusinessDateOutOfRange)
            .none()?;
        self.date = next;
        Ok(NOTHING_BOOKED)
    }

    fn governs_assets(&self, context: &Context<'_>) -> bool {
        let submitter = context.submitter();
        self.is_central_bank(submitter) && self.has_signed(&context.signed, submitter, Rights::ASSETS)
    }

    fn create_asset(&mut self, context: &Context<'_>, asset: Asset) -> Outcome {
        let submitter = context.submitter();
        let own_token = self.has_role(submitter, Roles::BANK)
            && asset.issuer == submitter
            && asset.kind == AssetKind::DepositToken
            && self.has_signed(&context.signed, submitter, Rights::ASSETS);
        let issuer = self.members.get(&asset.issuer);
        let issuer_inactive = issuer.is_some() && !self.is_active(asset.issuer);
        let exists = self.assets.contains_key(&asset.code) || self.accounts.contains_key(&issuance_account(&asset));
        Refusals::when(!own_token && !self.governs_assets(context), ResultCode::NotAuthorised)
            .and(self.submitter_refusals(context))
            .and_when(issuer_inactive, ResultCode::MemberNotActive)
            .and_when(exists, ResultCode::AccountExists)
            .and_when(issuer.is_none(), ResultCode::MemberNotFound)
            .none()?;
        self.add_asset(asset);
        Ok(NOTHING_BOOKED)
    }

    fn set_quota(&mut self, context: &Context<'_>, code: AssetCode, quota: Amount) -> Outcome {
        Refusals::when(!self.assets.contains_key(&code), ResultCode::AssetMismatch)
            .and_when(!self.governs_assets(context), ResultCode::NotAuthorised)
            .and(self.submitter_refusals(context))
            .none()?;
        self.assets.get_mut(&code).expect("found").quota = quota;
        Ok(NOTHING_BOOKED)
    }
}
