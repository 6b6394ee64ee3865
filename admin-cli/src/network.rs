//! The folder of a trial network: genesis, and for each member keys, profile and node configuration
//! (docs/interfaces.md).

mod folder;
mod joiner;
mod node_config;

pub use joiner::{Joiner, REQUEST_FILE};
pub(crate) use joiner::{home_in, invite_in, keep};
pub use node_config::node_config;

use crate::{CliError, Exit, error::KEY_FILE, secrets::no_passphrase, transactions};
use concordat_keys::{KeyKind, Passphrase, SealError, SecretKey, Strength, passphrase::ENVIRONMENT_VARIABLE};
use concordat_types::{
    Asset, AssetKind, BlsPublicKey, BlsSignature, Ed25519PublicKey, Genesis, Hash, Member, MemberId, MemberStatus,
    NetworkId, Parameters, Rights, Roles,
    member::{AccessKey, KeyGroup, NodeRecord, OperatorKey, ValidatorRecord},
};
use folder::{Folder, write_json};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData, date_time_ymd,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

/// What to make.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewNetwork {
    pub dir: PathBuf,
    pub banks: u16,
    /// The first member's peer port; ten a member, unless each has a host of its own.
    pub base_port: u16,
    /// None: all on this machine. Else each node has a host of its own: `{member}` stands for the member's name.
    pub host: Option<String>,
    pub operator_keys: u16,
    /// Each member's folder can be handed out: it has a passphrase of its own, and may be there already, empty.
    pub apart: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Made {
    pub network_id: NetworkId,
    /// Where passphrases were made up: below which folder.
    pub passphrases: MadeUp,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MadeUp {
    /// The environment named one.
    None,
    ForAll,
    ForEach,
}

/// A member and where its node listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    pub member: MemberId,
    pub is_central_bank: bool,
    /// Where others reach the node.
    pub host: String,
    pub peer: u16,
    pub client: u16,
    pub http: u16,
}

impl Place {
    pub fn role(&self) -> &'static str {
        if self.is_central_bank { "central bank, follower" } else { "bank, validator" }
    }

    pub fn peer_address(&self) -> String {
        format!("{}:{}", self.host, self.peer)
    }

    pub fn client_address(&self) -> String {
        format!("{}:{}", self.host, self.client)
    }

    /// Probes and metrics are for the node's own machine.
    pub fn http_address(&self) -> String {
        format!("{HOST}:{}", self.http)
    }

    /// On which addresses the node listens for others: where it is not on this machine, on all that its own has.
    fn listen_address(&self, port: u16) -> String {
        let host = if self.host == HOST { HOST } else { "0.0.0.0" };
        format!("{host}:{port}")
    }
}

impl NewNetwork {
    /// Who will be where; the central bank last.
    pub fn places(&self) -> Result<Vec<Place>, CliError> {
        let names = (0..self.banks).map(|index| (bank_name(index), false)).chain([(CENTRAL_BANK.to_owned(), true)]);
        let place = |(index, (name, is_central_bank)): (u16, (String, bool))| {
            let offset = if self.host.is_some() { 0 } else { index.checked_mul(PORTS_PER_MEMBER)? };
            let peer = self.base_port.checked_add(offset).filter(|port| *port != 0 && port.checked_add(2).is_some())?;
            let member = name.parse().ok()?;
            let host = self.host.as_ref().map_or(HOST.to_owned(), |host| host.replace(MEMBER_IN_HOST, &name));
            Some(Place { member, is_central_bank, host, peer, client: peer + 1, http: peer + 2 })
        };
        let places: Option<Vec<_>> = (0..).zip(names).map(place).collect();
        places.ok_or_else(|| {
            let cause = format!("{} banks do not fit between port {} and 65535", self.banks, self.base_port);
            CliError::usage(cause, "Choose a lower --base-port.")
        })
    }

