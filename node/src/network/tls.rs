//! TLS 1.3 with keys instead of authorities: a certificate is as good as its public key's place in the registry.
//!
//! The only module that names the node's TLS secret.

use crate::{
    config::TlsConfig,
    error::RunError,
    registry::{Port, Registry},
};
use arc_swap::ArcSwap;
use concordat_proto::Code;
use concordat_types::Hash;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, OtherError, ServerConfig,
    SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature_with_raw_key},
    server::{
        NoServerSessionStorage, ParsedCertificate,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime, pem::PemObject};
use sha2::{Digest, Sha256};
use std::{fmt, fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc};

/// In every certificate; the name identifies nothing, the key does.
pub const SERVER_NAME: &str = "concordat";

/// The node's own key and certificate.
pub struct Identity {
    key: PrivateKeyDer<'static>,
    certificate: CertificateDer<'static>,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub fingerprint: Hash,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity({})", self.fingerprint)
    }
}

impl Identity {
    pub fn load(config: &TlsConfig) -> Result<Identity, RunError> {
        refuse_shared(&config.key)?;
        let key =
            PrivateKeyDer::from_pem_file(&config.key).map_err(|error| unreadable("tls.key", &config.key, &error))?;
        let certificate =
            CertificateDer::from_pem_file(&config.crt).map_err(|error| unreadable("tls.crt", &config.crt, &error))?;
        let fingerprint = fingerprint(&certificate)
            .map_err(|error| Code::TlsKey.error(format!("tls.crt {}: {error}", config.crt.display())))?;
        Ok(Identity { key, certificate, fingerprint })
    }

    /// For a port that takes the keys that the registry has for it.
    pub fn server(&self, registry: Arc<ArcSwap<Registry>>, port: Port) -> Result<Arc<ServerConfig>, RunError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = RegisteredClient { registry, port, provider: provider.clone() };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(unusable)?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .map_err(unusable)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        // A resumed session would skip the look into the registry.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }

    /// To a node with exactly this key.
    pub fn client(&self, expected: Hash) -> Result<Arc<ClientConfig>, RunError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = PinnedServer { expected, provider: provider.clone() };
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(unusable)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_auth_cert(vec![self.certificate.clone()], self.key.clone_key())
            .map_err(unusable)?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Arc::new(config))
    }
}

/// SHA-256 of the SubjectPublicKeyInfo (RFC 5280, DER).
pub fn fingerprint(certificate: &CertificateDer<'_>) -> Result<Hash, Error> {
    Ok(Hash(Sha256::digest(public_key(certificate)?).into()))
}

fn public_key(certificate: &CertificateDer<'_>) -> Result<SubjectPublicKeyInfoDer<'static>, Error> {
    Ok(ParsedCertificate::try_from(certificate)?.subject_public_key_info().into_owned())
}

/// The key is not in the registry, or not for this port.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("TLS key {fingerprint} is not one that this port takes")]
pub struct UnknownKey {
    pub fingerprint: Hash,
}

impl UnknownKey {
    /// Out of the error of a handshake.
    pub fn find_in(error: &std::io::Error) -> Option<UnknownKey> {
        match error.get_ref()?.downcast_ref()? {
            Error::InvalidCertificate(CertificateError::Other(OtherError(other))) => other.downcast_ref().copied(),
            _ => None,
        }
    }

    fn refuse(fingerprint: Hash) -> Error {
        Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(UnknownKey { fingerprint }))))
    }
}

#[derive(Debug)]
struct RegisteredClient {
    registry: Arc<ArcSwap<Registry>>,
    port: Port,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for RegisteredClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let fingerprint = fingerprint(end_entity)?;
        match self.registry.load().caller(&fingerprint, self.port) {
            Some(_) => Ok(ClientCertVerified::assertion()),
            None => Err(UnknownKey::refuse(fingerprint)),
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(tls13_only())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        holds_the_key(&self.provider, message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }
}

#[derive(Debug)]
struct PinnedServer {
    expected: Hash,
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
    ) -> Result<ServerCertVerified, Error> {
        let fingerprint = fingerprint(end_entity)?;
        if fingerprint == self.expected {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(UnknownKey::refuse(fingerprint))
        }
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(tls13_only())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        holds_the_key(&self.provider, message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }
}

/// A certificate is public; what proves the other side is its signature over this handshake.
fn holds_the_key(
    provider: &CryptoProvider,
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signature: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    let key = public_key(certificate)?;
    verify_tls13_signature_with_raw_key(message, &key, signature, &provider.signature_verification_algorithms)
}

fn tls13_only() -> Error {
    Error::General("only TLS 1.3 is spoken".to_owned())
}

/// Whoever reads the key can speak as this node. Where the file is missing, reading it says so.
fn refuse_shared(key: &Path) -> Result<(), RunError> {
    match fs::metadata(key).map(|metadata| metadata.permissions().mode() & 0o777) {
        Ok(mode) if mode & 0o077 != 0 => {
            let cause = format!("tls.key {} is open to others than its owner (mode {mode:03o})", key.display());
            Err(Code::TlsKey.error(cause).with_next(format!("Run chmod 600 {}, then start again.", key.display())))
        }
        _ => Ok(()),
    }
}

fn unusable(error: Error) -> RunError {
    Code::TlsKey.error(format!("the node's TLS key and certificate: {error}"))
}

fn unreadable(what: &str, path: &Path, error: &rustls_pki_types::pem::Error) -> RunError {
    let cause = match error {
        rustls_pki_types::pem::Error::Io(error) => format!("{what} {}: {error}", path.display()),
        // The parser's own text may quote the file.
        _ => format!("{what} {} is not the PEM file it should be", path.display()),
    };
    Code::TlsKey.error(cause)
}

/// Keys of nodes and of access are ECDSA P-256: every TLS library speaks it, BoringSSL refuses Ed25519.
const SCHEMES: [SignatureScheme; 1] = [SignatureScheme::ECDSA_NISTP256_SHA256];

#[cfg(test)]
pub mod tests;
