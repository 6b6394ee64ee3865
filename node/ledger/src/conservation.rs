//! Money is never made or lost outside an issue.

use alloc::collections::BTreeMap;
use concordat_types::{Account, AccountId, Amount, AssetCode, money::AccountFlags};
use core::fmt;

/// A sum of amounts that cannot overflow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sum {
    high: u64,
    low: u128,
}

impl Sum {
    pub(crate) fn add(&mut self, amount: Amount) {
        let (low, carry) = self.low.overflowing_add(amount);
        self.low = low;
        self.high += u64::from(carry);
    }
}

/// Debits and credits of an asset.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Sums {
    pub debits: Sum,
    pub credits: Sum,
}

/// How a set of accounts breaks the books.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConservationError {
    /// Posted (or pending) debits and credits of the asset differ.
    Unbalanced { asset: AssetCode },
    /// The issuance account is in credit: less than nothing would be outstanding.
    NegativeSupply { asset: AssetCode },
    /// An account that may not go below zero has.
    Overdrawn { account: AccountId },
}

impl fmt::Display for ConservationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConservationError::Unbalanced { asset } => write!(f, "debits and credits of {asset} differ"),
            ConservationError::NegativeSupply { asset } => write!(f, "the supply of {asset} is negative"),
            ConservationError::Overdrawn { account } => write!(f, "account {account} is overdrawn"),
        }
    }
}

impl core::error::Error for ConservationError {}

/// The books of a whole state, account by account: none is kept.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// Posted and pending.
    assets: BTreeMap<AssetCode, [Sums; 2]>,
    /// The first account that is wrong by itself.
    wrong: Option<ConservationError>,
}

impl Books {
    pub fn add(&mut self, account: &Account) {
        let [posted, pending] = self.assets.entry(account.asset).or_default();
        posted.debits.add(account.debits_posted);
        posted.credits.add(account.credits_posted);
        pending.debits.add(account.debits_pending);
        pending.credits.add(account.credits_pending);
        if self.wrong.is_none() {
            self.wrong = wrong_by_itself(account);
        }
    }

    /// After all accounts: per asset the debits equal the credits, supply is not negative, and nobody but an issuance
    /// account is below zero.
    pub fn check(&self) -> Result<(), ConservationError> {
        let unbalanced = |sums: &Sums| sums.debits != sums.credits;
        let asset = self.assets.iter().find(|(_, sums)| sums.iter().any(unbalanced));
        match (self.wrong, asset) {
            (Some(wrong), _) => Err(wrong),
            (None, Some((asset, _))) => Err(ConservationError::Unbalanced { asset: *asset }),
            (None, None) => Ok(()),
        }
    }
}

fn wrong_by_itself(account: &Account) -> Option<ConservationError> {
    if account.flags.contains(AccountFlags::ISSUANCE) {
        let in_credit = account.credits_posted > account.debits_posted;
        return in_credit.then_some(ConservationError::NegativeSupply { asset: account.asset });
    }
    let overdrawn = account.available().is_none();
    overdrawn.then(|| ConservationError::Overdrawn { account: AccountId::new(&account.path()) })
}

/// Checks every account there is, see `Books::check`.
pub fn conservation_in_full<'a>(accounts: impl IntoIterator<Item = &'a Account>) -> Result<(), ConservationError> {
    let mut books = Books::default();
    accounts.into_iter().for_each(|account| books.add(account));
    books.check()
}
