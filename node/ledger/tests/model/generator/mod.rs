//! Makes histories in which things meet: it looks at what the model holds and aims at it, mostly to hit, often just
//! beside. Everything follows from the seed.

mod operations;
mod values;

use crate::{
    random::Random,
    reference::{Model, PendingKind, PendingState},
    scene::{BANKS, CENTRAL_BANK, KEYS, SUPERVISOR, WINDOW_MS, key, member_id, transaction},
};
use concordat_types::{
    BatchMode, Ed25519PublicKey, MemberId, MemberStatus, Operation, Rights, SignedTransaction, Timestamp, Transaction,
    Uuid,
};

/// Transactions that may come again as they were.
const HISTORY_MAX: usize = 60;

pub struct Generator {
    random: Random,
    next_id: u64,
    /// Operations and transactions made lately.
    operations: Vec<Operation>,
    transactions: Vec<Transaction>,
}

/// An operation, who should hand it in and who should sign.
struct Draft {
    operation: Operation,
    needs: Vec<(MemberId, Rights)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Open,
    Issue,
    Transfer,
    Batch,
    Redeem,
    Hold,
    Post,
    Void,
    Offer,
    Accept,
    Cancel,
    Close,
    Change,
    SetLimits,
    Freeze,
    EndOfDay,
    CreateAsset,
    SetQuota,
}

const KINDS: &[(u64, Kind)] = &[
    (5, Kind::Open),
    (8, Kind::Issue),
    (18, Kind::Transfer),
    (8, Kind::Batch),
    (4, Kind::Redeem),
    (10, Kind::Hold),
    (9, Kind::Post),
    (4, Kind::Void),
    (9, Kind::Offer),
    (10, Kind::Accept),
    (3, Kind::Cancel),
    (3, Kind::Close),
    (3, Kind::Change),
    (7, Kind::SetLimits),
    (5, Kind::Freeze),
    (1, Kind::EndOfDay),
    (1, Kind::CreateAsset),
    (1, Kind::SetQuota),
];

impl Generator {
    pub fn new(seed: u64) -> Generator {
        Generator { random: Random::new(seed), next_id: 0, operations: Vec::new(), transactions: Vec::new() }
    }

    /// What a history begins with: accounts, and money in them.
    pub fn opening(&mut self, model: &Model) -> Vec<Transaction> {
        let mut transactions = Vec::new();
        for bank in BANKS {
            let bank = member_id(bank);
            let assets: Vec<_> = model.world.assets.keys().copied().collect();
            for asset in assets {
                let opens = ["a", "b", "c"].map(|name| self.open_named(asset, name)).to_vec();
                transactions.push(self.sign(model, bank, vec![key(bank, "")], opens));
            }
        }
        transactions
    }

    pub fn issues(&mut self, model: &Model) -> Vec<Transaction> {
        let mut transactions = Vec::new();
        for (id, account) in &model.world.accounts {
            if account.is_issuance || self.random.percent(30) {
                continue;
            }
            let issuer = model.world.assets[&account.asset].issuer;
            let amount = u128::from(self.random.below(1_000));
            let issue = self.issue_to(model, account.asset, *id, amount);
            transactions.push(self.sign(model, issuer, vec![key(issuer, "")], vec![issue]));
        }
        transactions
    }

    /// Block time goes on by a little, by hours, or to where something is due.
    pub fn block_time(&mut self, model: &Model) -> Timestamp {
        let now = model.time.0;
        let ends: Vec<u64> = model.world.pending.values().map(|pending| pending.until.0).collect();
        let next_end = ends.into_iter().filter(|end| *end > now + 1 && *end < now + 30 * 86_400_000).min();
        let step = match self.random.below(100) {
            0..70 => 1 + self.random.below(2_000),
            70..80 => self.random.below(600_000),
            80..92 => next_end.map_or(1, |end| end - now - 1 + self.random.below(3)),
            92..98 => self.random.below(6 * 3_600_000),
            _ => self.random.pick(&[WINDOW_MS - 1, WINDOW_MS, WINDOW_MS + 1, 3 * 86_400_000]),
        };
        Timestamp(now + step.max(1))
    }

    /// Governance, which is not here yet, suspends a member or lets it go on.
    pub fn status_change(&mut self, model: &Model) -> Option<(MemberId, MemberStatus)> {
        let suspended = model.world.members.values().find(|member| member.status == MemberStatus::Suspended);
        match suspended {
            // Whoever stands still for long leaves nothing to see.
            Some(member) => self.random.percent(35).then_some((member.id, MemberStatus::Active)),
            None => {
                let name = self.random.pick(&["bank-d", "bank-d", "bank-a", "bank-b", CENTRAL_BANK]);
                self.random.percent(6).then_some((member_id(name), MemberStatus::Suspended))
            }
        }
    }

