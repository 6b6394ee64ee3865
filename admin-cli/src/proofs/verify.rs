//! Verifies a file against an anchor, with no network. Every error names the part of the file that it is about.

use super::{
    describe,
    file::{AnchorFile, CheckpointFile, FinalityFile, ProofFile, ProofOf, ReceiptFile, SetChangeFile, SubjectFile},
    strict::Strict,
};
use crate::{CliError, Exit};
use borsh::{BorshDeserialize, BorshSerialize};
use concordat_crypto::{Anchor, Final, FinalityError, verify_finality};
use concordat_ledger::{Proof, Receipt, ReceiptError, ResultLeaf, StateKey, StateValue, Subject, tree::ProofError};
use concordat_types::{AccountId, FinalityProof, Hash, NetworkId, ProofStart, SetChange, decode, names::AccountPath};
use serde::Deserialize;
use serde_json::Value;

/// A file holds a transaction at most, twice as long in hex, and the changes of the validator set.
pub const FILE_BYTES_MAX: usize = 64 << 20;
/// Of one part. The longest is a transaction.
const PART_BYTES_MAX: usize = 16 << 20;

/// What an altered byte may be in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The file as JSON: schema, names, brackets.
    Form,
    Network,
    Anchor,
    SetChange,
    Header,
    Certificate,
    Path,
    Leaf,
    Subject,
    Key,
    Value,
    Says,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}: {cause}", part.name())]
pub struct VerifyError {
    pub part: Part,
    pub cause: String,
}

/// What a file that is good shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    pub schema: &'static str,
    pub network: NetworkId,
    pub says: Value,
    pub at: Final,
    pub set_changes: usize,
    /// Validators that have signed the block, of so many.
    pub signers: (usize, usize),
}

/// A file of either kind.
pub fn verify(text: &[u8], anchor: &Anchor) -> Result<Outcome, VerifyError> {
    if text.len() > FILE_BYTES_MAX {
        return Err(error(Part::Form, format!("{} bytes, at most {FILE_BYTES_MAX}", text.len())));
    }
    #[derive(Deserialize)]
    struct Schema {
        schema: String,
    }
    let Schema { schema } = parse(text)?;
    match schema.as_str() {
        ReceiptFile::SCHEMA => verify_receipt(&parse(text)?, anchor),
        ProofFile::SCHEMA => verify_proof(&parse(text)?, anchor),
        other => Err(error(Part::Form, format!("{:?} is neither a receipt nor a proof", clip(other)))),
    }
}

fn verify_receipt(file: &ReceiptFile, anchor: &Anchor) -> Result<Outcome, VerifyError> {
    let network = network_of(&file.network_id)?;
    let finality = finality_of(&file.finality)?;
    let leaf: ResultLeaf = canonical(Part::Leaf, &file.leaf)?;
    let path = canonical(Part::Path, &file.path)?;
    let subject = subject_of(&file.subject)?;
    let at = verify_finality(&finality, network, anchor).map_err(of_finality)?;
    let receipt = Receipt { subject, leaf, path };
    let shown = receipt.verify(at.header.results_root).map_err(of_receipt)?;
    let says = describe::receipt(&shown, &at.header);
    finish(ReceiptFile::SCHEMA, network, file.says.as_ref(), says, at, &finality)
}

fn verify_proof(file: &ProofFile, anchor: &Anchor) -> Result<Outcome, VerifyError> {
    let network = network_of(&file.network_id)?;
    let finality = finality_of(&file.finality)?;
    let (key, value, proof) = state_parts(file)?;
    let at = verify_finality(&finality, network, anchor).map_err(of_finality)?;
    proof.verify(at.header.state_root, &key, value.as_ref()).map_err(of_proof)?;
    let says = describe::state(value.as_ref(), &at.header);
    finish(ProofFile::SCHEMA, network, file.says.as_ref(), says, at, &finality)
}

