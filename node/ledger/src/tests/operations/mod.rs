//! What each operation accepts, refuses, does at its edges, and does when it comes again.

mod accounts;
mod administration;
mod holds;
mod limits;
mod offers;
mod redeeming;
