//! Whole replicas in memory, side by side on a virtual clock: what one alone cannot show of itself.

mod clock;
mod disk;
mod governance;
mod invalid;
mod participation;
mod peers;

use super::*;
use crate::{
    memory::MemoryStore,
    rim::Rim,
    signer::SignRefused,
    store::{Store, Table, Visitor, WriteBatch},
    test_disk::Files,
    test_keys,
};
use blst::min_pk::SecretKey;
use concordat_crypto::bls::SIGNATURE_DST;
use concordat_types::{
    AccountName, Asset, AssetCode, AssetKind, BlsPublicKey, BlsSignature, Ed25519PublicKey, Ed25519Signature, Member,
    NetworkId, Operation, Rights, Roles, SignedTransaction, Timestamp, Transaction, Uuid, encode, member::OperatorKey,
    transaction::TransactionSignature,
};
use std::sync::Mutex;

/// As the system says it.
const NO_SPACE: &str = "No space left on device (os error 28)";
pub(super) const EPOCH_MS: u64 = test_keys::GENESIS_TIME.0;

/// Validators `bank-0`, `bank-1`, ... of equal power and a follower, `central-bank`, at the last place.
pub(super) struct Net {
    pub genesis: Genesis,
    validators: usize,
    pub nodes: Vec<Node>,
    pub time_ms: u64,
    /// On their way: when they arrive, in order of sending.
    posted: BTreeMap<(u64, u64), Post>,
    sequence: u64,
    /// How long a message travels, from and to, where it is not a millisecond.
    pub delay_ms: BTreeMap<(usize, usize), u64>,
    pub rim: Rim,
}

struct Post {
    from: usize,
    to: usize,
    bytes: Vec<u8>,
}

pub(super) struct Node {
    pub member: MemberId,
    pub disk: Arc<Mutex<Files>>,
    pub store: TestStore,
    pub record: TestRecord,
    pub replica: Option<Replica>,
    pub clock_offset_ms: i64,
    pub alarms: Vec<Alarm>,
    pub disconnected: Vec<(MemberId, String)>,
    pub replies: Vec<(Ticket, crate::SubmitOutcome)>,
    /// What readers of this node have been told of.
    told: Height,
    /// Messages to one peer and, with None, to all.
    pub sent: Vec<(Option<MemberId>, Message)>,
}

impl Net {
    /// Nothing runs yet.
    pub fn new(validators: u16) -> Net {
        let genesis = genesis(validators);
        let node = |member: &Member| Node {
            member: member.id,
            disk: Arc::default(),
            store: TestStore::default(),
            record: TestRecord::default(),
            replica: None,
            clock_offset_ms: 0,
            alarms: Vec::new(),
            disconnected: Vec::new(),
            replies: Vec::new(),
            told: Height(0),
            sent: Vec::new(),
        };
        let rim = Rim::new(genesis.network_id(), &genesis.parameters);
        let nodes = genesis.members.iter().map(node).collect();
        let delay_ms = BTreeMap::new();
        Net {
            genesis,
            validators: validators.into(),
            nodes,
            time_ms: 0,
            posted: BTreeMap::new(),
            sequence: 0,
            delay_ms,
            rim,
        }
    }

    /// All nodes run and know each other.
    pub fn started(validators: u16) -> Net {
        let mut net = Net::new(validators);
        (0..net.nodes.len()).for_each(|node| net.start(node));
        net
    }

    pub fn start(&mut self, number: usize) {
        let now = self.now(number);
        let node = &mut self.nodes[number];
        let config = ReplicaConfig { genesis: self.genesis.clone(), member: node.member, mempool_bytes_max: 16 << 20 };
        let signer = (number < self.validators).then(|| {
            let (secret, network) = (test_keys::secret(number as u16), self.genesis.network_id());
            Box::new(TestSigner { secret, network, record: node.record.clone() }) as Box<dyn Signer>
        });
        let (disk, store) = (Box::new(node.disk.clone()), Box::new(node.store.clone()));
        let (replica, effects) = Replica::open(config, disk, store, signer, now).unwrap();
        node.replica = Some(replica);
        self.carry_out(number, effects);
        for other in (0..self.nodes.len()).filter(|other| *other != number) {
            if self.nodes[other].replica.is_some() {
                let (peer, theirs) = (self.nodes[number].member, self.nodes[other].member);
                self.step(other, vec![Input::PeerConnected { peer }]);
                self.step(number, vec![Input::PeerConnected { peer: theirs }]);
            }
        }
    }

    pub fn stop(&mut self, number: usize) {
        self.nodes[number].replica = None;
        let peer = self.nodes[number].member;
        for other in 0..self.nodes.len() {
            self.step(other, vec![Input::PeerDisconnected { peer }]);
        }
    }

