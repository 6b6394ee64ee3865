//! A subscriber that is killed again and again has every event exactly once: what it has written down says where to go on.

use crate::support::{TestNetwork, alone};
use concordat_tests::harness::{
    Failure, Load, Network, Process,
    failure::ensure,
    load::account,
    wait::{let_pass, seen},
    wait_until,
};
use concordat_types::AccountId;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use std::{collections::BTreeSet, fs, path::PathBuf, process::Command, time::Duration};

#[test]
fn a_subscriber_that_is_killed_a_hundred_times_has_every_event_once() {
    alone(async || {
        let test = TestNetwork::started().await?;
        let network = &test.network;
        Load::prepare(network).await?;
        let load = Load::start(network, WORKERS).await?;
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let mut subscriber = Subscriber::new(network);
        let mut lives_with_events = 0;
        for _ in 0..KILLS {
            let before = subscriber.events.len();
            let life = subscriber.start()?;
            let_pass(Duration::from_millis(random.random_range(0..LIFE_MS_MAX))).await;
            subscriber.kill(life)?;
            lives_with_events += usize::from(subscriber.events.len() > before);
        }
        load.stop().await?;
        // Were all killed before they had read anything, the kills would show nothing.
        ensure(lives_with_events > KILLS / 4, || format!("{lives_with_events} of {KILLS} lives have read an event"))?;
        let killed_at = subscriber.events.len();

        let booked = booked(network).await?;
        subscriber.read_up_to(booked).await?;
        let events = &subscriber.events;
        eprintln!("{} events, {killed_at} of them by {lives_with_events} lives that were killed", events.len());
        let places: Vec<_> = events.iter().map(place).collect::<Result<_, _>>()?;
        let ascend = places.windows(2).all(|pair| pair[0] < pair[1]);
        ensure(ascend, || "events do not come in the order of the ledger, each once".to_owned())?;
        let ids: BTreeSet<String> = events.iter().map(|event| event["id"].to_string()).collect();
        ensure(ids.len() == events.len(), || format!("{} events have {} ids", events.len(), ids.len()))?;
        // One that was never disturbed has read the same.
        let mut undisturbed = Subscriber::new(network);
        undisturbed.file.set_extension("undisturbed");
        undisturbed.read_up_to(booked).await?;
        let same = undisturbed.events.iter().eq(events);
        ensure(same, || format!("{} events, and {} without a kill", events.len(), undisturbed.events.len()))
    });
}

/// How many payments the books hold for the member: its own, and those that it has received; and its issue.
async fn booked(network: &Network) -> Result<usize, Failure> {
    let rpc = network.node(MEMBER)?.rpc();
    let load = rpc.account(AccountId::new(&account(MEMBER, "load")?)).await?;
    let sink = rpc.account(AccountId::new(&account(MEMBER, "sink")?)).await?;
    // The load pays one minor unit at a time.
    let payments = load.debits_posted + sink.credits_posted;
    Ok(usize::try_from(payments).expect("the load is of thousands") + 1)
}

fn place(event: &Value) -> Result<(u64, u64), Failure> {
    let cursor = event["cursor"].as_str().and_then(|cursor| cursor.split_once('.'));
    let parse = |(height, leaf): (&str, &str)| Some((height.parse().ok()?, leaf.parse().ok()?));
    cursor.and_then(parse).ok_or_else(|| Failure::check(format!("an event without its cursor: {event}")))
}

/// What a bank's program does: it follows the events, writes each down and, killed, begins again behind the last of them.
struct Subscriber {
    program: PathBuf,
    profile: PathBuf,
    /// What the present life has written.
    file: PathBuf,
    cursor: String,
    events: Vec<Value>,
}

impl Subscriber {
    fn new(network: &Network) -> Subscriber {
        let (program, profile) = (network.cli.program.clone(), network.profile(MEMBER));
        let file = network.dir.join("events");
        Subscriber { program, profile, file, cursor: "0".to_owned(), events: Vec::new() }
    }

    fn start(&self) -> Result<Process, Failure> {
        fs::write(&self.file, "").map_err(|error| Failure::file("file", &self.file, &error))?;
        let mut command = Command::new(&self.program);
        command
            .args(["watch", "--events", "--after", &self.cursor, "--output", "json", "--profile"])
            .arg(&self.profile);
        Process::start(command, &self.file)
    }

    /// SIGKILL. A line that it did not finish counts for nothing.
    fn kill(&mut self, mut life: Process) -> Result<(), Failure> {
        life.kill();
        for line in self.written()? {
            if let Some(cursor) = line["cursor"].as_str() {
                self.cursor = cursor.to_owned();
            }
            // The others say how far there was nothing.
            if !line["id"].is_null() {
                self.events.push(line);
            }
        }
        Ok(())
    }

    /// The data of whole lines.
    fn written(&self) -> Result<Vec<Value>, Failure> {
        let text = fs::read_to_string(&self.file).map_err(|error| Failure::file("file", &self.file, &error))?;
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let data = |line: &str| match serde_json::from_str::<Value>(line) {
            Ok(mut line) if line["ok"] == true => Ok(line["data"].take()),
            _ => Err(Failure::check(format!("the subscriber says {line}"))),
        };
        whole.lines().map(data).collect()
    }

    async fn read_up_to(&mut self, events: usize) -> Result<(), Failure> {
        let life = self.start()?;
        let read = wait_until("the subscriber has caught up", WITHIN, async || {
            let written = self.written().map_err(|failure| failure.to_string())?;
            let count = self.events.len() + written.iter().filter(|line| !line["id"].is_null()).count();
            // The end of a page behind the last event: there is none after it.
            let is_at_end = written.last().is_some_and(|line| line["id"].is_null());
            seen(count >= events && is_at_end, || format!("{count} of {events} events"))
        });
        read.await?;
        self.kill(life)?;
        ensure(self.events.len() == events, || format!("{} events, the books hold {events}", self.events.len()))
    }
}

const MEMBER: &str = "bank-a";
const KILLS: usize = 100;
const SEED: u64 = 1;
/// Some have not connected yet, some are in the middle of what they missed, some up to date.
const LIFE_MS_MAX: u64 = 600;
/// Payments of each bank under way at once.
const WORKERS: usize = 4;
const WITHIN: Duration = Duration::from_secs(60);
