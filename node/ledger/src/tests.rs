//! Scenarios of the ledger. `scenario` reads them; the rest are tables.
#![allow(clippy::unwrap_used)]

mod batch;
mod books;
mod evidence;
mod golden;
mod governance;
mod ids;
mod operations;
mod participation;
mod payments;
mod precedence;
mod scenario;
pub(crate) mod world;
