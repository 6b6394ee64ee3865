//! `quota`, `hold`, `dvp`: money of two tiers, reservations, and payments that happen together or not at all.

use super::{
    Stage,
    payments::supply,
    report::{Figures, figures},
};
use crate::harness::{
    Failure, Network,
    failure::ensure,
    wait::{seen, wait_until},
};
use concordat_cli::Exit;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Bank A's deposit token: it issues, the central bank says how much.
pub async fn quota(stage: &mut Stage) -> Result<Figures, Failure> {
    let network = &stage.network;
    let issue = async |amount: &str| {
        network.cli("bank-a", &["issue", "--to", "bank-a/EUR.A/customers", "--amount", amount]).await
    };
    network.cli("bank-a", &["account", "open", "bank-a/EUR.A/customers"]).await?.data()?;
    network.cli("central-bank", &["asset", "quota", "EUR.A", "1000.00"]).await?.data()?;
    issue("1000.00").await?.data()?;
    issue("0.01").await?.refused(Exit::Refused as i32, "E_REFUSED", Some(90))?;
    expect_supply(network, "EUR.A", "1000.00").await?;

    // Nobody raises its own quota.
    refused(network, "bank-a", 20, &["asset", "quota", "EUR.A", "9000.00"]).await?;
    network.cli("central-bank", &["asset", "quota", "EUR.A", "1500.00"]).await?.data()?;
    issue("500.00").await?.data()?;
    expect_supply(network, "EUR.A", "1500.00").await?;
    let redeem = ["redeem", "--from", "bank-a/EUR.A/customers", "--amount", "200.00"];
    network.cli("bank-a", &redeem).await?.data()?;
    expect_supply(network, "EUR.A", "1300.00").await?;
    Ok(figures([
        ("asset", json!("EUR.A")),
        ("refused_at", json!("1000.01")),
        ("issued", json!("1500.00")),
        ("redeemed", json!("200.00")),
    ]))
}

pub async fn hold(stage: &mut Stage) -> Result<Figures, Failure> {
    let network = &stage.network;
    open_with(network, "bank-a", "bank-a/EUR/held", "100.00").await?;
    let reserve = async |amount: &str, more: &[&str]| {
        let hold = ["hold", "--from", "bank-a/EUR/held", "--to", "bank-b/EUR/main", "--amount", amount];
        let hold = network.cli("bank-a", &[&hold, more].concat()).await?.data()?;
        text(&hold, "hold")
    };
    let expect = async |balance, available| expect_account(network, "bank-a/EUR/held", balance, available).await;

    // What is held cannot be paid otherwise. Posted in part, the rest is free again, and there is no second time.
    let reservation = reserve("80.00", &["--expires-in", "1h"]).await?;
    expect("100.00", "20.00").await?;
    let pay = ["pay", "--from", "bank-a/EUR/held", "--to", "bank-b/EUR/main", "--amount", "20.01"];
    refused(network, "bank-a", 92, &pay).await?;
    refused(network, "bank-a", 44, &["post", &reservation, "--amount", "80.01"]).await?;
    network.cli("bank-a", &["post", &reservation, "--amount", "50.00"]).await?.data()?;
    expect("50.00", "50.00").await?;
    refused(network, "bank-a", 41, &["post", &reservation, "--amount", "30.00"]).await?;

    // A guarantee is the payee's: the payer cannot take it back.
    let guarantee = reserve("10.00", &["--expires-in", "1h", "--posted-by", "creditor"]).await?;
    refused(network, "bank-a", 20, &["void", &guarantee]).await?;
    network.cli("bank-b", &["post", &guarantee]).await?.data()?;
    expect("40.00", "40.00").await?;
    let voided = reserve("15.00", &["--expires-in", "1h"]).await?;
    network.cli("bank-a", &["void", &voided]).await?.data()?;
    expect("40.00", "40.00").await?;

    // Nobody pays any more, and yet it ends.
    let forgotten = reserve("40.00", &["--expires-in", SOON]).await?;
    expect("40.00", "0.00").await?;
    let late = wait_ended(network, "bank-b", &forgotten).await?;
    expect("40.00", "40.00").await?;
    refused(network, "bank-a", 43, &["post", &forgotten]).await?;
    Ok(figures([
        ("held", json!("80.00")),
        ("posted", json!("50.00")),
        ("released", json!("30.00")),
        ("expired_after_ms", json!(late.as_millis() as u64)),
    ]))
}

