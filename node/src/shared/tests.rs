use super::*;
use concordat_replica::Ticket;
use crossbeam_channel::Receiver;
use futures_util::FutureExt as _;
use std::pin::pin;

fn input() -> Input {
    Input::Forget { ticket: Ticket(0) }
}

/// As the replica thread does it.
fn take(inputs: &Inputs, queue: &Receiver<Queued>) {
    let queued = queue.try_recv().expect("something waits");
    inputs.taken(queued.bytes);
}

#[test]
fn a_peer_waits_until_there_is_room_for_its_bytes() {
    let (queue, replica) = crossbeam_channel::bounded(INPUTS_MAX);
    let inputs = Inputs::new(queue);
    for bytes in [INPUTS_BYTES_MAX - 10, 4, 6] {
        inputs.try_send(input(), bytes).expect("it fits");
    }
    let (mut large, mut small) = (pin!(inputs.send(input(), 20)), pin!(inputs.send(input(), 5)));
    assert!(large.as_mut().now_or_never().is_none() && small.as_mut().now_or_never().is_none());
    take(&inputs, &replica);
    assert!(large.as_mut().now_or_never().is_some_and(|sent| sent.is_ok()));
    assert!(small.as_mut().now_or_never().is_some_and(|sent| sent.is_ok()));
    assert_eq!(inputs.len(), 4);
}

#[test]
fn a_peer_waits_until_there_is_room_for_one_more() {
    let (queue, replica) = crossbeam_channel::bounded(1);
    let inputs = Inputs::new(queue);
    inputs.try_send(input(), 0).expect("it is empty");
    let (mut first, mut second) = (pin!(inputs.send(input(), 0)), pin!(inputs.send(input(), 0)));
    assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
    take(&inputs, &replica);
    assert!(first.as_mut().now_or_never().is_some_and(|sent| sent.is_ok()));
    assert!(second.as_mut().now_or_never().is_none(), "the place has gone to the first");
    take(&inputs, &replica);
    assert!(second.as_mut().now_or_never().is_some_and(|sent| sent.is_ok()));
    take(&inputs, &replica);
    assert_eq!(inputs.len(), 0);
    drop(replica);
    assert!(matches!(inputs.send(input(), 0).now_or_never(), Some(Err(NotQueued::Ended))));
}

/// A wait is ended by the bell and by nothing else.
#[tokio::test]
async fn what_is_taken_wakes_all_who_wait() {
    let (queue, replica) = crossbeam_channel::bounded(3);
    let inputs = Inputs::new(queue);
    for _ in 0..3 {
        inputs.try_send(input(), 1).expect("it fits");
    }
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let inputs = inputs.clone();
            tokio::spawn(async move { inputs.send(input(), 1).await.is_ok() })
        })
        .collect();
    tokio::task::yield_now().await;
    assert!(waiting.iter().all(|task| !task.is_finished()));
    (0..3).for_each(|_| take(&inputs, &replica));
    for task in waiting {
        assert!(task.await.expect("it does not panic"));
    }
}
