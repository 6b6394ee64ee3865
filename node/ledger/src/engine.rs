//! A block from outside: which are invalid, and what a valid one does. It decides the order of things; what an
//! operation does is in its own file under `operations`.

use crate::{
    due::{self, BlockEvent},
    evidence::{self, EvidenceInclusion, InvalidEvidence},
    governance,
    ids::{IdKey, IdRecord},
    overlay::Overlay,
    participation::{self, Participation},
    results::{ResultsRoot, TransactionResult},
    sets,
    state::{StateKey, StateValue},
    transaction::{Block, execute_transaction},
    view::{self, StateView},
    window,
};
use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use concordat_types::{
    Bitmap, BlockId, CheckedTransaction, Hash, Height, Member, MemberId, Offence, Parameters, Timestamp, Verified,
};
use core::fmt;

/// What the ledger is told of the block.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct BlockContext {
    pub height: Height,
    /// The header's; later than the parent's.
    pub time: Timestamp,
    pub parent: BlockId,
    /// Signers of the participation record, by their places in the set of its height.
    pub participation: Option<Bitmap>,
    /// What its evidence, the signatures checked, convicts of.
    pub offences: Vec<Offence>,
}

/// All that a block does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Execution {
    /// One a transaction, in order.
    pub results: Vec<TransactionResult>,
    /// What happened without a transaction, before the first one.
    pub events: Vec<BlockEvent>,
    /// Only what differs from the state before; None removes.
    pub changes: BTreeMap<StateKey, Option<StateValue>>,
    /// New ids in order of execution.
    pub ids: Vec<(IdKey, IdRecord)>,
    pub results_root: Hash,
}

/// Why no honest proposer makes such a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InvalidBlock {
    /// The transaction's last moment is before block time.
    Expired {
        tx_index: u32,
        valid_until: Timestamp,
        time: Timestamp,
    },
    /// The transaction's last moment is further ahead than the id window.
    ValidUntilTooFar {
        tx_index: u32,
        valid_until: Timestamp,
        time: Timestamp,
    },
    TooManyTransfers {
        got: usize,
        max: usize,
    },
    /// None of the signers is an operator or admin key of the submitter in the state before the block.
    NotSignedBySubmitter {
        tx_index: u32,
    },
    Evidence(InvalidEvidence),
}

impl fmt::Display for InvalidBlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InvalidBlock::Expired { tx_index, valid_until, time } => {
                write!(f, "transaction {tx_index} is valid until {valid_until}, block time is {time}")
            }
            InvalidBlock::ValidUntilTooFar { tx_index, valid_until, time } => {
                write!(f, "transaction {tx_index} is valid until {valid_until}, too far from block time {time}")
            }
            InvalidBlock::NotSignedBySubmitter { tx_index } => {
                write!(f, "transaction {tx_index} is not signed by an operator or admin key of its submitter")
            }
            InvalidBlock::Evidence(invalid) => write!(f, "{invalid}"),
            InvalidBlock::TooManyTransfers { got, max } => write!(f, "{got} transfers in a block, at most {max}"),
        }
    }
}

impl core::error::Error for InvalidBlock {}

