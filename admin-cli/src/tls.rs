//! Mutual TLS 1.3 with keys instead of authorities: a node is trusted because its certificate stands in the profile,
//! and it knows us by the access key that the ledger has of us.

use crate::{
    CliError, Exit,
    error::{KEY_FILE, SERVER_KEY},
    secrets::too_open,
};
use concordat_keys::files;
use concordat_proto::codes::{Code, CodedError};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature},
    server::ParsedCertificate,
};
use rustls_pki_types::{
    CertificateDer, PrivateKeyDer, ServerName, UnixTime,
    pem::{self, PemObject},
};
use std::{
    fs::File,
    io,
    path::Path,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The name in every certificate; it identifies nothing, the key does.
pub const SERVER_NAME: &str = "concordat";

/// TLS for one endpoint: our access key, and the one certificate whose key we accept there.
pub fn client_config(access_key: &Path, access_certificate: &Path, trusted: &Path) -> Result<ClientConfig, CliError> {
    let key = read_key(access_key)?;
    let certificate = read_certificate("access certificate", access_certificate)?;
    let trusted = read_certificate("trusted certificate", trusted)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = PinnedServer { key: public_key(&trusted).map_err(not_a_key)?, provider: provider.clone() };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(not_a_key)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_auth_cert(vec![certificate], key)
        .map_err(not_a_key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// SubjectPublicKeyInfo (RFC 5280), DER.
pub fn public_key(certificate: &CertificateDer<'_>) -> Result<Vec<u8>, rustls::Error> {
    Ok(ParsedCertificate::try_from(certificate)?.subject_public_key_info().as_ref().to_vec())
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, CliError> {
    let unreadable = |error| unreadable("access key", path, &error);
    let file = File::open(path).map_err(|error| unreadable(pem::Error::Io(error)))?;
    let mode = files::mode_if_open_to_others(&file).map_err(|error| unreadable(pem::Error::Io(error)))?;
    if let Some(mode) = mode {
        return Err(too_open(path, mode));
    }
    PrivateKeyDer::from_pem_reader(file).map_err(unreadable)
}

fn read_certificate(what: &str, path: &Path) -> Result<CertificateDer<'static>, CliError> {
    CertificateDer::from_pem_file(path).map_err(|error| unreadable(what, path, &error))
}

fn unreadable(what: &str, path: &Path, error: &pem::Error) -> CliError {
    let cause = match error {
        pem::Error::Io(error) => format!("{what} {}: {error}", path.display()),
        // The parser's own text may quote the file.
        _ => format!("{what} {} is not the PEM file it should be", path.display()),
    };
    CliError::new(Exit::Usage, KEY_FILE, cause, "Check the paths in profile.toml.")
}

fn not_a_key(error: rustls::Error) -> CliError {
    CliError::new(
        Exit::Usage,
        KEY_FILE,
        format!("the TLS keys of the profile: {error}"),
        "Check the paths in profile.toml.",
    )
}

/// Accepts one public key, whatever else the certificate says.
#[derive(Debug)]
struct PinnedServer {
    key: Vec<u8>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for PinnedServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if public_key(end_entity)? != self.key {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        Ok(ServerCertVerified::assertion())
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

/// What the last connection to a node came to; gRPC alone would only say "transport error".
#[derive(Clone, Debug, Default)]
pub struct ConnectionState(Arc<Mutex<Option<ConnectionFailure>>>);

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConnectionFailure {
    /// No TCP or TLS connection; nothing was sent.
    Unreachable(String),
    /// The node's key is not the one in the profile; nothing was sent.
    ServerKey,
    /// The node does not know our key; it ran no request.
    UnknownKey,
}

impl ConnectionState {
    pub fn set(&self, failure: Option<ConnectionFailure>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    pub fn get(&self) -> Option<ConnectionFailure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes what an I/O error of a TLS stream or handshake says.
    pub fn note(&self, error: &io::Error) {
        if let Some(failure) = ConnectionFailure::of(error) {
            self.set(Some(failure));
        }
    }
}

impl ConnectionFailure {
    fn of(error: &io::Error) -> Option<ConnectionFailure> {
        match error.get_ref()?.downcast_ref::<rustls::Error>()? {
            rustls::Error::InvalidCertificate(_) => Some(ConnectionFailure::ServerKey),
            rustls::Error::AlertReceived(alert) if refuses_our_key(*alert) => Some(ConnectionFailure::UnknownKey),
            error => Some(ConnectionFailure::Unreachable(error.to_string())),
        }
    }

    pub fn into_error(self, address: &str) -> CliError {
        match self {
            ConnectionFailure::Unreachable(cause) => crate::client::unreachable(format!("{address}: {cause}")),
            ConnectionFailure::ServerKey => CliError::new(
                Exit::Verification,
                SERVER_KEY,
                format!("the node at {address} has another TLS key than the one that the profile trusts"),
                "Ask the node's operator for its certificate over another channel; until then do not use this address.",
            ),
            ConnectionFailure::UnknownKey => {
                let cause = format!("the node at {address} does not know the profile's access key");
                CodedError { code: Code::TlsUnknownKey, cause, next: None }.into()
            }
        }
    }
}

/// With TLS 1.3 a client has finished its handshake before the server has looked at the client's key: the refusal
/// comes as an alert on the first read.
fn refuses_our_key(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::AccessDenied
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRequired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::UnsupportedCertificate
    )
}

/// A stream that remembers the TLS alert that ended it.
#[derive(Debug)]
pub struct Watched<S> {
    stream: S,
    state: ConnectionState,
}

impl<S> Watched<S> {
    pub fn new(stream: S, state: ConnectionState) -> Watched<S> {
        Watched { stream, state }
    }
}

impl<S: AsyncRead + Unpin> Watched<S> {
    /// The write side may hear of the end first; the alert then still waits to be read.
    fn note_after_write(&mut self, context: &mut Context<'_>, error: &io::Error) {
        self.state.note(error);
        let mut scratch = [0; 1024];
        // A few reads: what may stand before the alert is a session ticket or a settings frame.
        for _ in 0..4 {
            match Pin::new(&mut self.stream).poll_read(context, &mut ReadBuf::new(&mut scratch)) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return self.state.note(&error),
                Poll::Pending => return,
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Poll::Ready(Err(error)) = &polled {
            self.state.note(error);
        }
        polled
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Err(error)) = &polled {
            self.note_after_write(context, error);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        if let Poll::Ready(Err(error)) = &polled {
            self.note_after_write(context, error);
        }
        polled
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
