//! Where two reasons apply, the one with the smaller number is the result: every pair that can occur together.

use super::world::*;
use crate::{BlockContext, IdKey, IdKind, IdRecord, MemoryState, execute};
use alloc::{vec, vec::Vec};
use concordat_types::{
    AccountId, Amount, AssetCode, BatchMode, Height, MemberStatus, OpenAccount, Operation, ResultCode, Timestamp, Uuid,
    money::AccountFlags,
};

/// A case that succeeds until faults are put in.
struct Case {
    world: MemoryState,
    submitter: &'static str,
    signers: Vec<&'static str>,
    transaction_id: Uuid,
    operation: Operation,
}

type Fault = (ResultCode, fn(&mut Case));

fn check_pairs(case: fn() -> Case, faults: &[Fault], apart: &[[ResultCode; 2]]) {
    assert_eq!(result(case()), ResultCode::Ok);
    for (first, put_first) in faults {
        let mut single = case();
        put_first(&mut single);
        assert_eq!(result(single), *first, "alone");
        for (second, put_second) in faults.iter().filter(|(code, _)| code > first) {
            if apart.contains(&[*first, *second]) {
                continue;
            }
            for order in [[put_first, put_second], [put_second, put_first]] {
                let mut both = case();
                order.into_iter().for_each(|put| put(&mut both));
                assert_eq!(result(both), *first, "{first} with {second}");
            }
        }
    }
}

fn result(case: Case) -> ResultCode {
    let transaction = transaction(case.submitter, case.transaction_id, NOW, vec![case.operation.clone()]);
    let context = BlockContext { height: Height(1), time: NOW, ..BlockContext::default() };
    let execution = execute(&case.world, &context, &[sign(transaction, &case.signers)]).unwrap();
    let operation = &execution.results[0].operations[0];
    match case.operation {
        Operation::Batch { mode: BatchMode::Each, .. } => operation.transfers[0],
        _ => operation.code,
    }
}

impl Case {
    fn id(&mut self) -> &mut Uuid {
        match &mut self.operation {
            Operation::Transfer(transfer) => &mut transfer.id,
            Operation::Issue { id, .. } => id,
            Operation::Batch { transfers, .. } => &mut transfers[0].id,
            _ => &mut self.transaction_id,
        }
    }

    fn debit(&mut self) -> Option<&mut AccountId> {
        match &mut self.operation {
            Operation::Transfer(transfer) => Some(&mut transfer.debit_account),
            Operation::Batch { transfers, .. } => Some(&mut transfers[0].debit_account),
            _ => None,
        }
    }

    fn credit(&mut self) -> &mut AccountId {
        match &mut self.operation {
            Operation::Transfer(transfer) => &mut transfer.credit_account,
            Operation::Batch { transfers, .. } => &mut transfers[0].credit_account,
            Operation::Issue { credit_account, .. } => credit_account,
            _ => panic!("no credit account"),
        }
    }

    fn amount(&mut self) -> &mut Amount {
        match &mut self.operation {
            Operation::Transfer(transfer) => &mut transfer.amount,
            Operation::Batch { transfers, .. } => &mut transfers[0].amount,
            Operation::Issue { amount, .. } => amount,
            _ => panic!("no amount"),
        }
    }

    fn asset(&mut self) -> &mut AssetCode {
        match &mut self.operation {
            Operation::Issue { asset, .. } | Operation::OpenAccount(OpenAccount { asset, .. }) => asset,
            _ => panic!("no asset"),
        }
    }

    fn debit_name(&self) -> &'static str {
        if matches!(self.operation, Operation::Issue { .. }) { "issuance" } else { "A" }
    }
}

fn transfer_case() -> Case {
    let mut world = world();
    fund(&mut world, "A", 10);
    let operation = Operation::Transfer(transfer(id_at(1, NOW), "A", "B", 10));
    Case { world, submitter: "bank-a", signers: vec!["bank-a"], transaction_id: id_at(2, NOW), operation }
}

fn batch_case(mode: BatchMode) -> Case {
    let transfers = vec![transfer(id_at(1, NOW), "A", "B", 10)];
    Case { operation: Operation::Batch { mode, transfers }, ..transfer_case() }
}

fn issue_case() -> Case {
    let operation = issue(id_at(1, NOW), "EUR", "B", 10);
    Case { submitter: "central-bank", signers: vec!["central-bank"], operation, ..transfer_case() }
}

fn open_case() -> Case {
    Case { operation: open("EUR", "new"), ..transfer_case() }
}

fn id_is_used(case: &mut Case) {
    let (height, tx_index, operation, item) = (Height(0), 0, 0, 0);
    let (body, code) = (concordat_types::Hash::ZERO.into(), ResultCode::Ok);
    let record = IdRecord::Transfer { body, code, height, tx_index, operation, item };
    let key = IdKey { id: *case.id(), kind: IdKind::Transfer, submitter: member_id(case.submitter) };
    case.world.ids.insert(key, record);
}

fn transaction_id_is_used(case: &mut Case) {
    let (height, tx_index, results) = (Height(0), 0, vec![]);
    let record = IdRecord::Transaction { body: concordat_types::Hash::ZERO.into(), height, tx_index, results };
    let key = IdKey { id: *case.id(), kind: IdKind::Transaction, submitter: member_id(case.submitter) };
    case.world.ids.insert(key, record);
}

