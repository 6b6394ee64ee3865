use super::*;
use crate::{
    memory::MemoryStore,
    test_keys::{genesis, member_id, precommit, signed},
};
use concordat_crypto::CertificateError;
use concordat_types::{Round, SignedVote, ValidatorIndex, ValidatorSet, Vote};

/// A chain of empty blocks of some validators. By default the first three sign every block.
struct World {
    chain: Chain,
    genesis: Genesis,
}

fn world(validators: u16) -> World {
    let genesis = genesis(validators);
    let chain = Chain::open(&genesis, Box::new(MemoryStore::default())).unwrap();
    World { chain, genesis }
}

const IN_TIME: [u16; 3] = [0, 1, 2];

impl World {
    fn certificate(&self, height: Height, block: BlockId, signers: &[u16]) -> Certificate {
        let network = self.chain.network;
        let votes: Vec<_> =
            signers.iter().map(|signer| signed(network, *signer, precommit(height, block)).signature).collect();
        let mut bitmap = Bitmap::new(self.chain.keys_at(height).unwrap().set().len());
        signers.iter().for_each(|signer| bitmap.insert(ValidatorIndex(*signer)));
        Certificate {
            kind: CertificateKind::Commit,
            height,
            round: Round(0),
            valid_round: None,
            block,
            signers: bitmap,
            signature: concordat_crypto::bls::aggregate(&votes).unwrap(),
        }
    }

    /// What the next block must carry; the record with these signers.
    fn parts(&self, signers: &[u16]) -> Parts {
        let due = self.chain.participation_due();
        let participation = due.map(|(height, block)| self.certificate(height, block, signers));
        Parts { last_certificate: self.chain.tip_certificate.clone(), participation, ..Parts::default() }
    }

    fn build(&self, parts: Parts) -> Candidate {
        let time = Timestamp(self.chain.tip.time.0 + 1000);
        self.chain.build(member_id(1), time, parts).unwrap()
    }

    fn judge(&self, parts: Parts) -> Result<Candidate, InvalidProposal> {
        let Candidate { header, parts, .. } = self.build(parts);
        self.chain.judge(header, parts)
    }

    /// Adds blocks up to the height, with records of these signers.
    fn grow(&mut self, to: u64, signers: &[u16]) {
        while self.chain.tip.height.0 < to {
            let candidate = self.judge(self.parts(signers)).unwrap();
            let certificate = self.certificate(candidate.header.height, candidate.id, &IN_TIME);
            self.chain.apply(candidate, certificate).unwrap();
        }
    }

    /// As governance in the block of the tip would: in force from the height after the next.
    fn change_set(&mut self, set: ValidatorSet) {
        let (key, value) = (StateKey::ValidatorsAfterNext, StateValue::Validators(set));
        let mut batch = WriteBatch::default();
        batch.put(Table::State, key.to_bytes(), encode(&value));
        self.chain.store.write(batch).unwrap();
        let (_, patch) = self.chain.tree.preview(&BTreeMap::from([(key, Some(value))]));
        self.chain.tree.commit(self.chain.tip.height, patch);
        self.chain.read_rules().unwrap();
    }
}

#[test]
fn a_record_is_due_from_height_11_on() {
    let mut world = world(4);
    world.grow(9, &IN_TIME);
    assert_eq!(world.chain.participation_due(), None);
    let first = query::header(world.chain.store(), Height(1)).unwrap().unwrap().1;
    let early = Parts { participation: Some(first), ..world.parts(&IN_TIME) };
    assert_eq!(world.judge(early).unwrap_err(), InvalidProposal::WrongParticipation { due: None });
    world.grow(10, &IN_TIME);
    assert_eq!(world.chain.participation_due().map(|(height, _)| height), Some(Height(1)));
    let without = Parts { participation: None, ..world.parts(&IN_TIME) };
    assert_eq!(world.judge(without).unwrap_err(), InvalidProposal::WrongParticipation { due: Some(Height(1)) });
    world.grow(30, &IN_TIME);
}

