//! Receipts and proofs, as the node sends them: nothing of them is verified here.

use super::{Client, IdKind, Repeat, ledger, with_deadline};
use crate::{CliError, proofs::ProofOf};
use concordat_proto::v1::{self, get_proof_request::Of, get_receipt_request as request};
use concordat_types::{Height, Uuid};

/// What a receipt is wanted of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReceiptOf {
    /// `operation`: of a transaction.
    Id {
        id: Uuid,
        kind: IdKind,
        operation: u16,
    },
    Place {
        height: Height,
        tx_index: u32,
        operation: u16,
        item: u32,
    },
    Event {
        height: Height,
        index: u32,
    },
}

impl ReceiptOf {
    pub fn of_kind(self, kind: IdKind) -> ReceiptOf {
        match self {
            ReceiptOf::Id { id, operation, .. } => ReceiptOf::Id { id, kind, operation },
            other => other,
        }
    }
}

impl Client {
    /// To be verified by the block at `anchor`; 0 is genesis.
    pub async fn receipt(&self, of: ReceiptOf, anchor: Height) -> Result<v1::Receipt, CliError> {
        let what = match of {
            ReceiptOf::Id { id, kind, operation } => request::What::Id(request::ById {
                id: id.0.to_vec(),
                kind: kind.to_wire() as i32,
                operation: operation.into(),
            }),
            ReceiptOf::Place { height, tx_index, operation, item } => {
                request::What::Place(request::ByPlace { height: height.0, tx_index, operation: operation.into(), item })
            }
            ReceiptOf::Event { height, index } => request::What::Event(request::OfEvent { height: height.0, index }),
        };
        let wanted = v1::GetReceiptRequest { what: Some(what), anchor_height: anchor.0 };
        let reply = self.call(Repeat::Once, |channel, deadline| {
            let request = with_deadline(wanted.clone(), deadline);
            async move { ledger(channel).get_receipt(request).await }
        });
        reply.await
    }

    /// In the state of the newest height of the node.
    pub async fn proof(&self, of: &ProofOf, anchor: Height) -> Result<v1::StateProof, CliError> {
        let of = match of {
            ProofOf::Account(path) => Of::Account(path.clone()),
            ProofOf::Member(member) => Of::Member(member.to_string()),
        };
        let wanted = v1::GetProofRequest { of: Some(of), anchor_height: anchor.0 };
        let reply = self.call(Repeat::Once, |channel, deadline| {
            let request = with_deadline(wanted.clone(), deadline);
            async move { ledger(channel).get_proof(request).await }
        });
        reply.await
    }
}
