use super::*;
use crate::record::{COMPACT_ABOVE_BYTES, create_record};
use concordat_types::{BlockId, Hash, Height, Round, VoteType};
use std::{fs, fs::OpenOptions, path::PathBuf};
use tempfile::TempDir;

const NETWORK: NetworkId = NetworkId(Hash([7; 32]));

fn key() -> ConsensusKey {
    ConsensusKey::from_seed(&[1; 32])
}

fn prevote(height: u64, round: u32, block: u8) -> Vote {
    let block = Some(BlockId(Hash([block; 32])));
    Vote { vote_type: VoteType::Prevote, height: Height(height), round: Round(round), valid_round: None, block }
}

fn new_record() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sign-record");
    create_record(&path, key().public_key()).unwrap();
    (folder, path)
}

fn open(path: &Path) -> FileSigner {
    FileSigner::open(key(), path, NETWORK, 0).unwrap()
}

fn sync(signer: &mut FileSigner) {
    signer.begin_sync().unwrap();
    signer.end_sync().unwrap();
}

fn sign(signer: &mut FileSigner, vote: Vote) -> Result<BlsSignature, SignRefused> {
    signer.prepare(&[vote]).unwrap().remove(0)?;
    sync(signer);
    Ok(signer.sign(&vote).unwrap())
}

#[test]
fn a_recorded_vote_is_signed_and_survives() {
    let (_folder, path) = new_record();
    let mut signer = open(&path);
    assert_eq!(signer.recent().last(), None);
    let signature = sign(&mut signer, prevote(5, 0, 1)).unwrap();
    assert_eq!(signature, key().sign_unrecorded(&prevote(5, 0, 1), NETWORK, 0));
    drop(signer);
    let mut signer = open(&path);
    assert_eq!(signer.recent().last().copied(), Some(prevote(5, 0, 1)));
    assert_eq!(sign(&mut signer, prevote(5, 0, 1)), Ok(signature));
    let recorded = prevote(5, 0, 1);
    assert_eq!(sign(&mut signer, prevote(5, 0, 2)), Err(SignRefused::Conflict { recorded }));
    assert_eq!(sign(&mut signer, prevote(4, 0, 1)), Err(SignRefused::Lower { recorded }));
}

#[test]
fn one_refusal_refuses_that_one_only() {
    let (_folder, path) = new_record();
    let mut signer = open(&path);
    let votes = [prevote(5, 1, 1), prevote(5, 0, 1), prevote(5, 1, 2), prevote(6, 0, 1), prevote(5, 1, 1)];
    let refused: Vec<bool> = signer.prepare(&votes).unwrap().iter().map(Result::is_err).collect();
    assert_eq!(refused, [false, true, true, false, true]);
    sync(&mut signer);
    // The vote of the earlier height was prepared, too.
    signer.sign(&votes[0]).unwrap();
    signer.sign(&votes[3]).unwrap();
    assert_eq!(signer.recent().last().copied(), Some(votes[3]));
}

/// Nothing is signed before its record is durable, and a caller that tries ends.
#[test]
fn no_signature_before_the_sync() {
    let (_folder, path) = new_record();
    for steps in 0..3 {
        let mut signer = open(&path);
        let vote = prevote(5 + steps, 0, 1);
        if steps > 0 {
            signer.prepare(&[vote]).unwrap()[0].unwrap();
        }
        if steps > 1 {
            signer.begin_sync().unwrap();
        }
        let error = signer.sign(&vote).unwrap_err();
        assert_eq!(signer.prepare(&[vote]), Err(error), "a failure is final");
    }
}

#[test]
fn what_was_not_synced_is_not_on_record() {
    let (_folder, path) = new_record();
    let mut signer = open(&path);
    sign(&mut signer, prevote(5, 0, 1)).unwrap();
    signer.prepare(&[prevote(6, 0, 1)]).unwrap()[0].unwrap();
    drop(signer);
    let mut signer = open(&path);
    assert_eq!(signer.recent().last().copied(), Some(prevote(5, 0, 1)));
    // It was never signed, so that another is no double vote.
    sign(&mut signer, prevote(6, 0, 2)).unwrap();
}

