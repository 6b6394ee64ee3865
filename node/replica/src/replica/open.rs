//! Start and recovery: the store's tip, then the log's decided blocks, then the height under way.

use super::{Fatal, bodies::Known, early::EarlyMessages};
use super::{Replica, ReplicaConfig};
use crate::{
    chain::{Chain, OpenChainError, Parts},
    disk::Disk,
    io::{CheckedBatch, Effect, Now},
    late::LatePrecommits,
    log::{LockRecord, Log, LogError, Record},
    mempool::Mempool,
    message::Proposal,
    rim::Rim,
    signer::{Signer, SignerError},
    store::Store,
    votes::VoteKeeper,
};
use concordat_consensus::{Consensus, HeightStart, Lock, Quorum};
use concordat_crypto::{attest_own_vote, verify_certificate, verify_vote, verify_votes};
use concordat_types::{BatchDigest, BodyRef, Certificate, Height, RECOVERY_EPOCH, SignedVote, Verified, Vote};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Chain(#[from] OpenChainError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Signer(#[from] SignerError),
    #[error("{0}")]
    Fatal(#[from] Fatal),
}

/// What the log says, sorted. Kept until the tip has passed its last height: after a power loss the store may be several
/// heights behind what this node has voted on.
#[derive(Default)]
pub(super) struct Logged {
    batches: BTreeMap<BatchDigest, Vec<u8>>,
    proposals: Vec<(Proposal, bool)>,
    decided: BTreeMap<Height, Certificate>,
    intents: Vec<Vote>,
    signed: Vec<SignedVote>,
    locks: Vec<LockRecord>,
    rounds: Vec<(Height, Vec<SignedVote>, Vec<Certificate>)>,
    height_max: Height,
}

impl Logged {
    fn new(records: Vec<Record>) -> Logged {
        let mut logged = Logged::default();
        for record in records {
            logged.height_max = logged.height_max.max(record.height().unwrap_or_default());
            match record {
                Record::Batch(bytes) => {
                    logged.batches.insert(concordat_types::Batch::digest_of(&bytes), bytes);
                }
                Record::Proposal { proposal, timely } => logged.proposals.push((*proposal, timely)),
                Record::Intent(vote) => logged.intents.push(vote),
                Record::Signed(signed) => logged.signed.push(signed),
                Record::Lock(lock) => logged.locks.push(lock),
                Record::RoundCertificate { height, votes, certificates } => {
                    logged.rounds.push((height, votes, certificates))
                }
                Record::Decided(certificate) => {
                    logged.decided.insert(certificate.height, certificate);
                }
            }
        }
        logged
    }

    fn checked_batches(&self, proposal: &Proposal, rim: &Rim) -> Vec<Arc<CheckedBatch>> {
        let bytes = proposal.body.iter().filter_map(|part| match part {
            BodyRef::Digest(digest) => self.batches.get(digest),
            BodyRef::Inline(bytes) => Some(bytes),
        });
        bytes.filter_map(|bytes| rim.check_batch(bytes).ok()).collect()
    }
}

impl Replica {
    pub fn open(
        config: ReplicaConfig,
        mut disk: Box<dyn Disk>,
        store: Box<dyn Store>,
        signer: Option<Box<dyn Signer>>,
        now: Now,
    ) -> Result<(Replica, Vec<Effect>), OpenError> {
        let (log, records) = Log::open(&mut *disk)?;
        let chain = Chain::open(&config.genesis, store)?;
        let logged = Logged::new(records);
        let validators = chain.validators.set().clone();
        let start = HeightStart { height: chain.tip.height.next(), validators, away: chain.away.clone(), me: None };
        let mut replica = Replica {
            me: config.member,
            now,
            keeper: VoteKeeper::new(chain.network(), RECOVERY_EPOCH),
            late: LatePrecommits::new(chain.network(), RECOVERY_EPOCH),
            chain,
            disk,
            log,
            signer,
            consensus: Consensus::new(start),
            mempool: Mempool::new(config.mempool_bytes_max),
            timers: BTreeSet::new(),
            known: BTreeMap::new(),
            candidates: BTreeMap::new(),
            wanted: BTreeMap::new(),
            events: VecDeque::new(),
            to_sign: Vec::new(),
            to_sign_late: VecDeque::new(),
            own_votes: BTreeSet::new(),
            polka: None,
            transfers_target: config.genesis.parameters.block_transfers_max as usize,
            evidence: Vec::new(),
            quarantine: BTreeSet::new(),
            peers: BTreeMap::new(),
            early: EarlyMessages::default(),
            sync: None,
            behind_since_ms: None,
            logged: None,
            waiting: BTreeMap::new(),
            tickets: BTreeMap::new(),
            stopped: None,
            catching_up: false,
            clock_alarm: false,
            caught_up: None,
            committed_ms: now.monotonic_ms,
            status_ms: now.monotonic_ms,
            resend_ms: now.monotonic_ms,
            effects: Vec::new(),
        };
        let rim = Rim::new(replica.chain.network(), &replica.chain.parameters);
        replica.replay_decided(&logged, &rim)?;
        replica.logged = Some(Arc::new((logged, rim)));
        replica.begin_height()?;
        replica.catching_up = replica.my_index().is_some() && replica.chain.validators.set().len() > 1;
        replica.run()?;
        replica.log.flush(&mut *replica.disk)?;
        let effects = std::mem::take(&mut replica.effects);
        Ok((replica, effects))
    }

    /// Blocks that were decided and logged, and that the store lost or never got.
    fn replay_decided(&mut self, logged: &Logged, rim: &Rim) -> Result<(), OpenError> {
        while let Some(certificate) = logged.decided.get(&self.chain.tip.height.next()) {
            let of_block = |(proposal, _): &&(Proposal, bool)| proposal.header.id() == certificate.block;
            let Some((proposal, _)) = logged.proposals.iter().find(of_block) else { break };
            let keys = self.chain.validators.clone();
            let Ok(certificate) = verify_certificate(certificate.clone(), &keys, self.chain.network(), RECOVERY_EPOCH)
            else {
                break;
            };
            let batches = logged.checked_batches(proposal, rim);
            if batches.len() != proposal.body.len() {
                break;
            }
            let parts = Parts {
                batches,
                last_certificate: proposal.last_certificate.clone(),
                participation: proposal.participation.clone(),
                evidence: proposal.evidence.clone(),
            };
            let judged = self.chain.judge(proposal.header.clone(), parts);
            self.chain.take_failure().map_err(OpenChainError::Store)?;
            let candidate = judged.map_err(|invalid| {
                OpenChainError::Corrupt(format!(
                    "the decided block of height {} does not execute again: {invalid}",
                    certificate.height
                ))
            })?;
            self.chain.apply(candidate, certificate.into_inner())?;
        }
        Ok(())
    }

    /// Of the newest votes on the sign record.
    fn recorded_height(&self) -> Height {
        let recent = self.signer.as_ref().map(|signer| signer.recent()).unwrap_or_default();
        recent.last().map_or(Height(0), |last| last.height)
    }

    /// Votes of this height that the sign record has and the log has not: the log was lost, or put back from an old copy,
    /// or the crash came between the two syncs. They bind all the same, a precommit as a lock.
    fn recorded_elsewhere(&self, logged: &[Vote]) -> Vec<Vote> {
        let mut recent = self.signer.as_ref().map(|signer| signer.recent()).unwrap_or_default();
        recent.retain(|vote| vote.height == self.consensus.height() && !logged.contains(vote));
        recent
    }

    /// Puts back what this node knew and was bound to at the height, if the log has anything of it.
    pub(super) fn restore_height(&mut self) -> Result<(), Fatal> {
        let height = self.consensus.height();
        self.logged = self.logged.take().filter(|logged| logged.0.height_max.max(self.recorded_height()) >= height);
        let Some(kept) = self.logged.clone() else { return Ok(()) };
        let (logged, rim) = &*kept;
        let mut intents: Vec<Vote> = logged.intents.iter().filter(|vote| vote.height == height).copied().collect();
        intents.extend(self.recorded_elsewhere(&intents));
        self.own_votes = intents.iter().copied().collect();
        let own = self.own_signed(logged, &intents)?;
        for signed in &own {
            self.keeper.add_own(&self.chain.validators, None, signed);
        }
        let lock = logged.locks.iter().rev().find(|lock| lock.height == height);
        let polka = lock.and_then(|lock| lock.polka.clone());
        let polka = polka.and_then(|polka| {
            verify_certificate(polka, &self.chain.validators, self.chain.network(), RECOVERY_EPOCH).ok()
        });
        self.polka = polka.as_deref().cloned();
        let lock = Lock {
            locked: lock.and_then(|lock| lock.locked),
            valid: lock.and_then(|lock| lock.valid),
            polka: polka.map(Quorum::Certificate),
        };
        // Bodies first: what the machine then asks for is here.
        for (proposal, timely) in logged.proposals.iter().filter(|(proposal, _)| proposal.header.height == height) {
            let block = proposal.header.id();
            let known = self.known.entry(block).or_insert_with(|| Known::of_proposal(proposal, *timely));
            known.add_batches(logged.checked_batches(proposal, rim));
            // Our own proposal was logged before it was signed.
            if let Some(signed) = logged.signed.iter().find(|signed| signed.vote == proposal.signed.vote) {
                known.signed = *signed;
            }
            known.mark_logged();
        }
        if intents.is_empty() && lock.locked.is_none() && lock.valid.is_none() {
            return Ok(());
        }
        let restored = self.consensus.restore(lock, own);
        for output in restored {
            self.carry_out(output)?;
        }
        if self.consensus.height() != height {
            return Ok(());
        }
        self.restore_round(logged);
        let known: Vec<_> = self.known.keys().copied().collect();
        for block in known {
            self.try_judge(&block)?;
        }
        for (proposal, timely) in logged.proposals.iter().filter(|(proposal, _)| proposal.header.height == height) {
            let verified = verify_vote(&self.chain.validators, proposal.signed, self.chain.network(), RECOVERY_EPOCH);
            if let Ok(proposal) = verified {
                self.events.push_back(concordat_consensus::Input::Proposal { proposal, timely: *timely });
            }
        }
        Ok(())
    }

    /// What took this node into its round goes in again, as it must be able to bring others there.
    fn restore_round(&mut self, logged: &Logged) {
        let height = self.consensus.height();
        let (keys, network) = (self.chain.validators.clone(), self.chain.network());
        for (_, votes, certificates) in logged.rounds.iter().filter(|(of, _, _)| *of == height) {
            for certificate in certificates {
                if let Ok(verified) = verify_certificate(certificate.clone(), &keys, network, RECOVERY_EPOCH) {
                    self.events.push_back(concordat_consensus::Input::Certificate(verified));
                }
            }
            for verified in verify_votes(&keys, votes.clone(), network, RECOVERY_EPOCH).good {
                self.keeper.add_own(&keys, None, &verified);
                self.events.push_back(concordat_consensus::Input::Vote(verified));
            }
        }
    }

    /// Own votes of the height with their signatures. One that was recorded and not signed before the crash is signed now:
    /// the record says the same, so it is no second vote.
    fn own_signed(&mut self, logged: &Logged, intents: &[Vote]) -> Result<Vec<Verified<SignedVote>>, Fatal> {
        let Some(validator) = self.my_index() else { return Ok(Vec::new()) };
        let signer = self.signer.as_mut().expect("my_index saw a signer");
        let mut own = Vec::new();
        for vote in intents {
            if let Some(signed) = logged.signed.iter().find(|signed| signed.vote == *vote) {
                let verified = verify_vote(&self.chain.validators, *signed, self.chain.network(), RECOVERY_EPOCH);
                own.extend(verified.ok());
                continue;
            }
            if let Some(Ok(())) = signer.prepare(&[*vote])?.first() {
                signer.begin_sync()?;
                signer.end_sync()?;
                let signature = signer.sign(vote)?;
                own.push(attest_own_vote(SignedVote { vote: *vote, validator, signature }));
            }
        }
        Ok(own)
    }
}