fn id_is_old(case: &mut Case) {
    *case.id() = id_at(1, Timestamp(NOW.0 - WINDOW_MS - 1));
}

fn overflow(case: &mut Case) {
    let name = case.debit_name();
    // As if the account had turned over that much: what is available stays.
    let account = account_mut(&mut case.world, name);
    if name == "A" {
        account.credits_posted = Amount::MAX;
        account.debits_posted = Amount::MAX - 5;
    }
    account_mut(&mut case.world, "B").credits_posted = Amount::MAX;
}

const BOOKING: &[Fault] = &[
    (ResultCode::ExistsWithDifferentBody, id_is_used),
    (ResultCode::IdOutsideWindow, id_is_old),
    (ResultCode::CreditAccountNotFound, |case| *case.credit() = account_id("Bx")),
    (ResultCode::SameAccount, |case| *case.credit() = account_id(case.debit_name())),
    (ResultCode::AssetMismatch, |case| *case.credit() = account_id("BUSD")),
    (ResultCode::NotAuthorised, |case| {
        case.signers = vec![if case.submitter == "bank-a" { "bank-a.read" } else { "central-bank.pay" }];
    }),
    (ResultCode::MemberNotActive, |case| member_mut(&mut case.world, "bank-b").status = MemberStatus::Suspended),
    (ResultCode::AssetFrozen, |case| asset_mut(&mut case.world, "EUR").frozen = true),
    (ResultCode::DebitAccountFrozen, |case| {
        let name = case.debit_name();
        account_mut(&mut case.world, name).flags.0 |= AccountFlags::DEBIT_FROZEN.0;
    }),
    (ResultCode::CreditAccountFrozen, |case| {
        account_mut(&mut case.world, "B").flags.0 |= AccountFlags::CREDIT_FROZEN.0;
    }),
    (ResultCode::AccountClosed, |case| account_mut(&mut case.world, "B").flags.0 |= AccountFlags::CLOSED.0),
    (ResultCode::AmountZero, |case| *case.amount() = 0),
    (ResultCode::AmountOverflow, overflow),
];

/// They set the same thing to different values, or exclude each other: nothing is looked up outside the window, and
/// nothing overflows or lacks funds by zero.
const APART: &[[ResultCode; 2]] = &[
    [ResultCode::ExistsWithDifferentBody, ResultCode::IdOutsideWindow],
    [ResultCode::CreditAccountNotFound, ResultCode::SameAccount],
    [ResultCode::CreditAccountNotFound, ResultCode::AssetMismatch],
    [ResultCode::SameAccount, ResultCode::AssetMismatch],
    [ResultCode::AmountZero, ResultCode::AmountOverflow],
    [ResultCode::AmountZero, ResultCode::InsufficientFunds],
    [ResultCode::AmountZero, ResultCode::QuotaExceeded],
];

fn transfer_faults() -> Vec<Fault> {
    let mut faults = BOOKING.to_vec();
    faults.push((ResultCode::DebitAccountNotFound, |case| *case.debit().unwrap() = account_id("Ax")));
    // Pays out of nothing, whatever the overflow has made of the counters.
    faults.push((ResultCode::InsufficientFunds, |case| {
        let account = account_mut(&mut case.world, "A");
        account.debits_posted = account.credits_posted;
    }));
    faults
}

#[test]
fn of_a_transfer() {
    check_pairs(transfer_case, &transfer_faults(), APART);
    // Funds are short of an amount that overflows, too.
    check_pairs(|| batch_case(BatchMode::Each), &transfer_faults(), APART);
    check_pairs(|| batch_case(BatchMode::All), &transfer_faults(), APART);
}

#[test]
fn of_an_issue() {
    let mut faults = BOOKING.to_vec();
    faults.push((ResultCode::DebitAccountNotFound, |case| *case.asset() = asset_code("GBP")));
    faults.push((ResultCode::QuotaExceeded, |case| *case.amount() = QUOTA + 1));
    check_pairs(issue_case, &faults, APART);
}

#[test]
fn of_opening_an_account() {
    let faults: &[Fault] = &[
        (ResultCode::ExistsWithDifferentBody, transaction_id_is_used),
        (ResultCode::IdOutsideWindow, id_is_old),
        (ResultCode::AssetMismatch, |case| *case.asset() = asset_code("GBP")),
        (ResultCode::NotAuthorised, |case| case.signers = vec!["bank-a.pay"]),
        (ResultCode::MemberNotActive, |case| member_mut(&mut case.world, "bank-a").status = MemberStatus::Suspended),
        (ResultCode::AccountExists, |case| put_account(&mut case.world, empty_account("Anew"))),
    ];
    check_pairs(open_case, faults, &APART[..1]);
}

#[test]
fn who_is_not_active() {
    for name in ["bank-a", "bank-b", "bank-c"] {
        let mut case = transfer_case();
        (case.submitter, case.signers) = ("bank-c", vec!["bank-a", "bank-c"]);
        member_mut(&mut case.world, name).status = MemberStatus::Suspended;
        assert_eq!(result(case), ResultCode::MemberNotActive, "{name}");
    }
}
