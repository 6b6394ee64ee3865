//! A client of the ledger: mutual TLS to one of several nodes, deadlines, and repeats that book nothing twice.

mod governance;
mod proofs;
pub mod records;

pub(crate) use governance::needed;
pub use governance::{GovernanceView, MemberView, ProposalView};
pub use proofs::ReceiptOf;

use crate::{
    CliError, Exit, Profile,
    error::UNREACHABLE,
    tls::{self, ConnectionFailure, ConnectionState, Watched},
};
use concordat_proto::{
    codes::{Code, CodedError},
    convert,
    v1::{self, ledger_client::LedgerClient, status_client::StatusClient},
};
use concordat_types::{
    AccountId, Amount, AssetCode, BlockId, BusinessDate, Hash, Height, LimitScope, Limits, MemberId, NetworkId,
    PendingRef, ResultCode, SignedTransaction, Tier, Timestamp, Uuid, encode, money::AccountFlags, names::AccountPath,
};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use std::{
    error::Error as _,
    future::Future,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::TcpStream,
    sync::mpsc,
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Request, Response, Status, Streaming,
    transport::{Channel, Endpoint, Uri},
};
use tower::service_fn;

/// Speaks to the first of the profile's nodes that answers. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct Client {
    pub network_id: NetworkId,
    pub member: MemberId,
    nodes: Arc<[Node]>,
    /// The node that answered last.
    preferred: Arc<AtomicUsize>,
    timeout: Duration,
}

#[derive(Clone, Debug)]
struct Node {
    address: String,
    channel: Channel,
    state: ConnectionState,
}

