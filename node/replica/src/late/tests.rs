use super::*;
use crate::test_keys::{genesis, member_id, precommit, signed};
use concordat_crypto::{certificate_from_votes, verify_certificate};
use concordat_types::{BlockId, Hash, Round, Verified, Vote};

const NETWORK: NetworkId = NetworkId(Hash([1; 32]));
const BLOCK: BlockId = BlockId(Hash([7; 32]));

struct World {
    keys: Arc<ValidatorKeys>,
    late: LatePrecommits,
}

impl World {
    /// Of seven validators 0 to 4 were in time, at each of the heights.
    fn decided(heights: impl Iterator<Item = u64>, held: &[u16]) -> World {
        let keys = Arc::new(ValidatorKeys::new(genesis(7).validators().unwrap()).unwrap());
        let mut late = LatePrecommits::new(NETWORK, 0);
        for height in heights.map(Height) {
            let vote = precommit(height, BLOCK);
            let verified = |validator| Verified::attest_verified(signed(NETWORK, validator, vote));
            let votes: Vec<_> = (0..5).map(verified).collect();
            let certificate = certificate_from_votes(&votes, &keys, NETWORK, 0).unwrap().into_inner();
            let held = held.iter().map(|validator| signed(NETWORK, *validator, vote)).collect();
            late.begin(certificate, keys.clone(), held);
        }
        World { keys, late }
    }

    fn add(&mut self, from: u16, validator: u16, vote: Vote) -> bool {
        self.late.add(&member_id(from), signed(NETWORK, validator, vote))
    }

    /// The signers of the record, which verifies.
    fn signers(&mut self, height: u64) -> Vec<u16> {
        let record = self.late.record(Height(height)).unwrap();
        assert_eq!(record.bad, []);
        verify_certificate(record.certificate.clone(), &self.keys, NETWORK, 0).unwrap();
        record.certificate.signers.iter().map(|index| index.0).collect()
    }
}

const IN_TIME: [u16; 5] = [0, 1, 2, 3, 4];

#[test]
fn what_came_late_is_in_the_record() {
    let mut world = World::decided(1..=1, &[]);
    assert_eq!(world.signers(1), IN_TIME);
    let vote = precommit(Height(1), BLOCK);
    assert!(world.add(6, 6, vote));
    assert_eq!(world.signers(1), [0, 1, 2, 3, 4, 6]);
    // The same again, and one that is in the certificate, change nothing; another one still does.
    assert!(world.add(6, 6, vote) && world.add(0, 0, vote));
    assert_eq!(world.signers(1), [0, 1, 2, 3, 4, 6]);
    assert!(world.add(5, 5, vote));
    assert_eq!(world.signers(1), [0, 1, 2, 3, 4, 5, 6]);
}

#[test]
fn what_was_here_at_the_decision_is_in_the_record() {
    assert_eq!(World::decided(1..=1, &[4, 5]).signers(1), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn only_the_vote_that_was_decided_counts() {
    let mut world = World::decided(1..=1, &[]);
    let vote = precommit(Height(1), BLOCK);
    for other in [
        Vote { round: Round(1), ..vote },
        Vote { block: None, ..vote },
        Vote { block: Some(BlockId(Hash([8; 32]))), ..vote },
        Vote { vote_type: concordat_types::VoteType::Prevote, ..vote },
        Vote { height: Height(2), ..vote },
    ] {
        assert!(world.add(6, 6, other), "{other:?}");
    }
    let unknown = SignedVote { validator: ValidatorIndex(7), ..signed(NETWORK, 6, vote) };
    assert!(world.late.add(&member_id(6), unknown));
    assert_eq!(world.signers(1), IN_TIME);
}

#[test]
fn a_relayed_vote_is_verified_at_once() {
    let mut world = World::decided(1..=1, &[]);
    let vote = precommit(Height(1), BLOCK);
    let forged = SignedVote { validator: ValidatorIndex(6), ..signed(NETWORK, 5, vote) };
    assert!(!world.late.add(&member_id(0), forged));
    assert!(world.add(0, 6, vote), "a forged one takes nobody's place");
    assert_eq!(world.signers(1), [0, 1, 2, 3, 4, 6]);
}

#[test]
fn a_forged_late_vote_is_left_out_and_its_sender_named() {
    let mut world = World::decided(1..=1, &[]);
    let vote = precommit(Height(1), BLOCK);
    let forged = SignedVote { validator: ValidatorIndex(6), ..signed(NETWORK, 5, vote) };
    assert!(world.late.add(&member_id(6), forged), "not looked at yet");
    assert!(world.add(5, 5, vote));
    let record = world.late.record(Height(1)).unwrap();
    assert_eq!(record.bad, [member_id(6)]);
    assert_eq!(world.signers(1), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn ten_heights_are_kept() {
    let mut world = World::decided(1..=12, &[]);
    assert_eq!(world.late.record(Height(2)), None);
    assert_eq!(world.late.record(Height(13)), None);
    assert!(world.add(6, 6, precommit(Height(2), BLOCK)), "ignored");
    assert!(world.add(6, 6, precommit(Height(3), BLOCK)));
    assert_eq!(world.signers(3), [0, 1, 2, 3, 4, 6]);
    assert_eq!(world.late.heights.len(), 10);
}
