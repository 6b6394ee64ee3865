//! The container engine: the one that answers, else one of our own for as long as the test runs.

use concordat_tests::harness::{Failure, Process, Signal, failure::ensure, wait_until};
use std::{
    process::{Output, Stdio},
    time::Duration,
};
use tempfile::TempDir;
use tokio::process::Command;

pub struct Engine {
    /// None: where the environment says, or the usual place.
    host: Option<String>,
    daemon: Option<Daemon>,
}

/// Dropped from top to bottom: the process ends before its folder goes.
struct Daemon {
    process: Process,
    folder: TempDir,
}

impl Engine {
    pub async fn find() -> Result<Engine, Failure> {
        let engine = Engine { host: None, daemon: None };
        match engine.check().await {
            Ok(()) => Ok(engine),
            Err(reason) => {
                eprintln!("no engine answers ({}): starting one", reason.cause.trim());
                Engine::start().await
            }
        }
    }

    async fn start() -> Result<Engine, Failure> {
        let folder = tempfile::Builder::new().prefix("concordat-engine-").tempdir().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name);
        let host = format!("unix://{}", path("docker.sock").display());
        let mut command = std::process::Command::new("dockerd");
        command.arg("--host").arg(&host).arg("--data-root").arg(path("data")).arg("--exec-root").arg(path("exec"));
        // The bridge that all engines of a machine would share is not needed: each network makes its own.
        command.arg("--pidfile").arg(path("pid")).arg("--bridge=none");
        let process = Process::start(command, &path("dockerd.log"))?;
        let mut engine = Engine { host: Some(host), daemon: Some(Daemon { process, folder }) };
        let answers = wait_until("the engine answers", START_WITHIN, async || {
            if let Some(status) = engine.daemon.as_mut().and_then(|daemon| daemon.process.exited()) {
                return Err(format!("dockerd has ended: {status}"));
            }
            engine.check().await.map_err(|failure| failure.cause)
        });
        if let Err(failure) = answers.await {
            let said = engine.daemon.as_ref().map(|daemon| daemon.process.last_words()).unwrap_or_default();
            return Err(Failure::set_up(format!("{}\n{said}", failure.cause), "Start dockerd, or see why it ends."));
        }
        Ok(engine)
    }

    async fn check(&self) -> Result<(), Failure> {
        self.docker(&["version"]).await.map(|_| ())
    }

    /// What a command that must go well says on stdout.
    pub async fn docker(&self, arguments: &[&str]) -> Result<String, Failure> {
        let mut command = self.command("docker");
        command.args(arguments);
        said(command).await
    }

    /// A program that talks to this engine.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        // The builder that every version has, and no other engine or file that the user's surroundings name.
        command.env("DOCKER_BUILDKIT", "0").env("COMPOSE_DOCKER_CLI_BUILD", "0").env_remove("COMPOSE_FILE");
        if let Some(host) = &self.host {
            command.env("DOCKER_HOST", host);
        }
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Ends the engine that was started here; another's goes on.
    pub async fn stop(mut self) -> Result<(), Failure> {
        let Some(mut daemon) = self.daemon.take() else { return Ok(()) };
        daemon.process.signal(Signal::Terminate)?;
        wait_until("dockerd has ended", STOP_WITHIN, async || {
            daemon.process.exited().map(|_| ()).ok_or_else(|| "it runs".to_owned())
        })
        .await?;
        let path = daemon.folder.path().to_owned();
        daemon.folder.close().map_err(|error| Failure::file("folder", &path, &error))
    }
}

/// Stdout of a command that must go well.
pub async fn said(mut command: Command) -> Result<String, Failure> {
    let shown = format!("{:?}", command.as_std());
    let output = command.output().await;
    let output = output.map_err(|error| Failure::set_up(format!("{shown}: {error}"), "Install it."))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let Output { status, stdout, stderr } = output;
    ensure(status.success(), || {
        let both = format!("{}{}", text(&stdout), text(&stderr));
        let lines: Vec<&str> = both.lines().collect();
        let last = lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n");
        format!("{shown}: {status}\n{last}")
    })?;
    Ok(text(&stdout))
}

const START_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(60);
/// Of what a program said before it failed.
pub const LINES_SHOWN: usize = 15;
