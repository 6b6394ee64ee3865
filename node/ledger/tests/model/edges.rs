//! What random histories meet too seldom.

use crate::{
    both::Both,
    precedence::transfer,
    scene::{START, account_id, account_name, asset_code, id_at, key, member_id, transaction},
};
use concordat_types::{
    AccountId, Amount, Hold, HoldSide, Leg, LimitScope, Limits, Offer, OpenAccount, Operation, PendingRef, Purpose,
    Reference, ResultCode, Timestamp,
};

/// One block after the other, a millisecond apart.
struct Chain {
    both: Both,
    next_id: u64,
}

impl Chain {
    /// With an account BIG of each bank and much money in that of bank-a.
    fn new(money: Amount) -> Chain {
        let mut chain = Chain { both: Both::new(), next_id: 0 };
        for bank in ["bank-a", "bank-b", "bank-c"] {
            let (asset, name) = (asset_code("BIG"), account_name("main"));
            let open = OpenAccount { asset, name, parent: None, customer: None, tier: None };
            assert_eq!(chain.run(bank, vec![Operation::OpenAccount(open)]), [ResultCode::Ok]);
        }
        let issue = chain.issue(account("bank-a"), money);
        assert_eq!(chain.run("bank-b", vec![issue]), [ResultCode::Ok]);
        chain
    }

    fn id(&mut self) -> concordat_types::Uuid {
        self.next_id += 1;
        id_at(self.next_id, START)
    }

    fn issue(&mut self, credit_account: AccountId, amount: Amount) -> Operation {
        let (id, asset, reference) = (self.id(), asset_code("BIG"), Reference::new("").unwrap());
        Operation::Issue { id, asset, credit_account, amount, reference }
    }

    /// By bank-a to bank-c.
    fn hold(&mut self, amount: Amount, expires_at: Timestamp) -> Hold {
        self.hold_between(["bank-a", "bank-c"], amount, expires_at)
    }

    fn hold_between(&mut self, [debit, credit]: [&str; 2], amount: Amount, expires_at: Timestamp) -> Hold {
        Hold {
            id: self.id(),
            debit_account: account(debit),
            credit_account: account(credit),
            amount,
            expires_at,
            posted_by: HoldSide::Debtor,
            reference: Reference::new("").unwrap(),
            purpose: Purpose::new("").unwrap(),
            document: None,
        }
    }

    /// The result of a payment from bank-a to bank-c.
    fn pay(&mut self, amount: Amount) -> ResultCode {
        let payment = transfer(self.id(), account("bank-a"), account("bank-c"), amount);
        self.run("bank-a", vec![Operation::Transfer(payment)])[0]
    }

    fn set_limits(&mut self, scope: LimitScope, limits: Limits) {
        assert_eq!(self.run("bank-a", vec![Operation::SetLimits { scope, limits }]), [ResultCode::Ok]);
    }

    /// In a block, one transaction for each; signed by every key that could be asked for.
    fn run_at(&mut self, time: Timestamp, submitter: &str, operations: Vec<Operation>) -> Vec<ResultCode> {
        self.both.start_block(time);
        let submitter = member_id(submitter);
        let signers = ["bank-a", "bank-b", "bank-c"].map(|bank| key(member_id(bank), ""));
        let mut codes = Vec::new();
        for operation in operations {
            let id = id_at(1_000_000 + self.next_id, START);
            self.next_id += 1;
            let transaction = transaction(submitter, id, time, &signers, vec![operation]);
            codes.push(self.both.submit(&transaction).unwrap().unwrap().operations[0].code);
        }
        self.both.end_block().unwrap();
        codes
    }

    fn run(&mut self, submitter: &str, operations: Vec<Operation>) -> Vec<ResultCode> {
        let time = Timestamp(self.both.model.time.0 + 1);
        self.run_at(time, submitter, operations)
    }
}

/// Of a hold by the member.
fn name(submitter: &str, hold: &Hold) -> PendingRef {
    PendingRef { submitter: member_id(submitter), id: hold.id }
}

fn account(bank: &str) -> AccountId {
    account_id(&format!("{bank}/BIG/main"))
}

/// More holds come to their time than a block works off: the rest goes on being reserved, but nobody posts it any more.
#[test]
fn what_is_due_is_worked_off_over_several_blocks() {
    let mut chain = Chain::new(10_000);
    let end = Timestamp(START.0 + 60_000);
    let holds: Vec<Hold> = (0..2_300).map(|number| chain.hold(1, Timestamp(end.0 - number % 3))).collect();
    let names: Vec<PendingRef> = holds.iter().map(|hold| name("bank-a", hold)).collect();
    let holds = holds.into_iter().map(Operation::Hold).collect();
    assert!(chain.run("bank-a", holds).iter().all(|code| *code == ResultCode::Ok));
    let available = |chain: &Chain| chain.both.model.world.available(account("bank-a")).amount().unwrap();
    assert_eq!(available(&chain), 7_700);
    let posts = |chain: &mut Chain| {
        let post = |chain: &mut Chain, hold: &PendingRef| Operation::Post { id: chain.id(), hold: *hold, amount: 1 };
        names.iter().step_by(100).map(|hold| post(chain, hold)).collect::<Vec<_>>()
    };
    for (block, expected) in [8_700, 9_700, 10_000, 10_000].into_iter().enumerate() {
        let posts = posts(&mut chain);
        let codes = chain.run_at(Timestamp(end.0 + block as u64), "bank-a", posts);
        assert!(codes.iter().all(|code| *code == ResultCode::HoldExpired));
        assert_eq!(available(&chain), expected, "block {block}");
    }
}

