//! The service `Ledger`.

use super::{
    authorise::{Act, authorise, caller_of},
    blocks,
    events::{self, Cursor},
    feed::{Feed, Over, ToReader, feed},
    proofs,
    reads::Reads,
    reserved,
    statements::{self, Range, Wanted},
};
use crate::{
    error::of_store,
    registry::Caller,
    shared::Shared,
    shares::Shares,
    submissions::{Begun, Submissions},
};
use concordat_ledger::{IdKey, IdKind, IdRecord};
use concordat_proto::{
    Code,
    codes::CodedError,
    convert,
    v1::{self, ledger_server::Ledger, submit_stream_reply},
};
use concordat_replica::store::Reader;
use concordat_replica::{SubmitOutcome, query};
use concordat_types::{Account, AccountId, Amount, Asset, Height, Uuid};
use futures_util::{Stream, StreamExt};
use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::OwnedSemaphorePermit;
use tonic::{Request, Response, Status, Streaming, metadata::MetadataMap};

#[derive(Clone, Debug)]
pub struct LedgerService {
    shared: Arc<Shared>,
    submissions: Submissions,
    reads: Reads,
    watches: Arc<Shares>,
    /// Receipts at once.
    receipts: Arc<Shares>,
}

impl LedgerService {
    pub fn new(shared: Arc<Shared>, submissions: Submissions) -> LedgerService {
        let reads = Reads::new(shared.clone(), READS_MAX);
        let (watches, receipts) = (Arc::new(Shares::new(WATCHES_MAX)), Arc::new(Shares::new(RECEIPTS_MAX)));
        LedgerService { shared, submissions, reads, watches, receipts }
    }

    async fn read_block(&self, caller: Caller, height: Height) -> Result<v1::Block, Status> {
        let registry = self.shared.registry.load_full();
        let found = self.reads.read(move |view| blocks::block(&*view.reader, &registry, &caller, height)).await?;
        found.ok_or_else(|| Code::NotFound.status(format!("there is no block at height {height} here")))
    }
}

#[tonic::async_trait]
impl Ledger for LedgerService {
    async fn submit(&self, request: Request<v1::SubmitRequest>) -> Result<Response<v1::SubmitReply>, Status> {
        let member = caller_of(&request)?.member;
        let wait = wait_of(request.metadata());
        let bytes = request.into_inner().signed_transaction;
        let outcome = Begun::outcome(self.submissions.try_begin(member, bytes), wait).await?;
        Ok(Response::new(submit_reply(outcome)?))
    }

    type SubmitStreamStream = Pin<Box<dyn Stream<Item = Result<v1::SubmitStreamReply, Status>> + Send>>;

    async fn submit_stream(
        &self,
        request: Request<Streaming<v1::SubmitStreamRequest>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        let member = caller_of(&request)?.member;
        let submissions = self.submissions.clone();
        // One after the other: a stream holds at most one transaction that has no room yet, and is not read on meanwhile.
        let begun = request.into_inner().then(move |item| {
            let submissions = submissions.clone();
            async move {
                let v1::SubmitStreamRequest { tag, signed_transaction } = item?;
                Ok::<_, Status>((tag, submissions.begin(member, signed_transaction).await))
            }
        });
        let replies = begun.map(|item| async move {
            let (tag, begun) = item?;
            let outcome = match Begun::outcome(begun, SUBMIT_WAIT_MAX).await.and_then(submit_reply) {
                Ok(reply) => submit_stream_reply::Outcome::Reply(reply),
                Err(error) => submit_stream_reply::Outcome::Error(submit_error(&error)),
            };
            Ok(v1::SubmitStreamReply { tag, outcome: Some(outcome) })
        });
        Ok(Response::new(Box::pin(replies.buffer_unordered(STREAM_IN_FLIGHT_MAX))))
    }

