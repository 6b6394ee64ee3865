//! A ledger of one validator, in memory, whose rows a test can spoil behind its back.

// Each test file uses its part of it.
#![allow(dead_code, clippy::unwrap_used)]

use blst::min_pk::SecretKey;
use concordat_crypto::bls::{POSSESSION_DST, SIGNATURE_DST};
use concordat_replica::{
    Effect, Fatal, Input, Now, OpenError, Replica, ReplicaConfig, Rim, SubmitOutcome, Ticket,
    disk::{Disk, DiskError},
    memory::MemoryStore,
    signer::{SignRefused, Signer, SignerError},
    store::{Reader, Store, StoreError, Table, Visitor, WriteBatch},
};
use concordat_types::{
    AccountId, AccountName, AssetCode, BlockId, BlsPublicKey, BlsSignature, Ed25519PublicKey, Ed25519Signature,
    Genesis, Height, MemberId, NetworkId, OpenAccount, Operation, Parameters, Purpose, Reference, Roles,
    SignedTransaction, Timestamp, Transaction, Transfer, Uuid, Vote, encode, names::AccountPath,
    transaction::TransactionSignature,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{Arc, Mutex, MutexGuard},
};

pub const START: u64 = 1_800_000_000_000;
pub const BANKS: [&str; 2] = ["bank-a", "bank-b"];

/// The node, and what of it outlives a restart.
pub struct Alone {
    pub genesis: Genesis,
    pub store: SharedStore,
    pub signatures: Arc<Mutex<u64>>,
    disk: MemoryDisk,
    replica: Option<Replica>,
    now_ms: u64,
    tickets: u64,
}

impl Alone {
    /// At genesis: bank-a validates, bank-b and the central bank, which issues EUR, do not. Every bank and the central
    /// bank signs with the operator key of its name.
    pub fn new() -> Alone {
        let mut alone = Alone {
            genesis: genesis(),
            store: SharedStore::default(),
            signatures: Arc::default(),
            disk: MemoryDisk::default(),
            replica: None,
            now_ms: START,
            tickets: 0,
        };
        alone.open().expect("a new store opens");
        alone
    }

    /// Starts it, anew where it runs.
    pub fn open(&mut self) -> Result<(), OpenError> {
        self.replica = None;
        let config =
            ReplicaConfig { genesis: self.genesis.clone(), member: name("bank-a"), mempool_bytes_max: 1 << 20 };
        let signer = CountingSigner { network: self.genesis.network_id(), signatures: self.signatures.clone() };
        let (disk, store) = (Box::new(self.disk.clone()), Box::new(self.store.clone()));
        let (replica, effects) = Replica::open(config, disk, store, Some(Box::new(signer)), self.now())?;
        assert!(effects.iter().all(|effect| !matches!(effect, Effect::Alarm(_))), "{effects:?}");
        self.replica = Some(replica);
        Ok(())
    }

    fn now(&self) -> Now {
        Now { monotonic_ms: self.now_ms - START, unix_ms: self.now_ms }
    }

    pub fn now_ms(&self) -> u64 {
        self.now_ms
    }

    pub fn wait(&mut self, ms: u64) {
        self.now_ms += ms;
    }

    /// An id whose time is now.
    pub fn new_id(&mut self) -> Uuid {
        self.tickets += 1;
        let mut random = [7; 10];
        random[2..].copy_from_slice(&self.tickets.to_be_bytes());
        Uuid::from_parts(Timestamp(self.now_ms), random)
    }

    pub fn transaction(&mut self, submitter: &str, operations: Vec<Operation>) -> SignedTransaction {
        let secret = operator(submitter);
        let key = public_key(&secret);
        let transaction = Transaction {
            version: Transaction::VERSION,
            network: self.genesis.network_id(),
            submitter: name(submitter),
            id: self.new_id(),
            valid_until: Timestamp(self.now_ms + 3_600_000),
            signers: vec![key],
            operations,
        };
        let bytes = encode(&transaction);
        let signature = secret.sign(&Transaction::hash_of(&bytes).0.0);
        let signature = TransactionSignature { key, signature: Ed25519Signature(signature.to_bytes()) };
        SignedTransaction { bytes, signatures: vec![signature] }
    }

