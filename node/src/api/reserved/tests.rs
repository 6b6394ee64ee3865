use super::*;
use crate::{api::blocks::tests::put_account, registry::tests::caller};
use concordat_ledger::{Moment, OfferLeg, Reserved, StateKey, Usage};
use concordat_replica::{
    memory::MemoryStore,
    store::{Store, Table, WriteBatch},
};
use concordat_types::{BusinessDate, Limits, Roles, Timestamp, Uuid, encode};

const A: AccountId = AccountId([1; 16]);
const B: AccountId = AccountId([2; 16]);
const C: AccountId = AccountId([3; 16]);
const HEIGHT: Height = Height(7);

fn name(text: &str) -> MemberId {
    text.parse().expect("a valid literal")
}

fn put(store: &mut MemoryStore, key: StateKey, value: &StateValue) {
    let mut batch = WriteBatch::default();
    batch.put(Table::State, key.to_bytes(), encode(value));
    store.write(batch).expect("in memory");
}

/// Banks A, B and C with an account each, on the business date 20,785.
fn store() -> MemoryStore {
    let mut store = MemoryStore::default();
    for (id, owner) in [(A, "bank-a"), (B, "bank-b"), (C, "bank-c")] {
        put_account(&mut store, id, owner);
    }
    let date = BusinessDate::from_days(20_785).expect("in range");
    put(&mut store, StateKey::BusinessDate, &StateValue::BusinessDate(date));
    store
}

fn hold_of(submitter: &str, last: u8) -> PendingRef {
    PendingRef { submitter: name(submitter), id: Uuid::from_parts(Timestamp(1), [last; 10]) }
}

const MOMENT: Moment = Moment { height: HEIGHT, tx_index: 0, operation: 0 };

fn reserved() -> Reserved {
    Reserved { date: BusinessDate::default(), at: MOMENT }
}

#[test]
fn a_hold_is_seen_by_its_parties_alone_and_by_those_who_see_all() {
    let (mut store, hold) = (store(), hold_of("bank-a", 1));
    let record = HoldRecord {
        debit_account: A,
        credit_account: B,
        amount: 250,
        expires_at: Timestamp(9_000),
        posted_by: HoldSide::Creditor,
        state: PendingState::Voided,
        reserved: reserved(),
        due: Timestamp(9_000),
        blinding: [0; 16],
    };
    put(&mut store, StateKey::Pending(hold), &StateValue::Hold(record));
    let read = |member, roles, name| pending(&store, &caller(member, roles), name, HEIGHT);
    for (member, roles) in [
        ("bank-a", Roles::BANK),
        ("bank-b", Roles::BANK),
        ("supervisor", Roles::SUPERVISOR),
        ("central-bank", Roles::CENTRAL_BANK),
    ] {
        let seen = read(member, roles, hold).expect(member);
        assert_eq!((seen.kind(), seen.state()), (v1::pending::Kind::Hold, v1::pending::State::Voided));
        assert_eq!((seen.until_ms, seen.posted_by_creditor, seen.height), (9_000, true, 7));
        let [leg] = &seen.legs[..] else { panic!("{member}: {} legs", seen.legs.len()) };
        assert_eq!((leg.debit_account.as_str(), leg.credit_account.as_str()), ("bank-a/EUR/main", "bank-b/EUR/main"));
        assert_eq!(leg.amount, convert::amount_to_bytes(250));
    }
    let refused = |name: PendingRef| {
        let error = read("bank-c", Roles::BANK, name).expect_err("it has no part in it");
        (error.code, error.cause.replace(&name.id.to_string(), "-"))
    };
    assert_eq!(refused(hold), refused(hold_of("bank-a", 2)));
    assert_eq!(refused(hold).0, Code::NotFound);
}

#[test]
fn an_offer_says_which_payers_have_accepted() {
    let (mut store, offer) = (store(), hold_of("bank-a", 1));
    let leg = |debit_account, credit_account| Leg { debit_account, credit_account, amount: 5 };
    let record = OfferRecord {
        legs: vec![
            OfferLeg { leg: leg(A, B), reserved: Some(reserved()) },
            OfferLeg { leg: leg(B, C), reserved: None },
        ],
        deadline: Timestamp(9_000),
        state: PendingState::Open,
        due: Timestamp(9_000),
        blinding: [0; 16],
    };
    put(&mut store, StateKey::Pending(offer), &StateValue::Offer(record));
    // Of the second leg alone bank C is a party, and it sees whom it deals with.
    let seen = pending(&store, &caller("bank-c", Roles::BANK), offer, HEIGHT).expect("it is paid");
    assert_eq!((seen.kind(), seen.state()), (v1::pending::Kind::Offer, v1::pending::State::Open));
    assert_eq!(seen.legs.iter().map(|leg| leg.accepted).collect::<Vec<_>>(), [true, false]);
    assert!(pending(&store, &caller("bank-d", Roles::BANK), offer, HEIGHT).is_err());
}

