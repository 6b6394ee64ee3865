//! Locks: when they bind, when they move, and that they never convict an honest validator.

use super::{Case, case, check};

pub const CASES: &[Case] = &[
    case(
        "a nil polka does not unlock",
        "
            start -> round 0, timer propose 0
            block A ok ->
            block B ok ->
            proposal 0 A -> sign prevote 0 A
            prevote 0 A by 0 1 3 -> locked A@0 valid A@0, sign precommit 0 A
            precommit 0 nil by 0 1 2 -> timer precommit 0
            timeout precommit 0 -> round 1, timer propose 1
            timeout propose 1 -> sign prevote 1 nil
            prevote 1 nil by 0 1 2 -> sign precommit 1 nil
            precommit 1 nil by 0 1 2 -> timer precommit 1
            timeout precommit 1 -> round 2, timer propose 2
            proposal 2 B -> sign prevote 2 nil
        ",
    ),
    case(
        "unlocks only on a later polka",
        "
            start -> round 0, timer propose 0
            block A ok ->
            block B ok ->
            precommit 1 nil by 0 1 -> round 1, timer propose 1
            proposal 1 A -> sign prevote 1 A
            prevote 1 A by 0 1 3 -> locked A@1 valid A@1, sign precommit 1 A
            polka 0 B by 0 1 2 ->
            precommit 4 nil by 0 1 -> round 4, timer propose 4
            # A polka older than the lock.
            proposal 4 B vr 0 -> sign prevote 4 nil
            precommit 5 nil by 0 1 -> round 5, timer propose 5
            # A later one, that has yet to come.
            proposal 5 B vr 2 ->
            polka 2 B by 0 1 2 -> sign prevote 5 B vr 2
            prevote 5 B vr 2 by 0 1 2 -> locked B@5 valid B@5, sign precommit 5 B
        ",
    ),
    case(
        "lines 28 and 29 say at most: a polka of the very round of the lock unlocks, though a third must have lied",
        "
            start -> round 0, timer propose 0
            block A ok ->
            block B ok ->
            proposal 0 A -> sign prevote 0 A
            prevote 0 A by 0 1 3 -> locked A@0 valid A@0, sign precommit 0 A
            polka 0 B by 0 1 2 ->
            precommit 1 nil by 0 1 -> round 1, timer propose 1
            proposal 1 B vr 0 -> sign prevote 1 B vr 0
        ",
    ),
    case(
        "the locked value is prevoted again with its round",
        "
            start -> round 0, timer propose 0
            block A ok ->
            proposal 0 A -> sign prevote 0 A
            prevote 0 A by 0 1 3 -> locked A@0 valid A@0, sign precommit 0 A
            precommit 1 nil by 0 1 -> round 1, timer propose 1
            proposal 1 A vr 0 -> sign prevote 1 A vr 0
        ",
    ),
    case(
        "a lock moves on a polka for another block even where we prevoted nil",
        "
            start -> round 0, timer propose 0
            block A ok ->
            block B ok ->
            proposal 0 A -> sign prevote 0 A
            prevote 0 A by 0 1 3 -> locked A@0 valid A@0, sign precommit 0 A
            precommit 1 nil by 0 1 -> round 1, timer propose 1
            proposal 1 B -> sign prevote 1 nil
            prevote 1 B by 0 1 2 -> locked B@1 valid B@1, sign precommit 1 B
        ",
    ),
    case(
        "the valid value moves without the lock, and is what we propose",
        "
            start -> round 0, timer propose 0
            block A ok ->
            block B ok ->
            proposal 0 A -> sign prevote 0 A
            prevote 0 A by 0 1 3 -> locked A@0 valid A@0, sign precommit 0 A
            precommit 1 nil by 0 1 -> round 1, timer propose 1
            proposal 1 B -> sign prevote 1 nil
            prevote 1 nil by 3 0 ->
            prevote 1 B by 1 -> timer prevote 1
            timeout prevote 1 -> sign precommit 1 nil
            polka 1 B by 0 1 2 -> locked A@0 valid B@1
            precommit 3 nil by 0 1 -> round 3, timer propose 3, sign proposal 3 B vr 1
            proposal 3 B vr 1 -> sign prevote 3 B vr 1
        ",
    ),
    case(
        "hidden lock: one locked alone, the others come round to its value by its re-proposal",
        "
            # We are one of the others: the polka of round 0 was not seen in time.
            start -> round 0, timer propose 0
            block A ok ->
            proposal 0 A -> sign prevote 0 A
            prevote 0 A by 3 0 ->
            prevote 0 nil by 2 -> timer prevote 0
            timeout prevote 0 -> sign precommit 0 nil
            precommit 0 nil by 2 3 ->
            precommit 0 A by 1 -> timer precommit 0
            timeout precommit 0 -> round 1, timer propose 1
            proposal 1 A vr 0 ->
            polka 0 A by 0 1 3 -> sign prevote 1 A vr 0
            prevote 1 A vr 0 by 0 1 3 -> locked A@1 valid A@1, sign precommit 1 A
            precommit 1 A by 0 1 3 -> decide 1 A
        ",
    ),
    case(
        "no prevote that would convict us: locked on B after A, B is proposed as if fresh",
        "
            start -> round 0, timer propose 0
            block A ok ->
            block B ok ->
            proposal 0 A -> sign prevote 0 A
            prevote 0 A by 0 1 3 -> locked A@0 valid A@0, sign precommit 0 A
            precommit 0 A by 3 ->
            precommit 1 nil by 0 1 -> round 1, timer propose 1
            timeout propose 1 -> sign prevote 1 nil
            prevote 1 B by 0 1 2 -> locked B@1 valid B@1, sign precommit 1 B
            precommit 1 B by 3 -> timer precommit 1
            precommit 4 nil by 0 1 -> round 4, timer propose 4
            # The paper's line 23 prevotes this, and with our precommit of round 0 that is evidence against us.
            proposal 4 B -> sign prevote 4 nil
            prevote 4 nil by 3 ->
            precommit 5 nil by 0 1 -> round 5, timer propose 5
            # What an honest proposer says.
            proposal 5 B vr 1 -> sign prevote 5 B vr 1
            prevote 5 B vr 1 by 3 ->
        ",
    ),
];

#[test]
fn locks() {
    check(CASES);
}
