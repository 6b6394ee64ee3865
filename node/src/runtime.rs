//! The replica thread: takes inputs, lets the replica step, carries out its effects. It never waits for the network.

use crate::{
    error::{RunError, of_fatal, of_store},
    metrics::{observe_commit, observe_signers, observe_telemetry},
    registry::Registry,
    shared::{Queued, Shared, View},
};
use bytes::Bytes;
use concordat_proto::Code;
use concordat_replica::{Alarm, CommittedBlock, Effect, Now, Progress, Replica, message::Message};
use concordat_types::encode;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Both clocks of this node.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    offset_ms: i64,
}

impl Clock {
    /// `offset_ms` is a test aid.
    pub fn start(offset_ms: i64) -> Clock {
        Clock { started: Instant::now(), offset_ms }
    }

    pub fn now(&self) -> Now {
        let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        let monotonic_ms = self.started.elapsed().as_millis() as u64;
        Now { monotonic_ms, unix_ms: unix_ms.saturating_add_signed(self.offset_ms) }
    }
}

pub struct ReplicaThread {
    pub shared: Arc<Shared>,
    pub replica: Replica,
    pub inputs: Receiver<Queued>,
    pub clock: Clock,
    /// Of opening.
    pub effects: Vec<Effect>,
    /// Ends the process: called with what ended the replica.
    pub ended: Box<dyn FnOnce(Result<(), RunError>) + Send>,
}

impl ReplicaThread {
    pub fn spawn(self) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new().name("replica".to_owned()).spawn(move || {
            let ReplicaThread { shared, replica, inputs, clock, effects, ended } = self;
            let (progress, now) = (replica.progress(), Instant::now());
            let mut running = Running { shared, replica, inputs, clock, told: now, progress, progressed: now };
            let outcome = catch_unwind(AssertUnwindSafe(|| running.run(effects)));
            ended(outcome.unwrap_or_else(|panic| {
                if let Some(error) = running.replica.failed_read() {
                    return Err(of_store(&error));
                }
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
                Err(Code::Internal.error(format!("the replica panicked: {text}")))
            }));
        })
    }
}

struct Running {
    shared: Arc<Shared>,
    replica: Replica,
    inputs: Receiver<Queued>,
    clock: Clock,
    told: Instant,
    progress: Progress,
    /// Since when it is there.
    progressed: Instant,
}

impl Running {
    fn run(&mut self, effects: Vec<Effect>) -> Result<(), RunError> {
        self.carry_out(effects)?;
        self.publish_telemetry();
        while !self.shared.alarms.is_stopping() {
            let now = self.clock.now();
            let due = self
                .replica
                .deadline_ms()
                .map_or(IDLE_MAX, |due| Duration::from_millis(due.saturating_sub(now.monotonic_ms)));
            let first = match self.inputs.recv_timeout(due.min(IDLE_MAX)) {
                Ok(queued) => Some(queued),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            };
            // All that waits is taken at once, so that one sync turn serves it all.
            let queued = first.into_iter().chain(self.inputs.try_iter()).take(INPUTS_PER_STEP_MAX);
            let inputs = queued
                .map(|queued| {
                    self.shared.inputs.taken(queued.bytes);
                    queued.input
                })
                .collect();
            let began = Instant::now();
            let effects = self.replica.step(self.clock.now(), inputs).map_err(|fatal| of_fatal(&fatal))?;
            metrics::histogram!("concordat_step_seconds").record(began.elapsed().as_secs_f64());
            self.observe_progress();
            self.carry_out(effects)?;
            if self.told.elapsed() > TELEMETRY_EVERY {
                self.publish_telemetry();
            }
        }
        Ok(())
    }

    /// Times the step of a round that has just been left.
    fn observe_progress(&mut self) {
        let progress = self.replica.progress();
        if progress == self.progress {
            return;
        }
        let left = std::mem::replace(&mut self.progress, progress);
        let since = std::mem::replace(&mut self.progressed, Instant::now());
        if left.round.is_some() {
            metrics::histogram!("concordat_consensus_step_seconds", "step" => left.step)
                .record(since.elapsed().as_secs_f64());
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>) -> Result<(), RunError> {
        for effect in effects {
            match effect {
                Effect::Send { to, message } => self.shared.peers.send(&to, message.priority(), bytes_of(&message)),
                Effect::Broadcast { message } => self.shared.peers.broadcast(message.priority(), &bytes_of(&message)),
                Effect::Reply { ticket, outcome } => self.shared.tickets.reply(ticket, outcome),
                Effect::Disconnect { peer, reason } => self.shared.peers.punish(peer, &reason),
                Effect::Committed(block) => self.publish_block(&block)?,
                Effect::Alarm(alarm) => self.raise(&alarm),
            }
        }
        Ok(())
    }

    /// Readers see the state of the block before anybody is told of its height.
    fn publish_block(&mut self, block: &CommittedBlock) -> Result<(), RunError> {
        let reader = self.replica.snapshot();
        let height = self.replica.tip().height;
        if block.registry_changed {
            self.shared.registry.store(Arc::new(Registry::read(&*reader).map_err(|error| of_store(&error))?));
            self.shared.registry_changed.notify_waiters();
        }
        self.shared.view.store(Arc::new(View { height, reader }));
        let before = self.shared.committed_at.swap(Arc::new(Instant::now()));
        self.shared.tip.send_replace(height);
        self.shared.index.ring();
        observe_commit(block, before.elapsed());
        tracing::debug!(
            height = block.header.height.0,
            block = %block.id,
            round = block.certificate.round.0,
            transactions = block.transactions.len(),
            transfers = block.transfers,
            "committed"
        );
        self.publish_telemetry();
        observe_signers(&self.shared.telemetry.load());
        Ok(())
    }

    fn publish_telemetry(&mut self) {
        let telemetry = self.replica.telemetry();
        observe_telemetry(&telemetry);
        self.shared.telemetry.store(Arc::new(telemetry));
        self.told = Instant::now();
    }

    fn raise(&self, alarm: &Alarm) {
        let kind = match alarm {
            Alarm::InvalidProposal { .. } => "invalid_proposal",
            Alarm::InvalidPolka { .. } => "invalid_polka",
            Alarm::StoppedSigning { .. } => "stopped_signing",
            Alarm::SignRefused { .. } => "sign_refused",
            Alarm::Equivocation { .. } => "equivocation",
            Alarm::ClockOffset { .. } => "clock_offset",
            Alarm::ClockGood => "clock_good",
            Alarm::Quarantined { .. } => "quarantined",
        };
        match alarm {
            Alarm::ClockGood => tracing::info!("the clock agrees with the other validators again"),
            _ => {
                metrics::counter!("concordat_alarms_total", "kind" => kind).increment(1);
                tracing::error!(kind, ?alarm, "alarm");
            }
        }
    }
}

fn bytes_of(message: &Message) -> Bytes {
    Bytes::from(encode(message))
}

/// A step stays short enough for votes to be answered in time.
const INPUTS_PER_STEP_MAX: usize = 4096;
/// Telemetry is renewed also while nothing happens.
const IDLE_MAX: Duration = Duration::from_millis(500);
const TELEMETRY_EVERY: Duration = Duration::from_millis(250);
