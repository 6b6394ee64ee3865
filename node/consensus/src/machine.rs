//! The rules of Algorithm 1 and the state they work on. Cited lines are those of arXiv 1807.04938; where the code
//! differs on purpose a comment says why.

use crate::tally::{Received, Tally, Window};
use crate::{HeightStart, Input, Lock, Output, Quorum, Timeout, TimeoutKind, proposer};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use concordat_types::{
    BlockId, Certificate, CertificateKind, Evidence, Height, Round, SignedVote, ValidatorIndex, ValidatorSet, Verified,
    Vote, VoteType,
};

/// Decides one height after another.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Consensus {
    start: HeightStart,
    /// None: Unstarted. Messages are kept, no timer runs, only L49 can fire.
    now: Option<InRound>,
    lock: Lock,
    /// Newest round in which we precommitted another block than the one we are locked on.
    other_lock: Option<Round>,
    /// The first proposal of each round of the window.
    proposals: BTreeMap<Round, Proposal>,
    /// Verdicts of this node's own execution; their number is bounded by the blocks it chooses to execute.
    blocks: BTreeMap<BlockId, bool>,
    tally: Tally,
    said: BTreeSet<Said>,
    decided: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Step {
    Propose,
    Prevote,
    Precommit,
}

/// The rules that are tried after each input, by their first line.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Rule {
    L22,
    L28,
    L34,
    /// In step prevote: lock and precommit.
    L36Lock,
    /// In step precommit: only the valid value.
    L36Valid,
    L44,
    L47,
    L49,
    L55,
    /// A block that a rule needs is asked for.
    Fetch,
    InvalidPolka,
    InvalidCommit,
}

/// What holds for one round only.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct InRound {
    round: Round,
    step: Step,
    /// Own votes of this round. What stands here is never asked for again, nor anything that conflicts with it.
    signed: BTreeMap<VoteType, Vote>,
    /// L34, L36 and L47 act for the first time only.
    prevote_timer: bool,
    polka_seen: bool,
    precommit_timer: bool,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Proposal {
    signed: Verified<SignedVote>,
    timely: bool,
}

/// What is put out once a height.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Said {
    Fetch(BlockId),
    InvalidPolka(BlockId),
    InvalidCommit(BlockId),
    /// One conviction of each kind is enough, however often the validator repeats it.
    Duplicate(ValidatorIndex, VoteType),
    LockViolation(ValidatorIndex),
}

impl Consensus {
    pub fn new(start: HeightStart) -> Consensus {
        Consensus {
            start,
            now: None,
            lock: Lock { locked: None, valid: None, polka: None },
            other_lock: None,
            proposals: BTreeMap::new(),
            blocks: BTreeMap::new(),
            tally: Tally::default(),
            said: BTreeSet::new(),
            decided: false,
        }
    }

    /// Leaves the height, Unstarted again. Messages of the new height are the replica's to keep until now.
    pub fn next_height(&mut self, start: HeightStart) {
        *self = Consensus::new(start);
    }

    pub fn handle(&mut self, input: Input) -> Vec<Output> {
        self.handle_traced(input, |_| ())
    }

    /// `handle` that tells which rules fired.
    pub(crate) fn handle_traced(&mut self, input: Input, trace: impl FnMut(Rule)) -> Vec<Output> {
        let mut out = Vec::new();
        if !self.decided {
            self.apply(input, &mut out);
            self.run_rules(&mut out, trace);
        }
        out
    }

