//! One run: nodes, clients, the clock, and the faults between them.

use super::{
    Random,
    checks::{Checks, Violation},
    disk::{SimDisk, SimStore},
    network::{Faults, Partition},
    signer::{SimRecord, SimSigner},
};
use concordat_keys::SecretKey;
use concordat_ledger::{StateKey, StateValue, conservation_in_full};
use concordat_replica::{
    Alarm, CommittedBlock, Effect, Fatal, Input, Now, Replica, ReplicaConfig, Rim, SubmitOutcome, Ticket,
    message::Message,
    query,
    store::{Reader, Table},
};
use concordat_types::{
    AccountId, AccountName, Asset, AssetCode, AssetKind, BatchMode, Ed25519PublicKey, Genesis, Hash, Height, Member,
    MemberId, MemberStatus, NetworkId, OpenAccount, Operation, Parameters, Purpose, Reference, Rights, Roles,
    SignedTransaction, Tag, Timestamp, Transaction, TransactionHash, Transfer, Uuid, ValidatorIndex, decode, encode,
    member::{KeyGroup, OperatorKey, ValidatorRecord},
    names::AccountPath,
};
use concordat_validator::keystore::ConsensusKey;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

#[derive(Clone, Debug)]
pub struct Settings {
    pub validators: usize,
    /// Virtual time with faults.
    pub faulty_ms: u64,
    /// Virtual time in which the healed network must have moved on.
    pub heal_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { validators: 4, faulty_ms: 12_000, heal_ms: 60_000 }
    }
}

#[derive(Clone, Debug)]
pub struct Outcome {
    pub seed: u64,
    pub heights: u64,
    pub node_heights: u64,
    pub acknowledged: usize,
    /// SHA-256 over everything that was sent and committed, in order: the same seed gives the same one.
    pub audit: Hash,
    /// Interesting things that occurred, counted.
    pub coverage: BTreeMap<&'static str, u64>,
    pub violation: Option<(Violation, u64)>,
}

/// The whole run, from one number.
pub fn run(seed: u64, settings: &Settings) -> Outcome {
    let mut world = World::new(seed, settings);
    let played = catch_unwind(AssertUnwindSafe(|| world.play(settings)));
    let violation = played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Violation::Panicked(text.unwrap_or("no message").to_owned()))
    });
    let violation = violation.err().map(|violation| (violation, world.time_ms));
    Outcome {
        seed,
        heights: world.checks.height_max().0,
        node_heights: world.node_heights,
        acknowledged: world.checks.acknowledged_count(),
        audit: world.audit,
        coverage: world.coverage,
        violation,
    }
}

struct Node {
    member: MemberId,
    validator: Option<ValidatorIndex>,
    key: Option<Arc<ConsensusKey>>,
    disk: SimDisk,
    store: SimStore,
    record: Option<SimRecord>,
    rim: Rim,
    replica: Option<Replica>,
    clock_offset_ms: i64,
    /// Raised at each start: what was on its way to an earlier life is lost.
    life: u64,
    next_wake_ms: u64,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Deliver { to: usize, from: usize, to_life: u64, from_life: u64, bytes: Arc<[u8]> },
    Wake { node: usize, life: u64 },
    Restart { node: usize },
    Client,
    Second,
}

struct World {
    random: Random,
    faults: Faults,
    partition: Partition,
    genesis: Genesis,
    network: NetworkId,
    nodes: Vec<Node>,
    operators: Vec<SecretKey>,
    queue: BinaryHeap<Reverse<(u64, u64, Event)>>,
    sequence: u64,
    time_ms: u64,
    healed: bool,
    healed_at: Height,
    /// Down since the heal.
    gone: Option<usize>,
    /// What it hears waits for so long.
    busy: Option<(usize, u64)>,
    /// Its clock is minutes off since the heal.
    clock_off: Option<usize>,
    tickets: BTreeMap<Ticket, TransactionHash>,
    checks: Checks,
    audit: Hash,
    node_heights: u64,
    coverage: BTreeMap<&'static str, u64>,
}

const EPOCH_MS: u64 = 1_800_000_000_000;
/// Ten heights until a record is made, and ten records (docs/protocol.md, Participation).
const ABSENCE_SHOWS_HEIGHTS: u64 = 20;
/// The first record with it, and some heights to catch up.
const PRESENCE_SHOWS_HEIGHTS: u64 = 15;

