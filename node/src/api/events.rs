//! What happens to a caller, in the order of the ledger.
//!
//! Both gap and duplicate are impossible: a cursor names a leaf of a committed block, and what comes behind it is read
//! from the store.

use super::records::{Sight, of_chain};
use crate::{registry::Caller, shared::View};
use concordat_proto::{codes::CodedError, v1};
use concordat_replica::{
    records::{Record, Records},
    stored::StoredBlock,
};
use concordat_types::Height;

/// Behind this leaf of this block.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Cursor {
    pub height: Height,
    pub leaf: u32,
}

impl Cursor {
    /// Behind all of the block.
    pub fn end_of(height: Height) -> Cursor {
        Cursor { height, leaf: u32::MAX }
    }

    /// The height to read first, and the first leaf of it.
    fn next(self) -> (Height, u32) {
        match self.leaf.checked_add(1) {
            Some(leaf) => (self.height, leaf),
            None => (Height(self.height.0.saturating_add(1)), 0),
        }
    }

    /// Is there nothing behind it up to a tip?
    pub fn is_at(self, tip: Height) -> bool {
        self.next().0 > tip
    }
}

impl From<v1::Cursor> for Cursor {
    fn from(cursor: v1::Cursor) -> Cursor {
        Cursor { height: Height(cursor.height), leaf: cursor.leaf }
    }
}

impl From<Cursor> for v1::Cursor {
    fn from(cursor: Cursor) -> v1::Cursor {
        v1::Cursor { height: cursor.height.0, leaf: cursor.leaf }
    }
}

/// Some of what comes behind a cursor, and the cursor behind that.
pub fn page(view: &View, caller: &Caller, after: Cursor) -> Result<(Vec<v1::Record>, Cursor), CodedError> {
    let reader = &*view.reader;
    let mut sight = Sight::new(reader, caller);
    let (mut found, mut at, mut bytes) = (Vec::new(), after, 0);
    while !at.is_at(view.height) && found.len() < EVENTS_A_PAGE && bytes < PAGE_BYTES_MAX {
        let (height, first_leaf) = at.next();
        let Some(block) = StoredBlock::read(reader, height).map_err(of_chain)? else {
            // Height 0 is genesis and has no block.
            at = Cursor::end_of(height);
            continue;
        };
        bytes += block.bytes;
        let mut take = |record: Record| {
            let is_room = found.len() < EVENTS_A_PAGE;
            if is_room && record.happened() {
                at = Cursor { height, leaf: record.leaf };
                found.push(record);
            }
            is_room
        };
        let read = Records::new(reader, &block).visit(first_leaf, &mut |parties| sight.sees(parties), &mut take);
        read.map_err(of_chain)?;
        if found.len() < EVENTS_A_PAGE {
            at = Cursor::end_of(height);
        }
    }
    let records = found.iter().map(|record| sight.record(record)).collect::<Result<_, _>>();
    Ok((records.map_err(of_chain)?, at))
}

/// Some 300 kB.
const EVENTS_A_PAGE: usize = 1_000;
/// Of blocks that are read: a page of a reader who is party to little still comes in tenths of a second.
const PAGE_BYTES_MAX: usize = 16 << 20;
