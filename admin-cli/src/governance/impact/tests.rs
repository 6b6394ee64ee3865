use super::*;
use crate::governance::tests::{admin_view, change, member_view};

fn check(active: usize, proposal: &Proposal, expected: &str) {
    let impact = of(proposal, "bank-0".parse().unwrap(), &admin_view(active));
    let power = impact.power.map_or(String::new(), |(before, after)| {
        format!(" | {}/{} -> {}/{}", before.quorum(), before.power, after.quorum(), after.power)
    });
    let warnings = impact.warnings.iter().map(|warning| format!(" | {}", warning.split(':').next().unwrap_or("")));
    let got = format!("{} of {}{power}{}", impact.needed, impact.deciders.len(), warnings.collect::<String>());
    assert_eq!(got, expected, "{:?}", proposal.change);
}

fn proposal(kind: &str) -> Proposal {
    let change = change(kind);
    Proposal {
        change,
        reason: String::new(),
        expires_at: concordat_types::Timestamp(1),
        execute_at: None,
        forced: false,
    }
}

#[test]
fn what_it_needs_and_what_it_does_to_the_voting_power() {
    check(4, &proposal("set-quota"), "3 of 4");
    check(6, &proposal("set-quota"), "5 of 6");
    check(4, &Proposal { forced: true, ..proposal("set-quota") }, "4 of 4");
    check(4, &proposal("add-operator-key"), "1 of 1");
    let less = "less power may be away afterwards without stopping the network";
    check(4, &proposal("suspend"), &format!("3 of 4 | 267/400 -> 201/300 | {less}"));
    check(4, &proposal("add-validator"), "3 of 4 | 267/400 -> 334/500");
    check(3, &proposal("suspend"), &format!("3 of 3 | 201/300 -> 134/200 | {less}"));
    // 1000 - 100 of 1300 is more than a third.
    check(4, &proposal("set-power"), "3 of 4 | 267/400 -> 867/1300 | 900 of 1300 voting power would move at once");
    check(1, &proposal("suspend"), "1 of 1 | 67/100 -> 1/0 | nobody would validate");
}

#[test]
fn a_threshold_of_its_own_counts() {
    let mut view = admin_view(4);
    view.record.thresholds.push((proposal("suspend").change.kind(), Threshold { parts: 1, of: 2 }));
    view.members.push(member_view("bank-x", concordat_types::MemberStatus::Suspended, None));
    let impact = of(&proposal("suspend"), "bank-0".parse().unwrap(), &view);
    assert_eq!((impact.needed, impact.deciders.len(), impact.own_keys), (3, 4, (1, 1)));
    let json = impact.to_json();
    assert_eq!((&json["threshold"]["parts"], &json["voting_power"]["after"]["validators"]), (&json!(1), &json!(3)));
    assert!(impact.rows().iter().any(|(name, text)| *name == "threshold" && text.contains("1/2")));
}
