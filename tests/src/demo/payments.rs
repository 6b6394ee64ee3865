//! `issue`, `pay`, `pay_file`: what the ledger is for.

use super::{
    Stage,
    report::{Figures, figures},
};
use crate::harness::{Failure, failure::ensure};
use concordat_cli::payments;
use serde_json::{Value, json};
use std::{fmt::Write as _, path::Path, time::Instant};

pub async fn issue(stage: &mut Stage) -> Result<Figures, Failure> {
    let network = &stage.network;
    let banks: Vec<&str> = network.validators().map(|node| node.name.as_str()).collect();
    for bank in &banks {
        network.cli(bank, &["account", "open", &format!("{bank}/EUR/main")]).await?.data()?;
    }
    for bank in &banks {
        let arguments = ["issue", "--to", &format!("{bank}/EUR/main"), "--amount", "1000000.00"];
        network.cli("central-bank", &arguments).await?.data()?;
    }
    let assets = network.cli("bank-a", &["asset", "list"]).await?.data()?;
    let supply = supply(&assets, "EUR");
    ensure(supply.as_deref() == Some("4000000.00"), || format!("the supply of EUR is {supply:?}: {assets}"))?;
    Ok(figures([("accounts", json!(banks.len())), ("supply_eur", json!(supply))]))
}

pub async fn pay(stage: &mut Stage) -> Result<Figures, Failure> {
    let network = &stage.network;
    let begun = Instant::now();
    let pay =
        ["pay", "--from", "bank-a/EUR/main", "--to", "bank-b/EUR/main", "--amount", "250.00", "--reference", "INV-7"];
    let paid = network.cli("bank-a", &pay).await?.data()?;
    let took = begun.elapsed();
    let height = paid["height"].to_string();
    let block = network.cli("bank-b", &["block", "show", &height]).await?.data()?;
    ensure(block["block_id"] == paid["block_id"], || format!("bank-b has another block at height {height}"))?;
    let signers = block["signers"].as_array().map_or(0, Vec::len);
    ensure(signers >= 3, || format!("{signers} validators signed height {height}, three is a quorum"))?;
    let mut balances = Vec::new();
    for bank in ["bank-a", "bank-b"] {
        balances.push(balance(stage, bank, "main").await?);
    }
    ensure(balances == ["999750.00", "1000250.00"], || format!("the balances are {balances:?}"))?;
    Ok(figures([
        ("command_ms", json!(took.as_millis() as u64)),
        ("height", paid["height"].clone()),
        ("signers", json!(signers)),
    ]))
}

pub async fn pay_file(stage: &mut Stage) -> Result<Figures, Failure> {
    let path = stage.folder.path().join("salaries.csv");
    std::fs::write(&path, payment_file()).map_err(|error| Failure::file("payment file", &path, &error))?;
    let file = path.display().to_string();
    let network = &stage.network;
    let begun = Instant::now();
    let paid = network.cli("bank-a", &["pay-file", &file, "--yes"]).await?.data()?;
    let took = begun.elapsed();
    let ok = paid["results"]["ok"].as_u64();
    ensure(ok == Some(PAYMENTS), || format!("{PAYMENTS} payments, and these results: {}", paid["results"]))?;
    let transactions = paid["transactions"].as_u64().unwrap_or_default();
    ensure(transactions == PAYMENTS.div_ceil(8_190), || format!("{transactions} transactions"))?;

    // As after a crash that lost all but the plan: the command sends everything again, and the ledger knows it.
    forget_replies(&path)?;
    let again = network.cli("bank-a", &["pay-file", &file, "--yes"]).await?.data()?;
    let repeated = again["repeated_transactions"].as_u64();
    ensure(repeated == Some(transactions), || format!("the second run repeated {repeated:?} of {transactions}"))?;
    let left = balance(stage, "bank-a", "main").await?;
    ensure(left == "979750.00", || format!("bank-a is left with {left}, expected 979750.00"))?;
    let seconds = took.as_secs_f64();
    Ok(figures([
        ("payments", json!(PAYMENTS)),
        ("transactions", json!(transactions)),
        ("signatures", json!(transactions)),
        ("command_ms", json!(took.as_millis() as u64)),
        ("payments_per_s", json!((PAYMENTS as f64 / seconds).round())),
        ("booked_twice", json!(0)),
    ]))
}

/// Keeps of the state beside the file only the first line, which fixes what is sent.
fn forget_replies(file: &Path) -> Result<(), Failure> {
    let state = payments::state_path(file);
    let failed = |error: std::io::Error| Failure::file("state", &state, &error);
    let text = std::fs::read_to_string(&state).map_err(failed)?;
    let plan: String = text.lines().take(1).map(|line| format!("{line}\n")).collect();
    std::fs::write(&state, plan).map_err(failed)
}

/// One euro each, to the three other banks in turn.
fn payment_file() -> String {
    let mut text = String::from("id,debit,credit,amount,reference,purpose\r\n");
    for line in 0..PAYMENTS {
        let bank = ["bank-b", "bank-c", "bank-d"][(line % 3) as usize];
        writeln!(text, ",bank-a/EUR/main,{bank}/EUR/main,1.00,SALARY-{line:05},SALA\r").expect("a string takes all");
    }
    text
}

/// As the command shows it.
pub async fn balance(stage: &Stage, bank: &str, account: &str) -> Result<String, Failure> {
    let path = format!("{bank}/EUR/{account}");
    let account = stage.network.cli(bank, &["account", "show", &path]).await?.data()?;
    let balance = account["balance"].as_str();
    balance.map(str::to_owned).ok_or_else(|| Failure::check(format!("account show has no balance: {account}")))
}

/// Of what `asset list` shows.
pub fn supply(assets: &Value, code: &str) -> Option<String> {
    let assets = assets["assets"].as_array()?;
    let asset = assets.iter().find(|asset| asset["code"] == code)?;
    asset["supply"].as_str().map(str::to_owned)
}

const PAYMENTS: u64 = 20_000;
