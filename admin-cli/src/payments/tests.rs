use super::*;
use concordat_types::{Hash, Height, MemberId, NetworkId, Timestamp};

fn assets() -> Assets {
    let code = |text: &str| text.parse().expect("a code");
    Assets(BTreeMap::from([(code("EUR"), 2), (code("JPY"), 0)]))
}

const HEADER: &str = "id,debit,credit,amount,reference,purpose\n";

/// The payments as `amount reference purpose`, or the error.
fn check(lines: &str, expected: &str) {
    let got = match PaymentFile::parse(format!("{HEADER}{lines}").as_bytes(), &assets()) {
        Ok(file) => {
            let payment = |payment: &Payment| format!("{} {} {}", payment.amount, payment.reference, payment.purpose);
            file.payments.iter().map(payment).collect::<Vec<_>>().join(" | ")
        }
        Err(error) => error.cause,
    };
    assert_eq!(got, expected, "{lines}");
}

#[test]
fn a_payment_file_is_read_by_rfc_4180() {
    check(",bank-a/EUR/main,bank-b/EUR/main,250.00,INV-7,SALA\n", "25000 INV-7 SALA");
    check(",bank-a/EUR/main,bank-b/EUR/main,250,,", "25000  ");
    check(
        ",bank-a/EUR/main,bank-b/EUR/main,1.5,\"a, b\",\r\n,bank-a/JPY/main,bank-b/JPY/main,7,,\r\n",
        "150 a, b  | 7  ",
    );
    check("01930000-0000-7000-8000-000000000001,bank-a/EUR/main,bank-b/EUR/main,0.01,,", "1  ");
    // What the ledger judges is left to the ledger.
    check(",bank-a/EUR/main,bank-a/EUR/main,0,,", "0  ");
    check(",bank-a/EUR/main,bank-b/JPY/main,1.00,,", "100  ");
}

#[test]
fn one_bad_line_refuses_the_file_and_is_named() {
    let good = ",bank-a/EUR/main,bank-b/EUR/main,1,,\n";
    let cases = [
        (",bank-a/EUR/main,bank-b/EUR/main,1.005,,", "amount: 3 decimals, the asset has 2"),
        (",bank-a/JPY/main,bank-b/JPY/main,1.0,,", "amount: 1 decimals, the asset has 0"),
        (",bank-a/EUR/main,bank-b/EUR/main,-1,,", "amount: \"-1\" is no amount; write it like 1250.00"),
        (",bank-a/USD/main,bank-b/USD/main,1,,", "debit: there is no asset USD on this ledger"),
        (",bank-a/EUR,bank-b/EUR/main,1,,", "debit: an account is written member/ASSET/name, such as bank-a/EUR/main"),
        (",bank-a/EUR/main,Bank B/EUR/main,1,,", "credit: a member name is 1 to 32 of a-z, 0-9 and -"),
        (",bank-a/EUR/main,bank-b/EUR/main,1,,salary", "purpose: a purpose is empty or 1 to 4 of A-Z and 0-9"),
        ("7,bank-a/EUR/main,bank-b/EUR/main,1,,", "id: \"7\" is not a UUID of version 7"),
        (",bank-a/EUR/main,bank-b/EUR/main,1", "4 fields, expected 6"),
    ];
    for (line, cause) in cases {
        check(&format!("{good}{line}\n"), &format!("payment file, line 3: {cause}"));
    }
    let id = "01930000-0000-7000-8000-000000000001";
    check(&format!("{id}{good}{id}{good}"), "payment file, line 3: the id stands in the file twice");
    check("", "the payment file holds no payment");
    let other = PaymentFile::parse(b"debit,credit,amount\n", &assets()).expect_err("another header");
    assert_eq!(other.cause, "payment file, line 1: the header must be id,debit,credit,amount,reference,purpose");
    let latin = PaymentFile::parse(format!("{HEADER},bank-a/EUR/main,b\u{fc}nk,1,,").as_bytes(), &assets());
    assert!(latin.is_err());
    let mut bytes = HEADER.as_bytes().to_vec();
    bytes.extend_from_slice(b",bank-a/EUR/main,bank-b/EUR/main,1,\xff,\n");
    let bytes = PaymentFile::parse(&bytes, &assets()).expect_err("not UTF-8");
    assert_eq!(bytes.cause, "payment file, line 2: not UTF-8");
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_header() {
    let text = format!("\u{feff}{HEADER},bank-a/EUR/main,bank-b/EUR/main,1,,\n");
    assert_eq!(PaymentFile::parse(text.as_bytes(), &assets()).map(|file| file.payments.len()), Ok(1));
}

fn plan(file: &[u8]) -> Plan {
    Plan {
        schema: Plan::SCHEMA.to_owned(),
        network_id: NetworkId(Hash([1; 32])),
        member: MemberId::new("bank-a").expect("a name"),
        file_sha256: Hash(<sha2::Sha256 as sha2::Digest>::digest(file).into()),
        all_or_nothing: false,
        transfers_per_transaction: TRANSFERS_PER_TRANSACTION_MAX,
        made_at: Timestamp(1_700_000_000_000),
        valid_until: Timestamp(1_700_086_400_000),
        seed: Hash([7; 32]),
    }
}

fn run_of(count: usize, state: RunState) -> Run {
    let line = ",bank-a/EUR/main,bank-b/EUR/main,1.00,,\n";
    let file = PaymentFile::parse(format!("{HEADER}{}", line.repeat(count)).as_bytes(), &assets()).expect("a file");
    Run { file, state }
}

fn key() -> SecretKey {
    SecretKey::from_seed(&[3; 32])
}

fn booked(index: usize, results: Vec<ResultCode>) -> Booked {
    Booked { index, height: Height(9), tx_index: 2, repeat: false, results }
}

#[test]
fn files_are_cut_after_8190_payments() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (count, transactions, last) in [(1, 1, 1), (8_190, 1, 8_190), (8_191, 2, 1), (16_380, 2, 8_190), (16_381, 3, 1)]
    {
        let state = RunState::open(&dir.path().join("none"), plan(b"")).expect("no state");
        let run = run_of(count, state);
        assert_eq!(run.transactions_count(), transactions, "{count}");
        assert_eq!(run.lines(transactions - 1).len(), last, "{count}");
    }
}