#[test]
fn a_record_is_a_commit_certificate_of_the_very_block() {
    let mut world = world(4);
    world.grow(15, &IN_TIME);
    let (due, block) = world.chain.participation_due().unwrap();
    assert_eq!(due, Height(6));
    let check = |participation: Certificate, expected: Option<InvalidProposal>| {
        let parts = Parts { participation: Some(participation), ..world.parts(&IN_TIME) };
        assert_eq!(world.judge(parts).err(), expected);
    };
    let wrong = || Some(InvalidProposal::WrongParticipation { due: Some(due) });
    let bad = |error| Some(InvalidProposal::Participation(error));
    let good = world.certificate(due, block, &IN_TIME);
    check(good.clone(), None);
    // With one who came late, and with another quorum than the one that this node has seen.
    check(world.certificate(due, block, &[0, 1, 2, 3]), None);
    check(world.certificate(due, block, &[1, 2, 3]), None);
    check(world.certificate(due, block, &[1, 2]), bad(CertificateError::NoQuorum { got: 200, total: 400 }));
    // Good certificates, but not of this block.
    check(query::header(world.chain.store(), Height(7)).unwrap().unwrap().1, wrong());
    check(query::header(world.chain.store(), Height(5)).unwrap().unwrap().1, wrong());
    check(world.certificate(due, BlockId(Hash([9; 32])), &IN_TIME), wrong());
    check(Certificate { kind: CertificateKind::Polka, ..good.clone() }, wrong());
    // Nobody is put in who has not signed.
    let mut altered = good.clone();
    altered.signers.insert(ValidatorIndex(3));
    check(altered, bad(CertificateError::BadSignature));
    check(Certificate { round: Round(1), ..good.clone() }, bad(CertificateError::BadSignature));
}

#[test]
fn the_header_binds_the_record() {
    let mut world = world(4);
    world.grow(15, &IN_TIME);
    let Candidate { header, parts, .. } = world.build(world.parts(&IN_TIME));
    let other = Parts { participation: world.parts(&[0, 1, 2, 3]).participation, ..parts };
    assert_eq!(world.chain.judge(header, other).unwrap_err(), InvalidProposal::NotBound("participation record"));
}

#[test]
fn who_signs_nothing_is_away_and_comes_back() {
    let mut world = world(4);
    let away = |world: &World| world.chain.away.iter().map(|index| index.0).collect::<Vec<_>>();
    world.grow(19, &IN_TIME);
    assert_eq!(away(&world), [0; 0]);
    world.grow(20, &IN_TIME);
    assert_eq!(away(&world), [3]);
    // The record is state: a node that starts again knows it.
    let World { chain, genesis } = world;
    let mut world = World { chain: Chain::open(&genesis, chain.store).unwrap(), genesis };
    assert_eq!(away(&world), [3]);
    // Its late precommit for height 11.
    world.grow(21, &[0, 1, 2, 3]);
    assert_eq!(away(&world), [0; 0]);
}

/// Each node has its own commit certificates, and the proposer's record decides for all.
#[test]
fn nodes_with_other_certificates_come_to_the_same_state() {
    let (mut one, mut other) = (world(4), world(4));
    for height in 1..=25 {
        let record: &[u16] = if height % 2 == 0 { &[0, 1, 2, 3] } else { &[0, 2, 3] };
        let candidate = one.judge(one.parts(record)).unwrap();
        let (header, parts) = (candidate.header.clone(), candidate.parts.clone());
        let certificate = one.certificate(header.height, candidate.id, &[0, 1, 2]);
        one.chain.apply(candidate, certificate).unwrap();
        let candidate = other.chain.judge(header, parts).unwrap();
        let certificate = other.certificate(candidate.header.height, candidate.id, &[1, 2, 3]);
        other.chain.apply(candidate, certificate).unwrap();
        assert_eq!(one.chain.state_root(), other.chain.state_root(), "height {height}");
        assert_eq!(one.chain.away, other.chain.away, "height {height}");
    }
}