/// Where a transaction was booked, and what became of its operations.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Submitted {
    pub height: Height,
    pub block_id: BlockId,
    pub tx_index: u32,
    pub results: Vec<OperationOutcome>,
    /// It had been booked before; all of the above is of the first time.
    pub repeat: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OperationOutcome {
    pub result: ResultCode,
    /// Of a batch: one a transfer, in order.
    pub transfers: Vec<ResultCode>,
    /// What of it had been booked before: 0 the operation itself, i + 1 its transfer i.
    pub repeats: Vec<u32>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountView {
    pub id: AccountId,
    pub path: AccountPath,
    pub flags: AccountFlags,
    pub debits_posted: Amount,
    pub credits_posted: Amount,
    pub debits_pending: Amount,
    pub credits_pending: Amount,
    pub parent: Option<AccountId>,
    pub customer: Option<Hash>,
    pub tier: Option<Tier>,
    /// The height whose state this is.
    pub height: Height,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AssetView {
    pub code: AssetCode,
    pub decimals: u8,
    pub issuer: MemberId,
    pub kind: u32,
    pub quota: Amount,
    pub supply: Amount,
    pub frozen: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IdKind {
    Transaction,
    Transfer,
}

impl IdKind {
    fn to_wire(self) -> v1::get_outcome_request::Kind {
        match self {
            IdKind::Transaction => v1::get_outcome_request::Kind::Transaction,
            IdKind::Transfer => v1::get_outcome_request::Kind::Transfer,
        }
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutcomeView {
    pub height: Height,
    pub tx_index: u32,
    pub item: u32,
    pub results: Vec<ResultCode>,
}

/// A hold or an offer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PendingView {
    pub name: PendingRef,
    pub kind: v1::pending::Kind,
    pub state: v1::pending::State,
    /// The first block time at which it can no longer be posted or accepted.
    pub until: Timestamp,
    pub posted_by_creditor: bool,
    pub legs: Vec<LegView>,
    pub height: Height,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LegView {
    pub debit: AccountPath,
    pub credit: AccountPath,
    pub amount: Amount,
    pub accepted: bool,
}

/// Limits of a scope, and what is used of them on the business date, where that is counted for the scope.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LimitsView {
    pub limits: Limits,
    pub used_debits: Option<Amount>,
    pub used_credits: Option<Amount>,
    pub business_date: BusinessDate,
    pub height: Height,
}

/// The sending half of a stream of transactions.
#[derive(Clone, Debug)]
pub struct SubmitSender(mpsc::Sender<v1::SubmitStreamRequest>);

/// The receiving half: outcomes in the order in which they become known.
#[derive(Debug)]
pub struct SubmitReplies(Streaming<v1::SubmitStreamReply>);

impl Client {
    /// For requests and repeats together, unless `with_timeout` says otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(30);

    /// Reads the profile's keys. Connections are made when first used, and again when lost.
    pub async fn connect(profile: &Profile) -> Result<Client, CliError> {
        let connect = |endpoint: &crate::profile::TrustedEndpoint| {
            let config = tls::client_config(&profile.access_key, &profile.access_certificate, &endpoint.certificate)?;
            Ok(Node::new(endpoint.address.clone(), config))
        };
        let nodes = profile.endpoints.iter().map(connect).collect::<Result<Arc<[Node]>, CliError>>()?;
        let Profile { network_id, member, .. } = *profile;
        Ok(Client { network_id, member, nodes, preferred: Arc::default(), timeout: Self::TIMEOUT })
    }

    pub fn with_timeout(mut self, timeout: Duration) -> Client {
        self.timeout = timeout;
        self
    }

    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// How many endpoints the profile names.
    pub fn nodes_count(&self) -> usize {
        self.nodes.len()
    }

    /// A client that asks one node alone: the profile's endpoint `index`, from 0, round again at the end.
    pub fn of_node(&self, index: usize) -> Client {
        let node = self.nodes[index % self.nodes.len()].clone();
        Client { nodes: Arc::from([node]), preferred: Arc::default(), ..self.clone() }
    }

    /// Hands in the transaction and waits until it is in a final block. While no answer comes, the very same bytes go
    /// to the next node, until the timeout: a transaction is booked at most once however often it is sent.
    pub async fn submit(&self, transaction: &SignedTransaction) -> Result<Submitted, CliError> {
        let bytes = encode(transaction);
        let reply = self.call(Repeat::UntilTimeout, |channel, deadline| {
            let request = with_deadline(v1::SubmitRequest { signed_transaction: bytes.clone() }, deadline);
            async move { ledger(channel).submit(request).await }
        });
        Submitted::from_wire(reply.await?)
    }

    /// Many transactions over one stream. The caller matches replies by tag and sends again what a lost stream left open.
    pub async fn submit_stream(&self) -> Result<(SubmitSender, SubmitReplies), CliError> {
        let node = self.node(0);
        let (sender, receiver) = mpsc::channel(SUBMIT_STREAM_QUEUE_MAX);
        let mut client = ledger(node.channel.clone());
        // The server answers the call itself at once; the replies follow.
        let opened = timeout(self.timeout, client.submit_stream(ReceiverStream::new(receiver))).await;
        let replies = opened.map_err(|_| timed_out(&node.address))?.map_err(|status| node.explain(&status))?;
        Ok((SubmitSender(sender), SubmitReplies(replies.into_inner())))
    }

    pub async fn account(&self, id: AccountId) -> Result<AccountView, CliError> {
        let reply = self.call(Repeat::Once, |channel, deadline| {
            let request = with_deadline(v1::GetAccountRequest { account_id: id.0.to_vec() }, deadline);
            async move { ledger(channel).get_account(request).await }
        });
        AccountView::from_wire(reply.await?)
    }

    /// All accounts of the profile's member.
    pub async fn accounts(&self) -> Result<Vec<AccountView>, CliError> {
        let mut accounts = Vec::new();
        let mut page_token = Vec::new();
        loop {
            let reply = self.call(Repeat::Once, |channel, deadline| {
                let message = v1::ListAccountsRequest { page_size: ACCOUNTS_PAGE, page_token: page_token.clone() };
                async move { ledger(channel).list_accounts(with_deadline(message, deadline)).await }
            });
            let reply = reply.await?;
            for account in reply.accounts {
                accounts.push(AccountView::from_wire(account)?);
            }
            if reply.next_page_token.is_empty() || reply.next_page_token == page_token {
                return Ok(accounts);
            }
            page_token = reply.next_page_token;
        }
    }

    pub async fn members(&self) -> Result<v1::ListMembersReply, CliError> {
        let reply = self.call(Repeat::Once, |channel, deadline| async move {
            ledger(channel).list_members(with_deadline(v1::ListMembersRequest {}, deadline)).await
        });
        reply.await
    }

    pub async fn assets(&self) -> Result<Vec<AssetView>, CliError> {
        let reply = self.call(Repeat::Once, |channel, deadline| async move {
            ledger(channel).list_assets(with_deadline(v1::ListAssetsRequest {}, deadline)).await
        });
        reply.await?.assets.into_iter().map(AssetView::from_wire).collect()
    }

    /// None: the last committed one.
    pub async fn block(&self, height: Option<Height>) -> Result<v1::Block, CliError> {
        let reply = self.call(Repeat::Once, |channel, deadline| {
            let request = with_deadline(v1::GetBlockRequest { height: height.map_or(0, |height| height.0) }, deadline);
            async move { ledger(channel).get_block(request).await }
        });
        reply.await
    }

    /// What became of a transaction or transfer of the profile's member.
    pub async fn outcome(&self, id: Uuid, kind: IdKind) -> Result<OutcomeView, CliError> {
        let kind = kind.to_wire();
        let reply = self.call(Repeat::Once, |channel, deadline| {
            let request = with_deadline(v1::GetOutcomeRequest { id: id.0.to_vec(), kind: kind as i32 }, deadline);
            async move { ledger(channel).get_outcome(request).await }
        });
        let v1::Outcome { height, tx_index, item, results } = reply.await?;
        let results = results.into_iter().map(result_from_wire).collect::<Result<_, _>>()?;
        Ok(OutcomeView { height: Height(height), tx_index, item, results })
    }

    /// A hold or an offer that the profile's member has a part in.
    pub async fn pending(&self, name: PendingRef) -> Result<PendingView, CliError> {
        let reply = self.call(Repeat::Once, |channel, deadline| {
            let message = v1::GetPendingRequest { submitter: name.submitter.to_string(), id: name.id.0.to_vec() };
            async move { ledger(channel).get_pending(with_deadline(message, deadline)).await }
        });
        PendingView::from_wire(reply.await?)
    }

    /// Limits of the profile's member.
    pub async fn limits(&self, scope: LimitScope) -> Result<LimitsView, CliError> {
        let message = match scope {
            LimitScope::Account(id) => v1::GetLimitsRequest { account_id: id.0.to_vec(), ..Default::default() },
            LimitScope::Tier { asset, tier } => {
                v1::GetLimitsRequest { asset: asset.to_string(), tier: Some(tier.0.into()), ..Default::default() }
            }
            LimitScope::Member { asset } => v1::GetLimitsRequest { asset: asset.to_string(), ..Default::default() },
            LimitScope::Bilateral { asset, counterparty } => v1::GetLimitsRequest {
                asset: asset.to_string(),
                counterparty: counterparty.to_string(),
                ..Default::default()
            },
        };
        let reply = self.call(Repeat::Once, |channel, deadline| {
            let request = with_deadline(message.clone(), deadline);
            async move { ledger(channel).get_limits(request).await }
        });
        LimitsView::from_wire(&reply.await?)
    }

    pub async fn status(&self) -> Result<v1::NodeStatus, CliError> {
        let reply = self.call(Repeat::Once, |channel, deadline| async move {
            let mut client = StatusClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX);
            client.get_status(with_deadline(v1::GetStatusRequest {}, deadline)).await
        });
        reply.await
    }

    /// Blocks from a height on, without gap or duplicate; None: from the next one on. The stream ends with the
    /// connection; open it again from the last height read plus one.
    pub async fn watch(&self, from: Option<Height>) -> Result<Streaming<v1::Block>, CliError> {
        let reply = self.call(Repeat::Once, |channel, _| {
            // The deadline would end the stream, not only its opening.
            let request = Request::new(v1::WatchRequest { from_height: from.map_or(0, |height| height.0) });
            async move { ledger(channel).watch(request).await }
        });
        reply.await
    }

    /// Turns what ended a stream into an error with its cause.
    pub fn explain(&self, status: &Status) -> CliError {
        self.node(0).explain(status)
    }

    fn node(&self, offset: usize) -> &Node {
        &self.nodes[(self.preferred.load(Ordering::Relaxed) + offset) % self.nodes.len()]
    }

    /// Asks the nodes in turn, the preferred one first.
    async fn call<T, F, R>(&self, repeat: Repeat, ask: F) -> Result<T, CliError>
    where
        F: Fn(Channel, Duration) -> R,
        R: Future<Output = Result<Response<T>, Status>>,
    {
        let deadline = Instant::now() + self.timeout;
        let mut failure = Failure::default();
        for pause_ms in [100u64, 200, 400].into_iter().chain(std::iter::repeat(800)) {
            let mut is_worth_repeating = false;
            for offset in 0..self.nodes.len() {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    return Err(failure.into_error(self.timeout));
                }
                let node = self.node(offset);
                let attempt = left.min(ATTEMPT_MAX);
                match timeout(attempt, ask(node.channel.clone(), attempt)).await {
                    Ok(Ok(reply)) => {
                        self.preferred.fetch_add(offset, Ordering::Relaxed);
                        return Ok(reply.into_inner());
                    }
                    Ok(Err(status)) => failure.add(node.explain(&status)),
                    Err(_) => failure.add(timed_out(&node.address)),
                }
                if failure.is_final() {
                    return Err(failure.into_error(self.timeout));
                }
                is_worth_repeating |= failure.last_is_worth_repeating();
            }
            if repeat == Repeat::Once || !is_worth_repeating {
                return Err(failure.into_error(self.timeout));
            }
            if timeout_at(deadline, sleep(Duration::from_millis(pause_ms))).await.is_err() {
                break;
            }
        }
        Err(failure.into_error(self.timeout))
    }
}

impl SubmitSender {
    /// Waits while the stream is full: that is the back-pressure. False when the stream has ended.
    pub async fn send(&self, tag: u64, transaction: &SignedTransaction) -> bool {
        self.send_bytes(tag, encode(transaction)).await
    }

    /// The canonical encoding of a `SignedTransaction`.
    pub async fn send_bytes(&self, tag: u64, signed_transaction: Vec<u8>) -> bool {
        self.0.send(v1::SubmitStreamRequest { tag, signed_transaction }).await.is_ok()
    }
}

impl SubmitReplies {
    /// The next outcome with its tag. None: the stream has ended. The outer error is the stream's, the inner one the
    /// transaction's.
    pub async fn next(&mut self) -> Option<Result<(u64, Result<Submitted, CliError>), CliError>> {
        match self.0.message().await {
            Ok(None) => None,
            Ok(Some(reply)) => Some(Ok((reply.tag, stream_outcome(reply.outcome)))),
            Err(status) => Some(Err(explain(&status))),
        }
    }
}

fn stream_outcome(outcome: Option<v1::submit_stream_reply::Outcome>) -> Result<Submitted, CliError> {
    match outcome {
        Some(v1::submit_stream_reply::Outcome::Reply(reply)) => Submitted::from_wire(reply),
        Some(v1::submit_stream_reply::Outcome::Error(error)) => Err(match Code::from_name(&error.code) {
            Some(code) => CodedError { code, cause: error.cause, next: Some(error.next) }.into(),
            None => explain(&Status::new(error.status.into(), error.cause)),
        }),
        None => Err(CliError::internal("a reply without an outcome")),
    }
}

impl Node {
    fn new(address: String, config: ClientConfig) -> Node {
        let state = ConnectionState::default();
        let connector = TlsConnector::from(Arc::new(config));
        let connect = {
            let (address, state) = (address.clone(), state.clone());
            move |_: Uri| {
                let (address, state, connector) = (address.clone(), state.clone(), connector.clone());
                async move { open(&address, &connector, state).await.map(TokioIo::new) }
            }
        };
        // The name is never resolved: the connector has the address, and the key says who the node is.
        let endpoint = Endpoint::from_static("http://concordat")
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES);
        Node { address, channel: endpoint.connect_with_connector_lazy(service_fn(connect)), state }
    }

    fn explain(&self, status: &Status) -> CliError {
        if let Some(error) = CodedError::from_status(status) {
            return error.into();
        }
        let is_of_transport = status.source().is_some() || status.code() == tonic::Code::Unavailable;
        match self.state.get() {
            // A request whose connection is refused before it was sent is cancelled.
            Some(failure @ (ConnectionFailure::UnknownKey | ConnectionFailure::ServerKey))
                if is_of_transport || status.code() == tonic::Code::Cancelled =>
            {
                failure.into_error(&self.address)
            }
            Some(failure) if is_of_transport => failure.into_error(&self.address),
            _ => explain(status),
        }
    }
}

async fn open(
    address: &str,
    connector: &TlsConnector,
    state: ConnectionState,
) -> io::Result<Watched<TlsStream<TcpStream>>> {
    let open = async {
        let tcp = TcpStream::connect(address).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from(tls::SERVER_NAME).map_err(io::Error::other)?;
        connector.connect(name, tcp).await
    };
    let opened = timeout(CONNECT_MAX, open).await;
    let opened = opened.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "no connection in time")));
    match opened {
        Ok(stream) => {
            state.set(None);
            Ok(Watched::new(stream, state))
        }
        Err(error) => {
            state.set(Some(ConnectionFailure::Unreachable(error.to_string())));
            state.note(&error);
            Err(error)
        }
    }
}

