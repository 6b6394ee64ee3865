//! Messages of the height above the one in work, kept until that is decided: others are a moment ahead at each height.

use crate::{io::CheckedMessage, message::Message};
use concordat_types::{BodyRef, MemberId, SignedVote};
use std::collections::VecDeque;

#[derive(Debug, Default)]
pub struct EarlyMessages {
    /// In order of arrival.
    kept: VecDeque<(MemberId, CheckedMessage)>,
}

impl EarlyMessages {
    /// Keeps the message, or drops it, or the sender's oldest for it: nobody takes another's room, but for large ones, which
    /// come again when they are asked for.
    pub fn keep(&mut self, from: MemberId, is_validator: bool, checked: CheckedMessage) {
        // A follower has nothing of its own to say, and what it passes on others say too.
        if !is_validator && !matches!(checked.message, Message::Certificate(_)) {
            return;
        }
        let is_proposal = |message: &Message| matches!(message, Message::Proposal(_));
        if is_proposal(&checked.message) {
            // One a member is enough.
            self.kept.retain(|(sender, held)| *sender != from || !is_proposal(&held.message));
        }
        let bytes = large_bytes(&checked);
        let held: usize = self.kept.iter().map(|(_, held)| large_bytes(held)).sum();
        if held + bytes > EARLY_LARGE_BYTES_MAX {
            return;
        }
        let of_sender = self.kept.iter().filter(|(sender, _)| *sender == from).count();
        if of_sender >= EARLY_PER_MEMBER_MAX
            && let Some(oldest) = self.kept.iter().position(|(sender, _)| *sender == from)
        {
            self.kept.remove(oldest);
        }
        self.kept.push_back((from, checked));
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    pub fn take(&mut self) -> impl Iterator<Item = (MemberId, CheckedMessage)> + use<> {
        std::mem::take(&mut self.kept).into_iter()
    }
}

/// In memory, of what may be long; votes and certificates are bounded by their number.
fn large_bytes(checked: &CheckedMessage) -> usize {
    match &checked.message {
        Message::Proposal(proposal) => {
            let inline = |part: &BodyRef| match part {
                BodyRef::Inline(bytes) => bytes.len(),
                BodyRef::Digest(_) => 0,
            };
            // Once in the message, and in the checked batches as bytes and decoded.
            3 * proposal.body.iter().map(inline).sum::<usize>() + proposal.body.len() * size_of::<BodyRef>()
        }
        Message::RoundCertificate { votes, .. } => votes.len() * size_of::<SignedVote>(),
        _ => 0,
    }
}

/// What one member sends of a height before another has finished the last: proposal, votes, certificates, two rounds.
pub const EARLY_PER_MEMBER_MAX: usize = 12;
/// Two of the largest proposals. Honest nodes have one at a time.
pub const EARLY_LARGE_BYTES_MAX: usize = 96 << 20;

#[cfg(test)]
mod tests;
