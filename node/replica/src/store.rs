//! Where blocks and state are kept: a sorted key-value store with tables. RocksDB in the product, memory in tests and
//! the simulator; one suite (`store::suite`) holds both to this contract.

use std::sync::Arc;

/// What is kept where. docs/storage.md has keys and values; numbers are on disk and do not change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Table {
    /// Format version, network id, tip.
    Meta = 0,
    /// Height (8 bytes, big-endian) -> header and commit certificate.
    Headers = 1,
    /// Height -> body.
    Bodies = 2,
    /// Height -> results.
    Results = 3,
    /// Canonical state key -> canonical state value.
    State = 4,
    /// Id key (time first) -> id record. The ledger asks only for those inside the id window.
    Ids = 5,
    /// Block id -> height.
    BlockIds = 6,
    /// Owner and account id -> nothing: each member's accounts in order of their ids.
    Owners = 7,
    /// Of the index, which is a database of its own: how far it reaches.
    IndexMeta = 8,
    /// Account id and height -> the account's counters after the block, and which of the block's bookings are its own.
    IndexAccounts = 9,
    /// Hash of a reference and height -> where in the block it stands.
    IndexReferences = 10,
    /// First height at which a validator set decides -> the set.
    ValidatorSets = 12,
}

impl Table {
    /// What the replica thread writes, a block at a time.
    pub const STORE: &[Table] = &[
        Table::Meta,
        Table::Headers,
        Table::Bodies,
        Table::Results,
        Table::State,
        Table::Ids,
        Table::BlockIds,
        Table::Owners,
        Table::ValidatorSets,
    ];

    /// What follows from the store and may trail it.
    pub const INDEX: &[Table] = &[Table::IndexMeta, Table::IndexAccounts, Table::IndexReferences];

    pub fn name(self) -> &'static str {
        match self {
            Table::Meta => "meta",
            Table::Headers => "headers",
            Table::Bodies => "bodies",
            Table::Results => "results",
            Table::State => "state",
            Table::Ids => "ids",
            Table::BlockIds => "block_ids",
            Table::Owners => "owners",
            Table::IndexMeta => "index_meta",
            Table::IndexAccounts => "index_accounts",
            Table::IndexReferences => "index_references",
            Table::ValidatorSets => "validator_sets",
        }
    }
}

/// Called for each key and value in order; false stops the scan.
pub type Visitor<'a> = dyn FnMut(&[u8], &[u8]) -> bool + 'a;

/// Reads of one moment: a later write does not show.
pub trait Reader: Send + Sync {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    /// All keys >= `from`, ascending.
    fn scan(&self, table: Table, from: &[u8], visit: &mut Visitor<'_>) -> Result<(), StoreError>;
    /// All keys <= `from`, descending.
    fn scan_back(&self, table: Table, from: &[u8], visit: &mut Visitor<'_>) -> Result<(), StoreError>;
}

pub trait Store: Reader {
    /// All of the batch or nothing, in order, also after a crash; batches become durable in the order of the writes. Need
    /// not be durable on return.
    fn write(&mut self, batch: WriteBatch) -> Result<(), StoreError>;
    /// Everything written so far is durable on return.
    fn sync(&mut self) -> Result<(), StoreError>;
    /// The state after the last write, as later writes do not change it.
    fn snapshot(&self) -> Arc<dyn Reader>;
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WriteBatch {
    pub changes: Vec<Change>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    Put {
        table: Table,
        key: Vec<u8>,
        value: Vec<u8>,
    },
    Delete {
        table: Table,
        key: Vec<u8>,
    },
    /// Deletes from <= key < to.
    DeleteRange {
        table: Table,
        from: Vec<u8>,
        to: Vec<u8>,
    },
}

impl WriteBatch {
    pub fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.changes.push(Change::Put { table, key: key.into(), value: value.into() });
    }

    pub fn delete(&mut self, table: Table, key: impl Into<Vec<u8>>) {
        self.changes.push(Change::Delete { table, key: key.into() });
    }

    pub fn delete_range(&mut self, table: Table, from: impl Into<Vec<u8>>, to: impl Into<Vec<u8>>) {
        self.changes.push(Change::DeleteRange { table, from: from.into(), to: to.into() });
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder holds something else: another format, another network.
    #[error("{0}")]
    Foreign(String),
    #[error("the store is corrupt: {0}")]
    Corrupt(String),
    /// Another process has it open.
    #[error("the store is in use: {0}")]
    InUse(String),
    #[error("{0}")]
    Io(String),
}
