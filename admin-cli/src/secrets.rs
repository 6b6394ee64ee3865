//! From a profile to the key that signs.

use crate::{
    CliError, Exit, Profile,
    error::{KEY_FILE, PASSPHRASE},
};
use concordat_keys::{
    KeyKind, LoadError, Passphrase, PassphraseError, SecretKey, UnsealError, passphrase::ENVIRONMENT_VARIABLE,
    passphrase_from_env,
};
use std::{
    env,
    io::IsTerminal,
    path::{Path, PathBuf},
};

/// The operator key that the profile names.
pub fn operator_key(profile: &Profile) -> Result<SecretKey, CliError> {
    load(&profile.operator_key, KeyKind::Operator, &passphrase(profile)?)
}

/// The operator key that the profile names, and others under the same passphrase.
pub fn operator_key_and(profile: &Profile, others: &[PathBuf]) -> Result<Vec<SecretKey>, CliError> {
    let passphrase = passphrase(profile)?;
    let paths = std::iter::once(&profile.operator_key).chain(others);
    paths.map(|path| load(path, KeyKind::Operator, &passphrase)).collect()
}

/// Admin keys: those named, else the profile's. They sign governance and nothing else.
pub fn admin_keys(profile: &Profile, files: &[PathBuf]) -> Result<Vec<SecretKey>, CliError> {
    let passphrase = passphrase(profile)?;
    let paths = if files.is_empty() { std::slice::from_ref(&profile.admin_key) } else { files };
    paths.iter().map(|path| load(path, KeyKind::Admin, &passphrase)).collect()
}

/// Every operator key beside the one that the profile names: operator.key, operator-2.key and on. For load generators;
/// one key is enough to pay with.
pub fn operator_keys(profile: &Profile) -> Result<Vec<SecretKey>, CliError> {
    let passphrase = passphrase(profile)?;
    let mut keys = vec![load(&profile.operator_key, KeyKind::Operator, &passphrase)?];
    loop {
        let path = profile.operator_key.with_file_name(crate::network::operator_key_file(keys.len()));
        if !path.exists() {
            return Ok(keys);
        }
        keys.push(load(&path, KeyKind::Operator, &passphrase)?);
    }
}

/// The environment before the profile's own file, which only trial networks have, before asking on the terminal.
pub fn passphrase(profile: &Profile) -> Result<Passphrase, CliError> {
    if env::var_os(ENVIRONMENT_VARIABLE).is_some() {
        return passphrase_from_env().map_err(no_passphrase);
    }
    if let Some(path) = &profile.passphrase_file {
        return Passphrase::from_file(path).map_err(no_passphrase);
    }
    if !std::io::stdin().is_terminal() {
        return Err(no_passphrase(PassphraseError::NotSet));
    }
    let text = rpassword::prompt_password(format!("Passphrase of {}: ", profile.operator_key.display()));
    let text = text.map_err(|error| CliError::internal(format!("reading the passphrase: {error}")))?;
    Ok(concordat_keys::passphrase::passphrase_from_line(text))
}

fn load(path: &Path, kind: KeyKind, passphrase: &Passphrase) -> Result<SecretKey, CliError> {
    SecretKey::load(path, kind, passphrase).map_err(|error| {
        let name = path.display();
        match error {
            LoadError::Unseal(UnsealError::WrongPassphrase) => {
                let next = format!("Name the right file by {ENVIRONMENT_VARIABLE}.");
                CliError::new(Exit::Usage, PASSPHRASE, format!("{name}: the passphrase is wrong"), next)
            }
            LoadError::Unseal(UnsealError::TooOpen { mode }) => too_open(path, mode),
            LoadError::Unseal(UnsealError::Read(error)) => CliError::file("key", path, &error),
            error => CliError::new(
                Exit::Usage,
                KEY_FILE,
                format!("{name}: {error}"),
                "Check the path in profile.toml or the option.",
            ),
        }
    })
}

/// A file with a secret that others than its owner may read or write.
pub(crate) fn too_open(path: &Path, mode: u32) -> CliError {
    let name = path.display();
    let cause = format!("{name} may be read or written by others (mode {mode:o})");
    let next = format!("Run chmod 600 {name}; consider what is in it known.");
    CliError::new(Exit::UnsafeLocalState, KEY_FILE, cause, next)
}

pub(crate) fn no_passphrase(error: PassphraseError) -> CliError {
    if let PassphraseError::TooOpen { path, mode } = &error {
        return too_open(path, *mode);
    }
    let reason = std::error::Error::source(&error).map_or(String::new(), |source| format!(": {source}"));
    let next = format!("Set {ENVIRONMENT_VARIABLE} to a file that holds the passphrase, readable by you alone.");
    CliError::new(Exit::Usage, PASSPHRASE, format!("{error}{reason}"), next)
}
