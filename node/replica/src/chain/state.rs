//! The state in the store, read once at start: the tree over it, and the sums of the books.
//!
//! Row by row: of ten million accounts none is kept, only the two hashes of each, which the tree is made of.

use super::OpenChainError;
use crate::store::{Reader, Table};
use concordat_ledger::{Books, BuiltShare, StateKey, StateTree, StateValue, TreeBuilder, TreeShare};
use concordat_types::{DecodeError, decode};
use std::thread;

/// The tree over all rows of the state, and the books over its accounts, both still to be checked.
pub fn read_state(reader: &(impl Reader + ?Sized)) -> Result<(StateTree, Books), OpenChainError> {
    let (mut builder, mut books) = (TreeBuilder::new(), Books::default());
    let mut corrupt = None;
    reader.scan(Table::State, &[], &mut |key, value| {
        let row = parse(key, value);
        match &row {
            Ok(StateValue::Account(account)) => books.add(account),
            Ok(_) => {}
            Err(error) => corrupt = Some(format!("the row {key:02x?} of the state does not decode: {error}")),
        }
        if row.is_ok() {
            builder.add_bytes(key, value);
        }
        row.is_ok()
    })?;
    match corrupt {
        Some(cause) => Err(OpenChainError::Corrupt(cause)),
        None => Ok((build(builder, thread::available_parallelism().map_or(1, usize::from)), books)),
    }
}

/// What decodes is canonical, so the row's own bytes are what the tree hashes.
fn parse(key: &[u8], value: &[u8]) -> Result<StateValue, DecodeError> {
    decode::<StateKey>(key, key.len())?;
    decode(value, value.len())
}

/// On all cores: nothing else runs yet. A small tree is one share, for which no thread is started.
pub(super) fn build(builder: TreeBuilder, cores: usize) -> StateTree {
    let mut shares = builder.into_shares();
    let each = shares.len().div_ceil(cores);
    let build_all = |shares: Vec<TreeShare>| -> Vec<BuiltShare> { shares.into_iter().map(TreeShare::build).collect() };
    let built = thread::scope(|scope| {
        let mut others = Vec::new();
        while shares.len() > each {
            let last = shares.split_off((shares.len() - 1) / each * each);
            others.push(scope.spawn(move || build_all(last)));
        }
        let mut built = build_all(shares);
        for other in others.into_iter().rev() {
            built.extend(other.join().expect("building a share does not panic"));
        }
        built
    });
    StateTree::from_shares(built)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
