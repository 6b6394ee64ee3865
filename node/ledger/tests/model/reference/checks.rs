//! The checks of a leg, each on its own: what can be judged is judged, whatever else fails.

use super::{Account, Refusals, Wide, World};
use concordat_types::{AccountId, Amount, Ed25519PublicKey, Leg, MemberId, ResultCode, Rights};
use std::collections::BTreeSet;

/// Who stands behind a transaction.
pub struct Signed<'a> {
    pub submitter: MemberId,
    pub keys: &'a [Ed25519PublicKey],
}

/// What a leg is part of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    Issue,
    Redemption,
    Payment,
}

impl Purpose {
    pub fn right(self) -> Rights {
        if self == Purpose::Issue { Rights::ISSUE } else { Rights::PAY }
    }
}

impl World {
    /// The member's operator keys with the right that have signed.
    fn signers(&self, signed: &Signed<'_>, member: MemberId, right: Rights) -> BTreeSet<Ed25519PublicKey> {
        let Some(member) = self.members.get(&member) else { return BTreeSet::new() };
        let operators = member.operator_keys.iter();
        let with_right = operators.filter(|operator| operator.rights.0 & right.0 == right.0);
        with_right.map(|operator| operator.key).filter(|key| signed.keys.contains(key)).collect()
    }

    pub fn has_signed(&self, signed: &Signed<'_>, member: MemberId, right: Rights) -> bool {
        !self.signers(signed, member, right).is_empty()
    }

    fn two_have_signed(&self, signed: &Signed<'_>, member: MemberId, right: Rights) -> bool {
        let (makers, checkers) = (self.signers(signed, member, right), self.signers(signed, member, Rights::APPROVE));
        makers.iter().any(|maker| checkers.iter().any(|checker| checker != maker))
    }

    /// Everything.
    pub fn leg_refusals(&self, signed: &Signed<'_>, leg: &Leg, purpose: Purpose) -> Refusals {
        self.name_refusals(leg)
            .and(self.right_refusals(signed, leg, purpose))
            .and(self.standing_refusals(signed, leg))
            .and(self.second_key_refusals(signed, leg, purpose))
            .and(self.amount_refusals(leg))
            .and(self.means_refusals(leg, purpose))
    }

    /// 10 to 13.
    pub fn name_refusals(&self, leg: &Leg) -> Refusals {
        let (debit, credit) = (self.account(leg.debit_account), self.account(leg.credit_account));
        let differ = matches!((debit, credit), (Some(debit), Some(credit)) if debit.asset != credit.asset);
        Refusals::when(debit.is_none(), ResultCode::DebitAccountNotFound)
            .and_when(credit.is_none(), ResultCode::CreditAccountNotFound)
            .and_when(leg.debit_account == leg.credit_account, ResultCode::SameAccount)
            .and_when(differ, ResultCode::AssetMismatch)
    }

    /// 20.
    pub fn right_refusals(&self, signed: &Signed<'_>, leg: &Leg, purpose: Purpose) -> Refusals {
        let debit = self.account(leg.debit_account);
        let is_signed = |payer: &Account| {
            self.has_signed(signed, payer.owner, purpose.right())
                && (purpose != Purpose::Issue || payer.owner == signed.submitter)
        };
        let misused = purpose == Purpose::Payment && self.touches_issuance(leg);
        Refusals::when(misused || debit.is_some_and(|debit| !is_signed(debit)), ResultCode::NotAuthorised)
    }

    pub fn touches_issuance(&self, leg: &Leg) -> bool {
        let is_issuance = |id: AccountId| self.account(id).is_some_and(|account| account.is_issuance);
        is_issuance(leg.debit_account) || is_issuance(leg.credit_account)
    }

    /// 21 to 25.
    pub fn standing_refusals(&self, signed: &Signed<'_>, leg: &Leg) -> Refusals {
        let (debit, credit) = (self.account(leg.debit_account), self.account(leg.credit_account));
        let owner_frozen = |account: &Account| {
            let frozen = self.members[&account.owner].frozen;
            (frozen.debits, frozen.credits)
        };
        let parties = || debit.into_iter().chain(credit);
        let all_active = self.is_active(signed.submitter) && parties().all(|account| self.is_active(account.owner));
        let debit_frozen = |account: &Account| {
            account.frozen_by_owner.debits || account.frozen_by_issuer.debits || owner_frozen(account).0
        };
        let credit_frozen = |account: &Account| {
            account.frozen_by_owner.credits || account.frozen_by_issuer.credits || owner_frozen(account).1
        };
        Refusals::when(!all_active, ResultCode::MemberNotActive)
            .and_when(debit.is_some_and(|debit| self.assets[&debit.asset].frozen), ResultCode::AssetFrozen)
            .and_when(debit.is_some_and(debit_frozen), ResultCode::DebitAccountFrozen)
            .and_when(credit.is_some_and(credit_frozen), ResultCode::CreditAccountFrozen)
            .and_when(parties().any(|account| account.is_closed), ResultCode::AccountClosed)
    }

    /// 30 and 31.
    pub fn amount_refusals(&self, leg: &Leg) -> Refusals {
        let passes = |posted: Wide, pending: Wide| posted + pending + leg.amount.into() > Wide::from(Amount::MAX);
        let (debit, credit) = (leg.debit_account, leg.credit_account);
        let overflows = passes(self.debits_posted(debit), self.debits_pending(debit))
            || passes(self.credits_posted(credit), self.credits_pending(credit));
        Refusals::when(leg.amount == 0, ResultCode::AmountZero).and_when(overflows, ResultCode::AmountOverflow)
    }

    /// 27.
    pub fn second_key_refusals(&self, signed: &Signed<'_>, leg: &Leg, purpose: Purpose) -> Refusals {
        let debit = self.account(leg.debit_account);
        let lacks = |debit: &Account| !self.two_have_signed(signed, debit.owner, purpose.right());
        Refusals::when(self.passes_second_key_limit(leg) && debit.is_some_and(lacks), ResultCode::SecondKeyMissing)
    }

    /// 90 to 92: what the payer may and can.
    pub fn means_refusals(&self, leg: &Leg, purpose: Purpose) -> Refusals {
        let amount = Wide::from(leg.amount);
        let asset = self.account(leg.debit_account).map(|debit| &self.assets[&debit.asset]);
        let passes_quota =
            purpose == Purpose::Issue && asset.is_some_and(|asset| self.supply(asset) + amount > asset.quota.into());
        let lacks_funds = purpose != Purpose::Issue
            && self.account(leg.debit_account).is_some()
            && self.available(leg.debit_account) < amount;
        Refusals::when(passes_quota, ResultCode::QuotaExceeded)
            .and_when(self.passes_limit(leg), ResultCode::LimitExceeded)
            .and_when(lacks_funds, ResultCode::InsufficientFunds)
    }
}
