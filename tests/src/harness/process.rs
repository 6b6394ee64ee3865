//! A child process that ends with its handle.

use super::Failure;
use std::{
    fs::OpenOptions,
    io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
};

#[derive(Debug)]
pub struct Process {
    child: Child,
    /// What it wrote to stdout and stderr, over all its lives.
    pub log: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signal {
    Stop,
    Continue,
    Terminate,
}

impl Process {
    pub fn start(mut command: Command, log: &Path) -> Result<Process, Failure> {
        let open = || OpenOptions::new().create(true).append(true).open(log);
        let failed = |error: io::Error| Failure::file("log", log, &error);
        let (stdout, stderr) = (open().map_err(failed)?, open().map_err(failed)?);
        // A group of its own: Ctrl-C on the terminal is for us, and we stop it in our order.
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr).process_group(0);
        let program = command.get_program().to_owned();
        let child = command.spawn().map_err(|error| Failure::file("program", Path::new(&program), &error))?;
        Ok(Process { child, log: log.to_owned() })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// None while it runs.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// SIGKILL; gone on return.
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The child is not reaped before `wait`, so the number cannot mean another process.
    pub fn signal(&self, signal: Signal) -> Result<(), Failure> {
        let name = match signal {
            Signal::Stop => "STOP",
            Signal::Continue => "CONT",
            Signal::Terminate => "TERM",
        };
        // The standard library sends no signal but SIGKILL; the shell's own `kill` is on every machine.
        let status = Command::new("sh").arg("-c").arg(format!("kill -{name} {}", self.pid())).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Failure::check(format!("kill -{name} {}: {status}", self.pid()))),
            Err(error) => Err(Failure::set_up(format!("sh does not start: {error}"), "Install a shell.")),
        }
    }

    /// The end of its log, for a failure.
    pub fn last_words(&self) -> String {
        last_lines(&self.log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
}

const LINES_SHOWN: usize = 8;
