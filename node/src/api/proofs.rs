//! Receipts and proofs of the state, for those who may read what they show. Whoever gets one verifies it; here it is put
//! together from what is committed.

use super::{
    authorise::{Act, authorise},
    blocks,
    ledger::id_record,
};
use crate::{error::of_store, registry::Caller, shared::View};
use concordat_ledger::{IdRecord, LeafPlace, Proof, Receipt, StateKey, StateValue, Subject};
use concordat_proto::{Code, codes::CodedError, convert, v1};
use concordat_replica::{
    proofs::{NoProof, finality_proof},
    query,
    store::{Reader, Table},
};
use concordat_types::{
    AccountId, CheckedTransaction, FinalityProof, Height, NameError, NetworkId, ProofStart, SetChange,
    SignedTransaction, decode, encode, names::AccountPath,
};

/// A leaf of a block's results.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
    pub height: Height,
    pub place: LeafPlace,
}

/// What the request names. An id is looked up among those of the caller's member.
pub fn wanted(reader: &dyn Reader, caller: &Caller, request: &v1::GetReceiptRequest) -> Result<Wanted, CodedError> {
    use v1::get_receipt_request::{ById, ByPlace, OfEvent, What};
    let operation_of = |operation: u32| {
        u16::try_from(operation)
            .map_err(|_| Code::Malformed.error(format!("operation {operation} is beyond any transaction")))
    };
    match &request.what {
        Some(What::Id(ById { id, kind, operation })) => {
            let id = convert::uuid_from_bytes("id", id)?;
            let record = id_record(reader, caller, id, *kind)?;
            let height = record.height();
            let place = match record {
                IdRecord::Transaction { tx_index, .. } => {
                    LeafPlace::Item { tx_index, operation: operation_of(*operation)?, item: 0 }
                }
                IdRecord::Transfer { tx_index, operation, item, .. } => LeafPlace::Item { tx_index, operation, item },
            };
            Ok(Wanted { height, place })
        }
        Some(What::Place(ByPlace { height, tx_index, operation, item })) => {
            let place = LeafPlace::Item { tx_index: *tx_index, operation: operation_of(*operation)?, item: *item };
            Ok(Wanted { height: Height(*height), place })
        }
        Some(What::Event(OfEvent { height, index })) => {
            Ok(Wanted { height: Height(*height), place: LeafPlace::Event { index: *index } })
        }
        None => Err(Code::Malformed.error("no receipt is named")),
    }
}

/// What is not there and what the caller may not see is answered alike.
pub fn receipt(
    reader: &dyn Reader,
    network: NetworkId,
    caller: &Caller,
    wanted: Wanted,
    anchor: Height,
) -> Result<v1::Receipt, CodedError> {
    authorise(caller, Act::ReadShared)?;
    let Wanted { height, place } = wanted;
    let not_found = || {
        Code::NotFound
            .error(format!("there is nothing in this place of height {height} that {} may see", caller.member))
    };
    let finality = finality_proof(reader, anchor, height).map_err(of_no_proof)?;
    let body = query::body(reader, height).map_err(|error| of_store(&error))?.ok_or_else(not_found)?;
    let (results, events) = query::outcome(reader, height).map_err(|error| of_store(&error))?.ok_or_else(not_found)?;
    let transactions = blocks::transactions(&body)?.into_iter().map(checked).collect::<Result<Vec<_>, _>>()?;
    let (sees_item, sees_transaction) = match place {
        LeafPlace::Event { index } => match events.get(index as usize) {
            Some(event) => (blocks::sees_event(reader, caller, event)?, false),
            None => (false, false),
        },
        LeafPlace::Item { tx_index, operation, item } => match transactions.get(tx_index as usize) {
            Some(checked) => {
                let result = results.get(tx_index as usize);
                blocks::sees_item(reader, caller, &checked.transaction, result, (operation, item))?
            }
            None => (false, false),
        },
    };
    if !sees_item {
        return Err(not_found());
    }
    let receipt = Receipt::of(&transactions, &results, &events, place).ok_or_else(not_found)?;
    if matches!(receipt.subject, Subject::Transaction(_)) && !sees_transaction {
        let cause = "the receipt holds the whole transaction, and not all of it is the caller's to see";
        return Err(Code::NotAuthorised.error(cause).with_next("Ask the member that submitted it for the receipt."));
    }
    let subject = match receipt.subject {
        Subject::Transfer(bytes) => Some(v1::receipt::Subject::Transfer(bytes)),
        Subject::Operation(bytes) => Some(v1::receipt::Subject::Operation(bytes)),
        Subject::Transaction(bytes) => Some(v1::receipt::Subject::Transaction(bytes)),
        Subject::Event => None,
    };
    Ok(v1::Receipt {
        finality: Some(to_wire(&finality, network)),
        leaf: encode(&receipt.leaf),
        path: encode(&receipt.path),
        subject,
    })
}

