//! What shows that a header is final to somebody who trusts an anchor and no server: the header's commit certificate, and
//! the changes of the validator set on the way from the anchor. `crypto` verifies it.

use crate::{Certificate, Header, ValidatorSet};
use alloc::vec::Vec;

/// A header binds the hashes of the set that decides its height and of the one that decides the next, and is certified by
/// the former. So from a set that is known to be in force one gets to any later header by the headers alone in which the
/// set changes; all the others may be left out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FinalityProof {
    pub start: ProofStart,
    /// Each change after the anchor and before the header, in order of heights.
    pub changes: Vec<SetChange>,
    pub header: Header,
    pub certificate: Certificate,
}

/// Where a proof begins: what the verifier's anchor has to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ProofStart {
    /// The verifier holds the genesis, which has the set of the first two heights.
    Genesis,
    /// The verifier holds height and id of a block; its header, and the set that the header says decides the next height.
    Checkpoint { header: Header, next_validators: ValidatorSet },
}

/// The last header of a set, with the set that follows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetChange {
    pub header: Header,
    pub certificate: Certificate,
    pub next_validators: ValidatorSet,
}

impl FinalityProof {
    /// The set changes by vote of the members. A change a day makes eleven years; who has more takes a later anchor.
    pub const CHANGES_MAX: usize = 4096;
}
