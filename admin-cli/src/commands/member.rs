//! `concordat member invite | revoke`

use super::{
    Options,
    admin::{AdminArgs, after, open},
    parse_duration,
};
use crate::{
    CliError, Profile,
    invite::{Endpoint, InviteFile, Terms},
    output::{Report, format_time},
    secrets,
};
use clap::{Args, Subcommand};
use concordat_types::{BlockId, Genesis, Hash, Height, MemberId, Operation};
use serde::Deserialize;
use serde_json::json;
use std::{fs, path::PathBuf, time::Duration};

#[derive(Debug, Subcommand)]
pub enum MemberVerb {
    Invite(InviteArgs),
    Revoke(RevokeArgs),
}

/// Invite an institution: it gets a file with which it can ask to be taken in
///
/// The member is the sponsor, and as many of its admin keys sign as decide for it. Whoever holds the file can file one request:
/// send it by a way that only the institution reads.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  concordat member invite bank-n --lei 5493001KJTIIGC8Y1R12 --expires 3d --out bank-n.invite.json")]
pub struct InviteArgs {
    /// The name that it will have on this ledger
    member: MemberId,
    /// Its LEI (ISO 17442); its request must name the same
    #[arg(long, default_value = "")]
    lei: String,
    /// How long the invitation is good
    #[arg(long, default_value = "3d", value_parser = parse_duration)]
    expires: Duration,
    /// Where to write it; an existing file is never overwritten
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The network's genesis.json [default: beside the profile's folder]
    #[arg(long, value_name = "FILE")]
    genesis: Option<PathBuf>,
    #[command(flatten)]
    admin: AdminArgs,
}

/// Take an invitation back, or a request that was filed with it and has not been admitted
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  concordat member revoke bank-n")]
pub struct RevokeArgs {
    member: MemberId,
    #[command(flatten)]
    admin: AdminArgs,
}

pub async fn run(verb: MemberVerb, options: &Options) -> Result<Report, CliError> {
    match verb {
        MemberVerb::Invite(args) => invite(args, options).await,
        MemberVerb::Revoke(args) => revoke(args, options).await,
    }
}

async fn invite(args: InviteArgs, options: &Options) -> Result<Report, CliError> {
    let (profile, client) = open(options).await?;
    if args.out.exists() {
        let cause = format!("{} exists", args.out.display());
        return Err(CliError::usage(cause, "Name a new file by --out; nothing is ever overwritten."));
    }
    let genesis = genesis_of(&profile, args.genesis.as_deref())?;
    let status = client.status().await?;
    let block = <[u8; 32]>::try_from(&status.block_id[..])
        .map_err(|_| CliError::internal("the node's block id is not 32 bytes"))?;
    let endpoints = profile.endpoints.iter().take(ENDPOINTS_MAX).map(|endpoint| {
        let certificate = fs::read_to_string(&endpoint.certificate)
            .map_err(|error| CliError::file("certificate", &endpoint.certificate, &error))?;
        Ok(Endpoint { address: endpoint.address.clone(), certificate })
    });
    let terms = Terms {
        sponsor: profile.member,
        member: args.member,
        lei: args.lei,
        expires_at: after(args.expires),
        height: Height(status.height),
        block: BlockId(Hash(block)),
        endpoints: endpoints.collect::<Result<_, CliError>>()?,
        genesis,
    };
    let keys = secrets::admin_keys(&profile, &args.admin.keys)?;
    let signer = keys.first().ok_or_else(|| CliError::internal("no admin key"))?;
    let expires_at = terms.expires_at;
    let (file, invitation) = InviteFile::make(terms, signer)?;
    // Before the ledger knows of it: an invitation that nobody holds would only have to be revoked.
    if !args.admin.dry_run {
        file.write(&args.out)?;
    }
    let data = json!({
        "member": args.member,
        "lei": file.lei,
        "expires_at": format_time(expires_at.0),
        "file": args.out.display().to_string(),
        "key": invitation.key,
    });
    let what = format!("{} until {}", args.member, format_time(expires_at.0));
    let done = format!("Invited {what}, in {}", args.out.display());
    let sent =
        args.admin.send(&client, &profile, Operation::Invite(invitation), data, format!("Would invite {what}"), done);
    let sent = sent.await;
    if sent.as_ref().is_err_and(|error| error.result.is_some()) {
        // The ledger has refused it, so the file opens nothing.
        drop(fs::remove_file(&args.out));
    }
    sent
}

async fn revoke(args: RevokeArgs, options: &Options) -> Result<Report, CliError> {
    let (profile, client) = open(options).await?;
    let operation = Operation::RevokeInvite { member: args.member };
    let data = json!({"member": args.member});
    let would = format!("Would revoke the invitation of {}", args.member);
    let done = format!("Revoked the invitation of {}", args.member);
    args.admin.send(&client, &profile, operation, data, would, done).await
}

fn genesis_of(profile: &Profile, path: Option<&std::path::Path>) -> Result<Genesis, CliError> {
    #[derive(Deserialize)]
    struct File {
        genesis: Genesis,
    }
    let path = path.map_or_else(|| profile.dir.join("../genesis.json"), std::path::Path::to_owned);
    let text = fs::read(&path).map_err(|error| {
        CliError::file("genesis", &path, &error).with_next("Name the network's genesis.json by --genesis FILE.")
    })?;
    let file: File = serde_json::from_slice(&text).map_err(|error| {
        CliError::config(format!("{}: {error}", path.display()), "Fetch genesis.json from a member.")
    })?;
    let network_id = file.genesis.network_id();
    if network_id != profile.network_id {
        let cause = format!("{} is of network {network_id}, the profile of {}", path.display(), profile.network_id);
        return Err(concordat_proto::Code::WrongNetwork.error(cause).into());
    }
    Ok(file.genesis)
}

/// The sponsor's own node and some to fall back to.
const ENDPOINTS_MAX: usize = 4;
