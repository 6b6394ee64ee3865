//! From rows back to what stands in blocks.

use super::{
    AccountRow, Counters, ReferencePlace, Run, account_key, height_in, member_bit, reference_key, reference_prefix,
};
use crate::{
    query,
    records::{At, Record, Records, Wanted},
    store::{Reader, StoreError, Table},
    stored::StoredBlock,
};
use concordat_ledger::{BlockEvent, Booking, ItemBooking, TransactionResult, bookings};
use concordat_types::{AccountId, Height, Leg, MemberId, Reference, Transaction};

/// The posted counters of an account after a height.
pub fn balance(index: &(impl Reader + ?Sized), account: &AccountId, height: Height) -> Result<Counters, StoreError> {
    let mut found = Ok(Counters::default());
    index.scan_back(Table::IndexAccounts, &account_key(account, height), &mut |key, value| {
        if key.starts_with(&account.0) {
            found = query::parse(value).map(|row: AccountRow| row.after);
        }
        false
    })?;
    found
}

/// Where in an account's bookings, or in the finds of a reference, somebody stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Position {
    pub height: Height,
    /// Place in the block's row, from 0.
    pub place: u32,
}

/// A booking as the owner of one of its accounts sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    pub record: Record,
    pub leg: Leg,
    pub is_debit: bool,
    /// Of the account, after this entry.
    pub after: Counters,
}

/// What an answer may hold, and what it may cost to find.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cut {
    pub entries_max: usize,
    /// Bytes of blocks that are read; at least one block is.
    pub bytes_max: usize,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    pub entries: Vec<Entry>,
    /// Where the next page begins. None: this is the last.
    pub next: Option<Position>,
    /// Before the first entry of the page.
    pub before: Counters,
}

/// An account's bookings in order, from a position up to a height.
pub fn entries(
    index: &dyn Reader,
    chain: &dyn Reader,
    account: &AccountId,
    from: Position,
    to: Height,
    cut: Cut,
) -> Result<Page, StoreError> {
    let before = match from.height.previous() {
        Some(height) => balance(index, account, height)?,
        None => Counters::default(),
    };
    let mut page = Page { entries: Vec::new(), next: None, before };
    let (mut at, mut running, mut bytes) = (from, before, 0);
    while let Some((height, row)) = next_row(index, account, at.height, to)? {
        let first = if height == at.height { at.place } else { 0 };
        if page.entries.len() >= cut.entries_max || bytes >= cut.bytes_max {
            page.next = Some(Position { height, place: first });
            break;
        }
        let block = read_block(chain, height)?;
        bytes += block.bytes;
        let rows = BlockOfAccount { chain, block: &block, account, row: &row };
        running = rows.add_entries(running, first, cut.entries_max, &mut page)?;
        if page.next.is_some() {
            break;
        }
        at = Position { height: height.next(), place: 0 };
    }
    Ok(page)
}

/// A block's bookings on an account.
struct BlockOfAccount<'a> {
    chain: &'a dyn Reader,
    block: &'a StoredBlock,
    account: &'a AccountId,
    row: &'a AccountRow,
}

impl BlockOfAccount<'_> {
    /// Adds entries from a place on, as many as the page takes; gives the counters after the last that was looked at.
    fn add_entries(
        &self,
        mut running: Counters,
        first: u32,
        entries_max: usize,
        page: &mut Page,
    ) -> Result<Counters, StoreError> {
        let BlockOfAccount { chain, block, account, row } = self;
        let mut records = Records::new(*chain, block);
        let mut place = 0;
        for run in &row.runs {
            let of_transaction = match run.tx_index {
                Run::EVENTS => None,
                tx_index => {
                    let found = block.transaction(tx_index)?;
                    Some(found.ok_or_else(|| self.corrupt("there is no such transaction"))?)
                }
            };
            let booked = match &of_transaction {
                Some((transaction, result)) => self.booked(transaction, result, run)?,
                None => self.booked_by_events(run)?,
            };
            for (at, booking) in booked {
                let is_debit = booking.debit_account == **account;
                let (debits_posted, credits_posted) = if is_debit { (booking.amount, 0) } else { (0, booking.amount) };
                let after = running.checked_add(Counters { debits_posted, credits_posted });
                let after = after.ok_or_else(|| self.corrupt("the counters overflow"))?;
                if place < first {
                    page.before = after;
                } else if page.entries.len() == entries_max {
                    page.next = Some(Position { height: block.header.height, place });
                    return Ok(running);
                } else {
                    let wanted: &mut Wanted<'_> = &mut |_| Ok(true);
                    let record = match &of_transaction {
                        Some((transaction, result)) => records.of_transaction(transaction, result, at, wanted)?,
                        None => records.of_event(run.first, wanted)?,
                    };
                    let record = record.ok_or_else(|| self.corrupt("a booking is of no item"))?;
                    let Booking { debit_account, credit_account, amount } = booking;
                    let leg = Leg { debit_account, credit_account, amount };
                    page.entries.push(Entry { record, leg, is_debit, after });
                }
                (running, place) = (after, place + 1);
            }
        }
        if running == row.after { Ok(running) } else { Err(self.corrupt("the counters do not add up")) }
    }

    fn booked(
        &self,
        transaction: &Transaction,
        result: &TransactionResult,
        run: &Run,
    ) -> Result<Vec<(At, Booking)>, StoreError> {
        let booked = bookings(transaction, result).into_iter().skip(run.first as usize).take(run.count as usize);
        let at = |operation, item| At::Item { tx_index: run.tx_index, operation, item };
        let booked: Vec<(At, Booking)> =
            booked.map(|ItemBooking { operation, item, booking }| (at(operation, item), booking)).collect();
        self.check_own(booked, run)
    }

    /// An event books once at most, and has a run of its own.
    fn booked_by_events(&self, run: &Run) -> Result<Vec<(At, Booking)>, StoreError> {
        let event = self.block.events.get(run.first as usize);
        let booked = event.and_then(BlockEvent::booking).map(|booking| (At::Event { index: run.first }, booking));
        self.check_own(booked.into_iter().collect(), run)
    }

    fn check_own(&self, booked: Vec<(At, Booking)>, run: &Run) -> Result<Vec<(At, Booking)>, StoreError> {
        let is_own =
            |(_, booking): &(At, Booking)| [booking.debit_account, booking.credit_account].contains(self.account);
        if booked.len() == run.count as usize && booked.iter().all(is_own) {
            return Ok(booked);
        }
        Err(self.corrupt("there are no such bookings"))
    }

    fn corrupt(&self, what: &str) -> StoreError {
        let (account, height) = (self.account, self.block.header.height);
        StoreError::Corrupt(format!("the index row of account {account} at height {height}: {what}"))
    }
}

