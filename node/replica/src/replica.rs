//! The replica: takes inputs, drives consensus, keeps the log, writes the chain, and says what to send.
//!
//! `step` works through all inputs, lets the machine run, makes durable in one sync turn whatever the votes rest on, and
//! only then signs. Nothing is sent before that.

mod bodies;
mod clocks;
mod early;
mod open;
mod peers;
mod proposals;
mod serving;
mod submit;
mod sync;

pub use open::OpenError;
pub use peers::PeerView;

use crate::{
    chain::{Candidate, Chain},
    disk::Disk,
    io::{Alarm, Effect, Input, Now, Ticket},
    late::LatePrecommits,
    log::{LockRecord, Log, LogError, Record},
    mempool::Mempool,
    message::Message,
    prover::Prover,
    query,
    signer::{Signer, SignerError},
    store::{Reader, StoreError},
    votes::VoteKeeper,
};
use bodies::Known;
use concordat_consensus::{Consensus, HeightStart, Input as Event, Output, Quorum, Step, Timeout, TimeoutKind};
use concordat_crypto::{attest_own_vote, certificate_from_votes, verify_certificate};
use concordat_ledger::{BlockMark, block_marks};
use concordat_types::{
    BlockId, CaughtUp, Certificate, CertificateKind, Evidence, Genesis, Height, MemberId, RECOVERY_EPOCH, Round,
    SignedVote, Timestamp, TransactionHash, ValidatorIndex, Verified, Vote, VoteType,
};
use early::EarlyMessages;
use peers::Peer;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

#[derive(Clone, Debug)]
pub struct ReplicaConfig {
    pub genesis: Genesis,
    pub member: MemberId,
    pub mempool_bytes_max: usize,
}

pub struct Replica {
    me: MemberId,
    now: Now,
    chain: Chain,
    disk: Box<dyn Disk>,
    log: Log,
    signer: Option<Box<dyn Signer>>,
    consensus: Consensus,
    keeper: VoteKeeper,
    /// Of heights that are decided.
    late: LatePrecommits,
    /// Precommits of our own for heights that were decided before we had signed one, with our place in the height's set.
    to_sign_late: VecDeque<(Vote, ValidatorIndex)>,
    mempool: Mempool,

    /// Of the height above the tip.
    timers: BTreeSet<(u64, Timeout)>,
    known: BTreeMap<BlockId, Known>,
    candidates: BTreeMap<BlockId, Candidate>,
    /// What the machine waits for, and when it is asked for again.
    wanted: BTreeMap<BlockId, u64>,
    events: VecDeque<Event>,
    to_sign: Vec<Vote>,
    /// Votes of our own key at this height that the log holds.
    own_votes: BTreeSet<Vote>,
    polka: Option<Certificate>,

    /// Payments in the blocks that this node builds: fewer where rounds fail.
    transfers_target: usize,
    evidence: Vec<Evidence>,
    quarantine: BTreeSet<TransactionHash>,
    peers: BTreeMap<MemberId, Peer>,
    /// Messages of the next height that came before this one was decided.
    early: EarlyMessages,
    sync: Option<sync::Request>,
    /// Since when peers have been ahead of us.
    behind_since_ms: Option<u64>,
    /// What the log held at the start, for heights above the tip.
    logged: Option<Arc<(open::Logged, crate::rim::Rim)>>,
    waiting: BTreeMap<TransactionHash, Vec<Ticket>>,
    tickets: BTreeMap<Ticket, TransactionHash>,

    stopped: Option<String>,
    /// No vote leaves before this node knows where the others are.
    catching_up: bool,
    clock_alarm: bool,
    caught_up: Option<CaughtUp>,
    committed_ms: u64,
    status_ms: u64,
    resend_ms: u64,
    effects: Vec<Effect>,
}

impl std::fmt::Debug for Replica {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Replica({}, {:?}, round {:?})", self.me, self.chain.tip, self.consensus.round())
    }
}

/// Something durable failed: the process ends, since what it knows is not what the disk holds.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fatal {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Signer(#[from] SignerError),
    #[error("{0}")]
    Chain(#[from] crate::chain::OpenChainError),
}

/// Where the agreement is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// In work.
    pub height: Height,
    /// None: idle.
    pub round: Option<Round>,
    pub step: &'static str,
}

