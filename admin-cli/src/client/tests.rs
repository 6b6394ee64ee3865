//! Against a server that knows TLS and nothing of ledgers.

use super::*;
use crate::profile::TrustedEndpoint;
use concordat_types::{
    Ed25519PublicKey, Ed25519Signature, Operation, Timestamp, Transaction, transaction::TransactionSignature,
};
use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::{
    DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpListener,
};
use tokio_rustls::{TlsAcceptor, server};
use tokio_stream::Stream;
use tonic::transport::{Server, server::Connected};

#[tokio::test]
async fn a_transaction_reaches_a_node_that_is_trusted_and_knows_us() {
    let keys = Keys::new();
    let node = Fake::start(&keys, "node", Answer::Booked).await;
    let client = keys.client(&[(&node.address, "node")], 5_000).await;
    let submitted = client.submit(&transaction(1)).await.expect("it is booked");
    assert_eq!((submitted.height, submitted.tx_index, submitted.repeat), (Height(7), 3, false));
    assert_eq!(submitted.results, [OperationOutcome { result: ResultCode::Ok, transfers: vec![], repeats: vec![] }]);
    assert_eq!(node.seen(), [encode(&transaction(1))]);
}

#[tokio::test]
async fn a_node_that_does_not_know_our_key_runs_nothing() {
    let keys = Keys::new();
    let node = Fake::start(&keys, "node", Answer::Booked).await;
    // The access key of somebody else.
    let profile = Profile {
        access_key: keys.path("stranger.key"),
        access_certificate: keys.path("stranger.crt"),
        ..keys.profile(&[(&node.address, "node")])
    };
    let client = Client::connect(&profile).await.expect("the keys are there");
    for _ in 0..3 {
        let error = client.submit(&transaction(1)).await.expect_err("the key is unknown");
        assert_eq!((error.code, error.exit), ("E_TLS_UNKNOWN_KEY", Exit::Denied), "{}", error.cause);
    }
    assert!(node.seen().is_empty());
}

#[tokio::test]
async fn a_node_with_another_key_gets_nothing() {
    let keys = Keys::new();
    let node = Fake::start(&keys, "stranger", Answer::Booked).await;
    let client = keys.client(&[(&node.address, "node")], 5_000).await;
    let error = client.submit(&transaction(1)).await.expect_err("the certificate is another");
    assert_eq!((error.code, error.exit), ("E_TLS_SERVER_KEY", Exit::Verification), "{}", error.cause);
    assert!(node.seen().is_empty());
}

#[tokio::test]
async fn the_next_node_is_asked_when_one_is_away() {
    let keys = Keys::new();
    let away = closed_address().await;
    let node = Fake::start(&keys, "node", Answer::Booked).await;
    let client = keys.client(&[(&away, "node"), (&node.address, "node")], 5_000).await;
    assert!(client.submit(&transaction(1)).await.is_ok());
    assert!(client.submit(&transaction(2)).await.is_ok());
    // It stays with the one that answered, and `of_node` holds on to one.
    assert_eq!(client.node(0).address, node.address);
    let error = client.of_node(0).with_timeout(Duration::from_millis(200)).submit(&transaction(3)).await;
    assert_eq!(error.map_err(|error| error.code), Err(UNREACHABLE));
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let keys = Keys::new();
    let away = closed_address().await;
    let client = keys.client(&[(&away, "node")], 300).await;
    let error = client.submit(&transaction(1)).await.expect_err("nobody listens");
    assert_eq!((error.code, error.exit), (UNREACHABLE, Exit::Unreachable), "{}", error.cause);
    let error = client.status().await.expect_err("nobody listens");
    assert_eq!((error.code, error.exit), (UNREACHABLE, Exit::Unreachable), "{}", error.cause);
}

