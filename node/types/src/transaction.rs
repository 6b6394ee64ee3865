//! What members ask of the ledger: signed envelopes of operations.

use crate::{
    Asset, DecodeError, Ed25519PublicKey, Ed25519Signature, Hash, LimitScope, MemberId, NetworkId, Offer, Operation,
    Tag, Timestamp, decode, encode,
};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;

/// RFC 9562. Ids of transactions and transfers are of version 7: their first 48 bits are Unix time in milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// The time inside an id of version 7 (RFC 9562, section 5.7), else None.
    pub fn time(&self) -> Option<Timestamp> {
        let version_7 = self.0[6] >> 4 == 7 && self.0[8] >> 6 == 0b10;
        let mut ms = [0; 8];
        ms[2..].copy_from_slice(&self.0[..6]);
        version_7.then(|| Timestamp(u64::from_be_bytes(ms)))
    }

    /// An id of version 7 from its parts; `random` fills the other 74 bits.
    pub fn from_parts(time: Timestamp, random: [u8; 10]) -> Uuid {
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&time.0.to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&random);
        bytes[6] = bytes[6] & 0x0f | 0x70;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Uuid(bytes)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(i, byte)| {
            let dash = if matches!(i, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(f, "{dash}{byte:02x}")
        })
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is signed. Its operations all happen or none (a `Batch` in mode `Each` happens when its form is right).
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Transaction {
    /// 1.
    pub version: u8,
    pub network: NetworkId,
    pub submitter: MemberId,
    /// Unique per submitter.
    pub id: Uuid,
    /// No block later than this may hold the transaction.
    pub valid_until: Timestamp,
    /// Who signs: exactly these keys, in strictly ascending order. As part of what is signed, so that nobody on the way can
    /// take a signature off or put another on, and have the ledger judge something else than what was agreed.
    pub signers: Vec<Ed25519PublicKey>,
    pub operations: Vec<Operation>,
}

impl Transaction {
    pub const VERSION: u8 = 1;
    /// More makes receipts unwieldy; payment files go into one `Batch`.
    pub const OPERATIONS_MAX: usize = 16;
    /// The signature is over these 32 bytes.
    pub fn hash_of(bytes: &[u8]) -> TransactionHash {
        TransactionHash(Tag::TRANSACTION.hash(&[bytes]))
    }

    /// Payments inside, each of which costs the ledger about the same.
    pub fn transfers_count(&self) -> usize {
        self.operations.iter().map(Operation::work).sum()
    }
}

/// SHA-256(tag, canonical bytes of the transaction): what its signatures sign.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
pub struct TransactionHash(pub Hash);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
pub struct TransactionSignature {
    pub key: Ed25519PublicKey,
    pub signature: Ed25519Signature,
}

/// A transaction as it crosses wires and stands in blocks: the very bytes that were signed, never made again.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct SignedTransaction {
    pub bytes: Vec<u8>,
    /// Of the transaction's signers, in their order.
    pub signatures: Vec<TransactionSignature>,
}

impl SignedTransaction {
    pub const SIGNATURES_MAX: usize = 16;

    pub fn hash(&self) -> TransactionHash {
        Transaction::hash_of(&self.bytes)
    }

    /// The leaf in a block's transactions root: binds the signatures too, since a block is judged by them.
    pub fn leaf(&self) -> Hash {
        Tag::RECORD.hash(&[&encode(self)])
    }
}

/// Why a transaction's form is refused, before any account is looked at. Such a one is never in a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FormError {
    Decode(DecodeError),
    Version(u8),
    WrongNetwork,
    NoOperations,
    TooManyOperations(usize),
    EmptyBatch,
    TooManyTransfers {
        got: usize,
        max: usize,
    },
    NoSignatures,
    TooManySignatures(usize),
    SignaturesNotSorted,
    SignersDiffer,
    /// An offer has no leg, or too many.
    OfferLegs(usize),
    TooManyDecimals(u8),
    /// `balance_max` is a limit of accounts, not of members.
    BalanceLimitOfMember,
}

