use super::*;
use concordat_types::{BlockId, Hash, Round, VoteType};
use std::fs;
use tempfile::TempDir;

const KEY: BlsPublicKey = BlsPublicKey([3; 48]);
const NETWORK: NetworkId = NetworkId(Hash([7; 32]));

fn prevote(height: u64, block: u8) -> Vote {
    let block = Some(BlockId(Hash([block; 32])));
    Vote { vote_type: VoteType::Prevote, height: Height(height), round: Round(0), valid_round: None, block }
}

/// A record of one vote a height, and the length of the file after each frame.
fn record_of(heights: u64) -> (TempDir, PathBuf, Vec<usize>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sign-record");
    create_record(&path, KEY).unwrap();
    let mut open = open(&path, KEY).unwrap();
    let mut lengths = vec![fs::metadata(&path).unwrap().len() as usize];
    let entries = (1..=heights).map(|height| Entry::Vote(prevote(height, 1)));
    for entry in [Entry::Binding { network: NETWORK, epoch: 0 }].into_iter().chain(entries) {
        let frame = frame(open.next_sequence, &[entry]);
        open.file.append(&frame).unwrap();
        open.next_sequence += 1;
        lengths.push(lengths[lengths.len() - 1] + frame.len());
    }
    (folder, path, lengths)
}

#[test]
fn what_was_written_is_read() {
    let (_folder, path, lengths) = record_of(3);
    let open = open(&path, KEY).unwrap();
    assert_eq!(open.state.last(), Some(prevote(3, 1)));
    assert_eq!(open.state.binding(), Some(Binding { network: NETWORK, epoch: 0 }));
    assert_eq!((open.next_sequence, fs::metadata(&path).unwrap().len() as usize), (5, *lengths.last().unwrap()));
}

/// The bytes of a frame, for ever; the checksum was computed by another implementation.
#[test]
fn golden_frame() {
    let entries = [Entry::Vote(prevote(258, 0xab))];
    let hex: String = frame(5, &entries).iter().map(|byte| format!("{byte:02x}")).collect();
    let block = "ab".repeat(32);
    let payload = format!("0100000002020201000000000000000000000001{block}");
    assert_eq!(&hex[..8], "34000000");
    assert_eq!(hex[16..], format!("0500000000000000{payload}"));
    assert_eq!(hex[8..16], *"d29bdb82");
}

#[test]
fn a_torn_tail_is_cut_at_every_offset() {
    let (_folder, path, lengths) = record_of(2);
    let whole = fs::read(&path).unwrap();
    for cut in lengths[0]..=whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let open = open(&path, KEY).unwrap();
        let frames = lengths.iter().filter(|length| **length <= cut).count();
        assert_eq!(fs::metadata(&path).unwrap().len() as usize, lengths[frames - 1], "cut at {cut}");
        let expected = (frames > 2).then(|| prevote(frames as u64 - 2, 1));
        assert_eq!(open.state.last(), expected);
    }
    for cut in 0..lengths[0] {
        fs::write(&path, &whole[..cut]).unwrap();
        assert!(matches!(open(&path, KEY), Err(OpenRecordError::Corrupt { .. })), "cut at {cut}");
    }
}

/// A tail whose size was made durable before its bytes.
#[test]
fn a_tail_of_zeros_is_cut() {
    let (_folder, path, lengths) = record_of(2);
    let mut bytes = fs::read(&path).unwrap();
    bytes[lengths[2]..].fill(0);
    fs::write(&path, &bytes).unwrap();
    assert_eq!(open(&path, KEY).unwrap().state.last(), Some(prevote(1, 1)));
}

#[test]
fn appending_goes_on_after_a_cut() {
    let (_folder, path, lengths) = record_of(3);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..lengths[4] - 1]).unwrap();
    let mut cut = open(&path, KEY).unwrap();
    cut.file.append(&frame(cut.next_sequence, &[Entry::Vote(prevote(3, 2))])).unwrap();
    drop(cut);
    assert_eq!(open(&path, KEY).unwrap().state.last(), Some(prevote(3, 2)));
}

