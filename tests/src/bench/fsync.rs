//! What the disk takes for the smallest durable write, while the load is on it.

use super::report::{FsyncMs, percentile};
use crate::harness::Failure;
use std::{
    fs::File,
    io::Write as _,
    path::Path,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::JoinHandle,
    time::{Duration, Instant},
};

#[derive(Clone, Debug, Default)]
pub struct FsyncTimes(Vec<Duration>);

/// Measures until it is finished.
#[derive(Debug)]
pub struct FsyncProbe {
    stop: Sender<()>,
    thread: JoinHandle<Vec<Duration>>,
}

impl FsyncProbe {
    pub fn start(folder: &Path) -> Result<FsyncProbe, Failure> {
        let path = folder.join("fsync-probe");
        let mut file = File::create(&path).map_err(|error| Failure::file("file", &path, &error))?;
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let mut times = Vec::new();
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                let begun = Instant::now();
                if file.write_all(&[7; 512]).and_then(|()| file.sync_data()).is_ok() {
                    times.push(begun.elapsed());
                }
            }
            times
        });
        Ok(FsyncProbe { stop, thread })
    }

    pub fn finish(self, times: &mut FsyncTimes) {
        drop(self.stop);
        times.0.extend(self.thread.join().unwrap_or_default());
    }
}

impl FsyncTimes {
    /// None: no load was measured.
    pub fn percentiles(&self) -> Option<FsyncMs> {
        let mut times = self.0.clone();
        times.sort_unstable();
        Some(FsyncMs { p50: percentile(&times, 0.5)?, p99: percentile(&times, 0.99)? })
    }
}

/// Too seldom to be a load of its own.
const EVERY: Duration = Duration::from_millis(50);
