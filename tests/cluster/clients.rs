//! Bad input at the client port: each has its own stable code, nothing breaks, nothing piles up.

use crate::support::{TestNetwork, alone, rss_mb};
use concordat_cli::{CliError, new_id, sign_transaction, transactions};
use concordat_tests::harness::{
    Failure, Network,
    failure::ensure,
    load::{account, payment, sign, valid_until},
    network::Member,
};
use concordat_types::{AccountId, MemberId, NetworkId, Operation, SignedTransaction, Timestamp, encode};

#[test]
fn bad_requests_get_their_codes_and_do_no_harm() {
    alone(async || {
        let test = TestNetwork::started().await?;
        test.fund().await?;
        let network = &test.network;
        let member = network.member("bank-a").await?;
        for (code, transaction) in bad_transactions(&member)? {
            let error = member.client.submit(&transaction).await.map(|_| ()).expect_err(code);
            expect_code(&error, code)?;
        }
        for (code, bytes) in bad_bytes(&member)? {
            expect_code(&answer_to_bytes(&member, bytes).await?, code)?;
        }
        reads_of_others(network).await?;
        replay(&member).await?;
        beyond_the_frame(&member).await?;
        flood(network, &member).await?;
        test.pay().await?;
        for node in &network.nodes {
            ensure(!node.log().contains("panicked"), || format!("{} has panicked", node.name))?;
        }
        Ok(())
    });
}

fn expect_code(error: &CliError, code: &str) -> Result<(), Failure> {
    ensure(error.code == code, || format!("expected {code}, got {error}"))?;
    ensure(!error.cause.is_empty() && !error.next.is_empty(), || format!("{code} without cause or next step"))
}

fn one_euro() -> Result<Vec<Operation>, Failure> {
    Ok(vec![payment(&account("bank-a", "main")?, &account("bank-b", "main")?, 100).1])
}

fn bad_transactions(member: &Member) -> Result<Vec<(&'static str, SignedTransaction)>, Failure> {
    let key = std::slice::from_ref(&member.keys[0]);
    let network = member.client.network_id;
    let me = member.client.member;
    let named = |name: &str| name.parse::<MemberId>().expect("a valid literal");
    let now = transactions::now().0;
    let operations = one_euro()?;
    let signed = |network, submitter, until| sign_transaction(network, submitter, operations.clone(), until, key);

    let mut forged = sign(member, operations.clone());
    forged.signatures[0].signature.0[9] ^= 4;
    let mut unsigned = sign(member, operations.clone());
    unsigned.signatures.clear();
    let mut twice = sign(member, operations.clone());
    twice.signatures.push(twice.signatures[0]);
    Ok(vec![
        ("E_BAD_SIGNATURE", forged),
        ("E_MALFORMED", unsigned),
        ("E_MALFORMED", twice),
        ("E_MALFORMED", sign(member, Vec::new())),
        ("E_TOO_LARGE", sign(member, vec![operations[0].clone(); 17])),
        ("E_WRONG_NETWORK", signed(NetworkId::default(), me, valid_until())),
        ("E_EXPIRED", signed(network, me, Timestamp(now - 60_000))),
        ("E_VALID_UNTIL_TOO_FAR", signed(network, me, Timestamp(now + 30 * 86_400_000))),
        ("E_NOT_SIGNED_BY_SUBMITTER", signed(network, named("bank-b"), valid_until())),
        ("E_SUBMITTER_NOT_ACTIVE", signed(network, named("nobody"), valid_until())),
    ])
}

fn bad_bytes(member: &Member) -> Result<Vec<(&'static str, Vec<u8>)>, Failure> {
    let good = encode(&sign(member, one_euro()?));
    let with_tail = [good.as_slice(), &[0]].concat();
    let half = good[..good.len() / 2].to_vec();
    Ok(vec![
        ("E_MALFORMED", Vec::new()),
        ("E_MALFORMED", b"not a transaction".to_vec()),
        ("E_MALFORMED", vec![0xff; 64]),
        ("E_MALFORMED", with_tail),
        ("E_MALFORMED", half),
        ("E_TOO_LARGE", vec![0; (1 << 20) + (6 << 10)]),
    ])
}

async fn answer_to_bytes(member: &Member, bytes: Vec<u8>) -> Result<CliError, Failure> {
    let (sender, mut replies) = member.client.of_node(0).submit_stream().await?;
    assert!(sender.send_bytes(7, bytes).await, "the stream takes it");
    let (tag, outcome) = replies.next().await.expect("an answer")?;
    assert_eq!(tag, 7);
    Ok(outcome.map(|_| ()).expect_err("nothing of it can be taken"))
}

/// Other members' accounts are none of ours.
async fn reads_of_others(network: &Network) -> Result<(), Failure> {
    let of = |path: &str| path.parse().map(|path| AccountId::new(&path)).expect("a valid literal");
    let client = network.node("bank-b")?.rpc();
    let error = client.account(of("bank-a/EUR/main")).await.map(|_| ()).expect_err("not ours");
    expect_code(&error, "E_NOT_FOUND")?;
    let error = client.account(of("bank-b/EUR/nothing")).await.map(|_| ()).expect_err("not there");
    expect_code(&error, "E_NOT_FOUND")?;
    let outcome = client.outcome(new_id(), concordat_cli::client::IdKind::Transfer).await;
    expect_code(&outcome.map(|_| ()).expect_err("never paid"), "E_NOT_FOUND")
}

async fn replay(member: &Member) -> Result<(), Failure> {
    let transaction = sign(member, one_euro()?);
    let first = member.client.submit(&transaction).await?;
    // At every node, the very same answer.
    for node in 0..member.client.nodes_count() {
        let again = member.client.of_node(node).submit(&transaction).await?;
        assert!(again.repeat && !first.repeat);
        assert_eq!((again.height, again.tx_index, &again.results), (first.height, first.tx_index, &first.results));
    }
    Ok(())
}

/// More than gRPC itself takes: the stream ends, the server does not.
async fn beyond_the_frame(member: &Member) -> Result<(), Failure> {
    let client = member.client.of_node(0);
    let (sender, mut replies) = client.submit_stream().await?;
    sender.send_bytes(1, vec![0; 32 << 20]).await;
    match replies.next().await.expect("an answer") {
        Ok((_, outcome)) => panic!("32 MB were looked at: {outcome:?}"),
        Err(error) => expect_code(&error, "E_TOO_LARGE")?,
    }
    client.status().await?;
    Ok(())
}

/// Bad requests leave nothing behind in memory.
async fn flood(network: &Network, member: &Member) -> Result<(), Failure> {
    let pid = network.node("bank-a")?.pid().expect("it runs");
    let mut forged = sign(member, one_euro()?);
    forged.signatures[0].signature.0[9] ^= 4;
    let kinds = [encode(&forged), vec![0xff; 4096], vec![0; 200_000]];
    let (sender, mut replies) = member.client.of_node(0).submit_stream().await?;
    let mut after_warm_up = 0.0;
    for number in 0..FLOOD {
        assert!(sender.send_bytes(number, kinds[number as usize % kinds.len()].clone()).await);
        let (_, outcome) = replies.next().await.expect("an answer")?;
        outcome.map(|_| ()).expect_err("nothing of it can be taken");
        if number == FLOOD / 4 {
            after_warm_up = rss_mb(pid);
        }
    }
    let end = rss_mb(pid);
    ensure(end - after_warm_up < 30.0, || format!("RSS went from {after_warm_up} to {end} MB"))
}

const FLOOD: u64 = 2_000;
