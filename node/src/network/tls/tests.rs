use super::*;
use crate::registry::tests::member;
use concordat_types::{MemberId, Rights, member::AccessKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{TlsAcceptor, TlsConnector};

pub fn identity() -> Identity {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
    let params = rcgen::CertificateParams::new(vec![SERVER_NAME.to_owned()]).expect("a valid name");
    let certificate = params.self_signed(&key).expect("a certificate").der().clone();
    let fingerprint = fingerprint(&certificate).expect("it has a key");
    Identity { key: PrivateKeyDer::Pkcs8(key.serialize_der().into()), certificate, fingerprint }
}

/// A registry in which bank-a has the node key of `node` and the access key of `access`.
pub fn registry(node: &Identity, access: &Identity) -> Arc<ArcSwap<Registry>> {
    let mut bank = member("bank-a", 1, 2);
    bank.node.as_mut().expect("it has a node").tls_key = node.fingerprint;
    bank.access_keys = vec![AccessKey { key: access.fingerprint, rights: Rights::READ }];
    Arc::new(ArcSwap::from_pointee(Registry::new(vec![bank], None)))
}

/// What each side sees: the server the caller's member, the client whether it could read the server's greeting.
async fn shake_hands(
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    registry: &ArcSwap<Registry>,
    port: Port,
) -> (std::io::Result<Option<MemberId>>, std::io::Result<u8>) {
    let (near, far) = tokio::io::duplex(1 << 16);
    let serving = async {
        let mut stream = TlsAcceptor::from(server).accept(near).await?;
        let certificate = stream.get_ref().1.peer_certificates().and_then(|all| all.first()).cloned();
        let fingerprint = certificate.and_then(|certificate| fingerprint(&certificate).ok());
        stream.write_all(b"!").await?;
        stream.flush().await?;
        Ok(fingerprint.and_then(|key| registry.load().caller(&key, port)).map(|caller| caller.member))
    };
    let dialling = async {
        let name = ServerName::try_from(SERVER_NAME).expect("a valid literal");
        TlsConnector::from(client).connect(name, far).await?.read_u8().await
    };
    tokio::join!(serving, dialling)
}

#[tokio::test]
async fn keys_of_the_registry_come_in_and_others_do_not() {
    let (server, node, access, stranger) = (identity(), identity(), identity(), identity());
    let registry = registry(&node, &access);
    for (who, port, known) in [
        (&node, Port::Peer, true),
        (&node, Port::Client, true),
        (&access, Port::Client, true),
        (&access, Port::Peer, false),
        (&stranger, Port::Client, false),
        (&stranger, Port::Peer, false),
    ] {
        let served = server.server(registry.clone(), port).expect("a usable key");
        let client = who.client(server.fingerprint).expect("a usable key");
        let (seen, read) = shake_hands(served, client, &registry, port).await;
        assert_eq!(read.is_ok(), known, "{who:?} at the {} port", port.name());
        match seen {
            Ok(member) => assert!(known && member.is_some()),
            Err(error) => {
                let unknown = UnknownKey::find_in(&error).expect("the handshake says whose key it was");
                assert_eq!((known, unknown.fingerprint), (false, who.fingerprint));
            }
        }
    }
}

#[tokio::test]
async fn a_key_that_left_the_registry_is_refused_at_once() {
    let (server, node) = (identity(), identity());
    let registry = registry(&node, &identity());
    let served = server.server(registry.clone(), Port::Peer).expect("a usable key");
    let client = || node.client(server.fingerprint).expect("a usable key");
    assert!(shake_hands(served.clone(), client(), &registry, Port::Peer).await.0.is_ok());
    registry.store(Arc::new(Registry::default()));
    assert!(shake_hands(served, client(), &registry, Port::Peer).await.0.is_err());
}

#[tokio::test]
async fn only_the_dialled_members_key_will_do() {
    let (server, node) = (identity(), identity());
    let registry = registry(&node, &identity());
    let served = server.server(registry.clone(), Port::Peer).expect("a usable key");
    let client = node.client(identity().fingerprint).expect("a usable key");
    let (_, read) = shake_hands(served, client, &registry, Port::Peer).await;
    let unknown = UnknownKey::find_in(&read.expect_err("another key than expected"));
    assert_eq!(unknown.map(|unknown| unknown.fingerprint), Some(server.fingerprint));
}

/// The certificate of another without its secret proves nothing.
#[tokio::test]
async fn a_borrowed_certificate_is_refused() {
    let (server, node, thief) = (identity(), identity(), identity());
    let registry = registry(&node, &identity());
    let served = server.server(registry.clone(), Port::Peer).expect("a usable key");
    let borrowed = Identity { key: thief.key, certificate: node.certificate.clone(), fingerprint: node.fingerprint };
    // Where the library does not notice that the two do not belong together, the server must.
    if let Ok(client) = borrowed.client(server.fingerprint) {
        assert!(shake_hands(served, client, &registry, Port::Peer).await.0.is_err());
    }
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let dir = tempfile::tempdir().expect("a folder");
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
    let params = rcgen::CertificateParams::new(vec![SERVER_NAME.to_owned()]).expect("a valid name");
    let config = TlsConfig { key: dir.path().join("tls.key"), crt: dir.path().join("tls.crt") };
    fs::write(&config.key, pair.serialize_pem()).expect("it is writable");
    fs::write(&config.crt, params.self_signed(&pair).expect("a certificate").pem()).expect("it is writable");
    for (mode, is_good) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false), (0o620, false)] {
        fs::set_permissions(&config.key, fs::Permissions::from_mode(mode)).expect("it is ours");
        match Identity::load(&config) {
            Ok(_) => assert!(is_good, "{mode:o}"),
            Err(error) => {
                assert_eq!((is_good, error.code), (false, Code::TlsKey), "{mode:o}: {error}");
                assert!(error.next_step().contains("chmod 600"));
            }
        }
    }
}
