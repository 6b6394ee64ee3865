//! What commands of governance share: the admin keys that sign.

use super::{Change, IdOf, Options};
use crate::{CliError, Client, Profile, output::Report, secrets, transactions};
use clap::Args;
use concordat_types::Operation;
use serde_json::Value;
use std::{path::PathBuf, time::Duration};

#[derive(Clone, Debug, Args)]
pub struct AdminArgs {
    /// An admin key that signs [default: keys/admin.key of the profile]. Several where several people sit together; the
    /// passphrase is that of the profile's keys
    #[arg(long = "key", value_name = "FILE")]
    pub keys: Vec<PathBuf>,
    /// Show what would be sent, and send nothing
    #[arg(long)]
    pub dry_run: bool,
}

impl AdminArgs {
    /// Signs an operation and sends it. `would` and `done` are sentences without full stop.
    pub(crate) async fn send(
        &self,
        client: &Client,
        profile: &Profile,
        operation: Operation,
        data: Value,
        would: String,
        done: String,
    ) -> Result<Report, CliError> {
        let id = transactions::new_id();
        let change = Change { id, id_of: IdOf::Transaction, operation, data, would, done };
        let keys = || secrets::admin_keys(profile, &self.keys);
        change.run_with(client, keys, transactions::VALID_FOR, self.dry_run).await
    }
}

pub(crate) async fn open(options: &Options) -> Result<(Profile, Client), CliError> {
    let profile = options.profile()?;
    let client = options.client(&profile).await?;
    Ok((profile, client))
}

/// So long after now.
pub(crate) fn after(duration: Duration) -> concordat_types::Timestamp {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    concordat_types::Timestamp(transactions::now().0.saturating_add(ms))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
