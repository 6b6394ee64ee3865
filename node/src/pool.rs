//! The verify pool: a few threads that decode and check signatures, off the runtime that serves sockets.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};
use tokio::sync::oneshot;

#[derive(Clone)]
pub struct Pool {
    threads: Arc<rayon::ThreadPool>,
}

/// The job panicked: what it was given is treated as bad.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the check of a message panicked")]
pub struct JobPanicked;

impl Pool {
    /// One thread is left to the replica.
    pub fn new() -> Result<Pool, rayon::ThreadPoolBuildError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let builder = rayon::ThreadPoolBuilder::new().num_threads(cores.saturating_sub(1).clamp(1, THREADS_MAX));
        let threads = builder.thread_name(|index| format!("verify-{index}")).build()?;
        Ok(Pool { threads: Arc::new(threads) })
    }

    pub fn threads(&self) -> usize {
        self.threads.current_num_threads()
    }

    pub async fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, JobPanicked> {
        let (reply, answer) = oneshot::channel();
        self.threads.spawn(move || {
            // A caller that has gone does not want the answer.
            drop(reply.send(catch_unwind(AssertUnwindSafe(job))));
        });
        answer.await.map_err(|_| JobPanicked)?.map_err(|_| JobPanicked)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pool({} threads)", self.threads())
    }
}

/// More do not help one replica thread.
const THREADS_MAX: usize = 16;
