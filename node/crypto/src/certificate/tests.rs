use super::*;
use crate::test_keys::{EPOCH, NETWORK, precommit, signed, validator_keys};
use concordat_types::{BlockId, Hash, Height, Round, Vote};

fn votes(keys: &ValidatorKeys, validators: &[usize], vote: Vote) -> Vec<Verified<SignedVote>> {
    let good = |i: &usize| verify_vote(keys, signed(*i, vote), NETWORK, EPOCH).unwrap();
    validators.iter().map(good).collect()
}

fn certificate(keys: &ValidatorKeys, validators: &[usize]) -> Certificate {
    certificate_from_votes(&votes(keys, validators, precommit(5, 1)), keys, NETWORK, EPOCH).unwrap().into_inner()
}

#[test]
fn a_quorum_certifies() {
    let keys = validator_keys(&[100; 7]);
    let made = certificate(&keys, &[6, 0, 2, 3, 4]);
    assert_eq!(made.signers.iter().map(|index| index.0).collect::<Vec<_>>(), [0, 2, 3, 4, 6]);
    assert_eq!(made.vote(), precommit(5, 1));
    assert_eq!(verify_certificate(made.clone(), &keys, NETWORK, EPOCH).unwrap().into_inner(), made);
}

/// 3x > 2T, by power and not by count.
#[test]
fn quorum_is_counted_in_power() {
    let keys = validator_keys(&[100, 100, 100]);
    let two = certificate_from_votes(&votes(&keys, &[0, 1], precommit(5, 1)), &keys, NETWORK, EPOCH);
    assert_eq!(two, Err(CertificateError::NoQuorum { got: 200, total: 300 }));
    let keys = validator_keys(&[u64::MAX, 1, 1, 1]);
    assert_eq!(certificate(&keys, &[0]).signers.count(), 1);
    let rest = certificate_from_votes(&votes(&keys, &[1, 2, 3], precommit(5, 1)), &keys, NETWORK, EPOCH);
    assert_eq!(rest, Err(CertificateError::NoQuorum { got: 3, total: u128::from(u64::MAX) + 3 }));
}

#[test]
fn votes_that_make_no_certificate() {
    let keys = validator_keys(&[100; 4]);
    let make = |votes: &[Verified<SignedVote>]| certificate_from_votes(votes, &keys, NETWORK, EPOCH).unwrap_err();
    assert_eq!(make(&[]), CertificateError::NoQuorum { got: 0, total: 400 });
    let mut mixed = votes(&keys, &[0, 1], precommit(5, 1));
    mixed.extend(votes(&keys, &[2], precommit(5, 2)));
    assert_eq!(make(&mixed), CertificateError::VotesDiffer);
    assert_eq!(make(&votes(&keys, &[0, 1, 2, 1], precommit(5, 1))), CertificateError::VoterTwice(ValidatorIndex(1)));
    let nil = Vote { block: None, ..precommit(5, 1) };
    assert_eq!(make(&votes(&keys, &[0, 1, 2], nil)), CertificateError::VotesDiffer);
    let proposal = Vote { vote_type: VoteType::Proposal, ..precommit(5, 1) };
    assert_eq!(make(&votes(&keys, &[0, 1, 2], proposal)), CertificateError::VotesDiffer);
    let larger = validator_keys(&[100; 8]);
    let unknown = votes(&larger, &[0, 1, 2, 7], precommit(5, 1));
    assert_eq!(make(&unknown), CertificateError::UnknownValidator(ValidatorIndex(7)));
}

#[test]
fn late_votes_extend_a_certificate() {
    let keys = validator_keys(&[100; 7]);
    let made = certificate(&keys, &[0, 1, 2, 3, 4]);
    let extend = |more: &[SignedVote]| extend_certificate(&made, more, &keys, NETWORK, EPOCH);
    // The same as if all had been there in time, whatever their order.
    let late = [6, 5].map(|validator| signed(validator, precommit(5, 1)));
    assert_eq!(extend(&late).unwrap().into_inner(), certificate(&keys, &[0, 1, 2, 3, 4, 5, 6]));
    assert_eq!(extend(&[]).unwrap().into_inner(), made);
    assert_eq!(extend(&[late[0], late[0]]), Err(CertificateError::VoterTwice(ValidatorIndex(6))));
    assert_eq!(extend(&[signed(4, precommit(5, 1))]), Err(CertificateError::VoterTwice(ValidatorIndex(4))));
    assert_eq!(extend(&[signed(6, precommit(5, 2))]), Err(CertificateError::VotesDiffer));
    let unknown = SignedVote { validator: ValidatorIndex(7), ..late[0] };
    assert_eq!(extend(&[unknown]), Err(CertificateError::UnknownValidator(ValidatorIndex(7))));
    let forged = SignedVote { signature: signed(6, precommit(5, 2)).signature, ..late[0] };
    assert_eq!(extend(&[late[1], forged]), Err(CertificateError::BadSignature));
    let no_point = SignedVote { signature: BlsSignature([0; 96]), ..late[0] };
    assert_eq!(extend(&[no_point]), Err(CertificateError::NotASignature(BlsError::NotAPoint)));
}

