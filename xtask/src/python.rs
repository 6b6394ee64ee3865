//! The Python that runs `examples/python`: an environment of its own, outside the checkout, with the versions that
//! `requirements.txt` pins. Made once; another list or another Python makes another one.

use crate::{
    Failure,
    cargo::{self, Workspace},
};
use std::{
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::stderr,
    path::{Path, PathBuf},
    process::Command,
};

/// The interpreter of the environment. Needs the network where there is none yet.
pub fn interpreter(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let requirements = workspace.root.join("examples/python/requirements.txt");
    let folder = workspace.target.join(format!("python-{:016x}", fingerprint(&requirements)?));
    let python = folder.join("bin/python");
    // Written last: an environment without it was not finished.
    let finished = folder.join("finished");
    if finished.is_file() {
        return Ok(python);
    }
    eprintln!("xtask: making {} with what {} pins", folder.display(), requirements.display());
    let mut make = Command::new("python3");
    make.args(["-m", "venv", "--clear"]).arg(&folder).stdout(stderr());
    cargo::run("python3 -m venv", &mut make)?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--requirement"]);
    let installed = cargo::run("pip install", install.arg(&requirements).stdout(stderr()));
    installed.map_err(|failure| Failure::SetUp(format!("{failure}: it fetches packages from PyPI once")))?;
    let written = fs::write(&finished, "");
    written.map_err(|error| Failure::SetUp(format!("{}: {error}", finished.display())))?;
    Ok(python)
}

fn fingerprint(requirements: &Path) -> Result<u64, Failure> {
    let list = fs::read(requirements);
    let list = list.map_err(|error| Failure::SetUp(format!("{}: {error}", requirements.display())))?;
    let version = Command::new("python3").arg("--version").output();
    let version = version.map_err(|error| Failure::SetUp(format!("python3 does not start: {error}")))?;
    let mut hasher = DefaultHasher::new();
    (list, version.stdout).hash(&mut hasher);
    Ok(hasher.finish())
}
