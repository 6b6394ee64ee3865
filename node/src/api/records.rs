//! Records as a caller may see them: who is party to one, and how it goes over the wire.

use super::authorise::{Act, authorise};
use crate::{error::of_store, registry::Caller};
use concordat_ledger::{PendingState, StateValue};
use concordat_proto::{
    codes::CodedError,
    convert,
    v1::{self, found_record, record},
};
use concordat_replica::{
    index::Entry,
    query,
    records::{At, Kind, Parties, Record},
    store::{Reader, StoreError},
};
use concordat_types::{AccountId, Leg, MemberId, PendingRef, names::AccountPath};
use std::collections::BTreeMap;

/// What a caller sees of the accounts in records, each looked up once.
pub struct Sight<'a> {
    reader: &'a dyn Reader,
    caller: &'a Caller,
    accounts: BTreeMap<AccountId, Option<AccountPath>>,
}

impl<'a> Sight<'a> {
    pub fn new(reader: &'a dyn Reader, caller: &'a Caller) -> Sight<'a> {
        Sight { reader, caller, accounts: BTreeMap::new() }
    }

    /// None: everything is to be seen.
    pub fn member(&self) -> Option<MemberId> {
        (!self.caller.sees_all()).then_some(self.caller.member)
    }

    /// Does the caller see what these have to do with each other?
    pub fn sees(&mut self, parties: Parties<'_>) -> Result<bool, StoreError> {
        if authorise(self.caller, Act::ReadOf(&parties.submitter)).is_ok() {
            return Ok(true);
        }
        for leg in parties.legs {
            for account in [leg.debit_account, leg.credit_account] {
                let owner = self.path(&account)?.map(|path| path.member);
                if owner.is_some_and(|owner| authorise(self.caller, Act::ReadOf(&owner)).is_ok()) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn path(&mut self, account: &AccountId) -> Result<Option<AccountPath>, StoreError> {
        if let Some(known) = self.accounts.get(account) {
            return Ok(*known);
        }
        let path = query::account(self.reader, account)?.map(|account| account.path());
        self.accounts.insert(*account, path);
        Ok(path)
    }

    fn name(&mut self, account: &AccountId) -> Result<String, StoreError> {
        Ok(self.path(account)?.map_or(String::new(), |path| path.to_string()))
    }

    /// For those who see it.
    pub fn record(&mut self, record: &Record) -> Result<v1::Record, StoreError> {
        let legs = record.legs.iter().map(|leg| self.leg(leg)).collect::<Result<_, _>>()?;
        Ok(v1::Record {
            height: record.height.0,
            time_ms: record.time.0,
            leaf: record.leaf,
            at: Some(place_of(record.at)),
            kind: kind_of(record.kind) as i32,
            submitter: record.submitter.to_string(),
            id: record.id.0.to_vec(),
            pending: record.pending.map(pending_of),
            legs,
            booked: record.booked,
            result: u32::from(record.code.number()),
            repeat: record.repeat,
            reference: record.reference.to_string(),
            purpose: record.purpose.to_string(),
            document: record.document.map_or(Vec::new(), |document| document.0.to_vec()),
            until_ms: record.until.map_or(0, |until| until.0),
        })
    }

    fn leg(&mut self, leg: &Leg) -> Result<v1::Leg, StoreError> {
        Ok(v1::Leg {
            debit_account_id: leg.debit_account.0.to_vec(),
            debit_account: self.name(&leg.debit_account)?,
            credit_account_id: leg.credit_account.0.to_vec(),
            credit_account: self.name(&leg.credit_account)?,
            amount: convert::amount_to_bytes(leg.amount),
        })
    }

    pub fn entry(&mut self, entry: &Entry) -> Result<v1::StatementEntry, StoreError> {
        let Leg { debit_account, credit_account, amount } = entry.leg;
        let counterparty = if entry.is_debit { credit_account } else { debit_account };
        Ok(v1::StatementEntry {
            record: Some(self.record(&entry.record)?),
            is_debit: entry.is_debit,
            amount: convert::amount_to_bytes(amount),
            counterparty_account_id: counterparty.0.to_vec(),
            counterparty_account: self.name(&counterparty)?,
            debits_posted: convert::amount_to_bytes(entry.after.debits_posted),
            credits_posted: convert::amount_to_bytes(entry.after.credits_posted),
        })
    }

    /// With what has become of it by now.
    pub fn found(&mut self, record: &Record) -> Result<v1::FoundRecord, StoreError> {
        let is_made = matches!(record.kind, Kind::Hold | Kind::Offer) && record.happened();
        let state = match is_made {
            true => self.state_of(PendingRef { submitter: record.submitter, id: record.id })?,
            false => found_record::State::None,
        };
        Ok(v1::FoundRecord { record: Some(self.record(record)?), state: state as i32 })
    }

    fn state_of(&self, pending: PendingRef) -> Result<found_record::State, StoreError> {
        let state = match query::pending(self.reader, pending)? {
            Some(StateValue::Hold(hold)) => hold.state,
            Some(StateValue::Offer(offer)) => offer.state,
            _ => return Ok(found_record::State::Ended),
        };
        Ok(match state {
            PendingState::Open => found_record::State::Open,
            PendingState::Posted => found_record::State::Posted,
            PendingState::Voided => found_record::State::Voided,
            PendingState::Expired => found_record::State::Expired,
        })
    }
}

fn place_of(at: At) -> record::At {
    match at {
        At::Event { index } => record::At::Event(index),
        At::Item { tx_index, operation, item } => {
            record::At::Place(record::Place { tx_index, operation: u32::from(operation), item })
        }
    }
}

fn pending_of(pending: PendingRef) -> v1::PendingRef {
    v1::PendingRef { submitter: pending.submitter.to_string(), id: pending.id.0.to_vec() }
}

fn kind_of(kind: Kind) -> record::Kind {
    match kind {
        Kind::Transfer => record::Kind::Transfer,
        Kind::Issue => record::Kind::Issue,
        Kind::Redeem => record::Kind::Redeem,
        Kind::Hold => record::Kind::Hold,
        Kind::Post => record::Kind::Post,
        Kind::Void => record::Kind::Void,
        Kind::Offer => record::Kind::Offer,
        Kind::Accept => record::Kind::Accept,
        Kind::Cancel => record::Kind::Cancel,
        Kind::Expiry => record::Kind::Expiry,
        Kind::Vote => record::Kind::Vote,
    }
}

pub fn of_chain(error: StoreError) -> CodedError {
    of_store(&error)
}
