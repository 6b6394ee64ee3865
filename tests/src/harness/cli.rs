//! The `concordat` command as a person types it, with `--output json`.

use super::{Failure, failure::ensure};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::process::Command;

#[derive(Clone, Debug)]
pub struct Cli {
    pub program: PathBuf,
    /// Show each command on stderr before it runs.
    pub is_shown: bool,
}

/// How a command ended.
#[derive(Clone, PartialEq, Debug)]
pub struct Answer {
    pub command: String,
    pub exit: i32,
    pub json: Value,
}

impl Cli {
    /// Runs it as the member whose profile it is.
    pub async fn run(&self, profile: Option<&Path>, arguments: &[&str]) -> Result<Answer, Failure> {
        let mut words: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        if let Some(profile) = profile {
            words.extend(["--profile".to_owned(), profile.display().to_string()]);
        }
        let shown = format!("concordat {}", words.join(" "));
        if self.is_shown {
            eprintln!("      $ {shown}");
        }
        let mut command = Command::new(&self.program);
        command.args(&words).args(["--output", "json"]);
        // The user's own surroundings stay out of it.
        for name in ["CONCORDAT_PASSPHRASE_FILE", "CONCORDAT_PROFILE", "CONCORDAT_CONFIG"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let output = command.output().await.map_err(|error| Failure::file("program", &self.program, &error))?;
        let exit = output.status.code().unwrap_or(-1);
        let text = String::from_utf8_lossy(&output.stdout);
        let last = text.lines().last().unwrap_or_default();
        let json = serde_json::from_str(last).map_err(|_| {
            let stderr: String = String::from_utf8_lossy(&output.stderr).trim().chars().take(500).collect();
            Failure::check(format!("{shown}: exit {exit}, no JSON on stdout; stderr: {stderr}"))
        })?;
        Ok(Answer { command: shown, exit, json })
    }
}

impl Answer {
    /// The data of a command that must have gone well.
    pub fn data(mut self) -> Result<Value, Failure> {
        if self.exit != 0 || self.json["ok"] != true {
            let error = &self.json["error"];
            let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
            let cause = format!("{}: exit {}, {}: {}", self.command, self.exit, text("code"), text("cause"));
            return Err(Failure { code: text("code"), cause, next: text("next") });
        }
        Ok(self.json["data"].take())
    }

    /// It must have failed just so. `result` is the ledger's number, where the ledger refused.
    pub fn refused(&self, exit: i32, code: &str, result: Option<u16>) -> Result<(), Failure> {
        let error = &self.json["error"];
        let got = (self.exit, error["code"].as_str().unwrap_or("none"), error["result"].as_u64());
        ensure(got == (exit, code, result.map(u64::from)), || {
            format!(
                "{}: expected exit {exit}, {code}, result {result:?}; got {got:?}: {}",
                self.command, error["cause"]
            )
        })?;
        let says = |name: &str| error[name].as_str().is_some_and(|text| !text.is_empty());
        ensure(says("cause") && says("next"), || format!("{}: the error lacks cause or next step", self.command))
    }
}
