//! Proposals: made here, and taken from others.

use super::{
    Fatal, Replica,
    bodies::{INLINE_BYTES_MAX, Known},
};
use crate::{
    chain::{Candidate, InvalidProposal, Parts},
    io::{Alarm, CheckedBatch},
    late,
    message::Proposal,
    query,
};
use concordat_consensus::Input as Event;
use concordat_crypto::verify_vote;
use concordat_ledger::Inclusion;
use concordat_types::{
    BlsSignature, Certificate, CheckedTransaction, Height, MemberId, RECOVERY_EPOCH, Round, SignedVote, Timestamp,
    TransactionHash, ValidatorIndex, Vote, VoteType,
};
use std::{cell::RefCell, sync::Arc};

impl Replica {
    /// L18: a new block on the tip, from what waits.
    pub(super) fn build_value(&mut self, round: Round) -> Result<(), Fatal> {
        if !self.may_sign() {
            return Ok(());
        }
        let time = self.next_block_time();
        let batches = self.select(time, round);
        let last_certificate =
            (self.chain.tip.height > Height(0)).then(|| self.chain.tip_certificate.clone()).flatten();
        let mut evidence = self.chain.includable_evidence(time, &self.evidence);
        evidence.truncate(concordat_types::Body::EVIDENCE_MAX);
        let participation = self.participation_record()?;
        if participation.is_none() && self.chain.participation_due().is_some() {
            // A node whose store begins above that height has no certificate of it: others propose.
            return Ok(());
        }
        let parts = Parts { batches, last_certificate, participation, evidence };
        let built = self.build_or_quarantine(time, round, parts);
        self.chain.take_failure()?;
        let Some(candidate) = built else { return Ok(()) };
        let block = candidate.id;
        let vote = Vote {
            vote_type: VoteType::Proposal,
            height: self.consensus.height(),
            round,
            valid_round: None,
            block: Some(block),
        };
        // The signature is filled in when it is made; until then the block is only ours.
        let unsigned = SignedVote { vote, validator: ValidatorIndex(0), signature: BlsSignature([0; 96]) };
        self.known.insert(block, Known::of_parts(candidate.header.clone(), &candidate.parts, unsigned));
        self.candidates.insert(block, candidate);
        self.events.push_back(Event::Block { block, valid: true });
        self.events.push_back(Event::Value { round, block });
        Ok(())
    }

    /// Of the height whose record is due: the best that is known here. A node that was not there, or has lost the late votes
    /// in a crash, has the certificate that it got with the block.
    fn participation_record(&mut self) -> Result<Option<Certificate>, Fatal> {
        let Some((height, _)) = self.chain.participation_due() else { return Ok(None) };
        let Some(late::Record { certificate, bad }) = self.late.record(height) else {
            return Ok(query::header(self.chain.store(), height)?.map(|(_, certificate)| certificate));
        };
        for member in bad {
            self.disconnect(member, "sent a precommit that is not good".to_owned());
        }
        Ok(Some(certificate))
    }

    /// Of a block that this node would build now.
    pub(super) fn next_block_time(&self) -> Timestamp {
        Timestamp(self.now.unix_ms.max(self.chain.tip.time.0.saturating_add(1)))
    }

    /// In later rounds of a height less and less: what made the round before fail may have been the size.
    fn select(&self, time: Timestamp, round: Round) -> Vec<Arc<CheckedBatch>> {
        let target = self.transfers_target >> round.0.min(8);
        self.mempool.select(&self.chain.parameters, target, &self.includable_at(time))
    }

