//! What makes a check fail.

use super::{
    Case, Fault, Phase,
    cases::{AMOUNT, DEADLINE, FUNDS, payee, payer, reference},
};
use crate::scene::{CENTRAL_BANK, START, SUPERVISOR, account_id, account_name, asset_code, id_at, key, member_id};
use concordat_types::{
    AccountId, Amount, AssetCode, BusinessDate, FreezeTarget, Leg, LimitScope, Limits, MemberId, MemberStatus,
    Operation, PendingRef, Purpose, Transfer, Uuid,
};

pub fn transfer(id: Uuid, debit_account: AccountId, credit_account: AccountId, amount: Amount) -> Transfer {
    let (reference, purpose) = (reference(), Purpose::new("").unwrap());
    Transfer { id, debit_account, credit_account, amount, reference, purpose, document: None }
}

fn nowhere() -> AccountId {
    account_id("bank-a/BIG/nowhere")
}

// ---- What the operation says ----

impl Case {
    fn debit(&mut self) -> Option<&mut AccountId> {
        match &mut self.operation {
            Operation::Transfer(transfer) => Some(&mut transfer.debit_account),
            Operation::Batch { transfers, .. } => Some(&mut transfers[0].debit_account),
            Operation::Redeem { debit_account, .. } => Some(debit_account),
            Operation::Hold(hold) => Some(&mut hold.debit_account),
            Operation::Offer(offer) => Some(&mut offer.legs[0].debit_account),
            _ => None,
        }
    }

    fn credit(&mut self) -> Option<&mut AccountId> {
        match &mut self.operation {
            Operation::Transfer(transfer) => Some(&mut transfer.credit_account),
            Operation::Batch { transfers, .. } => Some(&mut transfers[0].credit_account),
            Operation::Issue { credit_account, .. } => Some(credit_account),
            Operation::Hold(hold) => Some(&mut hold.credit_account),
            Operation::Offer(offer) => Some(&mut offer.legs[0].credit_account),
            _ => None,
        }
    }

    fn amount(&mut self) -> &mut Amount {
        match &mut self.operation {
            Operation::Transfer(transfer) => &mut transfer.amount,
            Operation::Batch { transfers, .. } => &mut transfers[0].amount,
            Operation::Issue { amount, .. } | Operation::Redeem { amount, .. } | Operation::Post { amount, .. } => {
                amount
            }
            Operation::Hold(hold) => &mut hold.amount,
            Operation::Offer(offer) => &mut offer.legs[0].amount,
            other => panic!("no amount in {other:?}"),
        }
    }

    fn pending(&mut self) -> &mut PendingRef {
        match &mut self.operation {
            Operation::Post { hold, .. } | Operation::Void { hold } => hold,
            Operation::Accept { offer } | Operation::Cancel { offer } => offer,
            other => panic!("nothing pending in {other:?}"),
        }
    }

    fn asset(&mut self) -> &mut AssetCode {
        match &mut self.operation {
            Operation::Issue { asset, .. } | Operation::SetQuota { asset, .. } => asset,
            Operation::OpenAccount(open) => &mut open.asset,
            Operation::CreateAsset { code, .. } => code,
            Operation::Freeze { target: FreezeTarget::Asset(asset), .. } => asset,
            Operation::SetLimits { scope: LimitScope::Member { asset }, .. }
            | Operation::SetLimits { scope: LimitScope::Tier { asset, .. }, .. }
            | Operation::SetLimits { scope: LimitScope::Bilateral { asset, .. }, .. } => asset,
            other => panic!("no asset in {other:?}"),
        }
    }

    fn account(&mut self) -> &mut AccountId {
        match &mut self.operation {
            Operation::CloseAccount { account } | Operation::ChangeAccount { account, .. } => account,
            Operation::SetLimits { scope: LimitScope::Account(account), .. } => account,
            Operation::Freeze { target: FreezeTarget::Account(account), .. } => account,
            other => panic!("no account in {other:?}"),
        }
    }