fn network_of(text: &str) -> Result<NetworkId, VerifyError> {
    let hash = Hash::from_hex(text);
    hash.map(NetworkId).ok_or_else(|| error(Part::Network, "not 64 lower-case hex digits".to_owned()))
}

/// Key, value and proof.
pub(super) fn state_parts(file: &ProofFile) -> Result<(StateKey, Option<StateValue>, Proof), VerifyError> {
    let key: StateKey = canonical(Part::Key, &file.key)?;
    if key != key_of(&file.of)? {
        return Err(error(Part::Key, "it is of something else than the file says".to_owned()));
    }
    let value = file.value.as_deref().map(|value| canonical(Part::Value, value)).transpose()?;
    Ok((key, value, canonical(Part::Path, &file.proof)?))
}

/// What the file says has to be what was proved, name by name.
fn finish(
    schema: &'static str,
    network: NetworkId,
    says: Option<&Strict>,
    proved: Value,
    at: Final,
    finality: &FinalityProof,
) -> Result<Outcome, VerifyError> {
    if let Some((place, said, proved)) = says.and_then(|says| first_difference("says", &says.0, &proved)) {
        return Err(error(Part::Says, format!("{place} is {said}, proved is {proved}")));
    }
    let signers = &finality.certificate.signers;
    let signers = (signers.count(), signers.len());
    Ok(Outcome { schema, network, says: proved, at, set_changes: finality.changes.len(), signers })
}

/// Where two values part, and what stands there in each.
fn first_difference(place: &str, said: &Value, proved: &Value) -> Option<(String, String, String)> {
    let (Value::Object(said_names), Value::Object(proved_names)) = (said, proved) else {
        return (said != proved).then(|| (place.to_owned(), clip(&said.to_string()), clip(&proved.to_string())));
    };
    let nothing = || "not there".to_owned();
    for (name, proved) in proved_names {
        let place = format!("{place}.{name}");
        match said_names.get(name) {
            None => return Some((place, nothing(), clip(&proved.to_string()))),
            Some(said) if said != proved => return first_difference(&place, said, proved),
            Some(_) => {}
        }
    }
    let surplus = said_names.iter().find(|(name, _)| !proved_names.contains_key(*name));
    surplus.map(|(name, said)| (format!("{place}.{}", clip(name)), clip(&said.to_string()), nothing()))
}

pub(super) fn finality_of(file: &FinalityFile) -> Result<FinalityProof, VerifyError> {
    let change = |change: &SetChangeFile| {
        Ok(SetChange {
            header: canonical(Part::SetChange, &change.header)?,
            certificate: canonical(Part::SetChange, &change.certificate)?,
            next_validators: canonical(Part::SetChange, &change.next_validators)?,
        })
    };
    let start = match &file.anchor {
        AnchorFile::Genesis => ProofStart::Genesis,
        AnchorFile::Checkpoint(CheckpointFile { header, next_validators }) => ProofStart::Checkpoint {
            header: canonical(Part::Anchor, header)?,
            next_validators: canonical(Part::Anchor, next_validators)?,
        },
    };
    Ok(FinalityProof {
        start,
        changes: file.set_changes.iter().map(change).collect::<Result<_, VerifyError>>()?,
        header: canonical(Part::Header, &file.header)?,
        certificate: canonical(Part::Certificate, &file.certificate)?,
    })
}

pub(super) fn subject_of(file: &SubjectFile) -> Result<Subject, VerifyError> {
    Ok(match file {
        SubjectFile::Transfer(text) => Subject::Transfer(bytes(Part::Subject, text)?),
        SubjectFile::Operation(text) => Subject::Operation(bytes(Part::Subject, text)?),
        SubjectFile::Transaction(text) => Subject::Transaction(bytes(Part::Subject, text)?),
        SubjectFile::Event => Subject::Event,
    })
}

fn key_of(of: &ProofOf) -> Result<StateKey, VerifyError> {
    Ok(match of {
        ProofOf::Account(path) => {
            let path: Result<AccountPath, _> = path.parse();
            StateKey::Account(AccountId::new(&path.map_err(|cause| error(Part::Key, cause.to_string()))?))
        }
        ProofOf::Member(member) => StateKey::Member(*member),
    })
}

