//! What the `concordat` command is made of, for programs that talk to a ledger: profiles, a client over mutual TLS,
//! signed transactions, payment files, network folders. Printing and the command line stay in `commands` and `main`.

pub mod amounts;
pub mod client;
pub mod commands;
pub mod error;
pub mod governance;
pub mod invite;
pub mod network;
pub mod output;
pub mod payments;
pub mod profile;
pub mod proofs;
pub mod records;
pub mod secrets;
pub mod times;
pub mod tls;
pub mod transactions;

pub use client::{Client, SubmitReplies, SubmitSender, Submitted};
pub use error::{CliError, Exit};
pub use profile::Profile;
pub use transactions::{new_id, open_account, sign_transaction, transfer};
