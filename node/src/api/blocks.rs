//! Blocks as a caller may see them.

use super::authorise::{Act, authorise};
use crate::{
    error::of_store,
    registry::{Caller, Registry},
};
use concordat_ledger::{BlockEvent, OperationResult, StateValue, TransactionResult};
use concordat_proto::{Code, codes::CodedError, convert, v1};
use concordat_replica::{query, store::Reader};
use concordat_types::{
    AccountId, Batch, Body, FreezeTarget, Header, Height, Hold, Leg, Operation, PendingRef, SignedTransaction,
    Transaction, Transfer, ValidatorSet, decode,
};
use std::collections::BTreeMap;

/// None: no such block here.
pub fn block(
    reader: &dyn Reader,
    registry: &Registry,
    caller: &Caller,
    height: Height,
) -> Result<Option<v1::Block>, CodedError> {
    let Some((header, certificate)) = query::header(reader, height).map_err(|error| of_store(&error))? else {
        return Ok(None);
    };
    let body = query::body(reader, height).map_err(|error| of_store(&error))?;
    let results = query::results(reader, height).map_err(|error| of_store(&error))?;
    let mut block = convert::block(&header, &certificate, validators_of(registry, &header));
    let mut sight = Sight { reader, caller, parties: BTreeMap::new() };
    let results = results.unwrap_or_default();
    for (index, signed) in transactions(&body.unwrap_or_default())?.into_iter().enumerate() {
        let transaction = parse(&signed)?;
        let transfers = transaction.transfers_count();
        block.transactions += 1;
        block.transfers += transfers as u64;
        match sight.of(&transaction, results.get(index))? {
            Seen::Whole => block.visible.push(whole(&signed, &transaction, results.get(index))),
            Seen::Items(items) if items.is_empty() => {}
            Seen::Items(items) => block.visible.push(part(&signed, &transaction, results.get(index), &items)),
        }
    }
    Ok(Some(block))
}

/// Its place among the payments of its transaction, from 0.
pub fn place_of_transfer(
    reader: &dyn Reader,
    height: Height,
    tx_index: u32,
    operation: u16,
    item: u32,
) -> Result<u32, CodedError> {
    let inside = item.saturating_sub(1);
    if operation == 0 {
        return Ok(inside);
    }
    let body = query::body(reader, height).map_err(|error| of_store(&error))?.unwrap_or_default();
    let Some(signed) = transactions(&body)?.into_iter().nth(tx_index as usize) else { return Ok(inside) };
    let mut transaction = parse(&signed)?;
    transaction.operations.truncate(usize::from(operation));
    Ok(transaction.transfers_count() as u32 + inside)
}

pub fn operation_result(result: &OperationResult) -> v1::OperationResult {
    v1::OperationResult {
        result: u32::from(result.code.number()),
        transfer_results: result.transfers.iter().map(|code| u32::from(code.number())).collect(),
        repeats: result.repeats.clone(),
    }
}

fn whole(
    signed: &SignedTransaction,
    transaction: &Transaction,
    result: Option<&TransactionResult>,
) -> v1::TransactionSummary {
    v1::TransactionSummary {
        results: result.map_or(Vec::new(), |result| result.operations.iter().map(operation_result).collect()),
        transfers: transaction.transfers_count() as u32,
        ..part(signed, transaction, result, &[])
    }
}

/// For a member that did not submit it: of a file of thousands of payments those that it is party to.
fn part(
    signed: &SignedTransaction,
    transaction: &Transaction,
    result: Option<&TransactionResult>,
    items: &[Place],
) -> v1::TransactionSummary {
    v1::TransactionSummary {
        hash: signed.hash().0.0.to_vec(),
        submitter: transaction.submitter.to_string(),
        id: transaction.id.0.to_vec(),
        results: Vec::new(),
        repeat: result.is_some_and(|result| result.repeat),
        transfers: 0,
        items: result.map_or(Vec::new(), |result| items.iter().filter_map(|item| item_result(result, item)).collect()),
    }
}

