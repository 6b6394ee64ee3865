//! The ledger: a pure function (state, block) -> (results, changes), and the tree that commits to the state.
//!
//! It knows money and members; it must not know how a block was agreed, what the time is or where bytes are kept.
#![no_std]
extern crate alloc;

pub mod bookings;
pub mod conservation;
pub mod due;
pub mod engine;
pub mod evidence;
pub mod genesis;
pub mod governance;
pub mod ids;
mod items;
pub mod limits;
mod operations;
mod overlay;
pub mod participation;
pub mod pending;
pub mod receipt;
pub mod results;
pub mod sets;
pub mod state;
#[cfg(test)]
mod tests;
mod transaction;
pub mod tree;
pub mod view;
pub mod window;

pub use bookings::{ItemBooking, bookings};
pub use conservation::{Books, ConservationError, conservation_in_full};
pub use due::{BlockEvent, DueKey};
pub use engine::{BlockContext, Execution, Inclusion, InvalidBlock, execute};
pub use evidence::{EvidenceInclusion, EvidenceRecord, InvalidEvidence};
pub use genesis::genesis_state;
pub use governance::{
    Ballot, BlockMark, Estate, Filing, Governance, ProposalRecord, ProposalState, Tally, block_marks,
};
pub use ids::{BodyDigest, IdKey, IdKind, IdRecord};
pub use limits::{LimitKey, LimitRecord, Moment, Usage};
pub use participation::{Participation, ParticipationRecord, away, participation_due};
pub use pending::{HoldRecord, OfferLeg, OfferRecord, PendingState, Reserved};
pub use receipt::{LeafPlace, Receipt, ReceiptError, Shown, Subject};
pub use results::{
    Booking, EventLeaf, ItemLeaf, OperationResult, ResultLeaf, TransactionResult, result_leaves, results_root,
};
pub use sets::{set_start, validators_at};
pub use state::{StateKey, StateValue};
pub use tree::{BuiltShare, Proof, StateTree, TreeBuilder, TreePatch, TreeShare};
pub use view::{MemoryState, StateView, business_date, next_validators, parameters, validators_after_next};
pub use window::expired_ids_before;
