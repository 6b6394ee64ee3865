//! Reads the manifests and the lock file: edges between packages, and who may use which library.

use crate::files::{none, root};
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// ARCHITECTURE.md, Dependencies. A package may use what it reaches along these edges, and nothing else of ours.
const EDGES: &[(&str, &[&str])] = &[
    ("concordat-tests", &["concordat-validator", "concordat-cli", "concordat-node"]),
    ("concordat-validator", &["concordat-node", "concordat-keys"]),
    ("concordat-cli", &["concordat-proto", "concordat-crypto", "concordat-ledger", "concordat-keys"]),
    ("concordat-keys", &["concordat-types"]),
    ("concordat-node", &["concordat-storage", "concordat-replica", "concordat-crypto", "concordat-proto"]),
    ("concordat-storage", &["concordat-replica"]),
    ("concordat-proto", &["concordat-types"]),
    ("concordat-replica", &["concordat-ledger", "concordat-consensus", "concordat-crypto"]),
    ("concordat-ledger", &["concordat-types"]),
    ("concordat-consensus", &["concordat-types"]),
    ("concordat-crypto", &["concordat-types"]),
    ("concordat-types", &[]),
    ("xtask", &[]),
];

/// Libraries that one place hides from the others.
const ONLY: &[(&str, &[&str])] = &[
    ("rocksdb", &["concordat-storage"]),
    ("librocksdb-sys", &["concordat-storage"]),
    ("prost", &["concordat-proto"]),
    ("prost-types", &["concordat-proto"]),
    ("tonic-prost", &["concordat-proto"]),
    ("bls-signatures", &["concordat-crypto"]),
];

/// What decides takes no part in sockets, disks or dice.
const DECIDING: &[&str] = &["concordat-types", "concordat-ledger", "concordat-consensus"];
const NOT_FOR_DECIDING: &[&str] =
    &["tokio", "tonic", "rocksdb", "rand", "rand_core", "getrandom", "rayon", "parking_lot"];

/// Two copies would not know each other's types, or double what is most costly to build or to watch.
const ONE_COPY: &[&str] = &["rustls", "tonic", "blst", "axum", "tokio", "prost", "librocksdb-sys"];

struct Package {
    name: String,
    /// Of the product, and to build it.
    uses: BTreeSet<String>,
    /// Of its tests, examples and benches.
    uses_in_tests: BTreeSet<String>,
}

#[test]
fn packages_depend_only_along_the_listed_edges() {
    let packages = packages();
    let listed: BTreeSet<&str> = EDGES.iter().map(|(name, _)| *name).collect();
    let found: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    assert_eq!(found, listed, "packages of the workspace, and packages in EDGES");

    let mut findings = Vec::new();
    for package in &packages {
        let allowed = reach(&package.name);
        let ours = package.uses.union(&package.uses_in_tests).filter(|name| listed.contains(name.as_str()));
        let edges = ours.filter(|name| !allowed.contains(name.as_str()));
        findings.extend(edges.map(|name| format!("{} -> {name}", package.name)));
    }
    none("edges that ARCHITECTURE.md does not have", findings);
}

#[test]
fn reach_follows_edges_and_only_forwards() {
    assert!(reach("concordat-storage").contains("concordat-types"));
    assert!(!reach("concordat-ledger").contains("concordat-consensus"));
    assert!(!reach("concordat-types").contains("concordat-crypto"));
}

#[test]
fn libraries_are_used_where_they_belong() {
    let packages = packages();
    let mut findings = Vec::new();
    for package in &packages {
        for (library, users) in ONLY {
            if package.uses.contains(*library) && !users.contains(&package.name.as_str()) {
                findings.push(format!("{} uses {library}, which only {} may", package.name, users.join(", ")));
            }
        }
        if DECIDING.contains(&package.name.as_str()) {
            let forbidden = NOT_FOR_DECIDING.iter().filter(|library| package.uses.contains(**library));
            findings.extend(forbidden.map(|library| format!("{} uses {library}", package.name)));
        }
    }
    none("libraries out of place", findings);
}

#[test]
fn versions_stand_once_in_the_workspace() {
    let mut findings = Vec::new();
    for (path, manifest) in manifests() {
        for (_, name, value) in dependencies(&manifest) {
            if value.get("workspace").and_then(Value::as_bool) != Some(true) {
                findings.push(format!("{path}: {name}"));
            }
        }
    }
    none("dependencies without `workspace = true`", findings);
}

#[test]
fn the_lock_has_one_copy_of_what_must_not_be_twice() {
    let lock: Table = read("Cargo.lock");
    let mut copies: BTreeMap<&str, usize> = BTreeMap::new();
    for package in lock["package"].as_array().expect("a list of packages") {
        *copies.entry(package["name"].as_str().expect("a name")).or_default() += 1;
    }
    let count = |name: &&str| copies.get(*name).copied().unwrap_or(0);
    none(
        "libraries whose copies in Cargo.lock are not one",
        ONE_COPY.iter().filter(|name| count(name) != 1).map(|name| format!("{name}: {}", count(name))).collect(),
    );
}

/// All packages that one reaches along the edges.
fn reach(name: &str) -> BTreeSet<&'static str> {
    let next = |name: &str| EDGES.iter().find(|(from, _)| *from == name).map_or(&[][..], |(_, to)| to);
    let mut reached = BTreeSet::new();
    let mut open: Vec<&'static str> = next(name).to_vec();
    while let Some(package) = open.pop() {
        if reached.insert(package) {
            open.extend(next(package));
        }
    }
    reached
}

fn packages() -> Vec<Package> {
    let mut packages = Vec::new();
    for (_, manifest) in manifests() {
        let name = manifest["package"]["name"].as_str().expect("a package has a name").to_owned();
        let mut package = Package { name, uses: BTreeSet::new(), uses_in_tests: BTreeSet::new() };
        for (kind, name, _) in dependencies(&manifest) {
            let uses = if kind == "dev-dependencies" { &mut package.uses_in_tests } else { &mut package.uses };
            uses.insert(name);
        }
        packages.push(package);
    }
    packages
}

fn manifests() -> Vec<(String, Table)> {
    let workspace = read("Cargo.toml");
    let members = workspace["workspace"]["members"].as_array().expect("a list of members");
    let path = |member: &Value| format!("{}/Cargo.toml", member.as_str().expect("a folder"));
    members.iter().map(path).map(|path| (path.clone(), read(&path))).collect()
}

/// Kind, real name and value of each dependency, those for single targets included.
fn dependencies(manifest: &Table) -> Vec<(&'static str, String, Value)> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let places = targets.filter_map(Value::as_table).chain([manifest]);
    let mut found = Vec::new();
    for place in places {
        for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
            for (name, value) in place.get(kind).and_then(Value::as_table).into_iter().flatten() {
                let name = value.get("package").and_then(Value::as_str).unwrap_or(name);
                found.push((kind, name.to_owned(), value.clone()));
            }
        }
    }
    found
}

fn read(path: &str) -> Table {
    let text = std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}
