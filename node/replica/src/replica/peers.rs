//! Other nodes: their messages by height, where they are, and what they lack.

use super::{Fatal, Replica, clocks::PeerClock, serving::Served};
use crate::{
    io::CheckedMessage,
    message::{HeldVotes, Message, NodeStatus, Proposal},
};
use concordat_consensus::Input as Event;
use concordat_crypto::verify_vote;
use concordat_types::{
    BatchDigest, Bitmap, BodyRef, Certificate, CertificateKind, Height, MemberId, RECOVERY_EPOCH, Round, SignedVote,
    Verified, VoteType,
};

/// Another node, as this one knows it.
#[derive(Clone, Debug, Default)]
pub struct Peer {
    pub connected: bool,
    /// It broke the protocol on this connection.
    pub broken: bool,
    served: Served,
    /// The highest height it says, or its messages show, that it has committed. A hint.
    pub tip: Height,
    /// It did not deliver what it claimed to have; its claims count again after this.
    pub doubted_until_ms: u64,
    /// Heard of on this connection.
    status: Option<NodeStatus>,
    pub clock: PeerClock,
}

/// For operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeerView {
    pub member: MemberId,
    pub connected: bool,
    pub tip: Height,
    /// Its clock, less ours, by the newest answer: half the round trip may be wrong with it.
    pub clock_offset_ms: i64,
}

impl Peer {
    pub fn view(&self, member: MemberId) -> PeerView {
        PeerView { member, connected: self.connected, tip: self.tip, clock_offset_ms: self.clock.offset_ms() }
    }
}

impl Replica {
    pub(super) fn on_connected(&mut self, peer: MemberId) {
        let known = self.peers.entry(peer).or_default();
        known.connected = true;
        known.broken = false;
        let status = self.status();
        self.send(peer, Message::Status(status));
        let again = self.mempool.unacknowledged(self.me, &peer, u64::MAX, BATCHES_AT_CONNECT_MAX);
        for batch in again {
            self.send(peer, Message::Batch(batch.bytes.to_vec()));
        }
    }

    pub(super) fn on_disconnected(&mut self, peer: MemberId) {
        if let Some(known) = self.peers.get_mut(&peer) {
            known.connected = false;
            known.status = None;
            known.clock = PeerClock::default();
            // What it claimed cannot be asked for any more.
            known.tip = Height(0);
        }
        if self.sync.as_ref().is_some_and(|request| request.peer == peer) {
            self.sync = None;
        }
        self.note_behind();
        self.judge_catching_up();
    }

    pub(super) fn on_message(&mut self, from: MemberId, checked: CheckedMessage) -> Result<(), Fatal> {
        // Its connection is being ended: what still comes over it does not count.
        if self.peers.get(&from).is_some_and(|peer| peer.broken) {
            return Ok(());
        }
        let working = self.consensus.height();
        if let Some(height) = consensus_height(&checked.message) {
            // Whoever votes at a height has committed the one before.
            if let Some(below) = height.previous() {
                self.hint_tip(from, below);
            }
            if height == working.next() {
                let is_validator = self.chain.validators.set().index_of(&from).is_some();
                self.early.keep(from, is_validator, checked);
                return Ok(());
            }
            if height > working {
                return Ok(());
            }
            if height < working {
                match checked.message {
                    Message::Certificate(certificate) => self.on_old_certificate(from, certificate)?,
                    Message::Vote(signed) if !self.late.add(&from, signed) => {
                        self.disconnect(from, "passed on a precommit that is not good".to_owned());
                    }
                    _ => {}
                }
                return Ok(());
            }
        }
        let CheckedMessage { message, batches } = checked;
        match message {
            Message::Status(status) => self.on_status(from, status)?,
            Message::Clock { left_ms, answered_ms } => self.on_clock(from, left_ms, answered_ms),
            Message::Batch(_) => self.on_batches(from, batches)?,
            Message::BatchAck(digests) => {
                digests.iter().for_each(|digest| self.mempool.acknowledge(digest, from));
            }
            Message::BatchRequest(digests) => self.on_batch_request(from, &digests),
            Message::Proposal(proposal) => self.on_proposal(from, *proposal, batches)?,
            Message::Vote(signed) => self.on_vote(from, signed),
            Message::Certificate(certificate) => self.on_certificate(from, certificate),
            Message::RoundCertificate { votes, certificates } => {
                // Only what could move us on is worth checking.
                let current = self.consensus.round();
                let useful = |signed: &SignedVote| {
                    signed.vote.height == working && current.is_none_or(|current| signed.vote.round.next() >= current)
                };
                votes.into_iter().filter(useful).for_each(|signed| self.on_vote(from, signed));
                let certificates = certificates.into_iter().filter(|certificate| certificate.height == working);
                certificates.for_each(|certificate| self.on_certificate(from, certificate));
            }
            Message::ProposalRequest { height, block } => self.on_proposal_request(from, height, block)?,
            Message::BlockRequest { from: height, count } => self.serve_blocks(from, height, count)?,
            Message::Blocks(blocks) => self.on_blocks(from, blocks, batches)?,
        }
        Ok(())
    }