    fn parent(&mut self) -> &mut Option<AccountId> {
        match &mut self.operation {
            Operation::OpenAccount(open) => &mut open.parent,
            Operation::ChangeAccount { parent, .. } => parent,
            other => panic!("no parent in {other:?}"),
        }
    }

    fn suspend(&mut self, member: MemberId) {
        self.both.set_status(member, MemberStatus::Suspended);
    }

    /// Between the accounts, by the owner of the first.
    fn pay(&mut self, debit: &str, credit: &str, amount: Amount) -> bool {
        let id = self.new_id();
        let payment = transfer(id, account_id(debit), account_id(credit), amount);
        let owner = debit.split('/').next().unwrap();
        self.act(owner, Operation::Transfer(payment))
    }

    fn set_limits(&mut self, member: &str, scope: LimitScope, limits: Limits) -> bool {
        self.act(member, Operation::SetLimits { scope, limits })
    }

    fn freeze(&mut self, member: &str, target: FreezeTarget) -> bool {
        self.act(member, Operation::Freeze { target, debits: true, credits: true, reference: reference() })
    }

    fn close(&mut self, path: &str) -> bool {
        self.act(path.split('/').next().unwrap(), Operation::CloseAccount { account: account_id(path) })
    }

    /// Pays so much to and fro that one more minor unit is all that the account's credits can take.
    fn turn_over(&mut self, path: &str) {
        let pool = "bank-b/BIG/pool";
        let (id, credit_account, half) = (self.new_id(), account_id(pool), Amount::MAX / 2);
        let (asset, reference) = (asset_code("BIG"), reference());
        self.act("bank-b", Operation::Issue { id, asset, credit_account, amount: half, reference });
        let had = self.both.model.world.credits_posted(account_id(path)).amount().unwrap();
        // Back to another account, or the pool's credits would be full first.
        for (amount, back_to) in [(half, pool), (half - had, "bank-b/BIG/main")] {
            self.pay(pool, path, amount);
            self.pay(path, back_to, amount);
        }
    }
}

fn out_of_account() -> LimitScope {
    LimitScope::Account(payer())
}

fn second_key() -> Limits {
    Limits { second_key_above: Some(5), ..Limits::default() }
}

// ---- Faults of a leg: bank-a's main account pays bank-c's ----

