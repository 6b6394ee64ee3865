//! Times as people write them: RFC 3339.

use concordat_types::{BusinessDate, Timestamp};

/// `2026-11-28T17:00:00Z`, with up to three digits of a second's fraction, and an offset instead of Z.
pub fn parse(text: &str) -> Option<Timestamp> {
    let date: BusinessDate = text.get(..10)?.parse().ok()?;
    let rest = text.get(10..)?.strip_prefix(['T', 't', ' '])?;
    let (clock, zone) = rest.split_at(rest.find(['Z', 'z', '+', '-'])?);
    let (whole, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = two_digits(whole)?;
    let is_fraction = (1..=3).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if hour > 23 || minute > 59 || second > 59 || !is_fraction {
        return None;
    }
    let ms = format!("{fraction:0<3}").parse::<i64>().ok()?;
    let seconds = i64::from(date.days()) * 86_400 + hour * 3_600 + minute * 60 + second - offset_seconds(zone)?;
    u64::try_from(seconds * 1_000 + ms).ok().map(Timestamp)
}

/// East of Greenwich.
fn offset_seconds(zone: &str) -> Option<i64> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let [hours, minutes] = two_digits(zone.strip_prefix(['+', '-'])?)?;
    let seconds = (hours <= 23 && minutes <= 59).then_some(hours * 3_600 + minutes * 60)?;
    Some(if zone.starts_with('-') { -seconds } else { seconds })
}

/// `08:30`: numbers of two digits each.
fn two_digits<const N: usize>(text: &str) -> Option<[i64; N]> {
    let number = |part: &str| match part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()) {
        true => part.parse().ok(),
        false => None,
    };
    text.split(':').map(number).collect::<Option<Vec<i64>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::format_time;

    #[test]
    fn times_are_rfc_3339() {
        for (text, expected) in [
            ("2026-11-28T17:00:00Z", Some("2026-11-28T17:00:00.000Z")),
            ("2026-11-28t17:00:00.5z", Some("2026-11-28T17:00:00.500Z")),
            ("2026-11-28 17:00:59.123+01:30", Some("2026-11-28T15:30:59.123Z")),
            ("2026-12-31T23:59:00-00:01", Some("2027-01-01T00:00:00.000Z")),
            ("1970-01-01T00:00:00Z", Some("1970-01-01T00:00:00.000Z")),
            ("1970-01-01T00:00:00+00:01", None),
            ("2026-02-29T00:00:00Z", None),
            ("2026-11-28T24:00:00Z", None),
            ("2026-11-28T17:60:00Z", None),
            ("2026-11-28T17:00Z", None),
            ("2026-11-28T17:00:00", None),
            ("2026-11-28T17:00:00.1234Z", None),
            ("2026-11-28T17:00:00.Z", None),
            ("2026-11-28T17:00:00Zulu", None),
            ("2026-11-28T17:00:00+1:00", None),
            ("2026-11-28T17:00:00+24:00", None),
            ("2026-11-28", None),
            ("2026-11-2\u{00e9}T17:00:00Z", None),
            ("", None),
        ] {
            let got = parse(text).map(|time| format_time(time.0));
            assert_eq!(got.as_deref(), expected, "{text}");
        }
    }
}
