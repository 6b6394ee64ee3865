//! Blocks of the height under way: their parts as they arrive, and the verdict once they are whole.

use super::{Fatal, Replica};
use crate::{
    chain::Parts,
    io::{Alarm, CheckedBatch},
    log::Record,
    message::{Message, Proposal},
};
use concordat_consensus::Input as Event;
use concordat_types::{
    BatchDigest, BlockId, BodyRef, Certificate, Evidence, Header, MemberId, SignedVote,
    block::{batches_root, certificate_hash, evidence_root},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A block that somebody proposed at this height.
#[derive(Debug)]
pub struct Known {
    pub header: Header,
    digests: Vec<BatchDigest>,
    /// Those of `digests` that are here.
    batches: BTreeMap<BatchDigest, Arc<CheckedBatch>>,
    last_certificate: Option<Certificate>,
    participation: Option<Certificate>,
    evidence: Vec<Evidence>,
    /// The newest proposal of the block, for those who ask.
    pub signed: SignedVote,
    pub timely: bool,
    verdict: Option<Result<(), String>>,
    logged: bool,
    /// Missing batches are asked for again at this time.
    ask_ms: u64,
}

impl Known {
    pub fn of_proposal(proposal: &Proposal, timely: bool) -> Known {
        let digest = |part: &BodyRef| match part {
            BodyRef::Digest(digest) => *digest,
            BodyRef::Inline(bytes) => concordat_types::Batch::digest_of(bytes),
        };
        Known {
            header: proposal.header.clone(),
            digests: proposal.body.iter().map(digest).collect(),
            batches: BTreeMap::new(),
            last_certificate: proposal.last_certificate.clone(),
            participation: proposal.participation.clone(),
            evidence: proposal.evidence.clone(),
            signed: proposal.signed,
            timely,
            verdict: None,
            logged: false,
            ask_ms: 0,
        }
    }

    /// Is the body the one that the header binds? The signature covers the header alone: whoever passes a proposal on
    /// could put another body under it.
    pub fn is_bound(&self) -> bool {
        self.header.batches_root == batches_root(self.digests.iter().copied())
            && self.header.last_certificate == certificate_hash(self.last_certificate.as_ref())
            && self.header.participation == certificate_hash(self.participation.as_ref())
            && self.header.evidence_root == evidence_root(&self.evidence)
    }

    pub fn of_parts(header: Header, parts: &Parts, signed: SignedVote) -> Known {
        Known {
            header,
            digests: parts.batches.iter().map(|batch| batch.digest).collect(),
            batches: parts.batches.iter().map(|batch| (batch.digest, batch.clone())).collect(),
            last_certificate: parts.last_certificate.clone(),
            participation: parts.participation.clone(),
            evidence: parts.evidence.clone(),
            signed,
            timely: true,
            verdict: Some(Ok(())),
            logged: false,
            ask_ms: 0,
        }
    }

    pub fn add_batches(&mut self, batches: impl IntoIterator<Item = Arc<CheckedBatch>>) {
        for batch in batches {
            if self.digests.contains(&batch.digest) {
                self.batches.insert(batch.digest, batch);
            }
        }
    }

    fn missing(&self) -> Vec<BatchDigest> {
        self.digests.iter().filter(|digest| !self.batches.contains_key(digest)).copied().collect()
    }

    pub fn is_whole(&self) -> bool {
        self.digests.iter().all(|digest| self.batches.contains_key(digest))
    }

    fn parts(&self) -> Parts {
        Parts {
            batches: self.digests.iter().map(|digest| self.batches[digest].clone()).collect(),
            last_certificate: self.last_certificate.clone(),
            participation: self.participation.clone(),
            evidence: self.evidence.clone(),
        }
    }

    /// As a message; `by_digest` says which batches the receivers hold.
    pub fn message(
        &self,
        signed: SignedVote,
        polka: Option<Certificate>,
        by_digest: impl Fn(&BatchDigest) -> bool,
    ) -> Proposal {
        let part = |digest: &BatchDigest| match self.batches.get(digest) {
            Some(batch) if !by_digest(digest) => BodyRef::Inline(batch.bytes.to_vec()),
            _ => BodyRef::Digest(*digest),
        };
        Proposal {
            signed,
            header: self.header.clone(),
            body: self.digests.iter().map(part).collect(),
            last_certificate: self.last_certificate.clone(),
            participation: self.participation.clone(),
            evidence: self.evidence.clone(),
            polka,
        }
    }

    /// For a peer that lacks it; a large body by digests. None: nothing can be said of it yet.
    pub fn answer(&self, signed: SignedVote, polka: Option<Certificate>) -> Option<Proposal> {
        let small = self.bytes() < INLINE_BYTES_MAX;
        (self.is_whole() && self.is_signed()).then(|| self.message(signed, polka, |_| !small))
    }

    /// Of our own block the proposal is signed only once it is durable.
    pub fn is_signed(&self) -> bool {
        self.signed.signature.0 != [0; 96]
    }

    pub fn mark_logged(&mut self) {
        self.logged = true;
    }

    pub fn bytes(&self) -> usize {
        self.batches.values().map(|batch| batch.bytes.len()).sum()
    }
}

impl Replica {
    /// Judges the block as soon as it is whole, once; asks for what is missing.
    pub(super) fn try_judge(&mut self, block: &BlockId) -> Result<(), Fatal> {
        let Some(known) = self.known.get_mut(block) else { return Ok(()) };
        if let Some(verdict) = &known.verdict {
            let valid = verdict.is_ok();
            self.events.push_back(Event::Block { block: *block, valid });
            return Ok(());
        }
        let held = known.missing().into_iter().filter_map(|digest| self.mempool.batch(&digest).cloned());
        let held: Vec<_> = held.collect();
        known.add_batches(held);
        if !known.is_whole() {
            if known.ask_ms <= self.now.monotonic_ms {
                known.ask_ms = self.now.monotonic_ms + ASK_AGAIN_MS;
                let missing = known.missing();
                self.wanted.insert(*block, self.now.monotonic_ms + ASK_AGAIN_MS);
                self.broadcast(Message::BatchRequest(missing));
            }
            return Ok(());
        }
        let judged = self.chain.judge(known.header.clone(), known.parts());
        self.chain.take_failure()?;
        let verdict = match judged {
            Ok(candidate) => {
                self.candidates.insert(*block, candidate);
                Ok(())
            }
            Err(invalid) => Err(invalid.to_string()),
        };
        let valid = verdict.is_ok();
        let known = self.known.get_mut(block).expect("looked up above");
        known.verdict = Some(verdict.clone());
        let (height, validator) = (known.header.height, known.signed.validator);
        if let Err(reason) = verdict {
            let member = self.chain.validators.set().get(validator).map(|validator| validator.member);
            self.alarm(Alarm::InvalidProposal { member, height, block: *block, reason });
        }
        self.wanted.remove(block);
        self.events.push_back(Event::Block { block: *block, valid });
        Ok(())
    }

    pub(super) fn verdict_on(&self, block: &BlockId) -> String {
        match self.known.get(block).and_then(|known| known.verdict.as_ref()) {
            Some(Err(reason)) => reason.clone(),
            _ => "unknown".to_owned(),
        }
    }

    /// New batches may make blocks whole.
    pub(super) fn judge_incomplete(&mut self, digests: &[BatchDigest]) -> Result<(), Fatal> {
        let waits =
            |known: &Known| known.verdict.is_none() && digests.iter().any(|digest| known.digests.contains(digest));
        let waiting: Vec<BlockId> =
            self.known.iter().filter(|(_, known)| waits(known)).map(|(block, _)| *block).collect();
        waiting.iter().try_for_each(|block| self.try_judge(block))
    }

    /// The machine needs a block that nobody has shown us, or that is not whole.
    pub(super) fn want(&mut self, block: BlockId) -> Result<(), Fatal> {
        if self.known.contains_key(&block) {
            return self.try_judge(&block);
        }
        self.wanted.insert(block, self.now.monotonic_ms + ASK_AGAIN_MS);
        let height = self.consensus.height();
        self.broadcast(Message::ProposalRequest { height, block });
        Ok(())
    }

    pub(super) fn ask_for_wanted(&mut self) -> Result<(), Fatal> {
        let now_ms = self.now.monotonic_ms;
        let due: Vec<BlockId> = self.wanted.iter().filter(|(_, at)| **at <= now_ms).map(|(block, _)| *block).collect();
        for block in due {
            self.wanted.insert(block, now_ms + ASK_AGAIN_MS);
            self.want(block)?;
        }
        self.run()
    }

    pub(super) fn on_proposal_request(
        &mut self,
        from: MemberId,
        height: concordat_types::Height,
        block: BlockId,
    ) -> Result<(), Fatal> {
        if height <= self.chain.tip.height {
            return self.serve_blocks(from, height, 1);
        }
        let polka = self.polka.clone().filter(|polka| polka.block == block);
        if let Some(known) = self.known.get(&block) {
            let message = known.answer(known.signed, polka);
            self.serve_proposal(from, message);
        }
        Ok(())
    }

    pub(super) fn on_batch_request(&mut self, from: MemberId, digests: &[BatchDigest]) {
        let wanted: BTreeSet<&BatchDigest> = digests.iter().take(BATCHES_ANSWERED_MAX).collect();
        for digest in wanted {
            let in_block = self.known.values().find_map(|known| known.batches.get(digest));
            if let Some(batch) = self.mempool.batch(digest).or(in_block).cloned()
                && self.may_serve(from, batch.bytes.len())
            {
                self.send(from, Message::Batch(batch.bytes.to_vec()));
            }
        }
    }

    /// Before a vote for a block: the block goes to the log, each batch once.
    pub(super) fn log_body(&mut self, block: &BlockId) {
        let Some(known) = self.known.get_mut(block) else { return };
        if std::mem::replace(&mut known.logged, true) {
            return;
        }
        for batch in known.batches.values() {
            if !self.log.holds_batch(&batch.digest) {
                self.log.append(&Record::Batch(batch.bytes.to_vec()));
            }
        }
        let proposal = Box::new(known.message(known.signed, None, |_| true));
        self.log.append(&Record::Proposal { proposal, timely: known.timely });
    }
}

/// Bodies smaller than this go with the proposal whole.
pub const INLINE_BYTES_MAX: usize = 64 << 10;
/// A round trip on a slow link and the time to answer.
const ASK_AGAIN_MS: u64 = 400;
/// The parts of one block of large batches; who lacks more asks again.
const BATCHES_ANSWERED_MAX: usize = 64;
