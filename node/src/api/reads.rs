//! Reads of the committed state, so many at once: each holds a thread that may wait for the disk.

use crate::shared::{Shared, View};
use concordat_proto::{Code, codes::CodedError};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tonic::Status;

#[derive(Clone, Debug)]
pub struct Reads {
    shared: Arc<Shared>,
    turns: Arc<Semaphore>,
}

impl Reads {
    pub fn new(shared: Arc<Shared>, at_once: usize) -> Reads {
        Reads { shared, turns: Arc::new(Semaphore::new(at_once)) }
    }

    /// Of one committed height, once it is its turn.
    pub async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&View) -> Result<T, CodedError> + Send + 'static,
    ) -> Result<T, Status> {
        let turn = self.turns.clone().acquire_owned().await;
        let turn = turn.map_err(|_| Code::Unavailable.status("the node is stopping"))?;
        let view = self.shared.view.load_full();
        let read = tokio::task::spawn_blocking(move || {
            let outcome = job(&view);
            drop(turn);
            outcome
        });
        let outcome = read.await.map_err(|_| Code::Internal.status("the read panicked"))?;
        outcome.map_err(Status::from)
    }
}
