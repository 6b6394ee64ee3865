//! Where a node keeps blocks, state and log: the only crate that knows RocksDB, and the real `Disk`.
//!
//! It keeps bytes under keys, atomically and in order; it must not know what they mean. docs/storage.md has the tables.

mod disk;
mod options;
mod snapshot;
mod store;

pub use disk::FileDisk;
pub use store::{RocksStore, StoreGauge, StoreSizes};