/// A status that no table of ours made: the transport's, or another program's.
fn explain(status: &Status) -> CliError {
    if let Some(error) = CodedError::from_status(status) {
        return error.into();
    }
    let text = || status.message().chars().take(300).collect::<String>();
    match status.code() {
        tonic::Code::DeadlineExceeded | tonic::Code::Cancelled => {
            CodedError { code: Code::Timeout, cause: Code::Timeout.cause().to_owned(), next: None }.into()
        }
        tonic::Code::Unavailable => unreachable(text()),
        _ if status.source().is_some() => unreachable(text()),
        tonic::Code::Unimplemented => CodedError { code: Code::WrongVersion, cause: text(), next: None }.into(),
        tonic::Code::PermissionDenied | tonic::Code::Unauthenticated => {
            CodedError { code: Code::NotAuthorised, cause: text(), next: None }.into()
        }
        // The limit of gRPC itself, which is a little above the ledger's.
        tonic::Code::OutOfRange => CodedError { code: Code::TooLarge, cause: text(), next: None }.into(),
        tonic::Code::ResourceExhausted => CodedError { code: Code::Busy, cause: text(), next: None }.into(),
        _ => CliError::internal(format!("{}: {}", status.code(), text())),
    }
}

pub(crate) fn unreachable(cause: String) -> CliError {
    CliError::new(
        Exit::Unreachable,
        UNREACHABLE,
        cause,
        "Check that the node runs and that the address in profile.toml is right, then repeat.",
    )
}

