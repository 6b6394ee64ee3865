//! Bytes that must never change: other programs and old receipts depend on them.

use super::{scenario::tree_of, world::*};
use crate::{BlockContext, IdKey, IdKind, IdRecord, MemoryState, OperationResult, StateKey, execute, result_leaves};
use alloc::{format, string::String, string::ToString, vec, vec::Vec};
use concordat_types::{BatchMode, Hash, Height, Operation, ProposalId, ResultCode, encode};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn keys() {
    let golden = [
        (StateKey::Parameters, "00"),
        (StateKey::ValidatorsNext, "01"),
        (StateKey::ValidatorsAfterNext, "02"),
        (StateKey::Member(member_id("bank-a")), "030662616e6b2d61"),
        (StateKey::Asset(asset_code("EUR")), "0403455552"),
        (StateKey::Account(account_id("A")), ACCOUNT_KEY),
        (StateKey::IdWindow, "06"),
        (StateKey::IdBucket(0x0102), "070201000000000000"),
        (StateKey::Participation, "14"),
        (StateKey::ValidatorSets, "15"),
        (StateKey::ValidatorsFrom(Height(0x0102)), "160201000000000000"),
        (StateKey::Evidence, "17"),
        (StateKey::Governance, "1e"),
        (StateKey::Proposal(ProposalId(0x0102)), "1f0201000000000000"),
        (StateKey::Candidate(member_id("bank-a")), "200662616e6b2d61"),
        (StateKey::Filing(member_id("bank-a")), "210662616e6b2d61"),
        (StateKey::BlockMarks, "22"),
        (StateKey::MemberList, "23"),
        (StateKey::Estate(member_id("bank-a")), "250662616e6b2d61"),
        (StateKey::OpenAccounts(member_id("bank-a")), "260662616e6b2d61"),
    ];
    for (key, bytes) in golden {
        assert_eq!(hex(&key.to_bytes()), bytes);
    }
}

#[test]
fn id_records() {
    let key = IdKey { id: id_at(1, NOW), kind: IdKind::Transfer, submitter: member_id("bank-a") };
    let (body, code) = (Hash([5; 32]).into(), ResultCode::InsufficientFunds);
    let (height, tx_index) = (Height(2), 3);
    let transfer = IdRecord::Transfer { body, code, height, tx_index, operation: 4, item: 6 };
    let operation = OperationResult { code: ResultCode::Ok, transfers: vec![code], repeats: vec![1], bookings: vec![] };
    let transaction = IdRecord::Transaction { body, height, tx_index, results: vec![operation] };
    assert_eq!(hex(&encode(&key)), ID_KEY);
    assert_eq!(hex(&encode(&transfer)), TRANSFER_RECORD);
    assert_eq!(hex(&encode(&transaction)), TRANSACTION_RECORD);
}

#[test]
fn roots() {
    let genesis = MemoryState::new(crate::genesis_state(&genesis()));
    assert_eq!(tree_of(&genesis).root().to_string(), GENESIS_ROOT);

    let id = |number| id_at(number, NOW);
    let transfers = (10..13).map(|number| transfer(id(number), "A", "B", Into::into(30u8))).collect();
    let block = [
        ("central-bank", vec![issue(id(1), "EUR", "A", 100)]),
        ("bank-a", vec![open("EUR", "new"), Operation::Transfer(transfer(id(2), "A", "Anew", 20))]),
        ("bank-a", vec![Operation::Batch { mode: BatchMode::Each, transfers }]),
        ("bank-a", vec![Operation::Transfer(transfer(id(2), "A", "Anew", 20))]),
    ];
    let block: Vec<_> = (100..)
        .zip(block)
        .map(|(number, (name, operations))| sign(transaction(name, id(number), NOW, operations), &[name]))
        .collect();
    let mut world = world();
    let execution =
        execute(&world, &BlockContext { height: Height(1), time: NOW, ..BlockContext::default() }, &block).unwrap();
    assert_eq!(execution.results_root.to_string(), RESULTS_ROOT);
    let leaves = result_leaves(block.iter().map(|checked| &***checked), &execution.results, &execution.events);
    assert_eq!(hex(&encode(&leaves[leaves.len() - 1])), LAST_LEAF);
    world.apply(&execution);
    assert_eq!(tree_of(&world).root().to_string(), STATE_ROOT);
}

const ACCOUNT_KEY: &str = "0504d6c4f964cbf7a658b1eb476cd10330";
const ID_KEY: &str = "018bcfe5680070008000000000000001010662616e6b2d61";
const TRANSFER_RECORD: &str = "01050505050505050505050505050505055c00020000000000000003000000040006000000";
const TRANSACTION_RECORD: &str =
    "0005050505050505050505050505050505020000000000000003000000010000000000010000005c00010000000100000000000000";
const GENESIS_ROOT: &str = "8acdd9b39ed32f18ed851f3b5777e6b32ee673a8a1039dd424ade138fa22846b";
const RESULTS_ROOT: &str = "6a84f76f8a903d69f6b106818857da72955c69cf6797d0678b6a2dbcfe02a887";
const LAST_LEAF: &str = "00030000000000000000001aa25b7442ee8ebe9351d3ec262775c753d34fb52868a3180bab2547caf5e8f5018bcfe56800700080000000000000021246e6818b80ebb92d2da5882efd424b974b3be4713dab0b1f539ca620278c5d00000100000000";
const STATE_ROOT: &str = "64980ee5d8baeb0f8c469121c0d7c063a7ab0f2db9a30369072acfbc80a69ada";
