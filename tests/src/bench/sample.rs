//! What a process uses, from /proc (proc(5)).

use super::report::{RssMb, round};
use std::{collections::BTreeMap, fs, time::Duration};

/// Counters of one process at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    pub cpu: Duration,
    pub rss_bytes: u64,
    pub written_bytes: u64,
}

/// Processes by name, watched over a time.
#[derive(Clone, Debug)]
pub struct Watch {
    processes: BTreeMap<String, (u32, Seen)>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    first: Usage,
    last: Usage,
    rss_bytes_max: u64,
}

/// What a watch has seen.
#[derive(Clone, PartialEq, Debug)]
pub struct Used {
    pub cpu: BTreeMap<String, Duration>,
    pub rss_mb: BTreeMap<String, RssMb>,
    pub written_bytes: BTreeMap<String, u64>,
}

impl Usage {
    /// Zero where the process has ended.
    pub fn of(pid: u32) -> Usage {
        let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
        let stat = read("stat");
        // The name in parentheses may hold spaces. After it come state (field 3) and on: utime is 14, stime 15.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |field: usize| fields.get(field - 3).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        Usage {
            cpu: Duration::from_millis((ticks(14) + ticks(15)) * 1000 / TICKS_PER_SECOND),
            rss_bytes: 1024 * number_after(&read("status"), "VmRSS:"),
            written_bytes: number_after(&read("io"), "write_bytes:"),
        }
    }
}

impl Watch {
    pub fn start(processes: BTreeMap<String, u32>) -> Watch {
        let seen = |pid| {
            let first = Usage::of(pid);
            (pid, Seen { first, last: first, rss_bytes_max: first.rss_bytes })
        };
        Watch { processes: processes.into_iter().map(|(name, pid)| (name, seen(pid))).collect() }
    }

    pub fn look(&mut self) {
        for (pid, seen) in self.processes.values_mut() {
            seen.last = Usage::of(*pid);
            seen.rss_bytes_max = seen.rss_bytes_max.max(seen.last.rss_bytes);
        }
    }

    /// What is used now is what growth is held against.
    pub fn set_rss_start(&mut self) {
        for (pid, seen) in self.processes.values_mut() {
            seen.first.rss_bytes = Usage::of(*pid).rss_bytes;
        }
    }

    pub fn finish(mut self) -> Used {
        self.look();
        let mut used = Used { cpu: BTreeMap::new(), rss_mb: BTreeMap::new(), written_bytes: BTreeMap::new() };
        for (name, (_, Seen { first, last, rss_bytes_max })) in self.processes {
            used.cpu.insert(name.clone(), last.cpu.saturating_sub(first.cpu));
            let (start, end, max) = (mb(first.rss_bytes), mb(last.rss_bytes), mb(rss_bytes_max));
            used.rss_mb.insert(name.clone(), RssMb { start, end, max });
            used.written_bytes.insert(name, last.written_bytes.saturating_sub(first.written_bytes));
        }
        used
    }
}

fn number_after(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn mb(bytes: u64) -> f64 {
    round(bytes as f64 / 1e6)
}

/// USER_HZ, in which /proc counts: 100 on x86-64 and arm64, whatever the kernel ticks in itself.
const TICKS_PER_SECOND: u64 = 100;
