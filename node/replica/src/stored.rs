//! A committed block as a snapshot has it, taken apart only as far as somebody asks: for queries and the index.

use crate::{
    query,
    store::{Reader, StoreError},
};
use concordat_ledger::{BlockEvent, TransactionResult};
use concordat_types::{Batch, Body, Certificate, Header, Height, SignedTransaction, Transaction, decode};

#[derive(Clone, Debug)]
pub struct StoredBlock {
    pub header: Header,
    pub certificate: Certificate,
    pub transactions: Vec<SignedTransaction>,
    /// One a transaction.
    pub results: Vec<TransactionResult>,
    pub events: Vec<BlockEvent>,
    /// Of its body: what reading it has cost.
    pub bytes: usize,
}

impl StoredBlock {
    /// None: there is no such block here.
    pub fn read(reader: &(impl Reader + ?Sized), height: Height) -> Result<Option<StoredBlock>, StoreError> {
        let Some((header, certificate)) = query::header(reader, height)? else { return Ok(None) };
        let lacks = |what: &str| StoreError::Corrupt(format!("the block of height {height} has no {what}"));
        let body = query::body(reader, height)?.ok_or_else(|| lacks("body"))?;
        let (results, events) = query::outcome(reader, height)?.ok_or_else(|| lacks("results"))?;
        let transactions = transactions(&body)?;
        if transactions.len() != results.len() {
            return Err(lacks("result for each of its transactions"));
        }
        let bytes = body.batches.iter().map(Vec::len).sum();
        Ok(Some(StoredBlock { header, certificate, transactions, results, events, bytes }))
    }

    /// With what became of it. None: the block has fewer.
    pub fn transaction(&self, tx_index: u32) -> Result<Option<(Transaction, &TransactionResult)>, StoreError> {
        let place = tx_index as usize;
        let (Some(signed), Some(result)) = (self.transactions.get(place), self.results.get(place)) else {
            return Ok(None);
        };
        let transaction: Transaction = decode(&signed.bytes, signed.bytes.len())
            .map_err(|error| StoreError::Corrupt(format!("a transaction does not decode: {error}")))?;
        if transaction.operations.len() != result.operations.len() {
            return Err(StoreError::Corrupt("a transaction has not one result an operation".to_owned()));
        }
        Ok(Some((transaction, result)))
    }
}

fn transactions(body: &Body) -> Result<Vec<SignedTransaction>, StoreError> {
    let mut all = Vec::new();
    for bytes in &body.batches {
        let batch = Batch::from_bytes(bytes, bytes.len());
        let batch = batch.map_err(|error| StoreError::Corrupt(format!("a batch does not decode: {error}")))?;
        all.extend(batch.transactions);
    }
    Ok(all)
}
