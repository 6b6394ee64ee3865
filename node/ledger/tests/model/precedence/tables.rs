//! Which numbers each operation can give, and the faults that make it give them.

use super::{Fault, Numbers, cases, check, faults::*};
use crate::scene::{CENTRAL_BANK, account_id, asset_code, member_id};
use concordat_types::{FreezeTarget, LimitScope, Tier};

const LEG: &[Fault] = &[
    CREDIT_NOT_FOUND,
    SAME_ACCOUNT,
    OTHER_ASSET,
    KEY_WITHOUT_RIGHT,
    SUBMITTER_SUSPENDED,
    PAYEE_SUSPENDED,
    ASSET_FROZEN,
    PAYEE_FROZEN,
    PAYEE_FROZEN_BY_ISSUER,
    PAYEE_MEMBER_FROZEN,
    PAYEE_CLOSED,
    OTHER_ASSET_AND_CLOSED,
    AMOUNT_ZERO,
    PAYEE_OVERFLOWS,
    BALANCE_LIMIT,
];

const PAYER: &[Fault] = &[
    DEBIT_NOT_FOUND,
    BY_ANOTHER,
    PAYER_FROZEN_BY_OWNER,
    PAYER_FROZEN_BY_ISSUER,
    PAYER_MEMBER_FROZEN,
    PAYER_CLOSED,
    SECOND_KEY_OF_ACCOUNT,
    SECOND_KEY_OF_MEMBER,
    PAYER_OVERFLOWS,
    DAY_LIMIT_PASSED,
    TRANSFER_LIMIT,
    SPENT,
];

#[test]
fn of_a_transfer() {
    let numbers = Numbers { name: "transfer", numbers: &[10, 11, 12, 13, 20, 21, 22, 23, 24, 25, 27, 30, 31, 91, 92] };
    check(&numbers, &cases::transfers(), &[LEG, PAYER, &[FROM_ISSUANCE, TO_ISSUANCE]].concat());
}

#[test]
fn of_an_issue() {
    let numbers = Numbers { name: "issue", numbers: &[10, 11, 12, 13, 20, 21, 22, 23, 24, 25, 27, 30, 31, 90, 91] };
    let own = [
        NO_SUCH_ASSET,
        BY_ANOTHER,
        ISSUANCE_FROZEN,
        SECOND_KEY_OF_ISSUANCE,
        ISSUANCE_OVERFLOWS,
        QUOTA_LOWERED,
        ISSUANCE_LIMIT,
        ISSUANCE_DAY_LIMIT_PASSED,
    ];
    check(&numbers, &[cases::issues()], &[LEG, &own].concat());
}

#[test]
fn of_a_redemption() {
    let numbers = Numbers { name: "redeem", numbers: &[10, 12, 20, 21, 22, 23, 24, 25, 27, 30, 31, 91, 92] };
    let own = [
        KEY_WITHOUT_RIGHT,
        FROM_ISSUANCE,
        SUBMITTER_SUSPENDED,
        ASSET_FROZEN,
        ISSUANCE_FROZEN,
        SECOND_KEY_OF_ISSUANCE,
        AMOUNT_ZERO,
        REDEEMS_TOO_MUCH,
        MEMBER_LIMIT,
        ISSUANCE_DAY_LIMIT_PASSED,
    ];
    check(&numbers, &[cases::redemption()], &[PAYER, &own].concat());
}

#[test]
fn of_a_hold() {
    let numbers = Numbers { name: "hold", numbers: &[10, 11, 12, 13, 20, 21, 22, 23, 24, 25, 27, 30, 31, 43, 91, 92] };
    check(&numbers, &[cases::hold()], &[LEG, PAYER, &[FROM_ISSUANCE, TO_ISSUANCE, ENDS_NOW]].concat());
}

