//! The folder of an institution that joins a network which is there already: as `network new` makes a member's, with its
//! request beside it.

use super::{
    CERTIFICATES, GENESIS_FILE, GenesisFile, Place, Secrets,
    folder::{self, Folder, write_json},
    make_keys,
};
use crate::{
    CliError, Profile,
    invite::{Endpoint, InviteFile},
    profile::ProfileFile,
};
use concordat_keys::{files, passphrase::ENVIRONMENT_VARIABLE};
use concordat_types::{JoinRequest, Member, MemberStatus, encode};
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// What to make out of an invitation.
#[derive(Clone, Debug)]
pub struct Joiner {
    pub dir: PathBuf,
    pub legal_name: String,
    pub bic: String,
    pub place: Place,
    pub validates: bool,
}

/// In the member's folder: the canonical request.
pub const REQUEST_FILE: &str = "join-request.bin";
/// Beside it: the invitation.
const INVITE_FILE: &str = "invite.json";
/// Where no passphrase is given and one is made up, as trial networks may.
const PASSPHRASE_FILE: &str = super::PASSPHRASE_FILE;

impl Joiner {
    pub fn home(&self) -> PathBuf {
        self.dir.join(self.place.member.as_str())
    }

    /// Makes everything in a folder beside the one wanted, which then takes its name: a run that fails leaves nothing.
    pub fn create(&self, invite: &InviteFile) -> Result<JoinRequest, CliError> {
        let is_given = env::var_os(ENVIRONMENT_VARIABLE).is_some();
        if !is_given && !invite.genesis.trial {
            let cause = format!("{ENVIRONMENT_VARIABLE} is not set, and only trial networks have a passphrase made up");
            let next = "Set it to a file that holds the passphrase of the new keys, readable by you alone.";
            return Err(CliError::usage(cause, next));
        }
        let folder = Folder::begin(&self.dir)?;
        let home = folder.home(self.place.member)?;
        let secrets = Secrets::new(&folder, PASSPHRASE_FILE)?;
        let made = make_keys(&folder, &self.place, 1, &secrets, self.validates)?;
        let validator = made.validator.clone();
        let member = Member {
            legal_name: self.legal_name.clone(),
            lei: invite.lei.clone(),
            bic: self.bic.clone(),
            status: MemberStatus::Filed,
            validator: None,
            ..made
        };
        write_json(&home.join("member.json"), &member)?;
        let request = JoinRequest { member, validator };
        folder::write_public(&home.join(REQUEST_FILE), &encode(&request))?;
        folder::write_private(&home.join(INVITE_FILE), &invite.to_bytes()?)?;
        folder.dir(CERTIFICATES)?;
        for (index, endpoint) in invite.endpoints.iter().enumerate() {
            let path = folder.file(&format!("{CERTIFICATES}/{index}.crt"));
            folder::write_public(&path, endpoint.certificate.as_bytes())?;
        }
        let network_id = invite.genesis.network_id();
        write_json(&folder.file(GENESIS_FILE), &GenesisFile { network_id, genesis: &invite.genesis })?;
        super::node_config::write_node_config(&folder, &self.place)?;
        self.write_profile(&folder, invite, !is_given)?;
        folder.finish()?;
        Ok(request)
    }

    /// Its own node first, then those that the invitation names.
    fn write_profile(&self, folder: &Folder, invite: &InviteFile, has_passphrase: bool) -> Result<(), CliError> {
        let others = invite.endpoints.iter().map(|Endpoint { address, .. }| address.clone());
        let certificates = (0..invite.endpoints.len()).map(|index| format!("../{CERTIFICATES}/{index}.crt").into());
        let profile = ProfileFile {
            member: self.place.member,
            network_id: invite.genesis.network_id(),
            endpoints: [self.place.client_address()].into_iter().chain(others).collect(),
            trust: [PathBuf::from("node/tls.crt")].into_iter().chain(certificates).collect(),
            operator_key: "keys/operator.key".into(),
            admin_key: None,
            access_key: "keys/access.key".into(),
            passphrase_file: has_passphrase.then(|| Path::new("..").join(PASSPHRASE_FILE)),
        };
        let text = toml::to_string_pretty(&profile).map_err(|error| CliError::internal(error.to_string()))?;
        folder::write_public(&folder.file(&format!("{}/{}", self.place.member, Profile::FILE)), text.as_bytes())
    }
}

/// The invitation that a folder was made out of.
pub(crate) fn invite_in(home: &Path) -> Result<InviteFile, CliError> {
    InviteFile::read(&home.join(INVITE_FILE))
}

/// The member's folder in one that was made by joining, or that folder itself.
pub(crate) fn home_in(dir: &Path) -> Result<PathBuf, CliError> {
    let is_home = |path: &PathBuf| path.join(REQUEST_FILE).is_file();
    let entries = fs::read_dir(dir).map_err(|error| CliError::file("folder", dir, &error))?;
    let below = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let homes: Vec<PathBuf> = [dir.to_owned()].into_iter().chain(below).filter(is_home).collect();
    match &homes[..] {
        [home] => Ok(home.clone()),
        _ => {
            let cause = format!("{} holds {} requests to join", dir.display(), homes.len());
            Err(CliError::usage(cause, "Name the folder that concordat join made, or the member's folder in it."))
        }
    }
}

/// What was filed and by which invitation, in place of what was kept before.
pub(crate) fn keep(home: &Path, invite: &InviteFile, request: &JoinRequest) -> Result<(), CliError> {
    let replace = |name: &str, bytes: &[u8]| {
        let path = home.join(name);
        files::replace(&path, bytes).map_err(|error| CliError::file("file", &path, &error))
    };
    replace(REQUEST_FILE, &encode(request))?;
    replace(INVITE_FILE, &invite.to_bytes()?)
}