impl fmt::Display for FormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FormError::Decode(error) => write!(f, "the transaction does not decode: {error}"),
            FormError::Version(got) => {
                write!(f, "transaction version {got}, this ledger knows {}", Transaction::VERSION)
            }
            FormError::WrongNetwork => write!(f, "the transaction was signed for another network"),
            FormError::NoOperations => write!(f, "the transaction holds no operation"),
            FormError::TooManyOperations(got) => write!(f, "{got} operations, at most {}", Transaction::OPERATIONS_MAX),
            FormError::EmptyBatch => write!(f, "a batch holds no transfer"),
            FormError::TooManyTransfers { got, max } => write!(f, "{got} transfers in a transaction, at most {max}"),
            FormError::NoSignatures => write!(f, "the transaction carries no signature"),
            FormError::TooManySignatures(got) => {
                write!(f, "{got} signatures, at most {}", SignedTransaction::SIGNATURES_MAX)
            }
            FormError::SignersDiffer => {
                write!(f, "the signatures are not those of the keys that the transaction names")
            }
            FormError::OfferLegs(got) => write!(f, "an offer of {got} legs, 1 to {} are possible", Offer::LEGS_MAX),
            FormError::TooManyDecimals(got) => {
                write!(f, "an asset with {got} decimals, at most {}", Asset::DECIMALS_MAX)
            }
            FormError::BalanceLimitOfMember => {
                write!(f, "a largest balance can be set for accounts and tiers, not for a member or a pair")
            }
            FormError::SignaturesNotSorted => write!(f, "signatures are not in strictly ascending order of their keys"),
        }
    }
}

impl core::error::Error for FormError {}

/// What `SignedTransaction::parse` holds a transaction against.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FormRules {
    pub network: NetworkId,
    pub tx_bytes_max: usize,
    pub transfers_per_tx_max: usize,
}

impl SignedTransaction {
    /// Decodes the signed bytes and checks their form. Signatures are `crypto`'s to verify.
    pub fn parse(&self, rules: &FormRules) -> Result<Transaction, FormError> {
        match self.signatures.len() {
            0 => return Err(FormError::NoSignatures),
            count if count > Self::SIGNATURES_MAX => return Err(FormError::TooManySignatures(count)),
            _ => {}
        }
        if !self.signatures.is_sorted_by(|a, b| a.key < b.key) {
            return Err(FormError::SignaturesNotSorted);
        }
        let transaction: Transaction = decode(&self.bytes, rules.tx_bytes_max).map_err(FormError::Decode)?;
        if !self.signatures.iter().map(|signature| signature.key).eq(transaction.signers.iter().copied()) {
            return Err(FormError::SignersDiffer);
        }
        check_form(&transaction, rules)?;
        Ok(transaction)
    }
}

fn check_form(transaction: &Transaction, rules: &FormRules) -> Result<(), FormError> {
    if transaction.version != Transaction::VERSION {
        return Err(FormError::Version(transaction.version));
    }
    if transaction.network != rules.network {
        return Err(FormError::WrongNetwork);
    }
    match transaction.operations.len() {
        0 => return Err(FormError::NoOperations),
        count if count > Transaction::OPERATIONS_MAX => return Err(FormError::TooManyOperations(count)),
        _ => {}
    }
    transaction.operations.iter().try_for_each(check_operation)?;
    let got = transaction.transfers_count();
    if got > rules.transfers_per_tx_max {
        return Err(FormError::TooManyTransfers { got, max: rules.transfers_per_tx_max });
    }
    Ok(())
}

fn check_operation(operation: &Operation) -> Result<(), FormError> {
    match operation {
        Operation::Batch { transfers, .. } if transfers.is_empty() => Err(FormError::EmptyBatch),
        Operation::Offer(offer) if !(1..=Offer::LEGS_MAX).contains(&offer.legs.len()) => {
            Err(FormError::OfferLegs(offer.legs.len()))
        }
        Operation::CreateAsset { decimals, .. } if *decimals > Asset::DECIMALS_MAX => {
            Err(FormError::TooManyDecimals(*decimals))
        }
        Operation::SetLimits { scope: LimitScope::Member { .. } | LimitScope::Bilateral { .. }, limits }
            if limits.balance_max.is_some() =>
        {
            Err(FormError::BalanceLimitOfMember)
        }
        _ => Ok(()),
    }
}