impl World {
    fn new(seed: u64, settings: &Settings) -> World {
        let mut random = Random::new(seed);
        let faults = Faults::draw(&mut random);
        let keys: Vec<Arc<ConsensusKey>> =
            (0..settings.validators).map(|_| Arc::new(ConsensusKey::from_seed(&random.bytes()))).collect();
        let operators: Vec<SecretKey> =
            (0..=settings.validators).map(|_| SecretKey::from_seed(&random.bytes())).collect();
        let genesis = genesis(&keys, &operators, &mut random);
        let network = genesis.network_id();
        let validators = genesis.validators().expect("a valid set");
        let nodes: Vec<Node> = genesis
            .members
            .iter()
            .map(|member| {
                let validator = validators.index_of(&member.id);
                Node {
                    member: member.id,
                    validator,
                    key: validator.map(|index| keys[usize::from(index.0)].clone()),
                    disk: SimDisk::default(),
                    store: SimStore::default(),
                    record: validator.map(|_| SimRecord::new(network)),
                    rim: Rim::new(network, &genesis.parameters),
                    replica: None,
                    clock_offset_ms: 0,
                    life: 0,
                    next_wake_ms: u64::MAX,
                }
            })
            .collect();
        let partition = Partition::none(nodes.len());
        World {
            random,
            faults,
            partition,
            genesis,
            network,
            nodes,
            operators,
            queue: BinaryHeap::new(),
            sequence: 0,
            time_ms: 0,
            healed: false,
            healed_at: Height(0),
            gone: None,
            busy: None,
            clock_off: None,
            tickets: BTreeMap::new(),
            checks: Checks::default(),
            audit: Hash::ZERO,
            node_heights: 0,
            coverage: BTreeMap::new(),
        }
    }

    fn play(&mut self, settings: &Settings) -> Result<(), Violation> {
        for node in 0..self.nodes.len() {
            let max = self.faults.clock_offset_ms_max;
            self.nodes[node].clock_offset_ms = self.random.below(2 * max + 1) as i64 - max as i64;
            self.start(node)?;
        }
        self.push(0, Event::Client);
        self.push(1000, Event::Second);
        self.advance_to(settings.faulty_ms, |_| false)?;
        self.heal()?;
        self.healed_at = self.checks.height_max();
        self.advance_heights(Height(self.healed_at.0 + 3), settings)?;
        if self.gone.is_some() && self.random.permille(150) {
            self.absence(settings)?;
        }
        self.clock_is_noticed(settings)?;
        self.checks.nothing_lost()?;
        (0..self.nodes.len()).try_for_each(|node| self.books_balance(node))
    }

    /// Who is away costs its turns until the record says so, then none; back again, it has its turn.
    fn absence(&mut self, settings: &Settings) -> Result<(), Violation> {
        let Some(gone) = self.gone else { return Ok(()) };
        let away = self.nodes[gone].member;
        // Its last precommit may be for the height above the tip at the heal, which it crashed after.
        let skipped_from = Height(self.healed_at.0 + 2 + ABSENCE_SHOWS_HEIGHTS);
        self.checks.expect_round_0(skipped_from, away);
        let turns = 2 * self.nodes.len() as u64;
        self.advance_heights(Height(skipped_from.0 + turns), settings)?;
        self.count("turn of an absent validator skipped");
        self.checks.expect_nothing();

        self.gone = None;
        self.start(gone)?;
        let back_at = self.checks.height_max();
        let until = Height(back_at.0 + PRESENCE_SHOWS_HEIGHTS + turns);
        self.advance_heights(until, settings)?;
        if !self.checks.has_proposed(away, back_at) {
            return Err(Violation::NoTurn { member: away.as_str().to_owned(), from: back_at, to: until });
        }
        self.count("turn given back");
        Ok(())
    }

    fn advance_heights(&mut self, goal: Height, settings: &Settings) -> Result<(), Violation> {
        let until = self.time_ms + settings.heal_ms;
        self.advance_to(until, |world| world.all_reached(goal))?;
        match self.all_reached(goal) {
            true => Ok(()),
            false => Err(self.stuck(settings.heal_ms)),
        }
    }

