//! What members decide, on real processes: a member is suspended and comes back, keys change while the network runs.

use crate::support::{START_WITHIN, TestNetwork, alone};
use concordat_tests::harness::{Answer, Failure, failure::ensure, wait::seen, wait_until};
use serde_json::Value;
use std::time::Duration;

/// Filed by bank-a and voted for by two more banks and the central bank: four of five.
async fn decide(test: &TestNetwork, change: &[&str], voters: &[&str]) -> Result<(), Failure> {
    let filed = test.network.cli("bank-a", &[&["propose"], change].concat()).await?.data()?;
    let (number, hash) = (filed["proposal"].to_string(), filed["hash"].as_str().unwrap_or_default().to_owned());
    for voter in voters {
        test.network.cli(voter, &["vote", &number, "--hash", &hash]).await?.data()?;
    }
    wait_until("the proposal takes effect", WITHIN, async || {
        let shown = test.network.cli("bank-a", &["show", &number]).await.map_err(|failure| failure.cause)?;
        let shown = shown.data().map_err(|failure| failure.cause)?;
        seen(shown["state"] == "executed", || format!("it is {}", shown["state"]))
    })
    .await
}

async fn own(test: &TestNetwork, member: &str, change: &[&str]) -> Result<(), Failure> {
    let filed = test.network.cli(member, &[&["propose"], change].concat()).await?.data()?;
    let number = filed["proposal"].to_string();
    wait_until("the own change takes effect", WITHIN, async || {
        let shown = test.network.cli(member, &["show", &number]).await.map_err(|failure| failure.cause)?;
        let shown = shown.data().map_err(|failure| failure.cause)?;
        seen(shown["state"] == "executed", || format!("it is {}", shown["state"]))
    })
    .await
}

async fn record(test: &TestNetwork, member: &str) -> Result<Value, Failure> {
    let members = test.network.cli("bank-a", &["members"]).await?.data()?;
    let members = members["members"].as_array().cloned().unwrap_or_default();
    members
        .into_iter()
        .find(|one| one["member"] == member)
        .ok_or_else(|| Failure::check(format!("{member} is not among the members")))
}

fn code(answer: &Answer) -> &str {
    answer.json["error"]["code"].as_str().unwrap_or_default()
}

#[test]
fn a_suspended_member_is_out_within_a_block_and_comes_back() {
    alone(async || {
        let test = TestNetwork::started().await?;
        test.fund().await?;
        test.network.cli("bank-d", &["account", "open", "EUR/main"]).await?.data()?;
        let issue = ["issue", "--to", "bank-d/EUR/main", "--amount", "50.00"];
        test.network.cli("central-bank", &issue).await?.data()?;
        // A stream that was open before ends with the suspension.
        let mut watching = test.network.node("bank-d")?.rpc().watch(None).await?;
        decide(&test, &["suspend", "bank-d"], &["bank-b", "bank-c", "central-bank"]).await?;
        let ended = tokio::time::timeout(WITHIN, async { while let Ok(Some(_)) = watching.message().await {} }).await;
        ensure(ended.is_ok(), || "the stream of a suspended member goes on".to_owned())?;
        let status = test.network.cli("bank-d", &["status"]).await?;
        ensure((status.exit, code(&status)) == (4, "E_TLS_UNKNOWN_KEY"), || format!("{:?}", status.json))?;
        let pay = ["pay", "--from", "bank-a/EUR/main", "--to", "bank-d/EUR/main", "--amount", "1.00"];
        test.network.cli("bank-a", &pay).await?.refused(3, "E_REFUSED", Some(21))?;
        test.pay().await?;
        ensure(record(&test, "bank-d").await?["status"] == "suspended", || "bank-d is not suspended".to_owned())?;

        // Three of four active members: more than two thirds.
        decide(&test, &["reactivate", "bank-d"], &["bank-b", "central-bank"]).await?;
        let proved = test.network.cli("bank-d", &["validator", "prove", "--wait", "2m"]).await?.data()?;
        ensure(proved["validator"] == "validating", || format!("{proved}"))?;
        let node = test.network.node("bank-d")?;
        wait_until("a vote of bank-d", WITHIN, async || {
            let status = node.status().await?;
            seen(status.signing && status.last_signers.iter().any(|signer| signer == "bank-d"), || {
                format!("height {}: {:?}", status.height, status.last_signers)
            })
        })
        .await?;
        test.network.cli("bank-a", &pay).await?.data()?;
        // Its money had stayed.
        let back = ["pay", "--from", "bank-d/EUR/main", "--to", "bank-a/EUR/main", "--amount", "51.00"];
        test.network.cli("bank-d", &back).await?.data().map(|_| ())
    });
}

#[test]
fn access_and_operator_keys_change_while_the_network_runs() {
    alone(async || {
        let test = TestNetwork::started().await?;
        test.fund().await?;
        let member: Value = record(&test, "bank-b").await?["record"].clone();
        let access = member["access_keys"][0]["key"].as_str().unwrap_or_default().to_owned();
        let operator = member["operator_keys"][0]["key"].as_str().unwrap_or_default().to_owned();
        let pay = ["pay", "--from", "bank-b/EUR/main", "--to", "bank-a/EUR/main", "--amount", "1.00"];
        test.network.cli("bank-b", &pay).await?.data()?;
        own(&test, "bank-b", &["remove-operator-key", &operator]).await?;
        let refused = test.network.cli("bank-b", &pay).await?;
        ensure(code(&refused) == "E_NOT_SIGNED_BY_SUBMITTER", || format!("{:?}", refused.json))?;
        own(&test, "bank-b", &["add-operator-key", &operator, "--rights", "all"]).await?;
        test.network.cli("bank-b", &pay).await?.data()?;
        // Nobody else gets a key that is bank-b's.
        let stolen = ["propose", "add-operator-key", &operator, "--rights", "pay"];
        test.network.cli("bank-c", &stolen).await?.refused(3, "E_REFUSED", Some(66))?;
        // Without its access key the member is nobody on the client port, at once.
        let remove = ["propose", "remove-access-key", &access];
        test.network.cli("bank-b", &remove).await?;
        wait_until("the access key is no longer good", WITHIN, async || {
            let status = test.network.cli("bank-b", &["status"]).await.map_err(|failure| failure.cause)?;
            seen(code(&status) == "E_TLS_UNKNOWN_KEY", || format!("{:?}", status.json))
        })
        .await?;
        test.pay().await
    });
}

const WITHIN: Duration = START_WITHIN;
