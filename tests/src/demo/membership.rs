//! `admit`, `validate`: an institution that nobody knew joins by invitation and vote, and takes part in deciding.

use super::{
    Stage,
    report::{Figures, figures},
};
use crate::harness::{Failure, failure::ensure, ports, wait::seen, wait_until};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

pub async fn admit(stage: &mut Stage) -> Result<Figures, Failure> {
    let begun = Instant::now();
    let dir = stage.folder.path().to_owned();
    let (invitation, home) = (dir.join("bank-n.invite.json"), dir.join("joiner"));
    let (file, joiner) = (invitation.display().to_string(), home.display().to_string());
    let network = &mut stage.network;
    network.cli("bank-a", &["member", "invite", JOINER, "--expires", "1h", "--out", &file]).await?.data()?;

    // The institution: one command. It knows the file, and the network does not know it.
    let base_port = match stage.base_port {
        Some(port) => port + 10 * u16::try_from(network.nodes.len()).unwrap_or(5),
        None => ports::free_ports(10)?,
    };
    let port = base_port.to_string();
    let join = ["join", &file, "--dir", &joiner, "--legal-name", "Bank N", "--validator", "--base-port", &port];
    let filed = network.cli.run(None, &join).await?.data()?;
    ensure(filed["status"] == "filed", || format!("the request is {}", filed["status"]))?;
    let proposal = filed["proposal"].to_string();

    // The members: each reads, compares the fingerprint, and votes.
    let inbox = network.cli("bank-b", &["inbox"]).await?.data()?;
    let waits =
        inbox["proposals"].as_array().is_some_and(|open| open.iter().any(|one| one["proposal"] == filed["proposal"]));
    ensure(waits, || format!("the inbox of bank-b does not have proposal {proposal}: {inbox}"))?;
    let read = network.cli("bank-b", &["show", &proposal]).await?.data()?;
    let hash = text(&read["hash"]);
    ensure(read["request"]["fingerprint"] == filed["fingerprint"], || "the fingerprints differ".to_owned())?;
    let wrong = "0".repeat(64);
    network.cli("bank-b", &["vote", &proposal, "--hash", &wrong]).await?.refused(6, "E_PROPOSAL_HASH", None)?;
    let mut votes = 0;
    for voter in ["bank-a", "bank-b", "bank-c", "bank-d"] {
        network.cli(voter, &["vote", &proposal, "--hash", &hash]).await?.data()?;
        votes += 1;
    }
    let profile = home.join(JOINER);
    let what = format!("{JOINER} is admitted");
    let cli = network.cli.clone();
    wait_until(&what, WITHIN, async || {
        let answer = cli.run(Some(&profile), &["join", "status"]).await.map_err(|failure| failure.cause)?;
        let data = answer.data().map_err(|failure| failure.cause)?;
        seen(data["status"] == "active", || format!("it is {}", data["status"]))
    })
    .await?;
    network.add(JOINER, &home, base_port).await?;
    Ok(figures([
        ("proposal", filed["proposal"].clone()),
        ("votes", json!(votes)),
        ("seconds", json!(begun.elapsed().as_secs_f64())),
    ]))
}

pub async fn validate(stage: &mut Stage) -> Result<Figures, Failure> {
    let begun = Instant::now();
    let network = &mut stage.network;
    network.start(JOINER)?;
    let joined = network.node(JOINER)?.home.clone();
    let waited =
        network.cli.run(Some(&joined), &["join", "status", "--wait", "2m", "--timeout", "60"]).await?.data()?;
    ensure(waited["validator"] == "validating", || format!("it is {}", waited["validator"]))?;
    let node = network.node(JOINER)?;
    let from = node.status().await.map_err(Failure::check)?.height;
    let status = wait_until("the new validator's vote in a certificate", WITHIN, async || {
        let status = node.status().await?;
        let signed = status.last_signers.iter().any(|signer| signer == JOINER);
        seen(signed && status.signing, || format!("height {}, signers {:?}", status.height, status.last_signers))?;
        Ok(status)
    });
    let status = status.await?;
    // It is a bank like any other.
    network.cli.run(Some(&joined), &["account", "open", "EUR/main"]).await?.data()?;
    let pay = ["pay", "--from", "bank-a/EUR/main", "--to", "bank-n/EUR/main", "--amount", "7.00"];
    network.cli("bank-a", &pay).await?.data()?;
    let back = ["pay", "--from", "bank-n/EUR/main", "--to", "bank-a/EUR/main", "--amount", "2.00"];
    network.cli.run(Some(&joined), &back).await?.data()?;
    let members = network.cli("bank-c", &["members"]).await?.data()?;
    let validators = members["members"]
        .as_array()
        .map_or(0, |members| members.iter().filter(|member| member["validator"] == "validating").count());
    ensure(validators == 5, || format!("{validators} validators, expected 5"))?;
    Ok(figures([
        ("validators", json!(validators)),
        ("caught_up_at_height", json!(from)),
        ("voted_at_height", json!(status.height)),
        ("seconds", json!(begun.elapsed().as_secs_f64())),
    ]))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

const JOINER: &str = "bank-n";
const WITHIN: Duration = Duration::from_secs(60);
