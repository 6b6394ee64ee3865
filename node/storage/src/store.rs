//! `Store` over RocksDB: a column family a table, one write batch a write, a write-ahead log that `sync` makes durable.

use crate::{options, snapshot::Snapshot};
use concordat_replica::store::{Change, Reader, Store, StoreError, Table, Visitor, WriteBatch};
use concordat_types::{Hash, NetworkId};
use rocksdb::{ColumnFamily, DB, DBRawIteratorWithThreadMode, ErrorKind};
use std::{fmt, fs, path::Path, path::PathBuf, sync::Arc};

pub type Database = DB;

/// Which tables a database has, and what it may take.
#[derive(Clone, Copy)]
struct Layout {
    /// Changes with every change of tables, keys or values that an older program would misread.
    format: u32,
    tables: &'static [Table],
    budget: options::Budget,
}

/// The tables of one node. One process has it open at a time.
pub struct RocksStore {
    database: Arc<Database>,
    layout: Layout,
    path: PathBuf,
}

impl RocksStore {
    /// Opens the store in the folder `path`, which it makes where there is none.
    pub fn open(path: &Path, network: NetworkId) -> Result<RocksStore, StoreError> {
        Self::open_as(path, network, STORE)
    }

    /// The same for the index.
    pub fn open_index(path: &Path, network: NetworkId) -> Result<RocksStore, StoreError> {
        Self::open_as(path, network, INDEX)
    }

    fn open_as(path: &Path, network: NetworkId, layout: Layout) -> Result<RocksStore, StoreError> {
        fs::create_dir_all(path).map_err(|error| {
            StoreError::Io(format!(
                "the folder {} cannot be made: {error}; check its owner and free space",
                path.display()
            ))
        })?;
        let families = options::column_families(layout.tables, &layout.budget);
        let opened = Database::open_cf_descriptors(&options::database(&layout.budget), path, families);
        let database = opened.map_err(|error| open_error(path, error))?;
        let store = RocksStore { database: Arc::new(database), layout, path: path.to_owned() };
        store.check_identity(network)?;
        Ok(store)
    }

    /// Numbers for operators, from any thread.
    pub fn gauge(&self) -> StoreGauge {
        StoreGauge { database: Arc::clone(&self.database), tables: self.layout.tables }
    }

    /// Format and network stand in the default column family, which no table uses.
    fn check_identity(&self, network: NetworkId) -> Result<(), StoreError> {
        let format = self.database.get(FORMAT_KEY).map_err(error_of)?;
        let stored = self.database.get(NETWORK_KEY).map_err(error_of)?;
        match (format, stored) {
            (None, None) if self.is_empty()? => self.write_identity(network),
            (Some(format), Some(stored)) => self.compare_identity(network, &format, &stored),
            _ => Err(StoreError::Corrupt(format!(
                "{} holds records but neither format nor network; move the folder away, the node then fetches the \
                 ledger from its peers",
                self.path.display()
            ))),
        }
    }

    fn compare_identity(&self, network: NetworkId, format: &[u8], stored: &[u8]) -> Result<(), StoreError> {
        let path = self.path.display();
        let known = self.layout.format;
        if format != known.to_be_bytes() {
            let got =
                format.try_into().map_or_else(|_| "unknown".to_owned(), |bytes| u32::from_be_bytes(bytes).to_string());
            return Err(StoreError::Foreign(format!(
                "{path} is of store format {got}, this program knows {known}; run the program that wrote it, or move \
                 the folder away"
            )));
        }
        if stored != network.0.0 {
            let got = stored.try_into().map_or_else(|_| "unknown".to_owned(), |bytes| Hash(bytes).to_string());
            return Err(StoreError::Foreign(format!(
                "{path} belongs to network {got}, this node to network {network}; point the node at its own data \
                 folder, or at an empty one"
            )));
        }
        Ok(())
    }

    fn write_identity(&self, network: NetworkId) -> Result<(), StoreError> {
        let mut batch = rocksdb::WriteBatch::default();
        batch.put(FORMAT_KEY, self.layout.format.to_be_bytes());
        batch.put(NETWORK_KEY, network.0.0);
        self.database.write(batch).map_err(error_of)?;
        self.database.flush_wal(true).map_err(error_of)
    }

    fn is_empty(&self) -> Result<bool, StoreError> {
        let mut rows = 0;
        for table in self.layout.tables {
            self.scan(*table, &[], &mut |_, _| {
                rows += 1;
                false
            })?;
        }
        Ok(rows == 0)
    }
}

impl fmt::Debug for RocksStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RocksStore").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Reader for RocksStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.database.get_cf(column(&self.database, table)?, key).map_err(error_of)
    }

    fn scan(&self, table: Table, from: &[u8], visit: &mut Visitor<'_>) -> Result<(), StoreError> {
        let mut rows = self.database.raw_iterator_cf(column(&self.database, table)?);
        rows.seek(from);
        visit_all(rows, |rows| rows.next(), visit)
    }

    fn scan_back(&self, table: Table, from: &[u8], visit: &mut Visitor<'_>) -> Result<(), StoreError> {
        let mut rows = self.database.raw_iterator_cf(column(&self.database, table)?);
        rows.seek_for_prev(from);
        visit_all(rows, |rows| rows.prev(), visit)
    }
}

