#![allow(clippy::unwrap_used)]

use super::{hash::*, *};
use crate::state::{StateKey, StateValue};
use alloc::{collections::BTreeMap, vec::Vec};
use concordat_types::{Tag, decode, encode};
use proptest::prelude::*;

/// Key hash -> value hash.
type Entries = BTreeMap<Hash, Hash>;

fn key(number: u64) -> StateKey {
    StateKey::IdBucket(number)
}

fn value(number: u8) -> StateValue {
    StateValue::IdBucket(Hash([number; 32]))
}

/// The tree as docs/protocol.md has it: no pages, no order, nothing kept.
fn reference_root(entries: &[(Hash, Hash)], bit: u8) -> Hash {
    match entries {
        [] => Hash::ZERO,
        [(key, value)] => Tag::STATE_LEAF.hash(&[&key.0, &value.0]),
        _ => {
            let (right, left): (Vec<_>, Vec<_>) =
                entries.iter().partition(|(key, _)| key.0[usize::from(bit / 8)] & 0x80 >> (bit % 8) != 0);
            if left.is_empty() || right.is_empty() {
                return reference_root(entries, bit + 1);
            }
            let [left, right] = [left, right].map(|side| reference_root(&side, bit.saturating_add(1)));
            Tag::STATE_NODE.hash(&[&[bit], &left.0, &right.0])
        }
    }
}

fn reference(entries: &Entries) -> Hash {
    reference_root(&entries.iter().map(|(key, value)| (*key, *value)).collect::<Vec<_>>(), 0)
}

/// Key hashes as nobody meets them: a quarter spread evenly, the rest on three pages however many pages there are; of
/// these some part in their last byte only.
fn key_hash(number: u16) -> Hash {
    let mut key = Tag("test").hash(&[&number.to_le_bytes()]);
    let (prefix, bytes) = [(0, 0), (0x00, 3), (0xff, 20), (0xa5, 31)][usize::from(number % 4)];
    key.0[..bytes].fill(prefix);
    if bytes == 31 {
        key.0[31] = (number / 4) as u8;
    }
    key
}

fn value_hash(number: u8) -> Hash {
    Hash([number; 32])
}

/// Number of a key, and its new value.
type Block = Vec<(u16, Option<u8>)>;

fn edits(block: &Block) -> Vec<Edit> {
    let last: BTreeMap<Hash, Option<u8>> = block.iter().map(|(number, value)| (key_hash(*number), *value)).collect();
    last.into_iter().map(|(key, value)| Edit { key, value: value.map(value_hash) }).collect()
}

fn edit(entries: &mut Entries, edits: &[Edit]) {
    for Edit { key, value } in edits {
        match value {
            Some(value) => entries.insert(*key, *value),
            None => entries.remove(key),
        };
    }
}

fn root_of(tree: &StateTree, patch: &TreePatch) -> Hash {
    patch.crown.last().map_or(tree.root(), |(_, root)| *root)
}

fn apply(tree: &mut StateTree, edits: &[Edit]) {
    let patch = tree.patch(edits);
    let root = root_of(tree, &patch);
    tree.commit(patch);
    assert_eq!(tree.root(), root);
    check_shape(tree);
}

fn grown(entries: impl IntoIterator<Item = (Hash, Hash)>) -> StateTree {
    let mut tree = StateTree::new();
    entries.into_iter().for_each(|(key, value)| apply(&mut tree, &[Edit { key, value: Some(value) }]));
    tree
}

fn built(entries: &Entries) -> StateTree {
    let mut builder = TreeBuilder::new();
    entries.iter().rev().for_each(|(key, value)| builder.push(build::Leaf { key: *key, value: *value }));
    builder.finish()
}

