//! Changes in words, for people who vote on them, and as data for programs.

pub mod impact;

use crate::output::format_time;
use concordat_ledger::ProposalState;
use concordat_types::{
    Amount, Change, ChangeKind, FreezeTarget, GovernanceRules, Hash, Limits, Member, Rights, Roles, Timestamp,
    member::KeyGroup,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What the change does, in a sentence without its full stop.
pub fn words(change: &Change) -> String {
    match change {
        Change::Admit { member, request } => format!("admit {member} as filed in request {request}"),
        Change::Suspend { member } => {
            format!("suspend {member}: it can do nothing, its money stays, its voting power ends")
        }
        Change::Reactivate { member } => format!("reactivate {member}"),
        Change::Close { member, estate } => format!("close {member}: {estate} winds it up"),
        Change::Merge { member, into } => format!("merge {member} into {into}, which goes on with its accounts"),
        Change::SetRoles { member, roles } => format!("make {member} {}", roles_text(*roles)),
        Change::SetLegalIdentity { member, legal_name, lei, bic } => {
            format!("set the legal identity of {member}: {legal_name}, LEI {}, BIC {}", or_none(lei), or_none(bic))
        }
        Change::ResetAdminKeys { member, admin_keys } => {
            format!("reset the admin keys of {member}: {}", group_text(admin_keys))
        }
        Change::AddValidator { member, key, power, .. } => {
            format!("make {member} a candidate to validate with power {power} and consensus key {key}")
        }
        Change::RemoveValidator { member } => format!("take {member} out of the validators"),
        Change::SetPower { member, power } => format!("set the voting power of {member} to {power}"),
        Change::SetIssuer { asset, issuer } => format!("make {issuer} the issuer of {asset}"),
        Change::SetQuota { asset, quota } => format!("set the quota of {asset} to {quota} minor units"),
        Change::SetLimits { member, asset, limits } => {
            format!("set limits of {member} in {asset}: {}", pairs(&limits_data(limits)))
        }
        Change::SetThreshold { kind, threshold } => {
            let kind = kind_name(*kind).map_or_else(|| format!("number {}", kind.0), str::to_owned);
            format!("let {kind} be adopted by more than {}/{} of the members", threshold.parts, threshold.of)
        }
        Change::SetParameters(parameters) => format!("set the parameters: {}", pairs(&json!(parameters))),
        Change::SetRules(rules) => format!("set the times of governance: {}", pairs(&rules_data(rules))),
        Change::Freeze { target, debits, credits } => {
            let target = match target {
                FreezeTarget::Account(account) => format!("account {account}"),
                FreezeTarget::Asset(asset) => format!("asset {asset}"),
                FreezeTarget::Member(member) => format!("member {member}"),
            };
            match (debits, credits) {
                (false, false) => format!("let debits and credits of {target} go on"),
                _ => format!("freeze {target}: debits {}, credits {}", yes(*debits), yes(*credits)),
            }
        }
        Change::ForcedTransfer { debit_account, credit_account, amount } => {
            format!("move {amount} minor units from account {debit_account} to {credit_account} without its owner")
        }
        Change::AddOperatorKey(operator) => {
            format!("add operator key {} with rights {}", operator.key, rights_text(operator.rights))
        }
        Change::RemoveOperatorKey(key) => format!("remove operator key {key}"),
        Change::AddAccessKey(access) => {
            format!("add access key {} with rights {}", access.key, rights_text(access.rights))
        }
        Change::RemoveAccessKey(key) => format!("remove access key {key}"),
        Change::SetNode(node) => {
            format!(
                "set the node: TLS key {}, peers {}, clients {}",
                node.tls_key, node.peer_address, node.client_address
            )
        }
        Change::SetAdminKeys(group) => format!("set the admin keys: {}", group_text(group)),
        Change::SetRecoveryKeys(group) => format!("set the recovery keys: {}", group_text(group)),
        Change::RotateConsensusKey { key, .. } => format!("rotate the consensus key to {key}"),
    }
}

/// For programs: the kind, and every field.
pub fn data(change: &Change) -> Value {
    let fields = match change {
        Change::Admit { member, request } => json!({"member": member, "request": request.to_string()}),
        Change::Suspend { member } | Change::Reactivate { member } | Change::RemoveValidator { member } => {
            json!({"member": member})
        }
        Change::Close { member, estate } => json!({"member": member, "estate": estate}),
        Change::Merge { member, into } => json!({"member": member, "into": into}),
        Change::SetRoles { member, roles } => json!({"member": member, "roles": roles.0}),
        Change::SetLegalIdentity { member, legal_name, lei, bic } => {
            json!({"member": member, "legal_name": legal_name, "lei": lei, "bic": bic})
        }
        Change::ResetAdminKeys { member, admin_keys } => json!({"member": member, "admin_keys": admin_keys}),
        Change::AddValidator { member, key, possession, power } => {
            json!({"member": member, "key": key, "possession": possession, "power": power})
        }
        Change::SetPower { member, power } => json!({"member": member, "power": power}),
        Change::SetIssuer { asset, issuer } => json!({"asset": asset, "issuer": issuer}),
        Change::SetQuota { asset, quota } => json!({"asset": asset, "quota_minor": quota.to_string()}),
        Change::SetLimits { member, asset, limits } => {
            let mut fields = limits_data(limits);
            (fields["member"], fields["asset"]) = (json!(member), json!(asset));
            fields
        }
        Change::SetThreshold { kind, threshold } => {
            json!({"change": kind.0, "name": kind_name(*kind), "parts": threshold.parts, "of": threshold.of})
        }
        Change::SetParameters(parameters) => json!({"parameters": parameters}),
        Change::SetRules(rules) => rules_data(rules),
        Change::Freeze { target, debits, credits } => {
            let (kind, name) = match target {
                FreezeTarget::Account(account) => ("account", account.to_string()),
                FreezeTarget::Asset(asset) => ("asset", asset.to_string()),
                FreezeTarget::Member(member) => ("member", member.to_string()),
            };
            json!({"target": kind, "name": name, "debits": debits, "credits": credits})
        }
        Change::ForcedTransfer { debit_account, credit_account, amount } => json!({
            "debit_account": debit_account.to_string(),
            "credit_account": credit_account.to_string(),
            "amount_minor": amount.to_string(),
        }),
        Change::AddOperatorKey(operator) => json!({"key": operator.key, "rights": operator.rights.0}),
        Change::RemoveOperatorKey(key) => json!({"key": key}),
        Change::AddAccessKey(access) => json!({"key": access.key, "rights": access.rights.0}),
        Change::RemoveAccessKey(key) => json!({"key": key.to_string()}),
        Change::SetNode(node) => json!({"node": node}),
        Change::SetAdminKeys(group) | Change::SetRecoveryKeys(group) => json!({"group": group}),
        Change::RotateConsensusKey { key, possession } => json!({"key": key, "possession": possession}),
    };
    json!({"kind": change.name(), "fields": fields})
}

fn limits_data(limits: &Limits) -> Value {
    let minor = |amount: Option<Amount>| amount.map(|amount| amount.to_string());
    json!({
        "transfer_max_minor": minor(limits.transfer_max),
        "day_max_minor": minor(limits.day_max),
        "net_debit_max_minor": minor(limits.net_debit_max),
        "balance_max_minor": minor(limits.balance_max),
        "second_key_above_minor": minor(limits.second_key_above),
    })
}

pub(crate) fn rules_data(rules: &GovernanceRules) -> Value {
    json!({
        "expiry_max_ms": rules.expiry_max_ms,
        "admin_notice_ms": rules.admin_notice_ms,
        "reset_notice_ms": rules.reset_notice_ms,
    })
}

/// `a=1, b=none`
fn pairs(object: &Value) -> String {
    let text = |value: &Value| match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let fields = object.as_object().into_iter().flatten();
    fields.map(|(name, value)| format!("{name}={}", text(value))).collect::<Vec<_>>().join(", ")
}

/// `a: 1 -> 2` of every field in which the two differ.
pub fn differences(before: &Value, after: &Value) -> Vec<String> {
    let fields = after.as_object().into_iter().flatten();
    let changed = fields.filter(|(name, value)| before[name.as_str()] != **value);
    changed.map(|(name, value)| format!("{name}: {} -> {value}", before[name.as_str()])).collect()
}

/// Of a kind that members decide.
pub fn kind_name(kind: ChangeKind) -> Option<&'static str> {
    COMMON_KINDS.get(usize::from(kind.0)).copied()
}