/// What operators see; never input to a decision.
#[derive(Clone, Debug)]
pub struct Telemetry {
    pub height: Height,
    pub block: BlockId,
    pub state_root: concordat_types::Hash,
    pub block_time: concordat_types::Timestamp,
    /// None: idle.
    pub round: Option<Round>,
    pub step: &'static str,
    pub mempool_transactions: usize,
    pub mempool_bytes: usize,
    pub is_validator: bool,
    pub signing: bool,
    pub stopped_reason: Option<String>,
    pub last_signers: Vec<MemberId>,
    /// The validators, and whether the participation record has them away.
    pub validators_away: Vec<(MemberId, bool)>,
    pub syncing: bool,
    pub clock_alarm: bool,
    pub peers: Vec<PeerView>,
    pub log_bytes_written: u64,
    /// Of a candidate that is caught up.
    pub caught_up: Option<CaughtUp>,
}

impl Replica {
    pub fn step(&mut self, now: Now, inputs: Vec<Input>) -> Result<Vec<Effect>, Fatal> {
        self.now = now;
        for input in inputs {
            self.take(input)?;
        }
        self.fire_timers()?;
        self.cut_batches();
        self.wake_if_due();
        self.run()?;
        self.sync_if_behind();
        self.housekeep()?;
        self.log.flush(&mut *self.disk)?;
        Ok(std::mem::take(&mut self.effects))
    }

    /// When the next step is due on the monotonic clock, if nothing comes before.
    pub fn deadline_ms(&self) -> Option<u64> {
        let timer = self.timers.first().map(|(due, _)| *due);
        let heartbeat = self.is_idle().then(|| self.heartbeat_due_ms());
        // A hold or an offer expires in an idle network too.
        let due = self.chain.next_due.filter(|_| self.is_idle());
        let due = due.map(|due| self.now.monotonic_ms.saturating_add(due.0.saturating_sub(self.now.unix_ms)));
        let sync = self.sync.as_ref().map(|request| request.deadline_ms);
        let wanted = self.wanted.values().min().copied();
        let behind = self.behind_due_ms();
        [timer, heartbeat, due, sync, wanted, behind, Some(self.status_due_ms())].into_iter().flatten().min()
    }

    /// The read that failed, if a step did not come to its end because of one: code that meets a state without a row that
    /// every state has gives up by a panic.
    pub fn failed_read(&self) -> Option<StoreError> {
        self.chain.take_failure().err()
    }

    pub fn snapshot(&self) -> Arc<dyn Reader> {
        self.chain.store().snapshot()
    }

    pub fn prover(&self) -> Prover {
        self.chain.prover()
    }

    pub fn tip(&self) -> crate::query::Tip {
        self.chain.tip
    }

    pub fn progress(&self) -> Progress {
        let round = self.consensus.round();
        let step = match (round, self.consensus.step()) {
            (None, _) => "idle",
            (_, Step::Propose) => "propose",
            (_, Step::Prevote) => "prevote",
            (_, Step::Precommit) => "precommit",
        };
        Progress { height: self.consensus.height(), round, step }
    }

    pub fn telemetry(&self) -> Telemetry {
        let set = self.chain.validators.set();
        let signers = self.chain.tip_certificate.iter().flat_map(|certificate| certificate.signers.iter());
        Telemetry {
            height: self.chain.tip.height,
            block: self.chain.tip.block,
            state_root: self.chain.state_root(),
            block_time: self.chain.tip.time,
            round: self.consensus.round(),
            step: self.progress().step,
            mempool_transactions: self.mempool.transactions_count(),
            mempool_bytes: self.mempool.bytes(),
            is_validator: self.my_index().is_some(),
            signing: self.may_sign(),
            stopped_reason: self.stopped.clone(),
            last_signers: signers.filter_map(|index| set.get(index)).map(|validator| validator.member).collect(),
            validators_away: set
                .iter()
                .map(|(index, validator)| (validator.member, self.chain.away.contains(index)))
                .collect(),
            syncing: self.sync.is_some(),
            clock_alarm: self.clock_alarm,
            peers: self.peers.iter().map(|(member, peer)| peer.view(*member)).collect(),
            log_bytes_written: self.log.bytes_written,
            caught_up: self.caught_up,
        }
    }

    fn take(&mut self, input: Input) -> Result<(), Fatal> {
        match input {
            Input::PeerConnected { peer } => self.on_connected(peer),
            Input::PeerDisconnected { peer } => self.on_disconnected(peer),
            Input::Peer { from, message } => self.on_message(from, message)?,
            Input::Submit { ticket, transaction } => self.on_submit(ticket, transaction),
            Input::Forget { ticket } => self.forget(ticket),
        }
        self.drive()
    }