#[test]
fn of_a_post() {
    let numbers = Numbers { name: "post", numbers: &[20, 21, 22, 23, 24, 25, 30, 40, 41, 42, 43, 44] };
    let faults = [
        NO_SUCH_PENDING,
        KEY_WITHOUT_RIGHT,
        BY_ANOTHER,
        SUBMITTER_SUSPENDED,
        PAYEE_SUSPENDED,
        ASSET_FROZEN,
        PAYER_FROZEN_BY_OWNER,
        PAYEE_FROZEN,
        PAYEE_MEMBER_FROZEN,
        AMOUNT_ZERO,
        POSTED,
        POSTED_AND_PAYEE_CLOSED,
        VOIDED,
        VOIDED_AND_PAYEE_CLOSED,
        EXPIRED,
        EXPIRED_AND_PAYEE_CLOSED,
        MORE_THAN_HELD,
    ];
    check(&numbers, &cases::posts(), &faults);
}

#[test]
fn of_a_void() {
    let numbers = Numbers { name: "void", numbers: &[20, 40, 41, 42, 43] };
    let faults = [NO_SUCH_PENDING, KEY_WITHOUT_RIGHT, BY_ANOTHER, POSTED, VOIDED, EXPIRED];
    check(&numbers, &cases::voids(), &faults);
}

#[test]
fn of_an_offer() {
    let numbers = Numbers { name: "offer", numbers: &[10, 11, 12, 13, 20, 21, 22, 23, 24, 25, 27, 30, 31, 43, 91, 92] };
    let own = [
        FROM_ISSUANCE,
        TO_ISSUANCE,
        ENDS_NOW,
        SECOND_DEBIT_NOT_FOUND,
        SECOND_CREDIT_NOT_FOUND,
        SECOND_SAME_ACCOUNT,
        SECOND_OTHER_ASSET,
        SECOND_AMOUNT_ZERO,
    ];
    check(&numbers, &[cases::offer()], &[LEG, PAYER, &own].concat());
}

#[test]
fn of_an_acceptance() {
    let numbers = Numbers { name: "accept", numbers: &[20, 21, 22, 23, 24, 25, 27, 31, 40, 41, 42, 43, 45, 91, 92] };
    let faults = [
        NO_SUCH_PENDING,
        KEY_WITHOUT_RIGHT,
        BY_ANOTHER,
        SUBMITTER_SUSPENDED,
        OFFERER_SUSPENDED,
        ASSET_FROZEN,
        OFFERED_ASSET_FROZEN,
        ACCEPTOR_FROZEN,
        OFFERED_ACCOUNT_FROZEN,
        OFFERER_FROZEN,
        OFFERER_MEMBER_FROZEN,
        OFFERER_CLOSED,
        SECOND_KEY_OF_ACCEPTOR,
        OFFERER_OVERFLOWS,
        SETTLED,
        CANCELLED,
        EXPIRED,
        ACCEPTOR_LIMIT,
        ACCEPTOR_SPENT,
    ];
    check(&numbers, &[cases::acceptance()], &faults);
}

#[test]
fn of_a_cancellation() {
    let numbers = Numbers { name: "cancel", numbers: &[20, 40, 41, 42, 43] };
    let faults = [NO_SUCH_PENDING, KEY_WITHOUT_RIGHT, BY_ANOTHER, SETTLED, CANCELLED, EXPIRED];
    check(&numbers, &[cases::cancellation()], &faults);
}

#[test]
fn of_opening_an_account() {
    let numbers = Numbers { name: "open", numbers: &[13, 14, 15, 20, 21, 50] };
    let faults = [
        NO_SUCH_ASSET,
        NO_SUCH_PARENT,
        PARENT_OF_ANOTHER,
        PARENT_CLOSED,
        PARENT_ITSELF,
        NAMED_ISSUANCE,
        KEY_WITHOUT_RIGHT,
        SUBMITTER_SUSPENDED,
        OPEN_ALREADY,
    ];
    check(&numbers, &[cases::opening()], &faults);
}

#[test]
fn of_closing_an_account() {
    let numbers = Numbers { name: "close", numbers: &[14, 20, 21, 25, 51] };
    let faults = [
        NO_SUCH_ACCOUNT,
        ISSUANCE_ACCOUNT,
        KEY_WITHOUT_RIGHT,
        BY_ANOTHER,
        SUBMITTER_SUSPENDED,
        CHILD_CLOSED,
        CHILD_HOLDS_MONEY,
    ];
    check(&numbers, &[cases::closing()], &faults);
}

