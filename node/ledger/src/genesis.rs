//! The state before the first block.

use crate::{
    evidence::EvidenceRecord,
    governance::Governance,
    participation::Participation,
    state::{StateKey, StateValue},
    window::{IdWindow, first_minute},
};
use alloc::{collections::BTreeMap, vec, vec::Vec};
use concordat_types::{Account, AccountId, Asset, BusinessDate, Genesis, Height, money::AccountFlags};

/// Members, assets, an issuance account each, parameters and the validator set, which decides heights 1 and 2. Panics
/// where `Genesis::check` was not called or its error ignored.
pub fn genesis_state(genesis: &Genesis) -> BTreeMap<StateKey, StateValue> {
    let mut state = BTreeMap::new();
    let validators = genesis.validators().expect("Genesis::check accepted the validators");
    let window = IdWindow { swept_before: first_minute(genesis.time, &genesis.parameters) };
    state.insert(StateKey::Parameters, StateValue::Parameters(genesis.parameters.clone()));
    state.insert(StateKey::ValidatorsNext, StateValue::Validators(validators.clone()));
    state.insert(StateKey::ValidatorSets, StateValue::ValidatorSets(vec![Height(1)]));
    state.insert(StateKey::ValidatorsFrom(Height(1)), StateValue::Validators(validators.clone()));
    state.insert(StateKey::Evidence, StateValue::Evidence(EvidenceRecord::at_genesis(genesis.time)));
    state.insert(StateKey::Governance, StateValue::Governance(Governance::at_genesis(genesis.trial)));
    state.insert(StateKey::BlockMarks, StateValue::BlockMarks(Vec::new()));
    let members = genesis.members.iter().map(|member| member.id).collect();
    state.insert(StateKey::MemberList, StateValue::MemberList(members));
    for member in &genesis.members {
        let owned = member.key_names().into_iter();
        state.extend(owned.map(|key| (StateKey::KeyOwner(key), StateValue::KeyOwner(member.id))));
    }
    state.insert(StateKey::Participation, StateValue::Participation(Participation::default()));
    state.insert(StateKey::ValidatorsAfterNext, StateValue::Validators(validators));
    state.insert(StateKey::IdWindow, StateValue::IdWindow(window));
    state.insert(StateKey::BusinessDate, StateValue::BusinessDate(BusinessDate::of(genesis.time)));
    for member in &genesis.members {
        state.insert(StateKey::Member(member.id), StateValue::Member(member.clone()));
    }
    for asset in &genesis.assets {
        let account = issuance_account(asset);
        state.insert(StateKey::Account(AccountId::new(&account.path())), StateValue::Account(account));
        state.insert(StateKey::Asset(asset.code), StateValue::Asset(asset.clone()));
    }
    state
}

/// Supply is a public fact, so nothing blinds it.
pub(crate) fn issuance_account(asset: &Asset) -> Account {
    let path = asset.issuance_account();
    Account {
        owner: path.member,
        asset: path.asset,
        name: path.name,
        flags: AccountFlags::ISSUANCE,
        parent: None,
        customer: None,
        tier: None,
        children: 0,
        debits_posted: 0,
        credits_posted: 0,
        debits_pending: 0,
        credits_pending: 0,
        blinding: [0; 16],
    }
}
