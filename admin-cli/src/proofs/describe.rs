//! What proved bytes say, as JSON for people: amounts in minor units, since the bytes do not name the decimals.

use crate::output::format_time;
use concordat_ledger::{BlockEvent, ItemLeaf, Shown, StateValue};
use concordat_types::{
    Account, Amount, Header, Hold, HoldSide, LimitScope, Limits, Member, Offer, OpenAccount, Operation, PendingRef,
    Rights, Roles, Timestamp, Transfer,
    money::AccountFlags,
    operation::{BatchMode, FreezeTarget},
};
use serde_json::{Map, Value, json};

/// Of a receipt.
pub fn receipt(shown: &Shown, header: &Header) -> Value {
    let mut says = block(header);
    match shown {
        Shown::Transfer(leaf, content) => {
            item(&mut says, leaf);
            says["operation"] = transfer(content);
        }
        Shown::Operation(leaf, content) => {
            item(&mut says, leaf);
            says["operation"] = operation(content);
        }
        Shown::OfTransaction(leaf, transaction, content) => {
            item(&mut says, leaf);
            says["submitter"] = json!(transaction.submitter);
            says["signers"] = json!(transaction.signers);
            says["operation"] = operation(content);
        }
        Shown::Event(leaf) => {
            says["index"] = json!(leaf.index);
            says["event"] = match &leaf.event {
                BlockEvent::HoldExpired(hold) => json!({"kind": "hold_expired", "hold": pending(hold)}),
                BlockEvent::OfferExpired(offer) => json!({"kind": "offer_expired", "offer": pending(offer)}),
                BlockEvent::ProposalExecuted(id) => json!({"kind": "proposal_executed", "proposal": id.0}),
                BlockEvent::ProposalRefused { proposal, code } => json!({
                    "kind": "proposal_refused_at_execution",
                    "proposal": proposal.0,
                    "result": code.number(),
                    "name": code.name(),
                }),
                BlockEvent::ProposalExpired(id) => json!({"kind": "proposal_expired", "proposal": id.0}),
                BlockEvent::ProposalBooked { proposal, booking } => json!({
                    "kind": "proposal_booked",
                    "proposal": proposal.0,
                    "debit_account": booking.debit_account.to_string(),
                    "credit_account": booking.credit_account.to_string(),
                    "amount_minor": amount(booking.amount),
                }),
            };
        }
    }
    says
}

/// Of a value in the state, or of none.
pub fn state(value: Option<&StateValue>, header: &Header) -> Value {
    let mut says = block(header);
    says["exists"] = json!(value.is_some());
    match value {
        Some(StateValue::Account(account)) => says["account"] = of_account(account),
        Some(StateValue::Member(member)) => says["member"] = of_member(member),
        // Neither is proved by a file.
        Some(_) | None => {}
    }
    says
}

fn block(header: &Header) -> Value {
    json!({"height": header.height.0, "time": time(header.time), "block_id": header.id().to_string()})
}

fn item(says: &mut Value, leaf: &ItemLeaf) {
    says["tx_index"] = json!(leaf.tx_index);
    says["operation_index"] = json!(leaf.operation);
    says["item"] = json!(leaf.item);
    says["transaction"] = json!(leaf.transaction.0);
    says["result"] = json!(leaf.code.number());
    says["result_name"] = json!(leaf.code.name());
    says["repeat"] = json!(leaf.repeat);
    let bookings = leaf.bookings.iter().map(|booking| {
        json!({
            "debit_account": booking.debit_account.to_string(),
            "credit_account": booking.credit_account.to_string(),
            "amount_minor": amount(booking.amount),
        })
    });
    says["bookings"] = bookings.collect();
}

fn transfer(transfer: &Transfer) -> Value {
    object(
        "transfer",
        json!({
            "id": transfer.id.to_string(),
            "debit_account": transfer.debit_account.to_string(),
            "credit_account": transfer.credit_account.to_string(),
            "amount_minor": amount(transfer.amount),
            "reference": transfer.reference,
            "purpose": transfer.purpose,
            "document": transfer.document,
        }),
    )
}

