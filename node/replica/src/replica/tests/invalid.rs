//! Blocks that this node finds invalid and others do not, and what it cannot execute: how far the damage goes.
//!
//! A remembered id that reads wrong does it: of another kind, the ledger panics; with another body, the results differ. (Ids are
//! bound by the state as a whole, not row by row, so that such a row is not noticed when it is read.)

use super::*;
use crate::mempool::Checked;
use concordat_ledger::{BodyDigest, IdKey, IdKind, IdRecord};
use concordat_types::{AccountId, CheckedTransaction, Purpose, Reference, ResultCode, Tag, Transfer};

/// A payment between accounts that nobody has: refused, and as good as any to be agreed on.
fn payment(net: &Net, number: u8) -> Checked {
    let transfer = Transfer {
        id: Uuid::from_parts(Timestamp(EPOCH_MS + net.time_ms), [number | 0x80; 10]),
        debit_account: AccountId([1; 16]),
        credit_account: AccountId([2; 16]),
        amount: 1,
        reference: Reference::new("").unwrap(),
        purpose: Purpose::new("").unwrap(),
        document: None,
    };
    net.signed(0, number, Operation::Transfer(transfer))
}

/// The payment's id reads as a transaction's: whoever executes it panics.
fn break_execution(net: &Net, node: usize, checked: &Checked) {
    let body = Tag::TRANSFER.hash(&[&encode(transfer_of(checked))]).into();
    remember(net, node, checked, &IdRecord::Transaction { body, height: Height(0), tx_index: 0, results: Vec::new() });
}

/// The payment's id reads as used for another one: whoever executes it says so.
fn break_result(net: &Net, node: usize, checked: &Checked) {
    let (body, code, height) = (BodyDigest([7; 16]), ResultCode::Ok, Height(0));
    remember(net, node, checked, &IdRecord::Transfer { body, code, height, tx_index: 0, operation: 0, item: 0 });
}

fn remember(net: &Net, node: usize, checked: &Checked, record: &IdRecord) {
    let (id, submitter) = (transfer_of(checked).id, checked.transaction.submitter);
    net.nodes[node].store.rot(encode(&IdKey { id, kind: IdKind::Transfer, submitter }), encode(record));
}

fn transfer_of(checked: &Checked) -> &Transfer {
    match &checked.transaction.operations[0] {
        Operation::Transfer(transfer) => transfer,
        other => panic!("{other:?}"),
    }
}

fn quarantined(node: &Node) -> Vec<TransactionHash> {
    let of = |alarm: &Alarm| match alarm {
        Alarm::Quarantined { transaction, .. } => Some(*transaction),
        _ => None,
    };
    node.alarms.iter().filter_map(of).collect()
}

fn telemetry(net: &Net, node: usize) -> Telemetry {
    net.nodes[node].replica.as_ref().unwrap().telemetry()
}

/// Transactions of the committed block.
fn transactions(net: &Net, node: usize, height: u64) -> Vec<TransactionHash> {
    let body = crate::query::body(&net.nodes[node].store, Height(height)).unwrap().unwrap();
    let batches = body.batches.iter().map(|bytes| net.rim.check_batch(bytes).unwrap());
    batches.flat_map(|batch| batch.transactions.iter().map(|checked| checked.hash).collect::<Vec<_>>()).collect()
}

fn hash(checked: &Arc<Verified<CheckedTransaction>>) -> TransactionHash {
    checked.hash
}

#[test]
fn a_proposer_leaves_out_what_it_cannot_execute_and_its_block_is_good() {
    for place in 0..7usize {
        let mut net = Net::started(4);
        net.run(5, |_| false);
        let made: Vec<_> = (0..7).map(|number| payment(&net, number)).collect();
        break_execution(&net, FIRST, &made[place]);
        net.submit(FIRST, &made);
        assert!(net.run(5_000, |net| net.all_reached(1)), "place {place}");
        assert_eq!(quarantined(&net.nodes[FIRST]), [made[place].hash]);
        let rest: Vec<_> = made.iter().map(hash).filter(|hash| *hash != made[place].hash).collect();
        assert_eq!(transactions(&net, 0, 1), rest, "place {place}");
        for other in (0..5).filter(|other| *other != FIRST) {
            assert_eq!(net.nodes[other].alarms, [], "place {place}, node {other}");
        }
    }
}

/// As a defect of the program would have it: nobody can execute them.
#[test]
fn what_nobody_can_execute_does_not_stop_the_chain() {
    let mut net = Net::started(4);
    net.run(5, |_| false);
    let made: Vec<_> = (0..8).map(|number| payment(&net, number)).collect();
    for node in 0..5 {
        made[..6].iter().for_each(|checked| break_execution(&net, node, checked));
    }
    net.submit(FIRST, &made);
    let good: Vec<_> = made[6..].iter().map(hash).collect();
    let booked = |net: &Net| net.nodes[FIRST].replies.len() == 2;
    assert!(net.run(3_000, booked), "tip {}", net.tip(0));
    let (height, replica) = (net.tip(0), net.nodes[FIRST].replica.as_ref().unwrap());
    assert_eq!(transactions(&net, 0, height), good);
    assert!(height <= 13, "{height} heights where each of four proposers finds six bad ones, two a turn");
    assert_eq!(replica.mempool.transactions_count(), 6, "they wait until they expire");
    for height in 1..=height {
        let (_, certificate) = crate::query::header(&net.nodes[0].store, Height(height)).unwrap().unwrap();
        assert_eq!(certificate.round, Round(0), "height {height}: nobody waits for a proposal");
    }
    for node in &net.nodes {
        let harmless = |alarm: &Alarm| matches!(alarm, Alarm::Quarantined { .. });
        assert!(node.alarms.iter().all(harmless), "{}: {:?}", node.member, node.alarms);
    }
    assert!((0..4).all(|node| telemetry(&net, node).signing));
}

