//! Command lines on one side, what reaches a node on the other.

use super::*;
use crate::{
    client::tests::{Answer, Fake, Keys},
    commands::Cli,
    profile::ProfileFile,
};
use clap::Parser;
use concordat_keys::{KeyKind, Passphrase, Strength};
use concordat_types::{
    AccountId, AssetKind, Ed25519PublicKey, FreezeTarget, Hold, HoldSide, Leg, LimitScope, Limits, NetworkId, Offer,
    OpenAccount, PendingRef, Purpose, Reference, Tier, Timestamp,
};
use std::fs;

/// A bank with two operator keys, and the node that it talks to.
pub(crate) struct Bank {
    pub(crate) keys: Keys,
    pub(crate) node: Fake,
    /// Of operator.key and operator-2.key.
    operators: [Ed25519PublicKey; 2],
    /// Of admin.key and admin-2.key.
    pub(crate) admins: [Ed25519PublicKey; 2],
}

impl Bank {
    pub(crate) async fn new(answer: Answer) -> Bank {
        let keys = Keys::new();
        let node = Fake::start(&keys, "node", answer).await;
        let passphrase_path = keys.path("passphrase");
        concordat_keys::files::write_new(&passphrase_path, b"correct horse\n").expect("it is writable");
        let passphrase = Passphrase::from_file(&passphrase_path).expect("it is there");
        let make = |file: &str, kind| {
            let key = SecretKey::generate().expect("there is randomness");
            key.save(&keys.path(file), kind, &passphrase, Strength::Trial).expect("it is writable");
            key.public_key()
        };
        let operators = ["operator.key", "operator-2.key"].map(|file| make(file, KeyKind::Operator));
        let admins = ["admin.key", "admin-2.key"].map(|file| make(file, KeyKind::Admin));
        let profile = ProfileFile {
            member: "bank-a".parse().expect("a name"),
            network_id: NetworkId::default(),
            endpoints: vec![node.address.clone()],
            trust: vec!["node.crt".into()],
            operator_key: "operator.key".into(),
            admin_key: Some("admin.key".into()),
            access_key: "access.key".into(),
            passphrase_file: Some("passphrase".into()),
        };
        let text = toml::to_string(&profile).expect("plain fields");
        fs::write(keys.path("profile.toml"), text).expect("it is writable");
        Bank { keys, node, operators, admins }
    }

    pub(crate) async fn run(&self, line: &str) -> Result<Report, CliError> {
        let dir = self.keys.path("");
        let words = ["concordat", "--profile", dir.to_str().expect("UTF-8")].into_iter().chain(line.split_whitespace());
        let cli = Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
        cli.verb.run(&cli.options).await
    }

    pub(crate) fn seen(&self) -> Vec<SignedTransaction> {
        let decode = |bytes: &Vec<u8>| concordat_types::decode(bytes, 1 << 20).expect("we made it");
        self.node.seen().iter().map(decode).collect()
    }

    pub(crate) async fn sent(&self, line: &str) -> Transaction {
        let report = self.run(line).await.unwrap_or_else(|error| panic!("{line}: {error}"));
        let transaction = transaction(self.seen().last().expect("it was sent"));
        assert_eq!(report.data["transaction"], transaction.id.to_string(), "{line}");
        assert_eq!((&report.data["result"], &report.data["height"]), (&json!(0), &json!(7)), "{line}");
        transaction
    }
}

pub(crate) fn transaction(signed: &SignedTransaction) -> Transaction {
    concordat_types::decode(&signed.bytes, 1 << 20).expect("we made it")
}

fn account(path: &str) -> AccountId {
    AccountId::new(&path.parse().expect("a path"))
}

const ID: &str = "01930000-0000-7000-8000-000000000001";

/// A time for ids that is still valid, and the same in each command of a test.
fn fresh() -> Uuid {
    transactions::new_id()
}