fn item_result(result: &TransactionResult, &Place { operation, item }: &Place) -> Option<v1::ItemResult> {
    let of_operation = result.operations.get(operation)?;
    let code = match item.checked_sub(1) {
        None => of_operation.code,
        Some(transfer) => *of_operation.transfers.get(transfer as usize)?,
    };
    let repeat = result.repeat || of_operation.repeats.contains(&item);
    Some(v1::ItemResult { operation: operation as u32, item, result: u32::from(code.number()), repeat })
}

/// Names for the bitmap of signers, where the set of the block is the present one.
fn validators_of<'a>(registry: &'a Registry, header: &Header) -> Option<&'a ValidatorSet> {
    registry.validators().filter(|set| set.hash() == header.validators)
}

pub fn transactions(body: &Body) -> Result<Vec<SignedTransaction>, CodedError> {
    let mut all = Vec::new();
    for bytes in &body.batches {
        let batch = Batch::from_bytes(bytes, bytes.len());
        all.extend(
            batch.map_err(|error| Code::DataCorrupt.error(format!("a batch in the store: {error}")))?.transactions,
        );
    }
    Ok(all)
}

pub fn parse(signed: &SignedTransaction) -> Result<Transaction, CodedError> {
    decode(&signed.bytes, signed.bytes.len())
        .map_err(|error| Code::DataCorrupt.error(format!("a transaction in the store: {error}")))
}

/// May the caller see this item of a transaction? And may it see every item, so that it may see the transaction?
pub fn sees_item(
    reader: &dyn Reader,
    caller: &Caller,
    transaction: &Transaction,
    result: Option<&TransactionResult>,
    (operation, item): (u16, u32),
) -> Result<(bool, bool), CodedError> {
    let mut sight = Sight { reader, caller, parties: BTreeMap::new() };
    Ok(match sight.of(transaction, result)? {
        Seen::Whole => (true, true),
        Seen::Items(items) => {
            let place = Place { operation: usize::from(operation), item };
            // A batch has an item of its own, which is seen by its submitter alone.
            (
                items.contains(&place),
                items.len() == transaction.operations.len() && items.iter().all(|item| item.item == 0),
            )
        }
    })
}

/// Of a hold or an offer that the state still knows, its parties; of one that it has forgotten, who submitted it.
pub fn sees_event(reader: &dyn Reader, caller: &Caller, event: &BlockEvent) -> Result<bool, CodedError> {
    let pending = match *event {
        BlockEvent::HoldExpired(pending) | BlockEvent::OfferExpired(pending) => pending,
        // Proposals and what they do are every member's.
        BlockEvent::ProposalExecuted(_)
        | BlockEvent::ProposalRefused { .. }
        | BlockEvent::ProposalExpired(_)
        | BlockEvent::ProposalBooked { .. } => return Ok(true),
    };
    let mut sight = Sight { reader, caller, parties: BTreeMap::new() };
    Ok(authorise(caller, Act::ReadOf(&pending.submitter)).is_ok() || sight.is_party_of_pending(pending)?)
}

/// What a caller sees of a transaction.
#[derive(PartialEq, Eq, Debug)]
enum Seen {
    /// What its member submitted, and everything for those who see all.
    Whole,
    /// What its member is party to.
    Items(Vec<Place>),
}

/// As in `concordat_ledger::ItemLeaf`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Place {
    operation: usize,
    item: u32,
}

/// What of a block its caller sees: what its member submitted or is party to.
struct Sight<'a> {
    reader: &'a dyn Reader,
    caller: &'a Caller,
    /// Accounts of this block that were looked up: may the caller see their owner's payments?
    parties: BTreeMap<AccountId, bool>,
}

