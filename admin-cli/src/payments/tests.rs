use super::*;
use crate::client::tests::{Answer, Fake, Keys};
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

fn plan(file: &[u8], payments: usize) -> Plan {
    Plan {
        schema: Plan::SCHEMA.to_owned(),
        network_id: NetworkId(Hash([1; 32])),
        member: MemberId::new("bank-a").expect("a name"),
        file_sha256: Hash(<sha2::Sha256 as sha2::Digest>::digest(file).into()),
        all_or_nothing: false,
        payments,
        transfers_per_transaction: TRANSFERS_PER_TRANSACTION_MAX,
        made_at: Timestamp(1_700_000_000_000),
        valid_until: Timestamp(1_700_086_400_000),
        seed: Hash([7; 32]),
    }
}

fn run_of(count: usize, state: RunState) -> Run {
    let line = ",bank-a/EUR/main,bank-b/EUR/main,1.00,,\n";
    let file = PaymentFile::parse(format!("{HEADER}{}", line.repeat(count)).as_bytes(), &assets()).expect("a file");
    Run { file, state, expired: Vec::new() }
}

fn key() -> SecretKey {
    SecretKey::from_seed(&[3; 32])
}

const PLACE: Place = Place { height: Height(9), index: 2 };

fn booked(results: &[ResultCode]) -> Vec<Fate> {
    results.iter().map(|result| Fate::Booked(Outcome { result: *result, place: Some(PLACE) })).collect()
}

fn results(state: &RunState) -> Vec<Option<ResultCode>> {
    state.outcomes.iter().map(|outcome| outcome.map(|outcome| outcome.result)).collect()
}

#[test]
fn files_are_cut_after_8190_payments() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (count, transactions, last) in [(1, 1, 1), (8_190, 1, 8_190), (8_191, 2, 1), (16_380, 2, 8_190), (16_381, 3, 1)]
    {
        let state = RunState::open(&dir.path().join("none"), plan(b"", count)).expect("no state");
        let run = run_of(count, state);
        assert_eq!(run.transactions_count(), transactions, "{count}");
        assert_eq!(run.state.parts[transactions - 1].lines.len(), last, "{count}");
    }
}

#[test]
fn the_largest_transaction_fits_the_default_limit() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let line = format!(",bank-a/EUR/main,bank-b/EUR/main,1.00,{},SALA\n", "R".repeat(36));
    let text = format!("{HEADER}{}", line.repeat(TRANSFERS_PER_TRANSACTION_MAX));
    let file = PaymentFile::parse(text.as_bytes(), &assets()).expect("a file");
    let plan = plan(b"", TRANSFERS_PER_TRANSACTION_MAX);
    let state = RunState::open(&dir.path().join("none"), plan).expect("no state");
    let run = Run { file, state, expired: Vec::new() };
    let bytes = concordat_types::encode(&run.transaction(0, &[key()]));
    assert!(bytes.len() < concordat_types::Parameters::default().tx_bytes_max as usize, "{}", bytes.len());
}

#[test]
fn a_second_run_sends_the_very_same_bytes() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("pay.csv.state.jsonl");
    let mut first = run_of(10_000, RunState::open(&path, plan(b"file", 10_000)).expect("no state"));
    assert!(!first.state.is_resumed());
    first.state.make_durable().expect("it is writable");
    let sent = [first.transaction(0, &[key()]), first.transaction(1, &[key()])];
    first.state.record(1, &booked(&[ResultCode::Ok; 1810]), false, None).expect("it is writable");
    drop(first);

    // Another clock and another seed: the first plan holds.
    let later = Plan { made_at: Timestamp(1_700_000_500_000), seed: Hash([8; 32]), ..plan(b"file", 10_000) };
    let second = run_of(10_000, RunState::open(&path, later).expect("the state of the first run"));
    assert!(second.state.is_resumed());
    assert_eq!([second.transaction(0, &[key()]), second.transaction(1, &[key()])], sent);
    assert_eq!(second.state.parts.iter().map(|part| part.is_done).collect::<Vec<_>>(), [false, true]);
    assert_eq!(second.state.outcomes.iter().flatten().count(), 1810);
    let ids: std::collections::BTreeSet<_> = (0..10_000).map(|line| second.payment_id(line)).collect();
    assert_eq!(ids.len(), 10_000);
    assert!(ids.iter().all(|id| id.time() == Some(Timestamp(1_700_000_000_000))));
}