#[test]
fn of_changing_an_account() {
    let numbers = Numbers { name: "change", numbers: &[14, 15, 20, 21, 25] };
    let faults = [
        NO_SUCH_ACCOUNT,
        NO_SUCH_PARENT,
        PARENT_OF_ANOTHER,
        PARENT_CLOSED,
        PARENT_ITSELF,
        ISSUANCE_ACCOUNT,
        KEY_WITHOUT_RIGHT,
        BY_ANOTHER,
        SUBMITTER_SUSPENDED,
        CHILD_CLOSED,
    ];
    check(&numbers, &[cases::change()], &faults);
}

#[test]
fn of_limits() {
    let common = [KEY_WITHOUT_RIGHT, SUBMITTER_SUSPENDED];
    let account = LimitScope::Account(account_id("bank-a/BIG/child"));
    check(
        &Numbers { name: "limits of an account", numbers: &[14, 20, 21, 25] },
        &[cases::limits(account)],
        &[&common[..], &[NO_SUCH_ACCOUNT, BY_ANOTHER, CHILD_CLOSED]].concat(),
    );
    let asset = asset_code("BIG");
    check(
        &Numbers { name: "limits of a tier or member", numbers: &[13, 20, 21] },
        &[cases::limits(LimitScope::Tier { asset, tier: Tier(1) }), cases::limits(LimitScope::Member { asset })],
        &[&common[..], &[NO_SUCH_ASSET]].concat(),
    );
    check(
        &Numbers { name: "limits of a pair", numbers: &[13, 20, 21, 65] },
        &[cases::limits(LimitScope::Bilateral { asset, counterparty: member_id("bank-c") })],
        &[&common[..], &[NO_SUCH_ASSET, NO_SUCH_COUNTERPARTY, COUNTERPARTY_ITSELF]].concat(),
    );
}

#[test]
fn of_a_freeze() {
    let common = [KEY_WITHOUT_RIGHT, BY_ANOTHER, SUBMITTER_SUSPENDED];
    let account = FreezeTarget::Account(account_id("bank-a/BIG/child"));
    check(
        &Numbers { name: "freeze of an account", numbers: &[14, 20, 21, 25] },
        &[cases::freeze("bank-a", account), cases::freeze("bank-b", account)],
        &[&common[..], &[NO_SUCH_ACCOUNT, CHILD_CLOSED]].concat(),
    );
    check(
        &Numbers { name: "freeze of an asset", numbers: &[13, 20, 21] },
        &[cases::freeze("bank-b", FreezeTarget::Asset(asset_code("BIG")))],
        &[&common[..], &[NO_SUCH_ASSET]].concat(),
    );
    check(
        &Numbers { name: "freeze of a member", numbers: &[20, 21, 65] },
        &[cases::freeze(CENTRAL_BANK, FreezeTarget::Member(member_id("bank-a")))],
        &[&common[..], &[NO_SUCH_MEMBER]].concat(),
    );
}

#[test]
fn of_what_the_central_bank_does() {
    let common = [KEY_WITHOUT_RIGHT, BY_ANOTHER, SUBMITTER_SUSPENDED];
    check(
        &Numbers { name: "end of day", numbers: &[20, 21, 80] },
        &[cases::end_of_day()],
        &[&common[..], &[SAME_DATE, TOO_FAR_AHEAD]].concat(),
    );
    check(
        &Numbers { name: "create asset", numbers: &[20, 21, 50, 65] },
        &cases::new_assets(),
        &[&common[..], &[BY_SUPERVISOR, PAYEE_SUSPENDED, ASSET_EXISTS, NO_SUCH_MEMBER]].concat(),
    );
    check(
        &Numbers { name: "quota", numbers: &[13, 20, 21] },
        &[cases::quota()],
        &[&common[..], &[NO_SUCH_ASSET]].concat(),
    );
}