/// Everything that the fields promise, from the leaves up.
fn check_shape(tree: &StateTree) {
    let count = tree.pages.len();
    assert_eq!(tree.crown.len(), 2 * count);
    assert_eq!(tree.leaves, tree.pages.iter().map(|page| page.len()).sum::<usize>());
    assert!(tree.leaves <= LEAVES_A_PAGE * count);
    for (node, page) in (count as u32..).zip(&tree.pages) {
        assert!(page.iter().all(|entry| tree.node_of(&entry.key) == node));
        assert!(page.is_sorted_by(|a, b| a.key < b.key));
        let mut draft = Draft::default();
        draft.fill(page.iter().map(|entry| page::Entry::new(entry.key, entry.value)));
        assert_eq!(draft.rehash(), tree.crown[node as usize]);
        assert_eq!(page::root(page), tree.crown[node as usize]);
        assert!(page.iter().zip(&draft.entries).all(|(kept, new)| kept.leaf == new.leaf));
        assert!(page.iter().zip(&draft.entries).skip(1).all(|(kept, new)| kept.branch == new.branch));
    }
    for node in 1..count {
        let hash = join(level_of(node as u32), &tree.crown[2 * node], &tree.crown[2 * node + 1]);
        assert_eq!(tree.crown[node], hash);
    }
}

/// Each key's proof shows what is there, and nothing else.
fn check_proofs(tree: &StateTree, entries: &Entries, keys: impl Iterator<Item = Hash>) {
    for key in keys {
        let (proof, found) = (tree.prove_hash(&key), entries.get(&key).copied());
        assert_eq!(proof.verify_hashes(tree.root(), &key, found), Ok(()));
        let (wrong, error) = match found {
            Some(_) => (None, ProofError::WrongValue),
            None => (Some(value_hash(0)), ProofError::WrongKey),
        };
        assert_eq!(proof.verify_hashes(tree.root(), &key, wrong), Err(error));
        assert_eq!(proof.verify_hashes(tree.root(), &key, Some(value_hash(255))), Err(error));
    }
}

const KEYS: u16 = 400;

fn blocks(count: usize) -> impl Strategy<Value = Vec<Block>> {
    let block = prop::collection::vec((0..KEYS, prop::option::weighted(0.7, 0u8..4)), 0..60);
    prop::collection::vec(block, 1..count)
}

proptest! {
    #[test]
    fn the_root_depends_on_the_content_alone(blocks in blocks(12), order in any::<u64>()) {
        let (mut entries, mut tree) = (Entries::new(), StateTree::new());
        for block in &blocks {
            let edits = edits(block);
            edit(&mut entries, &edits);
            let before = tree.root();
            let (patch, again) = (tree.patch(&edits), tree.patch(&edits));
            prop_assert_eq!(tree.root(), before);
            prop_assert_eq!(root_of(&tree, &patch), reference(&entries));
            prop_assert_eq!(root_of(&tree, &again), reference(&entries));
            apply(&mut tree, &edits);
            prop_assert_eq!((tree.root(), tree.len()), (reference(&entries), entries.len()));
        }
        let fresh = built(&entries);
        check_shape(&fresh);
        prop_assert_eq!((fresh.root(), fresh.len()), (tree.root(), tree.len()));

        // One at a time, in another order.
        let mut shuffled: Vec<(Hash, Hash)> = entries.iter().map(|(key, value)| (*key, *value)).collect();
        shuffled.sort_by_key(|(key, _)| Tag("order").hash(&[&order.to_le_bytes(), &key.0]));
        prop_assert_eq!(grown(shuffled).root(), tree.root());

        check_proofs(&tree, &entries, (0..KEYS).map(key_hash));
    }

    #[test]
    fn what_is_undone_leaves_no_trace(blocks in blocks(6)) {
        let (mut entries, mut tree, mut way_back) = (Entries::new(), StateTree::new(), Vec::new());
        for block in &blocks {
            let edits = edits(block);
            let inverse: Vec<Edit> =
                edits.iter().map(|edit| Edit { key: edit.key, value: entries.get(&edit.key).copied() }).collect();
            way_back.push((tree.root(), inverse));
            edit(&mut entries, &edits);
            apply(&mut tree, &edits);
        }
        while let Some((root, inverse)) = way_back.pop() {
            apply(&mut tree, &inverse);
            prop_assert_eq!(tree.root(), root);
        }
        prop_assert!(tree.is_empty() && tree.root() == Hash::ZERO);
    }
}

