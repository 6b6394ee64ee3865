//! A node: threads, sockets and files around `concordat_replica`, which decides.
//!
//! It follows the chain and serves clients; with a signer, which `concordat-validator` brings, it votes too. The replica
//! thread alone changes anything; everything else hands it inputs and reads snapshots.

mod api;
pub mod config;
mod disk;
pub mod error;
pub mod genesis;
mod health;
mod http;
mod index;
mod logs;
mod metrics;
mod network;
mod node;
mod pool;
pub mod probe;
mod registry;
mod runtime;
mod shared;
mod shares;
mod submissions;

pub use config::Config;
pub use error::RunError;
pub use logs::init as init_logs;
pub use node::{RunOptions, run};

/// Version of the program and the commit it was built from.
pub const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("CONCORDAT_GIT_HASH"), ")");
