//! Blocks as a caller may see them.

use super::authorise::{Act, authorise};
use crate::{
    error::of_store,
    registry::{Caller, Registry},
};
use concordat_ledger::{OperationResult, TransactionResult};
use concordat_proto::{Code, codes::CodedError, convert, v1};
use concordat_replica::{query, store::Reader};
use concordat_types::{
    AccountId, Batch, Body, Header, Height, Operation, SignedTransaction, Transaction, ValidatorSet, decode,
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
        if sight.shows(&transaction)? {
            block.visible.push(summary(&signed, &transaction, results.get(index)));
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
    }
}

fn summary(
    signed: &SignedTransaction,
    transaction: &Transaction,
    result: Option<&TransactionResult>,
) -> v1::TransactionSummary {
    v1::TransactionSummary {
        hash: signed.hash().0.0.to_vec(),
        submitter: transaction.submitter.to_string(),
        id: transaction.id.0.to_vec(),
        results: result.map_or(Vec::new(), |result| result.operations.iter().map(operation_result).collect()),
        repeat: result.is_some_and(|result| result.repeat),
        transfers: transaction.transfers_count() as u32,
    }
}

/// Names for the bitmap of signers, where the set of the block is the present one.
fn validators_of<'a>(registry: &'a Registry, header: &Header) -> Option<&'a ValidatorSet> {
    registry.validators().filter(|set| set.hash() == header.validators)
}

fn transactions(body: &Body) -> Result<Vec<SignedTransaction>, CodedError> {
    let mut all = Vec::new();
    for bytes in &body.batches {
        let batch = Batch::from_bytes(bytes, bytes.len());
        all.extend(
            batch.map_err(|error| Code::DataCorrupt.error(format!("a batch in the store: {error}")))?.transactions,
        );
    }
    Ok(all)
}

fn parse(signed: &SignedTransaction) -> Result<Transaction, CodedError> {
    decode(&signed.bytes, signed.bytes.len())
        .map_err(|error| Code::DataCorrupt.error(format!("a transaction in the store: {error}")))
}

/// What of a block its caller sees: what its member submitted or is party to.
struct Sight<'a> {
    reader: &'a dyn Reader,
    caller: &'a Caller,
    /// Accounts of this block that were looked up: may the caller see their owner's payments?
    parties: BTreeMap<AccountId, bool>,
}

impl Sight<'_> {
    fn shows(&mut self, transaction: &Transaction) -> Result<bool, CodedError> {
        if authorise(self.caller, Act::ReadOf(&transaction.submitter)).is_ok() {
            return Ok(true);
        }
        for operation in &transaction.operations {
            let transfers = match operation {
                Operation::OpenAccount { .. } => continue,
                Operation::Issue { credit_account, .. } => {
                    if self.is_party(*credit_account)? {
                        return Ok(true);
                    }
                    continue;
                }
                Operation::Transfer(transfer) => std::slice::from_ref(transfer),
                Operation::Batch { transfers, .. } => transfers,
            };
            for transfer in transfers {
                if self.is_party(transfer.debit_account)? || self.is_party(transfer.credit_account)? {
                    return Ok(true);
                }
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