    /// Makes everything in a folder beside the one wanted, which then takes its name: a run that fails leaves nothing.
    /// Where the members' folders may be there already, it fills them, and genesis.json comes last.
    pub fn create(&self) -> Result<Made, CliError> {
        let places = self.places()?;
        let folder = if self.apart { Folder::fill(&self.dir, &places)? } else { Folder::begin(&self.dir)? };
        let is_given = env::var_os(ENVIRONMENT_VARIABLE).is_some();
        let common = (is_given || !self.apart).then(|| Secrets::new(&folder, PASSPHRASE_FILE)).transpose()?;
        let (passphrases, passphrase_file) = match (is_given, self.apart) {
            (true, _) => (MadeUp::None, None),
            (false, false) => (MadeUp::ForAll, Some(Path::new("..").join(PASSPHRASE_FILE))),
            (false, true) => (MadeUp::ForEach, Some(PathBuf::from(PASSPHRASE_FILE))),
        };
        let makers = thread::scope(|scope| {
            let make = |place| {
                let (folder, common) = (&folder, common.as_ref());
                scope.spawn(move || make_member(folder, place, self.operator_keys, common))
            };
            let threads: Vec<_> = places.iter().map(make).collect();
            let join = |thread: thread::ScopedJoinHandle<'_, Result<Member, CliError>>| {
                thread.join().unwrap_or_else(|_| Err(CliError::internal("making a member's keys failed")))
            };
            threads.into_iter().map(join).collect::<Result<Vec<Member>, CliError>>()
        });
        let genesis = genesis(makers?)?;
        let network_id = genesis.network_id();
        folder.dir(CERTIFICATES)?;
        for (index, place) in places.iter().enumerate() {
            let certificate = folder.file(&format!("{}/node/tls.crt", place.member));
            folder::copy_public(&certificate, &folder.file(&format!("{CERTIFICATES}/{}.crt", place.member)))?;
            node_config::write_profile(&folder, &places, index, network_id, passphrase_file.as_deref())?;
            node_config::write_node_config(&folder, place)?;
        }
        write_json(&folder.file(GENESIS_FILE), &GenesisFile { network_id, genesis: &genesis })?;
        folder.finish()?;
        Ok(Made { network_id, passphrases })
    }
}

/// The network whose folder this is; None where it holds no genesis.
pub(crate) fn network_in(dir: &Path) -> Result<Option<NetworkId>, CliError> {
    #[derive(Deserialize)]
    struct Named {
        network_id: NetworkId,
    }
    let path = dir.join(GENESIS_FILE);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(CliError::file("genesis", &path, &error)),
    };
    let named: Named = serde_json::from_slice(&text).map_err(|error| {
        CliError::config(format!("{}: {error}", path.display()), "Remove the folder, and make the network anew.")
    })?;
    Ok(Some(named.network_id))
}

/// `bank-a` to `bank-z`, then `bank-aa`.
fn bank_name(index: u16) -> String {
    let letter = |index: u16| char::from(b'a' + (index % 26) as u8);
    match index.checked_sub(26) {
        None => format!("bank-{}", letter(index)),
        Some(rest) => format!("bank-{}{}", letter(rest / 26), letter(rest)),
    }
}

pub(crate) fn member_names(places: &[Place]) -> String {
    places.iter().map(|place| place.member.as_str()).collect::<Vec<_>>().join(", ")
}

/// operator.key, operator-2.key and on; `index` from 0.
pub(crate) fn operator_key_file(index: usize) -> String {
    if index == 0 { "operator.key".to_owned() } else { format!("operator-{}.key", index + 1) }
}

/// The passphrase of keys made here.
struct Secrets {
    passphrase: Passphrase,
    /// The file for those who are told by the environment: the user's, or the one made up.
    path: PathBuf,
}

impl Secrets {
    /// Made up in the file `name` where the environment names none.
    fn new(folder: &Folder, name: &str) -> Result<Secrets, CliError> {
        if let Some(path) = env::var_os(ENVIRONMENT_VARIABLE) {
            let passphrase = concordat_keys::passphrase_from_env().map_err(no_passphrase)?;
            return Ok(Secrets { passphrase, path: path.into() });
        }
        let mut random = [0; 24];
        getrandom::fill(&mut random).map_err(|error| CliError::internal(format!("no randomness: {error}")))?;
        let path = folder.file(name);
        folder::write_private(&path, format!("{}\n", hex::encode(random)).as_bytes())?;
        let passphrase = Passphrase::from_file(&path).map_err(no_passphrase)?;
        Ok(Secrets { passphrase, path })
    }
}

