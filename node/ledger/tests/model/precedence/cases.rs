//! The operations that succeed until a fault is put in.
//!
//! bank-a pays bank-c in BIG, which bank-b issues and of which there may be so much that counters run over.

use super::{Case, faults::transfer};
use crate::{
    both::Both,
    scene::{CENTRAL_BANK, START, account_id, account_name, asset_code, id_at, key, member_id},
};
use concordat_types::{
    AccountId, Amount, AssetKind, BatchMode, BusinessDate, FreezeTarget, Hold, HoldSide, Leg, LimitScope, Limits,
    Offer, OpenAccount, Operation, PendingRef, Purpose, Reference, Tier, Timestamp,
};

pub const AMOUNT: Amount = 60;
/// What the payers have.
pub const FUNDS: Amount = 100;
/// Of holds and offers.
pub const DEADLINE: Timestamp = Timestamp(START.0 + 1_000_000);

pub fn payer() -> AccountId {
    account_id("bank-a/BIG/main")
}

pub fn payee() -> AccountId {
    account_id("bank-c/BIG/main")
}

pub fn reference() -> Reference {
    Reference::new("").unwrap()
}

fn open(asset: &str, name: &str) -> Operation {
    let (asset, name) = (asset_code(asset), account_name(name));
    Operation::OpenAccount(OpenAccount { asset, name, parent: None, customer: None, tier: None })
}

/// Accounts, and money in them; bank-a will pay.
fn world() -> Case {
    let mut case = Case {
        both: Both::new(),
        submitter: member_id("bank-a"),
        signers: vec![key(member_id("bank-a"), "")],
        operation: open("BIG", "new"),
        id_fault: None,
        next_id: 100,
    };
    for member in ["bank-a", "bank-b", "bank-c"] {
        for (asset, name) in [("BIG", "main"), ("BIG", "pool"), ("BIG", "child"), ("EUR", "main")] {
            assert!(case.act(member, open(asset, name)));
        }
    }
    for (issuer, asset, account) in [
        ("bank-b", "BIG", payer()),
        ("bank-b", "BIG", account_id("bank-c/BIG/pool")),
        (CENTRAL_BANK, "EUR", account_id("bank-a/EUR/main")),
        (CENTRAL_BANK, "EUR", account_id("bank-c/EUR/main")),
    ] {
        let id = case.new_id();
        let issue = issue(id, asset, account, FUNDS);
        assert!(case.act(issuer, issue));
    }
    case
}

fn issue(id: concordat_types::Uuid, asset: &str, credit_account: AccountId, amount: Amount) -> Operation {
    Operation::Issue { id, asset: asset_code(asset), credit_account, amount, reference: reference() }
}

impl Case {
    fn with(mut self, submitter: &str, operation: Operation) -> Case {
        self.submitter = member_id(submitter);
        self.signers = vec![key(self.submitter, "")];
        self.operation = operation;
        self
    }
}

pub fn transfers() -> [Case; 3] {
    let of = |operation| world().with("bank-a", operation);
    let payment = || transfer(id_at(1, START), payer(), payee(), AMOUNT);
    [
        of(Operation::Transfer(payment())),
        of(Operation::Batch { mode: BatchMode::Each, transfers: vec![payment()] }),
        of(Operation::Batch { mode: BatchMode::All, transfers: vec![payment()] }),
    ]
}

pub fn issues() -> Case {
    world().with("bank-b", issue(id_at(1, START), "BIG", payee(), AMOUNT))
}

pub fn redemption() -> Case {
    let (id, debit_account, amount, reference) = (id_at(1, START), payer(), AMOUNT, reference());
    world().with("bank-a", Operation::Redeem { id, debit_account, amount, reference })
}

fn hold_operation(id: concordat_types::Uuid, posted_by: HoldSide) -> Operation {
    Operation::Hold(Hold {
        id,
        debit_account: payer(),
        credit_account: payee(),
        amount: AMOUNT,
        expires_at: DEADLINE,
        posted_by,
        reference: reference(),
        purpose: Purpose::new("").unwrap(),
        document: None,
    })
}

pub fn hold() -> Case {
    world().with("bank-a", hold_operation(id_at(1, START), HoldSide::Debtor))
}