impl Store for RocksStore {
    fn write(&mut self, batch: WriteBatch) -> Result<(), StoreError> {
        let mut rows = rocksdb::WriteBatch::default();
        for change in &batch.changes {
            match change {
                Change::Put { table, key, value } => rows.put_cf(column(&self.database, *table)?, key, value),
                Change::Delete { table, key } => rows.delete_cf(column(&self.database, *table)?, key),
                // RocksDB takes an empty range for a mistake of the caller's and spoils the batch.
                Change::DeleteRange { from, to, .. } if from >= to => {}
                Change::DeleteRange { table, from, to } => {
                    rows.delete_range_cf(column(&self.database, *table)?, from, to);
                }
            }
        }
        self.database.write(rows).map_err(error_of)
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.database.flush_wal(true).map_err(error_of)
    }

    fn snapshot(&self) -> Arc<dyn Reader> {
        Arc::new(Snapshot::of(Arc::clone(&self.database)))
    }
}

/// Sizes of a store that is open elsewhere.
#[derive(Clone)]
pub struct StoreGauge {
    database: Arc<Database>,
    tables: &'static [Table],
}

/// In bytes, over all tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StoreSizes {
    pub disk_bytes: u64,
    pub write_buffers_bytes: u64,
    pub block_cache_bytes: u64,
    pub compaction_pending_bytes: u64,
}

impl StoreGauge {
    pub fn sizes(&self) -> StoreSizes {
        let of = |table: Table, property: &str| {
            let column = column(&self.database, table).ok()?;
            self.database.property_int_value_cf(column, property).ok().flatten()
        };
        let sum = |property: &str| self.tables.iter().filter_map(|table| of(*table, property)).sum();
        StoreSizes {
            disk_bytes: sum("rocksdb.total-sst-files-size"),
            write_buffers_bytes: sum("rocksdb.cur-size-all-mem-tables"),
            // The tables share one cache.
            block_cache_bytes: of(self.tables[0], "rocksdb.block-cache-usage").unwrap_or(0),
            compaction_pending_bytes: sum("rocksdb.estimate-pending-compaction-bytes"),
        }
    }
}

impl fmt::Debug for StoreGauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoreGauge").field(&self.sizes()).finish()
    }
}

pub fn column(database: &Database, table: Table) -> Result<&ColumnFamily, StoreError> {
    database
        .cf_handle(table.name())
        .ok_or_else(|| StoreError::Corrupt(format!("the table {} is missing", table.name())))
}

pub fn visit_all<'a>(
    mut rows: DBRawIteratorWithThreadMode<'a, Database>,
    step: impl Fn(&mut DBRawIteratorWithThreadMode<'a, Database>),
    visit: &mut Visitor<'_>,
) -> Result<(), StoreError> {
    while let Some((key, value)) = rows.item() {
        if !visit(key, value) {
            return Ok(());
        }
        step(&mut rows);
    }
    // The end of the table, or an error that ended the scan early.
    rows.status().map_err(error_of)
}

/// Of a store that is open: a failed write is never retried.
pub fn error_of(error: rocksdb::Error) -> StoreError {
    let text = error.to_string();
    match error.kind() {
        ErrorKind::Corruption => StoreError::Corrupt(text),
        _ if is_disk_full(&text) => {
            StoreError::Io(format!("the disk is full: {text}; free some space and start again"))
        }
        _ => StoreError::Io(format!("the disk refused a read or a write: {text}; check the disk and start again")),
    }
}

fn open_error(path: &Path, error: rocksdb::Error) -> StoreError {
    let text = error.to_string();
    let path = path.display();
    // RocksDB has no kind for these two; the texts are those of its env_posix.cc and db_impl_open.cc.
    let is_locked = text.contains("While lock file") || text.contains("lock hold by current process");
    let is_newer = text.contains("Column families not opened");
    match error.kind() {
        _ if is_locked => StoreError::InUse(format!("another process has {path} open; stop it first ({text})")),
        _ if is_newer => StoreError::Foreign(format!(
            "{path} has tables that this program does not know ({text}); run the program that wrote it"
        )),
        ErrorKind::Corruption => StoreError::Corrupt(format!(
            "{path}: {text}; check the disk and move the folder away, the node then fetches the ledger from its peers"
        )),
        _ if is_disk_full(&text) => {
            StoreError::Io(format!("{path}: the disk is full ({text}); free some space and start again"))
        }
        _ => StoreError::Io(format!("{path} cannot be opened: {text}; check its owner and the disk")),
    }
}

fn is_disk_full(text: &str) -> bool {
    text.contains("No space left on device")
}

const STORE: Layout = Layout { format: 2, tables: Table::STORE, budget: options::STORE };
const INDEX: Layout = Layout { format: 1, tables: Table::INDEX, budget: options::INDEX };
const FORMAT_KEY: &[u8] = b"format";
const NETWORK_KEY: &[u8] = b"network";
