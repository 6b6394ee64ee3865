use super::*;
use crate::{
    api::blocks::tests::put_account,
    registry::{KeyKind, tests::caller},
};
use concordat_ledger::{
    BlockEvent, HoldRecord, IdKey, IdKind, Moment, OperationResult, PendingState, Reserved, Shown, StateTree,
    TransactionResult, result_leaves, results_root,
};
use concordat_replica::{
    memory::MemoryStore,
    store::{Store, WriteBatch},
};
use concordat_types::{
    AssetCode, Batch, BatchMode, Bitmap, BlockId, BlsSignature, Body, BusinessDate, Certificate, CertificateKind,
    FreezeTarget, Hash, Header, HoldSide, MemberId, Operation, PendingRef, ProposalId, Purpose, Reference, ResultCode,
    Rights, Roles, Round, Timestamp, Transaction, Transfer, Uuid,
};
use std::sync::Arc;

const A: AccountId = AccountId([1; 16]);
const B: AccountId = AccountId([2; 16]);
const C: AccountId = AccountId([3; 16]);
const HEIGHT: Height = Height(1);
const NETWORK: NetworkId = NetworkId(Hash([7; 32]));

fn name(text: &str) -> MemberId {
    text.parse().expect("a valid literal")
}

fn id(last: u8) -> Uuid {
    Uuid::from_parts(Timestamp(1), [last; 10])
}

fn pay(last: u8, debit_account: AccountId, credit_account: AccountId) -> Transfer {
    let (reference, purpose) = (no_reference(), Purpose::new("").expect("it may be empty"));
    Transfer { id: id(last), debit_account, credit_account, amount: 1, reference, purpose, document: None }
}

fn no_reference() -> Reference {
    Reference::new("").expect("it may be empty")
}

fn freeze(account: AccountId) -> Operation {
    let target = FreezeTarget::Account(account);
    Operation::Freeze { target, debits: true, credits: false, reference: no_reference() }
}

/// Bank A: pays B; pays C and B in a file; freezes its own account. The central bank: issues to B; freezes B's account and,
/// in a transaction of its own, once more. Two events: a hold of A for B has ended, a proposal has.
fn operations() -> Vec<(&'static str, Vec<Operation>)> {
    let file = Operation::Batch { mode: BatchMode::Each, transfers: vec![pay(2, A, C), pay(3, A, B)] };
    let asset = AssetCode::new("EUR").expect("a valid literal");
    let issue = Operation::Issue { id: id(4), asset, credit_account: B, amount: 1, reference: no_reference() };
    vec![
        ("bank-a", vec![Operation::Transfer(pay(1, A, B)), file, freeze(A)]),
        ("central-bank", vec![issue, freeze(B)]),
        ("central-bank", vec![freeze(B)]),
        ("central-bank", vec![freeze(B), freeze(C)]),
    ]
}

fn transactions() -> Vec<SignedTransaction> {
    let transaction = |(last, (submitter, operations)): (u8, (&str, Vec<Operation>))| Transaction {
        version: Transaction::VERSION,
        network: NETWORK,
        submitter: name(submitter),
        id: id(last),
        valid_until: Timestamp(1),
        signers: Vec::new(),
        operations,
    };
    let signed = |transaction| SignedTransaction { bytes: encode(&transaction), signatures: Vec::new() };
    (100..).zip(operations()).map(transaction).map(signed).collect()
}

fn results() -> Vec<TransactionResult> {
    let of = |operation: &Operation| {
        let transfers = match operation {
            Operation::Batch { transfers, .. } => vec![ResultCode::Ok; transfers.len()],
            _ => Vec::new(),
        };
        OperationResult { code: ResultCode::Ok, transfers, repeats: Vec::new(), bookings: Vec::new() }
    };
    let operations = operations();
    let transactions = operations.iter();
    transactions
        .map(|(_, operations)| TransactionResult { repeat: false, operations: operations.iter().map(of).collect() })
        .collect()
}

fn hold() -> PendingRef {
    PendingRef { submitter: name("bank-a"), id: id(9) }
}

fn events() -> Vec<BlockEvent> {
    vec![BlockEvent::HoldExpired(hold()), BlockEvent::ProposalExpired(ProposalId(1))]
}

/// Roots are right; nobody has signed, since whoever verifies signatures is the reader.
fn header() -> Header {
    let checked: Vec<_> = transactions().into_iter().map(|signed| checked(signed).expect("it decodes")).collect();
    Header {
        version: Header::VERSION,
        network: NETWORK,
        height: HEIGHT,
        time: Timestamp(1),
        parent: BlockId(Hash::ZERO),
        batches_root: Hash::ZERO,
        transactions_root: Hash::ZERO,
        results_root: results_root(&result_leaves(checked.iter(), &results(), &events())),
        state_root: tree().root(),
        validators: Hash::ZERO,
        next_validators: Hash::ZERO,
        parameters: Hash::ZERO,
        last_certificate: Hash::ZERO,
        participation: Hash::ZERO,
        evidence_root: Hash::ZERO,
        proposer: name("bank-a"),
    }
}

