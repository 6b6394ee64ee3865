//! A precommit for what is decided already, to be seen taking part.

use super::{play, start};
use crate::Consensus;
use concordat_types::Round;

/// (name, us, script that decides in the round, round, may).
type Row = (&'static str, Option<u16>, &'static str, u32, bool);

const ROWS: &[Row] = &[
    ("before round 0", Some(3), "", 0, true),
    ("in propose", Some(3), "start -> round 0, timer propose 0", 0, true),
    ("with a prevote", Some(3), "start -> round 0, timer propose 0\n timeout propose 0 -> sign prevote 0 nil", 0, true),
    (
        "with a precommit",
        Some(3),
        "start -> round 0, timer propose 0\n timeout propose 0 -> sign prevote 0 nil\n prevote 0 nil by 0 1 2 -> sign precommit 0 nil",
        0,
        false,
    ),
    (
        "with a precommit in an earlier round",
        Some(3),
        "start -> round 0, timer propose 0\n timeout propose 0 -> sign prevote 0 nil\n prevote 0 nil by 0 1 2 -> sign precommit 0 nil",
        2,
        true,
    ),
    (
        "in a later round",
        Some(3),
        "start -> round 0, timer propose 0\n prevote 1 nil by 0 1 -> round 1, timer propose 1",
        0,
        false,
    ),
    ("a follower", None, "", 0, false),
];

#[test]
fn only_where_nothing_is_signed_there_or_later() {
    for (name, me, script, round, may) in ROWS {
        let mut machine = Consensus::new(start(&[1; 4], *me));
        play(&mut machine, name, script);
        play(&mut machine, name, "block A ok ->");
        assert!(!machine.may_precommit_late(Round(*round)), "{name}: nothing is decided");
        let decides = alloc::format!("commit {round} A by 0 1 2 -> decide {round} A certified");
        play(&mut machine, name, &decides);
        assert_eq!(machine.may_precommit_late(Round(*round)), *may, "{name}");
    }
}
