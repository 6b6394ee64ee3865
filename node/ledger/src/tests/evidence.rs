//! What evidence a block may hold, and for how long the state remembers it.

use super::world::*;
use crate::{
    BlockContext, EvidenceInclusion, Execution, InvalidBlock, InvalidEvidence, MemoryState, StateKey, StateValue,
    evidence::OFFENCES_OF_ONE_MAX, execute, validators_at,
};
use alloc::{string::ToString, vec::Vec};
use concordat_types::{Height, Offence, OffenceKind, Parameters, Round, Timestamp, ValidatorSet};

/// 20 heights and 1,000 ms, whichever is longer.
const HEIGHTS: u64 = 20;
const MS: u64 = 1000;

struct Chain {
    world: MemoryState,
    height: u64,
    time: u64,
}

fn offence(member: &str, height: u64, round: u32) -> Offence {
    let kind = OffenceKind::DuplicatePrevote;
    Offence { member: member_id(member), height: Height(height), round: Round(round), kind }
}

impl Chain {
    fn new() -> Chain {
        let mut chain = Chain { world: world(), height: 0, time: NOW.0 };
        chain.set_parameters(|parameters| {
            parameters.evidence_window_heights = HEIGHTS;
            parameters.evidence_window_ms = MS;
        });
        chain
    }

    fn set_parameters(&mut self, change: impl FnOnce(&mut Parameters)) {
        let Some(StateValue::Parameters(parameters)) = self.world.state.get_mut(&StateKey::Parameters) else {
            panic!()
        };
        change(parameters);
    }

    fn try_block(&self, after_ms: u64, offences: &[Offence]) -> Result<Execution, InvalidBlock> {
        let (height, time) = (Height(self.height + 1), Timestamp(self.time + after_ms));
        let context = BlockContext { height, time, offences: offences.to_vec(), ..BlockContext::default() };
        execute(&self.world, &context, &[])
    }

    /// A block so long after the one before.
    fn block(&mut self, after_ms: u64, offences: &[Offence]) -> &mut Self {
        let execution = self.try_block(after_ms, offences).unwrap();
        self.world.apply(&execution);
        (self.height, self.time) = (self.height + 1, self.time + after_ms);
        self
    }

    fn grow(&mut self, to: u64, each_ms: u64) -> &mut Self {
        while self.height < to {
            self.block(each_ms, &[]);
        }
        self
    }

    fn refused(&self, after_ms: u64, offences: &[Offence]) -> InvalidEvidence {
        match self.try_block(after_ms, offences) {
            Err(InvalidBlock::Evidence(invalid)) => invalid,
            other => panic!("{other:?}"),
        }
    }

    fn remembered(&self) -> Vec<Offence> {
        match self.world.state.get(&StateKey::Evidence) {
            Some(StateValue::Evidence(record)) => record.offences().iter().copied().collect(),
            _ => panic!("no evidence"),
        }
    }

    /// The first height that the next block may hold evidence of.
    fn oldest(&self, after_ms: u64) -> u64 {
        let (next, time) = (Height(self.height + 1), Timestamp(self.time + after_ms));
        let accepts = |height: &u64| {
            let mut inclusion = EvidenceInclusion::new(&self.world, next, time);
            inclusion.check(offence("bank-c", *height, 9)).is_ok()
        };
        (0..next.0).find(accepts).unwrap()
    }
}

#[test]
fn an_offence_counts_once() {
    let mut chain = Chain::new();
    chain.grow(5, 1);
    let once = offence("bank-a", 3, 0);
    assert_eq!(chain.refused(1, &[once, once]), InvalidEvidence::Repeated(once));
    chain.block(1, &[once]);
    assert_eq!(chain.remembered(), [once]);
    assert_eq!(chain.refused(1, &[once]), InvalidEvidence::Repeated(once));
    // Another round, height, kind or member is another offence.
    let others = [
        offence("bank-a", 3, 1),
        offence("bank-a", 4, 0),
        Offence { kind: OffenceKind::LockViolation, ..once },
        offence("bank-b", 3, 0),
    ];
    chain.block(1, &others);
    assert_eq!(chain.refused(1, &[others[3]]), InvalidEvidence::Repeated(others[3]));
    assert_eq!(chain.remembered().len(), 5);
}

#[test]
fn evidence_is_of_a_height_that_is_decided() {
    let mut chain = Chain::new();
    chain.grow(5, 1);
    let newest = Height(5);
    for height in [0, 6, u64::MAX] {
        let expected = InvalidEvidence::OutsideWindow { height: Height(height), oldest: Height(1), newest };
        assert_eq!(chain.refused(1, &[offence("bank-a", height, 0)]), expected);
    }
    chain.block(1, &[offence("bank-a", 1, 0), offence("bank-a", 5, 0)]);
}

#[test]
fn many_offences_of_one_say_nothing_new() {
    let mut chain = Chain::new();
    chain.grow(5, 1);
    let rounds = |rounds: core::ops::Range<u32>| rounds.map(|round| offence("bank-a", 3, round)).collect::<Vec<_>>();
    let max = OFFENCES_OF_ONE_MAX as u32;
    assert_eq!(chain.refused(1, &rounds(0..max + 1)), InvalidEvidence::TooManyOfOne(member_id("bank-a")));
    chain.block(1, &rounds(0..max - 1)).block(1, &rounds(max - 1..max));
    assert_eq!(chain.refused(1, &rounds(max..max + 1)), InvalidEvidence::TooManyOfOne(member_id("bank-a")));
    // Nobody can hide behind them.
    chain.block(1, &[offence("bank-b", 3, 0)]);
}