fn timed_out(address: &str) -> CliError {
    let cause = format!("{address} gave no answer in time; it is not known whether the request took effect");
    CodedError { code: Code::Timeout, cause, next: None }.into()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    Once,
    UntilTimeout,
}

/// What came of asking several nodes, and what of it to tell.
#[derive(Default)]
struct Failure {
    errors: Vec<CliError>,
    /// One attempt at least may have reached a node.
    is_state_unknown: bool,
}

impl Failure {
    fn add(&mut self, error: CliError) {
        self.is_state_unknown |= error.code == Code::Timeout.name();
        if self.errors.len() == FAILURES_MAX {
            self.errors.remove(0);
        }
        self.errors.push(error);
    }

    fn last_is_worth_repeating(&self) -> bool {
        self.errors.last().is_some_and(CliError::is_worth_repeating)
    }

    /// An answer of the ledger itself: another node would say the same. That a node has a wrong key, or does not know
    /// ours, says nothing of the next node.
    fn is_final(&self) -> bool {
        let is_final = |error: &CliError| {
            !error.is_worth_repeating()
                && error.code != crate::error::SERVER_KEY
                && error.code != Code::TlsUnknownKey.name()
                && error.code != Code::Internal.name()
        };
        self.errors.last().is_some_and(is_final)
    }