/// The one row that proofs are asked of here.
fn row(days: u32) -> (StateKey, StateValue) {
    let date = BusinessDate::from_days(days).expect("in range");
    (StateKey::BusinessDate, StateValue::BusinessDate(date))
}

fn tree() -> StateTree {
    StateTree::from_leaves([row(20_785)])
}

fn store() -> MemoryStore {
    let (mut store, mut batch) = (MemoryStore::default(), WriteBatch::default());
    for (account, owner) in [(A, "bank-a"), (B, "bank-b"), (C, "bank-c")] {
        put_account(&mut store, account, owner);
    }
    let key = query::height_key(HEIGHT);
    let (kind, block, signers) = (CertificateKind::Commit, header().id(), Bitmap::new(1));
    let (round, signature) = (Round(0), BlsSignature([0; 96]));
    let certificate = Certificate { kind, height: HEIGHT, round, valid_round: None, block, signers, signature };
    batch.put(Table::Headers, key, encode(&(&header(), &certificate)));
    let body = Body { batches: vec![encode(&Batch { transactions: transactions() })], ..Body::default() };
    batch.put(Table::Bodies, key, encode(&body));
    batch.put(Table::Results, key, encode(&(&results(), &events())));
    let (key, value) = row(20_785);
    batch.put(Table::State, key.to_bytes(), encode(&value));
    let (at, due) = (Moment { height: HEIGHT, tx_index: 0, operation: 0 }, Timestamp(1));
    let record = HoldRecord {
        debit_account: A,
        credit_account: B,
        amount: 1,
        expires_at: due,
        posted_by: HoldSide::Creditor,
        state: PendingState::Expired,
        reserved: Reserved { date: BusinessDate::default(), at },
        due,
        blinding: [0; 16],
    };
    batch.put(Table::State, StateKey::Pending(hold()).to_bytes(), encode(&StateValue::Hold(record)));
    store.write(batch).expect("in memory");
    store
}

const fn item(tx_index: u32, operation: u16, item: u32) -> LeafPlace {
    LeafPlace::Item { tx_index, operation, item }
}

fn stranger() -> Caller {
    Caller { kind: KeyKind::Stranger, ..caller("stranger", Roles::default()) }
}

/// For bank A, B, C, D, the supervisor and the central bank: `+` a receipt that verifies, `-` nothing is there, `!` what it
/// stands in may not be seen.
fn check(place: LeafPlace, expected: &str) {
    let store = store();
    let callers = [
        caller("bank-a", Roles::BANK),
        caller("bank-b", Roles::BANK),
        caller("bank-c", Roles::BANK),
        caller("bank-d", Roles::BANK),
        caller("supervisor", Roles::SUPERVISOR),
        caller("central-bank", Roles::CENTRAL_BANK),
    ];
    let wanted = Wanted { height: HEIGHT, place };
    let sees = |caller: &Caller| match receipt(&store, NETWORK, caller, wanted, Height(0)) {
        Ok(receipt) => {
            shown(&receipt);
            '+'
        }
        Err(error) => match error.code {
            Code::NotFound => '-',
            Code::NotAuthorised => '!',
            other => panic!("{place:?}: {other:?}: {}", error.cause),
        },
    };
    assert_eq!(callers.iter().map(sees).collect::<String>(), expected, "{place:?}");
}

/// Verifies as whoever gets it does, up to the certificate.
fn shown(receipt: &v1::Receipt) -> Shown {
    let finality = receipt.finality.as_ref().expect("every receipt has one");
    assert_eq!(finality.network_id, NETWORK.0.0);
    let header: Header = decode(&finality.header, finality.header.len()).expect("a header");
    assert_eq!(header, self::header());
    let subject = match receipt.subject.clone() {
        Some(v1::receipt::Subject::Transfer(bytes)) => Subject::Transfer(bytes),
        Some(v1::receipt::Subject::Operation(bytes)) => Subject::Operation(bytes),
        Some(v1::receipt::Subject::Transaction(bytes)) => Subject::Transaction(bytes),
        None => Subject::Event,
    };
    let leaf = decode(&receipt.leaf, receipt.leaf.len()).expect("a leaf");
    let path = decode(&receipt.path, receipt.path.len()).expect("a path");
    Receipt { subject, leaf, path }.verify(header.results_root).expect("it leads to the root")
}

