//! A snapshot that owns its hold on the database.

use crate::store::{Database, column, error_of, visit_all};
use concordat_replica::store::{Reader, StoreError, Table, Visitor};
use rocksdb::SnapshotWithThreadMode;
use self_cell::self_cell;
use std::sync::Arc;

type Borrowed<'a> = SnapshotWithThreadMode<'a, Database>;

self_cell!(
    /// RocksDB's snapshot borrows the database; here the two travel together.
    pub struct Snapshot {
        owner: Arc<Database>,
        #[covariant]
        dependent: Borrowed,
    }
);

impl Snapshot {
    pub fn of(database: Arc<Database>) -> Snapshot {
        Snapshot::new(database, |database| database.snapshot())
    }
}

impl Reader for Snapshot {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let column = column(self.borrow_owner(), table)?;
        self.borrow_dependent().get_cf(column, key).map_err(error_of)
    }

    fn scan(&self, table: Table, from: &[u8], visit: &mut Visitor<'_>) -> Result<(), StoreError> {
        let mut rows = self.borrow_dependent().raw_iterator_cf(column(self.borrow_owner(), table)?);
        rows.seek(from);
        visit_all(rows, |rows| rows.next(), visit)
    }

    fn scan_back(&self, table: Table, from: &[u8], visit: &mut Visitor<'_>) -> Result<(), StoreError> {
        let mut rows = self.borrow_dependent().raw_iterator_cf(column(self.borrow_owner(), table)?);
        rows.seek_for_prev(from);
        visit_all(rows, |rows| rows.prev(), visit)
    }
}
