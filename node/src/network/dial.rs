//! Streams to other nodes: one a peer, on which we only send; made again when it ends.

use super::{
    PROTOCOL_VERSION,
    queue::PeerQueue,
    tls::{Identity, SERVER_NAME, UnknownKey},
};
use crate::shared::Shared;
use concordat_proto::{
    codes::CodedError,
    v1::{Frame, Hello, frame::Content, peer_client::PeerClient},
};
use concordat_replica::Input;
use concordat_types::{MemberId, member::NodeRecord};
use futures_util::stream;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::{net::TcpStream, task::JoinHandle, time::timeout};
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint, Uri};
use tower::service_fn;

/// Keeps a dialler for each other node of the registry.
pub async fn dial_all(shared: Arc<Shared>, identity: Arc<Identity>) {
    let mut diallers: BTreeMap<MemberId, (NodeRecord, JoinHandle<()>)> = BTreeMap::new();
    loop {
        let changed = shared.registry_changed.notified();
        let registry = shared.registry.load_full();
        let wanted = registry.nodes_but(shared.member);
        diallers.retain(|member, (record, task)| {
            let stays = wanted.get(member) == Some(record);
            if !stays {
                task.abort();
                shared.peers.remove(member);
            }
            stays
        });
        let validators = registry.validators().map_or(0, |set| set.len());
        for (member, record) in wanted {
            if let std::collections::btree_map::Entry::Vacant(place) = diallers.entry(member) {
                let queue = Arc::new(PeerQueue::new(member, validators));
                shared.peers.add(member, queue.clone());
                let dialler = Dialler {
                    shared: shared.clone(),
                    identity: identity.clone(),
                    peer: member,
                    record: record.clone(),
                    queue,
                };
                place.insert((record, tokio::spawn(dialler.run())));
            }
        }
        changed.await;
    }
}

struct Dialler {
    shared: Arc<Shared>,
    identity: Arc<Identity>,
    peer: MemberId,
    record: NodeRecord,
    queue: Arc<PeerQueue>,
}

impl Dialler {
    async fn run(self) {
        let peer = self.peer;
        let mut pause = PAUSE_MIN;
        let mut last = String::new();
        loop {
            let began = Instant::now();
            let reason = match self.connect().await {
                Ok(channel) => self.send(channel).await,
                Err(reason) => reason,
            };
            if began.elapsed() > GOOD_AFTER {
                pause = PAUSE_MIN;
            }
            // A peer that stays away is one line, not one line a second.
            if reason == last {
                tracing::debug!(%peer, reason, "no stream to the peer");
            } else {
                tracing::warn!(%peer, address = self.record.peer_address, reason, "no stream to the peer");
                last = reason;
            }
            tokio::time::sleep(pause + jitter(pause)).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn connect(&self) -> Result<Channel, String> {
        let tls = self.identity.client(self.record.tls_key).map_err(|error| error.to_string())?;
        let connector = TlsConnector::from(tls);
        let address = self.record.peer_address.clone();
        let connect = service_fn(move |_: Uri| {
            let (connector, address) = (connector.clone(), address.clone());
            async move {
                let socket = TcpStream::connect(&address).await?;
                socket.set_nodelay(true)?;
                let name = ServerName::try_from(SERVER_NAME).expect("a valid literal");
                let stream =
                    connector.connect(name, socket).await.map_err(|error| match UnknownKey::find_in(&error) {
                        Some(unknown) => std::io::Error::other(format!(
                            "the peer has another TLS key than the registry: {}",
                            unknown.fingerprint
                        )),
                        None => error,
                    })?;
                Ok::<_, std::io::Error>(TokioIo::new(stream))
            }
        });
        let endpoint = Endpoint::from_static("http://concordat")
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .keep_alive_while_idle(true);
        match timeout(CONNECT_MAX, endpoint.connect_with_connector(connect)).await {
            Ok(connected) => connected.map_err(|error| full_text(&error)),
            Err(_) => Err("connecting timed out".to_owned()),
        }
    }

    /// Returns why the stream ended.
    async fn send(&self, channel: Channel) -> String {
        let ended = self.shared.peers.open_outbound(self.peer);
        self.queue.set_up(true);
        let _up = Up::new(self).await;
        let hello = Hello { network_id: self.shared.network.0.0.to_vec(), protocol_version: PROTOCOL_VERSION };
        let sent = metrics::counter!("concordat_peer_sent_bytes_total", "peer" => self.peer.to_string());
        let queue = self.queue.clone();
        let frames = stream::unfold(Some(Content::Hello(hello)), move |first| {
            let (queue, sent) = (queue.clone(), sent.clone());
            async move {
                let content = match first {
                    Some(hello) => hello,
                    None => {
                        let message = queue.next().await;
                        sent.increment(message.len() as u64);
                        Content::Message(message)
                    }
                };
                Some((Frame { content: Some(content) }, None))
            }
        });
        let mut client = PeerClient::new(channel);
        tokio::select! {
            outcome = client.send(frames) => match outcome {
                Ok(_) => "the peer ended the stream".to_owned(),
                Err(status) => CodedError::from_status(&status).map_or_else(|| full_text(&status), |error| error.to_string()),
            },
            () = ended.cancelled() => "this node ended the stream".to_owned(),
        }
    }
}

/// Tells the replica that the peer can be reached, and on drop, also of an aborted task, that it no longer can.
struct Up<'a> {
    dialler: &'a Dialler,
}

impl<'a> Up<'a> {
    async fn new(dialler: &'a Dialler) -> Up<'a> {
        let peer = dialler.peer;
        drop(dialler.shared.inputs.send(Input::PeerConnected { peer }, 0).await);
        metrics::gauge!("concordat_peer_connected", "peer" => peer.to_string()).set(1);
        tracing::info!(%peer, address = dialler.record.peer_address, "stream to the peer is open");
        Up { dialler }
    }
}

impl Drop for Up<'_> {
    fn drop(&mut self) {
        let peer = self.dialler.peer;
        self.dialler.queue.set_up(false);
        metrics::gauge!("concordat_peer_connected", "peer" => peer.to_string()).set(0);
        let inputs = self.dialler.shared.inputs.clone();
        // In a task of its own, since a drop cannot wait for room in the queue.
        tokio::spawn(async move { drop(inputs.send(Input::PeerDisconnected { peer }, 0).await) });
    }
}

/// With the causes behind it: the outermost says only "transport error".
fn full_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let more = cause.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = cause.source();
    }
    text
}

/// Up to a half more, so that nodes that started together do not dial together.
fn jitter(pause: Duration) -> Duration {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    pause.mul_f64(f64::from(nanos % 1000) / 2000.0)
}

/// A stopped peer's kernel still takes connections, so this is how long an attempt hangs that the peer will not answer:
/// with the pause after it, links are up again within about four seconds after the peer goes on.
const CONNECT_MAX: Duration = Duration::from_secs(3);
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// A peer that comes back is found within this and a half. An attempt a second costs a peer that is away nothing.
const PAUSE_MAX: Duration = Duration::from_secs(1);
const GOOD_AFTER: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// A batch or a small proposal crosses in one round trip.
const WINDOW_BYTES: u32 = 4 << 20;
