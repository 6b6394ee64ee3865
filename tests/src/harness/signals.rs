//! Being told to stop.

use tokio::signal::unix::{SignalKind, signal};

/// Returns when the process gets SIGINT, SIGTERM or SIGHUP. Whoever selects on it drops the work, and with it every
/// process that the work has started.
pub async fn told_to_stop() {
    let (interrupt, terminate, hangup) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()), signal(SignalKind::hangup()));
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)) = (interrupt, terminate, hangup) else {
        // Without handlers the signals end the process at once.
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}
