//! Decimals as people write them, minor units as the ledger counts them.

use concordat_types::Amount;

/// `12`, `12.5`, `12.50`: digits, and after one point at most `decimals` of them. No sign, exponent or grouping.
pub fn parse_amount(text: &str, decimals: u8) -> Result<Amount, AmountError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(AmountError::NotDecimal(text.chars().take(40).collect()));
    }
    let places = if text.contains('.') { fraction.len() } else { 0 };
    if places > usize::from(decimals) {
        return Err(AmountError::TooManyDecimals { got: places, max: decimals });
    }
    let missing = usize::from(decimals) - places;
    let minor = whole.bytes().chain(fraction.bytes().take(places)).chain(std::iter::repeat_n(b'0', missing));
    let shift = |amount: Amount, digit: u8| amount.checked_mul(10)?.checked_add(Amount::from(digit - b'0'));
    minor.into_iter().try_fold(0, shift).ok_or(AmountError::TooLarge)
}

/// With all of the asset's decimals: `12.50`.
pub fn format_amount(amount: Amount, decimals: u8) -> String {
    let places = usize::from(decimals);
    let digits = format!("{amount:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    if places == 0 { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

/// Credits less debits; only the issuance account of an asset goes below zero.
pub fn format_balance(credits: Amount, debits: Amount, decimals: u8) -> String {
    match credits.checked_sub(debits) {
        Some(balance) => format_amount(balance, decimals),
        None => format!("-{}", format_amount(debits - credits, decimals)),
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AmountError {
    #[error("{0:?} is no amount; write it like 1250.00")]
    NotDecimal(String),
    #[error("{got} decimals, the asset has {max}")]
    TooManyDecimals { got: usize, max: u8 },
    #[error("the amount is larger than the ledger can count")]
    TooLarge,
}

impl From<AmountError> for crate::CliError {
    fn from(error: AmountError) -> crate::CliError {
        crate::CliError::usage(
            error.to_string(),
            "Mend the amount; `concordat asset list` shows each asset's decimals.",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, decimals: u8, expected: &str) {
        let got = match parse_amount(text, decimals) {
            Ok(amount) => amount.to_string(),
            Err(AmountError::NotDecimal(_)) => "not a decimal".to_owned(),
            Err(AmountError::TooManyDecimals { .. }) => "too many decimals".to_owned(),
            Err(AmountError::TooLarge) => "too large".to_owned(),
        };
        assert_eq!(got, expected, "{text} with {decimals} decimals");
    }

    #[test]
    fn amounts_are_plain_decimals() {
        check("12", 2, "1200");
        check("12.3", 2, "1230");
        check("12.34", 2, "1234");
        check("0", 2, "0");
        check("0.01", 2, "1");
        check("007.00", 2, "700");
        check("5", 0, "5");
        check("0.000000000000000001", 18, "1");
        check("12.345", 2, "too many decimals");
        check("12.340", 2, "too many decimals");
        check("5.0", 0, "too many decimals");
        for text in ["", ".", ".5", "5.", "-1", "+1", "1e3", "1,000", "1 000", "1.2.3", "0x10", "١", "NaN", " 1"] {
            check(text, 2, "not a decimal");
        }
    }

    #[test]
    fn the_largest_amount_is_two_to_the_128_less_one() {
        check("340282366920938463463374607431768211455", 0, "340282366920938463463374607431768211455");
        check("340282366920938463463374607431768211456", 0, "too large");
        check("3402823669209384634633746074317682114.55", 2, "340282366920938463463374607431768211455");
        check("3402823669209384634633746074317682114.56", 2, "too large");
        check(&"9".repeat(1000), 2, "too large");
    }

    #[test]
    fn formatting_is_the_way_back() {
        for (amount, decimals, text) in
            [(0, 2, "0.00"), (5, 2, "0.05"), (1234, 2, "12.34"), (7, 0, "7"), (1, 18, "0.000000000000000001")]
        {
            assert_eq!(format_amount(amount, decimals), text);
            assert_eq!(parse_amount(text, decimals), Ok(amount));
        }
        assert_eq!(parse_amount(&format_amount(u128::MAX, 18), 18), Ok(u128::MAX));
        assert_eq!(format_balance(500, 1234, 2), "-7.34");
        assert_eq!(format_balance(1234, 1234, 2), "0.00");
        assert_eq!(format_balance(0, u128::MAX, 0), format!("-{}", u128::MAX));
    }
}
