//! Scenarios as text: `state | transactions | state`.
//!
//! State: words `A=100`, `A.debit_frozen`, `A.credit_frozen`, `A.closed`, `EUR.frozen`, `bank-b.suspended`.
//! Transactions are parted by `;`, and `next` or `next MS` ends a block. A transaction is operations joined by `+`,
//! before them words of its own: `by=bank-b`, `sign=bank-a.read,bank-b` (else the submitter's full key), `tx#3` its id.
//! Operations: `transfer A B 5 #7`, `issue EUR A 5`, `open EUR name`, `each[transfer A B 1, …]`, `all[…]`; ids get a time
//! `redeem`, `hold A B 5 1000 [creditor] #7` (until, ms after the first block), `post bank-a#7 5`, `void`, `accept`, `cancel`,
//! `offer #7 1000 [A B 5, …]`, `close A`, `move A A2|top [tier]`, `open EUR name A|top [tier]`, `limit SCOPE day=5 …`, `freeze TARGET
//! debits|credits|both|none`, `day 1` (days after the first), `asset CODE kind issuer quota`, `quota CODE 5`. Ids get a time
//! by `#7@-1000`, milliseconds from the first block's. After `->` stand the results: the operation's, then those of a
//! batch; a `*` behind one says that it repeats. `repeat` in front says that the whole transaction does.

use super::world::*;
use crate::{
    BlockContext, MemoryState, PendingState, StateTree, StateValue, TransactionResult, conservation_in_full, execute,
    results::{result_leaves, results_root},
};
use alloc::{collections::BTreeMap, format, string::String, sync::Arc, vec::Vec};
use concordat_types::{
    AccountId, Amount, BatchMode, CheckedTransaction, Height, HoldSide, Leg, MemberStatus, Operation, PendingRef, Tier,
    Timestamp, Transfer, Uuid, Verified, money::AccountFlags,
};

pub fn check(text: &str) {
    let [before, steps, after] = text.split('|').collect::<Vec<_>>()[..] else { panic!("not a scenario: {text}") };
    let mut scenario = Scenario::new();
    before.split_whitespace().for_each(|word| scenario.set_up(word));
    let mut block = Vec::new();
    for step in steps.split(';').map(str::trim) {
        match step.strip_prefix("next") {
            Some(ms) => {
                scenario.run_block(core::mem::take(&mut block), text);
                scenario.time.0 += ms.trim().parse().unwrap_or(1000);
            }
            None => block.push(scenario.parse_transaction(step)),
        }
    }
    scenario.run_block(block, text);
    for word in after.split_whitespace() {
        let (name, amount) = word.split_once('=').unwrap();
        // What is reserved, of debits and of credits.
        if let Some((name, side)) = name.split_once('.') {
            let account = account_mut(&mut scenario.world, name);
            let pending = if side == "debits" { account.debits_pending } else { account.credits_pending };
            assert_eq!(pending, amount.parse::<Amount>().unwrap(), "pending {side} of {name}: {text}");
            continue;
        }
        let account = account_mut(&mut scenario.world, name);
        let balance = account.credits_posted.wrapping_sub(account.debits_posted) as i128;
        assert_eq!(balance, amount.parse::<i128>().unwrap(), "balance of {name}: {text}");
    }
}

struct Scenario {
    world: MemoryState,
    tree: StateTree,
    height: Height,
    time: Timestamp,
    next_id: u64,
}

type Expected = (Arc<Verified<CheckedTransaction>>, String);

impl Scenario {
    fn new() -> Self {
        Scenario { world: world(), tree: StateTree::new(), height: Height(1), time: NOW, next_id: 1000 }
    }

    fn set_up(&mut self, word: &str) {
        let world = &mut self.world;
        if let Some((name, amount)) = word.split_once('=') {
            return fund(world, name, amount_of(amount));
        }
        match word.split_once('.').unwrap() {
            (name, "debit_frozen") => account_mut(world, name).flags.0 |= AccountFlags::DEBIT_FROZEN.0,
            (name, "credit_frozen") => account_mut(world, name).flags.0 |= AccountFlags::CREDIT_FROZEN.0,
            (name, "closed") => account_mut(world, name).flags.0 |= AccountFlags::CLOSED.0,
            (name, "debits_frozen") => member_mut(world, name).frozen.debits = true,
            (name, "credits_frozen") => member_mut(world, name).frozen.credits = true,
            (code, "frozen") => asset_mut(world, code).frozen = true,
            (name, "suspended") => member_mut(world, name).status = MemberStatus::Suspended,
            _ => panic!("unknown set-up {word}"),
        }
    }

