//! What a proposal needs in order to be adopted, and what it does to the voting power: for whoever is about to file it.

use crate::client::{GovernanceView, needed};
use concordat_types::{Change, MemberId, MemberStatus, Power, Proposal, Threshold};
use serde_json::{Value, json};
use std::collections::BTreeMap;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Impact {
    /// Who has a say.
    pub deciders: Vec<MemberId>,
    /// Of a common change: so many of them adopt it.
    pub needed: u32,
    /// None: an own change.
    pub threshold: Option<Threshold>,
    /// Of the proposer's people, so many of so many admin keys speak for it.
    pub own_keys: (u8, usize),
    /// Where the set of validators changes.
    pub power: Option<(Voting, Voting)>,
    pub warnings: Vec<String>,
}

/// A set of validators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Voting {
    pub validators: usize,
    pub power: u128,
}

impl Voting {
    fn of(powers: &BTreeMap<MemberId, Power>) -> Voting {
        Voting { validators: powers.len(), power: powers.values().map(|power| u128::from(*power)).sum() }
    }

    /// The least power that is more than two thirds.
    pub fn quorum(self) -> u128 {
        self.power * 2 / 3 + 1
    }

    /// So much power may be away.
    pub fn spare(self) -> u128 {
        self.power.saturating_sub(self.quorum())
    }

    fn to_json(self) -> Value {
        json!({
            "validators": self.validators,
            "power": self.power.to_string(),
            "quorum": self.quorum().to_string(),
            "may_be_away": self.spare().to_string(),
        })
    }

    fn text(self) -> String {
        let Voting { validators, power } = self;
        format!("{validators} validators, power {power}, quorum {}, may be away {}", self.quorum(), self.spare())
    }
}

pub fn of(proposal: &Proposal, proposer: MemberId, view: &GovernanceView) -> Impact {
    let kind = proposal.change.kind();
    let own_keys = view.members.iter().find(|member| member.member.id == proposer);
    let own_keys = own_keys.map_or((0, 0), |own| (own.member.admin_keys.k, own.member.admin_keys.keys.len()));
    let active = view.members.iter().filter(|member| member.member.status == MemberStatus::Active);
    let deciders: Vec<MemberId> = match kind.is_own() {
        true => vec![proposer],
        false => active.map(|member| member.member.id).collect(),
    };
    let threshold = match (kind.is_own(), proposal.forced) {
        (true, _) => None,
        (false, true) => Some(Threshold::FORCED),
        (false, false) => Some(view.record.threshold(kind)),
    };
    let count = u32::try_from(deciders.len()).unwrap_or(u32::MAX);
    let needed = threshold.map_or(1, |Threshold { parts, of }| needed(count, parts.into(), of.into()));
    let before: BTreeMap<MemberId, Power> = view
        .members
        .iter()
        .filter_map(|member| Some((member.member.id, member.member.validator.as_ref()?.power)))
        .collect();
    let after = after(&proposal.change, &before);
    let mut warnings = Vec::new();
    if let Some(after) = &after {
        warn(&before, after, &mut warnings);
    }
    let power = after.map(|after| (Voting::of(&before), Voting::of(&after)));
    Impact { deciders, needed, threshold, own_keys, power, warnings }
}

/// The validators afterwards; None where they stay the same.
fn after(change: &Change, before: &BTreeMap<MemberId, Power>) -> Option<BTreeMap<MemberId, Power>> {
    let mut after = before.clone();
    match change {
        Change::Suspend { member }
        | Change::Close { member, .. }
        | Change::Merge { member, .. }
        | Change::RemoveValidator { member } => drop(after.remove(member)),
        // In force only once it has proved that it is caught up.
        Change::AddValidator { member, power, .. } => drop(after.insert(*member, *power)),
        Change::SetPower { member, power } if before.contains_key(member) => drop(after.insert(*member, *power)),
        _ => {}
    }
    (after != *before).then_some(after)
}

/// The ledger judges by the participation records and the sets of the last 100 heights; this is what can be said before.
fn warn(before: &BTreeMap<MemberId, Power>, after: &BTreeMap<MemberId, Power>, warnings: &mut Vec<String>) {
    if after.is_empty() {
        return warnings.push("nobody would validate: rule 68 refuses it".to_owned());
    }
    let gain = |from: &BTreeMap<MemberId, Power>, to: &BTreeMap<MemberId, Power>| -> u128 {
        let of = |(member, power): (&MemberId, &Power)| power.saturating_sub(from.get(member).copied().unwrap_or(0));
        to.iter().map(|entry| u128::from(of(entry))).sum()
    };
    let moved = gain(before, after).max(gain(after, before));
    let larger = Voting::of(before).power.max(Voting::of(after).power);
    if 3 * moved >= larger && before.len() > SMALL_SET {
        warnings.push(format!("{moved} of {larger} voting power would move at once: rule 69 refuses a third or more"));
    }
    if Voting::of(after).spare() < Voting::of(before).spare() {
        warnings.push("less power may be away afterwards without stopping the network".to_owned());
    }
}

/// In sets of at most so many the ledger lets one validator come or go, however much that moves.
const SMALL_SET: usize = 3;

impl Impact {
    pub fn to_json(&self) -> Value {
        json!({
            "deciders": self.deciders,
            "needed": self.needed,
            "threshold": self.threshold.map(|threshold| json!({"parts": threshold.parts, "of": threshold.of})),
            "own_admin_keys": {"k": self.own_keys.0, "of": self.own_keys.1},
            "voting_power": self.power.map(|(before, after)| json!({"before": before.to_json(), "after": after.to_json()})),
            "warnings": self.warnings,
        })
    }

    pub fn rows(&self) -> Vec<(&'static str, String)> {
        let deciders: Vec<&str> = self.deciders.iter().map(MemberId::as_str).collect();
        let (k, of) = self.own_keys;
        let mut rows = match self.threshold {
            Some(Threshold { parts, of: whole }) => vec![
                ("has to be approved by", format!("{} of {}", self.needed, deciders.join(", "))),
                ("threshold", format!("more than {parts}/{whole} of {} active members", deciders.len())),
                ("own approval", format!("{k} of the member's {of} admin keys")),
            ],
            None => vec![("has to be approved by", format!("{k} of the member's own {of} admin keys"))],
        };
        if let Some((before, after)) = self.power {
            rows.push(("voting before", before.text()));
            rows.push(("voting after", after.text()));
        }
        rows.extend(self.warnings.iter().map(|warning| ("warning", warning.clone())));
        rows
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