    fn fire_timers(&mut self) -> Result<(), Fatal> {
        while let Some(&(due, timeout)) = self.timers.first() {
            if due > self.now.monotonic_ms {
                break;
            }
            self.timers.pop_first();
            self.events.push_back(Event::Timeout(timeout));
            self.drive()?;
        }
        Ok(())
    }

    /// Drives the machine and signs until nothing is left to do.
    fn run(&mut self) -> Result<(), Fatal> {
        loop {
            self.drive()?;
            if !self.sign_turn()? {
                return Ok(());
            }
        }
    }

    fn drive(&mut self) -> Result<(), Fatal> {
        while let Some(event) = self.events.pop_front() {
            for output in self.consensus.handle(event) {
                self.carry_out(output)?;
            }
        }
        Ok(())
    }

    fn carry_out(&mut self, output: Output) -> Result<(), Fatal> {
        match output {
            Output::EnterRound { round } => self.on_enter_round(round),
            Output::GetValue { round } => self.build_value(round)?,
            Output::Persist(lock) => self.persist_lock(lock),
            Output::Sign(vote) => self.to_sign.push(vote),
            Output::Schedule(timeout) => {
                self.timers.insert((self.now.monotonic_ms + self.duration_ms(timeout), timeout));
            }
            Output::FetchBlock(block) => self.want(block)?,
            Output::Decide { block, commit, .. } => self.decide(block, commit)?,
            Output::Evidence(evidence) => self.on_evidence(evidence),
            Output::InvalidPolka { block, .. } => {
                let reason = self.verdict_on(&block);
                self.alarm(Alarm::InvalidPolka { height: self.consensus.height(), block, reason });
            }
            Output::InvalidCommit { round, block } => {
                let reason = self.verdict_on(&block);
                self.stop_signing(format!(
                    "block {block} of round {round} has a commit quorum and is invalid here: {reason}"
                ));
            }
        }
        Ok(())
    }

    fn on_enter_round(&mut self, round: Round) {
        for verified in self.keeper.enter_round(&self.chain.validators, round) {
            self.events.push_back(Event::Vote(verified));
        }
        if round > Round(0) {
            let (votes, certificates) = self.round_certificate();
            if self.signer.is_some() {
                let (votes, certificates) = (votes.clone(), certificates.clone());
                self.log.append(&Record::RoundCertificate { height: self.consensus.height(), votes, certificates });
            }
            self.broadcast(Message::RoundCertificate { votes, certificates });
            self.broadcast_status();
        }
    }

    fn duration_ms(&self, timeout: Timeout) -> u64 {
        let p = &self.chain.parameters;
        let base = match timeout.kind {
            TimeoutKind::Propose => p.timeout_propose_ms,
            TimeoutKind::Prevote => p.timeout_prevote_ms,
            TimeoutKind::Precommit => p.timeout_precommit_ms,
        };
        let grown = u64::from(base) + u64::from(timeout.round.0) * u64::from(p.timeout_step_ms);
        grown.min(u64::from(p.timeout_max_ms))
    }

    fn persist_lock(&mut self, lock: concordat_consensus::Lock) {
        let polka = match lock.polka {
            Some(Quorum::Certificate(certificate)) => Some(certificate.into_inner()),
            Some(Quorum::Votes(votes)) => self.certify(&votes).map(Verified::into_inner),
            None => None,
        };
        self.polka = polka.clone();
        if self.signer.is_some() {
            let height = self.consensus.height();
            self.log.append(&Record::Lock(LockRecord { height, locked: lock.locked, valid: lock.valid, polka }));
        }
    }

    /// Verified votes make a certificate that verifies; where they do not, a key or the machine is broken.
    fn certify(&mut self, votes: &[Verified<SignedVote>]) -> Option<Verified<Certificate>> {
        let made = certificate_from_votes(votes, &self.chain.validators, self.chain.network(), RECOVERY_EPOCH);
        match made {
            Ok(certificate) => Some(certificate),
            Err(error) => {
                self.stop_signing(format!("verified votes gave no certificate: {error}"));
                None
            }
        }
    }

    // ---- signing ------------------------------------------------------------------------------------------------

    fn my_index(&self) -> Option<ValidatorIndex> {
        let signer = self.signer.as_ref()?;
        let index = self.chain.validators.set().index_of(&self.me)?;
        (self.chain.validators.set().get(index)?.key == signer.public_key()).then_some(index)
    }

