//! Starting and ending: opens what is on disk, binds the ports, runs the replica thread and the runtime around it.
//!
//! There is no state that only an orderly shutdown writes: SIGTERM, SIGINT and a kill are alike.

use crate::{
    api,
    config::Config,
    disk::MeasuredDisk,
    error::{RunError, of_disk, of_open, of_store},
    genesis,
    health::{Alarms, readiness},
    http,
    index::{Index, IndexBell, IndexThread},
    metrics,
    network::{
        dial::dial_all,
        inbound::PeerService,
        listen::{Connections, accept},
        peers::Peers,
        tls::Identity,
    },
    pool::Pool,
    registry::{Port, Registry},
    runtime::{Clock, ReplicaThread},
    shared::{INPUTS_MAX, Inputs, Shared, View},
    submissions::Tickets,
};
use arc_swap::ArcSwap;
use concordat_proto::Code;
use concordat_replica::{Replica, ReplicaConfig, Rim, signer::Signer};
use concordat_storage::{FileDisk, RocksStore};
use concordat_types::{Genesis, NetworkId};
use serde::{Deserialize, Serialize};
use std::{fmt, fs, io, net::SocketAddr, path::Path, sync::Arc, time::Duration, time::Instant};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::{Notify, oneshot, watch},
};
use tonic::transport::Server;

/// `signer`: of a validator; a node without one follows.
pub struct RunOptions {
    pub config: Config,
    pub signer: Option<Box<dyn Signer>>,
}

impl fmt::Debug for RunOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunOptions").field("config", &self.config).field("signs", &self.signer.is_some()).finish()
    }
}

/// Runs until SIGTERM or SIGINT, or until something durable fails. Takes the calling thread.
pub fn run(options: RunOptions) -> Result<(), RunError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("tokio")
        .build()
        .map_err(|error| Code::Internal.error(format!("the runtime cannot be started: {error}")))?;
    let outcome = runtime.block_on(serve(options));
    // Handlers that still wait are let go; the replica thread ends with the process.
    runtime.shutdown_timeout(SHUTDOWN_MAX);
    outcome
}

async fn serve(options: RunOptions) -> Result<(), RunError> {
    let RunOptions { config, signer } = options;
    let (network, genesis) = genesis::load(&config.genesis)?;
    check_config(&config, &genesis)?;
    let identity = Arc::new(Identity::load(&config.tls)?);
    let prometheus = metrics::install()?;
    // Before the data folder is touched: a taken port is the commonest mistake.
    let ports = Ports::bind(&config).await?;
    let store = RocksStore::open(&config.data.join("store"), network).map_err(|error| of_store(&error))?;
    let disk = FileDisk::open(&config.data.join("log")).map_err(|error| of_disk(&error))?;
    let gauge = store.gauge();
    let clock = Clock::start(config.clock_offset_ms);
    let replica_config =
        ReplicaConfig { genesis: genesis.clone(), member: config.member, mempool_bytes_max: config.mempool_bytes_max };
    let (replica, effects) =
        Replica::open(replica_config, Box::new(MeasuredDisk(disk)), Box::new(store), signer, clock.now())
            .map_err(|error| of_open(&error))?;
    let (queue, inputs) = crossbeam_channel::bounded(INPUTS_MAX);
    let (shared, bell) = share(config, network, &genesis, &replica, gauge, Inputs::new(queue))?;
    let shared = Arc::new(shared);
    warn_of_other_key(&shared, &identity);
    ports.announce(&shared)?;
    let (end, mut ended) = oneshot::channel();
    let failing = shared.clone();
    let ended_by = Box::new(move |outcome: Result<(), RunError>| {
        failing.alarms.set_failed();
        // The receiver is gone only when the process already ends.
        drop(end.send(outcome));
    });
    let thread = ReplicaThread { shared: shared.clone(), replica, inputs, clock, effects, ended: ended_by };
    thread.spawn().map_err(|error| Code::Internal.error(format!("the replica thread cannot be started: {error}")))?;
    let index_ended = match shared.config.index {
        true => Some(IndexThread { shared: shared.clone(), bell }.spawn()?),
        false => None,
    };
    let servers = tokio::spawn(serve_ports(shared.clone(), identity, ports, prometheus));
    let outcome = tokio::select! {
        outcome = &mut ended => outcome.unwrap_or_else(|_| Err(Code::Internal.error("the replica thread ended without a word"))),
        outcome = servers => match outcome {
            Ok(outcome) => outcome,
            Err(error) => Err(Code::Internal.error(format!("a server ended: {error}"))),
        },
        outcome = stop_signal() => {
            // Not for the data's sake, but so that no thread is inside the store while the process goes.
            shared.alarms.set_stopping();
            drop(tokio::time::timeout(SHUTDOWN_MAX, ended).await);
            outcome.map_err(|error| Code::Internal.error(format!("signals cannot be received: {error}")))
        }
    };
    shared.alarms.set_stopping();
    shared.index.ring();
    if let Some(ended) = index_ended {
        drop(tokio::time::timeout(SHUTDOWN_MAX, ended).await);
    }
    outcome
}