    fn parse_transaction(&mut self, step: &str) -> Expected {
        let (step, expected) = step.split_once("->").unwrap();
        let (mut submitter, mut signers, mut id) = ("bank-a", None, None);
        let mut rest = step.trim();
        loop {
            let (word, after) = rest.split_once(' ').unwrap();
            if let Some(name) = word.strip_prefix("by=") {
                submitter = name;
            } else if let Some(names) = word.strip_prefix("sign=") {
                signers = Some(names.split(',').collect::<Vec<_>>());
            } else if let Some(text) = word.strip_prefix("tx") {
                id = Some(self.parse_id(text));
            } else {
                break;
            }
            rest = after.trim();
        }
        let id = id.unwrap_or_else(|| self.fresh_id());
        let operations = rest.split(" + ").map(|text| self.parse_operation(text.trim())).collect();
        let valid_until = Timestamp((NOW.0 + WINDOW_MS).max(self.time.0));
        let transaction = transaction(submitter, id, valid_until, operations);
        (sign(transaction, &signers.unwrap_or_else(|| [submitter].to_vec())), String::from(expected.trim()))
    }

    fn parse_operation(&mut self, text: &str) -> Operation {
        for (prefix, mode) in [("each[", BatchMode::Each), ("all[", BatchMode::All)] {
            if let Some(list) = text.strip_prefix(prefix) {
                let list = list.strip_suffix(']').unwrap().split(',');
                return Operation::Batch { mode, transfers: list.map(|text| self.parse_transfer(text)).collect() };
            }
        }
        if let Some(list) = text.strip_prefix("offer ") {
            return self.parse_offer(list);
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["open", asset, name] => open(asset, name),
            ["open", asset, name, parent, ref tier @ ..] => open_below(asset, name, parent, tier.first().copied()),
            ["issue", asset, account, amount] => issue(self.fresh_id(), asset, account, amount_of(amount)),
            ["issue", asset, account, amount, id] => issue(self.parse_id(id), asset, account, amount_of(amount)),
            ["redeem", account, amount, ref id @ ..] => redeem(self.parse_or_fresh(id), account, amount_of(amount)),
            ["hold", debit, credit, amount, until, ref rest @ ..] => {
                let by = if rest.contains(&"creditor") { HoldSide::Creditor } else { HoldSide::Debtor };
                let id: Vec<&str> = rest.iter().copied().filter(|word| word.starts_with('#')).collect();
                let leg = leg(debit, credit, amount_of(amount));
                hold(self.parse_or_fresh(&id), leg, Timestamp(NOW.0 + until.parse::<u64>().unwrap()), by)
            }
            ["post", hold, amount, ref id @ ..] => Operation::Post {
                id: self.parse_or_fresh(id),
                hold: self.parse_pending(hold),
                amount: amount_of(amount),
            },
            ["void", hold] => Operation::Void { hold: self.parse_pending(hold) },
            ["accept", offer] => Operation::Accept { offer: self.parse_pending(offer) },
            ["cancel", offer] => Operation::Cancel { offer: self.parse_pending(offer) },
            ["close", account] => Operation::CloseAccount { account: account_id(account) },
            ["move", account, parent, ref tier @ ..] => Operation::ChangeAccount {
                account: account_id(account),
                parent: (parent != "top").then(|| account_id(parent)),
                tier: tier.first().map(|tier| Tier(tier.parse().unwrap())),
            },
            ["limit", scope, ref limits @ ..] => {
                Operation::SetLimits { scope: scope_of(scope), limits: limits_of(limits) }
            }
            ["freeze", target, sides] => freeze(target, sides),
            ["day", days] => Operation::EndOfDay { next: day(days.parse().unwrap()) },
            ["asset", code, kind, issuer, quota] => create_asset(code, kind, issuer, amount_of(quota)),
            ["quota", code, quota] => Operation::SetQuota { asset: asset_code(code), quota: amount_of(quota) },
            _ => Operation::Transfer(self.parse_transfer(text)),
        }
    }

    /// `#7 1000 [A B 5, B A 3]`: id, deadline, legs.
    fn parse_offer(&mut self, text: &str) -> Operation {
        let (head, legs) = text.split_once('[').unwrap();
        let (id, deadline) = head.trim().split_once(' ').unwrap();
        let legs = legs.strip_suffix(']').unwrap().split(',').filter(|leg| !leg.trim().is_empty());
        let legs = legs.map(|text| {
            let words: Vec<&str> = text.split_whitespace().collect();
            leg(words[0], words[1], amount_of(words[2]))
        });
        let deadline = Timestamp(NOW.0 + deadline.trim().parse::<u64>().unwrap());
        offer(self.parse_id(id), legs.collect(), deadline)
    }

