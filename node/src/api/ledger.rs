//! The service `Ledger`.

use super::{
    authorise::{Act, authorise, caller_of},
    blocks,
};
use crate::{error::of_store, registry::Caller, shared::Shared, shared::View, submissions::Submissions};
use concordat_ledger::{IdKind, IdRecord};
use concordat_proto::{
    Code,
    codes::CodedError,
    convert,
    v1::{self, ledger_server::Ledger, submit_stream_reply},
};
use concordat_replica::store::Reader;
use concordat_replica::{SubmitOutcome, query};
use concordat_types::{AccountId, Amount, Asset, Height};
use futures_util::{Stream, StreamExt};
use std::{pin::Pin, sync::Arc, time::Duration};
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming, metadata::MetadataMap};

#[derive(Clone, Debug)]
pub struct LedgerService {
    shared: Arc<Shared>,
    submissions: Submissions,
    /// Reads at once: each holds a thread that may wait for the disk.
    reads: Arc<Semaphore>,
}

impl LedgerService {
    pub fn new(shared: Arc<Shared>, submissions: Submissions) -> LedgerService {
        LedgerService { shared, submissions, reads: Arc::new(Semaphore::new(READS_MAX)) }
    }

    /// Reads the state of one committed height on a thread that may wait for the disk.
    async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&View) -> Result<T, CodedError> + Send + 'static,
    ) -> Result<T, Status> {
        let turn = self.reads.clone().acquire_owned().await;
        let turn = turn.map_err(|_| Code::Unavailable.status("the node is stopping"))?;
        let view = self.shared.view.load_full();
        let read = tokio::task::spawn_blocking(move || {
            let outcome = job(&view);
            drop(turn);
            outcome
        });
        let outcome = read.await.map_err(|_| Code::Internal.status("the read panicked"))?;
        outcome.map_err(Status::from)
    }

    async fn read_block(&self, caller: Caller, height: Height) -> Result<v1::Block, Status> {
        let registry = self.shared.registry.load_full();
        let found = self.read(move |view| blocks::block(&*view.reader, &registry, &caller, height)).await?;
        found.ok_or_else(|| Code::NotFound.status(format!("there is no block at height {height} here")))
    }
}

#[tonic::async_trait]
impl Ledger for LedgerService {
    async fn submit(&self, request: Request<v1::SubmitRequest>) -> Result<Response<v1::SubmitReply>, Status> {
        let wait = wait_of(request.metadata());
        let outcome = self.submissions.submit(request.into_inner().signed_transaction, wait).await?;
        Ok(Response::new(submit_reply(outcome)?))
    }

    type SubmitStreamStream = Pin<Box<dyn Stream<Item = Result<v1::SubmitStreamReply, Status>> + Send>>;

    async fn submit_stream(
        &self,
        request: Request<Streaming<v1::SubmitStreamRequest>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        let submissions = self.submissions.clone();
        let replies = request.into_inner().map(move |item| {
            let submissions = submissions.clone();
            async move {
                let v1::SubmitStreamRequest { tag, signed_transaction } = item?;
                let outcome = submissions.submit(signed_transaction, SUBMIT_WAIT_MAX).await;
                let outcome = match outcome.and_then(submit_reply) {
                    Ok(reply) => submit_stream_reply::Outcome::Reply(reply),
                    Err(error) => submit_stream_reply::Outcome::Error(submit_error(&error)),
                };
                Ok(v1::SubmitStreamReply { tag, outcome: Some(outcome) })
            }
        });
        Ok(Response::new(Box::pin(replies.buffer_unordered(STREAM_IN_FLIGHT_MAX))))
    }

    async fn get_account(&self, request: Request<v1::GetAccountRequest>) -> Result<Response<v1::Account>, Status> {
        let caller = caller_of(&request)?;
        let id = convert::account_id_from_bytes("account_id", &request.get_ref().account_id)?;
        let account = self.read(move |view| {
            let account = query::account(&*view.reader, &id).map_err(|error| of_store(&error))?;
            let account = account.ok_or_else(|| Code::NotFound.error(format!("there is no account {id}")))?;
            authorise(&caller, Act::ReadOf(&account.owner))?;
            Ok(convert::account(id, &account, view.height))
        });
        Ok(Response::new(account.await?))
    }

