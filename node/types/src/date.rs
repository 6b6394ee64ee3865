//! The business date: the day that limits count by, moved on by the central bank and by no clock.

use borsh::{BorshDeserialize, BorshSerialize};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::{NameError, Timestamp};

/// Days since 1970-01-01, proleptic Gregorian calendar, at most 9999-12-31. Written as ISO 8601, `2026-11-28`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, BorshSerialize)]
pub struct BusinessDate(u32);

impl BusinessDate {
    /// 9999-12-31.
    pub const DAYS_MAX: u32 = 2_932_896;

    pub fn from_days(days: u32) -> Option<BusinessDate> {
        (days <= Self::DAYS_MAX).then_some(BusinessDate(days))
    }

    pub fn days(self) -> u32 {
        self.0
    }

    /// The day in UTC.
    pub fn of(time: Timestamp) -> BusinessDate {
        BusinessDate((time.0 / 86_400_000).min(u64::from(Self::DAYS_MAX)) as u32)
    }

    /// Year, month from 1, day from 1. By Hinnant's "days from civil" with years that begin in March.
    fn civil(self) -> (u32, u32, u32) {
        let days = self.0 + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        (year_of_era + era * 400 + u32::from(month <= 2), month, day)
    }

    fn from_civil(year: u32, month: u32, day: u32) -> Option<BusinessDate> {
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let march_year = year - u32::from(month <= 2);
        let (era, year_of_era) = (march_year / 400, march_year % 400);
        let march_month = if month > 2 { month - 3 } else { month + 9 };
        let day_of_year = (153 * march_month + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let date = BusinessDate((era * 146_097 + day_of_era).checked_sub(719_468)?);
        // A day that the month does not have comes back as one of the next month.
        (date.civil() == (year, month, day)).then_some(date)
    }
}

impl fmt::Display for BusinessDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Debug for BusinessDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for BusinessDate {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let error = NameError("a date is written year-month-day, such as 2026-11-28, from 1970 on");
        let (bytes, number) = (text.as_bytes(), |digits: &str| digits.parse::<u32>().ok());
        let form = bytes.len() == 10
            && bytes.iter().enumerate().all(|(i, byte)| match i {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !form {
            return Err(error);
        }
        let (Some(year), Some(month), Some(day)) = (number(&text[..4]), number(&text[5..7]), number(&text[8..])) else {
            return Err(error);
        };
        BusinessDate::from_civil(year, month, day).ok_or(error)
    }
}

impl BorshDeserialize for BusinessDate {
    fn deserialize_reader<R: borsh::io::Read>(reader: &mut R) -> borsh::io::Result<Self> {
        let days = u32::deserialize_reader(reader)?;
        BusinessDate::from_days(days).ok_or_else(|| crate::encode::invalid("a date after 9999-12-31"))
    }
}

impl Serialize for BusinessDate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BusinessDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <alloc::string::String as Deserialize>::deserialize(deserializer)?;
        text.parse().map_err(|error: NameError| D::Error::custom(error.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn dates_are_days_of_the_gregorian_calendar() {
        // Days counted with `date -u -d DATE +%s` / 86400.
        for (text, days) in [
            ("1970-01-01", 0),
            ("1999-12-31", 10_956),
            ("2000-02-29", 11_016),
            ("2000-03-01", 11_017),
            ("2026-11-28", 20_785),
            ("2100-02-28", 47_540),
            ("2100-03-01", 47_541),
            ("9999-12-31", BusinessDate::DAYS_MAX),
        ] {
            let date: BusinessDate = text.parse().expect(text);
            assert_eq!(date.days(), days, "{text}");
            assert_eq!(date.to_string(), text);
        }
        for text in ["2026-02-29", "2100-02-29", "1969-12-31", "2026-13-01", "2026-04-31", "2026-1-01", "20261128", ""]
        {
            assert!(text.parse::<BusinessDate>().is_err(), "{text}");
        }
        for days in 0..=BusinessDate::DAYS_MAX {
            let (year, month, day) = BusinessDate(days).civil();
            assert_eq!(BusinessDate::from_civil(year, month, day), Some(BusinessDate(days)));
        }
        assert_eq!(BusinessDate::of(Timestamp(1_700_000_000_000)).to_string(), "2023-11-14");
        assert_eq!(BusinessDate::of(Timestamp(u64::MAX)).days(), BusinessDate::DAYS_MAX);
    }
}