    fn may_sign(&self) -> bool {
        self.my_index().is_some() && self.stopped.is_none() && !self.catching_up
    }

    /// One sync turn: record what is to be signed and what it rests on, make both files durable, sign, send, and give
    /// the machine its own votes. False where there was nothing to sign.
    fn sign_turn(&mut self) -> Result<bool, Fatal> {
        let is_due = !self.to_sign.is_empty() || self.to_sign_late.len() >= LATE_TOGETHER;
        if !is_due || !self.may_sign() {
            return Ok(false);
        }
        // Whatever read it was that failed: a key whose node has bad rows signs nothing more.
        self.chain.take_failure()?;
        let height = self.consensus.height();
        let late = self.take_late_precommits();
        let now: Vec<Vote> = self.to_sign.drain(..).filter(|vote| vote.height == height).collect();
        for block in now.iter().filter_map(|vote| vote.block) {
            self.log_body(&block);
        }
        // Those of lower heights first: the record takes nothing below what it has.
        let votes: Vec<Vote> = late.iter().map(|(vote, _)| *vote).chain(now).collect();
        votes.iter().for_each(|vote| self.log.append(&Record::Intent(*vote)));
        let signer = self.signer.as_mut().expect("may_sign saw a signer");
        let verdicts = signer.prepare(&votes)?;
        signer.begin_sync()?;
        self.log.sync(&mut *self.disk)?;
        signer.end_sync()?;
        let validator = self.my_index().expect("may_sign saw a validator");
        let places = late.iter().map(|(_, place)| *place).chain(std::iter::repeat(validator));
        for ((vote, verdict), validator) in votes.into_iter().zip(verdicts).zip(places) {
            if let Err(refused) = verdict {
                self.alarm(Alarm::SignRefused { reason: refused.to_string() });
                continue;
            }
            let signer = self.signer.as_mut().expect("may_sign saw a signer");
            let signature = signer.sign(&vote)?;
            let signed = attest_own_vote(SignedVote { vote, validator, signature });
            self.log.append(&Record::Signed(*signed));
            if vote.height < height {
                self.late.add(&self.me, *signed);
                self.broadcast(Message::Vote(*signed));
                continue;
            }
            self.own_votes.insert(vote);
            self.send_own(signed);
        }
        Ok(true)
    }

    /// Those that our key still belongs to: it may have been replaced since.
    fn take_late_precommits(&mut self) -> Vec<(Vote, ValidatorIndex)> {
        let mut late: Vec<_> = self.to_sign_late.drain(..).collect();
        let key = self.signer.as_ref().map(|signer| signer.public_key());
        late.retain(|(vote, place)| {
            let keys = self.chain.keys_at(vote.height);
            keys.and_then(|keys| keys.set().get(*place).map(|validator| validator.key)) == key
        });
        late
    }

    fn send_own(&mut self, signed: Verified<SignedVote>) {
        let vote = signed.vote;
        match vote.vote_type {
            VoteType::Proposal => {
                if let Some(message) = self.proposal_message(*signed) {
                    self.broadcast(Message::Proposal(Box::new(message)));
                }
                self.events.push_back(Event::Proposal { proposal: signed, timely: true });
            }
            VoteType::Prevote | VoteType::Precommit => {
                let waited = self.keeper.add_own(&self.chain.validators, self.consensus.round(), &signed);
                self.broadcast(Message::Vote(*signed));
                // No hidden locks: whoever sees the precommit can have the polka behind it.
                let is_lock = vote.vote_type == VoteType::Precommit && vote.block.is_some();
                if let Some(polka) = self.polka.clone().filter(|polka| is_lock && Some(polka.block) == vote.block) {
                    self.broadcast(Message::Certificate(polka));
                }
                self.events.push_back(Event::Vote(signed));
                self.events.extend(waited.into_iter().map(Event::Vote));
            }
        }
    }

    fn stop_signing(&mut self, reason: String) {
        if self.stopped.is_none() {
            self.stopped = Some(reason.clone());
            self.alarm(Alarm::StoppedSigning { reason });
        }
    }

    // ---- deciding -----------------------------------------------------------------------------------------------

    fn decide(&mut self, block: BlockId, commit: Quorum) -> Result<(), Fatal> {
        let certificate = match commit {
            Quorum::Certificate(certificate) => certificate,
            Quorum::Votes(votes) => match self.certify(&votes) {
                Some(certificate) => certificate,
                None => return Ok(()),
            },
        };
        self.note_late_precommit(&certificate);
        let candidate = self.candidates.remove(&block).expect("the machine decides only what was found valid");
        self.commit(candidate, certificate.into_inner())
    }