#[test]
fn certificates_are_verified_against_the_set_of_their_height() {
    let mut world = world(5);
    let five = [0, 1, 2, 3];
    let grow = |world: &mut World, to: u64, signers: &[u16], record: &[u16]| {
        while world.chain.tip.height.0 < to {
            let candidate = world.judge(world.parts(record)).unwrap();
            let certificate = world.certificate(candidate.header.height, candidate.id, signers);
            world.chain.apply(candidate, certificate).unwrap();
        }
    };
    grow(&mut world, 12, &five, &five);
    // Without bank-4 from height 14 on: its vote counts in the records of heights up to 13, and in the parent of 14.
    let four = world.genesis.validators().unwrap();
    world.change_set(ValidatorSet::new(four.iter().take(4).map(|(_, one)| one.clone()).collect()).unwrap());
    grow(&mut world, 13, &five, &five);
    assert_eq!(world.chain.validators.set().len(), 4);
    let other_parent = world.certificate(Height(13), world.chain.tip.block, &[1, 2, 3, 4]);
    world.judge(Parts { last_certificate: Some(other_parent), ..world.parts(&five) }).unwrap();
    grow(&mut world, 20, &[0, 1, 2], &[0, 1, 2, 4]);
    let refused = world.certificate(Height(11), world.chain.participation_due().unwrap().1, &[0, 1, 2]);
    let error = world.judge(Parts { participation: Some(refused), ..world.parts(&five) }).unwrap_err();
    assert_eq!(error, InvalidProposal::Participation(CertificateError::NoQuorum { got: 300, total: 500 }));
    grow(&mut world, 23, &[0, 1, 2], &[0, 1, 2, 4]);
    assert_eq!(world.chain.participation_due().map(|(height, _)| height), Some(Height(14)));
    grow(&mut world, 40, &[0, 1, 2], &[0, 1, 2]);
}

/// The validator precommits two blocks at the height.
fn evidence(world: &World, height: u64, validator: u16, round: u32) -> Evidence {
    let vote = |block| Vote { round: Round(round), ..precommit(Height(height), BlockId(Hash([block; 32]))) };
    let signed = |block| signed(world.chain.network, validator, vote(block));
    Evidence { first: signed(1), second: signed(2) }
}

fn with_evidence(world: &World, evidence: &[Evidence]) -> Parts {
    Parts { evidence: evidence.to_vec(), ..world.parts(&IN_TIME) }
}

#[test]
fn evidence_that_stands_in_the_chain_is_not_taken_again() {
    let mut world = world(4);
    world.grow(12, &IN_TIME);
    let (proof, other) = (evidence(&world, 9, 3, 0), evidence(&world, 9, 3, 1));
    let offence = world.chain.offence(&proof).unwrap();
    let repeated = InvalidProposal::EvidenceNotIncludable(InvalidEvidence::Repeated(offence));
    // The votes the other way round prove the same.
    let turned = Evidence { first: proof.second, second: proof.first };
    let time = Timestamp(world.chain.tip.time.0 + 1000);
    let twice = with_evidence(&world, &[proof.clone(), turned.clone()]);
    assert_eq!(world.chain.build(member_id(0), time, twice).unwrap_err(), repeated);
    let held = [proof.clone(), turned.clone(), other.clone()];
    assert_eq!(world.chain.includable_evidence(time, &held), [proof.clone(), other.clone()]);
    let candidate = world.judge(with_evidence(&world, std::slice::from_ref(&proof))).unwrap();
    // What another proposer built on the same parent.
    let stale = world.build(with_evidence(&world, std::slice::from_ref(&other)));
    assert!(world.chain.judge(stale.header, stale.parts).is_ok());
    let certificate = world.certificate(candidate.header.height, candidate.id, &IN_TIME);
    world.chain.apply(candidate, certificate).unwrap();

    for again in [proof, turned] {
        // As a liar would build it: the header is right but for what nobody can execute.
        let Candidate { header, parts, .. } = world.build(world.parts(&IN_TIME));
        let parts = Parts { evidence: vec![again.clone()], ..parts };
        let header = Header { evidence_root: evidence_root(&parts.evidence), ..header };
        assert_eq!(world.chain.judge(header, parts).unwrap_err(), repeated);
        assert_eq!(world.chain.includable_evidence(time, &[again]), []);
    }
    assert_eq!(world.chain.includable_evidence(time, std::slice::from_ref(&other)), [other]);
}

