//! Streams that other nodes open to us: frames are checked in order, on the verify pool, and handed to the replica.

use super::{FRAME_OVERHEAD_BYTES, PROTOCOL_VERSION};
use crate::{registry::Caller, shared::Shared};
use concordat_proto::{
    Code, convert,
    v1::{Frame, Hello, SendReply, frame::Content, peer_server},
};
use concordat_replica::{Input, message::Message};
use concordat_types::MemberId;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tonic::{Request, Response, Status, Streaming};

#[derive(Clone, Debug)]
pub struct PeerService {
    pub shared: Arc<Shared>,
}

impl PeerService {
    pub fn into_server(self) -> peer_server::PeerServer<PeerService> {
        peer_server::PeerServer::new(self).max_decoding_message_size(Message::BYTES_MAX + FRAME_OVERHEAD_BYTES)
    }
}

#[tonic::async_trait]
impl peer_server::Peer for PeerService {
    async fn send(&self, request: Request<Streaming<Frame>>) -> Result<Response<SendReply>, Status> {
        let caller = request.extensions().get::<Caller>().cloned();
        let from = caller.ok_or_else(|| Code::TlsUnknownKey.status("the connection has no caller"))?.member;
        if from == self.shared.member {
            return Err(Code::BadPeer.status("the key of the caller is this node's own"));
        }
        let ended = self.shared.peers.open_inbound(from).map_err(|left| {
            Code::BadPeer
                .status(format!("this node was disconnected for a breach of the protocol; come again in {left:?}"))
        })?;
        tokio::select! {
            outcome = self.receive(from, request.into_inner()) => outcome.map(|()| Response::new(SendReply {})),
            () = ended.cancelled() => Err(Code::Unavailable.status("another stream took the place of this one, or it was ended")),
        }
    }
}

impl PeerService {
    async fn receive(&self, from: MemberId, mut frames: Streaming<Frame>) -> Result<(), Status> {
        let first = tokio::time::timeout(HELLO_MAX, frames.message()).await;
        let first = first.map_err(|_| Code::Timeout.status("no hello came"))??;
        self.check_hello(from, first.and_then(|frame| frame.content))?;
        tracing::info!(peer = %from, "the peer's stream is open");
        let opened = Instant::now();
        let mut forgiven = false;
        while let Some(frame) = frames.message().await? {
            let Some(Content::Message(bytes)) = frame.content else {
                return Err(self.broken(from, "a frame without a message"));
            };
            self.take(from, bytes).await?;
            if !forgiven && opened.elapsed() > GOOD_AFTER {
                self.shared.peers.forgive(&from);
                forgiven = true;
            }
        }
        Ok(())
    }

    fn check_hello(&self, from: MemberId, first: Option<Content>) -> Result<(), Status> {
        let Some(Content::Hello(Hello { network_id, protocol_version })) = first else {
            return Err(self.broken(from, "the first frame is no hello"));
        };
        let network = convert::network_id_from_bytes("network_id", &network_id)?;
        if network != self.shared.network {
            tracing::warn!(peer = %from, code = "E_WRONG_NETWORK", theirs = %network, ours = %self.shared.network, "stream refused");
            return Err(Code::WrongNetwork
                .status(format!("the stream is of network {network}, this node of {}", self.shared.network)));
        }
        if protocol_version != PROTOCOL_VERSION {
            tracing::warn!(peer = %from, code = "E_WRONG_VERSION", theirs = protocol_version, ours = PROTOCOL_VERSION, "stream refused");
            return Err(Code::WrongVersion
                .status(format!("protocol version {protocol_version}, this node speaks {PROTOCOL_VERSION}")));
        }
        Ok(())
    }

    /// One after the other, so that a proposal never falls behind the votes for it.
    async fn take(&self, from: MemberId, bytes: bytes::Bytes) -> Result<(), Status> {
        let size = bytes.len();
        if size > Message::BYTES_MAX {
            return Err(self.broken(from, "a message is too long"));
        }
        metrics::counter!("concordat_peer_received_bytes_total", "peer" => from.to_string()).increment(size as u64);
        let rim = self.shared.rim.clone();
        // A vote is decoded in a microsecond: the way to the pool and back would cost ten times that.
        let checked = if size <= CHECKED_IN_PLACE_BYTES_MAX {
            Ok(rim.check_message(&bytes))
        } else {
            self.shared.pool.run(move || rim.check_message(&bytes)).await
        };
        let message = match checked {
            Ok(Ok(message)) => message,
            Ok(Err(error)) => return Err(self.broken(from, &error.to_string())),
            Err(panicked) => return Err(self.broken(from, &panicked.to_string())),
        };
        let sent = self.shared.inputs.send(Input::Peer { from, message }, size).await;
        sent.map_err(|_| Code::Unavailable.status("the node is stopping"))
    }

    fn broken(&self, from: MemberId, reason: &str) -> Status {
        self.shared.peers.punish(from, reason);
        Code::BadPeer.status(reason)
    }
}

const HELLO_MAX: Duration = Duration::from_secs(5);
/// A stream that was good for so long makes up for earlier offences.
const GOOD_AFTER: Duration = Duration::from_secs(60);
/// Votes, certificates and acknowledgements; a payment with its signature is about this long.
const CHECKED_IN_PLACE_BYTES_MAX: usize = 512;
