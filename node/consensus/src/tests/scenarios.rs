//! Courses of events that need more than one rule.

use super::{Case, case, check};

pub const CASES: &[Case] = &[
    case(
        "messages that come before the start are kept",
        "
            proposal 0 A ->
            prevote 0 A by 0 1 ->
            block A ok ->
            precommit 0 A by 0 ->
            start -> round 0, timer propose 0, sign prevote 0 A
            prevote 0 A by 3 -> locked A@0 valid A@0, sign precommit 0 A
        ",
    ),
    case(
        "unstarted, a commit decides all the same",
        "
            commit 2 A by 0 1 2 -> fetch A
            commit 2 A by 0 1 3 ->
            block A ok -> decide 2 A certified
        ",
    ),
    case(
        "decide in a past round",
        "
            start -> round 0, timer propose 0
            block A ok ->
            precommit 0 A by 0 1 ->
            precommit 0 nil by 2 -> timer precommit 0
            timeout precommit 0 -> round 1, timer propose 1
            precommit 0 A by 3 -> decide 0 A
        ",
    ),
    case(
        "decide in a future round, before skipping to it",
        "
            start -> round 0, timer propose 0
            block A ok ->
            precommit 4 A by 0 ->
            commit 4 A by 0 1 2 -> decide 4 A certified
        ",
    ),
    case(
        "decide in a round far beyond the window",
        "
            start -> round 0, timer propose 0
            block A ok ->
            commit 4000000000 A by 0 1 2 -> decide 4000000000 A certified
        ",
    ),
    case(
        "the certificate before the block: fetched once, decided when it comes, the height is not left",
        "
            start -> round 0, timer propose 0
            commit 0 A by 0 1 2 -> fetch A, timer precommit 0
            precommit 0 A by 0 1 2 ->
            timeout precommit 0 -> round 1, timer propose 1
            proposal 1 A ->
            block A ok -> decide 0 A certified
        ",
    ),
    case(
        "a commit for an invalid block: an alarm, once, and no decision",
        "
            start -> round 0, timer propose 0
            commit 0 A by 0 1 2 -> fetch A, timer precommit 0
            block A bad -> invalid commit 0 A
            commit 1 A by 0 1 2 -> round 1, timer propose 1, timer precommit 1
        ",
    ),
    case(
        "an untimely proposal can be locked and decided when the others saw it in time",
        "
            start -> round 0, timer propose 0
            block A ok ->
            proposal 0 A untimely -> sign prevote 0 nil
            prevote 0 A by 0 1 2 -> locked A@0 valid A@0, sign precommit 0 A
            precommit 0 A by 0 1 3 -> decide 0 A
        ",
    ),
    case(
        "prevotes for one block with different valid rounds are no polka",
        "
            start -> round 0, timer propose 0
            block A ok ->
            polka 0 A by 0 1 2 ->
            polka 1 A vr 0 by 0 1 2 -> round 1, timer propose 1
            precommit 2 nil by 0 1 -> round 2, timer propose 2
            proposal 2 A vr 0 -> sign prevote 2 A vr 0
            prevote 2 A vr 0 by 0 3 ->
            prevote 2 A vr 1 by 1 2 -> timer prevote 2
        ",
    ),
    case(
        "a polka of any valid round serves a re-proposal",
        "
            start -> round 0, timer propose 0
            block A ok ->
            precommit 2 nil by 0 1 -> round 2, timer propose 2
            proposal 2 A vr 1 ->
            prevote 1 A vr 0 by 0 1 2 -> sign prevote 2 A vr 1
        ",
    ),
    case(
        "equivocation: the first vote counts, the second convicts, once a type",
        "
            start -> round 0, timer propose 0
            block A ok ->
            proposal 0 A -> sign prevote 0 A
            prevote 0 A by 0 3 ->
            prevote 0 nil by 1 -> timer prevote 0
            prevote 0 A by 1 -> evidence duplicate 1
            prevote 0 B by 1 ->
            precommit 0 nil by 1 ->
            precommit 0 A by 1 -> evidence duplicate 1
            precommit 0 A by 0 2 -> timer precommit 0
            precommit 0 A by 3 -> decide 0 A
        ",
    ),
    case(
        "equivocation in the valid round alone, of a prevote and of a proposal",
        "
            start -> round 0, timer propose 0
            prevote 2 A vr 0 by 1 ->
            prevote 2 A vr 0 by 1 ->
            prevote 2 A vr 1 by 1 -> evidence duplicate 1
            proposal 2 A vr 0 ->
            proposal 2 A vr 1 -> evidence duplicate 2
            proposal 2 A vr 0 ->
        ",
    ),
    case(
        "two proposals of a round: the first stands",
        "
            start -> round 0, timer propose 0
            block B ok ->
            proposal 0 A -> fetch A
            proposal 0 B -> evidence duplicate 0
            proposal 0 C ->
            block A ok -> sign prevote 0 A
        ",
    ),
    case(
        "a breach of a lock convicts in either order of arrival, once a validator",
        "
            start -> round 0, timer propose 0
            precommit 0 A by 1 ->
            prevote 1 A by 1 ->
            prevote 3 B vr 1 by 1 ->
            prevote 4 B vr 0 by 1 ->
            prevote 2 nil by 1 ->
            prevote 1 B by 0 -> round 1, timer propose 1
            precommit 0 A by 0 -> evidence lock 0
            precommit 1 A by 2 ->
            prevote 2 B vr 0 by 2 -> evidence lock 2, round 2, timer propose 2
            prevote 3 B vr 0 by 2 -> round 3, timer propose 3, get 3
        ",
    ),
    Case {
        name: "a follower decides, keeps up, and signs nothing",
        powers: &[1, 1, 1, 1],
        me: None,
        script: "
            start -> round 0, timer propose 0
            proposal 0 A -> fetch A
            block A ok ->
            prevote 0 A by 0 1 2 ->
            precommit 0 nil by 0 1 2 -> timer precommit 0
            timeout precommit 0 -> round 1, timer propose 1
            timeout propose 1 ->
            prevote 1 nil by 0 1 2 ->
            precommit 3 nil by 0 1 -> round 3, timer propose 3
            commit 2 A by 0 1 2 -> decide 2 A certified
        ",
    },
    Case {
        name: "a validator alone decides with its own votes",
        powers: &[7],
        me: Some(0),
        script: "
            start -> round 0, timer propose 0, get 0
            value 0 A -> sign proposal 0 A
            proposal 0 A -> sign prevote 0 A
            prevote 0 A by 0 -> locked A@0 valid A@0, sign precommit 0 A
            precommit 0 A by 0 -> decide 0 A
        ",
    },
    Case {
        name: "votes from outside the set count for nothing",
        powers: &[1, 1, 1, 1],
        me: Some(3),
        script: "
            start -> round 0, timer propose 0
            precommit 0 A by 4 5 6 7 ->
            precommit 1 A by 4 5 6 7 ->
            commit 1 A by 0 1 ->
        ",
    },
];

#[test]
fn scenarios() {
    check(CASES);
}
