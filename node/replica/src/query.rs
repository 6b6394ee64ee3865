//! Reads of the committed chain from a snapshot: what the API and the tools use. Layout: docs/storage.md.

use crate::store::{Reader, StoreError, Table};
use borsh::{BorshDeserialize, BorshSerialize};
use concordat_ledger::{
    BlockEvent, DueKey, Estate, Filing, Governance, IdKey, IdKind, IdRecord, LimitKey, LimitRecord, ProposalRecord,
    StateKey, StateValue, StateView, Tally, TransactionResult,
};
use concordat_types::{
    Account, AccountId, Asset, AssetCode, BlockId, Body, BusinessDate, Certificate, Header, Height, Member, MemberId,
    Parameters, PendingRef, ProposalId, Timestamp, Uuid, ValidatorSet, decode, encode, member::ValidatorRecord,
};
use std::cell::RefCell;

/// The last committed block; height 0 and the network id before the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct Tip {
    pub height: Height,
    pub block: BlockId,
    pub time: Timestamp,
}

pub const META_TIP: &[u8] = b"tip";

pub fn height_key(height: Height) -> [u8; 8] {
    height.0.to_be_bytes()
}

pub fn tip(reader: &(impl Reader + ?Sized)) -> Result<Option<Tip>, StoreError> {
    get(reader, Table::Meta, META_TIP)
}

pub fn header(reader: &(impl Reader + ?Sized), height: Height) -> Result<Option<(Header, Certificate)>, StoreError> {
    get(reader, Table::Headers, &height_key(height))
}

pub fn body(reader: &(impl Reader + ?Sized), height: Height) -> Result<Option<Body>, StoreError> {
    get(reader, Table::Bodies, &height_key(height))
}

pub fn results(reader: &(impl Reader + ?Sized), height: Height) -> Result<Option<Vec<TransactionResult>>, StoreError> {
    Ok(outcome(reader, height)?.map(|(results, _)| results))
}

/// What a block's transactions came to, and what happened in it without one.
pub type Outcome = (Vec<TransactionResult>, Vec<BlockEvent>);

pub fn outcome(reader: &(impl Reader + ?Sized), height: Height) -> Result<Option<Outcome>, StoreError> {
    get(reader, Table::Results, &height_key(height))
}

/// `StateValue::Hold` or `Offer`, if the state still knows it.
pub fn pending(reader: &(impl Reader + ?Sized), name: PendingRef) -> Result<Option<StateValue>, StoreError> {
    get(reader, Table::State, &StateKey::Pending(name).to_bytes())
}

pub fn limits(reader: &(impl Reader + ?Sized), key: LimitKey) -> Result<Option<LimitRecord>, StoreError> {
    Ok(match get(reader, Table::State, &StateKey::Limits(key).to_bytes())? {
        Some(StateValue::Limits(record)) => Some(record),
        _ => None,
    })
}

/// None before genesis was written.
pub fn business_date(reader: &(impl Reader + ?Sized)) -> Result<Option<BusinessDate>, StoreError> {
    Ok(match get(reader, Table::State, &StateKey::BusinessDate.to_bytes())? {
        Some(StateValue::BusinessDate(date)) => Some(date),
        _ => None,
    })
}

pub fn proposal(reader: &(impl Reader + ?Sized), id: ProposalId) -> Result<Option<ProposalRecord>, StoreError> {
    Ok(match get(reader, Table::State, &StateKey::Proposal(id).to_bytes())? {
        Some(StateValue::Proposal(record)) => Some(record),
        _ => None,
    })
}

/// None before genesis was written.
pub fn parameters(reader: &(impl Reader + ?Sized)) -> Result<Option<Parameters>, StoreError> {
    Ok(match get(reader, Table::State, &StateKey::Parameters.to_bytes())? {
        Some(StateValue::Parameters(parameters)) => Some(parameters),
        _ => None,
    })
}

/// None before genesis was written.
pub fn governance(reader: &(impl Reader + ?Sized)) -> Result<Option<Governance>, StoreError> {
    Ok(match get(reader, Table::State, &StateKey::Governance.to_bytes())? {
        Some(StateValue::Governance(governance)) => Some(governance),
        _ => None,
    })
}

/// A consensus key whose member has not proved yet that it is caught up.
pub fn candidate(reader: &(impl Reader + ?Sized), member: &MemberId) -> Result<Option<ValidatorRecord>, StoreError> {
    Ok(match get(reader, Table::State, &StateKey::Candidate(*member).to_bytes())? {
        Some(StateValue::Candidate(record)) => Some(record),
        _ => None,
    })
}