#[test]
fn limits_are_the_callers_own() {
    let mut store = store();
    let euro = AssetCode::new("EUR").expect("a valid literal");
    let date = BusinessDate::from_days(20_785).expect("in range");
    let record = |debits, date| LimitRecord {
        limits: Limits { day_max: Some(1_000), ..Limits::default() },
        usage: Usage { date, debits, credits: 3 },
        pairs: 0,
        since: MOMENT,
        blinding: [0; 16],
    };
    let member = LimitScope::Member { asset: euro };
    let today = StateKey::Limits(LimitKey::new(name("bank-a"), member));
    put(&mut store, today, &StateValue::Limits(record(40, date)));
    let yesterday = StateKey::Limits(LimitKey::Account(A));
    put(&mut store, yesterday, &StateValue::Limits(record(40, BusinessDate::default())));

    let own = caller("bank-a", Roles::BANK);
    let read = |caller: &Caller, scope| limits(&store, caller, name("bank-a"), scope, HEIGHT);
    let amount = convert::amount_to_bytes;
    let seen = read(&own, member).expect("its own");
    assert_eq!((seen.day_max, seen.transfer_max), (amount(1_000), Vec::new()));
    assert_eq!((seen.used_debits, seen.used_credits, seen.business_date), (amount(40), amount(3), 20_785));
    let seen = read(&own, LimitScope::Account(A)).expect("its own");
    assert_eq!(seen.used_debits, amount(0), "what was used yesterday does not count today");
    let none = read(&own, LimitScope::Tier { asset: euro, tier: Tier(1) }).expect("its own");
    assert_eq!((none.day_max, none.used_debits), (Vec::new(), Vec::new()));

    let other = caller("bank-b", Roles::BANK);
    for scope in [member, LimitScope::Account(A), LimitScope::Tier { asset: euro, tier: Tier(1) }] {
        assert!(read(&other, scope).is_err(), "{scope:?}");
        assert!(read(&caller("supervisor", Roles::SUPERVISOR), scope).is_ok(), "{scope:?}");
    }
    // Saying that the limits are bank B's own does not make bank A's account its own.
    let trick = limits(&store, &other, name("bank-b"), LimitScope::Account(A), HEIGHT);
    assert_eq!(trick.map_err(|error| error.code), Err(Code::NotFound));
}

#[test]
fn a_scope_is_one_of_four() {
    let own = caller("bank-a", Roles::BANK);
    let check = |request: v1::GetLimitsRequest, expected: Option<LimitScope>| {
        let got = scope_of(&own, &request).map(|(_, scope)| scope);
        assert_eq!(got.as_ref().ok(), expected.as_ref(), "{request:?}");
    };
    let asset = AssetCode::new("EUR").expect("a valid literal");
    let request = || v1::GetLimitsRequest { asset: "EUR".to_owned(), ..Default::default() };
    let of_account = || v1::GetLimitsRequest { account_id: A.0.to_vec(), ..Default::default() };
    check(of_account(), Some(LimitScope::Account(A)));
    check(request(), Some(LimitScope::Member { asset }));
    check(v1::GetLimitsRequest { tier: Some(3), ..request() }, Some(LimitScope::Tier { asset, tier: Tier(3) }));
    let counterparty = "bank-b".to_owned();
    check(
        v1::GetLimitsRequest { counterparty: counterparty.clone(), ..request() },
        Some(LimitScope::Bilateral { asset, counterparty: name("bank-b") }),
    );
    check(v1::GetLimitsRequest::default(), None);
    check(v1::GetLimitsRequest { tier: Some(256), ..request() }, None);
    check(v1::GetLimitsRequest { tier: Some(1), counterparty, ..request() }, None);
    check(v1::GetLimitsRequest { tier: Some(1), ..of_account() }, None);
    check(v1::GetLimitsRequest { account_id: vec![1], ..Default::default() }, None);
}
