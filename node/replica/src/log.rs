//! The consensus log: what a validator must not forget before the block is in the store.
//!
//! Append-only segments `log-N`. A record is a head of 28 bytes - length of the payload (4), CRC32C of length, sequence and
//! synced (4), sequence (8), synced (8), CRC32C of the payload (4) - and the payload. Sequences rise by one across
//! segments; all below `synced` were durable when the record was written. What a crash leaves of records that were never
//! synced is cut off, in whatever order their bytes reached the disk; damage below a later record's `synced` is
//! corruption, and the log refuses to open.

use crate::{
    disk::{Disk, DiskError},
    message::Proposal,
};
use borsh::{BorshDeserialize, BorshSerialize};
use concordat_types::{
    BatchDigest, BlockId, BodyRef, Certificate, DecodeError, Height, Round, SignedVote, Vote, decode, encode,
};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Record {
    /// Canonical bytes of a batch that a proposal in the log names.
    Batch(Vec<u8>) = 1,
    /// A proposal as received or made, every batch by digest, and whether its time was found timely.
    Proposal {
        proposal: Box<Proposal>,
        timely: bool,
    } = 2,
    /// What this node is about to sign.
    Intent(Vote) = 3,
    /// What it has signed. Written after the sync of its intent, and needs none itself.
    Signed(SignedVote) = 4,
    Lock(LockRecord) = 5,
    /// The certificate of a height, before its block goes to the store.
    Decided(Certificate) = 6,
    /// What took this node into a round above 0: durable with its first vote there, or a crash could leave it in a round
    /// that nobody else has reason to enter.
    RoundCertificate {
        height: Height,
        votes: Vec<SignedVote>,
        certificates: Vec<Certificate>,
    } = 7,
}

/// The lock and valid value of a height, with the polka of the valid value.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct LockRecord {
    pub height: Height,
    pub locked: Option<(BlockId, Round)>,
    pub valid: Option<(BlockId, Round)>,
    pub polka: Option<Certificate>,
}

impl Record {
    pub fn height(&self) -> Option<Height> {
        match self {
            Record::Batch(_) => None,
            Record::Proposal { proposal, .. } => Some(proposal.header.height),
            Record::Intent(vote) => Some(vote.height),
            Record::Signed(signed) => Some(signed.vote.height),
            Record::Lock(lock) => Some(lock.height),
            Record::Decided(certificate) => Some(certificate.height),
            Record::RoundCertificate { height, .. } => Some(*height),
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LogError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    #[error(
        "{segment} is corrupt at byte {offset}: {cause}. It cannot be repaired; wipe the data folder and let the node catch up"
    )]
    Corrupt { segment: String, offset: u64, cause: String },
}

pub struct Log {
    /// Closed segments and the open one, by number, with the highest height each holds a record of.
    segments: BTreeMap<u64, Segment>,
    open: u64,
    open_bytes: u64,
    next_sequence: u64,
    /// Records below this are durable.
    synced: u64,
    /// Batches in the log and the segment each is in, so that none is written twice.
    batches: BTreeMap<BatchDigest, u64>,
    /// Bytes appended since the last sync.
    buffered: Vec<u8>,
    unsynced: bool,
    pub bytes_written: u64,
}

#[derive(Default)]
struct Segment {
    height_max: Height,
    batches: BTreeSet<BatchDigest>,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Log(segments {}..={}, sequence {})", self.first(), self.open, self.next_sequence)
    }
}

impl Log {
    /// Reads the whole log, cuts a torn tail, and gives its records in order.
    pub fn open(disk: &mut dyn Disk) -> Result<(Log, Vec<Record>), LogError> {
        let mut numbers: Vec<u64> = disk.list()?.iter().filter_map(|name| number(name)).collect();
        numbers.sort_unstable();
        let mut log = Log {
            segments: BTreeMap::new(),
            open: numbers.last().copied().unwrap_or(0),
            open_bytes: 0,
            next_sequence: 0,
            synced: 0,
            batches: BTreeMap::new(),
            buffered: Vec::new(),
            unsynced: false,
            bytes_written: 0,
        };
        let mut records = Vec::new();
        let mut expected = None;
        for (position, segment) in numbers.iter().copied().enumerate() {
            let is_last = position + 1 == numbers.len();
            let bytes = read_whole(disk, &name(segment))?;
            let good = log.read_segment(segment, &bytes, is_last, &mut expected, &mut records)?;
            if is_last {
                make_durable(disk, segment, &bytes[..good as usize])?;
            }
            log.open_bytes = good;
        }
        log.next_sequence = expected.unwrap_or(0);
        log.synced = log.next_sequence;
        log.segments.entry(log.open).or_default();
        Ok((log, records))
    }

