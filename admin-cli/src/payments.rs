//! Payment files: CSV in, transactions of at most 8,190 payments out, and a report of what became of each line.
//!
//! A run may be broken off at any point and started again: what is sent is fixed, byte for byte, by the file and a
//! small state beside it that is durable before anything is sent. So a second run books nothing twice.

mod csv_file;
mod state;

pub use csv_file::{Assets, Payment, PaymentFile};
pub use state::{Booked, Plan, RunState, state_path};

use crate::{
    CliError, Client, Exit,
    transactions::{self, Memo},
};
use concordat_keys::SecretKey;
use concordat_types::{Amount, AssetCode, BatchMode, Operation, ResultCode, SignedTransaction, Transaction, Uuid};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use tokio::task::JoinSet;

/// One transaction's worth of payments: on-chain parameter `transfers_per_tx_max`.
pub const TRANSFERS_PER_TRANSACTION_MAX: usize = 8_190;
/// Enough to keep blocks full, little enough that a broken run leaves few open ends.
pub const TRANSACTIONS_IN_FLIGHT_MAX: usize = 4;

/// A payment file with its plan: everything that is needed to send it, and to send it again.
#[derive(Debug)]
pub struct Run {
    pub file: PaymentFile,
    pub state: RunState,
}

/// What became of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Summary {
    pub transfers: usize,
    pub transactions: usize,
    /// Transactions that had been booked by an earlier run.
    pub repeated: usize,
    pub results: BTreeMap<ResultCode, usize>,
    pub report: PathBuf,
}

impl Run {
    /// Reads the file, and the state that an earlier run left beside it; else makes a plan, which is not yet durable.
    pub fn open(path: &Path, mode: BatchMode, client: &Client, assets: &Assets) -> Result<Run, CliError> {
        let bytes = fs::read(path).map_err(|error| CliError::file("payment file", path, &error))?;
        let file = PaymentFile::parse(&bytes, assets)?;
        if mode == BatchMode::All && file.payments.len() > TRANSFERS_PER_TRANSACTION_MAX {
            return Err(CliError::usage(
                format!(
                    "{} payments do not fit into one all-or-nothing transaction of {TRANSFERS_PER_TRANSACTION_MAX}",
                    file.payments.len()
                ),
                "Use --mode each, or split the file.",
            ));
        }
        let plan = Plan::new(&bytes, client, mode)?;
        let state = RunState::open(&state_path(path), plan)?;
        Ok(Run { file, state })
    }

    pub fn transactions_count(&self) -> usize {
        self.file.payments.len().div_ceil(TRANSFERS_PER_TRANSACTION_MAX)
    }

    /// Sum of the amounts by asset, in minor units. None: more than can be counted.
    pub fn totals(&self) -> Option<BTreeMap<AssetCode, Amount>> {
        let mut totals = BTreeMap::new();
        for payment in &self.file.payments {
            let total: &mut Amount = totals.entry(payment.debit.asset).or_default();
            *total = total.checked_add(payment.amount)?;
        }
        Some(totals)
    }

    /// The transaction `index`, from 0. The same file, state and keys always give the same bytes.
    pub fn transaction(&self, index: usize, keys: &[SecretKey]) -> SignedTransaction {
        let plan = &self.state.plan;
        let lines = self.lines(index);
        let transfer = |line: usize| {
            let payment = &self.file.payments[line];
            let memo = Memo { reference: payment.reference, purpose: payment.purpose };
            transactions::transfer(self.payment_id(line), &payment.debit, &payment.credit, payment.amount, memo)
        };
        let transaction = Transaction {
            version: Transaction::VERSION,
            network: plan.network_id,
            submitter: plan.member,
            id: plan.transaction_id(index),
            valid_until: plan.valid_until,
            operations: vec![Operation::Batch { mode: plan.mode(), transfers: lines.map(transfer).collect() }],
        };
        transactions::sign(&transaction, keys)
    }

    /// The file's own id, or where it leaves it open, one that follows from the plan.
    pub fn payment_id(&self, line: usize) -> Uuid {
        self.file.payments[line].id.unwrap_or_else(|| self.state.plan.payment_id(line))
    }

    fn lines(&self, index: usize) -> std::ops::Range<usize> {
        let first = index * TRANSFERS_PER_TRANSACTION_MAX;
        first..self.file.payments.len().min(first + TRANSFERS_PER_TRANSACTION_MAX)
    }

    /// Sends what is not booked yet, a few transactions at a time, in order of the file. `progress` hears how many more
    /// payments have their result.
    pub async fn send(
        &mut self,
        client: &Client,
        keys: &[SecretKey],
        mut progress: impl FnMut(usize),
    ) -> Result<(), CliError> {
        self.state.make_durable()?;
        let mut open = Vec::new();
        for index in 0..self.transactions_count() {
            match self.state.booked.contains_key(&index) {
                true => progress(self.lines(index).len()),
                false => open.push(index),
            }
        }
        let mut open = open.into_iter();
        let mut in_flight = JoinSet::new();
        let mut failure = None;
        loop {
            while failure.is_none() && in_flight.len() < TRANSACTIONS_IN_FLIGHT_MAX {
                let Some(index) = open.next() else { break };
                let (client, transaction) = (client.clone(), self.transaction(index, keys));
                in_flight.spawn(async move { (index, client.submit(&transaction).await) });
            }
            // After a failure the ones in flight are still heard out: what they were told is written down.
            let Some(done) = in_flight.join_next().await else { break };
            let (index, reply) = done.map_err(|error| CliError::internal(format!("a task ended early: {error}")))?;
            match reply.and_then(|submitted| Booked::new(index, submitted, self.lines(index).len())) {
                Ok(booked) => {
                    self.state.record(booked)?;
                    progress(self.lines(index).len());
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        match failure {
            None => Ok(()),
            Some(error) if error.exit == Exit::Unreachable => {
                Err(error
                    .with_next("Run the same command again: it goes on where this run ended and pays nothing twice."))
            }
            Some(error) => Err(error),
        }
    }

    /// Writes FILE.results.csv: `id,result,name,height,index`, one line a payment in order of the file.
    pub fn write_report(&self, path: &Path) -> Result<Summary, CliError> {
        let report = with_suffix(path, ".results.csv");
        let failed = |error: csv::Error| CliError::file("report", &report, &std::io::Error::other(error));
        let mut results: BTreeMap<ResultCode, usize> = BTreeMap::new();
        let mut bytes = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        bytes.write_record(["id", "result", "name", "height", "index"]).map_err(failed)?;
        for (index, booked) in &self.state.booked {
            for (line, result) in self.lines(*index).zip(&booked.results) {
                let id = self.payment_id(line).to_string();
                let place = (line - self.lines(*index).start).to_string();
                let (number, height) = (result.number().to_string(), booked.height.to_string());
                bytes.write_record([&id, &number, result.name(), &height, &place]).map_err(failed)?;
                *results.entry(*result).or_default() += 1;
            }
        }
        let bytes = bytes.into_inner().map_err(|error| CliError::internal(error.to_string()))?;
        fs::write(&report, bytes).map_err(|error| CliError::file("report", &report, &error))?;
        let repeated = self.state.booked.values().filter(|booked| booked.repeat).count();
        let (transfers, transactions) = (self.file.payments.len(), self.transactions_count());
        Ok(Summary { transfers, transactions, repeated, results, report })
    }
}

impl Summary {
    pub fn refused(&self) -> usize {
        self.results.iter().filter(|(result, _)| **result != ResultCode::Ok).map(|(_, count)| count).sum()
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