#[test]
fn the_largest_transaction_fits_the_default_limit() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let line = format!(",bank-a/EUR/main,bank-b/EUR/main,1.00,{},SALA\n", "R".repeat(36));
    let text = format!("{HEADER}{}", line.repeat(TRANSFERS_PER_TRANSACTION_MAX));
    let file = PaymentFile::parse(text.as_bytes(), &assets()).expect("a file");
    let run = Run { file, state: RunState::open(&dir.path().join("none"), plan(b"")).expect("no state") };
    let bytes = concordat_types::encode(&run.transaction(0, &[key()]));
    assert!(bytes.len() < concordat_types::Parameters::default().tx_bytes_max as usize, "{}", bytes.len());
}

#[test]
fn a_second_run_sends_the_very_same_bytes() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("pay.csv.state.jsonl");
    let mut first = run_of(10_000, RunState::open(&path, plan(b"file")).expect("no state"));
    assert!(!first.state.is_resumed());
    first.state.make_durable().expect("it is writable");
    let sent = [first.transaction(0, &[key()]), first.transaction(1, &[key()])];
    first.state.record(booked(1, vec![ResultCode::Ok; 1810])).expect("it is writable");
    drop(first);

    // Another clock and another seed: the first plan holds.
    let later = Plan { made_at: Timestamp(1_700_000_500_000), seed: Hash([8; 32]), ..plan(b"file") };
    let second = run_of(10_000, RunState::open(&path, later).expect("the state of the first run"));
    assert!(second.state.is_resumed());
    assert_eq!([second.transaction(0, &[key()]), second.transaction(1, &[key()])], sent);
    assert_eq!(second.state.booked.keys().copied().collect::<Vec<_>>(), [1]);
    assert_eq!(second.state.booked[&1].results.len(), 1810);
    let ids: std::collections::BTreeSet<_> = (0..10_000).map(|line| second.payment_id(line)).collect();
    assert_eq!(ids.len(), 10_000);
    assert!(ids.iter().all(|id| id.time() == Some(Timestamp(1_700_000_000_000))));
}

#[test]
fn the_state_of_other_work_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("state");
    RunState::open(&path, plan(b"file")).expect("no state").make_durable().expect("it is writable");
    let refused = |plan: Plan, cause: &str| {
        let error = RunState::open(&path, plan).expect_err(cause);
        assert_eq!((error.code, error.exit), (crate::error::PAYMENT_STATE, Exit::UnsafeLocalState));
        assert!(error.cause.contains(cause), "{}", error.cause);
    };
    refused(plan(b"changed"), "before it was changed");
    refused(Plan { all_or_nothing: true, ..plan(b"file") }, "--mode");
    refused(Plan { member: MemberId::new("bank-b").expect("a name"), ..plan(b"file") }, "another member");
    refused(Plan { network_id: NetworkId::default(), ..plan(b"file") }, "another network");
    assert!(RunState::open(&path, plan(b"file")).is_ok());
}