#[test]
fn payments_are_for_payer_payee_and_those_who_see_all() {
    check(item(0, 0, 0), "++--++");
    // Of a file each payee has its own payment; that there was a file is its submitter's.
    check(item(0, 1, 1), "+-+-++");
    check(item(0, 1, 2), "++--++");
    check(item(0, 1, 0), "+---++");
    // An issue is its receiver's as well.
    check(item(1, 0, 0), "-+--++");
}

#[test]
fn a_receipt_that_holds_the_transaction_is_for_those_who_see_all_of_it() {
    check(item(0, 2, 0), "+---++");
    // The transaction's other operation is no secret to bank B either.
    check(item(1, 1, 0), "-+--++");
    check(item(2, 0, 0), "-+--++");
    check(item(3, 0, 0), "-!--++");
    check(item(3, 1, 0), "--!-++");
}

#[test]
fn events_are_for_the_parties_of_what_ended() {
    check(LeafPlace::Event { index: 0 }, "++--++");
    check(LeafPlace::Event { index: 1 }, "++++++");
}

#[test]
fn what_is_not_there_is_nobodys() {
    for place in [item(4, 0, 0), item(0, 3, 0), item(0, 0, 1), item(0, 1, 3), LeafPlace::Event { index: 2 }] {
        check(place, "------");
    }
}

#[test]
fn a_refusal_does_not_tell_what_is_there() {
    let refused = |place| {
        let wanted = Wanted { height: HEIGHT, place };
        receipt(&store(), NETWORK, &caller("bank-d", Roles::BANK), wanted, Height(0)).expect_err("it has no part in it")
    };
    let absent = refused(item(9, 0, 0));
    for place in [item(0, 0, 0), item(0, 2, 0), item(3, 0, 0), LeafPlace::Event { index: 0 }] {
        let error = refused(place);
        assert_eq!((error.code, error.cause), (absent.code, absent.cause.clone()), "{place:?}");
    }
}

#[test]
fn strangers_and_keys_that_may_only_submit_get_no_receipt() {
    let submits = Caller { kind: KeyKind::Access(Rights::SUBMIT), ..caller("bank-a", Roles::BANK) };
    // Also of what every member may see.
    for place in [item(0, 0, 0), LeafPlace::Event { index: 1 }] {
        let wanted = Wanted { height: HEIGHT, place };
        let code = |caller: &Caller| receipt(&store(), NETWORK, caller, wanted, Height(0)).map_err(|error| error.code);
        assert_eq!(code(&stranger()), Err(Code::TlsUnknownKey), "{place:?}");
        assert_eq!(code(&submits), Err(Code::NotAuthorised), "{place:?}");
    }
}

#[test]
fn a_receipt_wants_a_block_and_an_earlier_anchor() {
    let code = |height, anchor| {
        let wanted = Wanted { height: Height(height), place: item(0, 0, 0) };
        let caller = caller("bank-a", Roles::BANK);
        receipt(&store(), NETWORK, &caller, wanted, Height(anchor)).expect_err("there is none").code
    };
    assert_eq!(code(2, 0), Code::NotFound);
    assert_eq!(code(2, 3), Code::BadAnchor);
    assert_eq!(code(1, 1), Code::BadAnchor);
}