/// Also for those who show an operation before it is signed.
pub fn operation(operation: &Operation) -> Value {
    match operation {
        Operation::OpenAccount(OpenAccount { asset, name, parent, customer, tier }) => object(
            "open_account",
            json!({
                "asset": asset, "name": name, "parent": parent.map(|id| id.to_string()), "customer": customer,
                "tier": tier.map(|tier| tier.0),
            }),
        ),
        Operation::Issue { id, asset, credit_account, amount: minor, reference } => object(
            "issue",
            json!({
                "id": id.to_string(), "asset": asset, "credit_account": credit_account.to_string(),
                "amount_minor": amount(*minor), "reference": reference,
            }),
        ),
        Operation::Transfer(content) => transfer(content),
        Operation::Batch { mode, transfers } => {
            let mode = match mode {
                BatchMode::Each => "each",
                BatchMode::All => "all",
            };
            object("batch", json!({"mode": mode, "transfers": transfers.len()}))
        }
        Operation::Redeem { id, debit_account, amount: minor, reference } => object(
            "redeem",
            json!({
                "id": id.to_string(), "debit_account": debit_account.to_string(), "amount_minor": amount(*minor),
                "reference": reference,
            }),
        ),
        Operation::Hold(content) => hold(content),
        Operation::Post { id, hold, amount: minor } => {
            let content = json!({"id": id.to_string(), "hold": pending(hold), "amount_minor": amount(*minor)});
            object("post", content)
        }
        Operation::Void { hold } => object("void", json!({"hold": pending(hold)})),
        Operation::Offer(content) => offer(content),
        Operation::Accept { offer } => object("accept", json!({"offer": pending(offer)})),
        Operation::Cancel { offer } => object("cancel", json!({"offer": pending(offer)})),
        Operation::CloseAccount { account } => object("close_account", json!({"account": account.to_string()})),
        Operation::ChangeAccount { account, parent, tier } => object(
            "change_account",
            json!({
                "account": account.to_string(), "parent": parent.map(|id| id.to_string()),
                "tier": tier.map(|tier| tier.0),
            }),
        ),
        Operation::SetLimits { scope: of, limits: content } => {
            object("set_limits", json!({"scope": scope(of), "limits": limits(content)}))
        }
        Operation::Freeze { target: of, debits, credits, reference } => {
            let content = json!({"target": target(of), "debits": debits, "credits": credits, "reference": reference});
            object("freeze", content)
        }
        Operation::EndOfDay { next } => object("end_of_day", json!({"next": next})),
        Operation::CreateAsset { code, decimals, kind, issuer, quota } => object(
            "create_asset",
            json!({"code": code, "decimals": decimals, "asset_kind": kind, "issuer": issuer, "quota_minor": amount(*quota)}),
        ),
        Operation::SetQuota { asset, quota } => {
            object("set_quota", json!({"asset": asset, "quota_minor": amount(*quota)}))
        }
        Operation::Propose(proposal) => object(
            "propose",
            json!({
                "change": crate::governance::data(&proposal.change),
                "reason": proposal.reason,
                "expires_at": time(proposal.expires_at),
                "execute_at": proposal.execute_at.map(|height| height.0),
                "forced": proposal.forced,
            }),
        ),
        Operation::Vote { proposal, hash, approve } => {
            object("vote", json!({"proposal": proposal.0, "hash": hash.to_string(), "approve": approve}))
        }
        Operation::Withdraw { proposal } => object("withdraw", json!({"proposal": proposal.0})),
        Operation::Invite(invite) => object(
            "invite",
            json!({"member": invite.member, "lei": invite.lei, "key": invite.key, "expires_at": time(invite.expires_at)}),
        ),
        Operation::RevokeInvite { member } => object("revoke_invite", json!({"member": member})),
        Operation::FileJoin(request) => object(
            "file_join",
            json!({"member": request.member, "validator": request.validator, "request": request.hash().to_string()}),
        ),
        Operation::ProveCaughtUp(proof) => object(
            "prove_caught_up",
            json!({"height": proof.height.0, "block": proof.block.to_string(), "key": proof.key}),
        ),
    }
}

fn hold(hold: &Hold) -> Value {
    let posted_by = match hold.posted_by {
        HoldSide::Debtor => "debtor",
        HoldSide::Creditor => "creditor",
    };
    object(
        "hold",
        json!({
            "id": hold.id.to_string(),
            "debit_account": hold.debit_account.to_string(),
            "credit_account": hold.credit_account.to_string(),
            "amount_minor": amount(hold.amount),
            "expires_at": time(hold.expires_at),
            "posted_by": posted_by,
            "reference": hold.reference,
            "purpose": hold.purpose,
            "document": hold.document,
        }),
    )
}