/// Under the passphrase that all members have, else under one of its own.
fn make_member(
    folder: &Folder,
    place: &Place,
    operator_keys: u16,
    common: Option<&Secrets>,
) -> Result<Member, CliError> {
    let home = folder.home(place.member)?;
    let own = match common {
        Some(_) => None,
        None => Some(Secrets::new(folder, &format!("{}/{PASSPHRASE_FILE}", place.member))?),
    };
    let secrets = common.or(own.as_ref()).expect("one of the two is made");
    let mut member = make_keys(folder, place, operator_keys, secrets, !place.is_central_bank)?;
    (member.roles, member.legal_name) = match place.is_central_bank {
        true => (Roles::CENTRAL_BANK, "Central Bank of the trial network".to_owned()),
        false => (Roles::BANK, format!("{} of the trial network", place.member)),
    };
    write_json(&home.join("member.json"), &member)?;
    Ok(member)
}

/// All keys of a member in its folder, and the record that names them; `validates`: with a consensus key.
fn make_keys(
    folder: &Folder,
    place: &Place,
    operator_keys: u16,
    secrets: &Secrets,
    validates: bool,
) -> Result<Member, CliError> {
    let keys = folder.dir(&format!("{}/keys", place.member))?;
    let node = folder.dir(&format!("{}/node", place.member))?;
    folder.dir(&format!("{}/node/data", place.member))?;

    let admin = make_key(&keys.join("admin.key"), KeyKind::Admin, secrets)?;
    let recovery = make_key(&keys.join("recovery.key"), KeyKind::Recovery, secrets)?;
    let rights = Rights::ALL;
    let operators = (0..usize::from(operator_keys)).map(|index| {
        let key = make_key(&keys.join(operator_key_file(index)), KeyKind::Operator, secrets)?;
        Ok(OperatorKey { key, rights })
    });
    let operator_keys = operators.collect::<Result<Vec<_>, CliError>>()?;
    let access = make_tls_key(&keys.join("access.key"), &keys.join("access.crt"), place.member)?;
    let tls_key = make_tls_key(&node.join("tls.key"), &node.join("tls.crt"), place.member)?;

    let validator = match validates {
        true => Some(init_validator(&folder.file(place.member.as_str()).join("validator"), secrets)?),
        false => None,
    };
    Ok(Member {
        id: place.member,
        legal_name: String::new(),
        lei: String::new(),
        bic: String::new(),
        roles: Roles::BANK,
        status: MemberStatus::Active,
        frozen: Default::default(),
        admin_keys: KeyGroup { k: 1, keys: vec![admin] },
        recovery_keys: KeyGroup { k: 1, keys: vec![recovery] },
        operator_keys,
        access_keys: vec![AccessKey { key: access, rights: Rights::READ | Rights::SUBMIT }],
        node: Some(NodeRecord { tls_key, peer_address: place.peer_address(), client_address: place.client_address() }),
        validator,
    })
}

fn make_key(path: &Path, kind: KeyKind, secrets: &Secrets) -> Result<Ed25519PublicKey, CliError> {
    let key = SecretKey::generate().map_err(|error| CliError::internal(format!("no randomness: {error}")))?;
    key.save(path, kind, &secrets.passphrase, Strength::Trial).map_err(|error| match error {
        SealError::Write(error) => CliError::file("key", path, &error),
        error => CliError::new(
            Exit::Internal,
            KEY_FILE,
            format!("{}: {error}", path.display()),
            "Try again in an empty folder.",
        ),
    })?;
    Ok(key.public_key())
}

/// An ECDSA P-256 key and a certificate over it that never expires; the SHA-256 of its SubjectPublicKeyInfo.
fn make_tls_key(key_path: &Path, certificate_path: &Path, member: MemberId) -> Result<Hash, CliError> {
    let failed = |error: rcgen::Error| CliError::internal(format!("making a TLS key: {error}"));
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let mut params = CertificateParams::new(vec![crate::tls::SERVER_NAME.to_owned()]).map_err(failed)?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, member.as_str());
    params.distinguished_name = name;
    // RFC 5280, 4.1.2.5: the date of a certificate without a well-defined end.
    params.not_after = date_time_ymd(9999, 12, 31);
    let certificate = params.self_signed(&key).map_err(failed)?;
    folder::write_private(key_path, key.serialize_pem().as_bytes())?;
    folder::write_public(certificate_path, certificate.pem().as_bytes())?;
    Ok(Hash(Sha256::digest(key.subject_public_key_info()).into()))
}

