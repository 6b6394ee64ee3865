//! Proofs from the state tree, for readers outside the replica thread.
//!
//! The tree is the replica's: it alone changes it, in one short write a block. Readers share it for the few microseconds that
//! a path takes, and so never enter the replica's queue (docs/adr/0008-proofs-from-the-live-tree.md).

use concordat_ledger::{Proof, StateKey, StateTree, StateValue, TreePatch};
use concordat_types::{Hash, Height};
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, RwLock, RwLockReadGuard},
};

/// The reader's end.
#[derive(Clone)]
pub struct Prover {
    committed: Arc<RwLock<Committed>>,
    /// Readers come one by one: the replica waits for one of them at most, also where the machine is so busy that threads
    /// are put aside in the middle of a read.
    turn: Arc<Mutex<()>>,
}

struct Committed {
    /// Whose state the tree commits to.
    height: Height,
    tree: StateTree,
}

impl Prover {
    /// Shows the key's value, or that it has none, in the state of the newest height, which it names.
    pub fn prove(&self, key: &StateKey) -> (Height, Proof) {
        let _turn = self.turn.lock().expect("nothing in a turn panics");
        let committed = read(&self.committed);
        (committed.height, committed.tree.prove(key))
    }
}

impl fmt::Debug for Prover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prover")
    }
}

/// The replica's end.
pub struct SharedTree {
    committed: Arc<RwLock<Committed>>,
    prover: Prover,
}

impl fmt::Debug for SharedTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedTree")
    }
}

impl SharedTree {
    pub fn new(height: Height, tree: StateTree) -> SharedTree {
        let committed = Arc::new(RwLock::new(Committed { height, tree }));
        SharedTree { prover: Prover { committed: committed.clone(), turn: Arc::default() }, committed }
    }

    pub fn prover(&self) -> Prover {
        self.prover.clone()
    }

    pub fn root(&self) -> Hash {
        read(&self.committed).tree.root()
    }

    pub fn commits_to(&self, key: &StateKey, value: Option<&[u8]>) -> bool {
        read(&self.committed).tree.commits_to(key, value)
    }

    pub fn preview(&self, changes: &BTreeMap<StateKey, Option<StateValue>>) -> (Hash, TreePatch) {
        read(&self.committed).tree.preview(changes)
    }

    pub fn commit(&mut self, height: Height, patch: TreePatch) {
        let mut committed = self.committed.write().expect(UNBROKEN);
        committed.tree.commit(patch);
        committed.height = height;
    }
}

fn read(committed: &RwLock<Committed>) -> RwLockReadGuard<'_, Committed> {
    committed.read().expect(UNBROKEN)
}

const UNBROKEN: &str = "only a commit writes the tree, and a panic in it ends the process";
