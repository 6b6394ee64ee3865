//! What a transaction may ask for: the verbs of the ledger and the nouns that they carry.

use crate::{
    AccountId, AccountName, Amount, AssetCode, AssetKind, BusinessDate, CaughtUp, Hash, Invite, JoinRequest, MemberId,
    Proposal, ProposalId, Purpose, Reference, Timestamp, Uuid,
};
use alloc::{boxed::Box, vec::Vec};
use borsh::{BorshDeserialize, BorshSerialize};

/// Numbers are for ever; later operations take the next free one.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum Operation {
    /// Opens an account of the submitting member.
    OpenAccount(OpenAccount) = 1,
    /// Creates money: debits the asset's issuance account. Only its issuer may. The id is a transfer's.
    Issue {
        id: Uuid,
        asset: AssetCode,
        credit_account: AccountId,
        amount: Amount,
        reference: Reference,
    } = 2,
    Transfer(Transfer) = 3,
    Batch {
        mode: BatchMode,
        transfers: Vec<Transfer>,
    } = 4,
    /// The way back of an issue: the holder pays into the asset's issuance account, and the supply falls.
    Redeem {
        id: Uuid,
        debit_account: AccountId,
        amount: Amount,
        reference: Reference,
    } = 5,
    /// Reserves an amount for a payment that is posted or voided later.
    Hold(Hold) = 6,
    /// Books a hold's amount or a part of it; what is left is free again. A hold is posted once. The id is a transfer's.
    Post {
        id: Uuid,
        hold: PendingRef,
        amount: Amount,
    } = 7,
    /// Gives a hold up: by who may post it, or by who would have been paid.
    Void {
        hold: PendingRef,
    } = 8,
    /// Payments of several members over several assets that all happen or none.
    Offer(Offer) = 9,
    /// Reserves the submitter's legs of an offer; the last acceptance books all legs.
    Accept {
        offer: PendingRef,
    } = 10,
    /// Ends an offer that is not complete: by any member that pays in it. What was reserved is free again.
    Cancel {
        offer: PendingRef,
    } = 11,
    /// Closes an account of the submitting member for ever; it holds nothing, owes nothing and has no open children.
    CloseAccount {
        account: AccountId,
    } = 12,
    /// Gives an account of the submitting member another parent and another customer tier.
    ChangeAccount {
        account: AccountId,
        parent: Option<AccountId>,
        tier: Option<Tier>,
    } = 13,
    /// Replaces the limits that the submitting member sets itself in a scope; none of them: the scope has no limits.
    SetLimits {
        scope: LimitScope,
        limits: Limits,
    } = 14,
    /// Stops debits or credits, or lets them go on.
    Freeze {
        target: FreezeTarget,
        debits: bool,
        credits: bool,
        reference: Reference,
    } = 15,
    /// The central bank ends the business day: from here on limits count for the new date.
    EndOfDay {
        next: BusinessDate,
    } = 16,
    /// A new asset with its issuance account: by the central bank, or by a bank its own deposit token.
    CreateAsset {
        code: AssetCode,
        decimals: u8,
        kind: AssetKind,
        issuer: MemberId,
        quota: Amount,
    } = 17,
    /// How much of an asset may be outstanding, by the central bank. Less than there is only stops further issues.
    SetQuota {
        asset: AssetCode,
        quota: Amount,
    } = 18,
    /// Files a change for a vote. Signed by admin keys of the submitter, which vote for it at once.
    Propose(Proposal) = 19,
    /// By admin keys of the submitter, on the proposal with this hash.
    Vote {
        proposal: ProposalId,
        hash: Hash,
        approve: bool,
    } = 20,
    /// Takes a proposal back that has not taken effect: by any one admin key of the member that filed it.
    Withdraw {
        proposal: ProposalId,
    } = 21,
    /// Opens the door for an institution to file its request. By admin keys of its sponsor, as many as decide for it.
    Invite(Invite) = 22,
    /// By the sponsor, any one admin key: of an invitation or a request that has not been admitted.
    RevokeInvite {
        member: MemberId,
    } = 23,
    /// The invited institution's request. Signed by the invitation's key and by admin keys of the request.
    FileJoin(Box<JoinRequest>) = 24,
    /// Makes a candidate a validator.
    ProveCaughtUp(CaughtUp) = 25,
}

impl Operation {
    /// Its own id, which is a transfer's, if it has one. The transfers of a batch have theirs.
    pub fn id(&self) -> Option<Uuid> {
        match self {
            Operation::Issue { id, .. }
            | Operation::Transfer(Transfer { id, .. })
            | Operation::Redeem { id, .. }
            | Operation::Hold(Hold { id, .. })
            | Operation::Post { id, .. }
            | Operation::Offer(Offer { id, .. }) => Some(*id),
            Operation::OpenAccount(_)
            | Operation::Batch { .. }
            | Operation::Void { .. }
            | Operation::Accept { .. }
            | Operation::Cancel { .. }
            | Operation::CloseAccount { .. }
            | Operation::ChangeAccount { .. }
            | Operation::SetLimits { .. }
            | Operation::Freeze { .. }
            | Operation::EndOfDay { .. }
            | Operation::CreateAsset { .. }
            | Operation::SetQuota { .. }
            | Operation::Propose(_)
            | Operation::Vote { .. }
            | Operation::Withdraw { .. }
            | Operation::Invite(_)
            | Operation::RevokeInvite { .. }
            | Operation::FileJoin(_)
            | Operation::ProveCaughtUp(_) => None,
        }
    }

