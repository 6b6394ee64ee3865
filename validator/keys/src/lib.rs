//! Secrets of people: operator, admin and recovery keys (Ed25519), and the encrypted files that keep them.
//!
//! The file format (`sealed`) is used for the validator's consensus key, too; that key itself is known to `validator` alone.

pub mod files;
pub mod passphrase;
pub mod sealed;
mod secret;

pub use passphrase::{Passphrase, PassphraseError, passphrase_from_env};
pub use sealed::{Header, SealError, Strength, UnsealError};
pub use secret::{KeyKind, LoadError, SecretKey};