    pub fn transactions_of_block(&mut self) -> u64 {
        self.random.weighted(&[(10, 0), (30, 1), (30, 6), (30, 16)])
    }

    pub fn transaction(&mut self, model: &Model) -> Transaction {
        if self.random.percent(4)
            && let Some(again) = self.random.try_pick(&self.transactions)
        {
            return again;
        }
        let kind = self.random.weighted(KINDS);
        let submitter = self.submitter_of(kind, model);
        let mut drafts = vec![self.draft(kind, model, submitter)];
        if self.random.percent(15) {
            for _ in 0..1 + self.random.below(3) {
                let kind = self.random.weighted(KINDS);
                drafts.push(self.draft(kind, model, submitter));
            }
        }
        let needs: Vec<_> = drafts.iter().flat_map(|draft| draft.needs.clone()).collect();
        let operations: Vec<_> = drafts.into_iter().map(|draft| self.maybe_again(draft.operation)).collect();
        remember(&mut self.operations, &operations);
        let signers = self.signers(submitter, needs);
        let transaction = self.sign(model, submitter, signers, operations);
        remember(&mut self.transactions, std::slice::from_ref(&transaction));
        transaction
    }

    /// An operation made earlier, now and then, under its old id.
    fn maybe_again(&mut self, operation: Operation) -> Operation {
        if !self.random.percent(3) {
            return operation;
        }
        self.random.try_pick(&self.operations).unwrap_or(operation)
    }

    fn sign(
        &mut self,
        model: &Model,
        submitter: MemberId,
        signers: Vec<Ed25519PublicKey>,
        operations: Vec<Operation>,
    ) -> Transaction {
        let now = model.time.0;
        let valid_until = match self.random.below(200) {
            0 => now - 1,
            1 => now + WINDOW_MS + 1,
            2..10 => now + WINDOW_MS,
            10..30 => now,
            // Long enough for repeats to come through.
            _ => now + WINDOW_MS - self.random.below(3_600_000),
        };
        let earlier: Vec<Uuid> = self.transactions.iter().map(|transaction| transaction.id).collect();
        let id = self.id(model, &earlier);
        transaction(submitter, id, Timestamp(valid_until), &signers, operations)
    }

    /// New, mostly; else of an earlier one, or at an edge of the window or beyond it.
    fn id(&mut self, model: &Model, earlier: &[Uuid]) -> Uuid {
        self.next_id += 1;
        let now = model.time.0;
        let time = match self.random.below(200) {
            0..4 => match self.random.try_pick(earlier) {
                Some(id) => return id,
                None => now,
            },
            4 => now - WINDOW_MS - 1,
            5 => now - WINDOW_MS,
            6 => now + WINDOW_MS,
            7 => now + WINDOW_MS + 1,
            8..30 => now - self.random.below(WINDOW_MS),
            30..50 => now + self.random.below(WINDOW_MS),
            _ => now,
        };
        let mut id = crate::scene::id_at(self.next_id, Timestamp(time));
        if self.random.below(400) == 0 {
            // Version 4.
            id.0[6] = 0x40;
        }
        id
    }

    fn draft(&mut self, kind: Kind, model: &Model, submitter: MemberId) -> Draft {
        let open = |is_meant: fn(&PendingKind) -> bool| {
            let open = model.world.pending.values().filter(|pending| pending.state == PendingState::Open);
            open.filter(|pending| is_meant(&pending.kind)).count()
        };
        // Where there is nothing to end, something is begun.
        let kind = match kind {
            Kind::Post | Kind::Void if open(|kind| *kind != PendingKind::Offer) == 0 => {
                self.random.weighted(&[(8, Kind::Hold), (2, kind)])
            }
            Kind::Accept | Kind::Cancel if open(|kind| *kind == PendingKind::Offer) == 0 => {
                self.random.weighted(&[(8, Kind::Offer), (2, kind)])
            }
            kind => kind,
        };
        match kind {
            Kind::Open => self.open(model, submitter),
            Kind::Issue => self.issue(model, submitter),
            Kind::Transfer => self.transfer(model, submitter),
            Kind::Batch => self.batch(model, submitter),
            Kind::Redeem => self.redeem(model, submitter),
            Kind::Hold => self.hold(model, submitter),
            Kind::Post => self.post(model, submitter),
            Kind::Void => self.void(model, submitter),
            Kind::Offer => self.offer(model, submitter),
            Kind::Accept => self.accept(model, submitter),
            Kind::Cancel => self.cancel(model, submitter),
            Kind::Close => self.close(model, submitter),
            Kind::Change => self.change(model, submitter),
            Kind::SetLimits => self.set_limits(model, submitter),
            Kind::Freeze => self.freeze(model, submitter),
            Kind::EndOfDay => self.end_of_day(model, submitter),
            Kind::CreateAsset => self.create_asset(submitter),
            Kind::SetQuota => self.set_quota(model, submitter),
        }
    }