#[test]
fn the_state_of_other_work_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("state");
    let plan = |file| plan(file, 3);
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
    let count = TRANSFERS_PER_TRANSACTION_MAX + 1;
    let first: Vec<_> = [vec![ResultCode::Ok; count - 2], vec![ResultCode::InsufficientFunds]].concat();
    let mut state = RunState::open(&path, plan(b"", count)).expect("no state");
    state.make_durable().expect("it is writable");
    state.record(0, &booked(&first), false, None).expect("it is writable");
    state.record(1, &booked(&[ResultCode::Ok]), true, None).expect("it is writable");
    drop(state);
    let text = fs::read_to_string(&path).expect("it is there");
    let whole = text.trim_end().rfind('\n').expect("three lines") + 1;
    for cut in whole..text.len() {
        fs::write(&path, &text[..cut]).expect("it is writable");
        let mut state = RunState::open(&path, plan(b"", count)).expect("a torn tail");
        assert_eq!(state.outcomes.iter().flatten().count(), count - 1, "cut at {cut}");
        assert_eq!(results(&state)[count - 2..], [Some(ResultCode::InsufficientFunds), None]);
        state.record(1, &booked(&[ResultCode::Ok]), true, None).expect("it is writable");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), text);
    }
    // The plan comes into being whole: what has none was not written by us, or was spoilt.
    for damaged in ["", "{\"schema\":", &format!("{{}}\n{text}"), &format!("{text}{{}}\n")] {
        fs::write(&path, damaged).expect("it is writable");
        let error = RunState::open(&path, plan(b"", count)).expect_err("damaged");
        assert_eq!((error.code, error.exit), (crate::error::PAYMENT_STATE, Exit::UnsafeLocalState), "{damaged}");
    }
    // No transaction ends twice.
    fs::write(&path, format!("{text}{}", &text[whole..])).expect("it is writable");
    assert!(RunState::open(&path, plan(b"", count)).is_err());
}

#[test]
fn two_runs_that_start_at_once_do_not_both_send() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("state");
    let mut one = RunState::open(&path, plan(b"", 1)).expect("no state");
    let mut other = RunState::open(&path, Plan { seed: Hash([9; 32]), ..plan(b"", 1) }).expect("no state");
    one.make_durable().expect("it is the first");
    let refused = |error: CliError| {
        assert_eq!((error.code, error.exit), (crate::error::PAYMENT_STATE, Exit::UnsafeLocalState));
        assert!(error.cause.contains("another run") && error.next.starts_with("Wait"), "{}", error.cause);
    };
    refused(other.make_durable().expect_err("the plan is another's"));
    refused(RunState::open(&path, plan(b"", 1)).expect_err("the first is still at work"));
    drop(one);
    assert!(RunState::open(&path, plan(b"", 1)).expect("the first has ended").is_resumed());
}

#[test]
fn what_goes_again_is_remembered() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("state");
    let mut run = run_of(4, RunState::open(&path, plan(b"", 4)).expect("no state"));
    run.begin().expect("it is writable");
    let ok = booked(&[ResultCode::Ok])[0];
    assert!(run.state.record(0, &[ok; 3], false, None).is_err(), "one fate too few");
    let again_at = Timestamp(1_700_090_000_000);
    run.state.record(0, &[ok, Fate::Again, Fate::Unknown, Fate::Again], false, Some(again_at)).expect("it is writable");
    let transaction = run.transaction(1, &[key()]);
    assert_eq!(run.state.parts[1].lines, [1, 3]);
    assert_eq!(run.state.parts[1].valid_until, Timestamp(again_at.0 + Plan::VALID_FOR_MS));
    drop(run);
    let second = run_of(4, RunState::open(&path, plan(b"", 4)).expect("the state of the first run"));
    assert_eq!(second.transaction(1, &[key()]), transaction);
    assert_eq!(results(&second.state), [Some(ResultCode::Ok), None, None, None]);
}