    /// See `Served`.
    pub(super) fn may_serve(&mut self, to: MemberId, bytes: usize) -> bool {
        let now_ms = self.now.monotonic_ms;
        self.peers.entry(to).or_default().served.may(now_ms, bytes)
    }

    pub(super) fn has_room_to_serve(&mut self, to: MemberId) -> bool {
        let now_ms = self.now.monotonic_ms;
        self.peers.entry(to).or_default().served.has_room(now_ms)
    }

    fn hint_tip(&mut self, peer: MemberId, tip: Height) {
        let now_ms = self.now.monotonic_ms;
        let known = self.peers.entry(peer).or_default();
        if known.doubted_until_ms <= now_ms && tip > known.tip {
            known.tip = tip;
            self.note_behind();
        }
    }

    fn on_vote(&mut self, from: MemberId, signed: SignedVote) {
        let set = self.chain.validators.set();
        let sender = set.index_of(&from);
        if Some(signed.validator) == self.my_index() {
            // Somebody passes our own vote on to us: known, or made by another holder of our key.
            if !self.own_votes.contains(&signed.vote) {
                match verify_vote(&self.chain.validators, signed, self.chain.network(), RECOVERY_EPOCH) {
                    Ok(verified) => self.check_own_key(&verified),
                    Err(_) => self.disconnect(from, "sent a vote in our name that is not ours".to_owned()),
                }
            }
            return;
        }
        if self.peers.get(&from).is_some_and(|peer| peer.broken) {
            return;
        }
        let added = self.keeper.add(&self.chain.validators, self.consensus.round(), sender, signed);
        if added.sender_is_bad {
            self.disconnect(from, "sent a vote that is not good".to_owned());
        }
        if !added.verified.is_empty() {
            for verified in added.verified {
                self.events.push_back(Event::Vote(verified));
            }
            self.wake();
        }
    }

    /// A verified signature of our key that is not on record: somebody else signs with it, or the record is not ours.
    pub(super) fn check_own_key(&mut self, verified: &Verified<SignedVote>) {
        if Some(verified.validator) != self.my_index() || self.own_votes.contains(&verified.vote) {
            return;
        }
        let vote = verified.vote;
        // Of heights before the newest on record, the record says nothing any more.
        let recent = self.signer.as_ref().map(|signer| signer.recent()).unwrap_or_default();
        if recent.contains(&vote) || recent.last().is_some_and(|last| vote.height < last.height) {
            return;
        }
        self.stop_signing(format!(
            "a signature of this key for height {}, round {} is not in its sign record: another process holds the key, or the record is an old copy",
            vote.height, vote.round
        ));
    }

    fn on_batches(
        &mut self,
        from: MemberId,
        batches: Vec<std::sync::Arc<crate::io::CheckedBatch>>,
    ) -> Result<(), Fatal> {
        let digests: Vec<BatchDigest> = batches.iter().map(|batch| batch.digest).collect();
        let mut held = Vec::new();
        for batch in batches {
            for known in self.known.values_mut() {
                known.add_batches(Some(batch.clone()));
            }
            let digest = batch.digest;
            let is_held = self.is_booked(&batch)
                || (self.is_admissible(&batch) && self.mempool.try_insert(batch, from, self.now.monotonic_ms).is_ok());
            if is_held {
                held.push(digest);
            }
        }
        if !held.is_empty() {
            self.mempool_acknowledged(held);
        }
        self.judge_incomplete(&digests)
    }

