//! A disk without room: the node ends at the first write or sync that fails, and what it signed before still binds it.

use super::*;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Full {
    Log(&'static str),
    Store,
    SignRecord,
}

fn fill(net: &Net, node: usize, what: Full, is_full: bool) {
    let node = &net.nodes[node];
    match what {
        Full::Log(operation) => node.disk.lock().unwrap().fails = is_full.then_some(operation),
        Full::Store => node.store.fill(is_full),
        Full::SignRecord => node.record.fill(is_full),
    }
}

/// One vote a step, over all lives of the node.
fn signs_once(node: &Node) {
    let mut signed: BTreeMap<_, Vote> = BTreeMap::new();
    for (_, message) in &node.sent {
        let vote = match message {
            Message::Vote(signed) if signed.validator.0 as usize == FULL => signed.vote,
            Message::Proposal(proposal) if proposal.signed.validator.0 as usize == FULL => proposal.signed.vote,
            _ => continue,
        };
        let first = *signed.entry((vote.height, vote.round, vote.vote_type)).or_insert(vote);
        assert_eq!(first, vote);
    }
}

fn check(what: Full, delay_ms: u64) {
    let mut net = Net::started(4);
    let pay = |net: &mut Net, height: u8| {
        let transaction = net.transaction(0, "EUR", height);
        net.submit(0, &[transaction]);
    };
    pay(&mut net, 1);
    assert!(net.run(5_000, |net| net.all_reached(1)));

    pay(&mut net, 2);
    net.run(delay_ms, |_| false);
    fill(&net, FULL, what, true);
    let ended = loop {
        match net.try_run(5_000, |_| false) {
            Err(ended) => break ended,
            Ok(_) => {
                let next = net.tip(0) as u8 + 1;
                pay(&mut net, next);
            }
        }
    };
    let (node, fatal) = ended;
    assert_eq!(node, FULL, "{what:?}");
    assert!(fatal.to_string().contains("No space left on device"), "{what:?}: {fatal}");
    let kind = match fatal {
        Fatal::Log(LogError::Disk(error)) => Full::Log(error.operation),
        Fatal::Store(_) | Fatal::Chain(_) => Full::Store,
        Fatal::Signer(_) => Full::SignRecord,
        Fatal::Log(other) => panic!("{other}"),
    };
    assert_eq!(kind, what);
    if let Full::Log(operation) = what {
        let disk = net.nodes[FULL].disk.lock().unwrap();
        assert_eq!((disk.failed, disk.calls.last()), (1, Some(&operation)), "it is not tried again");
    }

    net.stop(FULL);
    let next = net.tip(0) + 1;
    pay(&mut net, next as u8);
    assert!(net.run(20_000, |net| net.all_reached(next)), "{what:?}: the others go on");

    fill(&net, FULL, what, false);
    net.start(FULL);
    assert!(net.run(20_000, |net| net.tip(FULL) >= next), "{what:?}: it catches up");
    let votes = net.nodes[FULL].record.votes().len();
    for height in next + 1..next + 5 {
        pay(&mut net, height as u8);
        assert!(net.run(20_000, |net| net.all_reached(height)));
    }
    assert!(net.nodes[FULL].record.votes().len() > votes, "{what:?}: it votes again");
    signs_once(&net.nodes[FULL]);
    for node in &net.nodes {
        assert_eq!((&node.alarms[..], &node.disconnected[..]), (&[][..], &[][..]), "{what:?}: {}", node.member);
    }
}

#[test]
fn a_full_disk_ends_the_node_and_the_others_go_on() {
    for what in [Full::Log("append"), Full::Log("sync"), Full::Store, Full::SignRecord] {
        // At all places of a height.
        for delay_ms in 0..8 {
            check(what, delay_ms);
        }
    }
}

const FULL: usize = 1;
