//! Networks of real processes on loopback: made by `concordat network new`, started, disturbed, watched, stopped.
//!
//! Whatever is started here is stopped when its handle is dropped, also on a panic or when a signal cancels the work.
//! Nothing waits a guessed time: `wait_until` looks until it sees, or says why it did not.

pub mod binaries;
pub mod books;
pub mod cli;
pub mod failure;
pub mod http;
pub mod load;
pub mod network;
pub mod ports;
pub mod process;
pub mod signals;
pub mod small_disk;
pub mod wait;

pub use binaries::Binaries;
pub use cli::{Answer, Cli};
pub use failure::Failure;
pub use load::Load;
pub use network::{Layout, Network, Node};
pub use process::{Process, Signal};
pub use small_disk::SmallDisk;
pub use wait::wait_until;
