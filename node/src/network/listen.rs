//! Accepting: a TLS handshake against the registry, then a connection that knows its caller and ends when the caller's
//! key is no longer good.

use super::tls::{Port, UnknownKey, fingerprint};
use crate::{
    registry::{Caller, Registry},
    shared::Shared,
};
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
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::transport::server::Connected;

/// Connections of one port, so that those of a removed key can be closed.
#[derive(Debug, Default)]
pub struct Connections {
    next: AtomicU64,
    open: Mutex<BTreeMap<u64, (Caller, CancellationToken)>>,
}

impl Connections {
    fn add(self: &Arc<Self>, caller: Caller) -> (Entry, CancellationToken) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let closed = CancellationToken::new();
        self.open.lock().insert(id, (caller, closed.clone()));
        (Entry { connections: self.clone(), id }, closed)
    }

    /// Closes what the registry as it now is would not let in, or would let in as somebody else.
    pub fn judge_anew(&self, registry: &Registry) {
        for (caller, closed) in self.open.lock().values() {
            if registry.caller(&caller.fingerprint).as_ref() != Some(caller) {
                tracing::info!(member = %caller.member, fingerprint = %caller.fingerprint, "the key is no longer good: connection closed");
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

/// A stream of connections whose callers are known.
pub fn accept(
    shared: Arc<Shared>,
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    port: Port,
    connections: Arc<Connections>,
) -> ReceiverStream<io::Result<KnownStream>> {
    let (accepted, incoming) = mpsc::channel(ACCEPTED_MAX);
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(tls);
        let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
        let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        loop {
            let (Ok(turn), Ok(place)) = (handshakes.clone().acquire_owned().await, room.clone().acquire_owned().await)
            else {
                return;
            };
            let (socket, address) = match listener.accept().await {
                Ok(connection) => connection,
                Err(error) => {
                    // Out of descriptors, for one: the listener itself is still good.
                    tracing::warn!(port = port.name(), %error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let (shared, acceptor, connections, accepted) =
                (shared.clone(), acceptor.clone(), connections.clone(), accepted.clone());
            tokio::spawn(async move {
                let known = shake_hands(&shared, &acceptor, socket, address, port, &connections, place).await;
                drop(turn);
                if let Some(known) = known {
                    drop(accepted.send(Ok(known)).await);
                }
            });
        }
    });
    ReceiverStream::new(incoming)
}

async fn shake_hands(
    shared: &Shared,
    acceptor: &TlsAcceptor,
    socket: TcpStream,
    address: SocketAddr,
    port: Port,
    connections: &Arc<Connections>,
    place: OwnedSemaphorePermit,
) -> Option<KnownStream> {
    let refused = |reason: &str, fingerprint: Option<String>| {
        metrics::counter!("concordat_tls_refused_total", "port" => port.name()).increment(1);
        tracing::warn!(port = port.name(), %address, fingerprint, code = "E_TLS_UNKNOWN_KEY", reason, "handshake refused");
    };
    // Without it small votes would wait for large batches.
    drop(socket.set_nodelay(true));
    let stream = match timeout(HANDSHAKE_MAX, acceptor.accept(socket)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            match UnknownKey::find_in(&error) {
                Some(unknown) => {
                    refused("the key is not in the member registry", Some(unknown.fingerprint.to_string()))
                }
                None => tracing::debug!(port = port.name(), %address, %error, "handshake failed"),
            }
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
    let Some(caller) = shared.registry.load().caller(&fingerprint).filter(|caller| port.takes(caller.kind)) else {
        refused("the key has just left the member registry", Some(fingerprint.to_string()));
        return None;
    };
    let (entry, closed) = connections.add(caller.clone());
    // Between the look-up and the entry a block may have judged the connections that it saw.
    if shared.registry.load().caller(&fingerprint).as_ref() != Some(&caller) {
        return None;
    }
    Some(KnownStream { stream, caller, closed: Box::pin(closed.cancelled_owned()), _entry: entry, _place: place })
}

/// A connection whose key is in the registry. Reading fails from the moment on that it no longer is.
pub struct KnownStream {
    stream: TlsStream<TcpStream>,
    caller: Caller,
    closed: Pin<Box<WaitForCancellationFutureOwned>>,
    _entry: Entry,
    _place: OwnedSemaphorePermit,
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

/// At once, of one port: a handshake costs a signature.
const HANDSHAKES_MAX: usize = 64;
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
/// Of one port.
const CONNECTIONS_MAX: usize = 1024;
/// Shaken hands, not yet served.
const ACCEPTED_MAX: usize = 64;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
