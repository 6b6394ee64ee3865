//! One draft of each operation.

use super::{Draft, Generator};
use crate::{
    reference::{Model, Pending, PendingKind, PendingState},
    scene::{BANKS, CENTRAL_BANK, account_name, asset_code, member_id},
};
use concordat_types::{
    AccountId, Amount, AssetCode, AssetKind, BusinessDate, FreezeTarget, Hold, HoldSide, Leg, LimitScope, Limits,
    MemberId, Offer, OpenAccount, Operation, PendingRef, Purpose, Rights, Tier, Transfer,
};

/// Few, so that they are taken; enough for chains of parents that are too long.
const ACCOUNT_NAMES: [&str; 14] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n"];
const NEW_ASSETS: [&str; 5] = ["CHF", "EUR", "TOK.B", "TOK.C", "TOK.A"];

impl Generator {
    pub(super) fn open_named(&mut self, asset: AssetCode, name: &str) -> Operation {
        let tier = self.random.percent(20).then(|| Tier(self.random.below(2) as u8));
        let (name, parent, customer) = (account_name(name), None, None);
        Operation::OpenAccount(OpenAccount { asset, name, parent, customer, tier })
    }

    pub(super) fn issue_to(&mut self, model: &Model, asset: AssetCode, credit: AccountId, amount: Amount) -> Operation {
        let (id, reference) = (self.new_id(model), self.reference());
        Operation::Issue { id, asset, credit_account: credit, amount, reference }
    }

    // ---- Accounts ----

    pub(super) fn open(&mut self, model: &Model, submitter: MemberId) -> Draft {
        let asset = self.asset(model);
        let name = match self.random.below(40) {
            0 => "issuance",
            _ => self.random.pick(&ACCOUNT_NAMES),
        };
        let Operation::OpenAccount(mut open) = self.open_named(asset, name) else { unreachable!("as made") };
        open.parent = self.parent(model, submitter, asset);
        if self.random.percent(10) {
            open.customer = Some(concordat_types::Hash([7; 32]));
        }
        Draft { operation: Operation::OpenAccount(open), needs: vec![(submitter, Rights::ACCOUNTS)] }
    }

    fn parent(&mut self, model: &Model, owner: MemberId, asset: AssetCode) -> Option<AccountId> {
        match self.random.below(100) {
            0..45 => None,
            45..50 => Some(self.any_account(model)),
            50..75 => self.deepest(model, owner, asset),
            _ => Some(self.account_of_in(model, owner, asset)),
        }
    }

    /// Below which there is least room left.
    fn deepest(&self, model: &Model, owner: MemberId, asset: AssetCode) -> Option<AccountId> {
        let accounts = &model.world.accounts;
        let own = accounts.iter().filter(|(_, account)| account.owner == owner && account.asset == asset);
        let depth = |id: AccountId| std::iter::successors(Some(id), |id| accounts[id].parent).take(40).count();
        own.map(|(id, _)| *id).max_by_key(|id| (depth(*id), *id))
    }

    pub(super) fn close(&mut self, model: &Model, submitter: MemberId) -> Draft {
        let own = model.world.accounts.iter().filter(|(_, account)| account.owner == submitter && !account.is_closed);
        let empty: Vec<AccountId> =
            own.map(|(id, _)| *id).filter(|id| model.world.balance(*id).amount() == Some(0)).collect();
        let account = match self.random.below(100) {
            0..60 => self.random.try_pick(&empty),
            60..90 => Some(self.account_of(model, submitter)),
            _ => None,
        };
        let account = account.unwrap_or_else(|| self.any_account(model));
        Draft { operation: Operation::CloseAccount { account }, needs: vec![(submitter, Rights::ACCOUNTS)] }
    }

    pub(super) fn change(&mut self, model: &Model, submitter: MemberId) -> Draft {
        let account = match self.random.percent(90) {
            true => self.account_of(model, submitter),
            false => self.any_account(model),
        };
        let asset = match model.world.accounts.get(&account) {
            Some(account) => account.asset,
            None => self.asset(model),
        };
        let parent = self.parent(model, submitter, asset);
        let tier = self.random.percent(40).then(|| Tier(self.random.below(2) as u8));
        let operation = Operation::ChangeAccount { account, parent, tier };
        Draft { operation, needs: vec![(submitter, Rights::ACCOUNTS)] }
    }

