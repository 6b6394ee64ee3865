//! Documents that follow the code: tables that are generated, and lists that must not forget anything.
//!
//! `CONCORDAT_REGENERATE=1 cargo xtask test --only docs` writes the generated parts anew.

mod encoding;
mod metrics;

use concordat_proto::codes::Code;
use concordat_replica::store::Table;
use concordat_types::ResultCode;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

#[test]
fn results_are_those_of_the_code() {
    let mut table = String::from("| number | name | cause | next step |\n|---:|---|---|---|\n");
    for code in ResultCode::ALL {
        table += &format!("| {} | `{}` | {} | {} |\n", code.number(), code.name(), code.cause(), code.next_step());
    }
    check_generated("docs/errors.md", "results", &table);
}

#[test]
fn errors_are_those_of_the_code() {
    let mut table = String::from("| code | gRPC status | cause | next step |\n|---|---|---|---|\n");
    for code in Code::ALL {
        table += &format!("| `{}` | {:?} | {} | {} |\n", code.name(), code.grpc(), code.cause(), code.next_step());
    }
    check_generated("docs/errors.md", "errors", &table);
}

/// Also those that one program has to itself.
#[test]
fn every_code_in_the_sources_is_explained() {
    let errors = read("docs/errors.md");
    let mut missing = BTreeSet::new();
    for package in ["admin-cli/src", "node", "validator", "proto/src", "tests/src"] {
        for file in files_below(&root().join(package), ".rs") {
            let text = std::fs::read_to_string(&file).expect("sources are UTF-8");
            for literal in text.split("\"E_").skip(1) {
                let name = literal.split('"').next().unwrap_or_default();
                let is_code = name.len() > 2 && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
                if is_code && !errors.contains(&format!("| `E_{name}` |")) {
                    missing.insert(format!("E_{name}"));
                }
            }
        }
    }
    assert!(missing.is_empty(), "without a row in docs/errors.md: {missing:?}");
}

#[test]
fn every_table_of_the_store_is_described() {
    let storage = read("docs/storage.md");
    let tables = Table::STORE.iter().chain(Table::INDEX);
    let missing: Vec<_> = tables.map(|table| table.name()).filter(|name| !has_row(&storage, name)).collect();
    assert!(missing.is_empty(), "without a row in docs/storage.md: {missing:?}");
}

#[test]
fn every_stage_is_listed() {
    let contributing = read("CONTRIBUTING.md");
    let stages = read("xtask/src/stages.rs");
    let names: Vec<&str> =
        stages.lines().filter_map(|line| line.trim().strip_prefix("name: \"")?.strip_suffix("\",")).collect();
    assert!(names.contains(&"fmt") && names.len() > 5, "the stages are found: {names:?}");
    let missing: Vec<_> = names.into_iter().filter(|name| !has_row(&contributing, name)).collect();
    assert!(missing.is_empty(), "without a row in CONTRIBUTING.md: {missing:?}");
}

#[test]
fn the_map_lists_every_document() {
    let readme = read("README.md");
    let documents = files_below(&root().join("docs"), ".md");
    assert!(!documents.is_empty());
    let path = |file: &PathBuf| file.strip_prefix(root()).expect("found below it").display().to_string();
    let missing: Vec<_> = documents.iter().map(path).filter(|path| !readme.contains(&format!("]({path})"))).collect();
    assert!(missing.is_empty(), "README.md does not link: {missing:?}");
}

#[test]
fn links_lead_somewhere() {
    let mut documents = files_below(&root().join("docs"), ".md");
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"] {
        documents.push(root().join(name));
    }
    let mut broken = Vec::new();
    for document in documents {
        let text = std::fs::read_to_string(&document).unwrap_or_else(|error| panic!("{}: {error}", document.display()));
        let folder = document.parent().expect("a file has a folder");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap_or_default();
            if !path.is_empty() && !path.contains(':') && !folder.join(path).exists() {
                broken.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links to nothing:\n  {}", broken.join("\n  "));
}

/// Holds the part of a document between two markers against what it should be, or writes it.
fn check_generated(path: &str, name: &str, expected: &str) {
    let text = read(path);
    let (begin, end) = (format!("<!-- generated: {name} -->\n"), format!("<!-- end: {name} -->"));
    let start = text.find(&begin).unwrap_or_else(|| panic!("{path} has no marker {begin}")) + begin.len();
    let length = text[start..].find(&end).unwrap_or_else(|| panic!("{path} has no marker {end}"));
    let found = &text[start..start + length];
    if found == expected {
        return;
    }
    if std::env::var_os("CONCORDAT_REGENERATE").is_some_and(|value| value == "1") {
        // The other table of the same file may be written at this moment by its own test.
        let _alone = WRITING.lock().expect("no test fails while it writes");
        let text = read(path);
        let (before, rest) = text.split_once(&begin).expect("found above");
        let (_, after) = rest.split_once(&end).expect("found above");
        let new = format!("{before}{begin}{expected}{end}{after}");
        std::fs::write(root().join(path), new).unwrap_or_else(|error| panic!("{path}: {error}"));
        return;
    }
    panic!("{path}, {name}: not as the code has it. CONCORDAT_REGENERATE=1 cargo xtask test --only docs");
}

static WRITING: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// A table row whose first cell is this, as code.
fn has_row(document: &str, name: &str) -> bool {
    document.lines().any(|line| line.starts_with(&format!("| `{name}` |")))
}

fn files_below(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        for path in entries.map(|entry| entry.expect("the checkout can be read").path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().is_some_and(|path| path.ends_with(end)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn root() -> PathBuf {
    let package = std::env::var("CARGO_MANIFEST_DIR").expect("cargo and xtask set it");
    Path::new(&package).parent().expect("tests/ stands in the workspace").to_path_buf()
}
