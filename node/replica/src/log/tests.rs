use super::*;
use crate::test_disk::Files;
use concordat_types::{BlsSignature, Hash, ValidatorIndex, VoteType};

fn vote(height: u64) -> Vote {
    Vote {
        vote_type: VoteType::Prevote,
        height: Height(height),
        round: Round(0),
        valid_round: None,
        block: Some(BlockId(Hash([height as u8; 32]))),
    }
}

fn records(count: u64) -> Vec<Record> {
    (1..=count)
        .flat_map(|height| {
            let signed =
                SignedVote { vote: vote(height), validator: ValidatorIndex(0), signature: BlsSignature([7; 96]) };
            [Record::Intent(vote(height)), Record::Signed(signed), Record::Batch(vec![height as u8; 9])]
        })
        .collect()
}

fn written(records: &[Record]) -> Files {
    let mut files = Files::default();
    let (mut log, found) = Log::open(&mut files).unwrap();
    assert!(found.is_empty());
    records.iter().for_each(|record| log.append(record));
    log.sync(&mut files).unwrap();
    files
}

#[test]
fn what_was_appended_is_read_again_in_order() {
    let expected = records(5);
    let mut files = written(&expected);
    let (mut log, found) = Log::open(&mut files).unwrap();
    assert_eq!(found, expected);
    log.append(&Record::Intent(vote(9)));
    log.sync(&mut files).unwrap();
    let (_, found) = Log::open(&mut files).unwrap();
    assert_eq!(found.last(), Some(&Record::Intent(vote(9))));
}

#[test]
fn a_tail_cut_anywhere_is_cut_back_to_whole_records() {
    let expected = records(2);
    let whole = written(&expected);
    let name = name(0);
    let bytes = whole.bytes[&name].clone();
    let mut found_before = 0;
    for cut in 0..bytes.len() {
        let mut files = whole.clone();
        files.bytes.insert(name.clone(), bytes[..cut].to_vec());
        let (mut log, found) = Log::open(&mut files).unwrap();
        assert_eq!(found, expected[..found.len()], "cut at {cut}");
        assert!(found.len() >= found_before, "cut at {cut}");
        found_before = found.len();
        // What is appended next follows whole records.
        log.append(&Record::Intent(vote(8)));
        log.sync(&mut files).unwrap();
        let (_, again) = Log::open(&mut files).unwrap();
        assert_eq!(again.len(), found.len() + 1, "cut at {cut}");
    }
    assert_eq!(found_before, expected.len() - 1);
}

#[test]
fn a_tail_of_zeros_is_cut() {
    let expected = records(2);
    let mut files = written(&expected);
    files.bytes.get_mut(&name(0)).unwrap().extend_from_slice(&[0; 700]);
    let (_, found) = Log::open(&mut files).unwrap();
    assert_eq!(found, expected);
}

/// Each record in a sync of its own.
fn synced_singly(records: &[Record]) -> Files {
    let mut files = Files::default();
    let (mut log, _) = Log::open(&mut files).unwrap();
    for record in records {
        log.append(record);
        log.sync(&mut files).unwrap();
    }
    files
}

#[test]
fn damage_in_what_was_synced_refuses_to_open() {
    let whole = synced_singly(&records(3));
    let bytes = whole.bytes[&name(0)].clone();
    // Every byte of the first record, which good records follow.
    let first = FRAME_HEAD_BYTES + u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
    for at in 0..first {
        let mut files = whole.clone();
        files.bytes.get_mut(&name(0)).unwrap()[at] ^= 0x10;
        match Log::open(&mut files) {
            Err(LogError::Corrupt { .. }) => {}
            Ok((_, found)) => panic!("damage at byte {at} passed, {} records", found.len()),
            Err(other) => panic!("damage at byte {at}: {other}"),
        }
    }
}

/// The disk may write a later part of an unsynced turn and lose an earlier one.
#[test]
fn a_hole_in_what_was_never_synced_is_cut() {
    let all = records(3);
    let mut files = synced_singly(&all[..4]);
    let (mut log, found) = Log::open(&mut files).unwrap();
    assert_eq!(found.len(), 4);
    let start = files.bytes[&name(0)].len();
    all[4..].iter().for_each(|record| log.append(record));
    log.flush(&mut files).unwrap();
    files.bytes.get_mut(&name(0)).unwrap()[start..start + 10].fill(0);
    let (_, found) = Log::open(&mut files).unwrap();
    assert_eq!(found, all[..4]);
}

#[test]
fn damage_in_a_closed_segment_refuses_to_open() {
    let mut files = Files::default();
    let (mut log, _) = Log::open(&mut files).unwrap();
    records(2).iter().for_each(|record| log.append(record));
    log.rotate(&mut files, Height(0)).unwrap();
    log.append(&Record::Intent(vote(3)));
    log.sync(&mut files).unwrap();
    let closed = files.bytes.get_mut(&name(0)).unwrap();
    closed.pop();
    assert!(matches!(Log::open(&mut files), Err(LogError::Corrupt { .. })));
}

#[test]
fn segments_go_once_the_store_has_their_heights() {
    let mut files = Files::default();
    let (mut log, _) = Log::open(&mut files).unwrap();
    let batch = Record::Batch(vec![1, 2, 3]);
    let digest = concordat_types::Batch::digest_of(&[1, 2, 3]);
    log.append(&batch);
    log.append(&Record::Intent(vote(5)));
    log.rotate(&mut files, Height(4)).unwrap();
    assert_eq!(files.bytes.len(), 1, "height 5 is not in the store");
    assert!(log.holds_batch(&digest));
    log.append(&Record::Intent(vote(6)));
    log.rotate(&mut files, Height(5)).unwrap();
    assert!(!files.bytes.contains_key(&name(0)));
    assert!(!log.holds_batch(&digest), "the batch went with its segment and must be written again when needed");
    let (_, found) = Log::open(&mut files).unwrap();
    assert_eq!(found, [Record::Intent(vote(6))]);
}

#[test]
fn a_batch_stays_as_long_as_a_proposal_needs_it() {
    let mut files = Files::default();
    let (mut log, _) = Log::open(&mut files).unwrap();
    let digest = concordat_types::Batch::digest_of(&[1, 2, 3]);
    log.append(&Record::Batch(vec![1, 2, 3]));
    log.append(&Record::Intent(vote(5)));
    log.rotate(&mut files, Height(4)).unwrap();
    log.append(&proposal(6, digest));
    log.rotate(&mut files, Height(5)).unwrap();
    assert!(log.holds_batch(&digest), "height 6 is not in the store");
    log.rotate(&mut files, Height(6)).unwrap();
    assert!(!log.holds_batch(&digest));
}

fn proposal(height: u64, digest: BatchDigest) -> Record {
    let zero = Hash::ZERO;
    let header = concordat_types::Header {
        version: 1,
        network: concordat_types::NetworkId(zero),
        height: Height(height),
        time: concordat_types::Timestamp(1),
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
        proposer: concordat_types::MemberId::new("bank-a").unwrap(),
    };
    let signed = SignedVote { vote: vote(height), validator: ValidatorIndex(0), signature: BlsSignature([7; 96]) };
    let body = vec![BodyRef::Digest(digest)];
    let (evidence, polka) = (Vec::new(), None);
    let proposal = Proposal { signed, header, body, last_certificate: None, participation: None, evidence, polka };
    Record::Proposal { proposal: Box::new(proposal), timely: true }
}
