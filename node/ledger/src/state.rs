//! What the state consists of: keys, values and their canonical bytes.

use crate::{
    due::DueKey,
    evidence::EvidenceRecord,
    governance::{BlockMark, Estate, Filing, Governance, ProposalRecord},
    limits::{LimitKey, LimitRecord},
    participation::Participation,
    pending::{HoldRecord, OfferRecord},
    window::IdWindow,
};
use alloc::vec::Vec;
use borsh::{BorshDeserialize, BorshSerialize};
use concordat_types::{
    Account, AccountId, Asset, AssetCode, BusinessDate, Hash, Height, Member, MemberId, Parameters, PendingRef,
    ProposalId, ValidatorSet, encode,
    member::{KeyName, ValidatorRecord},
};

/// Names one value of the state. The canonical encoding (one byte of kind, then the name) is the store's table key and
/// what the state tree hashes. Kinds are numbers for ever; later ones take the next free number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum StateKey {
    Parameters = 0,
    /// The set that decides the height after the state's.
    ValidatorsNext = 1,
    /// The set that decides the height after that one. A change made at height h is written here and so is in force
    /// at h + 2.
    ValidatorsAfterNext = 2,
    Member(MemberId) = 3,
    Asset(AssetCode) = 4,
    Account(AccountId) = 5,
    /// How far the id window has been swept.
    IdWindow = 6,
    /// The ids whose own time is in this minute (Unix milliseconds / 60,000). See `window`.
    IdBucket(u64) = 7,
    /// A hold or an offer: open, or ended not longer ago than the id window.
    Pending(PendingRef) = 8,
    /// When a pending falls due, in order of time.
    Due(DueKey) = 9,
    Limits(LimitKey) = 10,
    BusinessDate = 11,
    /// Whose precommits the last blocks have shown. See `participation`.
    Participation = 20,
    /// The first heights of the validator sets that are kept. See `sets`.
    ValidatorSets = 21,
    /// The set that decides from this height on, to the start of the next.
    ValidatorsFrom(Height) = 22,
    /// Offences that blocks have shown. See `evidence`.
    Evidence = 23,
    /// Rules of the proposal engine, and what waits in it. See `governance`.
    Governance = 30,
    /// A proposal: open, or what became of it.
    Proposal(ProposalId) = 31,
    /// A consensus key whose member has not proved yet that it is caught up.
    Candidate(MemberId) = 32,
    /// An invitation, and the request filed with it, until it is admitted.
    Filing(MemberId) = 33,
    /// Blocks by which a candidate shows that it is caught up.
    BlockMarks = 34,
    /// All members, whatever their status.
    MemberList = 35,
    /// Whose key it is, or was: a key never comes to another member.
    KeyOwner(KeyName) = 36,
    /// Who winds a member up, or goes on in its place.
    Estate(MemberId) = 37,
    /// How many accounts of a member are open, issuance accounts not counted. No row: none.
    OpenAccounts(MemberId) = 38,
}

impl StateKey {
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }
}

#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
#[borsh(use_discriminant = true)]
#[repr(u8)]
pub enum StateValue {
    Parameters(Parameters) = 0,
    Validators(ValidatorSet) = 1,
    Member(Member) = 3,
    Asset(Asset) = 4,
    Account(Account) = 5,
    IdWindow(IdWindow) = 6,
    IdBucket(Hash) = 7,
    Hold(HoldRecord) = 8,
    Due(PendingRef) = 9,
    Limits(LimitRecord) = 10,
    BusinessDate(BusinessDate) = 11,
    Offer(OfferRecord) = 12,
    Participation(Participation) = 20,
    /// Ascending.
    ValidatorSets(Vec<Height>) = 21,
    Evidence(EvidenceRecord) = 23,
    Governance(Governance) = 30,
    Proposal(ProposalRecord) = 31,
    Candidate(ValidatorRecord) = 32,
    Filing(Filing) = 33,
    /// Ascending.
    BlockMarks(Vec<BlockMark>) = 34,
    /// Ascending.
    MemberList(Vec<MemberId>) = 35,
    KeyOwner(MemberId) = 36,
    Estate(Estate) = 37,
    OpenAccounts(u64) = 38,
}
