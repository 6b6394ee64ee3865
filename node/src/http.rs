//! Metrics and probes over plain HTTP, for the machine's own monitoring.

use crate::{health::readiness, metrics::render, shared::Shared};
use axum::{Router, extract::State, http::StatusCode, response::IntoResponse, routing::get};
use metrics_exporter_prometheus::PrometheusHandle;
use std::{io, sync::Arc, time::Duration};
use tokio::net::TcpListener;

type Probe = (Arc<Shared>, PrometheusHandle);

pub async fn serve(listener: TcpListener, shared: Arc<Shared>, handle: PrometheusHandle) -> io::Result<()> {
    let upkeep = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP_EVERY).await;
            upkeep.run_upkeep();
        }
    });
    let routes = Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state((shared, handle));
    axum::serve(listener, routes).await
}

async fn metrics(State((shared, handle)): State<Probe>) -> impl IntoResponse {
    ([("content-type", "text/plain; version=0.0.4")], render(&shared, &handle))
}

async fn ready(State((shared, _)): State<Probe>) -> impl IntoResponse {
    match readiness(&shared) {
        Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

/// Histograms are folded up this often.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