/// `suspend`, or its number.
pub fn parse_kind(text: &str) -> Result<ChangeKind, String> {
    let place = COMMON_KINDS.iter().position(|name| *name == text);
    let number = place.and_then(|place| u8::try_from(place).ok()).or_else(|| text.parse().ok());
    number.map(ChangeKind).filter(|kind| *kind <= ChangeKind::LAST_COMMON).ok_or_else(|| {
        format!("{text:?} is no kind of change that members decide; there are {}", COMMON_KINDS.join(", "))
    })
}

/// By their numbers, from 0.
const COMMON_KINDS: [&str; ChangeKind::LAST_COMMON.0 as usize + 1] = [
    "admit",
    "suspend",
    "reactivate",
    "close",
    "merge",
    "set-roles",
    "set-legal-identity",
    "reset-admin-keys",
    "add-validator",
    "remove-validator",
    "set-power",
    "set-issuer",
    "set-quota",
    "set-limits",
    "set-threshold",
    "set-parameters",
    "set-rules",
    "freeze",
    "forced-transfer",
];

pub fn state_name(state: ProposalState) -> &'static str {
    match state {
        ProposalState::Open => "open",
        ProposalState::Adopted { .. } => "adopted",
        ProposalState::Executed { .. } => "executed",
        ProposalState::RefusedAtExecution { .. } => "refused_at_execution",
        ProposalState::Rejected { .. } => "rejected",
        ProposalState::Withdrawn { .. } => "withdrawn",
        ProposalState::Expired { .. } => "expired",
    }
}

