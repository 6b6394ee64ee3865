//! `refused`: what must not work, each with its own answer.

use super::{
    Stage,
    payments::balance,
    report::{Figures, figures},
};
use crate::harness::{
    Failure, Network,
    failure::ensure,
    http,
    load::{account, payment, sign, valid_until},
    network::Member,
};
use concordat_cli::{Exit, new_id, sign_transaction};
use concordat_types::{NetworkId, SignedTransaction};
use serde_json::json;

pub async fn refused(stage: &mut Stage) -> Result<Figures, Failure> {
    let network = &stage.network;
    let before = balance(stage, "bank-a", "main").await?;
    let mut cases = 0;
    for (member, result, arguments) in [
        // Money that is not there.
        (
            "bank-a",
            92,
            ["pay", "--from", "bank-a/EUR/main", "--to", "bank-b/EUR/main", "--amount", "99000000.00"].as_slice(),
        ),
        // Somebody else's money.
        ("bank-b", 20, &["pay", "--from", "bank-a/EUR/main", "--to", "bank-b/EUR/main", "--amount", "1.00"]),
        // Making money is the issuer's alone.
        ("bank-a", 20, &["issue", "--to", "bank-a/EUR/main", "--amount", "1000.00"]),
        ("bank-a", 11, &["pay", "--from", "bank-a/EUR/main", "--to", "bank-b/EUR/nobody", "--amount", "1.00"]),
    ] {
        let answer = network.cli(member, arguments).await?;
        answer.refused(Exit::Refused as i32, "E_REFUSED", Some(result))?;
        cases += 1;
    }
    let same = replay(network).await?;
    unknown_key(network).await?;
    bad_bytes(network).await?;
    cases += 5;

    let after = balance(stage, "bank-a", "main").await?;
    // The replayed payment moved its money once.
    ensure(cents(&before) - cents(&after) == Some(100), || format!("bank-a had {before} and has {after}"))?;
    Ok(figures([("cases", json!(cases)), ("replay_height", json!(same)), ("moved_eur", json!("1.00"))]))
}

/// The same payment twice: the first answer again. Another payment under its id: refused.
async fn replay(network: &Network) -> Result<u64, Failure> {
    let id = new_id().to_string();
    let pay = |amount: &'static str| {
        ["pay", "--from", "bank-a/EUR/main", "--to", "bank-b/EUR/main", "--amount", amount, "--id"].map(str::to_owned)
    };
    let run = async |amount| {
        let arguments = pay(amount);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain([id.as_str()]).collect();
        network.cli("bank-a", &arguments).await
    };
    let (first, second) = (run("1.00").await?.data()?, run("1.00").await?.data()?);
    for field in ["height", "block_id", "index", "result"] {
        ensure(first[field] == second[field], || {
            format!("{field} of a replay: {} then {}", first[field], second[field])
        })?;
    }
    ensure(second["repeat"] == true, || format!("a replay is not said to be one: {second}"))?;
    run("2.00").await?.refused(Exit::Refused as i32, "E_REFUSED", Some(1))?;
    Ok(first["height"].as_u64().unwrap_or_default())
}

/// A key that no member has registered gets no further than the handshake.
async fn unknown_key(network: &Network) -> Result<(), Failure> {
    let strangers = network.dir.join("strangers");
    let arguments = ["network", "new", "--dir", &strangers.display().to_string(), "--banks", "1", "--trial"];
    network.cli.run(None, &arguments).await?.data()?;
    let fingerprint = access_key(&strangers)?;

    // bank-a's profile, with the stranger's keys in it.
    let home = network.dir.join("stranger");
    let profile = network.profile("bank-a").join("profile.toml");
    let failed = |error: std::io::Error| Failure::file("profile", &home, &error);
    let text = std::fs::read_to_string(profile).map_err(failed)?;
    let text = text.replace("\"keys/", "\"../strangers/bank-a/keys/").replace("\"node/", "\"../bank-a/node/");
    std::fs::create_dir_all(&home).map_err(failed)?;
    std::fs::write(home.join("profile.toml"), text).map_err(failed)?;

    let bank_a = network.node("bank-a")?;
    let before = handshakes_refused(&bank_a.http).await?;
    let answer = network.cli.run(Some(&home), &["status"]).await?;
    answer.refused(Exit::Denied as i32, "E_TLS_UNKNOWN_KEY", None)?;
    let after = handshakes_refused(&bank_a.http).await?;
    ensure(after > before, || format!("bank-a counts {after} refused handshakes, and {before} before"))?;
    ensure(bank_a.log().contains(&fingerprint), || format!("bank-a's log does not name the key {fingerprint}"))
}

fn access_key(strangers: &std::path::Path) -> Result<String, Failure> {
    let path = strangers.join("bank-a/member.json");
    let text = std::fs::read(&path).map_err(|error| Failure::file("member", &path, &error))?;
    let member: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    let key = member["access_keys"][0]["key"].as_str();
    key.map(str::to_owned).ok_or_else(|| Failure::check(format!("{} names no access key", path.display())))
}

async fn handshakes_refused(address: &str) -> Result<f64, Failure> {
    let answer = http::get(address, "/metrics").await;
    let answer = answer.map_err(|error| Failure::check(format!("/metrics of {address}: {error}")))?;
    let lines = answer.body.lines().filter(|line| line.starts_with("concordat_tls_refused_total"));
    Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}

/// What the command would never send.
async fn bad_bytes(network: &Network) -> Result<(), Failure> {
    let member = network.member("bank-a").await?;
    let (from, to) = (account("bank-a", "main")?, account("bank-b", "main")?);
    let operation = || vec![payment(&from, &to, 1).1];

    let mut forged = sign(&member, operation());
    forged.signatures[0].signature.0[7] ^= 1;
    refused_by_node(&member, &forged, "E_BAD_SIGNATURE").await?;

    let key = std::slice::from_ref(&member.keys[0]);
    let elsewhere = sign_transaction(NetworkId::default(), member.client.member, operation(), valid_until(), key);
    refused_by_node(&member, &elsewhere, "E_WRONG_NETWORK").await
}

async fn refused_by_node(member: &Member, transaction: &SignedTransaction, code: &str) -> Result<(), Failure> {
    match member.client.submit(transaction).await {
        Ok(submitted) => Err(Failure::check(format!("expected {code}, and it was taken: {submitted:?}"))),
        Err(error) => ensure(error.code == code, || format!("expected {code}, got {error}")),
    }
}

struct Cents(Option<i128>);

impl std::ops::Sub for Cents {
    type Output = Option<i128>;
    fn sub(self, other: Cents) -> Option<i128> {
        Some(self.0? - other.0?)
    }
}

fn cents(text: &str) -> Cents {
    Cents(text.replace('.', "").parse().ok())
}
