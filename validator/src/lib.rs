//! The consensus key and its promise never to sign twice.
//!
//! `safety` decides what may be signed, `signer` keeps the record of what was, `keystore` holds the secret. Nothing here
//! knows of blocks, peers or clocks.

pub mod keystore;
pub mod record;
pub mod safety;
pub mod signer;

pub use keystore::{ConsensusKey, LoadKeyError};
pub use record::{OpenRecordError, create_record, create_record_after_recovery};
pub use signer::FileSigner;
