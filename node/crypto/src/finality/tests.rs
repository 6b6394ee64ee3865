//! Chains of headers whose sets change, made here: until governance exists no network has one.

use super::*;
use crate::{
    bls::BlsError,
    test_keys::{NETWORK, member, public_key, secret, sign},
};
use concordat_types::{Bitmap, BlsSignature, Hash, MemberId, Power, Round, Validator, ValidatorIndex, decode, encode};
use std::collections::BTreeMap;

/// Validators by number of their key, with their powers.
fn set(validators: &[(usize, Power)]) -> ValidatorSet {
    let validator = |(number, power): &(usize, Power)| Validator {
        member: member(*number),
        key: public_key(&secret(*number)),
        power: *power,
    };
    ValidatorSet::new(validators.iter().map(validator).collect()).unwrap()
}

fn equal(numbers: impl IntoIterator<Item = usize>) -> ValidatorSet {
    set(&numbers.into_iter().map(|number| (number, 100)).collect::<Vec<_>>())
}

/// A chain in which the sets given are in force from the heights given on; the first from height 1.
struct TestChain {
    sets: BTreeMap<u64, ValidatorSet>,
}

const GENESIS_TIME: Timestamp = Timestamp(1_700_000_000_000);

impl TestChain {
    fn new(sets: impl IntoIterator<Item = (u64, ValidatorSet)>) -> TestChain {
        TestChain { sets: sets.into_iter().collect() }
    }

    /// Every set but the first: three of its validators leave before the next one, of ten, a third at most.
    fn rotating() -> TestChain {
        TestChain::new([(1, equal(0..10)), (50, equal(3..13)), (150, equal(6..16)), (250, equal(9..19))])
    }

    fn at(&self, height: u64) -> &ValidatorSet {
        self.sets.range(..=height).next_back().unwrap().1
    }

    fn header(&self, height: u64) -> Header {
        let hash = |byte| Hash([byte; 32]);
        Header {
            version: Header::VERSION,
            network: NETWORK,
            height: Height(height),
            time: Timestamp(GENESIS_TIME.0 + height),
            parent: BlockId(hash(1)),
            batches_root: hash(2),
            transactions_root: hash(3),
            results_root: hash(4),
            state_root: hash(5),
            validators: self.at(height).hash(),
            next_validators: self.at(height + 1).hash(),
            parameters: hash(6),
            last_certificate: hash(7),
            participation: hash(7),
            evidence_root: hash(8),
            proposer: self.at(height).get(ValidatorIndex(0)).unwrap().member,
        }
    }

    fn change(&self, height: u64) -> SetChange {
        let header = self.header(height);
        let certificate = certify(&header, self.at(height), 0..);
        SetChange { header, certificate, next_validators: self.at(height + 1).clone() }
    }

    /// From genesis (0) or a checkpoint to the height.
    fn proof(&self, from: u64, to: u64) -> FinalityProof {
        let start = match from {
            0 => ProofStart::Genesis,
            _ => ProofStart::Checkpoint { header: self.header(from), next_validators: self.at(from + 1).clone() },
        };
        let first_heights = self.sets.keys().filter(|first| **first > from + 1 && **first <= to);
        let changes = first_heights.map(|first| self.change(first - 1)).collect();
        let header = self.header(to);
        let certificate = certify(&header, self.at(to), 0..);
        FinalityProof { start, changes, header, certificate }
    }

    fn genesis(&self) -> Anchor {
        let validators = ValidatorKeys::new(self.at(1).clone()).unwrap();
        Anchor::Genesis(GenesisAnchor { network: NETWORK, time: GENESIS_TIME, validators })
    }

    fn checkpoint(&self, height: u64) -> Anchor {
        Anchor::Checkpoint { height: Height(height), block: self.header(height).id() }
    }
}

/// The validators at these places of the set sign: as many as a quorum takes.
fn certify(header: &Header, set: &ValidatorSet, places: impl IntoIterator<Item = u16>) -> Certificate {
    certify_as(CertificateKind::Commit, header.height, header.id(), set, places)
}

