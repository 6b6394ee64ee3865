//! Institutions on the ledger: who may connect, sign, vote, validate, issue.

use crate::{BlsPublicKey, BlsSignature, Ed25519PublicKey, Hash, MemberId, Power, Tag};
use alloc::{string::String, vec::Vec};
use borsh::{BorshDeserialize, BorshSerialize};
use core::ops::BitOr;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum MemberStatus {
    Invited = 0,
    Filed = 1,
    Approved = 2,
    Active = 3,
    Suspended = 4,
    Closing = 5,
    Closed = 6,
}

impl MemberStatus {
    /// As in the JSON of a genesis.
    pub fn name(self) -> &'static str {
        match self {
            MemberStatus::Invited => "invited",
            MemberStatus::Filed => "filed",
            MemberStatus::Approved => "approved",
            MemberStatus::Active => "active",
            MemberStatus::Suspended => "suspended",
            MemberStatus::Closing => "closing",
            MemberStatus::Closed => "closed",
        }
    }
}

/// What a member is on this ledger, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Roles(pub u32);

impl Roles {
    pub const CENTRAL_BANK: Roles = Roles(1);
    pub const BANK: Roles = Roles(2);
    pub const SUPERVISOR: Roles = Roles(4);

    pub fn contains(self, other: Roles) -> bool {
        self.0 & other.0 == other.0
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frozen {
    pub debits: bool,
    pub credits: bool,
}

/// What a key may do, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rights(pub u32);

impl Rights {
    /// Pay from the member's accounts.
    pub const PAY: Rights = Rights(1);
    /// Open the member's accounts.
    pub const ACCOUNTS: Rights = Rights(2);
    /// Issue the assets that the member is issuer of.
    pub const ISSUE: Rights = Rights(4);
    /// Read what the member may read.
    pub const READ: Rights = Rights(8);
    /// Hand in transactions over the connection.
    pub const SUBMIT: Rights = Rights(16);
    /// Be the second key (maker and checker) of issues, redemptions and payments above the member's own limit.
    pub const APPROVE: Rights = Rights(32);
    /// Set the member's own limits.
    pub const LIMITS: Rights = Rights(64);
    /// Freeze what the member may freeze.
    pub const FREEZE: Rights = Rights(128);
    /// Create assets, set quotas, end the business day: what the member may of it.
    pub const ASSETS: Rights = Rights(256);
    pub const ALL: Rights = Rights(511);

    pub fn contains(self, other: Rights) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Rights {
    type Output = Rights;
    fn bitor(self, other: Rights) -> Rights {
        Rights(self.0 | other.0)
    }
}

/// k of n keys decide.
#[derive(Clone, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyGroup {
    pub k: u8,
    pub keys: Vec<Ed25519PublicKey>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorKey {
    pub key: Ed25519PublicKey,
    pub rights: Rights,
}

/// A key of a TLS client: SHA-256 of its SubjectPublicKeyInfo (RFC 5280, DER).
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKey {
    pub key: Hash,
    pub rights: Rights,
}

/// A node of the member: its TLS key and where it listens, `host:port`.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeRecord {
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub tls_key: Hash,
    pub peer_address: String,
    pub client_address: String,
}

/// The consensus key of a validating member, with proof that the member holds its secret.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValidatorRecord {
    pub key: BlsPublicKey,
    pub possession: BlsSignature,
    pub power: Power,
}

#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    pub id: MemberId,
    pub legal_name: String,
    /// ISO 17442, 20 characters, check digits verified; empty only in a trial network.
    pub lei: String,
    /// ISO 9362, 8 or 11 characters; empty only in a trial network.
    pub bic: String,
    pub roles: Roles,
    pub status: MemberStatus,
    /// By the central bank: which side of all its accounts stands still.
    #[serde(default)]
    pub frozen: Frozen,
    pub admin_keys: KeyGroup,
    pub recovery_keys: KeyGroup,
    pub operator_keys: Vec<OperatorKey>,
    pub access_keys: Vec<AccessKey>,
    pub node: Option<NodeRecord>,
    pub validator: Option<ValidatorRecord>,
}

impl KeyGroup {
    pub fn is_reached_by(&self, signers: &[Ed25519PublicKey]) -> bool {
        self.k > 0 && self.keys.iter().filter(|key| signers.contains(key)).count() >= usize::from(self.k)
    }
}

/// SHA-256(tag, class of keys, key): a key of any class under one name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
pub struct KeyName(pub Hash);

impl KeyName {
    pub fn of_ed25519(key: &Ed25519PublicKey) -> KeyName {
        KeyName(Tag::KEY.hash(&[&[0], &key.0]))
    }

    /// Of a node's TLS key or an access key, which are one class.
    pub fn of_tls(key: &Hash) -> KeyName {
        KeyName(Tag::KEY.hash(&[&[1], &key.0]))
    }

    pub fn of_bls(key: &BlsPublicKey) -> KeyName {
        KeyName(Tag::KEY.hash(&[&[2], &key.0]))
    }
}

impl Member {
    pub const LEGAL_NAME_BYTES_MAX: usize = 200;
    pub const ADDRESS_BYTES_MAX: usize = 255;
    /// Of each kind.
    pub const KEYS_MAX: usize = 64;

    /// May it pay, be paid and be connected?
    pub fn is_active(&self) -> bool {
        self.status == MemberStatus::Active
    }

    /// Every key, TLS keys and access keys in one class: none may stand twice in the registry.
    pub fn key_names(&self) -> Vec<KeyName> {
        let groups = self.admin_keys.keys.iter().chain(&self.recovery_keys.keys);
        let mut names: Vec<KeyName> = groups.map(KeyName::of_ed25519).collect();
        names.extend(self.operator_keys.iter().map(|operator| KeyName::of_ed25519(&operator.key)));
        names.extend(self.access_keys.iter().map(|access| KeyName::of_tls(&access.key)));
        names.extend(self.node.iter().map(|node| KeyName::of_tls(&node.tls_key)));
        names.extend(self.validator.iter().map(|validator| KeyName::of_bls(&validator.key)));
        names
    }

    pub fn has_a_key_twice(&self) -> bool {
        let mut names = self.key_names();
        names.sort_unstable();
        !names.is_sorted_by(|a, b| a < b)
    }

    /// Is one of the signers a key that speaks for the member at all: an operator's or an admin key?
    pub fn has_signed(&self, signers: &[Ed25519PublicKey]) -> bool {
        self.authorises(signers, Rights::default()) || self.admin_keys.keys.iter().any(|key| signers.contains(key))
    }

    /// Do the signers include as many admin keys as decide for the member?
    pub fn has_decided(&self, signers: &[Ed25519PublicKey]) -> bool {
        self.admin_keys.is_reached_by(signers)
    }

    /// Do the signers include two of the member's operator keys, one with the right and another that may approve?
    pub fn authorises_by_two(&self, signers: &[Ed25519PublicKey], right: Rights) -> bool {
        let signed = |right: Rights| {
            let has_signed =
                move |operator: &&OperatorKey| operator.rights.contains(right) && signers.contains(&operator.key);
            self.operator_keys.iter().filter(has_signed).map(|operator| operator.key)
        };
        signed(right).any(|maker| signed(Rights::APPROVE).any(|checker| checker != maker))
    }

    /// Do the signers include one of the member's operator keys with the right?
    pub fn authorises(&self, signers: &[Ed25519PublicKey], right: Rights) -> bool {
        self.operator_keys.iter().any(|operator| operator.rights.contains(right) && signers.contains(&operator.key))
    }
}