    fn submitter_of(&mut self, kind: Kind, model: &Model) -> MemberId {
        let any = [(60, "bank-a"), (60, "bank-b"), (60, "bank-c"), (15, "bank-d"), (12, CENTRAL_BANK), (2, SUPERVISOR)];
        let any = member_id(self.random.weighted(&any));
        if self.random.percent(15) {
            return any;
        }
        match kind {
            Kind::EndOfDay | Kind::SetQuota => member_id(CENTRAL_BANK),
            Kind::CreateAsset if self.random.percent(50) => member_id(CENTRAL_BANK),
            Kind::Issue => {
                let issuers: Vec<_> = model.world.assets.values().map(|asset| asset.issuer).collect();
                self.random.pick(&issuers)
            }
            Kind::Freeze if self.random.percent(50) => member_id(CENTRAL_BANK),
            Kind::Accept => {
                let open = model.world.pending.values().flat_map(|pending| &pending.legs);
                let open = open.filter(|leg| leg.reserved.is_none());
                let payers: Vec<_> = open.map(|leg| model.world.accounts[&leg.leg.debit_account].owner).collect();
                self.random.try_pick(&payers).unwrap_or(any)
            }
            _ => any,
        }
    }

    /// Those who are needed, mostly, in one of the ways in which they may sign; and the submitter.
    fn signers(&mut self, submitter: MemberId, mut needs: Vec<(MemberId, Rights)>) -> Vec<Ed25519PublicKey> {
        let mut keys = Vec::new();
        needs.sort_unstable_by_key(|(member, right)| (*member, right.0));
        needs.dedup();
        for (member, right) in needs {
            let suffixes: Vec<&str> = match self.random.below(100) {
                0..50 => vec![""],
                50..75 => vec![".maker", ".checker"],
                75..80 => vec![".maker"],
                80..90 => {
                    let alone = |(_, rights): &&(&str, Rights)| *rights == right;
                    KEYS.iter().find(alone).map(|(suffix, _)| vec![*suffix]).unwrap_or_default()
                }
                90..94 => vec![self.random.pick(KEYS).0],
                94..96 => vec!["", ".checker"],
                _ => vec![],
            };
            keys.extend(suffixes.into_iter().map(|suffix| key(member, suffix)));
        }
        let has_signed = keys.iter().any(|signer| KEYS.iter().any(|(suffix, _)| *signer == key(submitter, suffix)));
        if !has_signed && self.random.below(300) > 0 {
            let suffix = self.random.weighted(&[(60, ".read"), (20, ""), (10, ".maker"), (10, ".checker")]);
            keys.push(key(submitter, suffix));
        }
        if keys.is_empty() {
            let stranger = member_id(self.random.pick(&BANKS));
            keys.push(key(stranger, ".pay"));
        }
        keys.sort_unstable();
        keys.dedup();
        keys.truncate(SignedTransaction::SIGNATURES_MAX);
        keys
    }

    fn batch(&mut self, model: &Model, submitter: MemberId) -> Draft {
        let mode = self.random.pick(&[BatchMode::Each, BatchMode::Each, BatchMode::All]);
        let count = self.random.weighted(&[(20, 1), (50, 3), (30, 6)]);
        let (mut transfers, mut needs) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let draft = self.transfer(model, submitter);
            let Operation::Transfer(transfer) = self.maybe_again(draft.operation) else { continue };
            transfers.push(transfer);
            needs.extend(draft.needs);
        }
        if transfers.is_empty() {
            return self.transfer(model, submitter);
        }
        Draft { operation: Operation::Batch { mode, transfers }, needs }
    }
}

fn remember<T: Clone>(history: &mut Vec<T>, new: &[T]) {
    history.extend_from_slice(new);
    let excess = history.len().saturating_sub(HISTORY_MAX);
    history.drain(..excess);
}
