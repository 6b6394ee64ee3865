//! Client transactions on their way in, and the clients that wait for them.
//!
//! Submissions of all clients are gathered while the pool is busy and checked as one batch: a signature in a batch costs
//! half of one alone.

use crate::{
    shared::{NotQueued, Shared},
    shares::Shares,
};
use concordat_crypto::CheckError;
use concordat_proto::codes::{Code, CodedError};
use concordat_replica::{Input, Refusal, RimError, SubmitOutcome, Ticket};
use concordat_types::{CheckedTransaction, DecodeError, MemberId, Verified, transaction::FormError};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

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
    to_check: mpsc::Sender<ToCheck>,
    budget: Arc<Budget>,
}

#[derive(Debug)]
struct ToCheck {
    bytes: Vec<u8>,
    room: Room,
    reply: oneshot::Sender<Result<Waiting, CodedError>>,
}

/// Bytes that may wait for their check.
#[derive(Debug)]
struct Budget {
    all: Arc<Semaphore>,
    members: Shares,
    /// Rung after a batch has given back what it took: while there is no room, one is under way or to come.
    freed: Notify,
}

/// What one transaction takes of the budget, until the outcome of its check is known.
#[derive(Debug)]
struct Room {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Budget {
    fn new() -> Budget {
        let (all, members) = (Arc::new(Semaphore::new(TO_CHECK_BYTES_MAX)), Shares::new(MEMBER_BYTES_MAX));
        Budget { all, members, freed: Notify::new() }
    }

    fn try_take(&self, member: MemberId, bytes: usize) -> Option<Room> {
        let bytes = permits(bytes);
        let own = self.members.of(member).try_acquire_many_owned(bytes).ok()?;
        let all = self.all.clone().try_acquire_many_owned(bytes).ok()?;
        Some(Room { _own: own, _all: all })
    }

    fn has_room(&self, member: MemberId, bytes: usize) -> bool {
        let bytes = permits(bytes) as usize;
        self.members.of(member).available_permits() >= bytes && self.all.available_permits() >= bytes
    }

    /// Whoever waits holds none, since a client may stop reading and so never go on.
    async fn wait_for_room(&self, member: MemberId, bytes: usize) {
        loop {
            // Before the look: what is given back in between wakes it all the same.
            let freed = self.freed.notified();
            if self.has_room(member, bytes) {
                return;
            }
            freed.await;
        }
    }
}

/// One that is larger than the share still has its turn, alone.
fn permits(bytes: usize) -> u32 {
    bytes.min(MEMBER_BYTES_MAX) as u32
}

impl Submissions {
    /// Call within the runtime.
    pub fn start(shared: Arc<Shared>) -> Submissions {
        let (to_check, queue) = mpsc::channel(TO_CHECK_MAX);
        let budget = Arc::new(Budget::new());
        tokio::spawn(check_all(shared, budget.clone(), queue));
        Submissions { to_check, budget }
    }

    /// Queues a transaction for its check, or refuses it where the queue or the member's part of it is full.
    pub fn try_begin(&self, member: MemberId, bytes: Vec<u8>) -> Result<Begun, CodedError> {
        let room = self.budget.try_take(member, bytes.len()).ok_or_else(|| {
            Code::Busy.error(format!("what {member} or all members have sent to be checked is as much as fits"))
        })?;
        let started = Instant::now();
        let (reply, entered) = oneshot::channel();
        let sent = self.to_check.try_send(ToCheck { bytes, room, reply });
        sent.map_err(|_| Code::Busy.error("the queue of transactions to check is full"))?;
        Ok(Begun { started, entered })
    }

