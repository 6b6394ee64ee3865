//! A folder that comes into being whole: it is filled under another name and then renamed. Where parts of it are there
//! already, as mounted volumes are, it is filled in place.

use super::{Place, check_is_free, not_empty};
use crate::CliError;
use concordat_keys::files;
use concordat_types::MemberId;
use serde::Serialize;
use std::{
    ffi::OsString,
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

#[derive(Debug)]
pub(super) struct Folder {
    wanted: PathBuf,
    /// Removed when dropped, unless it got its name. None: it is filled in place.
    temporary: Option<PathBuf>,
}

impl Folder {
    pub fn begin(wanted: &Path) -> Result<Folder, CliError> {
        check_is_free(wanted)?;
        let parent = parent(wanted);
        let name = wanted.file_name().ok_or_else(|| {
            CliError::usage(format!("{} is not the name of a folder", wanted.display()), "Name a new folder.")
        })?;
        fs::create_dir_all(parent).map_err(|error| CliError::file("folder", parent, &error))?;
        let mut random = [0; 6];
        getrandom::fill(&mut random).map_err(|error| CliError::internal(format!("no randomness: {error}")))?;
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}", hex::encode(random)));
        // Absolute, since another program is given paths in it.
        let parent = fs::canonicalize(parent).map_err(|error| CliError::file("folder", parent, &error))?;
        let temporary = parent.join(hidden);
        make_dir(&temporary)?;
        Ok(Folder { wanted: parent.join(name), temporary: Some(temporary) })
    }

    /// Fills a folder that may be there already, and members' folders in it too, if there is nothing else.
    pub fn fill(wanted: &Path, places: &[Place]) -> Result<Folder, CliError> {
        let failed = |error| CliError::file("folder", wanted, &error);
        fs::create_dir_all(wanted).map_err(failed)?;
        // Absolute, since another program is given paths in it.
        let wanted = fs::canonicalize(wanted).map_err(failed)?;
        let homes: Vec<PathBuf> = places.iter().map(|place| wanted.join(place.member.as_str())).collect();
        for entry in fs::read_dir(&wanted).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            match homes.contains(&path) {
                true => check_is_free(&path)?,
                false => return Err(not_empty(&wanted)),
            }
        }
        Ok(Folder { wanted, temporary: None })
    }

    /// A member's folder, for its owner alone.
    pub fn home(&self, member: MemberId) -> Result<PathBuf, CliError> {
        let path = self.file(member.as_str());
        if self.temporary.is_some() || !path.exists() {
            make_dir(&path)?;
        }
        Ok(path)
    }

    /// A new folder inside, for its owner alone.
    pub fn dir(&self, name: &str) -> Result<PathBuf, CliError> {
        let path = self.file(name);
        make_dir(&path)?;
        Ok(path)
    }

    /// The path of a file inside.
    pub fn file(&self, name: &str) -> PathBuf {
        self.temporary.as_ref().unwrap_or(&self.wanted).join(name)
    }

    /// An empty folder of the name wanted is replaced; one that is no longer empty is not.
    pub fn finish(mut self) -> Result<(), CliError> {
        if let Some(temporary) = &self.temporary {
            fs::rename(temporary, &self.wanted).map_err(|error| CliError::file("folder", &self.wanted, &error))?;
        }
        self.temporary = None;
        files::sync_dir(&self.wanted).map_err(|error| CliError::file("folder", &self.wanted, &error))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // What made us stop is the error to report.
            let _ = fs::remove_dir_all(temporary);
        }
    }
}

pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    files::write_new(path, bytes).map_err(|error| CliError::file("file", path, &error))
}

pub(super) fn write_public(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    fs::write(path, bytes).map_err(|error| CliError::file("file", path, &error))
}

pub(super) fn copy_public(from: &Path, to: &Path) -> Result<(), CliError> {
    let bytes = fs::read(from).map_err(|error| CliError::file("file", from, &error))?;
    write_public(to, &bytes)
}

pub(super) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), CliError> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| CliError::internal(error.to_string()))?;
    text.push('\n');
    write_public(path, text.as_bytes())
}

fn make_dir(path: &Path) -> Result<(), CliError> {
    fs::DirBuilder::new().mode(0o700).create(path).map_err(|error| CliError::file("folder", path, &error))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