    fn stuck(&self, ms: u64) -> Violation {
        let nodes = self.nodes.iter().map(Node::summary).collect();
        Violation::Stuck { height: self.checks.height_max(), nodes, ms }
    }

    fn clock_is_noticed(&mut self, settings: &Settings) -> Result<(), Violation> {
        let Some(node) = self.clock_off else { return Ok(()) };
        let noticed = |world: &World| {
            let replica = world.nodes[node].replica.as_ref();
            replica.is_some_and(|replica| replica.telemetry().clock_alarm)
        };
        self.advance_to(self.time_ms + settings.heal_ms, noticed)?;
        if noticed(self) { Ok(()) } else { Err(Violation::ClockNotNoticed { node, ms: settings.heal_ms }) }
    }

    fn all_reached(&self, goal: Height) -> bool {
        self.nodes.iter().enumerate().all(|(number, node)| Some(number) == self.gone || node.tip() >= goal)
    }

    fn advance_to(&mut self, until_ms: u64, done: impl Fn(&World) -> bool) -> Result<(), Violation> {
        while let Some(Reverse((at, _, _))) = self.queue.peek() {
            if *at > until_ms || done(self) {
                break;
            }
            let Some(Reverse((at, _, event))) = self.queue.pop() else { break };
            self.time_ms = at;
            self.happen(event)?;
        }
        self.time_ms = self.time_ms.max(if done(self) { 0 } else { until_ms });
        Ok(())
    }