    pub fn now(&self, node: usize) -> Now {
        let unix_ms = (EPOCH_MS + self.time_ms).saturating_add_signed(self.nodes[node].clock_offset_ms);
        Now { monotonic_ms: self.time_ms, unix_ms }
    }

    pub fn step(&mut self, number: usize, inputs: Vec<Input>) {
        self.try_step(number, inputs).unwrap();
    }

    pub fn try_step(&mut self, number: usize, inputs: Vec<Input>) -> Result<(), Fatal> {
        let now = self.now(number);
        let Some(replica) = self.nodes[number].replica.as_mut() else { return Ok(()) };
        let effects = replica.step(now, inputs)?;
        self.carry_out(number, effects);
        Ok(())
    }

    /// A message as it comes from a peer: through the rim.
    pub fn hear(&mut self, to: usize, from: usize, message: &Message) {
        self.try_hear(to, from, &encode(message)).unwrap();
    }

    fn try_hear(&mut self, to: usize, from: usize, bytes: &[u8]) -> Result<(), Fatal> {
        let message = self.rim.check_message(bytes).unwrap();
        let from = self.nodes[from].member;
        self.try_step(to, vec![Input::Peer { from, message }])
    }

    /// Until what is asked for is so, or nothing runs any more, at most `for_ms`.
    pub fn run(&mut self, for_ms: u64, done: impl Fn(&Net) -> bool) -> bool {
        self.try_run(for_ms, done).unwrap()
    }

    pub fn try_run(&mut self, for_ms: u64, done: impl Fn(&Net) -> bool) -> Result<bool, (usize, Fatal)> {
        let until = self.time_ms + for_ms;
        while !done(self) {
            let running = self.nodes.iter().enumerate().filter_map(|(number, node)| {
                let due = node.replica.as_ref()?.deadline_ms()?;
                Some((due.max(self.time_ms), number))
            });
            let due = running.min();
            let post = self.posted.keys().next().copied();
            let at = [due.map(|(at, _)| at), post.map(|(at, _)| at)].into_iter().flatten().min();
            let Some(at) = at.filter(|at| *at <= until) else {
                self.time_ms = until;
                return Ok(done(self));
            };
            self.time_ms = at;
            if let Some(post) = post.filter(|post| post.0 == at) {
                let Post { from, to, bytes } = self.posted.remove(&post).unwrap();
                self.try_hear(to, from, &bytes).map_err(|fatal| (to, fatal))?;
            } else if let Some((_, number)) = due {
                // Time passes also where a deadline stays where it is.
                self.time_ms += 1;
                self.try_step(number, Vec::new()).map_err(|fatal| (number, fatal))?;
            }
        }
        Ok(true)
    }

