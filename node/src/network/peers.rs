//! The other nodes as the replica's effects reach them, and what is held against a peer that broke the protocol.

use super::queue::PeerQueue;
use bytes::Bytes;
use concordat_replica::message::Priority;
use concordat_types::MemberId;
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

#[derive(Debug, Default)]
pub struct Peers {
    peers: Mutex<BTreeMap<MemberId, Peer>>,
}

#[derive(Debug, Default)]
struct Peer {
    queue: Option<Arc<PeerQueue>>,
    /// Ends the stream that the peer has open to us.
    inbound: Option<CancellationToken>,
    /// Ends the stream that we have open to the peer.
    outbound: Option<CancellationToken>,
    offences: u32,
    refused_until: Option<Instant>,
}

impl Peers {
    /// A dialler works for this peer.
    pub fn add(&self, peer: MemberId, queue: Arc<PeerQueue>) {
        // One that never answers is missing too.
        metrics::gauge!("concordat_peer_connected", "peer" => peer.to_string()).set(0);
        metrics::counter!("concordat_peer_offences_total", "peer" => peer.to_string()).increment(0);
        self.peers.lock().entry(peer).or_default().queue = Some(queue);
    }

    pub fn remove(&self, peer: &MemberId) {
        if let Some(gone) = self.peers.lock().remove(peer) {
            gone.inbound.iter().chain(&gone.outbound).for_each(CancellationToken::cancel);
        }
    }

    pub fn send(&self, peer: &MemberId, priority: Priority, message: Bytes) {
        let queue = self.peers.lock().get(peer).and_then(|peer| peer.queue.clone());
        if let Some(queue) = queue {
            queue.push(priority, message);
        }
    }

    pub fn broadcast(&self, priority: Priority, message: &Bytes) {
        for peer in self.peers.lock().values() {
            if let Some(queue) = &peer.queue {
                queue.push(priority, message.clone());
            }
        }
    }

    /// A new stream of the peer takes the place of its old one. Err: how long the peer is still refused.
    pub fn open_inbound(&self, peer: MemberId) -> Result<CancellationToken, Duration> {
        let mut peers = self.peers.lock();
        let peer = peers.entry(peer).or_default();
        let left = peer.refused_until.map(|until| until.saturating_duration_since(Instant::now()));
        if let Some(left) = left.filter(|left| !left.is_zero()) {
            return Err(left);
        }
        let ended = CancellationToken::new();
        if let Some(old) = peer.inbound.replace(ended.clone()) {
            old.cancel();
        }
        Ok(ended)
    }

    pub fn open_outbound(&self, peer: MemberId) -> CancellationToken {
        let ended = CancellationToken::new();
        self.peers.lock().entry(peer).or_default().outbound = Some(ended.clone());
        ended
    }

    /// Ends both streams; the peer is let in again after a pause that grows with each offence, never banned for ever.
    pub fn punish(&self, peer: MemberId, reason: &str) {
        let mut peers = self.peers.lock();
        let entry = peers.entry(peer).or_default();
        entry.offences = (entry.offences + 1).min(OFFENCES_MAX);
        let pause = REFUSED_MIN * 2u32.pow(entry.offences - 1);
        entry.refused_until = Some(Instant::now() + pause);
        entry.inbound.iter().chain(&entry.outbound).for_each(CancellationToken::cancel);
        metrics::counter!("concordat_peer_offences_total", "peer" => peer.to_string()).increment(1);
        tracing::warn!(%peer, reason, pause_ms = pause.as_millis() as u64, code = "E_BAD_PEER", "peer disconnected");
    }

    /// It has behaved for a while.
    pub fn forgive(&self, peer: &MemberId) {
        if let Some(peer) = self.peers.lock().get_mut(peer) {
            peer.offences = 0;
        }
    }
}

const REFUSED_MIN: Duration = Duration::from_millis(500);
/// 500 ms doubled six times: half a minute.
const OFFENCES_MAX: u32 = 7;