/// In words where more is known than the name.
pub fn state_text(state: ProposalState) -> String {
    match state {
        ProposalState::Open => "open".to_owned(),
        ProposalState::Adopted { at } => format!("adopted at height {at}"),
        ProposalState::Executed { at } => format!("executed at height {at}"),
        ProposalState::RefusedAtExecution { at, code } => {
            format!("refused at execution at height {at} by rule {} ({}): {}", code.number(), code.name(), code.cause())
        }
        ProposalState::Rejected { at } => format!("rejected at height {at}"),
        ProposalState::Withdrawn { at } => format!("withdrawn at height {at}"),
        ProposalState::Expired { at } => format!("expired at height {at}"),
    }
}

/// Of all that was filed, every key included, in eight groups of four hex digits: short enough to be read out by
/// telephone, too long to be hit upon.
pub fn fingerprint(request: &Hash) -> String {
    let digest = hex::encode(&Sha256::digest(request.0)[..16]);
    let groups: Vec<&str> = (0..8).map(|group| &digest[4 * group..4 * group + 4]).collect();
    groups.join(" ")
}

pub fn roles_text(roles: Roles) -> String {
    let names = [(Roles::CENTRAL_BANK, "central bank"), (Roles::BANK, "bank"), (Roles::SUPERVISOR, "supervisor")];
    let held: Vec<&str> = names.iter().filter(|(role, _)| roles.contains(*role)).map(|(_, name)| *name).collect();
    if held.is_empty() { "none".to_owned() } else { held.join(", ") }
}

pub fn rights_text(rights: Rights) -> String {
    let held: Vec<&str> = RIGHTS.iter().filter(|(right, _)| rights.contains(*right)).map(|(_, name)| *name).collect();
    if held.is_empty() { "none".to_owned() } else { held.join(",") }
}

/// `pay,read`, or `all`.
pub fn parse_rights(text: &str) -> Result<Rights, String> {
    let right = |word: &str| match word {
        "all" => Some(Rights::ALL),
        word => RIGHTS.iter().find(|(_, name)| *name == word).map(|(right, _)| *right),
    };
    let parse = |word: &str| right(word.trim()).ok_or_else(|| format!("there is no right {:?}", word.trim()));
    text.split(',').try_fold(Rights::default(), |rights, word| Ok(rights | parse(word)?))
}

/// As people write them.
const RIGHTS: [(Rights, &str); 9] = [
    (Rights::PAY, "pay"),
    (Rights::ACCOUNTS, "accounts"),
    (Rights::ISSUE, "issue"),
    (Rights::READ, "read"),
    (Rights::SUBMIT, "submit"),
    (Rights::APPROVE, "approve"),
    (Rights::LIMITS, "limits"),
    (Rights::FREEZE, "freeze"),
    (Rights::ASSETS, "assets"),
];

fn group_text(group: &KeyGroup) -> String {
    let keys: Vec<String> = group.keys.iter().map(ToString::to_string).collect();
    format!("{} of {}: {}", group.k, group.keys.len(), keys.join(", "))
}

/// Of a member as filed, for those who compare it with what they were told.
pub fn member_lines(member: &Member) -> Vec<(String, String)> {
    let mut lines = vec![
        ("name".to_owned(), member.legal_name.clone()),
        ("LEI".to_owned(), or_none(&member.lei).to_owned()),
        ("BIC".to_owned(), or_none(&member.bic).to_owned()),
        ("roles".to_owned(), roles_text(member.roles)),
        ("admin keys".to_owned(), group_text(&member.admin_keys)),
        ("recovery keys".to_owned(), group_text(&member.recovery_keys)),
    ];
    for operator in &member.operator_keys {
        lines.push(("operator key".to_owned(), format!("{} ({})", operator.key, rights_text(operator.rights))));
    }
    for access in &member.access_keys {
        lines.push(("access key".to_owned(), format!("{} ({})", access.key, rights_text(access.rights))));
    }
    if let Some(node) = &member.node {
        lines.push((
            "node".to_owned(),
            format!("{}, peers {}, clients {}", node.tls_key, node.peer_address, node.client_address),
        ));
    }
    lines
}

pub fn time_text(time: Timestamp) -> String {
    format_time(time.0)
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

fn yes(flag: bool) -> &'static str {
    if flag { "stopped" } else { "free" }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests;
