//! The container engine: the one that answers, else one of our own for as long as the test runs.

use concordat_tests::harness::{Failure, Process, Signal, failure::ensure, wait_until};
use serde_json::{Value, json};
use std::{
    fs,
    path::Path,
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
        let host = format!("unix://{}", folder.path().join("docker.sock").display());
        let configuration = folder.path().join("daemon.json");
        fs::write(&configuration, of_this_machine_but_in(folder.path(), &host).to_string())
            .map_err(|error| Failure::file("file", &configuration, &error))?;
        let mut command = std::process::Command::new("dockerd");
        command.arg("--config-file").arg(&configuration);
        let process = Process::start(command, &folder.path().join("dockerd.log"))?;
        let mut engine = Engine { host: Some(host), daemon: Some(Daemon { process, folder }) };
        // Err: it has ended.
        let answers = wait_until("the engine answers", START_WITHIN, async || {
            let ended = engine.daemon.as_mut().and_then(|daemon| daemon.process.exited());
            match (ended, engine.check().await) {
                (Some(status), _) => Ok(Err(Failure::check(format!("dockerd has ended: {status}")))),
                (None, Ok(())) => Ok(Ok(())),
                (None, Err(failure)) => Err(failure.cause),
            }
        });
        if let Err(failure) = answers.await.and_then(|answers| answers) {
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

/// Storage driver and the like as the machine's own engine has them, and nothing that two engines cannot share.
fn of_this_machine_but_in(folder: &Path, host: &str) -> Value {
    let text = fs::read("/etc/docker/daemon.json").unwrap_or_default();
    let mut configuration = serde_json::from_slice(&text).ok().filter(Value::is_object).unwrap_or(json!({}));
    configuration["hosts"] = json!([host]);
    configuration["data-root"] = json!(folder.join("data"));
    configuration["exec-root"] = json!(folder.join("exec"));
    configuration["pidfile"] = json!(folder.join("pid"));
    // The networks of the test make their own. Where there is one already, it is another engine's, and `none` would
    // remove it.
    if !Path::new("/sys/class/net/docker0").exists() {
        configuration["bridge"] = json!("none");
    }
    configuration
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