    /// The others were faster than we: our precommit decides nothing any more, but shows that we take part. It goes with
    /// the next votes, and costs them no sync of its own.
    fn note_late_precommit(&mut self, certificate: &Certificate) {
        let vote = certificate.vote();
        // Asked for, and not signed yet: it would be dropped with the height.
        let is_pending = self.to_sign.contains(&vote);
        let may = self.may_sign() && (is_pending || self.consensus.may_precommit_late(vote.round));
        if let Some(place) = self.my_index().filter(|_| may) {
            self.log_body(&certificate.block);
            self.to_sign_late.push_back((vote, place));
        }
    }

    /// Writes the block and goes to the next height.
    fn commit(&mut self, candidate: Candidate, certificate: Certificate) -> Result<(), Fatal> {
        if self.signer.is_some() {
            self.log.append(&Record::Decided(certificate.clone()));
        }
        self.adapt_block_size(certificate.round);
        if self.signer.is_some() {
            let held = self.keeper.precommits(certificate.round).collect();
            self.late.begin(certificate.clone(), self.chain.validators.clone(), held);
        }
        let committed = self.chain.apply(candidate, certificate)?;
        self.drop_evidence();
        self.committed_ms = self.now.monotonic_ms;
        let hashes: Vec<TransactionHash> = committed.transactions.iter().map(|(hash, _)| *hash).collect();
        self.mempool.remove_committed(hashes.into_iter(), committed.header.time);
        // Readers see the block before its clients hear of it: whoever has an answer reads what it says.
        let committed = Arc::new(committed);
        self.effects.push(Effect::Committed(committed.clone()));
        self.answer_waiting(&committed)?;
        self.begin_height()?;
        self.judge_catching_up();
        self.attest_caught_up()?;
        for (from, message) in self.early.take() {
            self.on_message(from, message)?;
        }
        Ok(())
    }

    /// A block that takes the validators longer than a timeout fails in each round anew, for all of them are as large. So a
    /// height that needed more than one round halves the next blocks, and one that did not lets them grow again.
    fn adapt_block_size(&mut self, round: Round) {
        let max = self.chain.parameters.block_transfers_max as usize;
        let target = if round > Round(0) { self.transfers_target / 2 } else { self.transfers_target * 5 / 4 };
        self.transfers_target = target.clamp(TRANSFERS_TARGET_MIN.min(max), max);
    }

    /// Signs, as a candidate, for the last block that the ledger has marked: so its member shows that it is caught up.
    fn attest_caught_up(&mut self) -> Result<(), Fatal> {
        let Some(signer) = &mut self.signer else { return Ok(()) };
        let key = signer.public_key();
        let candidate = query::candidate(self.chain.store(), &self.me)?.filter(|record| record.key == key);
        let (Some(_), None) = (candidate, &self.sync) else {
            self.caught_up = None;
            return Ok(());
        };
        let now = Timestamp(self.now.unix_ms);
        let mark = block_marks(&self.chain).last().copied().filter(|mark| mark.is_recent(now));
        let Some(BlockMark { height, block, .. }) = mark else { return Ok(()) };
        if self.caught_up.is_none_or(|caught_up| caught_up.block != block) {
            let signature = signer.sign_caught_up(&self.chain.network(), height, &block)?;
            self.caught_up = Some(CaughtUp { height, block, key, signature });
        }
        Ok(())
    }

    fn begin_height(&mut self) -> Result<(), Fatal> {
        let height = self.chain.tip.height.next();
        self.timers.clear();
        self.known.clear();
        self.candidates.clear();
        self.wanted.clear();
        self.events.clear();
        self.to_sign.clear();
        self.own_votes.clear();
        self.polka = None;
        self.keeper = VoteKeeper::new(self.chain.network(), RECOVERY_EPOCH);
        let validators = self.chain.validators.set().clone();
        let (away, me) = (self.chain.away.clone(), self.my_index());
        self.consensus.next_height(HeightStart { height, validators, away, me });
        self.restore_height()
    }

    // ---- waking -------------------------------------------------------------------------------------------------

    fn is_idle(&self) -> bool {
        self.consensus.round().is_none() && !self.consensus.has_decided()
    }

    fn heartbeat_due_ms(&self) -> u64 {
        self.committed_ms + u64::from(self.chain.parameters.heartbeat_ms)
    }

