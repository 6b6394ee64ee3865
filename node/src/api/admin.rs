//! The service `Admin`: proposals and members, and the one call that a stranger may make.

use super::{authorise::caller_of, reads::Reads};
use crate::{
    error::of_store,
    registry::Caller,
    shared::Shared,
    submissions::{Begun, Submissions},
};
use concordat_ledger::{Filing, ProposalRecord, ProposalState};
use concordat_proto::{
    Code,
    codes::CodedError,
    v1::{self, admin_server::Admin},
};
use concordat_replica::{SubmitOutcome, query, store::Reader};
use concordat_types::{
    Change, Ed25519PublicKey, Hash, JoinRequest, Member, MemberId, Operation, ProposalId, SignedTransaction,
    Transaction, decode, encode,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

#[derive(Clone, Debug)]
pub struct AdminService {
    submissions: Submissions,
    reads: Reads,
    /// Requests to join are checked one after the other.
    door: Arc<Semaphore>,
}

impl AdminService {
    pub fn new(shared: Arc<Shared>, submissions: Submissions) -> AdminService {
        let (reads, door) = (Reads::new(shared, READS_MAX), Arc::new(Semaphore::new(1)));
        AdminService { submissions, reads, door }
    }

    /// Files the request if that has not been done.
    async fn file(&self, caller: Caller, bytes: Vec<u8>, asked: Asked) -> Result<(), Status> {
        let is_filed = {
            let asked = asked.clone();
            self.reads.read(move |view| asked.is_filed(&*view.reader, &caller)).await?
        };
        if is_filed {
            return Ok(());
        }
        let turn = self.door.clone().try_acquire_owned();
        let _turn = turn.map_err(|_| Code::Busy.status("another request to join is being checked"))?;
        let begun = self.submissions.try_begin(asked.member, bytes);
        let outcome = Begun::outcome(begun, FILING_MAX).await?;
        let SubmitOutcome::Committed { result, .. } = outcome else {
            return Err(Code::Internal.status("a refusal is an error before it comes here"));
        };
        match result.operations.first().map(|operation| operation.code) {
            Some(code) if code.number() != 0 => {
                let cause = format!("{} ({}): {}", code.name(), code.number(), code.cause());
                Err(Code::JoinRefused.error(cause).with_next(code.next_step()).into())
            }
            _ => Ok(()),
        }
    }
}

#[tonic::async_trait]
impl Admin for AdminService {
    async fn list_proposals(
        &self,
        request: Request<v1::ListProposalsRequest>,
    ) -> Result<Response<v1::ListProposalsReply>, Status> {
        let v1::ListProposalsRequest { closed, before, limit } = request.into_inner();
        let limit = if limit == 0 { LIST_MAX } else { (limit as usize).min(LIST_MAX) };
        let reply = self.reads.read(move |view| list(&*view.reader, view.height.0, closed, before, limit)).await?;
        Ok(Response::new(reply))
    }

    async fn get_proposal(&self, request: Request<v1::GetProposalRequest>) -> Result<Response<v1::Proposal>, Status> {
        let id = ProposalId(request.into_inner().id);
        let reply = self.reads.read(move |view| {
            let record = query::proposal(&*view.reader, id).map_err(|error| of_store(&error))?;
            let record = record.ok_or_else(|| Code::NotFound.error(format!("there is no proposal {id}")))?;
            proposal(&*view.reader, view.height.0, id, &record)
        });
        Ok(Response::new(reply.await?))
    }

    async fn get_governance(
        &self,
        _request: Request<v1::GetGovernanceRequest>,
    ) -> Result<Response<v1::Governance>, Status> {
        let reply = self.reads.read(|view| governance(&*view.reader, view.height.0)).await?;
        Ok(Response::new(reply))
    }

    async fn join(&self, request: Request<v1::JoinRequest>) -> Result<Response<v1::JoinReply>, Status> {
        let caller = caller_of(&request)?;
        let bytes = request.into_inner().transaction;
        let asked = Asked::parse(&bytes)?;
        asked.check_caller(&caller)?;
        self.file(caller, bytes, asked.clone()).await?;
        let reply = self.reads.read(move |view| asked.status(&*view.reader, view.height.0)).await?;
        Ok(Response::new(reply))
    }
}

/// A request to join, by its form. Its signatures are checked when it is filed.
#[derive(Clone, Debug)]
struct Asked {
    member: MemberId,
    request: Arc<JoinRequest>,
    signers: Arc<[Ed25519PublicKey]>,
}

impl Asked {
    fn parse(bytes: &[u8]) -> Result<Asked, CodedError> {
        let malformed = || Code::NotARequest.error(Code::NotARequest.cause());
        let signed: SignedTransaction = decode(bytes, REQUEST_BYTES_MAX).map_err(|_| malformed())?;
        let transaction: Transaction = decode(&signed.bytes, REQUEST_BYTES_MAX).map_err(|_| malformed())?;
        match <[Operation; 1]>::try_from(transaction.operations) {
            Ok([Operation::FileJoin(request)]) => {
                let lists = [&request.member.admin_keys.keys, &request.member.recovery_keys.keys];
                let is_small = lists.iter().all(|keys| keys.len() <= Member::KEYS_MAX)
                    && request.member.operator_keys.len() <= Member::KEYS_MAX;
                let signers = transaction.signers.into();
                let asked = Asked { member: transaction.submitter, request: Arc::new(*request), signers };
                if is_small { Ok(asked) } else { Err(malformed()) }
            }
            _ => Err(malformed()),
        }
    }

    /// A copy in other hands tells them nothing.
    fn check_caller(&self, caller: &Caller) -> Result<(), CodedError> {
        match has_tls_key(&self.request.member, &caller.fingerprint) {
            true => Ok(()),
            false => Err(Code::JoinOtherKey.error(Code::JoinOtherKey.cause())),
        }
    }

    /// Is it this request that was filed, or admitted?
    fn is_filed(&self, reader: &dyn Reader, caller: &Caller) -> Result<bool, CodedError> {
        let unknown = || Code::InviteUnknown.error(format!("nobody of the name {} is invited", self.member));
        let member = member(reader, &self.member)?.ok_or_else(unknown)?;
        let filing = query::filing(reader, &self.member).map_err(|error| of_store(&error))?;
        match filing {
            // Whoever does not hold the invitation costs no check of a signature.
            Some(Filing { request: None, invite, .. }) if self.signers.contains(&invite.key) => Ok(false),
            Some(Filing { request: Some(filed), .. }) if filed == self.request.hash() => Ok(true),
            // It was admitted with the key of this connection.
            None if has_tls_key(&member, &caller.fingerprint) => Ok(true),
            _ => Err(Code::JoinRefused.error(format!("another request was filed for {}", self.member))),
        }
    }

    fn status(&self, reader: &dyn Reader, height: u64) -> Result<v1::JoinReply, CodedError> {
        let unknown = || Code::InviteUnknown.error(format!("nobody of the name {} is invited", self.member));
        let member = member(reader, &self.member)?.ok_or_else(unknown)?;
        let mut reply = v1::JoinReply {
            status: member.status.name().to_owned(),
            height,
            validator: validator_state(reader, &member)?.to_owned(),
            ..v1::JoinReply::default()
        };
        let agenda = query::governance(reader).map_err(|error| of_store(&error))?;
        for item in agenda.into_iter().flat_map(|governance| governance.agenda) {
            let record = query::proposal(reader, item.proposal).map_err(|error| of_store(&error))?;
            let Some(record) = record else { continue };
            if record.proposal.change == (Change::Admit { member: self.member, request: self.request.hash() }) {
                let tally = query::tally(reader, &record).map_err(|error| of_store(&error))?;
                reply.proposal = item.proposal.0;
                reply.approving = names(&tally.approving);
                reply.refusing = names(&tally.refusing);
                reply.active = tally.active as u32;
            }
        }
        Ok(reply)
    }
}

/// Of its programs or its node.
fn has_tls_key(member: &Member, fingerprint: &Hash) -> bool {
    let access = member.access_keys.iter().map(|access| &access.key);
    access.chain(member.node.iter().map(|node| &node.tls_key)).any(|key| key == fingerprint)
}

fn list(
    reader: &dyn Reader,
    height: u64,
    closed: bool,
    before: u64,
    limit: usize,
) -> Result<v1::ListProposalsReply, CodedError> {
    let mut reply = v1::ListProposalsReply { height, ..v1::ListProposalsReply::default() };
    let Some(governance) = query::governance(reader).map_err(|error| of_store(&error))? else { return Ok(reply) };
    let newest = if before == 0 { governance.last_proposal.0 } else { (before - 1).min(governance.last_proposal.0) };
    let ids: Vec<ProposalId> = match closed {
        true => (1..=newest).rev().map(ProposalId).take(limit + 1).collect(),
        false => {
            let open = governance.agenda.iter().rev().map(|item| item.proposal);
            open.filter(|id| id.0 <= newest).take(limit + 1).collect()
        }
    };
    for id in ids.iter().take(limit) {
        let record = query::proposal(reader, *id).map_err(|error| of_store(&error))?;
        if let Some(record) = record {
            reply.proposals.push(proposal(reader, height, *id, &record)?);
        }
    }
    if ids.len() > limit {
        reply.next_before = ids[limit - 1].0;
    }
    Ok(reply)
}

fn proposal(
    reader: &dyn Reader,
    height: u64,
    id: ProposalId,
    record: &ProposalRecord,
) -> Result<v1::Proposal, CodedError> {
    let tally = query::tally(reader, record).map_err(|error| of_store(&error))?;
    let mut shown = v1::Proposal {
        id: id.0,
        record: encode(record),
        approving: names(&tally.approving),
        refusing: names(&tally.refusing),
        active: tally.active as u32,
        threshold_parts: tally.threshold.map_or(0, |threshold| u32::from(threshold.parts)),
        threshold_of: tally.threshold.map_or(0, |threshold| u32::from(threshold.of)),
        height,
        ..v1::Proposal::default()
    };
    if matches!(record.state, ProposalState::Adopted { .. }) {
        let agenda = query::governance(reader).map_err(|error| of_store(&error))?;
        let mut items = agenda.into_iter().flat_map(|governance| governance.agenda);
        if let Some((effect_height, effect_time)) = items.find(|item| item.proposal == id).and_then(|item| item.effect)
        {
            (shown.effect_height, shown.effect_time_ms) = (effect_height.0, effect_time.0);
        }
    }
    if let Change::Admit { member: id, request } = record.proposal.change {
        let filing = query::filing(reader, &id).map_err(|error| of_store(&error))?;
        // Of another request for the same name nothing is shown: it is not what this proposal is about.
        if let Some(filing) = filing.filter(|filing| filing.request == Some(request)) {
            shown.member = member(reader, &id)?.map_or(Vec::new(), |member| encode(&member));
            shown.candidate = filing.validator.map_or(Vec::new(), |record| encode(&record));
            shown.sponsor = filing.sponsor.to_string();
        }
    }
    Ok(shown)
}

fn governance(reader: &dyn Reader, height: u64) -> Result<v1::Governance, CodedError> {
    let record = query::governance(reader).map_err(|error| of_store(&error))?;
    let parameters = query::parameters(reader).map_err(|error| of_store(&error))?;
    let mut reply = v1::Governance {
        height,
        record: record.map_or(Vec::new(), |record| encode(&record)),
        members: Vec::new(),
        parameters: parameters.map_or(Vec::new(), |parameters| encode(&parameters)),
    };
    for member in query::members(reader).map_err(|error| of_store(&error))? {
        let candidate = query::candidate(reader, &member.id).map_err(|error| of_store(&error))?;
        let filing = query::filing(reader, &member.id).map_err(|error| of_store(&error))?;
        let estate = query::estate(reader, &member.id).map_err(|error| of_store(&error))?;
        let record = member.validator.as_ref().or(candidate.as_ref());
        reply.members.push(v1::MemberRecord {
            validator: validator_state(reader, &member)?.to_owned(),
            power: record.map_or(0, |record| record.power),
            sponsor: filing.as_ref().map_or(String::new(), |filing| filing.sponsor.to_string()),
            invite_expires_at_ms: filing.as_ref().map_or(0, |filing| filing.invite.expires_at.0),
            request: filing.and_then(|filing| filing.request).map_or(Vec::new(), |request| request.0.to_vec()),
            estate: estate.map_or(String::new(), |estate| estate.member.to_string()),
            estate_is_successor: estate.is_some_and(|estate| estate.is_successor),
            record: encode(&member),
        });
    }
    Ok(reply)
}

fn member(reader: &dyn Reader, id: &MemberId) -> Result<Option<Member>, CodedError> {
    query::member(reader, id).map_err(|error| of_store(&error))
}

/// none, syncing, validating, leaving.
fn validator_state(reader: &dyn Reader, member: &Member) -> Result<&'static str, CodedError> {
    if member.validator.is_some() {
        return Ok("validating");
    }
    let sets = query::validator_sets(reader).map_err(|error| of_store(&error))?;
    let is_in_force = sets.is_some_and(|(next, _)| next.index_of(&member.id).is_some());
    if is_in_force {
        return Ok("leaving");
    }
    let candidate = query::candidate(reader, &member.id).map_err(|error| of_store(&error))?;
    Ok(if candidate.is_some() { "syncing" } else { "none" })
}

fn names(members: &[MemberId]) -> Vec<String> {
    members.iter().map(ToString::to_string).collect()
}

/// A request with as many keys as a member may have.
pub const REQUEST_BYTES_MAX: usize = 64 << 10;
const READS_MAX: usize = 2;
const LIST_MAX: usize = 100;
/// Until the request is in a block.
const FILING_MAX: Duration = Duration::from_secs(15);
