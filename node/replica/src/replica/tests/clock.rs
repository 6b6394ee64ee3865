//! The clock alarm: raised by what answers prove, not by how long they wait.

use super::*;

/// Nodes, their clocks' offsets, the delay of all messages from and to `bank-0`; who then holds its clock to be off.
fn check(offsets_ms: &[(usize, i64)], from_ms: u64, to_ms: u64, expected: &[usize]) {
    let mut net = Net::new(4);
    for (node, offset) in offsets_ms {
        net.nodes[*node].clock_offset_ms = *offset;
    }
    for other in 1..net.nodes.len() {
        net.delay_ms.extend([((0, other), from_ms), ((other, 0), to_ms)]);
    }
    (0..net.nodes.len()).for_each(|node| net.start(node));
    net.run(30_000, |_| false);
    let apart = offsets_ms.iter().map(|(_, offset)| offset.unsigned_abs()).max().unwrap_or(0);
    assert_eq!(alarmed(&net), expected, "offsets {offsets_ms:?}, {from_ms} ms from bank-0 and {to_ms} ms to it");
    for (number, node) in net.nodes.iter().enumerate() {
        let expected = usize::from(expected.contains(&number));
        let raised = node.alarms.iter().filter(|alarm| matches!(alarm, Alarm::ClockOffset { .. })).count();
        assert_eq!(raised, expected, "node {number} said it {raised} times: {:?}", node.alarms);
        for alarm in &node.alarms {
            let Alarm::ClockOffset { offset_ms } = alarm else { continue };
            assert!(offset_ms.unsigned_abs() <= apart, "{offset_ms} ms is more than any two clocks are apart");
        }
    }
}

fn alarmed(net: &Net) -> Vec<usize> {
    let alarmed = |node: &Node| node.replica.as_ref().unwrap().telemetry().clock_alarm;
    (0..net.nodes.len()).filter(|node| alarmed(&net.nodes[*node])).collect()
}

#[test]
fn only_a_clock_that_is_off_raises_the_alarm() {
    // The bound is precision and delay, 2,500 ms.
    check(&[], 1, 1, &[]);
    check(&[(0, 2_000)], 1, 1, &[]);
    check(&[(0, -2_000)], 1, 1, &[]);
    check(&[(0, 3_000)], 1, 1, &[0]);
    check(&[(0, -3_000)], 1, 1, &[0]);
    check(&[(4, 300_000)], 1, 1, &[4]);
    // Two against two: to each, most of the others differ. A follower sees no majority.
    check(&[(0, 300_000), (1, 300_000)], 1, 1, &[0, 1, 2, 3]);
    // Three of four are the network.
    check(&[(0, 300_000), (1, 300_000), (2, 300_000)], 1, 1, &[3, 4]);
}

#[test]
fn a_link_that_is_slow_does_not_look_like_a_clock_that_is_off() {
    for (from, to) in [(10_000, 1), (1, 10_000), (10_000, 10_000), (2_600, 1)] {
        check(&[], from, to, &[]);
        check(&[(0, 300_000)], from, to, &[0]);
        check(&[(0, -300_000)], from, to, &[0]);
    }
}

#[test]
fn it_is_taken_back_when_the_clock_is_right_and_not_when_peers_go_or_slow_down() {
    let mut net = Net::new(4);
    net.nodes[0].clock_offset_ms = 3_000;
    (0..net.nodes.len()).for_each(|node| net.start(node));
    assert!(net.run(10_000, |net| alarmed(net) == [0]));
    (1..5).for_each(|other| net.stop(other));
    (1..5).for_each(|other| net.start(other));
    net.run(10_000, |_| false);
    assert_eq!(alarmed(&net), [0]);
    net.delay_ms = (1..5).flat_map(|other| [((0, other), 4_000), ((other, 0), 4_000)]).collect();
    net.run(20_000, |_| false);
    assert_eq!(alarmed(&net), [0]);
    assert!(!net.nodes[0].alarms.contains(&Alarm::ClockGood), "nobody has shown that it is right");
    net.delay_ms.clear();
    net.nodes[0].clock_offset_ms = 0;
    assert!(net.run(10_000, |net| alarmed(net).is_empty()));
    assert!(net.nodes[0].alarms.contains(&Alarm::ClockGood));
}

#[test]
fn an_answer_that_was_on_its_way_while_our_clock_was_set_back_proves_nothing() {
    let mut net = Net::new(4);
    net.nodes[0].clock_offset_ms = 60_000;
    net.delay_ms = (1..5).flat_map(|other| [((0, other), 500), ((other, 0), 500)]).collect();
    (0..net.nodes.len()).for_each(|node| net.start(node));
    net.nodes[0].clock_offset_ms = 0;
    net.run(10_000, |_| false);
    assert!(net.nodes[0].alarms.is_empty(), "{:?}", net.nodes[0].alarms);
}

#[test]
fn what_peers_make_up_neither_overflows_nor_counts_for_more_than_themselves() {
    let mut net = Net::new(4);
    net.start(0);
    for (left_ms, answered_ms) in [(0, u64::MAX), (u64::MAX, 0), (u64::MAX, u64::MAX), (EPOCH_MS, 0), (0, 0)] {
        net.hear(0, 1, &Message::Clock { left_ms, answered_ms });
        net.hear(0, 4, &Message::Clock { left_ms, answered_ms });
    }
    assert!(alarmed_alone(&net).is_none(), "one of three, and a follower");
    net.hear(0, 2, &Message::Clock { left_ms: EPOCH_MS, answered_ms: 0 });
    assert_eq!(alarmed_alone(&net), Some(&Alarm::ClockOffset { offset_ms: -i64::from(u32::MAX) }));
}

fn alarmed_alone(net: &Net) -> Option<&Alarm> {
    net.nodes[0].alarms.first()
}
