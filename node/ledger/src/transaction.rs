//! One transaction: its id, its operations in order, and that they all happen or none.

use crate::{
    engine::BlockContext,
    governance::{self, Estate},
    ids::{BodyDigest, IdKey, IdKind, IdRecord},
    items::{Item, Outcome, items_of},
    limits::{self, Flow, Moment, Origin},
    operations,
    overlay::{Legs, MemberSlot, Overlay},
    pending::Reserved,
    results::{Booking, OperationResult, ResultsRoot, TransactionResult, item_leaves},
    state::StateKey,
    view::{self, StateView},
    window,
};
use alloc::vec::Vec;
use concordat_types::{
    Amount, CheckedTransaction, Ed25519PublicKey, MemberStatus, Parameters, PendingRef, ResultCode, Rights, Uuid,
};

pub(crate) struct Block {
    pub context: BlockContext,
    pub parameters: Parameters,
}

/// A transaction at work: what operations see of it.
pub(crate) struct Run<'a, 'v> {
    pub overlay: &'a mut Overlay<'v>,
    pub block: &'a Block,
    pub checked: &'a CheckedTransaction,
    /// None if the ledger knows no such member.
    pub submitter: Option<MemberSlot>,
    /// Has one of the submitter's operator or admin keys signed?
    pub is_signed_by_submitter: bool,
    tx_index: u32,
    signers: Vec<Ed25519PublicKey>,
    /// By member slot: may this transaction's signers pay for the member? Asked for each payment, answered once.
    may_pay: Vec<Option<bool>>,
    /// What `OperationResult::bookings` will hold, with the number of the operation.
    bookings: Vec<(u16, Booking)>,
    operation: u16,
}

/// What an id says before anything else is looked at.
enum Claim {
    New,
    Repeat(IdRecord),
    Refused(ResultCode),
}

pub(crate) fn execute_transaction(
    overlay: &mut Overlay<'_>,
    block: &Block,
    tx_index: u32,
    checked: &CheckedTransaction,
    items: &mut Vec<Item>,
    root: &mut ResultsRoot,
) -> TransactionResult {
    items_of(checked, items);
    let mut run = Run::new(overlay, block, tx_index, checked);
    let result = match run.claim(IdKind::Transaction, &checked.transaction.id, checked.hash.0.into()) {
        Claim::New => run.execute(items),
        Claim::Repeat(IdRecord::Transaction { results, .. }) => TransactionResult { repeat: true, operations: results },
        Claim::Repeat(IdRecord::Transfer { .. }) => panic!("a transfer's record under a transaction's id"),
        // Nothing is looked at, nothing recorded: the transfers inside may come again in another transaction.
        Claim::Refused(code) => {
            items.iter_mut().filter(|item| item.item == 0).for_each(|item| item.outcome = Outcome::New(code));
            TransactionResult { repeat: false, operations: run.operation_results(items) }
        }
    };
    item_leaves(tx_index, checked, items, &result).for_each(|leaf| root.push(&leaf));
    result
}

impl<'a, 'v> Run<'a, 'v> {
    fn new(overlay: &'a mut Overlay<'v>, block: &'a Block, tx_index: u32, checked: &'a CheckedTransaction) -> Self {
        let signers = checked.signers().to_vec();
        let submitter = overlay.find_member(checked.transaction.submitter);
        let is_signed_by_submitter = submitter.is_some_and(|slot| overlay.member(slot).has_signed(&signers));
        Run {
            overlay,
            block,
            checked,
            submitter,
            is_signed_by_submitter,
            tx_index,
            signers,
            may_pay: Vec::new(),
            bookings: Vec::new(),
            operation: 0,
        }
    }

    fn execute(&mut self, items: &mut [Item]) -> TransactionResult {
        let checked = self.checked;
        let ids_start = self.overlay.ids_count();
        let mut refusal = None;
        let mut rest = &mut *items;
        for (number, operation) in (0u16..).zip(&checked.transaction.operations) {
            let count = rest.iter().take_while(|item| item.operation == number).count();
            let (own, after) = rest.split_at_mut(count);
            rest = after;
            self.operation = number;
            let code = operations::execute(self, operation, own);
            if code != ResultCode::Ok {
                refusal = Some(code);
                break;
            }
        }
        // Were a refusal remembered for a transaction that its submitter has not signed, then whoever makes one up in
        // another's name could use up its ids. (Such a one makes the block invalid already.)
        let is_recorded = self.is_signed_by_submitter;
        if refusal.is_some() {
            self.overlay.undo();
            self.bookings.clear();
            self.abort(items, ids_start, is_recorded);
        }
        if !is_recorded {
            self.overlay.forget_records_from(ids_start);
        }
        let operations = self.operation_results(items);
        if is_recorded {
            let key = self.id_key(IdKind::Transaction, checked.transaction.id);
            let (height, tx_index) = (self.block.context.height, self.tx_index);
            let record =
                IdRecord::Transaction { body: checked.hash.0.into(), height, tx_index, results: operations.clone() };
            self.overlay.record(key, record);
        }
        TransactionResult { repeat: false, operations }
    }

