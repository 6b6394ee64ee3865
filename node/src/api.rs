//! What members' programs ask of a node. Every request passes `authorise`; reads come from a snapshot of the committed
//! state and never enter the replica.

mod admin;
mod authorise;
mod blocks;
mod events;
mod feed;
mod ledger;
mod proofs;
mod reads;
mod records;
mod reserved;
mod statements;
mod status;

use crate::{error::RunError, health::readiness, shared::Shared, submissions::Submissions};
use admin::AdminService;
use authorise::Authorise;
use concordat_proto::{
    Code, FILE_DESCRIPTOR_SET,
    v1::{admin_server::AdminServer, ledger_server::LedgerServer, status_server::StatusServer},
};
use ledger::LedgerService;
use status::StatusService;
use std::{sync::Arc, time::Duration};
use tonic::transport::server::{Router, Server};
use tonic_health::{ServingStatus, server::HealthReporter};
use tower::layer::{
    layer_fn,
    util::{Identity, Stack},
};

type AuthoriseLayer = tower::layer::LayerFn<fn(tonic::service::Routes) -> Authorise<tonic::service::Routes>>;

/// The services of the client port. Call within the runtime.
pub fn router(shared: Arc<Shared>) -> Result<Router<Stack<AuthoriseLayer, Identity>>, RunError> {
    let submissions = Submissions::start(shared.clone());
    let (health, health_server) = tonic_health::server::health_reporter();
    tokio::spawn(report_health(shared.clone(), health));
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()
        .map_err(|error| Code::Internal.error(format!("reflection: {error}")))?;
    let bytes_max = shared.parameters.tx_bytes_max as usize + REQUEST_OVERHEAD_BYTES;
    let ledger =
        LedgerServer::new(LedgerService::new(shared.clone(), submissions.clone())).max_decoding_message_size(bytes_max);
    let admin = AdminServer::new(AdminService::new(shared.clone(), submissions))
        .max_decoding_message_size(admin::REQUEST_BYTES_MAX);
    let layer: fn(tonic::service::Routes) -> Authorise<tonic::service::Routes> = Authorise::new;
    Ok(Server::builder()
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_concurrent_streams(STREAMS_MAX)
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE))
        .layer(layer_fn(layer))
        .add_service(ledger)
        .add_service(admin)
        .add_service(StatusServer::new(StatusService { shared }))
        .add_service(health_server)
        .add_service(reflection))
}

async fn report_health(shared: Arc<Shared>, health: HealthReporter) {
    loop {
        let status = if readiness(&shared).is_ok() { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in ["", "concordat.v1.Admin", "concordat.v1.Ledger", "concordat.v1.Status"] {
            health.set_service_status(service, status).await;
        }
        tokio::time::sleep(HEALTH_EVERY).await;
    }
}

/// A transaction's signatures and the frame around it.
const REQUEST_OVERHEAD_BYTES: usize = 8 << 10;
const WINDOW_BYTES: u32 = 2 << 20;
/// Of one connection.
const STREAMS_MAX: u32 = 1024;
const KEEP_ALIVE: Duration = Duration::from_secs(20);
const HEALTH_EVERY: Duration = Duration::from_secs(1);
