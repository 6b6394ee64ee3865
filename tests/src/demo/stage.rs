//! What one step leaves to the next.

use crate::harness::{Load, Network};
use concordat_types::Uuid;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Dropped from top to bottom: the processes end before their folder goes.
#[derive(Debug)]
pub struct Stage {
    pub network: Network,
    /// Where the user wants the ports to begin.
    pub base_port: Option<u16>,
    /// Runs from `kill` to `heal`.
    pub load: Option<Load>,
    /// Payments that the load had acknowledged.
    pub load_committed: u64,
    /// Set by `halt`.
    pub halted: Option<Halted>,
    pub folder: Folder,
}

#[derive(Clone, Debug)]
pub struct Halted {
    pub validators: Vec<String>,
    /// Where the ledger came to a stand.
    pub height: u64,
    /// The payment that was sent meanwhile.
    pub payment: Uuid,
}

/// Where everything is kept.
#[derive(Debug)]
pub enum Folder {
    /// The user's: it stays.
    Kept(PathBuf),
    /// Removed when dropped.
    Temporary(TempDir),
}

impl Folder {
    pub fn path(&self) -> &Path {
        match self {
            Folder::Kept(path) => path,
            Folder::Temporary(folder) => folder.path(),
        }
    }

    /// Stays after all, so that somebody can look at it.
    pub fn keep(&mut self) {
        if let Folder::Temporary(folder) = self {
            folder.disable_cleanup(true);
        }
    }
}

impl Stage {
    pub fn profiles(&self) -> impl Iterator<Item = (String, String)> + '_ {
        self.network.nodes.iter().map(|node| (node.name.clone(), node.home.display().to_string()))
    }

    /// What a person needs in order to go on by hand.
    pub fn how_to_talk(&self, program: &Path) -> String {
        let (program, dir) = (program.display(), self.network.dir.display());
        let mut text = String::from("\nThe network runs. In another terminal:\n\n");
        for command in [
            format!("export CONCORDAT_PROFILE={dir}/bank-a"),
            format!("{program} status"),
            format!("{program} account list"),
            format!("{program} pay --from bank-a/EUR/main --to bank-b/EUR/main --amount 12.50"),
            format!("{program} watch"),
            format!("{program} issue --profile {dir}/central-bank --to bank-a/EUR/main --amount 1000.00"),
        ] {
            text.push_str(&format!("  {command}\n"));
        }
        text.push_str("\nnode          pid      clients          metrics, /readyz         log\n");
        for node in &self.network.nodes {
            let pid = node.pid().map_or_else(|| "-".to_owned(), |pid| pid.to_string());
            text.push_str(&format!(
                "{:<13} {pid:<8} {:<16} http://{:<17} {}\n",
                node.name,
                node.client,
                node.http,
                node.log_path().display()
            ));
        }
        text
    }
}
