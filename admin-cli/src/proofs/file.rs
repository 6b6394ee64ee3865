//! The form of the two files.

use super::strict::Strict;
use concordat_types::MemberId;
use serde::{Deserialize, Serialize};

/// What became of an operation, a payment or an event.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptFile {
    pub schema: String,
    /// 64 hex digits.
    pub network_id: String,
    /// What the rest proves, in words and numbers. Whoever verifies makes it anew and compares. Null: it says nothing.
    pub says: Option<Strict>,
    pub subject: SubjectFile,
    /// Canonical `ResultLeaf`; hex, like everything below.
    pub leaf: String,
    /// Canonical `InclusionPath`, from the leaf to the header's results root.
    pub path: String,
    pub finality: FinalityFile,
}

/// A value of the state at a height, or that there is none.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofFile {
    pub schema: String,
    /// 64 hex digits.
    pub network_id: String,
    pub says: Option<Strict>,
    pub of: ProofOf,
    /// Canonical `StateKey`.
    pub key: String,
    /// Canonical `StateValue`; null: there is none.
    pub value: Option<String>,
    /// Canonical `Proof`, from the header's state root to the leaf.
    pub proof: String,
    pub finality: FinalityFile,
}

/// Canonical bytes of what was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubjectFile {
    Transfer(String),
    Operation(String),
    Transaction(String),
    Event,
}

/// Whose value it is, as people write it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofOf {
    /// `bank-a/EUR/main`
    Account(String),
    Member(MemberId),
}

/// That the header is final.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinalityFile {
    pub header: String,
    pub certificate: String,
    pub set_changes: Vec<SetChangeFile>,
    pub anchor: AnchorFile,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetChangeFile {
    pub header: String,
    pub certificate: String,
    pub next_validators: String,
}

/// Where the proof begins, and so what it is to be verified by.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnchorFile {
    Genesis,
    Checkpoint(CheckpointFile),
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointFile {
    pub header: String,
    pub next_validators: String,
}

impl ReceiptFile {
    pub const SCHEMA: &'static str = "concordat.receipt.v1";
}

impl ProofFile {
    pub const SCHEMA: &'static str = "concordat.proof.v1";
}
