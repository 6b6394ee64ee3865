//! `types`, `ledger` and `consensus` are compiled where there is no standard library: a folder with core, alloc and
//! compiler_builtins stands in for the sysroot. The attribute `#![no_std]` alone proves nothing, since any dependency
//! may bring the standard library back.

use crate::files::root;
use std::{
    io::Write as _,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

const PURE: &[&str] = &["concordat-types", "concordat-ledger", "concordat-consensus"];
const CRATES: &[&str] = &["core", "alloc", "compiler_builtins"];

#[test]
fn the_deciding_crates_compile_without_the_standard_library() {
    let sysroot = Sysroot::new("whole");
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(root())
        .args(["check", "--quiet", "--target", &sysroot.host, "--target-dir"])
        .arg(sysroot.folder.join("target"));
    for package in PURE {
        cargo.args(["--package", package]);
    }
    // With --target, build scripts and procedural macros are for the host and keep its sysroot.
    cargo.env("RUSTFLAGS", format!("--sysroot={}", sysroot.folder.display())).env_remove("CARGO_ENCODED_RUSTFLAGS");
    let output = cargo.output().expect("cargo starts");
    assert!(
        output.status.success(),
        "they need more than core and alloc:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Else the test above would prove nothing.
#[test]
fn the_bare_sysroot_refuses_the_standard_library() {
    let sysroot = Sysroot::new("bare");
    let without =
        sysroot.compile("#![no_std] extern crate alloc; pub fn f() -> alloc::vec::Vec<u8> { alloc::vec![1] }");
    assert!(without.status.success(), "{}", String::from_utf8_lossy(&without.stderr));
    for source in ["#![no_std] extern crate std;", "pub fn f() -> std::time::Instant { std::time::Instant::now() }"] {
        let with = sysroot.compile(source);
        let said = String::from_utf8_lossy(&with.stderr).into_owned();
        assert!(!with.status.success() && said.contains("can't find crate for `std`"), "{source}\n{said}");
    }
}

struct Sysroot {
    folder: PathBuf,
    host: String,
}

impl Sysroot {
    /// Each test its own folder, below the target folder. The name is kept, so that a second run finds its build.
    fn new(name: &str) -> Sysroot {
        let host = rustc(&["-vV"]).lines().find_map(|line| line.strip_prefix("host: ").map(str::to_owned));
        let host = host.expect("rustc names its host");
        let libraries = Path::new("lib/rustlib").join(&host).join("lib");
        let folder = target_folder().join("purity").join(name);
        let here = folder.join(&libraries);
        std::fs::create_dir_all(&here).expect("the target folder can be written");

        // Links to a toolchain that has since been replaced would break in odd ways.
        for old in std::fs::read_dir(&here).expect("just created") {
            std::fs::remove_file(old.expect("a link").path()).expect("ours to remove");
        }
        let real = Path::new(rustc(&["--print", "sysroot"]).trim()).join(&libraries);
        for entry in std::fs::read_dir(&real).expect("the toolchain has libraries for its host") {
            let entry = entry.expect("readable");
            let file = entry.file_name();
            let file = file.to_str().expect("ASCII").to_owned();
            let of = |name: &&str| file.strip_prefix("lib").is_some_and(|rest| rest.starts_with(&format!("{name}-")));
            if CRATES.iter().any(of) && (file.ends_with(".rlib") || file.ends_with(".rmeta")) {
                symlink(entry.path(), here.join(&file)).expect("the folder was emptied");
            }
        }
        Sysroot { folder, host }
    }

    fn compile(&self, source: &str) -> Output {
        let mut rustc = Command::new("rustc");
        rustc.current_dir(root()).args(["--edition=2024", "--crate-type=lib", "--crate-name=probe", "--emit=metadata"]);
        rustc
            .arg(format!("--sysroot={}", self.folder.display()))
            .arg("-o")
            .arg(self.folder.join("probe.rmeta"))
            .arg("-");
        let mut child =
            rustc.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("rustc starts");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(source.as_bytes()).expect("rustc reads its input");
        drop(stdin);
        child.wait_with_output().expect("rustc ends")
    }
}

fn rustc(arguments: &[&str]) -> String {
    let output = Command::new("rustc").current_dir(root()).args(arguments).output().expect("rustc starts");
    assert!(output.status.success(), "rustc {arguments:?}");
    String::from_utf8(output.stdout).expect("rustc prints UTF-8")
}

/// Where this test was built: target/release/deps/tidy-….
fn target_folder() -> PathBuf {
    let program = std::env::current_exe().expect("a test knows its own path");
    let folder = program.ancestors().nth(3).expect("three folders below the target folder");
    folder.to_path_buf()
}