/// A bond of bank A's against money of bank B's.
pub async fn dvp(stage: &mut Stage) -> Result<Figures, Failure> {
    let network = &stage.network;
    let create = ["asset", "create", "BOND1", "--decimals", "0", "--kind", "security", "--quota", "1000"];
    network.cli("central-bank", &[&create[..], &["--issuer", "bank-a"]].concat()).await?.data()?;
    for (bank, account) in [("bank-a", "bank-a/BOND1/main"), ("bank-b", "bank-b/BOND1/main")] {
        network.cli(bank, &["account", "open", account]).await?.data()?;
    }
    network.cli("bank-a", &["account", "open", "bank-a/EUR/cash"]).await?.data()?;
    open_with(network, "bank-b", "bank-b/EUR/cash", "100000.00").await?;
    network.cli("bank-a", &["issue", "--to", "bank-a/BOND1/main", "--amount", "100"]).await?.data()?;

    let took = by_acceptance(network).await?;
    all_or_none(network).await?;
    in_one_transaction(network).await?;
    let late = unaccepted(network).await?;
    Ok(figures([
        ("bonds", json!(100)),
        ("cash", json!("99500.00")),
        ("accepted_ms", json!(took.as_millis() as u64)),
        ("legs_in_one_transaction", json!(2)),
        ("released_after_ms", json!(late.as_millis() as u64)),
    ]))
}

/// Bank A sells all its bonds: offer, a look at it, acceptance.
async fn by_acceptance(network: &Network) -> Result<Duration, Failure> {
    let offer = offer(network, "bank-a", &[TO_B_100, "bank-b/EUR/cash,bank-a/EUR/cash,99500.00"], "1h").await?;
    expect_account(network, "bank-a/BOND1/main", "100", "0").await?;
    expect_account(network, "bank-b/BOND1/main", "0", "0").await?;
    let shown = network.cli("bank-b", &["settle", "show", &offer]).await?.data()?;
    let accepted: Vec<_> = shown["legs"].as_array().into_iter().flatten().map(|leg| &leg["accepted"]).collect();
    ensure(shown["state"] == "open" && accepted == [&json!(true), &json!(false)], || format!("the offer: {shown}"))?;
    // Nobody else sees what two banks deal.
    let stranger = network.cli("bank-c", &["settle", "show", &offer]).await?;
    stranger.refused(Exit::Refused as i32, "E_NOT_FOUND", None)?;

    let begun = Instant::now();
    network.cli("bank-b", &["settle", "accept", &offer]).await?.data()?;
    let took = begun.elapsed();
    expect_state(network, "bank-a", &offer, "settled").await?;
    expect_account(network, "bank-a/BOND1/main", "0", "0").await?;
    expect_account(network, "bank-b/BOND1/main", "100", "100").await?;
    expect_account(network, "bank-a/EUR/cash", "99500.00", "99500.00").await?;
    expect_account(network, "bank-b/EUR/cash", "500.00", "500.00").await?;
    refused(network, "bank-b", 41, &["settle", "accept", &offer]).await?;
    Ok(took)
}

/// A leg without funds: nothing of the whole happens, neither at once nor by acceptance.
async fn all_or_none(network: &Network) -> Result<(), Failure> {
    let legs = ["bank-b/BOND1/main,bank-a/BOND1/main,100", "bank-a/EUR/cash,bank-b/EUR/cash,99500.01"];
    let key = operator_key(network, "bank-a");
    refused(network, "bank-b", 92, &offer_words(&legs, "1h", &["--second-key", &key])).await?;
    expect_account(network, "bank-b/BOND1/main", "100", "100").await?;

    let offer = offer(network, "bank-b", &legs, "1h").await?;
    refused(network, "bank-a", 92, &["settle", "accept", &offer]).await?;
    expect_account(network, "bank-a/EUR/cash", "99500.00", "99500.00").await?;
    expect_account(network, "bank-b/BOND1/main", "100", "0").await?;
    network.cli("bank-b", &["settle", "cancel", &offer]).await?.data()?;
    expect_state(network, "bank-a", &offer, "cancelled").await?;
    expect_account(network, "bank-b/BOND1/main", "100", "100").await
}

/// With the keys of both payers there is nothing to wait for. One person has both only where the network is a trial.
async fn in_one_transaction(network: &Network) -> Result<(), Failure> {
    let legs = ["bank-b/BOND1/main,bank-a/BOND1/main,40", "bank-a/EUR/cash,bank-b/EUR/cash,40000.00"];
    let key = operator_key(network, "bank-a");
    let words = offer_words(&legs, "1h", &["--second-key", &key]);
    let settled = network.cli("bank-b", &words).await?.data()?;
    expect_state(network, "bank-a", &text(&settled, "offer")?, "settled").await?;
    expect_account(network, "bank-b/BOND1/main", "60", "60").await?;
    expect_account(network, "bank-a/EUR/cash", "59500.00", "59500.00").await
}

