//! What members ask about: payments, holds and offers as they stand in blocks, each with what it is about. Read off the
//! chain, never stored; who may see one is for the caller to say.

use crate::{
    query,
    store::{Reader, StoreError},
    stored::StoredBlock,
};
use concordat_ledger::{BlockEvent, Booking, IdKey, IdKind, IdRecord, OperationResult, TransactionResult};
use concordat_types::{
    AccountId, AccountName, Asset, AssetCode, Hash, Height, Leg, MemberId, Operation, PendingRef, ProposalId, Purpose,
    Reference, ResultCode, Timestamp, Transaction, Transfer, Uuid, names::AccountPath,
};
use std::collections::BTreeMap;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    Transfer,
    Issue,
    Redeem,
    Hold,
    Post,
    Void,
    Offer,
    Accept,
    Cancel,
    /// Of a hold or an offer, by itself.
    Expiry,
    /// Money that a proposal moved.
    Vote,
}

/// A place in a block.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum At {
    /// The event's place among those of its block, from 0.
    Event { index: u32 },
    /// As in `concordat_ledger::ItemLeaf`.
    Item { tx_index: u32, operation: u16, item: u32 },
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    pub height: Height,
    pub time: Timestamp,
    /// Its place among the leaves of the block's results root, from 0.
    pub leaf: u32,
    pub at: At,
    pub kind: Kind,
    /// Of an expiry: who made what has expired.
    pub submitter: MemberId,
    /// Its own; of what has none its transaction's, of an expiry that of what has expired.
    pub id: Uuid,
    /// The hold or offer that it concludes or brings on.
    pub pending: Option<PendingRef>,
    /// What was booked. If nothing was: what it would book, reserves, or frees again.
    pub legs: Vec<Leg>,
    pub booked: bool,
    pub code: ResultCode,
    /// The id had been used before: `code` is the first result and this block did nothing.
    pub repeat: bool,
    /// These three are the hold's or offer's where it concludes one.
    pub reference: Reference,
    pub purpose: Purpose,
    pub document: Option<Hash>,
    /// Until when a hold may be posted or an offer accepted.
    pub until: Option<Timestamp>,
}

impl Record {
    /// Did the block do anything by it?
    pub fn happened(&self) -> bool {
        self.code == ResultCode::Ok && !self.repeat
    }
}

/// Of whom a record is, before it is put together.
#[derive(Clone, Copy, Debug)]
pub struct Parties<'a> {
    pub submitter: MemberId,
    pub legs: &'a [Leg],
}

/// Reads the records of one block.
pub struct Records<'a> {
    reader: &'a dyn Reader,
    block: &'a StoredBlock,
    origins: Origins<'a>,
}

impl std::fmt::Debug for Records<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Records(of {})", self.block.header.height)
    }
}

/// Says of which records the caller wants to hear.
pub type Wanted<'w> = dyn FnMut(Parties<'_>) -> Result<bool, StoreError> + 'w;

