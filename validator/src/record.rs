//! The sign record on disk: an append-only file beside the key, in no backup.
//!
//! ```text
//! frame   = length of payload u32 | CRC32C of the other 12 + length bytes u32 | sequence u64 | payload   (little-endian)
//! payload = canonical encoding of a list of entries
//! ```
//! A frame is appended whole and synced before the next, so a power cut spoils at most the last one. Nothing in a frame that
//! was not synced has been signed. A spoiled frame that is followed by a whole one was not torn but altered: that refuses.

use crate::safety::{Binding, Decision, SignRecordState};
use borsh::{BorshDeserialize, BorshSerialize};
use concordat_keys::files;
use concordat_types::{BlsPublicKey, Height, NetworkId, Vote, decode, encode};
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

/// One step of the record. Numbers are for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub(crate) enum Entry {
    /// The first entry, and only the first: whose record this is.
    Key {
        version: u8,
        public_key: BlsPublicKey,
        signs_above: Height,
    } = 0,
    /// The key runs in a network and epoch from here on.
    Binding {
        network: NetworkId,
        epoch: u32,
    } = 1,
    Vote(Vote) = 2,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenRecordError {
    #[error(
        "the key has no sign record at {}; if its disk was lost, take the old copy off the network and run \
         `concordat-validator recover`", _0.display()
    )]
    NoTrustedRecord(PathBuf),
    #[error("another process uses the sign record {}", _0.display())]
    InUse(PathBuf),
    #[error("the sign record {} is damaged at byte {at}: {what}", path.display())]
    Corrupt { path: PathBuf, at: usize, what: &'static str },
    #[error("the sign record belongs to key {0}")]
    OtherKey(BlsPublicKey),
    #[error("the sign record is of version {0}, this program knows {VERSION}")]
    Version(u8),
    #[error(transparent)]
    Bind(crate::safety::BindError),
    #[error("cannot open the sign record {}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

/// Starts the record of a new key, at the time the key is made. An existing record is left as it is.
pub fn create_record(path: &Path, public_key: BlsPublicKey) -> io::Result<()> {
    let key = Entry::Key { version: VERSION, public_key, signs_above: Height(0) };
    files::write_new(path, &frame(0, &[key]))
}

/// Starts a new record for a key whose record was lost, once its `recover` transaction is committed at a height. The key signs
/// above that height only. An existing record is left as it is.
pub fn create_record_after_recovery(
    path: &Path,
    public_key: BlsPublicKey,
    network: NetworkId,
    epoch: u32,
    recovered_at: Height,
) -> io::Result<()> {
    let key = Entry::Key { version: VERSION, public_key, signs_above: recovered_at };
    files::write_new(path, &frame(0, &[key, Entry::Binding { network, epoch }]))
}

/// The record as it was found, its torn tail cut, locked against other processes.
#[derive(Debug)]
pub(crate) struct OpenRecord {
    pub file: RecordFile,
    pub state: SignRecordState,
    pub next_sequence: u64,
    /// Held as long as the record is used. The lock is on a file of its own, since the record is replaced when it is compacted.
    pub lock: File,
}

#[derive(Debug)]
pub(crate) struct RecordFile {
    pub path: PathBuf,
    pub file: File,
}

impl RecordFile {
    /// Appends and makes durable.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        io::Write::write_all(&mut self.file, bytes)?;
        self.file.sync_data()
    }

    /// Puts new content in the place of the old, durably.
    pub(crate) fn replace(&mut self, bytes: &[u8]) -> io::Result<()> {
        files::replace(&self.path, bytes)?;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        Ok(())
    }
}

pub(crate) fn open(path: &Path, public_key: BlsPublicKey) -> Result<OpenRecord, OpenRecordError> {
    let io_error = |source: io::Error| OpenRecordError::Io { path: path.into(), source };
    let lock = lock(path)?;
    let mut file = OpenOptions::new().read(true).append(true).open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => OpenRecordError::NoTrustedRecord(path.into()),
        _ => io_error(error),
    })?;
    let mut bytes = Vec::new();
    (&file).take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(io_error)?;
    let corrupt = |at, what| OpenRecordError::Corrupt { path: path.into(), at, what };
    if bytes.len() > FILE_BYTES_MAX {
        return Err(corrupt(FILE_BYTES_MAX, "longer than any record"));
    }
    let scan = scan(&bytes).map_err(|(at, what)| corrupt(at, what))?;
    let mut entries = scan.entries.into_iter();
    let mut state = match entries.next() {
        // A record is created whole, so that even a first frame that is cut short was not left by a power cut.
        None => return Err(corrupt(0, "no whole first frame")),
        Some((_, Entry::Key { version, .. })) if version != VERSION => return Err(OpenRecordError::Version(version)),
        Some((_, Entry::Key { public_key: got, .. })) if got != public_key => {
            return Err(OpenRecordError::OtherKey(got));
        }
        Some((_, Entry::Key { signs_above, .. })) => SignRecordState::new(signs_above),
        Some((at, _)) => return Err(corrupt(at, "the first entry does not name the key")),
    };
    for (at, entry) in entries {
        replay(&mut state, entry).map_err(|what| corrupt(at, what))?;
    }
    if scan.length < bytes.len() {
        file.set_len(scan.length as u64).map_err(io_error)?;
        file.sync_all().map_err(io_error)?;
    }
    file.seek(SeekFrom::End(0)).map_err(io_error)?;
    let file = RecordFile { path: path.into(), file };
    Ok(OpenRecord { file, state, next_sequence: scan.next_sequence, lock })
}