    /// What may be in a block of this time on the tip, and this node can execute.
    pub(super) fn includable_at(&self, time: Timestamp) -> impl Fn(&CheckedTransaction) -> bool + '_ {
        let inclusion = RefCell::new(Inclusion::new(&self.chain, time, self.chain.parameters.id_window_ms));
        move |checked| !self.quarantine.contains(&checked.hash) && inclusion.borrow_mut().check(0, checked).is_ok()
    }

    /// Where this node cannot execute what it has selected, the transactions that do it are found and set aside. Where there
    /// are many, the block is empty, so that the chain goes on meanwhile.
    fn build_or_quarantine(&mut self, time: Timestamp, round: Round, mut parts: Parts) -> Option<Candidate> {
        for _ in 0..QUARANTINED_PER_BLOCK_MAX {
            let error = match self.chain.build(self.me, time, parts.clone()) {
                Ok(candidate) => return Some(candidate),
                Err(error) => error,
            };
            let Some(transaction) = self.culprit(time, &parts) else { break };
            // What has left the mempool is in nobody's way.
            self.quarantine.retain(|held| self.mempool.holds_transaction(held));
            if self.quarantine.len() < QUARANTINE_MAX {
                self.quarantine.insert(transaction);
            }
            self.alarm(Alarm::Quarantined { transaction, reason: error.to_string() });
            parts.batches = self.select(time, round);
        }
        parts.batches.clear();
        self.chain.build(self.me, time, parts).ok()
    }

    /// The first transaction that does not execute after those before it, found by halving. None where it is none of them
    /// that fails.
    fn culprit(&self, time: Timestamp, parts: &Parts) -> Option<TransactionHash> {
        let all: Vec<_> = parts.batches.iter().flat_map(|batch| batch.transactions.iter().cloned()).collect();
        let fails = |count: usize| {
            let batch = (count > 0).then(|| Arc::new(CheckedBatch::of(all[..count].to_vec())));
            let parts = Parts { batches: batch.into_iter().collect(), ..parts.clone() };
            let built = self.chain.build(self.me, time, parts);
            matches!(built, Err(InvalidProposal::Panicked(_) | InvalidProposal::Ledger(_)))
        };
        let (mut good, mut bad) = (0, all.len());
        if fails(good) || !fails(bad) {
            return None;
        }
        while bad - good > 1 {
            let middle = good.midpoint(bad);
            *(if fails(middle) { &mut bad } else { &mut good }) = middle;
        }
        Some(all[good].hash)
    }

    /// The message for our own proposal of a block that is known here.
    pub(super) fn proposal_message(&mut self, signed: SignedVote) -> Option<Proposal> {
        let block = signed.vote.block?;
        let known = self.known.get_mut(&block)?;
        known.signed = signed;
        let small = known.bytes() < INLINE_BYTES_MAX;
        let polka = signed.vote.valid_round.and(self.polka.clone()).filter(|polka| polka.block == block);
        let (mempool, me, set) = (&self.mempool, self.me, self.chain.validators.set());
        Some(known.message(signed, polka, |digest| !small && mempool.is_held_by_quorum(digest, me, set)))
    }

    pub(super) fn on_proposal(
        &mut self,
        from: MemberId,
        proposal: Proposal,
        batches: Vec<Arc<CheckedBatch>>,
    ) -> Result<(), Fatal> {
        let signed = proposal.signed;
        let vote = signed.vote;
        let consistent = vote.vote_type == VoteType::Proposal
            && vote.is_well_formed()
            && vote.height == proposal.header.height
            && vote.block == Some(proposal.header.id());
        if !consistent {
            self.disconnect(from, "sent a proposal whose header is not the one it names".to_owned());
            return Ok(());
        }
        if !Known::of_proposal(&proposal, false).is_bound() {
            self.disconnect(from, "sent a proposal with a body that its header does not bind".to_owned());
            return Ok(());
        }
        let current = self.consensus.round().unwrap_or(Round(0));
        if vote.round.0 > current.0.saturating_add(crate::votes::ROUNDS_AHEAD_MAX) {
            return Ok(());
        }
        let block = proposal.header.id();
        let is_wanted = self.wanted.contains_key(&block);
        let is_new = self.consensus.proposal(vote.round).is_none_or(|held| **held != signed);
        if is_new {
            if signed.validator != self.consensus.proposer(vote.round) {
                self.disconnect(
                    from,
                    format!("sent a proposal of a validator whose turn it is not in round {}", vote.round),
                );
                return Ok(());
            }
            let verified = verify_vote(&self.chain.validators, signed, self.chain.network(), RECOVERY_EPOCH);
            let Ok(verified) = verified else {
                self.disconnect(from, "sent a proposal with a bad signature".to_owned());
                return Ok(());
            };
            self.check_own_key(&verified);
            let is_fresh = vote.valid_round.is_none();
            let signer = self.chain.validators.set().get(signed.validator).map(|validator| validator.member);
            if is_fresh && signer != Some(proposal.header.proposer) {
                self.disconnect(from, "sent a fresh proposal in whose header another is the proposer".to_owned());
                return Ok(());
            }
            if self.consensus.proposal(vote.round).is_some() && !is_wanted {
                // A second proposal of the round convicts its proposer; its body is not worth keeping.
                self.events.push_back(Event::Proposal { proposal: verified, timely: false });
                return Ok(());
            }
            if let Some(polka) = proposal.polka.clone() {
                self.on_certificate(from, polka);
            }
            let timely = self
                .known
                .get(&block)
                .map_or_else(|| self.is_timely(proposal.header.time, vote.round), |known| known.timely);
            self.known.entry(block).or_insert_with(|| Known::of_proposal(&proposal, timely)).signed = signed;
            self.events.push_back(Event::Proposal { proposal: verified, timely });
            self.wake();
        } else if !is_wanted && !self.known.contains_key(&block) {
            return Ok(());
        }
        let known = self.known.entry(block).or_insert_with(|| Known::of_proposal(&proposal, false));
        known.add_batches(batches);
        self.try_judge(&block)
    }

    /// Proposer-based timestamps: the proposer's clock, within precision of ours, and not on the way for too long.
    /// Both bounds grow with the round, so that wrong clocks slow the network down but never stop it.
    fn is_timely(&self, time: Timestamp, round: Round) -> bool {
        let p = &self.chain.parameters;
        let grown = |ms: u32| u64::from(ms) * (2 + u64::from(round.0)) / 2;
        let precision = grown(p.precision_ms);
        let now = self.now.unix_ms;
        // The time is the peer's: it may be any number.
        now + precision >= time.0 && now <= time.0.saturating_add(grown(p.delay_ms) + precision)
    }
}

/// Transactions that nobody here can execute: a defect that an operator will look at long before there are as many.
const QUARANTINE_MAX: usize = 1024;
/// Each costs a dozen executions of the block, and the others wait.
const QUARANTINED_PER_BLOCK_MAX: usize = 2;
