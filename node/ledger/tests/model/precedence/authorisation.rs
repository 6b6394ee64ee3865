//! Who may do what: every operation, handed in by every member, signed by every key there is.

use super::{Case, cases};
use crate::scene::{BANKS, CENTRAL_BANK, KEYS, SUPERVISOR, account_id, asset_code, key, member_id};
use concordat_types::{FreezeTarget, LimitScope, ResultCode, Rights, Tier};

/// One who may: handed in by this member (None: by any), signed by an operator key of that member with the right.
type May = (Option<&'static str>, &'static str, Rights);

/// The submitter always signs, by a key without any of these rights.
fn check(what: &str, cases: &[Case], may: &[May]) {
    for case in cases {
        for submitter in BANKS.into_iter().chain([CENTRAL_BANK, SUPERVISOR]) {
            for signer in BANKS.into_iter().chain([CENTRAL_BANK, SUPERVISOR]) {
                for (suffix, rights) in KEYS {
                    let mut case = case.clone();
                    case.submitter = member_id(submitter);
                    case.signers = vec![key(case.submitter, ".read"), key(member_id(signer), suffix)];
                    let expected = may.iter().any(|(by, member, right)| {
                        by.is_none_or(|by| by == submitter) && *member == signer && rights.contains(*right)
                    });
                    let (code, _) = case.run();
                    let is_authorised = code != ResultCode::NotAuthorised;
                    assert_eq!(is_authorised, expected, "{what}: by {submitter}, signed by {signer}{suffix}: {code}");
                }
            }
        }
    }
}

#[test]
fn payments() {
    check("transfer", &cases::transfers(), &[(None, "bank-a", Rights::PAY)]);
    check("issue", &[cases::issues()], &[(Some("bank-b"), "bank-b", Rights::ISSUE)]);
    check("redeem", &[cases::redemption()], &[(None, "bank-a", Rights::PAY)]);
}

#[test]
fn holds_and_offers() {
    check("hold", &[cases::hold()], &[(None, "bank-a", Rights::PAY)]);
    let [by_debtor, by_creditor] = cases::posts();
    check("post", &[by_debtor], &[(None, "bank-a", Rights::PAY)]);
    check("post", &[by_creditor], &[(None, "bank-c", Rights::PAY)]);
    let [by_debtor, by_creditor] = cases::voids();
    check("void", &[by_debtor], &[(None, "bank-a", Rights::PAY), (None, "bank-c", Rights::PAY)]);
    check("void", &[by_creditor], &[(None, "bank-c", Rights::PAY)]);
    let payers = &[(Some("bank-a"), "bank-a", Rights::PAY), (Some("bank-c"), "bank-c", Rights::PAY)];
    check("offer", &[cases::offer()], payers);
    check("cancel", &[cases::cancellation()], payers);
    // Whoever has nothing to accept is told that, if it may pay at all.
    let all = ["bank-a", "bank-b", "bank-c", "bank-d", CENTRAL_BANK, SUPERVISOR];
    check("accept", &[cases::acceptance()], &all.map(|member| (Some(member), member, Rights::PAY)));
}

#[test]
fn accounts_and_limits() {
    // Each member opens its own, wherever a parent does not say whose it must be.
    let all = ["bank-a", "bank-b", "bank-c", "bank-d", CENTRAL_BANK, SUPERVISOR];
    let mut opening = cases::opening();
    opening.open_without_parent();
    check("open", &[opening], &all.map(|member| (Some(member), member, Rights::ACCOUNTS)));
    let own = &[(Some("bank-a"), "bank-a", Rights::ACCOUNTS)];
    check("close", &[cases::closing()], own);
    check("change", &[cases::change()], own);
    let child = LimitScope::Account(account_id("bank-a/BIG/child"));
    check("limits", &[cases::limits(child)], &[(Some("bank-a"), "bank-a", Rights::LIMITS)]);
    let asset = asset_code("BIG");
    let scopes = [LimitScope::Tier { asset, tier: Tier(1) }, LimitScope::Member { asset }];
    check("limits", &scopes.map(cases::limits), &all.map(|member| (Some(member), member, Rights::LIMITS)));
}

#[test]
fn freezes_and_assets() {
    let child = FreezeTarget::Account(account_id("bank-a/BIG/child"));
    let owner_and_issuer = &[(Some("bank-a"), "bank-a", Rights::FREEZE), (Some("bank-b"), "bank-b", Rights::FREEZE)];
    check("freeze", &[cases::freeze("bank-a", child)], owner_and_issuer);
    let asset = FreezeTarget::Asset(asset_code("BIG"));
    check("freeze", &[cases::freeze("bank-b", asset)], &[(Some("bank-b"), "bank-b", Rights::FREEZE)]);
    let central_bank = |right| [(Some(CENTRAL_BANK), CENTRAL_BANK, right)];
    let member = FreezeTarget::Member(member_id("bank-a"));
    check("freeze", &[cases::freeze(CENTRAL_BANK, member)], &central_bank(Rights::FREEZE));
    check("end of day", &[cases::end_of_day()], &central_bank(Rights::ASSETS));
    check("quota", &[cases::quota()], &central_bank(Rights::ASSETS));
    let [of_central_bank, of_bank] = cases::new_assets();
    check("create asset", &[of_central_bank], &central_bank(Rights::ASSETS));
    let [own] = central_bank(Rights::ASSETS);
    check("create asset", &[of_bank], &[own, (Some("bank-c"), "bank-c", Rights::ASSETS)]);
}

/// Two keys of one member: one with the operation's right, another that may approve.
#[test]
fn second_keys() {
    use super::faults::{SECOND_KEY_OF_ACCEPTOR, SECOND_KEY_OF_ACCOUNT, SECOND_KEY_OF_ISSUANCE};
    let [transfer, ..] = cases::transfers();
    for (case, fault, right) in [
        (transfer, SECOND_KEY_OF_ACCOUNT, Rights::PAY),
        (cases::redemption(), SECOND_KEY_OF_ACCOUNT, Rights::PAY),
        (cases::hold(), SECOND_KEY_OF_ACCOUNT, Rights::PAY),
        (cases::offer(), SECOND_KEY_OF_ACCOUNT, Rights::PAY),
        (cases::issues(), SECOND_KEY_OF_ISSUANCE, Rights::ISSUE),
        (cases::acceptance(), SECOND_KEY_OF_ACCEPTOR, Rights::PAY),
    ] {
        for (first, first_rights) in KEYS {
            for (second, second_rights) in KEYS {
                let mut case = case.clone();
                (fault.1)(&mut case);
                case.signers = vec![key(case.submitter, first), key(case.submitter, second)];
                let makes = first_rights.contains(right) || second_rights.contains(right);
                let approves = |maker: &Rights, checker: &Rights| {
                    maker.contains(right) && checker.contains(Rights::APPROVE) && first != second
                };
                let expected =
                    match (makes, approves(first_rights, second_rights) || approves(second_rights, first_rights)) {
                        (false, _) => ResultCode::NotAuthorised,
                        (true, false) => ResultCode::SecondKeyMissing,
                        (true, true) => ResultCode::Ok,
                    };
                assert_eq!(case.run().0, expected, "{first} and {second}");
            }
        }
    }
}