    /// Bookings that the operation may cause, each of which costs the ledger about the same.
    pub fn work(&self) -> usize {
        match self {
            Operation::Batch { transfers, .. } => transfers.len(),
            Operation::Offer(offer) => offer.legs.len(),
            // An acceptance may book every leg of an offer that is known only to the state.
            Operation::Accept { .. } | Operation::Cancel { .. } => Offer::LEGS_MAX,
            // They read every member, and leave a record for ever.
            Operation::Propose(_)
            | Operation::Vote { .. }
            | Operation::Withdraw { .. }
            | Operation::Invite(_)
            | Operation::RevokeInvite { .. }
            | Operation::FileJoin(_)
            | Operation::ProveCaughtUp(_) => GOVERNANCE_WORK,
            _ => 1,
        }
    }
}

/// About what a governance operation costs, in payments.
const GOVERNANCE_WORK: usize = 256;

/// One payment.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Transfer {
    pub id: Uuid,
    pub debit_account: AccountId,
    pub credit_account: AccountId,
    /// Minor units of the accounts' asset.
    pub amount: Amount,
    pub reference: Reference,
    pub purpose: Purpose,
    /// SHA-256 of a document kept off the ledger.
    pub document: Option<Hash>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum BatchMode {
    /// Each transfer succeeds or fails on its own, in order.
    Each = 0,
    /// All or none.
    All = 1,
}

#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct OpenAccount {
    pub asset: AssetCode,
    pub name: AccountName,
    /// An account of the same member and asset that this one belongs to, for reports.
    pub parent: Option<AccountId>,
    /// Who the bank keeps it for: an HMAC-SHA-256 of the customer's number under a secret of that customer's that only
    /// the bank has. Destroying the secret erases the customer from the ledger.
    pub customer: Option<Hash>,
    /// Which of the bank's customer tiers limits it.
    pub tier: Option<Tier>,
}

/// A class of a bank's customers with limits of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
pub struct Tier(pub u8);

/// Names a hold or an offer: by the member that submitted it and its id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
pub struct PendingRef {
    pub submitter: MemberId,
    pub id: Uuid,
}

#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Hold {
    /// A transfer's.
    pub id: Uuid,
    pub debit_account: AccountId,
    pub credit_account: AccountId,
    pub amount: Amount,
    /// The first block time at which it can no longer be posted; the amount is free again then.
    pub expires_at: Timestamp,
    pub posted_by: HoldSide,
    pub reference: Reference,
    pub purpose: Purpose,
    pub document: Option<Hash>,
}

/// Whose owner's signature posts a hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum HoldSide {
    /// A reservation: who pays decides, and may void it.
    Debtor = 0,
    /// A guarantee: who is paid decides; the debtor cannot take it back before it expires.
    Creditor = 1,
}

/// Legs whose payers have signed the transaction are reserved at once; the others wait for their payers' acceptance.
/// When no leg waits any more, all are booked in the same block: delivery versus payment, payment versus payment.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Offer {
    /// A transfer's.
    pub id: Uuid,
    pub legs: Vec<Leg>,
    /// The first block time at which it can no longer be accepted; all that was reserved is free again then.
    pub deadline: Timestamp,
    pub reference: Reference,
    pub document: Option<Hash>,
}

impl Offer {
    pub const LEGS_MAX: usize = 16;
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Leg {
    pub debit_account: AccountId,
    pub credit_account: AccountId,
    pub amount: Amount,
}

/// What limits are about. Counted per business date; an account's own limits, its tier's, its member's and those
/// towards the payee's member all hold at once.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum LimitScope {
    /// Payments from one account of the submitting member.
    Account(AccountId) = 0,
    /// Payments from each account of a customer tier.
    Tier { asset: AssetCode, tier: Tier } = 1,
    /// Payments from all accounts of the submitting member to other members.
    Member { asset: AssetCode } = 2,
    /// Payments from the submitting member to one other member.
    Bilateral { asset: AssetCode, counterparty: MemberId } = 3,
}

/// Minor units each; None is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Limits {
    /// Of one payment out of the scope.
    pub transfer_max: Option<Amount>,
    /// Of all payments out of the scope on a business date.
    pub day_max: Option<Amount>,
    /// Of payments out of the scope less payments into it on a business date: the net debit cap.
    pub net_debit_max: Option<Amount>,
    /// What an account may hold after a payment in; for accounts and tiers only.
    pub balance_max: Option<Amount>,
    /// A payment above it needs a second key of the member, with the right to approve.
    pub second_key_above: Option<Amount>,
}

impl Limits {
    pub fn is_none(&self) -> bool {
        *self == Limits::default()
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum FreezeTarget {
    /// By its owner, or by the asset's issuer; each lifts only what it has frozen.
    Account(AccountId) = 0,
    /// By its issuer. An asset is frozen for debits and credits at once.
    Asset(AssetCode) = 1,
    /// All accounts of a member, by the central bank.
    Member(MemberId) = 2,
}
