//! Changes of the network that members decide on: proposals, votes, invitations.
//!
//! It says what can be asked for; who may ask and what is enough is the ledger's (`ledger::governance`).

use crate::{
    AccountId, Amount, AssetCode, BlockId, BlsPublicKey, BlsSignature, Ed25519PublicKey, FreezeTarget, Hash, Height,
    Limits, Member, MemberId, NetworkId, Parameters, Power, Roles, Tag, Timestamp, encode,
    member::{AccessKey, KeyGroup, NodeRecord, OperatorKey, ValidatorRecord},
};
use alloc::{string::String, vec::Vec};
use borsh::{BorshDeserialize, BorshSerialize};
use core::fmt;

/// Counts from 1 in the order of filing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
pub struct ProposalId(pub u64);

impl fmt::Display for ProposalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// What is asked for, and how long it waits. Votes name the hash of exactly this.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Proposal {
    pub change: Change,
    /// For those who vote: at most `REASON_BYTES_MAX`.
    pub reason: String,
    /// The first block time at which it can no longer be adopted.
    pub expires_at: Timestamp,
    /// Not before this height; None: as soon as it is adopted.
    pub execute_at: Option<Height>,
    /// Adopted only by `Threshold::FORCED`, and executed even where fewer live validators than a quorum would be left.
    pub forced: bool,
}

impl Proposal {
    pub const REASON_BYTES_MAX: usize = 280;
    /// Heights for which a proposal may be put off.
    pub const EXECUTE_AHEAD_MAX: u64 = 1_000_000;

    /// SHA-256(tag, canonical number, proposer and proposal): what a vote is bound to.
    pub fn hash(&self, id: ProposalId, proposer: MemberId) -> Hash {
        Tag::PROPOSAL.hash(&[&encode(&(id, proposer)), &encode(self)])
    }
}

/// Numbers are for ever; later changes take the next free one. Below 64 the members decide, by the threshold of the kind;
/// from 64 on a member decides about itself, by its own admin keys.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Change {
    /// Takes in a member that has filed its request. The hash is that of the request that was read.
    Admit {
        member: MemberId,
        request: Hash,
    } = 0,
    /// Its money stays where it is; it can do nothing, and its voting power ends.
    Suspend {
        member: MemberId,
    } = 1,
    Reactivate {
        member: MemberId,
    } = 2,
    /// Winds a member up: the estate may move what it has left into accounts of its own. Once its accounts are closed,
    /// the same change closes the member for ever.
    Close {
        member: MemberId,
        estate: MemberId,
    } = 3,
    /// The other member goes on in its place, with its accounts.
    Merge {
        member: MemberId,
        into: MemberId,
    } = 4,
    SetRoles {
        member: MemberId,
        roles: Roles,
    } = 5,
    SetLegalIdentity {
        member: MemberId,
        legal_name: String,
        lei: String,
        bic: String,
    } = 6,
    /// For lost or stolen admin keys; takes effect only after `GovernanceRules::reset_notice_ms`.
    ResetAdminKeys {
        member: MemberId,
        admin_keys: KeyGroup,
    } = 7,
    /// Makes an active member with a registered consensus key a candidate: it validates once it has proved that it is caught up.
    AddValidator {
        member: MemberId,
        key: BlsPublicKey,
        possession: BlsSignature,
        power: Power,
    } = 8,
    RemoveValidator {
        member: MemberId,
    } = 9,
    SetPower {
        member: MemberId,
        power: Power,
    } = 10,
    /// Hands the right to issue an asset to another member.
    SetIssuer {
        asset: AssetCode,
        issuer: MemberId,
    } = 11,
    SetQuota {
        asset: AssetCode,
        quota: Amount,
    } = 12,
    /// Limits of a member in an asset that it cannot lift itself; none of them: no such limits.
    SetLimits {
        member: MemberId,
        asset: AssetCode,
        limits: Limits,
    } = 13,
    SetThreshold {
        kind: ChangeKind,
        threshold: Threshold,
    } = 14,
    SetParameters(Parameters) = 15,
    SetRules(GovernanceRules) = 16,
    Freeze {
        target: FreezeTarget,
        debits: bool,
        credits: bool,
    } = 17,
    /// Moves money without its owner: by order of a court, or to mend a mistake.
    ForcedTransfer {
        debit_account: AccountId,
        credit_account: AccountId,
        amount: Amount,
    } = 18,

    AddOperatorKey(OperatorKey) = 64,
    RemoveOperatorKey(Ed25519PublicKey) = 65,
    AddAccessKey(AccessKey) = 66,
    RemoveAccessKey(Hash) = 67,
    /// A new TLS key or new addresses of the member's node.
    SetNode(NodeRecord) = 68,
    /// Takes effect only after `GovernanceRules::admin_notice_ms`; until then any one admin key withdraws it.
    SetAdminKeys(KeyGroup) = 69,
    SetRecoveryKeys(KeyGroup) = 70,
    /// The same voting power under a new key.
    RotateConsensusKey {
        key: BlsPublicKey,
        possession: BlsSignature,
    } = 71,
}