    /// The same where the node may end, in whatever way.
    pub fn submit_to_bad_rows(&mut self, signed: &SignedTransaction) -> Result<SubmitOutcome, Fatal> {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.submit(signed)));
        outcome.unwrap_or_else(|panic| match self.replica.as_ref().and_then(Replica::failed_read) {
            Some(error) => Err(Fatal::Store(error)),
            None => resume_unwind(panic),
        })
    }

    /// Steps until the transaction has its outcome.
    pub fn submit(&mut self, signed: &SignedTransaction) -> Result<SubmitOutcome, Fatal> {
        self.submit_all(std::slice::from_ref(signed)).map(|mut outcomes| outcomes.remove(0))
    }

    /// Hands them in together, so that they share a block.
    pub fn submit_all(&mut self, signed: &[SignedTransaction]) -> Result<Vec<SubmitOutcome>, Fatal> {
        let rim = Rim::new(self.genesis.network_id(), &self.genesis.parameters);
        let first = self.tickets + 1;
        self.tickets += signed.len() as u64;
        let checked = rim.check_submissions(signed.iter().map(encode).collect());
        let submit = |(ticket, transaction)| Input::Submit { ticket: Ticket(ticket), transaction };
        let checked = checked.into_iter().map(|checked| checked.expect("its form is right"));
        let mut inputs: Vec<Input> = (first..).zip(checked).map(submit).collect();
        let mut outcomes: BTreeMap<u64, SubmitOutcome> = BTreeMap::new();
        for _ in 0..STEPS_MAX {
            let now = self.now();
            let replica = self.replica.as_mut().expect("it runs");
            for effect in replica.step(now, std::mem::take(&mut inputs))? {
                match effect {
                    Effect::Reply { ticket, outcome } => drop(outcomes.insert(ticket.0, outcome)),
                    Effect::Alarm(alarm) => panic!("{alarm:?}"),
                    _ => {}
                }
            }
            self.now_ms += STEP_MS;
            if outcomes.len() == signed.len() {
                return Ok(outcomes.into_values().collect());
            }
        }
        panic!("no outcome within {STEPS_MAX} steps");
    }

    /// Submits what must be booked; gives its results.
    pub fn book(&mut self, submitter: &str, operations: Vec<Operation>) -> concordat_ledger::TransactionResult {
        let signed = self.transaction(submitter, operations);
        match self.submit(&signed) {
            Ok(SubmitOutcome::Committed { result, .. }) => result,
            other => panic!("{other:?}"),
        }
    }

    pub fn signatures(&self) -> u64 {
        *self.signatures.lock().unwrap()
    }
}

pub fn account(path: &str) -> AccountId {
    AccountId::new(&path.parse::<AccountPath>().unwrap())
}

pub fn open_account(account: &str) -> Operation {
    let (asset, name) = (AssetCode::new("EUR").unwrap(), AccountName::new(account).unwrap());
    Operation::OpenAccount(OpenAccount { asset, name, parent: None, customer: None, tier: None })
}

pub fn reference(text: &str) -> Reference {
    Reference::new(text).unwrap()
}

pub fn issue(id: Uuid, to: &str, amount: u128) -> Operation {
    let asset = AssetCode::new("EUR").unwrap();
    Operation::Issue { id, asset, credit_account: account(to), amount, reference: reference("") }
}

pub fn transfer(id: Uuid, from: &str, to: &str, amount: u128) -> Transfer {
    let (debit_account, credit_account) = (account(from), account(to));
    let purpose = Purpose::new("").unwrap();
    Transfer { id, debit_account, credit_account, amount, reference: reference(""), purpose, document: None }
}

