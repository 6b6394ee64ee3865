//! What a look at the text shows.

use crate::files::{File, files, none};

/// About an afternoon's reading is 800; no file grows past this.
const FILE_LINES_MAX: usize = 900;

#[test]
fn only_crypto_attests_a_signature() {
    // The definition, and those who may call it.
    let may = |file: &File| file.path == "node/types/src/verified.rs" || file.path.starts_with("node/crypto/");
    let mut findings = Vec::new();
    for file in files(&[".rs"]).iter().filter(|file| !may(file)) {
        let calls = file.lines_outside_tests().filter(|(_, line)| line.contains("attest_verified"));
        findings.extend(calls.map(|(number, _)| format!("{}:{number}", file.path)));
    }
    none("`attest_verified` outside node/crypto and tests", findings);
}

#[test]
fn files_can_be_read_in_an_afternoon() {
    let long = files(&[".rs"]).into_iter().map(|file| (file.text.lines().count(), file.path));
    let long = long.filter(|(lines, _)| *lines > FILE_LINES_MAX).map(|(lines, path)| format!("{path}: {lines} lines"));
    none("files that are too long", long.collect());
}

/// A test that sleeps is slow where it works and wrong where the machine is busy: wait for what is to happen.
#[test]
fn tests_do_not_sleep() {
    let sleeps = [concat!("thread::", "sleep"), concat!("time::", "sleep")];
    let mut findings = Vec::new();
    for file in files(&[".rs"]) {
        let lines = file.lines_of_tests().filter(|(_, line)| sleeps.iter().any(|sleep| line.contains(sleep)));
        findings.extend(lines.map(|(number, _)| format!("{}:{number}", file.path)));
    }
    none("tests that sleep", findings);
}

/// The project stands alone: nothing in it knows where it was written.
#[test]
fn no_path_of_one_machine() {
    let paths = [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/wo", "rk/"), concat!("../sha", "red")];
    let mut findings = Vec::new();
    for file in files(&[".rs", ".toml", ".md", ".proto", ".yml", ".yaml", ".sh", "run", "Dockerfile", ".json"]) {
        let lines = file.lines().filter(|(_, line)| paths.iter().any(|path| line.contains(path)));
        findings.extend(lines.map(|(number, line)| format!("{}:{number}: {}", file.path, line.trim())));
    }
    none("paths of one machine", findings);
}

#[test]
fn the_deciding_crates_say_no_std() {
    let crates = ["node/types/src/lib.rs", "node/ledger/src/lib.rs", "node/consensus/src/lib.rs"];
    let files = files(&["lib.rs"]);
    let says = |path: &&str| {
        let file = files.iter().find(|file| file.path == *path);
        file.is_some_and(|file| file.text.contains("#![no_std]"))
    };
    none(
        "crates without #![no_std]",
        crates.iter().filter(|path| !says(path)).map(|path| (*path).to_owned()).collect(),
    );
}

#[test]
fn the_rim_of_test_code_is_found() {
    let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
    let check = |file: File, outside: usize, inside: usize| {
        assert_eq!(
            (file.lines_outside_tests().count(), file.lines_of_tests().count()),
            (outside, inside),
            "{}",
            file.path
        );
    };
    check(file("node/src/a.rs", "x\n\n#[cfg(test)]\nmod tests {\n}\n"), 2, 3);
    check(file("node/src/a.rs", "x\n"), 1, 0);
    check(file("node/src/a/tests.rs", "x\n"), 0, 1);
    check(file("node/ledger/tests/a.rs", "x\n"), 0, 1);
    check(file("tests/cluster/main.rs", "x\n"), 0, 1);
    check(file("tests/src/harness/mod.rs", "x\n"), 1, 0);
}
