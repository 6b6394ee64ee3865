//! Who is away by the record, and the sets that records are read with.

use super::world::*;
use crate::{
    BlockContext, MemoryState, Participation, StateKey, StateValue, away, execute, next_validators, participation_due,
    set_start, sets::SETS_KEPT_MAX, validators_at,
};
use alloc::{string::String, vec::Vec};
use concordat_types::{Bitmap, BlockId, Hash, Height, Timestamp, ValidatorSet};

/// A chain of empty blocks. The validators are bank-a, bank-b, bank-c and central-bank: `a`, `b`, `c`, `z` below.
struct Chain {
    world: MemoryState,
    height: u64,
}

fn id(height: u64) -> BlockId {
    BlockId(Hash([height as u8; 32]))
}

fn letter(member: &str) -> char {
    if member == "central-bank" { 'z' } else { member.chars().next_back().unwrap() }
}

fn members(set: &ValidatorSet, indices: impl Fn(concordat_types::ValidatorIndex) -> bool) -> String {
    set.iter().filter(|(index, _)| indices(*index)).map(|(_, validator)| letter(validator.member.as_str())).collect()
}

impl Chain {
    fn new() -> Chain {
        Chain { world: world(), height: 0 }
    }

    /// Adds blocks up to the height; `signs(height, member)` says whose precommits the records show.
    fn grow(&mut self, to: u64, signs: impl Fn(u64, char) -> bool) -> &mut Self {
        while self.height < to {
            let height = Height(self.height + 1);
            let due = participation_due(&self.world, height);
            assert_eq!(due, (height.0 > 10).then(|| (Height(height.0 - 10), id(height.0 - 10))));
            let participation = due.map(|(due, _)| {
                let set = validators_at(&self.world, due).unwrap();
                let mut signers = Bitmap::new(set.len());
                let signed = set.iter().filter(|(_, validator)| signs(due.0, letter(validator.member.as_str())));
                signed.for_each(|(index, _)| signers.insert(index));
                signers
            });
            let (time, parent) = (Timestamp(NOW.0 + height.0), id(self.height));
            let context = BlockContext { height, time, parent, participation, offences: Vec::new() };
            let execution = execute(&self.world, &context, &[]).unwrap();
            self.world.apply(&execution);
            self.height = height.0;
        }
        self
    }

    /// As an operation in the last block would: in force from the height after the next.
    fn change_set(&mut self, without: &str) -> &mut Self {
        let all = genesis().validators().unwrap();
        let stays = |member: &str| !without.contains(letter(member));
        let kept = all.iter().map(|(_, validator)| validator.clone()).filter(|one| stays(one.member.as_str()));
        let set = ValidatorSet::new(kept.collect()).unwrap();
        self.world.state.insert(StateKey::ValidatorsAfterNext, StateValue::Validators(set));
        self
    }

    fn away(&self) -> String {
        let away = away(&self.world);
        let set = next_validators(&self.world);
        assert_eq!(away.len(), set.len());
        members(&set, |index| away.contains(index))
    }

    fn check(&mut self, to: u64, signs: impl Fn(u64, char) -> bool, expected: &str) -> &mut Self {
        self.grow(to, signs);
        assert_eq!(self.away(), expected, "above height {to}");
        self
    }
}

#[test]
fn who_is_in_none_of_ten_records_is_away() {
    let without_b = |_: u64, member| member != 'b';
    let mut chain = Chain::new();
    chain.check(10, without_b, "").check(19, without_b, "").check(20, without_b, "b").check(40, without_b, "b");
    // b signs height 41 again; block 51 shows it, and one record in ten is enough.
    let back_once = |height, member| member != 'b' || height == 41;
    chain.check(50, back_once, "b").check(51, back_once, "").check(60, back_once, "").check(61, back_once, "b");
    let back = |height, member| member != 'b' || height == 41 || height >= 60;
    chain.check(69, back, "b").check(70, back, "").check(100, back, "");
}

#[test]
fn all_may_be_away() {
    Chain::new().check(20, |_, _| false, "abcz");
}

