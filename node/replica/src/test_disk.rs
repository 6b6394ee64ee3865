//! Files in memory, for tests: what a log or a replica must survive is done to them by hand.

use crate::disk::{Disk, DiskError};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    pub bytes: BTreeMap<String, Vec<u8>>,
    /// The operation that fails from now on, as on a disk without room.
    pub fails: Option<&'static str>,
    /// What was asked of the disk, in order; what failed too.
    pub calls: Vec<&'static str>,
    pub failed: usize,
}

impl Files {
    fn call(&mut self, operation: &'static str, name: &str) -> Result<(), DiskError> {
        self.calls.push(operation);
        if self.fails == Some(operation) {
            self.failed += 1;
            let cause = "No space left on device (os error 28)".to_owned();
            return Err(DiskError { operation, name: name.to_owned(), cause });
        }
        Ok(())
    }
}

impl Disk for Files {
    fn list(&self) -> Result<Vec<String>, DiskError> {
        Ok(self.bytes.keys().cloned().collect())
    }
    fn len(&self, name: &str) -> Result<Option<u64>, DiskError> {
        Ok(self.bytes.get(name).map(|bytes| bytes.len() as u64))
    }
    fn read(&self, name: &str, offset: u64, len: usize) -> Result<Vec<u8>, DiskError> {
        let bytes = &self.bytes[name];
        let start = (offset as usize).min(bytes.len());
        Ok(bytes[start..(start + len).min(bytes.len())].to_vec())
    }
    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.call("append", name)?;
        self.bytes.entry(name.to_owned()).or_default().extend_from_slice(bytes);
        Ok(())
    }
    fn truncate(&mut self, name: &str, len: u64) -> Result<(), DiskError> {
        self.call("truncate", name)?;
        self.bytes.get_mut(name).unwrap().truncate(len as usize);
        Ok(())
    }
    fn sync(&mut self, name: &str) -> Result<(), DiskError> {
        self.call("sync", name)
    }
    fn sync_dir(&mut self) -> Result<(), DiskError> {
        self.call("sync_dir", "")
    }
    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        self.call("rename", from)?;
        let bytes = self.bytes.remove(from).unwrap();
        self.bytes.insert(to.to_owned(), bytes);
        Ok(())
    }
    fn remove(&mut self, name: &str) -> Result<(), DiskError> {
        self.call("remove", name)?;
        self.bytes.remove(name);
        Ok(())
    }
}

/// The same files for a replica and for the test that watches them.
impl Disk for Arc<Mutex<Files>> {
    fn list(&self) -> Result<Vec<String>, DiskError> {
        self.lock().unwrap().list()
    }
    fn len(&self, name: &str) -> Result<Option<u64>, DiskError> {
        self.lock().unwrap().len(name)
    }
    fn read(&self, name: &str, offset: u64, len: usize) -> Result<Vec<u8>, DiskError> {
        self.lock().unwrap().read(name, offset, len)
    }
    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.lock().unwrap().append(name, bytes)
    }
    fn truncate(&mut self, name: &str, len: u64) -> Result<(), DiskError> {
        self.lock().unwrap().truncate(name, len)
    }
    fn sync(&mut self, name: &str) -> Result<(), DiskError> {
        self.lock().unwrap().sync(name)
    }
    fn sync_dir(&mut self) -> Result<(), DiskError> {
        self.lock().unwrap().sync_dir()
    }
    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        self.lock().unwrap().rename(from, to)
    }
    fn remove(&mut self, name: &str) -> Result<(), DiskError> {
        self.lock().unwrap().remove(name)
    }
}