    /// Returns how many bytes of the segment are good.
    fn read_segment(
        &mut self,
        segment: u64,
        bytes: &[u8],
        is_last: bool,
        expected: &mut Option<u64>,
        records: &mut Vec<Record>,
    ) -> Result<u64, LogError> {
        let corrupt =
            |offset: usize, cause: String| LogError::Corrupt { segment: name(segment), offset: offset as u64, cause };
        let mut offset = 0;
        self.segments.entry(segment).or_default();
        while offset < bytes.len() {
            let frame = match read_frame(&bytes[offset..]) {
                Ok(frame) => frame,
                // A crash cuts or garbles only what was not synced, at the end of the last segment.
                Err(_) if is_last && !was_synced(&bytes[offset..], expected.unwrap_or(0)) => break,
                Err(damage) => return Err(corrupt(offset, damage.to_string())),
            };
            if expected.is_some_and(|expected| expected != frame.sequence) {
                return Err(corrupt(offset, format!("sequence {}, expected {expected:?}", frame.sequence)));
            }
            let record: Record = decode(frame.payload, RECORD_BYTES_MAX)
                .map_err(|error: DecodeError| corrupt(offset, error.to_string()))?;
            self.note(segment, &record);
            records.push(record);
            *expected = Some(frame.sequence + 1);
            offset += frame.len;
        }
        Ok(offset as u64)
    }

    fn note(&mut self, segment: u64, record: &Record) {
        // A proposal rests on its batches, which may be in older segments.
        if let Record::Proposal { proposal, .. } = record {
            for part in &proposal.body {
                let BodyRef::Digest(digest) = part else { continue };
                let holder = self.batches.get(digest).and_then(|at| self.segments.get_mut(at));
                if let Some(holder) = holder {
                    holder.height_max = holder.height_max.max(proposal.header.height);
                }
            }
        }
        let entry = self.segments.entry(segment).or_default();
        if let Some(height) = record.height() {
            entry.height_max = entry.height_max.max(height);
        }
        if let Record::Batch(bytes) = record {
            let digest = concordat_types::Batch::digest_of(bytes);
            entry.batches.insert(digest);
            self.batches.insert(digest, segment);
        }
    }

    pub fn holds_batch(&self, digest: &BatchDigest) -> bool {
        self.batches.contains_key(digest)
    }

    pub fn append(&mut self, record: &Record) {
        let payload = encode(record);
        assert!(payload.len() <= RECORD_BYTES_MAX, "records are bounded by what they hold");
        let len = (payload.len() as u32).to_le_bytes();
        let mut order = [0; 16];
        order[..8].copy_from_slice(&self.next_sequence.to_le_bytes());
        order[8..].copy_from_slice(&self.synced.to_le_bytes());
        self.buffered.extend_from_slice(&len);
        self.buffered.extend_from_slice(&head_crc(&len, &order).to_le_bytes());
        self.buffered.extend_from_slice(&order);
        self.buffered.extend_from_slice(&crc32c::crc32c(&payload).to_le_bytes());
        self.buffered.extend_from_slice(&payload);
        self.next_sequence += 1;
        self.note(self.open, record);
    }

    /// Hands what was appended to the disk; it is not durable yet.
    pub fn flush(&mut self, disk: &mut dyn Disk) -> Result<(), LogError> {
        if !self.buffered.is_empty() {
            let creates = self.open_bytes == 0;
            disk.append(&name(self.open), &self.buffered)?;
            if creates {
                disk.sync_dir()?;
            }
            self.open_bytes += self.buffered.len() as u64;
            self.bytes_written += self.buffered.len() as u64;
            self.buffered.clear();
            self.buffered.shrink_to(1 << 20);
            self.unsynced = true;
        }
        Ok(())
    }

    /// Everything appended is durable on return.
    pub fn sync(&mut self, disk: &mut dyn Disk) -> Result<(), LogError> {
        self.flush(disk)?;
        if self.unsynced {
            disk.sync(&name(self.open))?;
            self.unsynced = false;
            self.synced = self.next_sequence;
        }
        Ok(())
    }

