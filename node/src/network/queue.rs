//! What is to be sent to one peer: three queues, drained by priority. The replica never waits for a peer: what is too
//! much is dropped and counted.

use bytes::Bytes;
use concordat_replica::message::Priority;
use concordat_types::{MemberId, ValidatorSet};
use parking_lot::Mutex;
use std::collections::VecDeque;
use tokio::sync::Notify;

#[derive(Debug)]
pub struct PeerQueue {
    peer: MemberId,
    lanes: Mutex<Lanes>,
    filled: Notify,
}

#[derive(Debug)]
struct Lanes {
    /// While nobody sends, nothing is kept: what is stale by the next connection only costs.
    up: bool,
    consensus: Lane,
    batch: Lane,
    sync: Lane,
}

#[derive(Debug)]
struct Lane {
    messages: VecDeque<Bytes>,
    bytes: usize,
    messages_max: usize,
}

impl PeerQueue {
    pub fn new(peer: MemberId, validators: usize) -> PeerQueue {
        let lane = |messages_max| Lane { messages: VecDeque::new(), bytes: 0, messages_max };
        let consensus = lane((4 * validators).clamp(CONSENSUS_MESSAGES_MIN, 4 * ValidatorSet::VALIDATORS_MAX));
        let lanes = Lanes { up: false, consensus, batch: lane(BATCHES_MAX), sync: lane(SYNC_MESSAGES_MAX) };
        PeerQueue { peer, lanes: Mutex::new(lanes), filled: Notify::new() }
    }

    pub fn set_up(&self, up: bool) {
        let mut lanes = self.lanes.lock();
        lanes.up = up;
        for priority in [Priority::Consensus, Priority::Batch, Priority::Sync] {
            let lane = lanes.of(priority);
            lane.messages.clear();
            lane.bytes = 0;
        }
    }

    /// The oldest gives way: a newer vote or batch is worth more, and what is lost is asked for again.
    pub fn push(&self, priority: Priority, message: Bytes) {
        let dropped = {
            let mut lanes = self.lanes.lock();
            if !lanes.up {
                return;
            }
            lanes.of(priority).push(message)
        };
        if dropped > 0 {
            let peer = self.peer.to_string();
            metrics::counter!("concordat_peer_dropped_total", "peer" => peer, "lane" => name(priority))
                .increment(dropped);
        }
        self.filled.notify_one();
    }

    /// Votes overtake batches, batches overtake sync.
    pub async fn next(&self) -> Bytes {
        loop {
            if let Some(message) = self.lanes.lock().pop() {
                return message;
            }
            self.filled.notified().await;
        }
    }
}

impl Lanes {
    fn of(&mut self, priority: Priority) -> &mut Lane {
        match priority {
            Priority::Consensus => &mut self.consensus,
            Priority::Batch => &mut self.batch,
            Priority::Sync => &mut self.sync,
        }
    }

    fn pop(&mut self) -> Option<Bytes> {
        [Priority::Consensus, Priority::Batch, Priority::Sync].into_iter().find_map(|priority| {
            let lane = self.of(priority);
            let message = lane.messages.pop_front()?;
            lane.bytes -= message.len();
            Some(message)
        })
    }
}

impl Lane {
    fn push(&mut self, message: Bytes) -> u64 {
        self.bytes += message.len();
        self.messages.push_back(message);
        let mut dropped = 0;
        while self.messages.len() > self.messages_max || (self.bytes > LANE_BYTES_MAX && self.messages.len() > 1) {
            let oldest = self.messages.pop_front().expect("there is at least the new one");
            self.bytes -= oldest.len();
            dropped += 1;
        }
        dropped
    }
}

fn name(priority: Priority) -> &'static str {
    match priority {
        Priority::Consensus => "consensus",
        Priority::Batch => "batch",
        Priority::Sync => "sync",
    }
}

/// A round of a small network, twice over.
const CONSENSUS_MESSAGES_MIN: usize = 64;
const BATCHES_MAX: usize = 1024;
/// Sync is pull: a peer that is behind has one request open.
const SYNC_MESSAGES_MAX: usize = 16;
/// Two of the largest messages.
const LANE_BYTES_MAX: usize = 40 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> PeerQueue {
        PeerQueue::new("bank-a".parse().expect("a valid literal"), 4)
    }

    fn drain(queue: &PeerQueue) -> Vec<Bytes> {
        std::iter::from_fn(|| queue.lanes.lock().pop()).collect()
    }

    #[test]
    fn votes_overtake_batches_and_batches_overtake_sync() {
        let queue = queue();
        queue.push(Priority::Consensus, Bytes::from_static(b"nobody sends"));
        queue.set_up(true);
        queue.push(Priority::Sync, Bytes::from_static(b"s"));
        queue.push(Priority::Batch, Bytes::from_static(b"b"));
        queue.push(Priority::Consensus, Bytes::from_static(b"v1"));
        queue.push(Priority::Consensus, Bytes::from_static(b"v2"));
        assert_eq!(drain(&queue), ["v1", "v2", "b", "s"]);
    }

    #[test]
    fn the_oldest_gives_way() {
        let queue = queue();
        queue.set_up(true);
        for vote in 0..100u8 {
            queue.push(Priority::Consensus, Bytes::copy_from_slice(&[vote]));
        }
        let left = drain(&queue);
        assert_eq!((left.len(), left[0][0], left[63][0]), (CONSENSUS_MESSAGES_MIN, 36, 99));
        for _ in 0..5 {
            queue.push(Priority::Batch, Bytes::from(vec![0; 15 << 20]));
        }
        assert_eq!(drain(&queue).len(), 2);
        queue.push(Priority::Batch, Bytes::from_static(b"stale"));
        queue.set_up(true);
        assert!(drain(&queue).is_empty());
    }
}
