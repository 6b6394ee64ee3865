//! Is the node fit to serve, and if not, why: /readyz, gRPC health and `GetStatus` say the same.

use crate::shared::Shared;
use std::{sync::atomic::AtomicBool, sync::atomic::Ordering, time::Duration};

/// What does not show in telemetry.
#[derive(Debug, Default)]
pub struct Alarms {
    /// The replica has ended; the process is about to.
    failed: AtomicBool,
    /// The process was told to stop.
    stopping: AtomicBool,
}

impl Alarms {
    pub fn set_failed(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    pub fn set_stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

/// Err: the reason, for people.
pub fn readiness(shared: &Shared) -> Result<(), String> {
    if shared.alarms.failed.load(Ordering::Relaxed) {
        return Err("the store or the log has failed".to_owned());
    }
    if shared.alarms.is_stopping() {
        return Err("the node is stopping".to_owned());
    }
    let telemetry = shared.telemetry.load();
    if telemetry.clock_alarm {
        return Err("the clock differs from that of most validators: check NTP".to_owned());
    }
    if telemetry.is_validator && !telemetry.signing {
        let reason = telemetry.stopped_reason.as_deref().unwrap_or("it has not caught up yet");
        return Err(format!("the validator does not sign: {reason}"));
    }
    check_isolation(shared)?;
    let highest = telemetry.peers.iter().filter(|peer| peer.connected).map(|peer| peer.tip.0).max().unwrap_or(0);
    let behind = highest.saturating_sub(telemetry.height.0);
    if behind > BEHIND_MAX {
        return Err(format!("{behind} heights behind"));
    }
    let since = shared.committed_at.load().elapsed();
    let allowed = Duration::from_millis(u64::from(shared.parameters.heartbeat_ms)) * HEARTBEATS_MAX;
    if since > allowed {
        return Err(format!("no block for {} s", since.as_secs()));
    }
    Ok(())
}

fn check_isolation(shared: &Shared) -> Result<(), String> {
    let Some(power) = Power::reached(shared) else { return Ok(()) };
    if power.connected >= power.quorum || (!shared.telemetry.load().is_validator && power.connected > 0) {
        return Ok(());
    }
    Err(format!("isolated: it reaches {} of {} of the voting power", power.connected, power.total))
}

/// Voting power, as the node sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Power {
    /// Of the validators that the node is connected with, its own included.
    pub connected: u128,
    /// The least that can decide: more than two thirds.
    pub quorum: u128,
    pub total: u128,
}

impl Power {
    /// None: the registry has no validators.
    pub fn reached(shared: &Shared) -> Option<Power> {
        let registry = shared.registry.load();
        let set = registry.validators()?;
        let telemetry = shared.telemetry.load();
        let connected = telemetry.peers.iter().filter(|peer| peer.connected).map(|peer| peer.member);
        let indexes = connected.chain([shared.member]).filter_map(|member| set.index_of(&member));
        let total = set.total_power();
        let quorum = 2 * total / 3 + 1;
        assert!(set.is_quorum(quorum) && !set.is_quorum(quorum - 1), "the least power that is more than two thirds");
        Some(Power { connected: indexes.map(|index| set.power(index)).sum(), quorum, total })
    }
}

const BEHIND_MAX: u64 = 10;
const HEARTBEATS_MAX: u32 = 3;