    /// All of it is in blocks already: a copy that came late.
    fn is_booked(&self, batch: &crate::io::CheckedBatch) -> bool {
        use concordat_ledger::{IdKey, IdKind, StateView};
        batch.transactions.iter().all(|checked| {
            let (submitter, id) = (checked.transaction.submitter, checked.transaction.id);
            self.chain.id(&IdKey { id, kind: IdKind::Transaction, submitter }).is_some()
        })
    }

    /// Could all of it be in a block about now? A peer's word is not enough: what never could would wait for ever.
    fn is_admissible(&self, batch: &crate::io::CheckedBatch) -> bool {
        // The author's clock may be ahead of ours by as much as clocks may differ.
        let slack = u64::from(self.chain.parameters.precision_ms);
        let window = self.chain.parameters.id_window_ms + slack;
        let mut inclusion = concordat_ledger::Inclusion::new(&self.chain, self.next_block_time(), window);
        batch.transactions.iter().all(|checked| inclusion.check(0, checked).is_ok())
    }

    fn mempool_acknowledged(&mut self, digests: Vec<BatchDigest>) {
        if self.signer.is_some() {
            self.broadcast(Message::BatchAck(digests));
        }
    }

    // ---- status -------------------------------------------------------------------------------------------------

    pub fn status(&self) -> NodeStatus {
        let round = self.consensus.round();
        let rounds = round.into_iter().flat_map(|round| [round.0.checked_sub(1).map(Round), Some(round)]).flatten();
        NodeStatus {
            tip: self.chain.tip.height,
            tip_block: self.chain.tip.block,
            round,
            held: rounds.map(|round| self.held(round)).collect(),
            clock_ms: self.now.unix_ms,
        }
    }

    fn held(&self, round: Round) -> HeldVotes {
        let bitmap = |vote_type| {
            let mut bitmap = Bitmap::new(self.chain.validators.set().len());
            self.consensus.votes(round, vote_type).for_each(|signed| bitmap.insert(signed.validator));
            bitmap
        };
        HeldVotes {
            round,
            proposal: self.consensus.proposal(round).is_some(),
            prevotes: bitmap(VoteType::Prevote),
            precommits: bitmap(VoteType::Precommit),
        }
    }

    pub(super) fn broadcast_status(&mut self) {
        self.status_ms = self.now.monotonic_ms;
        let status = self.status();
        self.broadcast(Message::Status(status));
    }

    pub(super) fn status_due_ms(&self) -> u64 {
        self.status_ms + if self.is_idle() && !self.catching_up { STATUS_IDLE_MS } else { STATUS_BUSY_MS }
    }

    fn on_status(&mut self, from: MemberId, status: NodeStatus) -> Result<(), Fatal> {
        self.send(from, Message::Clock { left_ms: status.clock_ms, answered_ms: self.now.unix_ms });
        let peer = self.peers.entry(from).or_default();
        let is_first = peer.status.is_none();
        peer.status = Some(status.clone());
        if peer.doubted_until_ms <= self.now.monotonic_ms {
            peer.tip = status.tip;
        }
        self.send_what_it_lacks(from, &status);
        if is_first {
            let status = self.status();
            self.send(from, Message::Status(status));
        }
        self.note_behind();
        self.judge_catching_up();
        Ok(())
    }

    /// Votes leave only once a quorum, ourselves among it, has told where it is, and none of them is ahead.
    pub(super) fn judge_catching_up(&mut self) {
        if !self.catching_up {
            return;
        }
        let set = self.chain.validators.set();
        let mut power = set.index_of(&self.me).map_or(0, |index| set.power(index));
        for (member, peer) in &self.peers {
            if peer.status.is_some()
                && let Some(index) = set.index_of(member)
            {
                power += set.power(index);
            }
        }
        let doubted = |peer: &Peer| peer.doubted_until_ms > self.now.monotonic_ms;
        let claims = |peer: &Peer| peer.connected && peer.tip > self.chain.tip.height && !doubted(peer);
        let ahead = self.peers.values().any(claims);
        if set.is_quorum(power) && !ahead {
            self.catching_up = false;
            self.broadcast_status();
        }
    }