#[test]
fn a_row_is_what_the_root_commits_to_or_not() {
    let tree = StateTree::from_leaves((0..1000u64).map(|number| (key(number), value(number as u8))));
    let row = encode(&value(2));
    assert!(tree.commits_to(&key(2), Some(&row)));
    assert!(tree.commits_to(&key(1000), None));
    for byte in 0..row.len() {
        let mut other = row.clone();
        other[byte] ^= 1;
        assert!(!tree.commits_to(&key(2), Some(&other)), "byte {byte}");
    }
    assert!(!tree.commits_to(&key(2), None), "the row is gone");
    assert!(!tree.commits_to(&key(1000), Some(&row)), "a row that nobody wrote");
    assert!(!tree.commits_to(&key(1), Some(&row)), "the value of another key");
    assert!(StateTree::new().commits_to(&key(1), None) && !StateTree::new().commits_to(&key(1), Some(&row)));
}

#[test]
fn roots_of_small_trees() {
    assert_eq!(StateTree::new().root(), Hash::ZERO);
    assert_eq!(built(&Entries::new()).root(), Hash::ZERO);
    let [(a, b), (c, d)] = [(key_hash(0), value_hash(1)), (key_hash(4), value_hash(2))];
    assert_eq!(built(&Entries::from([(a, b)])).root(), leaf_hash(&a, &b));
    let bit = first_difference(&a, &c).unwrap();
    let [mut left, mut right] = [leaf_hash(&a, &b), leaf_hash(&c, &d)];
    if side_of(&a, bit) == 1 {
        core::mem::swap(&mut left, &mut right);
    }
    assert_eq!(built(&Entries::from([(a, b), (c, d)])).root(), node_hash(bit, &left, &right));
}

/// Of key `IdBucket(n)` and value `IdBucket` of 32 bytes n each, for n below the count. They were computed by another
/// program than this one, which kept its nodes singly.
#[test]
fn golden_roots() {
    const ROOTS: &[(u64, &str)] = &[
        (0, "0000000000000000000000000000000000000000000000000000000000000000"),
        (1, "199263abe0492ccfb6019943583ff88ed8ab902d0591fe1bea06994cae5d5b5f"),
        (2, "f0d3cbff7dd4e3e592119afdac5dd8ba6696cb68ef8768e861ccc8cd129ff288"),
        (3, "ab366b3cbf7ea34d560e0eb5f05a8d0358fec33b1e6a642e7b253326cab31991"),
        (10, "28e7b39278d628a3b228e2e162ea6496fc190f73b6a9195dc24847abc71d12d3"),
        (100, "a06aded9f6f8a13256b0ebc166df9f0e31c184537483a3896da2c081a1a28e12"),
        (1000, "6a83488022fe251ecd2f02d463695133596cf51a7bbd8d7ce49443221dd788bf"),
    ];
    for (count, root) in ROOTS {
        let leaves = || (0..*count).map(|number| (key(number), value(number as u8)));
        assert_eq!(StateTree::from_leaves(leaves()).root(), Hash::from_hex(root).unwrap(), "{count} leaves");
        let (root, _) = StateTree::new().preview(&leaves().map(|(key, value)| (key, Some(value))).collect());
        assert_eq!(root, StateTree::from_leaves(leaves()).root(), "{count} leaves");
    }
}

#[test]
fn the_last_value_of_a_key_counts() {
    let twice = StateTree::from_leaves([(key(1), value(1)), (key(2), value(9)), (key(1), value(2))]);
    assert_eq!(twice.root(), StateTree::from_leaves([(key(2), value(9)), (key(1), value(2))]).root());
    assert_eq!(twice.len(), 2);
}