    fn happen(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::Deliver { to, from, to_life, from_life, bytes } => {
                let alive = self.nodes[to].life == to_life && self.nodes[from].life == from_life;
                if !alive || self.nodes[to].replica.is_none() {
                    return Ok(());
                }
                self.deliver(to, from, &bytes)
            }
            Event::Wake { node, life } => {
                if self.nodes[node].life == life && self.nodes[node].replica.is_some() {
                    self.nodes[node].next_wake_ms = u64::MAX;
                    return self.step(node, Vec::new());
                }
                Ok(())
            }
            Event::Restart { node } if Some(node) == self.gone => Ok(()),
            Event::Restart { node } => self.start(node),
            Event::Client => {
                self.submit()?;
                let pause = 20 + self.random.below(400);
                self.push(self.time_ms + pause, Event::Client);
                Ok(())
            }
            Event::Second => {
                self.new_faults()?;
                self.push(self.time_ms + 1000, Event::Second);
                Ok(())
            }
        }
    }

    fn new_faults(&mut self) -> Result<(), Violation> {
        if self.healed {
            return Ok(());
        }
        if self.random.permille(self.faults.partition_permille) {
            self.partition = Partition::draw(self.nodes.len(), &mut self.random);
            self.count("partition");
        } else if self.random.permille(400) {
            self.partition = Partition::none(self.nodes.len());
        }
        self.busy = None;
        if self.random.permille(self.faults.busy_permille) {
            let node = self.random.below(self.nodes.len() as u64) as usize;
            self.busy = Some((node, 500 + self.random.below(8_000)));
            self.count("busy node");
        }
        for node in 0..self.nodes.len() {
            if self.nodes[node].replica.is_some() && self.random.permille(self.faults.full_permille) {
                self.nodes[node].disk.fill();
            }
            if self.nodes[node].replica.is_some() && self.random.permille(self.faults.crash_permille) {
                self.crash(node)?;
                let away = 50 + self.random.below(4000);
                self.push(self.time_ms + away, Event::Restart { node });
            }
        }
        Ok(())
    }

    fn crash(&mut self, node: usize) -> Result<(), Violation> {
        self.kill(node)?;
        let power_loss = self.random.permille(self.faults.power_loss_permille);
        self.count(if power_loss { "power loss" } else { "kill" });
        let crashed = &mut self.nodes[node];
        if power_loss {
            crashed.disk.crash(&mut self.random);
            crashed.store.lose_power();
            if let Some(record) = &crashed.record {
                record.crash();
            }
        }
        Ok(())
    }

    fn stop_peers_of(&mut self, gone: usize) -> Result<(), Violation> {
        let peer = self.nodes[gone].member;
        for node in 0..self.nodes.len() {
            if node != gone && self.nodes[node].replica.is_some() {
                self.step(node, vec![Input::PeerDisconnected { peer }])?;
            }
        }
        Ok(())
    }

    fn start(&mut self, node: usize) -> Result<(), Violation> {
        if self.nodes[node].replica.is_some() {
            return Ok(());
        }
        let now = self.now(node);
        self.make_room(node)?;
        let starting = &mut self.nodes[node];
        starting.life += 1;
        starting.next_wake_ms = u64::MAX;
        let config =
            ReplicaConfig { genesis: self.genesis.clone(), member: starting.member, mempool_bytes_max: 64 << 20 };
        let signer = starting.key.clone().zip(starting.record.clone()).map(|(key, record)| {
            Box::new(SimSigner::new(key, self.network, record)) as Box<dyn concordat_replica::signer::Signer>
        });
        let opened =
            Replica::open(config, Box::new(starting.disk.clone()), Box::new(starting.store.clone()), signer, now);
        let (replica, effects) =
            opened.map_err(|error| Violation::Stopped { node, reason: format!("does not open: {error}") })?;
        starting.replica = Some(replica);
        self.carry_out(node, effects)?;
        let mut inputs = Vec::new();
        for other in 0..self.nodes.len() {
            if other == node || self.nodes[other].replica.is_none() {
                continue;
            }
            inputs.push(Input::PeerConnected { peer: self.nodes[other].member });
            let peer = self.nodes[node].member;
            self.step(other, vec![Input::PeerConnected { peer }])?;
        }
        self.step(node, inputs)
    }

    fn heal(&mut self) -> Result<(), Violation> {
        self.healed = true;
        self.faults = Faults::none();
        self.partition = Partition::none(self.nodes.len());
        self.busy = None;
        for node in 0..self.nodes.len() {
            self.make_room(node)?;
            self.nodes[node].clock_offset_ms = 0;
            self.start(node)?;
        }
        // Fewer than a third may stay away for good: the others must still decide.
        let validators = self.nodes.iter().filter(|node| node.validator.is_some()).count();
        if self.random.permille(400) {
            let gone = self.random.below(validators as u64) as usize;
            self.crash(gone)?;
            self.gone = Some(gone);
            self.count("one away for good");
        } else if validators >= 4 && self.random.permille(400) {
            // Or vote nil on what the others propose, for a clock that is minutes off.
            let off = self.random.below(validators as u64) as usize;
            let ms = 60_000 + self.random.below(240_000) as i64;
            self.nodes[off].clock_offset_ms = if self.random.permille(500) { ms } else { -ms };
            self.clock_off = Some(off);
            self.count("clock minutes off");
        }
        Ok(())
    }

    fn now(&self, node: usize) -> Now {
        let unix_ms = (EPOCH_MS + self.time_ms).saturating_add_signed(self.nodes[node].clock_offset_ms);
        Now { monotonic_ms: self.time_ms, unix_ms }
    }

    fn deliver(&mut self, to: usize, from: usize, bytes: &[u8]) -> Result<(), Violation> {
        let member = self.nodes[from].member;
        match self.nodes[to].rim.check_message(bytes) {
            Ok(message) => self.step(to, vec![Input::Peer { from: member, message }]),
            Err(_) => {
                self.count("refused at the rim");
                self.reconnect(to, from)
            }
        }
    }

    /// A broken message ends the connection; both sides make a new one.
    fn reconnect(&mut self, a: usize, b: usize) -> Result<(), Violation> {
        for (node, other) in [(a, b), (b, a)] {
            let peer = self.nodes[other].member;
            if self.nodes[node].replica.is_some() {
                self.step(node, vec![Input::PeerDisconnected { peer }, Input::PeerConnected { peer }])?;
            }
        }
        Ok(())
    }

    fn step(&mut self, node: usize, inputs: Vec<Input>) -> Result<(), Violation> {
        let now = self.now(node);
        let Some(replica) = self.nodes[node].replica.as_mut() else { return Ok(()) };
        match replica.step(now, inputs) {
            Ok(effects) => {
                self.carry_out(node, effects)?;
                self.schedule_wake(node);
                Ok(())
            }
            Err(fatal) => self.end(node, &fatal),
        }
    }

    /// The process ends itself, as it must where its disk is full; somebody makes room and starts it again.
    fn end(&mut self, node: usize, fatal: &Fatal) -> Result<(), Violation> {
        if !self.nodes[node].disk.has_failed() {
            return Err(Violation::Stopped { node, reason: fatal.to_string() });
        }
        self.count("disk full");
        self.kill(node)?;
        let away = 50 + self.random.below(4000);
        self.push(self.time_ms + away, Event::Restart { node });
        Ok(())
    }

    fn make_room(&mut self, node: usize) -> Result<(), Violation> {
        match self.nodes[node].disk.make_room() {
            true => Err(Violation::WroteAfterFailure(node)),
            false => Ok(()),
        }
    }

    fn kill(&mut self, node: usize) -> Result<(), Violation> {
        self.nodes[node].replica = None;
        self.nodes[node].life += 1;
        self.stop_peers_of(node)
    }

    fn schedule_wake(&mut self, node: usize) {
        let Some(due) = self.nodes[node].replica.as_ref().and_then(Replica::deadline_ms) else { return };
        let due = due.max(self.time_ms + 1);
        if due < self.nodes[node].next_wake_ms {
            self.nodes[node].next_wake_ms = due;
            let life = self.nodes[node].life;
            self.push(due, Event::Wake { node, life });
        }
    }

    fn carry_out(&mut self, node: usize, effects: Vec<Effect>) -> Result<(), Violation> {
        for effect in effects {
            match effect {
                Effect::Send { to, message } => {
                    if let Some(to) = self.nodes.iter().position(|other| other.member == to) {
                        self.post(node, &[to], &message)?;
                    }
                }
                Effect::Broadcast { message } => {
                    let others: Vec<usize> = (0..self.nodes.len()).filter(|other| *other != node).collect();
                    self.post(node, &others, &message)?;
                }
                Effect::Reply { ticket, outcome } => self.on_reply(ticket, outcome),
                // With corrupted bytes on the wire a peer may look bad without being so; the connection is made anew.
                Effect::Disconnect { peer, .. } => {
                    self.count("disconnect");
                    if let Some(other) = self.nodes.iter().position(|known| known.member == peer) {
                        self.queue_reconnect(node, other)?;
                    }
                }
                Effect::Committed(committed) => self.on_committed(node, &committed)?,
                Effect::Alarm(alarm) => self.on_alarm(node, alarm)?,
            }
        }
        Ok(())
    }

    fn queue_reconnect(&mut self, node: usize, other: usize) -> Result<(), Violation> {
        // Within a step effects are being carried out: the reconnection is the next event of both.
        let peer = self.nodes[other].member;
        let now = self.now(node);
        let Some(replica) = self.nodes[node].replica.as_mut() else { return Ok(()) };
        match replica.step(now, vec![Input::PeerDisconnected { peer }, Input::PeerConnected { peer }]) {
            Ok(effects) => self.carry_out(node, effects),
            Err(fatal) => self.end(node, &fatal),
        }
    }

    fn on_alarm(&mut self, node: usize, alarm: Alarm) -> Result<(), Violation> {
        match alarm {
            Alarm::StoppedSigning { reason } => Err(Violation::Stopped { node, reason }),
            Alarm::Equivocation { member, .. } => {
                Err(Violation::HonestAccused { node, member: member.as_str().to_owned() })
            }
            Alarm::InvalidProposal { reason, .. } | Alarm::InvalidPolka { reason, .. } => {
                Err(Violation::Stopped { node, reason })
            }
            Alarm::Quarantined { reason, .. } => Err(Violation::Stopped { node, reason }),
            Alarm::SignRefused { .. } => {
                self.count("sign refused");
                Ok(())
            }
            Alarm::ClockOffset { offset_ms } if Some(node) != self.clock_off => {
                Err(Violation::FalseClockAlarm { node, offset_ms })
            }
            Alarm::ClockOffset { .. } | Alarm::ClockGood => Ok(()),
        }
    }

    fn on_committed(&mut self, node: usize, committed: &CommittedBlock) -> Result<(), Violation> {
        self.node_heights += 1;
        self.note(&[b"committed", &committed.id.0.0, &[node as u8]]);
        if committed.certificate.round.0 > 0 {
            self.count("decided above round 0");
        }
        self.checks.on_committed(node, committed)
    }

    fn on_reply(&mut self, ticket: Ticket, outcome: SubmitOutcome) {
        let Some(hash) = self.tickets.remove(&ticket) else { return };
        if let SubmitOutcome::Committed { height, .. } = outcome {
            self.checks.on_acknowledged(hash, height);
        }
    }

    fn post(&mut self, from: usize, to: &[usize], message: &Message) -> Result<(), Violation> {
        self.checks.on_sent(self.nodes[from].validator, message)?;
        if let Message::Vote(signed) = message
            && signed.vote.height <= self.nodes[from].tip()
        {
            self.count("precommit after the decision");
        }
        let bytes = encode(message);
        self.note(&[b"sent", &bytes]);
        for to in to {
            self.post_one(from, *to, &bytes);
        }
        Ok(())
    }

    fn post_one(&mut self, from: usize, to: usize, bytes: &[u8]) {
        if self.nodes[to].replica.is_none() {
            return;
        }
        if self.partition.cuts(from, to) || self.random.permille(self.faults.loss_permille) {
            self.count("lost message");
            return;
        }
        let copies = if self.random.permille(self.faults.duplicate_permille) { 2 } else { 1 };
        for _ in 0..copies {
            let mut bytes = bytes.to_vec();
            if self.random.permille(self.faults.corrupt_permille) {
                let at = self.random.below(bytes.len() as u64) as usize;
                bytes[at] ^= 1 << self.random.below(8);
                self.count("corrupted message");
            }
            let waits = self.busy.map_or(0, |(busy, ms)| if busy == to { ms } else { 0 });
            let delay = 1 + self.random.below(self.faults.delay_ms_max) + waits;
            let (to_life, from_life) = (self.nodes[to].life, self.nodes[from].life);
            self.push(self.time_ms + delay, Event::Deliver { to, from, to_life, from_life, bytes: bytes.into() });
        }
    }

    /// Clients pay at a random node; now and then a transaction is sent again, to another.
    fn submit(&mut self) -> Result<(), Violation> {
        let payer = self.random.below(self.operators.len() as u64) as usize;
        let bytes = self.random_transaction(payer);
        let sends = if self.random.permille(100) { 2 } else { 1 };
        for _ in 0..sends {
            let node = self.random.below(self.nodes.len() as u64) as usize;
            if self.nodes[node].replica.is_none() {
                continue;
            }
            let checked = self.nodes[node].rim.check_submissions(vec![encode(&bytes)]).remove(0);
            let transaction = checked.map_err(|error| Violation::Stopped { node, reason: error.to_string() })?;
            let ticket = Ticket(self.random.number());
            self.tickets.insert(ticket, transaction.hash);
            self.step(node, vec![Input::Submit { ticket, transaction }])?;
        }
        Ok(())
    }

    fn random_transaction(&mut self, payer: usize) -> SignedTransaction {
        let member = self.genesis.members[payer].id;
        let time = Timestamp(EPOCH_MS + self.time_ms);
        let asset = AssetCode::new("EUR").expect("a valid literal");
        let name = |number: u64| AccountName::new(&format!("a{number}")).expect("a valid name");
        let account = |member, number| AccountId::new(&AccountPath { member, asset, name: name(number) });
        let is_issuer = self.genesis.assets[0].issuer == member;
        let mut transfers: Vec<Transfer> = Vec::new();
        for _ in 0..1 + self.random.below(5) {
            let other = self.genesis.members[self.random.below(self.operators.len() as u64) as usize].id;
            transfers.push(Transfer {
                id: Uuid::from_parts(time, self.random.bytes()),
                debit_account: account(member, self.random.below(3)),
                credit_account: account(other, self.random.below(3)),
                amount: u128::from(self.random.below(100)),
                reference: Reference::new("").expect("a valid literal"),
                purpose: Purpose::new("").expect("a valid literal"),
                document: None,
            });
        }
        let operation = match self.random.below(6) {
            0 => {
                let name = name(self.random.below(3));
                Operation::OpenAccount(OpenAccount { asset, name, parent: None, customer: None, tier: None })
            }
            1 if is_issuer => Operation::Issue {
                id: Uuid::from_parts(time, self.random.bytes()),
                asset,
                credit_account: transfers[0].credit_account,
                amount: 10_000,
                reference: Reference::new("").expect("a valid literal"),
            },
            2 => Operation::Batch { mode: BatchMode::Each, transfers },
            3 => Operation::Batch { mode: BatchMode::All, transfers },
            _ => Operation::Transfer(transfers.remove(0)),
        };
        let transaction = Transaction {
            version: Transaction::VERSION,
            network: self.network,
            submitter: member,
            id: Uuid::from_parts(time, self.random.bytes()),
            valid_until: Timestamp(time.0 + 600_000),
            signers: vec![self.operators[payer].public_key()],
            operations: vec![operation],
        };
        let bytes = encode(&transaction);
        let signature = self.operators[payer].sign(Transaction::hash_of(&bytes));
        SignedTransaction { bytes, signatures: vec![signature] }
    }

    fn books_balance(&self, node: usize) -> Result<(), Violation> {
        let mut accounts = Vec::new();
        let scan = self.nodes[node].store.scan(Table::State, &[], &mut |key, value| {
            let key: Result<StateKey, _> = decode(key, key.len());
            if let (Ok(StateKey::Account(_)), Ok(StateValue::Account(account))) = (key, decode(value, value.len())) {
                accounts.push(account);
            }
            true
        });
        scan.map_err(|error| Violation::Books { node, cause: error.to_string() })?;
        conservation_in_full(&accounts).map_err(|error| Violation::Books { node, cause: error.to_string() })
    }

    fn push(&mut self, at_ms: u64, event: Event) {
        self.sequence += 1;
        self.queue.push(Reverse((at_ms, self.sequence, event)));
    }

    fn count(&mut self, what: &'static str) {
        *self.coverage.entry(what).or_default() += 1;
    }

    fn note(&mut self, parts: &[&[u8]]) {
        let mut all: Vec<&[u8]> = vec![&self.audit.0];
        all.extend_from_slice(parts);
        self.audit = Tag::RECORD.hash(&all);
    }
}