/// Blocks come fast: the time is the longer bound.
#[test]
fn the_window_is_not_shorter_than_its_time() {
    let mut chain = Chain::new();
    chain.grow(5, 10).block(10, &[offence("bank-a", 5, 0)]);
    // Height 5 was at 50 ms.
    chain.grow(100, 10);
    assert_eq!(chain.refused(10, &[offence("bank-a", 5, 0)]), InvalidEvidence::Repeated(offence("bank-a", 5, 0)));
    assert!(chain.try_block(10, &[offence("bank-b", 5, 0)]).is_ok());
    // A part of it longer at most.
    chain.grow(105 + 10, 10);
    assert_eq!(chain.remembered(), []);
    let expected = |chain: &Chain| InvalidEvidence::OutsideWindow {
        height: Height(5),
        oldest: Height(chain.oldest(10)),
        newest: Height(115),
    };
    assert_eq!(chain.refused(10, &[offence("bank-a", 5, 0)]), expected(&chain));
    let (oldest, exact) = (chain.oldest(10), 116 - MS / 10);
    assert!((exact - 4..=exact).contains(&oldest), "{oldest}, by time alone {exact}");
}

/// Blocks come slowly: the heights are.
#[test]
fn the_window_is_not_shorter_than_its_heights() {
    let mut chain = Chain::new();
    chain.grow(5, MS).block(MS, &[offence("bank-a", 5, 0)]);
    chain.grow(5 + HEIGHTS - 1, MS);
    assert_eq!(chain.oldest(MS), 5);
    assert_eq!(chain.refused(MS, &[offence("bank-a", 5, 0)]), InvalidEvidence::Repeated(offence("bank-a", 5, 0)));
    chain.block(MS, &[offence("bank-b", 5, 0)]);
    assert_eq!(chain.remembered().len(), 2);
    assert_eq!(chain.oldest(MS), 6);
    let outside = InvalidEvidence::OutsideWindow { height: Height(5), oldest: Height(6), newest: Height(25) };
    assert_eq!(chain.refused(MS, &[offence("bank-a", 5, 0)]), outside);
    chain.block(MS, &[]);
    assert_eq!(chain.remembered(), []);
}

/// A halt of any length is one height.
#[test]
fn a_halt_lets_nobody_escape() {
    let mut chain = Chain::new();
    chain.grow(30, 100);
    assert!(chain.try_block(1_000 * MS, &[offence("bank-a", 30, 0)]).is_ok());
    assert_eq!(chain.oldest(1_000 * MS), 31 - HEIGHTS);
}

#[test]
fn what_was_forgotten_cannot_come_again_in_a_longer_window() {
    let mut chain = Chain::new();
    chain.grow(5, MS).block(MS, &[offence("bank-a", 5, 0)]).grow(50, MS);
    assert_eq!(chain.remembered(), []);
    chain.set_parameters(|parameters| parameters.evidence_window_heights = 10_000);
    let oldest = Height(chain.oldest(MS));
    assert!(oldest > Height(5));
    let outside = InvalidEvidence::OutsideWindow { height: Height(5), oldest, newest: Height(50) };
    assert_eq!(chain.refused(MS, &[offence("bank-a", 5, 0)]), outside);
    // Shorter, and longer again: nothing is refused that was never forgotten.
    assert!(chain.try_block(MS, &[offence("bank-a", oldest.0, 0)]).is_ok());
}

#[test]
fn sets_are_kept_for_the_window() {
    let mut chain = Chain::new();
    chain.grow(10, 1);
    let all = genesis().validators().unwrap();
    let fewer = ValidatorSet::new(all.iter().take(3).map(|(_, validator)| validator.clone()).collect()).unwrap();
    chain.world.state.insert(StateKey::ValidatorsAfterNext, StateValue::Validators(fewer.clone()));
    // Of 1,000 heights at 1 ms a height the first set is still needed, though no record can name it any more.
    chain.grow(1000, 1);
    assert_eq!(validators_at(&chain.world, Height(11)), Some(all));
    assert_eq!(validators_at(&chain.world, Height(12)), Some(fewer.clone()));
    assert_eq!(chain.oldest(1), 1);
    chain.grow(1100, 1);
    assert_eq!(validators_at(&chain.world, Height(11)), None);
    assert_eq!(validators_at(&chain.world, Height(1100)), Some(fewer));
}

#[test]
fn the_record_is_bounded() {
    let size = |chain: &Chain| concordat_types::encode(&chain.world.state[&StateKey::Evidence]).len();
    let mut chain = Chain::new();
    let empty = size(&chain);
    for each_ms in [0, 1, 33, 400, MS, 40 * MS] {
        chain.grow(chain.height + 300, each_ms);
        assert!(size(&chain) <= empty + 40 * 16, "{each_ms} ms a block");
    }
    for window_ms in [0, 1, 31, u64::MAX] {
        chain.set_parameters(|parameters| parameters.evidence_window_ms = window_ms);
        chain.grow(chain.height + 300, 10);
        assert!(size(&chain) <= empty + 80 * 16, "{window_ms} ms");
    }
    // A block in which nothing is new does not write it.
    let mut chain = Chain::new();
    chain.grow(3, 1);
    assert!(!chain.try_block(1, &[]).unwrap().changes.contains_key(&StateKey::Evidence));
}

#[test]
fn refusals_say_what_is_wrong() {
    let repeated = InvalidEvidence::Repeated(offence("bank-a", 5, 0));
    assert_eq!(repeated.to_string(), "evidence against bank-a at height 5 for the second time");
    assert_eq!(InvalidBlock::Evidence(repeated).to_string(), repeated.to_string());
}