/// Enough leaves for more pages than shares, and numbers of pages around a power of two: with 1024, 1025 and 2047 pages
/// the lower level of the crown is full, begins, and is all but full.
#[test]
fn shares_make_the_tree_that_growing_makes() {
    for count in [1020, 1024, 4092, 4096, 4097, 8188] {
        let leaves = |from: u64| (from..count).map(|number| (key(number), value(number as u8)));
        let mut builder = TreeBuilder::new();
        leaves(0).for_each(|(key, value)| builder.add_bytes(&encode(&key), &encode(&value)));
        let shares = builder.into_shares();
        assert_eq!(shares.len(), if count < 1024 { 1 } else { 256 });
        let tree = StateTree::from_shares(shares.into_iter().rev().map(TreeShare::build).rev().collect());
        check_shape(&tree);

        let mut grown = StateTree::from_leaves((0..10).map(|number| (key(number), value(number as u8))));
        let (root, patch) = grown.preview(&leaves(10).map(|(key, value)| (key, Some(value))).collect());
        grown.commit(patch);
        check_shape(&grown);
        assert_eq!((tree.root(), tree.len() as u64), (root, count));
        assert_eq!((grown.root(), grown.len(), grown.pages.len()), (tree.root(), tree.len(), tree.pages.len()));
    }
}

#[test]
#[should_panic(expected = "shares come whole and in order")]
fn a_missing_share_is_noticed() {
    let mut builder = TreeBuilder::new();
    (0..2000).for_each(|number| builder.add(&key(number), &value(1)));
    let mut shares: Vec<_> = builder.into_shares().into_iter().map(TreeShare::build).collect();
    shares.remove(7);
    StateTree::from_shares(shares);
}

/// Whoever grinds keys for one page makes it long, not wrong: all of 256 keys part in their last byte.
#[test]
fn keys_that_share_all_but_a_byte() {
    let mut entries = Entries::new();
    let mut tree = StateTree::new();
    for round in 0..4 {
        let numbers = (0..256).filter(|number| round == 3 || number % 3 == round);
        let edits: Vec<Edit> = numbers
            .map(|number| Edit { key: key_hash(4 * number + 3), value: Some(value_hash(round as u8)) })
            .collect();
        edit(&mut entries, &edits);
        apply(&mut tree, &edits);
        assert_eq!(tree.root(), reference(&entries));
    }
    assert_eq!(tree.len(), 256);
    check_proofs(&tree, &entries, (0..KEYS).map(key_hash));
}

#[test]
fn what_changes_nothing_leaves_no_patch() {
    let mut tree = StateTree::from_leaves((0..100).map(|number| (key(number), value(1))));
    let root = tree.root();
    let same = BTreeMap::from([(key(7), Some(value(1))), (key(100), None)]);
    for changes in [BTreeMap::new(), same] {
        let (previewed, patch) = tree.preview(&changes);
        assert_eq!((previewed, patch.crown.len(), patch.pages.len(), patch.values.len()), (root, 0, 0, 0));
        tree.commit(patch);
        assert_eq!((tree.root(), tree.len()), (root, 100));
    }
}

#[test]
#[should_panic(expected = "a patch is made for the tree it is committed to")]
fn a_stale_patch_is_refused() {
    let mut tree = StateTree::new();
    let [first, second] = [1, 2].map(|number| tree.preview(&BTreeMap::from([(key(number), Some(value(1)))])).1);
    tree.commit(first);
    tree.commit(second);
}

#[test]
fn an_empty_tree_has_nothing() {
    let proof = StateTree::new().prove(&key(1));
    assert_eq!(proof.verify(Hash::ZERO, &key(1), None), Ok(()));
    assert_eq!(proof.verify(Hash::ZERO, &key(1), Some(&value(1))), Err(ProofError::WrongKey));
    assert_eq!(proof.verify(Hash([1; 32]), &key(1), None), Err(ProofError::WrongRoot));
}

