//! The two files by which a member's programs find everything else: node.toml and profile.toml.

use super::{CERTIFICATES, GENESIS_FILE, Place, folder};
use crate::{CliError, Profile, profile::ProfileFile};
use concordat_types::NetworkId;
use std::path::{Path, PathBuf};

/// node.toml; paths are relative to the folder that holds it.
pub fn node_config(place: &Place) -> String {
    format!(
        "# The node of {member}. docs/operations.md lists all keys.\n\
         member = \"{member}\"\n\
         genesis = \"../../{GENESIS_FILE}\"\n\
         data = \"data\"\n\
         \n\
         [listen]\n\
         peer = \"{peer}\"\n\
         client = \"{client}\"\n\
         http = \"{http}\"\n\
         \n\
         [tls]\n\
         key = \"tls.key\"\n\
         crt = \"tls.crt\"\n",
        member = place.member,
        peer = place.listen_address(place.peer),
        client = place.listen_address(place.client),
        http = place.http_address(),
    )
}

pub(super) fn write_node_config(folder: &folder::Folder, place: &Place) -> Result<(), CliError> {
    folder::write_public(&folder.file(&format!("{}/node/node.toml", place.member)), node_config(place).as_bytes())
}

/// The member's own node first, then the others from the next one on, so that fallbacks spread.
pub(super) fn write_profile(
    folder: &folder::Folder,
    places: &[Place],
    index: usize,
    network_id: NetworkId,
    passphrase_file: Option<&Path>,
) -> Result<(), CliError> {
    let own = &places[index];
    let others = (1..places.len()).map(|offset| &places[(index + offset) % places.len()]);
    let nodes: Vec<&Place> = [own].into_iter().chain(others).collect();
    let certificate = |place: &&Place| match place.member == own.member {
        true => PathBuf::from("node/tls.crt"),
        false => PathBuf::from(format!("../{CERTIFICATES}/{}.crt", place.member)),
    };
    let profile = ProfileFile {
        member: own.member,
        network_id,
        endpoints: nodes.iter().map(|place| place.client_address()).collect(),
        trust: nodes.iter().map(certificate).collect(),
        operator_key: "keys/operator.key".into(),
        admin_key: None,
        access_key: "keys/access.key".into(),
        passphrase_file: passphrase_file.map(Path::to_owned),
    };
    let text = toml::to_string_pretty(&profile).map_err(|error| CliError::internal(error.to_string()))?;
    folder::write_public(&folder.file(&format!("{}/{}", own.member, Profile::FILE)), text.as_bytes())
}