impl<'a> Records<'a> {
    pub fn new(reader: &'a dyn Reader, block: &'a StoredBlock) -> Records<'a> {
        Records { reader, block, origins: Origins { reader, known: BTreeMap::new() } }
    }

    /// Those that are wanted, in order of their leaves from `first_leaf` on, until `take` says that it is enough.
    pub fn visit(
        &mut self,
        first_leaf: u32,
        wanted: &mut Wanted<'_>,
        take: &mut dyn FnMut(Record) -> bool,
    ) -> Result<(), StoreError> {
        let events = self.block.events.len() as u32;
        for index in first_leaf..events {
            if let Some(record) = self.of_event(index, wanted)?
                && !take(record)
            {
                return Ok(());
            }
        }
        let mut leaf = events;
        for tx_index in 0..self.block.transactions.len() as u32 {
            let leaves = self.block.results[tx_index as usize].operations.iter().map(leaves_of).sum::<u32>();
            if leaf + leaves > first_leaf && !self.visit_transaction(tx_index, leaf, first_leaf, wanted, take)? {
                return Ok(());
            }
            leaf += leaves;
        }
        Ok(())
    }

    fn visit_transaction(
        &mut self,
        tx_index: u32,
        mut leaf: u32,
        first_leaf: u32,
        wanted: &mut Wanted<'_>,
        take: &mut dyn FnMut(Record) -> bool,
    ) -> Result<bool, StoreError> {
        let Some((transaction, result)) = self.block.transaction(tx_index)? else { return Ok(true) };
        for operation in 0..transaction.operations.len() as u16 {
            for item in 0..leaves_of(&result.operations[usize::from(operation)]) {
                if leaf >= first_leaf {
                    let item = Item { transaction: &transaction, result, tx_index, operation, item, leaf };
                    if let Some(record) = self.of_item(&item, wanted)?
                        && !take(record)
                    {
                        return Ok(false);
                    }
                }
                leaf += 1;
            }
        }
        Ok(true)
    }

    /// None: there is none at the place, or it is not wanted.
    pub fn at(
        &mut self,
        tx_index: u32,
        operation: u16,
        item: u32,
        wanted: &mut Wanted<'_>,
    ) -> Result<Option<Record>, StoreError> {
        let Some((transaction, result)) = self.block.transaction(tx_index)? else { return Ok(None) };
        self.of_transaction(&transaction, result, At::Item { tx_index, operation, item }, wanted)
    }

    /// The same where the transaction is at hand.
    pub fn of_transaction(
        &mut self,
        transaction: &Transaction,
        result: &TransactionResult,
        at: At,
        wanted: &mut Wanted<'_>,
    ) -> Result<Option<Record>, StoreError> {
        let At::Item { tx_index, operation, item } = at else { return Ok(None) };
        let before = self.block.results.iter().take(tx_index as usize).flat_map(|result| &result.operations);
        let before = before.chain(result.operations.iter().take(usize::from(operation)));
        let leaf = self.block.events.len() as u32 + before.map(leaves_of).sum::<u32>() + item;
        if result.operations.get(usize::from(operation)).is_none_or(|result| item >= leaves_of(result)) {
            return Ok(None);
        }
        self.of_item(&Item { transaction, result, tx_index, operation, item, leaf }, wanted)
    }

    /// None: it is not wanted, or neither reserves nor books anything.
    pub(crate) fn of_event(&mut self, index: u32, wanted: &mut Wanted<'_>) -> Result<Option<Record>, StoreError> {
        let event = self.block.events[index as usize];
        let pending = match event {
            BlockEvent::HoldExpired(pending) | BlockEvent::OfferExpired(pending) => pending,
            BlockEvent::ProposalBooked { proposal, booking } => return self.of_vote(index, proposal, booking, wanted),
            BlockEvent::ProposalExecuted(_) | BlockEvent::ProposalRefused { .. } | BlockEvent::ProposalExpired(_) => {
                return Ok(None);
            }
        };
        let origin = self.origins.of(pending)?;
        if !wanted(Parties { submitter: pending.submitter, legs: &origin.legs })? {
            return Ok(None);
        }
        Ok(Some(Record {
            height: self.block.header.height,
            time: self.block.header.time,
            leaf: index,
            at: At::Event { index },
            kind: Kind::Expiry,
            submitter: pending.submitter,
            id: pending.id,
            pending: Some(pending),
            legs: origin.legs,
            booked: false,
            code: ResultCode::Ok,
            repeat: false,
            reference: origin.reference,
            purpose: origin.purpose,
            document: origin.document,
            until: origin.until,
        }))
    }

    fn of_vote(
        &self,
        index: u32,
        proposal: ProposalId,
        booking: Booking,
        wanted: &mut Wanted<'_>,
    ) -> Result<Option<Record>, StoreError> {
        let record = query::proposal(self.reader, proposal)?;
        let missing = || StoreError::Corrupt(format!("there is no proposal {proposal}"));
        let submitter = record.ok_or_else(missing)?.proposer;
        let Booking { debit_account, credit_account, amount } = booking;
        let legs = vec![Leg { debit_account, credit_account, amount }];
        if !wanted(Parties { submitter, legs: &legs })? {
            return Ok(None);
        }
        let content = Content::default();
        Ok(Some(Record {
            height: self.block.header.height,
            time: self.block.header.time,
            leaf: index,
            at: At::Event { index },
            kind: Kind::Vote,
            submitter,
            id: id_of_proposal(proposal),
            pending: None,
            legs,
            booked: true,
            code: ResultCode::Ok,
            repeat: false,
            reference: content.reference,
            purpose: content.purpose,
            document: content.document,
            until: content.until,
        }))
    }

    fn of_item(&mut self, item: &Item<'_>, wanted: &mut Wanted<'_>) -> Result<Option<Record>, StoreError> {
        let (operation, result) = item.operation();
        let transfer = match operation {
            Operation::Transfer(transfer) => Some(transfer),
            Operation::Batch { transfers, .. } => match item.item.checked_sub(1) {
                Some(place) => transfers.get(place as usize),
                None => return Ok(None),
            },
            _ => None,
        };
        let submitter = item.transaction.submitter;
        if let Some(transfer) = transfer {
            // Most of all there are: asked before anything is put together.
            let leg = leg_of(transfer);
            if !wanted(Parties { submitter, legs: &[leg] })? {
                return Ok(None);
            }
            let Transfer { id, reference, purpose, document, .. } = *transfer;
            let content = Content { legs: vec![leg], reference, purpose, document, until: None };
            return Ok(Some(item.record(self.block, Kind::Transfer, Some(id), None, content)));
        }
        let Some((kind, id, pending)) = kind_of(operation) else { return Ok(None) };
        let mut content = match pending {
            Some(pending) => self.origins.of(pending)?,
            None => content_of(self.reader, operation, submitter)?,
        };
        if !result.bookings.is_empty() {
            content.legs = result.bookings.iter().map(leg_of_booking).collect();
        }
        if !wanted(Parties { submitter, legs: &content.legs })? {
            return Ok(None);
        }
        Ok(Some(item.record(self.block, kind, id, pending, content)))
    }
}

