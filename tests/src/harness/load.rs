//! A steady load of single payments that counts what was acknowledged, so that afterwards the books can be held
//! against it: each acknowledged payment is there exactly once.

use super::{
    Failure,
    failure::ensure,
    network::{Member, Network},
};
use concordat_cli::{new_id, open_account, sign_transaction, transactions, transactions::Memo, transfer};
use concordat_types::{
    AccountId, Amount, Operation, Reference, ResultCode, SignedTransaction, Timestamp, Uuid, names::AccountPath,
};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// Each bank pays one minor unit at a time from its account `load` to the next bank's account `sink`.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    workers: JoinSet<Result<(), Failure>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    committed: AtomicU64,
    repeats: AtomicU64,
    gaps: Mutex<Gaps>,
}

/// How long nothing was committed.
#[derive(Debug, Default)]
struct Gaps {
    last: Option<Instant>,
    longest: Duration,
}

/// What a load has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Done {
    pub committed: u64,
    /// Sent again because no answer came.
    pub repeats: u64,
}

impl Load {
    /// Opens and funds the accounts.
    pub async fn prepare(network: &Network) -> Result<(), Failure> {
        let central_bank = network.member(super::network::CENTRAL_BANK).await?;
        for bank in network.validators() {
            let member = Member::of(&bank.profile).await?;
            let accounts = ["load", "sink"].map(|name| account(&bank.name, name));
            let [load, sink] = accounts;
            let (load, sink) = (load?, sink?);
            submit_ok(&member, vec![open_account(&load), open_account(&sink)]).await?;
            submit_ok(&central_bank, vec![issue(&load, FUNDS)]).await?;
        }
        Ok(())
    }

    /// `workers` payments of each bank are under way at any time.
    pub async fn start(network: &Network, workers: usize) -> Result<Load, Failure> {
        let banks: Vec<&str> = network.validators().map(|node| node.name.as_str()).collect();
        let shared = Arc::new(Shared::default());
        let mut tasks = JoinSet::new();
        for (index, bank) in banks.iter().enumerate() {
            let member = network.member(bank).await?;
            let (from, to) = (account(bank, "load")?, account(banks[(index + 1) % banks.len()], "sink")?);
            for _ in 0..workers {
                tasks.spawn(pay_on(member.clone(), from, to, shared.clone()));
            }
        }
        Ok(Load { shared, workers: tasks })
    }

    pub fn committed(&self) -> u64 {
        self.shared.committed.load(Ordering::Relaxed)
    }

    /// The longest time without a commit since the last call.
    pub fn take_longest_gap(&self) -> Duration {
        let mut gaps = self.shared.gaps();
        let open = gaps.last.map_or(Duration::ZERO, |last| last.elapsed());
        std::mem::take(&mut gaps.longest).max(open)
    }

    /// Ends once every payment that was begun has its outcome.
    pub async fn stop(mut self) -> Result<Done, Failure> {
        self.shared.stop.store(true, Ordering::Relaxed);
        while let Some(worker) = self.workers.join_next().await {
            worker.map_err(|error| Failure::check(format!("a worker of the load ended early: {error}")))??;
        }
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Ok(Done { committed: count(&self.shared.committed), repeats: count(&self.shared.repeats) })
    }

    /// Have the sinks received exactly what was acknowledged? `node` is asked.
    pub async fn check_books(network: &Network, expected: u64) -> Result<(), Failure> {
        let mut received: Amount = 0;
        for bank in network.validators() {
            // A bank that joined after the load has none.
            let sink = account(&bank.name, "sink")?;
            let accounts = bank.rpc().accounts().await?;
            received +=
                accounts.iter().filter(|account| account.path == sink).map(|sink| sink.credits_posted).sum::<Amount>();
        }
        ensure(received == Amount::from(expected), || {
            format!("{expected} payments were acknowledged, the books hold {received}")
        })
    }
}

impl Shared {
    fn gaps(&self) -> std::sync::MutexGuard<'_, Gaps> {
        self.gaps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count_commit(&self) {
        self.committed.fetch_add(1, Ordering::Relaxed);
        let mut gaps = self.gaps();
        let now = Instant::now();
        let gap = gaps.last.map_or(Duration::ZERO, |last| now - last);
        gaps.longest = gaps.longest.max(gap);
        gaps.last = Some(now);
    }
}

async fn pay_on(member: Member, from: AccountPath, to: AccountPath, shared: Arc<Shared>) -> Result<(), Failure> {
    while !shared.stop.load(Ordering::Relaxed) {
        let payment = transfer(new_id(), &from, &to, 1, Memo::default());
        let transaction = sign(&member, vec![Operation::Transfer(payment)]);
        let begun = Instant::now();
        loop {
            match member.client.submit(&transaction).await {
                Ok(submitted) => {
                    if let Some(refusal) = submitted.refusal() {
                        return Err(Failure::check(format!("the ledger refused a payment of the load: {refusal}")));
                    }
                    shared.count_commit();
                    break;
                }
                Err(error) if error.is_worth_repeating() && begun.elapsed() < GIVE_UP => {
                    shared.repeats.fetch_add(1, Ordering::Relaxed);
                }
                Err(error) => return Err(Failure::from(error).context("a payment of the load")),
            }
        }
    }
    Ok(())
}

pub fn account(member: &str, name: &str) -> Result<AccountPath, Failure> {
    let path = format!("{member}/EUR/{name}");
    path.parse().map_err(|error| Failure::check(format!("{path}: {error}")))
}

/// An operation of the central bank.
pub fn issue(to: &AccountPath, amount: Amount) -> Operation {
    let reference = Reference::new("").expect("a reference may be empty");
    Operation::Issue { id: new_id(), asset: to.asset, credit_account: AccountId::new(to), amount, reference }
}

pub fn sign(member: &Member, operations: Vec<Operation>) -> SignedTransaction {
    sign_by(member, 0, operations)
}

/// Signed by one of the member's operator keys, from 0, round again at the end.
pub fn sign_by(member: &Member, key: usize, operations: Vec<Operation>) -> SignedTransaction {
    let key = std::slice::from_ref(&member.keys[key % member.keys.len()]);
    sign_transaction(member.client.network_id, member.client.member, operations, valid_until(), key)
}

pub fn valid_until() -> Timestamp {
    Timestamp(transactions::now().0 + transactions::VALID_FOR.as_millis() as u64)
}

/// The id of the one payment in a transaction of the load.
pub fn payment(from: &AccountPath, to: &AccountPath, amount: Amount) -> (Uuid, Operation) {
    let id = new_id();
    (id, Operation::Transfer(transfer(id, from, to, amount, Memo::default())))
}

pub async fn submit_ok(member: &Member, operations: Vec<Operation>) -> Result<(), Failure> {
    let submitted = member.client.submit(&sign(member, operations)).await?;
    match submitted.refusal() {
        None => Ok(()),
        Some(result) => {
            Err(Failure::check(format!("{}: refused: {result}: {}", member.name, ResultCode::cause(result))))
        }
    }
}

/// One million of the major unit: more than any load pays.
const FUNDS: Amount = 100_000_000;
/// A network that has lost its quorum for longer is not coming back.
const GIVE_UP: Duration = Duration::from_secs(180);