    fn carry_out(&mut self, number: usize, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send { to, message } => {
                    let other = self.nodes.iter().position(|node| node.member == to).unwrap();
                    self.post(number, other, &message);
                    self.nodes[number].sent.push((Some(to), (*message).clone()));
                }
                Effect::Broadcast { message } => {
                    (0..self.nodes.len()).for_each(|other| self.post(number, other, &message));
                    self.nodes[number].sent.push((None, (*message).clone()));
                }
                Effect::Reply { ticket, outcome } => {
                    if let crate::SubmitOutcome::Committed { height, result, .. } = &outcome {
                        let is_told = result.repeat || self.nodes[number].told >= *height;
                        assert!(is_told, "a client hears of height {height} before readers see it");
                    }
                    self.nodes[number].replies.push((ticket, outcome));
                }
                Effect::Disconnect { peer, reason } => self.nodes[number].disconnected.push((peer, reason)),
                Effect::Alarm(alarm) => self.nodes[number].alarms.push(alarm),
                Effect::Committed(block) => self.nodes[number].told = block.header.height,
            }
        }
    }

    fn post(&mut self, from: usize, to: usize, message: &Message) {
        if from == to || self.nodes[to].replica.is_none() {
            return;
        }
        let delay = self.delay_ms.get(&(from, to)).copied().unwrap_or(1);
        self.sequence += 1;
        self.posted.insert((self.time_ms + delay, self.sequence), Post { from, to, bytes: encode(message) });
    }

    pub fn tip(&self, node: usize) -> u64 {
        self.nodes[node].replica.as_ref().unwrap().tip().height.0
    }

    pub fn all_reached(&self, height: u64) -> bool {
        (0..self.nodes.len()).all(|node| self.nodes[node].replica.is_none() || self.tip(node) >= height)
    }

    /// Opens an account of the asset; unique by its number.
    pub fn transaction(&self, member: usize, asset: &str, number: u8) -> crate::mempool::Checked {
        let (asset, name) = (AssetCode::new(asset).unwrap(), AccountName::new(&format!("a{number}")).unwrap());
        let opening = concordat_types::OpenAccount { asset, name, parent: None, customer: None, tier: None };
        self.signed(member, number, Operation::OpenAccount(opening))
    }

    pub fn signed(&self, member: usize, number: u8, operation: Operation) -> crate::mempool::Checked {
        let (secret, key) = operator(member);
        self.signed_by(secret, key, member, number, operation)
    }

    pub fn signed_by(
        &self,
        secret: ed25519_zebra::SigningKey,
        key: Ed25519PublicKey,
        member: usize,
        number: u8,
        operation: Operation,
    ) -> crate::mempool::Checked {
        let time = Timestamp(EPOCH_MS + self.time_ms);
        let transaction = Transaction {
            version: Transaction::VERSION,
            network: self.genesis.network_id(),
            submitter: self.nodes[member].member,
            id: Uuid::from_parts(time, [number; 10]),
            valid_until: Timestamp(time.0 + 3_600_000),
            signers: vec![key],
            operations: vec![operation],
        };
        let bytes = encode(&transaction);
        let signature = Ed25519Signature(secret.sign(&Transaction::hash_of(&bytes).0.0).to_bytes());
        let signed = SignedTransaction { bytes, signatures: vec![TransactionSignature { key, signature }] };
        self.rim.check_submissions(vec![encode(&signed)]).remove(0).unwrap()
    }

    /// The block of the height with its certificate, as the node has committed it.
    pub fn certified(&self, node: usize, height: u64) -> crate::message::CertifiedBlock {
        let store = &self.nodes[node].store;
        let (header, certificate) = crate::query::header(store, Height(height)).unwrap().unwrap();
        let body = crate::query::body(store, Height(height)).unwrap().unwrap();
        crate::message::CertifiedBlock { block: concordat_types::Block { header, body }, certificate }
    }

    pub fn submit(&mut self, node: usize, transactions: &[crate::mempool::Checked]) {
        let input = |(ticket, transaction): (usize, &crate::mempool::Checked)| Input::Submit {
            ticket: Ticket(ticket as u64),
            transaction: transaction.clone(),
        };
        self.step(node, transactions.iter().enumerate().map(input).collect());
    }
}

fn operator(member: usize) -> (ed25519_zebra::SigningKey, Ed25519PublicKey) {
    let secret = ed25519_zebra::SigningKey::from([member as u8 + 1; 32]);
    let key = Ed25519PublicKey(ed25519_zebra::VerificationKeyBytes::from(&secret).into());
    (secret, key)
}

/// With operators, assets and a follower.
fn genesis(validators: u16) -> Genesis {
    let rights = Rights::PAY | Rights::ACCOUNTS | Rights::ISSUE | Rights::READ | Rights::SUBMIT;
    let central_bank = Member {
        id: MemberId::new("central-bank").unwrap(),
        roles: Roles::CENTRAL_BANK,
        validator: None,
        ..test_keys::member(validators)
    };
    let mut genesis = test_keys::genesis(validators);
    let asset = |code: &str| Asset {
        code: AssetCode::new(code).unwrap(),
        decimals: 2,
        issuer: central_bank.id,
        kind: AssetKind::CentralBankMoney,
        quota: u128::from(u64::MAX),
        frozen: false,
    };
    genesis.assets = vec![asset("EUR"), asset("USD")];
    genesis.members.push(central_bank);
    for (number, member) in genesis.members.iter_mut().enumerate() {
        member.operator_keys = vec![OperatorKey { key: operator(number).1, rights }];
    }
    // Nothing happens that no test asks for.
    genesis.parameters.heartbeat_ms = 60_000;
    genesis
}

/// A store that outlives its replica and may give back a row that is not the one written: a page of memory or disk gone
/// bad, where no checksum noticed.
#[derive(Clone, Default)]
pub(super) struct TestStore(Arc<Mutex<Rows>>);

#[derive(Default)]
struct Rows {
    memory: MemoryStore,
    rotten: BTreeMap<Vec<u8>, Vec<u8>>,
    bodies_read: std::cell::Cell<usize>,
    is_full: bool,
}

impl TestStore {
    /// From now on the ids have this value at the key, for whoever reads it singly.
    pub fn rot(&self, key: Vec<u8>, value: Vec<u8>) {
        self.0.lock().unwrap().rotten.insert(key, value);
    }
}

impl TestStore {
    pub fn fill(&self, is_full: bool) {
        self.0.lock().unwrap().is_full = is_full;
    }

    pub fn bodies_read(&self) -> usize {
        self.0.lock().unwrap().bodies_read.get()
    }
}

