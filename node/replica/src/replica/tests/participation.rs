//! Who takes part, as whole networks see it: the dead are skipped, the slow are not, and evidence goes into one block.

use super::*;

/// Blocks up to the height, one after another, on all nodes that run.
fn grow(net: &mut Net, to: u64) {
    while net.tip(0) < to {
        let height = net.tip(0) + 1;
        let transaction = net.transaction(0, "EUR", height as u8);
        net.submit(0, &[transaction]);
        assert!(net.run(60_000, |net| net.all_reached(height)), "height {height}");
    }
}

/// Round and proposer of the committed block.
fn decided(net: &Net, height: u64) -> (u32, String) {
    let (header, certificate) = crate::query::header(&net.nodes[0].store, Height(height)).unwrap().unwrap();
    (certificate.round.0, header.proposer.to_string())
}

/// Members that the state of the tip has away.
fn away(net: &Net) -> Vec<String> {
    let away = |number: &usize| {
        let telemetry = net.nodes[*number].replica.as_ref().unwrap().telemetry();
        let away = telemetry.validators_away.into_iter().filter(|(_, is_away)| *is_away);
        away.map(|(member, _)| member.to_string()).collect::<Vec<_>>()
    };
    let running: Vec<usize> = (0..net.nodes.len()).filter(|number| net.nodes[*number].replica.is_some()).collect();
    assert!(running.iter().all(|number| away(number) == away(&running[0])), "all come to the same");
    away(&running[0])
}

/// By plain rotation heights 3, 7, 11 and so on are bank-3's.
#[test]
fn a_dead_validator_costs_no_round_once_the_record_shows_it_and_has_its_turn_back() {
    let mut net = Net::started(4);
    grow(&mut net, 8);
    assert_eq!(decided(&net, 7), (0, "bank-3".to_owned()));
    net.stop(3);
    // Its last precommit was for height 8: the last record with it is in block 18, and goes with block 28.
    grow(&mut net, 27);
    assert_eq!(away(&net), [""; 0]);
    for height in [11, 15, 19, 23, 27] {
        assert_eq!(decided(&net, height), (1, "bank-0".to_owned()), "height {height}");
    }
    grow(&mut net, 48);
    assert_eq!(away(&net), ["bank-3"]);
    for height in 28..=48 {
        let proposer = if height % 4 == 3 { 0 } else { height % 4 };
        assert_eq!(decided(&net, height), (0, format!("bank-{proposer}")), "height {height}");
    }
    net.start(3);
    assert!(net.run(10_000, |net| net.all_reached(48)));
    // Its first precommit is for height 49, and block 59 shows it.
    grow(&mut net, 58);
    assert_eq!(away(&net), ["bank-3"]);
    grow(&mut net, 63);
    assert_eq!(away(&net), [""; 0]);
    assert_eq!(decided(&net, 55), (0, "bank-0".to_owned()));
    assert_eq!(decided(&net, 59), (0, "bank-0".to_owned()), "the state below does not know yet");
    assert_eq!(decided(&net, 63), (0, "bank-3".to_owned()));
}

/// bank-3 is so far off that the others decide long before it can vote.
#[test]
fn who_is_slow_is_not_away() {
    let mut net = Net::started(4);
    for other in 0..5 {
        net.delay_ms.insert((3, other), 150);
        net.delay_ms.insert((other, 3), 150);
    }
    grow(&mut net, 45);
    assert_eq!(away(&net), [""; 0]);
    let after = |vote: &Vote| vote.vote_type == VoteType::Precommit && vote.height > Height(20);
    let precommits = net.nodes[3].record.votes().into_iter().filter(after).count();
    assert!(precommits >= 20, "{precommits} precommits in 25 heights");
    let in_time = (21..=45).filter(|height| {
        let (_, certificate) = crate::query::header(&net.nodes[0].store, Height(*height)).unwrap().unwrap();
        certificate.signers.contains(ValidatorIndex(3))
    });
    assert!(in_time.count() <= 8, "it is not slow: only its own blocks wait for it");
}

/// Each node that sees two votes has the proof, and one block holds it.
#[test]
fn evidence_goes_into_one_block() {
    let mut net = Net::started(4);
    grow(&mut net, 2);
    net.stop(3);
    let network = net.genesis.network_id();
    let prevote = |block: u8| {
        let block = Some(BlockId(concordat_types::Hash([block; 32])));
        let vote = Vote { vote_type: VoteType::Prevote, height: Height(3), round: Round(0), valid_round: None, block };
        test_keys::signed(network, 3, vote)
    };
    for node in 0..3 {
        for block in [1, 2] {
            net.hear(node, 3, &Message::Vote(prevote(block)));
        }
        let member = MemberId::new("bank-3").unwrap();
        let accused = |alarm: &Alarm| *alarm == Alarm::Equivocation { member, height: Height(3) };
        assert!(net.nodes[node].alarms.iter().any(accused), "node {node}");
    }
    grow(&mut net, 12);
    let evidence = |height| crate::query::body(&net.nodes[0].store, Height(height)).unwrap().unwrap().evidence;
    let with_evidence: Vec<u64> = (1..=12).filter(|height| !evidence(*height).is_empty()).collect();
    assert_eq!(with_evidence, [4], "height 3 is decided, and then it is shown");
    assert_eq!(evidence(4).len(), 1);
    for node in 0..3 {
        assert!(net.nodes[node].replica.as_ref().unwrap().evidence.is_empty(), "node {node} still holds it");
    }
}
