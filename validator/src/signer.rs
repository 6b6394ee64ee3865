//! Signs with a key file and its record: check, record, sync, sign.

use crate::{
    keystore::ConsensusKey,
    record::{self, Entry, OpenRecord, OpenRecordError, RecordFile},
    safety::{Binding, Decision, RECENT_VOTES_MAX, SignRecordState},
};
use concordat_replica::signer::{SignRefused, Signer, SignerError};
use concordat_types::{BlockId, BlsPublicKey, BlsSignature, Height, NetworkId, Vote};
use std::{
    fs::File,
    io,
    path::Path,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

/// The signer over a key file.
#[derive(Debug)]
pub struct FileSigner {
    key: ConsensusKey,
    binding: Binding,
    /// Holds all that was prepared, durable or not.
    state: SignRecordState,
    /// Prepared, not yet given to the syncer.
    pending: Vec<Vote>,
    /// Given to the syncer, which has not answered yet.
    in_flight: Option<Vec<Vote>>,
    /// Made durable by the last sync. They may be of an earlier height than the newest on record.
    released: Vec<Vote>,
    next_sequence: u64,
    /// Of the record file, once the syncer is done.
    length: usize,
    syncer: Syncer,
    /// After the first failure nothing is believed any more.
    failed: Option<SignerError>,
    _lock: File,
}

impl FileSigner {
    /// Opens the record of the key and binds it to the network and epoch, durably, before anything is signed.
    pub fn open(
        key: ConsensusKey,
        record_path: &Path,
        network: NetworkId,
        epoch: u32,
    ) -> Result<FileSigner, OpenRecordError> {
        let OpenRecord { mut file, mut state, mut next_sequence, lock, .. } =
            record::open(record_path, key.public_key())?;
        let binding = Binding { network, epoch };
        state.check_binding(binding).map_err(OpenRecordError::Bind)?;
        state.bind(binding);
        let io_error = |source: io::Error| OpenRecordError::Io { path: record_path.into(), source };
        // What was read may be in the page cache alone, after a crash between write and sync or a sync that failed: it is
        // written anew and synced before anything is signed on the strength of it.
        let content = record::compacted(next_sequence, key.public_key(), &state);
        file.replace(&content).map_err(io_error)?;
        next_sequence += 1;
        let length = content.len();
        let syncer = Syncer::start(file).map_err(io_error)?;
        let (pending, in_flight, released, failed) = (Vec::new(), None, Vec::new(), None);
        let signer = FileSigner {
            key,
            binding,
            state,
            pending,
            in_flight,
            released,
            next_sequence,
            length,
            syncer,
            failed,
            _lock: lock,
        };
        Ok(signer)
    }

    fn check_alive(&self) -> Result<(), SignerError> {
        self.failed.clone().map_or(Ok(()), Err)
    }

    fn fail<T>(&mut self, what: impl ToString) -> Result<T, SignerError> {
        self.fail_with(SignerError::Broken(what.to_string()))
    }

    fn fail_with<T>(&mut self, error: SignerError) -> Result<T, SignerError> {
        self.failed = Some(error.clone());
        Err(error)
    }
}

impl Signer for FileSigner {
    fn public_key(&self) -> BlsPublicKey {
        self.key.public_key()
    }

    fn prepare(&mut self, votes: &[Vote]) -> Result<Vec<Result<(), SignRefused>>, SignerError> {
        self.check_alive()?;
        let mut answers = Vec::with_capacity(votes.len());
        for vote in votes {
            answers.push(match self.state.decide(vote) {
                Decision::Refused(refused) => Err(refused),
                Decision::Same => Ok(()),
                Decision::New if self.pending.len() == PENDING_VOTES_MAX => {
                    return self.fail(format!("more than {PENDING_VOTES_MAX} votes between two syncs"));
                }
                Decision::New => {
                    self.state.record(*vote);
                    self.pending.push(*vote);
                    Ok(())
                }
            });
        }
        Ok(answers)
    }

    fn begin_sync(&mut self) -> Result<(), SignerError> {
        self.check_alive()?;
        if self.in_flight.is_some() {
            return self.fail("a sync was begun before the last one ended");
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        let entries: Vec<Entry> = self.pending.iter().map(|vote| Entry::Vote(*vote)).collect();
        let frame = record::frame(self.next_sequence, &entries);
        let job = if self.length + frame.len() > record::COMPACT_ABOVE_BYTES {
            let content = record::compacted(self.next_sequence, self.key.public_key(), &self.state);
            self.length = content.len();
            Job::Replace(content)
        } else {
            self.length += frame.len();
            Job::Append(frame)
        };
        self.next_sequence += 1;
        self.in_flight = Some(std::mem::take(&mut self.pending));
        if let Err(error) = self.syncer.submit(job) {
            return self.fail(error);
        }
        Ok(())
    }

    fn end_sync(&mut self) -> Result<(), SignerError> {
        self.check_alive()?;
        if self.in_flight.is_none() {
            return Ok(());
        }
        if let Err(error) = self.syncer.wait() {
            return self.fail_with(error);
        }
        self.released = self.in_flight.take().unwrap_or_default();
        Ok(())
    }

    fn sign(&mut self, vote: &Vote) -> Result<BlsSignature, SignerError> {
        self.check_alive()?;
        if self.pending.contains(vote) || self.in_flight.as_ref().is_some_and(|votes| votes.contains(vote)) {
            return self.fail("a vote was to be signed whose record is not durable");
        }
        if !self.released.contains(vote) && self.state.decide(vote) != Decision::Same {
            return self.fail("a vote was to be signed that was not prepared");
        }
        Ok(self.key.sign_unrecorded(vote, self.binding.network, self.binding.epoch))
    }

    fn sign_caught_up(
        &mut self,
        network: &NetworkId,
        height: Height,
        block: &BlockId,
    ) -> Result<BlsSignature, SignerError> {
        self.check_alive()?;
        Ok(self.key.sign_caught_up(network, height, block))
    }

    fn recent(&self) -> Vec<Vote> {
        self.state.recent().copied().collect()
    }
}

/// All of them fit one frame.
const PENDING_VOTES_MAX: usize = RECENT_VOTES_MAX;

enum Job {
    Append(Vec<u8>),
    Replace(Vec<u8>),
}

/// The thread that writes the record, so that it syncs while the replica's log does.
#[derive(Debug)]
struct Syncer {
    // One job at a time: `begin_sync` waits for nothing, `end_sync` for its answer.
    jobs: SyncSender<Job>,
    answers: Receiver<io::Result<()>>,
}

impl Syncer {
    /// The thread ends when the signer is dropped, or after the first failure.
    fn start(mut file: RecordFile) -> io::Result<Syncer> {
        let (jobs, queue) = sync_channel::<Job>(1);
        let (reply, answers) = sync_channel(1);
        let run = move || {
            for job in queue {
                let done = match job {
                    Job::Append(frame) => file.append(&frame),
                    Job::Replace(content) => file.replace(&content),
                };
                let failed = done.is_err();
                if reply.send(done).is_err() || failed {
                    return;
                }
            }
        };
        thread::Builder::new().name("sign-record".into()).spawn(run)?;
        Ok(Syncer { jobs, answers })
    }

    fn submit(&self, job: Job) -> Result<(), &'static str> {
        self.jobs.try_send(job).map_err(|_| "the thread that syncs it has ended")
    }

    fn wait(&self) -> Result<(), SignerError> {
        let ended = |_| SignerError::Broken("the thread that syncs it has ended".to_owned());
        self.answers.recv().map_err(ended)?.map_err(|error| SignerError::Disk(error.to_string()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