fn check_config(config: &Config, genesis: &Genesis) -> Result<(), RunError> {
    if config.clock_offset_ms != 0 && !genesis.trial {
        let cause = "clock_offset_ms is set, and the genesis is not one of a trial network";
        return Err(Code::Config.error(cause).with_next("Remove clock_offset_ms from the configuration."));
    }
    Ok(())
}

fn share(
    config: Config,
    network: NetworkId,
    genesis: &Genesis,
    replica: &Replica,
    store: concordat_storage::StoreGauge,
    inputs: Inputs,
) -> Result<(Shared, IndexBell), RunError> {
    let reader = replica.snapshot();
    let registry = Registry::read(&*reader).map_err(|error| of_store(&error))?;
    let height = replica.tip().height;
    let pool =
        Pool::new().map_err(|error| Code::Internal.error(format!("the verify pool cannot be started: {error}")))?;
    let (index, bell) = Index::new(config.index);
    let shared = Shared {
        member: config.member,
        config,
        network,
        parameters: genesis.parameters.clone(),
        rim: Arc::new(Rim::new(network, &genesis.parameters)),
        pool,
        inputs,
        tickets: Tickets::default(),
        peers: Peers::default(),
        registry: Arc::new(ArcSwap::from_pointee(registry)),
        registry_changed: Notify::new(),
        view: ArcSwap::from_pointee(View { height, reader }),
        prover: replica.prover(),
        telemetry: ArcSwap::from_pointee(replica.telemetry()),
        tip: watch::channel(height).0,
        committed_at: ArcSwap::from_pointee(Instant::now()),
        alarms: Alarms::default(),
        store,
        index,
    };
    Ok((shared, bell))
}

/// A node whose key was replaced on the ledger can still read and catch up elsewhere; people must know.
fn warn_of_other_key(shared: &Shared, identity: &Identity) {
    let registered = shared.registry.load().node_of(&shared.member).map(|node| node.tls_key);
    if registered != Some(identity.fingerprint) {
        tracing::warn!(
            code = "E_TLS_UNKNOWN_KEY",
            fingerprint = %identity.fingerprint,
            registered = registered.map(|key| key.to_string()),
            "the TLS key of this node is not the one that the ledger has for its member: peers will refuse it"
        );
    }
}