    fn operation_results(&self, items: &[Item]) -> Vec<OperationResult> {
        let mut operations: Vec<OperationResult> = Vec::with_capacity(self.checked.transaction.operations.len());
        for item in items {
            if item.item == 0 {
                operations.push(OperationResult {
                    code: item.code(),
                    transfers: Vec::new(),
                    repeats: Vec::new(),
                    bookings: Vec::new(),
                });
            }
            let operation = operations.last_mut().expect("an operation's first item is itself");
            if item.item > 0 {
                operation.transfers.push(item.code());
            }
            if item.is_repeat() {
                operation.repeats.push(item.item);
            }
        }
        for (number, booking) in &self.bookings {
            operations[usize::from(*number)].bookings.push(*booking);
        }
        operations
    }

    /// After a refusal: what was done was not, and what was not reached is judged by its id alone.
    fn abort(&mut self, items: &mut [Item], ids_start: usize, is_recorded: bool) {
        for item in &mut *items {
            match item.outcome {
                Outcome::New(ResultCode::Ok) => item.outcome = Outcome::New(ResultCode::BatchAborted),
                Outcome::Repeat(ResultCode::Ok) => {
                    let place = self.overlay.recorded_now(&self.id_key(IdKind::Transfer, item.id));
                    if place.is_some_and(|place| place >= ids_start) {
                        item.outcome = Outcome::Repeat(ResultCode::BatchAborted);
                    }
                }
                Outcome::New(_) | Outcome::Repeat(_) | Outcome::NotReached => {}
            }
        }
        for record in self.overlay.records_from(ids_start) {
            if let IdRecord::Transfer { code: code @ ResultCode::Ok, .. } = record {
                *code = ResultCode::BatchAborted;
            }
        }
        for item in items.iter_mut().filter(|item| item.outcome == Outcome::NotReached) {
            item.outcome = match self.judge_id(item) {
                Some(outcome) => outcome,
                None => Outcome::New(ResultCode::BatchAborted),
            };
            if is_recorded && item.outcome == Outcome::New(ResultCode::BatchAborted) {
                self.record(item, ResultCode::BatchAborted);
            }
        }
    }

    /// Judges an item with an id of its own: by its id, and if that is new by `check`, which does what it allows.
    pub(crate) fn settle(&mut self, item: &mut Item, act: impl FnOnce(&mut Self) -> ResultCode) -> ResultCode {
        if let Some(outcome) = self.judge_id(item) {
            item.outcome = outcome;
            return item.code();
        }
        let code = act(self);
        item.outcome = Outcome::New(code);
        self.record(item, code);
        code
    }

    /// None if the id is new and inside the window.
    fn judge_id(&self, item: &Item) -> Option<Outcome> {
        if !item.has_id {
            return None;
        }
        match self.claim(IdKind::Transfer, &item.id, item.digest()) {
            Claim::New => None,
            Claim::Repeat(IdRecord::Transfer { code, .. }) => Some(Outcome::Repeat(code)),
            Claim::Repeat(IdRecord::Transaction { .. }) => panic!("a transaction's record under a transfer's id"),
            Claim::Refused(code) => Some(Outcome::New(code)),
        }
    }

    /// Numbers 1 and 2. They exclude each other: outside the window nothing is remembered, hence nothing looked up.
    fn claim(&self, kind: IdKind, id: &Uuid, body: BodyDigest) -> Claim {
        if !window::is_inside(id, self.block.context.time, &self.block.parameters) {
            return Claim::Refused(ResultCode::IdOutsideWindow);
        }
        match self.overlay.id(&self.id_key(kind, *id)) {
            None => Claim::New,
            Some(record) if record.body() == body => Claim::Repeat(record),
            Some(_) => Claim::Refused(ResultCode::ExistsWithDifferentBody),
        }
    }