pub fn filing(reader: &(impl Reader + ?Sized), member: &MemberId) -> Result<Option<Filing>, StoreError> {
    Ok(match get(reader, Table::State, &StateKey::Filing(*member).to_bytes())? {
        Some(StateValue::Filing(filing)) => Some(filing),
        _ => None,
    })
}

pub fn estate(reader: &(impl Reader + ?Sized), member: &MemberId) -> Result<Option<Estate>, StoreError> {
    Ok(match get(reader, Table::State, &StateKey::Estate(*member).to_bytes())? {
        Some(StateValue::Estate(estate)) => Some(estate),
        _ => None,
    })
}

pub fn member(reader: &(impl Reader + ?Sized), id: &MemberId) -> Result<Option<Member>, StoreError> {
    Ok(match get(reader, Table::State, &StateKey::Member(*id).to_bytes())? {
        Some(StateValue::Member(member)) => Some(member),
        _ => None,
    })
}

/// How the members of the state that was read stand to a proposal.
pub fn tally(reader: &dyn Reader, record: &ProposalRecord) -> Result<Tally, StoreError> {
    let view = ReadView { reader, failed: RefCell::new(None) };
    let tally = Tally::of(&view, record);
    view.failed.into_inner().map_or(Ok(tally), Err)
}

/// The ledger's view over a reader. What cannot be read is taken for absent, and noted.
struct ReadView<'a> {
    reader: &'a dyn Reader,
    failed: RefCell<Option<StoreError>>,
}

impl StateView for ReadView<'_> {
    fn get(&self, key: &StateKey) -> Option<StateValue> {
        let read = get(self.reader, Table::State, &key.to_bytes());
        read.unwrap_or_else(|error| {
            self.failed.replace(Some(error));
            None
        })
    }

    fn id(&self, _key: &IdKey) -> Option<IdRecord> {
        None
    }

    fn due(&self, _until: Timestamp, _max: usize) -> Vec<(DueKey, PendingRef)> {
        Vec::new()
    }
}

/// The sets that decide the height after the state's and the one after that.
pub fn validator_sets(reader: &(impl Reader + ?Sized)) -> Result<Option<(ValidatorSet, ValidatorSet)>, StoreError> {
    let set = |key: StateKey| -> Result<Option<ValidatorSet>, StoreError> {
        Ok(match get(reader, Table::State, &key.to_bytes())? {
            Some(StateValue::Validators(set)) => Some(set),
            _ => None,
        })
    };
    Ok(set(StateKey::ValidatorsNext)?.zip(set(StateKey::ValidatorsAfterNext)?))
}

/// The first of what falls due at this time or earlier, in order of time.
pub fn due(
    reader: &(impl Reader + ?Sized),
    until: Timestamp,
    max: usize,
) -> Result<Vec<(DueKey, PendingRef)>, StoreError> {
    let mut found = Vec::new();
    if max == 0 {
        return Ok(found);
    }
    scan_state(reader, &StateKey::Due(DueKey([0; 24])).to_bytes(), &mut |key, value| {
        let (StateKey::Due(key), StateValue::Due(pending)) = (key, value) else { return false };
        if key.at() > until {
            return false;
        }
        found.push((key, pending));
        found.len() < max
    })?;
    Ok(found)
}

pub fn height_of_block(reader: &(impl Reader + ?Sized), block: &BlockId) -> Result<Option<Height>, StoreError> {
    let Some(bytes) = reader.get(Table::BlockIds, &block.0.0)? else { return Ok(None) };
    parse_height(&bytes).map(Some)
}

pub(crate) fn parse_height(bytes: &[u8]) -> Result<Height, StoreError> {
    let bytes = bytes.try_into().map_err(|_| StoreError::Corrupt("a height is not 8 bytes".to_owned()))?;
    Ok(Height(u64::from_be_bytes(bytes)))
}

pub fn account(reader: &(impl Reader + ?Sized), id: &AccountId) -> Result<Option<Account>, StoreError> {
    Ok(match get(reader, Table::State, &StateKey::Account(*id).to_bytes())? {
        Some(StateValue::Account(account)) => Some(account),
        _ => None,
    })
}

/// Accounts of a member (of all members where None) with ids above `after`, in order of ids, at most `limit`.
pub fn accounts_of(
    reader: &(impl Reader + ?Sized),
    owner: Option<&MemberId>,
    after: Option<AccountId>,
    limit: usize,
) -> Result<Vec<(AccountId, Account)>, StoreError> {
    if let Some(owner) = owner {
        return accounts_of_owner(reader, owner, after, limit);
    }
    let mut found = Vec::new();
    let from = StateKey::Account(after.unwrap_or(AccountId([0; 16]))).to_bytes();
    scan_state(reader, &from, &mut |key, value| {
        let (StateKey::Account(id), StateValue::Account(account)) = (key, value) else { return false };
        if after.is_none_or(|after| id > after) {
            found.push((id, account));
        }
        found.len() < limit
    })?;
    Ok(found)
}