pub const DEBIT_NOT_FOUND: Fault = Fault(Phase::Operation, |case| {
    if let Some(debit) = case.debit() {
        *debit = nowhere();
    }
});
pub const CREDIT_NOT_FOUND: Fault = Fault(Phase::Operation, |case| *case.credit().unwrap() = nowhere());
pub const SAME_ACCOUNT: Fault = Fault(Phase::Operation, |case| {
    let debit = case.debit().map(|debit| *debit).unwrap_or(account_id("bank-b/BIG/issuance"));
    *case.credit().unwrap() = debit;
});
pub const OTHER_ASSET: Fault = Fault(Phase::Operation, |case| *case.credit().unwrap() = account_id("bank-c/EUR/main"));
pub const FROM_ISSUANCE: Fault = Fault(Phase::Operation, |case| {
    *case.debit().unwrap() = account_id("bank-b/BIG/issuance");
});
pub const TO_ISSUANCE: Fault = Fault(Phase::Operation, |case| {
    *case.credit().unwrap() = account_id("bank-b/BIG/issuance");
});
pub const KEY_WITHOUT_RIGHT: Fault = Fault(Phase::Operation, |case| case.signers = vec![key(case.submitter, ".read")]);
/// Another member hands in what is not its own.
pub const BY_ANOTHER: Fault = Fault(Phase::Operation, |case| {
    case.submitter = member_id("bank-d");
    case.signers = vec![key(case.submitter, "")];
});
pub const SUBMITTER_SUSPENDED: Fault = Fault(Phase::Status, |case| case.suspend(case.submitter));
pub const PAYEE_SUSPENDED: Fault = Fault(Phase::Status, |case| case.suspend(member_id("bank-c")));
pub const ASSET_FROZEN: Fault = Fault(Phase::Freezing, |case| {
    case.freeze("bank-b", FreezeTarget::Asset(asset_code("BIG")));
});
pub const PAYER_FROZEN_BY_OWNER: Fault = Fault(Phase::Freezing, |case| {
    case.freeze("bank-a", FreezeTarget::Account(payer()));
});
pub const PAYER_FROZEN_BY_ISSUER: Fault = Fault(Phase::Freezing, |case| {
    case.freeze("bank-b", FreezeTarget::Account(payer()));
});
pub const PAYER_MEMBER_FROZEN: Fault = Fault(Phase::Freezing, |case| {
    case.freeze(CENTRAL_BANK, FreezeTarget::Member(member_id("bank-a")));
});
pub const ISSUANCE_FROZEN: Fault = Fault(Phase::Freezing, |case| {
    case.freeze("bank-b", FreezeTarget::Account(account_id("bank-b/BIG/issuance")));
});
pub const PAYEE_FROZEN: Fault = Fault(Phase::Freezing, |case| {
    case.freeze("bank-c", FreezeTarget::Account(payee()));
});
pub const PAYEE_FROZEN_BY_ISSUER: Fault = Fault(Phase::Freezing, |case| {
    case.freeze("bank-b", FreezeTarget::Account(payee()));
});
pub const PAYEE_MEMBER_FROZEN: Fault = Fault(Phase::Freezing, |case| {
    case.freeze(CENTRAL_BANK, FreezeTarget::Member(member_id("bank-c")));
});
pub const OTHER_ASSET_AND_CLOSED: Fault = Fault(Phase::Books, |case| {
    case.close("bank-b/EUR/main");
    *case.credit().unwrap() = account_id("bank-b/EUR/main");
});
pub const PAYEE_CLOSED: Fault = Fault(Phase::Closing, |case| {
    case.close("bank-c/BIG/main");
});
/// Spent before, or it could not be closed.
pub const PAYER_CLOSED: Fault = Fault(Phase::Closing, |case| {
    case.pay("bank-a/BIG/main", "bank-a/BIG/pool", FUNDS);
    case.close("bank-a/BIG/main");
});
pub const SECOND_KEY_OF_ACCOUNT: Fault = Fault(Phase::Limits, |case| {
    case.set_limits("bank-a", out_of_account(), second_key());
});
pub const SECOND_KEY_OF_MEMBER: Fault = Fault(Phase::Limits, |case| {
    case.set_limits("bank-a", LimitScope::Member { asset: asset_code("BIG") }, second_key());
});
pub const SECOND_KEY_OF_ISSUANCE: Fault = Fault(Phase::Limits, |case| {
    case.set_limits("bank-b", LimitScope::Account(account_id("bank-b/BIG/issuance")), second_key());
});
pub const AMOUNT_ZERO: Fault = Fault(Phase::Operation, |case| *case.amount() = 0);
pub const PAYER_OVERFLOWS: Fault = Fault(Phase::Books, |case| {
    case.turn_over("bank-a/BIG/main");
    // An account whose debits are full has nothing left.
    case.pay("bank-a/BIG/main", "bank-a/BIG/pool", FUNDS);
});
pub const PAYEE_OVERFLOWS: Fault = Fault(Phase::Books, |case| case.turn_over("bank-c/BIG/main"));
pub const ISSUANCE_OVERFLOWS: Fault = Fault(Phase::Books, |case| {
    let (id, amount, reference) = (case.new_id(), Amount::MAX - 5 * FUNDS, reference());
    let (asset, credit_account) = (asset_code("BIG"), account_id("bank-b/BIG/pool"));
    case.act("bank-b", Operation::Issue { id, asset, credit_account, amount, reference });
    let (id, debit_account) = (case.new_id(), credit_account);
    case.act("bank-b", Operation::Redeem { id, debit_account, amount, reference });
    let id = case.new_id();
    let amount = 3 * FUNDS;
    case.act("bank-b", Operation::Issue { id, asset, credit_account, amount, reference });
});
/// Of what an account can hold nothing overflows where it is redeemed: only more than anybody has.
pub const REDEEMS_TOO_MUCH: Fault = Fault(Phase::Books, |case| {
    let (asset, account, reference) = (asset_code("BIG"), account_id("bank-b/BIG/pool"), reference());
    let id = case.new_id();
    case.act("bank-b", Operation::Issue { id, asset, credit_account: account, amount: 1, reference });
    let id = case.new_id();
    case.act("bank-b", Operation::Redeem { id, debit_account: account, amount: 1, reference });
    *case.amount() = Amount::MAX;
});
pub const ENDS_NOW: Fault = Fault(Phase::Operation, |case| {
    let now = case.both.model.time;
    match &mut case.operation {
        Operation::Hold(hold) => hold.expires_at = now,
        Operation::Offer(offer) => offer.deadline = now,
        other => panic!("no deadline in {other:?}"),
    }
});
pub const QUOTA_LOWERED: Fault = Fault(Phase::Limits, |case| {
    case.act(CENTRAL_BANK, Operation::SetQuota { asset: asset_code("BIG"), quota: 1 });
});
/// More is out than may be, so that the limit would be passed by 0 too.
pub const DAY_LIMIT_PASSED: Fault = Fault(Phase::Books, |case| {
    let limits = |day_max| Limits { day_max: Some(day_max), ..Limits::default() };
    case.set_limits("bank-a", out_of_account(), limits(FUNDS));
    case.pay("bank-a/BIG/main", "bank-a/BIG/pool", 2);
    case.set_limits("bank-a", out_of_account(), limits(1));
});
pub const TRANSFER_LIMIT: Fault = Fault(Phase::Limits, |case| {
    let limits = Limits { transfer_max: Some(1), ..Limits::default() };
    case.set_limits("bank-a", out_of_account(), limits);
});
pub const MEMBER_LIMIT: Fault = Fault(Phase::Limits, |case| {
    let limits = Limits { transfer_max: Some(1), ..Limits::default() };
    case.set_limits("bank-a", LimitScope::Member { asset: asset_code("BIG") }, limits);
});
pub const ISSUANCE_LIMIT: Fault = Fault(Phase::Limits, |case| {
    let limits = Limits { transfer_max: Some(1), ..Limits::default() };
    case.set_limits("bank-b", LimitScope::Member { asset: asset_code("BIG") }, limits);
});
/// The same for an issuer, whose usage is that of its issuance account.
pub const ISSUANCE_DAY_LIMIT_PASSED: Fault = Fault(Phase::Books, |case| {
    let limits = |day_max| Limits { day_max: Some(day_max), ..Limits::default() };
    let scope = LimitScope::Account(account_id("bank-b/BIG/issuance"));
    case.set_limits("bank-b", scope, limits(FUNDS));
    let (id, amount, reference) = (case.new_id(), 2, reference());
    let (asset, credit_account) = (asset_code("BIG"), account_id("bank-b/BIG/pool"));
    case.act("bank-b", Operation::Issue { id, asset, credit_account, amount, reference });
    case.set_limits("bank-b", scope, limits(1));
});
pub const BALANCE_LIMIT: Fault = Fault(Phase::Limits, |case| {
    let limits = Limits { balance_max: Some(1), ..Limits::default() };
    case.set_limits("bank-c", LimitScope::Account(payee()), limits);
});
pub const SPENT: Fault = Fault(Phase::Books, |case| {
    case.pay("bank-a/BIG/main", "bank-a/BIG/pool", FUNDS);
});

