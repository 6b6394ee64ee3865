//! An institution that nobody knows, against a node that answers `Join` alone.

use super::*;
use crate::{
    client::tests::{Answer, Fake, Keys},
    commands::Cli,
    invite::{Endpoint, Terms, tests::genesis},
};
use clap::Parser;
use concordat_keys::SecretKey;
use concordat_types::{
    BlockId, BlsPublicKey, BlsSignature, CaughtUp, Hash, Height, MemberStatus, Transaction, encode,
    member::ValidatorRecord,
};

struct World {
    keys: Keys,
    node: Fake,
    /// Where the institution's own node would answer.
    own: String,
}

impl World {
    async fn new() -> World {
        let keys = Keys::new();
        let node = Fake::start_at("127.0.0.1:0", &keys, "node", Answer::Booked, None).await;
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let own = free.local_addr().unwrap().to_string();
        node.admin.lock().unwrap().join = reply("filed", 3, "none");
        World { keys, node, own }
    }

    /// By a file of that name; `away_first`: the first node that it names is away.
    fn invite(&self, name: &str, expires_at: u64) -> InviteFile {
        let certificate = fs::read_to_string(self.keys.path("node.crt")).unwrap();
        let endpoint = |address: &str| Endpoint { address: address.to_owned(), certificate: certificate.clone() };
        let terms = Terms {
            sponsor: "bank-a".parse().unwrap(),
            member: "bank-n".parse().unwrap(),
            lei: "LEI".to_owned(),
            expires_at: Timestamp(expires_at),
            height: Height(7),
            block: BlockId(Hash([5; 32])),
            endpoints: vec![endpoint("127.0.0.1:1"), endpoint(&self.node.address)],
            genesis: genesis(),
        };
        let (file, _) = InviteFile::make(terms, &SecretKey::from_seed(&[7; 32])).unwrap();
        file.write(&self.keys.path(name)).unwrap();
        file
    }

    fn dir(&self) -> PathBuf {
        self.keys.path("joiner")
    }

    fn home(&self) -> PathBuf {
        self.dir().join("bank-n")
    }

    async fn run(&self, line: &str) -> Result<Report, CliError> {
        let line = line.replace("DIR", &self.dir().display().to_string());
        let line = line.replace("FILE", &self.keys.path("invite").display().to_string());
        let cli = Cli::try_parse_from(["concordat"].into_iter().chain(line.split_whitespace()));
        let cli = cli.unwrap_or_else(|error| panic!("{line}: {error}"));
        cli.verb.run(&cli.options).await
    }

    /// Whose node is this machine's.
    fn join_line(&self, more: &str) -> String {
        let port: u16 = self.own.rsplit(':').next().unwrap().parse().unwrap();
        format!("join FILE --dir DIR --base-port {} {more}", port - 1)
    }

    /// The last request that the node got.
    fn asked(&self) -> (Transaction, JoinRequest) {
        let joins = self.node.admin.lock().unwrap().joins.clone();
        let signed: SignedTransaction = decode(joins.last().unwrap(), 1 << 20).unwrap();
        let transaction: Transaction = decode(&signed.bytes, 1 << 20).unwrap();
        let [Operation::FileJoin(request)] = &transaction.operations[..] else { panic!("one request") };
        let request = (**request).clone();
        (transaction, request)
    }
}

fn reply(status: &str, proposal: u64, validator: &str) -> v1::JoinReply {
    v1::JoinReply {
        status: status.to_owned(),
        proposal,
        validator: validator.to_owned(),
        height: 9,
        active: 4,
        ..v1::JoinReply::default()
    }
}

fn later() -> u64 {
    transactions::now().0 + 3_600_000
}

#[tokio::test]
async fn a_request_is_signed_by_the_invitation_and_by_new_keys_and_keeps_them_when_repeated() {
    let world = World::new().await;
    let invite = world.invite("invite", later());
    let report = world.run(&world.join_line("--legal-name Bank-N --lei LEI")).await.unwrap();
    assert_eq!((&report.data["status"], &report.data["proposal"]), (&json!("filed"), &json!(3)));
    let (transaction, request) = world.asked();
    let admin = request.member.admin_keys.keys[0];
    let mut expected = [admin, invite.secret().unwrap().public_key()];
    expected.sort_unstable();
    assert_eq!((&transaction.signers[..], transaction.network), (&expected[..], invite.network_id));
    let member = &request.member;
    assert_eq!(
        (member.status, member.lei.as_str(), member.legal_name.as_str()),
        (MemberStatus::Filed, "LEI", "Bank-N")
    );
    assert_eq!(member.node.as_ref().unwrap().client_address, world.own);
    assert!(request.validator.is_none() && member.validator.is_none());
    assert_eq!(report.data["request"], request.hash().to_string());

    // The same again, and asked about.
    world.run(&world.join_line("")).await.unwrap();
    assert_eq!(world.asked().1, request);
    world.run("join status --dir DIR").await.unwrap();
    assert_eq!(world.asked().1, request);
    let home = world.home().display().to_string();
    world.run(&format!("join status --profile {home}")).await.unwrap();
    assert_eq!(world.asked().1, request);

    // Mended, and under a new invitation: the keys stay, and so does what was filed last.
    fs::remove_file(world.keys.path("invite")).unwrap();
    let second = world.invite("invite", later());
    world.run(&world.join_line("--legal-name Bank-M")).await.unwrap();
    for line in ["", "join status --dir DIR"] {
        if !line.is_empty() {
            world.run(line).await.unwrap();
        }
        let (transaction, mended) = world.asked();
        assert_eq!(mended.member.legal_name, "Bank-M");
        assert_eq!(mended.member.admin_keys, request.member.admin_keys);
        assert!(transaction.signers.contains(&second.secret().unwrap().public_key()), "{line}");
    }
    let error = world.run(&world.join_line("--validator")).await.expect_err("there is no consensus key");
    assert_eq!(error.code, "E_USAGE");
}