    fn send_what_it_lacks(&mut self, to: MemberId, status: &NodeStatus) {
        let tip = self.chain.tip.height;
        if status.tip < tip {
            // One behind, it most likely holds the block and lacks the decision. Further behind, it asks for blocks.
            if status.tip.next() == tip
                && let Some(certificate) = self.chain.tip_certificate.clone()
            {
                self.send(to, Message::Certificate(certificate));
            }
            return;
        }
        if status.tip > tip || status.tip_block != self.chain.tip.block {
            return;
        }
        for held in &status.held {
            self.send_missing_votes(to, held);
            let proposal = self.consensus.proposal(held.round).map(|signed| **signed);
            if !held.proposal
                && let Some(signed) = proposal
                && let Some(block) = signed.vote.block
            {
                self.send_proposal_of(to, signed, block);
            }
        }
        if let Some(round) = self.consensus.round()
            && status.round.is_none_or(|theirs| theirs < round)
        {
            let (votes, certificates) = self.round_certificate();
            if round > Round(0) {
                self.send(to, Message::RoundCertificate { votes, certificates });
            }
        }
    }

    fn send_missing_votes(&mut self, to: MemberId, held: &HeldVotes) {
        let mut missing: Vec<SignedVote> = Vec::new();
        for (vote_type, theirs) in [(VoteType::Prevote, &held.prevotes), (VoteType::Precommit, &held.precommits)] {
            let votes = self.consensus.votes(held.round, vote_type);
            missing.extend(votes.filter(|signed| !theirs.contains(signed.validator)).map(|signed| **signed));
        }
        if missing.is_empty() || self.may_serve(to, missing.len() * size_of::<SignedVote>()) {
            missing.into_iter().for_each(|signed| self.send(to, Message::Vote(signed)));
        }
        for kind in [CertificateKind::Polka, CertificateKind::Commit] {
            if let Some(concordat_consensus::Quorum::Certificate(certificate)) = self.consensus.quorum(held.round, kind)
            {
                self.send(to, Message::Certificate(certificate.into_inner()));
            }
        }
    }

    fn send_proposal_of(&mut self, to: MemberId, signed: SignedVote, block: concordat_types::BlockId) {
        let polka = signed.vote.valid_round.and(self.polka.clone()).filter(|polka| polka.block == block);
        if let Some(known) = self.known.get(&block) {
            let message = known.answer(signed, polka);
            self.serve_proposal(to, message);
        }
    }

    /// None: the block is not whole here.
    pub(super) fn serve_proposal(&mut self, to: MemberId, answer: Option<Proposal>) {
        let Some(proposal) = answer else { return };
        let inline = |part: &BodyRef| match part {
            BodyRef::Inline(bytes) => bytes.len(),
            BodyRef::Digest(_) => size_of::<BatchDigest>(),
        };
        if self.may_serve(to, proposal.body.iter().map(inline).sum::<usize>() + size_of::<Proposal>()) {
            self.send(to, Message::Proposal(Box::new(proposal)));
        }
    }

    /// What justifies that the machine is in its round, if above 0.
    pub(super) fn round_certificate(&self) -> (Vec<SignedVote>, Vec<Certificate>) {
        let (mut votes, mut certificates) = (Vec::new(), Vec::new());
        for event in self.consensus.round_certificate() {
            match event {
                Event::Vote(signed) => votes.push(*signed),
                Event::Certificate(certificate) => certificates.push(certificate.into_inner()),
                other => unreachable!("a round is justified by votes and certificates, not by {other:?}"),
            }
        }
        (votes, certificates)
    }
}

/// The height that a message of consensus is about.
fn consensus_height(message: &Message) -> Option<Height> {
    match message {
        Message::Proposal(proposal) => Some(proposal.signed.vote.height),
        Message::Vote(signed) => Some(signed.vote.height),
        Message::Certificate(certificate) => Some(certificate.height),
        Message::RoundCertificate { votes, certificates } => {
            let of_vote = votes.first().map(|signed| signed.vote.height);
            of_vote.or(certificates.first().map(|certificate| certificate.height))
        }
        Message::Status(_)
        | Message::Clock { .. }
        | Message::Batch(_)
        | Message::BatchAck(_)
        | Message::BatchRequest(_)
        | Message::ProposalRequest { .. }
        | Message::BlockRequest { .. }
        | Message::Blocks(_) => None,
    }
}

const BATCHES_AT_CONNECT_MAX: usize = 64;
/// In a round: soon enough that a lost vote costs less than a timeout.
const STATUS_BUSY_MS: u64 = 400;
const STATUS_IDLE_MS: u64 = 2_000;
