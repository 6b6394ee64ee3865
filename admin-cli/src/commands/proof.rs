//! `concordat proof account | member`

use super::{Options, account_path};
use crate::{
    CliError,
    output::{Report, fields},
    proofs::{self, ProofOf, says_rows},
};
use clap::{Args, Subcommand};
use concordat_types::{Height, MemberId};
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub enum ProofVerb {
    /// What an account of the member holds, or that there is no such account
    Account(AccountArgs),
    /// A member's record and status, or that there is no such member
    Member(MemberArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  concordat proof account bank-a/EUR/main
  concordat proof account EUR/main --file balance.json --anchor 1200
Then, on any machine:
  concordat verify balance.json --anchor 1200:4b1f…")]
pub struct AccountArgs {
    /// member/ASSET/name; the member may be left out
    account: String,
    #[command(flatten)]
    out: OutArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  concordat proof member bank-b --file bank-b.json")]
pub struct MemberArgs {
    member: MemberId,
    #[command(flatten)]
    out: OutArgs,
}

#[derive(Debug, Args)]
struct OutArgs {
    /// Height of the block that the proof will be verified by [default: genesis]
    #[arg(long, default_value_t = 0, value_name = "HEIGHT", hide_default_value = true)]
    anchor: u64,
    /// Where to write it [default: proof-….json]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

pub async fn run(verb: ProofVerb, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let (of, name, out) = match verb {
        ProofVerb::Account(args) => {
            let path = account_path(&args.account, profile.member)?.to_string();
            (ProofOf::Account(path.clone()), path.replace('/', "-"), args.out)
        }
        ProofVerb::Member(args) => (ProofOf::Member(args.member), args.member.to_string(), args.out),
    };
    let client = options.client(&profile).await?;
    let anchor = Height(out.anchor);
    let proof = client.proof(&of, anchor).await?;
    let (file, says) = proofs::proof_file(&proof, of, client.network_id)?;
    let path = out.file.unwrap_or_else(|| format!("proof-{name}-{}.json", says["height"]).into());
    proofs::write_new(&path, &file)?;
    let data = json!({"file": path.display().to_string(), "says": says});
    let mut rows = vec![("file".to_owned(), path.display().to_string())];
    rows.extend(says_rows(&says));
    let next = format!("concordat verify {} {}", path.display(), proofs::how_to_trust(anchor));
    Ok(Report::new(data, format!("{}\nNot verified yet: {next}", fields(rows))))
}