fn accounts_of_owner(
    reader: &(impl Reader + ?Sized),
    owner: &MemberId,
    after: Option<AccountId>,
    limit: usize,
) -> Result<Vec<(AccountId, Account)>, StoreError> {
    let mut ids: Vec<AccountId> = Vec::new();
    let from = owner_key(owner, &after.unwrap_or(AccountId([0; 16])));
    let prefix = encode(owner);
    reader.scan(Table::Owners, &from, &mut |key, _| {
        let id = key.strip_prefix(prefix.as_slice()).and_then(|id| id.try_into().ok()).map(AccountId);
        let Some(id) = id else { return false };
        if after.is_none_or(|after| id > after) {
            ids.push(id);
        }
        ids.len() < limit
    })?;
    let found = |id: AccountId| {
        let account = account(reader, &id)?;
        account
            .map(|account| (id, account))
            .ok_or_else(|| StoreError::Corrupt(format!("{owner} owns the account {id}, of which there is no row")))
    };
    ids.into_iter().map(found).collect()
}

/// In the order of `Table::Owners`: by owner, then by account.
pub fn owner_key(owner: &MemberId, account: &AccountId) -> Vec<u8> {
    // A name carries its length in front, so that none is the beginning of another.
    encode(&(owner, account))
}

pub fn members(reader: &(impl Reader + ?Sized)) -> Result<Vec<Member>, StoreError> {
    let mut found = Vec::new();
    scan_state(reader, &[MEMBER_KIND], &mut |_, value| {
        let StateValue::Member(member) = value else { return false };
        found.push(member);
        true
    })?;
    Ok(found)
}

pub fn asset(reader: &(impl Reader + ?Sized), code: AssetCode) -> Result<Option<Asset>, StoreError> {
    Ok(match get(reader, Table::State, &StateKey::Asset(code).to_bytes())? {
        Some(StateValue::Asset(asset)) => Some(asset),
        _ => None,
    })
}

pub fn assets(reader: &(impl Reader + ?Sized)) -> Result<Vec<Asset>, StoreError> {
    let mut found = Vec::new();
    scan_state(reader, &[ASSET_KIND], &mut |_, value| {
        let StateValue::Asset(asset) = value else { return false };
        found.push(asset);
        true
    })?;
    Ok(found)
}

pub fn id_record(reader: &(impl Reader + ?Sized), key: &IdKey) -> Result<Option<IdRecord>, StoreError> {
    get(reader, Table::Ids, &encode(key))
}

/// Members that have used an id for a transfer or something else with an id of its own, in order of their names.
pub fn users_of_id(reader: &(impl Reader + ?Sized), id: Uuid) -> Result<Vec<MemberId>, StoreError> {
    // The submitter's name comes last in the key.
    let prefix = encode(&(id, IdKind::Transfer));
    let (mut users, mut failed) = (Vec::new(), None);
    reader.scan(Table::Ids, &prefix, &mut |key, _| {
        let Some(submitter) = key.strip_prefix(prefix.as_slice()) else { return false };
        match parse(submitter) {
            Ok(submitter) => users.push(submitter),
            Err(error) => failed = Some(error),
        }
        failed.is_none()
    })?;
    failed.map_or(Ok(users), Err)
}

fn scan_state(
    reader: &(impl Reader + ?Sized),
    from: &[u8],
    visit: &mut dyn FnMut(StateKey, StateValue) -> bool,
) -> Result<(), StoreError> {
    let mut failed = None;
    reader.scan(Table::State, from, &mut |key, value| match (parse(key), parse(value)) {
        (Ok(key), Ok(value)) => visit(key, value),
        (Err(error), _) | (_, Err(error)) => {
            failed = Some(error);
            false
        }
    })?;
    failed.map_or(Ok(()), Err)
}

fn get<T: BorshSerialize + BorshDeserialize>(
    reader: &(impl Reader + ?Sized),
    table: Table,
    key: &[u8],
) -> Result<Option<T>, StoreError> {
    reader.get(table, key)?.map(|bytes| parse(&bytes)).transpose()
}

/// Rows were written here: that they decode is taken on trust only as far as it is checked.
pub(crate) fn parse<T: BorshSerialize + BorshDeserialize>(bytes: &[u8]) -> Result<T, StoreError> {
    decode(bytes, bytes.len()).map_err(|error| StoreError::Corrupt(format!("a row does not decode: {error}")))
}

/// First bytes of the canonical state keys (`StateKey`).
const MEMBER_KIND: u8 = 3;
const ASSET_KIND: u8 = 4;