#[test]
fn an_id_is_looked_up_among_those_of_the_callers_member() {
    use v1::{get_outcome_request::Kind, get_receipt_request::*};
    let (mut store, mut batch) = (store(), WriteBatch::default());
    let body = Hash::ZERO.into();
    let mut put = |last, kind, record: IdRecord| {
        let key = IdKey { id: id(last), kind, submitter: name("bank-a") };
        batch.put(Table::Ids, encode(&key), encode(&record));
    };
    let code = ResultCode::Ok;
    put(3, IdKind::Transfer, IdRecord::Transfer { body, code, height: HEIGHT, tx_index: 0, operation: 1, item: 2 });
    let transaction = IdRecord::Transaction { body, height: HEIGHT, tx_index: 0, results: Vec::new() };
    put(100, IdKind::Transaction, transaction);
    store.write(batch).expect("in memory");

    let of = |what| v1::GetReceiptRequest { what, anchor_height: 0 };
    let by_id = |last: u8, kind: Kind, operation| {
        of(Some(What::Id(ById { id: id(last).0.to_vec(), kind: kind as i32, operation })))
    };
    let read = |caller: &Caller, request: &v1::GetReceiptRequest| {
        wanted(&store, caller, request).map(|wanted| wanted.place).map_err(|error| error.code)
    };
    let (a, b) = (caller("bank-a", Roles::BANK), caller("bank-b", Roles::BANK));
    assert_eq!(read(&a, &by_id(3, Kind::Transfer, 0)), Ok(item(0, 1, 2)));
    assert_eq!(read(&a, &by_id(100, Kind::Transaction, 2)), Ok(item(0, 2, 0)));
    assert_eq!(read(&a, &by_id(3, Kind::Transaction, 0)), Err(Code::NotFound));
    assert_eq!(read(&a, &by_id(100, Kind::Transaction, 65_536)), Err(Code::Malformed));
    // Who sees all names the place: an id is one's own.
    for other in [b, caller("supervisor", Roles::SUPERVISOR)] {
        assert_eq!(read(&other, &by_id(3, Kind::Transfer, 0)), Err(Code::NotFound), "{}", other.member);
    }
    assert_eq!(read(&stranger(), &by_id(3, Kind::Transfer, 0)), Err(Code::TlsUnknownKey));

    let place = |operation| of(Some(What::Place(ByPlace { height: 1, tx_index: 2, operation, item: 3 })));
    assert_eq!(read(&a, &place(65_535)), Ok(item(2, 65_535, 3)));
    assert_eq!(read(&a, &place(65_536)), Err(Code::Malformed));
    assert_eq!(read(&a, &of(Some(What::Event(OfEvent { height: 1, index: 5 })))), Ok(LeafPlace::Event { index: 5 }));
    assert_eq!(read(&a, &of(None)), Err(Code::Malformed));
    let short = ById { id: vec![1], kind: Kind::Transfer as i32, operation: 0 };
    assert_eq!(read(&a, &of(Some(What::Id(short)))), Err(Code::Malformed));
}

#[test]
fn an_account_is_proved_to_its_owner_and_those_who_see_all() {
    use v1::get_proof_request::Of;
    let ask = |caller: &Caller, of: Option<Of>| {
        state_key(caller, &v1::GetProofRequest { of, anchor_height: 0 }).map_err(|error| error.code)
    };
    let account = |path: &str| Some(Of::Account(path.to_owned()));
    let member = |id: &str| Some(Of::Member(id.to_owned()));
    let main = AccountId::new(&"bank-a/EUR/main".parse().expect("a valid literal"));
    for (member, roles) in
        [("bank-a", Roles::BANK), ("supervisor", Roles::SUPERVISOR), ("central-bank", Roles::CENTRAL_BANK)]
    {
        assert_eq!(ask(&caller(member, roles), account("bank-a/EUR/main")), Ok(StateKey::Account(main)), "{member}");
    }
    // The state is not asked: whether the account exists makes no difference.
    let b = caller("bank-b", Roles::BANK);
    assert_eq!(ask(&b, account("bank-a/EUR/main")), Err(Code::NotAuthorised));
    assert_eq!(ask(&b, member("bank-a")), Ok(StateKey::Member(name("bank-a"))));
    for of in [account("bank-a/EUR/main"), member("bank-a")] {
        assert_eq!(ask(&stranger(), of), Err(Code::TlsUnknownKey));
    }
    for of in [account("bank-b"), member("Bank A"), None] {
        assert_eq!(ask(&b, of.clone()), Err(Code::Malformed), "{of:?}");
    }
}

#[test]
fn a_proof_of_the_state_is_of_one_height() {
    let view = View { height: HEIGHT, reader: Arc::new(store()) };
    let prove = |height, key: StateKey, proof, anchor| {
        state_proof(&view, NETWORK, (Height(height), key, proof), Height(anchor)).map_err(|error| error.code)
    };
    let (key, value) = row(20_785);
    let proved = prove(1, key, tree().prove(&key), 0).expect("the block is there").expect("the row is of this height");
    let finality = proved.finality.expect("every proof has one");
    let header: Header = decode(&finality.header, finality.header.len()).expect("a header");
    let proof: Proof = decode(&proved.proof, proved.proof.len()).expect("a proof");
    assert_eq!((&proved.key, &proved.value), (&key.to_bytes(), &Some(encode(&value))));
    proof.verify(header.state_root, &key, Some(&value)).expect("it leads to the root");

    let absent = StateKey::Member(name("bank-z"));
    let proved = prove(1, absent, tree().prove(&absent), 0).expect("the block is there").expect("it has no row");
    assert_eq!(proved.value, None);

    // The tree has gone on, and the row has changed with it.
    let later = StateTree::from_leaves([row(20_786)]).prove(&key);
    assert_eq!(prove(1, key, later, 0), Ok(None));
    assert_eq!(prove(2, key, tree().prove(&key), 0), Err(Code::NotFound));
    assert_eq!(prove(1, key, tree().prove(&key), 1), Err(Code::BadAnchor));
}