fn offer(offer: &Offer) -> Value {
    let legs = offer.legs.iter().map(|leg| {
        json!({
            "debit_account": leg.debit_account.to_string(),
            "credit_account": leg.credit_account.to_string(),
            "amount_minor": amount(leg.amount),
        })
    });
    object(
        "offer",
        json!({
            "id": offer.id.to_string(),
            "legs": legs.collect::<Vec<_>>(),
            "deadline": time(offer.deadline),
            "reference": offer.reference,
            "document": offer.document,
        }),
    )
}

fn scope(scope: &LimitScope) -> Value {
    match scope {
        LimitScope::Account(account) => json!({"account": account.to_string()}),
        LimitScope::Tier { asset, tier } => json!({"asset": asset, "tier": tier.0}),
        LimitScope::Member { asset } => json!({"asset": asset}),
        LimitScope::Bilateral { asset, counterparty } => json!({"asset": asset, "counterparty": counterparty}),
    }
}

fn target(target: &FreezeTarget) -> Value {
    match target {
        FreezeTarget::Account(account) => json!({"account": account.to_string()}),
        FreezeTarget::Asset(asset) => json!({"asset": asset}),
        FreezeTarget::Member(member) => json!({"member": member}),
    }
}

fn limits(limits: &Limits) -> Value {
    json!({
        "transfer_max_minor": limits.transfer_max.map(amount),
        "day_max_minor": limits.day_max.map(amount),
        "net_debit_max_minor": limits.net_debit_max.map(amount),
        "balance_max_minor": limits.balance_max.map(amount),
        "second_key_above_minor": limits.second_key_above.map(amount),
    })
}

fn of_account(account: &Account) -> Value {
    // Only an issuance account is below zero.
    let balance = match account.credits_posted.checked_sub(account.debits_posted) {
        Some(balance) => balance.to_string(),
        None => format!("-{}", account.debits_posted - account.credits_posted),
    };
    json!({
        "account": account.path().to_string(),
        "balance_minor": balance,
        "credits_posted_minor": amount(account.credits_posted),
        "debits_posted_minor": amount(account.debits_posted),
        "credits_pending_minor": amount(account.credits_pending),
        "debits_pending_minor": amount(account.debits_pending),
        "closed": account.flags.contains(AccountFlags::CLOSED),
        "debits_frozen": account.flags.is_debit_frozen(),
        "credits_frozen": account.flags.is_credit_frozen(),
    })
}

fn of_member(member: &Member) -> Value {
    let roles = [(Roles::CENTRAL_BANK, "central_bank"), (Roles::BANK, "bank"), (Roles::SUPERVISOR, "supervisor")];
    let roles = roles.into_iter().filter(|(role, _)| member.roles.contains(*role)).map(|(_, name)| name);
    let status = member.status.name();
    let operators = member.operator_keys.iter().map(|key| json!({"key": key.key, "rights": rights(key.rights)}));
    json!({
        "member": member.id,
        "legal_name": member.legal_name,
        "lei": member.lei,
        "bic": member.bic,
        "roles": roles.collect::<Vec<_>>(),
        "status": status,
        "debits_frozen": member.frozen.debits,
        "credits_frozen": member.frozen.credits,
        "voting_power": member.validator.as_ref().map_or(0, |validator| validator.power),
        "operator_keys": operators.collect::<Vec<_>>(),
    })
}

fn rights(rights: Rights) -> Value {
    json!(rights.0)
}

fn pending(pending: &PendingRef) -> Value {
    json!({"submitter": pending.submitter, "id": pending.id.to_string()})
}

fn time(time: Timestamp) -> String {
    format_time(time.0)
}

/// JSON's numbers end at 2^53 for many who read it.
fn amount(amount: Amount) -> String {
    amount.to_string()
}

fn object(kind: &str, content: Value) -> Value {
    let mut object = Map::from_iter([("kind".to_owned(), json!(kind))]);
    let Value::Object(content) = content else { unreachable!("every description is an object") };
    object.extend(content);
    object.into()
}