    async fn list_accounts(
        &self,
        request: Request<v1::ListAccountsRequest>,
    ) -> Result<Response<v1::ListAccountsReply>, Status> {
        let caller = caller_of(&request)?;
        let v1::ListAccountsRequest { page_size, page_token } = request.into_inner();
        let after = match page_token.as_slice() {
            [] => None,
            token => Some(convert::account_id_from_bytes("page_token", token)?),
        };
        let limit = if page_size == 0 { PAGE_DEFAULT } else { (page_size as usize).min(PAGE_MAX) };
        let reply = self.read(move |view| {
            authorise(&caller, Act::ReadOf(&caller.member))?;
            let owner = (!caller.sees_all()).then_some(&caller.member);
            let found = query::accounts_of(&*view.reader, owner, after, limit).map_err(|error| of_store(&error))?;
            let next = found.last().filter(|_| found.len() == limit).map_or(Vec::new(), |(id, _)| id.0.to_vec());
            let accounts = found.iter().map(|(id, account)| convert::account(*id, account, view.height)).collect();
            Ok(v1::ListAccountsReply { accounts, next_page_token: next })
        });
        Ok(Response::new(reply.await?))
    }

    async fn list_members(
        &self,
        _request: Request<v1::ListMembersRequest>,
    ) -> Result<Response<v1::ListMembersReply>, Status> {
        let reply = self.read(|view| {
            let members = query::members(&*view.reader).map_err(|error| of_store(&error))?;
            Ok(v1::ListMembersReply { members: members.iter().map(convert::member).collect(), height: view.height.0 })
        });
        Ok(Response::new(reply.await?))
    }

    async fn list_assets(
        &self,
        _request: Request<v1::ListAssetsRequest>,
    ) -> Result<Response<v1::ListAssetsReply>, Status> {
        let reply = self.read(|view| {
            let mut assets = Vec::new();
            for asset in query::assets(&*view.reader).map_err(|error| of_store(&error))? {
                assets.push(convert::asset(&asset, supply(&*view.reader, &asset)?));
            }
            Ok(v1::ListAssetsReply { assets, height: view.height.0 })
        });
        Ok(Response::new(reply.await?))
    }

    async fn get_block(&self, request: Request<v1::GetBlockRequest>) -> Result<Response<v1::Block>, Status> {
        let caller = caller_of(&request)?;
        let height = match request.get_ref().height {
            0 => self.shared.view.load().height,
            height => Height(height),
        };
        Ok(Response::new(self.read_block(caller, height).await?))
    }

    async fn get_outcome(&self, request: Request<v1::GetOutcomeRequest>) -> Result<Response<v1::Outcome>, Status> {
        let caller = caller_of(&request)?;
        let request = request.into_inner();
        let id = convert::uuid_from_bytes("id", &request.id)?;
        let kind = match v1::get_outcome_request::Kind::try_from(request.kind) {
            Ok(v1::get_outcome_request::Kind::Transaction) => IdKind::Transaction,
            Ok(v1::get_outcome_request::Kind::Transfer) => IdKind::Transfer,
            Err(_) => return Err(Code::Malformed.status("kind is neither TRANSACTION nor TRANSFER")),
        };
        let outcome = self.read(move |view| {
            authorise(&caller, Act::ReadOf(&caller.member))?;
            let record = query::id_record(&*view.reader, caller.member, id, kind).map_err(|error| of_store(&error))?;
            let record = record.ok_or_else(|| {
                Code::NotFound.error(format!("{} has not used the id {id} within the id window", caller.member))
            })?;
            outcome_of(&*view.reader, record)
        });
        Ok(Response::new(outcome.await?))
    }