    // ---- Payments ----

    pub(super) fn issue(&mut self, model: &Model, submitter: MemberId) -> Draft {
        let own: Vec<AssetCode> =
            model.world.assets.values().filter(|asset| asset.issuer == submitter).map(|asset| asset.code).collect();
        let asset = match self.random.percent(90) {
            true => self.random.try_pick(&own).unwrap_or_else(|| self.asset(model)),
            false => self.asset(model),
        };
        let credit_account = match self.random.percent(96) {
            true => self.account_in(model, asset),
            false => self.any_account(model),
        };
        let room = model.world.assets.get(&asset).and_then(|asset| {
            let supply = model.world.supply(asset);
            (crate::reference::Wide::from(asset.quota) - supply).amount()
        });
        let amount = match self.random.below(100) {
            0..2 => 0,
            2..70 => 1 + Amount::from(self.random.below(500)),
            70..85 => self.beside(room.unwrap_or(0)),
            85..95 => room.unwrap_or(0) / 2,
            _ => self.extreme(),
        };
        let operation = self.issue_to(model, asset, credit_account, amount);
        Draft { operation, needs: vec![(submitter, Rights::ISSUE)] }
    }

    pub(super) fn redeem(&mut self, model: &Model, submitter: MemberId) -> Draft {
        let debit_account = match self.random.below(40) {
            0 => self.any_account(model),
            1 => self.issuance(model),
            _ => self.account_of(model, submitter),
        };
        let available = model.world.available(debit_account).amount().unwrap_or(0);
        let amount = match self.random.percent(40) {
            true => available,
            false => self.amount(model, debit_account, debit_account),
        };
        let (id, reference) = (self.new_id(model), self.reference());
        let needs = self.owner_of(model, debit_account, submitter);
        Draft { operation: Operation::Redeem { id, debit_account, amount, reference }, needs }
    }

    fn issuance(&mut self, model: &Model) -> AccountId {
        let assets: Vec<_> = model.world.assets.values().collect();
        crate::reference::issuance_account(self.random.pick(&assets))
    }

    fn owner_of(&self, model: &Model, account: AccountId, or: MemberId) -> Vec<(MemberId, Rights)> {
        vec![(model.world.accounts.get(&account).map_or(or, |account| account.owner), Rights::PAY)]
    }

    fn debit_account(&mut self, model: &Model, submitter: MemberId) -> AccountId {
        match self.random.below(60) {
            0..6 => self.any_account(model),
            6 => self.issuance(model),
            _ => self.account_of(model, submitter),
        }
    }

    fn leg(&mut self, model: &Model, payer: MemberId) -> Leg {
        let debit_account = self.debit_account(model, payer);
        let credit_account = self.payee_of(model, debit_account);
        let amount = self.amount(model, debit_account, credit_account);
        Leg { debit_account, credit_account, amount }
    }

    pub(super) fn transfer(&mut self, model: &Model, submitter: MemberId) -> Draft {
        let Leg { debit_account, credit_account, amount } = self.leg(model, submitter);
        let transfer = Transfer {
            id: self.new_id(model),
            debit_account,
            credit_account,
            amount,
            reference: self.reference(),
            purpose: Purpose::new("").unwrap(),
            document: None,
        };
        Draft { operation: Operation::Transfer(transfer), needs: self.owner_of(model, debit_account, submitter) }
    }

    // ---- Holds and offers ----

    pub(super) fn hold(&mut self, model: &Model, submitter: MemberId) -> Draft {
        let Leg { debit_account, credit_account, amount } = self.leg(model, submitter);
        let hold = Hold {
            id: self.new_id(model),
            debit_account,
            credit_account,
            amount,
            expires_at: self.end_time(model),
            posted_by: self.random.pick(&[HoldSide::Debtor, HoldSide::Creditor]),
            reference: self.reference(),
            purpose: Purpose::new("").unwrap(),
            document: None,
        };
        Draft { operation: Operation::Hold(hold), needs: self.owner_of(model, debit_account, submitter) }
    }