/// Node 3 is the one that is wrong. It votes nil, sees the others commit, and signs nothing any more.
fn check_stops(break_it: fn(&Net, usize, &Checked), why: &str) {
    let mut net = Net::started(4);
    net.run(5, |_| false);
    let first = payment(&net, 1);
    net.submit(0, &[first]);
    assert!(net.run(5_000, |net| net.all_reached(1)));
    let second = payment(&net, 2);
    break_it(&net, 3, &second);
    net.submit(0, &[second]);
    let others_reached = |height| move |net: &Net| (0..3).all(|node| net.tip(node) >= height);
    assert!(net.run(5_000, others_reached(2)));
    assert!(net.run(5_000, |net| telemetry(net, 3).stopped_reason.is_some()));

    let votes = net.nodes[3].record.votes();
    let at_two: Vec<_> = votes.iter().filter(|vote| vote.height == Height(2)).collect();
    assert!(at_two.iter().all(|vote| vote.block.is_none()), "{at_two:?}");
    assert!(at_two.iter().any(|vote| vote.vote_type == VoteType::Prevote), "it prevoted nil");
    let [Alarm::InvalidProposal { member, height, reason, .. }, rest @ ..] = &net.nodes[3].alarms[..] else {
        panic!("{:?}", net.nodes[3].alarms);
    };
    assert_eq!((*member, *height), (Some(net.nodes[2].member), Height(2)));
    assert!(reason.contains(why), "{reason}");
    let [.., Alarm::StoppedSigning { reason }] = rest else { panic!("{rest:?}") };
    assert!(reason.contains(why) && reason.contains("commit quorum"), "{reason}");

    // The others go on without it; it signs nothing, and whoever asks it for what it holds is served.
    let third = payment(&net, 3);
    net.submit(0, &[third]);
    assert!(net.run(20_000, others_reached(3)));
    net.run(10_000, |_| false);
    assert_eq!(net.nodes[3].record.votes(), votes);
    assert_eq!(net.tip(3), 1);
    assert_eq!(transactions(&net, 3, 1).len(), 1);
    assert!(!telemetry(&net, 3).signing);
    net.nodes[3].sent.clear();
    net.hear(3, 4, &Message::BlockRequest { from: Height(1), count: 1 });
    let served = |(to, message): &(Option<MemberId>, Message)| match message {
        Message::Blocks(blocks) => *to == Some(net.nodes[4].member) && blocks.len() == 1,
        _ => false,
    };
    assert!(net.nodes[3].sent.iter().any(served));
    let stops = |alarm: &&Alarm| matches!(alarm, Alarm::StoppedSigning { .. });
    assert_eq!(net.nodes[3].alarms.iter().filter(stops).count(), 1, "said once");
}

#[test]
fn a_committed_block_that_panics_here_stops_the_signing_and_not_the_node() {
    check_stops(break_execution, "executing the body failed: a transaction's record");
}

#[test]
fn a_committed_block_with_another_root_here_stops_the_signing_and_not_the_node() {
    check_stops(break_result, "results root");
}

/// The same by block sync: a node that comes back and finds the certified blocks invalid.
#[test]
fn a_certified_block_that_is_invalid_here_stops_the_signing_and_not_the_node() {
    for (broken, why) in [(0, "a transaction's record"), (1, "results root")] {
        let mut net = Net::started(4);
        net.run(5, |_| false);
        net.stop(3);
        let mut made = Vec::new();
        for height in 1..=3 {
            made.push(payment(&net, height));
            net.submit(0, &made[made.len() - 1..]);
            assert!(net.run(20_000, |net| net.all_reached(height.into())));
        }
        net.start(3);
        if broken == 0 {
            break_execution(&net, 3, &made[2]);
        } else {
            break_result(&net, 3, &made[0]);
        }
        assert!(net.run(20_000, |net| telemetry(net, 3).stopped_reason.is_some()));
        let reason = telemetry(&net, 3).stopped_reason.unwrap();
        assert!(reason.contains("certified block") && reason.contains(why), "{reason}");
        net.run(20_000, |_| false);
        assert_eq!(net.nodes[3].record.votes(), [], "it never signs");
        assert!(net.nodes.iter().all(|node| node.disconnected.is_empty()), "nobody is blamed for it");
        assert_eq!(net.tip(3), if broken == 0 { 2 } else { 0 }, "what is good it took");
    }
}

/// A wrong proposal costs its round, no more.
#[test]
fn a_proposer_that_computes_another_root_is_outvoted() {
    let mut net = Net::started(4);
    net.run(5, |_| false);
    let transaction = payment(&net, 1);
    break_result(&net, FIRST, &transaction);
    net.submit(0, &[transaction]);
    assert!(net.run(10_000, |net| [0, 2, 3, 4].iter().all(|node| net.tip(*node) == 1)));
    let (_, certificate) = crate::query::header(&net.nodes[0].store, Height(1)).unwrap().unwrap();
    assert_eq!(certificate.round, Round(1));
    for honest in [0, 2, 3, 4] {
        let [Alarm::InvalidProposal { member, .. }] = &net.nodes[honest].alarms[..] else {
            panic!("{honest}: {:?}", net.nodes[honest].alarms);
        };
        assert_eq!(*member, Some(net.nodes[FIRST].member));
    }
}

/// Proposes height 1 in round 0.
const FIRST: usize = 1;
