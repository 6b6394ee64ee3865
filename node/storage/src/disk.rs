//! `Disk` over a folder of the file system.

use concordat_replica::disk::{Disk, DiskError};
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

/// Files of one folder. It has no subfolders.
#[derive(Debug)]
pub struct FileDisk {
    folder: PathBuf,
    /// Files that are appended to stay open: a log writes to one for hours.
    open: BTreeMap<String, File>,
}

impl FileDisk {
    /// Makes the folder where there is none.
    pub fn open(folder: &Path) -> Result<FileDisk, DiskError> {
        let failed = |error: io::Error| failed("create", &folder.display().to_string(), &error);
        fs::create_dir_all(folder).map_err(failed)?;
        // The folder's own name must outlive a crash too.
        if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed)?;
        }
        Ok(FileDisk { folder: folder.to_owned(), open: BTreeMap::new() })
    }

    fn path(&self, operation: &'static str, name: &str) -> Result<PathBuf, DiskError> {
        let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\', '\0']);
        if !plain {
            let cause = "a file name has no separator and does not begin with a dot".to_owned();
            return Err(DiskError { operation, name: name.to_owned(), cause });
        }
        Ok(self.folder.join(name))
    }

    fn handle(&mut self, operation: &'static str, name: &str, create: bool) -> Result<&mut File, DiskError> {
        let path = self.path(operation, name)?;
        if !self.open.contains_key(name) {
            let opened = OpenOptions::new().append(true).create(create).open(path);
            let file = opened.map_err(|error| failed(operation, name, &error))?;
            self.open.insert(name.to_owned(), file);
        }
        Ok(self.open.get_mut(name).expect("it was there or has just been inserted"))
    }
}

impl Disk for FileDisk {
    fn list(&self) -> Result<Vec<String>, DiskError> {
        let folder = self.folder.display().to_string();
        let failed = |error: io::Error| failed("list", &folder, &error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if entry.file_type().map_err(failed)?.is_file() {
                names.extend(entry.file_name().into_string().ok());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn len(&self, name: &str) -> Result<Option<u64>, DiskError> {
        match fs::metadata(self.path("len", name)?) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("len", name, &error)),
        }
    }

    fn read(&self, name: &str, offset: u64, len: usize) -> Result<Vec<u8>, DiskError> {
        let failed = |error: io::Error| failed("read", name, &error);
        let file = File::open(self.path("read", name)?).map_err(failed)?;
        let rest = file.metadata().map_err(failed)?.len().saturating_sub(offset);
        let mut bytes = vec![0; len.min(usize::try_from(rest).unwrap_or(usize::MAX))];
        file.read_exact_at(&mut bytes, offset).map_err(failed)?;
        Ok(bytes)
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        let file = self.handle("append", name, true)?;
        file.write_all(bytes).map_err(|error| failed("append", name, &error))
    }

    fn truncate(&mut self, name: &str, len: u64) -> Result<(), DiskError> {
        let file = self.handle("truncate", name, false)?;
        file.set_len(len).map_err(|error| failed("truncate", name, &error))
    }

    fn sync(&mut self, name: &str) -> Result<(), DiskError> {
        let file = self.handle("sync", name, false)?;
        file.sync_data().map_err(|error| failed("sync", name, &error))
    }

    fn sync_dir(&mut self) -> Result<(), DiskError> {
        let folder = File::open(&self.folder).and_then(|folder| folder.sync_all());
        folder.map_err(|error| failed("sync_dir", &self.folder.display().to_string(), &error))
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        let (source, target) = (self.path("rename", from)?, self.path("rename", to)?);
        fs::rename(source, target).map_err(|error| failed("rename", from, &error))?;
        // The handle of `from` now is that of `to`; one of the old `to` would write into a file without a name.
        self.open.remove(to);
        if let Some(file) = self.open.remove(from) {
            self.open.insert(to.to_owned(), file);
        }
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), DiskError> {
        fs::remove_file(self.path("remove", name)?).map_err(|error| failed("remove", name, &error))?;
        self.open.remove(name);
        Ok(())
    }
}

fn failed(operation: &'static str, name: &str, error: &io::Error) -> DiskError {
    DiskError { operation, name: name.to_owned(), cause: error.to_string() }
}