pub fn pay(id: Uuid, from: &str, to: &str, amount: u128) -> Operation {
    Operation::Transfer(transfer(id, from, to, amount))
}

/// `EUR/main` of both banks, with 100 on that of bank-a.
pub fn funded() -> Alone {
    let mut alone = Alone::new();
    for bank in BANKS {
        alone.book(bank, vec![open_account("main")]);
    }
    let id = alone.new_id();
    alone.book("central-bank", vec![issue(id, "bank-a/EUR/main", 100)]);
    alone
}

pub fn name(text: &str) -> MemberId {
    text.parse().expect("a valid literal")
}

/// One a member, made from its name.
fn operator(member: &str) -> ed25519_zebra::SigningKey {
    let mut seed = [1; 32];
    seed[..member.len()].copy_from_slice(member.as_bytes());
    ed25519_zebra::SigningKey::from(seed)
}

fn public_key(secret: &ed25519_zebra::SigningKey) -> Ed25519PublicKey {
    Ed25519PublicKey(ed25519_zebra::VerificationKeyBytes::from(secret).into())
}

fn consensus_key() -> SecretKey {
    SecretKey::key_gen(&[3; 32], &[]).expect("enough bytes")
}

fn genesis() -> Genesis {
    let key = consensus_key();
    let public = BlsPublicKey(key.sk_to_pk().to_bytes());
    let possession = BlsSignature(key.sign(&public.0, POSSESSION_DST, &[]).to_bytes());
    let validator = json!({ "key": public, "possession": possession, "power": 100 });
    let members = [
        member("bank-a", Roles::BANK, validator),
        member("bank-b", Roles::BANK, Value::Null),
        member("central-bank", Roles::CENTRAL_BANK, Value::Null),
    ];
    let genesis = json!({
        "version": Genesis::VERSION,
        "name": "alone",
        "time": START,
        "trial": true,
        "parameters": Parameters::default(),
        "members": members,
        "assets": [{
            "code": "EUR", "decimals": 2, "issuer": "central-bank", "kind": "central_bank_money",
            "quota": 1_000_000, "frozen": false,
        }],
    });
    serde_json::from_value(genesis).expect("it is one")
}

fn member(name: &str, roles: Roles, validator: Value) -> Value {
    let group = |kind: &str| json!({ "k": 1, "keys": [public_key(&operator(&format!("{name}-{kind}")))] });
    json!({
        "id": name, "legal_name": name, "lei": "", "bic": "", "roles": roles, "status": "active",
        "admin_keys": group("admin"), "recovery_keys": group("recovery"),
        "operator_keys": [{ "key": public_key(&operator(name)), "rights": u32::MAX }],
        "access_keys": [], "node": null, "validator": validator,
    })
}

/// Signs what it is asked to, and counts.
#[derive(Debug)]
struct CountingSigner {
    network: NetworkId,
    signatures: Arc<Mutex<u64>>,
}

impl Signer for CountingSigner {
    fn public_key(&self) -> BlsPublicKey {
        BlsPublicKey(consensus_key().sk_to_pk().to_bytes())
    }

    fn prepare(&mut self, votes: &[Vote]) -> Result<Vec<Result<(), SignRefused>>, SignerError> {
        Ok(vec![Ok(()); votes.len()])
    }

    fn begin_sync(&mut self) -> Result<(), SignerError> {
        Ok(())
    }

    fn end_sync(&mut self) -> Result<(), SignerError> {
        Ok(())
    }

    fn sign(&mut self, vote: &Vote) -> Result<BlsSignature, SignerError> {
        *self.signatures.lock().unwrap() += 1;
        let message = vote.sign_bytes(self.network, 0);
        Ok(BlsSignature(consensus_key().sign(&message, SIGNATURE_DST, &[]).to_bytes()))
    }

