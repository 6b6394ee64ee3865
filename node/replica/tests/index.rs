//! The index against what stands in the chain: a random life of two banks, and every question asked in two ways.

#![allow(clippy::unwrap_used)]

mod alone;

use alone::{Alone, BANKS, account, issue, name, open_account, reference, transfer};
use concordat_replica::{
    index::{self, Counters, Cut, Entry, IndexError, Indexer, Position, Search},
    memory::MemoryStore,
    query,
    records::{Kind, Record, Records, first_use},
    store::{Store, StoreError, Table, WriteBatch},
    stored::StoredBlock,
};
use concordat_types::{
    AccountId, BatchMode, Height, Hold, HoldSide, Leg, MemberId, Offer, Operation, PendingRef, Purpose, ResultCode,
    Timestamp, Uuid,
};
use std::collections::{BTreeMap, BTreeSet};

const ACCOUNTS: [&str; 4] = ["bank-a/EUR/main", "bank-a/EUR/x", "bank-b/EUR/main", "bank-b/EUR/x"];
const REFERENCES: [&str; 4] = ["", "INV-1", "INV-2", "SALARIES"];
const ALL: Cut = Cut { entries_max: usize::MAX, bytes_max: usize::MAX };

/// Draws from a number (Marsaglia's xorshift).
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn of<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len() as u64) as usize]
    }
}

/// What was lived through.
struct Life {
    alone: Alone,
    draw: Draw,
    /// Live, one block after the other.
    indexer: Indexer,
    index: Shared,
    /// Counters of all accounts as the state had them.
    states: BTreeMap<Height, Vec<(AccountId, Counters)>>,
    pending: Vec<(PendingRef, bool)>,
    ids: Vec<Uuid>,
}

type Shared = alone::SharedStore;

impl Life {
    fn new(seed: u64) -> Life {
        let mut alone = Alone::new();
        for bank in BANKS {
            alone.book(bank, vec![open_account("main"), open_account("x")]);
        }
        let index = Shared::default();
        let indexer = Indexer::open(Box::new(index.clone())).unwrap();
        let draw = Draw(seed);
        Life { alone, draw, indexer, index, states: BTreeMap::new(), pending: Vec::new(), ids: Vec::new() }
    }

    fn live(&mut self, rounds: usize) {
        for _ in 0..rounds {
            let count = 1 + self.draw.below(3);
            let transactions: Vec<_> = (0..count)
                .map(|_| {
                    let submitter = self.draw.of(&["bank-a", "bank-b", "bank-a", "bank-b", "central-bank"]);
                    let operations = (0..1 + self.draw.below(2)).map(|_| self.operation(submitter)).collect();
                    self.alone.transaction(submitter, operations)
                })
                .collect();
            self.alone.submit_all(&transactions).unwrap();
            if self.draw.below(10) == 0 {
                // The very same again.
                self.alone.submit(&transactions[0]).unwrap();
            }
            self.take_in();
            let pause = self.draw.below(4_000);
            self.alone.wait(pause);
        }
    }

    /// Brings the live index up to the tip, and keeps the state.
    fn take_in(&mut self) {
        let snapshot = self.alone.store.snapshot();
        while self.indexer.advance(&*snapshot).unwrap() {}
        let tip = query::tip(&*snapshot).unwrap().unwrap();
        assert_eq!(self.indexer.height(), tip.height);
        let accounts = query::accounts_of(&*snapshot, None, None, usize::MAX).unwrap();
        let counters = accounts.into_iter().map(|(id, account)| {
            let (debits_posted, credits_posted) = (account.debits_posted, account.credits_posted);
            (id, Counters { debits_posted, credits_posted })
        });
        self.states.insert(tip.height, counters.collect());
    }

    fn id(&mut self) -> Uuid {
        // Now and then one that was used before.
        if !self.ids.is_empty() && self.draw.below(12) == 0 {
            return self.ids[self.draw.below(self.ids.len() as u64) as usize];
        }
        let id = self.alone.new_id();
        self.ids.push(id);
        id
    }