/// Of a committed block: form and signatures were judged when it was proposed.
fn checked(signed: SignedTransaction) -> Result<CheckedTransaction, CodedError> {
    Ok(CheckedTransaction { hash: signed.hash(), transaction: blocks::parse(&signed)?, signed })
}

/// What a proof is asked of.
pub fn state_key(caller: &Caller, request: &v1::GetProofRequest) -> Result<StateKey, CodedError> {
    match &request.of {
        // The name says whose it is, whether it exists or not: so nobody learns by asking which accounts others have.
        Some(v1::get_proof_request::Of::Account(path)) => {
            let path: AccountPath = path.parse().map_err(|error: NameError| Code::Malformed.error(error.0))?;
            authorise(caller, Act::ReadOf(&path.member))?;
            Ok(StateKey::Account(AccountId::new(&path)))
        }
        Some(v1::get_proof_request::Of::Member(member)) => {
            authorise(caller, Act::ReadShared)?;
            Ok(StateKey::Member(convert::member_id_from_str("member", member)?))
        }
        None => Err(Code::Malformed.error("neither an account nor a member is named")),
    }
}

/// None: row and proof are not of one height, since a block came between.
pub fn state_proof(
    view: &View,
    network: NetworkId,
    (height, key, proof): (Height, StateKey, Proof),
    anchor: Height,
) -> Result<Option<v1::StateProof>, CodedError> {
    let reader = &*view.reader;
    let finality = finality_proof(reader, anchor, height).map_err(of_no_proof)?;
    let value = reader.get(Table::State, &key.to_bytes()).map_err(|error| of_store(&error))?;
    let parsed: Option<StateValue> = match &value {
        Some(bytes) => Some(
            decode(bytes, bytes.len())
                .map_err(|error| Code::DataCorrupt.error(format!("the row of {key:?}: {error}")))?,
        ),
        None => None,
    };
    if proof.verify(finality.header.state_root, &key, parsed.as_ref()).is_err() {
        return Ok(None);
    }
    let finality = Some(to_wire(&finality, network));
    Ok(Some(v1::StateProof { finality, key: key.to_bytes(), value, proof: encode(&proof) }))
}

fn to_wire(finality: &FinalityProof, network: NetworkId) -> v1::FinalityProof {
    let change = |change: &SetChange| v1::finality_proof::SetChange {
        header: encode(&change.header),
        certificate: encode(&change.certificate),
        next_validators: encode(&change.next_validators),
    };
    v1::FinalityProof {
        network_id: network.0.0.to_vec(),
        header: encode(&finality.header),
        certificate: encode(&finality.certificate),
        set_changes: finality.changes.iter().map(change).collect(),
        checkpoint: match &finality.start {
            ProofStart::Genesis => None,
            ProofStart::Checkpoint { header, next_validators } => Some(v1::finality_proof::Checkpoint {
                header: encode(header),
                next_validators: encode(next_validators),
            }),
        },
    }
}

fn of_no_proof(error: NoProof) -> CodedError {
    match &error {
        NoProof::NoBlock(_) => Code::NotFound.error(error.to_string()),
        NoProof::AnchorNotEarlier { .. } | NoProof::TooManyChanges { .. } => Code::BadAnchor.error(error.to_string()),
        NoProof::Store(error) => of_store(error),
    }
}

#[cfg(test)]
mod tests;
