//! What a run of a payment file must remember: JSON lines in FILE.state.jsonl, the plan first, then one line a
//! transaction whose fate is known. The plan is published whole and synced before the first send; a last line that is
//! cut short is dropped. Who holds the lock on the file is the one run that sends.

use super::with_suffix;
use crate::{CliError, Client, Exit, error::PAYMENT_STATE, transactions};
use concordat_keys::files;
use concordat_types::{BatchMode, Hash, Height, MemberId, NetworkId, ResultCode, Tag, Timestamp, Uuid};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// Everything beside the file itself that the transactions' bytes follow from, but the signing key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    pub schema: String,
    pub network_id: NetworkId,
    pub member: MemberId,
    pub file_sha256: Hash,
    pub all_or_nothing: bool,
    pub payments: usize,
    pub transfers_per_transaction: usize,
    /// The time in the ids that are made here.
    pub made_at: Timestamp,
    pub valid_until: Timestamp,
    /// Random; ids of transactions, and of payments that have none, follow from it.
    pub seed: Hash,
}

/// What became of a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outcome {
    pub result: ResultCode,
    /// Of its first booking. None: it was booked before, and no node could say where.
    pub place: Option<Place>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Place {
    pub height: Height,
    pub index: u32,
}

/// What is known of a payment once its transaction is booked, or can be booked no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    Booked(Outcome),
    /// Its transaction expired without it: it goes into another one, under the same id.
    Again,
    /// Its id is too old: the ledger no longer knows whether it was booked.
    Unknown,
}

/// A transaction's worth of payments.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// Of the file, from 0.
    pub lines: Vec<usize>,
    /// The time in the transaction's id.
    pub made_at: Timestamp,
    pub valid_until: Timestamp,
    pub is_done: bool,
    /// It had been booked when this run sent it, or before this run began.
    pub is_repeat: bool,
}

#[derive(Debug)]
pub struct RunState {
    pub plan: Plan,
    /// Those of the plan, then those that hold again what an expired one did not book.
    pub parts: Vec<Part>,
    /// By line of the file.
    pub outcomes: Vec<Option<Outcome>>,
    path: PathBuf,
    /// Open and locked once the plan is durable.
    file: Option<File>,
}

/// FILE.state.jsonl
pub fn state_path(payment_file: &Path) -> PathBuf {
    with_suffix(payment_file, ".state.jsonl")
}

impl Plan {
    pub const SCHEMA: &'static str = "concordat.payment-run.v2";
    /// Half of the id window's default: room for a second run, and for clocks.
    pub const VALID_FOR_MS: u64 = 24 * 3_600_000;

    pub fn new(file: &[u8], payments: usize, client: &Client, mode: BatchMode) -> Result<Plan, CliError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| CliError::internal(format!("no randomness: {error}")))?;
        let made_at = transactions::now();
        Ok(Plan {
            schema: Self::SCHEMA.to_owned(),
            network_id: client.network_id,
            member: client.member,
            file_sha256: Hash(Sha256::digest(file).into()),
            all_or_nothing: mode == BatchMode::All,
            payments,
            transfers_per_transaction: super::TRANSFERS_PER_TRANSACTION_MAX,
            made_at,
            valid_until: Timestamp(made_at.0 + Self::VALID_FOR_MS),
            seed: Hash(seed),
        })
    }

    pub fn mode(&self) -> BatchMode {
        if self.all_or_nothing { BatchMode::All } else { BatchMode::Each }
    }

    pub fn transaction_id(&self, index: usize, made_at: Timestamp) -> Uuid {
        self.id("transaction", index, made_at)
    }

    pub fn payment_id(&self, line: usize) -> Uuid {
        self.id("payment", line, self.made_at)
    }

    fn id(&self, kind: &str, number: usize, made_at: Timestamp) -> Uuid {
        let digest =
            Tag("concordat-cli/payment-run/v1").hash(&[&self.seed.0, kind.as_bytes(), &(number as u64).to_le_bytes()]);
        Uuid::from_parts(made_at, *digest.0.first_chunk().expect("10 of 32 bytes"))
    }

    /// The file cut into transactions, none of them sent.
    fn parts(&self) -> Vec<Part> {
        let part = |first: usize| {
            let lines = first..self.payments.min(first + self.transfers_per_transaction);
            Part::new(lines.collect(), self.made_at, self.valid_until)
        };
        (0..self.payments).step_by(self.transfers_per_transaction).map(part).collect()
    }

    /// Would the earlier plan send what this one asks for?
    fn check_same_work(&self, earlier: &Plan) -> Result<(), &'static str> {
        let checks = [
            ("is of another version", self.schema == earlier.schema),
            ("belongs to another network", self.network_id == earlier.network_id),
            ("belongs to another member", self.member == earlier.member),
            ("belongs to the payment file before it was changed", self.file_sha256 == earlier.file_sha256),
            ("was made with another --mode", self.all_or_nothing == earlier.all_or_nothing),
            ("counts the file otherwise", self.payments == earlier.payments),
            ("cuts the file otherwise", self.transfers_per_transaction == earlier.transfers_per_transaction),
        ];
        checks.into_iter().find(|(_, same)| !same).map_or(Ok(()), |(difference, _)| Err(difference))
    }
}