    fn operation(&mut self, submitter: &str) -> Operation {
        let own: Vec<&str> = ACCOUNTS.into_iter().filter(|path| path.starts_with(submitter)).collect();
        let (id, to, amount) = (self.id(), self.draw.of(&ACCOUNTS), u128::from(self.draw.below(30)));
        if submitter == "central-bank" {
            return issue(id, to, amount * 10);
        }
        let from = self.draw.of(&own);
        let memo = reference(self.draw.of(&REFERENCES));
        let soon = Timestamp(self.alone.now_ms() + 1_000 + self.draw.below(20_000));
        let pending = PendingRef { submitter: name(submitter), id };
        match self.draw.below(9) {
            0 => {
                let mode = if self.draw.below(2) == 0 { BatchMode::All } else { BatchMode::Each };
                let count = 1 + self.draw.below(6);
                let transfers = (0..count).map(|_| {
                    let (id, to) = (self.id(), self.draw.of(&ACCOUNTS));
                    let reference = reference(self.draw.of(&REFERENCES));
                    let amount = u128::from(self.draw.below(8));
                    concordat_types::Transfer { reference, ..transfer(id, from, to, amount) }
                });
                Operation::Batch { mode, transfers: transfers.collect() }
            }
            1 => Operation::Redeem { id, debit_account: account(from), amount, reference: memo },
            2 => {
                self.pending.push((pending, true));
                let posted_by = if self.draw.below(2) == 0 { HoldSide::Debtor } else { HoldSide::Creditor };
                Operation::Hold(Hold {
                    id,
                    debit_account: account(from),
                    credit_account: account(to),
                    amount,
                    expires_at: soon,
                    posted_by,
                    reference: memo,
                    purpose: Purpose::new("GDDS").unwrap(),
                    document: None,
                })
            }
            3 => {
                self.pending.push((pending, false));
                let mut leg = |from: &str, to: &str| Leg {
                    debit_account: account(from),
                    credit_account: account(to),
                    amount: 1 + u128::from(self.draw.below(5)),
                };
                let legs = vec![leg("bank-a/EUR/main", "bank-b/EUR/x"), leg("bank-b/EUR/main", "bank-a/EUR/x")];
                Operation::Offer(Offer { id, legs, deadline: soon, reference: memo, document: None })
            }
            4..=6 if !self.pending.is_empty() => {
                // One of the last few, which are likely to be open.
                let back = self.draw.below(self.pending.len().min(5) as u64) as usize;
                let (pending, is_hold) = self.pending[self.pending.len() - 1 - back];
                match (is_hold, self.draw.below(4)) {
                    (true, 0) => Operation::Void { hold: pending },
                    (true, _) => Operation::Post { id, hold: pending, amount: amount / 4 },
                    (false, 0) => Operation::Cancel { offer: pending },
                    (false, _) => Operation::Accept { offer: pending },
                }
            }
            _ => Operation::Transfer(concordat_types::Transfer { reference: memo, ..transfer(id, from, to, amount) }),
        }
    }

    fn chain(&self) -> &Shared {
        &self.alone.store
    }

    fn tip(&self) -> Height {
        query::tip(self.chain()).unwrap().unwrap().height
    }

    /// All records of the chain, in order.
    fn records(&self) -> Vec<Record> {
        let mut all = Vec::new();
        for height in (1..=self.tip().0).map(Height) {
            let block = StoredBlock::read(self.chain(), height).unwrap().unwrap();
            let mut take = |record| {
                all.push(record);
                true
            };
            Records::new(self.chain(), &block).visit(0, &mut |_| Ok(true), &mut take).unwrap();
        }
        all
    }

    fn is_party(&self, member: MemberId, record: &Record) -> bool {
        let mut accounts = record.legs.iter().flat_map(|leg| [leg.debit_account, leg.credit_account]);
        record.submitter == member || accounts.any(|account| self.owner(&account) == Some(member))
    }

    fn owner(&self, account: &AccountId) -> Option<MemberId> {
        query::account(self.chain(), account).unwrap().map(|account| account.owner)
    }
}

fn pages(life: &Life, account: &AccountId, from: u64, to: u64, cut: Cut) -> (Counters, Vec<Entry>) {
    let (mut all, mut before) = (Vec::new(), None);
    let mut at = Position { height: Height(from), place: 0 };
    loop {
        let page = index::entries(&life.index, life.chain(), account, at, Height(to), cut).unwrap();
        assert!(page.entries.len() <= cut.entries_max);
        let start = *before.get_or_insert(page.before);
        assert_eq!(page.before, all.last().map_or(start, |entry: &Entry| entry.after));
        all.extend(page.entries);
        match page.next {
            Some(next) => {
                assert!(next > at, "each page goes on");
                at = next;
            }
            None => return (start, all),
        }
    }
}