#[tokio::test]
async fn a_busy_node_is_sent_the_very_same_bytes_again() {
    let keys = Keys::new();
    let node = Fake::start(&keys, "node", Answer::BusyThenBooked(2)).await;
    let client = keys.client(&[(&node.address, "node")], 10_000).await;
    assert!(client.submit(&transaction(1)).await.is_ok());
    assert_eq!(node.seen(), vec![encode(&transaction(1)); 3]);
}

#[tokio::test]
async fn a_node_that_says_nothing_leaves_the_state_unknown() {
    let keys = Keys::new();
    let node = Fake::start(&keys, "node", Answer::Silence).await;
    let client = keys.client(&[(&node.address, "node")], 300).await;
    let error = client.submit(&transaction(1)).await.expect_err("no answer");
    assert_eq!((error.code, error.exit), ("E_TIMEOUT", Exit::Unreachable), "{}", error.cause);
}

#[tokio::test]
async fn a_refusal_of_form_is_final() {
    let keys = Keys::new();
    let node = Fake::start(&keys, "node", Answer::BadSignature).await;
    let client = keys.client(&[(&node.address, "node"), (&node.address, "node")], 5_000).await;
    let error = client.submit(&transaction(1)).await.expect_err("it is refused");
    assert_eq!((error.code, error.exit), ("E_BAD_SIGNATURE", Exit::Refused));
    assert_eq!((error.cause.as_str(), error.next.as_str()), ("the second one", Code::BadSignature.next_step()));
    assert_eq!(node.seen().len(), 1);
}

#[tokio::test]
async fn an_access_key_that_others_may_read_is_refused() {
    let keys = Keys::new();
    let (path, profile) = (keys.path("access.key"), keys.profile(&[("127.0.0.1:1", "node")]));
    for (mode, code) in [(0o600, None), (0o644, Some(crate::error::KEY_FILE)), (0o620, Some(crate::error::KEY_FILE))] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("it is ours");
        let error = Client::connect(&profile).await.err();
        assert_eq!(error.as_ref().map(|error| error.code), code, "{mode:o}");
        let is_named = |error: CliError| error.exit == Exit::UnsafeLocalState && error.next.contains("chmod 600");
        assert!(error.is_none_or(is_named), "{mode:o}");
    }
}

#[tokio::test]
async fn a_stream_answers_by_tag() {
    let keys = Keys::new();
    let node = Fake::start(&keys, "node", Answer::Booked).await;
    let client = keys.client(&[(&node.address, "node")], 5_000).await;
    let (sender, mut replies) = client.submit_stream().await.expect("it opens");
    assert!(sender.send(40, &transaction(1)).await);
    assert!(sender.send(41, &transaction(2)).await);
    drop(sender);
    for tag in [40, 41] {
        let (got, outcome) = replies.next().await.expect("an outcome").expect("the stream holds");
        assert_eq!((got, outcome.map(|submitted| submitted.height)), (tag, Ok(Height(7))));
    }
    assert!(replies.next().await.is_none());
}

#[tokio::test]
async fn what_is_found_is_read_page_by_page_up_to_a_limit() {
    let keys = Keys::new();
    let node = Fake::start(&keys, "node", Answer::Booked).await;
    let client = keys.client(&[(&node.address, "node")], 5_000).await;
    for (limit, heights) in [(1, vec![9]), (3, vec![9, 9, 8]), (4, vec![9, 9, 8, 8]), (100, vec![9, 9, 8, 8, 7])] {
        let found = client.records_of_reference("INV-7", limit).await.expect("it answers");
        assert_eq!(found.iter().map(|found| found.record.height.0).collect::<Vec<_>>(), heights, "at most {limit}");
    }
}

