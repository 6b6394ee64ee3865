//! What commands that change something share: how a transaction is made, signed and sent, and what is said of it.

use crate::{
    CliError, Client, Exit, Profile, client::Submitted, error::REFUSED, output::Report, secrets, transactions,
};
use clap::Args;
use concordat_keys::SecretKey;
use concordat_types::{Operation, ResultCode, SignedTransaction, Transaction, Uuid};
use serde_json::{Value, json};
use std::{path::PathBuf, time::Duration};

/// How an operation is signed and sent.
#[derive(Clone, Debug, Args)]
pub struct SendArgs {
    /// A UUID of version 7. A repeat with the same id is booked once [default: a new one]
    #[arg(long, value_name = "UUID", value_parser = transactions::parse_id)]
    pub id: Option<Uuid>,
    /// No block later than this long after the time in the id may hold it
    #[arg(long, value_name = "SECONDS", default_value_t = transactions::VALID_FOR.as_secs(), value_parser = clap::value_parser!(u64).range(1..=172_800))]
    pub valid_for: u64,
    /// Show what would be sent, and send nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub second_keys: SecondKeys,
}

impl SendArgs {
    pub(crate) fn id(&self) -> Uuid {
        self.id.unwrap_or_else(transactions::new_id)
    }
}

/// Keys that sign beside the profile's.
#[derive(Clone, Debug, Default, Args)]
pub struct SecondKeys {
    /// A further operator key that signs the same transaction, such as the checker's where amounts above a limit need
    /// two. May be given several times; the passphrase is that of the profile's key
    #[arg(long = "second-key", value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

impl SecondKeys {
    /// With the profile's own key in front.
    pub(crate) fn load(&self, profile: &Profile) -> Result<Vec<SecretKey>, CliError> {
        let (got, max) = (self.files.len() + 1, SignedTransaction::SIGNATURES_MAX);
        if got > max {
            let cause = format!("{got} keys, and at most {max} sign a transaction");
            return Err(CliError::usage(cause, "Leave out some of --second-key."));
        }
        secrets::operator_key_and(profile, &self.files)
    }
}

/// What `--id` names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum IdOf {
    /// The operation has an id of its own, from which the transaction's follows.
    Operation,
    Transaction,
}

/// An operation on its way, and what to say of it.
pub(crate) struct Change {
    pub id: Uuid,
    pub id_of: IdOf,
    pub operation: Operation,
    /// What a program is told, beside ids and place.
    pub data: Value,
    /// `Would pay …`, without the full stop.
    pub would: String,
    /// `Paid …`, likewise.
    pub done: String,
}

impl Change {
    /// Sends it, or shows what would be sent.
    pub async fn run(self, client: &Client, profile: &Profile, send: &SendArgs) -> Result<Report, CliError> {
        let keys = || send.second_keys.load(profile);
        self.run_with(client, keys, Duration::from_secs(send.valid_for), send.dry_run).await
    }

    /// The same with keys of another kind, which are asked for only where something is signed.
    pub async fn run_with(
        self,
        client: &Client,
        keys: impl FnOnce() -> Result<Vec<SecretKey>, CliError>,
        valid_for: Duration,
        dry_run: bool,
    ) -> Result<Report, CliError> {
        let id = self.id;
        let transaction = self.transaction(client, valid_for)?;
        let mut data = self.data;
        data["id"] = json!(id.to_string());
        data["transaction"] = json!(transaction.id.to_string());
        if dry_run {
            return Ok(Report::dry_run(data, format!("{} under id {id}.", self.would)));
        }
        let submitted = submit(&transaction, client, &keys()?, id).await?;
        let text = format!("{}: id {id}, {}.", self.done, place_text(&submitted));
        Ok(Report::new(with_place(data, &submitted), text))
    }

    /// Signed by nobody yet.
    fn transaction(&self, client: &Client, valid_for: Duration) -> Result<Transaction, CliError> {
        let id = match self.id_of {
            IdOf::Operation => transactions::transaction_id(self.id),
            IdOf::Transaction => self.id,
        };
        Ok(Transaction {
            version: Transaction::VERSION,
            network: client.network_id,
            submitter: client.member,
            id,
            valid_until: transactions::valid_until(id, valid_for)?,
            signers: Vec::new(),
            operations: vec![self.operation.clone()],
        })
    }
}

/// `id` is the one that the user repeats with.
async fn submit(
    transaction: &Transaction,
    client: &Client,
    keys: &[SecretKey],
    id: Uuid,
) -> Result<Submitted, CliError> {
    // Whoever loses the answer, and this program with it, can still repeat.
    anstream::eprintln!("id {id}");
    let submitted = client.submit(&transactions::sign(transaction, keys)).await;
    let submitted = submitted.map_err(|error| repeat_with(error, id))?;
    match submitted.refusal() {
        None => Ok(submitted),
        Some(result) => Err(refused(result, &submitted, id)),
    }
}

/// Once bytes may have left there is one safe way to try again, whatever the error.
pub(super) fn repeat_with(error: CliError, id: Uuid) -> CliError {
    let again = format!("Repeat with --id {id}: it is booked at most once.");
    match error.exit {
        Exit::Unreachable => error.with_next(again),
        _ => {
            let next = format!("{} {again}", error.next);
            error.with_next(next)
        }
    }
}

fn refused(result: ResultCode, submitted: &Submitted, id: Uuid) -> CliError {
    let error = CliError::refused(result);
    debug_assert_eq!(error.code, REFUSED);
    let cause = format!("{} (id {id}, height {}, index {})", error.cause, submitted.height, submitted.tx_index);
    CliError { cause, ..error }
}

/// The place in the ledger, added to what a command says of a booked operation.
fn with_place(mut data: Value, submitted: &Submitted) -> Value {
    data["result"] = json!(ResultCode::Ok.number());
    data["name"] = json!(ResultCode::Ok.name());
    data["height"] = json!(submitted.height.0);
    data["block_id"] = json!(submitted.block_id.to_string());
    data["index"] = json!(submitted.tx_index);
    data["repeat"] = json!(submitted.repeat);
    data
}

fn place_text(submitted: &Submitted) -> String {
    let again = if submitted.repeat { ", as booked before" } else { "" };
    format!("height {}, index {}{again}", submitted.height, submitted.tx_index)
}

#[cfg(test)]
pub(crate) mod tests;
