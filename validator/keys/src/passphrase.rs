//! Passphrases come from files, never from arguments or the environment itself, where other processes see them.

use crate::files;
use secrecy::{ExposeSecret as _, SecretString};
use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};
use zeroize::{Zeroize as _, Zeroizing};

/// A passphrase. Debug shows nothing of it, and it is wiped when dropped.
#[derive(Clone, Debug)]
pub struct Passphrase(SecretString);

#[derive(Debug, thiserror::Error)]
pub enum PassphraseError {
    #[error("the environment variable {ENVIRONMENT_VARIABLE} is not set: it names the file that holds the passphrase")]
    NotSet,
    #[error("cannot read the passphrase file {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("the passphrase file {} may be read by others (mode {mode:o}); run chmod 600", path.display())]
    TooOpen { path: PathBuf, mode: u32 },
    #[error("the passphrase file {} is empty", _0.display())]
    Empty(PathBuf),
    #[error("the passphrase file {} is longer than {BYTES_MAX} bytes", _0.display())]
    TooLong(PathBuf),
    #[error("the passphrase file {} is not UTF-8 text", _0.display())]
    NotText(PathBuf),
}

pub const ENVIRONMENT_VARIABLE: &str = "CONCORDAT_PASSPHRASE_FILE";
/// No person types more, and argon2 hashes what it gets.
const BYTES_MAX: usize = 1024;
/// With a line break, and one more to tell that it is too long. Held at once, since a buffer that grows is not wiped.
const BYTES_READ_MAX: usize = BYTES_MAX + 3;

impl Passphrase {
    pub fn new(text: String) -> Passphrase {
        Passphrase(text.into())
    }

    /// The file's text without the line break at its end. A file that others may read is refused, as a key file is.
    pub fn from_file(path: &Path) -> Result<Passphrase, PassphraseError> {
        let failed = |source| PassphraseError::Read { path: path.into(), source };
        let file = File::open(path).map_err(failed)?;
        if let Some(mode) = files::mode_if_open_to_others(&file).map_err(failed)? {
            return Err(PassphraseError::TooOpen { path: path.into(), mode });
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES_READ_MAX));
        file.take(BYTES_READ_MAX as u64).read_to_end(&mut bytes).map_err(failed)?;
        let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line.len() {
            0 => return Err(PassphraseError::Empty(path.into())),
            length if length > BYTES_MAX => return Err(PassphraseError::TooLong(path.into())),
            _ => {}
        }
        let text = str::from_utf8(line).map_err(|_| PassphraseError::NotText(path.into()))?;
        Ok(Passphrase::new(text.to_owned()))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }

    pub(crate) fn is_weak(&self) -> bool {
        self.0.expose_secret().chars().count() < STRONG_CHARS_MIN
    }
}

/// Twelve random letters and digits are 71 bits; with 64 MiB of argon2id each guess, out of reach.
pub(crate) const STRONG_CHARS_MIN: usize = 12;

/// Reads the file that `CONCORDAT_PASSPHRASE_FILE` names.
pub fn passphrase_from_env() -> Result<Passphrase, PassphraseError> {
    let path = std::env::var_os(ENVIRONMENT_VARIABLE).ok_or(PassphraseError::NotSet)?;
    Passphrase::from_file(Path::new(&path))
}

impl From<String> for Passphrase {
    fn from(text: String) -> Passphrase {
        Passphrase::new(text)
    }
}

impl From<&str> for Passphrase {
    fn from(text: &str) -> Passphrase {
        Passphrase::new(text.to_owned())
    }
}

/// Wipes a line that was read from a terminal.
pub fn passphrase_from_line(mut line: String) -> Passphrase {
    let passphrase = Passphrase::new(line.trim_end_matches(['\r', '\n']).to_owned());
    line.zeroize();
    passphrase
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