    /// After a crash, once, on a machine that is new at its height. `own` are the recorded votes and proposals of this
    /// validator at this height, in any order: they count again and are never contradicted. The machine goes on from
    /// the newest of them. Verdicts on blocks are not restored: needed blocks are asked for by `Output::FetchBlock`.
    /// The recorded `round_certificate` is to be handed in next, as inputs.
    pub fn restore(&mut self, lock: Lock, own: Vec<Verified<SignedVote>>) -> Vec<Output> {
        assert!(self.now.is_none());
        let mut out = Vec::new();
        let is_own = |vote: &Verified<SignedVote>| {
            Some(vote.validator) == self.start.me && vote.vote.height == self.start.height
        };
        let own: Vec<_> = own.into_iter().filter(is_own).collect();
        self.restore_lock(lock, &own);
        let valid_round = self.lock.valid.map(|(_, round)| round);
        if let Some(round) = own.iter().map(|vote| vote.vote.round).chain(valid_round).max() {
            let signed: BTreeMap<_, _> = own
                .iter()
                .filter(|vote| vote.vote.round == round)
                .map(|vote| (vote.vote.vote_type, vote.vote))
                .collect();
            let step = match signed.last_key_value() {
                Some((VoteType::Precommit, _)) => Step::Precommit,
                Some((VoteType::Prevote, _)) => Step::Prevote,
                _ => Step::Propose,
            };
            self.now = Some(InRound { step, signed, ..InRound::at(round) });
        }
        match self.lock.polka.clone() {
            Some(Quorum::Votes(votes)) => votes.into_iter().for_each(|vote| self.add_vote(vote, &mut out)),
            Some(Quorum::Certificate(certificate)) => self.add_certificate(certificate),
            None => {}
        }
        for vote in own {
            match vote.vote.vote_type {
                VoteType::Proposal => self.add_proposal(vote, true, &mut out),
                _ => self.add_vote(vote, &mut out),
            }
        }
        if let Some(round) = self.round() {
            out.push(Output::EnterRound { round });
            if self.step() == Step::Propose {
                self.begin_propose(round, &mut out);
            }
        }
        for (block, _) in [self.lock.locked, self.lock.valid].into_iter().flatten() {
            self.fetch(block, &mut out);
        }
        self.run_rules(&mut out, |_| ());
        out
    }

    /// Of lock and votes that were recorded in two files one may be the newer. A recorded precommit binds, whether or
    /// not its lock was recorded.
    fn restore_lock(&mut self, lock: Lock, own: &[Verified<SignedVote>]) {
        let precommits = || {
            let precommits = own.iter().filter(|vote| vote.vote.vote_type == VoteType::Precommit);
            precommits.filter_map(|vote| Some((vote.vote.block?, vote.vote.round)))
        };
        self.lock = lock;
        self.lock.locked = precommits().chain(self.lock.locked).max_by_key(|(_, round)| *round);
        let Some((locked, locked_round)) = self.lock.locked else { return };
        if self.lock.valid.is_none_or(|(_, round)| round < locked_round) {
            self.lock.valid = self.lock.locked;
            self.lock.polka = None;
        }
        self.other_lock = precommits().filter(|(block, _)| *block != locked).map(|(_, round)| round).max();
    }

    pub fn height(&self) -> Height {
        self.start.height
    }

    /// None before round 0: Unstarted.
    pub fn round(&self) -> Option<Round> {
        self.now.as_ref().map(|now| now.round)
    }

    /// Propose while Unstarted.
    pub fn step(&self) -> Step {
        self.now.as_ref().map_or(Step::Propose, |now| now.step)
    }

    pub fn me(&self) -> Option<ValidatorIndex> {
        self.start.me
    }

    pub fn validators(&self) -> &ValidatorSet {
        &self.start.validators
    }

    pub fn proposer(&self, round: Round) -> ValidatorIndex {
        proposer(self.start.height, round, &self.start.validators, &self.start.away)
    }

    pub fn lock(&self) -> &Lock {
        &self.lock
    }

    pub fn has_decided(&self) -> bool {
        self.decided
    }

    /// Decided in this round, may we still precommit it, to be seen taking part? Only if we have asked for no signature there
    /// or later, so that none is contradicted. It decides nothing any more, and breaks no lock: the height is over for us.
    pub fn may_precommit_late(&self, round: Round) -> bool {
        let may = |now: &InRound| now.round < round || (now.round == round && !self.has_signed(VoteType::Precommit));
        self.decided && self.start.me.is_some() && self.now.as_ref().is_none_or(may)
    }

    /// The counted votes of a round, to relay. Of `VoteType::Proposal` there are none; see `proposal`.
    pub fn votes(&self, round: Round, vote_type: VoteType) -> impl Iterator<Item = &Verified<SignedVote>> {
        self.tally.votes(round, vote_type).filter(move |vote| vote.vote.vote_type == vote_type)
    }

