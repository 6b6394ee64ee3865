use super::*;
use crate::{
    BlockContext, Booking, Execution, MemoryState, execute,
    tests::world::{NOW, account_id, fund, id_at, issue, member_id, open, sign, transaction, transfer, world},
};
use alloc::{sync::Arc, vec};
use borsh::{BorshDeserialize, BorshSerialize};
use concordat_types::{
    Amount, BatchMode, Height, Hold, HoldSide, Leg, Offer, PendingRef, Purpose, Reference, ResultCode, Timestamp, Uuid,
    Verified,
};

struct Block {
    transactions: Vec<CheckedTransaction>,
    execution: Execution,
}

impl Block {
    fn execute(
        world: &mut MemoryState,
        height: u64,
        time: Timestamp,
        transactions: &[Arc<Verified<CheckedTransaction>>],
    ) -> Block {
        let context = BlockContext { height: Height(height), time, ..BlockContext::default() };
        let execution = execute(world, &context, transactions).unwrap();
        world.apply(&execution);
        Block { transactions: transactions.iter().map(|checked| (***checked).clone()).collect(), execution }
    }

    fn receipt(&self, place: LeafPlace) -> Option<Receipt> {
        Receipt::of(&self.transactions, &self.execution.results, &self.execution.events, place)
    }

    fn of_item(&self, tx_index: u32, operation: u16, item: u32) -> Receipt {
        self.receipt(LeafPlace::Item { tx_index, operation, item }).unwrap()
    }

    fn shown(&self, receipt: &Receipt) -> Result<Shown, ReceiptError> {
        receipt.verify(self.execution.results_root)
    }
}

fn id(number: u64) -> Uuid {
    id_at(number, NOW)
}

fn reference() -> Reference {
    Reference::new("").unwrap()
}

fn hold(number: u64, amount: Amount, expires_at: Timestamp) -> Operation {
    let (debit_account, credit_account) = (account_id("A"), account_id("B"));
    let (purpose, posted_by) = (Purpose::new("").unwrap(), HoldSide::Debtor);
    let (id, reference, document) = (id(number), reference(), None);
    Operation::Hold(Hold {
        id,
        debit_account,
        credit_account,
        amount,
        expires_at,
        posted_by,
        reference,
        purpose,
        document,
    })
}

fn offer(number: u64) -> Operation {
    let leg =
        |debit, credit, amount| Leg { debit_account: account_id(debit), credit_account: account_id(credit), amount };
    let legs = vec![leg("A", "B", 7), leg("B", "A", 3)];
    Operation::Offer(Offer {
        id: id(number),
        legs,
        deadline: Timestamp(NOW.0 + 60_000),
        reference: reference(),
        document: None,
    })
}

fn named(number: u64) -> PendingRef {
    PendingRef { submitter: member_id("bank-a"), id: id(number) }
}

/// A block of everything that has a leaf of its own kind, the second of two: the first made holds, one of which expires.
fn block() -> Block {
    let mut world = world();
    fund(&mut world, "A", 1_000);
    fund(&mut world, "B", 1_000);
    let signed = |number, by: &str, operations| sign(transaction(by, id(number), NOW, operations), &[by]);
    let later = Timestamp(NOW.0 + 2);
    let first = [signed(1, "bank-a", vec![hold(2, 10, later), hold(3, 20, Timestamp(NOW.0 + 60_000)), offer(4)])];
    Block::execute(&mut world, 1, NOW, &first);
    let batch = |mode, numbers: core::ops::Range<u64>| Operation::Batch {
        mode,
        transfers: numbers.map(|number| transfer(id(number), "A", "B", 400)).collect(),
    };
    let until = Timestamp(NOW.0 + 10);
    let signed = |number, by: &str, operations| sign(transaction(by, id(number), until, operations), &[by]);
    let second = [
        signed(11, "bank-a", vec![open("EUR", "new"), Operation::Transfer(transfer(id(20), "A", "B", 1))]),
        signed(12, "central-bank", vec![issue(id(21), "EUR", "A", 5)]),
        // The third of the three is refused for lack of funds.
        signed(13, "bank-a", vec![batch(BatchMode::Each, 30..33)]),
        signed(14, "bank-a", vec![Operation::Post { id: id(40), hold: named(3), amount: 15 }]),
        signed(15, "bank-b", vec![Operation::Accept { offer: named(4) }]),
        signed(16, "bank-a", vec![Operation::Transfer(transfer(id(20), "A", "B", 1))]),
    ];
    Block::execute(&mut world, 2, later, &second)
}