/// The first row of the account at a height or above.
fn next_row(
    index: &dyn Reader,
    account: &AccountId,
    from: Height,
    to: Height,
) -> Result<Option<(Height, AccountRow)>, StoreError> {
    let mut found = Ok(None);
    index.scan(Table::IndexAccounts, &account_key(account, from), &mut |key, value| {
        if let Some(height) = height_in(key, &account.0).filter(|height| *height <= to) {
            found = query::parse(value).map(|row| Some((height, row)));
        }
        false
    })?;
    found
}

fn read_block(chain: &dyn Reader, height: Height) -> Result<StoredBlock, StoreError> {
    let missing = || StoreError::Corrupt(format!("the index knows a block of height {height}, the chain does not"));
    StoredBlock::read(chain, height)?.ok_or_else(missing)
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    /// The newest first.
    pub records: Vec<Record>,
    /// Where to go on before. None: nothing older is left.
    pub next: Option<Position>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Search {
    pub reference: Reference,
    /// Only what this member is party to; None: everything.
    pub member: Option<MemberId>,
    /// Only what is older.
    pub before: Option<Position>,
}

/// What carries the reference itself and is wanted.
pub fn find(
    index: &dyn Reader,
    chain: &dyn Reader,
    search: Search,
    cut: Cut,
    wanted: &mut Wanted<'_>,
) -> Result<Found, StoreError> {
    let bit = search.member.map_or(u64::MAX, |member| member_bit(&member));
    let mut found = Found { records: Vec::new(), next: None };
    let mut at = search.before.unwrap_or(Position { height: Height(u64::MAX), place: 0 });
    let mut bytes = 0;
    while let Some(ReferenceRow { height, places, bytes: of_row }) = row_before(index, &search.reference, at)? {
        bytes += of_row;
        let is_before = |place: u32| Position { height, place } < at;
        let candidates = (0u32..).zip(places).filter(|(number, place)| is_before(*number) && place.parties & bit != 0);
        let candidates: Vec<_> = candidates.collect();
        if !candidates.is_empty() {
            let block = read_block(chain, height)?;
            bytes += block.bytes;
            let mut records = Records::new(chain, &block);
            add_found(&mut records, &block, &search.reference, &candidates, cut.entries_max, &mut found, wanted)?;
        }
        at = Position { height, place: 0 };
        if found.next.is_none() && (found.records.len() >= cut.entries_max || bytes >= cut.bytes_max) {
            found.next = Some(at);
        }
        if found.next.is_some() {
            break;
        }
    }
    Ok(found)
}

/// The last first, until the page is full.
fn add_found(
    records: &mut Records<'_>,
    block: &StoredBlock,
    reference: &Reference,
    candidates: &[(u32, ReferencePlace)],
    entries_max: usize,
    found: &mut Found,
    wanted: &mut Wanted<'_>,
) -> Result<(), StoreError> {
    let height = block.header.height;
    for same in candidates.chunk_by(|(_, a), (_, b)| a.tx_index == b.tx_index).rev() {
        let tx_index = same[0].1.tx_index;
        let missing = || StoreError::Corrupt(format!("the block of height {height} has no transaction {tx_index}"));
        let (transaction, result) = block.transaction(tx_index)?.ok_or_else(missing)?;
        for (number, ReferencePlace { operation, item, .. }) in same.iter().rev() {
            if found.records.len() >= entries_max {
                found.next = Some(Position { height, place: number + 1 });
                return Ok(());
            }
            let at = At::Item { tx_index, operation: *operation, item: *item };
            let record = records.of_transaction(&transaction, result, at, wanted)?;
            // Two references may share a row.
            found.records.extend(record.filter(|record| record.reference == *reference));
        }
    }
    Ok(())
}

struct ReferenceRow {
    height: Height,
    places: Vec<ReferencePlace>,
    bytes: usize,
}

/// The newest row of the reference that has something before a position.
fn row_before(index: &dyn Reader, reference: &Reference, before: Position) -> Result<Option<ReferenceRow>, StoreError> {
    // Below its first place a block has nothing.
    let height = if before.place == 0 { before.height.previous() } else { Some(before.height) };
    let Some(height) = height else { return Ok(None) };
    let prefix = reference_prefix(reference);
    let mut found = Ok(None);
    index.scan_back(Table::IndexReferences, &reference_key(&prefix, height), &mut |key, value| {
        if let Some(height) = height_in(key, &prefix) {
            let bytes = value.len();
            found = query::parse(value).map(|places| Some(ReferenceRow { height, places, bytes }));
        }
        false
    })?;
    found
}
