//! Puts the commit into the program, so that `--version` says what runs.

use std::{path::Path, process::Command};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=CONCORDAT_GIT_HASH");
    for name in ["HEAD", "logs/HEAD"] {
        let path = format!("../.git/{name}");
        if Path::new(&path).exists() {
            println!("cargo:rerun-if-changed={path}");
        }
    }
    let commit = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    let commit = commit.ok().filter(|output| output.status.success());
    let commit = commit.and_then(|output| String::from_utf8(output.stdout).ok());
    // Where there is no repository, the environment may name the commit.
    let commit = std::env::var("CONCORDAT_GIT_HASH").ok().or(commit);
    let commit = commit.map_or("unknown".to_owned(), |text| text.trim().to_owned());
    println!("cargo:rustc-env=CONCORDAT_GIT_HASH={commit}");
}