#[test]
fn a_new_validator_is_present_until_it_had_ten_chances() {
    let without_b = |_: u64, member| member != 'b';
    let mut chain = Chain::new();
    // b leaves: its set decides up to height 31.
    chain.check(30, without_b, "b").change_set("b").check(31, without_b, "").check(60, without_b, "");
    // b comes back with height 62; block 72 has the first record that it could be in, block 81 the tenth.
    chain.change_set("").check(61, without_b, "").check(80, without_b, "").check(81, without_b, "b");
}

#[test]
fn places_are_those_of_the_set_of_the_record() {
    let all_but = |who: char| move |_: u64, member: char| member != who;
    let mut chain = Chain::new();
    // Without a, the others move up by one place: a bit of an old record must not be read with the new set.
    chain.check(30, all_but('c'), "c").change_set("a").check(36, all_but('c'), "c").check(60, all_but('c'), "c");
    let mut chain = Chain::new();
    chain.check(30, all_but('b'), "b").change_set("a").check(39, all_but('z'), "").check(40, all_but('z'), "z");
}

#[test]
fn the_record_is_bounded() {
    let mut chain = Chain::new();
    chain.grow(100, |_, _| true);
    let Some(StateValue::Participation(participation)) = chain.world.state.get(&StateKey::Participation) else {
        panic!("no participation")
    };
    let heights: Vec<u64> = participation.records().iter().map(|record| record.height.0).collect();
    assert_eq!(heights, (81..=90).collect::<Vec<_>>());
    assert_eq!(heights.len(), Participation::RECORDS_MAX);
    assert_eq!(participation_due(&chain.world, Height(101)), Some((Height(91), id(91))));
    assert_eq!(participation_due(&chain.world, Height(111)), None, "not yet known");
    assert_eq!(participation_due(&chain.world, Height(100)), None, "no longer kept");
}

#[test]
fn sets_of_the_past_are_known_as_long_as_they_matter() {
    let mut chain = Chain::new();
    // For evidence they are kept longer: see there.
    if let Some(StateValue::Parameters(parameters)) = chain.world.state.get_mut(&StateKey::Parameters) {
        (parameters.evidence_window_heights, parameters.evidence_window_ms) = (0, 0);
    }
    let everyone = |_: u64, _| true;
    chain.grow(5, everyone).change_set("b").grow(8, everyone).change_set("").grow(9, everyone);
    let at = |chain: &Chain, height| validators_at(&chain.world, Height(height)).map(|set| members(&set, |_| true));
    let expected = |members: &str| Some(String::from(members));
    assert_eq!(at(&chain, 1), expected("abcz"));
    assert_eq!([at(&chain, 6), at(&chain, 7)], [expected("abcz"), expected("acz")]);
    assert_eq!([at(&chain, 9), at(&chain, 10)], [expected("acz"), expected("abcz")]);
    assert_eq!(at(&chain, 0), None, "genesis was decided by nobody");
    assert_eq!([6, 9, 10].map(|height| set_start(&chain.world, Height(height))), [1, 7, 10].map(|at| Some(Height(at))));
    let kept =
        |chain: &Chain| chain.world.state.keys().filter(|key| matches!(key, StateKey::ValidatorsFrom(_))).count();
    assert_eq!(kept(&chain), 3);
    // The last set stays, however old.
    chain.grow(200, everyone);
    assert_eq!((kept(&chain), at(&chain, 6), at(&chain, 200)), (1, None, expected("abcz")));
}

#[test]
fn no_more_sets_are_kept_than_the_bound() {
    let mut chain = Chain::new();
    for height in 1..=SETS_KEPT_MAX as u64 + 20 {
        chain.grow(height, |_, _| true).change_set(if height % 2 == 0 { "" } else { "b" });
    }
    let sets = |key: &&StateKey| matches!(key, StateKey::ValidatorsFrom(_));
    assert!(chain.world.state.keys().filter(sets).count() <= SETS_KEPT_MAX);
}
