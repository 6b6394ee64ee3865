//! The consensus key of a simulated validator: the production rules of the sign record, over a record that forgets what
//! was not synced.

use concordat_replica::signer::{SignRefused, Signer, SignerError};
use concordat_types::{BlockId, BlsPublicKey, BlsSignature, Height, NetworkId, Vote};
use concordat_validator::{
    keystore::ConsensusKey,
    safety::{Binding, Decision, SignRecordState},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[derive(Debug)]
struct Record {
    now: SignRecordState,
    durable: SignRecordState,
    /// Of the sync under way, and what the last one made durable: the record itself keeps its newest height alone.
    pending: Vec<Vote>,
    released: Vec<Vote>,
}

/// Survives the crash of the node.
#[derive(Clone, Debug)]
pub struct SimRecord(Arc<Mutex<Record>>);

impl SimRecord {
    pub fn new(network: NetworkId) -> SimRecord {
        let mut state = SignRecordState::new(Height(0));
        state.bind(Binding { network, epoch: 0 });
        let (now, durable) = (state.clone(), state);
        SimRecord(Arc::new(Mutex::new(Record { now, durable, pending: Vec::new(), released: Vec::new() })))
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn crash(&self) {
        let mut record = self.record();
        record.now = record.durable.clone();
        record.pending.clear();
        record.released.clear();
    }
}

#[derive(Debug)]
pub struct SimSigner {
    key: Arc<ConsensusKey>,
    network: NetworkId,
    record: SimRecord,
}

impl SimSigner {
    pub fn new(key: Arc<ConsensusKey>, network: NetworkId, record: SimRecord) -> SimSigner {
        SimSigner { key, network, record }
    }
}

impl Signer for SimSigner {
    fn public_key(&self) -> BlsPublicKey {
        self.key.public_key()
    }

    fn prepare(&mut self, votes: &[Vote]) -> Result<Vec<Result<(), SignRefused>>, SignerError> {
        let mut record = self.record.record();
        let mut verdicts = Vec::new();
        for vote in votes {
            verdicts.push(match record.now.decide(vote) {
                Decision::New => {
                    record.now.record(*vote);
                    record.pending.push(*vote);
                    Ok(())
                }
                Decision::Same => Ok(()),
                Decision::Refused(refused) => Err(refused),
            });
        }
        Ok(verdicts)
    }

    fn begin_sync(&mut self) -> Result<(), SignerError> {
        Ok(())
    }

    fn end_sync(&mut self) -> Result<(), SignerError> {
        let mut record = self.record.record();
        record.durable = record.now.clone();
        record.released = std::mem::take(&mut record.pending);
        Ok(())
    }

    fn sign(&mut self, vote: &Vote) -> Result<BlsSignature, SignerError> {
        let record = self.record.record();
        let recorded = record.released.contains(vote) || record.durable.recent().any(|recorded| recorded == vote);
        if !recorded {
            return Err(SignerError::Broken("asked to sign what is not durable in the record".to_owned()));
        }
        Ok(self.key.sign_unrecorded(vote, self.network, 0))
    }

    fn sign_caught_up(
        &mut self,
        network: &NetworkId,
        height: Height,
        block: &BlockId,
    ) -> Result<BlsSignature, SignerError> {
        Ok(self.key.sign_caught_up(network, height, block))
    }

    fn recent(&self) -> Vec<Vote> {
        self.record.record().now.recent().copied().collect()
    }
}
