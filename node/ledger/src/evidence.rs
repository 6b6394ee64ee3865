//! Evidence: which a block may hold, and what the state remembers of it so that none comes twice.
//!
//! It knows offences; that two good signatures prove one is checked before. The window is as long as the longer of its two
//! bounds: neither a halt nor a burst of blocks lets an offender escape.

use crate::{
    engine::BlockContext,
    overlay::Overlay,
    sets,
    state::{StateKey, StateValue},
    view::{self, StateView},
};
use alloc::{collections::BTreeSet, vec, vec::Vec};
use borsh::{BorshDeserialize, BorshSerialize};
use concordat_types::{Height, MemberId, Offence, Parameters, Timestamp};
use core::fmt;

/// What the state remembers.
#[derive(Clone, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
pub struct EvidenceRecord {
    /// Of the window. At most `OFFENCES_OF_ONE_MAX` a member.
    offences: BTreeSet<Offence>,
    /// Block times now and then, so that the window's bound in time becomes one in heights. They ascend; at most the first
    /// is older than the window.
    marks: Vec<Mark>,
    /// Offences below may have been forgotten: none is taken, even if the window were made longer.
    forgotten_below: Height,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, BorshSerialize, BorshDeserialize)]
struct Mark {
    height: Height,
    time: Timestamp,
}

/// Why no honest proposer puts the evidence into a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InvalidEvidence {
    /// Of a height that is too old, or not decided yet.
    OutsideWindow { height: Height, oldest: Height, newest: Height },
    /// It stands in an earlier block or in this one.
    Repeated(Offence),
    /// The member is convicted often enough.
    TooManyOfOne(MemberId),
}

impl fmt::Display for InvalidEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidEvidence::OutsideWindow { height, oldest, newest } => {
                write!(f, "evidence of height {height}, the window is {oldest} to {newest}")
            }
            InvalidEvidence::Repeated(offence) => {
                write!(f, "evidence against {} at height {} for the second time", offence.member, offence.height)
            }
            InvalidEvidence::TooManyOfOne(member) => {
                write!(f, "more than {OFFENCES_OF_ONE_MAX} offences of {member} in the window")
            }
        }
    }
}

impl core::error::Error for InvalidEvidence {}

/// What evidence must be for a block to hold it, beside its signatures. For proposers and pools too.
#[derive(Clone, Debug)]
pub struct EvidenceInclusion {
    known: BTreeSet<Offence>,
    oldest: Height,
    newest: Height,
}

impl EvidenceInclusion {
    /// In a block of this height and time on the state.
    pub fn new(view: &dyn StateView, height: Height, time: Timestamp) -> EvidenceInclusion {
        let record = record_of(view);
        let in_window = record.oldest(height, time, &view::parameters(view));
        // Of a height whose set is not known nothing can be verified.
        let oldest = in_window.max(sets::first_start(view));
        EvidenceInclusion { known: record.offences, oldest, newest: Height(height.0.saturating_sub(1)) }
    }

    /// Takes the offence in; what comes after is judged with it.
    pub fn check(&mut self, offence: Offence) -> Result<(), InvalidEvidence> {
        let EvidenceInclusion { oldest, newest, .. } = *self;
        if !(oldest..=newest).contains(&offence.height) {
            return Err(InvalidEvidence::OutsideWindow { height: offence.height, oldest, newest });
        }
        if self.known.contains(&offence) {
            return Err(InvalidEvidence::Repeated(offence));
        }
        let of_member = self.known.iter().filter(|known| known.member == offence.member);
        if of_member.count() >= OFFENCES_OF_ONE_MAX {
            return Err(InvalidEvidence::TooManyOfOne(offence.member));
        }
        self.known.insert(offence);
        Ok(())
    }
}

impl EvidenceRecord {
    pub(crate) fn at_genesis(time: Timestamp) -> EvidenceRecord {
        let marks = vec![Mark { height: Height(0), time }];
        EvidenceRecord { offences: BTreeSet::new(), marks, forgotten_below: Height(0) }
    }

    pub fn offences(&self) -> &BTreeSet<Offence> {
        &self.offences
    }

    /// The first height of the window at a block.
    fn oldest(&self, height: Height, time: Timestamp, parameters: &Parameters) -> Height {
        let by_heights = Height(height.0.saturating_sub(parameters.evidence_window_heights));
        let too_old = |mark: &&Mark| is_older(mark, time, parameters);
        let by_time = self.marks.iter().rev().find(too_old).map_or(Height(0), |mark| mark.height.next());
        by_heights.min(by_time).max(self.forgotten_below)
    }

    /// Forgets what has left the window, and marks the time now and then.
    fn advance(&mut self, height: Height, time: Timestamp, parameters: &Parameters) -> Height {
        let oldest = self.oldest(height, time, parameters);
        let before = self.offences.len();
        self.offences.retain(|offence| offence.height >= oldest);
        if self.offences.len() < before {
            self.forgotten_below = oldest;
        }
        let out_of_window = self.marks.iter().take_while(|mark| is_older(mark, time, parameters)).count();
        self.marks.drain(..out_of_window.saturating_sub(1));
        let due = |mark: &Mark| time.0.saturating_sub(mark.time.0) >= parameters.evidence_window_ms / MARKS_IN_WINDOW;
        if self.marks.last().is_none_or(due) {
            self.marks.push(Mark { height, time });
        }
        oldest
    }
}

fn is_older(mark: &Mark, time: Timestamp, parameters: &Parameters) -> bool {
    mark.time.0.saturating_add(parameters.evidence_window_ms) < time.0
}

/// Records the block's offences, which were checked, and returns the first height of the window.
pub(crate) fn record(overlay: &mut Overlay<'_>, context: &BlockContext, parameters: &Parameters) -> Height {
    let mut record = record_of(overlay);
    record.offences.extend(context.offences.iter().copied());
    let oldest = record.advance(context.height, context.time, parameters);
    overlay.put(StateKey::Evidence, Some(StateValue::Evidence(record)));
    oldest
}

fn record_of(view: &dyn StateView) -> EvidenceRecord {
    match view.get(&StateKey::Evidence) {
        Some(StateValue::Evidence(record)) => record,
        _ => panic!("a state without evidence"),
    }
}

/// Sixteen convict as well as a thousand, and the record stays small whatever a liar signs.
pub const OFFENCES_OF_ONE_MAX: usize = 16;
/// The window may be longer than its bound by this part of it.
const MARKS_IN_WINDOW: u64 = 32;