    /// An answer beats a refused key, that beats a timeout, that beats a node which could not be reached. Of equal ones
    /// the first is told: it is of the preferred node.
    fn into_error(self, timeout: Duration) -> CliError {
        let is_state_unknown = self.is_state_unknown;
        let rank = |error: &CliError| match error.code {
            UNREACHABLE => 0,
            code if code == Code::Timeout.name() => 2,
            _ if error.is_worth_repeating() => 1,
            _ if is_state_unknown => 1,
            _ => 3,
        };
        let is_final = self.is_final();
        let mut errors = self.errors;
        let error = if is_final { errors.pop() } else { errors.into_iter().rev().max_by_key(rank) };
        error.unwrap_or_else(|| {
            let cause = format!("no answer within {} s", timeout.as_secs_f32());
            CodedError { code: Code::Timeout, cause, next: None }.into()
        })
    }
}

fn ledger(channel: Channel) -> LedgerClient<Channel> {
    LedgerClient::new(channel).max_decoding_message_size(MESSAGE_BYTES_MAX)
}

fn with_deadline<T>(message: T, deadline: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(deadline);
    request
}

impl Submitted {
    pub fn from_wire(reply: v1::SubmitReply) -> Result<Submitted, CliError> {
        let outcome = |result: v1::OperationResult| {
            let transfers = result.transfer_results.into_iter().map(result_from_wire).collect::<Result<_, _>>()?;
            Ok(OperationOutcome { result: result_from_wire(result.result)?, transfers, repeats: result.repeats })
        };
        Ok(Submitted {
            height: Height(reply.height),
            block_id: convert::block_id_from_bytes("block_id", &reply.block_id).map_err(bad_reply)?,
            tx_index: reply.tx_index,
            results: reply.results.into_iter().map(outcome).collect::<Result<_, CliError>>()?,
            repeat: reply.repeat,
        })
    }