// ---- Holds ----

pub const NO_SUCH_PENDING: Fault = Fault(Phase::Operation, |case| case.pending().id = id_at(77, START));
pub const POSTED: Fault = Fault(Phase::Books, |case| {
    let hold = *case.pending();
    let (id, member) = (case.new_id(), case.submitter.to_string());
    case.act(&member, Operation::Post { id, hold, amount: AMOUNT });
});
pub const EXPIRED_AND_PAYEE_CLOSED: Fault = Fault(Phase::Closing, |case| {
    (EXPIRED.1)(case);
    (PAYEE_CLOSED.1)(case);
});
pub const POSTED_AND_PAYEE_CLOSED: Fault = Fault(Phase::Closing, |case| {
    (POSTED.1)(case);
    case.pay("bank-c/BIG/main", "bank-c/BIG/pool", AMOUNT);
    (PAYEE_CLOSED.1)(case);
});
/// By the creditor, who always may.
pub const VOIDED: Fault = Fault(Phase::Books, |case| {
    let hold = *case.pending();
    case.act("bank-c", Operation::Void { hold });
});
/// While anything is held the payee cannot be closed.
pub const VOIDED_AND_PAYEE_CLOSED: Fault = Fault(Phase::Closing, |case| {
    (VOIDED.1)(case);
    (PAYEE_CLOSED.1)(case);
});
pub const EXPIRED: Fault = Fault(Phase::Time, |case| case.pass_time());
pub const MORE_THAN_HELD: Fault = Fault(Phase::Operation, |case| *case.amount() = AMOUNT + 1);