#[test]
fn every_leaf_has_a_receipt_that_shows_it() {
    let block = block();
    let leaves = result_leaves(block.transactions.iter(), &block.execution.results, &block.execution.events);
    assert_eq!(leaves.len(), 1 + 2 + 1 + 4 + 1 + 1 + 1);
    for leaf in &leaves {
        let receipt = block.receipt(leaf.place()).unwrap();
        assert_eq!(receipt.leaf, *leaf);
        let shown = block.shown(&receipt).unwrap();
        match (leaf, &shown) {
            (ResultLeaf::Event(event), Shown::Event(shown)) => assert_eq!(event, shown),
            (ResultLeaf::Item(item), Shown::Transfer(shown, transfer)) => {
                assert_eq!((item, item.id), (shown, transfer.id))
            }
            (ResultLeaf::Item(item), Shown::Operation(shown, operation)) => {
                assert_eq!((item, Some(item.id)), (shown, operation.id()));
            }
            (ResultLeaf::Item(item), Shown::OfTransaction(shown, transaction, operation)) => {
                assert_eq!((item, item.id), (shown, transaction.id));
                assert_eq!(operation, &transaction.operations[usize::from(item.operation)]);
            }
            other => panic!("{other:?}"),
        }
    }
    for place in [
        LeafPlace::Item { tx_index: 6, operation: 0, item: 0 },
        LeafPlace::Item { tx_index: 0, operation: 2, item: 0 },
        LeafPlace::Item { tx_index: 2, operation: 0, item: 4 },
        LeafPlace::Event { index: 1 },
    ] {
        assert_eq!(block.receipt(place), None, "{place:?}");
    }
}

#[test]
fn a_receipt_says_what_was_asked_for_and_what_became_of_it() {
    let block = block();
    let show = |tx_index, operation, item| block.shown(&block.of_item(tx_index, operation, item)).unwrap();
    let check = |shown: Shown, code: ResultCode, bookings: &[Booking]| {
        let (Shown::Transfer(leaf, _) | Shown::Operation(leaf, _) | Shown::OfTransaction(leaf, ..)) = &shown else {
            panic!("an event: {shown:?}")
        };
        assert_eq!((leaf.code, &leaf.bookings[..]), (code, bookings), "{shown:?}");
        shown
    };
    let booking = |debit, credit, amount| Booking {
        debit_account: account_id(debit),
        credit_account: account_id(credit),
        amount,
    };
    let opened = check(show(0, 0, 0), ResultCode::Ok, &[]);
    assert!(matches!(opened, Shown::OfTransaction(_, _, Operation::OpenAccount(_))));
    check(show(1, 0, 0), ResultCode::Ok, &[]);
    check(show(2, 0, 2), ResultCode::Ok, &[]);
    check(show(2, 0, 3), ResultCode::InsufficientFunds, &[]);
    // The posted part of a hold, and all legs of a settled offer, though the receipt holds neither hold nor offer.
    check(show(3, 0, 0), ResultCode::Ok, &[booking("A", "B", 15)]);
    check(show(4, 0, 0), ResultCode::Ok, &[booking("A", "B", 7), booking("B", "A", 3)]);
    let Shown::Transfer(leaf, _) = show(5, 0, 0) else { panic!("a transfer") };
    assert!(leaf.repeat);
    let expired = block.receipt(LeafPlace::Event { index: 0 }).unwrap();
    let event = EventLeaf { index: 0, event: BlockEvent::HoldExpired(named(2)) };
    assert_eq!(block.shown(&expired), Ok(Shown::Event(event)));
}

