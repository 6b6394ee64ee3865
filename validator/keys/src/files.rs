//! Small files that must survive a power cut whole or not at all.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

/// Writes a file that only its owner may read; an error of kind `AlreadyExists` where the name is taken. Durable on return.
pub fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // A link refuses to replace, a rename does not.
    with_temporary(path, bytes, |temporary| {
        fs::hard_link(temporary, path)?;
        fs::remove_file(temporary)
    })
}

/// The mode of a file that others than its owner may read, write or run.
pub fn mode_if_open_to_others(file: &File) -> io::Result<Option<u32>> {
    let mode = file.metadata()?.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

/// Puts new content in the place of the old. Durable on return; after a crash one of the two is there.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    with_temporary(path, bytes, |temporary| fs::rename(temporary, path))
}

fn with_temporary(path: &Path, bytes: &[u8], publish: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let temporary = temporary_name(path)?;
    let written = write_synced(&temporary, bytes).and_then(|()| publish(&temporary));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    sync_dir(path)
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the name of a file durable: fsync of the folder it stands in.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn temporary_name(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not the name of a file"))?;
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let mut temporary = OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}.tmp", hex::encode(random)));
    Ok(folder(path).join(temporary))
}