/// A change's number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
pub struct ChangeKind(pub u8);

impl ChangeKind {
    const FIRST_OWN: u8 = 64;
    /// The last kind that members decide.
    pub const LAST_COMMON: ChangeKind = ChangeKind(18);

    /// Does a member decide about itself?
    pub fn is_own(self) -> bool {
        self.0 >= Self::FIRST_OWN
    }
}

impl Change {
    pub fn kind(&self) -> ChangeKind {
        ChangeKind(match self {
            Change::Admit { .. } => 0,
            Change::Suspend { .. } => 1,
            Change::Reactivate { .. } => 2,
            Change::Close { .. } => 3,
            Change::Merge { .. } => 4,
            Change::SetRoles { .. } => 5,
            Change::SetLegalIdentity { .. } => 6,
            Change::ResetAdminKeys { .. } => 7,
            Change::AddValidator { .. } => 8,
            Change::RemoveValidator { .. } => 9,
            Change::SetPower { .. } => 10,
            Change::SetIssuer { .. } => 11,
            Change::SetQuota { .. } => 12,
            Change::SetLimits { .. } => 13,
            Change::SetThreshold { .. } => 14,
            Change::SetParameters(_) => 15,
            Change::SetRules(_) => 16,
            Change::Freeze { .. } => 17,
            Change::ForcedTransfer { .. } => 18,
            Change::AddOperatorKey(_) => 64,
            Change::RemoveOperatorKey(_) => 65,
            Change::AddAccessKey(_) => 66,
            Change::RemoveAccessKey(_) => 67,
            Change::SetNode(_) => 68,
            Change::SetAdminKeys(_) => 69,
            Change::SetRecoveryKeys(_) => 70,
            Change::RotateConsensusKey { .. } => 71,
        })
    }

    /// As people write it.
    pub fn name(&self) -> &'static str {
        match self {
            Change::Admit { .. } => "admit",
            Change::Suspend { .. } => "suspend",
            Change::Reactivate { .. } => "reactivate",
            Change::Close { .. } => "close",
            Change::Merge { .. } => "merge",
            Change::SetRoles { .. } => "set-roles",
            Change::SetLegalIdentity { .. } => "set-legal-identity",
            Change::ResetAdminKeys { .. } => "reset-admin-keys",
            Change::AddValidator { .. } => "add-validator",
            Change::RemoveValidator { .. } => "remove-validator",
            Change::SetPower { .. } => "set-power",
            Change::SetIssuer { .. } => "set-issuer",
            Change::SetQuota { .. } => "set-quota",
            Change::SetLimits { .. } => "set-limits",
            Change::SetThreshold { .. } => "set-threshold",
            Change::SetParameters(_) => "set-parameters",
            Change::SetRules(_) => "set-rules",
            Change::Freeze { .. } => "freeze",
            Change::ForcedTransfer { .. } => "forced-transfer",
            Change::AddOperatorKey(_) => "add-operator-key",
            Change::RemoveOperatorKey(_) => "remove-operator-key",
            Change::AddAccessKey(_) => "add-access-key",
            Change::RemoveAccessKey(_) => "remove-access-key",
            Change::SetNode(_) => "set-node",
            Change::SetAdminKeys(_) => "set-admin-keys",
            Change::SetRecoveryKeys(_) => "set-recovery-keys",
            Change::RotateConsensusKey { .. } => "rotate-consensus-key",
        }
    }

    /// A consensus key that it brings, with the proof that must go with it.
    pub fn possession(&self) -> Option<(&BlsPublicKey, &BlsSignature)> {
        match self {
            Change::AddValidator { key, possession, .. } | Change::RotateConsensusKey { key, possession } => {
                Some((key, possession))
            }
            _ => None,
        }
    }
}