    pub fn proposal(&self, round: Round) -> Option<&Verified<SignedVote>> {
        self.proposals.get(&round).map(|proposal| &proposal.signed)
    }

    /// A polka or commit of this round, to relay.
    pub fn quorum(&self, round: Round, kind: CertificateKind) -> Option<Quorum> {
        self.tally.quorum(round, vote_type(kind), &self.start.validators)
    }

    /// What justifies this round, if above 0: enough votes of it (L55), else the precommits of the round before (L65).
    /// To be passed on, and to be durable before our first vote in this round leaves: were we the only honest one to
    /// hold it and lost it in a crash, those behind could wait for our votes there, and we for theirs here, for ever.
    pub fn round_certificate(&self) -> Vec<Input> {
        let Some((round, before)) = self.round().and_then(|round| Some((round, Round(round.0.checked_sub(1)?)))) else {
            return Vec::new();
        };
        let (round, vote_types): (_, &[VoteType]) = if self.tally.is_reached(round, &self.start.validators) {
            (round, &[VoteType::Prevote, VoteType::Precommit])
        } else {
            (before, &[VoteType::Precommit])
        };
        let certificates = vote_types.iter().filter_map(|vote_type| self.tally.certificate(round, *vote_type));
        let votes = vote_types.iter().flat_map(|vote_type| self.tally.votes(round, *vote_type));
        certificates.cloned().map(Input::Certificate).chain(votes.cloned().map(Input::Vote)).collect()
    }

