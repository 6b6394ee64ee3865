//! Block sync: from peers that are ahead, every certificate verified in full against the set of its height, every block
//! executed and its roots compared.

use super::{Fatal, Replica};
use crate::{
    chain::{InvalidProposal, Parts},
    io::CheckedBatch,
    message::{CertifiedBlock, Message},
    query, rim,
};
use concordat_crypto::verify_certificate;
use concordat_types::{Batch, Block, CertificateKind, Height, MemberId, RECOVERY_EPOCH};
use std::{collections::BTreeMap, sync::Arc};

/// One at a time; another peer is asked when it is late.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    pub peer: MemberId,
    from: Height,
    pub deadline_ms: u64,
}

impl Replica {
    /// Peers that are ahead, the furthest first.
    fn ahead(&self) -> Vec<(Height, MemberId)> {
        let now_ms = self.now.monotonic_ms;
        let mut ahead: Vec<_> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.connected && peer.tip > self.chain.tip.height && peer.doubted_until_ms <= now_ms)
            .map(|(member, peer)| (peer.tip, *member))
            .collect();
        ahead.sort_unstable_by(|a, b| b.cmp(a));
        ahead
    }

    pub(super) fn note_behind(&mut self) {
        let is_behind = !self.ahead().is_empty();
        match (is_behind, self.behind_since_ms) {
            (true, None) => self.behind_since_ms = Some(self.now.monotonic_ms),
            (false, Some(_)) => self.behind_since_ms = None,
            _ => {}
        }
    }

    pub(super) fn behind_due_ms(&self) -> Option<u64> {
        let since = self.behind_since_ms.filter(|_| self.sync.is_none())?;
        Some(since + BEHIND_PATIENCE_MS)
    }

    /// One height behind is usual while votes are on their way; more, or for longer, asks for blocks.
    pub(super) fn sync_if_behind(&mut self) {
        let now_ms = self.now.monotonic_ms;
        if let Some(request) = self.sync.filter(|request| request.deadline_ms <= now_ms) {
            self.sync = None;
            if let Some(peer) = self.peers.get_mut(&request.peer) {
                peer.doubted_until_ms = now_ms + DOUBT_MS;
            }
            self.judge_catching_up();
        }
        self.note_behind();
        let Some(since) = self.behind_since_ms.filter(|_| self.sync.is_none()) else { return };
        let ahead = self.ahead();
        let Some((tip, peer)) = ahead.first().copied() else { return };
        let far = tip.0 > self.chain.tip.height.0 + 1;
        if far || now_ms >= since + BEHIND_PATIENCE_MS {
            let from = self.chain.tip.height.next();
            self.sync = Some(Request { peer, from, deadline_ms: now_ms + SYNC_DEADLINE_MS });
            self.send(peer, Message::BlockRequest { from, count: rim::SYNC_BLOCKS_MAX as u16 });
        }
    }

    pub(super) fn serve_blocks(&mut self, to: MemberId, from: Height, count: u16) -> Result<(), Fatal> {
        if !self.has_room_to_serve(to) {
            return Ok(());
        }
        let mut blocks = Vec::new();
        let mut bytes = 0;
        let mut height = from;
        while blocks.len() < usize::from(count).min(rim::SYNC_BLOCKS_MAX)
            && height <= self.chain.tip.height
            && bytes < ANSWER_BYTES_MAX
        {
            let store = self.chain.store();
            let (Some((header, certificate)), Some(body)) =
                (query::header(store, height)?, query::body(store, height)?)
            else {
                break;
            };
            let more: usize = body.batches.iter().map(Vec::len).sum();
            if !blocks.is_empty() && bytes + more > ANSWER_BYTES_MAX {
                break;
            }
            bytes += more;
            blocks.push(CertifiedBlock { block: Block { header, body }, certificate });
            height = height.next();
        }
        if !self.may_serve(to, bytes) {
            return Ok(());
        }
        // A peer that asks beyond our tip learns that by the empty answer.
        self.send(to, Message::Blocks(blocks));
        Ok(())
    }

    pub(super) fn on_blocks(
        &mut self,
        from: MemberId,
        blocks: Vec<CertifiedBlock>,
        batches: Vec<Arc<CheckedBatch>>,
    ) -> Result<(), Fatal> {
        let asked = self.sync.is_some_and(|request| request.peer == from) || !self.wanted.is_empty();
        if !asked {
            return Ok(());
        }
        if self.sync.is_some_and(|request| request.peer == from) {
            self.sync = None;
        }
        let tip_before = self.chain.tip.height;
        let by_digest: BTreeMap<_, _> = batches.into_iter().map(|batch| (batch.digest, batch)).collect();
        for certified in blocks {
            if certified.block.header.height != self.chain.tip.height.next() {
                continue;
            }
            if let Err(reason) = self.apply_synced(certified, &by_digest)? {
                self.doubt(from);
                self.disconnect(from, reason);
                return Ok(());
            }
        }
        // An answer that does not move us on is none.
        if self.chain.tip.height == tip_before {
            self.doubt(from);
        }
        self.note_behind();
        self.judge_catching_up();
        Ok(())
    }

    fn doubt(&mut self, peer: MemberId) {
        let until = self.now.monotonic_ms + DOUBT_MS;
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.doubted_until_ms = until;
        }
    }

    /// The inner error is the sender's fault.
    fn apply_synced(
        &mut self,
        certified: CertifiedBlock,
        batches: &BTreeMap<concordat_types::BatchDigest, Arc<CheckedBatch>>,
    ) -> Result<Result<(), String>, Fatal> {
        let CertifiedBlock { block: Block { header, body }, certificate } = certified;
        let height = header.height;
        let binds = certificate.kind == CertificateKind::Commit
            && certificate.height == height
            && certificate.block == header.id();
        if !binds {
            return Ok(Err("sent a block with the certificate of another".to_owned()));
        }
        let keys = self.chain.validators.clone();
        let verified = match verify_certificate(certificate, &keys, self.chain.network(), RECOVERY_EPOCH) {
            Ok(verified) => verified,
            Err(error) => return Ok(Err(format!("sent a block with a certificate that does not verify: {error}"))),
        };
        let parts = Parts {
            batches: body.batches.iter().map(|bytes| batches[&Batch::digest_of(bytes)].clone()).collect(),
            last_certificate: body.last_certificate,
            participation: body.participation,
            evidence: body.evidence,
        };
        let judged = self.chain.judge(header, parts);
        self.chain.take_failure()?;
        match judged {
            Ok(candidate) => self.commit(candidate, verified.into_inner()).map(Ok),
            // The certificate covers the header alone: a body that the header does not bind is the sender's doing.
            Err(InvalidProposal::NotBound(what)) => {
                Ok(Err(format!("sent a block whose header does not bind its {what}")))
            }
            Err(invalid) => {
                self.stop_signing(format!(
                    "the certified block {} of height {height} is invalid here: {invalid}",
                    verified.block
                ));
                Ok(Ok(()))
            }
        }
    }
}

/// How long a height behind is left to votes and certificates that are on their way.
const BEHIND_PATIENCE_MS: u64 = 300;
/// For an answer of some megabytes on a slow link.
const SYNC_DEADLINE_MS: u64 = 5_000;
/// A peer that did not deliver is not asked, nor believed to be ahead, for this long.
const DOUBT_MS: u64 = 10_000;
/// An answer fits into one message.
const ANSWER_BYTES_MAX: usize = 8 << 20;