#[test]
fn an_index_made_on_the_way_and_one_made_afterwards_are_the_same() {
    for seed in 1..=3 {
        let mut life = Life::new(seed);
        life.live(60);
        let mut anew = MemoryStore::default();
        let shared = Shared::default();
        let mut indexer = Indexer::open(Box::new(shared.clone())).unwrap();
        while indexer.advance(life.chain()).unwrap() {}
        for table in Table::INDEX {
            assert_eq!(life.index.rows(*table), shared.rows(*table), "{table:?}, seed {seed}");
            for (key, value) in shared.rows(*table) {
                let mut batch = WriteBatch::default();
                batch.put(*table, key, value);
                anew.write(batch).unwrap();
            }
        }
        // Opened again it goes on where it was.
        let mut indexer = Indexer::open(Box::new(anew)).unwrap();
        assert!(!indexer.advance(life.chain()).unwrap());
        life.live(5);
        assert!(indexer.advance(life.chain()).unwrap());
    }
}

#[test]
fn balances_are_those_that_the_state_had_at_each_height() {
    let mut life = Life::new(11);
    life.live(80);
    for (height, accounts) in &life.states {
        for (account, expected) in accounts {
            assert_eq!(index::balance(&life.index, account, *height), Ok(*expected), "{account} at {height}");
        }
    }
    assert_eq!(index::balance(&life.index, &account("bank-a/EUR/none"), Height(9)), Ok(Counters::default()));
}

#[test]
fn statements_hold_every_booking_once_whatever_the_pages() {
    let mut life = Life::new(21);
    life.live(80);
    let (tip, records) = (life.tip(), life.records());
    for path in ACCOUNTS.into_iter().chain(["central-bank/EUR/issuance"]) {
        let id = account(path);
        let mut expected = Vec::new();
        for record in records.iter().filter(|record| record.booked) {
            for leg in record.legs.iter().filter(|leg| [leg.debit_account, leg.credit_account].contains(&id)) {
                expected.push((record.clone(), *leg, leg.debit_account == id));
            }
        }
        assert!(expected.len() > 15, "{path}: {}", expected.len());
        let (before, all) = pages(&life, &id, 1, u64::MAX, ALL);
        assert_eq!(before, Counters::default());
        let found: Vec<_> = all.iter().map(|entry| (entry.record.clone(), entry.leg, entry.is_debit)).collect();
        assert_eq!(found, expected, "{path}");
        let state = &life.states[&tip];
        let (_, counters) = state.iter().find(|(account, _)| *account == id).unwrap();
        assert_eq!(all.last().unwrap().after, *counters);
        for entries_max in [1, 2, 3, 7, 1000] {
            for bytes_max in [1, usize::MAX] {
                assert_eq!(pages(&life, &id, 1, u64::MAX, Cut { entries_max, bytes_max }).1, all);
            }
        }
        // A range of heights is what lies in it, with the counters before it.
        let (from, to) = (tip.0 / 3, 2 * tip.0 / 3);
        let (before, some) = pages(&life, &id, from, to, Cut { entries_max: 2, bytes_max: usize::MAX });
        let inside = |entry: &&Entry| (from..=to).contains(&entry.record.height.0);
        assert_eq!(some, all.iter().filter(inside).cloned().collect::<Vec<_>>());
        assert_eq!(Ok(before), index::balance(&life.index, &id, Height(from - 1)));
    }
}

#[test]
fn references_are_found_by_those_who_are_party_the_newest_first() {
    let mut life = Life::new(31);
    life.live(80);
    let records = life.records();
    let with_own = |record: &&Record| {
        matches!(record.kind, Kind::Transfer | Kind::Issue | Kind::Redeem | Kind::Hold | Kind::Offer) && !record.repeat
    };
    for text in ["INV-1", "INV-2", "SALARIES", "INV-3"] {
        let reference = reference(text);
        for member in [None, Some(name("bank-a")), Some(name("bank-b")), Some(name("central-bank"))] {
            let may_see = |record: &&Record| member.is_none_or(|member| life.is_party(member, record));
            let of_reference = records.iter().rev().filter(|record| record.reference == reference);
            let expected: Vec<_> = of_reference.filter(with_own).filter(may_see).cloned().collect();
            assert_eq!(
                expected.is_empty(),
                text == "INV-3" || member == Some(name("central-bank")) && expected.is_empty()
            );
            for (entries_max, bytes_max) in [(usize::MAX, usize::MAX), (1, usize::MAX), (2, 1), (5, 1)] {
                let (mut all, mut before) = (Vec::new(), None);
                loop {
                    let search = Search { reference, member, before };
                    let cut = Cut { entries_max, bytes_max };
                    let found = index::find(&life.index, life.chain(), search, cut, &mut |parties| {
                        let mut accounts = parties.legs.iter().flat_map(|leg| [leg.debit_account, leg.credit_account]);
                        Ok(member.is_none_or(|member| {
                            parties.submitter == member || accounts.any(|id| life.owner(&id) == Some(member))
                        }))
                    });
                    let found = found.unwrap();
                    assert!(found.records.len() <= entries_max);
                    all.extend(found.records);
                    let Some(next) = found.next else { break };
                    assert!(before.is_none_or(|before| next < before), "each page goes on");
                    before = Some(next);
                }
                assert_eq!(all, expected, "{text} for {member:?}, {entries_max} a page");
            }
        }
    }
}

