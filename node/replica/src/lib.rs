//! One replica of the ledger, without sockets, threads or a clock of its own: `step(now, inputs)` returns effects.
//!
//! The product's replica thread and the simulator drive this same code. Everything durable goes through the `Disk`,
//! `Store` and `Signer` traits.

pub mod chain;
pub mod disk;
pub mod index;
mod late;
pub mod log;
pub mod memory;
mod mempool;
pub mod message;
pub mod proofs;
pub mod prover;
pub mod query;
mod recent;
pub mod records;
pub mod replica;
pub mod rim;
pub mod signer;
pub mod store;
pub mod stored;
#[cfg(test)]
mod test_disk;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod test_keys;
mod votes;

mod io;
pub use io::{Alarm, CheckedBatch, CheckedMessage, CommittedBlock, Effect, Input, Now, Refusal, SubmitOutcome, Ticket};
pub use prover::Prover;
pub use replica::{Fatal, OpenError, PeerView, Progress, Replica, ReplicaConfig, Telemetry};
pub use rim::{Rim, RimError};
