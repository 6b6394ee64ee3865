//! Holds, offers and limits as a caller may see them.

use super::authorise::{Act, authorise};
use crate::{error::of_store, registry::Caller};
use concordat_ledger::{HoldRecord, LimitKey, LimitRecord, OfferRecord, PendingState, StateValue};
use concordat_proto::{Code, codes::CodedError, convert, v1};
use concordat_replica::{query, store::Reader};
use concordat_types::{
    Account, AccountId, Amount, AssetCode, Height, HoldSide, Leg, LimitScope, MemberId, PendingRef, Tier,
};

pub fn name_of(request: &v1::GetPendingRequest) -> Result<PendingRef, CodedError> {
    Ok(PendingRef {
        submitter: convert::member_id_from_str("submitter", &request.submitter)?,
        id: convert::uuid_from_bytes("id", &request.id)?,
    })
}

/// One that the caller has no part in and none at all are answered alike.
pub fn pending(
    reader: &dyn Reader,
    caller: &Caller,
    name: PendingRef,
    height: Height,
) -> Result<v1::Pending, CodedError> {
    let found = query::pending(reader, name).map_err(|error| of_store(&error))?;
    let (mut pending, legs) = match found {
        Some(StateValue::Hold(hold)) => of_hold(&hold),
        Some(StateValue::Offer(offer)) => of_offer(&offer),
        _ => return Err(unseen(caller, name)),
    };
    let mut parties = vec![name.submitter];
    for (leg, accepted) in legs {
        let (debit, credit) = (account(reader, leg.debit_account)?, account(reader, leg.credit_account)?);
        parties.extend([debit.owner, credit.owner]);
        pending.legs.push(v1::PendingLeg {
            debit_account: debit.path().to_string(),
            credit_account: credit.path().to_string(),
            amount: convert::amount_to_bytes(leg.amount),
            accepted,
        });
    }
    if !parties.iter().any(|party| authorise(caller, Act::ReadOf(party)).is_ok()) {
        return Err(unseen(caller, name));
    }
    Ok(v1::Pending { submitter: name.submitter.to_string(), id: name.id.0.to_vec(), height: height.0, ..pending })
}

fn unseen(caller: &Caller, name: PendingRef) -> CodedError {
    let PendingRef { submitter, id } = name;
    Code::NotFound.error(format!("there is no hold or offer {submitter}/{id} that {} may see", caller.member))
}

/// With each leg: has its payer accepted?
fn of_hold(hold: &HoldRecord) -> (v1::Pending, Vec<(Leg, bool)>) {
    let HoldRecord { debit_account, credit_account, amount, .. } = *hold;
    let pending = v1::Pending {
        kind: v1::pending::Kind::Hold as i32,
        state: state(hold.state),
        until_ms: hold.expires_at.0,
        posted_by_creditor: hold.posted_by == HoldSide::Creditor,
        ..v1::Pending::default()
    };
    (pending, vec![(Leg { debit_account, credit_account, amount }, true)])
}

fn of_offer(offer: &OfferRecord) -> (v1::Pending, Vec<(Leg, bool)>) {
    let pending = v1::Pending {
        kind: v1::pending::Kind::Offer as i32,
        state: state(offer.state),
        until_ms: offer.deadline.0,
        ..v1::Pending::default()
    };
    (pending, offer.legs.iter().map(|leg| (leg.leg, leg.reserved.is_some())).collect())
}

fn state(state: PendingState) -> i32 {
    let state = match state {
        PendingState::Open => v1::pending::State::Open,
        PendingState::Posted => v1::pending::State::Posted,
        PendingState::Voided => v1::pending::State::Voided,
        PendingState::Expired => v1::pending::State::Expired,
    };
    state as i32
}

fn account(reader: &dyn Reader, id: AccountId) -> Result<Account, CodedError> {
    let account = query::account(reader, &id).map_err(|error| of_store(&error))?;
    account
        .ok_or_else(|| Code::Internal.error(format!("something is reserved of the account {id}, which is not there")))
}

/// Whose limits and which.
pub fn scope_of(caller: &Caller, request: &v1::GetLimitsRequest) -> Result<(MemberId, LimitScope), CodedError> {
    let member = match request.member.as_str() {
        "" => caller.member,
        text => convert::member_id_from_str("member", text)?,
    };
    let names_others = !request.asset.is_empty() || request.tier.is_some() || !request.counterparty.is_empty();
    if !request.account_id.is_empty() {
        if names_others {
            return Err(Code::Malformed.error("an account has limits whatever the asset, tier or counterparty"));
        }
        let account = convert::account_id_from_bytes("account_id", &request.account_id)?;
        return Ok((member, LimitScope::Account(account)));
    }
    let asset = request.asset.parse::<AssetCode>();
    let asset = asset.map_err(|error| Code::Malformed.error(format!("asset: {error}")))?;
    let scope = match (request.tier, request.counterparty.as_str()) {
        (None, "") => LimitScope::Member { asset },
        (None, text) => {
            LimitScope::Bilateral { asset, counterparty: convert::member_id_from_str("counterparty", text)? }
        }
        (Some(tier), "") => {
            let tier = u8::try_from(tier).map_err(|_| Code::Malformed.error("tier: more than 255"))?;
            LimitScope::Tier { asset, tier: Tier(tier) }
        }
        (Some(_), _) => return Err(Code::Malformed.error("limits are of a tier or towards a counterparty, not both")),
    };
    Ok((member, scope))
}

/// No record is a scope without limits. Another member's account and none at all are answered alike.
pub fn limits(
    reader: &dyn Reader,
    caller: &Caller,
    member: MemberId,
    scope: LimitScope,
    height: Height,
) -> Result<v1::LimitsReply, CodedError> {
    match scope {
        LimitScope::Account(id) => {
            let account = query::account(reader, &id).map_err(|error| of_store(&error))?;
            if account.is_none_or(|account| authorise(caller, Act::ReadOf(&account.owner)).is_err()) {
                return Err(Code::NotFound.error(format!("there is no account {id} that {} may see", caller.member)));
            }
        }
        _ => authorise(caller, Act::ReadOf(&member))?,
    }
    let record = query::limits(reader, LimitKey::new(member, scope)).map_err(|error| of_store(&error))?;
    let date = query::business_date(reader).map_err(|error| of_store(&error))?;
    let date = date.ok_or_else(|| Code::Internal.error("the state has no business date"))?;
    let mut reply = v1::LimitsReply { business_date: date.days(), height: height.0, ..v1::LimitsReply::default() };
    let Some(LimitRecord { limits, usage, .. }) = record else { return Ok(reply) };
    let bytes = |amount: Option<Amount>| amount.map_or(Vec::new(), convert::amount_to_bytes);
    reply.transfer_max = bytes(limits.transfer_max);
    reply.day_max = bytes(limits.day_max);
    reply.net_debit_max = bytes(limits.net_debit_max);
    reply.balance_max = bytes(limits.balance_max);
    reply.second_key_above = bytes(limits.second_key_above);
    if !matches!(scope, LimitScope::Tier { .. }) {
        let used = usage.on(date);
        reply.used_debits = bytes(Some(used.debits));
        reply.used_credits = bytes(Some(used.credits));
    }
    Ok(reply)
}

#[cfg(test)]
mod tests;