#[tokio::test]
async fn holds_and_limits_are_read_by_name_and_scope() {
    let keys = Keys::new();
    let node = Fake::start(&keys, "node", Answer::Booked).await;
    let client = keys.client(&[(&node.address, "node")], 5_000).await;
    let name = PendingRef { submitter: "bank-a".parse().expect("a name"), id: crate::new_id() };
    let hold = client.pending(name).await.expect("it answers");
    assert_eq!((hold.name, hold.kind, hold.state), (name, v1::pending::Kind::Hold, v1::pending::State::Posted));
    assert_eq!((hold.until, hold.height, hold.legs[0].amount), (Timestamp(9_000), Height(7), 250));
    assert_eq!(hold.legs[0].credit.to_string(), "bank-b/EUR/main");

    let asset = "EUR".parse().expect("a code");
    let counterparty = "bank-b".parse().expect("a name");
    for (said, scope) in [
        (1, LimitScope::Account(AccountId([7; 16]))),
        (2, LimitScope::Tier { asset, tier: Tier(3) }),
        (3, LimitScope::Bilateral { asset, counterparty }),
        (4, LimitScope::Member { asset }),
    ] {
        let view = client.limits(scope).await.expect("it answers");
        assert_eq!(view.limits, Limits { day_max: Some(said), ..Limits::default() }, "{scope:?}");
        assert_eq!((view.used_debits, view.business_date.to_string().as_str()), (None, "2026-11-28"));
    }
}

#[test]
fn results_that_are_not_known_are_no_success() {
    let reply = |result| v1::SubmitReply {
        block_id: vec![0; 32],
        results: vec![v1::OperationResult { result, transfer_results: vec![0, 92], ..Default::default() }],
        ..v1::SubmitReply::default()
    };
    assert_eq!(
        Submitted::from_wire(reply(0)).map(|submitted| submitted.refusal()),
        Ok(Some(ResultCode::InsufficientFunds))
    );
    assert_eq!(Submitted::from_wire(reply(77)).map_err(|error| error.code), Err("E_WRONG_VERSION"));
    let error = Submitted::from_wire(v1::SubmitReply::default()).expect_err("no block id");
    assert_eq!(error.exit, Exit::Verification);
}

fn transaction(id: u8) -> SignedTransaction {
    let signature = TransactionSignature { key: Ed25519PublicKey([id; 32]), signature: Ed25519Signature([id; 64]) };
    SignedTransaction { bytes: vec![id; 10], signatures: vec![signature] }
}

async fn closed_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("it is bound").to_string()
}

/// Of a node, a member and a stranger.
pub(crate) struct Keys {
    dir: tempfile::TempDir,
}

impl Keys {
    pub(crate) fn new() -> Keys {
        let dir = tempfile::tempdir().expect("a temporary folder");
        for name in ["node", "access", "stranger"] {
            let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).expect("a key");
            let params = CertificateParams::new(vec![tls::SERVER_NAME.to_owned()]).expect("a name");
            let certificate = params.self_signed(&key).expect("a certificate");
            let key_path = dir.path().join(format!("{name}.key"));
            concordat_keys::files::write_new(&key_path, key.serialize_pem().as_bytes()).expect("it is writable");
            fs::write(dir.path().join(format!("{name}.crt")), certificate.pem()).expect("it is writable");
        }
        Keys { dir }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn profile(&self, nodes: &[(&str, &str)]) -> Profile {
        let endpoint = |(address, name): &(&str, &str)| TrustedEndpoint {
            address: (*address).to_owned(),
            certificate: self.path(&format!("{name}.crt")),
        };
        Profile {
            dir: self.dir.path().to_owned(),
            member: "bank-a".parse().expect("a name"),
            network_id: NetworkId::default(),
            endpoints: nodes.iter().map(endpoint).collect(),
            operator_key: self.path("operator.key"),
            admin_key: self.path("admin.key"),
            access_key: self.path("access.key"),
            access_certificate: self.path("access.crt"),
            passphrase_file: None,
        }
    }

