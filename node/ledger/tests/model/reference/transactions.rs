//! Ids, and that a transaction's operations all happen or none.

use super::{Model, Refusals, World, checks::Signed, operations::Context};
use concordat_types::{
    BatchMode, Leg, MemberId, Operation, ResultCode, Rights, Timestamp, Transaction, Transfer, Uuid, encode,
};
use std::collections::BTreeMap;

/// Who used an id for what.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct IdName {
    submitter: MemberId,
    is_transaction: bool,
    id: Uuid,
}

/// What an id was used for.
#[derive(Clone, Debug)]
pub struct Known {
    pub body: Vec<u8>,
    pub results: Results,
}

#[derive(Clone, Debug)]
pub enum Results {
    Transaction(Vec<OperationOutcome>),
    Transfer(ResultCode),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OperationOutcome {
    pub code: ResultCode,
    pub transfers: Vec<ResultCode>,
    pub repeats: Vec<u32>,
    pub bookings: Vec<Leg>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransactionOutcome {
    pub repeat: bool,
    pub operations: Vec<OperationOutcome>,
    /// All checks that failed in each operation or transfer that was refused by its checks: (operation, item, checks).
    pub refusals: Vec<(usize, u32, Refusals)>,
}

/// Why a block may not hold a transaction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InvalidReason {
    Expired,
    ValidUntilTooFar,
    NotSignedBySubmitter,
}

/// An operation or a transfer of a batch.
struct Part<'a> {
    operation: usize,
    /// 0 the operation, i + 1 the i-th transfer of a batch.
    item: u32,
    id: Option<Uuid>,
    body: Vec<u8>,
    act: Act<'a>,
    done: Option<Done>,
}

#[derive(Clone, Copy)]
enum Act<'a> {
    Operation(&'a Operation),
    Transfer(&'a Transfer),
    /// The batch itself: its transfers are parts of their own.
    Batch,
}

#[derive(Clone, Debug)]
struct Done {
    code: ResultCode,
    is_repeat: bool,
    bookings: Vec<Leg>,
}

impl Done {
    fn new(code: ResultCode) -> Done {
        Done { code, is_repeat: false, bookings: Vec::new() }
    }
}

impl Model {
    pub fn check_inclusion(&self, transaction: &Transaction) -> Result<(), InvalidReason> {
        let (until, now) = (transaction.valid_until.0, self.time.0);
        if until < now {
            return Err(InvalidReason::Expired);
        }
        if until - now > self.parameters.id_window_ms {
            return Err(InvalidReason::ValidUntilTooFar);
        }
        let signed = Signed { submitter: transaction.submitter, keys: &transaction.signers };
        match self.world.has_signed(&signed, transaction.submitter, Rights::default()) {
            true => Ok(()),
            false => Err(InvalidReason::NotSignedBySubmitter),
        }
    }

    fn is_inside_window(&self, id: &Uuid) -> bool {
        id.time().is_some_and(|Timestamp(time)| time.abs_diff(self.time.0) <= self.parameters.id_window_ms)
    }

    /// A transaction that a block holds.
    pub fn execute(&mut self, transaction: &Transaction) -> TransactionOutcome {
        let name = IdName { submitter: transaction.submitter, is_transaction: true, id: transaction.id };
        let body = encode(transaction);
        if !self.is_inside_window(&transaction.id) {
            return refused_by_id(transaction, ResultCode::IdOutsideWindow);
        }
        match self.ids.get(&name) {
            Some(known) if known.body != body => refused_by_id(transaction, ResultCode::ExistsWithDifferentBody),
            Some(Known { results: Results::Transaction(operations), .. }) => {
                TransactionOutcome { repeat: true, operations: operations.clone(), refusals: Vec::new() }
            }
            Some(Known { results: Results::Transfer(_), .. }) => panic!("ids of transactions stand apart"),
            None => {
                let outcome = Trial::new(self, transaction).run();
                let results = Results::Transaction(outcome.operations.clone());
                self.ids.insert(name, Known { body, results });
                outcome
            }
        }
    }
}

/// Nothing is looked at.
fn refused_by_id(transaction: &Transaction, code: ResultCode) -> TransactionOutcome {
    let refuse = |operation: &Operation| {
        let transfers = match operation {
            Operation::Batch { transfers, .. } => vec![ResultCode::BatchAborted; transfers.len()],
            _ => Vec::new(),
        };
        OperationOutcome { code, transfers, repeats: Vec::new(), bookings: Vec::new() }
    };
    let operations = transaction.operations.iter().map(refuse).collect();
    TransactionOutcome { repeat: false, operations, refusals: Vec::new() }
}

/// A transaction on a copy of the world.
struct Trial<'a> {
    model: &'a mut Model,
    transaction: &'a Transaction,
    world: World,
    parts: Vec<Part<'a>>,
    /// Ids that this transaction was the first to use.
    fresh: BTreeMap<Uuid, (Vec<u8>, ResultCode)>,
    refusals: Vec<(usize, u32, Refusals)>,
}

