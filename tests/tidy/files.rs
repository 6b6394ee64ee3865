//! The files of the checkout, as text. Walked rather than asked of git, which refuses a checkout of another owner.

use std::path::{Path, PathBuf};

pub struct File {
    /// From the root, with `/`.
    pub path: String,
    pub text: String,
}

impl File {
    /// Line number and line of what is not test code: in this code base a file's tests come last.
    pub fn lines_outside_tests(&self) -> impl Iterator<Item = (usize, &str)> {
        let wanted = if self.is_test() { 0 } else { usize::MAX };
        self.lines().take_while(|(_, line)| line.trim() != "#[cfg(test)]").take(wanted)
    }

    /// Line number and line of test code.
    pub fn lines_of_tests(&self) -> impl Iterator<Item = (usize, &str)> {
        let all = self.is_test();
        self.lines().skip_while(move |(_, line)| !all && line.trim() != "#[cfg(test)]")
    }

    pub fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    /// A file that holds nothing but tests, and what only tests use.
    fn is_test(&self) -> bool {
        let folders: Vec<&str> = self.path.split('/').collect();
        let of_suite = folders[0] == "tests" && folders[1] != "src";
        of_suite || folders[1..].iter().any(|part| matches!(*part, "tests" | "tests.rs" | "benches"))
    }
}

pub fn root() -> PathBuf {
    let package = std::env::var("CARGO_MANIFEST_DIR").expect("cargo and xtask set it");
    Path::new(&package).parent().expect("tests/ stands in the workspace").to_path_buf()
}

/// All files that people write and that end in one of these.
pub fn files(ends: &[&str]) -> Vec<File> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("the checkout can be read") {
            let path = entry.expect("the checkout can be read").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if path.is_dir() {
                let foreign =
                    name == "target" || name == "gen" || name.starts_with('.') && !matches!(&*name, ".ci" | ".cargo");
                if !foreign {
                    folders.push(path);
                }
            } else if ends.iter().any(|end| name.ends_with(end)) {
                let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                let path = path.strip_prefix(&root).expect("found below it").to_str().expect("our names are ASCII");
                found.push(File { path: path.to_owned(), text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "no file ends in {ends:?}");
    found
}

/// Fails with one line a finding.
pub fn none(rule: &str, findings: Vec<String>) {
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}
