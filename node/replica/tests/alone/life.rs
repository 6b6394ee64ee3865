//! A random life of two banks: payments, files, issues, holds and offers, with what may go wrong in them.

use super::{Alone, BANKS, SharedStore, account, issue, name, open_account, reference, transfer};
use concordat_replica::{
    index::{Counters, Indexer},
    query,
    records::{Record, Records},
    store::Store,
    stored::StoredBlock,
};
use concordat_types::{
    AccountId, BatchMode, Height, Hold, HoldSide, Leg, MemberId, Offer, Operation, PendingRef, Purpose, Timestamp,
    Transfer, Uuid,
};
use std::collections::BTreeMap;

pub const ACCOUNTS: [&str; 4] = ["bank-a/EUR/main", "bank-a/EUR/x", "bank-b/EUR/main", "bank-b/EUR/x"];
pub const REFERENCES: [&str; 4] = ["", "INV-1", "INV-2", "SALARIES"];

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
pub struct Life {
    pub alone: Alone,
    draw: Draw,
    /// Live, one block after the other.
    pub indexer: Indexer,
    pub index: SharedStore,
    /// Counters of all accounts as the state had them.
    pub states: BTreeMap<Height, Vec<(AccountId, Counters)>>,
    pending: Vec<(PendingRef, bool)>,
    ids: Vec<Uuid>,
}

impl Life {
    pub fn new(seed: u64) -> Life {
        let mut alone = Alone::new();
        for bank in BANKS {
            alone.book(bank, vec![open_account("main"), open_account("x")]);
        }
        let index = SharedStore::default();
        let indexer = Indexer::open(Box::new(index.clone())).unwrap();
        let draw = Draw(seed);
        Life { alone, draw, indexer, index, states: BTreeMap::new(), pending: Vec::new(), ids: Vec::new() }
    }

    pub fn live(&mut self, rounds: usize) {
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
    pub fn take_in(&mut self) {
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
                    Transfer { reference, ..transfer(id, from, to, amount) }
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
            _ => Operation::Transfer(Transfer { reference: memo, ..transfer(id, from, to, amount) }),
        }
    }

    pub fn chain(&self) -> &SharedStore {
        &self.alone.store
    }

    pub fn tip(&self) -> Height {
        query::tip(self.chain()).unwrap().unwrap().height
    }

    /// All records of the chain, in order.
    pub fn records(&self) -> Vec<Record> {
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

    pub fn is_party(&self, member: MemberId, record: &Record) -> bool {
        let mut accounts = record.legs.iter().flat_map(|leg| [leg.debit_account, leg.credit_account]);
        record.submitter == member || accounts.any(|account| self.owner(&account) == Some(member))
    }

    pub fn owner(&self, account: &AccountId) -> Option<MemberId> {
        query::account(self.chain(), account).unwrap().map(|account| account.owner)
    }
}