/// Adopted by more than `parts` of `of` active members, by count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Threshold {
    pub parts: u8,
    pub of: u8,
}

impl Threshold {
    pub const DEFAULT: Threshold = Threshold { parts: 2, of: 3 };
    /// Of forced proposals, where the kind's own is not higher.
    pub const FORCED: Threshold = Threshold { parts: 5, of: 6 };

    /// At least a half, less than all.
    pub fn is_valid(self) -> bool {
        self.parts < self.of && 2 * u16::from(self.parts) >= u16::from(self.of)
    }

    pub fn or_higher(self, other: Threshold) -> Threshold {
        let is_higher = u16::from(other.parts) * u16::from(self.of) > u16::from(self.parts) * u16::from(other.of);
        if is_higher { other } else { self }
    }

    pub fn is_reached(self, members: usize, active: usize) -> bool {
        members * usize::from(self.of) > active * usize::from(self.parts)
    }
}

/// Times of the proposal engine, in milliseconds. They may be changed by vote.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct GovernanceRules {
    /// A proposal or an invitation may wait so long at most.
    pub expiry_max_ms: u64,
    /// Between the adoption and the effect of a member's own new admin keys.
    pub admin_notice_ms: u64,
    /// Between the adoption and the effect of admin keys that others reset.
    pub reset_notice_ms: u64,
}

impl GovernanceRules {
    pub const DEFAULT: GovernanceRules =
        GovernanceRules { expiry_max_ms: 7 * DAY_MS, admin_notice_ms: DAY_MS, reset_notice_ms: 3 * DAY_MS };

    pub fn is_valid(&self) -> bool {
        (HOUR_MS..=90 * DAY_MS).contains(&self.expiry_max_ms)
            && self.admin_notice_ms <= 30 * DAY_MS
            && self.reset_notice_ms <= 30 * DAY_MS
    }
}

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Who is invited. The institution files its request under a key that the invitation hands over and that serves once.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Invite {
    pub member: MemberId,
    /// As in `Member`; the request must name the same.
    pub lei: String,
    pub key: Ed25519PublicKey,
    pub expires_at: Timestamp,
}

/// What an institution asks to be taken in with.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct JoinRequest {
    /// As it will stand in the registry: status `filed`, not frozen, no validator.
    pub member: Member,
    /// The consensus key of a member that wants to validate.
    pub validator: Option<ValidatorRecord>,
}

impl JoinRequest {
    pub fn hash(&self) -> Hash {
        Tag::JOIN_REQUEST.hash(&[&encode(self)])
    }
}

/// A candidate's word, with its consensus key, that it has the block: it has executed all up to there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct CaughtUp {
    pub height: Height,
    pub block: BlockId,
    pub key: BlsPublicKey,
    pub signature: BlsSignature,
}

impl CaughtUp {
    /// What the consensus key signs: tag (length first), network, height, block. Votes begin with another tag.
    pub fn message(network: &NetworkId, height: Height, block: &BlockId) -> Vec<u8> {
        let tag = Tag::CAUGHT_UP.0.as_bytes();
        let mut message = alloc::vec![tag.len() as u8];
        message.extend_from_slice(tag);
        message.extend_from_slice(&encode(&(network, height, block)));
        message
    }
}