    pub fn wants_rotation(&self) -> bool {
        self.open_bytes >= SEGMENT_BYTES
    }

    /// Opens a new segment and removes those that only hold heights up to `stored`, which the store has synced.
    pub fn rotate(&mut self, disk: &mut dyn Disk, stored: Height) -> Result<(), LogError> {
        self.sync(disk)?;
        self.open += 1;
        self.open_bytes = 0;
        self.segments.insert(self.open, Segment::default());
        // Only from the front: sequences stay without gaps.
        while self.segments.len() > 1 {
            let (&first, segment) = self.segments.first_key_value().expect("the open segment is there");
            if segment.height_max > stored {
                break;
            }
            let (_, gone) = self.segments.pop_first().expect("looked at above");
            self.batches.retain(|digest, at| !(*at == first && gone.batches.contains(digest)));
            disk.remove(&name(first))?;
        }
        disk.sync_dir()?;
        Ok(())
    }

    fn first(&self) -> u64 {
        self.segments.keys().next().copied().unwrap_or(self.open)
    }
}

struct Frame<'a> {
    sequence: u64,
    synced: u64,
    payload: &'a [u8],
    len: usize,
}

#[derive(Debug, thiserror::Error)]
enum Damage {
    #[error("the record is cut short")]
    Short,
    #[error("the record's head does not check")]
    Head,
    #[error("the record's checksum does not match")]
    Payload,
}

fn head_crc(len: &[u8], order: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(len), order)
}

fn read_frame(bytes: &[u8]) -> Result<Frame<'_>, Damage> {
    let Some(head) = bytes.get(..FRAME_HEAD_BYTES) else { return Err(Damage::Short) };
    let word = |at: usize| u32::from_le_bytes(head[at..at + 4].try_into().expect("four bytes"));
    let len = word(0) as usize;
    if head_crc(&head[..4], &head[8..24]) != word(4) || len > RECORD_BYTES_MAX {
        return Err(Damage::Head);
    }
    let frame_len = FRAME_HEAD_BYTES + len;
    let Some(payload) = bytes.get(FRAME_HEAD_BYTES..frame_len) else { return Err(Damage::Short) };
    if crc32c::crc32c(payload) != word(24) {
        return Err(Damage::Payload);
    }
    let long = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes"));
    Ok(Frame { sequence: long(8), synced: long(16), payload, len: frame_len })
}

/// Was the record of this sequence, damaged at the start of `rest`, durable once? A later record that checks says so.
fn was_synced(rest: &[u8], sequence: u64) -> bool {
    // A broken head does not say where the next record starts: look at each offset.
    let later =
        |at: usize| read_frame(&rest[at..]).is_ok_and(|frame| frame.sequence > sequence && frame.synced > sequence);
    (1..rest.len()).any(later)
}

/// What was read may be in the page cache alone: after a crash between write and sync, or a sync that failed. Before anything
/// is said on the strength of it, it is written again, to a new file, and synced.
fn make_durable(disk: &mut dyn Disk, segment: u64, bytes: &[u8]) -> Result<(), DiskError> {
    if disk.len(COPY)?.is_some() {
        disk.remove(COPY)?;
    }
    disk.append(COPY, bytes)?;
    disk.sync(COPY)?;
    disk.rename(COPY, &name(segment))?;
    disk.sync_dir()
}

fn read_whole(disk: &dyn Disk, name: &str) -> Result<Vec<u8>, DiskError> {
    let len = disk.len(name)?.unwrap_or(0);
    disk.read(name, 0, len as usize)
}

fn name(segment: u64) -> String {
    format!("log-{segment:010}")
}

fn number(name: &str) -> Option<u64> {
    name.strip_prefix("log-")?.parse().ok()
}

/// Length, checksum of the head, sequence, synced, checksum of the payload.
const FRAME_HEAD_BYTES: usize = 28;
/// The largest proposal or batch, with room for what surrounds it.
const RECORD_BYTES_MAX: usize = 32 << 20;
/// Small enough that a restart reads it in a moment, large enough that the store need not sync often.
const SEGMENT_BYTES: u64 = 32 << 20;
/// Not the name of a segment.
const COPY: &str = "copy-of-log";

#[cfg(test)]
mod tests;
