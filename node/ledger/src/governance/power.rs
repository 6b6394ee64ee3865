//! What voting power may do: never so little of it live that nothing could be decided, never so much of it moved at once that
//! those who verified yesterday's sets could be led astray.

use super::{StateKey, StateValue, StateView, put_member};
use crate::{overlay::Overlay, participation::away, sets, view};
use alloc::{collections::BTreeMap, vec::Vec};
use concordat_types::{Height, Member, MemberId, Power, ResultCode, Validator, ValidatorSet, member::ValidatorRecord};

/// Power moved within so many heights is counted together.
pub(crate) const STEP_HEIGHTS: u64 = 100;
/// In sets of at most so many, one addition or removal at a time is always allowed.
const SMALL_SET: usize = 3;

/// A change of the newest set.
pub(crate) enum SetChange {
    /// A new validator, or new power or a new key of one that is.
    Put(Validator),
    Remove(MemberId),
}

/// 67 to 69, and 74 where no set can be made of it. In force two heights on.
pub(crate) fn change_set(
    overlay: &mut Overlay<'_>,
    height: Height,
    change: SetChange,
    forced: bool,
) -> Result<(), ResultCode> {
    let before = view::validators_after_next(overlay);
    let mut validators: BTreeMap<MemberId, Validator> =
        before.iter().map(|(_, validator)| (validator.member, validator.clone())).collect();
    match change {
        SetChange::Put(validator) => drop(validators.insert(validator.member, validator)),
        SetChange::Remove(member) => drop(validators.remove(&member)),
    }
    let validators: Vec<Validator> = validators.into_values().collect();
    if !forced && !has_live_quorum(overlay, &validators) {
        return Err(if validators.is_empty() { ResultCode::LastValidator } else { ResultCode::QuorumAtRisk });
    }
    if validators.is_empty() {
        return Err(ResultCode::LastValidator);
    }
    let after = ValidatorSet::new(validators).map_err(|_| ResultCode::ValueOutOfRange)?;
    let mut earlier = sets::since(overlay, Height(height.0.saturating_sub(STEP_HEIGHTS)));
    earlier.push(view::next_validators(overlay));
    earlier.push(before);
    if !earlier.iter().all(|earlier| is_small_step(earlier, &after)) {
        return Err(ResultCode::PowerStepTooLarge);
    }
    overlay.put(StateKey::ValidatorsAfterNext, Some(StateValue::Validators(after)));
    Ok(())
}

/// Would those who are not away be a quorum? Judged by the participation that the ledger has recorded, so by all alike.
fn has_live_quorum(view: &dyn StateView, validators: &[Validator]) -> bool {
    let set = view::next_validators(view);
    let away: Vec<MemberId> = away(view).iter().filter_map(|index| Some(set.get(index)?.member)).collect();
    let power =
        |of: &mut dyn Iterator<Item = &Validator>| of.map(|validator| u128::from(validator.power)).sum::<u128>();
    let live = power(&mut validators.iter().filter(|validator| !away.contains(&validator.member)));
    3 * live > 2 * power(&mut validators.iter())
}

/// 69. Moved is the larger of all decreases and all increases; it stays below a third of the larger total.
fn is_small_step(before: &ValidatorSet, after: &ValidatorSet) -> bool {
    let powers = |set: &ValidatorSet| -> BTreeMap<MemberId, Power> {
        set.iter().map(|(_, validator)| (validator.member, validator.power)).collect()
    };
    let (old, new) = (powers(before), powers(after));
    let gain = |from: &BTreeMap<MemberId, Power>, to: &BTreeMap<MemberId, Power>| -> u128 {
        let of = |(member, power): (&MemberId, &Power)| power.saturating_sub(from.get(member).copied().unwrap_or(0));
        to.iter().map(|entry| u128::from(of(entry))).sum()
    };
    let moved = gain(&old, &new).max(gain(&new, &old));
    if 3 * moved < before.total_power().max(after.total_power()) {
        return true;
    }
    let joined = new.keys().filter(|member| !old.contains_key(member)).count();
    let left = old.keys().filter(|member| !new.contains_key(member)).count();
    let others_stay = old.iter().all(|(member, power)| new.get(member).is_none_or(|now| now == power));
    let largest = old.values().max().copied().unwrap_or(0);
    let newcomers_fit = new.iter().all(|(member, power)| old.contains_key(member) || *power <= largest);
    before.len() <= SMALL_SET && joined + left <= 1 && others_stay && newcomers_fit
}

/// A member's record and the set: what the member validates with, or no more.
pub(crate) fn leave_set(
    overlay: &mut Overlay<'_>,
    height: Height,
    member: &mut Member,
    forced: bool,
) -> Result<Option<ValidatorRecord>, ResultCode> {
    let Some(record) = member.validator.take() else { return Ok(None) };
    change_set(overlay, height, SetChange::Remove(member.id), forced)?;
    Ok(Some(record))
}

/// A candidate becomes a validator, or a validator gets other power or another key.
pub(crate) fn join_set(
    overlay: &mut Overlay<'_>,
    height: Height,
    mut member: Member,
    record: ValidatorRecord,
    forced: bool,
) -> Result<(), ResultCode> {
    let validator = validating(member.id, &record);
    change_set(overlay, height, SetChange::Put(validator), forced)?;
    member.validator = Some(record);
    put_member(overlay, member);
    Ok(())
}

pub(crate) fn validating(member: MemberId, record: &ValidatorRecord) -> Validator {
    Validator { member, key: record.key, power: record.power }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::member_id;
    use alloc::format;
    use concordat_types::BlsPublicKey;

    fn set(powers: &[Power]) -> ValidatorSet {
        let validator = |(number, power): (usize, &Power)| Validator {
            member: member_id(&format!("v{number:02}")),
            key: BlsPublicKey([number as u8 + 1; 48]),
            power: *power,
        };
        ValidatorSet::new(powers.iter().enumerate().filter(|(_, power)| **power > 0).map(validator).collect()).unwrap()
    }

    #[test]
    fn a_step_moves_less_than_a_third() {
        for (before, after, is_small) in [
            (&[100, 100, 100, 100][..], &[100, 100, 100, 100][..], true),
            (&[100, 100, 100, 100], &[100, 100, 100, 100, 100], true),
            (&[100, 100, 100, 100], &[100, 100, 100], true),
            // 200 of 600, 200 of 400.
            (&[100, 100, 100, 100], &[100, 100, 100, 100, 100, 100], false),
            (&[100, 100, 100, 100], &[100, 100], false),
            // 133 of 400 moved; 134 is a third of 402.
            (&[100, 100, 100, 100], &[233, 100, 67, 0], true),
            (&[100, 100, 100, 100], &[234, 100, 66, 0], false),
            // One at a time up to three, however much it is.
            (&[100], &[100, 100], true),
            (&[100, 100], &[100, 100, 100], true),
            (&[100, 100, 100], &[100, 100, 100, 100], true),
            (&[100, 100, 100], &[100, 100], true),
            (&[100, 100], &[100], true),
            (&[100, 100], &[100, 100, 100, 100], false),
            (&[100, 100], &[100, 150, 100], false),
            (&[100, 100], &[100, 0, 100], false),
            // Nobody comes in with more than the largest has.
            (&[100, 100], &[100, 100, 101], false),
        ] {
            assert_eq!(is_small_step(&set(before), &set(after)), is_small, "{before:?} -> {after:?}");
        }
    }
}
