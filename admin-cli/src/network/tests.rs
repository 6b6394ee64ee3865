use super::*;

fn network(dir: &Path, banks: u16, base_port: u16) -> NewNetwork {
    NewNetwork { dir: dir.to_owned(), banks, base_port, host: None, operator_keys: 1, apart: false }
}

#[test]
fn banks_are_named_by_letters() {
    let names: Vec<_> = [0, 3, 25, 26, 51, 52].map(bank_name).into_iter().collect();
    assert_eq!(names, ["bank-a", "bank-d", "bank-z", "bank-aa", "bank-az", "bank-ba"]);
}

#[test]
fn each_member_has_ten_ports_and_the_central_bank_the_last() {
    let places = network(Path::new("d"), 4, 7400).places().expect("it fits");
    assert_eq!(member_names(&places), "bank-a, bank-b, bank-c, bank-d, central-bank");
    assert_eq!((places[1].peer, places[1].client, places[1].http), (7410, 7411, 7412));
    assert_eq!((places[4].peer, places[4].is_central_bank), (7440, true));
    assert!(network(Path::new("d"), 4, 65_493).places().is_ok());
    assert!(network(Path::new("d"), 4, 65_494).places().is_err());
    assert!(network(Path::new("d"), 4, 65_535).places().is_err());
}

#[test]
fn nodes_with_hosts_of_their_own_have_the_same_ports_and_listen_for_others() {
    let plan = NewNetwork { host: Some("{member}.example".to_owned()), ..network(Path::new("d"), 4, 7400) };
    let places = plan.places().expect("it fits");
    assert_eq!(places[1].peer_address(), "bank-b.example:7400");
    assert_eq!(places[4].client_address(), "central-bank.example:7401");
    let config: toml::Table = node_config(&places[1]).parse().expect("TOML");
    let listens = |key: &str| config["listen"][key].as_str();
    assert_eq!((listens("peer"), listens("client")), (Some("0.0.0.0:7400"), Some("0.0.0.0:7401")));
    assert_eq!(listens("http"), Some("127.0.0.1:7402"));
}

#[test]
fn folders_that_are_there_are_filled_only_if_they_are_empty_and_members() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let places = network(dir.path(), 1, 7400).places().expect("it fits");
    let fill = || Folder::fill(dir.path(), &places).map_err(|error| error.exit);
    let home = dir.path().join("bank-a");
    fs::create_dir(&home).expect("it is new");
    let folder = fill().expect("a member's empty folder");
    assert_eq!(folder.home(places[0].member).expect("it is there"), fs::canonicalize(&home).expect("it is there"));
    assert!(folder.home(places[1].member).expect("it is made").is_dir());
    drop(folder);
    assert!(home.is_dir(), "what was there stays");

    fs::write(home.join("file"), "").expect("it is writable");
    assert_eq!(fill().err(), Some(Exit::Usage));
    fs::remove_file(home.join("file")).expect("ours");
    fs::create_dir(dir.path().join("bank-b")).expect("it is new");
    assert_eq!(fill().err(), Some(Exit::Usage));
}

#[test]
fn a_network_is_known_by_its_genesis() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    assert_eq!(network_in(dir.path()).ok(), Some(None));
    assert_eq!(network_in(&dir.path().join("new")).ok(), Some(None));
    let id = NetworkId(Hash([7; 32]));
    fs::write(dir.path().join(GENESIS_FILE), json_with(id)).expect("it is writable");
    assert_eq!(network_in(dir.path()).ok(), Some(Some(id)));
    fs::write(dir.path().join(GENESIS_FILE), "{").expect("it is writable");
    assert_eq!(network_in(dir.path()).map_err(|error| error.exit), Err(Exit::Usage));
}

fn json_with(id: NetworkId) -> String {
    serde_json::json!({"network_id": id, "genesis": {}}).to_string()
}

#[test]
fn a_folder_that_holds_something_is_refused() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    assert!(check_is_free(dir.path()).is_ok());
    assert!(check_is_free(&dir.path().join("new")).is_ok());
    fs::write(dir.path().join("file"), "").expect("it is writable");
    assert_eq!(check_is_free(dir.path()).map_err(|error| error.exit), Err(Exit::Usage));
}

#[test]
fn a_folder_that_is_not_finished_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let wanted = dir.path().join("net");
    let folder = Folder::begin(&wanted).expect("it is free");
    folder.dir("bank-a").expect("it is new");
    drop(folder);
    assert_eq!(fs::read_dir(dir.path()).expect("it is there").count(), 0);

    let folder = Folder::begin(&wanted).expect("it is free");
    folder.dir("bank-a").expect("it is new");
    folder.finish().expect("the name is free");
    assert!(wanted.join("bank-a").is_dir());
    assert_eq!(fs::read_dir(dir.path()).expect("it is there").count(), 1);
}

#[test]
fn certificates_never_expire_and_hold_the_key_that_is_registered() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let (key, certificate) = (dir.path().join("tls.key"), dir.path().join("tls.crt"));
    let hash = make_tls_key(&key, &certificate, "bank-a".parse().expect("a name")).expect("it is made");
    let der = <rustls_pki_types::CertificateDer<'_> as rustls_pki_types::pem::PemObject>::from_pem_file(&certificate);
    let der = der.expect("PEM");
    let public_key = crate::tls::public_key(&der).expect("a certificate");
    assert_eq!(hash, Hash(Sha256::digest(public_key).into()));
    assert!(der.as_ref().windows(15).any(|bytes| bytes == b"99991231000000Z"));
    assert!(der.as_ref().windows(9).any(|bytes| bytes == b"concordat"));
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&key).expect("it is there").permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_node_finds_everything_from_its_own_file() {
    let places = network(Path::new("d"), 1, 7400).places().expect("it fits");
    let config: toml::Table = node_config(&places[0]).parse().expect("TOML");
    assert_eq!(config["member"].as_str(), Some("bank-a"));
    assert_eq!(config["genesis"].as_str(), Some("../../genesis.json"));
    assert_eq!(config["listen"]["client"].as_str(), Some("127.0.0.1:7401"));
    assert_eq!(config["tls"]["crt"].as_str(), Some("tls.crt"));
}