/// Every bit before the last frame.
#[test]
fn corruption_before_the_tail_refuses() {
    let (_folder, path, lengths) = record_of(3);
    let whole = fs::read(&path).unwrap();
    for at in 0..lengths[lengths.len() - 2] {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            fs::write(&path, &bytes).unwrap();
            let result = open(&path, KEY).map(|open| open.state);
            assert!(matches!(result, Err(OpenRecordError::Corrupt { .. })), "byte {at} bit {bit}: {result:?}");
            assert_eq!(fs::read(&path).unwrap(), bytes, "a record that is refused is left as it is");
        }
    }
}

#[test]
fn frames_in_another_order_refuse() {
    let (_folder, path, lengths) = record_of(4);
    let whole = fs::read(&path).unwrap();
    let without_one = [&whole[..lengths[2]], &whole[lengths[3]..]].concat();
    fs::write(&path, without_one).unwrap();
    assert!(matches!(open(&path, KEY), Err(OpenRecordError::Corrupt { .. })));
    let twice = [&whole[..], &whole[lengths[4]..]].concat();
    fs::write(&path, twice).unwrap();
    assert!(matches!(open(&path, KEY), Err(OpenRecordError::Corrupt { .. })));
}

#[test]
fn votes_that_contradict_refuse() {
    let (_folder, path, _) = record_of(2);
    let mut altered = open(&path, KEY).unwrap();
    altered.file.append(&frame(altered.next_sequence, &[Entry::Vote(prevote(2, 9))])).unwrap();
    drop(altered);
    assert!(matches!(open(&path, KEY), Err(OpenRecordError::Corrupt { .. })));
}

#[test]
fn a_length_beyond_the_bound_is_not_believed() {
    let (_folder, path, lengths) = record_of(2);
    let mut bytes = fs::read(&path).unwrap();
    bytes[lengths[1]..lengths[1] + 4].fill(0xff);
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(open(&path, KEY), Err(OpenRecordError::Corrupt { .. })));
    let mut bytes = fs::read(&path).unwrap();
    bytes.truncate(lengths[1]);
    bytes.extend(vec![0xff; HEADER_BYTES + PAYLOAD_BYTES_MAX + 1]);
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(open(&path, KEY), Err(OpenRecordError::Corrupt { .. })));
}

#[test]
fn a_missing_record_is_not_made_up() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("sign-record"), folder.path().join("no-folder/sign-record")] {
        assert!(matches!(open(&path, KEY), Err(OpenRecordError::NoTrustedRecord(_))));
        assert!(!path.exists());
    }
}

#[test]
fn a_record_is_of_one_key_and_never_overwritten() {
    let (_folder, path, _) = record_of(1);
    assert!(matches!(open(&path, BlsPublicKey([4; 48])), Err(OpenRecordError::OtherKey(KEY))));
    assert_eq!(create_record(&path, KEY).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(open(&path, KEY).unwrap().state.last(), Some(prevote(1, 1)));
}

#[test]
fn two_cannot_use_one_record() {
    let (_folder, path, _) = record_of(1);
    let first = open(&path, KEY).unwrap();
    assert!(matches!(open(&path, KEY), Err(OpenRecordError::InUse(_))));
    drop(first);
    assert!(open(&path, KEY).is_ok());
}

#[test]
fn a_recovered_key_has_its_floor_on_record() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sign-record");
    create_record_after_recovery(&path, KEY, NETWORK, 2, Height(40)).unwrap();
    let open = open(&path, KEY).unwrap();
    assert_eq!(open.state.signs_above(), Height(40));
    assert_eq!(open.state.binding(), Some(Binding { network: NETWORK, epoch: 2 }));
}

#[test]
fn a_full_frame_fits_its_bound() {
    let mut state = SignRecordState::new(Height(0));
    state.bind(Binding { network: NETWORK, epoch: 0 });
    for round in 1..=crate::safety::RECENT_VOTES_MAX as u32 {
        state.record(Vote { round: Round(round), valid_round: Some(Round(0)), ..prevote(1, 1) });
    }
    assert!(compacted(1, KEY, &state).len() <= HEADER_BYTES + PAYLOAD_BYTES_MAX);
}
