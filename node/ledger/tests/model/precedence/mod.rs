//! Where several checks fail, the smallest number is the result: every pair of numbers that an operation can give.
//!
//! Each operation has a case in which it succeeds and faults that make a check fail each. All faults are put in singly and by twos. The model tells every check that fails then; ledger and model must give the smallest. In the end each
//! pair of the operation's numbers must have been met, or stand among those that cannot hold at once, and not in both.

mod apart;
mod authorisation;
mod cases;
mod faults;
mod tables;

use crate::{
    both::Both,
    reference::Refusals,
    scene::{START, id_at, key, member_id, transaction},
};
use concordat_types::{AccountId, Ed25519PublicKey, MemberId, Operation, ResultCode, Timestamp, Uuid};
use std::collections::BTreeSet;

pub use apart::is_apart;
pub use faults::transfer;

/// An operation that is about to be handed in.
#[derive(Clone)]
struct Case {
    both: Both,
    submitter: MemberId,
    signers: Vec<Ed25519PublicKey>,
    operation: Operation,
    id_fault: Option<IdFault>,
    next_id: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum IdFault {
    UsedForAnother,
    OutsideWindow,
}

/// When it is put in: what needs money or rights before what takes them away.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Phase {
    Books,
    Limits,
    Closing,
    Freezing,
    Status,
    Time,
    Operation,
}

#[derive(Clone, Copy)]
struct Fault(Phase, fn(&mut Case));

/// What an operation can give, by docs/ledger.md; 1 and 2 besides.
struct Numbers {
    name: &'static str,
    numbers: &'static [u16],
}

type Pair = (ResultCode, ResultCode);

fn check(numbers: &Numbers, cases: &[Case], faults: &[Fault]) {
    let mut met: BTreeSet<Pair> = BTreeSet::new();
    let mut results: BTreeSet<ResultCode> = BTreeSet::new();
    for case in cases {
        assert_eq!(case.clone().run().0, ResultCode::Ok, "{} without a fault", numbers.name);
        for chosen in choices(faults) {
            let (code, refusals) = put(case, &chosen).run();
            assert_eq!(Some(code).filter(|code| *code != ResultCode::Ok), refusals.first(), "{}", numbers.name);
            results.insert(code);
            met.extend(pairs(refusals));
            if chosen.len() == 1 {
                met.extend(check_ids(&put(case, &chosen), refusals));
            }
        }
    }
    results.extend([ResultCode::ExistsWithDifferentBody, ResultCode::IdOutsideWindow]);
    results.remove(&ResultCode::Ok);
    let expected: BTreeSet<_> = [1, 2].iter().chain(numbers.numbers).map(|number| code(*number)).collect();
    assert_eq!(results, expected, "numbers of {}", numbers.name);
    check_complete(numbers.name, &expected, &met);
}

/// An id that says no goes before every other check.
fn check_ids(case: &Case, refusals: Refusals) -> Vec<Pair> {
    let mut met = Vec::new();
    for (fault, first) in [
        (IdFault::UsedForAnother, ResultCode::ExistsWithDifferentBody),
        (IdFault::OutsideWindow, ResultCode::IdOutsideWindow),
    ] {
        let mut case = case.clone();
        case.id_fault = Some(fault);
        assert_eq!(case.run().0, first);
        met.extend(refusals.iter().map(|second| (first, second)));
    }
    met
}

