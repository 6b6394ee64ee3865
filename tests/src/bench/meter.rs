//! What was sent and what came back, counted while payments flow.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

#[derive(Debug, Default)]
pub struct Meter {
    /// Senders end when it is set.
    stop: AtomicBool,
    /// Latencies are kept while it is set.
    measuring: AtomicBool,
    sent: AtomicU64,
    committed: AtomicU64,
    refused: AtomicU64,
    busy: AtomicU64,
    latencies: Mutex<Vec<Duration>>,
}

/// Payments so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counts {
    pub sent: u64,
    pub committed: u64,
    pub refused: u64,
    /// Transactions that a node asked to send again later.
    pub busy: u64,
    pub at: Instant,
}

impl Meter {
    pub fn counts(&self) -> Counts {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (sent, committed) = (count(&self.sent), count(&self.committed));
        Counts { sent, committed, refused: count(&self.refused), busy: count(&self.busy), at: Instant::now() }
    }

    pub fn measure(&self, on: bool) {
        self.measuring.store(on, Ordering::Relaxed);
    }

    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub fn add_sent(&self, payments: u64) {
        self.sent.fetch_add(payments, Ordering::Relaxed);
    }

    pub fn add_busy(&self) {
        self.busy.fetch_add(1, Ordering::Relaxed);
    }

    pub fn add_committed(&self, payments: u64, refused: u64, latency: Duration) {
        self.committed.fetch_add(payments, Ordering::Relaxed);
        self.refused.fetch_add(refused, Ordering::Relaxed);
        if self.measuring.load(Ordering::Relaxed) {
            self.latencies.lock().unwrap_or_else(PoisonError::into_inner).push(latency);
        }
    }

    pub fn take_latencies(&self) -> Vec<Duration> {
        std::mem::take(&mut self.latencies.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
