use super::*;
use blst::min_pk::SecretKey;
use concordat_crypto::bls::SIGNATURE_DST;
use concordat_types::{BlockId, BlsPublicKey, BlsSignature, Hash, Height, MemberId, Validator, ValidatorSet, Vote};

struct World {
    secrets: Vec<SecretKey>,
    keys: ValidatorKeys,
    keeper: VoteKeeper,
}

const NETWORK: NetworkId = NetworkId(Hash([1; 32]));

fn world(validators: u8) -> World {
    let secrets: Vec<_> = (0..validators).map(|number| SecretKey::key_gen(&[number; 32], &[]).unwrap()).collect();
    let validator = |(number, secret): (usize, &SecretKey)| Validator {
        member: MemberId::new(&format!("bank-{number}")).unwrap(),
        key: BlsPublicKey(secret.sk_to_pk().to_bytes()),
        power: 100,
    };
    let set = ValidatorSet::new(secrets.iter().enumerate().map(validator).collect()).unwrap();
    World { secrets, keys: ValidatorKeys::new(set).unwrap(), keeper: VoteKeeper::new(NETWORK, 0) }
}

impl World {
    fn vote(&self, validator: u16, vote_type: VoteType, round: u32, block: Option<u8>) -> SignedVote {
        let block = block.map(|byte| BlockId(Hash([byte; 32])));
        let vote = Vote { vote_type, height: Height(1), round: Round(round), valid_round: None, block };
        let secret = &self.secrets[usize::from(validator)];
        let signature = secret.sign(&vote.sign_bytes(NETWORK, 0), SIGNATURE_DST, &[]).to_bytes();
        SignedVote { vote, validator: ValidatorIndex(validator), signature: BlsSignature(signature) }
    }

    fn forged(&self, validator: u16, round: u32, block: Option<u8>) -> SignedVote {
        let mut signed = self.vote(validator, VoteType::Prevote, round, block);
        signed.signature = self.vote(validator, VoteType::Prevote, round + 1, block).signature;
        signed
    }

    /// Over the connection of the validator that it names, in round 0.
    fn direct(&mut self, signed: SignedVote) -> Added {
        self.keeper.add(&self.keys, Some(Round(0)), Some(signed.validator), signed)
    }
}

#[test]
fn votes_wait_until_a_quorum_is_near() {
    let mut world = world(4);
    for (validator, expected) in [(0, 0), (1, 0), (2, 3), (3, 0)] {
        let signed = world.vote(validator, VoteType::Prevote, 0, Some(7));
        assert_eq!(world.direct(signed).verified.len(), expected, "vote of {validator}");
    }
}

#[test]
fn a_forged_vote_among_them_does_not_count_and_the_rest_does() {
    let mut world = world(4);
    let forged = world.forged(0, 0, Some(7));
    assert_eq!(world.direct(forged), Added::default(), "not looked at yet");
    let second = world.vote(1, VoteType::Prevote, 0, Some(7));
    world.direct(second);
    let third = world.vote(2, VoteType::Prevote, 0, Some(7));
    let good: Vec<_> = world.direct(third).verified.iter().map(|signed| signed.validator.0).collect();
    assert_eq!(good, [1, 2]);
    let fourth = world.vote(3, VoteType::Prevote, 0, Some(7));
    assert_eq!(world.direct(fourth).verified.len(), 1, "three good ones are a quorum");
}

#[test]
fn a_relayed_vote_is_verified_at_once() {
    let mut world = world(4);
    let forged = world.forged(2, 0, Some(7));
    let added = world.keeper.add(&world.keys, Some(Round(0)), Some(ValidatorIndex(1)), forged);
    assert!(added.sender_is_bad && added.verified.is_empty());
    let good = world.vote(2, VoteType::Prevote, 0, Some(7));
    let added = world.keeper.add(&world.keys, Some(Round(0)), Some(ValidatorIndex(1)), good);
    assert_eq!(added.verified.len(), 1);
}

#[test]
fn idle_a_good_vote_wakes_and_a_forged_one_does_not() {
    let mut world = world(4);
    let forged = world.forged(2, 0, Some(7));
    let added = world.keeper.add(&world.keys, None, Some(ValidatorIndex(2)), forged);
    assert!(added.sender_is_bad && added.verified.is_empty());
    let good = world.vote(2, VoteType::Prevote, 0, Some(7));
    assert_eq!(world.keeper.add(&world.keys, None, Some(ValidatorIndex(2)), good).verified.len(), 1);
}