    fn apply(&mut self, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Start if self.now.is_none() => self.enter_round(Round(0), out), // L10
            Input::Start => {}
            Input::Value { round, block } => self.take_value(round, block, out),
            Input::Proposal { proposal, timely } => self.add_proposal(proposal, timely, out),
            Input::Block { block, valid } => {
                // Execution is deterministic: the first verdict stands.
                self.blocks.entry(block).or_insert(valid);
            }
            Input::Vote(vote) => self.add_vote(vote, out),
            Input::Certificate(certificate) => self.add_certificate(certificate),
            Input::Timeout(timeout) => self.take_timeout(timeout, out),
        }
    }

    /// L11: StartRound.
    fn enter_round(&mut self, round: Round, out: &mut Vec<Output>) {
        self.now = Some(InRound::at(round));
        let window = self.window();
        self.proposals.retain(|round, _| *round >= window.first);
        out.push(Output::EnterRound { round });
        let valid_round = self.lock.valid.map(|(_, round)| round);
        for vote in self.tally.advance(window, valid_round, &self.start.validators) {
            self.add_vote(vote, out);
        }
        self.begin_propose(round, out);
    }

    /// L14-L21. The proposer's own timer runs too: building a block can fail.
    fn begin_propose(&mut self, round: Round, out: &mut Vec<Output>) {
        out.push(self.timeout(round, TimeoutKind::Propose)); // L21
        if Some(self.proposer(round)) != self.start.me {
            return;
        }
        match self.lock.valid {
            // L16: the valid value again, with the round of its polka.
            Some((block, valid_round)) if valid_round < round => {
                self.sign(VoteType::Proposal, Some(block), Some(valid_round), out)
            }
            // Restored in the very round of the polka: our proposal for it was made, or its time is over.
            Some(_) => {}
            None if self.has_signed(VoteType::Proposal) => {}
            None => out.push(Output::GetValue { round }), // L18
        }
    }

    /// L19, when the block is built.
    fn take_value(&mut self, round: Round, block: BlockId, out: &mut Vec<Output>) {
        self.blocks.entry(block).or_insert(true);
        let is_asked = Some(self.proposer(round)) == self.start.me && self.lock.valid.is_none();
        if self.round() == Some(round) && self.step() == Step::Propose && is_asked {
            self.sign(VoteType::Proposal, Some(block), None, out);
        }
    }

    fn add_proposal(&mut self, proposal: Verified<SignedVote>, timely: bool, out: &mut Vec<Output>) {
        let vote = proposal.vote;
        let is_ours = vote.height == self.start.height
            && vote.vote_type == VoteType::Proposal
            && vote.is_well_formed()
            && proposal.validator == self.proposer(vote.round);
        // One ahead of the window comes again with the rebroadcast once we have skipped there.
        if !is_ours || !self.window().contains(vote.round) {
            return;
        }
        match self.proposals.get(&vote.round) {
            None => {
                self.proposals.insert(vote.round, Proposal { signed: proposal, timely });
            }
            Some(held) if held.signed.vote == vote => {}
            Some(held) => {
                let evidence = Evidence { first: *held.signed, second: *proposal };
                self.convict(Said::Duplicate(proposal.validator, VoteType::Proposal), evidence, out);
            }
        }
    }

    fn add_vote(&mut self, vote: Verified<SignedVote>, out: &mut Vec<Output>) {
        let is_ours = vote.vote.height == self.start.height
            && vote.vote.vote_type != VoteType::Proposal
            && vote.vote.is_well_formed()
            && self.start.validators.get(vote.validator).is_some();
        if !is_ours {
            return;
        }
        match self.tally.add_vote(&vote, &self.start.validators, self.window()) {
            Received::Nothing => {}
            Received::Conflict(first) => {
                let said = Said::Duplicate(vote.validator, vote.vote.vote_type);
                self.convict(said, Evidence { first, second: *vote }, out);
            }
            Received::New => {
                if let Some(evidence) = self.tally.lock_violation(&vote) {
                    self.convict(Said::LockViolation(vote.validator), evidence, out);
                }
            }
        }
    }

    fn add_certificate(&mut self, certificate: Verified<Certificate>) {
        let set = &self.start.validators;
        let is_ours = certificate.height == self.start.height
            && certificate.vote().is_well_formed()
            && certificate.signers.len() == set.len()
            && set.is_quorum(certificate.signers.power(set));
        if is_ours {
            self.tally.add_certificate(certificate, self.window());
        }
    }

    fn convict(&mut self, said: Said, evidence: Evidence, out: &mut Vec<Output>) {
        if self.said.insert(said) {
            out.push(Output::Evidence(evidence));
        }
    }

    fn take_timeout(&mut self, timeout: Timeout, out: &mut Vec<Output>) {
        if timeout.height != self.start.height || Some(timeout.round) != self.round() {
            return;
        }
        match (timeout.kind, self.step()) {
            (TimeoutKind::Propose, Step::Propose) => self.prevote(None, None, out), // L57
            (TimeoutKind::Prevote, Step::Prevote) => self.precommit(None, out),     // L61
            (TimeoutKind::Precommit, _) => self.enter_round(timeout.round.next(), out), // L65
            _ => {}
        }
    }

    /// Each firing moves the round or step on, or sets a mark that is not unset in the round, so this ends.
    fn run_rules(&mut self, out: &mut Vec<Output>, mut trace: impl FnMut(Rule)) {
        while !self.decided {
            let Some(rule) = RULES.iter().find_map(|rule| rule(self, out)) else { break };
            trace(rule);
        }
    }

    /// L49, for any round. A quorum of precommits is enough to know that the proposal was one.
    fn try_decide(&mut self, out: &mut Vec<Output>) -> Option<Rule> {
        let (round, block) = self.tally.commits(&self.start.validators)?;
        match self.blocks.get(&block) {
            None => self.fetch(block, out),
            Some(true) => {
                let commit = self.tally.quorum(round, VoteType::Precommit, &self.start.validators)?;
                self.decided = true;
                out.push(Output::Decide { round, block, commit });
                Some(Rule::L49)
            }
            Some(false) => self.said.insert(Said::InvalidCommit(block)).then(|| {
                out.push(Output::InvalidCommit { round, block });
                Rule::InvalidCommit
            }),
        }
    }

    /// L55.
    fn try_skip(&mut self, out: &mut Vec<Output>) -> Option<Rule> {
        let target = self.tally.skip_target(self.round()?, &self.start.validators)?;
        self.enter_round(target, out);
        Some(Rule::L55)
    }

    fn try_fetch_proposed(&mut self, out: &mut Vec<Output>) -> Option<Rule> {
        let proposed = self.proposals.get(&self.round()?)?.signed.vote.block?;
        if self.blocks.contains_key(&proposed) { None } else { self.fetch(proposed, out) }
    }

    /// L22 and L28: the prevote that answers the proposal of this round.
    fn try_prevote(&mut self, out: &mut Vec<Output>) -> Option<Rule> {
        let now = self.now.as_ref().filter(|now| now.step == Step::Propose)?;
        let Proposal { signed, timely } = self.proposals.get(&now.round)?;
        let (timely, valid_round) = (*timely, signed.vote.valid_round);
        let block = signed.vote.block?;
        let verdict = self.blocks.get(&block).copied();
        let (rule, accepts) = match valid_round {
            // L22, with the timeliness of proposer-based timestamps. What is refused anyway need not be executed first.
            None => (Rule::L22, timely && self.lock_allows(block, None) && verdict?),
            // An invalid value is refused, whatever polka it claims.
            Some(_) if verdict == Some(false) => (Rule::L28, false),
            // L28: waits for the polka.
            Some(valid_round) => {
                let polka = self.tally.quorum_vote(valid_round, VoteType::Prevote, &self.start.validators)?;
                if polka.block != Some(block) {
                    return None;
                }
                (Rule::L28, self.lock_allows(block, Some(valid_round)) && verdict?)
            }
        };
        if accepts {
            self.prevote(Some(block), valid_round, out);
        } else {
            self.prevote(None, None, out);
        }
        Some(rule)
    }

    /// L23 and L29. The paper lets a prevote for the locked value through whatever its valid round; we demand that it
    /// is not older than our precommit for another block, or the two would convict us of a lock violation. An honest
    /// proposer that knows our lock names a later round, so this costs no progress.
    fn lock_allows(&self, block: BlockId, valid_round: Option<Round>) -> bool {
        let reaches = |round: Round| valid_round.is_some_and(|valid_round| valid_round >= round);
        match self.lock.locked {
            None => true,
            Some((locked, _)) if locked == block => self.other_lock.is_none_or(reaches),
            Some((_, locked_round)) => reaches(locked_round),
        }
    }

    /// L36. Like L49 it needs the polka and the block, not the proposal: a third of the power has seen that.
    fn try_polka(&mut self, out: &mut Vec<Output>) -> Option<Rule> {
        let now = self.now.as_ref().filter(|now| !now.polka_seen)?;
        let (round, step) = (now.round, now.step);
        let block = self.tally.quorum_vote(round, VoteType::Prevote, &self.start.validators)?.block?;
        match self.blocks.get(&block) {
            None => return self.fetch(block, out),
            Some(false) => {
                return self.said.insert(Said::InvalidPolka(block)).then(|| {
                    out.push(Output::InvalidPolka { round, block });
                    Rule::InvalidPolka
                });
            }
            Some(true) if step == Step::Propose => return None,
            Some(true) => {}
        }
        self.now.as_mut()?.polka_seen = true;
        if step == Step::Prevote {
            // L38, L39.
            if let Some((_, locked_round)) = self.lock.locked.filter(|(locked, _)| *locked != block) {
                self.other_lock = Some(locked_round);
            }
            self.lock.locked = Some((block, round));
        }
        // L42, L43.
        self.lock.valid = Some((block, round));
        self.lock.polka = self.tally.quorum(round, VoteType::Prevote, &self.start.validators);
        if self.start.me.is_some() {
            out.push(Output::Persist(self.lock.clone()));
        }
        if step == Step::Prevote {
            self.precommit(Some(block), out); // L40, L41
            return Some(Rule::L36Lock);
        }
        Some(Rule::L36Valid)
    }

    /// L44. The lock stays: only a later polka moves it.
    fn try_nil_polka(&mut self, out: &mut Vec<Output>) -> Option<Rule> {
        let round = self.now.as_ref().filter(|now| now.step == Step::Prevote)?.round;
        if !self.tally.is_nil_quorum(round, VoteType::Prevote, &self.start.validators) {
            return None;
        }
        self.precommit(None, out);
        Some(Rule::L44)
    }

    /// L34.
    fn try_prevote_timer(&mut self, out: &mut Vec<Output>) -> Option<Rule> {
        let now = self.now.as_mut().filter(|now| now.step == Step::Prevote && !now.prevote_timer)?;
        if !self.tally.is_any_quorum(now.round, VoteType::Prevote, &self.start.validators) {
            return None;
        }
        now.prevote_timer = true;
        let round = now.round;
        out.push(self.timeout(round, TimeoutKind::Prevote));
        Some(Rule::L34)
    }

    /// L47.
    fn try_precommit_timer(&mut self, out: &mut Vec<Output>) -> Option<Rule> {
        let now = self.now.as_mut().filter(|now| !now.precommit_timer)?;
        if !self.tally.is_any_quorum(now.round, VoteType::Precommit, &self.start.validators) {
            return None;
        }
        now.precommit_timer = true;
        let round = now.round;
        out.push(self.timeout(round, TimeoutKind::Precommit));
        Some(Rule::L47)
    }

    fn prevote(&mut self, block: Option<BlockId>, valid_round: Option<Round>, out: &mut Vec<Output>) {
        self.set_step(Step::Prevote);
        self.sign(VoteType::Prevote, block, valid_round, out);
    }

    fn precommit(&mut self, block: Option<BlockId>, out: &mut Vec<Output>) {
        self.set_step(Step::Precommit);
        self.sign(VoteType::Precommit, block, None, out);
    }

    fn set_step(&mut self, step: Step) {
        if let Some(now) = &mut self.now {
            assert!(now.step < step);
            now.step = step;
        }
    }

    /// Asks for a signature in this round, once per type. A follower has none to give.
    fn sign(&mut self, vote_type: VoteType, block: Option<BlockId>, valid_round: Option<Round>, out: &mut Vec<Output>) {
        let (Some(now), Some(_)) = (&mut self.now, self.start.me) else { return };
        let vote = Vote { vote_type, height: self.start.height, round: now.round, valid_round, block };
        assert!(vote.is_well_formed());
        now.signed.entry(vote_type).or_insert_with(|| {
            out.push(Output::Sign(vote));
            vote
        });
    }

    fn has_signed(&self, vote_type: VoteType) -> bool {
        self.now.as_ref().is_some_and(|now| now.signed.contains_key(&vote_type))
    }

    fn fetch(&mut self, block: BlockId, out: &mut Vec<Output>) -> Option<Rule> {
        self.said.insert(Said::Fetch(block)).then(|| {
            out.push(Output::FetchBlock(block));
            Rule::Fetch
        })
    }

    fn timeout(&self, round: Round, kind: TimeoutKind) -> Output {
        Output::Schedule(Timeout { height: self.start.height, round, kind })
    }

    fn window(&self) -> Window {
        Window::at(self.round().unwrap_or(Round(0)))
    }

    #[cfg(test)]
    pub(crate) fn held(&self) -> (usize, usize, usize) {
        let (near, far) = self.tally.held();
        (near, far, self.proposals.len())
    }
}

impl InRound {
    fn at(round: Round) -> InRound {
        InRound {
            round,
            step: Step::Propose,
            signed: BTreeMap::new(),
            prevote_timer: false,
            polka_seen: false,
            precommit_timer: false,
        }
    }
}

fn vote_type(kind: CertificateKind) -> VoteType {
    match kind {
        CertificateKind::Polka => VoteType::Prevote,
        CertificateKind::Commit => VoteType::Precommit,
    }
}

type TryRule = fn(&mut Consensus, &mut Vec<Output>) -> Option<Rule>;

/// In order of priority: a decision ends everything, a skip makes the old round's rules moot, and a vote spares the
/// timer that would have been set to force it.
const RULES: [TryRule; 8] = [
    Consensus::try_decide,
    Consensus::try_skip,
    Consensus::try_fetch_proposed,
    Consensus::try_prevote,
    Consensus::try_polka,
    Consensus::try_nil_polka,
    Consensus::try_prevote_timer,
    Consensus::try_precommit_timer,
];
