//! What a run of a payment file must remember: JSON lines in FILE.state.jsonl, the plan first, then one line a booked
//! transaction. The plan is synced before the first send; a last line that is cut short is dropped.

use super::with_suffix;
use crate::{CliError, Client, Exit, client::Submitted, error::PAYMENT_STATE, transactions};
use concordat_types::{BatchMode, Hash, Height, MemberId, NetworkId, ResultCode, Tag, Timestamp, Uuid};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write},
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
    pub transfers_per_transaction: usize,
    /// The time in the ids that are made here.
    pub made_at: Timestamp,
    pub valid_until: Timestamp,
    /// Random; ids of transactions, and of payments that have none, follow from it.
    pub seed: Hash,
}

/// A transaction of the file that is final.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Booked {
    pub index: usize,
    pub height: Height,
    pub tx_index: u32,
    pub repeat: bool,
    /// One a payment, in order.
    pub results: Vec<ResultCode>,
}

#[derive(Debug)]
pub struct RunState {
    pub plan: Plan,
    pub booked: BTreeMap<usize, Booked>,
    path: PathBuf,
    /// What stood there without a complete plan: a run that ended before it sent anything.
    is_torn: bool,
    /// Open once the plan is durable.
    file: Option<File>,
}

/// FILE.state.jsonl
pub fn state_path(payment_file: &Path) -> PathBuf {
    with_suffix(payment_file, ".state.jsonl")
}

impl Plan {
    pub const SCHEMA: &'static str = "concordat.payment-run.v1";
    /// Half of the id window's default: room for a second run, and for clocks.
    pub const VALID_FOR_MS: u64 = 24 * 3_600_000;

    pub fn new(file: &[u8], client: &Client, mode: BatchMode) -> Result<Plan, CliError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| CliError::internal(format!("no randomness: {error}")))?;
        let made_at = transactions::now();
        Ok(Plan {
            schema: Self::SCHEMA.to_owned(),
            network_id: client.network_id,
            member: client.member,
            file_sha256: Hash(Sha256::digest(file).into()),
            all_or_nothing: mode == BatchMode::All,
            transfers_per_transaction: super::TRANSFERS_PER_TRANSACTION_MAX,
            made_at,
            valid_until: Timestamp(made_at.0 + Self::VALID_FOR_MS),
            seed: Hash(seed),
        })
    }

    pub fn mode(&self) -> BatchMode {
        if self.all_or_nothing { BatchMode::All } else { BatchMode::Each }
    }

    pub fn transaction_id(&self, index: usize) -> Uuid {
        self.id("transaction", index)
    }

    pub fn payment_id(&self, line: usize) -> Uuid {
        self.id("payment", line)
    }

    fn id(&self, kind: &str, number: usize) -> Uuid {
        let digest =
            Tag("concordat-cli/payment-run/v1").hash(&[&self.seed.0, kind.as_bytes(), &(number as u64).to_le_bytes()]);
        Uuid::from_parts(self.made_at, *digest.0.first_chunk().expect("10 of 32 bytes"))
    }

    /// Would the earlier plan send what this one asks for?
    fn check_same_work(&self, earlier: &Plan) -> Result<(), &'static str> {
        let checks = [
            ("is of another version", self.schema == earlier.schema),
            ("belongs to another network", self.network_id == earlier.network_id),
            ("belongs to another member", self.member == earlier.member),
            ("belongs to the payment file before it was changed", self.file_sha256 == earlier.file_sha256),
            ("was made with another --mode", self.all_or_nothing == earlier.all_or_nothing),
            ("cuts the file otherwise", self.transfers_per_transaction == earlier.transfers_per_transaction),
        ];
        checks.into_iter().find(|(_, same)| !same).map_or(Ok(()), |(difference, _)| Err(difference))
    }
}

impl Booked {
    /// In mode `each` the batch is ok and each payment has its result; a refused batch refuses every payment in it.
    pub fn new(index: usize, submitted: Submitted, payments: usize) -> Result<Booked, CliError> {
        let Submitted { height, tx_index, repeat, results, .. } = submitted;
        let Some(batch) = results.into_iter().next() else {
            return Err(CliError::internal("the node's reply holds no result"));
        };
        let results = match batch.transfers.len() {
            count if count == payments => batch.transfers,
            0 if batch.result != ResultCode::Ok => vec![batch.result; payments],
            count => return Err(CliError::internal(format!("{count} results for {payments} payments"))),
        };
        Ok(Booked { index, height, tx_index, repeat, results })
    }
}

/// A line of the state after the first. Results as numbers, in runs of equal ones: nearly all are ok.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BookedLine {
    index: usize,
    height: u64,
    tx_index: u32,
    results: Vec<(u16, usize)>,
}

