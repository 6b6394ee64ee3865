//! The committed chain: the state after the tip, the tree that commits to it, and what may be put on top.
//!
//! It judges blocks and writes decided ones. It must not know how a block was agreed.

mod state;

pub use state::read_state;

use crate::{
    io::{CheckedBatch, CommittedBlock},
    prover::{Prover, SharedTree},
    query::{self, META_TIP, Tip},
    recent::Recent,
    store::{Store, StoreError, Table, WriteBatch},
};
use concordat_crypto::{EvidenceError, ValidatorKeys, verify_certificate, verify_evidence};
use concordat_ledger::{
    BlockContext, DueKey, EvidenceInclusion, Execution, IdKey, IdRecord, InvalidBlock, InvalidEvidence, StateKey,
    StateTree, StateValue, StateView, TreePatch, away, execute, genesis_state, next_validators, parameters,
    participation_due, set_start, validators_after_next, validators_at,
};
use concordat_types::{
    Account, AccountId, Bitmap, BlockId, Body, Certificate, CertificateKind, CheckedTransaction, Evidence, Genesis,
    Hash, Header, Height, MemberId, NetworkId, Offence, Parameters, PendingRef, RECOVERY_EPOCH, Timestamp,
    block::{batches_root, certificate_hash, evidence_root, transactions_root},
    encode,
};
use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

pub struct Chain {
    store: Box<dyn Store>,
    network: NetworkId,
    tree: SharedTree,
    /// Accounts of recent blocks, decoded.
    accounts: RefCell<Recent<AccountId, Account>>,
    /// A read failed during an execution, or gave another row than was written: its outcome means nothing, and the process
    /// must end.
    failed: RefCell<Option<StoreError>>,
    pub tip: Tip,
    /// Of the tip; None at genesis.
    pub tip_certificate: Option<Certificate>,
    pub parameters: Parameters,
    /// Who decides the height above the tip.
    pub validators: Arc<ValidatorKeys>,
    /// Who decides the one after.
    next_validators: Arc<ValidatorKeys>,
    /// Sets that decided heights below, by their first height.
    past_keys: RefCell<BTreeMap<Height, Arc<ValidatorKeys>>>,
    /// Of `validators`: skipped as proposers of round 0.
    pub away: Bitmap,
    /// When the first hold or offer falls due.
    pub next_due: Option<Timestamp>,
    /// An adopted proposal takes effect at a height to come.
    waits_for_height: bool,
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chain({:?})", self.tip)
    }
}

/// What a block holds beside its header, the transactions checked.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    pub batches: Vec<Arc<CheckedBatch>>,
    pub last_certificate: Option<Certificate>,
    pub participation: Option<Certificate>,
    pub evidence: Vec<Evidence>,
}

impl Parts {
    pub fn transactions(&self) -> impl Iterator<Item = &CheckedTransaction> {
        self.batches.iter().flat_map(|batch| batch.transactions.iter()).map(|checked| &***checked)
    }

    pub fn body(&self) -> Body {
        Body {
            batches: self.batches.iter().map(|batch| batch.bytes.to_vec()).collect(),
            last_certificate: self.last_certificate.clone(),
            participation: self.participation.clone(),
            evidence: self.evidence.clone(),
        }
    }
}

