use super::*;
use crate::{
    network::tls::{SERVER_NAME, tests::identity, tests::registry},
    registry::tests::caller,
};
use concordat_types::Roles;
use rustls_pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tokio_stream::StreamExt;

#[tokio::test]
async fn sockets_that_say_nothing_keep_nobody_out() {
    let (server, node) = (identity(), identity());
    let registry = registry(&node, &identity());
    let tls = server.server(registry.clone(), Port::Client).expect("a usable key");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let connections = Arc::new(Connections::default());
    let mut incoming = accept(registry, listener, tls, Port::Client, connections.clone());
    let mut silent = Vec::new();
    for _ in 0..2 * HANDSHAKES_MAX {
        silent.push(TcpStream::connect(address).await.expect("the port is open"));
    }
    let connector = TlsConnector::from(node.client(server.fingerprint).expect("a usable key"));
    let dialling = async {
        let socket = TcpStream::connect(address).await?;
        connector.connect(ServerName::try_from(SERVER_NAME).expect("a valid literal"), socket).await
    };
    // Less than what a silent socket may wait, let alone a handshake.
    let both = timeout(GREETING_MAX / 2, async { tokio::join!(dialling, incoming.next()) }).await;
    let (dialled, known) = both.expect("it is let in at once");
    assert!(dialled.is_ok());
    let known = known.expect("the port is open").expect("a known caller");
    assert_eq!((known.caller.member.to_string().as_str(), connections.open.lock().len()), ("bank-a", 1));
    drop(known);
    assert!(connections.open.lock().is_empty());
}

#[test]
fn of_sockets_without_a_turn_the_oldest_goes() {
    let greetings = Arc::new(Greetings::default());
    let mut waiting: Vec<_> = (0..GREETINGS_MAX).map(|_| greetings.add()).collect();
    assert!(waiting.iter().all(|greeting| !greeting.put_out.is_cancelled()));
    // One that had its turn makes room.
    waiting.pop();
    waiting.push(greetings.add());
    assert!(!waiting[0].put_out.is_cancelled());
    waiting.push(greetings.add());
    let out: Vec<bool> = waiting.iter().map(|greeting| greeting.put_out.is_cancelled()).collect();
    assert_eq!((out[0], out.iter().filter(|out| **out).count()), (true, 1));
    drop(waiting);
    assert!(greetings.open.lock().is_empty());
}

#[test]
fn one_member_does_not_take_all_connections() {
    let connections = Arc::new(Connections::default());
    let add = |member: &str, port| connections.try_add(port, caller(member, Roles::BANK)).map(|(entry, _)| entry);
    for port in [Port::Peer, Port::Client] {
        let max = connections_of_member_max(port);
        let mut own: Vec<_> = (0..max).map(|_| add("bank-a", port).expect("within its share")).collect();
        assert_eq!(add("bank-a", port).expect_err("one more"), TooMany::OfMember { max });
        assert!(add("bank-b", port).is_ok());
        own.pop();
        assert!(add("bank-a", port).is_ok());
    }
    let all: Vec<_> = (0..CONNECTIONS_MAX)
        .map(|index| add(&format!("bank-{}", index / 128), Port::Client).expect("the port has room"))
        .collect();
    assert_eq!(add("bank-z", Port::Client).expect_err("the port is full"), TooMany::OfPort);
    assert!(add("bank-z", Port::Peer).is_ok());
    drop(all);
}
