use super::*;
use crate::{message::Proposal, test_keys};
use concordat_types::{BlockId, Hash, Header, Height, NetworkId, Timestamp};

const NETWORK: NetworkId = NetworkId(Hash([1; 32]));

fn vote() -> SignedVote {
    test_keys::signed(NETWORK, 1, test_keys::precommit(Height(2), BlockId(Hash([2; 32]))))
}

fn proposal(bytes: usize) -> CheckedMessage {
    let zero = Hash::ZERO;
    let header = Header {
        version: Header::VERSION,
        network: NETWORK,
        height: Height(2),
        time: Timestamp(1),
        parent: BlockId(zero),
        batches_root: zero,
        transactions_root: zero,
        results_root: zero,
        state_root: zero,
        validators: zero,
        next_validators: zero,
        parameters: zero,
        last_certificate: zero,
        participation: zero,
        evidence_root: zero,
        proposer: test_keys::member_id(1),
    };
    let body = vec![BodyRef::Inline(vec![0; bytes])];
    let (last_certificate, participation, evidence, polka) = (None, None, Vec::new(), None);
    let signed = vote();
    let proposal = Proposal { signed, header, body, last_certificate, participation, evidence, polka };
    CheckedMessage { message: Message::Proposal(Box::new(proposal)), batches: Vec::new() }
}

fn small() -> CheckedMessage {
    CheckedMessage { message: Message::Vote(vote()), batches: Vec::new() }
}

#[test]
fn large_ones_share_a_bound_and_small_ones_have_room_all_the_same() {
    let mut early = EarlyMessages::default();
    let large = 10 << 20;
    let fit = EARLY_LARGE_BYTES_MAX / (3 * large);
    for number in 0..10 {
        early.keep(test_keys::member_id(number), true, proposal(large));
    }
    assert_eq!(early.len(), fit);
    for number in 0..10 {
        early.keep(test_keys::member_id(number), true, small());
    }
    assert_eq!(early.len(), fit + 10);
    // Its own proposal makes room for its next.
    early.keep(test_keys::member_id(0), true, proposal(large));
    assert_eq!(early.len(), fit + 10);
    let kept: Vec<_> = early.take().collect();
    assert_eq!(kept.len(), fit + 10);
    assert_eq!(kept.last().map(|(from, _)| *from), Some(test_keys::member_id(0)));
    assert_eq!(early.len(), 0);
}
