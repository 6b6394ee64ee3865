//! Are the books right, and is the chain whole? Everything in a store is held against everything else, from genesis on.
//!
//! A start checks the state against the certified header of the tip. This goes further: each block against its certificate
//! and its header, each client signature, and each balance against all bookings there have ever been.

use crate::{
    chain::{OpenChainError, read_state},
    index::Counters,
    proofs::validators_at,
    query,
    store::{Reader, StoreError, Table},
};
use concordat_crypto::{ValidatorKeys, check_transactions, verify_certificate};
use concordat_ledger::{
    BlockEvent, PendingState, StateKey, StateValue, TransactionResult, bookings, genesis_state, result_leaves,
    results_root,
};
use concordat_types::{
    AccountId, Amount, AssetCode, Batch, BlockId, Body, Certificate, CertificateKind, CheckedTransaction, Genesis,
    Hash, Header, Height, Leg, MemberId, Operation, RECOVERY_EPOCH, SignedTransaction, Timestamp, Verified,
    block::{batches_root, certificate_hash, evidence_root, transactions_root},
    money::AccountFlags,
    transaction::FormRules,
};
use std::{collections::BTreeMap, fmt};

/// What was looked at, and what was found wrong.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Audit {
    pub height: Height,
    pub block: BlockId,
    pub state_root: Hash,
    pub transactions: u64,
    pub bookings: u64,
    pub accounts: u64,
    /// Of each asset: what is outstanding.
    pub supply: BTreeMap<AssetCode, Amount>,
    /// At most `FINDINGS_MAX`.
    pub findings: Vec<Finding>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// None: it is about the state or the store as a whole.
    pub height: Option<Height>,
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.height {
            Some(height) => write!(f, "height {height}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// Reads everything. `at` hears of each height; false ends the audit early, with what was found until then.
pub fn audit(
    genesis: &Genesis,
    reader: &dyn Reader,
    at: &mut dyn FnMut(Height) -> bool,
) -> Result<Audit, OpenChainError> {
    concordat_crypto::check_genesis(genesis).map_err(|error| OpenChainError::Genesis(error.to_string()))?;
    let mut auditor = Auditor::new(genesis, reader);
    let Some(tip) = query::tip(reader)? else {
        auditor.find(None, "the store holds no ledger");
        return Ok(auditor.audit);
    };
    (auditor.audit.height, auditor.audit.block) = (tip.height, tip.block);
    for height in (1..=tip.height.0).map(Height) {
        if !at(height) {
            return Ok(auditor.audit);
        }
        auditor.check_block(height);
    }
    if auditor.parent.0 != tip.block {
        auditor.find(None, format!("the tip is block {}, the chain ends with {}", tip.block, auditor.parent.0));
    }
    auditor.check_state(tip.height);
    auditor.check_owners();
    Ok(auditor.audit)
}

struct Auditor<'a> {
    genesis: &'a Genesis,
    reader: &'a dyn Reader,
    audit: Audit,
    parent: (BlockId, Timestamp),
    parent_certificate: Option<Certificate>,
    /// Of the height under way, and the hash of the set it is made of.
    keys: Option<(Hash, ValidatorKeys)>,
    state_root: Option<Hash>,
    /// From all bookings so far.
    counters: BTreeMap<AccountId, Counters>,
}

impl<'a> Auditor<'a> {
    fn new(genesis: &'a Genesis, reader: &'a dyn Reader) -> Auditor<'a> {
        Auditor {
            genesis,
            reader,
            audit: Audit::default(),
            parent: (BlockId(genesis.network_id().0), genesis.time),
            parent_certificate: None,
            keys: None,
            state_root: None,
            counters: BTreeMap::new(),
        }
    }

    fn find(&mut self, height: Option<Height>, what: impl Into<String>) {
        if self.audit.findings.len() < FINDINGS_MAX {
            self.audit.findings.push(Finding { height, what: what.into() });
        }
    }

    fn check_block(&mut self, height: Height) {
        if let Err(error) = self.try_check_block(height) {
            self.find(Some(height), error.to_string());
        }
    }

    fn try_check_block(&mut self, height: Height) -> Result<(), StoreError> {
        let lacks = |what: &str| StoreError::Corrupt(format!("there is no {what}"));
        let (header, certificate) = query::header(self.reader, height)?.ok_or_else(|| lacks("header"))?;
        let id = header.id();
        self.check_header(height, &header, &certificate)?;
        let (last, last_certificate) = (self.parent, self.parent_certificate.take());
        self.parent = (id, header.time);
        self.parent_certificate = Some(certificate);
        self.state_root = Some(header.state_root);
        if header.parent != last.0 {
            self.find(Some(height), format!("its parent is {}, the block before is {}", header.parent, last.0));
        }
        if header.time <= last.1 {
            self.find(Some(height), "its time is not later than its parent's");
        }
        if query::height_of_block(self.reader, &id)? != Some(height) {
            self.find(Some(height), "its id does not lead to it");
        }
        let body = query::body(self.reader, height)?.ok_or_else(|| lacks("body"))?;
        let (results, events) = query::outcome(self.reader, height)?.ok_or_else(|| lacks("results"))?;
        self.check_body(height, &header, &body, last_certificate.as_ref())?;
        self.check_transactions(height, &header, &body, &results, &events)
    }

    fn check_header(&mut self, height: Height, header: &Header, certificate: &Certificate) -> Result<(), StoreError> {
        let network = self.genesis.network_id();
        if (header.height, header.network) != (height, network) {
            self.find(Some(height), "its header is of another height or network");
        }
        let names = (certificate.kind, certificate.height, certificate.block);
        if names != (CertificateKind::Commit, height, header.id()) {
            self.find(Some(height), "its certificate is of another block");
            return Ok(());
        }
        if self.keys.as_ref().is_none_or(|(set, _)| *set != header.validators) {
            let set = validators_at(self.reader, height)?;
            if set.hash() != header.validators {
                self.find(Some(height), "its header names other validators than decide the height");
            }
            let keys = ValidatorKeys::new(set).map_err(|error| StoreError::Corrupt(error.to_string()))?;
            self.keys = Some((header.validators, keys));
        }
        let (_, keys) = self.keys.as_ref().expect("there is one now");
        if let Err(error) = verify_certificate(certificate.clone(), keys, network, RECOVERY_EPOCH) {
            self.find(Some(height), format!("its certificate: {error}"));
        }
        Ok(())
    }

    fn check_body(
        &mut self,
        height: Height,
        header: &Header,
        body: &Body,
        last_certificate: Option<&Certificate>,
    ) -> Result<(), StoreError> {
        let digests = body.batches.iter().map(|bytes| Batch::digest_of(bytes));
        let bound = [
            ("batches", header.batches_root == batches_root(digests)),
            ("evidence", header.evidence_root == evidence_root(&body.evidence)),
            ("participation record", header.participation == certificate_hash(body.participation.as_ref())),
            ("certificate of the parent", header.last_certificate == certificate_hash(body.last_certificate.as_ref())),
        ];
        for (what, _) in bound.iter().filter(|(_, is_bound)| !is_bound) {
            self.find(Some(height), format!("its header does not bind its {what}"));
        }
        let of_parent = |certificate: &Certificate| (certificate.height, certificate.block);
        if body.last_certificate.as_ref().map(of_parent) != last_certificate.map(of_parent) {
            self.find(Some(height), "its certificate of the parent is of another block");
        }
        Ok(())
    }

    fn check_transactions(
        &mut self,
        height: Height,
        header: &Header,
        body: &Body,
        results: &[TransactionResult],
        events: &[BlockEvent],
    ) -> Result<(), StoreError> {
        let mut signed: Vec<SignedTransaction> = Vec::new();
        for bytes in &body.batches {
            let batch = Batch::from_bytes(bytes, bytes.len());
            signed.extend(batch.map_err(|error| StoreError::Corrupt(format!("a batch: {error}")))?.transactions);
        }
        if header.transactions_root != transactions_root(signed.iter()) {
            self.find(Some(height), "its header does not bind its transactions");
        }
        let mut checked: Vec<Verified<CheckedTransaction>> = Vec::with_capacity(signed.len());
        for (tx_index, transaction) in check_transactions(signed, &self.rules()).into_iter().enumerate() {
            match transaction {
                Ok(transaction) => checked.push(transaction),
                Err(error) => {
                    self.find(Some(height), format!("transaction {tx_index}: {error}"));
                    return Ok(());
                }
            }
        }
        let are_of_them = checked.len() == results.len()
            && checked.iter().zip(results).all(|(checked, result)| are_results_of(checked, result));
        let leaves = are_of_them.then(|| result_leaves(checked.iter().map(|checked| &**checked), results, events));
        if leaves.is_none_or(|leaves| results_root(&leaves) != header.results_root) {
            self.find(Some(height), "its header does not bind its results");
            return Ok(());
        }
        for (checked, result) in checked.iter().zip(results) {
            self.audit.transactions += 1;
            for booked in bookings(&checked.transaction, result) {
                self.audit.bookings += 1;
                let amount = booked.booking.amount;
                self.count(height, booked.booking.debit_account, Counters { debits_posted: amount, credits_posted: 0 });
                self.count(
                    height,
                    booked.booking.credit_account,
                    Counters { debits_posted: 0, credits_posted: amount },
                );
            }
        }
        Ok(())
    }

    fn count(&mut self, height: Height, account: AccountId, amount: Counters) {
        let counters = self.counters.entry(account).or_default();
        match counters.checked_add(amount) {
            Some(sum) => *counters = sum,
            None => self.find(Some(height), format!("the counters of account {account} overflow")),
        }
    }

    /// Limits of form were the chain's to keep when the block was made; here signatures count.
    fn rules(&self) -> FormRules {
        FormRules { network: self.genesis.network_id(), tx_bytes_max: usize::MAX, transfers_per_tx_max: usize::MAX }
    }

    fn check_state(&mut self, tip: Height) {
        let (tree, books) = match read_state(self.reader) {
            Ok(read) => read,
            Err(error) => return self.find(None, error.to_string()),
        };
        self.audit.state_root = tree.root();
        let expected = match (self.state_root, tip) {
            (Some(root), _) => Some(root),
            (None, Height(0)) => Some(concordat_ledger::StateTree::from_leaves(genesis_state(self.genesis)).root()),
            (None, _) => None,
        };
        if expected != Some(tree.root()) {
            self.find(
                None,
                format!("the state has root {:?}, the header of height {tip} says {expected:?}", tree.root()),
            );
        }
        if let Err(error) = books.check() {
            self.find(None, format!("the books do not balance: {error}"));
        }
        if let Err(error) = self.check_accounts() {
            self.find(None, error.to_string());
        }
    }

    /// Each account against all bookings, and against what is held. Row by row: no account is kept.
    fn check_accounts(&mut self) -> Result<(), StoreError> {
        let mut held = self.held()?;
        let mut counters = std::mem::take(&mut self.counters);
        let (mut wrong, mut failed, reader) = (Vec::new(), None, self.reader);
        let audit = &mut self.audit;
        reader.scan(Table::State, &[], &mut |key, value| {
            let (id, account) = match (query::parse(key), query::parse(value)) {
                (Ok(StateKey::Account(id)), Ok(StateValue::Account(account))) => (id, account),
                (Ok(_), Ok(_)) => return true,
                (Err(error), _) | (_, Err(error)) => {
                    failed = Some(error);
                    return false;
                }
            };
            audit.accounts += 1;
            if account.flags.contains(AccountFlags::ISSUANCE) {
                let supply = account.debits_posted.saturating_sub(account.credits_posted);
                audit.supply.insert(account.asset, supply);
            }
            let posted = Counters { debits_posted: account.debits_posted, credits_posted: account.credits_posted };
            let pending = Counters { debits_posted: account.debits_pending, credits_posted: account.credits_pending };
            let of_account = [
                ("posted", posted, "bookings", counters.remove(&id).unwrap_or_default()),
                ("pending", pending, "open holds and offers", held.remove(&id).unwrap_or_default()),
            ];
            for (what, got, of, expected) in of_account.into_iter().filter(|(_, got, _, expected)| got != expected) {
                let path = account.path();
                wrong.push(format!("{path} has {what} {}, its {of} come to {}", text(got), text(expected)));
            }
            wrong.len() < FINDINGS_MAX
        })?;
        wrong.into_iter().for_each(|what| self.find(None, what));
        if failed.is_none() && self.audit.findings.len() < FINDINGS_MAX {
            let strays = counters.keys().chain(held.keys()).take(FINDINGS_MAX);
            strays.for_each(|account| {
                self.find(None, format!("something is booked or held on {account}, which is none"))
            });
        }
        failed.map_or(Ok(()), Err)
    }

    /// What open holds and offers reserve, in counters of their own.
    fn held(&self) -> Result<BTreeMap<AccountId, Counters>, StoreError> {
        let (mut held, mut failed) = (BTreeMap::new(), None);
        self.reader.scan(Table::State, &[PENDING_KIND], &mut |key, value| {
            if key.first() != Some(&PENDING_KIND) {
                return false;
            }
            match query::parse(value) {
                Ok(pending) => hold(&mut held, &pending),
                Err(error) => failed = Some(error),
            }
            failed.is_none()
        })?;
        failed.map_or(Ok(held), Err)
    }

    /// Each row names an account of the owner, and there are as many as accounts.
    fn check_owners(&mut self) {
        let (mut rows, mut wrong, reader) = (0, None, self.reader);
        let scanned = reader.scan(Table::Owners, &[], &mut |key, value| {
            rows += 1;
            let named = query::parse::<(MemberId, AccountId)>(key);
            let is_right = named.is_ok_and(|(owner, id)| {
                value.is_empty()
                    && query::account(reader, &id)
                        .is_ok_and(|account| account.is_some_and(|account| account.owner == owner))
            });
            if !is_right {
                wrong = Some(format!("the row {key:02x?} of the table owners names no account of its owner"));
            }
            wrong.is_none()
        });
        if let Err(error) = scanned {
            wrong = Some(error.to_string());
        }
        if wrong.is_none() && rows != self.audit.accounts {
            wrong = Some(format!("the table owners lists {rows} accounts, the state has {}", self.audit.accounts));
        }
        wrong.into_iter().for_each(|what| self.find(None, what));
    }
}