#[test]
fn a_line_that_was_cut_short_is_dropped() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("state");
    let mut state = RunState::open(&path, plan(b"")).expect("no state");
    state.make_durable().expect("it is writable");
    state.record(booked(0, vec![ResultCode::Ok, ResultCode::InsufficientFunds])).expect("it is writable");
    state.record(booked(1, vec![ResultCode::Ok])).expect("it is writable");
    drop(state);
    let text = fs::read_to_string(&path).expect("it is there");
    let whole = text.trim_end().rfind('\n').expect("three lines") + 1;
    for cut in whole..text.len() {
        fs::write(&path, &text[..cut]).expect("it is writable");
        let mut state = RunState::open(&path, plan(b"")).expect("a torn tail");
        assert_eq!(state.booked.len(), 1, "cut at {cut}");
        assert_eq!(state.booked[&0].results, [ResultCode::Ok, ResultCode::InsufficientFunds]);
        state.record(booked(1, vec![ResultCode::Ok])).expect("it is writable");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), text);
    }
    // A plan that was never whole: nothing was sent, a new plan takes its place.
    fs::write(&path, "{\"schema\":").expect("it is writable");
    let mut state = RunState::open(&path, plan(b"")).expect("no plan");
    state.make_durable().expect("it is writable");
    assert!(RunState::open(&path, plan(b"")).expect("a plan").is_resumed());
    // Damage inside is not passed over.
    fs::write(&path, format!("{}{{}}\n{text}", "")).expect("it is writable");
    assert!(RunState::open(&path, plan(b"")).is_err());
}

#[test]
fn two_runs_that_start_at_once_do_not_both_send() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("state");
    let mut one = RunState::open(&path, plan(b"")).expect("no state");
    let mut other = RunState::open(&path, Plan { seed: Hash([9; 32]), ..plan(b"") }).expect("no state");
    assert!(one.make_durable().is_ok());
    assert!(other.make_durable().is_err());
}

#[test]
fn the_report_has_a_line_for_each_payment() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("pay.csv");
    let mut run = run_of(3, RunState::open(&state_path(&path), plan(b"")).expect("no state"));
    run.state.make_durable().expect("it is writable");
    run.state.record(booked(0, vec![ResultCode::Ok, ResultCode::InsufficientFunds, ResultCode::Ok])).expect("writable");
    let summary = run.write_report(&path).expect("it is writable");
    assert_eq!((summary.transfers, summary.transactions, summary.refused()), (3, 1, 1));
    let report = fs::read_to_string(&summary.report).expect("it is there");
    assert!(summary.report.ends_with("pay.csv.results.csv"));
    let lines: Vec<_> = report.lines().collect();
    assert_eq!((lines.len(), lines[0]), (4, "id,result,name,height,index"));
    assert_eq!(lines[2], format!("{},92,insufficient_funds,9,1", run.payment_id(1)));
}

#[test]
fn a_refused_batch_refuses_every_payment_in_it() {
    let submitted = |results| crate::client::Submitted {
        height: Height(1),
        block_id: Default::default(),
        tx_index: 0,
        results,
        repeat: false,
    };
    let outcome = |result, transfers| crate::client::OperationOutcome { result, transfers };
    let refused = Booked::new(0, submitted(vec![outcome(ResultCode::MemberNotActive, vec![])]), 2);
    assert_eq!(refused.map(|booked| booked.results), Ok(vec![ResultCode::MemberNotActive; 2]));
    let each =
        Booked::new(0, submitted(vec![outcome(ResultCode::Ok, vec![ResultCode::Ok, ResultCode::AmountZero])]), 2);
    assert_eq!(each.map(|booked| booked.results), Ok(vec![ResultCode::Ok, ResultCode::AmountZero]));
    assert!(Booked::new(0, submitted(vec![outcome(ResultCode::Ok, vec![ResultCode::Ok])]), 2).is_err());
    assert!(Booked::new(0, submitted(vec![outcome(ResultCode::Ok, vec![])]), 2).is_err());
    assert!(Booked::new(0, submitted(vec![]), 2).is_err());
}
