//! Sums of amounts that neither overflow nor lose their sign.

use concordat_types::Amount;
use std::{cmp::Ordering, iter::Sum, ops};

/// `high * 2^64 + low`, where `low` may be of any size: only `parts` carries.
#[derive(Clone, Copy, Default, Debug)]
pub struct Wide {
    high: i128,
    low: i128,
}

impl Wide {
    fn parts(self) -> (i128, i128) {
        (self.high + (self.low >> 64), self.low & i128::from(u64::MAX))
    }

    /// None if it is negative or 2^128 or more.
    pub fn amount(self) -> Option<Amount> {
        let (high, low) = self.parts();
        let high = u64::try_from(high).ok()?;
        Some(Amount::from(high) << 64 | low as Amount)
    }
}

impl From<Amount> for Wide {
    fn from(amount: Amount) -> Wide {
        Wide { high: (amount >> 64) as i128, low: (amount & Amount::from(u64::MAX)) as i128 }
    }
}

impl ops::Add for Wide {
    type Output = Wide;
    fn add(self, other: Wide) -> Wide {
        Wide { high: self.high + other.high, low: self.low + other.low }
    }
}

impl ops::Sub for Wide {
    type Output = Wide;
    fn sub(self, other: Wide) -> Wide {
        Wide { high: self.high - other.high, low: self.low - other.low }
    }
}

impl Sum<Amount> for Wide {
    fn sum<I: Iterator<Item = Amount>>(amounts: I) -> Wide {
        amounts.fold(Wide::default(), |sum, amount| sum + amount.into())
    }
}

impl PartialEq for Wide {
    fn eq(&self, other: &Wide) -> bool {
        self.parts() == other.parts()
    }
}

impl Eq for Wide {}

impl PartialOrd for Wide {
    fn partial_cmp(&self, other: &Wide) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Wide {
    fn cmp(&self, other: &Wide) -> Ordering {
        self.parts().cmp(&other.parts())
    }
}

#[test]
fn wide_sums() {
    let max = Wide::from(Amount::MAX);
    assert_eq!(max.amount(), Some(Amount::MAX));
    assert_eq!((max + 1.into()).amount(), None);
    assert_eq!((max + max - max).amount(), Some(Amount::MAX));
    assert_eq!((Wide::from(3) - 4.into()).amount(), None);
    assert!(Wide::from(3) - 4.into() < Wide::default());
    assert!(max < max + 1.into());
    assert!(Wide::from(1 << 64) > Wide::from((1 << 64) - 1));
    assert_eq!([Amount::MAX, 1, 2].into_iter().sum::<Wide>(), max + 3.into());
}
