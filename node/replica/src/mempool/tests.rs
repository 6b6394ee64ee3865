use super::*;
use concordat_crypto::check_transaction;
use concordat_types::{
    AccountName, AssetCode, BlsPublicKey, Ed25519PublicKey, Ed25519Signature, Hash, NetworkId, Operation, Power,
    SignedTransaction, Transaction, Uuid, Validator,
    transaction::{FormRules, TransactionSignature},
};

const NOW: u64 = 1_800_000_000_000;

fn member(name: &str) -> MemberId {
    MemberId::new(name).unwrap()
}

/// A transaction that is unique by its number.
fn transaction(number: u8, valid_until: u64) -> Checked {
    let network = NetworkId(Hash([1; 32]));
    let secret = ed25519_zebra::SigningKey::from([9; 32]);
    let key = Ed25519PublicKey(ed25519_zebra::VerificationKeyBytes::from(&secret).into());
    let transaction = Transaction {
        version: Transaction::VERSION,
        network,
        submitter: member("bank-a"),
        id: Uuid::from_parts(Timestamp(NOW), [number; 10]),
        valid_until: Timestamp(valid_until),
        signers: vec![key],
        operations: vec![Operation::OpenAccount(concordat_types::OpenAccount {
            asset: AssetCode::new("EUR").unwrap(),
            name: AccountName::new("main").unwrap(),
            parent: None,
            customer: None,
            tier: None,
        })],
    };
    let bytes = encode_transaction(&transaction);
    let signature = secret.sign(&Transaction::hash_of(&bytes).0.0);
    let signature = TransactionSignature { key, signature: Ed25519Signature(signature.to_bytes()) };
    let signed = SignedTransaction { bytes, signatures: vec![signature] };
    Arc::new(
        check_transaction(signed, &FormRules { network, tx_bytes_max: 1 << 20, transfers_per_tx_max: 10 }).unwrap(),
    )
}

fn encode_transaction(transaction: &Transaction) -> Vec<u8> {
    concordat_types::encode(transaction)
}

fn later() -> u64 {
    NOW + 3_600_000
}

fn select(mempool: &Mempool) -> Vec<TransactionHash> {
    let in_time = |checked: &CheckedTransaction| checked.transaction.valid_until.0 >= NOW;
    let selected = mempool.select(&Parameters::default(), usize::MAX, &in_time);
    selected.iter().flat_map(|batch| batch.transactions.iter().map(|checked| checked.hash)).collect()
}

#[test]
fn what_clients_hand_in_is_cut_selected_and_gone_once_committed() {
    let mut mempool = Mempool::new(1 << 20);
    let pushed: Vec<_> = (0..3).map(|number| transaction(number, later())).collect();
    pushed.iter().for_each(|checked| mempool.try_push(checked.clone()).unwrap());
    let batches = mempool.cut(member("bank-a"), &Parameters::default(), 0);
    assert_eq!(batches.len(), 1);
    let hashes: Vec<_> = pushed.iter().map(|checked| checked.hash).collect();
    assert_eq!(select(&mempool), hashes);
    mempool.remove_committed(hashes[..1].iter().copied(), Timestamp(NOW));
    assert_eq!(select(&mempool), hashes[1..], "the rest of the batch is cut anew");
    mempool.remove_committed(hashes[1..].iter().copied(), Timestamp(NOW));
    assert!(mempool.is_empty());
    assert_eq!((mempool.bytes(), mempool.transactions_count()), (0, 0));
}

#[test]
fn a_transaction_in_two_batches_goes_into_a_block_once() {
    let mut mempool = Mempool::new(1 << 20);
    let both = transaction(1, later());
    let first = Arc::new(CheckedBatch::of(vec![both.clone()]));
    let second = Arc::new(CheckedBatch::of(vec![both.clone(), transaction(2, later())]));
    mempool.try_insert(first, member("bank-b"), 0).unwrap();
    mempool.try_insert(second, member("bank-c"), 0).unwrap();
    assert_eq!(select(&mempool).len(), 2);
    mempool.remove_committed([both.hash].into_iter(), Timestamp(NOW));
    assert_eq!(select(&mempool).len(), 1);
}