/// What an id of a transfer, issue, redemption, hold, post or offer was first used for.
pub fn first_use(
    reader: &(impl Reader + ?Sized),
    submitter: MemberId,
    id: Uuid,
) -> Result<Option<(Height, At)>, StoreError> {
    let record = query::id_record(reader, &IdKey { id, kind: IdKind::Transfer, submitter })?;
    Ok(match record {
        Some(IdRecord::Transfer { height, tx_index, operation, item, .. }) => {
            Some((height, At::Item { tx_index, operation, item }))
        }
        _ => None,
    })
}

/// The reference that an operation or a payment of a batch carries itself.
pub fn references(transaction: &Transaction) -> impl Iterator<Item = (u16, u32, Reference)> {
    (0u16..).zip(&transaction.operations).flat_map(|(number, operation)| {
        let (own, transfers) = match operation {
            Operation::Transfer(transfer) => (Some(transfer.reference), &[][..]),
            Operation::Batch { transfers, .. } => (None, &transfers[..]),
            Operation::Issue { reference, .. } | Operation::Redeem { reference, .. } => (Some(*reference), &[][..]),
            Operation::Hold(hold) => (Some(hold.reference), &[][..]),
            Operation::Offer(offer) => (Some(offer.reference), &[][..]),
            _ => (None, &[][..]),
        };
        let own = own.map(|reference| (number, 0, reference));
        let inside = (1..).zip(transfers).map(move |(item, transfer)| (number, item, transfer.reference));
        own.into_iter().chain(inside).filter(|(_, _, reference)| !reference.as_str().is_empty())
    })
}

/// Of an item with a reference of its own.
pub fn legs_of(
    reader: &dyn Reader,
    transaction: &Transaction,
    operation: u16,
    item: u32,
) -> Result<Vec<Leg>, StoreError> {
    match &transaction.operations[usize::from(operation)] {
        Operation::Batch { transfers, .. } => Ok(vec![leg_of(&transfers[item as usize - 1])]),
        operation => Ok(content_of(reader, operation, transaction.submitter)?.legs),
    }
}

struct Item<'a> {
    transaction: &'a Transaction,
    result: &'a TransactionResult,
    tx_index: u32,
    operation: u16,
    item: u32,
    leaf: u32,
}

