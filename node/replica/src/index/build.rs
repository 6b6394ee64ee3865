//! From blocks to rows.

use super::{
    AccountRow, Counters, IndexTip, META_TIP, ReferencePlace, Run, account_key, member_bit, reference_key,
    reference_prefix, tip,
};
use crate::{
    query,
    recent::Recent,
    records,
    store::{Reader, Store, StoreError, Table, WriteBatch},
    stored::StoredBlock,
};
use concordat_ledger::{Booking, bookings};
use concordat_types::{AccountId, Height, Reference, Transaction, encode};
use std::{collections::BTreeMap, sync::Arc};

/// Which of the two has gone bad: an index is made anew, a chain is not.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IndexError {
    #[error("the index: {0}")]
    Index(#[source] StoreError),
    #[error("the chain: {0}")]
    Chain(#[source] StoreError),
}

/// Writes the index. There is one, as there is one writer.
pub struct Indexer {
    store: Box<dyn Store>,
    /// None: it holds nothing yet.
    tip: Option<IndexTip>,
    /// Of accounts that this write changes.
    changed: BTreeMap<AccountId, Counters>,
    counters: Recent<AccountId, Counters>,
    /// `member_bit` of owners; 0 where there is no such account.
    owners: Recent<AccountId, u64>,
}

impl std::fmt::Debug for Indexer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Indexer({:?})", self.tip)
    }
}

/// What a block does to an account.
#[derive(Default)]
struct Touched {
    booked: Counters,
    runs: Vec<Run>,
}

impl Indexer {
    pub fn open(store: Box<dyn Store>) -> Result<Indexer, StoreError> {
        let tip = tip(&*store)?;
        let (counters, owners) = (Recent::new(ACCOUNTS_CACHED_MAX), Recent::new(ACCOUNTS_CACHED_MAX));
        Ok(Indexer { store, tip, changed: BTreeMap::new(), counters, owners })
    }

    /// All blocks up to this one are in it.
    pub fn height(&self) -> Height {
        self.tip.map_or(Height(0), |tip| tip.height)
    }

    pub fn snapshot(&self) -> Arc<dyn Reader> {
        self.store.snapshot()
    }

    /// Takes in a part of what the chain is ahead, in one write. False: it is not ahead.
    pub fn advance(&mut self, chain: &dyn Reader) -> Result<bool, IndexError> {
        let chain_tip = query::tip(chain).map_err(IndexError::Chain)?.map_or(Height(0), |tip| tip.height);
        // After a crash the store may have lost what the index had seen; the chain comes to the same blocks again.
        if chain_tip <= self.height() {
            return Ok(false);
        }
        self.check_chain(chain)?;
        let mut batch = WriteBatch::default();
        let (mut blocks, mut booked) = (0, 0);
        let mut tip = None;
        for height in (self.height().0 + 1..=chain_tip.0).map(Height) {
            if blocks == BLOCKS_A_WRITE_MAX || booked >= BOOKINGS_A_WRITE {
                break;
            }
            let block = StoredBlock::read(chain, height).map_err(IndexError::Chain)?;
            let missing = || IndexError::Chain(StoreError::Corrupt(format!("there is no block of height {height}")));
            let block = block.ok_or_else(missing)?;
            booked += self.add(chain, &block, height == chain_tip, &mut batch)?;
            blocks += 1;
            tip = Some(IndexTip { height, block: block.certificate.block });
        }
        let Some(tip) = tip else { return Ok(false) };
        batch.put(Table::IndexMeta, META_TIP, encode(&tip));
        self.store.write(batch).map_err(IndexError::Index)?;
        for (account, counters) in std::mem::take(&mut self.changed) {
            self.counters.insert(account, counters);
        }
        self.tip = Some(tip);
        Ok(true)
    }

    /// Is it this chain that the index is of?
    fn check_chain(&self, chain: &dyn Reader) -> Result<(), IndexError> {
        let Some(IndexTip { height, block }) = self.tip else { return Ok(()) };
        let found = query::header(chain, height).map_err(IndexError::Chain)?.map(|(_, certificate)| certificate.block);
        if found == Some(block) {
            return Ok(());
        }
        let cause = format!("it is of a chain with block {block} at height {height}, here it is {found:?}");
        Err(IndexError::Index(StoreError::Corrupt(cause)))
    }