impl Part {
    fn new(lines: Vec<usize>, made_at: Timestamp, valid_until: Timestamp) -> Part {
        Part { lines, made_at, valid_until, is_done: false, is_repeat: false }
    }
}

/// A line of the state after the first.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartLine {
    index: usize,
    repeat: bool,
    /// One a payment of the part, in runs of equal ones: nearly all are ok at one place.
    fates: Vec<(FateLine, usize)>,
    /// The time in the id of the transaction that holds again what this one did not book.
    again_at: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FateLine {
    Booked(u16, Option<Place>),
    Again,
    Unknown,
}

impl RunState {
    /// Takes up the state of an earlier run, which must be of the same work, or begins with the plan given.
    pub fn open(path: &Path, plan: Plan) -> Result<RunState, CliError> {
        let failed = |error: &io::Error| CliError::file("state", path, error);
        let mut file = match OpenOptions::new().read(true).append(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(RunState::of_plan(path, plan)),
            Err(error) => return Err(failed(&error)),
        };
        lock(&file, path)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|error| failed(&error))?;
        let unusable = |cause: String| {
            let cause = format!("{} {cause}", path.display());
            let next = "Run the file as it was at first, to learn what was booked. Only if you are sure that nothing of it was sent, delete the state.";
            CliError::new(Exit::UnsafeLocalState, PAYMENT_STATE, cause, next)
        };
        let damaged = |cause: &dyn std::fmt::Display| unusable(format!("is damaged: {cause}"));
        // A line counts once its end is there.
        let complete = text.rfind('\n').map_or("", |end| &text[..=end]);
        let mut lines = complete.lines();
        let first = lines.next().ok_or_else(|| damaged(&"it has no first line"))?;
        let earlier: Plan = serde_json::from_str(first).map_err(|error| damaged(&error))?;
        plan.check_same_work(&earlier).map_err(|difference| unusable(difference.to_owned()))?;
        let mut state = RunState::of_plan(path, earlier);
        for line in lines {
            let line: PartLine = serde_json::from_str(line).map_err(|error| damaged(&error))?;
            // What an earlier run wrote down is a repeat to this one.
            state.apply(&PartLine { repeat: true, ..line }).map_err(|cause| damaged(&cause))?;
        }
        // What follows the last complete line would spoil the next one.
        file.set_len(complete.len() as u64).map_err(|error| failed(&error))?;
        state.file = Some(file);
        Ok(state)
    }

    fn of_plan(path: &Path, plan: Plan) -> RunState {
        let (parts, outcomes) = (plan.parts(), vec![None; plan.payments]);
        RunState { plan, parts, outcomes, path: path.to_owned(), file: None }
    }

    /// Is this the second run of the file?
    pub fn is_resumed(&self) -> bool {
        self.file.is_some()
    }

    /// After this the plan survives a crash, so that what is sent can be sent again, and no other run sends.
    pub fn make_durable(&mut self) -> Result<(), CliError> {
        if self.file.is_some() {
            return Ok(());
        }
        let failed = |error: &io::Error| CliError::file("state", &self.path, error);
        let mut line = serde_json::to_vec(&self.plan).map_err(|error| CliError::internal(error.to_string()))?;
        line.push(b'\n');
        // A state that came into being since we looked is another run's; to write over it would be to pay twice.
        files::write_new(&self.path, &line).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => other_run(&self.path),
            _ => failed(&error),
        })?;
        let file = OpenOptions::new().append(true).open(&self.path).map_err(|error| failed(&error))?;
        // One that began in between has taken up our plan, and sends it.
        lock(&file, &self.path)?;
        self.file = Some(file);
        Ok(())
    }

    /// What became of the payments of a part, one fate each; `again_at` is the time for the new transaction of those
    /// that go again. Not synced: were it lost, the next run would send or ask again and get the same answer.
    pub fn record(
        &mut self,
        index: usize,
        fates: &[Fate],
        repeat: bool,
        again_at: Option<Timestamp>,
    ) -> Result<(), CliError> {
        let mut runs: Vec<(FateLine, usize)> = Vec::new();
        for fate in fates {
            let fate = FateLine::from(*fate);
            match runs.last_mut() {
                Some((last, count)) if *last == fate => *count += 1,
                _ => runs.push((fate, 1)),
            }
        }
        let line = PartLine { index, repeat, fates: runs, again_at };
        let mut text = serde_json::to_vec(&line).map_err(|error| CliError::internal(error.to_string()))?;
        text.push(b'\n');
        self.apply(&line).map_err(CliError::internal)?;
        let file = self.file.as_mut().ok_or_else(|| CliError::internal("a booking before the plan was durable"))?;
        file.write_all(&text).map_err(|error| CliError::file("state", &self.path, &error))
    }

    fn apply(&mut self, line: &PartLine) -> Result<(), String> {
        let part = self.parts.get_mut(line.index).filter(|part| !part.is_done);
        let part = part.ok_or_else(|| format!("transaction {} is not open", line.index))?;
        let count = line.fates.iter().fold(0usize, |sum, (_, count)| sum.saturating_add(*count));
        if count != part.lines.len() {
            return Err(format!("{count} results for {} payments", part.lines.len()));
        }
        (part.is_done, part.is_repeat) = (true, line.repeat);
        let mut again = Vec::new();
        let fates = line.fates.iter().flat_map(|(fate, count)| std::iter::repeat_n(*fate, *count));
        for (payment, fate) in part.lines.iter().zip(fates) {
            match fate {
                FateLine::Booked(number, place) => {
                    let result =
                        ResultCode::from_number(number).ok_or_else(|| format!("no result has number {number}"))?;
                    self.outcomes[*payment] = Some(Outcome { result, place });
                }
                FateLine::Again => again.push(*payment),
                FateLine::Unknown => {}
            }
        }
        match line.again_at {
            _ if again.is_empty() => Ok(()),
            None => Err("payments that go again without a time".to_owned()),
            Some(at) => {
                self.parts.push(Part::new(again, at, Timestamp(at.0.saturating_add(Plan::VALID_FOR_MS))));
                Ok(())
            }
        }
    }
}

/// Until the file is closed.
fn lock(file: &File, path: &Path) -> Result<(), CliError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => other_run(path),
        TryLockError::Error(error) => CliError::file("state", path, &error),
    })
}

fn other_run(path: &Path) -> CliError {
    let cause = format!("another run of this payment file is at work: it holds {}", path.display());
    let next = "Wait until it has ended, then run the same command again if anything is left.";
    CliError::new(Exit::UnsafeLocalState, PAYMENT_STATE, cause, next)
}

impl From<Fate> for FateLine {
    fn from(fate: Fate) -> FateLine {
        match fate {
            Fate::Booked(Outcome { result, place }) => FateLine::Booked(result.number(), place),
            Fate::Again => FateLine::Again,
            Fate::Unknown => FateLine::Unknown,
        }
    }
}
