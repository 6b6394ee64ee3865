use super::*;
use crate::{
    memory::MemoryStore,
    store::{Store, WriteBatch},
};
use concordat_types::{
    Bitmap, BlockId, BlsPublicKey, BlsSignature, CertificateKind, Hash, MemberId, NetworkId, Round, Timestamp,
    Validator, encode,
};

fn set(number: u8) -> ValidatorSet {
    let member = MemberId::new("bank-a").unwrap();
    ValidatorSet::new(vec![Validator { member, key: BlsPublicKey([number; 48]), power: 100 }]).unwrap()
}

fn header(height: u64, validators: u8, next_validators: u8) -> Header {
    Header {
        version: Header::VERSION,
        network: NetworkId::default(),
        height: Height(height),
        time: Timestamp(height),
        parent: BlockId(Hash::ZERO),
        batches_root: Hash::ZERO,
        transactions_root: Hash::ZERO,
        results_root: Hash::ZERO,
        state_root: Hash::ZERO,
        validators: set(validators).hash(),
        next_validators: set(next_validators).hash(),
        parameters: Hash::ZERO,
        last_certificate: Hash::ZERO,
        participation: Hash::ZERO,
        evidence_root: Hash::ZERO,
        proposer: MemberId::new("bank-a").unwrap(),
    }
}

fn certificate(header: &Header) -> Certificate {
    let (kind, height, block) = (CertificateKind::Commit, header.height, header.id());
    let (signers, signature) = (Bitmap::new(1), BlsSignature([0; 96]));
    Certificate { kind, height, round: Round(0), valid_round: None, block, signers, signature }
}

/// Twenty heights; sets from heights 1, 5, 6 and 11 on.
fn store() -> MemoryStore {
    let (mut store, mut batch) = (MemoryStore::default(), WriteBatch::default());
    let firsts = [(1, 1), (5, 2), (6, 3), (11, 4)];
    let at = |height| firsts.iter().rev().find(|(first, _)| *first <= height).unwrap().1;
    for (first, number) in firsts {
        batch.put(Table::ValidatorSets, query::height_key(Height(first)), encode(&set(number)));
    }
    for height in 1..=20 {
        let header = header(height, at(height), at(height + 1));
        batch.put(Table::Headers, query::height_key(Height(height)), encode(&(&header, &certificate(&header))));
    }
    store.write(batch).unwrap();
    store
}

#[test]
fn a_proof_has_every_change_between_anchor_and_height() {
    let store = store();
    for (anchor, height, expected) in [
        (0, 1, vec![]),
        (0, 4, vec![]),
        (0, 5, vec![(4, 2)]),
        (0, 20, vec![(4, 2), (5, 3), (10, 4)]),
        (3, 20, vec![(4, 2), (5, 3), (10, 4)]),
        // The anchor's own header names the next set.
        (4, 20, vec![(5, 3), (10, 4)]),
        (5, 10, vec![]),
        (10, 11, vec![]),
        (9, 11, vec![(10, 4)]),
        (19, 20, vec![]),
    ] {
        let proof = finality_proof(&store, Height(anchor), Height(height)).unwrap();
        let changes = proof.changes.iter();
        let found: Vec<_> = changes.map(|change| (change.header.height.0, change.next_validators.clone())).collect();
        let expected: Vec<_> = expected.into_iter().map(|(height, number)| (height, set(number))).collect();
        assert_eq!(found, expected, "from {anchor} to {height}");
        for change in &proof.changes {
            assert_eq!(change.header.next_validators, change.next_validators.hash());
            assert_eq!(change.certificate, certificate(&change.header));
        }
        assert_eq!((proof.header.height, proof.certificate), (Height(height), certificate(&proof.header)));
        match proof.start {
            ProofStart::Genesis => assert_eq!(anchor, 0),
            ProofStart::Checkpoint { header, next_validators } => {
                assert_eq!((header.height, header.next_validators), (Height(anchor), next_validators.hash()));
            }
        }
    }
}

#[test]
fn what_cannot_be_proved_is_said() {
    let store = store();
    let no_proof = |anchor, height| finality_proof(&store, Height(anchor), Height(height)).unwrap_err();
    assert_eq!(no_proof(0, 21), NoProof::NoBlock(Height(21)));
    assert_eq!(no_proof(21, 22), NoProof::NoBlock(Height(21)));
    for (anchor, height) in [(0, 0), (5, 5), (6, 5)] {
        let expected = NoProof::AnchorNotEarlier { anchor: Height(anchor), height: Height(height) };
        assert_eq!(no_proof(anchor, height), expected);
    }
}

#[test]
fn a_proof_does_not_grow_without_bound() {
    let (mut store, mut batch) = (MemoryStore::default(), WriteBatch::default());
    let last = FinalityProof::CHANGES_MAX as u64 + 3;
    for height in 1..=last {
        let now = (height % 2) as u8;
        let header = header(height, now, 1 - now);
        batch.put(Table::ValidatorSets, query::height_key(Height(height)), encode(&set(now)));
        batch.put(Table::Headers, query::height_key(Height(height)), encode(&(&header, &certificate(&header))));
    }
    store.write(batch).unwrap();
    let too_many = NoProof::TooManyChanges { anchor: Height(0) };
    assert_eq!(finality_proof(&store, Height(0), Height(last)), Err(too_many));
    let proof = finality_proof(&store, Height(2), Height(last)).unwrap();
    assert_eq!(proof.changes.len(), FinalityProof::CHANGES_MAX);
}
