//! Puts together, from a snapshot of the store, what convinces somebody who trusts an anchor and no node. It judges nothing:
//! whoever gets a proof verifies it.

use crate::{
    query,
    store::{Reader, StoreError, Table},
};
use concordat_types::{Certificate, FinalityProof, Header, Height, ProofStart, SetChange, ValidatorSet};

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoProof {
    #[error("there is no block at height {0} here")]
    NoBlock(Height),
    #[error("the anchor is of height {anchor}, and the proof is to be of height {height}, which is not later")]
    AnchorNotEarlier { anchor: Height, height: Height },
    #[error(
        "the validator set has changed more than {} times since height {anchor}: take a later anchor",
        FinalityProof::CHANGES_MAX
    )]
    TooManyChanges { anchor: Height },
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// That the block at the height is final, for those who trust the block at `anchor`; 0 is genesis.
pub fn finality_proof(
    reader: &(impl Reader + ?Sized),
    anchor: Height,
    height: Height,
) -> Result<FinalityProof, NoProof> {
    if anchor >= height {
        return Err(NoProof::AnchorNotEarlier { anchor, height });
    }
    let start = match anchor {
        Height(0) => ProofStart::Genesis,
        _ => {
            let (header, _) = block(reader, anchor)?;
            ProofStart::Checkpoint { header, next_validators: validators_at(reader, anchor.next())? }
        }
    };
    let mut changes = Vec::new();
    for (first, next_validators) in sets_from(reader, Height(anchor.0 + 2), height)? {
        if changes.len() == FinalityProof::CHANGES_MAX {
            return Err(NoProof::TooManyChanges { anchor });
        }
        let last = first.previous().expect("it is at least anchor + 2");
        let (header, certificate) = block(reader, last)?;
        changes.push(SetChange { header, certificate, next_validators });
    }
    let (header, certificate) = block(reader, height)?;
    Ok(FinalityProof { start, changes, header, certificate })
}

fn block(reader: &(impl Reader + ?Sized), height: Height) -> Result<(Header, Certificate), NoProof> {
    query::header(reader, height)?.ok_or(NoProof::NoBlock(height))
}

/// The set that decides a height.
pub(crate) fn validators_at(reader: &(impl Reader + ?Sized), height: Height) -> Result<ValidatorSet, StoreError> {
    let mut found = Err(StoreError::Corrupt(format!("no validator set of height {height}")));
    reader.scan_back(Table::ValidatorSets, &query::height_key(height), &mut |_, value| {
        found = query::parse(value);
        false
    })?;
    found
}

/// Sets whose first height is one of these, in order, with that height. One more than a proof may have at most.
fn sets_from(
    reader: &(impl Reader + ?Sized),
    first: Height,
    last: Height,
) -> Result<Vec<(Height, ValidatorSet)>, StoreError> {
    let (mut found, mut failed) = (Vec::new(), None);
    reader.scan(Table::ValidatorSets, &query::height_key(first), &mut |key, value| {
        match (query::parse_height(key), query::parse(value)) {
            (Ok(height), _) if height > last => return false,
            (Ok(height), Ok(set)) => found.push((height, set)),
            (Err(error), _) | (_, Err(error)) => failed = Some(error),
        }
        failed.is_none() && found.len() <= FinalityProof::CHANGES_MAX
    })?;
    failed.map_or(Ok(found), Err)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
