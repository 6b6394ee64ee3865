//! The ledger: a pure function (state, block) -> (results, changes), and the tree that commits to the state.
//!
//! It knows money and members; it must not know how a block was agreed, what the time is or where bytes are kept.
#![no_std]
extern crate alloc;
