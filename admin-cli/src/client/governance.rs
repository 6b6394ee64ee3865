//! Proposals, members and joining, as a node tells of them. What a vote is bound to is computed here from the record itself.

use super::{Client, Repeat, bad_reply, with_deadline};
use crate::CliError;
use borsh::{BorshDeserialize, BorshSerialize};
use concordat_ledger::{Governance, ProposalRecord};
use concordat_proto::v1::{self, admin_client::AdminClient};
use concordat_types::{
    Change, Hash, JoinRequest, Member, MemberId, MemberStatus, Parameters, ProposalId, SignedTransaction, decode,
    encode, member::ValidatorRecord,
};
use tonic::transport::Channel;

/// A proposal as it was read, its hash recomputed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProposalView {
    pub id: ProposalId,
    pub record: ProposalRecord,
    pub hash: Hash,
    pub approving: Vec<String>,
    pub refusing: Vec<String>,
    pub active: u32,
    /// More than parts of so many adopt; None: the proposer's own admin keys decide.
    pub threshold: Option<(u32, u32)>,
    /// Of an admission: what was filed, and by whose invitation.
    pub request: Option<JoinRequest>,
    /// What the node shows of the admission is not the request that the proposal names; `request` is then None.
    pub is_other_request: bool,
    pub sponsor: String,
    /// Once adopted: not before this height and time.
    pub effect: Option<(u64, u64)>,
}

/// The rules of deciding, and who decides.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GovernanceView {
    pub record: Governance,
    pub parameters: Parameters,
    pub members: Vec<MemberView>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberView {
    pub member: Member,
    pub validator: String,
    pub power: u64,
    pub sponsor: String,
    pub estate: String,
    pub is_successor: bool,
}

impl Client {
    /// The newest first; all that are open, and with `closed` the last hundred of any state.
    pub async fn proposals(&self, closed: bool) -> Result<Vec<ProposalView>, CliError> {
        let mut found = Vec::new();
        let mut before = 0;
        loop {
            let message = v1::ListProposalsRequest { closed, before, limit: 0 };
            let reply = self.call(Repeat::Once, |channel, deadline| async move {
                admin(channel).list_proposals(with_deadline(message, deadline)).await
            });
            let reply = reply.await?;
            for proposal in reply.proposals {
                found.push(ProposalView::from_wire(proposal)?);
            }
            if reply.next_before == 0 || closed || (before != 0 && reply.next_before >= before) {
                return Ok(found);
            }
            before = reply.next_before;
        }
    }

    pub async fn proposal(&self, id: ProposalId) -> Result<ProposalView, CliError> {
        let reply = self.call(Repeat::Once, |channel, deadline| async move {
            admin(channel).get_proposal(with_deadline(v1::GetProposalRequest { id: id.0 }, deadline)).await
        });
        let view = ProposalView::from_wire(reply.await?)?;
        if view.id != id {
            return Err(bad_reply(format!("asked for proposal {id}, it answered with {}", view.id)));
        }
        Ok(view)
    }

    pub async fn governance(&self) -> Result<GovernanceView, CliError> {
        let reply = self.call(Repeat::Once, |channel, deadline| async move {
            admin(channel).get_governance(with_deadline(v1::GetGovernanceRequest {}, deadline)).await
        });
        let v1::Governance { record, parameters, members, .. } = reply.await?;
        Ok(GovernanceView {
            record: parse("rules of governance", &record)?,
            parameters: parse("parameters", &parameters)?,
            members: members.into_iter().map(MemberView::from_wire).collect::<Result<_, CliError>>()?,
        })
    }

    /// Files a request to join, or asks how far it has come.
    pub async fn join(&self, transaction: &SignedTransaction) -> Result<v1::JoinReply, CliError> {
        let bytes = encode(transaction);
        let reply = self.call(Repeat::UntilTimeout, |channel, deadline| {
            let request = with_deadline(v1::JoinRequest { transaction: bytes.clone() }, deadline);
            async move { admin(channel).join(request).await }
        });
        reply.await
    }
}

impl ProposalView {
    fn from_wire(wire: v1::Proposal) -> Result<ProposalView, CliError> {
        let id = ProposalId(wire.id);
        let record: ProposalRecord = parse("proposal", &wire.record)?;
        // What the node says of the hash is not what people compare.
        let hash = record.proposal.hash(id, record.proposer);
        let filed = match wire.member.is_empty() {
            true => None,
            false => Some(JoinRequest {
                member: as_filed(parse("member", &wire.member)?),
                validator: match wire.candidate.is_empty() {
                    true => None,
                    false => Some(parse::<ValidatorRecord>("candidate", &wire.candidate)?),
                },
            }),
        };
        // The vote is bound to the request's hash: what people compare has to be that very request.
        let named = match record.proposal.change {
            Change::Admit { request, .. } => Some(request),
            _ => None,
        };
        let is_other_request = filed.as_ref().is_some_and(|filed| Some(filed.hash()) != named);
        let request = filed.filter(|_| !is_other_request);
        Ok(ProposalView {
            id,
            record,
            hash,
            approving: wire.approving,
            refusing: wire.refusing,
            active: wire.active,
            threshold: (wire.threshold_of > 0).then_some((wire.threshold_parts, wire.threshold_of)),
            request,
            is_other_request,
            sponsor: wire.sponsor,
            effect: (wire.effect_height > 0).then_some((wire.effect_height, wire.effect_time_ms)),
        })
    }

    /// Has one of the member's people voted?
    pub fn has_voted(&self, member: &MemberId) -> bool {
        self.record.ballots.iter().any(|(id, _)| id == member)
    }

    /// How many members have to approve.
    pub fn needed(&self) -> u32 {
        match self.threshold {
            Some((parts, of)) => needed(self.active, parts, of),
            None => 1,
        }
    }
}

/// The fewest that are more than parts of so many.
pub(crate) fn needed(active: u32, parts: u32, of: u32) -> u32 {
    let needed = u64::from(active) * u64::from(parts) / u64::from(of.max(1)) + 1;
    u32::try_from(needed).unwrap_or(u32::MAX)
}

/// As it was filed: an adopted admission has another status by now.
fn as_filed(member: Member) -> Member {
    Member { status: MemberStatus::Filed, ..member }
}

impl MemberView {
    fn from_wire(wire: v1::MemberRecord) -> Result<MemberView, CliError> {
        Ok(MemberView {
            member: parse("member", &wire.record)?,
            validator: wire.validator,
            power: wire.power,
            sponsor: wire.sponsor,
            estate: wire.estate,
            is_successor: wire.estate_is_successor,
        })
    }
}

fn parse<T: BorshDeserialize + BorshSerialize>(what: &str, bytes: &[u8]) -> Result<T, CliError> {
    decode(bytes, RECORD_BYTES_MAX).map_err(|error| bad_reply(format!("the {what}: {error}")))
}

fn admin(channel: Channel) -> AdminClient<Channel> {
    AdminClient::new(channel).max_decoding_message_size(super::MESSAGE_BYTES_MAX)
}

const RECORD_BYTES_MAX: usize = 1 << 20;
