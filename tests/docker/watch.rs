//! Metrics, alerts and dashboard, by Prometheus itself: its own checks, and what it makes of nodes that run.

use crate::{
    engine::{LINES_SHOWN, said},
    images::root,
    trial::{MEMBERS, Trial},
};
use concordat_tests::harness::{Failure, failure::ensure, http, wait::seen, wait_until};
use serde_json::Value;
use std::{fs, process::Stdio, time::Duration};
use tokio::io::AsyncWriteExt as _;

/// Each alert fires on what it is for, and on nothing else.
pub async fn rules(trial: &Trial<'_>) -> Result<(), Failure> {
    for arguments in [["check", "rules", "/rules/alerts.yml"], ["test", "rules", "/rules/alerts.test.yml"]] {
        let mut command = trial.engine.command("docker");
        // As root: the checkout may be readable by its owner alone.
        command.args(["run", "--rm", "--network", "none", "--user", "0", "--volume"]);
        command.arg(format!("{}:/rules:ro", root().join("deploy/prometheus").display()));
        command.arg(&trial.images.prometheus).arg("promtool").args(arguments);
        said(command).await?;
    }
    Ok(())
}

/// A validator's and a follower's.
pub async fn metrics_are_well_formed(trial: &Trial<'_>) -> Result<(), Failure> {
    for member in ["bank-a", "central-bank"] {
        let networks = &trial.inspect(member).await?["NetworkSettings"]["Networks"];
        let address = networks.as_object().and_then(|networks| networks.values().next()?["IPAddress"].as_str());
        let address = format!("{}:7402", address.unwrap_or_default());
        let metrics = http::get(&address, "/metrics").await;
        let metrics = metrics.map_err(|error| Failure::check(format!("{member}: /metrics on {address}: {error}")))?;
        check_metrics(trial, &metrics.body).await.map_err(|failure| failure.context(member))?;
    }
    Ok(())
}

async fn check_metrics(trial: &Trial<'_>, metrics: &str) -> Result<(), Failure> {
    let mut command = trial.engine.command("docker");
    command.args(["run", "--rm", "--interactive", "--network", "none", &trial.images.prometheus]);
    command.args(["promtool", "check", "metrics"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let failed = |error: std::io::Error| Failure::check(format!("promtool check metrics: {error}"));
    let mut child = command.spawn().map_err(failed)?;
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(metrics.as_bytes()).await.map_err(failed)?;
    drop(stdin);
    let output = child.wait_with_output().await.map_err(failed)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    ensure(output.status.success(), || {
        let lines: Vec<&str> = text.lines().take(LINES_SHOWN).collect();
        format!("promtool check metrics: {}\n{}", output.status, lines.join("\n"))
    })
}

/// All nodes are scraped, all rules are loaded and can be evaluated, and every expression of the dashboard has data.
pub async fn prometheus_sees_everything(trial: &Trial<'_>) -> Result<(), Failure> {
    wait_until("Prometheus has scraped all nodes", DATA_WITHIN, async || {
        let up = query(trial, "sum(up{job=\"concordat\"})").await?;
        seen(up[0]["value"][1] == *format!("{}", MEMBERS.len()), || format!("{up}"))
    })
    .await?;
    wait_until("all rules are well", DATA_WITHIN, async || {
        let data = ask(trial, "/api/v1/rules").await?;
        let rules = data["groups"].as_array().into_iter().flatten().flat_map(|group| group["rules"].as_array());
        let rules: Vec<&Value> = rules.flatten().collect();
        let ill = rules.iter().find(|rule| rule["health"] != "ok");
        seen(ill.is_none() && !rules.is_empty(), || format!("{} rules, {ill:?}", rules.len()))
    })
    .await?;
    let expressions = dashboard()?;
    ensure(expressions.len() > 30, || format!("the dashboard has {} expressions", expressions.len()))?;
    for expression in expressions {
        wait_until(&format!("{expression} has data"), DATA_WITHIN, async || {
            let data = query(trial, &expression).await?;
            seen(data.as_array().is_some_and(|rows| !rows.is_empty()), || "no rows".to_owned())
        })
        .await?;
    }
    Ok(())
}

/// The alert has been noticed, though it is not yet its time.
pub async fn alert_is_pending(trial: &Trial<'_>, alert: &str, instance: &str) -> Result<(), Failure> {
    wait_until(&format!("{alert} of {instance} is pending"), DATA_WITHIN, async || {
        let expression = format!("ALERTS{{alertname=\"{alert}\", instance=\"{instance}\"}}");
        let data = query(trial, &expression).await?;
        seen(data[0]["metric"]["alertstate"] == "pending", || format!("{data}"))
    })
    .await
}

fn dashboard() -> Result<Vec<String>, Failure> {
    let path = root().join("deploy/grafana/concordat.json");
    let text = fs::read(&path).map_err(|error| Failure::file("dashboard", &path, &error))?;
    let json: Value = serde_json::from_slice(&text).map_err(|error| Failure::check(format!("dashboard: {error}")))?;
    let panels = json["panels"].as_array().cloned().unwrap_or_default();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().cloned().unwrap_or_default());
    Ok(targets.map(|target| target["expr"].as_str().unwrap_or_default().to_owned()).collect())
}

/// The rows of an instant query.
async fn query(trial: &Trial<'_>, expression: &str) -> Result<Value, String> {
    let encoded: String = expression.bytes().map(|byte| format!("%{byte:02x}")).collect();
    Ok(ask(trial, &format!("/api/v1/query?query={encoded}")).await?["result"].take())
}

async fn ask(trial: &Trial<'_>, path: &str) -> Result<Value, String> {
    let address = trial.compose(&["port", "prometheus", "9090"]).await.map_err(|failure| failure.cause)?;
    let answer = http::get(address.trim(), path).await.map_err(|error| format!("{}: {error}", address.trim()))?;
    let mut json: Value = serde_json::from_str(&answer.body).map_err(|error| format!("{error}: {}", answer.body))?;
    match json["status"] == "success" {
        true => Ok(json["data"].take()),
        false => Err(format!("{}: {}", answer.status, json["error"])),
    }
}

/// Two scrapes, for a rate.
const DATA_WITHIN: Duration = Duration::from_secs(60);