/// A block that is valid on the tip, executed once and ready to be written.
#[derive(Debug)]
pub struct Candidate {
    pub header: Header,
    pub id: BlockId,
    pub parts: Parts,
    pub execution: Execution,
    patch: TreePatch,
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidProposal {
    #[error("protocol version {got}, expected {}", Header::VERSION)]
    WrongVersion { got: u16 },
    #[error("the block is of another network")]
    WrongNetwork,
    #[error("block at {got}, expected {expected}")]
    WrongHeight { got: Height, expected: Height },
    #[error("the parent is {got}, expected {expected}")]
    WrongParent { got: BlockId, expected: BlockId },
    #[error("time {got} is not later than the parent's {parent}")]
    TimeNotLater { got: Timestamp, parent: Timestamp },
    #[error("the {0} in the header are not those in force")]
    WrongRules(&'static str),
    #[error("the header does not bind the {0}")]
    NotBound(&'static str),
    #[error("no commit certificate of the parent")]
    NoLastCertificate,
    #[error("commit certificate of the parent: {0}")]
    LastCertificate(#[from] concordat_crypto::CertificateError),
    #[error("not the participation record of height {}", due.unwrap_or_default())]
    WrongParticipation { due: Option<Height> },
    #[error("participation record: {0}")]
    Participation(#[source] concordat_crypto::CertificateError),
    #[error("evidence: {0}")]
    Evidence(#[from] EvidenceError),
    #[error(transparent)]
    EvidenceNotIncludable(#[from] InvalidEvidence),
    #[error("a body of {got} bytes, at most {max}")]
    TooLarge { got: usize, max: usize },
    #[error("{got} payments, at most {max}")]
    TooManyTransfers { got: usize, max: usize },
    #[error("the body does not execute: {0}")]
    Ledger(InvalidBlock),
    #[error("{root} root {got:?} in the header, {expected:?} by execution")]
    WrongRoot { root: &'static str, got: Hash, expected: Hash },
    #[error("executing the body failed: {0}")]
    Panicked(String),
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OpenChainError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Genesis(String),
    #[error(
        "the state in the store has root {got}, the certified header of height {height} says {expected}: wipe the data folder and let the node catch up"
    )]
    StateRoot { got: Hash, expected: Hash, height: Height },
    #[error(
        "the books do not balance: {0}. Stop, keep the data folder as evidence, and let the node catch up in a new one"
    )]
    Books(String),
    #[error("{0}")]
    Corrupt(String),
}

impl Chain {
    /// Opens what is in the store, or writes genesis into an empty one. Rebuilds the tree, checks it against the
    /// header of the tip, and checks that the books balance.
    pub fn open(genesis: &Genesis, mut store: Box<dyn Store>) -> Result<Chain, OpenChainError> {
        let network = genesis.network_id();
        concordat_crypto::check_genesis(genesis).map_err(|error| OpenChainError::Genesis(error.to_string()))?;
        let genesis_tip = Tip { height: Height(0), block: BlockId(network.0), time: genesis.time };
        let tip = match query::tip(&*store)? {
            Some(tip) => tip,
            None => {
                write_genesis(&mut *store, genesis, &genesis_tip)?;
                genesis_tip
            }
        };
        let (tree, books) = read_state(&*store)?;
        let (expected, tip_certificate) = match query::header(&*store, tip.height)? {
            Some((header, certificate)) => (header.state_root, Some(certificate)),
            None if tip.height == Height(0) => (tree_of(genesis_state(genesis)).root(), None),
            None => return Err(OpenChainError::Corrupt(format!("no header of the tip, height {}", tip.height))),
        };
        if tree.root() != expected {
            return Err(OpenChainError::StateRoot { got: tree.root(), expected, height: tip.height });
        }
        books.check().map_err(|error| OpenChainError::Books(error.to_string()))?;
        let mut chain = Chain {
            store,
            network,
            tree: SharedTree::new(tip.height, tree),
            accounts: RefCell::new(Recent::new(ACCOUNTS_CACHED_MAX)),
            failed: RefCell::new(None),
            tip,
            tip_certificate,
            parameters: genesis.parameters.clone(),
            validators: Arc::new(keys_of(
                genesis.validators().map_err(|error| OpenChainError::Genesis(error.to_string()))?,
            )?),
            next_validators: Arc::new(keys_of(
                genesis.validators().map_err(|error| OpenChainError::Genesis(error.to_string()))?,
            )?),
            past_keys: RefCell::default(),
            away: Bitmap::new(0),
            next_due: None,
            waits_for_height: false,
        };
        chain.next_due = chain.first_due()?;
        chain.read_rules()?;
        chain.away = away(&chain);
        Ok(chain)
    }

    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    pub fn sync_store(&mut self) -> Result<(), StoreError> {
        self.store.sync()
    }

    pub fn network(&self) -> NetworkId {
        self.network
    }

    /// Parameters and validators as the state of the tip has them.
    fn read_rules(&mut self) -> Result<(), OpenChainError> {
        self.parameters = parameters(self);
        for (set, slot) in [(next_validators(self), 0), (validators_after_next(self), 1)] {
            let current = if slot == 0 { &self.validators } else { &self.next_validators };
            if *current.set() != set {
                let keys = Arc::new(keys_of(set)?);
                if slot == 0 { self.validators = keys } else { self.next_validators = keys }
            }
        }
        Ok(())
    }

    /// When something happens without a transaction: a hold or an offer expires, or a proposal takes effect. (One that waits
    /// for a height is looked at again at each.)
    fn first_due(&mut self) -> Result<Option<Timestamp>, StoreError> {
        let expiry = query::due(&*self.store, Timestamp(u64::MAX), 1)?.first().map(|(key, _)| key.at());
        let next = self.tip.height.next();
        let agenda = query::governance(&*self.store)?.map(|governance| governance.agenda).unwrap_or_default();
        let effects = agenda.iter().filter_map(|item| item.effect);
        self.waits_for_height = effects.clone().any(|(not_below, _)| not_below > next);
        let effects = effects.filter(|(not_below, _)| *not_below <= next).map(|(_, not_before)| not_before);
        Ok(effects.chain(expiry).min())
    }

    /// Builds a block of these parts on the tip.
    pub fn build(&self, proposer: MemberId, time: Timestamp, parts: Parts) -> Result<Candidate, InvalidProposal> {
        let offences = self.offences(time, &parts.evidence)?;
        let execution = self.execute(time, &parts, offences)?;
        let (state_root, patch) = self.tree.preview(&execution.changes);
        let header = Header {
            version: Header::VERSION,
            network: self.network,
            height: self.tip.height.next(),
            time,
            parent: self.tip.block,
            batches_root: parts.batches_root(),
            transactions_root: transactions_root(parts.transactions().map(|checked| &checked.signed)),
            results_root: execution.results_root,
            state_root,
            validators: self.validators.set().hash(),
            next_validators: self.next_validators.set().hash(),
            parameters: self.parameters.hash(),
            last_certificate: certificate_hash(parts.last_certificate.as_ref()),
            participation: certificate_hash(parts.participation.as_ref()),
            evidence_root: evidence_root(&parts.evidence),
            proposer,
        };
        let id = header.id();
        Ok(Candidate { header, id, parts, execution, patch })
    }

    /// Is the block valid on the tip? Everything its header binds is checked against this node's own state.
    pub fn judge(&self, header: Header, parts: Parts) -> Result<Candidate, InvalidProposal> {
        self.check_header(&header, &parts)?;
        self.check_last_certificate(&parts)?;
        self.check_participation(&parts)?;
        let offences = self.offences(header.time, &parts.evidence)?;
        parts.evidence.iter().try_for_each(|evidence| self.verify_evidence(evidence))?;
        let execution = self.execute(header.time, &parts, offences)?;
        if header.results_root != execution.results_root {
            return Err(InvalidProposal::WrongRoot {
                root: "results",
                got: header.results_root,
                expected: execution.results_root,
            });
        }
        let (expected, patch) = self.tree.preview(&execution.changes);
        if header.state_root != expected {
            return Err(InvalidProposal::WrongRoot { root: "state", got: header.state_root, expected });
        }
        let id = header.id();
        Ok(Candidate { header, id, parts, execution, patch })
    }

    fn check_header(&self, header: &Header, parts: &Parts) -> Result<(), InvalidProposal> {
        let expected = self.tip.height.next();
        if header.version != Header::VERSION {
            return Err(InvalidProposal::WrongVersion { got: header.version });
        }
        if header.network != self.network {
            return Err(InvalidProposal::WrongNetwork);
        }
        if header.height != expected {
            return Err(InvalidProposal::WrongHeight { got: header.height, expected });
        }
        if header.parent != self.tip.block {
            return Err(InvalidProposal::WrongParent { got: header.parent, expected: self.tip.block });
        }
        if header.time <= self.tip.time {
            return Err(InvalidProposal::TimeNotLater { got: header.time, parent: self.tip.time });
        }
        if header.validators != self.validators.set().hash() {
            return Err(InvalidProposal::WrongRules("validators"));
        }
        if header.next_validators != self.next_validators.set().hash() {
            return Err(InvalidProposal::WrongRules("next validators"));
        }
        if header.parameters != self.parameters.hash() {
            return Err(InvalidProposal::WrongRules("parameters"));
        }
        if self.validators.set().index_of(&header.proposer).is_none() {
            return Err(InvalidProposal::WrongRules("proposers"));
        }
        if header.last_certificate != certificate_hash(parts.last_certificate.as_ref()) {
            return Err(InvalidProposal::NotBound("last certificate"));
        }
        if header.participation != certificate_hash(parts.participation.as_ref()) {
            return Err(InvalidProposal::NotBound("participation record"));
        }
        if header.evidence_root != evidence_root(&parts.evidence) {
            return Err(InvalidProposal::NotBound("evidence"));
        }
        if header.batches_root != parts.batches_root() {
            return Err(InvalidProposal::NotBound("batches"));
        }
        if header.transactions_root != transactions_root(parts.transactions().map(|checked| &checked.signed)) {
            return Err(InvalidProposal::NotBound("transactions"));
        }
        Ok(())
    }

    fn check_last_certificate(&self, parts: &Parts) -> Result<(), InvalidProposal> {
        if self.tip.height == Height(0) {
            return match parts.last_certificate {
                None => Ok(()),
                Some(_) => Err(InvalidProposal::NotBound("last certificate")),
            };
        }
        let Some(certificate) = &parts.last_certificate else { return Err(InvalidProposal::NoLastCertificate) };
        if self.tip_certificate.as_ref() == Some(certificate) {
            return Ok(());
        }
        let of_parent = (certificate.kind, certificate.height, certificate.block)
            == (CertificateKind::Commit, self.tip.height, self.tip.block);
        if !of_parent {
            return Err(InvalidProposal::NoLastCertificate);
        }
        // The parent was decided by the set before this one's.
        let keys = self.keys_at(self.tip.height).ok_or(InvalidProposal::NoLastCertificate)?;
        verify_certificate(certificate.clone(), &keys, self.network, RECOVERY_EPOCH)?;
        Ok(())
    }

    /// The record that the next block must carry: of which height and block. None up to height 10.
    pub fn participation_due(&self) -> Option<(Height, BlockId)> {
        participation_due(self, self.tip.height.next())
    }

    fn check_participation(&self, parts: &Parts) -> Result<(), InvalidProposal> {
        let (due, record) = (self.participation_due(), &parts.participation);
        let of = record.as_ref().map(|record| (record.height, record.block));
        let is_commit = record.as_ref().is_none_or(|record| record.kind == CertificateKind::Commit);
        if of != due || !is_commit {
            return Err(InvalidProposal::WrongParticipation { due: due.map(|(height, _)| height) });
        }
        let Some(record) = record else { return Ok(()) };
        // Where nobody came late it is the certificate that decided the block here.
        let ours = self.or_fail(query::header(&*self.store, record.height));
        if ours.is_some_and(|(_, ours)| ours == *record) {
            return Ok(());
        }
        let unknown = InvalidProposal::WrongParticipation { due: Some(record.height) };
        let keys = self.keys_at(record.height).ok_or(unknown)?;
        verify_certificate(record.clone(), &keys, self.network, RECOVERY_EPOCH)
            .map(|_| ())
            .map_err(InvalidProposal::Participation)
    }

    /// The set that decides a height up to the one above the tip, if the state still knows it.
    pub fn keys_at(&self, height: Height) -> Option<Arc<ValidatorKeys>> {
        let start = set_start(self, height)?;
        if set_start(self, self.tip.height.next()) == Some(start) {
            return Some(self.validators.clone());
        }
        if let Some(keys) = self.past_keys.borrow().get(&start) {
            return Some(keys.clone());
        }
        // Every key was checked before the set came into force.
        let keys = Arc::new(ValidatorKeys::new(validators_at(self, height)?).ok()?);
        let mut past = self.past_keys.borrow_mut();
        if past.len() >= PAST_KEYS_MAX {
            past.pop_first();
        }
        past.insert(start, keys.clone());
        Some(keys)
    }

    /// What the evidence of a block at this time convicts of, its signatures apart.
    fn offences(&self, time: Timestamp, evidence: &[Evidence]) -> Result<Vec<Offence>, InvalidProposal> {
        let mut inclusion = EvidenceInclusion::new(self, self.tip.height.next(), time);
        let judge = |evidence: &Evidence| {
            let offence = self.offence(evidence).ok_or(EvidenceError::NoContradiction)?;
            inclusion.check(offence)?;
            Ok(offence)
        };
        evidence.iter().map(judge).collect()
    }

    fn offence(&self, evidence: &Evidence) -> Option<Offence> {
        evidence.offence(self.keys_at(evidence.height())?.set())
    }

    fn verify_evidence(&self, evidence: &Evidence) -> Result<(), InvalidProposal> {
        let keys = self.keys_at(evidence.height()).ok_or(EvidenceError::NoContradiction)?;
        verify_evidence(evidence.clone(), &keys, self.network, RECOVERY_EPOCH)?;
        Ok(())
    }

    /// Of evidence that is known to be good: what a block at this time may still hold, each offence once.
    pub fn includable_evidence(&self, time: Timestamp, held: &[Evidence]) -> Vec<Evidence> {
        let mut inclusion = EvidenceInclusion::new(self, self.tip.height.next(), time);
        let may = |evidence: &&Evidence| self.offence(evidence).is_some_and(|offence| inclusion.check(offence).is_ok());
        held.iter().filter(may).cloned().collect()
    }

    /// Executes on the state of the tip. A panic in it is caught: it must not take down a validator that only looks
    /// at somebody's proposal.
    fn execute(&self, time: Timestamp, parts: &Parts, offences: Vec<Offence>) -> Result<Execution, InvalidProposal> {
        let bytes: usize = parts.batches.iter().map(|batch| batch.bytes.len()).sum();
        if bytes > self.parameters.block_bytes_max as usize {
            return Err(InvalidProposal::TooLarge { got: bytes, max: self.parameters.block_bytes_max as usize });
        }
        let transfers: usize = parts.transactions().map(|checked| checked.transaction.transfers_count()).sum();
        if transfers > self.parameters.block_transfers_max as usize {
            return Err(InvalidProposal::TooManyTransfers {
                got: transfers,
                max: self.parameters.block_transfers_max as usize,
            });
        }
        let transactions: Vec<_> = parts.batches.iter().flat_map(|batch| batch.transactions.iter().cloned()).collect();
        let participation = parts.participation.as_ref().map(|record| record.signers.clone());
        let context =
            BlockContext { height: self.tip.height.next(), time, parent: self.tip.block, participation, offences };
        // Nothing of the chain is changed by an execution, so there is nothing a panic could leave half-done.
        let run = std::panic::AssertUnwindSafe(|| execute(self, &context, &transactions));
        match std::panic::catch_unwind(run) {
            Ok(Ok(execution)) => Ok(execution),
            Ok(Err(invalid)) => Err(InvalidProposal::Ledger(invalid)),
            Err(panic) => {
                let message = panic.downcast_ref::<String>().cloned();
                let message = message.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                Err(InvalidProposal::Panicked(message.unwrap_or_default()))
            }
        }
    }

    /// A read failed since the last call: what was executed must not be believed.
    pub fn take_failure(&self) -> Result<(), StoreError> {
        self.failed.borrow_mut().take().map_or(Ok(()), Err)
    }

    /// Writes a decided block and moves the tip.
    pub fn apply(&mut self, candidate: Candidate, certificate: Certificate) -> Result<CommittedBlock, OpenChainError> {
        let Candidate { header, id, parts, execution, patch } = candidate;
        assert!(header.height == self.tip.height.next());
        assert!(certificate.block == id && certificate.height == header.height);
        let tip = Tip { height: header.height, block: id, time: header.time };
        let mut batch = WriteBatch::default();
        let height = query::height_key(header.height);
        batch.put(Table::Headers, height, encode(&(&header, &certificate)));
        batch.put(Table::Bodies, height, encode(&parts.body()));
        batch.put(Table::Results, height, encode(&(&execution.results, &execution.events)));
        batch.put(Table::BlockIds, id.0.0, height);
        if header.next_validators != header.validators {
            let first = query::height_key(header.height.next());
            batch.put(Table::ValidatorSets, first, encode(self.next_validators.set()));
        }
        for (key, value) in &execution.changes {
            match value {
                Some(value) => batch.put(Table::State, key.to_bytes(), encode(value)),
                None => batch.delete(Table::State, key.to_bytes()),
            }
        }
        for (id, owner) in remember(self.accounts.get_mut(), &execution.changes) {
            // The tree is still that of the parent.
            if self.tree.commits_to(&StateKey::Account(id), None) {
                batch.put(Table::Owners, query::owner_key(&owner, &id), []);
            }
        }
        for (key, record) in &execution.ids {
            batch.put(Table::Ids, encode(key), encode(record));
        }
        batch.put(Table::Meta, META_TIP, encode(&tip));
        self.store.write(batch)?;

        self.tree.commit(header.height, patch);
        self.tip = tip;
        self.tip_certificate = Some(certificate.clone());
        let is_news = |key: &StateKey| matches!(key, StateKey::Due(_) | StateKey::Governance);
        if self.waits_for_height || execution.changes.keys().any(is_news) {
            self.next_due = self.first_due()?;
        }
        let of_registry =
            |key: &StateKey| matches!(key, StateKey::Member(_) | StateKey::Filing(_) | StateKey::ValidatorsNext);
        let registry_changed = execution.changes.keys().any(of_registry);
        let rules = |key: &StateKey| {
            matches!(key, StateKey::Parameters | StateKey::ValidatorsNext | StateKey::ValidatorsAfterNext)
        };
        if execution.changes.keys().any(rules) {
            self.read_rules()?;
        }
        self.away = away(self);
        let transfers = parts.transactions().map(|checked| checked.transaction.transfers_count()).sum();
        let transactions = parts.transactions().map(|checked| checked.hash).zip(execution.results).collect();
        Ok(CommittedBlock { header, id, certificate, transactions, transfers, registry_changed })
    }

    pub fn prover(&self) -> Prover {
        self.tree.prover()
    }

    pub fn state_root(&self) -> Hash {
        self.tree.root()
    }

    /// A row of the state, if it is the one that the certified root commits to: what went bad on the disk or in memory
    /// since it was written is found here, before anything is decided by it.
    fn read_state(&self, key: &StateKey) -> Result<Option<StateValue>, StoreError> {
        let row = self.store.get(Table::State, &key.to_bytes())?;
        if !self.tree.commits_to(key, row.as_deref()) {
            let height = self.tip.height;
            let cause = match row {
                Some(_) => format!("the row of {key:?} is not what the state root of height {height} commits to"),
                None => format!("the row of {key:?}, which the state root of height {height} commits to, is missing"),
            };
            return Err(StoreError::Corrupt(cause));
        }
        row.map(|row| query::parse(&row)).transpose()
    }

    fn or_fail<T>(&self, read: Result<Option<T>, StoreError>) -> Option<T> {
        read.unwrap_or_else(|error| {
            self.failed.borrow_mut().get_or_insert(error);
            None
        })
    }
}

impl Parts {
    fn batches_root(&self) -> Hash {
        batches_root(self.batches.iter().map(|batch| batch.digest))
    }
}

impl StateView for Chain {
    fn get(&self, key: &StateKey) -> Option<StateValue> {
        let StateKey::Account(id) = key else { return self.or_fail(self.read_state(key)) };
        if let Some(account) = self.accounts.borrow_mut().get(id) {
            return Some(StateValue::Account(account));
        }
        let value = self.or_fail(self.read_state(key))?;
        if let StateValue::Account(account) = &value {
            self.accounts.borrow_mut().insert(*id, account.clone());
        }
        Some(value)
    }

    fn id(&self, key: &IdKey) -> Option<IdRecord> {
        self.or_fail(query::id_record(&*self.store, key))
    }

    fn due(&self, until: Timestamp, max: usize) -> Vec<(DueKey, PendingRef)> {
        let found = query::due(&*self.store, until, max).map(Some);
        let found = self.or_fail(found).unwrap_or_default();
        // Each is read again by its key, which holds it against the root.
        for (key, _) in &found {
            self.or_fail(self.read_state(&StateKey::Due(*key)));
        }
        found
    }
}

/// Keeps the accounts that a block changed. Gives those that were not there before, with their owners: the new ones are
/// among them.
fn remember(
    accounts: &mut Recent<AccountId, Account>,
    changes: &BTreeMap<StateKey, Option<StateValue>>,
) -> Vec<(AccountId, MemberId)> {
    let mut unknown = Vec::new();
    for (key, value) in changes {
        match (key, value) {
            (StateKey::Account(id), Some(StateValue::Account(account))) => {
                let was_known = accounts.insert(*id, account.clone());
                unknown.extend((!was_known).then_some((*id, account.owner)));
            }
            (StateKey::Account(id), _) => accounts.remove(id),
            _ => {}
        }
    }
    unknown
}

fn write_genesis(store: &mut dyn Store, genesis: &Genesis, tip: &Tip) -> Result<(), StoreError> {
    let mut batch = WriteBatch::default();
    for (key, value) in genesis_state(genesis) {
        if let (StateKey::Account(id), StateValue::Account(account)) = (&key, &value) {
            batch.put(Table::Owners, query::owner_key(&account.owner, id), []);
        }
        batch.put(Table::State, key.to_bytes(), encode(&value));
    }
    let validators = genesis.validators().expect("check_genesis has made the set before");
    batch.put(Table::ValidatorSets, query::height_key(Height(1)), encode(&validators));
    batch.put(Table::Meta, META_TIP, encode(tip));
    store.write(batch)?;
    store.sync()
}

fn tree_of(state: BTreeMap<StateKey, StateValue>) -> StateTree {
    StateTree::from_leaves(state)
}

fn keys_of(set: concordat_types::ValidatorSet) -> Result<ValidatorKeys, OpenChainError> {
    ValidatorKeys::new(set).map_err(|error| OpenChainError::Corrupt(error.to_string()))
}

/// One change of the set reaches ten heights down; evidence may reach further.
const PAST_KEYS_MAX: usize = 4;
/// About 200 bytes each: some 25 MB.
const ACCOUNTS_CACHED_MAX: usize = 128 << 10;

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
