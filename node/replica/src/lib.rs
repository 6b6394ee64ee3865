//! One replica of the ledger, without sockets, threads or a clock of its own: `step(now, inputs)` returns effects.
//!
//! The product's replica thread and the simulator drive this same code. Everything durable goes through the `Disk`,
//! `Store` and `Signer` traits.

pub mod disk;
pub mod memory;
pub mod message;
pub mod signer;
pub mod store;

mod io;
pub use io::{Alarm, CommittedBlock, Effect, Input, Now, Refusal, SubmitOutcome, Ticket};