/// As `result name height index` of the lines of the report.
fn report(run: &Run, path: &Path) -> Vec<String> {
    let summary = run.write_report(path).expect("it is writable");
    let text = fs::read_to_string(summary.report).expect("it is there");
    let lines: Vec<_> = text.lines().map(str::to_owned).collect();
    assert_eq!(lines[0], "id,result,name,height,index");
    for (line, text) in lines[1..].iter().enumerate() {
        assert!(text.starts_with(&format!("{},", run.payment_id(line))), "{text}");
    }
    lines[1..].iter().map(|line| line.split(',').skip(1).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn the_report_has_a_line_for_each_payment() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("pay.csv");
    let count = TRANSFERS_PER_TRANSACTION_MAX + 3;
    let mut run = run_of(count, RunState::open(&state_path(&path), plan(b"", count)).expect("no state"));
    run.begin().expect("it is writable");
    let mut fates = booked(&[ResultCode::Ok, ResultCode::InsufficientFunds, ResultCode::Ok]);
    fates[2] = Fate::Booked(Outcome { result: ResultCode::Ok, place: None });
    run.state.record(1, &fates, false, None).expect("writable");
    let summary = run.write_report(&path).expect("it is writable");
    assert_eq!((summary.transfers, summary.transactions, summary.refused()), (count, 2, 1));
    assert_eq!(summary.unknown, TRANSFERS_PER_TRANSACTION_MAX);
    assert!(summary.report.ends_with("pay.csv.results.csv"));
    let lines = report(&run, &path);
    assert_eq!(lines.len(), count);
    assert_eq!(lines[count - 4..], [" unknown  ", "0 ok 9 2", "92 insufficient_funds 9 2", "0 ok  "]);
}

#[test]
fn a_refused_batch_refuses_every_payment_in_it() {
    let check = |result, transfers: Vec<ResultCode>, expected: Option<Vec<ResultCode>>| {
        let outcome = crate::client::OperationOutcome { result, transfers, repeats: vec![0, 2, 9] };
        let (height, block_id) = (Height(9), Default::default());
        let submitted = Submitted { height, block_id, tx_index: 2, results: vec![outcome], repeat: false };
        let got = outcomes(submitted, 2).ok();
        if let Some((outcomes, repeated)) = &got {
            assert!(outcomes.iter().all(|outcome| outcome.place == Some(PLACE)));
            assert_eq!(*repeated, [1]);
        }
        let got = got.map(|(outcomes, _)| outcomes.into_iter().map(|outcome| outcome.result).collect());
        assert_eq!(got, expected);
    };
    use ResultCode::{AmountZero, BatchAborted, ExistsWithDifferentBody, MemberNotActive, Ok};
    check(MemberNotActive, vec![], Some(vec![MemberNotActive; 2]));
    check(Ok, vec![Ok, AmountZero], Some(vec![Ok, AmountZero]));
    check(
        ExistsWithDifferentBody,
        vec![ExistsWithDifferentBody, BatchAborted],
        Some(vec![ExistsWithDifferentBody, BatchAborted]),
    );
    // The transaction's own id was used: that says nothing of the payments.
    check(ExistsWithDifferentBody, vec![BatchAborted; 2], None);
    check(Ok, vec![Ok], None);
    check(Ok, vec![], None);
}

/// Three payments of which the second has its id from the file.
fn run_with_an_id(path: &Path, own_id: Uuid) -> Run {
    let line = "bank-a/EUR/main,bank-b/EUR/main,1.00,,\n";
    let text = format!("{HEADER},{line}{own_id},{line},{line}");
    let file = PaymentFile::parse(text.as_bytes(), &assets()).expect("a file");
    let state = RunState::open(&state_path(path), plan(b"", 3)).expect("no state");
    Run { file, state, expired: Vec::new() }
}

fn found(height: u64, result: u32) -> concordat_proto::v1::Outcome {
    concordat_proto::v1::Outcome { height, tx_index: 4, item: 0, results: vec![result] }
}

#[tokio::test]
async fn what_expired_goes_again_unless_it_was_booked() {
    let keys = Keys::new();
    let tip = Timestamp(plan(b"", 3).valid_until.0 + 1);
    let node = Fake::start(&keys, "node", Answer::Books { tip }).await;
    let client = keys.client(&[(&node.address, "node")], 5_000).await;
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("pay.csv");
    let own_id = Uuid::from_parts(Timestamp(1_700_000_000_001), [5; 10]);
    let mut run = run_with_an_id(&path, own_id);
    // Booked by somebody at another place: the first is surely ours, of the second only the ledger can tell.
    node.outcomes.lock().expect("no test panics with it").insert(run.payment_id(0), found(11, 92));
    node.outcomes.lock().expect("no test panics with it").insert(own_id, found(12, 0));
    let mut progress = 0;
    run.send(&client, &[key()], |more| progress += more).await.expect("it comes to an end");
    assert_eq!(progress, 3);
    let [expired] = run.expired[..] else { panic!("one transaction expired") };
    assert_eq!((expired.booked, expired.again, expired.unknown), (1, 2, 0));
    assert_eq!(node.seen().len(), 2);
    let again = run.transaction(1, &[key()]);
    assert_eq!(node.seen()[1], concordat_types::encode(&again));
    assert_eq!(report(&run, &path)[0], "92 insufficient_funds 11 4");
    // It stands where it was booked first, not where it was sent again.
    assert_eq!(report(&run, &path)[1..], ["0 ok 12 4", "0 ok 20 2"]);
    // Nothing is left to do.
    run.send(&client, &[key()], |_| {}).await.expect("it is done");
    assert_eq!(node.seen().len(), 2);
}

#[tokio::test]
async fn what_the_ledger_forgot_is_never_sent_again() {
    let keys = Keys::new();
    let tip = Timestamp(plan(b"", 3).made_at.0 + concordat_types::Parameters::default().id_window_ms + 1);
    let node = Fake::start(&keys, "node", Answer::Books { tip }).await;
    let client = keys.client(&[(&node.address, "node")], 5_000).await;
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("pay.csv");
    let mut run = run_with_an_id(&path, Uuid::from_parts(tip, [5; 10]));
    let error = run.send(&client, &[key()], |_| {}).await.expect_err("of two nothing is known");
    assert_eq!((error.code, error.exit), ("E_EXPIRED", Exit::Refused), "{}", error.cause);
    assert_eq!(run.state.parts[1].lines, [1]);
    assert_eq!(report(&run, &path), [" unknown  ", "0 ok 20 2", " unknown  "]);
}

#[tokio::test]
async fn all_or_none_go_again_as_a_whole() {
    let keys = Keys::new();
    let tip = Timestamp(plan(b"", 3).valid_until.0 + 1);
    let node = Fake::start(&keys, "node", Answer::Books { tip }).await;
    let client = keys.client(&[(&node.address, "node")], 5_000).await;
    let dir = tempfile::tempdir().expect("a temporary folder");
    let state = RunState::open(&dir.path().join("state"), Plan { all_or_nothing: true, ..plan(b"", 3) });
    let mut run = run_of(3, state.expect("no state"));
    node.outcomes.lock().expect("no test panics with it").insert(run.payment_id(0), found(11, 0));
    run.send(&client, &[key()], |_| {}).await.expect("it comes to an end");
    assert_eq!(run.state.parts[1].lines, [0, 1, 2]);
    assert_eq!(results(&run.state), [Some(ResultCode::Ok); 3]);
}

#[tokio::test]
async fn a_run_that_breaks_off_can_be_gone_on_with() {
    let keys = Keys::new();
    let client = keys.client(&[("127.0.0.1:1", "node")], 200).await;
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("pay.csv");
    let mut run = run_of(2, RunState::open(&state_path(&path), plan(b"", 2)).expect("no state"));
    let error = run.send(&client, &[key()], |_| {}).await.expect_err("nobody listens");
    assert_eq!(error.exit, Exit::Unreachable);
    assert!(error.next.contains("same command again"), "{}", error.next);
    assert_eq!(report(&run, &path), [" unknown  "; 2]);
}