    /// Mostly an open one of the kind.
    fn pending(&mut self, model: &Model, fits: impl Fn(&Pending) -> bool) -> PendingRef {
        let any_kind = self.random.percent(4);
        let any_state = self.random.percent(20);
        let fitting =
            model.world.pending.iter().filter(|(_, pending)| {
                (any_kind || fits(pending)) && (any_state || pending.state == PendingState::Open)
            });
        let names: Vec<PendingRef> = fitting.map(|(name, _)| *name).collect();
        match self.random.below(50) {
            0 => None,
            _ => self.random.try_pick(&names),
        }
        .unwrap_or_else(|| PendingRef { submitter: member_id("bank-a"), id: self.new_id(model) })
    }

    fn is_hold(pending: &Pending) -> bool {
        matches!(pending.kind, PendingKind::Hold(_))
    }

    pub(super) fn post(&mut self, model: &Model, submitter: MemberId) -> Draft {
        let name = self.pending(model, Self::is_hold);
        let held = model.world.pending.get(&name);
        let whole = held.map_or(1, |pending| pending.legs[0].leg.amount);
        let amount = match self.random.below(100) {
            0..3 => 0,
            3..50 => whole,
            50..90 => whole / 2 + 1,
            _ => self.beside(whole),
        };
        let needs = self.side_of_hold(model, held, submitter);
        Draft { operation: Operation::Post { id: self.new_id(model), hold: name, amount }, needs }
    }

    /// Mostly who may post it.
    fn side_of_hold(&mut self, model: &Model, hold: Option<&Pending>, submitter: MemberId) -> Vec<(MemberId, Rights)> {
        let Some(hold) = hold else { return vec![(submitter, Rights::PAY)] };
        let leg = hold.legs[0].leg;
        let is_debtors = hold.kind == PendingKind::Hold(HoldSide::Debtor);
        let account = if is_debtors != self.random.percent(10) { leg.debit_account } else { leg.credit_account };
        self.owner_of(model, account, submitter)
    }

    pub(super) fn void(&mut self, model: &Model, submitter: MemberId) -> Draft {
        let hold = self.pending(model, Self::is_hold);
        let needs = self.side_of_hold(model, model.world.pending.get(&hold), submitter);
        Draft { operation: Operation::Void { hold }, needs }
    }

    pub(super) fn offer(&mut self, model: &Model, submitter: MemberId) -> Draft {
        let count = self.random.weighted(&[(15, 1), (45, 2), (25, 3), (10, 6), (5, Offer::LEGS_MAX)]);
        let mut legs = Vec::new();
        for number in 0..count {
            let payer = match number == 0 || self.random.percent(25) {
                true => submitter,
                false => member_id(self.random.pick(&BANKS)),
            };
            let mut leg = self.leg(model, payer);
            if self.random.percent(80) {
                // Small, or many legs never come through.
                leg.amount = 1 + Amount::from(self.random.below(5));
            }
            legs.push(leg);
        }
        let shift = self.random.below(count as u64) as usize;
        legs.rotate_left(shift);
        let mut needs = vec![(submitter, Rights::PAY)];
        for leg in &legs {
            if self.random.percent(30) {
                needs.extend(self.owner_of(model, leg.debit_account, submitter));
            }
        }
        let (id, deadline, reference) = (self.new_id(model), self.end_time(model), self.reference());
        Draft { operation: Operation::Offer(Offer { id, legs, deadline, reference, document: None }), needs }
    }

    pub(super) fn accept(&mut self, model: &Model, submitter: MemberId) -> Draft {
        let accounts = &model.world.accounts;
        let any = self.random.percent(15);
        let may_accept = |pending: &Pending| {
            let mut open = pending.legs.iter().filter(|leg| leg.reserved.is_none());
            pending.kind == PendingKind::Offer
                && (any || open.any(|leg| accounts[&leg.leg.debit_account].owner == submitter))
        };
        let is_possible = |pending: &Pending| pending.state == PendingState::Open && may_accept(pending);
        if !model.world.pending.values().any(is_possible) && self.random.percent(80) {
            return self.offer(model, submitter);
        }
        let offer = self.pending(model, may_accept);
        Draft { operation: Operation::Accept { offer }, needs: vec![(submitter, Rights::PAY)] }
    }

    pub(super) fn cancel(&mut self, model: &Model, submitter: MemberId) -> Draft {
        let accounts = &model.world.accounts;
        let any = self.random.percent(20);
        let offer = self.pending(model, |pending| {
            pending.kind == PendingKind::Offer
                && (any || pending.legs.iter().any(|leg| accounts[&leg.leg.debit_account].owner == submitter))
        });
        Draft { operation: Operation::Cancel { offer }, needs: vec![(submitter, Rights::PAY)] }
    }