#[tokio::test]
async fn each_command_sends_its_operation() {
    let bank = Bank::new(Answer::Booked).await;
    let id = fresh();
    let soon = Timestamp(id.time().expect("version 7").0 + 90_000);
    let at = Timestamp(4_102_444_800_000);
    let reference = |text| Reference::new(text).expect("short");
    let purpose = |text| Purpose::new(text).expect("a code");
    let (euro, main) = ("EUR".parse().expect("a code"), account("bank-a/EUR/main"));
    let other = account("bank-b/EUR/main");
    let pending =
        PendingRef { submitter: "bank-b".parse().expect("a name"), id: transactions::parse_id(ID).expect("an id") };
    let hold = Hold {
        id,
        debit_account: main,
        credit_account: other,
        amount: 250,
        expires_at: soon,
        posted_by: HoldSide::Debtor,
        reference: reference("R"),
        purpose: purpose("SALA"),
        document: None,
    };
    let legs = vec![
        Leg { debit_account: main, credit_account: other, amount: 100 },
        Leg { debit_account: other, credit_account: main, amount: 250 },
    ];
    let limits = Limits { transfer_max: Some(100), second_key_above: Some(0), ..Limits::default() };
    let none = Limits::default();
    let freeze = |target, debits, credits| Operation::Freeze { target, debits, credits, reference: reference("") };
    let open = OpenAccount {
        asset: euro,
        name: "x".parse().expect("a name"),
        parent: Some(main),
        customer: Some(concordat_types::Hash([0xab; 32])),
        tier: Some(Tier(3)),
    };
    let customer = "ab".repeat(32);
    for (line, operation) in [
        (
            format!("account open EUR/x --parent EUR/main --tier 3 --customer {customer}"),
            Operation::OpenAccount(open),
        ),
        // What is not named stays as the node says that it is.
        (
            "account move EUR/main --tier 0".to_owned(),
            Operation::ChangeAccount { account: main, parent: Some(AccountId([9; 16])), tier: Some(Tier(0)) },
        ),
        (
            "account move EUR/main --no-parent".to_owned(),
            Operation::ChangeAccount { account: main, parent: None, tier: Some(Tier(4)) },
        ),
        (
            "account move EUR/main --parent EUR/y --no-tier".to_owned(),
            Operation::ChangeAccount { account: main, parent: Some(account("bank-a/EUR/y")), tier: None },
        ),
        ("account close EUR/main".to_owned(), Operation::CloseAccount { account: main }),
        (
            "asset create EUR.B --decimals 3 --kind deposit-token --quota 1.5".to_owned(),
            Operation::CreateAsset {
                code: "EUR.B".parse().expect("a code"),
                decimals: 3,
                kind: AssetKind::DepositToken,
                issuer: "bank-a".parse().expect("a name"),
                quota: 1_500,
            },
        ),
        ("asset quota EUR 9.5".to_owned(), Operation::SetQuota { asset: euro, quota: 950 }),
        (
            "issue --to bank-b/EUR/main --amount 2.5 --reference R".to_owned(),
            Operation::Issue { id, asset: euro, credit_account: other, amount: 250, reference: reference("R") },
        ),
        (
            "redeem --from EUR/main --amount 2.5 --reference R".to_owned(),
            Operation::Redeem { id, debit_account: main, amount: 250, reference: reference("R") },
        ),
        (
            "hold --from EUR/main --to bank-b/EUR/main --amount 2.5 --expires-in 90s --reference R --purpose SALA"
                .to_owned(),
            Operation::Hold(hold.clone()),
        ),
        (
            "hold --from EUR/main --to bank-b/EUR/main --amount 2.5 --expires-at 2100-01-01T00:00:00Z --posted-by creditor"
                .to_owned(),
            Operation::Hold(Hold {
                expires_at: at,
                posted_by: HoldSide::Creditor,
                reference: reference(""),
                purpose: purpose(""),
                ..hold
            }),
        ),
        // All of it, as the node says.
        (format!("post bank-b/{ID}"), Operation::Post { id, hold: pending, amount: 250 }),
        (format!("post bank-b/{ID} --amount 0.01"), Operation::Post { id, hold: pending, amount: 1 }),
        (format!("void bank-b/{ID}"), Operation::Void { hold: pending }),
        (
            "settle offer --leg EUR/main,bank-b/EUR/main,1 --leg bank-b/EUR/main,EUR/main,2.50 --deadline-in 90s"
                .to_owned(),
            Operation::Offer(Offer { id, legs, deadline: soon, reference: reference(""), document: None }),
        ),
        (format!("settle accept bank-b/{ID}"), Operation::Accept { offer: pending }),
        (format!("settle cancel bank-b/{ID}"), Operation::Cancel { offer: pending }),
        (
            "limit set --account EUR/main --transfer-max 1 --second-key-above 0".to_owned(),
            Operation::SetLimits { scope: LimitScope::Account(main), limits },
        ),
        (
            "limit set --asset EUR --tier 7 --none".to_owned(),
            Operation::SetLimits { scope: LimitScope::Tier { asset: euro, tier: Tier(7) }, limits: none },
        ),
        (
            "limit set --asset EUR --day-max 1 --net-debit-max 2".to_owned(),
            Operation::SetLimits {
                scope: LimitScope::Member { asset: euro },
                limits: Limits { day_max: Some(100), net_debit_max: Some(200), ..none },
            },
        ),
        (
            "limit set --asset EUR --counterparty bank-b --none".to_owned(),
            Operation::SetLimits {
                scope: LimitScope::Bilateral { asset: euro, counterparty: pending.submitter },
                limits: none,
            },
        ),
        ("freeze account EUR/main".to_owned(), freeze(FreezeTarget::Account(main), true, true)),
        ("freeze account EUR/main --debits".to_owned(), freeze(FreezeTarget::Account(main), true, false)),
        ("freeze member bank-b --credits".to_owned(), freeze(FreezeTarget::Member(pending.submitter), false, true)),
        ("unfreeze asset EUR".to_owned(), freeze(FreezeTarget::Asset(euro), false, false)),
        (
            "end-of-day --next 2026-11-30".to_owned(),
            Operation::EndOfDay { next: "2026-11-30".parse().expect("a date") },
        ),
    ] {
        let sent = bank.sent(&format!("{line} --id {id}")).await;
        assert_eq!(sent.operations, [operation], "{line}");
        assert_eq!((sent.submitter.as_str(), &sent.signers[..]), ("bank-a", &bank.operators[..1]), "{line}");
    }
}