    /// The first result other than ok, of operations and of the transfers in them.
    pub fn refusal(&self) -> Option<ResultCode> {
        let results =
            self.results.iter().flat_map(|outcome| std::iter::once(&outcome.result).chain(&outcome.transfers));
        results.copied().find(|result| *result != ResultCode::Ok)
    }
}

impl AccountView {
    fn from_wire(account: v1::Account) -> Result<AccountView, CliError> {
        let amount = |field, bytes: &[u8]| convert::amount_from_bytes(field, bytes).map_err(bad_reply);
        let path = format!("{}/{}/{}", account.owner, account.asset, account.name);
        Ok(AccountView {
            id: convert::account_id_from_bytes("account_id", &account.account_id).map_err(bad_reply)?,
            path: path.parse().map_err(bad_reply)?,
            flags: AccountFlags(u16::try_from(account.flags).map_err(bad_reply)?),
            debits_posted: amount("debits_posted", &account.debits_posted)?,
            credits_posted: amount("credits_posted", &account.credits_posted)?,
            debits_pending: amount("debits_pending", &account.debits_pending)?,
            credits_pending: amount("credits_pending", &account.credits_pending)?,
            parent: unless_empty(&account.parent, |bytes| convert::account_id_from_bytes("parent", bytes))?,
            customer: unless_empty(&account.customer, |bytes| convert::hash_from_bytes("customer", bytes))?,
            tier: account.tier.map(|tier| u8::try_from(tier).map(Tier)).transpose().map_err(bad_reply)?,
            height: Height(account.height),
        })
    }
}

