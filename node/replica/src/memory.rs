//! The store in memory: for tests and the simulator.

use crate::store::{Change, Reader, Store, StoreError, Table, Visitor, WriteBatch};
use std::{collections::BTreeMap, ops::Bound, sync::Arc};

type Tables = BTreeMap<Table, BTreeMap<Vec<u8>, Vec<u8>>>;

/// Copying a table is cheap enough for the sizes that tests have: a snapshot shares what is not written again.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    now: Tables,
    /// What a crash goes back to.
    durable: Tables,
}

impl MemoryStore {
    /// What is left after a crash: everything up to the last `sync`.
    pub fn crash(&self) -> MemoryStore {
        MemoryStore { now: self.durable.clone(), durable: self.durable.clone() }
    }
}

impl Reader for MemoryStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Reader::get(&self.now, table, key)
    }

    fn scan(&self, table: Table, from: &[u8], visit: &mut Visitor<'_>) -> Result<(), StoreError> {
        self.now.scan(table, from, visit)
    }

    fn scan_back(&self, table: Table, from: &[u8], visit: &mut Visitor<'_>) -> Result<(), StoreError> {
        self.now.scan_back(table, from, visit)
    }
}

impl Store for MemoryStore {
    fn write(&mut self, batch: WriteBatch) -> Result<(), StoreError> {
        for change in batch.changes {
            match change {
                Change::Put { table, key, value } => {
                    self.now.entry(table).or_default().insert(key, value);
                }
                Change::Delete { table, key } => {
                    self.now.entry(table).or_default().remove(&key);
                }
                Change::DeleteRange { table, from, to } => {
                    self.now.entry(table).or_default().retain(|key, _| *key < from || *key >= to);
                }
            }
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.durable = self.now.clone();
        Ok(())
    }

    fn snapshot(&self) -> Arc<dyn Reader> {
        Arc::new(self.now.clone())
    }
}

impl Reader for Tables {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(BTreeMap::get(self, &table).and_then(|rows| rows.get(key)).cloned())
    }

    fn scan(&self, table: Table, from: &[u8], visit: &mut Visitor<'_>) -> Result<(), StoreError> {
        let Some(rows) = BTreeMap::get(self, &table) else { return Ok(()) };
        rows.range::<[u8], _>((Bound::Included(from), Bound::Unbounded)).all(|(key, value)| visit(key, value));
        Ok(())
    }

    fn scan_back(&self, table: Table, from: &[u8], visit: &mut Visitor<'_>) -> Result<(), StoreError> {
        let Some(rows) = BTreeMap::get(self, &table) else { return Ok(()) };
        rows.range::<[u8], _>((Bound::Unbounded, Bound::Included(from))).rev().all(|(key, value)| visit(key, value));
        Ok(())
    }
}
