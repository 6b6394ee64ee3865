//! The few file operations on which durability rests. The product implements them over a folder; the simulator over a
//! page cache that forgets what was not synced.

/// Files of one folder, by name. Every method may fail; the caller never retries a failed write or sync.
pub trait Disk: Send {
    /// Names of the files in the folder, sorted.
    fn list(&self) -> Result<Vec<String>, DiskError>;
    fn len(&self, name: &str) -> Result<Option<u64>, DiskError>;
    /// Reads at most `len` bytes from `offset`; fewer only at the end of the file.
    fn read(&self, name: &str, offset: u64, len: usize) -> Result<Vec<u8>, DiskError>;
    /// Appends, creating the file if need be.
    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError>;
    fn truncate(&mut self, name: &str, len: u64) -> Result<(), DiskError>;
    /// fdatasync of the file.
    fn sync(&mut self, name: &str) -> Result<(), DiskError>;
    /// fsync of the folder: makes creation, renaming and removal durable.
    fn sync_dir(&mut self) -> Result<(), DiskError>;
    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError>;
    fn remove(&mut self, name: &str) -> Result<(), DiskError>;
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{operation} {name}: {cause}")]
pub struct DiskError {
    pub operation: &'static str,
    pub name: String,
    pub cause: String,
}
