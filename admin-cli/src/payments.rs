//! Payment files: CSV in, transactions of at most 8,190 payments out, and a report of what became of each line.
//!
//! A run may be broken off at any point and started again: what is sent is fixed, byte for byte, by the file and a
//! small state beside it that is durable before anything is sent. So a second run books nothing twice.

mod csv_file;
mod settle;
mod state;

pub use csv_file::{Assets, Payment, PaymentFile};
pub use state::{Fate, Outcome, Part, Place, Plan, RunState, state_path};

use crate::{
    CliError, Client, Exit, Submitted,
    client::IdKind,
    error::PAYMENT_STATE,
    output::format_time,
    transactions::{self, Memo},
};
use concordat_keys::SecretKey;
use concordat_proto::codes::Code;
use concordat_types::{
    Amount, AssetCode, BatchMode, Operation, ResultCode, SignedTransaction, Timestamp, Transaction, Uuid,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use tokio::task::JoinSet;

/// One transaction's worth of payments: on-chain parameter `transfers_per_tx_max`.
pub const TRANSFERS_PER_TRANSACTION_MAX: usize = 8_190;
/// The name, in the report, of a payment of which nothing is known.
pub const UNKNOWN: &str = "unknown";
/// One for what an earlier run left, one for what this run sends; more means that clocks are far apart.
const ROUNDS_MAX: usize = 3;
/// Enough to keep blocks full, little enough that a broken run leaves few open ends.
pub const TRANSACTIONS_IN_FLIGHT_MAX: usize = 4;

/// A payment file with its plan: everything that is needed to send it, and to send it again.
#[derive(Debug)]
pub struct Run {
    pub file: PaymentFile,
    pub state: RunState,
    /// Transactions that were found to have expired, and what became of their payments.
    pub expired: Vec<Expired>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expired {
    pub transaction: Uuid,
    pub valid_until: Timestamp,
    /// Payments that had been booked all the same.
    pub booked: usize,
    /// Payments that had not, and go into another transaction under their own ids.
    pub again: usize,
    /// Payments of which the ledger no longer knows.
    pub unknown: usize,
}

/// What became of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Summary {
    pub transfers: usize,
    pub transactions: usize,
    /// Transactions that had been booked by an earlier run.
    pub repeated: usize,
    pub results: BTreeMap<ResultCode, usize>,
    /// Payments of which it is not known what became.
    pub unknown: usize,
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
        let plan = Plan::new(&bytes, file.payments.len(), client, mode)?;
        let state = RunState::open(&state_path(path), plan)?;
        Ok(Run { file, state, expired: Vec::new() })
    }

    pub fn transactions_count(&self) -> usize {
        self.state.parts.len()
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
        let (plan, part) = (&self.state.plan, &self.state.parts[index]);
        let transfer = |line: &usize| {
            let payment = &self.file.payments[*line];
            let memo = Memo { reference: payment.reference, purpose: payment.purpose };
            transactions::transfer(self.payment_id(*line), &payment.debit, &payment.credit, payment.amount, memo)
        };
        let transaction = Transaction {
            version: Transaction::VERSION,
            network: plan.network_id,
            submitter: plan.member,
            id: plan.transaction_id(index, part.made_at),
            valid_until: part.valid_until,
            signers: Vec::new(),
            operations: vec![Operation::Batch {
                mode: plan.mode(),
                transfers: part.lines.iter().map(transfer).collect(),
            }],
        };
        transactions::sign(&transaction, keys)
    }

    /// The file's own id, or where it leaves it open, one that follows from the plan.
    pub fn payment_id(&self, line: usize) -> Uuid {
        self.file.payments[line].id.unwrap_or_else(|| self.state.plan.payment_id(line))
    }

    /// Fixes what will be sent, durably, and keeps other runs of the file away.
    pub fn begin(&mut self) -> Result<(), CliError> {
        self.state.make_durable()
    }

    /// Sends what is not booked yet, a few transactions at a time, in order of the file. A transaction that expired is
    /// sent no more: what it did not book goes into another one. `progress` hears how many more payments have their fate.
    pub async fn send(
        &mut self,
        client: &Client,
        keys: &[SecretKey],
        mut progress: impl FnMut(usize),
    ) -> Result<(), CliError> {
        self.begin()?;
        progress(self.state.outcomes.iter().flatten().count());
        for _ in 0..ROUNDS_MAX {
            let expired = self.send_open(client, keys, &mut progress).await.map_err(goes_on)?;
            if expired.is_empty() {
                return self.unknown();
            }
            for index in expired {
                let settled = self.settle(index, client).await.map_err(goes_on)?;
                progress(settled.booked + settled.unknown);
                self.expired.push(settled);
            }
        }
        let cause = format!("transactions expired {ROUNDS_MAX} times over, though they were valid for a day");
        Err(goes_on(Code::Expired.error(cause).into()))
    }

    /// Gives the parts that can be booked no more.
    async fn send_open(
        &mut self,
        client: &Client,
        keys: &[SecretKey],
        progress: &mut impl FnMut(usize),
    ) -> Result<Vec<usize>, CliError> {
        let mut open: Vec<_> =
            (0..self.state.parts.len()).rev().filter(|index| !self.state.parts[*index].is_done).collect();
        let mut in_flight = JoinSet::new();
        let (mut expired, mut failure) = (Vec::new(), None);
        loop {
            while failure.is_none() && in_flight.len() < TRANSACTIONS_IN_FLIGHT_MAX {
                let Some(index) = open.pop() else { break };
                let (client, transaction) = (client.clone(), self.transaction(index, keys));
                in_flight.spawn(async move { (index, client.submit(&transaction).await) });
            }
            // After a failure the ones in flight are still heard out: what they were told is written down.
            let Some(done) = in_flight.join_next().await else { break };
            let (index, reply) = done.map_err(|error| CliError::internal(format!("a task ended early: {error}")))?;
            let booked = match reply {
                Ok(submitted) => self.book(index, submitted, client).await,
                Err(error) if error.code == Code::Expired.name() => {
                    expired.push(index);
                    continue;
                }
                Err(error) => Err(error),
            };
            match booked {
                Ok(()) => progress(self.state.parts[index].lines.len()),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        expired.sort_unstable();
        failure.map_or(Ok(expired), Err)
    }

    /// Writes down what the ledger said of a part.
    async fn book(&mut self, index: usize, submitted: Submitted, client: &Client) -> Result<(), CliError> {
        let repeat = submitted.repeat;
        let (mut outcomes, repeated) = outcomes(submitted, self.state.parts[index].lines.len())?;
        // They stand where they were booked first.
        let ids: Vec<_> = repeated.iter().map(|item| self.payment_id(self.state.parts[index].lines[*item])).collect();
        let found = settle::find_all(client, &ids).await;
        // Without its first place a booking is still one.
        let found = found.unwrap_or_else(|_| vec![None; ids.len()]);
        for (item, found) in repeated.into_iter().zip(found) {
            outcomes[item].place = found.as_ref().map(settle::place);
        }
        let fates: Vec<_> = outcomes.into_iter().map(Fate::Booked).collect();
        self.state.record(index, &fates, repeat, None)
    }

    /// Asks what became of each payment of a part that expired.
    async fn settle(&mut self, index: usize, client: &Client) -> Result<Expired, CliError> {
        let (plan, part) = (&self.state.plan, &self.state.parts[index]);
        let (transaction, valid_until) = (plan.transaction_id(index, part.made_at), part.valid_until);
        let (node, tip) = settle::node_past(client, valid_until).await?;
        let own_place = settle::find(&node, transaction, IdKind::Transaction).await?.as_ref().map(settle::place);
        let ids: Vec<_> = part.lines.iter().map(|line| self.payment_id(*line)).collect();
        let found = settle::find_all(&node, &ids).await?;
        let fate = |((line, id), found): ((&usize, &Uuid), &Option<_>)| {
            let is_made_here = self.file.payments[*line].id.is_none();
            let is_ours = is_made_here || (own_place.is_some() && found.as_ref().map(settle::place) == own_place);
            settle::fate(*id, found.as_ref(), is_ours, tip)
        };
        let mut fates: Vec<_> = part.lines.iter().zip(&ids).zip(&found).map(fate).collect();
        if plan.all_or_nothing {
            settle::together(&mut fates);
        }
        let count = |wanted: Fate| fates.iter().filter(|fate| **fate == wanted).count();
        let (again, unknown) = (count(Fate::Again), count(Fate::Unknown));
        let booked = fates.len() - again - unknown;
        // The block's time, so that a wrong clock here does no harm.
        self.state.record(index, &fates, own_place.is_some(), Some(tip))?;
        Ok(Expired { transaction, valid_until, booked, again, unknown })
    }

    fn unknown(&self) -> Result<(), CliError> {
        match self.state.outcomes.iter().filter(|outcome| outcome.is_none()).count() {
            0 => Ok(()),
            count => {
                let cause =
                    format!("of {count} payments the ledger no longer knows what became: their ids are too old");
                let next =
                    "Look for them in the statements of the accounts; pay those that are not there under new ids.";
                Err(CliError::from(Code::Expired.error(cause)).with_next(next))
            }
        }
    }

    /// Writes FILE.results.csv: `id,result,name,height,index`, one line a payment in order of the file. One of which
    /// nothing is known has the name `unknown` and no result. `index` is the transaction's place in the block.
    pub fn write_report(&self, path: &Path) -> Result<Summary, CliError> {
        let report = with_suffix(path, ".results.csv");
        let failed = |error: csv::Error| CliError::file("report", &report, &std::io::Error::other(error));
        let mut results: BTreeMap<ResultCode, usize> = BTreeMap::new();
        let mut bytes = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        bytes.write_record(["id", "result", "name", "height", "index"]).map_err(failed)?;
        for (line, outcome) in self.state.outcomes.iter().enumerate() {
            let id = self.payment_id(line).to_string();
            let Some(Outcome { result, place }) = outcome else {
                bytes.write_record([&id, "", UNKNOWN, "", ""]).map_err(failed)?;
                continue;
            };
            let place =
                place.map_or_else(Default::default, |place| (place.height.to_string(), place.index.to_string()));
            let number = result.number().to_string();
            bytes.write_record([&id, &number, result.name(), &place.0, &place.1]).map_err(failed)?;
            *results.entry(*result).or_default() += 1;
        }
        let bytes = bytes.into_inner().map_err(|error| CliError::internal(error.to_string()))?;
        fs::write(&report, bytes).map_err(|error| CliError::file("report", &report, &error))?;
        let repeated = self.state.parts.iter().filter(|part| part.is_repeat).count();
        let (transfers, transactions) = (self.file.payments.len(), self.transactions_count());
        let unknown = transfers - results.values().sum::<usize>();
        Ok(Summary { transfers, transactions, repeated, results, unknown, report })
    }
}

impl std::fmt::Display for Expired {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Expired { transaction, valid_until, booked, again, unknown } = self;
        let until = format_time(valid_until.0);
        write!(
            f,
            "Transaction {transaction} was valid until {until} and has expired: {booked} of its payments had been"
        )?;
        write!(f, " booked, {again} go into another one under their own ids")?;
        match unknown {
            0 => write!(f, "."),
            _ => write!(f, ", of {unknown} the ledger no longer knows."),
        }
    }
}

/// Of a reply, one a payment, and which of them had been booked before. In mode `each` the batch is ok and each payment
/// has its result; a refused batch refuses every payment in it.
fn outcomes(submitted: Submitted, payments: usize) -> Result<(Vec<Outcome>, Vec<usize>), CliError> {
    let Submitted { height, tx_index, results, .. } = submitted;
    let Some(batch) = results.into_iter().next() else {
        return Err(CliError::internal("the node's reply holds no result"));
    };
    if batch.result == ResultCode::ExistsWithDifferentBody && !batch.transfers.contains(&batch.result) {
        // Then every payment was refused unseen, whatever became of it the first time.
        let cause = "the ledger has this run's transaction with other contents, such as another signing key";
        let next = "Put the operator key back that the run began with, or wait until the transaction has expired.";
        return Err(CliError::new(Exit::UnsafeLocalState, PAYMENT_STATE, cause, next));
    }
    let results = match batch.transfers.len() {
        count if count == payments => batch.transfers,
        0 if batch.result != ResultCode::Ok => vec![batch.result; payments],
        count => return Err(CliError::internal(format!("{count} results for {payments} payments"))),
    };
    let place = Some(Place { height, index: tx_index });
    // Item 0 is the batch itself.
    let repeated = batch.repeats.iter().filter_map(|item| (*item as usize).checked_sub(1));
    let repeated = repeated.filter(|item| *item < payments).collect();
    Ok((results.into_iter().map(|result| Outcome { result, place }).collect(), repeated))
}

/// After bytes may have left, the way on is always the same.
fn goes_on(error: CliError) -> CliError {
    let again = "Run the same command again: it goes on where this run ended and pays nothing twice.";
    match error.exit {
        Exit::Unreachable => error.with_next(again),
        _ => {
            let next = format!("{} {again}", error.next);
            error.with_next(next)
        }
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