    /// Leaves the idle state for a reason of this node's own.
    fn wake_if_due(&mut self) {
        if !self.is_idle() {
            return;
        }
        let time = self.next_block_time();
        if self.now.monotonic_ms >= self.heartbeat_due_ms()
            || self.mempool.has_includable(&self.includable_at(time))
            || self.chain.next_due.is_some_and(|due| due <= time)
        {
            self.events.push_back(Event::Start);
        }
    }

    /// Leaves it because a verified vote or proposal shows that others have.
    fn wake(&mut self) {
        if self.is_idle() {
            self.events.push_back(Event::Start);
        }
    }

    // ---- certificates -------------------------------------------------------------------------------------------

    fn on_certificate(&mut self, from: MemberId, certificate: Certificate) {
        if self.consensus.quorum(certificate.round, certificate.kind).is_some() {
            return;
        }
        match verify_certificate(certificate, &self.chain.validators, self.chain.network(), RECOVERY_EPOCH) {
            Ok(verified) => self.events.push_back(Event::Certificate(verified)),
            Err(error) => self.disconnect(from, format!("sent a certificate that does not verify: {error}")),
        }
    }

    /// A certificate of a height that is decided here: it must name the same block.
    fn on_old_certificate(&mut self, from: MemberId, certificate: Certificate) -> Result<(), Fatal> {
        if certificate.kind != CertificateKind::Commit {
            return Ok(());
        }
        let (theirs, height) = (certificate.block, certificate.height);
        let Some((_, ours)) = crate::query::header(self.chain.store(), height)? else { return Ok(()) };
        let Some(keys) = self.chain.keys_at(height).filter(|_| ours.block != theirs) else { return Ok(()) };
        let verified = verify_certificate(certificate, &keys, self.chain.network(), RECOVERY_EPOCH);
        if verified.is_err() {
            self.disconnect(from, "sent a certificate of an old height that does not verify".to_owned());
        } else {
            self.stop_signing(format!(
                "two certified blocks at height {height}: {} here, {theirs} elsewhere",
                ours.block
            ));
        }
        Ok(())
    }

    fn on_evidence(&mut self, evidence: Evidence) {
        let validator = self.chain.validators.set().get(evidence.first.validator);
        if let Some(member) = validator.map(|validator| validator.member) {
            self.alarm(Alarm::Equivocation { member, height: evidence.first.vote.height });
        }
        if self.evidence.len() < EVIDENCE_HELD_MAX && !self.evidence.contains(&evidence) {
            self.evidence.push(evidence);
        }
    }

    /// What stands in the chain, or is too old, is not held any longer.
    fn drop_evidence(&mut self) {
        if !self.evidence.is_empty() {
            self.evidence = self.chain.includable_evidence(self.chain.tip.time, &self.evidence);
        }
    }

    // ---- effects ------------------------------------------------------------------------------------------------

    fn alarm(&mut self, alarm: Alarm) {
        self.effects.push(Effect::Alarm(alarm));
    }

    fn send(&mut self, to: MemberId, message: Message) {
        self.effects.push(Effect::Send { to, message: Arc::new(message) });
    }

    fn broadcast(&mut self, message: Message) {
        self.effects.push(Effect::Broadcast { message: Arc::new(message) });
    }

    fn disconnect(&mut self, peer: MemberId, reason: String) {
        self.peers.entry(peer).or_default().broken = true;
        self.effects.push(Effect::Disconnect { peer, reason });
    }

    /// Now and then: a new log segment, batches that nobody acknowledged, where we are.
    fn housekeep(&mut self) -> Result<(), Fatal> {
        self.chain.take_failure()?;
        if self.log.wants_rotation() {
            self.chain.sync_store()?;
            self.log.rotate(&mut *self.disk, self.chain.tip.height)?;
        }
        self.ask_for_wanted()?;
        self.resend_batches();
        if self.now.monotonic_ms >= self.status_due_ms() {
            self.broadcast_status();
        }
        Ok(())
    }
}

/// Late precommits that are signed on their own where there is no other vote to go with: in time for the records of their
/// heights, which ten blocks later are made.
const LATE_TOGETHER: usize = 4;
/// Executes in some milliseconds anywhere.
const TRANSFERS_TARGET_MIN: usize = 1024;
/// One a validator and kind is enough; more than this many at once means an attack that one block reports anyway.
const EVIDENCE_HELD_MAX: usize = 64;

#[cfg(test)]
mod tests;