#[test]
fn expired_ones_are_left_out_and_then_dropped() {
    let mut mempool = Mempool::new(1 << 20);
    let batch = CheckedBatch::of(vec![transaction(1, NOW - 1), transaction(2, NOW + 5)]);
    mempool.try_insert(Arc::new(batch), member("bank-b"), 0).unwrap();
    assert_eq!(select(&mempool).len(), 1);
    mempool.remove_committed(std::iter::empty(), Timestamp(NOW + 6));
    assert!(mempool.is_empty() && mempool.bytes() == 0);
}

#[test]
fn a_full_mempool_refuses_and_no_author_takes_it_all() {
    let cost = COST_FACTOR * transaction(0, later()).signed.bytes.len();
    let mut mempool = Mempool::new(2 * cost);
    assert_eq!(mempool.try_push(transaction(0, later())), Ok(()));
    assert_eq!(mempool.try_push(transaction(1, later())), Ok(()));
    assert_eq!(mempool.try_push(transaction(2, later())), Err(Full));

    let mut mempool = Mempool::new(20 * cost);
    let fill = |mempool: &mut Mempool, author: &str, from: u8| {
        (from..from + 20)
            .filter(|number| {
                let batch = Arc::new(CheckedBatch::of(vec![transaction(*number, later())]));
                mempool.try_insert(batch, member(author), 0).is_ok()
            })
            .count()
    };
    let of_b = fill(&mut mempool, "bank-b", 0);
    assert!((1..20 / 2).contains(&of_b), "{of_b} batches");
    assert!(fill(&mut mempool, "bank-c", 100) >= 1, "another author still has room");
}

#[test]
fn a_batch_is_named_by_digest_only_once_a_quorum_holds_it() {
    let me = member("bank-a");
    let validator = |(number, name): (usize, &&str)| Validator {
        member: member(name),
        key: BlsPublicKey([number as u8; 48]),
        power: 100 as Power,
    };
    let names = ["bank-a", "bank-b", "bank-c", "bank-d"];
    let set = ValidatorSet::new(names.iter().enumerate().map(validator).collect()).unwrap();
    let mut mempool = Mempool::new(1 << 20);
    let batch = Arc::new(CheckedBatch::of(vec![transaction(1, later())]));
    let digest = batch.digest;
    mempool.try_insert(batch, member("bank-b"), 0).unwrap();
    assert!(!mempool.is_held_by_quorum(&digest, me, &set), "author and we: two of four");
    mempool.acknowledge(&digest, member("central-bank"));
    assert!(!mempool.is_held_by_quorum(&digest, me, &set), "a follower has no power");
    mempool.acknowledge(&digest, member("bank-c"));
    assert!(mempool.is_held_by_quorum(&digest, me, &set));
}

#[test]
fn unacknowledged_batches_of_ours_are_sent_again_and_no_others() {
    let (me, peer) = (member("bank-a"), member("bank-b"));
    let mut mempool = Mempool::new(1 << 20);
    mempool.try_push(transaction(1, later())).unwrap();
    let ours = mempool.cut(me, &Parameters::default(), 100).remove(0);
    mempool.try_insert(Arc::new(CheckedBatch::of(vec![transaction(2, later())])), member("bank-c"), 100).unwrap();
    assert!(mempool.unacknowledged(me, &peer, 100, 9).is_empty(), "sent just now");
    assert_eq!(mempool.unacknowledged(me, &peer, 101, 9).len(), 1);
    mempool.mark_sent([ours.digest].into_iter(), 200);
    assert!(mempool.unacknowledged(me, &peer, 200, 9).is_empty());
    mempool.acknowledge(&ours.digest, peer);
    assert!(mempool.unacknowledged(me, &peer, u64::MAX, 9).is_empty());
}

#[test]
fn a_batch_made_here_has_the_bytes_of_a_batch() {
    let transactions = vec![transaction(1, later()), transaction(2, later())];
    let batch =
        concordat_types::Batch { transactions: transactions.iter().map(|checked| checked.signed.clone()).collect() };
    assert_eq!(CheckedBatch::of(transactions).bytes[..], concordat_types::encode(&batch));
}

#[test]
fn a_slow_network_gets_small_blocks_and_never_none() {
    let mut mempool = Mempool::new(1 << 20);
    for number in 0..3 {
        let batch = Arc::new(CheckedBatch::of(vec![transaction(number, later())]));
        mempool.try_insert(batch, member("bank-b"), 0).unwrap();
    }
    let selected = |target| mempool.select(&Parameters::default(), target, &|_| true).len();
    assert_eq!([selected(0), selected(1), selected(2), selected(9)], [1, 1, 2, 3]);
}
