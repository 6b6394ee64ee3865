//! Pairs of numbers that never hold at once, and why.

use concordat_types::ResultCode;

struct Apart {
    operations: &'static [&'static str],
    one: &'static [u16],
    other: &'static [u16],
    reason: &'static str,
}

const fn apart(
    operations: &'static [&'static str],
    one: &'static [u16],
    other: &'static [u16],
    reason: &'static str,
) -> Apart {
    Apart { operations, one, other, reason }
}

const APART: &[Apart] = &[
    apart(&[], &[1], &[2], "outside the window no id is looked up"),
    apart(
        &["transfer", "hold"],
        &[10],
        &[13, 22, 23, 27, 92],
        "no account to debit: neither asset, mark, limit nor funds",
    ),
    apart(&["transfer", "hold"], &[11], &[13, 24], "no account to credit: neither asset nor mark"),
    apart(&["transfer", "hold", "issue"], &[12], &[13], "an account is of one asset"),
    apart(&["transfer", "hold", "issue", "redeem"], &[30], &[27], "0 is above nothing"),
    apart(&["transfer", "hold", "issue", "redeem"], &[30], &[31], "0 fits beside everything"),
    apart(
        &["issue"],
        &[10],
        &[12, 13, 20, 22, 23, 27, 90],
        "no asset: no issuance account, issuer, mark, limit nor quota",
    ),
    apart(&["issue"], &[11], &[12, 13, 24, 25], "no account to credit; and an issuance account is never closed"),
    apart(&["issue", "redeem"], &[12], &[25], "an issuance account is never closed"),
    apart(
        &["redeem"],
        &[10],
        &[12, 20, 22, 23, 24, 25, 27, 31, 91, 92],
        "no account to debit: no asset, hence no account to credit either, no owner, mark, limit nor funds",
    ),
    apart(
        &["post", "void"],
        &[40],
        &[20, 21, 22, 23, 24, 25, 30, 41, 42, 43, 44],
        "40 stands alone: without the hold nobody can say who decides over it",
    ),
    apart(&["post", "void", "accept", "cancel"], &[41], &[42, 43], "it ends once"),
    apart(&["post", "void", "accept", "cancel"], &[42], &[43], "it ends once"),
    apart(&["post"], &[30], &[44], "0 is not more than what is held"),
    apart(
        &["accept"],
        &[40],
        &[21, 22, 23, 24, 25, 27, 31, 41, 42, 43, 45, 91, 92],
        "no offer: no legs to be looked at",
    ),
    apart(&["accept"], &[41], &[21, 22, 23, 24, 25, 27, 31, 91, 92], "a settled offer has no open legs"),
    apart(
        &["accept"],
        &[45],
        &[21, 22, 23, 24, 25, 27, 31, 91, 92],
        "only the submitter's open legs are looked at, and there is none",
    ),
    apart(&["cancel"], &[40], &[41, 42, 43], "no offer"),
    apart(&["open"], &[13], &[50], "no asset: no account in it"),
    apart(&["open", "change"], &[14], &[15], "no parent, or no account to be below it"),
    apart(
        &["close", "limits of an account", "freeze of an account"],
        &[14],
        &[25, 51],
        "no account: neither closed nor with a balance",
    ),
    apart(&["close"], &[25], &[51], "an account is closed empty, and nothing comes into it any more"),
];

/// Listed as never at once. `operations` empty: of any operation.
pub fn is_apart(operation: &str, first: ResultCode, second: ResultCode) -> bool {
    let (first, second) = (first.number(), second.number());
    APART.iter().any(|apart| {
        (apart.operations.is_empty() || apart.operations.contains(&operation))
            && (apart.one.contains(&first) && apart.other.contains(&second)
                || apart.one.contains(&second) && apart.other.contains(&first))
    })
}

#[test]
fn every_pair_apart_has_a_reason_and_one_place() {
    for (place, apart) in APART.iter().enumerate() {
        assert!(!apart.reason.is_empty());
        for operation in apart.operations {
            for (one, other) in apart.one.iter().flat_map(|one| apart.other.iter().map(move |other| (one, other))) {
                let again = APART[..place].iter().any(|before| {
                    before.operations.contains(operation) && before.one.contains(one) && before.other.contains(other)
                });
                assert!(!again, "{operation}: {one} and {other} are listed twice");
            }
        }
    }
}
