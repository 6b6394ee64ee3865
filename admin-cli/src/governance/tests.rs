//! One change of each kind, and that all of it can be read.

use super::*;
use crate::client::{GovernanceView, MemberView};
use concordat_ledger::Governance;
use concordat_types::{
    AccountId, BlsPublicKey, BlsSignature, Ed25519PublicKey, MemberId, MemberStatus, Parameters, Power, ProposalId,
    Threshold,
    member::{AccessKey, NodeRecord, OperatorKey, ValidatorRecord},
};

/// Of each kind, in the order of their numbers. Each field has a value of its own.
pub(crate) fn samples() -> Vec<Change> {
    let member: MemberId = "bank-0".parse().unwrap();
    let other: MemberId = "bank-1".parse().unwrap();
    let asset = "EUR".parse().unwrap();
    let group = || KeyGroup { k: 1, keys: vec![Ed25519PublicKey([21; 32]), Ed25519PublicKey([22; 32])] };
    let (key, possession) = (BlsPublicKey([23; 48]), BlsSignature([24; 96]));
    let limits = Limits {
        transfer_max: Some(31),
        day_max: Some(32),
        net_debit_max: Some(33),
        balance_max: Some(34),
        second_key_above: Some(35),
    };
    let node = NodeRecord {
        tls_key: Hash([25; 32]),
        peer_address: "host:41".to_owned(),
        client_address: "host:42".to_owned(),
    };
    vec![
        Change::Admit { member, request: Hash([26; 32]) },
        Change::Suspend { member },
        Change::Reactivate { member },
        Change::Close { member, estate: other },
        Change::Merge { member, into: other },
        Change::SetRoles { member, roles: Roles::SUPERVISOR },
        Change::SetLegalIdentity {
            member,
            legal_name: "Bank Zero".to_owned(),
            lei: "LEI0".to_owned(),
            bic: "BIC0".to_owned(),
        },
        Change::ResetAdminKeys { member, admin_keys: group() },
        Change::AddValidator { member: other_validator(), key, possession, power: 100 },
        Change::RemoveValidator { member },
        Change::SetPower { member, power: 1000 },
        Change::SetIssuer { asset, issuer: other },
        Change::SetQuota { asset, quota: 1 << 100 },
        Change::SetLimits { member, asset, limits },
        Change::SetThreshold { kind: ChangeKind(1), threshold: Threshold { parts: 3, of: 4 } },
        Change::SetParameters(Parameters::default()),
        Change::SetRules(GovernanceRules::DEFAULT),
        Change::Freeze { target: FreezeTarget::Member(member), debits: true, credits: false },
        Change::ForcedTransfer {
            debit_account: AccountId([27; 16]),
            credit_account: AccountId([28; 16]),
            amount: 1 << 101,
        },
        Change::AddOperatorKey(OperatorKey { key: Ed25519PublicKey([29; 32]), rights: Rights::PAY }),
        Change::RemoveOperatorKey(Ed25519PublicKey([29; 32])),
        Change::AddAccessKey(AccessKey { key: Hash([30; 32]), rights: Rights::READ }),
        Change::RemoveAccessKey(Hash([30; 32])),
        Change::SetNode(node),
        Change::SetAdminKeys(group()),
        Change::SetRecoveryKeys(group()),
        Change::RotateConsensusKey { key, possession },
    ]
}

fn other_validator() -> MemberId {
    "bank-n".parse().unwrap()
}

/// The sample of a kind.
pub(crate) fn change(kind: &str) -> Change {
    samples().into_iter().find(|change| change.name() == kind).unwrap()
}

/// bank-0, bank-1 and on: active, and validators with a power of 100 each.
pub(crate) fn admin_view(active: usize) -> GovernanceView {
    GovernanceView {
        record: Governance {
            rules: GovernanceRules::DEFAULT,
            thresholds: Vec::new(),
            trial: true,
            last_proposal: ProposalId(0),
            agenda: Vec::new(),
        },
        parameters: Parameters::default(),
        members: (0..active)
            .map(|number| member_view(&format!("bank-{number}"), MemberStatus::Active, Some(100)))
            .collect(),
    }
}

pub(crate) fn member_view(id: &str, status: MemberStatus, power: Option<Power>) -> MemberView {
    let record = |power| ValidatorRecord { key: BlsPublicKey([1; 48]), possession: BlsSignature([1; 96]), power };
    let member = Member {
        id: id.parse().unwrap(),
        legal_name: format!("The {id}"),
        lei: String::new(),
        bic: String::new(),
        roles: Roles::BANK,
        status,
        frozen: Default::default(),
        admin_keys: KeyGroup { k: 1, keys: vec![Ed25519PublicKey([7; 32])] },
        recovery_keys: KeyGroup::default(),
        operator_keys: Vec::new(),
        access_keys: Vec::new(),
        node: None,
        validator: power.map(record),
    };
    MemberView {
        member,
        validator: if power.is_some() { "validating" } else { "none" }.to_owned(),
        power: power.unwrap_or(0),
        sponsor: String::new(),
        estate: String::new(),
        is_successor: false,
    }
}

