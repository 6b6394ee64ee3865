//! Receipts and proofs of the state as files: JSON with the canonical bytes of each part in hex, and beside them what they
//! say, for people. Verified here without any node (docs/receipts.md).

mod checkpoint;
mod describe;
mod file;
mod strict;
mod verify;

pub use checkpoint::Checkpoint;
pub use file::{AnchorFile, CheckpointFile, FinalityFile, ProofFile, ProofOf, ReceiptFile, SetChangeFile, SubjectFile};
pub use verify::{FILE_BYTES_MAX, Outcome, Part, VerifyError, verify};

use crate::CliError;
use concordat_ledger::{Receipt, Shown, StateValue};
use concordat_proto::v1;
use concordat_types::{Header, Height, NetworkId};
use serde::Serialize;
use serde_json::Value;
use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};
use strict::Strict;

/// The file of a receipt that a node has sent, and what it says. Nothing of it is verified but that it hangs together:
/// that takes an anchor.
pub fn receipt_file(receipt: &v1::Receipt, network_id: NetworkId) -> Result<(String, Value), CliError> {
    let subject = match &receipt.subject {
        Some(v1::receipt::Subject::Transfer(bytes)) => SubjectFile::Transfer(hex::encode(bytes)),
        Some(v1::receipt::Subject::Operation(bytes)) => SubjectFile::Operation(hex::encode(bytes)),
        Some(v1::receipt::Subject::Transaction(bytes)) => SubjectFile::Transaction(hex::encode(bytes)),
        None => SubjectFile::Event,
    };
    let mut file = ReceiptFile {
        schema: ReceiptFile::SCHEMA.to_owned(),
        network_id: network_id.to_string(),
        says: None,
        subject,
        leaf: hex::encode(&receipt.leaf),
        path: hex::encode(&receipt.path),
        finality: finality_file(receipt.finality.as_ref()),
    };
    let (shown, header) = read_receipt(&file)?;
    let says = describe::receipt(&shown, &header);
    file.says = Some(Strict(says.clone()));
    Ok((text_of(&file), says))
}

fn read_receipt(file: &ReceiptFile) -> Result<(Shown, Header), VerifyError> {
    let finality = verify::finality_of(&file.finality)?;
    let leaf = verify::canonical(Part::Leaf, &file.leaf)?;
    let path = verify::canonical(Part::Path, &file.path)?;
    let receipt = Receipt { subject: verify::subject_of(&file.subject)?, leaf, path };
    let shown = receipt.verify(finality.header.results_root).map_err(verify::of_receipt)?;
    Ok((shown, finality.header))
}

/// The same of a proof of the state.
pub fn proof_file(proof: &v1::StateProof, of: ProofOf, network_id: NetworkId) -> Result<(String, Value), CliError> {
    let mut file = ProofFile {
        schema: ProofFile::SCHEMA.to_owned(),
        network_id: network_id.to_string(),
        says: None,
        of,
        key: hex::encode(&proof.key),
        value: proof.value.as_ref().map(hex::encode),
        proof: hex::encode(&proof.proof),
        finality: finality_file(proof.finality.as_ref()),
    };
    let (value, header) = read_proof(&file)?;
    let says = describe::state(value.as_ref(), &header);
    file.says = Some(Strict(says.clone()));
    Ok((text_of(&file), says))
}

fn read_proof(file: &ProofFile) -> Result<(Option<StateValue>, Header), VerifyError> {
    let finality = verify::finality_of(&file.finality)?;
    let (key, value, proof) = verify::state_parts(file)?;
    proof.verify(finality.header.state_root, &key, value.as_ref()).map_err(verify::of_proof)?;
    Ok((value, finality.header))
}

fn finality_file(finality: Option<&v1::FinalityProof>) -> FinalityFile {
    let finality = finality.cloned().unwrap_or_default();
    let change = |change: &v1::finality_proof::SetChange| SetChangeFile {
        header: hex::encode(&change.header),
        certificate: hex::encode(&change.certificate),
        next_validators: hex::encode(&change.next_validators),
    };
    FinalityFile {
        header: hex::encode(&finality.header),
        certificate: hex::encode(&finality.certificate),
        set_changes: finality.set_changes.iter().map(change).collect(),
        anchor: match &finality.checkpoint {
            None => AnchorFile::Genesis,
            Some(checkpoint) => AnchorFile::Checkpoint(CheckpointFile {
                header: hex::encode(&checkpoint.header),
                next_validators: hex::encode(&checkpoint.next_validators),
            }),
        },
    }
}

fn text_of(file: &impl Serialize) -> String {
    serde_json::to_string_pretty(file).expect("strings, numbers and lists")
}

/// A line for each thing that a file says; names of what lies inside stand behind each other.
pub fn says_rows(says: &Value) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    add_rows("", says, &mut rows);
    rows
}

fn add_rows(name: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    let below = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name} {part}") };
    match value {
        Value::Object(object) => object.iter().for_each(|(part, value)| add_rows(&below(part), value, rows)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(place, value)| add_rows(&below(&place.to_string()), value, rows));
        }
        Value::Null => {}
        Value::String(text) => rows.push((name.replace('_', " "), text.clone())),
        other => rows.push((name.replace('_', " "), other.to_string())),
    }
}

/// What a file that was made for the anchor is to be verified by.
pub fn how_to_trust(anchor: Height) -> String {
    match anchor.0 {
        0 => "--genesis genesis.json".to_owned(),
        height => format!("--anchor {height}:ID"),
    }
}

/// Into a new file.
pub fn write_new(path: &Path, text: &str) -> Result<(), CliError> {
    let written =
        File::create_new(path).and_then(|mut file| io::Write::write_all(&mut file, format!("{text}\n").as_bytes()));
    written.map_err(|error| CliError::file("file", path, &error))
}

/// At most as much as a file may have, and a byte more to tell that it has more.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    fs::File::open(path)?.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
