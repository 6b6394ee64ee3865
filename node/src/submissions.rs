//! Client transactions on their way in, and the clients that wait for them.
//!
//! Submissions of all clients are gathered while the pool is busy and checked as one batch: a signature in a batch costs
//! half of one alone.

use crate::shared::{NotQueued, Shared};
use concordat_crypto::CheckError;
use concordat_proto::codes::{Code, CodedError};
use concordat_replica::{Input, Refusal, RimError, SubmitOutcome, Ticket};
use concordat_types::{CheckedTransaction, DecodeError, Verified, transaction::FormError};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, mpsc, oneshot};

type Checked = Result<Arc<Verified<CheckedTransaction>>, CodedError>;

/// Clients that wait for an outcome.
#[derive(Debug, Default)]
pub struct Tickets {
    next: AtomicU64,
    waiting: Mutex<BTreeMap<Ticket, oneshot::Sender<SubmitOutcome>>>,
}

impl Tickets {
    fn open(&self) -> Result<(Ticket, oneshot::Receiver<SubmitOutcome>), CodedError> {
        let ticket = Ticket(self.next.fetch_add(1, Ordering::Relaxed));
        let (reply, outcome) = oneshot::channel();
        let mut waiting = self.waiting.lock();
        if waiting.len() >= WAITING_MAX {
            return Err(Code::Busy.error(format!("{WAITING_MAX} transactions wait for their block")));
        }
        waiting.insert(ticket, reply);
        Ok((ticket, outcome))
    }

    /// From the replica thread.
    pub fn reply(&self, ticket: Ticket, outcome: SubmitOutcome) {
        let reply = self.waiting.lock().remove(&ticket);
        if let Some(reply) = reply {
            // A client that has gone does not want it.
            drop(reply.send(outcome));
        }
    }

    fn close(&self, ticket: Ticket) -> bool {
        self.waiting.lock().remove(&ticket).is_some()
    }

    pub fn len(&self) -> usize {
        self.waiting.lock().len()
    }
}

/// Into the checks.
#[derive(Clone, Debug)]
pub struct Submissions {
    shared: Arc<Shared>,
    to_check: mpsc::Sender<ToCheck>,
}

#[derive(Debug)]
struct ToCheck {
    bytes: Vec<u8>,
    reply: oneshot::Sender<Checked>,
}

impl Submissions {
    /// Call within the runtime.
    pub fn start(shared: Arc<Shared>) -> Submissions {
        let (to_check, queue) = mpsc::channel(TO_CHECK_MAX);
        tokio::spawn(check_all(shared.clone(), queue));
        Submissions { shared, to_check }
    }

    /// Checks, hands in and waits until the transaction is in a block, or `wait` has passed.
    pub async fn submit(&self, bytes: Vec<u8>, wait: Duration) -> Result<SubmitOutcome, CodedError> {
        let started = Instant::now();
        let outcome = tokio::time::timeout(wait, self.hand_in(bytes)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(Code::Timeout.error(Code::Timeout.cause())));
        let kind = match &outcome {
            Ok(SubmitOutcome::Committed { .. }) => "committed",
            Ok(SubmitOutcome::Refused(_)) => "refused",
            Err(error) => error.code.name(),
        };
        metrics::counter!("concordat_submissions_total", "outcome" => kind).increment(1);
        if kind == "committed" {
            metrics::histogram!("concordat_submit_seconds").record(started.elapsed().as_secs_f64());
        }
        match outcome? {
            SubmitOutcome::Refused(refusal) => Err(refused(refusal)),
            committed => Ok(committed),
        }
    }

