//! How RocksDB is set: a ledger node shares its machine, so memory and open files are bounded first. At rest a node takes
//! less than 150 MB, under load less than 1 GB, whatever the size of the ledger.

use concordat_replica::store::Table;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType, DBRecoveryMode, DEFAULT_COLUMN_FAMILY_NAME,
    LogLevel, Options,
};

/// What one database may take.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Blocks, indexes and filters of all tables share it.
    block_cache_bytes: usize,
    /// Of one table, before it is written out.
    write_buffer_bytes: usize,
    /// Of all tables together.
    write_buffers_bytes_max: usize,
    /// Bounds the time that opening takes: more than this is never replayed.
    wal_bytes_max: u64,
    open_files_max: i32,
    background_jobs_max: i32,
}

pub const STORE: Budget = Budget {
    block_cache_bytes: 64 << 20,
    write_buffer_bytes: 16 << 20,
    write_buffers_bytes_max: 64 << 20,
    wal_bytes_max: 128 << 20,
    open_files_max: 256,
    // One flush and one compaction at a time: the replica thread needs the other core.
    background_jobs_max: 2,
};

/// Nobody waits for it, so that it takes a quarter of what the store takes.
pub const INDEX: Budget = Budget {
    block_cache_bytes: 16 << 20,
    write_buffer_bytes: 4 << 20,
    write_buffers_bytes_max: 16 << 20,
    wal_bytes_max: 32 << 20,
    open_files_max: 64,
    background_jobs_max: 1,
};

/// One that is written to, and those that are being written out.
const WRITE_BUFFERS_MAX: i32 = 3;
/// Dirty pages go to the disk in steps of this size, so that a sync finds little left to do.
const BYTES_PER_SYNC: u64 = 1 << 20;
/// Of RocksDB's own log, for a support case.
const LOG_FILES_MAX: usize = 2;
const LOG_FILE_BYTES_MAX: usize = 4 << 20;
/// 1 % of the look-ups of a key that is not there read a block in vain.
const BLOOM_BITS_PER_KEY: f64 = 10.0;
const BLOCK_BYTES: usize = 16 << 10;

pub fn database(budget: &Budget) -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_paranoid_checks(true);
    // After a crash the store is as it was after some write: a torn or lost tail is cut, nothing behind it is used.
    options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
    options.set_max_total_wal_size(budget.wal_bytes_max);
    options.set_db_write_buffer_size(budget.write_buffers_bytes_max);
    options.set_max_open_files(budget.open_files_max);
    options.set_max_background_jobs(budget.background_jobs_max);
    options.set_bytes_per_sync(BYTES_PER_SYNC);
    options.set_wal_bytes_per_sync(BYTES_PER_SYNC);
    options.set_keep_log_file_num(LOG_FILES_MAX);
    options.set_max_log_file_size(LOG_FILE_BYTES_MAX);
    options.set_log_level(LogLevel::Warn);
    options.set_stats_dump_period_sec(0);
    options.set_skip_stats_update_on_db_open(true);
    options
}

/// All tables, and the default column family, which RocksDB asks for and which holds format and network.
pub fn column_families(tables: &[Table], budget: &Budget) -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(budget.block_cache_bytes);
    let default = (DEFAULT_COLUMN_FAMILY_NAME, false);
    tables
        .iter()
        .map(|table| (table.name(), is_looked_up_in_vain(*table)))
        .chain([default])
        .map(|(name, bloom)| ColumnFamilyDescriptor::new(name, family(budget, &cache, bloom)))
        .collect()
}

/// Keys that are often asked for and often absent: a filter answers without reading a block.
fn is_looked_up_in_vain(table: Table) -> bool {
    matches!(table, Table::State | Table::Ids | Table::BlockIds)
}

fn family(budget: &Budget, cache: &Cache, bloom: bool) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_block_size(BLOCK_BYTES);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    if bloom {
        blocks.set_bloom_filter(BLOOM_BITS_PER_KEY, false);
    }
    let mut options = Options::default();
    options.set_block_based_table_factory(&blocks);
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_level_compaction_dynamic_level_bytes(true);
    options.set_write_buffer_size(budget.write_buffer_bytes);
    options.set_max_write_buffer_number(WRITE_BUFFERS_MAX);
    options
}