impl<'a> Trial<'a> {
    fn new(model: &'a mut Model, transaction: &'a Transaction) -> Trial<'a> {
        let world = model.world.clone();
        let parts = parts_of(transaction);
        Trial { model, transaction, world, parts, fresh: BTreeMap::new(), refusals: Vec::new() }
    }

    fn run(mut self) -> TransactionOutcome {
        let all_happened = (0..self.transaction.operations.len()).all(|operation| self.run_operation(operation));
        if all_happened {
            self.model.world = self.world.clone();
        } else {
            self.abort();
        }
        for (id, (body, code)) in &self.fresh {
            let name = IdName { submitter: self.transaction.submitter, is_transaction: false, id: *id };
            self.model.ids.insert(name, Known { body: body.clone(), results: Results::Transfer(*code) });
        }
        TransactionOutcome { repeat: false, operations: self.outcomes(), refusals: self.refusals }
    }

    /// Did it happen?
    fn run_operation(&mut self, operation: usize) -> bool {
        let places: Vec<usize> =
            (0..self.parts.len()).filter(|place| self.parts[*place].operation == operation).collect();
        let Operation::Batch { mode, .. } = &self.transaction.operations[operation] else {
            return self.run_part(places[0]) == ResultCode::Ok;
        };
        let mut code = ResultCode::Ok;
        for place in &places[1..] {
            let transfer = self.run_part(*place);
            if *mode == BatchMode::All && transfer != ResultCode::Ok {
                code = transfer;
                break;
            }
        }
        self.parts[places[0]].done = Some(Done::new(code));
        code == ResultCode::Ok
    }

    fn run_part(&mut self, place: usize) -> ResultCode {
        let done = self.judge_id(place).unwrap_or_else(|| self.act(place));
        let code = done.code;
        self.parts[place].done = Some(done);
        code
    }

    fn act(&mut self, place: usize) -> Done {
        let Part { operation, item, id, act, .. } = self.parts[place];
        let Transaction { submitter, signers, .. } = self.transaction;
        let context = Context { signed: Signed { submitter: *submitter, keys: signers }, time: self.model.time };
        let before = self.world.clone();
        let outcome = match act {
            Act::Operation(operation) => self.world.operate(&context, operation),
            Act::Transfer(transfer) => self.world.transfer(&context, transfer),
            Act::Batch => panic!("a batch is its transfers"),
        };
        let (code, bookings) = match outcome {
            Ok(bookings) => (ResultCode::Ok, bookings),
            Err(refusals) => {
                self.world = before;
                self.refusals.push((operation, item, refusals));
                (refusals.first().expect("refused for a reason"), Vec::new())
            }
        };
        if let Some(id) = id {
            self.fresh.insert(id, (self.parts[place].body.clone(), code));
        }
        Done { code, is_repeat: false, bookings }
    }

    /// None: there is no id, or it is new and inside the window.
    fn judge_id(&self, place: usize) -> Option<Done> {
        let part = &self.parts[place];
        let id = part.id?;
        if !self.model.is_inside_window(&id) {
            return Some(Done::new(ResultCode::IdOutsideWindow));
        }
        let name = IdName { submitter: self.transaction.submitter, is_transaction: false, id };
        let (body, code) = match (self.fresh.get(&id), self.model.ids.get(&name)) {
            (Some((body, code)), _) => (body, *code),
            (None, Some(Known { body, results: Results::Transfer(code) })) => (body, *code),
            (None, Some(_)) => panic!("ids of transfers stand apart"),
            (None, None) => return None,
        };
        Some(match *body == part.body {
            true => Done { code, is_repeat: true, bookings: Vec::new() },
            false => Done::new(ResultCode::ExistsWithDifferentBody),
        })
    }

    /// The world stays as it was. What had happened has not; what was not reached is judged by its id alone.
    fn abort(&mut self) {
        for (_, code) in self.fresh.values_mut().filter(|(_, code)| *code == ResultCode::Ok) {
            *code = ResultCode::BatchAborted;
        }
        for place in 0..self.parts.len() {
            let fresh = self.parts[place].id.and_then(|id| self.fresh.get(&id)).map(|(_, code)| *code);
            let done = match self.parts[place].done.clone() {
                // A repeat of what this very transaction did first.
                Some(Done { code: ResultCode::Ok, is_repeat: true, bookings }) => {
                    Done { code: fresh.unwrap_or(ResultCode::Ok), is_repeat: true, bookings }
                }
                Some(Done { code: ResultCode::Ok, is_repeat: false, .. }) => Done::new(ResultCode::BatchAborted),
                Some(refused) => refused,
                None => self.judge_id(place).unwrap_or_else(|| {
                    if let Some(id) = self.parts[place].id {
                        self.fresh.insert(id, (self.parts[place].body.clone(), ResultCode::BatchAborted));
                    }
                    Done::new(ResultCode::BatchAborted)
                }),
            };
            self.parts[place].done = Some(done);
        }
    }

    fn outcomes(&self) -> Vec<OperationOutcome> {
        let mut outcomes: Vec<OperationOutcome> = Vec::new();
        for part in &self.parts {
            let Done { code, is_repeat, bookings } = part.done.clone().expect("every part is judged");
            if part.item == 0 {
                outcomes.push(OperationOutcome { code, transfers: Vec::new(), repeats: Vec::new(), bookings });
            } else {
                outcomes[part.operation].transfers.push(code);
            }
            if is_repeat {
                outcomes[part.operation].repeats.push(part.item);
            }
        }
        outcomes
    }
}