    async fn get_account(&self, request: Request<v1::GetAccountRequest>) -> Result<Response<v1::Account>, Status> {
        let caller = caller_of(&request)?;
        let id = convert::account_id_from_bytes("account_id", &request.get_ref().account_id)?;
        let account = self.reads.read(move |view| {
            let account = visible_account(&*view.reader, &caller, id)?;
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
        let limit = statements::page_size_of(page_size);
        let reply = self.reads.read(move |view| {
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
        let reply = self.reads.read(|view| {
            let members = query::members(&*view.reader).map_err(|error| of_store(&error))?;
            Ok(v1::ListMembersReply { members: members.iter().map(convert::member).collect(), height: view.height.0 })
        });
        Ok(Response::new(reply.await?))
    }

    async fn list_assets(
        &self,
        _request: Request<v1::ListAssetsRequest>,
    ) -> Result<Response<v1::ListAssetsReply>, Status> {
        let reply = self.reads.read(|view| {
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
        let outcome = self.reads.read(move |view| {
            let record = id_record(&*view.reader, &caller, id, request.kind)?;
            outcome_of(&*view.reader, record)
        });
        Ok(Response::new(outcome.await?))
    }

    async fn get_receipt(&self, request: Request<v1::GetReceiptRequest>) -> Result<Response<v1::Receipt>, Status> {
        let caller = caller_of(&request)?;
        let request = request.into_inner();
        let network = self.shared.network;
        let turn = self.receipts.of(caller.member).acquire_owned().await;
        let turn = turn.map_err(|_| Code::Unavailable.status("the node is stopping"))?;
        let receipt = self.reads.read(move |view| {
            let _turn = turn;
            let wanted = proofs::wanted(&*view.reader, &caller, &request)?;
            proofs::receipt(&*view.reader, network, &caller, wanted, Height(request.anchor_height))
        });
        Ok(Response::new(receipt.await?))
    }

    async fn get_proof(&self, request: Request<v1::GetProofRequest>) -> Result<Response<v1::StateProof>, Status> {
        let caller = caller_of(&request)?;
        let anchor = Height(request.get_ref().anchor_height);
        let key = proofs::state_key(&caller, request.get_ref())?;
        let mut tip = self.shared.tip.subscribe();
        for _ in 0..PROOF_TRIES_MAX {
            let prover = self.shared.prover.clone();
            let (height, proof) = self.reads.read(move |_| Ok(prover.prove(&key))).await?;
            // The tree is ahead of what readers see until the step is over that has committed the block.
            let seen = tip.wait_for(|tip| *tip >= height).await.is_ok();
            if !seen {
                return Err(Code::Unavailable.status("the node is stopping"));
            }
            let network = self.shared.network;
            let read = self.reads.read(move |view| proofs::state_proof(view, network, (height, key, proof), anchor));
            if let Some(proof) = read.await? {
                return Ok(Response::new(proof));
            }
        }
        Err(Code::Busy.status(format!("{key:?} has changed with each of the last blocks")))
    }

    async fn get_pending(&self, request: Request<v1::GetPendingRequest>) -> Result<Response<v1::Pending>, Status> {
        let caller = caller_of(&request)?;
        let name = reserved::name_of(&request.into_inner())?;
        let pending = self.reads.read(move |view| reserved::pending(&*view.reader, &caller, name, view.height));
        Ok(Response::new(pending.await?))
    }

    async fn get_limits(&self, request: Request<v1::GetLimitsRequest>) -> Result<Response<v1::LimitsReply>, Status> {
        let caller = caller_of(&request)?;
        let (member, scope) = reserved::scope_of(&caller, &request.into_inner())?;
        let limits = self.reads.read(move |view| reserved::limits(&*view.reader, &caller, member, scope, view.height));
        Ok(Response::new(limits.await?))
    }

    type WatchStream = Feed<v1::Block>;

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let caller = caller_of(&request)?;
        let turn = self.watch_turn(&caller)?;
        let first = match request.get_ref().from_height {
            0 => self.shared.tip.borrow().next(),
            height => Height(height),
        };
        let (to_reader, watch) = feed(turn);
        tokio::spawn(self.clone().send_blocks(caller, first, to_reader));
        Ok(Response::new(watch))
    }

    async fn get_balance(&self, request: Request<v1::GetBalanceRequest>) -> Result<Response<v1::Balance>, Status> {
        let caller = caller_of(&request)?;
        let id = convert::account_id_from_bytes("account_id", &request.get_ref().account_id)?;
        let height = Height(request.get_ref().height);
        let (shared, index) = (self.shared.clone(), statements::index_at(&self.shared, height).await?);
        let balance = self.reads.read(move |view| statements::balance(&shared, (view, &index), &caller, id, height));
        Ok(Response::new(balance.await?))
    }

    async fn get_statement(
        &self,
        request: Request<v1::GetStatementRequest>,
    ) -> Result<Response<v1::Statement>, Status> {
        let caller = caller_of(&request)?;
        let range = Range::parse(request.get_ref())?;
        let (shared, index) = (self.shared.clone(), statements::index_at(&self.shared, range.to).await?);
        let statement = self.reads.read(move |view| statements::statement(&shared, (view, &index), &caller, range));
        Ok(Response::new(statement.await?))
    }

    async fn find_records(
        &self,
        request: Request<v1::FindRecordsRequest>,
    ) -> Result<Response<v1::FindRecordsReply>, Status> {
        let caller = caller_of(&request)?;
        let reply = match Wanted::parse(request.get_ref())? {
            Wanted::Id(id) => self.reads.read(move |view| statements::by_id(view, &caller, id)).await?,
            Wanted::Reference(wanted) => {
                let (shared, index) = (self.shared.clone(), statements::index_at(&self.shared, Height(0)).await?);
                self.reads.read(move |view| statements::by_reference(&shared, (view, &index), &caller, wanted)).await?
            }
        };
        Ok(Response::new(reply))
    }

    type SubscribeStream = Feed<v1::Events>;

    async fn subscribe(
        &self,
        request: Request<v1::SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let caller = caller_of(&request)?;
        authorise(&caller, Act::ReadOf(&caller.member))?;
        let turn = self.watch_turn(&caller)?;
        let after = match request.get_ref().after {
            Some(cursor) => Cursor::from(cursor),
            None => Cursor::end_of(*self.shared.tip.borrow()),
        };
        let (to_reader, events) = feed(turn);
        tokio::spawn(self.clone().send_events(caller, after, to_reader));
        Ok(Response::new(events))
    }
}

impl LedgerService {
    fn watch_turn(&self, caller: &Caller) -> Result<OwnedSemaphorePermit, CodedError> {
        self.watches.of(caller.member).try_acquire_owned().map_err(|_| {
            Code::Busy
                .error(format!("{} watches {WATCHES_MAX} times already", caller.member))
                .with_next("End a watch; one is enough for all blocks.")
        })
    }

    /// Both gap and duplicate are impossible: heights are counted here and read from the store.
    async fn send_blocks(self, caller: Caller, first: Height, mut to_reader: ToReader<v1::Block>) {
        let mut tip = self.shared.tip.subscribe();
        let mut next = first;
        loop {
            while next <= *tip.borrow_and_update() {
                let block = self.read_block(caller.clone(), next).await;
                let again = format!("Watch again from height {next}");
                to_reader = match to_reader.send(block, &again).await {
                    Ok(to_reader) => to_reader,
                    Err(Over) => return,
                };
                next = next.next();
            }
            tokio::select! {
                changed = tip.changed() => if changed.is_err() { return },
                () = to_reader.closed() => return,
            }
        }
    }

    /// What is behind the cursor, then each block's events as it is committed. Where nothing happens for long, the reader hears
    /// how far that is true, so that it need not begin where it last heard of something.
    async fn send_events(self, caller: Caller, after: Cursor, mut to_reader: ToReader<v1::Events>) {
        let mut tip = self.shared.tip.subscribe();
        let (mut at, mut told, mut told_at) = (after, after, Instant::now());
        loop {
            while !at.is_at(*tip.borrow_and_update()) {
                let reader = caller.clone();
                let page = self.reads.read(move |view| events::page(view, &reader, at)).await;
                let is_due = |to: &Cursor| to.height.0 > told.height.0 + QUIET_HEIGHTS || told_at.elapsed() > QUIET;
                let events = match page {
                    Ok((records, cursor)) => {
                        let is_told = !records.is_empty() || is_due(&cursor);
                        at = cursor;
                        is_told.then_some(Ok(v1::Events { records, cursor: Some(cursor.into()) }))
                    }
                    Err(error) => Some(Err(error)),
                };
                if let Some(events) = events {
                    let again = format!("Subscribe again after height {}, leaf {}", told.height, told.leaf);
                    to_reader = match to_reader.send(events, &again).await {
                        Ok(to_reader) => to_reader,
                        Err(Over) => return,
                    };
                    (told, told_at) = (at, Instant::now());
                }
            }
            tokio::select! {
                changed = tip.changed() => if changed.is_err() { return },
                () = to_reader.closed() => return,
            }
        }
    }
}

/// Another member's account and none at all are answered alike: names of accounts can be guessed.
pub fn visible_account(reader: &dyn Reader, caller: &Caller, id: AccountId) -> Result<Account, CodedError> {
    let account = query::account(reader, &id).map_err(|error| of_store(&error))?;
    let account = account.filter(|account| authorise(caller, Act::ReadOf(&account.owner)).is_ok());
    account.ok_or_else(|| Code::NotFound.error(format!("there is no account {id} that {} may see", caller.member)))
}

/// Where an id of the caller's member stands; `kind` as on the wire.
pub(super) fn id_record(reader: &dyn Reader, caller: &Caller, id: Uuid, kind: i32) -> Result<IdRecord, CodedError> {
    authorise(caller, Act::ReadOf(&caller.member))?;
    let kind = match v1::get_outcome_request::Kind::try_from(kind) {
        Ok(v1::get_outcome_request::Kind::Transaction) => IdKind::Transaction,
        Ok(v1::get_outcome_request::Kind::Transfer) => IdKind::Transfer,
        Err(_) => return Err(Code::Malformed.error("kind is neither TRANSACTION nor TRANSFER")),
    };
    let record = query::id_record(reader, &IdKey { id, kind, submitter: caller.member });
    let record = record.map_err(|error| of_store(&error))?;
    record.ok_or_else(|| Code::NotFound.error(format!("{} has not used the id {id}", caller.member)))
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
/// Of one member: each hashes all results of a block, a tenth of a second for a full one.
const RECEIPTS_MAX: usize = 1;
/// A value that changes with every block is still there when row and proof are read within one of them.
const PROOF_TRIES_MAX: usize = 20;
/// Three times what a network takes that lost its proposer twice.
const SUBMIT_WAIT_MAX: Duration = Duration::from_secs(60);
/// Of one stream: a second of a high rate. The stream is read on as outcomes become known.
const STREAM_IN_FLIGHT_MAX: usize = 8192;
/// Of one member: a program for each of its uses, twice over.
const WATCHES_MAX: usize = 16;
/// A reader of events hears at least this often that there was none.
const QUIET_HEIGHTS: u64 = 1_000;
const QUIET: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{api::blocks::tests::put_account, registry::tests::caller};
    use concordat_replica::memory::MemoryStore;
    use concordat_types::Roles;

    #[test]
    fn anothers_account_and_none_are_answered_alike() {
        let mut store = MemoryStore::default();
        let (own, other, none) = (AccountId([1; 16]), AccountId([2; 16]), AccountId([3; 16]));
        put_account(&mut store, own, "bank-a");
        put_account(&mut store, other, "bank-b");
        let read = |roles, id| visible_account(&store, &caller("bank-a", roles), id);
        assert_eq!(read(Roles::BANK, own).expect("its own").owner.as_str(), "bank-a");
        assert_eq!(read(Roles::SUPERVISOR, other).expect("it sees all").owner.as_str(), "bank-b");
        let refused = |id: AccountId| {
            let error = read(Roles::BANK, id).expect_err("not to be seen");
            (error.code, error.cause.replace(&id.to_string(), "-"), error.next)
        };
        assert_eq!(refused(other), refused(none));
        assert_eq!(refused(none).0, Code::NotFound);
    }

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
