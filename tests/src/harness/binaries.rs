//! The programs under test: those beside the running one, built from the same commit.

use super::Failure;
use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

#[derive(Clone, Debug)]
pub struct Binaries {
    pub cli: PathBuf,
    pub node: PathBuf,
    pub validator: PathBuf,
}

impl Binaries {
    /// Beside this program, or beside the folder of test programs in it.
    pub fn find() -> Result<Binaries, Failure> {
        let own = env::current_exe()
            .map_err(|error| Failure::set_up(format!("this program has no path: {error}"), "Start it by its path."))?;
        let folders: Vec<&Path> = own.ancestors().skip(1).take(2).collect();
        let find = |name: &str| {
            let path = folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file());
            path.ok_or_else(|| Failure::set_up(format!("{name} is not beside {}", own.display()), BUILD))
        };
        let binaries = Binaries {
            cli: find("concordat")?,
            node: find("concordat-node")?,
            validator: find("concordat-validator")?,
        };
        for path in [&binaries.cli, &binaries.node, &binaries.validator] {
            refuse_stale(path)?;
        }
        Ok(binaries)
    }
}

/// A binary of another commit would be tested in the name of this one.
fn refuse_stale(path: &Path) -> Result<(), Failure> {
    let output = Command::new(path).arg("--version").output();
    let output = output.map_err(|error| Failure::set_up(format!("{} --version: {error}", path.display()), BUILD))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !text.trim_end().ends_with(concordat_node::VERSION) {
        let cause = format!(
            "{} is stale: it says {:?}, and this program is of {}",
            path.display(),
            text.trim_end(),
            concordat_node::VERSION
        );
        return Err(Failure::set_up(cause, BUILD));
    }
    Ok(())
}

const BUILD: &str = "Build everything at once: cargo xtask build";