fn parts_of(transaction: &Transaction) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for (number, operation) in transaction.operations.iter().enumerate() {
        let new = |item, id, body, act| Part { operation: number, item, id, body, act, done: None };
        let own = |id: &Uuid| new(0, Some(*id), encode(&(1u8, operation)), Act::Operation(operation));
        match operation {
            Operation::Transfer(transfer) => {
                parts.push(new(0, Some(transfer.id), body_of_transfer(transfer), Act::Transfer(transfer)));
            }
            Operation::Batch { transfers, .. } => {
                parts.push(new(0, None, Vec::new(), Act::Batch));
                parts.extend((1..).zip(transfers).map(|(item, transfer)| {
                    new(item, Some(transfer.id), body_of_transfer(transfer), Act::Transfer(transfer))
                }));
            }
            Operation::Issue { id, .. } | Operation::Redeem { id, .. } | Operation::Post { id, .. } => {
                parts.push(own(id));
            }
            Operation::Hold(hold) => parts.push(own(&hold.id)),
            Operation::Offer(offer) => parts.push(own(&offer.id)),
            _ => parts.push(new(0, None, Vec::new(), Act::Operation(operation))),
        }
    }
    parts
}

/// A single payment and the same one in a batch are one and the same.
fn body_of_transfer(transfer: &Transfer) -> Vec<u8> {
    encode(&(0u8, transfer))
}
