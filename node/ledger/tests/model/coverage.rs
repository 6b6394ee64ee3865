//! What histories have met: every result that can be, and every pair of checks that failed at once.

use crate::{precedence::is_apart, reference::TransactionOutcome};
use concordat_types::{FreezeTarget, LimitScope, Operation, ResultCode, Transaction};
use std::{collections::BTreeMap, fmt::Write as _};

/// Numbers that no operation of this model gives: governance has tests of its own (`tests/governance` of the crate).
pub const NOT_HERE: &[(ResultCode, &str)] = &[
    (ResultCode::BrakeOn, "the brake is pulled by governance"),
    (ResultCode::ProposalNotFound, "proposals are governance"),
    (ResultCode::HashChanged, "proposals are governance"),
    (ResultCode::AlreadyVoted, "proposals are governance"),
    (ResultCode::ProposalExpired, "proposals are governance"),
    (ResultCode::ProposalClosed, "proposals are governance"),
    (ResultCode::KeyInUse, "keys are changed by governance"),
    (ResultCode::QuorumAtRisk, "validators are changed by governance"),
    (ResultCode::LastValidator, "validators are changed by governance"),
    (ResultCode::PowerStepTooLarge, "validators are changed by governance"),
    (ResultCode::RefusedAtExecution, "proposals are governance"),
    (ResultCode::MemberExists, "invitations are governance"),
    (ResultCode::InviteNotFound, "invitations are governance"),
    (ResultCode::InviteUsed, "invitations are governance"),
    (ResultCode::InviteExpired, "invitations are governance"),
    (ResultCode::LegalIdDiffers, "invitations are governance"),
    (ResultCode::StatusNotAllowed, "members are changed by governance"),
    (ResultCode::NotCaughtUp, "validators are changed by governance"),
    (ResultCode::TooManyOpen, "proposals are governance"),
    (ResultCode::ValueOutOfRange, "proposals are governance"),
    (ResultCode::NotAValidator, "validators are changed by governance"),
    (ResultCode::AlreadyAValidator, "validators are changed by governance"),
];

#[derive(Default)]
pub struct Coverage {
    /// Operations and transfers of batches.
    pub operations: u64,
    results: BTreeMap<(&'static str, ResultCode), u64>,
    pairs: BTreeMap<(&'static str, ResultCode, ResultCode), u64>,
    repeats: u64,
}

impl Coverage {
    pub fn add(&mut self, transaction: &Transaction, outcome: &TransactionOutcome) {
        for (operation, result) in transaction.operations.iter().zip(&outcome.operations) {
            let name = name_of(operation);
            *self.results.entry((name, result.code)).or_default() += 1;
            for code in &result.transfers {
                *self.results.entry(("transfer of a batch", *code)).or_default() += 1;
            }
            self.operations += 1 + result.transfers.len() as u64;
            self.repeats += u64::from(outcome.repeat) + result.repeats.len() as u64;
        }
        for (operation, item, refusals) in &outcome.refusals {
            let name = if *item > 0 { "transfer" } else { name_of(&transaction.operations[*operation]) };
            for first in refusals.iter() {
                for second in refusals.iter().filter(|second| *second > first) {
                    *self.pairs.entry((name, first, second)).or_default() += 1;
                }
            }
        }
    }

    /// What the tables of precedence say is never at once was not.
    pub fn check_pairs(&self) {
        for (name, first, second) in self.pairs.keys() {
            assert!(!is_apart(name, *first, *second), "{name}: {first} and {second} were met, but are listed as apart");
        }
    }

    /// Every result that can be given was given, and none of those that cannot.
    pub fn check_results(&self) {
        for code in ResultCode::ALL {
            let met = self.results.keys().any(|(_, met)| met == code);
            match NOT_HERE.iter().find(|(never, _)| never == code) {
                Some((_, reason)) => assert!(!met, "{code} was met, though {reason}"),
                None => assert!(met, "{code} was never met"),
            }
        }
        assert!(self.repeats > 0, "nothing was repeated");
    }

    pub fn report(&self) -> String {
        let mut text =
            format!("{} operations, {} repeats, {} pairs\n", self.operations, self.repeats, self.pairs.len());
        for ((name, code), count) in &self.results {
            writeln!(text, "{count:8} {name} {code}").expect("writing to a string");
        }
        text
    }
}

pub fn name_of(operation: &Operation) -> &'static str {
    match operation {
        Operation::OpenAccount(_) => "open",
        Operation::Issue { .. } => "issue",
        Operation::Transfer(_) => "transfer",
        Operation::Batch { .. } => "batch",
        Operation::Redeem { .. } => "redeem",
        Operation::Hold(_) => "hold",
        Operation::Post { .. } => "post",
        Operation::Void { .. } => "void",
        Operation::Offer(_) => "offer",
        Operation::Accept { .. } => "accept",
        Operation::Cancel { .. } => "cancel",
        Operation::CloseAccount { .. } => "close",
        Operation::ChangeAccount { .. } => "change",
        Operation::SetLimits { scope: LimitScope::Account(_), .. } => "limits of an account",
        Operation::SetLimits { scope: LimitScope::Tier { .. } | LimitScope::Member { .. }, .. } => {
            "limits of a tier or member"
        }
        Operation::SetLimits { scope: LimitScope::Bilateral { .. }, .. } => "limits of a pair",
        Operation::Freeze { target: FreezeTarget::Account(_), .. } => "freeze of an account",
        Operation::Freeze { target: FreezeTarget::Asset(_), .. } => "freeze of an asset",
        Operation::Freeze { target: FreezeTarget::Member(_), .. } => "freeze of a member",
        Operation::EndOfDay { .. } => "end of day",
        Operation::CreateAsset { .. } => "create asset",
        Operation::SetQuota { .. } => "quota",
        Operation::Propose(_) => "propose",
        Operation::Vote { .. } => "vote",
        Operation::Withdraw { .. } => "withdraw",
        Operation::Invite(_) => "invite",
        Operation::RevokeInvite { .. } => "revoke invite",
        Operation::FileJoin(_) => "file join",
        Operation::ProveCaughtUp(_) => "prove caught up",
    }
}