/// Votes that were verified against another set of the same size.
#[test]
fn what_was_made_is_verified() {
    let keys = validator_keys(&[100; 5]);
    let reordered: Vec<_> = keys
        .set()
        .iter()
        .map(|(index, validator)| {
            let key = keys.get(ValidatorIndex((index.0 + 1) % 5)).unwrap().bytes();
            concordat_types::Validator { key, ..validator.clone() }
        })
        .collect();
    let other = ValidatorKeys::new(concordat_types::ValidatorSet::new(reordered).unwrap()).unwrap();
    let made = certificate_from_votes(&votes(&keys, &[0, 1, 2, 3], precommit(5, 1)), &other, NETWORK, EPOCH);
    assert_eq!(made, Err(CertificateError::BadSignature));
}

#[test]
fn an_altered_certificate_is_refused() {
    let keys = validator_keys(&[100; 7]);
    let good = certificate(&keys, &[0, 1, 2, 3, 4]);
    let check = |alter: &dyn Fn(&mut Certificate), expected: CertificateError| {
        let mut altered = good.clone();
        alter(&mut altered);
        assert_eq!(verify_certificate(altered, &keys, NETWORK, EPOCH), Err(expected));
    };
    let bad = CertificateError::BadSignature;
    check(&|c| c.height = Height(6), bad);
    check(&|c| c.round = Round(1), bad);
    check(&|c| c.block = BlockId(Hash([9; 32])), bad);
    check(&|c| c.kind = CertificateKind::Polka, bad);
    check(&|c| c.signers.insert(ValidatorIndex(5)), bad);
    check(&|c| c.valid_round = Some(Round(0)), CertificateError::Malformed);
    check(&|c| c.signature = BlsSignature([0; 96]), CertificateError::NotASignature(BlsError::NotAPoint));
    check(
        &|c| {
            c.signature = BlsSignature([0; 96]);
            c.signature.0[0] = 0xc0;
        },
        CertificateError::NotASignature(BlsError::Identity),
    );
    check(&|c| c.signers = Bitmap::new(8), CertificateError::WrongBitmap { got: 8, expected: 7 });
    check(&|c| c.signers = Bitmap::new(7), CertificateError::NoQuorum { got: 0, total: 700 });
    check(&|c| c.signature = certificate(&keys, &[0, 1, 2, 3, 4, 5]).signature, bad);
    assert_eq!(verify_certificate(good.clone(), &keys, NETWORK, 1), Err(bad));
    assert_eq!(verify_certificate(good.clone(), &keys, NetworkId(Hash::ZERO), EPOCH), Err(bad));
}

#[test]
fn polkas_carry_their_valid_round() {
    let keys = validator_keys(&[100; 4]);
    let prevote =
        Vote { vote_type: VoteType::Prevote, round: Round(3), valid_round: Some(Round(1)), ..precommit(5, 1) };
    let made = certificate_from_votes(&votes(&keys, &[0, 1, 2], prevote), &keys, NETWORK, EPOCH).unwrap().into_inner();
    assert_eq!((made.kind, made.valid_round), (CertificateKind::Polka, Some(Round(1))));
    let other = Certificate { valid_round: None, ..made };
    assert_eq!(verify_certificate(other, &keys, NETWORK, EPOCH), Err(CertificateError::BadSignature));
}

#[test]
fn evidence_is_two_good_votes_that_contradict() {
    let keys = validator_keys(&[100; 4]);
    let (first, second) = (signed(1, precommit(5, 1)), signed(1, precommit(5, 2)));
    let check = |evidence| verify_evidence(evidence, &keys, NETWORK, EPOCH).map(|_| ());
    assert_eq!(check(Evidence { first, second }), Ok(()));
    assert_eq!(check(Evidence { first, second: first }), Err(EvidenceError::NoContradiction));
    let forged = SignedVote { signature: first.signature, ..second };
    let bad = EvidenceError::Vote(VerifyVoteError::BadSignature);
    assert_eq!(check(Evidence { first, second: forged }), Err(bad));
    assert_eq!(check(Evidence { first: forged, second: first }), Err(bad));
    let of_another = signed(2, precommit(5, 2));
    assert_eq!(check(Evidence { first, second: of_another }), Err(EvidenceError::NoContradiction));
    assert_eq!(verify_evidence(Evidence { first, second }, &keys, NETWORK, 1), Err(bad));
}
