//! The disk of the data folder, measured: how long its syncs take, and how much room is left.

use concordat_replica::disk::{Disk, DiskError};
use concordat_storage::FileDisk;
use std::{io, path::Path, time::Instant};

/// The log's files, with each sync timed: a step waits for it before anything that rests on it is sent.
pub struct MeasuredDisk(pub FileDisk);

impl Disk for MeasuredDisk {
    fn list(&self) -> Result<Vec<String>, DiskError> {
        self.0.list()
    }

    fn len(&self, name: &str) -> Result<Option<u64>, DiskError> {
        self.0.len(name)
    }

    fn read(&self, name: &str, offset: u64, len: usize) -> Result<Vec<u8>, DiskError> {
        self.0.read(name, offset, len)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.0.append(name, bytes)
    }

    fn truncate(&mut self, name: &str, len: u64) -> Result<(), DiskError> {
        self.0.truncate(name, len)
    }

    fn sync(&mut self, name: &str) -> Result<(), DiskError> {
        let began = Instant::now();
        let outcome = self.0.sync(name);
        metrics::histogram!("concordat_sync_seconds").record(began.elapsed().as_secs_f64());
        outcome
    }

    fn sync_dir(&mut self) -> Result<(), DiskError> {
        self.0.sync_dir()
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        self.0.rename(from, to)
    }

    fn remove(&mut self, name: &str) -> Result<(), DiskError> {
        self.0.remove(name)
    }
}

/// Of the file system that holds a folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Room {
    /// For who is not root.
    pub free_bytes: u64,
    pub total_bytes: u64,
}

impl Room {
    pub fn of(folder: &Path) -> io::Result<Room> {
        let found = rustix::fs::statvfs(folder)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Room { free_bytes: bytes(found.f_bavail), total_bytes: bytes(found.f_blocks) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_where_there_is_a_folder() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let room = Room::of(folder.path()).expect("it is there");
        assert!(room.free_bytes <= room.total_bytes && room.total_bytes > 0, "{room:?}");
        assert!(Room::of(&folder.path().join("none")).is_err());
    }
}
