//! Ed25519 secrets of people.

use crate::{
    Passphrase, SealError, Strength, UnsealError,
    sealed::{self, Unsealed},
};
use concordat_types::{Ed25519PublicKey, Ed25519Signature, Tag, TransactionHash, transaction::TransactionSignature};
use core::fmt;
use ed25519_zebra::{SigningKey, VerificationKeyBytes};
use std::path::Path;
use zeroize::Zeroizing;

/// What a key is for; a file of one kind does not open as another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeyKind {
    Operator,
    Admin,
    Recovery,
}

impl KeyKind {
    pub fn name(self) -> &'static str {
        match self {
            KeyKind::Operator => "operator",
            KeyKind::Admin => "admin",
            KeyKind::Recovery => "recovery",
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error(transparent)]
    Unseal(UnsealError),
    #[error("the file's public key is not that of its secret")]
    OtherPublicKey,
}

/// An Ed25519 secret, wiped when dropped. Debug shows the public key alone.
pub struct SecretKey {
    // The library's type is Copy and does not wipe itself: it is never moved out of here.
    signing: Zeroizing<SigningKey>,
    public: Ed25519PublicKey,
}

impl SecretKey {
    /// From the operating system's randomness.
    pub fn generate() -> Result<SecretKey, getrandom::Error> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut())?;
        Ok(SecretKey::from_seed(&seed))
    }

    /// The private key of RFC 8032. For trial networks and tests, which make the same keys again.
    pub fn from_seed(seed: &[u8; 32]) -> SecretKey {
        let signing = Zeroizing::new(SigningKey::from_bytes(seed));
        let public = Ed25519PublicKey(VerificationKeyBytes::from(&*signing).into());
        SecretKey { signing, public }
    }

    pub fn public_key(&self) -> Ed25519PublicKey {
        self.public
    }

    pub fn sign(&self, hash: TransactionHash) -> TransactionSignature {
        TransactionSignature { key: self.public, signature: Ed25519Signature(self.signing.sign(&hash.0.0).into()) }
    }

    /// Signs the tagged hash of something that is no transaction, such as a contribution to a genesis.
    pub fn sign_statement(&self, tag: Tag, parts: &[&[u8]]) -> Ed25519Signature {
        assert!(tag != Tag::TRANSACTION, "transactions are signed by `sign`");
        Ed25519Signature(self.signing.sign(&tag.hash(parts).0).into())
    }

    /// Into a new encrypted file; an existing one is never overwritten.
    pub fn save(
        &self,
        path: &Path,
        kind: KeyKind,
        passphrase: &Passphrase,
        strength: Strength,
    ) -> Result<(), SealError> {
        let seed = Zeroizing::new(self.signing.to_bytes());
        sealed::seal(path, kind.name(), &self.public.0, &seed[..], passphrase, strength)
    }

    pub fn load(path: &Path, kind: KeyKind, passphrase: &Passphrase) -> Result<SecretKey, LoadError> {
        let Unsealed { public_key, secret } =
            sealed::unseal(path, kind.name(), passphrase).map_err(LoadError::Unseal)?;
        let seed: Option<&[u8; 32]> = secret.0.as_slice().try_into().ok();
        let key =
            SecretKey::from_seed(seed.ok_or(LoadError::Unseal(UnsealError::Corrupt("not a secret of 32 bytes")))?);
        match key.public.0[..] == public_key[..] {
            true => Ok(key),
            false => Err(LoadError::OtherPublicKey),
        }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey of {:?}", self.public)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
