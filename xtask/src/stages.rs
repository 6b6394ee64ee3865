//! The stages of `cargo xtask test`: one table, in the order in which they run. CONTRIBUTING.md lists them too.

use crate::{cargo::TestTarget, setup::Need};

pub struct Stage {
    pub name: &'static str,
    /// Only with `--all` or when named.
    pub only_with_all: bool,
    pub needs: &'static [Need],
    /// Where one of these is not to be had, the stage is skipped, and counted so.
    pub wants: &'static [Need],
    pub steps: &'static [Step],
}

#[derive(Clone, Copy)]
pub enum Step {
    /// A cargo command; one check.
    Cargo(&'static [&'static str]),
    /// Test executables, and what to pass them. That none is found is a failure.
    Tests { which: fn(&TestTarget) -> bool, arguments: &'static [&'static str] },
    /// The same, and the tests marked `ignore` too where this user may mount a file system. Elsewhere they count as skipped.
    MountingTests { which: fn(&TestTarget) -> bool, arguments: &'static [&'static str] },
    /// The same, with the Python of examples/python as CONCORDAT_PYTHON.
    PythonTests { which: fn(&TestTarget) -> bool },
    /// One of our programs; one check.
    Program(&'static str, &'static [&'static str]),
}

pub const STAGES: &[Stage] = &[
    Stage {
        name: "fmt",
        only_with_all: false,
        needs: &[Need::Rustfmt],
        wants: &[],
        steps: &[Step::Cargo(&["fmt", "--all", "--check"])],
    },
    Stage {
        name: "clippy",
        only_with_all: false,
        needs: WITH_CLIPPY,
        wants: &[],
        steps: &[
            Step::Cargo(&["clippy", "--release", "--workspace", "--lib", "--bins", "--", "-D", "warnings"]),
            // Tests may unwrap.
            Step::Cargo(&[
                "clippy",
                "--release",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
                "-A",
                "clippy::unwrap_used",
            ]),
        ],
    },
    Stage {
        name: "unit",
        only_with_all: false,
        needs: Need::BUILD,
        wants: &[],
        steps: &[Step::Tests {
            which: |target| !is_of_storage(target) && !is_of_cli(target) && !is_suite(target),
            arguments: &[],
        }],
    },
    Stage {
        name: "rules",
        only_with_all: false,
        needs: Need::BUILD,
        wants: &[],
        steps: &[Step::Tests { which: |target| is_suite_named(target, "tidy"), arguments: &[] }],
    },
    Stage {
        name: "storage",
        only_with_all: false,
        needs: Need::BUILD,
        wants: &[],
        steps: &[Step::Tests { which: is_of_storage, arguments: &[] }],
    },
    Stage {
        name: "sim",
        only_with_all: false,
        needs: Need::BUILD,
        wants: &[],
        steps: &[Step::Program("concordat-sim", &["--seeds", "200"])],
    },
    Stage {
        name: "cluster",
        only_with_all: false,
        needs: Need::BUILD,
        wants: &[],
        steps: &[
            // Each starts a network of its own; side by side they would take each other's time.
            Step::MountingTests { which: |target| is_suite_named(target, "cluster"), arguments: &["--test-threads=1"] },
        ],
    },
    Stage {
        name: "cli",
        only_with_all: false,
        needs: Need::BUILD,
        wants: &[],
        steps: &[Step::Tests { which: is_of_cli, arguments: &[] }],
    },
    Stage {
        name: "docker",
        only_with_all: false,
        needs: Need::BUILD,
        wants: &[Need::Root, Need::Engine, Need::Compose, Need::Debootstrap],
        steps: &[Step::Tests { which: |target| is_suite_named(target, "docker"), arguments: &["--nocapture"] }],
    },
    Stage {
        name: "docs",
        only_with_all: false,
        needs: Need::BUILD,
        wants: &[],
        steps: &[
            Step::Tests { which: |target| is_suite_named(target, "docs"), arguments: &[] },
            Step::Cargo(&[
                "run",
                "--release",
                "--quiet",
                "--manifest-path",
                "proto/generator/Cargo.toml",
                "--",
                "--check",
            ]),
        ],
    },
    Stage {
        name: "python",
        only_with_all: false,
        needs: WITH_PYTHON,
        wants: &[],
        steps: &[Step::PythonTests { which: |target| is_suite_named(target, "python") }],
    },
];

/// An integration test of the package `concordat-tests`: a stage has to name it.
fn is_suite(target: &TestTarget) -> bool {
    target.package == "concordat-tests" && target.kind == "test"
}

fn is_suite_named(target: &TestTarget, name: &str) -> bool {
    is_suite(target) && target.name == name
}

fn is_of_storage(target: &TestTarget) -> bool {
    target.package == "concordat-storage"
}

fn is_of_cli(target: &TestTarget) -> bool {
    target.package == "concordat-cli"
}

/// Clippy compiles the build scripts, RocksDB's among them.
const WITH_CLIPPY: &[Need] =
    &[Need::Processor, Need::CompilerCpp, Need::LibC, Need::LibClang, Need::ClangHeaders, Need::Git, Need::Clippy];
const WITH_PYTHON: &[Need] =
    &[Need::Processor, Need::CompilerCpp, Need::LibC, Need::LibClang, Need::ClangHeaders, Need::Git, Need::PythonVenv];
