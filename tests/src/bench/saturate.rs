//! A bank that sends over one stream as fast as its node takes it, within a window of what is under way.

use super::meter::Meter;
use crate::harness::Failure;
use concordat_cli::{Client, SubmitReplies, SubmitSender, Submitted};
use concordat_proto::codes::Code;
use concordat_types::ResultCode;
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{sync::Semaphore, time::timeout};

/// What one bank sends.
#[derive(Debug)]
pub struct Job {
    /// Asks the bank's own node.
    pub client: Client,
    /// Encoded transactions.
    pub transactions: Vec<Vec<u8>>,
    /// In each transaction.
    pub payments: u64,
    /// Transactions under way at once.
    pub window: usize,
    /// Between the starts of two transactions; zero: as fast as it goes.
    pub pause: Duration,
}

struct Flow {
    job: Job,
    begun: Instant,
    /// When each transaction was first sent, in microseconds since `begun`; 0: not yet.
    sent_at_us: Vec<AtomicU64>,
    /// To be sent once more: the node was busy.
    again: Mutex<VecDeque<usize>>,
    room: Semaphore,
    meter: Arc<Meter>,
}

/// Returns when all is sent or the meter says stop, and every outcome is in.
pub async fn saturate(job: Job, meter: Arc<Meter>) -> Result<(), Failure> {
    let (sender, mut replies) = job.client.submit_stream().await?;
    let sent_at_us = job.transactions.iter().map(|_| AtomicU64::new(0)).collect();
    let room = Semaphore::new(job.window);
    let flow = Arc::new(Flow { job, begun: Instant::now(), sent_at_us, again: Mutex::default(), room, meter });
    let receiving = {
        let flow = flow.clone();
        tokio::spawn(async move { flow.receive(&mut replies).await })
    };
    flow.send(&sender).await;
    // The last outcomes: all of the window is free again.
    let drained = timeout(DRAIN_MAX, flow.room.acquire_many(flow.job.window as u32)).await;
    drop(sender);
    if drained.is_err() {
        receiving.abort();
        return Err(Failure::check(format!("payments without an outcome after {} s", DRAIN_MAX.as_secs())));
    }
    receiving.await.map_err(|error| Failure::check(format!("a receiver ended early: {error}")))?
}

impl Flow {
    async fn send(&self, sender: &SubmitSender) {
        let mut fresh = 0..self.job.transactions.len();
        let mut next_start = Instant::now();
        while !self.meter.is_stopped() {
            let Ok(permit) = self.room.acquire().await else { return };
            let Some(index) = self.take_again().or_else(|| fresh.next()) else { return };
            permit.forget();
            if !self.job.pause.is_zero() {
                tokio::time::sleep_until(next_start.into()).await;
                next_start += self.job.pause;
            }
            let now_us = self.begun.elapsed().as_micros() as u64;
            if self.sent_at_us[index].swap(now_us.max(1), Ordering::Relaxed) == 0 {
                self.meter.add_sent(self.job.payments);
            }
            if !sender.send_bytes(index as u64, self.job.transactions[index].clone()).await {
                // The receiver knows why the stream has ended.
                return;
            }
        }
    }

    async fn receive(&self, replies: &mut SubmitReplies) -> Result<(), Failure> {
        while let Some(reply) = replies.next().await {
            let (tag, outcome) = match reply {
                Ok(reply) => reply,
                Err(error) => {
                    self.room.close();
                    return Err(Failure::from(error).context("the stream of payments"));
                }
            };
            match outcome {
                Ok(submitted) => self.count(tag as usize, &submitted),
                Err(error) if [Code::Busy.name(), Code::Timeout.name()].contains(&error.code) => {
                    self.meter.add_busy();
                    self.again().push_back(tag as usize);
                    tokio::time::sleep(BUSY_PAUSE).await;
                }
                Err(error) => {
                    self.room.close();
                    return Err(Failure::from(error).context("a payment of the bench"));
                }
            }
            self.room.add_permits(1);
        }
        Ok(())
    }

    fn count(&self, index: usize, submitted: &Submitted) {
        let sent = Duration::from_micros(self.sent_at_us[index].load(Ordering::Relaxed));
        let latency = self.begun.elapsed().saturating_sub(sent);
        let (ok, refused) = results(submitted);
        self.meter.add_committed(ok, refused, latency);
    }

    fn take_again(&self) -> Option<usize> {
        self.again().pop_front()
    }

    fn again(&self) -> std::sync::MutexGuard<'_, VecDeque<usize>> {
        self.again.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Payments that were booked, and those that were not.
pub fn results(submitted: &Submitted) -> (u64, u64) {
    let mut counts = (0, 0);
    for outcome in &submitted.results {
        let single = std::slice::from_ref(&outcome.result);
        let results = if outcome.transfers.is_empty() { single } else { &outcome.transfers };
        for result in results {
            match result {
                ResultCode::Ok => counts.0 += 1,
                _ => counts.1 += 1,
            }
        }
    }
    counts
}

/// A node that is busy has more than a block's worth of work.
const BUSY_PAUSE: Duration = Duration::from_millis(5);
const DRAIN_MAX: Duration = Duration::from_secs(60);
