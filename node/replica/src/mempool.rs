//! Transactions that wait for a block, in the batches in which they travel.

use crate::{io::CheckedBatch, rim};
use concordat_types::{
    BatchDigest, CheckedTransaction, MemberId, Parameters, Timestamp, TransactionHash, ValidatorSet, Verified,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

pub type Checked = Arc<Verified<CheckedTransaction>>;

#[derive(Debug)]
pub struct Mempool {
    bytes_max: usize,
    batches: BTreeMap<BatchDigest, Entry>,
    /// In order of arrival.
    order: BTreeMap<u64, BatchDigest>,
    next_number: u64,
    /// Which batches hold a transaction that waits.
    holders: BTreeMap<TransactionHash, Vec<BatchDigest>>,
    /// Taken from clients here, not in a batch yet.
    open: VecDeque<Checked>,
    cost: usize,
    cost_by_author: BTreeMap<MemberId, usize>,
    /// Batches by the time after which none of their transactions can be in a block.
    dead_after: BTreeSet<(Timestamp, BatchDigest)>,
}

#[derive(Debug)]
struct Entry {
    batch: Arc<CheckedBatch>,
    author: MemberId,
    /// Members that said they hold it.
    acknowledged: BTreeSet<MemberId>,
    number: u64,
    /// Transactions not committed yet.
    left: BTreeSet<TransactionHash>,
    last_valid_until: Timestamp,
    sent_ms: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

impl Mempool {
    pub fn new(bytes_max: usize) -> Mempool {
        Mempool {
            bytes_max,
            batches: BTreeMap::new(),
            order: BTreeMap::new(),
            next_number: 0,
            holders: BTreeMap::new(),
            open: VecDeque::new(),
            cost: 0,
            cost_by_author: BTreeMap::new(),
            dead_after: BTreeSet::new(),
        }
    }

    #[cfg(test)]
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty() && self.open.is_empty()
    }

    pub fn transactions_count(&self) -> usize {
        self.holders.len()
    }

    pub fn bytes(&self) -> usize {
        self.cost
    }

    pub fn holds_transaction(&self, hash: &TransactionHash) -> bool {
        self.holders.contains_key(hash)
    }

    pub fn batch(&self, digest: &BatchDigest) -> Option<&Arc<CheckedBatch>> {
        self.batches.get(digest).map(|entry| &entry.batch)
    }

    /// From a client of this node.
    pub fn try_push(&mut self, transaction: Checked) -> Result<(), Full> {
        let cost = COST_FACTOR * transaction.signed.bytes.len();
        if self.cost + cost > self.bytes_max {
            return Err(Full);
        }
        self.cost += cost;
        self.holders.entry(transaction.hash).or_default();
        self.open.push_back(transaction);
        Ok(())
    }

    /// Makes batches of what clients have handed in since the last time.
    pub fn cut(&mut self, me: MemberId, parameters: &Parameters, now_ms: u64) -> Vec<Arc<CheckedBatch>> {
        let bytes_max = rim::batch_bytes_max(parameters);
        let transfers_max = parameters.transfers_per_tx_max as usize;
        let mut made = Vec::new();
        while !self.open.is_empty() {
            let mut transactions: Vec<Checked> = Vec::new();
            let mut bytes = 4;
            let mut transfers = 0;
            while let Some(next) = self.open.front() {
                let more = encoded_len(next);
                let next_transfers = next.transaction.transfers_count();
                let is_full = bytes + more > bytes_max
                    || transactions.len() >= BATCH_TRANSACTIONS_MAX
                    || transfers + next_transfers > transfers_max;
                if !transactions.is_empty() && is_full {
                    break;
                }
                bytes += more;
                transfers += next_transfers;
                self.cost -= COST_FACTOR * next.signed.bytes.len();
                transactions.extend(self.open.pop_front());
            }
            let batch = batch_of(transactions);
            self.put(batch.clone(), me, now_ms);
            made.push(batch);
        }
        made
    }

    /// From a peer. Refused where its author has more than its share here, or all is full.
    pub fn try_insert(&mut self, batch: Arc<CheckedBatch>, author: MemberId, now_ms: u64) -> Result<(), Full> {
        if self.batches.contains_key(&batch.digest) {
            return Ok(());
        }
        let cost = COST_FACTOR * batch.bytes.len();
        let of_author = self.cost_by_author.get(&author).copied().unwrap_or(0);
        if self.cost + cost > self.bytes_max || of_author + cost > self.bytes_max / AUTHOR_SHARE {
            return Err(Full);
        }
        self.put(batch, author, now_ms);
        Ok(())
    }

    fn put(&mut self, batch: Arc<CheckedBatch>, author: MemberId, now_ms: u64) {
        let digest = batch.digest;
        let cost = COST_FACTOR * batch.bytes.len();
        self.cost += cost;
        *self.cost_by_author.entry(author).or_default() += cost;
        let left: BTreeSet<_> = batch.transactions.iter().map(|checked| checked.hash).collect();
        for hash in &left {
            self.holders.entry(*hash).or_default().push(digest);
        }
        let last_valid_until =
            batch.transactions.iter().map(|checked| checked.transaction.valid_until).max().unwrap_or_default();
        self.dead_after.insert((last_valid_until, digest));
        let number = self.next_number;
        self.next_number += 1;
        self.order.insert(number, digest);
        let acknowledged = BTreeSet::from([author]);
        self.batches
            .insert(digest, Entry { batch, author, acknowledged, number, left, last_valid_until, sent_ms: now_ms });
    }

    pub fn acknowledge(&mut self, digest: &BatchDigest, member: MemberId) {
        if let Some(entry) = self.batches.get_mut(digest) {
            entry.acknowledged.insert(member);
        }
    }

    /// Do validators with more than two thirds of the power, this node among them, hold the batch?
    pub fn is_held_by_quorum(&self, digest: &BatchDigest, me: MemberId, validators: &ValidatorSet) -> bool {
        let Some(entry) = self.batches.get(digest) else { return false };
        let holders = entry.acknowledged.iter().chain(Some(&me).filter(|me| !entry.acknowledged.contains(me)));
        let power = holders.filter_map(|member| validators.index_of(member)).map(|index| validators.power(index)).sum();
        validators.is_quorum(power)
    }

    /// What the next block may hold: in order of arrival, as much as fits, and beyond the first batch no more payments than
    /// the target. A batch of which part is committed already or
    /// may not be in a block of this time is cut anew, without that part.
    pub fn select(
        &self,
        parameters: &Parameters,
        transfers_target: usize,
        may_include: &dyn Fn(&CheckedTransaction) -> bool,
    ) -> Vec<Arc<CheckedBatch>> {
        // Room for header, certificate and evidence is not part of this bound: they are bounded by the message.
        let bytes_max = parameters.block_bytes_max as usize;
        let (mut bytes, mut transfers) = (0, 0);
        let mut taken = BTreeSet::new();
        let mut selected = Vec::new();
        for digest in self.order.values() {
            let entry = &self.batches[digest];
            let fits = |checked: &Checked| {
                entry.left.contains(&checked.hash) && !taken.contains(&checked.hash) && may_include(checked)
            };
            let batch = if entry.batch.transactions.iter().all(fits) {
                entry.batch.clone()
            } else {
                let rest: Vec<Checked> =
                    entry.batch.transactions.iter().filter(|checked| fits(checked)).cloned().collect();
                if rest.is_empty() {
                    continue;
                }
                batch_of(rest)
            };
            let more: usize = batch.transactions.iter().map(|checked| checked.transaction.transfers_count()).sum();
            if bytes + batch.bytes.len() > bytes_max
                || transfers + more > parameters.block_transfers_max as usize
                || (transfers + more > transfers_target && !selected.is_empty())
                || selected.len() >= rim::BODY_REFS_MAX
            {
                // What does not even fit into an empty block must not keep others out.
                if selected.is_empty() {
                    continue;
                }
                break;
            }
            bytes += batch.bytes.len();
            transfers += more;
            taken.extend(batch.transactions.iter().map(|checked| checked.hash));
            selected.push(batch);
        }
        selected
    }

    /// Is there anything that a block could hold now? Stops at the first.
    pub fn has_includable(&self, may_include: &dyn Fn(&CheckedTransaction) -> bool) -> bool {
        let waits = |entry: &Entry| {
            entry.batch.transactions.iter().any(|checked| entry.left.contains(&checked.hash) && may_include(checked))
        };
        !self.open.is_empty() || self.order.values().any(|digest| waits(&self.batches[digest]))
    }

    /// These are in a committed block of this time.
    pub fn remove_committed(&mut self, hashes: impl Iterator<Item = TransactionHash>, time: Timestamp) {
        for hash in hashes {
            for digest in self.holders.remove(&hash).unwrap_or_default() {
                let Some(entry) = self.batches.get_mut(&digest) else { continue };
                entry.left.remove(&hash);
                if entry.left.is_empty() {
                    self.drop_batch(&digest);
                }
            }
        }
        let dead = |(until, _): &&(Timestamp, BatchDigest)| *until < time;
        let dead: Vec<_> = self.dead_after.iter().take_while(dead).map(|(_, digest)| *digest).collect();
        dead.iter().for_each(|digest| self.drop_batch(digest));
    }

    fn drop_batch(&mut self, digest: &BatchDigest) {
        let Some(entry) = self.batches.remove(digest) else { return };
        let cost = COST_FACTOR * entry.batch.bytes.len();
        self.cost -= cost;
        if let Some(of_author) = self.cost_by_author.get_mut(&entry.author) {
            *of_author -= cost;
        }
        self.order.remove(&entry.number);
        self.dead_after.remove(&(entry.last_valid_until, *digest));
        for hash in &entry.left {
            if let Some(holders) = self.holders.get_mut(hash) {
                holders.retain(|holder| holder != digest);
                if holders.is_empty() {
                    self.holders.remove(hash);
                }
            }
        }
    }

    /// Batches of this node that `peer` has not acknowledged and that were last sent before `before_ms`, at most `limit`.
    pub fn unacknowledged(
        &mut self,
        me: MemberId,
        peer: &MemberId,
        before_ms: u64,
        limit: usize,
    ) -> Vec<Arc<CheckedBatch>> {
        let waits =
            |entry: &&Entry| entry.author == me && !entry.acknowledged.contains(peer) && entry.sent_ms < before_ms;
        self.order
            .values()
            .map(|digest| &self.batches[digest])
            .filter(waits)
            .take(limit)
            .map(|entry| entry.batch.clone())
            .collect()
    }

    /// Was sent again now.
    pub fn mark_sent(&mut self, digests: impl Iterator<Item = BatchDigest>, now_ms: u64) {
        for digest in digests {
            if let Some(entry) = self.batches.get_mut(&digest) {
                entry.sent_ms = now_ms;
            }
        }
    }
}

fn encoded_len(checked: &Checked) -> usize {
    // Two length prefixes, key and signature each.
    8 + checked.signed.bytes.len() + 96 * checked.signed.signatures.len()
}

fn batch_of(transactions: Vec<Checked>) -> Arc<CheckedBatch> {
    Arc::new(CheckedBatch::of(transactions))
}

/// A transaction is held as its bytes, in its batch's bytes and decoded: about four times its size.
const COST_FACTOR: usize = 4;
/// No author may hold more than this part of the mempool.
const AUTHOR_SHARE: usize = 3;
/// Bounds the work of one check job; by bytes a batch is bounded already.
const BATCH_TRANSACTIONS_MAX: usize = 1024;

#[cfg(test)]
mod tests;