    fn record(&mut self, item: &Item, code: ResultCode) {
        if !item.has_id {
            return;
        }
        let key = self.id_key(IdKind::Transfer, item.id);
        let Item { operation, item: number, .. } = *item;
        let (height, tx_index) = (self.block.context.height, self.tx_index);
        let record = IdRecord::Transfer { body: item.digest(), code, height, tx_index, operation, item: number };
        self.overlay.record(key, record);
    }

    fn id_key(&self, kind: IdKind, id: Uuid) -> IdKey {
        IdKey { id, kind, submitter: self.checked.transaction.submitter }
    }

    // ---- For the checks of operations ----

    /// Has a key of the member with this right signed, and the submitter too? For a member that is wound up, its estate signs.
    pub(crate) fn is_authorised(&mut self, member: MemberSlot, right: Rights) -> bool {
        let speaker = self.speaker_of(member);
        self.is_signed_by_submitter && self.overlay.member(speaker).authorises(&self.signers, right)
    }

    fn speaker_of(&mut self, member: MemberSlot) -> MemberSlot {
        match self.estate_of(member) {
            Some(estate) => self.overlay.find_member(estate.member).expect("an estate is a member"),
            None => member,
        }
    }

    /// Who winds the member up, as long as it is active itself.
    pub(crate) fn estate_of(&self, member: MemberSlot) -> Option<Estate> {
        let member = self.overlay.member(member);
        if member.status != MemberStatus::Closing {
            return None;
        }
        let estate = governance::estate(self.overlay, member.id)?;
        let is_active = view::member(self.overlay, estate.member).is_some_and(|member| member.is_active());
        is_active.then_some(estate)
    }

    /// The submitter's admin keys that have signed.
    pub(crate) fn signing_admins(&self) -> Vec<Ed25519PublicKey> {
        let Some(submitter) = self.submitter else { return Vec::new() };
        let keys = &self.overlay.member(submitter).admin_keys.keys;
        keys.iter().filter(|key| self.signers.contains(key)).copied().collect()
    }

    pub(crate) fn signers(&self) -> &[Ed25519PublicKey] {
        &self.signers
    }

    /// `is_authorised` for Rights::PAY, remembered for the transaction.
    pub(crate) fn may_pay(&mut self, member: MemberSlot) -> bool {
        let place = member.0 as usize;
        if let Some(Some(answer)) = self.may_pay.get(place) {
            return *answer;
        }
        let answer = self.is_authorised(member, Rights::PAY);
        if self.may_pay.len() <= place {
            self.may_pay.resize(place + 1, None);
        }
        self.may_pay[place] = Some(answer);
        answer
    }

    /// Have two keys of the member signed, one with the right and another that may approve?
    pub(crate) fn is_authorised_by_two(&mut self, member: MemberSlot, right: Rights) -> bool {
        let speaker = self.speaker_of(member);
        self.is_signed_by_submitter && self.overlay.member(speaker).authorises_by_two(&self.signers, right)
    }

    /// The submitter, if one of its keys with this right has signed.
    pub(crate) fn submitter_with(&self, right: Rights) -> Option<MemberSlot> {
        let has_signed = |member: &MemberSlot| self.overlay.member(*member).authorises(&self.signers, right);
        self.submitter.filter(has_signed)
    }

    /// The name of a hold or an offer that this transaction makes.
    pub(crate) fn pending_ref(&self, id: Uuid) -> PendingRef {
        PendingRef { submitter: self.checked.transaction.submitter, id }
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment { height: self.block.context.height, tx_index: self.tx_index, operation: self.operation }
    }

    pub(crate) fn reserved_now(&self) -> Reserved {
        Reserved { date: self.overlay.business_date(), at: self.moment() }
    }

    /// Books what the operation itself does not name, counts it for limits, and says so in its result.
    pub(crate) fn post_and_tell(&mut self, legs: Legs, amount: Amount, flow: Flow) {
        self.overlay.post(legs, amount);
        limits::count(self.overlay, legs, amount, flow);
        let (debit_account, credit_account) =
            (self.overlay.account_id(legs.debit), self.overlay.account_id(legs.credit));
        self.bookings.push((self.operation, Booking { debit_account, credit_account, amount }));
    }

    /// Blinds by the leaf of the signed transaction: it covers the signatures, which only the parties and the replicas see.
    pub(crate) fn origin(&self) -> Origin {
        Origin { at: self.moment(), seed: self.checked.signed.leaf() }
    }

    pub(crate) fn blinding(&self, key: &StateKey) -> [u8; 16] {
        self.origin().blinding(key)
    }

    pub(crate) fn is_submitter_active(&self) -> bool {
        self.submitter.is_some_and(|slot| self.overlay.member(slot).is_active())
    }
}