    pub(crate) async fn client(&self, nodes: &[(&str, &str)], timeout_ms: u64) -> Client {
        let client = Client::connect(&self.profile(nodes)).await.expect("the keys are there");
        client.with_timeout(Duration::from_millis(timeout_ms))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Books each payment once, and no transaction that the last block is too late for.
    Books {
        tip: Timestamp,
    },
    Booked,
    /// Books the transaction with this result.
    Result(ResultCode),
    BusyThenBooked(usize),
    Silence,
    BadSignature,
}

pub(crate) struct Fake {
    pub(crate) address: String,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    pub(crate) outcomes: Outcomes,
    pub(crate) admin: Arc<Mutex<Administration>>,
}

/// What it says of governance and of itself, and who asked to be let in.
#[derive(Default)]
pub(crate) struct Administration {
    pub(crate) proposals: Vec<v1::Proposal>,
    pub(crate) governance: v1::Governance,
    pub(crate) join: v1::JoinReply,
    pub(crate) joins: Vec<Vec<u8>>,
    pub(crate) status: v1::NodeStatus,
}

/// By id, of transactions and transfers.
type Outcomes = Arc<Mutex<BTreeMap<Uuid, v1::Outcome>>>;

impl Fake {
    /// Serves under the key of that name; knows the access key alone.
    pub(crate) async fn start(keys: &Keys, name: &str, answer: Answer) -> Fake {
        let known = CertificateDer::from_pem_file(keys.path("access.crt")).expect("a certificate");
        Fake::start_at("127.0.0.1:0", keys, name, answer, Some(known)).await
    }

    /// At an address; without a known key everybody is let in.
    pub(crate) async fn start_at(
        address: &str,
        keys: &Keys,
        name: &str,
        answer: Answer,
        known: Option<CertificateDer<'static>>,
    ) -> Fake {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let acceptor = TlsAcceptor::from(Arc::new(server_config(keys, name, known)));
        let (sender, connections) = mpsc::channel(16);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, sender) = (acceptor.clone(), sender.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(tcp).await {
                        let _ = sender.send(Ok::<_, io::Error>(Accepted(stream))).await;
                    }
                });
            }
        });
        let seen = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let outcomes = Outcomes::default();
        let ledger = FakeLedger { answer, seen: seen.clone(), outcomes: outcomes.clone() };
        let ledger = v1::ledger_server::LedgerServer::new(ledger).max_decoding_message_size(MESSAGE_BYTES_MAX);
        let admin = Arc::<Mutex<Administration>>::default();
        let service = FakeAdmin { state: admin.clone(), seen: seen.clone() };
        let server = Server::builder()
            .add_service(ledger)
            .add_service(v1::admin_server::AdminServer::new(service.clone()))
            .add_service(v1::status_server::StatusServer::new(service));
        tokio::spawn(server.serve_with_incoming(ReceiverStream::new(connections)));
        Fake { address, seen, outcomes, admin }
    }

    pub(crate) fn seen(&self) -> Vec<Vec<u8>> {
        self.seen.lock().expect("no test panics with it").clone()
    }
}

