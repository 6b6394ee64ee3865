//! The ledger against a model of its rules: random histories, and the precedence of the checks.
#![allow(clippy::unwrap_used)]

mod both;
mod coverage;
mod edges;
mod generator;
mod histories;
mod precedence;
mod random;
mod reference;
mod scene;
