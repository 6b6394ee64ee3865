//! The contract of `Store`, held against RocksDB and memory alike, and what only RocksDB can show.

use concordat_replica::{
    memory::MemoryStore,
    store::{Reader, Store, StoreError, Table, WriteBatch},
};
use concordat_storage::RocksStore;
use concordat_types::{Hash, NetworkId};
use proptest::prelude::*;
use std::{fs, path::Path};

const NETWORK: NetworkId = NetworkId(Hash([1; 32]));

#[test]
fn memory_keeps_the_contract() {
    suite(&mut MemoryStore::default());
}

#[test]
fn rocksdb_keeps_the_contract() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    suite(&mut open(folder.path()));
}

#[test]
fn the_index_is_a_database_of_its_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("index");
    let mut index = RocksStore::open_index(&path, NETWORK).expect("it opens");
    starts_empty(&index, Table::INDEX);
    keeps_tables_apart(&mut index, Table::INDEX);
    assert!(matches!(index.get(Table::State, b"key"), Err(StoreError::Corrupt(_))), "it has no such table");
    drop(index);
    let error = RocksStore::open(&path, NETWORK).expect_err("it is no store");
    assert!(matches!(error, StoreError::Foreign(_)), "{error:?}");
    drop(RocksStore::open_index(&path, NETWORK).expect("it opens again"));
}

fn suite(store: &mut dyn Store) {
    starts_empty(store, Table::STORE);
    writes_in_order(store);
    scans_both_ways(store);
    deletes_ranges(store);
    snapshots_stand_still(store);
    keeps_tables_apart(store, Table::STORE);
}

fn starts_empty(store: &dyn Store, tables: &[Table]) {
    for table in tables {
        assert_eq!(rows(store, *table), []);
        assert_eq!(store.get(*table, b""), Ok(None));
    }
}

fn writes_in_order(store: &mut dyn Store) {
    write(store, |batch| {
        batch.put(Table::State, "a", "1");
        batch.put(Table::State, "a", "2");
        batch.put(Table::State, "b", "1");
        batch.delete(Table::State, "b");
        batch.delete(Table::State, "never there");
        batch.delete_range(Table::State, "c", "d");
        batch.put(Table::State, "c", "after the range");
        batch.put(Table::State, "", "the empty key");
        batch.put(Table::State, "empty", "");
    });
    for (key, value) in [("a", "2"), ("c", "after the range"), ("", "the empty key"), ("empty", "")] {
        assert_eq!(store.get(Table::State, key.as_bytes()), Ok(Some(value.as_bytes().to_vec())), "{key:?}");
    }
    assert_eq!(store.get(Table::State, b"b"), Ok(None));
    write(store, |_| {});
    store.sync().expect("it is synced");
    clear(store, Table::State);
}

fn scans_both_ways(store: &mut dyn Store) {
    write(store, |batch| {
        for height in [1u64, 2, 255, 256, 1000] {
            batch.put(Table::Headers, height.to_be_bytes(), height.to_string());
        }
    });
    let from = |height: u64| collect(|visit| store.scan(Table::Headers, &height.to_be_bytes(), visit));
    let back = |height: u64| collect(|visit| store.scan_back(Table::Headers, &height.to_be_bytes(), visit));
    assert_eq!(from(0), ["1", "2", "255", "256", "1000"]);
    assert_eq!(from(2), ["2", "255", "256", "1000"]);
    assert_eq!(from(3), ["255", "256", "1000"]);
    assert_eq!(from(1001), [""; 0]);
    assert_eq!(back(u64::MAX), ["1000", "256", "255", "2", "1"]);
    assert_eq!(back(255), ["255", "2", "1"]);
    assert_eq!(back(254), ["2", "1"]);
    assert_eq!(back(0), [""; 0]);
    let mut seen = 0;
    let mut two = |_: &[u8], _: &[u8]| {
        seen += 1;
        seen < 2
    };
    store.scan(Table::Headers, &[], &mut two).expect("it is read");
    assert_eq!(seen, 2, "the visitor ends the scan");
    clear(store, Table::Headers);
}

fn deletes_ranges(store: &mut dyn Store) {
    write(store, |batch| ["a", "b", "ba", "c", "d"].into_iter().for_each(|key| batch.put(Table::Ids, key, key)));
    write(store, |batch| {
        batch.delete_range(Table::Ids, "b", "c");
        // Backward and empty ranges hold nothing.
        batch.delete_range(Table::Ids, "d", "a");
        batch.delete_range(Table::Ids, "a", "a");
    });
    assert_eq!(collect(|visit| store.scan(Table::Ids, &[], visit)), ["a", "c", "d"]);
    assert_eq!(store.get(Table::Ids, b"ba"), Ok(None));
    clear(store, Table::Ids);
}

fn snapshots_stand_still(store: &mut dyn Store) {
    write(store, |batch| batch.put(Table::State, "account", "1"));
    let before = store.snapshot();
    write(store, |batch| batch.put(Table::State, "account", "2"));
    let between = store.snapshot();
    clear(store, Table::State);
    assert_eq!(before.get(Table::State, b"account"), Ok(Some(b"1".to_vec())));
    assert_eq!(collect(|visit| between.scan(Table::State, &[], visit)), ["2"]);
    assert_eq!(collect(|visit| between.scan_back(Table::State, b"b", visit)), ["2"]);
    assert_eq!(store.get(Table::State, b"account"), Ok(None));
    let elsewhere = std::thread::spawn(move || before.get(Table::State, b"account"));
    assert_eq!(elsewhere.join().expect("the thread ends"), Ok(Some(b"1".to_vec())));
}

