//! `receipt`: what the ledger says can be shown to somebody who asks no node, and nobody can alter it on the way.

use super::{
    Stage,
    payments::balance,
    report::{Figures, figures},
};
use crate::harness::{Answer, Failure, Network, failure::ensure};
use concordat_cli::Exit;
use serde_json::{Value, json};
use std::{fs, path::Path, time::Instant};

pub async fn receipt(stage: &mut Stage) -> Result<Figures, Failure> {
    let dir = stage.folder.path().join("receipts");
    fs::create_dir_all(&dir).map_err(|error| Failure::file("folder", &dir, &error))?;
    let files = Files { network: &stage.network, dir: &dir };

    let (payment, bytes) = files.payment().await?;
    let height = payment["height"].as_u64().unwrap_or_default();
    let begun = Instant::now();
    files.verify("payment.json", &["--save-checkpoint", &files.path("checkpoint.json")]).await?.data()?;
    let verify_ms = begun.elapsed().as_millis() as u64;
    files.line_of_payment_file().await?;
    let alterations = files.alter("payment.json").await?;

    let balance = balance(stage, "bank-a", "main").await?;
    files.balance(&balance).await?;
    files.absence().await?;
    files.verify_from_checkpoint(height).await?;
    Ok(figures([
        ("height", json!(height)),
        ("receipt_bytes", json!(bytes)),
        ("verify_ms", json!(verify_ms)),
        ("alterations_refused", json!(alterations)),
        ("balance_proved", json!(balance)),
    ]))
}

struct Files<'a> {
    network: &'a Network,
    dir: &'a Path,
}

