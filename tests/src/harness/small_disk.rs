//! A file system of some megabytes that can be filled, for the folder of one process.
//!
//! It is mounted in a name space of its own, which a helper process holds open. The helper ends when its input does, so
//! nothing stays mounted however the test ends. That takes root, or a system that lets users have name spaces.

use super::Failure;
use std::{
    fs::File,
    io::{self, BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

#[derive(Debug)]
pub struct SmallDisk {
    holder: Child,
    /// Where it is mounted; seen from within only.
    folder: PathBuf,
    as_user: bool,
}

impl SmallDisk {
    pub fn mount(folder: &Path, megabytes: u32) -> Result<SmallDisk, Failure> {
        let of = |as_user| SmallDisk::mount_as(folder, megabytes, as_user);
        of(false).or_else(|_| of(true)).map_err(|error| {
            let cause = format!("{}: nothing can be mounted there: {error}", folder.display());
            Failure::set_up(cause, "Run the test as root, or allow user name spaces.")
        })
    }

    fn mount_as(folder: &Path, megabytes: u32, as_user: bool) -> io::Result<SmallDisk> {
        let mut command = Command::new("unshare");
        if as_user {
            command.arg("--map-root-user");
        }
        let script = "mount -t tmpfs -o size=$2m tmpfs \"$1\" && echo mounted && read -r _";
        command.args(["--mount", "sh", "-c", script, "sh"]).arg(folder).arg(megabytes.to_string());
        let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut said = String::new();
        BufReader::new(holder.stdout.take().expect("piped")).read_line(&mut said)?;
        let disk = SmallDisk { holder, folder: folder.to_owned(), as_user };
        if said.trim() == "mounted" { Ok(disk) } else { Err(io::Error::other("it was refused")) }
    }

    /// The same program where the disk is mounted.
    pub fn inside(&self, command: &Command) -> Command {
        let mut inside = Command::new("nsenter");
        inside.arg("--target").arg(self.holder.id().to_string()).arg("--mount");
        if self.as_user {
            inside.args(["--user", "--preserve-credentials"]);
        }
        inside.arg("--").arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => inside.env(name, value),
                None => inside.env_remove(name),
            };
        }
        inside
    }

    /// Takes all room but so many bytes.
    pub fn fill(&self, left: u64) -> Result<(), Failure> {
        let path = self.ballast();
        let failed = |error: &io::Error| Failure::file("ballast", &path, error);
        let mut file = File::create(&path).map_err(|error| failed(&error))?;
        let chunk = [0; CHUNK_BYTES];
        loop {
            match file.write_all(&chunk) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
                Err(error) => return Err(failed(&error)),
            }
        }
        let length = file.metadata().map_err(|error| failed(&error))?.len();
        file.set_len(length.saturating_sub(left)).map_err(|error| failed(&error))
    }

    pub fn make_room(&self) -> Result<(), Failure> {
        let path = self.ballast();
        std::fs::remove_file(&path).map_err(|error| Failure::file("ballast", &path, &error))
    }

    /// As it is seen from here.
    fn ballast(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(self.folder.strip_prefix("/").unwrap_or(&self.folder)).join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // An error means that it has ended already.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

const CHUNK_BYTES: usize = 64 << 10;
