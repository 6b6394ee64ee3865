//! What is measured. docs/operations.md explains the names.

use crate::{disk::Room, error::RunError, health::Power, registry::Port, shared::Shared};
use concordat_proto::Code;
use concordat_replica::{CommittedBlock, Telemetry};
use concordat_storage::StoreSizes;
use metrics::{counter, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;
use std::{sync::OnceLock, time::Duration};

/// One recorder a process.
static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();

pub fn install() -> Result<PrometheusHandle, RunError> {
    if let Some(handle) = RECORDER.get() {
        return Ok(handle.clone());
    }
    let handle = build().map_err(|error| Code::Internal.error(format!("the metrics cannot be set up: {error}")))?;
    describe();
    begin_at_zero();
    Ok(RECORDER.get_or_init(|| handle).clone())
}

fn build() -> Result<PrometheusHandle, BuildError> {
    let suffix = |name: &str| Matcher::Suffix(name.to_owned());
    PrometheusBuilder::new()
        .set_buckets_for_metric(suffix("_seconds"), &SECONDS)?
        .set_buckets_for_metric(suffix("_size"), &SIZES)?
        .install_recorder()
}

/// A counter that comes into being with its first count has not grown, to who reads it later.
fn begin_at_zero() {
    for kind in ALARM_KINDS {
        counter!("concordat_alarms_total", "kind" => *kind).increment(0);
    }
    for port in [Port::Peer, Port::Client] {
        counter!("concordat_tls_refused_total", "port" => port.name()).increment(0);
    }
}

fn describe() {
    metrics::describe_gauge!("concordat_height", "Height of the last committed block");
    metrics::describe_gauge!("concordat_round", "Round of the height in work; -1 while idle");
    metrics::describe_gauge!("concordat_block_time_seconds_unix", "Time in the header of the last block");
    metrics::describe_histogram!("concordat_block_interval_seconds", "Time between two committed blocks");
    metrics::describe_histogram!("concordat_block_transfers_size", "Payments in a block");
    metrics::describe_histogram!("concordat_submit_seconds", "From a client's submission to its committed reply");
    metrics::describe_histogram!("concordat_step_seconds", "One step of the replica thread");
    metrics::describe_histogram!("concordat_consensus_step_seconds", "How long the agreement was in a step of a round");
    metrics::describe_histogram!("concordat_sync_seconds", "One sync of the consensus log");
    metrics::describe_counter!("concordat_transactions_total", "Transactions in committed blocks");
    metrics::describe_counter!("concordat_transfers_total", "Payments in committed blocks");
    metrics::describe_counter!("concordat_submissions_total", "Submissions by outcome");
    metrics::describe_counter!("concordat_verified_transactions_total", "Transactions of clients that were checked");
    metrics::describe_counter!("concordat_verify_batches_total", "Batches in which they were checked");
    metrics::describe_gauge!("concordat_mempool_transactions", "Transactions that wait for a block");
    metrics::describe_gauge!("concordat_mempool_bytes", "Their size");
    metrics::describe_gauge!("concordat_validating", "1 where the node's member is a validator");
    metrics::describe_gauge!("concordat_signing", "1 where the validator signs");
    metrics::describe_gauge!("concordat_syncing", "1 while blocks are fetched from peers");
    metrics::describe_gauge!("concordat_validator_away", "1 where the validator has not voted for some 20 blocks");
    metrics::describe_counter!(
        "concordat_validator_signatures_total",
        "Commit certificates with the validator's signature"
    );
    metrics::describe_gauge!("concordat_power_connected", "Voting power that is connected, the node's own included");
    metrics::describe_gauge!("concordat_power_quorum", "The least voting power that can decide");
    metrics::describe_gauge!("concordat_power_registered", "All voting power");
    metrics::describe_gauge!("concordat_clock_alarm", "1 where the clock differs from that of most validators");
    metrics::describe_gauge!("concordat_peer_connected", "1 where the stream to the peer is open");
    metrics::describe_gauge!("concordat_peer_height", "Height that the peer says it has committed");
    metrics::describe_gauge!("concordat_peer_clock_offset_seconds", "The peer's clock less ours");
    metrics::describe_counter!("concordat_peer_sent_bytes_total", "Messages sent to the peer");
    metrics::describe_counter!("concordat_peer_received_bytes_total", "Messages received from the peer");
    metrics::describe_counter!("concordat_peer_dropped_total", "Messages dropped because the peer was too slow");
    metrics::describe_counter!("concordat_peer_offences_total", "Breaches of the protocol by the peer");
    metrics::describe_counter!("concordat_tls_refused_total", "Handshakes refused for an unknown key");
    metrics::describe_counter!("concordat_alarms_total", "Alarms by kind");
    metrics::describe_counter!("concordat_log_bytes_total", "Bytes appended to the consensus log");
    metrics::describe_gauge!("concordat_inputs_queued", "Inputs that wait for the replica thread");
    metrics::describe_gauge!("concordat_waiting_clients", "Submissions that wait for their block");
    metrics::describe_gauge!("concordat_index_height", "Height up to which the index reaches");
    metrics::describe_gauge!("concordat_index_lag_heights", "Committed heights that the index has not taken in");
    metrics::describe_gauge!("concordat_index_bytes", "Index on disk and in memory, by part");
    metrics::describe_histogram!("concordat_index_write_seconds", "One write of the index: some blocks");
    metrics::describe_gauge!("concordat_disk_free_bytes", "Room left on the file system of the data folder");
    metrics::describe_gauge!("concordat_disk_total_bytes", "Size of the file system of the data folder");
    metrics::describe_gauge!("concordat_store_bytes", "Store on disk and in memory, by part");
    Collector::default().describe();
}

pub fn observe_commit(block: &CommittedBlock, interval: Duration) {
    histogram!("concordat_block_interval_seconds").record(interval.as_secs_f64());
    histogram!("concordat_block_transfers_size").record(block.transfers as f64);
    counter!("concordat_transactions_total").increment(block.transactions.len() as u64);
    counter!("concordat_transfers_total").increment(block.transfers as u64);
    gauge!("concordat_block_time_seconds_unix").set(block.header.time.0 as f64 / 1000.0);
}

/// Of the block that was committed just now.
pub fn observe_signers(telemetry: &Telemetry) {
    for (member, _) in &telemetry.validators_away {
        let signed = telemetry.last_signers.contains(member);
        counter!("concordat_validator_signatures_total", "member" => member.to_string()).increment(u64::from(signed));
    }
}

pub fn observe_telemetry(telemetry: &Telemetry) {
    gauge!("concordat_height").set(telemetry.height.0 as f64);
    gauge!("concordat_round").set(telemetry.round.map_or(-1.0, |round| f64::from(round.0)));
    gauge!("concordat_mempool_transactions").set(telemetry.mempool_transactions as f64);
    gauge!("concordat_mempool_bytes").set(telemetry.mempool_bytes as f64);
    gauge!("concordat_validating").set(f64::from(telemetry.is_validator));
    gauge!("concordat_signing").set(f64::from(telemetry.signing));
    gauge!("concordat_syncing").set(f64::from(telemetry.syncing));
    gauge!("concordat_clock_alarm").set(f64::from(telemetry.clock_alarm));
    counter!("concordat_log_bytes_total").absolute(telemetry.log_bytes_written);
    for (member, is_away) in &telemetry.validators_away {
        gauge!("concordat_validator_away", "member" => member.to_string()).set(f64::from(*is_away));
    }
    for peer in &telemetry.peers {
        gauge!("concordat_peer_height", "peer" => peer.member.to_string()).set(peer.tip.0 as f64);
        gauge!("concordat_peer_clock_offset_seconds", "peer" => peer.member.to_string())
            .set(peer.clock_offset_ms as f64 / 1000.0);
    }
}

/// The text of /metrics.
pub fn render(shared: &Shared, handle: &PrometheusHandle) -> String {
    Collector::default().collect();
    gauge!("concordat_inputs_queued").set(shared.inputs.len() as f64);
    gauge!("concordat_waiting_clients").set(shared.tickets.len() as f64);
    if let Some(power) = Power::reached(shared) {
        gauge!("concordat_power_connected").set(power.connected as f64);
        gauge!("concordat_power_quorum").set(power.quorum as f64);
        gauge!("concordat_power_registered").set(power.total as f64);
    }
    // A folder that cannot be asked for its room will soon end the node by a failed write.
    if let Ok(room) = Room::of(&shared.config.data) {
        gauge!("concordat_disk_free_bytes").set(room.free_bytes as f64);
        gauge!("concordat_disk_total_bytes").set(room.total_bytes as f64);
    }
    observe_sizes("concordat_store_bytes", &shared.store.sizes());
    if let Some((height, sizes)) = shared.index.sizes() {
        let tip = shared.view.load().height;
        gauge!("concordat_index_height").set(height.0 as f64);
        gauge!("concordat_index_lag_heights").set(tip.0.saturating_sub(height.0) as f64);
        observe_sizes("concordat_index_bytes", &sizes);
    }
    handle.render()
}

fn observe_sizes(name: &'static str, sizes: &StoreSizes) {
    for (part, bytes) in [
        ("disk", sizes.disk_bytes),
        ("write_buffers", sizes.write_buffers_bytes),
        ("block_cache", sizes.block_cache_bytes),
        ("compaction_pending", sizes.compaction_pending_bytes),
    ] {
        gauge!(name, "part" => part).set(bytes as f64);
    }
}

/// docs/operations.md, Alarms.
const ALARM_KINDS: &[&str] = &[
    "stopped_signing",
    "invalid_proposal",
    "invalid_polka",
    "sign_refused",
    "equivocation",
    "quarantined",
    "clock_offset",
    "index_failed",
];
const SECONDS: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const SIZES: [f64; 8] = [0.0, 1.0, 10.0, 100.0, 1_000.0, 5_000.0, 10_000.0, 32_768.0];