#[test]
fn every_kind_has_its_name_and_can_be_named() {
    let samples = samples();
    assert_eq!(samples.iter().filter(|change| !change.kind().is_own()).count(), COMMON_KINDS.len());
    for change in &samples {
        let name = if change.kind().is_own() { None } else { Some(change.name()) };
        assert_eq!(kind_name(change.kind()), name);
        assert_eq!(parse_kind(change.name()).ok(), name.map(|_| change.kind()), "{}", change.name());
    }
    assert_eq!(parse_kind("18"), Ok(ChangeKind(18)));
    assert!(parse_kind("19").is_err() && parse_kind("64").is_err() && parse_kind("brake").is_err());
}

#[test]
fn everything_in_a_change_is_said() {
    let keys = (hex::encode([21; 32]), hex::encode([22; 32]), hex::encode([23; 48]), hex::encode([24; 96]));
    let (tls, request, access) = (hex::encode([25; 32]), hex::encode([26; 32]), hex::encode([30; 32]));
    let (debit, credit, operator) =
        (AccountId([27; 16]).to_string(), AccountId([28; 16]).to_string(), hex::encode([29; 32]));
    let (quota, amount) = ((1u128 << 100).to_string(), (1u128 << 101).to_string());
    // For people; and what programs get besides.
    let expected: Vec<(Vec<&str>, Vec<&str>)> = vec![
        (vec!["bank-0", &request], vec![]),
        (vec!["bank-0"], vec![]),
        (vec!["bank-0"], vec![]),
        (vec!["bank-0", "bank-1"], vec![]),
        (vec!["bank-0", "bank-1"], vec![]),
        (vec!["bank-0"], vec!["4"]),
        (vec!["bank-0", "Bank Zero", "LEI0", "BIC0"], vec![]),
        (vec!["bank-0", &keys.0, &keys.1], vec![]),
        (vec!["bank-n", &keys.2, "100"], vec![&keys.3]),
        (vec!["bank-0"], vec![]),
        (vec!["bank-0", "1000"], vec![]),
        (vec!["EUR", "bank-1"], vec![]),
        (vec!["EUR", &quota], vec![]),
        (vec!["bank-0", "EUR", "31", "32", "33", "34", "35"], vec![]),
        (vec!["suspend", "3", "4"], vec!["1"]),
        (vec!["heartbeat_ms", "10000", "evidence_window_ms"], vec![]),
        (vec!["expiry_max_ms", "604800000", "admin_notice_ms", "reset_notice_ms"], vec![]),
        (vec!["bank-0", "debits", "credits"], vec!["true", "false"]),
        (vec![&debit, &credit, &amount], vec![]),
        (vec![&operator], vec!["1"]),
        (vec![&operator], vec![]),
        (vec![&access], vec!["8"]),
        (vec![&access], vec![]),
        (vec![&tls, "host:41", "host:42"], vec![]),
        (vec![&keys.0, &keys.1], vec![]),
        (vec![&keys.0, &keys.1], vec![]),
        (vec![&keys.2], vec![&keys.3]),
    ];
    let samples = samples();
    assert_eq!(samples.len(), expected.len());
    for (change, (said, data_alone)) in samples.iter().zip(expected) {
        let (words, data) = (words(change), data(change));
        assert_eq!(data["kind"], change.name());
        for part in &said {
            assert!(words.contains(part), "{part} is not in: {words}");
        }
        for part in said.iter().filter(|part| !words_alone(part)).chain(&data_alone) {
            assert!(data["fields"].to_string().contains(part), "{part} is not in: {data}");
        }
    }
}

/// Told to programs by a number or under another name.
fn words_alone(part: &str) -> bool {
    part == "supervisor"
}

#[test]
fn what_differs_is_told() {
    let (before, after) = (json!({"a": 1, "b": 2, "c": 3}), json!({"a": 1, "b": 20, "c": 30}));
    assert_eq!(differences(&before, &after), ["b: 2 -> 20", "c: 3 -> 30"]);
    assert!(differences(&before, &before).is_empty());
}

#[test]
fn rights_are_read_as_they_are_written() {
    for text in ["pay", "pay,read", "accounts,issue,approve,limits,freeze,assets"] {
        assert_eq!(parse_rights(text).map(rights_text), Ok(text.to_owned()));
    }
    assert_eq!(parse_rights("all"), Ok(Rights::ALL));
    assert!(parse_rights("pay,steal").is_err_and(|error| error.contains("steal")));
}

#[test]
fn a_fingerprint_is_of_the_whole_request() {
    let (one, other) = (fingerprint(&Hash([1; 32])), fingerprint(&Hash([2; 32])));
    assert_eq!(one.split(' ').count(), 8);
    assert_ne!(one, other);
    assert_eq!(one, fingerprint(&Hash([1; 32])));
}