impl Case {
    /// An empty block at the deadline of all there is.
    fn pass_time(&mut self) {
        if self.both.model.time < DEADLINE {
            self.both.start_block(DEADLINE);
            self.both.end_block().unwrap();
        }
    }
}

// ---- Offers ----

fn second_leg(case: &mut Case) -> &mut Leg {
    match &mut case.operation {
        Operation::Offer(offer) => &mut offer.legs[1],
        other => panic!("no legs in {other:?}"),
    }
}

pub const SECOND_DEBIT_NOT_FOUND: Fault = Fault(Phase::Operation, |case| second_leg(case).debit_account = nowhere());
pub const SECOND_CREDIT_NOT_FOUND: Fault = Fault(Phase::Operation, |case| second_leg(case).credit_account = nowhere());
pub const SECOND_SAME_ACCOUNT: Fault = Fault(Phase::Operation, |case| {
    let leg = second_leg(case);
    leg.credit_account = leg.debit_account;
});
pub const SECOND_OTHER_ASSET: Fault = Fault(Phase::Operation, |case| {
    second_leg(case).credit_account = account_id("bank-a/BIG/pool");
});
pub const SECOND_AMOUNT_ZERO: Fault = Fault(Phase::Operation, |case| second_leg(case).amount = 0);

pub const SETTLED: Fault = Fault(Phase::Books, |case| {
    let offer = *case.pending();
    case.act("bank-c", Operation::Accept { offer });
});
pub const CANCELLED: Fault = Fault(Phase::Books, |case| {
    let offer = *case.pending();
    case.act("bank-a", Operation::Cancel { offer });
});
pub const OFFERER_SUSPENDED: Fault = Fault(Phase::Status, |case| case.suspend(member_id("bank-a")));
pub const OFFERED_ASSET_FROZEN: Fault = Fault(Phase::Freezing, |case| {
    case.freeze(CENTRAL_BANK, FreezeTarget::Asset(asset_code("EUR")));
});
pub const ACCEPTOR_FROZEN: Fault = Fault(Phase::Freezing, |case| {
    case.freeze("bank-c", FreezeTarget::Account(account_id("bank-c/BIG/pool")));
});
pub const OFFERED_ACCOUNT_FROZEN: Fault = Fault(Phase::Freezing, |case| {
    case.freeze("bank-a", FreezeTarget::Account(account_id("bank-a/EUR/main")));
});
pub const OFFERER_FROZEN: Fault = Fault(Phase::Freezing, |case| {
    case.freeze("bank-a", FreezeTarget::Account(account_id("bank-a/BIG/pool")));
});
pub const OFFERER_MEMBER_FROZEN: Fault = Fault(Phase::Freezing, |case| {
    case.freeze(CENTRAL_BANK, FreezeTarget::Member(member_id("bank-a")));
});
pub const OFFERER_CLOSED: Fault = Fault(Phase::Closing, |case| {
    case.close("bank-a/BIG/pool");
});
pub const SECOND_KEY_OF_ACCEPTOR: Fault = Fault(Phase::Limits, |case| {
    case.set_limits("bank-c", LimitScope::Account(account_id("bank-c/BIG/pool")), second_key());
});
pub const OFFERER_OVERFLOWS: Fault = Fault(Phase::Books, |case| case.turn_over("bank-a/BIG/pool"));
pub const ACCEPTOR_LIMIT: Fault = Fault(Phase::Limits, |case| {
    let limits = Limits { transfer_max: Some(1), ..Limits::default() };
    case.set_limits("bank-c", LimitScope::Member { asset: asset_code("BIG") }, limits);
});
pub const ACCEPTOR_SPENT: Fault = Fault(Phase::Books, |case| {
    case.pay("bank-c/BIG/pool", "bank-c/BIG/main", FUNDS);
});