/// A proof is bound whole: with any bit of its encoding changed it shows nothing, and nothing else either.
#[test]
fn every_altered_byte_is_refused() {
    for count in [1, 2, 50, 2000] {
        let tree = StateTree::from_leaves((0..count).map(|number| (key(number), value(7))));
        let root = tree.root();
        for number in [0, count - 1, count, count + 1] {
            let claim = (number < count).then(|| value(7));
            let opposite = claim.is_none().then(|| value(7));
            let good = tree.prove(&key(number));
            assert_eq!(good.verify(root, &key(number), claim.as_ref()), Ok(()));
            let error = if claim.is_some() { ProofError::WrongValue } else { ProofError::WrongKey };
            assert_eq!(good.verify(root, &key(number), opposite.as_ref()), Err(error));
            let bytes = encode(&good);
            for (place, bit) in (0..bytes.len()).flat_map(|place| (0..8).map(move |bit| (place, bit))) {
                let mut altered = bytes.clone();
                altered[place] ^= 1 << bit;
                let Ok(forged) = decode::<Proof>(&altered, altered.len()) else { continue };
                for claim in [&claim, &opposite] {
                    let refused = forged.verify(root, &key(number), claim.as_ref());
                    assert!(
                        matches!(refused, Err(ProofError::Malformed | ProofError::WrongRoot)),
                        "{count} leaves, key {number}, bit {bit} of byte {place}: {refused:?}"
                    );
                }
            }
            for byte in 0..32 {
                let mut other = root;
                other.0[byte] ^= 1;
                assert_eq!(good.verify(other, &key(number), claim.as_ref()), Err(ProofError::WrongRoot));
            }
        }
    }
}

#[test]
fn forged_proofs_fail() {
    let tree = StateTree::from_leaves((0..50).map(|number| (key(number), value(7))));
    let root = tree.root();
    for number in 0..60 {
        let claim = (number < 50).then(|| value(7));
        let good = tree.prove(&key(number));
        assert_eq!(good.verify(root, &key(number), claim.as_ref()), Ok(()));
        let error = if claim.is_some() { ProofError::WrongValue } else { ProofError::WrongKey };
        assert_eq!(good.verify(root, &key(number), Some(&value(8))), Err(error));
        let of_another = good.verify(root, &key((number + 1) % 50), claim.as_ref());
        assert!(matches!(of_another, Err(ProofError::WrongKey | ProofError::WrongValue)), "{of_another:?}");
        for step in 0..good.path.len() {
            let mut forged = good.clone();
            forged.path.remove(step);
            assert_eq!(forged.verify(root, &key(number), claim.as_ref()), Err(ProofError::WrongRoot));
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
        forged.leaf = Some((Hasher::default().key(&key(number)), root));
        assert_eq!(forged.verify(root, &key(number), None), Err(ProofError::WrongRoot));
    }
}

/// An absent key's proof must come from following its own bits, not from another leaf's path.
#[test]
fn absence_cannot_be_shown_by_another_path() {
    let tree = StateTree::from_leaves((0..50).map(|number| (key(number), value(7))));
    for (number, other) in (0..50).flat_map(|number| (0..50).map(move |other| (number, other))) {
        let proof = tree.prove(&key(other));
        let shown = proof.verify(tree.root(), &key(number), None);
        assert!(shown.is_err(), "{number} is there, and the path of {other} says it is not");
    }
}

#[test]
fn proofs_are_encoded_canonically() {
    let proof = StateTree::from_leaves([(key(1), value(1)), (key(2), value(2))]).prove(&key(1));
    assert_eq!(decode::<Proof>(&encode(&proof), 1 << 16), Ok(proof));
    assert_eq!([0u8; 5][..], encode(&StateTree::new().prove(&key(1))));
}

/// Of two accounts that are alike but for their blinding nothing in a proof is alike.
#[test]
fn blinding_hides_what_an_account_holds() {
    let account = |blinding| {
        StateValue::Account(concordat_types::Account {
            owner: concordat_types::MemberId::new("bank-a").unwrap(),
            asset: concordat_types::AssetCode::new("EUR").unwrap(),
            name: concordat_types::AccountName::new("main").unwrap(),
            flags: Default::default(),
            parent: None,
            customer: None,
            tier: None,
            children: 0,
            debits_posted: 0,
            credits_posted: 5,
            debits_pending: 0,
            credits_pending: 0,
            blinding: [blinding; 16],
        })
    };
    let shown = |value| StateTree::from_leaves([(key(1), value)]).prove(&key(2)).leaf.unwrap();
    assert_eq!(shown(account(1)).0, shown(account(2)).0);
    assert_ne!(shown(account(1)).1, shown(account(2)).1);
}