#[test]
fn two_votes_of_one_validator_both_reach_the_machine() {
    let mut world = world(4);
    let first = world.vote(0, VoteType::Prevote, 0, Some(7));
    world.direct(first);
    let second = world.vote(0, VoteType::Prevote, 0, Some(8));
    let blocks: Vec<_> = world.direct(second).verified.iter().map(|signed| signed.vote.block).collect();
    assert_eq!(blocks, [first.vote.block, second.vote.block]);
}

#[test]
fn one_honest_in_a_later_round_is_enough_to_look() {
    let mut world = world(4);
    let first = world.vote(0, VoteType::Prevote, 3, None);
    assert!(world.direct(first).verified.is_empty());
    let second = world.vote(1, VoteType::Precommit, 3, None);
    assert_eq!(world.direct(second).verified.len(), 2, "two of four, over both types");
}

#[test]
fn far_rounds_keep_one_vote_a_validator() {
    let mut world = world(4);
    let far = world.vote(0, VoteType::Prevote, 500, None);
    assert_eq!(world.direct(far).verified.len(), 1);
    let older = world.vote(0, VoteType::Prevote, 400, None);
    assert_eq!(world.direct(older), Added::default());
    assert!(world.keeper.given.is_empty() && world.keeper.waiting.is_empty());
}

#[test]
fn the_same_vote_again_is_nothing() {
    let mut world = world(4);
    let signed = world.vote(0, VoteType::Prevote, 0, Some(7));
    world.direct(signed);
    assert_eq!(world.direct(signed), Added::default());
    let unknown = SignedVote { validator: ValidatorIndex(9), ..signed };
    assert!(world.direct(unknown).sender_is_bad);
}

/// With three of four up, each vote counts, whichever comes last.
#[test]
fn our_own_vote_may_be_the_one_that_makes_the_quorum() {
    let mut world = world(4);
    for validator in [1, 2] {
        let signed = world.vote(validator, VoteType::Prevote, 0, Some(7));
        assert!(world.direct(signed).verified.is_empty());
    }
    let own = concordat_crypto::attest_own_vote(world.vote(0, VoteType::Prevote, 0, Some(7)));
    assert_eq!(world.keeper.add_own(&world.keys, Some(Round(0)), &own).len(), 2);
}

/// Found by the simulator (seed 16): a relayed vote made the quorum, and the one that waited was never looked at.
#[test]
fn a_relayed_vote_may_be_the_one_that_makes_the_quorum() {
    let mut world = world(4);
    let own = concordat_crypto::attest_own_vote(world.vote(0, VoteType::Precommit, 0, None));
    assert!(world.keeper.add_own(&world.keys, Some(Round(0)), &own).is_empty());
    let direct = world.vote(3, VoteType::Precommit, 0, None);
    assert!(world.direct(direct).verified.is_empty());
    let relayed = world.vote(1, VoteType::Precommit, 0, None);
    let added = world.keeper.add(&world.keys, Some(Round(0)), Some(ValidatorIndex(2)), relayed);
    assert_eq!(added.verified.len(), 2);
}

/// With four of five up each vote counts: those that made us skip far ahead must count in the round we skip to.
#[test]
fn far_votes_count_once_their_round_is_entered() {
    let mut world = world(5);
    for validator in [1, 2] {
        let far = world.vote(validator, VoteType::Prevote, 20, None);
        assert_eq!(world.direct(far).verified.len(), 1);
    }
    world.keeper.enter_round(&world.keys, Round(20));
    let own = concordat_crypto::attest_own_vote(world.vote(0, VoteType::Prevote, 20, None));
    world.keeper.add_own(&world.keys, Some(Round(20)), &own);
    let last = world.vote(3, VoteType::Prevote, 20, None);
    let added = world.keeper.add(&world.keys, Some(Round(20)), Some(ValidatorIndex(3)), last);
    assert_eq!(added.verified.len(), 1);
}

#[test]
fn a_waiting_vote_that_comes_by_another_way_is_looked_at() {
    let mut world = world(4);
    let signed = world.vote(1, VoteType::Prevote, 0, Some(7));
    assert!(world.direct(signed).verified.is_empty());
    let added = world.keeper.add(&world.keys, Some(Round(0)), Some(ValidatorIndex(2)), signed);
    assert_eq!(added.verified.len(), 1);
}
