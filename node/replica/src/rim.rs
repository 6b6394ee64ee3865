//! Where foreign bytes become checked values: decoding under bounds, form, client signatures. Used by the product's
//! verify pool and by the simulator alike.

use crate::{
    io::{CheckedBatch, CheckedMessage},
    message::Message,
};
use concordat_crypto::{CheckError, check_transactions};
use concordat_types::{
    Batch, BatchDigest, BodyRef, CheckedTransaction, DecodeError, NetworkId, Parameters, SignedTransaction, Verified,
    decode, transaction::FormRules,
};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RimError {
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Transaction(#[from] CheckError),
    #[error("a batch holds no transaction")]
    EmptyBatch,
    #[error("a batch holds {got} payments, at most {max}")]
    TooManyTransfers { got: usize, max: usize },
    #[error("the message names more than {max} things where it has {got}")]
    TooMany { got: usize, max: usize },
}

/// Shared by the threads that check. It remembers batches that it has checked, because a small body comes twice: ahead
/// of the proposal and with it.
pub struct Rim {
    rules: FormRules,
    batch_bytes_max: usize,
    checked: Mutex<Recent>,
}

#[derive(Default)]
struct Recent {
    batches: BTreeMap<BatchDigest, Arc<CheckedBatch>>,
    order: VecDeque<BatchDigest>,
    bytes: usize,
}

impl std::fmt::Debug for Rim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rim({:?})", self.rules)
    }
}

impl Rim {
    pub fn new(network: NetworkId, parameters: &Parameters) -> Rim {
        Rim {
            rules: FormRules {
                network,
                tx_bytes_max: parameters.tx_bytes_max as usize,
                transfers_per_tx_max: parameters.transfers_per_tx_max as usize,
            },
            batch_bytes_max: batch_bytes_max(parameters),
            checked: Mutex::new(Recent::default()),
        }
    }

    /// A message of a peer.
    pub fn check_message(&self, bytes: &[u8]) -> Result<CheckedMessage, RimError> {
        let message: Message = decode(bytes, Message::BYTES_MAX)?;
        let batches = match &message {
            Message::Batch(batch) => vec![self.check_batch(batch)?],
            Message::Proposal(proposal) => {
                at_most(proposal.body.len(), BODY_REFS_MAX)?;
                at_most(proposal.evidence.len(), concordat_types::Body::EVIDENCE_MAX)?;
                let inline = proposal.body.iter().filter_map(|part| match part {
                    BodyRef::Inline(batch) => Some(batch),
                    BodyRef::Digest(_) => None,
                });
                inline.map(|batch| self.check_batch(batch)).collect::<Result<_, _>>()?
            }
            Message::Blocks(blocks) => {
                at_most(blocks.len(), SYNC_BLOCKS_MAX)?;
                let batches = blocks.iter().flat_map(|certified| &certified.block.body.batches);
                batches.map(|batch| self.check_batch(batch)).collect::<Result<_, _>>()?
            }
            Message::BatchAck(digests) | Message::BatchRequest(digests) => {
                at_most(digests.len(), BODY_REFS_MAX)?;
                Vec::new()
            }
            Message::RoundCertificate { votes, certificates } => {
                at_most(certificates.len(), ROUND_CERTIFICATES_MAX)?;
                at_most(votes.len(), 2 * concordat_types::ValidatorSet::VALIDATORS_MAX)?;
                Vec::new()
            }
            Message::Status(status) => {
                at_most(status.held.len(), HELD_ROUNDS_MAX)?;
                Vec::new()
            }
            Message::Vote(_)
            | Message::Certificate(_)
            | Message::ProposalRequest { .. }
            | Message::BlockRequest { .. }
            | Message::Clock { .. } => Vec::new(),
        };
        Ok(CheckedMessage { message, batches })
    }

    /// Transactions of clients, each the canonical encoding of a `SignedTransaction`.
    pub fn check_submissions(
        &self,
        submissions: Vec<Vec<u8>>,
    ) -> Vec<Result<Arc<Verified<CheckedTransaction>>, RimError>> {
        let bytes_max = self.rules.tx_bytes_max + SIGNATURES_BYTES_MAX;
        let decoded: Vec<Result<SignedTransaction, DecodeError>> =
            submissions.iter().map(|bytes| decode(bytes, bytes_max)).collect();
        let good = decoded.iter().filter_map(|item| item.as_ref().ok().cloned()).collect();
        let mut checked = check_transactions(good, &self.rules).into_iter();
        let judge = |item: Result<SignedTransaction, DecodeError>| {
            item?;
            let checked = checked.next().expect("one verdict for each that decoded")?;
            Ok(Arc::new(checked))
        };
        decoded.into_iter().map(judge).collect()
    }

    pub fn check_batch(&self, bytes: &[u8]) -> Result<Arc<CheckedBatch>, RimError> {
        let digest = Batch::digest_of(bytes);
        if let Some(known) = self.recent().batches.get(&digest) {
            return Ok(known.clone());
        }
        let batch = Batch::from_bytes(bytes, self.batch_bytes_max)?;
        if batch.transactions.is_empty() {
            return Err(RimError::EmptyBatch);
        }
        let transactions = check_transactions(batch.transactions, &self.rules)
            .into_iter()
            .map(|checked| Ok(Arc::new(checked?)))
            .collect::<Result<Vec<_>, CheckError>>()?;
        // More than a block's worth of work in few bytes would stand at the head of everybody's mempool for ever.
        let max = self.rules.transfers_per_tx_max;
        let got = transactions.iter().map(|checked| checked.transaction.transfers_count()).sum();
        if got > max {
            return Err(RimError::TooManyTransfers { got, max });
        }
        let checked = Arc::new(CheckedBatch { digest, bytes: bytes.into(), transactions });
        self.recent().insert(checked.clone());
        Ok(checked)
    }

    /// A panic elsewhere cannot leave the cache half-written in a way that matters: each entry is whole.
    fn recent(&self) -> std::sync::MutexGuard<'_, Recent> {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Recent {
    fn insert(&mut self, batch: Arc<CheckedBatch>) {
        if self.batches.contains_key(&batch.digest) {
            return;
        }
        self.bytes += batch.bytes.len();
        self.order.push_back(batch.digest);
        self.batches.insert(batch.digest, batch);
        while self.bytes > RECENT_BYTES_MAX && self.order.len() > 1 {
            let oldest = self.order.pop_front().expect("more than one");
            let gone = self.batches.remove(&oldest).expect("order and batches hold the same digests");
            self.bytes -= gone.bytes.len();
        }
    }
}

fn at_most(got: usize, max: usize) -> Result<(), RimError> {
    if got > max { Err(RimError::TooMany { got, max }) } else { Ok(()) }
}

/// One transaction of the largest size, or many small ones.
pub fn batch_bytes_max(parameters: &Parameters) -> usize {
    parameters.tx_bytes_max as usize + SIGNATURES_BYTES_MAX + 1024
}

/// Sixteen signatures with their keys and lengths.
const SIGNATURES_BYTES_MAX: usize = SignedTransaction::SIGNATURES_MAX * 96 + 64;
/// Parts of a body; a block of the largest number of smallest transactions has fewer batches.
pub const BODY_REFS_MAX: usize = 4096;
/// Blocks in one answer of sync.
pub const SYNC_BLOCKS_MAX: usize = 64;
/// A polka and a commit, of two valid rounds at most.
const ROUND_CERTIFICATES_MAX: usize = 4;
/// This round and the last.
const HELD_ROUNDS_MAX: usize = 2;
/// Batches are needed again within a second or two.
const RECENT_BYTES_MAX: usize = 24 << 20;