#[tokio::test]
async fn an_invitation_that_is_altered_or_over_or_for_somebody_else_makes_nothing() {
    let world = World::new().await;
    world.invite("invite", later());
    let error = world.run(&world.join_line("--lei OTHER")).await.expect_err("another LEI");
    assert_eq!((error.code, error.exit), ("E_INVITE_LEI", Exit::Verification));

    let path = world.keys.path("invite");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("\"LEI\"", "\"LEJ\"", 1)).unwrap();
    let error = world.run(&world.join_line("")).await.expect_err("altered");
    assert_eq!((error.code, error.exit), ("E_INVITE_ALTERED", Exit::Verification));

    fs::remove_file(&path).unwrap();
    world.invite("invite", transactions::now().0 - 1);
    let error = world.run(&world.join_line("")).await.expect_err("over");
    assert_eq!(error.code, "E_INVITE_EXPIRED");
    assert!(!world.dir().exists() && world.node.admin.lock().unwrap().joins.is_empty());
}

#[tokio::test]
async fn waiting_ends_where_nobody_can_vote_any_more() {
    let world = World::new().await;
    world.invite("invite", later());
    world.run(&world.join_line("")).await.unwrap();
    let waited = world.run("join status --dir DIR --wait 1s").await.unwrap();
    assert_eq!(waited.failure.map(|failure| failure.code), Some("E_TIMEOUT"));
    world.node.admin.lock().unwrap().join = reply("filed", 0, "none");
    let waited = world.run("join status --dir DIR --wait 1h").await.unwrap();
    assert_eq!(waited.failure.map(|failure| failure.code), Some("E_JOIN_REFUSED"));
    assert!(waited.text.contains("Ask the sponsor"), "{}", waited.text);
    world.node.admin.lock().unwrap().join = reply("active", 0, "none");
    let waited = world.run("join status --dir DIR --wait 1h").await.unwrap();
    assert_eq!((waited.failure, &waited.data["status"]), (None, &json!("active")));
}

#[tokio::test]
async fn a_member_that_wants_to_validate_goes_on_until_it_does() {
    let world = World::new().await;
    world.invite("invite", later());
    world.run(&world.join_line("")).await.unwrap();
    // As if it had been made with a consensus key.
    let (key, possession) = (BlsPublicKey([1; 48]), BlsSignature([2; 96]));
    let validator = Some(ValidatorRecord { key, possession, power: 100 });
    let request = JoinRequest { validator, ..kept(&world.home()).unwrap() };
    fs::write(world.home().join(REQUEST_FILE), encode(&request)).unwrap();
    let own = Fake::start_at(&world.own, &world.keys, "joiner/bank-n/node/tls", Answer::Booked, None).await;
    let proof = CaughtUp { height: Height(8), block: BlockId(Hash([8; 32])), key, signature: possession };
    own.admin.lock().unwrap().status.caught_up = encode(&proof);
    world.node.admin.lock().unwrap().join = reply("active", 0, "syncing");

    let follow = async {
        let report = world.run("join status --dir DIR --wait 60s").await.unwrap();
        assert_eq!((report.failure, &report.data["validator"]), (None, &json!("validating")));
    };
    let validate = async {
        while own.seen().is_empty() {
            sleep(Duration::from_millis(20)).await;
        }
        world.node.admin.lock().unwrap().join.validator = "validating".to_owned();
    };
    tokio::join!(follow, validate);
    let signed: SignedTransaction = decode(&own.seen()[0], 1 << 20).unwrap();
    let transaction: Transaction = decode(&signed.bytes, 1 << 20).unwrap();
    assert_eq!(transaction.operations, [Operation::ProveCaughtUp(proof)]);
    assert_eq!(transaction.signers, [request.member.operator_keys[0].key]);
}
