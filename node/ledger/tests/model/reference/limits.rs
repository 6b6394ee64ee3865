//! Limits: which hold for a payment, and what has been paid under them today.

use super::{Account, Counted, Flow, Wide, World};
use concordat_types::{AccountId, Amount, AssetCode, Leg, LimitScope, Limits, MemberId};

/// Whose payments are counted together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum CountedScope {
    Account(AccountId),
    Member(MemberId, AssetCode),
    Pair(MemberId, MemberId, AssetCode),
}

/// What was paid on the present business date.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Usage {
    pub out: Wide,
    pub into: Wide,
}

impl World {
    /// The limits under which the leg is paid.
    fn limits_of_payer(&self, leg: &Leg) -> Vec<(Limits, CountedScope)> {
        let Some(payer) = self.account(leg.debit_account) else { return Vec::new() };
        let mut scopes = self.limits_of_account(leg.debit_account, payer);
        if let Some(payee) = self.account(leg.credit_account).filter(|payee| payee.owner != payer.owner) {
            let (asset, counterparty) = (payer.asset, payee.owner);
            let member = LimitScope::Member { asset };
            scopes.extend(self.limits_set(payer.owner, member, CountedScope::Member(payer.owner, asset)));
            let pair = LimitScope::Bilateral { asset, counterparty };
            scopes.extend(self.limits_set(payer.owner, pair, CountedScope::Pair(payer.owner, counterparty, asset)));
        }
        scopes
    }

    /// Its own and its tier's. Usage is kept per account for both.
    fn limits_of_account(&self, id: AccountId, account: &Account) -> Vec<(Limits, CountedScope)> {
        let counted = CountedScope::Account(id);
        let own = self.limits_set(account.owner, LimitScope::Account(id), counted);
        let tier = account.tier.map(|tier| LimitScope::Tier { asset: account.asset, tier });
        own.into_iter().chain(tier.and_then(|scope| self.limits_set(account.owner, scope, counted))).collect()
    }

    fn limits_set(&self, owner: MemberId, scope: LimitScope, counted: CountedScope) -> Option<(Limits, CountedScope)> {
        self.limits.get(&(owner, scope)).map(|limits| (*limits, counted))
    }

    pub(super) fn passes_second_key_limit(&self, leg: &Leg) -> bool {
        let limits = self.limits_of_payer(leg);
        limits.iter().any(|(limits, _)| limits.second_key_above.is_some_and(|above| leg.amount > above))
    }

    pub(super) fn passes_limit(&self, leg: &Leg) -> bool {
        let amount = leg.amount;
        let payer = self.limits_of_payer(leg).into_iter().any(|(limits, counted)| {
            let Usage { out, into } = self.usage(counted);
            let passes = |max: Option<Amount>, sum: Wide| max.is_some_and(|max| sum > Wide::from(max));
            passes(limits.transfer_max, amount.into())
                || passes(limits.day_max, out + amount.into())
                || passes(limits.net_debit_max, out + amount.into() - into)
        });
        let credit = leg.credit_account;
        let payee = self.account(credit).is_some_and(|account| {
            let holds = self.credits_posted(credit) + self.credits_pending(credit) - self.debits_posted(credit);
            let limits = self.limits_of_account(credit, account);
            let passes = |max: Amount| holds + amount.into() > Wide::from(max);
            limits.into_iter().any(|(limits, _)| limits.balance_max.is_some_and(passes))
        });
        payer || payee
    }

    pub fn usage(&self, scope: CountedScope) -> Usage {
        let Some(from) = self.counting.get(&scope) else { return Usage::default() };
        let mut usage = Usage::default();
        for counted in self.counted[*from..].iter().filter(|counted| counted.date == self.date) {
            let Counted { leg, flow, released, .. } = *counted;
            let back = Leg { debit_account: leg.credit_account, credit_account: leg.debit_account, ..leg };
            if flow != Flow::Posted && self.is_out_of(scope, &leg) {
                usage.out = usage.out + leg.amount.into() - released.into();
            }
            if flow != Flow::Reserved && self.is_out_of(scope, &back) {
                usage.into = usage.into + leg.amount.into();
            }
        }
        // What is counted stops at 2^128 - 1.
        let most = Wide::from(Amount::MAX);
        Usage { out: usage.out.min(most), into: usage.into.min(most) }
    }

    fn is_out_of(&self, scope: CountedScope, leg: &Leg) -> bool {
        let (debit, credit) = (&self.accounts[&leg.debit_account], &self.accounts[&leg.credit_account]);
        match scope {
            CountedScope::Account(id) => leg.debit_account == id,
            CountedScope::Member(member, asset) => {
                debit.owner == member && credit.owner != member && debit.asset == asset
            }
            CountedScope::Pair(member, other, asset) => {
                debit.owner == member && credit.owner == other && debit.asset == asset
            }
        }
    }

    /// After each operation: what is limited now counts from now on, what is no longer limited is counted no more.
    pub(super) fn update_counting(&mut self) {
        let mut scopes: Vec<CountedScope> = Vec::new();
        for (owner, scope) in self.limits.keys() {
            match *scope {
                LimitScope::Account(id) => scopes.push(CountedScope::Account(id)),
                LimitScope::Tier { .. } => {}
                LimitScope::Member { asset } => scopes.push(CountedScope::Member(*owner, asset)),
                LimitScope::Bilateral { asset, counterparty } => {
                    scopes.push(CountedScope::Pair(*owner, counterparty, asset));
                    scopes.push(CountedScope::Member(*owner, asset));
                }
            }
        }
        let in_tiers = self.accounts.iter().filter(|(_, account)| account.tier.is_some() && !account.is_closed);
        scopes.extend(in_tiers.map(|(id, _)| CountedScope::Account(*id)));
        self.counting.retain(|scope, _| scopes.contains(scope));
        for scope in scopes {
            self.counting.entry(scope).or_insert(self.counted.len());
        }
    }

    pub fn is_counted(&self, scope: CountedScope) -> bool {
        self.counting.contains_key(&scope)
    }
}
