//! A folder whose page cache forgets: what was not synced is lost at a crash, wholly or from some byte on.

use super::Random;
use concordat_replica::{
    disk::{Disk, DiskError},
    memory::MemoryStore,
    store::{Reader, Store, StoreError, Table, Visitor, WriteBatch},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

#[derive(Clone, Debug, Default)]
struct File {
    bytes: Vec<u8>,
    synced: usize,
    /// The folder entry survives a crash.
    entry_synced: bool,
}

#[derive(Clone, Debug, Default)]
struct Folder {
    files: BTreeMap<String, File>,
    /// Removed, but the removal is not durable.
    removed: BTreeMap<String, File>,
    pub syncs: u64,
    /// No room for a byte more.
    is_full: bool,
    /// Something failed; whoever writes on is wrong.
    failed: bool,
    written_after_failure: bool,
}

impl Folder {
    /// A write or a sync begins.
    fn change(&mut self, operation: &'static str, name: &str) -> Result<(), DiskError> {
        self.written_after_failure |= self.failed;
        self.failed |= self.is_full;
        let cause = || "No space left on device (os error 28)".to_owned();
        if self.is_full { Err(DiskError { operation, name: name.to_owned(), cause: cause() }) } else { Ok(()) }
    }
}

/// Survives the crash of the node that writes to it.
#[derive(Clone, Debug, Default)]
pub struct SimDisk(Arc<Mutex<Folder>>);

impl SimDisk {
    fn folder(&self) -> MutexGuard<'_, Folder> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn syncs(&self) -> u64 {
        self.folder().syncs
    }

    pub fn fill(&self) {
        self.folder().is_full = true;
    }

    /// There is room again, and a new process. Did the old one write after something had failed?
    pub fn make_room(&self) -> bool {
        let mut folder = self.folder();
        (folder.is_full, folder.failed) = (false, false);
        std::mem::take(&mut folder.written_after_failure)
    }

    pub fn has_failed(&self) -> bool {
        self.folder().failed
    }

    /// Each file keeps what was synced and a random part of what came after; the last kept byte may be garbled.
    pub fn crash(&self, random: &mut Random) {
        let mut folder = self.folder();
        let removed = std::mem::take(&mut folder.removed);
        for (name, file) in removed {
            if random.permille(500) {
                folder.files.entry(name).or_insert(file);
            }
        }
        let mut lost = Vec::new();
        for (name, file) in &mut folder.files {
            let unsynced = file.bytes.len() - file.synced;
            let kept = file.synced + random.below(unsynced as u64 + 1) as usize;
            file.bytes.truncate(kept);
            if kept > file.synced && random.permille(300) {
                let at = file.synced + random.below((kept - file.synced) as u64) as usize;
                // A garbled sector: everything from it on is of another time.
                file.bytes[at..].iter_mut().for_each(|byte| *byte = 0);
            }
            file.synced = file.bytes.len();
            if !file.entry_synced && random.permille(500) {
                lost.push(name.clone());
            }
        }
        for name in lost {
            folder.files.remove(&name);
        }
    }
}

fn missing(operation: &'static str, name: &str) -> DiskError {
    DiskError { operation, name: name.to_owned(), cause: "no such file".to_owned() }
}

impl Disk for SimDisk {
    fn list(&self) -> Result<Vec<String>, DiskError> {
        Ok(self.folder().files.keys().cloned().collect())
    }

    fn len(&self, name: &str) -> Result<Option<u64>, DiskError> {
        Ok(self.folder().files.get(name).map(|file| file.bytes.len() as u64))
    }

    fn read(&self, name: &str, offset: u64, len: usize) -> Result<Vec<u8>, DiskError> {
        let folder = self.folder();
        let bytes = &folder.files.get(name).ok_or_else(|| missing("read", name))?.bytes;
        let start = (offset as usize).min(bytes.len());
        Ok(bytes[start..(start + len).min(bytes.len())].to_vec())
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        let mut folder = self.folder();
        let room = folder.change("append", name);
        // Of what does not fit the disk takes a part.
        let taken = if room.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        folder.files.entry(name.to_owned()).or_default().bytes.extend_from_slice(taken);
        room
    }

    fn truncate(&mut self, name: &str, len: u64) -> Result<(), DiskError> {
        let mut folder = self.folder();
        let file = folder.files.get_mut(name).ok_or_else(|| missing("truncate", name))?;
        file.bytes.truncate(len as usize);
        file.synced = file.synced.min(file.bytes.len());
        Ok(())
    }

    fn sync(&mut self, name: &str) -> Result<(), DiskError> {
        let mut folder = self.folder();
        folder.syncs += 1;
        folder.change("sync", name)?;
        let file = folder.files.get_mut(name).ok_or_else(|| missing("sync", name))?;
        file.synced = file.bytes.len();
        Ok(())
    }

    fn sync_dir(&mut self) -> Result<(), DiskError> {
        let mut folder = self.folder();
        folder.change("sync_dir", "")?;
        folder.removed.clear();
        folder.files.values_mut().for_each(|file| file.entry_synced = true);
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        let mut folder = self.folder();
        let file = folder.files.remove(from).ok_or_else(|| missing("rename", from))?;
        folder.files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), DiskError> {
        let mut folder = self.folder();
        let file = folder.files.remove(name).ok_or_else(|| missing("remove", name))?;
        folder.removed.insert(name.to_owned(), file);
        Ok(())
    }
}

/// The store of a node, kept while the node is down.
#[derive(Clone, Debug, Default)]
pub struct SimStore(Arc<Mutex<MemoryStore>>);

impl SimStore {
    fn store(&self) -> MutexGuard<'_, MemoryStore> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Power loss: back to the last sync. A killed process loses nothing.
    pub fn lose_power(&self) {
        let mut store = self.store();
        *store = store.crash();
    }
}

impl Reader for SimStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.store().get(table, key)
    }

    fn scan(&self, table: Table, from: &[u8], visit: &mut Visitor<'_>) -> Result<(), StoreError> {
        self.store().scan(table, from, visit)
    }

    fn scan_back(&self, table: Table, from: &[u8], visit: &mut Visitor<'_>) -> Result<(), StoreError> {
        self.store().scan_back(table, from, visit)
    }
}

impl Store for SimStore {
    fn write(&mut self, batch: WriteBatch) -> Result<(), StoreError> {
        self.store().write(batch)
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.store().sync()
    }

    fn snapshot(&self) -> Arc<dyn Reader> {
        self.store().snapshot()
    }
}