impl Item<'_> {
    fn operation(&self) -> (&Operation, &OperationResult) {
        let place = usize::from(self.operation);
        (&self.transaction.operations[place], &self.result.operations[place])
    }

    fn record(
        &self,
        block: &StoredBlock,
        kind: Kind,
        id: Option<Uuid>,
        pending: Option<PendingRef>,
        content: Content,
    ) -> Record {
        let (_, result) = self.operation();
        let code = result.code_of(self.item);
        let repeat = self.result.repeat || result.repeats.binary_search(&self.item).is_ok();
        let happened = code == ResultCode::Ok && !repeat;
        let is_payment = matches!(kind, Kind::Transfer | Kind::Issue);
        Record {
            height: block.header.height,
            time: block.header.time,
            leaf: self.leaf,
            at: At::Item { tx_index: self.tx_index, operation: self.operation, item: self.item },
            kind,
            submitter: self.transaction.submitter,
            id: id.unwrap_or(self.transaction.id),
            pending,
            legs: content.legs,
            booked: happened && (is_payment || !result.bookings.is_empty()),
            code,
            repeat,
            reference: content.reference,
            purpose: content.purpose,
            document: content.document,
            until: content.until,
        }
    }
}

/// What an operation is about.
#[derive(Clone, Debug)]
struct Content {
    legs: Vec<Leg>,
    reference: Reference,
    purpose: Purpose,
    document: Option<Hash>,
    until: Option<Timestamp>,
}

impl Default for Content {
    fn default() -> Content {
        let (reference, purpose) = (Reference::new(""), Purpose::new(""));
        Content {
            legs: Vec::new(),
            reference: reference.expect("it may be empty"),
            purpose: purpose.expect("it may be empty"),
            document: None,
            until: None,
        }
    }
}

/// What holds and offers were made of, looked up once each.
struct Origins<'a> {
    reader: &'a dyn Reader,
    known: BTreeMap<PendingRef, Content>,
}

impl Origins<'_> {
    /// Empty where there has never been one: the operation that names it was refused.
    fn of(&mut self, pending: PendingRef) -> Result<Content, StoreError> {
        if let Some(known) = self.known.get(&pending) {
            return Ok(known.clone());
        }
        let content = self.look_up(pending)?.unwrap_or_default();
        if self.known.len() >= ORIGINS_KNOWN_MAX {
            self.known.pop_first();
        }
        self.known.insert(pending, content.clone());
        Ok(content)
    }

    fn look_up(&self, pending: PendingRef) -> Result<Option<Content>, StoreError> {
        let Some((height, at)) = first_use(self.reader, pending.submitter, pending.id)? else { return Ok(None) };
        let At::Item { tx_index, operation, .. } = at else { return Ok(None) };
        let block = StoredBlock::read(self.reader, height)?;
        let block = block.ok_or_else(|| StoreError::Corrupt(format!("no block of height {height}")))?;
        let Some((transaction, _)) = block.transaction(tx_index)? else { return Ok(None) };
        let made = transaction.operations.get(usize::from(operation));
        let made = made.filter(|made| matches!(made, Operation::Hold(_) | Operation::Offer(_)));
        made.map(|made| content_of(self.reader, made, pending.submitter)).transpose()
    }
}