    type WatchStream = ReceiverStream<Result<v1::Block, Status>>;

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let caller = caller_of(&request)?;
        let mut tip = self.shared.tip.subscribe();
        let first = match request.get_ref().from_height {
            0 => tip.borrow().next(),
            height => Height(height),
        };
        let (to_reader, blocks) = mpsc::channel(WATCH_AHEAD_MAX);
        let service = self.clone();
        tokio::spawn(async move {
            let mut next = first;
            loop {
                // Both gap and duplicate are impossible: heights are counted here and read from the store.
                while next <= *tip.borrow_and_update() {
                    let block = service.read_block(caller.clone(), next).await;
                    let failed = block.is_err();
                    if to_reader.send(block).await.is_err() || failed {
                        return;
                    }
                    next = next.next();
                }
                tokio::select! {
                    changed = tip.changed() => if changed.is_err() { return },
                    () = to_reader.closed() => return,
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(blocks)))
    }
}

fn outcome_of(reader: &dyn Reader, record: IdRecord) -> Result<v1::Outcome, CodedError> {
    Ok(match record {
        IdRecord::Transaction { height, tx_index, results, .. } => v1::Outcome {
            height: height.0,
            tx_index,
            item: 0,
            results: results.iter().map(|result| u32::from(result.code.number())).collect(),
        },
        IdRecord::Transfer { code, height, tx_index, operation, item, .. } => v1::Outcome {
            height: height.0,
            tx_index,
            item: blocks::place_of_transfer(reader, height, tx_index, operation, item)?,
            results: vec![u32::from(code.number())],
        },
    })
}

/// The negative balance of the issuance account.
fn supply(reader: &dyn Reader, asset: &Asset) -> Result<Amount, CodedError> {
    let id = AccountId::new(&asset.issuance_account());
    let account = query::account(reader, &id).map_err(|error| of_store(&error))?;
    Ok(account.map_or(0, |account| account.debits_posted.saturating_sub(account.credits_posted)))
}

fn submit_reply(outcome: SubmitOutcome) -> Result<v1::SubmitReply, CodedError> {
    match outcome {
        SubmitOutcome::Committed { height, block, tx_index, result } => Ok(v1::SubmitReply {
            height: height.0,
            block_id: block.0.0.to_vec(),
            tx_index,
            results: result.operations.iter().map(blocks::operation_result).collect(),
            repeat: result.repeat,
        }),
        SubmitOutcome::Refused(refusal) => Err(Code::Internal.error(refusal.to_string())),
    }
}

fn submit_error(error: &CodedError) -> v1::SubmitError {
    v1::SubmitError {
        code: error.code.name().to_owned(),
        cause: error.cause.clone(),
        next: error.next_step().to_owned(),
        status: error.code.grpc() as i32,
    }
}

/// A little less than the client waits, so that it gets our answer, which says what to do, and not its own.
fn wait_of(metadata: &MetadataMap) -> Duration {
    let asked = metadata.get("grpc-timeout").and_then(|value| parse_timeout(value.to_str().ok()?));
    asked.map_or(SUBMIT_WAIT_MAX, |asked| (asked - asked / 20).min(SUBMIT_WAIT_MAX))
}

/// Up to 8 digits and a unit (gRPC over HTTP/2, "Timeout").
fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let value: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    Some(match unit {
        "H" => Duration::from_secs(value * 3600),
        "M" => Duration::from_secs(value * 60),
        "S" => Duration::from_secs(value),
        "m" => Duration::from_millis(value),
        "u" => Duration::from_micros(value),
        "n" => Duration::from_nanos(value),
        _ => return None,
    })
}

const READS_MAX: usize = 64;
/// Three times what a network takes that lost its proposer twice.
const SUBMIT_WAIT_MAX: Duration = Duration::from_secs(60);
/// Of one stream: a second of a high rate. The stream is read on as outcomes become known.
const STREAM_IN_FLIGHT_MAX: usize = 8192;
const PAGE_DEFAULT: usize = 100;
const PAGE_MAX: usize = 1000;
const WATCH_AHEAD_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_follows_the_clients_deadline() {
        for (text, expected) in
            [("100m", Some(95)), ("10S", Some(9_500)), ("1H", Some(60_000)), ("x", None), ("", None)]
        {
            let mut metadata = MetadataMap::new();
            metadata.insert("grpc-timeout", text.parse().expect("ASCII"));
            assert_eq!(wait_of(&metadata).as_millis(), expected.unwrap_or(60_000), "{text}");
        }
        assert_eq!(parse_timeout("123456789S"), None);
    }
}
