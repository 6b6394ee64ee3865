//! Records of payments, holds and offers for people and for programs.

use crate::{
    CliError,
    amounts::{format_amount, format_balance},
    client::records::{Counters, EntryView, FoundView, LegView, RecordView},
    output::format_time,
    payments::Assets,
};
use concordat_proto::v1::{Cursor, found_record, record};
use concordat_types::{AccountId, AssetCode, names::AccountPath};
use serde_json::{Value, json};

pub fn kind_name(kind: record::Kind) -> &'static str {
    match kind {
        record::Kind::Unknown => "unknown",
        record::Kind::Transfer => "transfer",
        record::Kind::Issue => "issue",
        record::Kind::Redeem => "redeem",
        record::Kind::Hold => "hold",
        record::Kind::Post => "post",
        record::Kind::Void => "void",
        record::Kind::Offer => "offer",
        record::Kind::Accept => "accept",
        record::Kind::Cancel => "cancel",
        record::Kind::Expiry => "expiry",
        record::Kind::Vote => "vote",
    }
}

/// None: it is no hold or offer that was made.
pub fn state_name(state: found_record::State) -> Option<&'static str> {
    match state {
        found_record::State::None => None,
        found_record::State::Open => Some("open"),
        found_record::State::Posted => Some("posted"),
        found_record::State::Voided => Some("voided"),
        found_record::State::Expired => Some("expired"),
        found_record::State::Ended => Some("ended"),
    }
}

pub fn to_json(record: &RecordView, assets: &Assets) -> Result<Value, CliError> {
    let legs = record.legs.iter().map(|leg| leg_to_json(leg, assets)).collect::<Result<Vec<_>, _>>()?;
    let mut data = json!({
        "height": record.height.0,
        "time": format_time(record.time_ms),
        "leaf": record.leaf,
        "kind": kind_name(record.kind),
        "submitter": record.submitter.as_str(),
        "id": record.id.to_string(),
        "pending": record.pending.map(|(submitter, id)| json!({"submitter": submitter.as_str(), "id": id.to_string()})),
        "legs": legs,
        "booked": record.booked,
        "result": record.result.number(),
        "name": record.result.name(),
        "repeat": record.repeat,
        "reference": record.reference,
        "purpose": record.purpose,
        "document": record.document.map(|document| document.to_string()),
        "until": record.until_ms.map(format_time),
    });
    match &record.at {
        record::At::Event(event) => data["event"] = json!(event),
        record::At::Place(place) => {
            data["index"] = json!(place.tx_index);
            data["operation"] = json!(place.operation);
            data["item"] = json!(place.item);
        }
    }
    Ok(data)
}

fn leg_to_json(leg: &LegView, assets: &Assets) -> Result<Value, CliError> {
    Ok(json!({
        "debit": leg.debit.map(|path| path.to_string()),
        "debit_id": leg.debit_id.to_string(),
        "credit": leg.credit.map(|path| path.to_string()),
        "credit_id": leg.credit_id.to_string(),
        "asset": leg.asset().map(|asset| asset.to_string()),
        "amount": amount_text(leg, assets)?,
    }))
}

/// Of accounts that do not exist it is not known what they hold; then in minor units.
fn amount_text(leg: &LegView, assets: &Assets) -> Result<String, CliError> {
    Ok(match leg.asset() {
        Some(asset) => format_amount(leg.amount, assets.decimals(asset)?),
        None => leg.amount.to_string(),
    })
}

pub fn found_to_json(found: &FoundView, assets: &Assets) -> Result<Value, CliError> {
    let mut data = to_json(&found.record, assets)?;
    data["state"] = json!(state_name(found.state));
    Ok(data)
}

pub fn entry_to_json(entry: &EntryView, decimals: u8, assets: &Assets) -> Result<Value, CliError> {
    let mut data = to_json(&entry.record, assets)?;
    data["side"] = json!(if entry.is_debit { "debit" } else { "credit" });
    data["amount"] = json!(format_amount(entry.amount, decimals));
    data["counterparty"] = json!(entry.counterparty.map(|path| path.to_string()));
    data["counterparty_id"] = json!(entry.counterparty_id.to_string());
    data["balance"] = json!(balance_text(entry.after, decimals));
    Ok(data)
}

pub fn balance_text(counters: Counters, decimals: u8) -> String {
    format_balance(counters.credits, counters.debits, decimals)
}

/// `10.00 EUR  bank-a/EUR/main -> bank-b/EUR/main`, a line a leg.
pub fn legs_text(record: &RecordView, assets: &Assets) -> Result<String, CliError> {
    let leg = |leg: &LegView| {
        let asset = leg.asset().map_or("?".to_owned(), |asset: AssetCode| asset.to_string());
        let (from, to) = (account_text(leg.debit, leg.debit_id), account_text(leg.credit, leg.credit_id));
        Ok::<_, CliError>(format!("{} {asset}  {from} -> {to}", amount_text(leg, assets)?))
    };
    Ok(record.legs.iter().map(leg).collect::<Result<Vec<_>, _>>()?.join("\n"))
}

pub fn account_text(path: Option<AccountPath>, id: AccountId) -> String {
    path.map_or_else(|| id.to_string(), |path| path.to_string())
}

/// Of an event: `HEIGHT.LEAF`; behind all of a block: `HEIGHT`.
pub fn cursor_text(cursor: Cursor) -> String {
    match cursor.leaf {
        u32::MAX => cursor.height.to_string(),
        leaf => format!("{}.{leaf}", cursor.height),
    }
}

pub fn parse_cursor(text: &str) -> Result<Cursor, String> {
    let parse = || match text.split_once('.') {
        Some((height, leaf)) => Some(Cursor { height: height.parse().ok()?, leaf: leaf.parse().ok()? }),
        None => Some(Cursor { height: text.parse().ok()?, leaf: u32::MAX }),
    };
    parse().ok_or_else(|| "a cursor is written HEIGHT.LEAF, or HEIGHT for all of a block".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_they_are_written() {
        for (text, cursor) in [
            ("0", Cursor { height: 0, leaf: u32::MAX }),
            ("12", Cursor { height: 12, leaf: u32::MAX }),
            ("12.0", Cursor { height: 12, leaf: 0 }),
            ("12.8190", Cursor { height: 12, leaf: 8190 }),
        ] {
            assert_eq!(parse_cursor(text), Ok(cursor), "{text}");
            assert_eq!(cursor_text(cursor), text);
        }
        for text in ["", ".", "12.", ".3", "-1", "1.2.3", "x", "12.4294967296"] {
            assert!(parse_cursor(text).is_err(), "{text}");
        }
    }
}
