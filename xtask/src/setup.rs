//! What the machine must have before cargo can build, and how to get it.
//!
//! Looks for the thing itself (a compiler that runs, a library file), not for a package, so that every distribution
//! will do. Where apt-get can be run as root it installs what is missing; elsewhere it names package and command.

use crate::Failure;
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// x86-64-v3 where the machine is an x86-64: the binaries are compiled for it.
    Processor,
    /// RocksDB is C++20; blst, zstd and aws-lc are C.
    CompilerCpp,
    /// Headers of the C library.
    LibC,
    /// bindgen reads RocksDB's header through it.
    LibClang,
    /// `stddef.h` and its like, as libclang wants them.
    ClangHeaders,
    /// `--version` carries the commit.
    Git,
    Rustfmt,
    Clippy,
    /// Counts instructions.
    Valgrind,
    /// To start containers, and to make their base.
    Root,
    /// A container engine that answers, or that can be started.
    Engine,
    Compose,
    /// Makes the base of images where no registry can be reached.
    Debootstrap,
    /// For examples/python: `ensurepip` is what a bare Python of Debian lacks.
    PythonVenv,
}

impl Need {
    pub const BUILD: &'static [Need] =
        &[Need::Processor, Need::CompilerCpp, Need::LibC, Need::LibClang, Need::ClangHeaders, Need::Git];

    fn is_met(self) -> bool {
        match self {
            Need::Processor => processor_will_do(),
            // The name by which the build scripts call it.
            Need::CompilerCpp => runs(&std::env::var("CXX").unwrap_or_else(|_| "c++".into()), &["--version"]),
            Need::LibC => compiles_c(),
            Need::LibClang => libclang().is_some(),
            Need::ClangHeaders => clang_headers(),
            Need::Git => runs("git", &["--version"]),
            Need::Rustfmt => runs("cargo", &["fmt", "--version"]),
            Need::Clippy => runs("cargo", &["clippy", "--version"]),
            Need::Valgrind => runs("valgrind", &["--version"]),
            Need::Root => is_root(),
            Need::Engine => {
                runs("docker", &["version"]) || runs("docker", &["--version"]) && runs("dockerd", &["--version"])
            }
            Need::Compose => runs("docker-compose", &["--version"]),
            Need::Debootstrap => runs("debootstrap", &["--version"]),
            Need::PythonVenv => {
                runs("python3", &["-c", "import sys, venv, ensurepip; assert sys.version_info >= (3, 11)"])
            }
        }
    }

    fn what(self) -> &'static str {
        match self {
            Need::Processor => "a processor of level x86-64-v3 (avx2, bmi2, fma)",
            Need::CompilerCpp => "a C++ compiler",
            Need::LibC => "the headers of the C library",
            Need::LibClang => "libclang",
            Need::ClangHeaders => "the headers of libclang",
            Need::Git => "git",
            Need::Rustfmt => "rustfmt",
            Need::Clippy => "clippy",
            Need::Valgrind => "Valgrind",
            Need::Root => "root",
            Need::Engine => "a container engine",
            Need::Compose => "docker-compose",
            Need::Debootstrap => "debootstrap",
            Need::PythonVenv => "Python 3.11 or later with venv",
        }
    }

    /// What `apt-get install` calls it; `clang` is the distribution's version of LLVM, such as "14".
    fn apt_package(self, clang: &str) -> Option<String> {
        match self {
            Need::Processor | Need::Rustfmt | Need::Clippy | Need::Root => None,
            Need::CompilerCpp => Some("g++".into()),
            Need::LibC => Some("libc6-dev".into()),
            Need::LibClang => Some(format!("libclang1-{clang}")),
            Need::ClangHeaders => Some(format!("libclang-common-{clang}-dev")),
            Need::Git => Some("git".into()),
            Need::Valgrind => Some("valgrind".into()),
            Need::Engine => Some("docker.io".into()),
            Need::Compose => Some("docker-compose".into()),
            Need::Debootstrap => Some("debootstrap".into()),
            Need::PythonVenv => Some("python3-venv".into()),
        }
    }

    fn rustup_component(self) -> Option<&'static str> {
        match self {
            Need::Rustfmt => Some("rustfmt"),
            Need::Clippy => Some("clippy"),
            _ => None,
        }
    }
}

/// Ok when all of it is there, if need be after installing it.
pub fn check(needs: &[Need]) -> Result<(), Failure> {
    let missing = missing(needs);
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|need| need.what()).collect();
    eprintln!("xtask: missing: {}", names.join(", "));
    // Who is not root gets nothing installed that only root could use.
    if !missing.contains(&Need::Root) {
        install(&missing);
    }
    let missing = self::missing(needs);
    if missing.is_empty() { Ok(()) } else { Err(Failure::SetUp(advice(&missing))) }
}

fn missing(needs: &[Need]) -> Vec<Need> {
    needs.iter().copied().filter(|need| !need.is_met()).collect()
}

