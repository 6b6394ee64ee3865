//! The one place that lets time pass.

use super::Failure;
use std::time::{Duration, Instant};

/// Looks again and again until it sees, at most `within`. An `Err` of `look` says what is not there yet; the last one
/// stands in the failure.
pub async fn wait_until<T>(
    what: &str,
    within: Duration,
    mut look: impl AsyncFnMut() -> Result<T, String>,
) -> Result<T, Failure> {
    let deadline = Instant::now() + within;
    loop {
        let reason = match look().await {
            Ok(seen) => return Ok(seen),
            Err(reason) => reason,
        };
        if Instant::now() >= deadline {
            return Err(Failure::check(format!("{what}: not within {} s: {reason}", within.as_secs_f32())));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// For what happens at a chosen instant, such as a kill in the middle of something. Never to wait for something.
pub async fn let_pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// `Err(otherwise())` where it does not hold: for the `look` of `wait_until`.
pub fn seen(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

/// Short against what is measured, long against the cost of looking.
const PAUSE: Duration = Duration::from_millis(20);