fn check_complete(name: &str, numbers: &BTreeSet<ResultCode>, met: &BTreeSet<Pair>) {
    let mut wrong = Vec::new();
    for first in numbers {
        for second in numbers.range(first..).skip(1) {
            let pair = format!("{} and {}", first.number(), second.number());
            match (met.contains(&(*first, *second)), is_apart(name, *first, *second)) {
                (false, false) => wrong.push(format!("{pair} were not met")),
                (true, true) => wrong.push(format!("{pair} were met, but are listed as never at once")),
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{name}: {wrong:#?}");
}

fn pairs(refusals: Refusals) -> impl Iterator<Item = Pair> {
    refusals
        .iter()
        .flat_map(move |first| refusals.iter().filter(move |second| *second > first).map(move |second| (first, second)))
}

fn code(number: u16) -> ResultCode {
    ResultCode::from_number(number).expect("a number of a result")
}

/// One and two faults, two of one phase in both orders.
fn choices(faults: &[Fault]) -> Vec<Vec<Fault>> {
    let ones = faults.iter().map(|fault| vec![*fault]);
    let twos = faults.iter().enumerate().flat_map(|(place, first)| {
        let others = faults.iter().enumerate().filter(move |(other, _)| *other != place);
        others.filter(|(_, second)| first.0 <= second.0).map(|(_, second)| vec![*first, *second])
    });
    ones.chain(twos).collect()
}

fn put(case: &Case, faults: &[Fault]) -> Case {
    let mut case = case.clone();
    faults.iter().for_each(|Fault(_, put)| put(&mut case));
    case
}

impl Case {
    /// By a key with every right and a second one. False if it was refused: then there is no such fault beside the others.
    fn act(&mut self, member: &str, operation: Operation) -> bool {
        let member = member_id(member);
        self.act_as(member, vec![key(member, ""), key(member, ".checker")], operation) == ResultCode::Ok
    }

    fn act_as(&mut self, member: MemberId, signers: Vec<Ed25519PublicKey>, operation: Operation) -> ResultCode {
        let id = self.new_id();
        self.hand_in(member, id, signers, operation).0
    }

    /// In a block of its own.
    fn hand_in(
        &mut self,
        submitter: MemberId,
        id: Uuid,
        signers: Vec<Ed25519PublicKey>,
        operation: Operation,
    ) -> (ResultCode, Refusals) {
        let time = Timestamp(self.both.model.time.0 + 1);
        self.both.start_block(time);
        let transaction = transaction(submitter, id, time, &signers, vec![operation]);
        let outcome = self.both.submit(&transaction).expect("the validity of the block").expect("a valid block");
        let result = &outcome.operations[0];
        let code = result.transfers.first().copied().unwrap_or(result.code);
        let refusals = outcome.refusals.first().map(|(_, _, refusals)| *refusals).unwrap_or_default();
        self.both.end_block().unwrap_or_else(|difference| panic!("{difference}"));
        (code, refusals)
    }

    fn new_id(&mut self) -> Uuid {
        self.next_id += 1;
        id_at(self.next_id, self.both.model.time)
    }

    fn run(mut self) -> (ResultCode, Refusals) {
        let mut id = self.new_id();
        if let Some(fault) = self.id_fault {
            let bad = match fault {
                IdFault::UsedForAnother => self.used_id(),
                IdFault::OutsideWindow => id_at(1, Timestamp(START.0 - 90 * 86_400_000)),
            };
            match own_id(&mut self.operation) {
                Some(own) => *own = bad,
                None => id = bad,
            }
        }
        self.hand_in(self.submitter, id, self.signers.clone(), self.operation.clone())
    }

    /// Of a transaction and of a transfer that are no matter, by the submitter.
    fn used_id(&mut self) -> Uuid {
        let id = self.new_id();
        let missing = AccountId([1; 16]);
        let transfer = faults::transfer(id, missing, missing, 1);
        self.hand_in(self.submitter, id, vec![key(self.submitter, "")], Operation::Transfer(transfer));
        id
    }
}

/// The id by which the operation is known, if not the transaction's.
fn own_id(operation: &mut Operation) -> Option<&mut Uuid> {
    match operation {
        Operation::Transfer(transfer) => Some(&mut transfer.id),
        Operation::Issue { id, .. } | Operation::Redeem { id, .. } | Operation::Post { id, .. } => Some(id),
        Operation::Hold(hold) => Some(&mut hold.id),
        Operation::Offer(offer) => Some(&mut offer.id),
        Operation::Batch { transfers, .. } => Some(&mut transfers[0].id),
        _ => None,
    }
}