fn certify_as(
    kind: CertificateKind,
    height: Height,
    block: BlockId,
    set: &ValidatorSet,
    places: impl IntoIterator<Item = u16>,
) -> Certificate {
    let (signers, signature) = (Bitmap::new(set.len()), BlsSignature([0; 96]));
    let mut certificate = Certificate { kind, height, round: Round(0), valid_round: None, block, signers, signature };
    let bytes = certificate.vote().sign_bytes(NETWORK, RECOVERY_EPOCH);
    let mut signatures = Vec::new();
    for place in places {
        let Some(validator) = set.get(ValidatorIndex(place)) else { break };
        if set.is_quorum(certificate.signers.power(set)) {
            break;
        }
        certificate.signers.insert(ValidatorIndex(place));
        signatures.push(sign(&secret(number_of(&validator.member)), &bytes));
    }
    certificate.signature = crate::bls::aggregate(&signatures).unwrap();
    certificate
}

fn number_of(member: &MemberId) -> usize {
    member.as_str().trim_start_matches("bank-").parse().unwrap()
}

#[test]
fn a_header_is_final_from_genesis_across_every_change() {
    let chain = TestChain::rotating();
    for (height, changes) in [(1, 0), (49, 0), (50, 1), (149, 1), (150, 2), (249, 2), (250, 3), (1_000_000, 3)] {
        let proof = chain.proof(0, height);
        assert_eq!(proof.changes.len(), changes, "height {height}");
        let shown = verify_finality(&proof, NETWORK, &chain.genesis()).unwrap();
        assert_eq!((shown.header.height, shown.block), (Height(height), chain.header(height).id()));
        assert_eq!((shown.anchor_height, shown.anchor_time), (Height(0), GENESIS_TIME));
    }
}

#[test]
fn a_header_is_final_from_a_checkpoint_with_the_changes_after_it_alone() {
    let chain = TestChain::rotating();
    for (from, to, changes) in
        [(48, 1_000, 3), (49, 1_000, 2), (50, 149, 0), (50, 150, 1), (249, 250, 0), (999, 1_000, 0)]
    {
        let proof = chain.proof(from, to);
        assert_eq!(proof.changes.len(), changes, "from {from} to {to}");
        let shown = verify_finality(&proof, NETWORK, &chain.checkpoint(from)).unwrap();
        assert_eq!((shown.header.height, shown.anchor_height), (Height(to), Height(from)));
        assert_eq!(shown.anchor_time, Timestamp(GENESIS_TIME.0 + from));
    }
}

/// Powers and keys that change while the members stay are changes like any other, and so is a set that comes back.
#[test]
fn all_kinds_of_changes_are_followed() {
    let mut rotated: Vec<Validator> = equal(0..4).iter().map(|(_, validator)| validator.clone()).collect();
    rotated[2].key = public_key(&secret(102));
    let powers = set(&[(0, 100), (1, 133), (2, 100), (3, 100)]);
    let one_more = equal(0..5);
    let chain = TestChain::new([
        (1, equal(0..4)),
        (10, powers),
        (11, one_more),
        (12, equal(0..4)),
        (20, set(&[(0, u64::MAX), (1, 1), (2, 1)])),
    ]);
    for height in [9, 10, 11, 12, 19, 20, 21] {
        verify_finality(&chain.proof(0, height), NETWORK, &chain.genesis()).unwrap();
    }
    // A new key for member 2: what the old one signs counts no more.
    let chain = TestChain::new([(1, equal(0..4)), (10, ValidatorSet::new(rotated).unwrap())]);
    let mut proof = chain.proof(0, 10);
    let signed_by_old_key = proof.certificate;
    proof.certificate = certify(&proof.header, &equal(0..4), [0, 1, 3]);
    verify_finality(&proof, NETWORK, &chain.genesis()).unwrap();
    proof.certificate = signed_by_old_key;
    let bad = FinalityError::Certificate(CommitError::Bad(CertificateError::BadSignature));
    assert_eq!(verify_finality(&proof, NETWORK, &chain.genesis()), Err(bad));
}

/// Alters a good proof over two changes, from genesis and from a checkpoint before them.
fn refused(alter: impl Fn(&mut FinalityProof), expected: FinalityError) {
    let chain = TestChain::rotating();
    for (from, anchor) in [(0, chain.genesis()), (20, chain.checkpoint(20))] {
        let mut proof = chain.proof(from, 200);
        alter(&mut proof);
        assert_eq!(verify_finality(&proof, NETWORK, &anchor), Err(expected.clone()), "from {from}");
    }
}