/// Executes a block on the state of its parent. Panics only where the ledger itself is broken.
pub fn execute(
    view: &dyn StateView,
    context: &BlockContext,
    transactions: &[Arc<Verified<CheckedTransaction>>],
) -> Result<Execution, InvalidBlock> {
    let parameters = view::parameters(view);
    check_block(view, &parameters, context, transactions)?;
    let mut overlay = Overlay::new(view);
    advance_validators(&mut overlay, context.height);
    participation::record(&mut overlay, context);
    let oldest_evidence = evidence::record(&mut overlay, context, &parameters);
    let oldest_record = Height(context.height.0.saturating_sub(Participation::REACH));
    let oldest_step = Height(context.height.0.saturating_sub(governance::STEP_HEIGHTS));
    sets::forget_before(&mut overlay, oldest_evidence.min(oldest_record).min(oldest_step));
    let block = Block { context: context.clone(), parameters };
    governance::mark(&mut overlay, &block);
    let mut events = due::sweep(&mut overlay, &block);
    overlay.keep();
    governance::sweep(&mut overlay, &block, &mut events);
    let (mut results, mut root, mut items) =
        (Vec::with_capacity(transactions.len()), ResultsRoot::of_events(&events), Vec::new());
    for (tx_index, checked) in (0..).zip(transactions) {
        results.push(execute_transaction(&mut overlay, &block, tx_index, checked, &mut items, &mut root));
        overlay.keep();
    }
    let ids = overlay.take_ids();
    window::close(&mut overlay, &ids, context.time, &block.parameters);
    overlay.assert_conservation();
    Ok(Execution { results, events, changes: overlay.into_changes(), ids, results_root: root.finish() })
}

fn check_block(
    view: &dyn StateView,
    parameters: &Parameters,
    context: &BlockContext,
    transactions: &[Arc<Verified<CheckedTransaction>>],
) -> Result<(), InvalidBlock> {
    let got = transactions.iter().map(|checked| checked.transaction.transfers_count()).sum();
    let max = parameters.block_transfers_max as usize;
    if got > max {
        return Err(InvalidBlock::TooManyTransfers { got, max });
    }
    let mut evidence = EvidenceInclusion::new(view, context.height, context.time);
    let mut offences = context.offences.iter();
    offences.try_for_each(|offence| evidence.check(*offence)).map_err(InvalidBlock::Evidence)?;
    let mut inclusion = Inclusion::new(view, context.time, parameters.id_window_ms);
    (0..).zip(transactions).try_for_each(|(tx_index, checked)| inclusion.check(tx_index, checked))
}

/// What a transaction must be for a block to hold it, beside its form. For proposers and mempools too. (A block's limit of
/// transfers is to be counted beside it, by `Transaction::transfers_count`.)
pub struct Inclusion<'a> {
    view: &'a dyn StateView,
    time: Timestamp,
    id_window_ms: u64,
    /// Most blocks have few submitters and many transactions.
    submitters: BTreeMap<MemberId, Option<Member>>,
}

impl<'a> Inclusion<'a> {
    /// In a block of this time on the state.
    pub fn new(view: &'a dyn StateView, time: Timestamp, id_window_ms: u64) -> Inclusion<'a> {
        Inclusion { view, time, id_window_ms, submitters: BTreeMap::new() }
    }

    pub fn check(&mut self, tx_index: u32, checked: &CheckedTransaction) -> Result<(), InvalidBlock> {
        let (valid_until, time) = (checked.transaction.valid_until, self.time);
        if valid_until < time {
            return Err(InvalidBlock::Expired { tx_index, valid_until, time });
        }
        if valid_until.0 - time.0 > self.id_window_ms {
            return Err(InvalidBlock::ValidUntilTooFar { tx_index, valid_until, time });
        }
        let (id, view) = (checked.transaction.submitter, self.view);
        let submitter = self.submitters.entry(id).or_insert_with(|| view::member(view, id));
        let is_signed = submitter.as_ref().is_some_and(|member| member.has_signed(checked.signers()));
        if is_signed { Ok(()) } else { Err(InvalidBlock::NotSignedBySubmitter { tx_index }) }
    }
}

impl fmt::Debug for Inclusion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inclusion(at {})", self.time)
    }
}

/// The state of height h names the validators of h + 1 and h + 2, so what was after next becomes next.
fn advance_validators(overlay: &mut Overlay<'_>, height: Height) {
    let after_next = view::validators_after_next(overlay);
    if view::next_validators(overlay) != after_next {
        sets::begin(overlay, height.next(), after_next.clone());
        overlay.put(StateKey::ValidatorsNext, Some(StateValue::Validators(after_next)));
    }
}