/// Installs what it may. That it failed shows when the needs are looked at again.
fn install(missing: &[Need]) {
    for component in missing.iter().filter_map(|need| need.rustup_component()) {
        eprintln!("xtask: rustup component add {component}");
        succeeds(Command::new("rustup").args(["component", "add", component]).stdout(std::io::stderr()));
    }
    let Some(mut root) = Root::find() else { return };
    if missing.iter().all(|need| need.apt_package("").is_none()) {
        return;
    }
    root.apt(&["update"]);
    let clang = clang_version();
    let packages: Vec<String> = missing.iter().filter_map(|need| need.apt_package(&clang)).collect();
    let mut arguments = vec!["install", "--yes", "--no-install-recommends"];
    arguments.extend(packages.iter().map(String::as_str));
    root.apt(&arguments);
}

/// How apt-get is run here.
enum Root {
    Already,
    Sudo,
}

impl Root {
    fn find() -> Option<Root> {
        if !runs("apt-get", &["--version"]) {
            return None;
        }
        if is_root() {
            return Some(Root::Already);
        }
        // -n: never stop to ask for a password.
        runs("sudo", &["-n", "true"]).then_some(Root::Sudo)
    }

    fn apt(&mut self, arguments: &[&str]) {
        let mut command = match self {
            Root::Already => Command::new("env"),
            Root::Sudo => {
                let mut command = Command::new("sudo");
                command.args(["-n", "env"]);
                command
            }
        };
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(arguments);
        eprintln!("xtask: apt-get {}", arguments.join(" "));
        succeeds(command.stdin(Stdio::null()).stdout(std::io::stderr()));
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn advice(missing: &[Need]) -> String {
    let mut lines = vec!["set-up missing".to_owned()];
    for need in missing {
        lines.push(match need {
            Need::Processor => format!("  {}: this machine cannot run the programs; use another", need.what()),
            Need::Root => format!("  {}: run it as root", need.what()),
            _ => format!("  {}", need.what()),
        });
    }
    let components: Vec<&str> = missing.iter().filter_map(|need| need.rustup_component()).collect();
    if !components.is_empty() {
        lines.push(format!("install with: rustup component add {}", components.join(" ")));
    }
    let clang = clang_version();
    let packages: Vec<String> = missing.iter().filter_map(|need| need.apt_package(&clang)).collect();
    if !packages.is_empty() {
        lines.push(format!("install with: sudo apt-get update && sudo apt-get install {}", packages.join(" ")));
        if missing.iter().any(|need| Need::BUILD.contains(need)) {
            lines.push(ELSEWHERE.into());
        }
    }
    lines.join("\n")
}

const ELSEWHERE: &str =
    "(other distributions: a C++20 compiler, and libclang with its headers; LIBCLANG_PATH names its folder)";

/// The LLVM that the distribution calls its own: Debian 12 has 14, Ubuntu 24.04 has 18.
fn clang_version() -> String {
    let output = Command::new("apt-cache").args(["depends", "libclang-dev"]).output();
    let listed = output.ok().and_then(|output| default_clang(&String::from_utf8_lossy(&output.stdout)));
    listed.unwrap_or_else(|| clang_of_release(&std::fs::read_to_string("/etc/os-release").unwrap_or_default()).into())
}

/// From `apt-cache depends libclang-dev`: "  Depends: libclang-14-dev".
fn default_clang(depends: &str) -> Option<String> {
    let number = |line: &str| line.split_once("libclang-")?.1.strip_suffix("-dev").map(str::to_owned);
    depends.lines().filter_map(|line| number(line.trim())).find(|number| number.bytes().all(|b| b.is_ascii_digit()))
}

/// Before the first `apt-get update` a fresh machine has no package lists to ask.
fn clang_of_release(os_release: &str) -> &'static str {
    let field = |name: &str| {
        let value = os_release.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or_default().trim_matches('"')
    };
    match (field("ID"), field("VERSION_ID")) {
        ("debian", "13") => "19",
        ("ubuntu", version) if version >= "24" => "18",
        _ => "14",
    }
}

/// The folder of libclang where bindgen would not look by itself. Elsewhere the variable stays unset: build scripts
/// that watch it would run again.
pub fn libclang_outside_the_usual_places() -> Option<PathBuf> {
    if std::env::var_os("LIBCLANG_PATH").is_some() || libclang_in(&usual_places()).is_some() {
        return None;
    }
    libclang_in(&other_places())
}

fn libclang() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("LIBCLANG_PATH").map(PathBuf::from) {
        return named.is_file().then(|| named.clone()).or_else(|| libclang_in(&[named]));
    }
    libclang_in(&usual_places()).or_else(|| libclang_in(&other_places()))
}

