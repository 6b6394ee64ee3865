//! What holds and offers have in common: their names, their times, and how they are shown.

use super::{parse_duration, parse_time};
use crate::{
    CliError,
    amounts::format_amount,
    client::PendingView,
    output::{Report, fields, format_time, table},
    payments::Assets,
    transactions,
};
use concordat_proto::v1::pending::{Kind, State};
use concordat_types::{MemberId, PendingRef, Timestamp, Uuid};
use serde_json::json;
use std::time::Duration;

/// `member/ID`, or `ID` of the profile's member.
pub(super) fn name(text: &str, member: MemberId) -> Result<PendingRef, CliError> {
    let (submitter, id) = match text.split_once('/') {
        Some((submitter, id)) => (submitter.parse::<MemberId>()?, id),
        None => (member, text),
    };
    let id = transactions::parse_id(id);
    let id = id.map_err(|error| error.with_next("Write it like bank-a/01930000-0000-7000-8000-000000000001."))?;
    Ok(PendingRef { submitter, id })
}

pub(super) fn text(name: PendingRef) -> String {
    format!("{}/{}", name.submitter, name.id)
}

/// When something ends: by the clock, or by how long after the time in its id, so that a repeat says the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Until {
    At(Timestamp),
    In(Duration),
}

impl Until {
    pub(super) fn parse_at(text: &str) -> Result<Until, String> {
        parse_time(text).map(Until::At)
    }

    pub(super) fn parse_in(text: &str) -> Result<Until, String> {
        parse_duration(text).map(Until::In)
    }

    pub(super) fn of(self, id: Uuid) -> Timestamp {
        match self {
            Until::At(time) => time,
            Until::In(duration) => {
                let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
                Timestamp(id.time().unwrap_or_default().0.saturating_add(ms))
            }
        }
    }
}

pub(super) fn state_name(kind: Kind, state: State) -> &'static str {
    match (kind, state) {
        (_, State::Open) => "open",
        (Kind::Hold, State::Posted) => "posted",
        (Kind::Offer, State::Posted) => "settled",
        (Kind::Hold, State::Voided) => "voided",
        (Kind::Offer, State::Voided) => "cancelled",
        (_, State::Expired) => "expired",
    }
}

pub(super) fn report(pending: &PendingView, assets: &Assets) -> Result<Report, CliError> {
    let (kind, state) = (pending.kind, state_name(pending.kind, pending.state));
    let kind_name = if kind == Kind::Hold { "hold" } else { "offer" };
    let (mut legs, mut rows) = (Vec::new(), Vec::new());
    for leg in &pending.legs {
        let amount = format_amount(leg.amount, assets.decimals(leg.debit.asset)?);
        let (from, to, asset) = (leg.debit.to_string(), leg.credit.to_string(), leg.debit.asset.to_string());
        legs.push(json!({
            "from": from, "to": to, "asset": asset, "amount": amount, "accepted": leg.accepted,
        }));
        rows.push(vec![from, to, asset, amount, if leg.accepted { "yes" } else { "no" }.to_owned()]);
    }
    let mut data = json!({
        "name": text(pending.name), "kind": kind_name, "state": state, "until_ms": pending.until.0,
        "until": format_time(pending.until.0), "legs": legs, "height": pending.height.0,
    });
    let mut head = vec![
        (kind_name, text(pending.name)),
        ("state", state.to_owned()),
        (if kind == Kind::Hold { "expires" } else { "deadline" }, format_time(pending.until.0)),
    ];
    if kind == Kind::Hold {
        let side = if pending.posted_by_creditor { "creditor" } else { "debtor" };
        data["posted_by"] = json!(side);
        head.push(("posted by", side.to_owned()));
    }
    head.push(("at height", pending.height.to_string()));
    let legs = table(&["from", "to", "asset", "amount", "accepted"], &[3], rows);
    Ok(Report::new(data, format!("{}\n\n{legs}", fields(head))))
}
