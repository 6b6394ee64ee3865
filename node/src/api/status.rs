//! The service `Status`.

use crate::{VERSION, health::readiness, registry::Caller, shared::Shared};
use concordat_proto::v1::{self, status_server};
use concordat_types::encode;
use std::sync::Arc;
use tonic::{Request, Response, Status};

#[derive(Clone, Debug)]
pub struct StatusService {
    pub shared: Arc<Shared>,
}

#[tonic::async_trait]
impl status_server::Status for StatusService {
    async fn get_status(&self, request: Request<v1::GetStatusRequest>) -> Result<Response<v1::NodeStatus>, Status> {
        let telemetry = self.shared.telemetry.load();
        let is_own = request.extensions().get::<Caller>().is_some_and(|caller| caller.member == self.shared.member);
        let peers = telemetry.peers.iter().map(|peer| v1::PeerState {
            member: peer.member.to_string(),
            connected: peer.connected,
            height: peer.tip.0,
            clock_offset_ms: peer.clock_offset_ms,
        });
        Ok(Response::new(v1::NodeStatus {
            member: self.shared.member.to_string(),
            network_id: self.shared.network.0.0.to_vec(),
            version: VERSION.to_owned(),
            height: telemetry.height.0,
            block_id: telemetry.block.0.0.to_vec(),
            state_root: telemetry.state_root.0.to_vec(),
            block_time_ms: telemetry.block_time.0,
            round: telemetry.round.map_or(-1, |round| i64::from(round.0)),
            step: telemetry.step.to_owned(),
            validator: telemetry.is_validator,
            signing: telemetry.signing,
            not_ready_reason: readiness(&self.shared).err().unwrap_or_default(),
            mempool_transactions: telemetry.mempool_transactions as u64,
            mempool_bytes: telemetry.mempool_bytes as u64,
            peers: peers.collect(),
            caught_up: telemetry.caught_up.filter(|_| is_own).map_or(Vec::new(), |proof| encode(&proof)),
            last_signers: telemetry.last_signers.iter().map(ToString::to_string).collect(),
        }))
    }
}