#[test]
fn evidence_is_verified() {
    let mut world = world(4);
    world.grow(12, &IN_TIME);
    let good = evidence(&world, 9, 3, 0);
    let judge = |evidence: Evidence| {
        let Candidate { header, parts, .. } = world.build(world.parts(&IN_TIME));
        let parts = Parts { evidence: vec![evidence], ..parts };
        let header = Header { evidence_root: evidence_root(&parts.evidence), ..header };
        world.chain.judge(header, parts).unwrap_err()
    };
    let forged = SignedVote { signature: good.first.signature, ..good.second };
    let bad = EvidenceError::Vote(concordat_crypto::VerifyVoteError::BadSignature);
    assert_eq!(judge(Evidence { second: forged, ..good.clone() }), InvalidProposal::Evidence(bad));
    let same = Evidence { second: good.first, ..good.clone() };
    assert_eq!(judge(same), InvalidProposal::Evidence(EvidenceError::NoContradiction));
    let unknown = |signed: SignedVote| SignedVote { validator: ValidatorIndex(4), ..signed };
    let nobody = Evidence { first: unknown(good.first), second: unknown(good.second) };
    assert_eq!(judge(nobody), InvalidProposal::Evidence(EvidenceError::NoContradiction));
    // Of a height that is not decided: nobody can be sure of its set yet.
    let (height, newest) = (Height(13), Height(12));
    let outside = InvalidEvidence::OutsideWindow { height, oldest: Height(1), newest };
    assert_eq!(judge(evidence(&world, 13, 3, 0)), InvalidProposal::EvidenceNotIncludable(outside));
    assert!(world.judge(with_evidence(&world, &[good])).is_ok());
}

#[test]
fn evidence_is_verified_against_the_set_of_its_height() {
    let mut world = world(5);
    let all = [0, 1, 2, 3];
    let grow = |world: &mut World, to: u64, signers: &[u16], record: &[u16]| {
        while world.chain.tip.height.0 < to {
            let candidate = world.judge(world.parts(record)).unwrap();
            let certificate = world.certificate(candidate.header.height, candidate.id, signers);
            world.chain.apply(candidate, certificate).unwrap();
        }
    };
    grow(&mut world, 3, &all, &all);
    // Without bank-0 from height 5 on: bank-1 moves to place 0.
    let set = world.genesis.validators().unwrap();
    world.change_set(ValidatorSet::new(set.iter().skip(1).map(|(_, one)| one.clone()).collect()).unwrap());
    grow(&mut world, 4, &all, &all);
    let by_new_place = |world: &World, height| {
        let Evidence { first, second } = evidence(world, height, 1, 0);
        let place = |signed: SignedVote| SignedVote { validator: ValidatorIndex(0), ..signed };
        Evidence { first: place(first), second: place(second) }
    };
    assert_eq!(world.chain.keys_at(Height(5)).unwrap().set().len(), 4);
    let time = Timestamp(world.chain.tip.time.0 + 1000);
    let judge = |world: &World, evidence: &Evidence| {
        world.judge(with_evidence(world, std::slice::from_ref(evidence))).map(|_| ())
    };
    let of_old_set = evidence(&world, 4, 0, 0);
    assert_eq!(world.chain.offence(&of_old_set).unwrap().member, member_id(0));
    judge(&world, &of_old_set).unwrap();
    let bad = EvidenceError::Vote(concordat_crypto::VerifyVoteError::BadSignature);
    assert_eq!(judge(&world, &by_new_place(&world, 4)), Err(InvalidProposal::Evidence(bad)));
    assert_eq!(world.chain.offence(&by_new_place(&world, 5)).unwrap().member, member_id(1));
    assert!(world.chain.includable_evidence(time, &[by_new_place(&world, 5)]).is_empty(), "not decided yet");
}