impl PendingView {
    fn from_wire(pending: v1::Pending) -> Result<PendingView, CliError> {
        let leg = |leg: &v1::PendingLeg| {
            Ok(LegView {
                debit: leg.debit_account.parse().map_err(bad_reply)?,
                credit: leg.credit_account.parse().map_err(bad_reply)?,
                amount: convert::amount_from_bytes("amount", &leg.amount).map_err(bad_reply)?,
                accepted: leg.accepted,
            })
        };
        Ok(PendingView {
            name: PendingRef {
                submitter: pending.submitter.parse().map_err(bad_reply)?,
                id: convert::uuid_from_bytes("id", &pending.id).map_err(bad_reply)?,
            },
            kind: v1::pending::Kind::try_from(pending.kind).map_err(bad_reply)?,
            state: v1::pending::State::try_from(pending.state).map_err(bad_reply)?,
            until: Timestamp(pending.until_ms),
            posted_by_creditor: pending.posted_by_creditor,
            legs: pending.legs.iter().map(leg).collect::<Result<_, CliError>>()?,
            height: Height(pending.height),
        })
    }
}

impl LimitsView {
    fn from_wire(reply: &v1::LimitsReply) -> Result<LimitsView, CliError> {
        let amount = |field, bytes: &[u8]| unless_empty(bytes, |bytes| convert::amount_from_bytes(field, bytes));
        let date = BusinessDate::from_days(reply.business_date);
        Ok(LimitsView {
            limits: Limits {
                transfer_max: amount("transfer_max", &reply.transfer_max)?,
                day_max: amount("day_max", &reply.day_max)?,
                net_debit_max: amount("net_debit_max", &reply.net_debit_max)?,
                balance_max: amount("balance_max", &reply.balance_max)?,
                second_key_above: amount("second_key_above", &reply.second_key_above)?,
            },
            used_debits: amount("used_debits", &reply.used_debits)?,
            used_credits: amount("used_credits", &reply.used_credits)?,
            business_date: date.ok_or_else(|| bad_reply("a business date after 9999-12-31"))?,
            height: Height(reply.height),
        })
    }
}

/// Empty bytes stand for nothing.
fn unless_empty<T>(
    bytes: &[u8],
    convert: impl FnOnce(&[u8]) -> Result<T, convert::ConvertError>,
) -> Result<Option<T>, CliError> {
    if bytes.is_empty() { Ok(None) } else { convert(bytes).map(Some).map_err(bad_reply) }
}

impl AssetView {
    fn from_wire(asset: v1::Asset) -> Result<AssetView, CliError> {
        Ok(AssetView {
            code: asset.code.parse().map_err(bad_reply)?,
            decimals: u8::try_from(asset.decimals).map_err(bad_reply)?,
            issuer: asset.issuer.parse().map_err(bad_reply)?,
            kind: asset.kind,
            quota: convert::amount_from_bytes("quota", &asset.quota).map_err(bad_reply)?,
            supply: convert::amount_from_bytes("supply", &asset.supply).map_err(bad_reply)?,
            frozen: asset.frozen,
        })
    }
}

fn result_from_wire(number: u32) -> Result<ResultCode, CliError> {
    let result = u16::try_from(number).ok().and_then(ResultCode::from_number);
    result.ok_or_else(|| {
        let cause = format!("the node answered with result {number}, which this program does not know");
        CodedError { code: Code::WrongVersion, cause, next: None }.into()
    })
}

fn bad_reply(error: impl std::fmt::Display) -> CliError {
    let next = "Use another node, and report this one to its operator.";
    CliError::new(Exit::Verification, Code::Malformed.name(), format!("the node's reply is not valid: {error}"), next)
}

/// A node that hangs is left for the next one after this long, though the request's own timeout may be longer.
const ATTEMPT_MAX: Duration = Duration::from_secs(10);
const CONNECT_MAX: Duration = Duration::from_secs(5);
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// A block with all its visible transactions, and room to spare.
const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// Several transactions of the largest size in flight.
const WINDOW_BYTES: u32 = 4 << 20;
/// Transactions that wait here for the stream's flow control; more than a round trip's worth.
const SUBMIT_STREAM_QUEUE_MAX: usize = 256;
const ACCOUNTS_PAGE: u32 = 1000;
/// A last few are enough to tell.
const FAILURES_MAX: usize = 16;

#[cfg(test)]
pub(crate) mod tests;
