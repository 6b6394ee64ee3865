//! What starts more than one node: the harness, and the programs that use it. The tests proper are in the folders beside.

pub mod bench;
pub mod demo;
pub mod harness;
pub mod simulation;