fn keeps_tables_apart(store: &mut dyn Store, tables: &[Table]) {
    write(store, |batch| {
        tables.iter().for_each(|table| batch.put(*table, "key", table.name()));
        batch.delete(tables[1], "key");
    });
    for table in tables {
        let expected = (*table != tables[1]).then(|| table.name().as_bytes().to_vec());
        assert_eq!(store.get(*table, b"key"), Ok(expected));
        clear(store, *table);
    }
}

#[test]
fn a_store_opens_again_as_it_was() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut store = open(folder.path());
    for height in 0u64..100 {
        write(&mut store, |batch| {
            batch.put(Table::Bodies, height.to_be_bytes(), vec![7; 10_000]);
            batch.put(Table::Meta, "tip", height.to_be_bytes());
        });
    }
    store.sync().expect("it is synced");
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.get(Table::Meta, b"tip"), Ok(Some(99u64.to_be_bytes().to_vec())));
    assert_eq!(rows(&store, Table::Bodies).len(), 100);
    assert!(store.gauge().sizes().disk_bytes + store.gauge().sizes().write_buffers_bytes > 0);
}

#[test]
fn a_snapshot_outlives_the_store() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut store = open(folder.path());
    write(&mut store, |batch| batch.put(Table::State, "a", "1"));
    let snapshot = store.snapshot();
    drop(store);
    assert_eq!(snapshot.get(Table::State, b"a"), Ok(Some(b"1".to_vec())));
}

#[test]
fn another_network_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    drop(open(folder.path()));
    let other = NetworkId(Hash([2; 32]));
    let error = RocksStore::open(folder.path(), other).expect_err("of another network");
    let StoreError::Foreign(text) = error else { panic!("{error:?}") };
    assert!(text.contains(&NETWORK.to_string()) && text.contains(&other.to_string()), "{text}");
    drop(open(folder.path()));
}

#[test]
fn a_second_opening_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let _store = open(folder.path());
    let error = RocksStore::open(folder.path(), NETWORK).expect_err("it is open");
    assert!(matches!(error, StoreError::InUse(_)), "{error:?}");
}

#[test]
fn a_store_without_its_manifest_is_corrupt() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    drop(open(folder.path()));
    fs::write(folder.path().join("CURRENT"), "nonsense").expect("it is written");
    let error = RocksStore::open(folder.path(), NETWORK).expect_err("CURRENT names no manifest");
    assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}");
}

#[test]
fn a_file_in_the_place_of_the_folder_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("store");
    fs::write(&path, "not a folder").expect("it is written");
    let error = RocksStore::open(&path, NETWORK).expect_err("no folder");
    assert!(matches!(&error, StoreError::Io(text) if text.contains("store")), "{error:?}");
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8),
    Delete(u8),
    DeleteRange(u8, u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<u8>(), any::<u8>()).prop_map(|(key, value)| Step::Put(key, value)),
        2 => any::<u8>().prop_map(Step::Delete),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(from, to)| Step::DeleteRange(from, to)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) })]
    #[test]
    fn rocksdb_and_memory_agree(writes in prop::collection::vec(prop::collection::vec(step(), 0..20), 0..20), from: u8) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (mut rocks, mut memory) = (open(folder.path()), MemoryStore::default());
        for steps in writes {
            let mut batch = WriteBatch::default();
            for step in steps {
                match step {
                    Step::Put(key, value) => batch.put(Table::State, [key], [value]),
                    Step::Delete(key) => batch.delete(Table::State, [key]),
                    Step::DeleteRange(from, to) => batch.delete_range(Table::State, [from], [to]),
                }
            }
            rocks.write(batch.clone()).expect("it is written");
            memory.write(batch).expect("it is written");
        }
        prop_assert_eq!(rows(&rocks, Table::State), rows(&memory, Table::State));
        prop_assert_eq!(
            collect(|visit| rocks.scan_back(Table::State, &[from], visit)),
            collect(|visit| memory.scan_back(Table::State, &[from], visit))
        );
    }
}

fn open(path: &Path) -> RocksStore {
    RocksStore::open(path, NETWORK).expect("the store opens")
}

fn write(store: &mut dyn Store, fill: impl FnOnce(&mut WriteBatch)) {
    let mut batch = WriteBatch::default();
    fill(&mut batch);
    store.write(batch).expect("it is written");
}

fn clear(store: &mut dyn Store, table: Table) {
    let keys: Vec<_> = rows(store, table).into_iter().map(|(key, _)| key).collect();
    write(store, |batch| keys.into_iter().for_each(|key| batch.delete(table, key)));
}

fn rows<R: Reader + ?Sized>(store: &R, table: Table) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut rows = Vec::new();
    let mut push = |key: &[u8], value: &[u8]| {
        rows.push((key.to_vec(), value.to_vec()));
        true
    };
    store.scan(table, &[], &mut push).expect("it is read");
    rows
}

/// The values that a scan visits.
fn collect(scan: impl Fn(&mut dyn FnMut(&[u8], &[u8]) -> bool) -> Result<(), StoreError>) -> Vec<String> {
    let mut values = Vec::new();
    let mut push = |_: &[u8], value: &[u8]| {
        values.push(String::from_utf8_lossy(value).into_owned());
        true
    };
    scan(&mut push).expect("it is read");
    values
}