    async fn hand_in(&self, bytes: Vec<u8>) -> Result<SubmitOutcome, CodedError> {
        let size = bytes.len();
        let (reply, checked) = oneshot::channel();
        let sent = self.to_check.try_send(ToCheck { bytes, reply });
        sent.map_err(|_| Code::Busy.error("the queue of transactions to check is full"))?;
        let transaction = checked.await.map_err(|_| Code::Unavailable.error("the node is stopping"))??;
        let (ticket, outcome) = self.shared.tickets.open()?;
        // From here on, whatever ends this future takes the ticket back.
        let waiting = Waiting { shared: &self.shared, ticket };
        match self.shared.inputs.try_submit(Input::Submit { ticket, transaction }, size) {
            Ok(()) => {}
            Err(NotQueued::Full(_)) => return Err(Code::Busy.error("the queue into the replica is full")),
            Err(NotQueued::Ended) => return Err(Code::Unavailable.error("the node is stopping")),
        }
        let outcome = outcome.await.map_err(|_| Code::Unavailable.error("the node is stopping"));
        drop(waiting);
        outcome
    }
}

struct Waiting<'a> {
    shared: &'a Shared,
    ticket: Ticket,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if self.shared.tickets.close(self.ticket) {
            // Where the queue is full the replica keeps the ticket until the transaction is committed or expires.
            drop(self.shared.inputs.try_send(Input::Forget { ticket: self.ticket }, 0));
        }
    }
}

/// Takes what has gathered whenever a thread of the pool is free.
async fn check_all(shared: Arc<Shared>, mut queue: mpsc::Receiver<ToCheck>) {
    let free = Arc::new(Semaphore::new(shared.pool.threads()));
    loop {
        let Ok(permit) = free.clone().acquire_owned().await else { return };
        let mut batch = Vec::with_capacity(BATCH_MAX);
        if queue.recv_many(&mut batch, BATCH_MAX).await == 0 {
            return;
        }
        let shared = shared.clone();
        tokio::spawn(async move {
            check_batch(&shared, batch).await;
            drop(permit);
        });
    }
}

async fn check_batch(shared: &Shared, batch: Vec<ToCheck>) {
    let (bytes, replies): (Vec<_>, Vec<_>) = batch.into_iter().map(|item| (item.bytes, item.reply)).unzip();
    let rim = shared.rim.clone();
    let count = bytes.len();
    let verdicts = shared.pool.run(move || rim.check_submissions(bytes)).await;
    metrics::counter!("concordat_verify_batches_total").increment(1);
    metrics::counter!("concordat_verified_transactions_total").increment(count as u64);
    match verdicts {
        Ok(verdicts) => replies.into_iter().zip(verdicts).for_each(|(reply, verdict)| {
            drop(reply.send(verdict.map_err(|error| refused_by_rim(&error))));
        }),
        Err(panicked) => replies.into_iter().for_each(|reply| {
            drop(reply.send(Err(Code::Internal.error(panicked.to_string()))));
        }),
    }
}

/// Which code a client gets for what the rim found.
fn refused_by_rim(error: &RimError) -> CodedError {
    let code = match error {
        RimError::Decode(DecodeError::TooLong { .. }) => Code::TooLarge,
        RimError::Transaction(CheckError::Form(form)) => match form {
            FormError::WrongNetwork => Code::WrongNetwork,
            FormError::TooManyTransfers { .. }
            | FormError::TooManyOperations(_)
            | FormError::TooManySignatures(_)
            | FormError::Decode(DecodeError::TooLong { .. }) => Code::TooLarge,
            _ => Code::Malformed,
        },
        RimError::Transaction(_) => Code::BadSignature,
        RimError::TooMany { .. } => Code::TooLarge,
        RimError::Decode(_) | RimError::EmptyBatch => Code::Malformed,
    };
    code.error(error.to_string())
}

fn refused(refusal: Refusal) -> CodedError {
    let code = match refusal {
        Refusal::MempoolFull => Code::Busy,
        Refusal::Expired => Code::Expired,
        Refusal::ValidUntilTooFar => Code::ValidUntilTooFar,
        Refusal::SubmitterNotActive => Code::SubmitterNotActive,
        Refusal::NotSignedBySubmitter => Code::NotSignedBySubmitter,
        Refusal::NoValidator => Code::NoValidator,
    };
    code.error(refusal.to_string())
}

/// Of all clients together.
const WAITING_MAX: usize = 65_536;
/// Of all clients together; more would wait longer than a client does.
const TO_CHECK_MAX: usize = 16_384;
/// Where the gain of a larger batch ends.
const BATCH_MAX: usize = 256;
