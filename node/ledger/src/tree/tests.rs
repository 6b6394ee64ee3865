#![allow(clippy::unwrap_used)]

use super::*;
use crate::state::{StateKey, StateValue};
use alloc::{collections::BTreeMap, vec, vec::Vec};
use proptest::prelude::*;

fn key(number: u64) -> StateKey {
    StateKey::IdBucket(number)
}

fn value(number: u8) -> StateValue {
    StateValue::IdBucket(Hash([number; 32]))
}

fn tree(entries: &BTreeMap<u64, u8>) -> StateTree {
    StateTree::from_leaves(entries.iter().map(|(number, content)| (key(*number), value(*content))))
}

fn changes(edits: &[(u64, Option<u8>)]) -> BTreeMap<StateKey, Option<StateValue>> {
    edits.iter().map(|(number, content)| (key(*number), content.map(value))).collect()
}

fn edit(entries: &mut BTreeMap<u64, u8>, edits: &[(u64, Option<u8>)]) {
    for (number, content) in edits {
        match content {
            Some(content) => entries.insert(*number, *content),
            None => entries.remove(number),
        };
    }
}

#[test]
fn roots_of_small_trees() {
    assert_eq!(StateTree::new().root(), Hash::ZERO);
    assert_eq!(tree(&BTreeMap::new()).root(), Hash::ZERO);
    let leaf = Leaf::new(&key(1), &value(1), &mut Vec::new());
    assert_eq!(tree(&BTreeMap::from([(1, 1)])).root(), leaf.hash());
    let other = Leaf::new(&key(2), &value(2), &mut Vec::new());
    let bit = first_difference(&leaf.key, &other.key).unwrap();
    let (left, right) = if leaf.key < other.key { (leaf, other) } else { (other, leaf) };
    assert_eq!(tree(&BTreeMap::from([(1, 1), (2, 2)])).root(), node_hash(bit, &left.hash(), &right.hash()));
}

#[test]
fn the_last_value_of_a_key_counts() {
    let twice = StateTree::from_leaves([(key(1), value(1)), (key(2), value(9)), (key(1), value(2))]);
    assert_eq!(twice.root(), tree(&BTreeMap::from([(1, 2), (2, 9)])).root());
}

#[test]
fn nodes_are_used_again() {
    let mut tree = tree(&(0..100).map(|number| (number, 1)).collect());
    let (leaves, branches) = (tree.leaves.nodes.len(), tree.branches.nodes.len());
    for round in 2..50 {
        let edits: Vec<_> = (0..100).map(|number| (number, Some(round))).collect();
        let (_, patch) = tree.preview(&changes(&edits));
        tree.commit(patch);
    }
    assert!(tree.leaves.nodes.len() <= 2 * leaves && tree.branches.nodes.len() <= 2 * branches);
    assert_eq!((tree.len(), tree.branches.len()), (100, 99));
    let edits: Vec<_> = (0..100).map(|number| (number, None)).collect();
    let (root, patch) = tree.preview(&changes(&edits));
    tree.commit(patch);
    assert_eq!((root, tree.len(), tree.branches.len()), (Hash::ZERO, 0, 0));
}

#[test]
#[should_panic(expected = "a patch is made for the tree it is committed to")]
fn a_stale_patch_is_refused() {
    let mut tree = StateTree::new();
    let (_, first) = tree.preview(&changes(&[(1, Some(1))]));
    let (_, second) = tree.preview(&changes(&[(2, Some(1))]));
    tree.commit(first);
    tree.commit(second);
}

#[test]
fn an_empty_tree_has_nothing() {
    let proof = StateTree::new().prove(&key(1));
    assert_eq!(proof.verify(Hash::ZERO, &key(1), None), Ok(()));
    assert_eq!(proof.verify(Hash::ZERO, &key(1), Some(&value(1))), Err(ProofError::WrongLeaf));
    assert_eq!(proof.verify(Hash([1; 32]), &key(1), None), Err(ProofError::WrongRoot));
}