#[test]
fn what_is_missing_or_too_much_is_named() {
    use FinalityError::{Change, ChangesIncomplete, Header};
    refused(|proof| proof.changes.clear(), ChangesIncomplete);
    refused(|proof| drop(proof.changes.pop()), ChangesIncomplete);
    refused(|proof| drop(proof.changes.remove(0)), Change { place: 0, error: ChangeError::Missing });
    refused(|proof| proof.changes.swap(0, 1), Change { place: 0, error: ChangeError::Missing });
    let again = |proof: &mut FinalityProof| proof.changes.insert(0, proof.changes[0].clone());
    refused(again, Change { place: 1, error: ChangeError::Missing });
    let no_change = |proof: &mut FinalityProof| proof.changes.insert(0, TestChain::rotating().change(30));
    refused(no_change, Change { place: 0, error: ChangeError::NoChange });
    let too_many = |proof: &mut FinalityProof| {
        let change = proof.changes[0].clone();
        proof.changes.resize(FinalityProof::CHANGES_MAX + 1, change);
    };
    refused(too_many, FinalityError::TooManyChanges { got: FinalityProof::CHANGES_MAX + 1 });

    // The next change is one too many for this header, and the header of an earlier height is not of this set.
    let chain = TestChain::rotating();
    let beyond = |proof: &mut FinalityProof| proof.changes.push(chain.change(249));
    refused(beyond, ChangesIncomplete);
    let earlier = |proof: &mut FinalityProof| {
        proof.header = chain.header(149);
        proof.certificate = certify(&proof.header, chain.at(149), 0..);
    };
    refused(earlier, ChangesIncomplete);

    // The same, of a set that was in force before and is again.
    let chain = TestChain::new([(1, equal(0..4)), (10, equal(1..5)), (20, equal(0..4))]);
    let mut proof = chain.proof(0, 30);
    (proof.header, proof.certificate) = (chain.header(5), certify(&chain.header(5), chain.at(5), 0..));
    let not_later = HeaderError::NotLater { got: Height(5), before: Height(19) };
    assert_eq!(verify_finality(&proof, NETWORK, &chain.genesis()), Err(Header(not_later)));
    let other = certify(&chain.header(6), chain.at(6), 0..);
    proof.certificate = other;
    let not_certified = HeaderError::NotCertified { got: chain.header(5).id(), certified: chain.header(6).id() };
    assert_eq!(verify_finality(&proof, NETWORK, &chain.genesis()), Err(Header(not_certified)));
}

/// Who has left the set decides nothing any more, and who is not in it yet decides nothing yet.
#[test]
fn only_the_set_of_the_height_certifies() {
    let chain = TestChain::rotating();
    let bad = FinalityError::Certificate(CommitError::Bad(CertificateError::BadSignature));
    // The old set, and the next, certify a header of height 200 that names the right one.
    for height in [1, 149, 250] {
        let by_other = |proof: &mut FinalityProof| proof.certificate = certify(&proof.header, chain.at(height), 0..);
        refused(by_other, bad.clone());
    }
    // The old set makes a header of its own: it names itself, so the proof would have to lead to it.
    let own = |proof: &mut FinalityProof| {
        proof.header.validators = chain.at(1).hash();
        proof.certificate = certify(&proof.header, chain.at(1), 0..);
    };
    refused(own, FinalityError::ChangesIncomplete);
    // The members of the new set cannot bring themselves in.
    let usurp = |proof: &mut FinalityProof| {
        let header = &mut proof.changes[0].header;
        header.validators = chain.at(50).hash();
        proof.changes[0].certificate = certify(&proof.changes[0].header, chain.at(50), 0..);
    };
    refused(usurp, FinalityError::Change { place: 0, error: ChangeError::Missing });
    let usurp = |proof: &mut FinalityProof| {
        proof.changes[0].certificate = certify(&proof.changes[0].header, chain.at(50), 0..);
    };
    let error = CommitError::Bad(CertificateError::BadSignature);
    refused(usurp, FinalityError::Change { place: 0, error: ChangeError::Certificate(error) });
}

#[test]
fn two_thirds_are_not_enough() {
    let chain = TestChain::new([(1, equal(0..3)), (10, set(&[(0, 100), (1, 100), (2, 101)]))]);
    let mut proof = chain.proof(0, 12);
    proof.certificate = certify(&proof.header, chain.at(12), [0, 1]);
    let bad = CommitError::Bad(CertificateError::NoQuorum { got: 200, total: 301 });
    assert_eq!(verify_finality(&proof, NETWORK, &chain.genesis()), Err(FinalityError::Certificate(bad)));
    proof.certificate = certify(&proof.header, chain.at(12), [0, 2]);
    verify_finality(&proof, NETWORK, &chain.genesis()).unwrap();
    proof.changes[0].certificate = certify(&proof.changes[0].header, chain.at(9), [0, 1]);
    let bad = CommitError::Bad(CertificateError::NoQuorum { got: 200, total: 300 });
    let expected = FinalityError::Change { place: 0, error: ChangeError::Certificate(bad) };
    assert_eq!(verify_finality(&proof, NETWORK, &chain.genesis()), Err(expected));
}