    /// `bank-a#7`.
    fn parse_pending(&self, text: &str) -> PendingRef {
        let (submitter, id) = text.split_once('#').unwrap();
        PendingRef { submitter: member_id(submitter), id: self.parse_id(&format!("#{id}")) }
    }

    fn parse_or_fresh(&mut self, id: &[&str]) -> Uuid {
        match id.first() {
            Some(id) => self.parse_id(id),
            None => self.fresh_id(),
        }
    }

    fn parse_transfer(&mut self, text: &str) -> Transfer {
        let words: Vec<&str> = text.split_whitespace().collect();
        let id = match words.get(4) {
            Some(id) => self.parse_id(id),
            None => self.fresh_id(),
        };
        assert_eq!(words[0], "transfer", "{text}");
        transfer(id, words[1], words[2], amount_of(words[3]))
    }

    fn parse_id(&self, text: &str) -> Uuid {
        let text = text.strip_prefix('#').unwrap();
        let (number, offset) = text.split_once('@').unwrap_or((text, "0"));
        let time = NOW.0.checked_add_signed(offset.parse().unwrap()).unwrap();
        id_at(number.parse().unwrap(), Timestamp(time))
    }

    fn fresh_id(&mut self) -> Uuid {
        self.next_id += 1;
        id_at(self.next_id, self.time)
    }

    fn run_block(&mut self, block: Vec<Expected>, text: &str) {
        let (transactions, expected): (Vec<_>, Vec<_>) = block.into_iter().unzip();
        let context = BlockContext { height: self.height, time: self.time, ..BlockContext::default() };
        let execution = execute(&self.world, &context, &transactions).unwrap();
        for (result, expected) in execution.results.iter().zip(&expected) {
            assert_eq!(&describe(result), expected, "{text}");
        }
        let leaves =
            result_leaves(transactions.iter().map(|checked| &***checked), &execution.results, &execution.events);
        assert_eq!(results_root(&leaves), execution.results_root, "{text}");
        if self.tree.is_empty() {
            self.tree = tree_of(&self.world);
        }
        self.world.apply(&execution);
        let (root, patch) = self.tree.preview(&execution.changes);
        self.tree.commit(patch);
        assert_eq!(root, tree_of(&self.world).root(), "{text}");
        conservation_in_full(self.world.accounts()).unwrap();
        assert_pending_is_reserved(&self.world, text);
        self.height = self.height.next();
        self.time.0 += 1;
    }
}

/// What accounts have pending is what the open holds and offers reserve, no more and no less.
pub fn assert_pending_is_reserved(world: &MemoryState, text: &str) {
    let mut expected: BTreeMap<AccountId, [Amount; 2]> = BTreeMap::new();
    let mut reserve = |leg: &Leg| {
        expected.entry(leg.debit_account).or_default()[0] += leg.amount;
        expected.entry(leg.credit_account).or_default()[1] += leg.amount;
    };
    for value in world.state.values() {
        match value {
            StateValue::Hold(hold) if hold.state == PendingState::Open => reserve(&hold.leg()),
            StateValue::Offer(offer) if offer.state == PendingState::Open => {
                offer.legs.iter().filter(|leg| leg.reserved.is_some()).for_each(|leg| reserve(&leg.leg));
            }
            _ => {}
        }
    }
    for account in world.accounts() {
        let expected = expected.remove(&AccountId::new(&account.path())).unwrap_or_default();
        assert_eq!([account.debits_pending, account.credits_pending], expected, "{}: {text}", account.path());
    }
}

pub fn tree_of(world: &MemoryState) -> StateTree {
    StateTree::from_leaves(world.state.iter().map(|(key, value)| (*key, value.clone())))
}

fn amount_of(text: &str) -> Amount {
    if text == "max" { Amount::MAX } else { text.parse().unwrap() }
}

/// `repeat ok, insufficient_funds ok* …`, operations parted by `+`.
fn describe(result: &TransactionResult) -> String {
    let operation = |result: &crate::OperationResult| {
        let items = 0..=result.transfers.len() as u32;
        let star = |item: &u32| if result.repeats.contains(item) { "*" } else { "" };
        items.map(|item| format!("{}{}", result.code_of(item), star(&item))).collect::<Vec<_>>().join(" ")
    };
    let operations = result.operations.iter().map(operation).collect::<Vec<_>>().join(" + ");
    if result.repeat { format!("repeat {operations}") } else { operations }
}
