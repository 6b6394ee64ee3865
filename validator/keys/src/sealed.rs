//! Encrypted files for secrets: JSON with a readable header, argon2id (RFC 9106) and XChaCha20-Poly1305.
//!
//! The header is bound to the ciphertext as associated data: whoever changes the kind or the public key of a file makes it
//! useless. A checksum over all of it tells a damaged file from a wrong passphrase; it says nothing about the secret.

use crate::{
    files,
    passphrase::{Passphrase, STRONG_CHARS_MIN},
};
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use concordat_types::{Hash, Tag, encode};
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};
use zeroize::Zeroizing;

/// How dear a guess at the passphrase is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Strength {
    /// 64 MiB of memory and three passes, about 0.1 s. Demands a passphrase of twelve characters.
    Full,
    /// 8 MiB and one pass, any passphrase: for trial networks.
    Trial,
}

/// What a file says about its secret without the passphrase.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    pub kind: String,
    pub public_key: Vec<u8>,
    pub strength: Strength,
}

#[derive(Debug)]
pub struct Unsealed {
    pub public_key: Vec<u8>,
    pub secret: Secret,
}

/// Bytes of a secret: wiped when dropped, not shown by Debug.
#[derive(Clone)]
pub struct Secret(pub Zeroizing<Vec<u8>>);

impl core::fmt::Debug for Secret {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secret")
    }
}

