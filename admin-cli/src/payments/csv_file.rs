//! The file as a bank writes it: RFC 4180, UTF-8, header `id,debit,credit,amount,reference,purpose`.

use crate::{CliError, amounts::parse_amount, client::AssetView, transactions::parse_id};
use concordat_types::{Amount, AssetCode, Purpose, Reference, Uuid, names::AccountPath};
use std::collections::{BTreeMap, BTreeSet};

/// Decimals by asset.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Assets(pub BTreeMap<AssetCode, u8>);

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PaymentFile {
    pub payments: Vec<Payment>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payment {
    /// None: the file leaves it open.
    pub id: Option<Uuid>,
    pub debit: AccountPath,
    pub credit: AccountPath,
    /// Minor units of the debit account's asset.
    pub amount: Amount,
    pub reference: Reference,
    pub purpose: Purpose,
}

impl Assets {
    pub fn new(assets: &[AssetView]) -> Assets {
        Assets(assets.iter().map(|asset| (asset.code, asset.decimals)).collect())
    }

    pub fn decimals(&self, asset: AssetCode) -> Result<u8, CliError> {
        self.0.get(&asset).copied().ok_or_else(|| {
            let known: Vec<_> = self.0.keys().map(AssetCode::to_string).collect();
            CliError::usage(
                format!("there is no asset {asset} on this ledger"),
                format!("Use one of {}.", known.join(", ")),
            )
        })
    }
}

impl PaymentFile {
    pub const HEADER: [&'static str; 6] = ["id", "debit", "credit", "amount", "reference", "purpose"];
    /// A bound on memory; larger files are several files.
    pub const PAYMENTS_MAX: usize = 4_000_000;

    /// The whole file is judged before anything is sent: one bad line refuses all of it, and is named.
    pub fn parse(bytes: &[u8], assets: &Assets) -> Result<PaymentFile, CliError> {
        // A byte order mark, as spreadsheets write it.
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader = csv::ReaderBuilder::new().has_headers(true).flexible(false).from_reader(bytes);
        let header = reader.headers().map_err(|error| bad_line(1, describe(&error)))?;
        if header.iter().ne(Self::HEADER) {
            return Err(bad_line(1, format!("the header must be {}", Self::HEADER.join(","))));
        }
        let mut payments = Vec::new();
        let mut ids = BTreeSet::new();
        for record in reader.records() {
            let record =
                record.map_err(|error| bad_line(error.position().map_or(0, csv::Position::line), describe(&error)))?;
            let line = record.position().map_or(0, csv::Position::line);
            let payment = parse_payment(&record, assets).map_err(|cause| bad_line(line, cause))?;
            if payment.id.is_some_and(|id| !ids.insert(id)) {
                return Err(bad_line(line, "the id stands in the file twice".to_owned()));
            }
            if payments.len() == Self::PAYMENTS_MAX {
                return Err(bad_line(line, format!("more than {} payments in one file", Self::PAYMENTS_MAX)));
            }
            payments.push(payment);
        }
        if payments.is_empty() {
            return Err(CliError::usage("the payment file holds no payment", "Add lines below the header."));
        }
        Ok(PaymentFile { payments })
    }
}

fn parse_payment(record: &csv::StringRecord, assets: &Assets) -> Result<Payment, String> {
    let field = |index: usize| record.get(index).unwrap_or_default();
    let named = |name: &str, error: &dyn std::fmt::Display| format!("{name}: {error}");
    let debit: AccountPath = field(1).parse().map_err(|error| named("debit", &error))?;
    let decimals = assets.decimals(debit.asset).map_err(|error| named("debit", &error.cause))?;
    Ok(Payment {
        id: match field(0) {
            "" => None,
            text => Some(parse_id(text).map_err(|error| named("id", &error.cause))?),
        },
        debit,
        credit: field(2).parse().map_err(|error| named("credit", &error))?,
        amount: parse_amount(field(3), decimals).map_err(|error| named("amount", &error))?,
        reference: field(4).parse().map_err(|error| named("reference", &error))?,
        purpose: field(5).parse().map_err(|error| named("purpose", &error))?,
    })
}

fn describe(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!("{len} fields, expected {expected_len}"),
        csv::ErrorKind::Utf8 { .. } => "not UTF-8".to_owned(),
        _ => error.to_string(),
    }
}

fn bad_line(line: u64, cause: String) -> CliError {
    CliError::usage(
        format!("payment file, line {line}: {cause}"),
        "Mend the line and run the command again; nothing was sent.",
    )
}
