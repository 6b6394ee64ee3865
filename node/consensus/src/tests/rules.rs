//! One table a rule: it fires, it does not fire one vote or one step short, and not twice.

use super::{Case, case, check};

pub const CASES: &[Case] = &[
    Case {
        name: "L11 L18: the proposer without a valid value asks for one and proposes it fresh",
        powers: &[1, 1, 1, 1],
        me: Some(0),
        script: "
            start -> round 0, timer propose 0, get 0
            start ->
            value 1 B ->
            value 0 A -> sign proposal 0 A
            value 0 C ->
            proposal 0 A -> sign prevote 0 A
        ",
    },
    Case {
        name: "L11 L16: the proposer with a valid value proposes that with its round",
        powers: &[1, 1, 1, 1],
        me: Some(1),
        script: "
            start -> round 0, timer propose 0
            block A ok ->
            proposal 0 A -> sign prevote 0 A
            prevote 0 A by 0 1 2 -> locked A@0 valid A@0, sign precommit 0 A
            precommit 0 nil by 0 2 3 -> timer precommit 0
            timeout precommit 0 -> round 1, timer propose 1, sign proposal 1 A vr 0
            value 1 B ->
            proposal 1 A vr 0 -> sign prevote 1 A vr 0
        ",
    },
    Case {
        name: "L11 L18: a value that is built too late is not proposed",
        powers: &[1, 1, 1, 1],
        me: Some(0),
        script: "
            start -> round 0, timer propose 0, get 0
            timeout propose 0 -> sign prevote 0 nil
            value 0 A ->
        ",
    },
    case("L11: not the proposer", "start -> round 0, timer propose 0"),
    case(
        "L22: a fresh valid proposal is prevoted, the block before or after it",
        "
            start -> round 0, timer propose 0
            proposal 0 A -> fetch A
            block B ok ->
            block A ok -> sign prevote 0 A
            block A bad ->
            proposal 0 A ->
        ",
    ),
    case(
        "L22: an invalid value is prevoted nil at once",
        "
            start -> round 0, timer propose 0
            proposal 0 A -> fetch A
            block A bad -> sign prevote 0 nil
        ",
    ),
    case(
        "L22: an untimely one too, without waiting for the block",
        "
            start -> round 0, timer propose 0
            proposal 0 A untimely -> fetch A, sign prevote 0 nil
            block A ok ->
        ",
    ),
    case(
        "L22: not the proposer, the wrong round, a malformed valid round",
        "
            start -> round 0, timer propose 0
            block A ok ->
            proposal 0 A by 1 ->
            proposal 0 A vr 0 ->
            proposal 1 A vr 1 ->
            proposal 1 A vr 2 ->
            proposal 1 A ->
            proposal 0 A -> sign prevote 0 A
        ",
    ),
    case(
        "L22: locked on another value, nil; locked on the same, for it",
        "
            start -> round 0, timer propose 0
            block A ok ->
            proposal 0 A -> sign prevote 0 A
            prevote 0 A by 0 1 2 -> locked A@0 valid A@0, sign precommit 0 A
            precommit 1 nil by 0 1 -> round 1, timer propose 1
            proposal 1 B -> fetch B, sign prevote 1 nil
            precommit 2 nil by 0 1 -> round 2, timer propose 2
            proposal 2 A -> sign prevote 2 A
        ",
    ),
    case(
        "L28: a re-proposal waits in propose for its polka, then is prevoted with its round",
        "
            start -> round 0, timer propose 0
            timeout propose 0 -> sign prevote 0 nil
            precommit 1 nil by 0 1 -> round 1, timer propose 1
            block A ok ->
            proposal 1 A vr 0 ->
            prevote 0 A by 0 1 ->
            prevote 0 A by 2 -> sign prevote 1 A vr 0
        ",
    ),
    case(
        "L28: the polka by certificate",
        "
            start -> round 0, timer propose 0
            precommit 1 nil by 0 1 -> round 1, timer propose 1
            proposal 1 A vr 0 -> fetch A
            polka 0 A by 0 1 2 ->
            block A ok -> sign prevote 1 A vr 0
        ",
    ),
    case(
        "L28: a polka for another block or another round does not do",
        "
            start -> round 0, timer propose 0
            precommit 2 nil by 0 1 -> round 2, timer propose 2
            block A ok ->
            proposal 2 A vr 1 ->
            polka 0 A by 0 1 2 ->
            polka 1 B by 0 1 2 ->
            timeout propose 2 -> sign prevote 2 nil
        ",
    ),
    case(
        "L28: an invalid value is prevoted nil at once, whatever its polka",
        "
            start -> round 0, timer propose 0
            precommit 1 nil by 0 1 -> round 1, timer propose 1
            block A bad ->
            proposal 1 A vr 0 -> sign prevote 1 nil
        ",
    ),
    case(
        "L34: any two thirds of prevotes start the timer once, only in step prevote",
        "
            start -> round 0, timer propose 0
            prevote 0 nil by 0 ->
            prevote 0 B by 1 ->
            prevote 0 A by 2 ->
            timeout propose 0 -> sign prevote 0 nil, timer prevote 0
            prevote 0 nil by 3 ->
        ",
    ),
    case(
        "L36: in step prevote locks and precommits",
        "
            start -> round 0, timer propose 0
            block A ok ->
            proposal 0 A -> sign prevote 0 A
            prevote 0 A by 3 ->
            prevote 0 A by 0 ->
            prevote 0 A by 1 -> locked A@0 valid A@0, sign precommit 0 A
            prevote 0 A by 2 ->
        ",
    ),
    case(
        "L36: in step precommit only the valid value",
        "
            start -> round 0, timer propose 0
            block A ok ->
            proposal 0 A -> sign prevote 0 A
            prevote 0 A by 3 0 ->
            prevote 0 nil by 1 -> timer prevote 0
            timeout prevote 0 -> sign precommit 0 nil
            prevote 0 A by 2 -> locked - valid A@0
        ",
    ),
    case(
        "L36: in step propose nothing until the prevote is cast",
        "
            start -> round 0, timer propose 0
            block A ok ->
            prevote 0 A by 0 1 2 ->
            proposal 0 A -> sign prevote 0 A, locked A@0 valid A@0, sign precommit 0 A
        ",
    ),
    case(
        "L36: by certificate, and the block last",
        "
            start -> round 0, timer propose 0
            polka 0 A by 0 1 2 -> fetch A
            timeout propose 0 -> sign prevote 0 nil, timer prevote 0
            block A ok -> locked A@0 valid A@0, sign precommit 0 A
        ",
    ),
    case(
        "L36: an invalid value is never locked; the alarm sounds once",
        "
            start -> round 0, timer propose 0
            block A bad ->
            proposal 0 A -> sign prevote 0 nil
            prevote 0 A by 0 1 2 -> invalid polka 0 A, timer prevote 0
            prevote 0 nil by 3 ->
            timeout prevote 0 -> sign precommit 0 nil
            precommit 1 nil by 0 1 -> round 1, timer propose 1
            proposal 1 A vr 0 -> sign prevote 1 nil
            prevote 1 A vr 0 by 0 1 2 -> timer prevote 1
        ",
    ),
    case(
        "L44: a nil polka in step prevote, and not sooner",
        "
            start -> round 0, timer propose 0
            prevote 0 nil by 0 1 2 ->
            timeout propose 0 -> sign prevote 0 nil, sign precommit 0 nil
            prevote 0 nil by 3 ->
        ",
    ),
    case(
        "L47: any two thirds of precommits start the timer once, in any step",
        "
            start -> round 0, timer propose 0
            precommit 0 nil by 0 ->
            precommit 0 A by 1 ->
            precommit 0 B by 2 -> timer precommit 0
            precommit 0 nil by 3 ->
        ",
    ),
    case(
        "L47: a certificate counts as its signers' votes",
        "
            start -> round 0, timer propose 0
            commit 0 A by 0 1 2 -> fetch A, timer precommit 0
        ",
    ),
    case(
        "L49: two thirds of precommits for a block decide, and that is the end",
        "
            start -> round 0, timer propose 0
            block A ok ->
            precommit 0 A by 0 1 ->
            precommit 0 nil by 3 -> timer precommit 0
            precommit 0 A by 2 -> decide 0 A
            timeout precommit 0 ->
            precommit 5 nil by 0 1 2 ->
            start ->
        ",
    ),
    case(
        "L49: nil precommits decide nothing",
        "
            start -> round 0, timer propose 0
            precommit 0 nil by 0 1 2 3 -> timer precommit 0
        ",
    ),
    case(
        "L55: one honest vote of a later round skips to it",
        "
            start -> round 0, timer propose 0
            prevote 2 nil by 0 ->
            prevote 1 nil by 1 ->
            prevote 2 A by 1 -> round 2, timer propose 2
            prevote 1 nil by 0 2 ->
        ",
    ),
    case(
        "L55: each validator counts once over both types",
        "
            start -> round 0, timer propose 0
            prevote 1 nil by 0 ->
            precommit 1 nil by 0 ->
            precommit 1 nil by 2 -> round 1, timer propose 1
        ",
    ),
    case(
        "L55: a certificate of a later round skips to it",
        "
            start -> round 0, timer propose 0
            polka 2 A by 0 1 2 -> round 2, timer propose 2, fetch A
            commit 4 A by 0 1 2 -> round 4, timer propose 4, timer precommit 4
            polka 3 A by 0 1 2 ->
        ",
    ),
    case(
        "L55: to the highest round that qualifies",
        "
            prevote 1 nil by 0 1 ->
            prevote 3 nil by 0 ->
            precommit 3 nil by 1 ->
            start -> round 0, timer propose 0, round 3, timer propose 3, get 3
        ",
    ),
    case(
        "L57: the propose timeout prevotes nil, in its round and step alone",
        "
            timeout propose 0 ->
            start -> round 0, timer propose 0
            timeout propose 1 ->
            timeout prevote 0 ->
            timeout propose 0 -> sign prevote 0 nil
            timeout propose 0 ->
        ",
    ),
    case(
        "L61: the prevote timeout precommits nil, in its round and step alone",
        "
            start -> round 0, timer propose 0
            timeout propose 0 -> sign prevote 0 nil
            prevote 0 A by 0 1 ->
            prevote 0 B by 2 -> timer prevote 0
            timeout prevote 1 ->
            timeout prevote 0 -> sign precommit 0 nil
            timeout prevote 0 ->
        ",
    ),
    case(
        "L65: the precommit timeout begins the next round, from any step",
        "
            start -> round 0, timer propose 0
            precommit 0 nil by 0 1 2 -> timer precommit 0
            timeout precommit 1 ->
            timeout precommit 0 -> round 1, timer propose 1
            timeout precommit 0 ->
            timeout propose 1 -> sign prevote 1 nil
        ",
    ),
];

#[test]
fn each_rule_fires_when_it_should_and_not_else() {
    check(CASES);
}