async fn serve_ports(
    shared: Arc<Shared>,
    identity: Arc<Identity>,
    ports: Ports,
    prometheus: metrics_exporter_prometheus::PrometheusHandle,
) -> Result<(), RunError> {
    let connections = Arc::new(Connections::default());
    let registry = shared.registry.clone();
    let peer_tls = identity.server(registry.clone(), Port::Peer)?;
    let client_tls = identity.server(registry.clone(), Port::Client)?;
    tokio::spawn(close_unregistered(shared.clone(), connections.clone()));
    tokio::spawn(dial_all(shared.clone(), identity));
    let peers = accept(registry.clone(), ports.peer, peer_tls, Port::Peer, connections.clone());
    let clients = accept(registry, ports.client, client_tls, Port::Client, connections);
    let peer_server = Server::builder()
        .initial_stream_window_size(PEER_WINDOW_BYTES)
        .initial_connection_window_size(PEER_WINDOW_BYTES)
        .max_concurrent_streams(PEER_STREAMS_MAX)
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE))
        .add_service(PeerService { shared: shared.clone() }.into_server())
        .serve_with_incoming(peers);
    let client_server = api::router(shared.clone())?.serve_with_incoming(clients);
    let http_server = http::serve(ports.http, shared, prometheus);
    let ended = |what: &str, outcome: Result<(), String>| match outcome {
        Ok(()) => Err(Code::Internal.error(format!("the {what} server ended"))),
        Err(error) => Err(Code::Internal.error(format!("the {what} server ended: {error}"))),
    };
    tokio::select! {
        outcome = peer_server => ended("peer", outcome.map_err(|error| error.to_string())),
        outcome = client_server => ended("client", outcome.map_err(|error| error.to_string())),
        outcome = http_server => ended("http", outcome.map_err(|error| error.to_string())),
    }
}

/// Established connections outlive a revocation, unless somebody closes them.
async fn close_unregistered(shared: Arc<Shared>, connections: Arc<Connections>) {
    loop {
        let changed = shared.registry_changed.notified();
        connections.judge_anew(&shared.registry.load());
        changed.await;
    }
}

async fn stop_signal() -> io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let name = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    };
    tracing::info!(signal = name, "stopping");
    Ok(())
}

struct Ports {
    peer: TcpListener,
    client: TcpListener,
    http: TcpListener,
}

/// ports.json.
#[derive(Serialize, Deserialize)]
pub struct PortsFile {
    pub pid: u32,
    pub peer: SocketAddr,
    pub client: SocketAddr,
    pub http: SocketAddr,
}

impl Ports {
    async fn bind(config: &Config) -> Result<Ports, RunError> {
        Ok(Ports {
            peer: bind("listen.peer", &config.listen.peer).await?,
            client: bind("listen.client", &config.listen.client).await?,
            http: bind("listen.http", &config.listen.http).await?,
        })
    }

    fn announce(&self, shared: &Shared) -> Result<(), RunError> {
        let address = |listener: &TcpListener| {
            listener.local_addr().map_err(|error| Code::PortTaken.error(format!("a port has no address: {error}")))
        };
        let file = PortsFile {
            pid: std::process::id(),
            peer: address(&self.peer)?,
            client: address(&self.client)?,
            http: address(&self.http)?,
        };
        write_whole(&shared.config.home.join(PORTS_FILE), &file)?;
        tracing::info!(
            member = %shared.member,
            network = %shared.network,
            version = crate::VERSION,
            height = shared.view.load().height.0,
            peer = %file.peer,
            client = %file.client,
            http = %file.http,
            ready = readiness(shared).is_ok(),
            "node started"
        );
        Ok(())
    }
}

async fn bind(key: &str, address: &str) -> Result<TcpListener, RunError> {
    TcpListener::bind(address).await.map_err(|error| {
        let cause = format!("{key}: cannot listen on {address}: {error}");
        Code::PortTaken.error(cause)
    })
}

/// Readers see the old file or the new one, never half of it.
fn write_whole(path: &Path, file: &PortsFile) -> Result<(), RunError> {
    let failed = |error: io::Error| Code::Disk.error(format!("{} cannot be written: {error}", path.display()));
    let text = serde_json::to_string_pretty(file).map_err(|error| failed(error.into()))?;
    let draft = path.with_extension("json.new");
    fs::write(&draft, text + "\n").map_err(failed)?;
    fs::rename(&draft, path).map_err(failed)
}

/// Beside node.toml.
pub const PORTS_FILE: &str = "ports.json";
const SHUTDOWN_MAX: Duration = Duration::from_secs(1);
const PEER_WINDOW_BYTES: u32 = 4 << 20;
/// A node has one stream open, and for a moment its next.
const PEER_STREAMS_MAX: u32 = 4;
const KEEP_ALIVE: Duration = Duration::from_secs(5);
