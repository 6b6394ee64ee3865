//! `concordat verify`

use super::Options;
use crate::{
    CliError,
    output::{Report, fields, format_time},
    proofs::{self, Checkpoint, Outcome, says_rows},
    transactions,
};
use clap::{ArgGroup, Args};
use concordat_crypto::Anchor;
use concordat_types::{Genesis, NetworkId};
use serde::Deserialize;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Verify a receipt or a proof without a network
///
/// Takes a file of `receipt get` or `proof`, and what is trusted: the genesis that the founders compared, or height and
/// id of a later block that is known to be final from elsewhere. An altered file is refused with exit 6 and a code that
/// names the part.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("trusted").required(true), after_help = "Examples:
  concordat verify receipt.json --genesis genesis.json
  concordat verify receipt.json --anchor 1200:4b1f… --save-checkpoint checkpoint.json
  concordat verify proof.json --anchor checkpoint.json --output json")]
pub struct VerifyArgs {
    /// concordat.receipt.v1 or concordat.proof.v1
    file: PathBuf,
    /// Trust this genesis.json
    #[arg(long, value_name = "FILE", group = "trusted")]
    genesis: Option<PathBuf>,
    /// Trust a later block: HEIGHT:ID, or a checkpoint file
    #[arg(long, value_name = "FILE|HEIGHT:ID", group = "trusted")]
    anchor: Option<String>,
    /// Write the verified block as a checkpoint for the next time
    #[arg(long, value_name = "FILE")]
    save_checkpoint: Option<PathBuf>,
}

pub fn run(args: &VerifyArgs, _options: &Options) -> Result<Report, CliError> {
    let text = read(&args.file, "file")?;
    let anchor = match (&args.genesis, &args.anchor) {
        (Some(path), _) => genesis_anchor(path)?,
        (None, Some(anchor)) => checkpoint(anchor)?.into(),
        (None, None) => return Err(CliError::usage("there is nothing to trust", "Give --genesis or --anchor.")),
    };
    let outcome = proofs::verify(&text, &anchor)?;
    if let Some(path) = &args.save_checkpoint {
        let checkpoint = Checkpoint::of(&outcome.at);
        proofs::write_new(path, &checkpoint.to_json())?;
    }
    Ok(report(&outcome, transactions::now().0))
}

/// `now_ms`: Unix milliseconds.
fn report(outcome: &Outcome, now_ms: u64) -> Report {
    let Outcome { at, set_changes, signers, .. } = outcome;
    let age_ms = now_ms.saturating_sub(at.anchor_time.0);
    let data = json!({
        "verified": true,
        "schema": outcome.schema,
        "network_id": outcome.network,
        "says": outcome.says,
        "block_id": at.block.to_string(),
        "height": at.header.height.0,
        "signers": signers.0,
        "validators": signers.1,
        "anchor": {
            "height": at.anchor_height.0,
            "time_ms": at.anchor_time.0,
            "age_seconds": age_ms / 1000,
            "set_changes": set_changes,
        },
    });
    let anchor = match at.anchor_height.0 {
        0 => "genesis".to_owned(),
        height => format!("block {height}"),
    };
    let anchor = format!(
        "{anchor} of {}, {}; {set_changes} changes of the validator set",
        format_time(at.anchor_time.0),
        age(age_ms)
    );
    let mut rows = vec![("verified".to_owned(), format!("{} of network {}", outcome.kind(), outcome.network))];
    rows.extend(says_rows(&outcome.says));
    rows.push(("signed by".to_owned(), format!("{} of {} validators", signers.0, signers.1)));
    rows.push(("anchor".to_owned(), anchor));
    Report::new(data, fields(rows))
}

/// The older an anchor, the more must be believed of keys that are out of use.
fn age(ms: u64) -> String {
    match ms / 3_600_000 {
        0..48 => format!("{} hours old", ms / 3_600_000),
        hours => format!("{} days old", hours / 24),
    }
}

fn genesis_anchor(path: &Path) -> Result<Anchor, CliError> {
    let text = read(path, "genesis")?;
    let bad = |cause: String| {
        let cause = format!("genesis {}: {cause}", path.display());
        CliError::from(concordat_proto::Code::Genesis.error(cause))
    };
    let file: GenesisFile = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
    let (named, computed) = (file.network_id, file.genesis.network_id());
    if named != computed {
        return Err(bad(format!("the file says network id {named}, its content has {computed}")));
    }
    Anchor::genesis(&file.genesis).map_err(|error| bad(error.to_string()))
}

/// As nodes read it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GenesisFile {
    network_id: NetworkId,
    genesis: Genesis,
}

fn checkpoint(text: &str) -> Result<Checkpoint, CliError> {
    if let Some(checkpoint) = Checkpoint::parse(text) {
        return Ok(checkpoint);
    }
    let path = Path::new(text);
    Checkpoint::from_json(&read(path, "checkpoint")?).map_err(|cause| {
        let next = "Give HEIGHT:ID, or a file that --save-checkpoint has written.";
        CliError::usage(format!("checkpoint {}: {cause}", path.display()), next)
    })
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>, CliError> {
    proofs::read(path).map_err(|error| CliError::file(what, path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_read_at_a_glance() {
        assert_eq!(age(0), "0 hours old");
        assert_eq!(age(47 * 3_600_000 + 59), "47 hours old");
        assert_eq!(age(48 * 3_600_000), "2 days old");
        assert_eq!(age(365 * 86_400_000), "365 days old");
    }
}
