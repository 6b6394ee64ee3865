//! `FileDisk` does what `Disk` promises.

use concordat_replica::disk::Disk;
use concordat_storage::FileDisk;
use std::fs;

#[test]
fn appends_reads_truncates_and_renames() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("log");
    let mut disk = FileDisk::open(&path).expect("it opens");
    assert_eq!(disk.list(), Ok(Vec::new()));
    assert_eq!(disk.len("a"), Ok(None));
    disk.append("a", b"hello ").expect("appended");
    disk.append("a", b"world").expect("appended");
    disk.sync("a").expect("synced");
    disk.sync_dir().expect("synced");
    assert_eq!(disk.len("a"), Ok(Some(11)));
    assert_eq!(disk.read("a", 6, 100), Ok(b"world".to_vec()));
    assert_eq!(disk.read("a", 0, 5), Ok(b"hello".to_vec()));
    assert_eq!(disk.read("a", 99, 5), Ok(Vec::new()));
    disk.truncate("a", 5).expect("cut");
    disk.append("a", b"!").expect("appended at the new end");
    assert_eq!(disk.read("a", 0, 100), Ok(b"hello!".to_vec()));
    disk.append("b", b"old").expect("appended");
    disk.rename("a", "b").expect("renamed");
    disk.append("b", b"?").expect("appended to what is now b");
    assert_eq!(disk.read("b", 0, 100), Ok(b"hello!?".to_vec()));
    fs::create_dir(path.join("folder")).expect("made");
    assert_eq!(disk.list(), Ok(vec!["b".to_owned()]));
    disk.remove("b").expect("removed");
    disk.append("b", b"new").expect("appended to a new file");
    assert_eq!(disk.read("b", 0, 100), Ok(b"new".to_vec()));
    let disk = FileDisk::open(&path).expect("it opens again");
    assert_eq!(disk.list(), Ok(vec!["b".to_owned()]));
}

#[test]
fn names_stay_inside_the_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut disk = FileDisk::open(folder.path()).expect("it opens");
    for name in ["", ".", "..", "../a", "a/b", "/a", "a\0", ".hidden"] {
        assert!(disk.append(name, b"x").is_err(), "{name:?}");
        assert!(disk.read(name, 0, 1).is_err(), "{name:?}");
        assert!(disk.remove(name).is_err(), "{name:?}");
        assert!(disk.rename("a", name).is_err(), "{name:?}");
    }
}

#[test]
fn what_is_not_there_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut disk = FileDisk::open(folder.path()).expect("it opens");
    let error = disk.read("log", 0, 1).expect_err("no such file");
    assert_eq!((error.operation, error.name.as_str()), ("read", "log"));
    assert!(disk.sync("log").is_err() && disk.truncate("log", 0).is_err() && disk.remove("log").is_err());
}
