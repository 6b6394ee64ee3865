//! The network of docker-compose.yml under a project name of its own.

use crate::{
    engine::{Engine, said},
    images::{Images, root},
};
use concordat_tests::harness::{Answer, Failure, wait::seen, wait_until};
use serde_json::Value;
use std::time::Duration;
use tokio::process::Command;

pub struct Trial<'a> {
    pub engine: &'a Engine,
    pub images: Images,
}

/// Also the beginning of the images' names.
pub fn project() -> String {
    format!("concordat-test-{}", std::process::id())
}

impl Trial<'_> {
    /// Without its images: `up` must not build others.
    pub async fn compose(&self, arguments: &[&str]) -> Result<String, Failure> {
        let mut command = self.compose_command();
        command.args(arguments);
        said(command).await
    }

    fn compose_command(&self) -> Command {
        let mut command = compose_command(self.engine);
        command.env("CONCORDAT_IMAGE", &self.images.node).env("CONCORDAT_PROMETHEUS_IMAGE", &self.images.prometheus);
        command
    }

    pub async fn up(&self) -> Result<(), Failure> {
        self.compose(&["up", "-d", "--no-build"]).await.map(|_| ())
    }

    /// The command line of a member, in the member's own container.
    pub async fn cli(&self, member: &str, arguments: &[&str]) -> Result<Value, Failure> {
        let mut command = self.compose_command();
        command.args(["exec", "-T", member, "concordat"]).args(arguments).args(["--output", "json"]);
        let shown = format!("{member}: concordat {}", arguments.join(" "));
        let output = command.output().await.map_err(|error| Failure::check(format!("{shown}: {error}")))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let json = serde_json::from_str(text.lines().last().unwrap_or_default()).map_err(|_| {
            let stderr = String::from_utf8_lossy(&output.stderr);
            Failure::check(format!("{shown}: no JSON on stdout; stderr: {}", stderr.trim()))
        })?;
        Answer { command: shown, exit: output.status.code().unwrap_or(-1), json }.data()
    }

    /// What the engine knows of the container.
    pub async fn inspect(&self, service: &str) -> Result<Value, Failure> {
        let id = self.compose(&["ps", "-q", service]).await?;
        let text = self.engine.docker(&["inspect", id.trim()]).await?;
        let mut json: Value =
            serde_json::from_str(&text).map_err(|error| Failure::check(format!("{service}: inspect: {error}")))?;
        Ok(json[0].take())
    }

    /// By what its own health check has said.
    pub async fn wait_healthy(&self, services: &[&str]) -> Result<(), Failure> {
        for service in services {
            let what = format!("{service} is healthy");
            wait_until(&what, HEALTHY_WITHIN, async || {
                let state = &self.inspect(service).await.map_err(|failure| failure.cause)?["State"];
                let log = state["Health"]["Log"].as_array().and_then(|log| log.last()).map(|last| &last["Output"]);
                seen(state["Health"]["Status"] == "healthy", || format!("{}: {log:?}", state["Status"]))
            })
            .await?;
        }
        Ok(())
    }

    /// For a failure, on stderr.
    pub async fn show_logs(&self) {
        let mut command = self.compose_command();
        command.args(["logs", "--no-color", "--tail", "15"]);
        match command.output().await {
            Ok(output) => eprintln!("{}", String::from_utf8_lossy(&output.stdout)),
            Err(error) => eprintln!("no logs: {error}"),
        }
    }
}

/// Containers, volumes and networks; there may be none.
pub async fn remove(engine: &Engine) -> Result<(), Failure> {
    let mut command = compose_command(engine);
    command.args(["down", "--volumes", "--remove-orphans", "--timeout", "5"]);
    said(command).await.map(|_| ())
}

fn compose_command(engine: &Engine) -> Command {
    let mut command = engine.command("docker-compose");
    command.arg("--project-name").arg(project()).arg("--file").arg(root().join("docker-compose.yml"));
    // A free port.
    command.env("CONCORDAT_PROMETHEUS_PORT", "");
    command
}

pub const BANKS: [&str; 4] = ["bank-a", "bank-b", "bank-c", "bank-d"];
pub const MEMBERS: [&str; 5] = ["bank-a", "bank-b", "bank-c", "bank-d", "central-bank"];
/// A health check comes every five seconds; a busy machine starts five nodes in some more.
const HEALTHY_WITHIN: Duration = Duration::from_secs(90);