/// A quorum of prevotes locks; another block may still be decided.
#[test]
fn a_polka_makes_nothing_final() {
    let chain = TestChain::rotating();
    let polka = |header: &Header| {
        certify_as(CertificateKind::Polka, header.height, header.id(), chain.at(header.height.0), 0..)
    };
    let last = |proof: &mut FinalityProof| proof.certificate = polka(&proof.header);
    refused(last, FinalityError::Certificate(CommitError::NotACommit));
    let change = |proof: &mut FinalityProof| proof.changes[1].certificate = polka(&proof.changes[1].header);
    let error = ChangeError::Certificate(CommitError::NotACommit);
    refused(change, FinalityError::Change { place: 1, error });
}

#[test]
fn the_anchor_has_to_fit() {
    let chain = TestChain::rotating();
    let check = |proof: &FinalityProof, anchor: &Anchor, expected: AnchorError| {
        assert_eq!(verify_finality(proof, NETWORK, anchor), Err(FinalityError::Anchor(expected)));
    };
    let (from_genesis, from_20) = (chain.proof(0, 200), chain.proof(20, 200));
    check(&from_genesis, &chain.checkpoint(20), AnchorError::NotACheckpoint);
    check(&from_20, &chain.genesis(), AnchorError::NotGenesis(Height(20)));
    let (got, expected) = (chain.header(20).id(), chain.header(21).id());
    check(&from_20, &chain.checkpoint(21), AnchorError::WrongBlock { got, expected });
    let anchor = Anchor::Checkpoint { height: Height(21), block: chain.header(20).id() };
    check(&from_20, &anchor, AnchorError::WrongHeight { got: Height(20), expected: Height(21) });
    let mut altered = from_20.clone();
    altered.start = ProofStart::Checkpoint { header: chain.header(20), next_validators: equal(0..9) };
    check(&altered, &chain.checkpoint(20), AnchorError::WrongValidators);
    for height in [20, 19] {
        let mut not_later = from_20.clone();
        not_later.changes.clear();
        (not_later.header, not_later.certificate) =
            (chain.header(height), certify(&chain.header(height), chain.at(height), 0..));
        let (anchor, got) = (Height(20), Height(height));
        check(&not_later, &chain.checkpoint(20), AnchorError::NotEarlier { anchor, got });
    }
    let other = NetworkId(Hash([8; 32]));
    for (proof, anchor) in [(&from_genesis, chain.genesis()), (&from_20, chain.checkpoint(20))] {
        let expected = FinalityError::Network { got: other, expected: NETWORK };
        assert_eq!(verify_finality(proof, other, &anchor), Err(expected));
    }
}

/// What a quorum has certified and is wrong all the same: it takes more than two thirds of liars.
#[test]
fn a_certified_header_is_still_looked_at() {
    let check = |alter: fn(&mut Header), expected: HeaderError| {
        let chain = TestChain::rotating();
        let again = |header: &mut Header, set: &ValidatorSet| {
            alter(header);
            certify(header, set, 0..)
        };
        let last = |proof: &mut FinalityProof| proof.certificate = again(&mut proof.header, chain.at(200));
        refused(last, FinalityError::Header(expected));
        let change = |proof: &mut FinalityProof| {
            proof.changes[1].certificate = again(&mut proof.changes[1].header, chain.at(149));
        };
        refused(change, FinalityError::Change { place: 1, error: ChangeError::Header(expected) });
    };
    check(|header| header.version = 2, HeaderError::WrongVersion(2));
    let other = NetworkId(Hash([8; 32]));
    check(|header| header.network = NetworkId(Hash([8; 32])), HeaderError::WrongNetwork(other));
    check(|header| header.validators = Hash([1; 32]), HeaderError::WrongValidators);

    // The same height twice: the last header of a set can be final by the set before alone.
    let mut proof = TestChain::rotating().proof(0, 200);
    let chain = TestChain::rotating();
    proof.header.height = Height(149);
    proof.certificate = certify(&proof.header, chain.at(200), 0..);
    let expected = FinalityError::Header(HeaderError::NotLater { got: Height(149), before: Height(149) });
    assert_eq!(verify_finality(&proof, NETWORK, &chain.genesis()), Err(expected));
    // A certificate that says another height of the very block.
    let mut proof = chain.proof(0, 200);
    proof.certificate = certify_as(CertificateKind::Commit, Height(201), proof.header.id(), chain.at(200), 0..);
    let expected = HeaderError::WrongHeight { got: Height(200), certified: Height(201) };
    assert_eq!(verify_finality(&proof, NETWORK, &chain.genesis()), Err(FinalityError::Header(expected)));
}