#[test]
fn every_kind_of_record_is_read_from_where_it_stands() {
    let mut life = Life::new(41);
    life.live(150);
    let records = life.records();
    let happened: BTreeSet<Kind> =
        records.iter().filter(|record| record.happened()).map(|record| record.kind).collect();
    assert_eq!(happened.len(), 10, "{happened:?}");
    assert!(records.iter().any(|record| record.kind == Kind::Accept && record.booked), "an offer was settled");
    assert!(records.iter().any(|record| record.code == ResultCode::InsufficientFunds));
    for height in (1..=life.tip().0).map(Height) {
        let block = StoredBlock::read(life.chain(), height).unwrap().unwrap();
        let of_block: Vec<_> = records.iter().filter(|record| record.height == height).cloned().collect();
        assert!(of_block.is_sorted_by(|a, b| a.leaf < b.leaf));
        // From any leaf on, the same rest.
        for (place, record) in of_block.iter().enumerate() {
            let mut rest = Vec::new();
            let mut take = |record| {
                rest.push(record);
                rest.len() < 3
            };
            Records::new(life.chain(), &block).visit(record.leaf, &mut |_| Ok(true), &mut take).unwrap();
            assert_eq!(rest, of_block[place..].iter().take(3).cloned().collect::<Vec<_>>());
        }
    }
    for record in &records {
        let is_pending = matches!(record.kind, Kind::Post | Kind::Void | Kind::Accept | Kind::Cancel | Kind::Expiry);
        assert_eq!(record.pending.is_some(), is_pending);
        if record.happened() && is_pending {
            // The reference is that of what was made.
            let pending = record.pending.unwrap();
            let (height, at) = first_use(life.chain(), pending.submitter, pending.id).unwrap().unwrap();
            let made = records.iter().find(|made| (made.height, made.at) == (height, at)).unwrap();
            assert_eq!((record.reference, record.until), (made.reference, made.until));
            assert!(made.happened() && !record.legs.is_empty());
            assert!(record.booked == (record.kind == Kind::Post) || record.kind == Kind::Accept);
        }
    }
}

#[test]
fn an_index_of_another_chain_is_found_out() {
    let (mut one, mut other) = (Life::new(1), Life::new(2));
    one.live(5);
    other.live(20);
    let mut indexer = Indexer::open(Box::new(one.index.clone())).unwrap();
    assert!(matches!(indexer.advance(other.chain()), Err(IndexError::Index(StoreError::Corrupt(_)))));
    // A chain that has lost its last blocks comes to them again.
    let mut indexer = Indexer::open(Box::new(other.index.clone())).unwrap();
    assert_eq!(indexer.advance(&MemoryStore::default()), Ok(false));
}

/// No flipped bit makes a statement that says something else.
#[test]
fn a_bad_row_makes_no_wrong_statement() {
    let mut life = Life::new(51);
    life.live(12);
    let id = account("bank-a/EUR/main");
    let whole = |life: &Life| {
        index::entries(&life.index, life.chain(), &id, Position { height: Height(1), place: 0 }, Height(u64::MAX), ALL)
    };
    let good = whole(&life).unwrap();
    assert!(good.entries.len() > 3);
    for (key, value) in life.index.rows(Table::IndexAccounts).into_iter().filter(|(key, _)| key.starts_with(&id.0)) {
        for bit in 0..8 * value.len() {
            let mut spoiled = value.clone();
            spoiled[bit / 8] ^= 1 << (bit % 8);
            life.index.spoil(Table::IndexAccounts, &key, Some(spoiled));
            if let Ok(page) = whole(&life) {
                assert_eq!(page, good, "bit {bit}");
            }
        }
        life.index.spoil(Table::IndexAccounts, &key, Some(value));
    }
    assert_eq!(whole(&life).unwrap(), good);
}