/// Forgotten one by one too, as long after as an id made at their end is known.
#[test]
fn what_ended_is_forgotten_over_several_blocks() {
    let mut chain = Chain::new(10_000);
    let holds = (0..1_100).map(|_| Operation::Hold(chain.hold(1, Timestamp(START.0 + 60_000)))).collect();
    chain.run("bank-a", holds);
    chain.run_at(Timestamp(START.0 + 60_000), "bank-a", vec![]);
    chain.run("bank-a", vec![]);
    assert_eq!(chain.both.model.world.pending.len(), 1_100);
    let forgotten = START.0 + 60_000 + crate::scene::WINDOW_MS;
    chain.run_at(Timestamp(forgotten - 1), "bank-a", vec![]);
    assert_eq!(chain.both.model.world.pending.len(), 1_100);
    chain.run_at(Timestamp(forgotten), "bank-a", vec![]);
    assert_eq!(chain.both.model.world.pending.len(), 100);
    chain.run("bank-a", vec![]);
    assert_eq!(chain.both.model.world.pending.len(), 0);
}

/// Each leg fits, both together do not: a counter that ran over would stop the chain.
#[test]
fn legs_overflow_only_together() {
    let half = Amount::MAX / 2;
    let mut chain = Chain::new(half);
    assert_eq!(chain.pay(half), ResultCode::Ok);
    let back = transfer(chain.id(), account("bank-c"), account("bank-a"), half);
    assert_eq!(chain.run("bank-c", vec![Operation::Transfer(back)]), [ResultCode::Ok]);
    // The payee's credits are half full; each leg takes a third of what there is.
    let leg = Leg { debit_account: account("bank-a"), credit_account: account("bank-c"), amount: Amount::MAX / 3 };
    for (count, expected) in [(2, ResultCode::AmountOverflow), (1, ResultCode::Ok)] {
        let (id, deadline, reference) = (chain.id(), Timestamp(START.0 + 60_000), Reference::new("").unwrap());
        let offer = Offer { id, legs: vec![leg; count], deadline, reference, document: None };
        assert_eq!(chain.run("bank-a", vec![Operation::Offer(offer)]), [expected], "{count} legs");
    }
}

/// The last moment that can be named does not run over.
#[test]
fn an_end_at_the_end_of_time() {
    let mut chain = Chain::new(10);
    for end in [u64::MAX, u64::MAX - 1] {
        let hold = chain.hold(1, Timestamp(end));
        let void = Operation::Void { hold: name("bank-a", &hold) };
        assert_eq!(chain.run("bank-a", vec![Operation::Hold(hold)]), [ResultCode::Ok]);
        assert_eq!(chain.run("bank-a", vec![void]), [ResultCode::Ok]);
    }
}

/// Else bank-c promises, bank-a pays out more than its cap, and the promise is voided.
#[test]
fn a_promise_does_not_lift_a_net_debit_cap() {
    let mut chain = Chain::new(100);
    let limits = Limits { net_debit_max: Some(10), ..Limits::default() };
    chain.set_limits(LimitScope::Member { asset: asset_code("BIG") }, limits);
    assert_eq!(chain.pay(10), ResultCode::Ok);
    let promise = chain.hold_between(["bank-c", "bank-a"], 10, Timestamp(START.0 + 60_000));
    let post = Operation::Post { id: chain.id(), hold: name("bank-c", &promise), amount: 6 };
    assert_eq!(chain.run("bank-c", vec![Operation::Hold(promise)]), [ResultCode::Ok]);
    assert_eq!(chain.pay(1), ResultCode::LimitExceeded);
    // What was paid lifts it, as far as it was paid.
    assert_eq!(chain.run("bank-c", vec![post]), [ResultCode::Ok]);
    assert_eq!(chain.pay(7), ResultCode::LimitExceeded);
    assert_eq!(chain.pay(6), ResultCode::Ok);
}

/// A hold from before there was a limit was not counted, so giving it up leaves no room for more.
#[test]
fn what_was_not_counted_is_not_given_back() {
    let mut chain = Chain::new(100);
    let hold = chain.hold(50, Timestamp(START.0 + 60_000));
    let void = Operation::Void { hold: name("bank-a", &hold) };
    assert_eq!(chain.run("bank-a", vec![Operation::Hold(hold)]), [ResultCode::Ok]);
    let limits = Limits { day_max: Some(10), ..Limits::default() };
    chain.set_limits(LimitScope::Account(account("bank-a")), limits);
    assert_eq!(chain.pay(10), ResultCode::Ok);
    assert_eq!(chain.run("bank-a", vec![void]), [ResultCode::Ok]);
    assert_eq!(chain.pay(1), ResultCode::LimitExceeded);
}

/// An issuer's own accounts are no other member's, so only a limit of the issuance account itself binds such an issue.
#[test]
fn an_issuance_account_has_limits() {
    let mut chain = Chain::new(100);
    let scope = LimitScope::Account(account_id("bank-b/BIG/issuance"));
    let limits = Limits { transfer_max: Some(10), ..Limits::default() };
    assert_eq!(chain.run("bank-b", vec![Operation::SetLimits { scope, limits }]), [ResultCode::Ok]);
    for (amount, expected) in [(11, ResultCode::LimitExceeded), (10, ResultCode::Ok)] {
        let issue = chain.issue(account("bank-b"), amount);
        assert_eq!(chain.run("bank-b", vec![issue]), [expected], "{amount}");
    }
}
