//! What the replica thread publishes and everything else reads, and the queue that leads into it.

use crate::{
    config::Config, health::Alarms, index::Index, network::peers::Peers, pool::Pool, registry::Registry,
    submissions::Tickets,
};
use arc_swap::ArcSwap;
use concordat_replica::{Input, Prover, Rim, Telemetry, store::Reader};
use concordat_storage::StoreGauge;
use concordat_types::{Height, MemberId, NetworkId, Parameters};
use crossbeam_channel::{Sender, TrySendError};
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};
use tokio::sync::{Notify, watch};

pub struct Shared {
    pub config: Config,
    pub network: NetworkId,
    pub member: MemberId,
    pub parameters: Parameters,
    pub rim: Arc<Rim>,
    pub pool: Pool,
    pub inputs: Inputs,
    pub tickets: Tickets,
    pub peers: Peers,
    pub registry: Arc<ArcSwap<Registry>>,
    /// Rung after `registry` has changed.
    pub registry_changed: Notify,
    pub view: ArcSwap<View>,
    pub prover: Prover,
    pub telemetry: ArcSwap<Telemetry>,
    /// The last committed height; changes after `view` does.
    pub tip: watch::Sender<Height>,
    pub committed_at: ArcSwap<Instant>,
    pub alarms: Alarms,
    pub store: StoreGauge,
    pub index: Index,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared({}, {})", self.member, self.network)
    }
}

/// The committed state after one block.
pub struct View {
    pub height: Height,
    pub reader: Arc<dyn Reader>,
}

impl fmt::Debug for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "View({})", self.height)
    }
}

/// An input with the room it takes in memory.
#[derive(Debug)]
pub struct Queued {
    pub input: Input,
    pub bytes: usize,
}

/// The only way into the replica. Bounded in number and bytes: whoever finds it full waits or refuses.
#[derive(Clone, Debug)]
pub struct Inputs {
    queue: Sender<Queued>,
    bytes: Arc<AtomicUsize>,
    /// Rung whenever something was taken out.
    taken: Arc<Notify>,
}

#[derive(Debug)]
pub enum NotQueued {
    Full(Box<Input>),
    /// The replica has ended; so will the process.
    Ended,
}

impl Inputs {
    pub fn new(queue: Sender<Queued>) -> Inputs {
        Inputs { queue, bytes: Arc::default(), taken: Arc::default() }
    }

    pub fn len(&self) -> usize {
        self.queue.len()
    }

    pub fn try_send(&self, input: Input, bytes: usize) -> Result<(), NotQueued> {
        // One that is larger than the bound still enters an empty queue. What does not fit is not counted for a moment either:
        // another would wait for room that is there.
        let with = |before: usize| (before == 0 || before + bytes <= INPUTS_BYTES_MAX).then(|| before + bytes);
        if self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, with).is_err() {
            return Err(NotQueued::Full(Box::new(input)));
        }
        self.queue.try_send(Queued { input, bytes }).map_err(|refused| {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            match refused {
                TrySendError::Full(queued) => NotQueued::Full(Box::new(queued.input)),
                TrySendError::Disconnected(_) => NotQueued::Ended,
            }
        })
    }

    /// Clients leave room for what keeps consensus going.
    pub fn try_submit(&self, input: Input, bytes: usize) -> Result<(), NotQueued> {
        if self.queue.len() > SUBMISSIONS_MAX {
            Err(NotQueued::Full(Box::new(input)))
        } else {
            self.try_send(input, bytes)
        }
    }

    /// Waits for room, so that a peer that sends too fast is slowed down by its own connection.
    pub async fn send(&self, mut input: Input, bytes: usize) -> Result<(), NotQueued> {
        loop {
            // Before the try: what is taken in between wakes it all the same.
            let taken = self.taken.notified();
            input = match self.try_send(input, bytes) {
                Err(NotQueued::Full(input)) => *input,
                done => return done,
            };
            taken.await;
        }
    }

    /// The replica thread has taken it.
    pub fn taken(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        // All of them, a few connections: one alone might wait for more room than this.
        self.taken.notify_waiters();
    }
}

/// A second of the highest rate.
pub const INPUTS_MAX: usize = 16_384;
const SUBMISSIONS_MAX: usize = INPUTS_MAX / 2;
/// A few blocks' worth of batches and proposals.
const INPUTS_BYTES_MAX: usize = 128 << 20;

#[cfg(test)]
mod tests;
