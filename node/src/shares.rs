//! Equal shares of members in what a node has only so much of, so that one member cannot take all of it.

use concordat_types::MemberId;
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::Semaphore;

#[derive(Debug)]
pub struct Shares {
    each: usize,
    /// As many as have ever called; the registry bounds them.
    members: Mutex<BTreeMap<MemberId, Arc<Semaphore>>>,
}

impl Shares {
    pub fn new(each: usize) -> Shares {
        Shares { each, members: Mutex::new(BTreeMap::new()) }
    }

    pub fn of(&self, member: MemberId) -> Arc<Semaphore> {
        self.members.lock().entry(member).or_insert_with(|| Arc::new(Semaphore::new(self.each))).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_members_share_is_its_own() {
        let (a, b) = ("bank-a".parse().expect("a name"), "bank-b".parse().expect("a name"));
        let shares = Shares::new(2);
        let first = shares.of(a).try_acquire_many_owned(2).expect("the whole share");
        assert!(shares.of(a).try_acquire().is_err());
        assert!(shares.of(b).try_acquire().is_ok());
        drop(first);
        assert!(shares.of(a).try_acquire().is_ok());
    }
}
