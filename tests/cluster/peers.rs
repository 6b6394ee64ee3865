//! Bad input at the peer port: a key that nobody knows gets no further than the handshake, a member's node that talks
//! nonsense is disconnected, and the node goes on.

use crate::support::{TestNetwork, alone, counter};
use concordat_cli::tls;
use concordat_proto::v1::{Frame, Hello, frame::Content, peer_client::PeerClient};
use concordat_tests::harness::{Failure, Network, Node, failure::ensure, wait::seen, wait_until};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use std::{io, path::Path, sync::Arc, time::Duration};
use tokio::{io::AsyncReadExt as _, net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::transport::{Channel, Endpoint, Uri};

#[test]
fn strangers_and_babblers_are_kept_out() {
    alone(async || {
        let mut test = TestNetwork::started().await?;
        test.fund().await?;
        // Its key is used from here; the node itself would get in the way.
        test.network.kill("central-bank")?;
        strangers(&test.network).await?;
        babblers(&test.network).await?;
        test.pay().await?;
        for node in test.network.validators() {
            ensure(!node.log().contains("panicked"), || format!("{} has panicked", node.name))?;
        }
        Ok(())
    });
}

async fn strangers(network: &Network) -> Result<(), Failure> {
    let dir = network.dir.join("strangers");
    let arguments = ["network", "new", "--dir", &dir.display().to_string(), "--banks", "1", "--trial"];
    network.cli.run(None, &arguments).await?.data()?;
    let keys = dir.join("bank-a/node");
    let member: serde_json::Value =
        serde_json::from_slice(&std::fs::read(dir.join("bank-a/member.json")).expect("made above")).expect("JSON");
    let fingerprint = member["node"]["tls_key"].as_str().expect("a node key").to_owned();

    let bank_a = network.node("bank-a")?;
    let refused_before = counter(&bank_a.http, "concordat_tls_refused_total").await;
    for address in [&bank_a.peer, &bank_a.client] {
        // With TLS 1.3 the client is done first; the refusal comes with the first read.
        let outcome = match connect(address.clone(), &keys, bank_a).await {
            Ok(mut stream) => stream.read_u8().await,
            Err(error) => Err(error),
        };
        let error = outcome.expect_err("nobody answers a stranger");
        let alert = error.get_ref().and_then(|inner| inner.downcast_ref::<tokio_rustls::rustls::Error>());
        let is_alert = matches!(alert, Some(tokio_rustls::rustls::Error::AlertReceived(_)));
        ensure(is_alert, || format!("{address}: expected a TLS alert, got {error:?}"))?;
    }
    wait_until("the log names the stranger's key", WITHIN, async || {
        seen(bank_a.log().contains(&fingerprint), || format!("{fingerprint} is not in the log"))
    })
    .await?;
    let refused = counter(&bank_a.http, "concordat_tls_refused_total").await - refused_before;
    ensure(refused >= 2.0, || format!("{refused} refused handshakes are counted, two were made"))
}

async fn babblers(network: &Network) -> Result<(), Failure> {
    let hello = |network_id: &[u8]| Frame {
        content: Some(Content::Hello(Hello { network_id: network_id.to_vec(), protocol_version: 1 })),
    };
    let good = hello(&network.network_id.0.0);
    let message = |bytes: Vec<u8>| Frame { content: Some(Content::Message(bytes.into())) };
    let cases = [
        ("another network's hello", vec![hello(&[9; 32])]),
        ("more than a message may have", vec![good.clone(), message(vec![0; 40 << 20])]),
        ("garbage", vec![good.clone(), message(vec![0xaa; 500])]),
        ("an empty message", vec![good.clone(), message(Vec::new())]),
        ("a message before the hello", vec![message(vec![1, 2, 3])]),
        ("a second hello", vec![good.clone(), good.clone()]),
        ("no content", vec![good.clone(), Frame { content: None }]),
    ];
    let bank_a = network.node("bank-a")?;
    let keys = network.node("central-bank")?.home.join("node");
    for (what, frames) in cases {
        // After each breach the node wants to hear nothing for a while, each time longer.
        let outcome = wait_until(what, PENANCE, async || {
            let channel = channel(bank_a, &keys).await.map_err(|error| error.to_string())?;
            let mut client = PeerClient::new(channel).max_encoding_message_size(64 << 20);
            // The stream stays open on our side: it is the node that ends it.
            let frames = tokio_stream::StreamExt::chain(tokio_stream::iter(frames.clone()), tokio_stream::pending());
            let outcome = timeout(WITHIN, client.send(frames)).await;
            let outcome = outcome.map_err(|_| "the node does not end the stream".to_owned())?;
            let is_penance = |status: &tonic::Status| status.message().contains("come again");
            seen(!outcome.as_ref().is_err_and(is_penance), || format!("{outcome:?}"))?;
            Ok(outcome)
        })
        .await?;
        ensure(outcome.is_err(), || format!("{what}: the node is content with it"))?;
    }
    let offences = counter(&bank_a.http, "concordat_peer_offences_total").await;
    ensure(offences >= 5.0, || format!("{offences} breaches of the protocol are counted"))?;
    bank_a.status().await.map_err(Failure::check)?;
    Ok(())
}

/// Mutual TLS with the keys in a folder of a node.
async fn connect(address: String, keys: &Path, to: &Node) -> io::Result<TlsStream<TcpStream>> {
    let trusted = to.home.join("node/tls.crt");
    let config =
        tls::client_config(&keys.join("tls.key"), &keys.join("tls.crt"), &trusted).map_err(io::Error::other)?;
    let name = ServerName::try_from(tls::SERVER_NAME).map_err(io::Error::other)?;
    TlsConnector::from(Arc::new(config)).connect(name, TcpStream::connect(address).await?).await
}

async fn channel(to: &Node, keys: &Path) -> Result<Channel, tonic::transport::Error> {
    let connections = tower::service_fn({
        let (address, keys) = (to.peer.clone(), keys.to_owned());
        let trusted = Arc::new((to.home.clone(), keys));
        move |_: Uri| {
            let (address, trusted) = (address.clone(), trusted.clone());
            async move {
                let (home, keys) = &*trusted;
                let config =
                    tls::client_config(&keys.join("tls.key"), &keys.join("tls.crt"), &home.join("node/tls.crt"));
                let config = config.map_err(io::Error::other)?;
                let name = ServerName::try_from(tls::SERVER_NAME).map_err(io::Error::other)?;
                let tcp = TcpStream::connect(address).await?;
                TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map(TokioIo::new)
            }
        }
    });
    Endpoint::from_static("http://concordat").connect_with_connector(connections).await
}

const WITHIN: Duration = Duration::from_secs(10);
const PENANCE: Duration = Duration::from_secs(60);