pub(super) fn canonical<T: BorshSerialize + BorshDeserialize>(part: Part, text: &str) -> Result<T, VerifyError> {
    decode(&bytes(part, text)?, PART_BYTES_MAX).map_err(|cause| error(part, cause.to_string()))
}

fn bytes(part: Part, text: &str) -> Result<Vec<u8>, VerifyError> {
    let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    let bytes = hex::decode(text).ok().filter(|_| is_lower);
    bytes.ok_or_else(|| error(part, "not bytes in lower-case hex".to_owned()))
}

fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, VerifyError> {
    serde_json::from_slice(text).map_err(|cause| error(Part::Form, cause.to_string()))
}

fn of_finality(cause: FinalityError) -> VerifyError {
    let part = match &cause {
        FinalityError::Network { .. } => Part::Network,
        FinalityError::Anchor(_) => Part::Anchor,
        FinalityError::Change { .. } | FinalityError::ChangesIncomplete | FinalityError::TooManyChanges { .. } => {
            Part::SetChange
        }
        FinalityError::Certificate(_) => Part::Certificate,
        FinalityError::Header(_) => Part::Header,
    };
    error(part, cause.to_string())
}

pub(super) fn of_receipt(cause: ReceiptError) -> VerifyError {
    let part = match cause {
        ReceiptError::Path => Part::Path,
        ReceiptError::Leaf => Part::Leaf,
        ReceiptError::Subject => Part::Subject,
    };
    error(part, cause.to_string())
}

pub(super) fn of_proof(cause: ProofError) -> VerifyError {
    let part = match cause {
        ProofError::Malformed | ProofError::WrongRoot => Part::Path,
        ProofError::WrongKey => Part::Key,
        ProofError::WrongValue => Part::Value,
    };
    error(part, cause.to_string())
}

fn error(part: Part, cause: String) -> VerifyError {
    VerifyError { part, cause }
}

/// Foreign text in a message.
fn clip(text: &str) -> String {
    text.chars().take(80).collect()
}

impl Outcome {
    pub fn kind(&self) -> &'static str {
        if self.schema == ReceiptFile::SCHEMA { "receipt" } else { "proof" }
    }
}

impl Part {
    /// As it stands in the file.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// `E_VERIFY_…`, one a part.
    pub fn code(self) -> &'static str {
        self.row().1
    }

    fn row(self) -> (&'static str, &'static str) {
        match self {
            Part::Form => ("file", "E_VERIFY_FORM"),
            Part::Network => ("network_id", "E_VERIFY_NETWORK"),
            Part::Anchor => ("anchor", "E_VERIFY_ANCHOR"),
            Part::SetChange => ("set_changes", "E_VERIFY_SET_CHANGE"),
            Part::Header => ("header", "E_VERIFY_HEADER"),
            Part::Certificate => ("certificate", "E_VERIFY_CERTIFICATE"),
            Part::Path => ("path", "E_VERIFY_PATH"),
            Part::Leaf => ("leaf", "E_VERIFY_LEAF"),
            Part::Subject => ("subject", "E_VERIFY_SUBJECT"),
            Part::Key => ("key", "E_VERIFY_KEY"),
            Part::Value => ("value", "E_VERIFY_VALUE"),
            Part::Says => ("says", "E_VERIFY_SAYS"),
        }
    }
}

impl From<VerifyError> for CliError {
    fn from(error: VerifyError) -> CliError {
        let next = match error.part {
            Part::Network => "Verify it with the genesis of its own network.",
            Part::Anchor => "Verify it by the anchor that it was made for, or fetch it anew with --anchor.",
            _ => "Do not rely on the file. Fetch it anew, or ask who gave it to you.",
        };
        CliError::new(Exit::Verification, error.part.code(), error.to_string(), next)
    }
}