fn libclang_in(folders: &[PathBuf]) -> Option<PathBuf> {
    let is_libclang = |name: &str| {
        let library = name.strip_prefix("libclang").filter(|rest| rest.starts_with(".so") || rest.starts_with('-'));
        library.is_some_and(|rest| rest.contains(".so")) && !name.starts_with("libclang-cpp")
    };
    folders.iter().find(|folder| names_in(folder).iter().any(|name| is_libclang(name))).cloned()
}

/// A part of where the crate clang-sys looks by itself.
fn usual_places() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        ["/usr/lib", "/usr/lib64", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/local/lib"]
            .map(PathBuf::from)
            .into();
    folders.extend(llvm_folders());
    folders
}

/// The wheel `libclang` of a Python keeps the library here.
fn other_places() -> Vec<PathBuf> {
    let script = "import clang.native as c; print(list(c.__path__)[0])";
    let output = Command::new("python3").args(["-c", script]).stderr(Stdio::null()).output();
    let folder = output.ok().filter(|output| output.status.success());
    folder.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())).into_iter().collect()
}

fn llvm_folders() -> Vec<PathBuf> {
    let of_llvm = |name: &String| name.starts_with("llvm");
    let names = names_in(Path::new("/usr/lib"));
    names.iter().filter(|name| of_llvm(name)).map(|name| Path::new("/usr/lib").join(name).join("lib")).collect()
}

/// `lib/clang/VERSION/include/stddef.h` below a place where LLVM may be, unless the caller sees to it.
fn clang_headers() -> bool {
    if std::env::var_os("BINDGEN_EXTRA_CLANG_ARGS").is_some() {
        return true;
    }
    let mut folders = vec![PathBuf::from("/usr/lib"), PathBuf::from("/usr/lib64"), PathBuf::from("/usr/local/lib")];
    folders.extend(llvm_folders());
    let in_folder = |folder: &PathBuf| {
        let clang = folder.join("clang");
        names_in(&clang).iter().any(|version| clang.join(version).join("include/stddef.h").is_file())
    };
    folders.iter().any(in_folder)
}

fn names_in(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// Alone, in a name space that ends with the process: as root, or where users may have one of their own. As
/// tests/src/harness/small_disk.rs does it.
pub fn may_mount() -> bool {
    let mount = ["--mount", "sh", "-c", "mount -t tmpfs -o size=1m tmpfs /tmp"];
    runs("unshare", &mount) || runs("unshare", &[&["--map-root-user"][..], &mount[..]].concat())
}

/// .cargo/config.toml compiles for x86-64-v3; without it the first program would die of an illegal instruction.
fn processor_will_do() -> bool {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let Some(flags) = text.lines().find_map(|line| line.strip_prefix("flags")) else { return true };
    ["avx2", "bmi1", "bmi2", "fma", "pclmulqdq"].iter().all(|flag| flags.split_whitespace().any(|have| have == *flag))
}

fn compiles_c() -> bool {
    use std::io::Write as _;
    let child = Command::new("cc")
        .args(["-E", "-x", "c", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut child) = child else { return false };
    let wrote = child.stdin.take().is_some_and(|mut stdin| stdin.write_all(b"#include <stdlib.h>\n").is_ok());
    child.wait().is_ok_and(|status| status.success()) && wrote
}

fn runs(program: &str, arguments: &[&str]) -> bool {
    succeeds(Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))
}

fn succeeds(command: &mut Command) -> bool {
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_distributions_clang() {
        assert_eq!(default_clang("libclang-dev\n  Depends: libclang-14-dev\n").as_deref(), Some("14"));
        assert_eq!(default_clang("libclang-dev\n  Depends: libclang-18-dev\n").as_deref(), Some("18"));
        assert_eq!(default_clang("libclang-dev\n  Depends: libclang-cpp-dev\n"), None);
        assert_eq!(default_clang(""), None);
    }

    #[test]
    fn knows_releases_without_package_lists() {
        assert_eq!(clang_of_release("ID=debian\nVERSION_ID=\"12\"\n"), "14");
        assert_eq!(clang_of_release("ID=debian\nVERSION_ID=\"13\"\n"), "19");
        assert_eq!(clang_of_release("VERSION_ID=\"24.04\"\nID=ubuntu\n"), "18");
        assert_eq!(clang_of_release("VERSION_ID=\"22.04\"\nID=ubuntu\n"), "14");
        assert_eq!(clang_of_release(""), "14");
    }

    #[test]
    fn advice_names_package_and_command() {
        let text = advice(&[Need::CompilerCpp, Need::LibClang, Need::Rustfmt]);
        assert!(text.contains("apt-get install g++ libclang1-"), "{text}");
        assert!(text.contains("rustup component add rustfmt"), "{text}");
        assert!(text.contains(ELSEWHERE), "{text}");
        let text = advice(&[Need::Root, Need::Compose]);
        assert!(text.contains("run it as root") && text.contains("apt-get install docker-compose"), "{text}");
        assert!(!text.contains(ELSEWHERE), "{text}");
    }
}
