//! Clients' transactions: into the mempool, and the answer once they are in a block.

use super::{Fatal, Replica};
use crate::{
    io::{CommittedBlock, Effect, Refusal, SubmitOutcome, Ticket},
    mempool::Checked,
    message::Message,
    query,
};
use concordat_ledger::{BodyDigest, IdKey, IdKind, IdRecord, StateKey, StateValue, StateView, TransactionResult};
use concordat_types::{CheckedTransaction, MemberId, MemberStatus, Operation};

impl Replica {
    pub(super) fn on_submit(&mut self, ticket: Ticket, transaction: Checked) {
        if let Some(outcome) = self.committed_before(&transaction) {
            return self.reply(ticket, outcome);
        }
        if !self.mempool.holds_transaction(&transaction.hash) {
            if let Err(refusal) = self.admit(&transaction) {
                return self.reply(ticket, SubmitOutcome::Refused(refusal));
            }
            if self.mempool.try_push(transaction.clone()).is_err() {
                return self.reply(ticket, SubmitOutcome::Refused(Refusal::MempoolFull));
            }
        }
        self.tickets.insert(ticket, transaction.hash);
        self.waiting.entry(transaction.hash).or_default().push(ticket);
    }

    pub(super) fn forget(&mut self, ticket: Ticket) {
        let Some(hash) = self.tickets.remove(&ticket) else { return };
        if let Some(tickets) = self.waiting.get_mut(&hash) {
            tickets.retain(|held| *held != ticket);
            if tickets.is_empty() {
                self.waiting.remove(&hash);
            }
        }
    }

    /// The first result of a transaction that was booked already.
    fn committed_before(&self, transaction: &CheckedTransaction) -> Option<SubmitOutcome> {
        let (submitter, id) = (transaction.transaction.submitter, transaction.transaction.id);
        let record = self.chain.id(&IdKey { id, kind: IdKind::Transaction, submitter })?;
        let IdRecord::Transaction { body, height, tx_index, results } = record else { return None };
        if body != BodyDigest::from(transaction.hash.0) {
            return None;
        }
        let (_, certificate) = query::header(self.chain.store(), height).ok().flatten()?;
        let result = TransactionResult { repeat: true, operations: results };
        Some(SubmitOutcome::Committed { height, block: certificate.block, tx_index, result })
    }

    /// What the ledger would refuse without a record is refused here, so that it never takes room in a block.
    fn admit(&self, transaction: &CheckedTransaction) -> Result<(), Refusal> {
        let valid_until = transaction.transaction.valid_until.0;
        if valid_until < self.now.unix_ms {
            return Err(Refusal::Expired);
        }
        if valid_until > self.now.unix_ms + self.chain.parameters.id_window_ms {
            return Err(Refusal::ValidUntilTooFar);
        }
        let submitter = transaction.transaction.submitter;
        let Some(StateValue::Member(member)) = self.chain.get(&StateKey::Member(submitter)) else {
            return Err(Refusal::SubmitterNotActive);
        };
        // Who is invited may file its request, and nothing else.
        let files_request = matches!(transaction.transaction.operations[..], [Operation::FileJoin(_)]);
        if !member.is_active() && (member.status != MemberStatus::Invited || !files_request) {
            return Err(Refusal::SubmitterNotActive);
        }
        if !member.has_signed(transaction.signers()) {
            return Err(Refusal::NotSignedBySubmitter);
        }
        Ok(())
    }

    pub(super) fn answer_waiting(&mut self, committed: &CommittedBlock) -> Result<(), Fatal> {
        for (tx_index, (hash, result)) in committed.transactions.iter().enumerate() {
            for ticket in self.waiting.remove(hash).unwrap_or_default() {
                let outcome = SubmitOutcome::Committed {
                    height: committed.header.height,
                    block: committed.id,
                    tx_index: tx_index as u32,
                    result: result.clone(),
                };
                self.reply(ticket, outcome);
            }
        }
        self.expire_waiting();
        Ok(())
    }

    /// What left the mempool without a block can be in none any more: its time is over.
    fn expire_waiting(&mut self) {
        let gone = |hash: &&concordat_types::TransactionHash| !self.mempool.holds_transaction(hash);
        let gone: Vec<_> = self.waiting.keys().filter(gone).copied().collect();
        for hash in gone {
            for ticket in self.waiting.remove(&hash).unwrap_or_default() {
                self.reply(ticket, SubmitOutcome::Refused(Refusal::Expired));
            }
        }
    }

    fn reply(&mut self, ticket: Ticket, outcome: SubmitOutcome) {
        self.tickets.remove(&ticket);
        self.effects.push(Effect::Reply { ticket, outcome });
    }

    /// Sends what clients have handed in ahead to the others.
    pub(super) fn cut_batches(&mut self) {
        for batch in self.mempool.cut(self.me, &self.chain.parameters, self.now.monotonic_ms) {
            self.broadcast(Message::Batch(batch.bytes.to_vec()));
        }
    }

    /// A batch that a connected validator has not acknowledged in a while is sent to it again.
    pub(super) fn resend_batches(&mut self) {
        let now_ms = self.now.monotonic_ms;
        if now_ms < self.resend_ms {
            return;
        }
        self.resend_ms = now_ms + RESEND_MS;
        let connected: Vec<MemberId> =
            self.peers.iter().filter(|(_, peer)| peer.connected).map(|(peer, _)| *peer).collect();
        let validators = connected.into_iter().filter(|peer| self.chain.validators.set().index_of(peer).is_some());
        let mut resent = Vec::new();
        for peer in validators.collect::<Vec<_>>() {
            let before = now_ms.saturating_sub(RESEND_MS);
            for batch in self.mempool.unacknowledged(self.me, &peer, before, RESENT_MAX) {
                resent.push(batch.digest);
                self.send(peer, Message::Batch(batch.bytes.to_vec()));
            }
        }
        self.mempool.mark_sent(resent.into_iter(), now_ms);
    }
}

/// Longer than a batch and its acknowledgement take on a loaded machine.
const RESEND_MS: u64 = 1_500;
/// Batches sent again to one peer at once.
const RESENT_MAX: usize = 16;
