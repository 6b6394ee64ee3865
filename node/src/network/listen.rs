//! Accepting: a TLS handshake against the registry, then a connection that knows its caller and ends when the caller's
//! key is no longer good. Neither strangers nor one member can close a port to the others.

use super::tls::{UnknownKey, fingerprint};
use crate::registry::{Caller, KeyKind, Port, Registry};
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustls::ServerConfig;
use std::{
    collections::BTreeMap,
    fmt, io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, SemaphorePermit, mpsc},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

/// Established connections of both ports: counted, and known so that those of a removed key can be closed.
#[derive(Debug, Default)]
pub struct Connections {
    next: AtomicU64,
    open: Mutex<BTreeMap<u64, Open>>,
}

#[derive(Debug)]
struct Open {
    port: Port,
    caller: Caller,
    closed: CancellationToken,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
enum TooMany {
    #[error("the port has {CONNECTIONS_MAX} connections")]
    OfPort,
    #[error("the member has {max} connections to this port")]
    OfMember { max: usize },
}

impl Connections {
    fn try_add(self: &Arc<Self>, port: Port, caller: Caller) -> Result<(Entry, CancellationToken), TooMany> {
        let mut open = self.open.lock();
        let of_port = || open.values().filter(|other| other.port == port);
        if of_port().count() >= CONNECTIONS_MAX {
            return Err(TooMany::OfPort);
        }
        let is_stranger = caller.kind == KeyKind::Stranger;
        let max = if is_stranger { STRANGERS_MAX } else { connections_of_member_max(port) };
        let is_alike = |other: &&Open| match is_stranger {
            true => other.caller.kind == KeyKind::Stranger,
            false => other.caller.member == caller.member && other.caller.kind != KeyKind::Stranger,
        };
        if of_port().filter(is_alike).count() >= max {
            return Err(TooMany::OfMember { max });
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let closed = CancellationToken::new();
        open.insert(id, Open { port, caller, closed: closed.clone() });
        Ok((Entry { connections: self.clone(), id }, closed))
    }

    /// Closes what the registry as it now is would not let in, or would let in as somebody else.
    pub fn judge_anew(&self, registry: &Registry) {
        for Open { port, caller, closed } in self.open.lock().values() {
            if registry.caller(&caller.fingerprint, *port).as_ref() != Some(caller) {
                tracing::info!(member = %caller.member, fingerprint = %caller.fingerprint, port = port.name(), "the key is no longer good: connection closed");
                closed.cancel();
            }
        }
    }
}

#[derive(Debug)]
struct Entry {
    connections: Arc<Connections>,
    id: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.connections.open.lock().remove(&self.id);
    }
}

/// Sockets that have no turn for a handshake yet. There is always room for one more: the oldest goes, since a client
/// that means it has sent its first bytes within a round trip.
#[derive(Debug, Default)]
struct Greetings {
    next: AtomicU64,
    open: Mutex<BTreeMap<u64, CancellationToken>>,
}

impl Greetings {
    fn add(self: &Arc<Self>) -> Greeting {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let put_out = CancellationToken::new();
        let mut open = self.open.lock();
        open.insert(id, put_out.clone());
        if open.len() > GREETINGS_MAX
            && let Some((_, oldest)) = open.pop_first()
        {
            oldest.cancel();
        }
        Greeting { greetings: self.clone(), id, put_out }
    }
}

#[derive(Debug)]
struct Greeting {
    greetings: Arc<Greetings>,
    id: u64,
    put_out: CancellationToken,
}

impl Drop for Greeting {
    fn drop(&mut self) {
        self.greetings.open.lock().remove(&self.id);
    }
}

/// A stream of connections whose callers are known.
pub fn accept(
    registry: Arc<ArcSwap<Registry>>,
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    port: Port,
    connections: Arc<Connections>,
) -> ReceiverStream<io::Result<KnownStream>> {
    let (accepted, incoming) = mpsc::channel(ACCEPTED_MAX);
    let handshakes = Semaphore::new(HANDSHAKES_MAX);
    let door = Arc::new(Door { registry, acceptor: TlsAcceptor::from(tls), port, connections, handshakes });
    tokio::spawn(async move {
        let greetings = Arc::new(Greetings::default());
        loop {
            let (socket, address) = match listener.accept().await {
                Ok(connection) => connection,
                Err(error) => {
                    // Out of descriptors, for one: the listener itself is still good.
                    tracing::warn!(port = port.name(), %error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (door, accepted, greeting) = (door.clone(), accepted.clone(), greetings.add());
            tokio::spawn(async move {
                if let Some(known) = door.let_in(socket, address, greeting).await {
                    drop(accepted.send(Ok(known)).await);
                }
            });
        }
    });
    ReceiverStream::new(incoming)
}

struct Door {
    registry: Arc<ArcSwap<Registry>>,
    acceptor: TlsAcceptor,
    port: Port,
    connections: Arc<Connections>,
    handshakes: Semaphore,
}

impl Door {
    async fn let_in(&self, socket: TcpStream, address: SocketAddr, greeting: Greeting) -> Option<KnownStream> {
        let turn = tokio::select! {
            turn = self.turn_of(&socket) => turn,
            () = greeting.put_out.cancelled() => None,
        };
        drop(greeting);
        let Some(_turn) = turn else {
            tracing::debug!(port = self.port.name(), %address, "no handshake was begun in time");
            return None;
        };
        self.shake_hands(socket, address).await
    }

    /// Not before the first bytes are there: a socket that says nothing takes no turn from one that does.
    async fn turn_of(&self, socket: &TcpStream) -> Option<SemaphorePermit<'_>> {
        let mut first = [0];
        let seen = timeout(GREETING_MAX, socket.peek(&mut first)).await.ok()?.ok()?;
        if seen == 0 {
            return None;
        }
        timeout(HANDSHAKE_MAX, self.handshakes.acquire()).await.ok()?.ok()
    }

    async fn shake_hands(&self, socket: TcpStream, address: SocketAddr) -> Option<KnownStream> {
        let port = self.port;
        let refused = |reason: &str, fingerprint: Option<String>| {
            metrics::counter!("concordat_tls_refused_total", "port" => port.name()).increment(1);
            tracing::warn!(port = port.name(), %address, fingerprint, code = "E_TLS_UNKNOWN_KEY", reason, "handshake refused");
        };
        // Without it small votes would wait for large batches.
        drop(socket.set_nodelay(true));
        let stream = match timeout(HANDSHAKE_MAX, self.acceptor.accept(socket).into_fallible()).await {
            Ok(Ok(stream)) => stream,
            Ok(Err((error, socket))) => {
                match UnknownKey::find_in(&error) {
                    Some(unknown) => {
                        refused("the key is not in the member registry", Some(unknown.fingerprint.to_string()))
                    }
                    None => tracing::debug!(port = port.name(), %address, %error, "handshake failed"),
                }
                let_the_alert_arrive(socket).await;
                return None;
            }
            Err(_) => {
                tracing::debug!(port = port.name(), %address, "handshake timed out");
                return None;
            }
        };
        let certificate = stream.get_ref().1.peer_certificates()?.first()?;
        let fingerprint = fingerprint(certificate).ok()?;
        // The registry may have changed since the handshake began.
        let Some(caller) = self.registry.load().caller(&fingerprint, port) else {
            refused("the key has just left the member registry", Some(fingerprint.to_string()));
            return None;
        };
        let (entry, closed) = match self.connections.try_add(port, caller.clone()) {
            Ok(added) => added,
            Err(reason) => {
                tracing::warn!(port = port.name(), %address, member = %caller.member, code = "E_BUSY", %reason, "connection refused");
                return None;
            }
        };
        // Between the look-up and the entry a block may have judged the connections that it saw.
        if self.registry.load().caller(&fingerprint, port).as_ref() != Some(&caller) {
            return None;
        }
        Some(KnownStream { stream, caller, closed: Box::pin(closed.cancelled_owned()), _entry: entry })
    }
}

/// A TLS 1.3 client has sent its first request before it hears that it is refused. Closing with that unread would reset
/// the connection, and the alert that says why would be lost.
async fn let_the_alert_arrive(mut socket: TcpStream) {
    let drain = async {
        socket.shutdown().await?;
        tokio::io::copy(&mut socket.take(DRAINED_BYTES_MAX), &mut tokio::io::sink()).await
    };
    drop(timeout(DRAIN_MAX, drain).await);
}

/// A connection whose key is in the registry. Reading fails from the moment on that it no longer is.
pub struct KnownStream {
    stream: TlsStream<TcpStream>,
    caller: Caller,
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
    _entry: Entry,
}

impl fmt::Debug for KnownStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KnownStream({:?})", self.caller)
    }
}

impl Connected for KnownStream {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller.clone()
    }
}

impl AsyncRead for KnownStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.closed.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "the key is no longer registered",
            )));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for KnownStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// A node has one connection to another and for a moment its next; dead ones go when their keep-alive fails.
fn connections_of_member_max(port: Port) -> usize {
    match port {
        Port::Peer => 16,
        Port::Client => 128,
    }
}

/// Those who ask to join: of all of them together.
const STRANGERS_MAX: usize = 8;
/// Of one port. Few enough to leave descriptors to the store; to put out the others within their round trip, all of them
/// have to be opened anew within it.
const GREETINGS_MAX: usize = 512;
/// Many round trips.
const GREETING_MAX: Duration = Duration::from_secs(1);
/// At once, of one port: a handshake costs a signature.
const HANDSHAKES_MAX: usize = 64;
/// For the turn, and again for the handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
/// A round trip around the globe.
const DRAIN_MAX: Duration = Duration::from_millis(500);
/// More than what a client sends before it waits for an answer.
const DRAINED_BYTES_MAX: u64 = 64 << 10;
/// Of one port.
const CONNECTIONS_MAX: usize = 1024;
/// Shaken hands, not yet served.
const ACCEPTED_MAX: usize = 64;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