impl Sight<'_> {
    fn of(&mut self, transaction: &Transaction, result: Option<&TransactionResult>) -> Result<Seen, CodedError> {
        if authorise(self.caller, Act::ReadOf(&transaction.submitter)).is_ok() {
            return Ok(Seen::Whole);
        }
        let mut items = Vec::new();
        for (operation, content) in transaction.operations.iter().enumerate() {
            let mut see = |item, is_seen: bool| items.extend(is_seen.then_some(Place { operation, item }));
            if let Operation::Batch { transfers, .. } = content {
                for (item, transfer) in (1..).zip(transfers) {
                    see(item, self.is_party_of_any(&[transfer.debit_account, transfer.credit_account])?);
                }
            } else {
                let result = result.and_then(|result| result.operations.get(operation));
                see(0, self.is_concerned(content, result)?);
            }
        }
        Ok(Seen::Items(items))
    }

    /// Is an operation that is no batch about the caller's accounts, or about all?
    fn is_concerned(&mut self, operation: &Operation, result: Option<&OperationResult>) -> Result<bool, CodedError> {
        let booked = result.map_or(&[][..], |result| &result.bookings);
        let accounts: Vec<AccountId> =
            booked.iter().flat_map(|booking| [booking.debit_account, booking.credit_account]).collect();
        if self.is_party_of_any(&accounts)? {
            return Ok(true);
        }
        match operation {
            Operation::Issue { credit_account, .. } => self.is_party(*credit_account),
            Operation::Redeem { debit_account, .. } => self.is_party(*debit_account),
            Operation::Transfer(Transfer { debit_account, credit_account, .. })
            | Operation::Hold(Hold { debit_account, credit_account, .. }) => {
                self.is_party_of_any(&[*debit_account, *credit_account])
            }
            Operation::Offer(offer) => self.is_party_of_legs(offer.legs.iter()),
            Operation::Post { hold: pending, .. }
            | Operation::Void { hold: pending }
            | Operation::Accept { offer: pending }
            | Operation::Cancel { offer: pending } => self.is_party_of_pending(*pending),
            Operation::Freeze { target: FreezeTarget::Account(account), .. } => self.is_party(*account),
            Operation::Freeze { target: FreezeTarget::Member(member), .. } => {
                Ok(authorise(self.caller, Act::ReadOf(member)).is_ok())
            }
            // Assets, the business date and governance are everybody's.
            Operation::Freeze { target: FreezeTarget::Asset(_), .. }
            | Operation::EndOfDay { .. }
            | Operation::CreateAsset { .. }
            | Operation::SetQuota { .. }
            | Operation::Propose(_)
            | Operation::Vote { .. }
            | Operation::Withdraw { .. }
            | Operation::Invite(_)
            | Operation::RevokeInvite { .. }
            | Operation::FileJoin(_)
            | Operation::ProveCaughtUp(_) => Ok(true),
            Operation::Batch { .. }
            | Operation::OpenAccount(_)
            | Operation::CloseAccount { .. }
            | Operation::ChangeAccount { .. }
            | Operation::SetLimits { .. } => Ok(false),
        }
    }

    /// Of a hold or an offer that the state still knows; of one that ended long ago, what it booked tells.
    fn is_party_of_pending(&mut self, pending: PendingRef) -> Result<bool, CodedError> {
        match query::pending(self.reader, pending).map_err(|error| of_store(&error))? {
            Some(StateValue::Hold(hold)) => self.is_party_of_any(&[hold.debit_account, hold.credit_account]),
            Some(StateValue::Offer(offer)) => self.is_party_of_legs(offer.legs.iter().map(|leg| &leg.leg)),
            _ => Ok(false),
        }
    }

    fn is_party_of_legs<'l>(&mut self, legs: impl Iterator<Item = &'l Leg>) -> Result<bool, CodedError> {
        let accounts: Vec<AccountId> = legs.flat_map(|leg| [leg.debit_account, leg.credit_account]).collect();
        self.is_party_of_any(&accounts)
    }

    fn is_party_of_any(&mut self, accounts: &[AccountId]) -> Result<bool, CodedError> {
        for account in accounts {
            if self.is_party(*account)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn is_party(&mut self, id: AccountId) -> Result<bool, CodedError> {
        if let Some(known) = self.parties.get(&id) {
            return Ok(*known);
        }
        let account = query::account(self.reader, &id).map_err(|error| of_store(&error))?;
        let is_party = account.is_some_and(|account| authorise(self.caller, Act::ReadOf(&account.owner)).is_ok());
        self.parties.insert(id, is_party);
        Ok(is_party)
    }
}

#[cfg(test)]
pub mod tests;