    // ---- Limits, freezes, the central bank ----

    pub(super) fn set_limits(&mut self, model: &Model, submitter: MemberId) -> Draft {
        let scope = match self.random.below(100) {
            0..35 => LimitScope::Account(self.account_of(model, submitter)),
            35..38 => LimitScope::Account(self.any_account(model)),
            38..60 => LimitScope::Tier { asset: self.asset(model), tier: Tier(self.random.below(2) as u8) },
            60..80 => LimitScope::Member { asset: self.asset(model) },
            _ => LimitScope::Bilateral { asset: self.asset(model), counterparty: self.member(model) },
        };
        let mut limits = Limits::default();
        if !self.random.percent(35) {
            limits.transfer_max = self.limit(20);
            limits.day_max = self.limit(20);
            limits.net_debit_max = self.limit(20);
            limits.second_key_above = self.limit(20);
            if matches!(scope, LimitScope::Account(_) | LimitScope::Tier { .. }) {
                limits.balance_max = self.limit(20);
            }
        }
        Draft { operation: Operation::SetLimits { scope, limits }, needs: vec![(submitter, Rights::LIMITS)] }
    }

    fn limit(&mut self, percent: u64) -> Option<Amount> {
        if !self.random.percent(percent) {
            return None;
        }
        Some(match self.random.below(100) {
            0..4 => 0,
            4..40 => Amount::from(self.random.below(60)),
            40..95 => Amount::from(self.random.below(3_000)),
            _ => self.extreme(),
        })
    }

    pub(super) fn freeze(&mut self, model: &Model, submitter: MemberId) -> Draft {
        let target = match self.random.below(100) {
            0..30 => FreezeTarget::Account(self.account_of(model, submitter)),
            30..60 => FreezeTarget::Account(self.any_account(model)),
            60..80 => FreezeTarget::Asset(self.asset(model)),
            _ => FreezeTarget::Member(self.member(model)),
        };
        // Mostly it thaws, or everything would stand still before long.
        let percent = if matches!(target, FreezeTarget::Account(_)) { 30 } else { 8 };
        let (debits, credits) = (self.random.percent(percent), self.random.percent(percent));
        let operation = Operation::Freeze { target, debits, credits, reference: self.reference() };
        Draft { operation, needs: vec![(submitter, Rights::FREEZE)] }
    }

    pub(super) fn end_of_day(&mut self, model: &Model, submitter: MemberId) -> Draft {
        let step = self.random.weighted(&[(80, 1), (5, 0), (5, 31), (5, 32), (5, 100_000)]);
        let today = model.world.date.days();
        let days = if self.random.below(40) == 0 { today - 1 } else { today + step };
        let next = BusinessDate::from_days(days.min(BusinessDate::DAYS_MAX)).expect("at most the last day");
        Draft { operation: Operation::EndOfDay { next }, needs: vec![(submitter, Rights::ASSETS)] }
    }

    pub(super) fn create_asset(&mut self, submitter: MemberId) -> Draft {
        let kind = self.random.weighted(&[(70, AssetKind::DepositToken), (30, AssetKind::Stablecoin)]);
        let issuer = match self.random.below(100) {
            0..60 => submitter,
            60..90 => member_id(self.random.pick(&BANKS)),
            90..95 => member_id(CENTRAL_BANK),
            _ => member_id("nobody"),
        };
        let code = asset_code(self.random.pick(&NEW_ASSETS));
        let quota = self.random.pick(&[0, 100, 10_000, Amount::MAX]);
        let operation = Operation::CreateAsset { code, decimals: 2, kind, issuer, quota };
        Draft { operation, needs: vec![(submitter, Rights::ASSETS)] }
    }

    pub(super) fn set_quota(&mut self, model: &Model, submitter: MemberId) -> Draft {
        let asset = self.asset(model);
        let quota = match (self.random.below(3), asset.as_str()) {
            (_, "BIG") => Amount::MAX,
            (0, _) => Amount::from(self.random.below(5_000)),
            _ => 1_000_000,
        };
        Draft { operation: Operation::SetQuota { asset, quota }, needs: vec![(submitter, Rights::ASSETS)] }
    }
}