    /// Gives how many bookings the block has.
    fn add(
        &mut self,
        chain: &dyn Reader,
        block: &StoredBlock,
        is_tip: bool,
        batch: &mut WriteBatch,
    ) -> Result<usize, IndexError> {
        let height = block.header.height;
        let mut touched: BTreeMap<AccountId, Touched> = BTreeMap::new();
        let mut references: BTreeMap<Reference, Vec<ReferencePlace>> = BTreeMap::new();
        let mut count = 0;
        for (index, event) in (0u32..).zip(&block.events) {
            if let Some(booking) = event.booking() {
                touch(&mut touched, &booking, Run::EVENTS, index);
                count += 1;
            }
        }
        for tx_index in 0..block.transactions.len() as u32 {
            let read = block.transaction(tx_index).map_err(IndexError::Chain)?;
            let Some((transaction, result)) = read else { break };
            if result.repeat {
                continue;
            }
            for (number, booked) in (0u32..).zip(bookings(&transaction, result)) {
                touch(&mut touched, &booked.booking, tx_index, number);
                count += 1;
            }
            for (operation, item, reference) in records::references(&transaction) {
                if result.operations[usize::from(operation)].repeats.binary_search(&item).is_err() {
                    let parties = self.parties(chain, &transaction, operation, item).map_err(IndexError::Chain)?;
                    let place = ReferencePlace { tx_index, operation, item, parties };
                    references.entry(reference).or_default().push(place);
                }
            }
        }
        for (account, Touched { booked, runs }) in touched {
            let after = self.after(chain, &account, height, is_tip, booked)?;
            self.changed.insert(account, after);
            batch.put(Table::IndexAccounts, account_key(&account, height), encode(&AccountRow { after, runs }));
        }
        let mut rows: BTreeMap<[u8; 8], Vec<ReferencePlace>> = BTreeMap::new();
        for (reference, places) in references {
            rows.entry(reference_prefix(&reference)).or_default().extend(places);
        }
        for (prefix, mut places) in rows {
            // Two references may share a row.
            places.sort_unstable_by_key(|place| (place.tx_index, place.operation, place.item));
            batch.put(Table::IndexReferences, reference_key(&prefix, height), encode(&places));
        }
        Ok(count)
    }

    /// An account's counters after a block.
    fn after(
        &mut self,
        chain: &dyn Reader,
        account: &AccountId,
        height: Height,
        is_tip: bool,
        booked: Counters,
    ) -> Result<Counters, IndexError> {
        let known = self.changed.get(account).copied().or_else(|| self.counters.get(account));
        let before = match known {
            Some(before) => before,
            // The state of the chain's tip has them, and has just been written.
            None if is_tip => {
                let account = query::account(chain, account).map_err(IndexError::Chain)?;
                let after = account.map(|account| {
                    let (debits_posted, credits_posted) = (account.debits_posted, account.credits_posted);
                    Counters { debits_posted, credits_posted }
                });
                let missing = || IndexError::Chain(StoreError::Corrupt("an account that was booked on".to_owned()));
                return after.ok_or_else(missing);
            }
            None => super::balance(&*self.store, account, height).map_err(IndexError::Index)?,
        };
        let overflow = || IndexError::Index(StoreError::Corrupt(format!("counters of account {account}")));
        before.checked_add(booked).ok_or_else(overflow)
    }

    fn parties(
        &mut self,
        chain: &dyn Reader,
        transaction: &Transaction,
        operation: u16,
        item: u32,
    ) -> Result<u64, StoreError> {
        let mut parties = member_bit(&transaction.submitter);
        for leg in records::legs_of(chain, transaction, operation, item)? {
            parties |= self.owner(chain, &leg.debit_account)? | self.owner(chain, &leg.credit_account)?;
        }
        Ok(parties)
    }

    fn owner(&mut self, chain: &dyn Reader, account: &AccountId) -> Result<u64, StoreError> {
        if let Some(bit) = self.owners.get(account) {
            return Ok(bit);
        }
        let bit = query::account(chain, account)?.map_or(0, |account| member_bit(&account.owner));
        // An account that is not there may be opened yet.
        if bit != 0 {
            self.owners.insert(*account, bit);
        }
        Ok(bit)
    }
}

fn touch(touched: &mut BTreeMap<AccountId, Touched>, booking: &Booking, tx_index: u32, number: u32) {
    let sides = [
        (booking.debit_account, Counters { debits_posted: booking.amount, credits_posted: 0 }),
        (booking.credit_account, Counters { debits_posted: 0, credits_posted: booking.amount }),
    ];
    for (account, amount) in sides {
        let Touched { booked, runs } = touched.entry(account).or_default();
        *booked = booked.checked_add(amount).expect("the ledger's counters did not overflow, and these are smaller");
        match runs.last_mut() {
            Some(run) if run.tx_index == tx_index && run.first + run.count == number && tx_index != Run::EVENTS => {
                run.count += 1;
            }
            _ => runs.push(Run { tx_index, first: number, count: 1 }),
        }
    }
}

/// As many as a full block has.
const BOOKINGS_A_WRITE: usize = 32_768;
/// Empty ones are soon read.
const BLOCKS_A_WRITE_MAX: usize = 256;
/// About 60 bytes each: some 8 MB a cache.
const ACCOUNTS_CACHED_MAX: usize = 128 << 10;