impl Node {
    /// For the report of a network that is stuck.
    fn summary(&self) -> String {
        let Some(replica) = &self.replica else { return format!("{} is down", self.member) };
        let state = replica.telemetry();
        let round = state.round.map_or("idle".to_owned(), |round| format!("round {round}, {}", state.step));
        let signing = if state.signing { "" } else { ", not signing" };
        let behind = if state.syncing { ", syncing" } else { "" };
        format!(
            "{} at {}, {round}{signing}{behind}, {} waiting, {:?}",
            self.member,
            state.height,
            state.mempool_transactions,
            replica.status().held
        )
    }

    fn tip(&self) -> Height {
        query::tip(&self.store).ok().flatten().map_or(Height(0), |tip| tip.height)
    }
}

fn genesis(keys: &[Arc<ConsensusKey>], operators: &[SecretKey], random: &mut Random) -> Genesis {
    let mut unused_key = || Ed25519PublicKey(SecretKey::from_seed(&random.bytes()).public_key().0);
    let mut members = Vec::new();
    for (number, operator) in operators.iter().enumerate() {
        let key = keys.get(number);
        let name = if key.is_some() { format!("bank-{number:03}") } else { "central-bank".to_owned() };
        let mut group = || KeyGroup { k: 1, keys: vec![unused_key()] };
        members.push(Member {
            id: MemberId::new(&name).expect("a valid name"),
            legal_name: name,
            lei: String::new(),
            bic: String::new(),
            roles: if key.is_some() { Roles::BANK } else { Roles::CENTRAL_BANK },
            status: MemberStatus::Active,
            frozen: Default::default(),
            admin_keys: group(),
            recovery_keys: group(),
            operator_keys: vec![OperatorKey { key: operator.public_key(), rights: Rights::ALL }],
            access_keys: Vec::new(),
            node: None,
            validator: key.map(|key| ValidatorRecord {
                key: key.public_key(),
                possession: key.possession(),
                power: 100,
            }),
        });
    }
    let issuer = MemberId::new("central-bank").expect("a valid literal");
    Genesis {
        version: Genesis::VERSION,
        name: "simulation".to_owned(),
        time: Timestamp(EPOCH_MS),
        trial: true,
        parameters: Parameters { heartbeat_ms: 2_000, ..Parameters::default() },
        members,
        assets: vec![Asset {
            code: AssetCode::new("EUR").expect("a valid literal"),
            decimals: 2,
            issuer,
            kind: AssetKind::CentralBankMoney,
            quota: u128::from(u64::MAX),
            frozen: false,
        }],
    }
}