async fn unaccepted(network: &Network) -> Result<Duration, Failure> {
    let legs = ["bank-b/BOND1/main,bank-a/BOND1/main,60", "bank-a/EUR/cash,bank-b/EUR/cash,59500.00"];
    let offer = offer(network, "bank-b", &legs, SOON).await?;
    expect_account(network, "bank-b/BOND1/main", "60", "0").await?;
    let late = wait_ended(network, "bank-a", &offer).await?;
    expect_account(network, "bank-b/BOND1/main", "60", "60").await?;
    refused(network, "bank-a", 43, &["settle", "accept", &offer]).await?;
    Ok(late)
}

async fn offer(network: &Network, bank: &str, legs: &[&str], deadline_in: &str) -> Result<String, Failure> {
    let made = network.cli(bank, &offer_words(legs, deadline_in, &[])).await?.data()?;
    text(&made, "offer")
}

fn offer_words<'a>(legs: &[&'a str], deadline_in: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let legs = legs.iter().flat_map(|leg| ["--leg", leg]);
    ["settle", "offer", "--deadline-in", deadline_in].into_iter().chain(legs).chain(more.iter().copied()).collect()
}

fn operator_key(network: &Network, bank: &str) -> String {
    network.profile(bank).join("keys/operator.key").display().to_string()
}

async fn refused(network: &Network, member: &str, result: u16, arguments: &[&str]) -> Result<(), Failure> {
    network.cli(member, arguments).await?.refused(Exit::Refused as i32, "E_REFUSED", Some(result))
}

/// An account with money from its bank's main account.
async fn open_with(network: &Network, bank: &str, account: &str, amount: &str) -> Result<(), Failure> {
    network.cli(bank, &["account", "open", account]).await?.data()?;
    let main = format!("{bank}/EUR/main");
    network.cli(bank, &["pay", "--from", &main, "--to", account, "--amount", amount]).await?.data()?;
    Ok(())
}

async fn expect_supply(network: &Network, asset: &str, expected: &str) -> Result<(), Failure> {
    let assets = network.cli("bank-b", &["asset", "list"]).await?.data()?;
    let got = supply(&assets, asset);
    ensure(got.as_deref() == Some(expected), || format!("the supply of {asset} is {got:?}, expected {expected}"))
}

/// Asked of its owner.
async fn expect_account(network: &Network, path: &str, balance: &str, available: &str) -> Result<(), Failure> {
    let owner = path.split('/').next().unwrap_or_default();
    let account = network.cli(owner, &["account", "show", path]).await?.data()?;
    ensure(account["balance"] == balance && account["available"] == available, || {
        format!(
            "{path} holds {}, of which {} are available; expected {balance} and {available}",
            account["balance"], account["available"]
        )
    })
}

async fn expect_state(network: &Network, member: &str, name: &str, expected: &str) -> Result<(), Failure> {
    let shown = network.cli(member, &["settle", "show", name]).await?.data()?;
    ensure(shown["state"] == expected, || format!("{name} is {}, expected {expected}", shown["state"]))
}

/// Until it has expired by itself; how long after its time that was.
async fn wait_ended(network: &Network, member: &str, name: &str) -> Result<Duration, Failure> {
    let shown = network.cli(member, &["settle", "show", name]).await?.data()?;
    let until = Duration::from_millis(shown["until_ms"].as_u64().unwrap_or_default());
    let quiet = crate::harness::Cli { is_shown: false, ..network.cli.clone() };
    let profile = network.profile(member);
    wait_until("it expires by itself", EXPIRES_WITHIN, async || {
        let shown = quiet.run(Some(&profile), &["settle", "show", name]).await;
        let shown = shown.and_then(|answer| answer.data()).map_err(|failure| failure.cause)?;
        seen(shown["state"] == "expired", || format!("it is {}", shown["state"]))
    })
    .await?;
    let now = concordat_cli::transactions::now();
    Ok(Duration::from_millis(now.0).saturating_sub(until))
}

fn text(data: &Value, field: &str) -> Result<String, Failure> {
    let text = data[field].as_str();
    text.map(str::to_owned).ok_or_else(|| Failure::check(format!("there is no {field} in {data}")))
}

const TO_B_100: &str = "bank-a/BOND1/main,bank-b/BOND1/main,100";
/// Longer than a busy machine takes to commit it.
const SOON: &str = "5s";
/// Its time, and several blocks.
const EXPIRES_WITHIN: Duration = Duration::from_secs(30);