/// Of what a member can ask about. With its own id, and the hold or offer that it concludes or brings on.
fn kind_of(operation: &Operation) -> Option<(Kind, Option<Uuid>, Option<PendingRef>)> {
    Some(match operation {
        Operation::Transfer(transfer) => (Kind::Transfer, Some(transfer.id), None),
        Operation::Issue { id, .. } => (Kind::Issue, Some(*id), None),
        Operation::Redeem { id, .. } => (Kind::Redeem, Some(*id), None),
        Operation::Hold(hold) => (Kind::Hold, Some(hold.id), None),
        Operation::Offer(offer) => (Kind::Offer, Some(offer.id), None),
        Operation::Post { id, hold, .. } => (Kind::Post, Some(*id), Some(*hold)),
        Operation::Void { hold } => (Kind::Void, None, Some(*hold)),
        Operation::Accept { offer } => (Kind::Accept, None, Some(*offer)),
        Operation::Cancel { offer } => (Kind::Cancel, None, Some(*offer)),
        Operation::Batch { .. }
        | Operation::OpenAccount(_)
        | Operation::CloseAccount { .. }
        | Operation::ChangeAccount { .. }
        | Operation::SetLimits { .. }
        | Operation::Freeze { .. }
        | Operation::EndOfDay { .. }
        | Operation::CreateAsset { .. }
        | Operation::SetQuota { .. }
        | Operation::Propose(_)
        | Operation::Vote { .. }
        | Operation::Withdraw { .. }
        | Operation::Invite(_)
        | Operation::RevokeInvite { .. }
        | Operation::FileJoin(_)
        | Operation::ProveCaughtUp(_) => return None,
    })
}

/// The number in the last eight bytes, big-endian. Not of version 7, so no transfer's.
fn id_of_proposal(proposal: ProposalId) -> Uuid {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&proposal.0.to_be_bytes());
    Uuid(id)
}

/// Of an operation that stands for itself.
fn content_of(reader: &dyn Reader, operation: &Operation, submitter: MemberId) -> Result<Content, StoreError> {
    let none = Content::default();
    Ok(match operation {
        Operation::Transfer(transfer) => {
            let Transfer { reference, purpose, document, .. } = *transfer;
            Content { legs: vec![leg_of(transfer)], reference, purpose, document, ..none }
        }
        Operation::Issue { asset, credit_account, amount, reference, .. } => {
            // Only its issuer issues an asset.
            let debit_account = issuance_account(submitter, *asset);
            let leg = Leg { debit_account, credit_account: *credit_account, amount: *amount };
            Content { legs: vec![leg], reference: *reference, ..none }
        }
        Operation::Redeem { debit_account, amount, reference, .. } => {
            let issuance = issuance_account_for(reader, debit_account)?;
            let leg = |credit_account| Leg { debit_account: *debit_account, credit_account, amount: *amount };
            Content { legs: issuance.map(leg).into_iter().collect(), reference: *reference, ..none }
        }
        Operation::Hold(hold) => {
            let legs = vec![Leg {
                debit_account: hold.debit_account,
                credit_account: hold.credit_account,
                amount: hold.amount,
            }];
            let (reference, purpose, document) = (hold.reference, hold.purpose, hold.document);
            Content { legs, reference, purpose, document, until: Some(hold.expires_at) }
        }
        Operation::Offer(offer) => {
            let (legs, reference, document) = (offer.legs.clone(), offer.reference, offer.document);
            Content { legs, reference, document, until: Some(offer.deadline), ..none }
        }
        _ => none,
    })
}

/// To which a redemption from the account goes; None where there is no such account.
fn issuance_account_for(reader: &dyn Reader, debit_account: &AccountId) -> Result<Option<AccountId>, StoreError> {
    let Some(account) = query::account(reader, debit_account)? else { return Ok(None) };
    let asset = query::asset(reader, account.asset)?;
    let asset = asset.ok_or_else(|| StoreError::Corrupt(format!("no row of the asset {}", account.asset)))?;
    Ok(Some(AccountId::new(&asset.issuance_account())))
}

fn issuance_account(issuer: MemberId, asset: AssetCode) -> AccountId {
    let name = AccountName::new(Asset::ISSUANCE_ACCOUNT).expect("a valid literal");
    AccountId::new(&AccountPath { member: issuer, asset, name })
}

fn leg_of(transfer: &Transfer) -> Leg {
    let Transfer { debit_account, credit_account, amount, .. } = *transfer;
    Leg { debit_account, credit_account, amount }
}

fn leg_of_booking(booking: &Booking) -> Leg {
    let Booking { debit_account, credit_account, amount } = *booking;
    Leg { debit_account, credit_account, amount }
}

/// Of an operation: itself, and the transfers of a batch.
fn leaves_of(result: &OperationResult) -> u32 {
    1 + result.transfers.len() as u32
}

/// More than one page of anything names.
const ORIGINS_KNOWN_MAX: usize = 4096;
