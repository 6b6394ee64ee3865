use super::*;
use crate::test_keys::{EPOCH, NETWORK, precommit, secret, sign, signed, validator_keys};
use blstrs::{G2Affine, G2Projective};
use concordat_types::{BlsSignature, Hash, VoteType};
use group::Group;

/// The votes at these positions are bad, the others good, and each alone is judged the same.
fn check(keys: &ValidatorKeys, votes: &[SignedVote], bad: &[usize]) {
    let sorted = verify_votes(keys, votes.to_vec(), NETWORK, EPOCH);
    let expected_bad: Vec<_> = bad.iter().map(|i| votes[*i]).collect();
    assert_eq!(sorted.bad, expected_bad);
    let expected_good: Vec<_> =
        votes.iter().enumerate().filter(|(i, _)| !bad.contains(i)).map(|(_, vote)| *vote).collect();
    assert_eq!(sorted.good.into_iter().map(Verified::into_inner).collect::<Vec<_>>(), expected_good);
    for (i, vote) in votes.iter().enumerate() {
        assert_eq!(verify_vote(keys, *vote, NETWORK, EPOCH).is_err(), bad.contains(&i), "vote {i}");
    }
}

fn shifted(signature: BlsSignature, by: G2Projective) -> BlsSignature {
    let point = G2Affine::from_compressed(&signature.0).unwrap();
    BlsSignature(G2Affine::from(by + point).to_compressed())
}

#[test]
fn good_votes_of_several_blocks() {
    let keys = validator_keys(&[100; 40]);
    let votes: Vec<_> = (0..40).map(|i| signed(i, precommit(5, (i % 3) as u8))).collect();
    check(&keys, &votes, &[]);
    check(&keys, &votes[..1], &[]);
    check(&keys, &[], &[]);
}

#[test]
fn bad_votes_are_found_among_good_ones() {
    let keys = validator_keys(&[100; 16]);
    let mut votes: Vec<_> = (0..16).map(|i| signed(i, precommit(5, (i % 2) as u8))).collect();
    votes[3].signature = votes[4].signature;
    votes[9].validator = ValidatorIndex(8);
    votes[11].validator = ValidatorIndex(16);
    votes[12].signature = BlsSignature([0xff; 96]);
    votes[15].vote.valid_round = Some(votes[15].vote.round);
    check(&keys, &votes, &[3, 9, 11, 12, 15]);
    let all_bad: Vec<_> =
        votes.iter().map(|vote| SignedVote { signature: signed(0, precommit(9, 9)).signature, ..*vote }).collect();
    check(&keys, &all_bad, &(0..16).collect::<Vec<_>>());
}

/// Two validators shift their signatures by opposite points: the plain sum of all is good, each of theirs is not.
#[test]
fn colluding_signatures_are_caught() {
    let keys = validator_keys(&[100; 4]);
    let mut votes: Vec<_> = (0..4).map(|i| signed(i, precommit(5, 1))).collect();
    let by = G2Projective::generator();
    votes[1].signature = shifted(votes[1].signature, by);
    votes[2].signature = shifted(votes[2].signature, -by);
    let plain = crate::bls::aggregate(&votes.iter().map(|vote| vote.signature).collect::<Vec<_>>()).unwrap();
    let all: Vec<_> = (0..4).map(|i| keys.get(ValidatorIndex(i)).unwrap()).collect();
    let message = votes[0].vote.sign_bytes(NETWORK, EPOCH);
    assert!(
        bls::verify_aggregate(&all, &message, &Signature::parse(&plain).unwrap()),
        "the attack works on a plain sum"
    );
    check(&keys, &votes, &[1, 2]);
}

/// The same across two messages, and with swapped signatures of one message.
#[test]
fn colluding_across_groups_is_caught() {
    let keys = validator_keys(&[100; 4]);
    let mut votes: Vec<_> = (0..4).map(|i| signed(i, precommit(5, (i % 2) as u8))).collect();
    let by = G2Projective::generator();
    votes[0].signature = shifted(votes[0].signature, by);
    votes[3].signature = shifted(votes[3].signature, -by);
    check(&keys, &votes, &[0, 3]);
    let mut votes: Vec<_> = (0..4).map(|i| signed(i, precommit(5, 1))).collect();
    (votes[0].signature, votes[1].signature) = (votes[1].signature, votes[0].signature);
    check(&keys, &votes, &[0, 1]);
}

#[test]
fn a_vote_counts_for_its_network_and_epoch_alone() {
    let keys = validator_keys(&[100; 4]);
    let vote = signed(0, precommit(5, 1));
    assert!(verify_vote(&keys, vote, NETWORK, EPOCH).is_ok());
    assert_eq!(verify_vote(&keys, vote, NETWORK, EPOCH + 1), Err(VerifyVoteError::BadSignature));
    assert_eq!(verify_vote(&keys, vote, NetworkId(Hash([8; 32])), EPOCH), Err(VerifyVoteError::BadSignature));
    assert_eq!(verify_votes(&keys, vec![vote; 2], NETWORK, EPOCH + 1).bad.len(), 2);
}

/// A byte of the vote, each in turn.
#[test]
fn a_changed_vote_has_no_signature() {
    let keys = validator_keys(&[100; 4]);
    let good = signed(0, precommit(5, 1));
    let mut changed = [good.vote; 4];
    changed[0].height = concordat_types::Height(6);
    changed[1].round = good.vote.round.next();
    changed[2].block = None;
    changed[3].vote_type = VoteType::Prevote;
    for vote in changed {
        let result = verify_vote(&keys, SignedVote { vote, ..good }, NETWORK, EPOCH);
        assert_eq!(result, Err(VerifyVoteError::BadSignature));
    }
}

#[test]
fn a_set_with_an_invalid_key_is_refused() {
    let mut validators: Vec<_> =
        validator_keys(&[100; 4]).set().iter().map(|(_, validator)| validator.clone()).collect();
    let mut identity = [0; 48];
    identity[0] = 0xc0;
    validators[2].key = concordat_types::BlsPublicKey(identity);
    let error = ValidatorKeys::new(ValidatorSet::new(validators).unwrap()).unwrap_err();
    assert_eq!(error, InvalidValidatorKey { validator: ValidatorIndex(2), source: BlsError::Identity });
}

#[test]
fn the_signature_is_over_the_sign_bytes() {
    let keys = validator_keys(&[100; 4]);
    let vote = precommit(5, 1);
    let signature = sign(&secret(2), &vote.sign_bytes(NETWORK, EPOCH));
    assert!(verify_vote(&keys, SignedVote { vote, validator: ValidatorIndex(2), signature }, NETWORK, EPOCH).is_ok());
}
