//! What became of payments, asked id by id: of those whose transaction expired, and of those that were booked before.

use super::state::{Fate, Outcome, Place};
use crate::{
    CliError, Client,
    client::{IdKind, OutcomeView},
};
use concordat_proto::codes::{Code, CodedError};
use concordat_types::{Parameters, Timestamp, Uuid};
use std::time::Duration;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

/// A node whose last block is later than `until`, and that block's time: no block to come may hold a transaction that
/// was valid until then, and what this node does not know of it was not booked.
pub(super) async fn node_past(client: &Client, until: Timestamp) -> Result<(Client, Timestamp), CliError> {
    let deadline = Instant::now() + client.timeout();
    loop {
        let mut failure = None;
        for index in 0..client.nodes_count() {
            let node = client.of_node(index);
            match node.block(None).await {
                Ok(block) if block.time_ms > until.0 => return Ok((node, Timestamp(block.time_ms))),
                Ok(_) => {}
                Err(error) => failure = Some(error),
            }
        }
        if Instant::now() + POLL >= deadline {
            return Err(failure.unwrap_or_else(|| {
                let cause = "no node has a block yet that is later than the expired transaction".to_owned();
                CodedError { code: Code::Timeout, cause, next: None }.into()
            }));
        }
        sleep(POLL).await;
    }
}

/// None where the node knows nothing under the id.
pub(super) async fn find(client: &Client, id: Uuid, kind: IdKind) -> Result<Option<OutcomeView>, CliError> {
    match client.outcome(id, kind).await {
        Ok(outcome) => Ok(Some(outcome)),
        Err(error) if error.code == Code::NotFound.name() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The same for many payments, in their order.
pub(super) async fn find_all(client: &Client, ids: &[Uuid]) -> Result<Vec<Option<OutcomeView>>, CliError> {
    let mut found = vec![None; ids.len()];
    let mut next = ids.iter().copied().enumerate();
    let mut in_flight = JoinSet::new();
    loop {
        while in_flight.len() < LOOKUPS_IN_FLIGHT_MAX {
            let Some((place, id)) = next.next() else { break };
            let client = client.clone();
            in_flight.spawn(async move { (place, find(&client, id, IdKind::Transfer).await) });
        }
        let Some(done) = in_flight.join_next().await else { return Ok(found) };
        let (place, outcome) = done.map_err(|error| CliError::internal(format!("a task ended early: {error}")))?;
        found[place] = outcome?;
    }
}

/// Of a payment whose transaction expired. `found` is what a node with a block at `tip` has under its id; `is_ours`: it
/// cannot stand for anything else. Where a network's id window is shorter than the default, the ledger refuses what goes
/// again too late.
pub(super) fn fate(id: Uuid, found: Option<&OutcomeView>, is_ours: bool, tip: Timestamp) -> Fate {
    let window_ms = Parameters::default().id_window_ms;
    let is_remembered = id.time().is_some_and(|time| tip.0 + LOOKUPS_MS_MAX <= time.0.saturating_add(window_ms));
    match found.and_then(booked) {
        Some(outcome) if is_ours => Fate::Booked(outcome),
        // An id that the file gave may stand for another payment. Only the ledger can compare the two, and if they are
        // the same it books nothing twice.
        Some(_) => Fate::Again,
        None if is_remembered => Fate::Again,
        None => Fate::Unknown,
    }
}

/// All or none go again, too: the ledger knows those that it has booked by their ids. With one that it may have
/// forgotten among them none does.
pub(super) fn together(fates: &mut [Fate]) {
    if fates.contains(&Fate::Unknown) {
        fates.iter_mut().filter(|fate| **fate == Fate::Again).for_each(|fate| *fate = Fate::Unknown);
    } else if fates.contains(&Fate::Again) {
        fates.fill(Fate::Again);
    }
}

pub(super) fn place(found: &OutcomeView) -> Place {
    Place { height: found.height, index: found.tx_index }
}

fn booked(found: &OutcomeView) -> Option<Outcome> {
    found.results.first().map(|result| Outcome { result: *result, place: Some(place(found)) })
}

/// Half of what a node reads at once.
const LOOKUPS_IN_FLIGHT_MAX: usize = 32;
/// Time goes on while a node is asked, and it forgets.
const LOOKUPS_MS_MAX: u64 = 600_000;
/// An idle network makes a block every ten seconds.
const POLL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use concordat_types::{Height, ResultCode};

    #[test]
    fn only_what_is_proven_absent_goes_again() {
        let (made, window) = (1_700_000_000_000, Parameters::default().id_window_ms);
        let id = Uuid::from_parts(Timestamp(made), [1; 10]);
        let found =
            OutcomeView { height: Height(9), tx_index: 2, item: 0, results: vec![ResultCode::InsufficientFunds] };
        let place = Some(Place { height: Height(9), index: 2 });
        let booked = Fate::Booked(Outcome { result: ResultCode::InsufficientFunds, place });
        let (inside, outside) = (Timestamp(made + window - LOOKUPS_MS_MAX), Timestamp(made + window));
        assert_eq!(fate(id, Some(&found), true, inside), booked);
        assert_eq!(fate(id, Some(&found), true, outside), booked);
        assert_eq!(fate(id, Some(&found), false, inside), Fate::Again);
        assert_eq!(fate(id, None, true, inside), Fate::Again);
        // The ledger has forgotten ids of that age: that there is none proves nothing.
        assert_eq!(fate(id, None, true, outside), Fate::Unknown);
    }

    #[test]
    fn all_or_none_stay_together() {
        let booked = Fate::Booked(Outcome { result: ResultCode::Ok, place: None });
        let check = |mut fates: Vec<Fate>, expected: Vec<Fate>| {
            together(&mut fates);
            assert_eq!(fates, expected);
        };
        check(vec![booked; 2], vec![booked; 2]);
        check(vec![booked, Fate::Again], vec![Fate::Again; 2]);
        check(vec![booked, Fate::Again, Fate::Unknown], vec![booked, Fate::Unknown, Fate::Unknown]);
        check(vec![booked, Fate::Unknown], vec![booked, Fate::Unknown]);
    }
}
