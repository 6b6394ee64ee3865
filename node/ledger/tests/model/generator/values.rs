//! Accounts, amounts, times: mostly such as fit, often such as just do not.

use super::Generator;
use crate::{
    reference::{Account, Model, Wide},
    scene::account_id,
};
use concordat_types::{AccountId, Amount, AssetCode, MemberId, Reference, Timestamp, Uuid};

impl Generator {
    pub(super) fn new_id(&mut self, model: &Model) -> Uuid {
        let earlier: Vec<Uuid> = self.operations.iter().filter_map(id_of).collect();
        self.id(model, &earlier)
    }

    pub(super) fn reference(&mut self) -> Reference {
        Reference::new(self.random.pick(&["", "INV-7"])).unwrap()
    }

    fn account_where(&mut self, model: &Model, fits: impl Fn(&Account) -> bool) -> AccountId {
        if self.random.below(100) == 0 {
            return account_id("bank-a/EUR/nowhere");
        }
        let accounts = &model.world.accounts;
        let likes_open = !self.random.percent(4);
        let fitting: Vec<AccountId> = accounts
            .iter()
            .filter(|(_, account)| fits(account) && !(likes_open && (account.is_closed || account.is_issuance)))
            .map(|(id, _)| *id)
            .collect();
        let all: Vec<AccountId> = accounts.keys().copied().collect();
        self.random.try_pick(&fitting).unwrap_or_else(|| self.random.pick(&all))
    }

    pub(super) fn any_account(&mut self, model: &Model) -> AccountId {
        self.account_where(model, |_| true)
    }

    pub(super) fn account_of(&mut self, model: &Model, owner: MemberId) -> AccountId {
        self.account_where(model, |account| account.owner == owner)
    }

    pub(super) fn account_of_in(&mut self, model: &Model, owner: MemberId, asset: AssetCode) -> AccountId {
        self.account_where(model, |account| account.owner == owner && account.asset == asset)
    }

    pub(super) fn account_in(&mut self, model: &Model, asset: AssetCode) -> AccountId {
        self.account_where(model, |account| account.asset == asset)
    }

    /// One that may be paid from the other.
    pub(super) fn payee_of(&mut self, model: &Model, debit: AccountId) -> AccountId {
        match self.random.below(100) {
            0 => debit,
            1 => self.any_account(model),
            _ => match model.world.accounts.get(&debit) {
                Some(account) => {
                    let payee = self.account_in(model, account.asset);
                    // Once more where it is the same by chance.
                    if payee == debit { self.account_in(model, account.asset) } else { payee }
                }
                None => self.any_account(model),
            },
        }
    }

    pub(super) fn asset(&mut self, model: &Model) -> AssetCode {
        if self.random.below(60) == 0 {
            return crate::scene::asset_code("GBP");
        }
        let assets: Vec<AssetCode> = model.world.assets.keys().copied().collect();
        self.random.pick(&assets)
    }

    pub(super) fn member(&mut self, model: &Model) -> MemberId {
        if self.random.below(40) == 0 {
            return crate::scene::member_id("nobody");
        }
        let members: Vec<MemberId> = model.world.members.keys().copied().collect();
        self.random.pick(&members)
    }

    /// Of a payment from an account.
    pub(super) fn amount(&mut self, model: &Model, debit: AccountId, credit: AccountId) -> Amount {
        let available = model.world.available(debit).amount().unwrap_or(0);
        match self.random.below(100) {
            0..2 => 0,
            2..55 => 1 + Amount::from(self.random.below(20)),
            55..75 => match available {
                0 => 1,
                available => Amount::from(self.random.next()) % available.min(1 << 60) + 1,
            },
            75..85 => self.beside(available),
            85..93 => self.beside_a_limit(model),
            93..96 => {
                let turned_over = model.world.credits_posted(credit) + model.world.credits_pending(credit);
                let room = (Wide::from(Amount::MAX) - turned_over).amount().unwrap_or(0);
                self.beside(room)
            }
            96..98 => available,
            _ => self.extreme(),
        }
    }

    pub(super) fn beside(&mut self, amount: Amount) -> Amount {
        match self.random.below(3) {
            0 => amount.saturating_sub(1),
            1 => amount,
            _ => amount.saturating_add(1),
        }
    }

    fn beside_a_limit(&mut self, model: &Model) -> Amount {
        let limits = model.world.limits.values();
        let amounts: Vec<Amount> = limits
            .flat_map(|limits| {
                [limits.transfer_max, limits.day_max, limits.net_debit_max, limits.balance_max, limits.second_key_above]
            })
            .flatten()
            .collect();
        let amount = self.random.try_pick(&amounts).unwrap_or(10);
        self.beside(amount)
    }

    pub(super) fn extreme(&mut self) -> Amount {
        self.random.pick(&[Amount::MAX, Amount::MAX - 1, 1 << 127, (1 << 127) - 1, 1 << 64, Amount::MAX / 3])
    }

    /// Of a hold or an offer: mostly soon, so that it is met.
    pub(super) fn end_time(&mut self, model: &Model) -> Timestamp {
        let now = model.time.0;
        Timestamp(match self.random.below(100) {
            0..2 => now - self.random.below(2),
            2 => u64::MAX,
            3 => u64::MAX - 1,
            4..8 => now + 1,
            8..40 => now + self.random.below(5_000),
            40..70 => now + self.random.below(60_000),
            70..90 => now + self.random.below(3_600_000),
            _ => now + self.random.below(4 * 86_400_000),
        })
    }
}

fn id_of(operation: &concordat_types::Operation) -> Option<Uuid> {
    use concordat_types::Operation;
    match operation {
        Operation::Transfer(transfer) => Some(transfer.id),
        Operation::Issue { id, .. } | Operation::Redeem { id, .. } | Operation::Post { id, .. } => Some(*id),
        Operation::Hold(hold) => Some(hold.id),
        Operation::Offer(offer) => Some(offer.id),
        Operation::Batch { transfers, .. } => transfers.first().map(|transfer| transfer.id),
        _ => None,
    }
}
