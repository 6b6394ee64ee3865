//! What a stream of answers has in common: a bounded queue, an end for a reader that takes nothing, and its place among
//! those of its member.

use concordat_proto::Code;
use futures_util::Stream;
use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::sync::{
    OwnedSemaphorePermit,
    mpsc::{self, error::SendTimeoutError},
};
use tonic::Status;

/// The reader's end of a stream; holds its place among those of the member.
#[derive(Debug)]
pub struct Feed<T> {
    queue: mpsc::Receiver<Result<T, Status>>,
    _turn: OwnedSemaphorePermit,
}

impl<T> Stream for Feed<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.queue.poll_recv(context)
    }
}

pub struct ToReader<T> {
    queue: mpsc::Sender<Result<T, Status>>,
    /// A place for the last word, which is needed when all others are taken.
    last: mpsc::OwnedPermit<Result<T, Status>>,
}

/// The reader has gone, was too slow, or got an error: the stream is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Over;

impl<T> ToReader<T> {
    /// Gives the sender back as long as there is a reader. `again`: from where to read on.
    pub async fn send(self, item: Result<T, Status>, again: &str) -> Result<ToReader<T>, Over> {
        let failed = item.is_err();
        match self.queue.send_timeout(item, WAIT_MAX).await {
            Ok(()) if !failed => Ok(self),
            Err(SendTimeoutError::Timeout(_)) => {
                self.end_too_slow(again);
                Err(Over)
            }
            Ok(()) | Err(SendTimeoutError::Closed(_)) => Err(Over),
        }
    }

    fn end_too_slow(self, again: &str) {
        let cause = format!("{AHEAD_MAX} messages lay ready for {WAIT_MAX:?} and none was read");
        self.last.send(Err(Code::TooSlow.error(cause).with_next(format!("{again}.")).into()));
    }

    pub async fn closed(&self) {
        self.queue.closed().await;
    }
}

pub fn feed<T>(turn: OwnedSemaphorePermit) -> (ToReader<T>, Feed<T>) {
    let (queue, receiver) = mpsc::channel(AHEAD_MAX + 1);
    let last = queue.clone().try_reserve_owned().expect("the queue is new");
    (ToReader { queue, last }, Feed { queue: receiver, _turn: turn })
}

const AHEAD_MAX: usize = 16;
/// Longer than a reader is busy with a message.
const WAIT_MAX: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use concordat_proto::codes::CodedError;
    use futures_util::{FutureExt, StreamExt};
    use std::sync::Arc;
    use tokio::sync::Semaphore;

    #[test]
    fn a_feed_that_is_not_read_ends_with_a_code_and_gives_its_place_back() {
        let turns = Arc::new(Semaphore::new(1));
        let (to_reader, mut feed) = feed::<u32>(turns.clone().try_acquire_owned().expect("the only one"));
        for number in 0..AHEAD_MAX as u32 {
            to_reader.queue.try_send(Ok(number)).expect("there is room ahead");
        }
        assert!(to_reader.queue.try_send(Ok(99)).is_err());
        to_reader.end_too_slow("Watch again from height 17");
        let mut read = || feed.next().now_or_never().expect("what lies ready");
        for number in 0..AHEAD_MAX as u32 {
            assert!(read().is_some_and(|item| item.is_ok_and(|item| item == number)));
        }
        let status = read().expect("the last word").expect_err("a refusal");
        let error = CodedError::from_status(&status).expect("it carries a code");
        assert_eq!((error.code, error.next_step()), (Code::TooSlow, "Watch again from height 17."));
        assert!(read().is_none());
        assert_eq!(turns.available_permits(), 0);
        drop(feed);
        assert_eq!(turns.available_permits(), 1);
    }

    #[tokio::test]
    async fn an_error_and_a_reader_that_has_gone_end_it() {
        let turn = || Arc::new(Semaphore::new(1)).try_acquire_owned().expect("the only one");
        let (to_reader, mut feed_read) = feed::<u32>(turn());
        let sent = to_reader.send(Err(Status::internal("bad")), "").now_or_never().expect("there is room");
        assert_eq!(sent.err(), Some(Over));
        assert!(feed_read.next().now_or_never().flatten().is_some_and(|item| item.is_err()));
        let (to_reader, gone) = feed::<u32>(turn());
        drop(gone);
        assert_eq!(to_reader.send(Ok(1), "").now_or_never().expect("nobody waits").err(), Some(Over));
    }
}
