//! What a transaction booked, read off its operations and their results: for statements and audits.

use crate::results::{Booking, TransactionResult};
use alloc::vec::Vec;
use concordat_types::{
    AccountId, AccountName, Asset, AssetCode, MemberId, Operation, ResultCode, Transaction, Transfer,
    names::AccountPath,
};

/// A booking and the item that caused it (see `ItemLeaf`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ItemBooking {
    pub operation: u16,
    pub item: u32,
    pub booking: Booking,
}

/// In order. Nothing of a repeat: it was booked before. What a hold or an offer reserves is no booking.
pub fn bookings(transaction: &Transaction, result: &TransactionResult) -> Vec<ItemBooking> {
    let mut found = Vec::new();
    if result.repeat {
        return found;
    }
    for (number, (operation, result)) in transaction.operations.iter().zip(&result.operations).enumerate() {
        let number = number as u16;
        let happened =
            |item: u32| result.code_of(item) == ResultCode::Ok && result.repeats.binary_search(&item).is_err();
        match operation {
            Operation::Transfer(transfer) if happened(0) => {
                found.push(ItemBooking { operation: number, item: 0, booking: booking_of(transfer) });
            }
            Operation::Batch { transfers, .. } => {
                let booked = (1..).zip(transfers).filter(|(item, _)| happened(*item));
                found.extend(booked.map(|(item, transfer)| ItemBooking {
                    operation: number,
                    item,
                    booking: booking_of(transfer),
                }));
            }
            Operation::Issue { asset, credit_account, amount, .. } if happened(0) => {
                // Only its issuer issues an asset.
                let debit_account = issuance_account(transaction.submitter, *asset);
                let booking = Booking { debit_account, credit_account: *credit_account, amount: *amount };
                found.push(ItemBooking { operation: number, item: 0, booking });
            }
            _ => {}
        }
        let told = result.bookings.iter();
        found.extend(told.map(|booking| ItemBooking { operation: number, item: 0, booking: *booking }));
    }
    found
}

fn booking_of(transfer: &Transfer) -> Booking {
    let Transfer { debit_account, credit_account, amount, .. } = *transfer;
    Booking { debit_account, credit_account, amount }
}

fn issuance_account(issuer: MemberId, asset: AssetCode) -> AccountId {
    let name = AccountName::new(Asset::ISSUANCE_ACCOUNT).expect("a valid literal");
    AccountId::new(&AccountPath { member: issuer, asset, name })
}
