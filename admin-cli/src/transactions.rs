//! Making and signing transactions.

use crate::CliError;
use concordat_keys::SecretKey;
use concordat_proto::codes::{Code, CodedError};
use concordat_types::{
    AccountId, Amount, MemberId, NetworkId, OpenAccount, Operation, Purpose, Reference, SignedTransaction, Tag,
    Timestamp, Transaction, Transfer, Uuid, names::AccountPath,
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long after the time in its id a transaction may still be booked, unless told otherwise.
pub const VALID_FOR: Duration = Duration::from_secs(3600);

/// A transaction under a fresh id, signed by the keys.
pub fn sign_transaction(
    network: NetworkId,
    member: MemberId,
    operations: Vec<Operation>,
    valid_until: Timestamp,
    keys: &[SecretKey],
) -> SignedTransaction {
    let transaction = Transaction {
        version: Transaction::VERSION,
        network,
        submitter: member,
        id: new_id(),
        valid_until,
        signers: Vec::new(),
        operations,
    };
    sign(&transaction, keys)
}

/// Names the keys as signers and signs with them. The same transaction and keys always give the same bytes.
pub fn sign(transaction: &Transaction, keys: &[SecretKey]) -> SignedTransaction {
    let mut signers: Vec<_> = keys.iter().map(SecretKey::public_key).collect();
    signers.sort_unstable();
    signers.dedup();
    let bytes = concordat_types::encode(&Transaction { signers, ..transaction.clone() });
    let hash = Transaction::hash_of(&bytes);
    let sign = |key: &SecretKey| key.sign(hash);
    let mut signatures: Vec<_> = keys.iter().map(sign).collect();
    signatures.sort_unstable();
    signatures.dedup_by_key(|signature| signature.key);
    SignedTransaction { bytes, signatures }
}

/// A UUID of version 7 with the time of now.
pub fn new_id() -> Uuid {
    Uuid(uuid::Uuid::now_v7().into_bytes())
}

pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The text form of a UUID of version 7.
pub fn parse_id(text: &str) -> Result<Uuid, CliError> {
    let invalid = || {
        CliError::usage(
            format!("{text:?} is not a UUID of version 7"),
            "Leave --id out to have one made, or give one of version 7 (RFC 9562).",
        )
    };
    let id = Uuid(uuid::Uuid::try_parse(text).map_err(|_| invalid())?.into_bytes());
    id.time().map(|_| id).ok_or_else(invalid)
}

/// The id of the transaction around a payment. It follows from the payment's id, and so does `valid_until`: whoever
/// repeats a command with the same --id sends the same bytes.
pub fn transaction_id(payment: Uuid) -> Uuid {
    let digest = Tag("concordat-cli/transaction-id/v1").hash(&[&payment.0]);
    Uuid::from_parts(payment.time().unwrap_or_default(), *digest.0.first_chunk().expect("10 of 32 bytes"))
}

/// The time in the id plus `valid_for`. An id so old that this has passed is refused here, since no node would take it.
pub fn valid_until(id: Uuid, valid_for: Duration) -> Result<Timestamp, CliError> {
    let valid_for_ms = u64::try_from(valid_for.as_millis()).unwrap_or(u64::MAX);
    let until = Timestamp(id.time().unwrap_or_default().0.saturating_add(valid_for_ms));
    if until < now() {
        let cause =
            format!("the id {id} is older than the {} s for which its transaction is valid", valid_for.as_secs());
        return Err(CodedError { code: Code::Expired, cause, next: None }.into());
    }
    Ok(until)
}

pub fn open_account(path: &AccountPath) -> Operation {
    Operation::OpenAccount(OpenAccount { asset: path.asset, name: path.name, parent: None, customer: None, tier: None })
}

/// One payment; the amount is in minor units.
pub fn transfer(id: Uuid, debit: &AccountPath, credit: &AccountPath, amount: Amount, memo: Memo) -> Transfer {
    Transfer {
        id,
        debit_account: AccountId::new(debit),
        credit_account: AccountId::new(credit),
        amount,
        reference: memo.reference,
        purpose: memo.purpose,
        document: None,
    }
}

/// What a payment is for. Both parts may be empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Memo {
    pub reference: Reference,
    pub purpose: Purpose,
}

impl Default for Memo {
    fn default() -> Memo {
        Memo {
            reference: Reference::new("").expect("a reference may be empty"),
            purpose: Purpose::new("").expect("a purpose may be empty"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_of_version_seven() {
        assert!(new_id().time().is_some_and(|time| time <= now()));
        let text = "01930000-0000-7000-8000-000000000001";
        assert_eq!(parse_id(text).map(|id| id.to_string()), Ok(text.to_owned()));
        for text in ["", "7", "01930000-0000-4000-8000-000000000001", "01930000-0000-7000-0000-000000000001"] {
            assert!(parse_id(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_repeat_with_the_same_id_is_the_same_transaction() {
        let id = new_id();
        assert_eq!(transaction_id(id), transaction_id(id));
        assert_ne!(transaction_id(id), id);
        assert_eq!(transaction_id(id).time(), id.time());
        assert_eq!(valid_until(id, VALID_FOR), valid_until(id, VALID_FOR));
        let old = Uuid::from_parts(Timestamp(now().0 - 3_700_000), [7; 10]);
        assert_eq!(valid_until(old, VALID_FOR).map_err(|error| error.code), Err("E_EXPIRED"));
        assert!(valid_until(old, 2 * VALID_FOR).is_ok());
    }
}