    /// Waits for room first.
    pub async fn begin(&self, member: MemberId, bytes: Vec<u8>) -> Result<Begun, CodedError> {
        self.budget.wait_for_room(member, bytes.len()).await;
        self.try_begin(member, bytes)
    }
}

/// A transaction that is checked and handed in without further doing.
#[derive(Debug)]
pub struct Begun {
    started: Instant,
    entered: oneshot::Receiver<Result<Waiting, CodedError>>,
}

impl Begun {
    /// Waits until the transaction is in a block, or `wait` has passed.
    pub async fn outcome(begun: Result<Begun, CodedError>, wait: Duration) -> Result<SubmitOutcome, CodedError> {
        let started = begun.as_ref().map_or_else(|_| Instant::now(), |begun| begun.started);
        let outcome = tokio::time::timeout(wait, async { begun?.wait().await }).await;
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

    async fn wait(self) -> Result<SubmitOutcome, CodedError> {
        let mut waiting = self.entered.await.map_err(|_| stopping())??;
        (&mut waiting.outcome).await.map_err(|_| stopping())
    }
}

/// A transaction in the replica's hands. Whatever ends the wait for it takes the ticket back.
#[derive(Debug)]
struct Waiting {
    shared: Arc<Shared>,
    ticket: Ticket,
    outcome: oneshot::Receiver<SubmitOutcome>,
}

impl Waiting {
    fn enter(
        shared: &Arc<Shared>,
        transaction: Arc<Verified<CheckedTransaction>>,
        bytes: usize,
    ) -> Result<Waiting, CodedError> {
        let (ticket, outcome) = shared.tickets.open()?;
        let waiting = Waiting { shared: shared.clone(), ticket, outcome };
        match shared.inputs.try_submit(Input::Submit { ticket, transaction }, bytes) {
            Ok(()) => Ok(waiting),
            Err(NotQueued::Full(_)) => Err(Code::Busy.error("the queue into the replica is full")),
            Err(NotQueued::Ended) => Err(stopping()),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.shared.tickets.close(self.ticket) {
            // Where the queue is full the replica keeps the ticket until the transaction is committed or expires.
            drop(self.shared.inputs.try_send(Input::Forget { ticket: self.ticket }, 0));
        }
    }
}

/// Takes what has gathered whenever a thread of the pool is free.
async fn check_all(shared: Arc<Shared>, budget: Arc<Budget>, mut queue: mpsc::Receiver<ToCheck>) {
    let free = Arc::new(Semaphore::new(shared.pool.threads()));
    loop {
        let Ok(permit) = free.clone().acquire_owned().await else { return };
        let mut batch = Vec::with_capacity(BATCH_MAX);
        if queue.recv_many(&mut batch, BATCH_MAX).await == 0 {
            return;
        }
        let (shared, budget) = (shared.clone(), budget.clone());
        tokio::spawn(async move {
            check_batch(&shared, batch).await;
            budget.freed.notify_waiters();
            drop(permit);
        });
    }
}

async fn check_batch(shared: &Arc<Shared>, batch: Vec<ToCheck>) {
    let (bytes, clients): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|ToCheck { bytes, room, reply }| (bytes, (room, reply))).unzip();
    let sizes: Vec<usize> = bytes.iter().map(Vec::len).collect();
    let rim = shared.rim.clone();
    let verdicts = shared.pool.run(move || rim.check_submissions(bytes)).await;
    metrics::counter!("concordat_verify_batches_total").increment(1);
    metrics::counter!("concordat_verified_transactions_total").increment(sizes.len() as u64);
    match verdicts {
        // Handed in here and not by the client's own task, which rests while the client does not read.
        Ok(verdicts) => sizes.into_iter().zip(clients).zip(verdicts).for_each(|((size, (room, reply)), verdict)| {
            if !reply.is_closed() {
                let checked = verdict.map_err(|error| refused_by_rim(&error));
                let entered = checked.and_then(|transaction| Waiting::enter(shared, transaction, size));
                drop(room);
                drop(reply.send(entered));
            }
        }),
        Err(panicked) => clients.into_iter().for_each(|(_, reply)| {
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
        RimError::TooMany { .. } | RimError::TooManyTransfers { .. } => Code::TooLarge,
        RimError::Decode(_) | RimError::EmptyBatch => Code::Malformed,
    };
    code.error(error.to_string())
}

fn stopping() -> CodedError {
    Code::Unavailable.error("the node is stopping")
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
/// Of all clients together: some seconds of checks.
const TO_CHECK_BYTES_MAX: usize = 64 << 20;
/// Of one member's clients: two members together leave room for a third.
const MEMBER_BYTES_MAX: usize = 24 << 20;
/// Where the gain of a larger batch ends.
const BATCH_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::pin::pin;

    const MIB: usize = 1 << 20;

    fn name(text: &str) -> MemberId {
        text.parse().expect("a valid literal")
    }

    #[test]
    fn bytes_to_check_are_bounded_for_each_member_and_for_all() {
        let budget = Budget::new();
        let take = |member: &str, count: usize| -> Vec<Room> {
            std::iter::from_fn(|| budget.try_take(name(member), MIB)).take(count).collect()
        };
        let (first, second, third) = (take("bank-a", 100), take("bank-b", 100), take("bank-c", 100));
        assert_eq!((first.len(), second.len(), third.len()), (24, 24, 16));
        assert!(budget.try_take(name("bank-d"), 1).is_none());
        // What the member's share gave before the whole was found empty has gone back.
        drop(first);
        assert_eq!(take("bank-d", 100).len(), 24);
    }

    #[test]
    fn whoever_waits_for_room_holds_none() {
        let budget = Budget::new();
        let first = budget.try_take(name("bank-a"), MEMBER_BYTES_MAX).expect("the whole share");
        assert!(!budget.has_room(name("bank-a"), 1) && budget.has_room(name("bank-b"), MEMBER_BYTES_MAX));
        assert!(budget.try_take(name("bank-a"), 1).is_none());
        drop(first);
        assert!(budget.has_room(name("bank-a"), MEMBER_BYTES_MAX + 1));
        assert_eq!(budget.all.available_permits(), TO_CHECK_BYTES_MAX);
    }

    #[test]
    fn whoever_waits_goes_on_when_a_batch_has_given_back_its_room() {
        let budget = Budget::new();
        let first = budget.try_take(name("bank-a"), MEMBER_BYTES_MAX).expect("the whole share");
        let mut waiting = pin!(budget.wait_for_room(name("bank-a"), 1));
        assert!(waiting.as_mut().now_or_never().is_none());
        assert!(budget.wait_for_room(name("bank-b"), 1).now_or_never().is_some());
        // The batch of another member.
        budget.freed.notify_waiters();
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(first);
        assert!(waiting.as_mut().now_or_never().is_none(), "the bell has not rung, and nobody looks by the clock");
        budget.freed.notify_waiters();
        assert!(waiting.as_mut().now_or_never().is_some());
    }

    #[test]
    fn what_is_larger_than_a_share_still_has_its_turn() {
        let budget = Budget::new();
        let room = budget.try_take(name("bank-a"), MEMBER_BYTES_MAX + 1).expect("alone");
        assert!(budget.try_take(name("bank-a"), 1).is_none());
        drop(room);
        assert!(budget.try_take(name("bank-a"), 0).is_some());
    }
}