fn lock(path: &Path) -> Result<File, OpenRecordError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let io_error = |source| OpenRecordError::Io { path: PathBuf::from(&name), source };
    let options = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).clone();
    let file = options.open(&name).map_err(|error| match error.kind() {
        // The folder is missing, and the record with it.
        io::ErrorKind::NotFound => OpenRecordError::NoTrustedRecord(path.into()),
        _ => io_error(error),
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenRecordError::InUse(path.into())),
        Err(TryLockError::Error(error)) => Err(io_error(error)),
    }
}

fn replay(state: &mut SignRecordState, entry: Entry) -> Result<(), &'static str> {
    match entry {
        Entry::Key { .. } => Err("a second key"),
        Entry::Binding { network, epoch } => {
            let binding = Binding { network, epoch };
            state.check_binding(binding).map_err(|_| "another network, or an earlier epoch")?;
            state.bind(binding);
            Ok(())
        }
        Entry::Vote(vote) => {
            if state.decide(&vote) != Decision::New {
                return Err("a vote that is not later than the one before");
            }
            state.record(vote);
            Ok(())
        }
    }
}

/// The whole record in its shortest form: what a compacted file holds.
pub(crate) fn compacted(sequence: u64, public_key: BlsPublicKey, state: &SignRecordState) -> Vec<u8> {
    let mut entries = vec![Entry::Key { version: VERSION, public_key, signs_above: state.signs_above() }];
    entries.extend(state.binding().map(|Binding { network, epoch }| Entry::Binding { network, epoch }));
    entries.extend(state.recent().map(|vote| Entry::Vote(*vote)));
    frame(sequence, &entries)
}

pub(crate) fn frame(sequence: u64, entries: &[Entry]) -> Vec<u8> {
    let payload = encode(&entries);
    assert!(payload.len() <= PAYLOAD_BYTES_MAX, "callers bound the entries of a frame");
    let length = (payload.len() as u32).to_le_bytes();
    let crc = crc(&length, &sequence.to_le_bytes(), &payload);
    [&length[..], &crc.to_le_bytes(), &sequence.to_le_bytes(), &payload].concat()
}

fn crc(length: &[u8], sequence: &[u8], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(length), sequence), payload)
}

struct Scan {
    /// With the offset of their frame.
    entries: Vec<(usize, Entry)>,
    next_sequence: u64,
    /// Of the whole frames.
    length: usize,
}

fn scan(bytes: &[u8]) -> Result<Scan, (usize, &'static str)> {
    let mut scan = Scan { entries: Vec::new(), next_sequence: 0, length: 0 };
    while let Some(frame) = read_frame(&bytes[scan.length..]) {
        let at = scan.length;
        // A compacted record starts with a later number.
        if at > 0 && frame.sequence != scan.next_sequence {
            return Err((at, "a frame is missing"));
        }
        let entries: Vec<Entry> = decode(frame.payload, PAYLOAD_BYTES_MAX).map_err(|_| (at, "unknown entries"))?;
        scan.entries.extend(entries.into_iter().map(|entry| (at, entry)));
        scan.next_sequence = frame.sequence + 1;
        scan.length += HEADER_BYTES + frame.payload.len();
    }
    let tail = &bytes[scan.length..];
    if tail.len() > HEADER_BYTES + PAYLOAD_BYTES_MAX {
        return Err((scan.length, "more than one frame is unreadable"));
    }
    let later = (1..tail.len()).filter_map(|at| read_frame(&tail[at..]));
    if later.into_iter().any(|frame| frame.sequence > scan.next_sequence) {
        return Err((scan.length, "an unreadable frame before a whole one"));
    }
    Ok(scan)
}

struct Frame<'a> {
    sequence: u64,
    payload: &'a [u8],
}

/// The whole frame at the start of the bytes, if there is one.
fn read_frame(bytes: &[u8]) -> Option<Frame<'_>> {
    let (header, rest) = bytes.split_at_checked(HEADER_BYTES)?;
    let (length, sequence) = (&header[..4], &header[8..]);
    let payload_bytes = u32::from_le_bytes(length.try_into().ok()?) as usize;
    // An all-zero hole is no frame, though the checksum of nothing might fit it.
    if payload_bytes == 0 || payload_bytes > PAYLOAD_BYTES_MAX {
        return None;
    }
    let payload = rest.get(..payload_bytes)?;
    let recorded = u32::from_le_bytes(header[4..8].try_into().ok()?);
    let sequence_number = u64::from_le_bytes(sequence.try_into().ok()?);
    (recorded == crc(length, sequence, payload)).then_some(Frame { sequence: sequence_number, payload })
}

pub(crate) const VERSION: u8 = 1;
const HEADER_BYTES: usize = 16;
/// Room for `RECENT_VOTES_MAX` votes of at most 52 bytes each, and the head.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 16 << 10;
/// The record is compacted at a quarter of it.
const FILE_BYTES_MAX: usize = 16 << 20;
/// About 40,000 votes: two hours of blocks at one a second.
pub(crate) const COMPACT_ABOVE_BYTES: usize = 4 << 20;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