/// One bit of each byte of each part of each kind of receipt, as far as it still decodes.
#[test]
fn every_changed_byte_is_found_where_it_is() {
    fn to<T: BorshSerialize + BorshDeserialize>(slot: &mut T, bytes: &[u8]) -> bool {
        decode(bytes, bytes.len()).map(|value| *slot = value).is_ok()
    }
    let block = block();
    let mut tried = 0;
    let mut flip = |receipt: &Receipt, bytes: &[u8], error, put: &dyn Fn(&mut Receipt, Vec<u8>) -> bool| {
        for place in 0..bytes.len() {
            let (mut altered, mut bytes) = (receipt.clone(), bytes.to_vec());
            bytes[place] ^= 1 << (place % 8);
            if put(&mut altered, bytes) {
                tried += 1;
                assert_eq!(block.shown(&altered), Err(error), "byte {place} of {receipt:?}");
            }
        }
    };
    let items = [(0, 0, 0), (0, 1, 0), (1, 0, 0), (2, 0, 1), (2, 0, 3), (4, 0, 0)];
    let items = items.map(|(tx_index, operation, item)| block.of_item(tx_index, operation, item));
    for receipt in items.iter().chain(&block.receipt(LeafPlace::Event { index: 0 })) {
        flip(receipt, &encode(&receipt.path), ReceiptError::Path, &|receipt, bytes| to(&mut receipt.path, &bytes));
        flip(receipt, &encode(&receipt.leaf), ReceiptError::Leaf, &|receipt, bytes| to(&mut receipt.leaf, &bytes));
        let (Subject::Transfer(bytes) | Subject::Operation(bytes) | Subject::Transaction(bytes)) = &receipt.subject
        else {
            continue;
        };
        flip(receipt, bytes, ReceiptError::Subject, &|receipt, altered| {
            match &mut receipt.subject {
                Subject::Transfer(bytes) | Subject::Operation(bytes) | Subject::Transaction(bytes) => *bytes = altered,
                Subject::Event => panic!("it has a subject"),
            }
            true
        });
    }
    assert!(tried > 2_000, "{tried} alterations");
}

/// Good parts of one block put together wrongly.
#[test]
fn parts_of_two_receipts_show_nothing() {
    let block = block();
    let opened = block.of_item(0, 0, 0);
    let (paid, first, second) = (block.of_item(0, 1, 0), block.of_item(2, 0, 1), block.of_item(2, 0, 2));
    let issued = block.of_item(1, 0, 0);
    let expired = block.receipt(LeafPlace::Event { index: 0 }).unwrap();
    let refused = |of: &Receipt, subject: Subject| {
        let mixed = Receipt { subject, ..of.clone() };
        assert_eq!(block.shown(&mixed), Err(ReceiptError::Subject), "{mixed:?}");
    };
    let bytes = |receipt: &Receipt| match &receipt.subject {
        Subject::Transfer(bytes) | Subject::Operation(bytes) | Subject::Transaction(bytes) => bytes.clone(),
        Subject::Event => Vec::new(),
    };
    refused(&first, second.subject.clone());
    refused(&first, Subject::Operation(bytes(&first)));
    refused(&issued, Subject::Transfer(bytes(&issued)));
    refused(&first, Subject::Event);
    refused(&expired, first.subject.clone());
    // The whole transaction says less about a payment in it than the payment does.
    refused(&paid, Subject::Transaction(bytes(&opened)));
    refused(&first, Subject::Transaction(block.transactions[2].signed.bytes.clone()));
    assert_eq!(block.shown(&Receipt { leaf: second.leaf.clone(), ..first.clone() }), Err(ReceiptError::Leaf));
    // Of another block.
    assert_eq!(first.verify(Hash::ZERO), Err(ReceiptError::Path));
    // A path that no tree has, however it came about.
    let mut long = first.clone();
    long.path.siblings = vec![first.path.siblings[0]; InclusionPath::SIBLINGS_MAX + 1];
    assert_eq!(long.verify(long.path.root()), Err(ReceiptError::Path));
}