fn text(counters: Counters) -> String {
    format!("debits {} and credits {}", counters.debits_posted, counters.credits_posted)
}

fn hold(held: &mut BTreeMap<AccountId, Counters>, pending: &StateValue) {
    let legs: Vec<Leg> = match pending {
        StateValue::Hold(hold) if hold.state == PendingState::Open => {
            let (debit_account, credit_account, amount) = (hold.debit_account, hold.credit_account, hold.amount);
            vec![Leg { debit_account, credit_account, amount }]
        }
        StateValue::Offer(offer) if offer.state == PendingState::Open => {
            offer.legs.iter().filter(|leg| leg.reserved.is_some()).map(|leg| leg.leg).collect()
        }
        _ => Vec::new(),
    };
    for Leg { debit_account, credit_account, amount } in legs {
        let debit = held.entry(debit_account).or_default();
        debit.debits_posted = debit.debits_posted.saturating_add(amount);
        let credit = held.entry(credit_account).or_default();
        credit.credits_posted = credit.credits_posted.saturating_add(amount);
    }
}

/// As many results as there are operations, and in each as many as there are transfers.
fn are_results_of(checked: &CheckedTransaction, result: &TransactionResult) -> bool {
    let operations = &checked.transaction.operations;
    let transfers = |operation: &Operation| match operation {
        Operation::Batch { transfers, .. } => transfers.len(),
        _ => 0,
    };
    operations.len() == result.operations.len()
        && operations
            .iter()
            .zip(&result.operations)
            .all(|(operation, result)| transfers(operation) == result.transfers.len())
}

/// First byte of the canonical `StateKey::Pending`.
const PENDING_KIND: u8 = 8;
/// Where more is wrong than this, more of it says nothing new.
pub const FINDINGS_MAX: usize = 100;
