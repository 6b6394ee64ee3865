//! Scenarios of the ledger. `scenario` reads them; the rest are tables.

mod batch;
mod books;
mod golden;
mod ids;
mod payments;
mod precedence;
mod scenario;
mod world;