#[tokio::test]
async fn what_the_ledger_would_refuse_by_form_is_usage() {
    let bank = Bank::new(Answer::Booked).await;
    let legs = " --leg EUR/main,bank-b/EUR/main,1".repeat(17);
    for line in [
        "limit set --asset EUR --balance-max 1",
        "limit set --asset EUR --counterparty bank-b --balance-max 1",
        "freeze asset EUR --debits",
        "account close bank-b/EUR/main",
        "account move bank-b/EUR/main --no-tier",
        "redeem --from EUR/main --amount 0.001",
        "settle offer --leg EUR/main,bank-b/EUR/main --deadline-in 1h",
        "asset quota EUR 1.234",
        "post 7",
        &format!("settle offer --deadline-in 1h{legs}"),
        &format!("end-of-day --next 2026-11-30{}", " --second-key k".repeat(16)),
    ] {
        let error = bank.run(line).await.expect_err(line);
        assert_eq!((error.exit, error.code), (Exit::Usage, "E_USAGE"), "{line}: {error}");
    }
    assert!(bank.seen().is_empty());
}

#[tokio::test]
async fn two_keys_sign_the_same_bytes_and_a_repeat_is_the_same() {
    let bank = Bank::new(Answer::Booked).await;
    let id = fresh();
    let second = bank.keys.path("operator-2.key");
    let line = format!("redeem --from EUR/main --amount 1 --id {id} --second-key {}", second.display());
    for _ in 0..2 {
        bank.run(&line).await.expect("it is booked");
    }
    let seen = bank.seen();
    assert_eq!(seen[0], seen[1]);
    let mut expected = bank.operators;
    expected.sort_unstable();
    assert_eq!(transaction(&seen[0]).signers, expected);
    assert_eq!(seen[0].signatures.iter().map(|signature| signature.key).collect::<Vec<_>>(), expected);
    // The profile's own key once more adds nothing.
    let own = bank.keys.path("operator.key");
    bank.run(&format!("redeem --from EUR/main --amount 1 --second-key {}", own.display())).await.expect("it is booked");
    assert_eq!(transaction(&bank.seen()[2]).signers, bank.operators[..1]);
    let missing = bank.run("redeem --from EUR/main --amount 1 --second-key nothing.key").await;
    assert_eq!(missing.map_err(|error| error.exit), Err(Exit::Usage));
}

#[tokio::test]
async fn a_dry_run_sends_nothing() {
    let bank = Bank::new(Answer::Booked).await;
    let id = fresh();
    for line in [
        "hold --from EUR/main --to bank-b/EUR/main --amount 2.5 --expires-in 90s",
        "settle offer --leg EUR/main,bank-b/EUR/main,1 --deadline-in 1h",
        "limit set --asset EUR --none",
        "freeze member bank-b",
        "account close EUR/main",
        "end-of-day --next 2026-11-30",
    ] {
        let report = bank.run(&format!("{line} --dry-run --id {id}")).await.expect(line);
        assert_eq!((&report.data["dry_run"], &report.data["id"]), (&json!(true), &json!(id.to_string())), "{line}");
        assert!(report.text.starts_with("Would ") && report.text.ends_with("nothing was sent."), "{}", report.text);
        assert!(report.data.get("height").is_none(), "{line}");
    }
    assert!(bank.seen().is_empty());
}

#[tokio::test]
async fn a_refusal_has_number_cause_and_id() {
    let bank = Bank::new(Answer::Result(ResultCode::QuotaExceeded)).await;
    let id = fresh();
    let error = bank.run(&format!("issue --to EUR/main --amount 1 --id {id}")).await.expect_err("it is refused");
    assert_eq!((error.exit, error.code, error.result), (Exit::Refused, REFUSED, Some(90)));
    assert!(error.cause.contains(&id.to_string()) && error.cause.contains("height 7"), "{}", error.cause);
    assert_eq!(error.next, ResultCode::QuotaExceeded.next_step());
}

#[tokio::test]
async fn holds_and_limits_are_shown() {
    let bank = Bank::new(Answer::Booked).await;
    let hold = bank.run(&format!("settle show bank-b/{ID}")).await.expect("it is there");
    assert_eq!((&hold.data["kind"], &hold.data["state"]), (&json!("hold"), &json!("posted")));
    assert_eq!(hold.data["legs"][0]["amount"], "2.50");
    assert_eq!((&hold.data["until_ms"], &hold.data["posted_by"]), (&json!(9_000), &json!("debtor")));
    for text in [&format!("bank-b/{ID}"), "posted", "1970-01-01T00:00:09.000Z", "bank-b/EUR/main", "2.50"] {
        assert!(hold.text.contains(text), "{text} is not in\n{}", hold.text);
    }
    let limits = bank.run("limit show --asset EUR --tier 3").await.expect("it is there");
    assert_eq!((&limits.data["scope"], &limits.data["limits"]["day_max"]), (&json!("tier 3 in EUR"), &json!("0.02")));
}
