//! The nouns of the ledger, their canonical encoding and their bytes.
//!
//! Everything that is hashed or signed anywhere in Concordat is defined here, once. This crate decides what a
//! well-formed value is; it knows nothing of signatures' validity, balances, rounds or sockets.
#![no_std]
extern crate alloc;

pub mod block;
pub mod date;
pub mod encode;
pub mod finality;
pub mod genesis;
pub mod governance;
pub mod hash;
pub mod keys;
pub mod member;
pub mod merkle;
pub mod money;
pub mod names;
pub mod operation;
pub mod result;
pub mod transaction;
pub mod validators;
pub mod verified;
pub mod vote;

pub use block::{Batch, BatchDigest, Block, BlockId, Body, BodyRef, Header, Height, Timestamp};
pub use date::BusinessDate;
pub use encode::{DecodeError, decode, encode};
pub use finality::{FinalityProof, ProofStart, SetChange};
pub use genesis::{Genesis, NetworkId, Parameters};
pub use governance::{
    CaughtUp, Change, ChangeKind, GovernanceRules, Invite, JoinRequest, Proposal, ProposalId, Threshold,
};
pub use hash::{Hash, Tag};
pub use keys::{BlsPublicKey, BlsSignature, Ed25519PublicKey, Ed25519Signature};
pub use member::{Member, MemberStatus, Rights, Roles};
pub use money::{Account, AccountId, Amount, Asset, AssetKind};
pub use names::{AccountName, AssetCode, MemberId, NameError, Purpose, Reference};
pub use operation::{
    BatchMode, FreezeTarget, Hold, HoldSide, Leg, LimitScope, Limits, Offer, OpenAccount, Operation, PendingRef, Tier,
    Transfer,
};
pub use result::ResultCode;
pub use transaction::{SignedTransaction, Transaction, TransactionHash, Uuid};
pub use validators::{Bitmap, Power, Validator, ValidatorIndex, ValidatorSet};
pub use verified::{CheckedTransaction, Verified};
pub use vote::{
    Certificate, CertificateKind, Evidence, Offence, OffenceKind, RECOVERY_EPOCH, Round, SignedVote, Vote, VoteType,
};