/// Worlds in which there is a hold, and who decides over it.
fn held() -> [(Case, &'static str, PendingRef); 2] {
    [(HoldSide::Debtor, "bank-a"), (HoldSide::Creditor, "bank-c")].map(|(posted_by, decides)| {
        let mut case = world();
        let id = case.new_id();
        assert!(case.act("bank-a", hold_operation(id, posted_by)));
        (case, decides, PendingRef { submitter: member_id("bank-a"), id })
    })
}

pub fn posts() -> [Case; 2] {
    held()
        .map(|(case, decides, hold)| case.with(decides, Operation::Post { id: id_at(1, START), hold, amount: AMOUNT }))
}

pub fn voids() -> [Case; 2] {
    held().map(|(case, decides, hold)| case.with(decides, Operation::Void { hold }))
}

/// bank-a pays EUR for the BIG of bank-c.
fn legs() -> Vec<Leg> {
    let leg = |debit_account, credit_account| Leg { debit_account, credit_account, amount: AMOUNT };
    vec![
        leg(account_id("bank-c/BIG/pool"), account_id("bank-a/BIG/pool")),
        leg(account_id("bank-a/EUR/main"), account_id("bank-c/EUR/main")),
    ]
}

fn offer_operation(id: concordat_types::Uuid, legs: Vec<Leg>) -> Operation {
    Operation::Offer(Offer { id, legs, deadline: DEADLINE, reference: reference(), document: None })
}

/// By bank-a, whose leg is the first.
pub fn offer() -> Case {
    let mut legs = legs();
    legs[0] = Leg { debit_account: payer(), credit_account: payee(), amount: AMOUNT };
    legs[1] =
        Leg { debit_account: account_id("bank-c/EUR/main"), credit_account: account_id("bank-a/EUR/main"), ..legs[1] };
    world().with("bank-a", offer_operation(id_at(1, START), legs))
}

/// A world in which bank-a has offered.
fn offered() -> (Case, PendingRef) {
    let mut case = world();
    let id = case.new_id();
    assert!(case.act("bank-a", offer_operation(id, legs())));
    (case, PendingRef { submitter: member_id("bank-a"), id })
}

pub fn acceptance() -> Case {
    let (case, offer) = offered();
    case.with("bank-c", Operation::Accept { offer })
}

pub fn cancellation() -> Case {
    let (case, offer) = offered();
    case.with("bank-c", Operation::Cancel { offer })
}

pub fn opening() -> Case {
    let mut case = world().with("bank-a", open("BIG", "new"));
    if let Operation::OpenAccount(open) = &mut case.operation {
        open.parent = Some(account_id("bank-a/BIG/pool"));
    }
    case
}

impl Case {
    pub fn open_without_parent(&mut self) {
        if let Operation::OpenAccount(open) = &mut self.operation {
            open.parent = None;
        }
    }
}

pub fn closing() -> Case {
    world().with("bank-a", Operation::CloseAccount { account: account_id("bank-a/BIG/child") })
}

pub fn change() -> Case {
    let parent = Some(account_id("bank-a/BIG/pool"));
    let account = account_id("bank-a/BIG/child");
    world().with("bank-a", Operation::ChangeAccount { account, parent, tier: Some(Tier(1)) })
}

pub fn limits(scope: LimitScope) -> Case {
    world().with("bank-a", Operation::SetLimits { scope, limits: Limits { day_max: Some(5), ..Limits::default() } })
}

pub fn freeze(submitter: &str, target: FreezeTarget) -> Case {
    world().with(submitter, Operation::Freeze { target, debits: true, credits: true, reference: reference() })
}

pub fn end_of_day() -> Case {
    let next = BusinessDate::from_days(BusinessDate::of(START).days() + 1).unwrap();
    world().with(CENTRAL_BANK, Operation::EndOfDay { next })
}

pub fn new_assets() -> [Case; 2] {
    [(CENTRAL_BANK, "bank-c", AssetKind::Security), ("bank-c", "bank-c", AssetKind::DepositToken)].map(
        |(submitter, issuer, kind)| {
            let (code, issuer) = (asset_code("NEW"), member_id(issuer));
            world().with(submitter, Operation::CreateAsset { code, decimals: 2, kind, issuer, quota: 10 })
        },
    )
}

pub fn quota() -> Case {
    world().with(CENTRAL_BANK, Operation::SetQuota { asset: asset_code("BIG"), quota: 10 })
}
