//! The trial network of docker-compose.yml, really started: images, containers, volumes, and what
//! Prometheus sees of it. Needs root, and an engine that
//! runs or can be started.

mod checks;
mod engine;
mod images;
mod trial;
mod watch;

use concordat_tests::harness::{Failure, signals::told_to_stop};
use engine::Engine;
use images::Images;
use trial::Trial;

#[test]
fn a_network_in_containers_pays_and_heals_and_leaves_nothing_behind() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    if let Err(failure) = runtime.expect("a runtime").block_on(with_engine()) {
        panic!("{failure}\n  next: {}", failure.next);
    }
}

async fn with_engine() -> Result<(), Failure> {
    let engine = Engine::find().await?;
    let outcome = tokio::select! {
        outcome = with_images(&engine) => outcome,
        () = told_to_stop() => Err(Failure::check("told to stop")),
    };
    // Whatever has become of it; the first failure is the one to report.
    let removed = trial::remove(&engine).await;
    let removed = removed.and(images::remove(&engine).await);
    let nothing_left = checks::nothing_is_left(&engine).await;
    let stopped = engine.stop().await;
    outcome.and(removed).and(nothing_left).and(stopped)
}

async fn with_images(engine: &Engine) -> Result<(), Failure> {
    let images = Images::build(engine).await?;
    let trial = Trial { engine, images };
    let outcome = with_network(&trial).await;
    if outcome.is_err() {
        trial.show_logs().await;
    }
    outcome
}

async fn with_network(trial: &Trial<'_>) -> Result<(), Failure> {
    watch::rules(trial).await?;
    trial.up().await?;
    trial.wait_healthy(&trial::MEMBERS).await?;
    checks::confined(trial).await?;
    checks::keys_are_apart(trial).await?;
    checks::pays_while_one_is_down(trial).await?;
    watch::metrics_are_well_formed(trial).await?;
    watch::prometheus_sees_everything(trial).await?;
    checks::survives_a_stop_of_all(trial).await
}