impl Reader for TestStore {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let rows = self.0.lock().unwrap();
        rows.bodies_read.set(rows.bodies_read.get() + usize::from(table == Table::Bodies));
        match rows.rotten.get(key).filter(|_| table == Table::Ids) {
            Some(rotten) => Ok(Some(rotten.clone())),
            None => rows.memory.get(table, key),
        }
    }
    fn scan(&self, table: Table, from: &[u8], visit: &mut Visitor<'_>) -> Result<(), StoreError> {
        self.0.lock().unwrap().memory.scan(table, from, visit)
    }
    fn scan_back(&self, table: Table, from: &[u8], visit: &mut Visitor<'_>) -> Result<(), StoreError> {
        self.0.lock().unwrap().memory.scan_back(table, from, visit)
    }
}

impl Store for TestStore {
    fn write(&mut self, batch: WriteBatch) -> Result<(), StoreError> {
        let mut rows = self.0.lock().unwrap();
        if rows.is_full {
            return Err(StoreError::Io(NO_SPACE.to_owned()));
        }
        rows.memory.write(batch)
    }
    fn sync(&mut self) -> Result<(), StoreError> {
        self.0.lock().unwrap().memory.sync()
    }
    fn snapshot(&self) -> Arc<dyn Reader> {
        self.0.lock().unwrap().memory.snapshot()
    }
}

/// The votes that a key has recorded, in order. The rules of the product's record are the validator package's matter; this
/// one holds the replica to what a signer may ask: recorded, synced, then signed.
#[derive(Clone, Default)]
pub(super) struct TestRecord(Arc<Mutex<Votes>>);

#[derive(Default)]
struct Votes {
    recorded: Vec<Vote>,
    /// So many of them are durable.
    synced: usize,
    is_full: bool,
}

impl TestRecord {
    pub fn votes(&self) -> Vec<Vote> {
        self.0.lock().unwrap().recorded.clone()
    }

    pub fn fill(&self, is_full: bool) {
        self.0.lock().unwrap().is_full = is_full;
    }
}

struct TestSigner {
    secret: SecretKey,
    network: NetworkId,
    record: TestRecord,
}

impl Signer for TestSigner {
    fn public_key(&self) -> BlsPublicKey {
        BlsPublicKey(self.secret.sk_to_pk().to_bytes())
    }

    fn prepare(&mut self, votes: &[Vote]) -> Result<Vec<Result<(), SignRefused>>, SignerError> {
        let mut record = self.record.0.lock().unwrap();
        let step = |vote: &Vote| (vote.height, vote.round, vote.vote_type);
        let mut judge = |vote: &Vote| match record.recorded.iter().find(|held| step(held) == step(vote)) {
            Some(held) if held == vote => Ok(()),
            Some(held) => Err(SignRefused::Conflict { recorded: *held }),
            None => {
                record.recorded.push(*vote);
                Ok(())
            }
        };
        Ok(votes.iter().map(&mut judge).collect())
    }

    fn begin_sync(&mut self) -> Result<(), SignerError> {
        Ok(())
    }

    fn end_sync(&mut self) -> Result<(), SignerError> {
        let mut record = self.record.0.lock().unwrap();
        if record.is_full {
            return Err(SignerError::Disk(NO_SPACE.to_owned()));
        }
        record.synced = record.recorded.len();
        Ok(())
    }

    fn sign(&mut self, vote: &Vote) -> Result<BlsSignature, SignerError> {
        let record = self.record.0.lock().unwrap();
        assert!(record.recorded[..record.synced].contains(vote), "asked to sign what is not durable in the record");
        let bytes = vote.sign_bytes(self.network, RECOVERY_EPOCH);
        Ok(BlsSignature(self.secret.sign(&bytes, SIGNATURE_DST, &[]).to_bytes()))
    }

    fn sign_caught_up(
        &mut self,
        network: &NetworkId,
        height: Height,
        block: &BlockId,
    ) -> Result<BlsSignature, SignerError> {
        let message = concordat_types::CaughtUp::message(network, height, block);
        Ok(BlsSignature(self.secret.sign(&message, SIGNATURE_DST, &[]).to_bytes()))
    }

    fn recent(&self) -> Vec<Vote> {
        let votes = self.record.votes();
        let newest = votes.last().map(|vote| vote.height);
        votes.into_iter().filter(|vote| Some(vote.height) == newest).collect()
    }
}

#[test]
fn the_network_of_these_tests_agrees() {
    let mut net = Net::started(4);
    for (height, asset) in [(1, "EUR"), (2, "USD")] {
        let transaction = net.transaction(0, asset, height);
        net.submit(0, &[transaction]);
        assert!(net.run(10_000, |net| net.all_reached(height.into())));
    }
    assert_eq!(net.nodes[0].replies.len(), 2);
    assert!(net.nodes.iter().all(|node| node.alarms.is_empty() && node.disconnected.is_empty()));
}