/// genesis.json.
#[derive(Serialize)]
struct GenesisFile<'a> {
    network_id: NetworkId,
    genesis: &'a Genesis,
}

/// What `concordat-validator init --json` says.
#[derive(Deserialize)]
struct ConsensusKey {
    key: BlsPublicKey,
    possession: BlsSignature,
}

/// Only the validator's own program ever holds the consensus secret.
fn init_validator(dir: &Path, secrets: &Secrets) -> Result<ValidatorRecord, CliError> {
    let program = validator_program();
    let failed = |cause: String| {
        CliError::internal(format!("{} init: {cause}", program.display()))
            .with_next("Build concordat-validator, and put it beside concordat or on the PATH.")
    };
    let mut command = Command::new(&program);
    command.arg("init").arg("--dir").arg(dir).args(["--trial", "--json"]).env(ENVIRONMENT_VARIABLE, &secrets.path);
    let output = command.stdin(Stdio::null()).output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().chars().take(500).collect()));
    }
    let ConsensusKey { key, possession } =
        serde_json::from_slice(&output.stdout).map_err(|error| failed(format!("not the expected answer: {error}")))?;
    Ok(ValidatorRecord { key, possession, power: POWER })
}

/// Beside this program, or beside the folder of test programs in it; else on the PATH.
fn validator_program() -> PathBuf {
    let beside = |exe: PathBuf| {
        let folders = exe.ancestors().skip(1).take(2).map(Path::to_owned).collect::<Vec<_>>();
        folders.into_iter().map(|folder| folder.join(VALIDATOR_PROGRAM)).find(|path| path.is_file())
    };
    env::current_exe().ok().and_then(beside).unwrap_or_else(|| PathBuf::from(VALIDATOR_PROGRAM))
}

fn genesis(mut members: Vec<Member>) -> Result<Genesis, CliError> {
    members.sort_by_key(|member| member.id);
    let issuer = |name: &str| name.parse::<MemberId>().map_err(CliError::from);
    let asset = |code: &str, issuer, kind| {
        Ok::<_, CliError>(Asset { code: code.parse()?, decimals: 2, issuer, kind, quota: QUOTA, frozen: false })
    };
    let genesis = Genesis {
        version: Genesis::VERSION,
        name: "trial".to_owned(),
        time: transactions::now(),
        trial: true,
        parameters: Parameters::default(),
        members,
        // In order of their codes.
        assets: vec![
            asset("EUR", issuer(CENTRAL_BANK)?, AssetKind::CentralBankMoney)?,
            asset("EUR.A", issuer(&bank_name(0))?, AssetKind::DepositToken)?,
        ],
    };
    concordat_crypto::check_genesis(&genesis)
        .map_err(|error| CliError::internal(format!("the genesis made is not one: {error}")))?;
    Ok(genesis)
}

/// Refuses a folder that holds anything.
pub(crate) fn check_is_free(dir: &Path) -> Result<(), CliError> {
    let is_free = match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(CliError::file("folder", dir, &error)),
    };
    match is_free {
        true => Ok(()),
        false => Err(not_empty(dir)),
    }
}

fn not_empty(dir: &Path) -> CliError {
    CliError::usage(format!("{} is not empty", dir.display()), "Name a new folder; nothing is ever overwritten.")
}

pub const CENTRAL_BANK: &str = "central-bank";
pub const PASSPHRASE_FILE: &str = "passphrase";
/// Of all nodes, for everybody to read.
pub(crate) const CERTIFICATES: &str = "certificates";
pub(crate) const GENESIS_FILE: &str = "genesis.json";
/// In the pattern of host names.
pub(crate) const MEMBER_IN_HOST: &str = "{member}";
const VALIDATOR_PROGRAM: &str = "concordat-validator";
const HOST: &str = "127.0.0.1";
const PORTS_PER_MEMBER: u16 = 10;
const POWER: u64 = 100;
/// Ten thousand billions of the major unit, in cents: no trial comes near it.
const QUOTA: u128 = 1_000_000_000_000_000;

#[cfg(test)]
mod tests;