fn server_config(keys: &Keys, name: &str, known: Option<CertificateDer<'static>>) -> ServerConfig {
    let read = |path: &Path| CertificateDer::from_pem_file(path).expect("a certificate");
    let provider = Arc::new(aws_lc_rs::default_provider());
    let known = OneClient { certificate: known, provider: provider.clone() };
    let key = PrivateKeyDer::from_pem_file(keys.path(&format!("{name}.key"))).expect("a key");
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("it is known")
        .with_client_cert_verifier(Arc::new(known))
        .with_single_cert(vec![read(&keys.path(&format!("{name}.crt")))], key)
        .expect("they belong together");
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

#[derive(Debug)]
struct OneClient {
    /// None: whoever comes.
    certificate: Option<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for OneClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        match self.certificate.as_ref().is_none_or(|certificate| end_entity == certificate) {
            true => Ok(ClientCertVerified::assertion()),
            false => Err(rustls::CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::PeerIncompatible::Tls12NotOffered.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

struct Accepted(server::TlsStream<TcpStream>);

impl Connected for Accepted {
    type ConnectInfo = ();
    fn connect_info(&self) {}
}

impl AsyncRead for Accepted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

struct FakeLedger {
    answer: Answer,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    outcomes: Outcomes,
}

impl FakeLedger {
    fn book(&self, bytes: &[u8], count: usize, tip: Timestamp) -> Result<Response<v1::SubmitReply>, Status> {
        let signed: SignedTransaction = concordat_types::decode(bytes, MESSAGE_BYTES_MAX).expect("we made it");
        let transaction: Transaction = concordat_types::decode(&signed.bytes, MESSAGE_BYTES_MAX).expect("we made it");
        if transaction.valid_until < tip {
            return Err(Code::Expired.status("it is over"));
        }
        let [Operation::Batch { transfers, .. }] = &transaction.operations[..] else { panic!("no payment file") };
        let (mut transfer_results, mut repeats) = (Vec::new(), Vec::new());
        let mut outcomes = self.outcomes.lock().expect("no test panics with it");
        let place = v1::Outcome { height: 20, tx_index: count as u32, item: 0, results: vec![0] };
        outcomes.insert(transaction.id, place.clone());
        for (item, transfer) in (1u32..).zip(transfers) {
            if outcomes.contains_key(&transfer.id) {
                repeats.push(item);
            }
            transfer_results.push(outcomes.entry(transfer.id).or_insert_with(|| place.clone()).results[0]);
        }
        let batch = v1::OperationResult { transfer_results, repeats, ..Default::default() };
        let reply = v1::SubmitReply { height: 20, tx_index: count as u32, results: vec![batch], ..booked() };
        Ok(Response::new(reply))
    }

    fn see(&self, bytes: Vec<u8>) -> usize {
        let mut seen = self.seen.lock().expect("no test panics with it");
        seen.push(bytes);
        seen.len()
    }
}

fn booked() -> v1::SubmitReply {
    let ok = v1::OperationResult { result: 0, ..Default::default() };
    v1::SubmitReply { height: 7, block_id: vec![9; 32], tx_index: 3, results: vec![ok], repeat: false }
}

type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl v1::ledger_server::Ledger for FakeLedger {
    type SubmitStreamStream = Replies<v1::SubmitStreamReply>;
    type WatchStream = Replies<v1::Block>;
    type SubscribeStream = Replies<v1::Events>;

    async fn submit(&self, request: Request<v1::SubmitRequest>) -> Result<Response<v1::SubmitReply>, Status> {
        let count = self.see(request.into_inner().signed_transaction);
        match self.answer {
            Answer::Books { tip } => {
                self.book(&self.seen.lock().expect("no test panics with it")[count - 1], count, tip)
            }
            Answer::Booked => Ok(Response::new(booked())),
            Answer::Result(result) => {
                let result = v1::OperationResult { result: result.number().into(), ..Default::default() };
                Ok(Response::new(v1::SubmitReply { results: vec![result], ..booked() }))
            }
            Answer::BusyThenBooked(times) if count <= times => Err(Code::Busy.status("the queue is full")),
            Answer::BusyThenBooked(_) => Ok(Response::new(booked())),
            Answer::Silence => std::future::pending().await,
            Answer::BadSignature => Err(Code::BadSignature.status("the second one")),
        }
    }

    async fn submit_stream(
        &self,
        request: Request<Streaming<v1::SubmitStreamRequest>>,
    ) -> Result<Response<Self::SubmitStreamStream>, Status> {
        let mut requests = request.into_inner();
        let (sender, replies) = mpsc::channel(16);
        tokio::spawn(async move {
            while let Ok(Some(request)) = requests.message().await {
                let outcome = Some(v1::submit_stream_reply::Outcome::Reply(booked()));
                let _ = sender.send(Ok(v1::SubmitStreamReply { tag: request.tag, outcome })).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(replies))))
    }

    async fn get_account(&self, request: Request<v1::GetAccountRequest>) -> Result<Response<v1::Account>, Status> {
        let zero = || 0u128.to_be_bytes().to_vec();
        Ok(Response::new(v1::Account {
            account_id: request.into_inner().account_id,
            owner: "bank-a".to_owned(),
            asset: "EUR".to_owned(),
            name: "main".to_owned(),
            debits_posted: zero(),
            credits_posted: zero(),
            debits_pending: zero(),
            credits_pending: zero(),
            parent: vec![9; 16],
            tier: Some(4),
            ..v1::Account::default()
        }))
    }

    async fn list_accounts(
        &self,
        _: Request<v1::ListAccountsRequest>,
    ) -> Result<Response<v1::ListAccountsReply>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_members(&self, _: Request<v1::ListMembersRequest>) -> Result<Response<v1::ListMembersReply>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn list_assets(&self, _: Request<v1::ListAssetsRequest>) -> Result<Response<v1::ListAssetsReply>, Status> {
        let amount = || 0u128.to_be_bytes().to_vec();
        let asset =
            v1::Asset { code: "EUR".to_owned(), decimals: 2, issuer: "central-bank".to_owned(), ..Default::default() };
        let asset = v1::Asset { quota: amount(), supply: amount(), ..asset };
        Ok(Response::new(v1::ListAssetsReply { assets: vec![asset], height: 7 }))
    }

    async fn get_block(&self, _: Request<v1::GetBlockRequest>) -> Result<Response<v1::Block>, Status> {
        let Answer::Books { tip } = self.answer else { return Err(Status::unimplemented("")) };
        Ok(Response::new(v1::Block { time_ms: tip.0, ..v1::Block::default() }))
    }

    async fn get_outcome(&self, request: Request<v1::GetOutcomeRequest>) -> Result<Response<v1::Outcome>, Status> {
        let id = Uuid(request.into_inner().id.try_into().expect("16 bytes"));
        let outcome = self.outcomes.lock().expect("no test panics with it").get(&id).cloned();
        outcome.map(Response::new).ok_or_else(|| Code::NotFound.status("nothing under this id"))
    }

    async fn get_balance(&self, _: Request<v1::GetBalanceRequest>) -> Result<Response<v1::Balance>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_statement(&self, _: Request<v1::GetStatementRequest>) -> Result<Response<v1::Statement>, Status> {
        Err(Status::unimplemented(""))
    }

    /// Three pages of two, the last of one.
    async fn find_records(
        &self,
        request: Request<v1::FindRecordsRequest>,
    ) -> Result<Response<v1::FindRecordsReply>, Status> {
        let v1::FindRecordsRequest { page_token, page_size, .. } = request.into_inner();
        let page = page_token.first().copied().unwrap_or(0);
        let of_page = if page == 2 { 1 } else { 2.min(page_size as usize) };
        let record = v1::Record {
            height: u64::from(9 - page),
            at: Some(v1::record::At::Event(0)),
            submitter: "bank-a".to_owned(),
            id: crate::new_id().0.to_vec(),
            ..v1::Record::default()
        };
        let records = vec![v1::FoundRecord { record: Some(record), state: 0 }; of_page];
        let next_page_token = if page == 2 { Vec::new() } else { vec![page + 1] };
        Ok(Response::new(v1::FindRecordsReply { records, next_page_token, index_height: 9 }))
    }

    async fn subscribe(&self, _: Request<v1::SubscribeRequest>) -> Result<Response<Self::SubscribeStream>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_receipt(&self, _: Request<v1::GetReceiptRequest>) -> Result<Response<v1::Receipt>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_proof(&self, _: Request<v1::GetProofRequest>) -> Result<Response<v1::StateProof>, Status> {
        Err(Status::unimplemented(""))
    }

    async fn get_pending(&self, request: Request<v1::GetPendingRequest>) -> Result<Response<v1::Pending>, Status> {
        let v1::GetPendingRequest { submitter, id } = request.into_inner();
        let leg = v1::PendingLeg {
            debit_account: "bank-a/EUR/main".to_owned(),
            credit_account: "bank-b/EUR/main".to_owned(),
            amount: 250u128.to_be_bytes().to_vec(),
            accepted: true,
        };
        let state = v1::pending::State::Posted as i32;
        Ok(Response::new(v1::Pending {
            submitter,
            id,
            state,
            until_ms: 9_000,
            legs: vec![leg],
            height: 7,
            ..Default::default()
        }))
    }

    async fn get_limits(&self, request: Request<v1::GetLimitsRequest>) -> Result<Response<v1::LimitsReply>, Status> {
        let request = request.into_inner();
        // Which scope was asked for stands in the answer.
        let said = match (request.account_id.len(), request.tier, request.counterparty.as_str()) {
            (16, None, "") if request.asset.is_empty() => 1,
            (0, Some(3), "") if request.asset == "EUR" => 2,
            (0, None, "bank-b") if request.asset == "EUR" => 3,
            (0, None, "") if request.asset == "EUR" => 4,
            _ => 5u128,
        };
        let day_max = said.to_be_bytes().to_vec();
        Ok(Response::new(v1::LimitsReply { day_max, business_date: 20_785, height: 7, ..Default::default() }))
    }

    async fn watch(&self, _: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented(""))
    }
}

#[derive(Clone)]
struct FakeAdmin {
    state: Arc<Mutex<Administration>>,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl FakeAdmin {
    fn state(&self) -> std::sync::MutexGuard<'_, Administration> {
        self.state.lock().expect("no test panics with it")
    }
}

#[tonic::async_trait]
impl v1::admin_server::Admin for FakeAdmin {
    async fn list_proposals(
        &self,
        _: Request<v1::ListProposalsRequest>,
    ) -> Result<Response<v1::ListProposalsReply>, Status> {
        let mut proposals = self.state().proposals.clone();
        // Whoever proposes finds it again.
        for bytes in self.seen.lock().expect("no test panics with it").iter() {
            let signed: SignedTransaction = concordat_types::decode(bytes, MESSAGE_BYTES_MAX).expect("we made it");
            let made: Transaction = concordat_types::decode(&signed.bytes, MESSAGE_BYTES_MAX).expect("we made it");
            if let [Operation::Propose(proposal)] = &made.operations[..] {
                let record = concordat_ledger::ProposalRecord {
                    proposer: made.submitter,
                    proposal: proposal.clone(),
                    hash: Hash::default(),
                    filed_at: Height(7),
                    state: concordat_ledger::ProposalState::Open,
                    ballots: Vec::new(),
                };
                proposals.insert(0, v1::Proposal { id: 99, record: encode(&record), ..Default::default() });
            }
        }
        Ok(Response::new(v1::ListProposalsReply { proposals, height: 7, next_before: 0 }))
    }

    /// The first, whatever is asked for.
    async fn get_proposal(&self, _: Request<v1::GetProposalRequest>) -> Result<Response<v1::Proposal>, Status> {
        let first = self.state().proposals.first().cloned();
        first.map(Response::new).ok_or_else(|| Code::NotFound.status("there is none"))
    }

    async fn get_governance(&self, _: Request<v1::GetGovernanceRequest>) -> Result<Response<v1::Governance>, Status> {
        Ok(Response::new(self.state().governance.clone()))
    }

    /// A candidate validates as soon as a transaction has come.
    async fn join(&self, request: Request<v1::JoinRequest>) -> Result<Response<v1::JoinReply>, Status> {
        let mut state = self.state();
        state.joins.push(request.into_inner().transaction);
        if state.join.validator == "syncing" && !self.seen.lock().expect("no test panics with it").is_empty() {
            state.join.validator = "validating".to_owned();
        }
        Ok(Response::new(state.join.clone()))
    }
}

#[tonic::async_trait]
impl v1::status_server::Status for FakeAdmin {
    async fn get_status(&self, _: Request<v1::GetStatusRequest>) -> Result<Response<v1::NodeStatus>, Status> {
        Ok(Response::new(self.state().status.clone()))
    }
}