// ---- Accounts ----

pub const NO_SUCH_ASSET: Fault = Fault(Phase::Operation, |case| *case.asset() = asset_code("GBP"));
pub const NO_SUCH_ACCOUNT: Fault = Fault(Phase::Operation, |case| *case.account() = nowhere());
pub const NO_SUCH_PARENT: Fault = Fault(Phase::Operation, |case| *case.parent() = Some(nowhere()));
pub const PARENT_OF_ANOTHER: Fault =
    Fault(Phase::Operation, |case| *case.parent() = Some(account_id("bank-c/BIG/pool")));
pub const PARENT_ITSELF: Fault = Fault(Phase::Operation, |case| *case.parent() = Some(account_id("bank-a/BIG/child")));
pub const PARENT_CLOSED: Fault = Fault(Phase::Closing, |case| {
    case.close("bank-a/BIG/pool");
});
pub const NAMED_ISSUANCE: Fault = Fault(Phase::Operation, |case| match &mut case.operation {
    Operation::OpenAccount(open) => open.name = account_name("issuance"),
    other => panic!("{other:?} names nothing"),
});
pub const OPEN_ALREADY: Fault = Fault(Phase::Operation, |case| match &mut case.operation {
    Operation::OpenAccount(open) => open.name = account_name("child"),
    other => panic!("{other:?} names nothing"),
});
pub const CHILD_CLOSED: Fault = Fault(Phase::Closing, |case| {
    case.close("bank-a/BIG/child");
});
pub const CHILD_HOLDS_MONEY: Fault = Fault(Phase::Books, |case| {
    case.pay("bank-a/BIG/main", "bank-a/BIG/child", 1);
});
/// bank-b's own, which cannot be closed or changed.
pub const ISSUANCE_ACCOUNT: Fault = Fault(Phase::Operation, |case| *case.account() = account_id("bank-b/BIG/issuance"));

// ---- The rest ----

pub const NO_SUCH_COUNTERPARTY: Fault = Fault(Phase::Operation, |case| match &mut case.operation {
    Operation::SetLimits { scope: LimitScope::Bilateral { counterparty, .. }, .. } => {
        *counterparty = member_id("nobody")
    }
    other => panic!("no counterparty in {other:?}"),
});
pub const COUNTERPARTY_ITSELF: Fault = Fault(Phase::Operation, |case| match &mut case.operation {
    Operation::SetLimits { scope: LimitScope::Bilateral { counterparty, .. }, .. } => *counterparty = case.submitter,
    other => panic!("no counterparty in {other:?}"),
});
pub const NO_SUCH_MEMBER: Fault = Fault(Phase::Operation, |case| match &mut case.operation {
    Operation::Freeze { target: FreezeTarget::Member(member), .. } => *member = member_id("nobody"),
    Operation::CreateAsset { issuer, .. } => *issuer = member_id("nobody"),
    other => panic!("no member in {other:?}"),
});
pub const BY_SUPERVISOR: Fault = Fault(Phase::Operation, |case| {
    case.submitter = member_id(SUPERVISOR);
    case.signers = vec![key(case.submitter, "")];
});
pub const SAME_DATE: Fault = Fault(Phase::Operation, |case| {
    let today = case.both.model.world.date;
    case.operation = Operation::EndOfDay { next: today };
});
pub const TOO_FAR_AHEAD: Fault = Fault(Phase::Operation, |case| {
    let next = BusinessDate::from_days(case.both.model.world.date.days() + 32).unwrap();
    case.operation = Operation::EndOfDay { next };
});
pub const ASSET_EXISTS: Fault = Fault(Phase::Operation, |case| *case.asset() = asset_code("EUR"));