#[test]
fn keys_that_are_none_are_refused() {
    let chain = TestChain::rotating();
    let mut validators: Vec<Validator> = chain.at(50).iter().map(|(_, validator)| validator.clone()).collect();
    validators[3].key.0 = [0; 48];
    let next = ValidatorSet::new(validators).unwrap();
    let keys = InvalidValidatorKey { validator: ValidatorIndex(3), source: BlsError::NotAPoint };
    let admitted = |proof: &mut FinalityProof| {
        proof.changes[0].header.next_validators = next.hash();
        proof.changes[0].certificate = certify(&proof.changes[0].header, chain.at(49), 0..);
        proof.changes[0].next_validators = next.clone();
    };
    refused(admitted, FinalityError::Change { place: 0, error: ChangeError::Keys(keys) });
}

/// The part of a proof that an error is about.
fn part(error: &FinalityError) -> String {
    match error {
        FinalityError::Network { .. } => "network".to_owned(),
        FinalityError::Anchor(AnchorError::WrongBlock { .. }) => "anchor header".to_owned(),
        FinalityError::Anchor(AnchorError::WrongValidators) => "anchor validators".to_owned(),
        FinalityError::Change { place, error: ChangeError::Certificate(_) } => format!("change {place} certificate"),
        FinalityError::Change { place, error: ChangeError::Header(_) } => format!("change {place} header"),
        FinalityError::Change { place, error: ChangeError::Validators } => format!("change {place} validators"),
        FinalityError::Certificate(_) => "certificate".to_owned(),
        FinalityError::Header(_) => "header".to_owned(),
        other => format!("unexpected: {other}"),
    }
}

/// One bit of each byte of each part that still decodes: the error names the part.
#[test]
fn every_changed_byte_is_found_where_it_is() {
    let chain = TestChain::new([(1, equal(0..4)), (50, equal(1..5))]);
    let anchor = chain.checkpoint(20);
    let proof = chain.proof(20, 60);
    verify_finality(&proof, NETWORK, &anchor).unwrap();
    let mut tried = 0;
    let mut flip = |name: &str, bytes: Vec<u8>, put: &dyn Fn(&mut FinalityProof, &[u8]) -> Option<()>| {
        for place in 0..bytes.len() {
            let (mut bytes, mut altered) = (bytes.clone(), proof.clone());
            bytes[place] ^= 1 << (place % 8);
            // What does not decode is found before.
            if put(&mut altered, &bytes).is_some() {
                tried += 1;
                let error = verify_finality(&altered, NETWORK, &anchor).expect_err("it was altered");
                assert_eq!(part(&error), name, "byte {place}");
            }
        }
    };
    fn to<T: borsh::BorshSerialize + borsh::BorshDeserialize>(slot: &mut T, bytes: &[u8]) -> Option<()> {
        *slot = decode(bytes, bytes.len()).ok()?;
        Some(())
    }
    flip("header", encode(&proof.header), &|proof, bytes| to(&mut proof.header, bytes));
    flip("certificate", encode(&proof.certificate), &|proof, bytes| to(&mut proof.certificate, bytes));
    let change = &proof.changes[0];
    flip("change 0 header", encode(&change.header), &|proof, bytes| to(&mut proof.changes[0].header, bytes));
    flip("change 0 certificate", encode(&change.certificate), &|proof, bytes| {
        to(&mut proof.changes[0].certificate, bytes)
    });
    flip("change 0 validators", encode(&change.next_validators), &|proof, bytes| {
        to(&mut proof.changes[0].next_validators, bytes)
    });
    let ProofStart::Checkpoint { header, next_validators } = &proof.start else { panic!("it starts there") };
    flip("anchor header", encode(header), &|proof, bytes| match &mut proof.start {
        ProofStart::Checkpoint { header, .. } => to(header, bytes),
        ProofStart::Genesis => None,
    });
    flip("anchor validators", encode(next_validators), &|proof, bytes| match &mut proof.start {
        ProofStart::Checkpoint { next_validators, .. } => to(next_validators, bytes),
        ProofStart::Genesis => None,
    });
    assert!(tried > 1_800, "{tried} alterations");
}
