//! `concordat status`

use super::Options;
use crate::{
    CliError,
    output::{Report, fields, format_time, table},
};
use clap::Args;
use concordat_proto::v1;
use serde_json::json;

/// How the node is: height, consensus, peers
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  concordat status --profile net/bank-a --output json")]
pub struct StatusArgs {}

pub async fn run(_args: StatusArgs, options: &Options) -> Result<Report, CliError> {
    let profile = options.profile()?;
    let status = options.client(&profile).await?.status().await?;
    if status.network_id != profile.network_id.0.0 {
        let cause = format!(
            "the node is of network {}, the profile of {}",
            hex::encode(&status.network_id),
            profile.network_id
        );
        return Err(concordat_proto::Code::WrongNetwork.error(cause).into());
    }
    Ok(report(&status))
}

fn report(status: &v1::NodeStatus) -> Report {
    let peers = status.peers.iter().map(|peer| {
        json!({"member": peer.member, "connected": peer.connected, "height": peer.height, "clock_offset_ms": peer.clock_offset_ms})
    });
    let data = json!({
        "member": status.member,
        "network_id": hex::encode(&status.network_id),
        "version": status.version,
        "height": status.height,
        "block_id": hex::encode(&status.block_id),
        "state_root": hex::encode(&status.state_root),
        "block_time_ms": status.block_time_ms,
        "round": status.round,
        "step": status.step,
        "validator": status.validator,
        "signing": status.signing,
        "ready": status.not_ready_reason.is_empty(),
        "not_ready_reason": status.not_ready_reason,
        "mempool_transactions": status.mempool_transactions,
        "mempool_bytes": status.mempool_bytes,
        "last_signers": status.last_signers,
        "peers": peers.collect::<Vec<_>>(),
    });
    Report::new(data, text(status))
}

fn text(status: &v1::NodeStatus) -> String {
    let consensus = match status.round {
        round if round < 0 => "idle".to_owned(),
        round => format!("round {round}, {}", status.step),
    };
    let role = match (status.validator, status.signing) {
        (false, _) => "follower",
        (true, true) => "validator, signing",
        (true, false) => "validator, NOT signing",
    };
    let ready = if status.not_ready_reason.is_empty() { "yes" } else { &status.not_ready_reason };
    let head = fields([
        ("member", status.member.clone()),
        ("network", hex::encode(&status.network_id)),
        ("version", status.version.clone()),
        ("role", role.to_owned()),
        ("ready", ready.to_owned()),
        ("height", status.height.to_string()),
        ("block", hex::encode(&status.block_id)),
        ("time", format_time(status.block_time_ms)),
        ("state root", hex::encode(&status.state_root)),
        ("consensus", consensus),
        ("signers", status.last_signers.join(" ")),
        ("mempool", format!("{} transactions, {} bytes", status.mempool_transactions, status.mempool_bytes)),
    ]);
    let rows = status.peers.iter().map(|peer| {
        let connected = if peer.connected { "yes" } else { "no" };
        vec![
            peer.member.clone(),
            connected.to_owned(),
            peer.height.to_string(),
            format!("{:+} ms", peer.clock_offset_ms),
        ]
    });
    format!("{head}\n\n{}", table(&["peer", "connected", "height", "clock"], &[2, 3], rows))
}