#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("a passphrase needs at least {STRONG_CHARS_MIN} characters outside trial networks")]
    WeakPassphrase,
    #[error("the key file exists; it is never overwritten")]
    Exists,
    #[error("no random numbers from the operating system")]
    Random(#[source] getrandom::Error),
    #[error("cannot write the key file")]
    Write(#[source] io::Error),
    #[error("cannot encrypt the key")]
    Encrypt,
}

#[derive(Debug, thiserror::Error)]
pub enum UnsealError {
    #[error("cannot read the key file")]
    Read(#[source] io::Error),
    #[error("the key file may be read by others (mode {mode:o}); run chmod 600")]
    TooOpen { mode: u32 },
    #[error("the key file is damaged: {0}")]
    Corrupt(&'static str),
    #[error("the key file is of version {0}, this program knows {VERSION}")]
    Version(u32),
    #[error("the file holds a key of kind {got}, expected {expected}")]
    WrongKind { got: String, expected: String },
    #[error("the passphrase is wrong")]
    WrongPassphrase,
}

/// Encrypts the secret into a new file of mode 600. Durable on return; an existing file is left as it is.
pub fn seal(
    path: &Path,
    kind: &str,
    public_key: &[u8],
    secret: &[u8],
    passphrase: &Passphrase,
    strength: Strength,
) -> Result<(), SealError> {
    if strength == Strength::Full && passphrase.is_weak() {
        return Err(SealError::WeakPassphrase);
    }
    let (memory_kib, passes) = strength.costs();
    let (mut salt, mut nonce) = ([0; SALT_BYTES], [0; NONCE_BYTES]);
    getrandom::fill(&mut salt).map_err(SealError::Random)?;
    getrandom::fill(&mut nonce).map_err(SealError::Random)?;
    let mut sealed = SealedFile {
        version: VERSION,
        kind: kind.to_owned(),
        public_key: hex::encode(public_key),
        kdf: Kdf { name: KDF_NAME.into(), memory_kib, passes, lanes: LANES, salt: hex::encode(salt) },
        cipher: CIPHER_NAME.into(),
        nonce: hex::encode(nonce),
        ciphertext: String::new(),
        checksum: Hash::ZERO,
    };
    let associated = sealed.associated_data();
    let cipher = sealed.cipher(passphrase, &salt).map_err(|_| SealError::Encrypt)?;
    let ciphertext = cipher
        .encrypt(&XNonce::from(nonce), Payload { msg: secret, aad: &associated })
        .map_err(|_| SealError::Encrypt)?;
    sealed.ciphertext = hex::encode(&ciphertext);
    sealed.checksum = sealed.checksum_of(&ciphertext);
    let mut json = serde_json::to_string_pretty(&sealed).map_err(|_| SealError::Encrypt)?;
    json.push('\n');
    files::write_new(path, json.as_bytes()).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => SealError::Exists,
        _ => SealError::Write(error),
    })
}

/// Decrypts a secret of the kind.
pub fn unseal(path: &Path, kind: &str, passphrase: &Passphrase) -> Result<Unsealed, UnsealError> {
    let sealed = SealedFile::read(path)?;
    if sealed.kind != kind {
        return Err(UnsealError::WrongKind { got: sealed.kind, expected: kind.to_owned() });
    }
    let salt = bytes::<SALT_BYTES>(&sealed.kdf.salt)?;
    let nonce = bytes::<NONCE_BYTES>(&sealed.nonce)?;
    let ciphertext = hex::decode(&sealed.ciphertext).map_err(|_| UnsealError::Corrupt("not hex"))?;
    let secret = sealed
        .cipher(passphrase, &salt)?
        .decrypt(&XNonce::from(nonce), Payload { msg: &ciphertext, aad: &sealed.associated_data() })
        .map_err(|_| UnsealError::WrongPassphrase)?;
    Ok(Unsealed { public_key: sealed.public_key_bytes()?, secret: Secret(Zeroizing::new(secret)) })
}

/// What the file says of itself; not proved before it is unsealed.
pub fn inspect(path: &Path) -> Result<Header, UnsealError> {
    let sealed = SealedFile::read(path)?;
    let is_full = (sealed.kdf.memory_kib, sealed.kdf.passes) >= Strength::Full.costs();
    let strength = if is_full { Strength::Full } else { Strength::Trial };
    Ok(Header { public_key: sealed.public_key_bytes()?, kind: sealed.kind, strength })
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SealedFile {
    version: u32,
    kind: String,
    public_key: String,
    kdf: Kdf,
    cipher: String,
    nonce: String,
    ciphertext: String,
    checksum: Hash,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kdf {
    name: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
}

impl SealedFile {
    fn read(path: &Path) -> Result<SealedFile, UnsealError> {
        let file = File::open(path).map_err(UnsealError::Read)?;
        if let Some(mode) = files::mode_if_open_to_others(&file).map_err(UnsealError::Read)? {
            return Err(UnsealError::TooOpen { mode });
        }
        let mut json = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut json).map_err(UnsealError::Read)?;
        if json.len() as u64 > FILE_BYTES_MAX {
            return Err(UnsealError::Corrupt("too long"));
        }
        let sealed: SealedFile = serde_json::from_slice(&json).map_err(|_| UnsealError::Corrupt("not a key file"))?;
        if sealed.version != VERSION {
            return Err(UnsealError::Version(sealed.version));
        }
        if sealed.kdf.name != KDF_NAME || sealed.cipher != CIPHER_NAME {
            return Err(UnsealError::Corrupt("an unknown algorithm"));
        }
        let kdf = &sealed.kdf;
        if kdf.memory_kib > MEMORY_KIB_MAX || kdf.passes > PASSES_MAX || kdf.lanes > LANES_MAX {
            return Err(UnsealError::Corrupt("the cost of the key derivation is out of range"));
        }
        let ciphertext = hex::decode(&sealed.ciphertext).map_err(|_| UnsealError::Corrupt("not hex"))?;
        if sealed.checksum != sealed.checksum_of(&ciphertext) {
            return Err(UnsealError::Corrupt("the checksum does not fit"));
        }
        Ok(sealed)
    }

    /// Every field before the ciphertext, each with its length in front.
    fn associated_data(&self) -> Vec<u8> {
        let Kdf { name, memory_kib, passes, lanes, salt } = &self.kdf;
        let head = encode(&(self.version, &self.kind, &self.public_key, &self.cipher, &self.nonce));
        [head, encode(&(name, memory_kib, passes, lanes, salt))].concat()
    }

    fn checksum_of(&self, ciphertext: &[u8]) -> Hash {
        Tag("concordat/sealed-file/v1").hash(&[&self.associated_data(), ciphertext])
    }

    fn cipher(&self, passphrase: &Passphrase, salt: &[u8]) -> Result<XChaCha20Poly1305, UnsealError> {
        let out_of_range = |_| UnsealError::Corrupt("the cost of the key derivation is out of range");
        let params =
            Params::new(self.kdf.memory_kib, self.kdf.passes, self.kdf.lanes, Some(32)).map_err(out_of_range)?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.bytes(), salt, key.as_mut())
            .map_err(out_of_range)?;
        Ok(XChaCha20Poly1305::new((&*key).into()))
    }

    fn public_key_bytes(&self) -> Result<Vec<u8>, UnsealError> {
        hex::decode(&self.public_key).map_err(|_| UnsealError::Corrupt("not hex"))
    }
}

impl Strength {
    /// KiB of memory, and passes over it.
    fn costs(self) -> (u32, u32) {
        match self {
            Strength::Full => (64 << 10, 3),
            Strength::Trial => (8 << 10, 1),
        }
    }
}

fn bytes<const N: usize>(text: &str) -> Result<[u8; N], UnsealError> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| UnsealError::Corrupt("a field has another length"))?;
    Ok(bytes)
}

const VERSION: u32 = 1;
const KDF_NAME: &str = "argon2id";
const CIPHER_NAME: &str = "xchacha20-poly1305";
const SALT_BYTES: usize = 16;
const NONCE_BYTES: usize = 24;
const LANES: u32 = 1;
/// A key file is some hundred bytes; what is longer is something else.
const FILE_BYTES_MAX: u64 = 64 << 10;
/// Bounds on what a foreign file may make this machine spend: 1 GiB, some seconds.
const MEMORY_KIB_MAX: u32 = 1 << 20;
const PASSES_MAX: u32 = 16;
const LANES_MAX: u32 = 16;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