    fn sign_caught_up(
        &mut self,
        network: &NetworkId,
        height: Height,
        block: &BlockId,
    ) -> Result<BlsSignature, SignerError> {
        let message = concordat_types::CaughtUp::message(network, height, block);
        Ok(BlsSignature(consensus_key().sign(&message, SIGNATURE_DST, &[]).to_bytes()))
    }

    fn recent(&self) -> Vec<Vote> {
        Vec::new()
    }
}

/// A store that the test holds too.
#[derive(Clone, Debug, Default)]
pub struct SharedStore(Arc<Mutex<MemoryStore>>);

impl SharedStore {
    fn inner(&self) -> MutexGuard<'_, MemoryStore> {
        self.0.lock().unwrap()
    }

    /// All rows of a table.
    pub fn rows(&self, table: Table) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut rows = Vec::new();
        let mut push = |key: &[u8], value: &[u8]| {
            rows.push((key.to_vec(), value.to_vec()));
            true
        };
        self.scan(table, &[], &mut push).expect("in memory");
        rows
    }

    /// What the replica did not write: Some(value) in the place of a row, None takes it away.
    pub fn spoil(&self, table: Table, key: &[u8], value: Option<Vec<u8>>) {
        let mut batch = WriteBatch::default();
        match value {
            Some(value) => batch.put(table, key, value),
            None => batch.delete(table, key),
        }
        self.inner().write(batch).expect("in memory");
    }
}

impl Reader for SharedStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Reader::get(&*self.inner(), table, key)
    }

    fn scan(&self, table: Table, from: &[u8], visit: &mut Visitor<'_>) -> Result<(), StoreError> {
        self.inner().scan(table, from, visit)
    }

    fn scan_back(&self, table: Table, from: &[u8], visit: &mut Visitor<'_>) -> Result<(), StoreError> {
        self.inner().scan_back(table, from, visit)
    }
}

impl Store for SharedStore {
    fn write(&mut self, batch: WriteBatch) -> Result<(), StoreError> {
        self.inner().write(batch)
    }

    fn sync(&mut self) -> Result<(), StoreError> {
        self.inner().sync()
    }

    fn snapshot(&self) -> Arc<dyn Reader> {
        self.inner().snapshot()
    }
}

/// Files that forget nothing.
#[derive(Clone, Debug, Default)]
struct MemoryDisk(Arc<Mutex<BTreeMap<String, Vec<u8>>>>);

impl Disk for MemoryDisk {
    fn list(&self) -> Result<Vec<String>, DiskError> {
        Ok(self.0.lock().unwrap().keys().cloned().collect())
    }

    fn len(&self, name: &str) -> Result<Option<u64>, DiskError> {
        Ok(self.0.lock().unwrap().get(name).map(|bytes| bytes.len() as u64))
    }

    fn read(&self, name: &str, offset: u64, len: usize) -> Result<Vec<u8>, DiskError> {
        let files = self.0.lock().unwrap();
        Ok(files[name].iter().skip(offset as usize).take(len).copied().collect())
    }

    fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), DiskError> {
        self.0.lock().unwrap().entry(name.to_owned()).or_default().extend_from_slice(bytes);
        Ok(())
    }

    fn truncate(&mut self, name: &str, len: u64) -> Result<(), DiskError> {
        self.0.lock().unwrap().entry(name.to_owned()).or_default().truncate(len as usize);
        Ok(())
    }

    fn sync(&mut self, _name: &str) -> Result<(), DiskError> {
        Ok(())
    }

    fn sync_dir(&mut self) -> Result<(), DiskError> {
        Ok(())
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        let mut files = self.0.lock().unwrap();
        let bytes = files.remove(from).unwrap_or_default();
        files.insert(to.to_owned(), bytes);
        Ok(())
    }

    fn remove(&mut self, name: &str) -> Result<(), DiskError> {
        self.0.lock().unwrap().remove(name);
        Ok(())
    }
}

/// Of virtual time: a second.
const STEPS_MAX: usize = 100;
const STEP_MS: u64 = 10;
