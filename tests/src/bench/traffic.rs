//! The network under load, and the payments that make the load.

use crate::harness::{
    Binaries, Cli, Failure, Layout, Network,
    load::{account, issue, sign, valid_until},
    network::Member,
};
use concordat_cli::{new_id, open_account, sign_transaction, transactions::Memo, transfer};
use concordat_types::{
    Amount, BatchMode, Operation, Purpose, Reference, SignedTransaction, Transfer, encode, names::AccountPath,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// Dropped from top to bottom: the processes end before their folder goes.
#[derive(Debug)]
pub struct Bed {
    pub network: Network,
    pub banks: Arc<Vec<Bank>>,
    pub folder: TempDir,
}

/// A member bank that pays from its accounts to those of the others.
#[derive(Clone, Debug)]
pub struct Bank {
    pub member: Member,
    pub accounts: Vec<AccountPath>,
}

impl Bed {
    /// On the file system of the target folder: a temporary folder may be memory. Starts nothing.
    pub async fn make(binaries: &Binaries) -> Result<Bed, Failure> {
        let target = binaries.cli.ancestors().nth(2).unwrap_or(&binaries.cli).join("tmp");
        std::fs::create_dir_all(&target).map_err(|error| Failure::file("folder", &target, &error))?;
        let folder = tempfile::Builder::new().prefix("concordat-bench-").tempdir_in(&target);
        let folder = folder.map_err(|error| Failure::file("folder", &target, &error))?;
        let cli = Cli { program: binaries.cli.clone(), is_shown: false };
        let layout =
            Layout { dir: folder.path().join("network"), banks: BANKS, operator_keys: OPERATOR_KEYS, base_port: None };
        let network = Network::create(binaries.clone(), cli, &layout).await?;
        let mut banks = Vec::new();
        for node in network.validators() {
            let member = Member::of(&node.profile).await?;
            let names = (0..ACCOUNTS).map(|number| account(&node.name, &format!("c-{number:04}")));
            banks.push(Bank { member, accounts: names.collect::<Result<_, _>>()? });
        }
        Ok(Bed { network, banks: Arc::new(banks), folder })
    }

    /// Starts the validators. The central bank's follower stays down: it would cost what a fifth validator costs.
    pub async fn start(&mut self) -> Result<(), Failure> {
        let banks: Vec<String> = self.network.validators().map(|node| node.name.clone()).collect();
        banks.iter().try_for_each(|bank| self.network.start(bank))?;
        self.network.wait_ready(START_WITHIN).await
    }

    /// Opens and funds the accounts of all banks.
    pub async fn fund(&self) -> Result<(), Failure> {
        let central_bank = self.network.member(crate::harness::network::CENTRAL_BANK).await?;
        self.submit_all(self.openings()).await?;
        self.submit_all(self.issues(&central_bank)).await
    }

    /// Transactions that open all accounts.
    pub fn openings(&self) -> Vec<(Member, SignedTransaction)> {
        let each = |bank: &Bank| {
            let chunks = bank.accounts.chunks(OPERATIONS);
            let of = |chunk: &[AccountPath]| chunk.iter().map(open_account).collect();
            chunks.map(|chunk| (bank.member.clone(), sign(&bank.member, of(chunk)))).collect::<Vec<_>>()
        };
        self.banks.iter().flat_map(each).collect()
    }

    /// Transactions that give each account more than it will ever pay.
    pub fn issues(&self, central_bank: &Member) -> Vec<(Member, SignedTransaction)> {
        let accounts: Vec<AccountPath> = self.banks.iter().flat_map(|bank| bank.accounts.iter().copied()).collect();
        let of = |chunk: &[AccountPath]| chunk.iter().map(|account| issue(account, FUNDS)).collect();
        let sign = |chunk: &[AccountPath]| (central_bank.clone(), sign(central_bank, of(chunk)));
        accounts.chunks(OPERATIONS).map(sign).collect()
    }

    async fn submit_all(&self, transactions: Vec<(Member, SignedTransaction)>) -> Result<(), Failure> {
        let mut replies = JoinSet::new();
        for (member, transaction) in transactions {
            replies.spawn(async move { member.client.submit(&transaction).await });
        }
        while let Some(reply) = replies.join_next().await {
            let submitted = reply.map_err(|error| Failure::check(format!("a task ended early: {error}")))??;
            if let Some(refusal) = submitted.refusal() {
                return Err(Failure::check(format!("setting up the accounts: {refusal}")));
            }
        }
        Ok(())
    }

    /// Names and process ids of the nodes, and of this program.
    pub fn processes(&self) -> BTreeMap<String, u32> {
        let nodes = self.network.nodes.iter().filter_map(|node| Some((node.name.clone(), node.pid()?)));
        nodes.chain([("load".to_owned(), std::process::id())]).collect()
    }
}

/// The payment `number` of a bank, from 0: one of its accounts to one of another bank.
pub fn transfer_of(banks: &[Bank], bank: usize, number: u64) -> Transfer {
    // A hash by multiplication: accounts come in no order, and each as often as any other.
    let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let place = |shift: u32| (mixed >> shift) as usize % ACCOUNTS;
    let other = (bank + 1 + (mixed >> 60) as usize % (banks.len() - 1)) % banks.len();
    let memo = Memo {
        reference: Reference::new("INVOICE-2025-0001").expect("a valid literal"),
        purpose: Purpose::new("SALA").expect("a valid literal"),
    };
    transfer(new_id(), &banks[bank].accounts[place(17)], &banks[other].accounts[place(33)], 1, memo)
}

/// A transaction of one payment, signed by one key after the other.
pub fn single(banks: &[Bank], bank: usize, number: u64) -> SignedTransaction {
    signed(banks, bank, number, Operation::Transfer(transfer_of(banks, bank, number)))
}

/// A transaction of many payments under one signature.
pub fn batch(banks: &[Bank], bank: usize, number: u64, payments: u64) -> SignedTransaction {
    let transfers = (0..payments).map(|index| transfer_of(banks, bank, number * payments + index)).collect();
    signed(banks, bank, number, Operation::Batch { mode: BatchMode::Each, transfers })
}

fn signed(banks: &[Bank], bank: usize, number: u64, operation: Operation) -> SignedTransaction {
    let Member { client, keys, .. } = &banks[bank].member;
    let key = &keys[(number % keys.len() as u64) as usize];
    sign_transaction(client.network_id, client.member, vec![operation], valid_until(), std::slice::from_ref(key))
}

/// Encoded transactions of each bank, made by all cores.
pub fn prepare(
    banks: &Arc<Vec<Bank>>,
    count: u64,
    make: impl Fn(&[Bank], usize, u64) -> SignedTransaction + Send + Sync,
) -> Vec<Vec<Vec<u8>>> {
    let make = &make;
    let cores = super::report::cores() as u64;
    let of_bank = |bank: usize| {
        std::thread::scope(|scope| {
            let part = |core: u64| {
                let range = count * core / cores..count * (core + 1) / cores;
                scope.spawn(move || range.map(|number| encode(&make(banks, bank, number))).collect::<Vec<_>>())
            };
            let threads: Vec<_> = (0..cores).map(part).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect::<Vec<_>>()
        })
    };
    (0..banks.len()).map(of_bank).collect()
}

const BANKS: u16 = 4;
/// Of each bank.
pub const OPERATOR_KEYS: u16 = 16;
/// Of each bank.
pub const ACCOUNTS: usize = 256;
/// Of a transaction (docs/interfaces.md).
const OPERATIONS: usize = 16;
const FUNDS: Amount = 100_000_000;
const START_WITHIN: Duration = Duration::from_secs(60);