#[test]
fn votes_prepared_during_a_sync_wait_for_the_next() {
    let (_folder, path) = new_record();
    let mut signer = open(&path);
    let (first, second) = (prevote(5, 0, 1), prevote(5, 1, 1));
    signer.prepare(&[first]).unwrap()[0].unwrap();
    signer.begin_sync().unwrap();
    signer.prepare(&[second]).unwrap()[0].unwrap();
    signer.end_sync().unwrap();
    signer.sign(&first).unwrap();
    sync(&mut signer);
    signer.sign(&second).unwrap();
    drop(signer);
    assert_eq!(open(&path).recent().last().copied(), Some(second));
}

#[test]
fn the_key_runs_in_one_network() {
    let (_folder, path) = new_record();
    drop(open(&path));
    let other = FileSigner::open(key(), &path, NetworkId(Hash([8; 32])), 0);
    assert!(matches!(other, Err(OpenRecordError::Bind(_))));
    let later = FileSigner::open(key(), &path, NETWORK, 1).unwrap();
    drop(later);
    assert!(matches!(FileSigner::open(key(), &path, NETWORK, 0), Err(OpenRecordError::Bind(_))));
}

#[test]
fn two_signers_cannot_share_a_record() {
    let (_folder, path) = new_record();
    let _first = open(&path);
    assert!(matches!(FileSigner::open(key(), &path, NETWORK, 0), Err(OpenRecordError::InUse(_))));
}

#[test]
fn a_missing_record_refuses() {
    let (_folder, path) = new_record();
    fs::remove_file(&path).unwrap();
    assert!(matches!(FileSigner::open(key(), &path, NETWORK, 0), Err(OpenRecordError::NoTrustedRecord(_))));
}

/// A file that cannot be written: the error comes out of `end_sync`, and is final.
#[test]
fn a_failed_write_is_never_retried() {
    let (_folder, path) = new_record();
    let mut signer = open(&path);
    let file = OpenOptions::new().read(true).open(&path).unwrap();
    signer.syncer = Syncer::start(RecordFile { path: path.clone(), file }).unwrap();
    let vote = prevote(5, 0, 1);
    signer.prepare(&[vote]).unwrap()[0].unwrap();
    signer.begin_sync().unwrap();
    let error = signer.end_sync().unwrap_err();
    assert_eq!(signer.end_sync(), Err(error.clone()));
    assert_eq!(signer.sign(&vote), Err(error.clone()));
    assert_eq!(signer.begin_sync(), Err(error));
}

#[test]
fn too_many_votes_between_syncs_end_the_process() {
    let (_folder, path) = new_record();
    let mut signer = open(&path);
    let votes: Vec<_> = (0..=PENDING_VOTES_MAX as u32).map(|round| prevote(5, round, 1)).collect();
    assert!(signer.prepare(&votes[..PENDING_VOTES_MAX]).is_ok());
    assert!(signer.prepare(&votes[PENDING_VOTES_MAX..]).is_err());
}

#[test]
fn a_long_record_is_compacted() {
    let (_folder, path) = new_record();
    let mut signer = open(&path);
    signer.length = COMPACT_ABOVE_BYTES - 200;
    for height in 5..10 {
        sign(&mut signer, prevote(height, 0, 1)).unwrap();
    }
    assert!(signer.length < 1000);
    assert_eq!(fs::metadata(&path).unwrap().len(), signer.length as u64);
    let folder = path.parent().unwrap();
    assert!(
        matches!(FileSigner::open(key(), &path, NETWORK, 0), Err(OpenRecordError::InUse(_))),
        "the lock outlives it"
    );
    drop(signer);
    let mut signer = open(&path);
    assert_eq!(signer.recent().last().copied(), Some(prevote(9, 0, 1)));
    assert!(sign(&mut signer, prevote(9, 0, 2)).is_err());
    sign(&mut signer, prevote(10, 0, 1)).unwrap();
    assert_eq!(fs::read_dir(folder).unwrap().count(), 2, "the record and its lock");
}

#[test]
fn debug_shows_no_secret() {
    let (_folder, path) = new_record();
    let shown = format!("{:?}", open(&path));
    assert!(!shown.contains("SecretKey"), "{shown}");
}