impl RunState {
    /// Takes up the state of an earlier run, which must be of the same work, or begins with the plan given.
    pub fn open(path: &Path, plan: Plan) -> Result<RunState, CliError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(CliError::file("state", path, &error)),
        };
        // A line counts once its end is there. Without a first line nothing was ever sent.
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut lines = complete.lines();
        let Some(first) = lines.next() else {
            let is_torn = path.exists();
            return Ok(RunState { plan, booked: BTreeMap::new(), path: path.to_owned(), is_torn, file: None });
        };
        let unusable = |cause: String| {
            let cause = format!("{} {cause}", path.display());
            let next = "Run the file as it was at first, to learn what was booked. Only if you are sure that nothing of it was sent, delete the state.";
            CliError::new(Exit::UnsafeLocalState, PAYMENT_STATE, cause, next)
        };
        let earlier: Plan = serde_json::from_str(first).map_err(|error| unusable(format!("is damaged: {error}")))?;
        plan.check_same_work(&earlier).map_err(|difference| unusable(difference.to_owned()))?;
        let mut booked = BTreeMap::new();
        for line in lines {
            let line: BookedLine =
                serde_json::from_str(line).map_err(|error| unusable(format!("is damaged: {error}")))?;
            let line = Booked::try_from(line).map_err(|cause| unusable(format!("is damaged: {cause}")))?;
            booked.insert(line.index, line);
        }
        let file = OpenOptions::new().append(true).open(path).map_err(|error| CliError::file("state", path, &error))?;
        // What follows the last complete line would spoil the next one.
        let kept = if complete.is_empty() { 0 } else { complete.len() as u64 + 1 };
        file.set_len(kept).map_err(|error| CliError::file("state", path, &error))?;
        Ok(RunState { plan: earlier, booked, path: path.to_owned(), is_torn: false, file: Some(file) })
    }

    /// Is this the second run of the file?
    pub fn is_resumed(&self) -> bool {
        self.file.is_some()
    }

    /// After this the plan survives a crash, so that what is sent can be sent again.
    pub fn make_durable(&mut self) -> Result<(), CliError> {
        if self.file.is_some() {
            return Ok(());
        }
        let failed = |error: &io::Error| CliError::file("state", &self.path, error);
        let mut line = serde_json::to_vec(&self.plan).map_err(|error| CliError::internal(error.to_string()))?;
        line.push(b'\n');
        // A state that came into being since we looked is another run's; to write over it would be to pay twice.
        let mut options = OpenOptions::new();
        let options = if self.is_torn { options.create(true).truncate(true) } else { options.create_new(true) };
        let mut file = options.write(true).open(&self.path).map_err(|error| failed(&error))?;
        file.write_all(&line).and_then(|()| file.sync_all()).map_err(|error| failed(&error))?;
        let folder = self.path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| failed(&error))?;
        self.file = Some(file);
        Ok(())
    }

    /// Not synced: were it lost, the next run would send the transaction again and get the same answer.
    pub fn record(&mut self, booked: Booked) -> Result<(), CliError> {
        let file = self.file.as_mut().ok_or_else(|| CliError::internal("a booking before the plan was durable"))?;
        let mut line =
            serde_json::to_vec(&BookedLine::from(&booked)).map_err(|error| CliError::internal(error.to_string()))?;
        line.push(b'\n');
        file.write_all(&line).map_err(|error| CliError::file("state", &self.path, &error))?;
        self.booked.insert(booked.index, booked);
        Ok(())
    }
}

impl From<&Booked> for BookedLine {
    fn from(booked: &Booked) -> BookedLine {
        let mut results: Vec<(u16, usize)> = Vec::new();
        for result in &booked.results {
            match results.last_mut() {
                Some((number, count)) if *number == result.number() => *count += 1,
                _ => results.push((result.number(), 1)),
            }
        }
        BookedLine { index: booked.index, height: booked.height.0, tx_index: booked.tx_index, results }
    }
}

impl TryFrom<BookedLine> for Booked {
    type Error = String;

    fn try_from(line: BookedLine) -> Result<Booked, String> {
        let mut results = Vec::new();
        for (number, count) in line.results {
            let result = ResultCode::from_number(number).ok_or_else(|| format!("no result has number {number}"))?;
            if results.len().saturating_add(count) > super::TRANSFERS_PER_TRANSACTION_MAX {
                return Err("more results than a transaction holds".to_owned());
            }
            results.extend(std::iter::repeat_n(result, count));
        }
        let BookedLine { index, height, tx_index, .. } = line;
        // What an earlier run wrote down is a repeat to this one.
        Ok(Booked { index, height: Height(height), tx_index, repeat: true, results })
    }
}