#[test]
fn forged_proofs_fail() {
    let entries: BTreeMap<u64, u8> = (0..50).map(|number| (number, 7)).collect();
    let tree = tree(&entries);
    let root = tree.root();
    for number in 0..60 {
        let present = number < 50;
        let claim = present.then(|| value(7));
        let opposite = (!present).then(|| value(7));
        let good = tree.prove(&key(number));
        assert_eq!(good.verify(root, &key(number), claim.as_ref()), Ok(()));
        assert!(good.verify(root, &key(number), Some(&value(8))).is_err());
        assert!(good.verify(root, &key(number), opposite.as_ref()).is_err());
        assert!(good.verify(root, &key((number + 1) % 50), claim.as_ref()).is_err());
        for step in 0..good.path.len() {
            let mut forged = good.clone();
            forged.path[step].1.0[0] ^= 1;
            assert_eq!(forged.verify(root, &key(number), claim.as_ref()), Err(ProofError::WrongRoot));
            let mut forged = good.clone();
            forged.path[step].0 ^= 1;
            assert!(forged.verify(root, &key(number), claim.as_ref()).is_err());
            let mut forged = good.clone();
            forged.path.remove(step);
            assert!(forged.verify(root, &key(number), claim.as_ref()).is_err());
        }
        let mut forged = good.clone();
        forged.path.reverse();
        assert_eq!(forged.verify(root, &key(number), claim.as_ref()), Err(ProofError::Malformed));
        let mut forged = good.clone();
        forged.leaf = None;
        assert_eq!(forged.verify(root, &key(number), None), Err(ProofError::Malformed));
        forged.path.clear();
        assert_eq!(forged.verify(root, &key(number), None), Err(ProofError::WrongRoot));
        // The root is a node's hash; it is no leaf.
        forged.leaf = Some((key_hash(&key(number)), root));
        assert_eq!(forged.verify(root, &key(number), None), Err(ProofError::WrongRoot));
    }
}

/// An absent key's proof must come from following its own bits, not from another leaf's path.
#[test]
fn a_present_key_cannot_be_shown_absent() {
    let entries: BTreeMap<u64, u8> = (0..50).map(|number| (number, 7)).collect();
    let tree = tree(&entries);
    for victim in 0..50 {
        for other in (0..50).filter(|other| *other != victim) {
            let proof = tree.prove(&key(other));
            assert!(proof.verify(tree.root(), &key(victim), None).is_err(), "{victim} hidden behind {other}");
        }
    }
}

fn edits() -> impl Strategy<Value = Vec<(u64, Option<u8>)>> {
    prop::collection::vec((0u64..64, prop::option::weighted(0.7, 0u8..4)), 0..40)
}

proptest! {
    #[test]
    fn the_root_depends_on_the_content_alone(blocks in prop::collection::vec(edits(), 1..6)) {
        let mut entries = BTreeMap::new();
        let mut grown = StateTree::new();
        for edits in &blocks {
            edit(&mut entries, edits);
            let before = grown.root();
            let (root, patch) = grown.preview(&changes(edits));
            let (again, _) = grown.preview(&changes(edits));
            prop_assert_eq!(grown.root(), before);
            prop_assert_eq!(root, again);
            grown.commit(patch);
            prop_assert_eq!(grown.root(), root);
            prop_assert_eq!(root, tree(&entries).root());
            prop_assert_eq!((grown.len(), grown.branches.len()), (entries.len(), entries.len().saturating_sub(1)));
        }
        // One key at a time, backwards.
        let mut single = StateTree::new();
        for (number, content) in entries.iter().rev() {
            let (_, patch) = single.preview(&changes(&[(*number, Some(*content))]));
            single.commit(patch);
        }
        prop_assert_eq!(single.root(), grown.root());
        for number in 0..64 {
            let proof = grown.prove(&key(number));
            let claim = entries.get(&number).map(|content| value(*content));
            prop_assert_eq!(proof.verify(grown.root(), &key(number), claim.as_ref()), Ok(()));
            let wrong = if claim.is_some() { None } else { Some(value(0)) };
            prop_assert_eq!(proof.verify(grown.root(), &key(number), wrong.as_ref()), Err(ProofError::WrongLeaf));
        }
    }
}

#[test]
fn proofs_are_encoded_canonically() {
    let proof = tree(&BTreeMap::from([(1, 1), (2, 2)])).prove(&key(1));
    let bytes = concordat_types::encode(&proof);
    assert_eq!(concordat_types::decode::<Proof>(&bytes, 1 << 16), Ok(proof));
    assert_eq!(vec![0u8; 5], concordat_types::encode(&StateTree::new().prove(&key(1))));
}