impl Files<'_> {
    fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    /// No profile, no node: the file and the genesis.
    async fn verify(&self, name: &str, more: &[&str]) -> Result<Answer, Failure> {
        let (file, genesis) = (self.path(name), self.network.dir.join("genesis.json").display().to_string());
        let arguments = ["verify", &file, "--genesis", &genesis];
        self.network.cli.run(None, &[arguments.as_slice(), more].concat()).await
    }

    /// Both sides have a receipt of a payment, and it shows the same. (Each node keeps the certificate that it decided by: a quorum
    /// each, not always of the same signers.)
    async fn payment(&self) -> Result<(Value, u64), Failure> {
        let pay = ["pay", "--from", "bank-a/EUR/main", "--to", "bank-b/EUR/main", "--amount", "12.50"];
        let paid = self.network.cli("bank-a", &[&pay[..], &["--reference", "INV-8"]].concat()).await?.data()?;
        let (id, file) = (paid["id"].as_str().unwrap_or_default(), self.path("payment.json"));
        self.network.cli("bank-a", &["receipt", "get", id, "--file", &file]).await?.data()?;
        let (height, index) = (paid["height"].to_string(), paid["index"].to_string());
        let other = self.path("payment-of-bank-b.json");
        let by_place = ["receipt", "get", "--height", &height, "--index", &index, "--file", &other];
        self.network.cli("bank-b", &by_place).await?.data()?;
        let ours = fs::read(&file).unwrap_or_default();
        let shown =
            |path: &str| -> Value { serde_json::from_slice(&fs::read(path).unwrap_or_default()).unwrap_or_default() };
        let (a, b) = (shown(&file), shown(&other));
        for part in ["/network_id", "/subject", "/leaf", "/path", "/finality/header", "/says/block_id"] {
            let (a, b) = (a.pointer(part), b.pointer(part));
            ensure(a.is_some() && a == b, || format!("{part} in the receipts of the two banks: {a:?} and {b:?}"))?;
        }
        self.verify("payment-of-bank-b.json", &[]).await?.data()?;
        let verified = self.verify("payment.json", &[]).await?.data()?;
        let says = &verified["says"];
        let right =
            says["result"] == 0 && says["operation"]["amount_minor"] == "1250" && says["height"] == paid["height"];
        ensure(right, || format!("the receipt says {says}"))?;
        Ok((paid, ours.len() as u64))
    }

    /// One line of 20,000, without the others.
    async fn line_of_payment_file(&self) -> Result<(), Failure> {
        let results = self.dir.with_file_name("salaries.csv.results.csv");
        let text = fs::read_to_string(&results).map_err(|error| Failure::file("results", &results, &error))?;
        let line = text.lines().nth(10_000).unwrap_or_default();
        let (id, file) = (line.split(',').next().unwrap_or_default(), self.path("salary.json"));
        self.network.cli("bank-a", &["receipt", "get", id, "--file", &file]).await?.data()?;
        let verified = self.verify("salary.json", &[]).await?.data()?;
        let operation = &verified["says"]["operation"];
        ensure(operation["id"] == id && operation["amount_minor"] == "100", || format!("the receipt says {operation}"))
    }

    /// A digit of each part: refused, with the part's own code.
    async fn alter(&self, name: &str) -> Result<usize, Failure> {
        let path = self.path(name);
        let text = fs::read_to_string(&path).map_err(|error| Failure::file("receipt", Path::new(&path), &error))?;
        let parts = [
            ("/network_id", "E_VERIFY_NETWORK"),
            ("/subject/transfer", "E_VERIFY_SUBJECT"),
            ("/leaf", "E_VERIFY_LEAF"),
            ("/path", "E_VERIFY_PATH"),
            ("/finality/header", "E_VERIFY_HEADER"),
            ("/finality/certificate", "E_VERIFY_CERTIFICATE"),
            ("/says/operation/amount_minor", "E_VERIFY_SAYS"),
        ];
        for (part, code) in parts {
            let mut file: Value = serde_json::from_str(&text).map_err(|error| Failure::check(error.to_string()))?;
            let value = file.pointer_mut(part).ok_or_else(|| Failure::check(format!("a receipt without {part}")))?;
            let digits = value.as_str().unwrap_or_default();
            // The last digit stands for itself in every part.
            let (front, last) = digits.split_at(digits.len().saturating_sub(1));
            *value = json!(format!("{front}{}", if last == "0" { "1" } else { "0" }));
            let altered = self.path("altered.json");
            fs::write(&altered, file.to_string())
                .map_err(|error| Failure::file("file", Path::new(&altered), &error))?;
            self.verify("altered.json", &[]).await?.refused(Exit::Verification as i32, code, None)?;
        }
        Ok(parts.len())
    }

    async fn balance(&self, expected: &str) -> Result<(), Failure> {
        let file = self.path("balance.json");
        self.network.cli("bank-a", &["proof", "account", "bank-a/EUR/main", "--file", &file]).await?.data()?;
        let account = self.verify("balance.json", &[]).await?.data()?["says"]["account"].take();
        let minor = expected.replace('.', "");
        ensure(account["balance_minor"] == minor, || format!("bank-a has {expected}, the proof says {account}"))
    }

    /// No such account, no such member; of a member, that it is active.
    async fn absence(&self) -> Result<(), Failure> {
        for (kind, name, exists) in
            [("account", "bank-a/EUR/nothing", false), ("member", "bank-x", false), ("member", "bank-b", true)]
        {
            let file = format!("{name}.json").replace('/', "-");
            let path = self.path(&file);
            self.network.cli("bank-a", &["proof", kind, name, "--file", &path]).await?.data()?;
            let says = self.verify(&file, &[]).await?.data()?["says"].take();
            ensure(says["exists"] == exists, || format!("{kind} {name}: {says}"))?;
            ensure(!exists || says["member"]["status"] == "active", || format!("{kind} {name}: {says}"))?;
        }
        // Which accounts another bank has, or has not, is none of ours.
        let other = ["proof", "account", "bank-b/EUR/nothing", "--file", &self.path("other.json")];
        self.network.cli("bank-a", &other).await?.refused(Exit::Denied as i32, "E_NOT_AUTHORISED", None)
    }

    /// What was verified once is an anchor for what comes after it.
    async fn verify_from_checkpoint(&self, height: u64) -> Result<(), Failure> {
        // A later height to prove something at.
        let pay = ["pay", "--from", "bank-b/EUR/main", "--to", "bank-a/EUR/main", "--amount", "12.50"];
        self.network.cli("bank-b", &pay).await?.data()?;
        let (anchor, file) = (height.to_string(), self.path("later.json"));
        let member = ["proof", "member", "bank-c", "--anchor", &anchor, "--file", &file];
        self.network.cli("bank-a", &member).await?.data()?;
        let verify = ["verify", &file, "--anchor", &self.path("checkpoint.json")];
        let verified = self.network.cli.run(None, &verify).await?.data()?;
        ensure(verified["anchor"]["height"] == height, || format!("the anchor is {}", verified["anchor"]))?;
        self.verify("later.json", &[]).await?.refused(Exit::Verification as i32, "E_VERIFY_ANCHOR", None)
    }
}
