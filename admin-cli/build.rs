//! The commit that the program is built from, for `--version`.

use std::{env, path::Path, process::Command};

fn main() {
    println!("cargo::rerun-if-env-changed=CONCORDAT_GIT_HASH");
    // Every commit and checkout adds a line here. Where there is no repository, the environment may name the commit.
    let log = Path::new("../.git/logs/HEAD");
    if log.exists() {
        println!("cargo::rerun-if-changed={}", log.display());
    } else {
        println!("cargo::rerun-if-changed=build.rs");
    }
    let hash = env::var("CONCORDAT_GIT_HASH").ok().or_else(git_hash).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=CONCORDAT_GIT_HASH={hash}");
}

fn git_hash() -> Option<String> {
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output().ok()?;
    let hash = String::from_utf8(output.stdout).ok()?;
    Some(hash.trim().to_owned()).filter(|hash| output.status.success() && !hash.is_empty())
}
