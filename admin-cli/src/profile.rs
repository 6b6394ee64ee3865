//! Where a client finds its keys and the nodes it may trust: a folder with `profile.toml`.

use crate::CliError;
use concordat_types::{MemberId, NetworkId};
use serde::{Deserialize, Serialize};
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// `profile.toml`. Paths are relative to the folder that holds it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileFile {
    pub member: MemberId,
    pub network_id: NetworkId,
    /// Client addresses of nodes, `host:port`: the member's own first, then the ones to fall back to.
    pub endpoints: Vec<String>,
    /// The certificate (PEM) of the node behind each endpoint, in the same order. No other key is accepted there.
    pub trust: Vec<PathBuf>,
    /// Signs payments.
    pub operator_key: PathBuf,
    /// Signs what the member decides and nothing else; `keys/admin.key` where it is not named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_key: Option<PathBuf>,
    /// Says who is asking; its certificate lies beside it as `.crt`.
    pub access_key: PathBuf,
    /// Trial networks only: the passphrase of the keys, where CONCORDAT_PASSPHRASE_FILE is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passphrase_file: Option<PathBuf>,
}

/// A profile with its paths resolved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Profile {
    pub dir: PathBuf,
    pub member: MemberId,
    pub network_id: NetworkId,
    pub endpoints: Vec<TrustedEndpoint>,
    pub operator_key: PathBuf,
    pub admin_key: PathBuf,
    pub access_key: PathBuf,
    pub access_certificate: PathBuf,
    pub passphrase_file: Option<PathBuf>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrustedEndpoint {
    /// `host:port`
    pub address: String,
    pub certificate: PathBuf,
}

impl Profile {
    pub const FILE: &'static str = "profile.toml";
    const ADMIN_KEY: &'static str = "keys/admin.key";

    /// `--profile` before CONCORDAT_PROFILE before `~/.config/concordat/default`.
    pub fn find(flag: Option<&Path>) -> Result<Profile, CliError> {
        let environment = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let dir =
            resolve_dir(flag, environment("CONCORDAT_PROFILE"), environment("XDG_CONFIG_HOME"), environment("HOME"))?;
        Profile::load(&dir)
    }

    /// Reads DIR/profile.toml.
    pub fn load(dir: &Path) -> Result<Profile, CliError> {
        let path = dir.join(Self::FILE);
        let text = fs::read_to_string(&path).map_err(|error| {
            CliError::config(
                format!("profile {}: {error}", path.display()),
                "Name a profile folder by --profile DIR or CONCORDAT_PROFILE.",
            )
        })?;
        Profile::parse(dir, &text).map_err(|cause| {
            CliError::config(
                format!("profile {}: {cause}", path.display()),
                "Mend the file; docs/interfaces.md has its keys.",
            )
        })
    }

    fn parse(dir: &Path, text: &str) -> Result<Profile, String> {
        let file: ProfileFile = toml::from_str(text).map_err(|error| error.to_string())?;
        if file.endpoints.is_empty() {
            return Err("endpoints is empty".to_owned());
        }
        if file.endpoints.len() != file.trust.len() {
            return Err(format!("{} endpoints but {} entries in trust", file.endpoints.len(), file.trust.len()));
        }
        let pairs = file.endpoints.into_iter().zip(file.trust);
        let endpoints = pairs.map(|(address, path)| TrustedEndpoint { address, certificate: dir.join(path) });
        Ok(Profile {
            dir: dir.to_owned(),
            member: file.member,
            network_id: file.network_id,
            endpoints: endpoints.collect(),
            operator_key: dir.join(file.operator_key),
            admin_key: dir.join(file.admin_key.unwrap_or_else(|| Self::ADMIN_KEY.into())),
            access_certificate: dir.join(file.access_key.with_extension("crt")),
            access_key: dir.join(file.access_key),
            passphrase_file: file.passphrase_file.map(|path| dir.join(path)),
        })
    }
}

fn resolve_dir(
    flag: Option<&Path>,
    variable: Option<PathBuf>,
    config_home: Option<PathBuf>,
    home: Option<PathBuf>,
) -> Result<PathBuf, CliError> {
    let default =
        || config_home.or_else(|| home.map(|home| home.join(".config"))).map(|dir| dir.join("concordat/default"));
    flag.map(Path::to_owned).or(variable).or_else(default).ok_or_else(|| {
        CliError::config("there is no profile: HOME is not set", "Name a profile folder by --profile DIR.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flag_beats_environment_beats_home() {
        let path = |text: &str| Some(PathBuf::from(text));
        let find = |flag: Option<&str>, variable, config_home, home| {
            resolve_dir(flag.map(Path::new), variable, config_home, home).map(|dir| dir.display().to_string())
        };
        assert_eq!(find(Some("f"), path("e"), None, path("/h")), Ok("f".to_owned()));
        assert_eq!(find(None, path("e"), None, path("/h")), Ok("e".to_owned()));
        assert_eq!(find(None, None, None, path("/h")), Ok("/h/.config/concordat/default".to_owned()));
        assert_eq!(find(None, None, path("/c"), path("/h")), Ok("/c/concordat/default".to_owned()));
        assert!(find(None, None, None, None).is_err());
    }

    fn file() -> ProfileFile {
        ProfileFile {
            member: "bank-a".parse().expect("a name"),
            network_id: NetworkId::default(),
            endpoints: vec!["127.0.0.1:7401".to_owned(), "127.0.0.1:7411".to_owned()],
            trust: vec!["node/tls.crt".into(), "../bank-b/node/tls.crt".into()],
            operator_key: "keys/operator.key".into(),
            admin_key: None,
            access_key: "keys/access.key".into(),
            passphrase_file: None,
        }
    }

    #[test]
    fn paths_are_relative_to_the_profile() {
        let text = toml::to_string(&file()).expect("plain fields");
        let profile = Profile::parse(Path::new("/net/bank-a"), &text).expect("written by us");
        assert_eq!(profile.endpoints[1].certificate, Path::new("/net/bank-a/../bank-b/node/tls.crt"));
        assert_eq!(profile.access_certificate, Path::new("/net/bank-a/keys/access.crt"));
        assert_eq!(profile.passphrase_file, None);
        assert_eq!(profile.admin_key, Path::new("/net/bank-a/keys/admin.key"));
        let text = toml::to_string(&ProfileFile { admin_key: Some("/vault/anna.key".into()), ..file() });
        let profile = Profile::parse(Path::new("/net/bank-a"), &text.expect("plain fields")).expect("written by us");
        assert_eq!(profile.admin_key, Path::new("/vault/anna.key"));
    }

    #[test]
    fn a_profile_that_is_not_one_is_refused() {
        let refused = |file: &ProfileFile| {
            Profile::parse(Path::new("/p"), &toml::to_string(file).expect("plain fields")).expect_err("not a profile")
        };
        assert_eq!(refused(&ProfileFile { endpoints: vec![], trust: vec![], ..file() }), "endpoints is empty");
        assert_eq!(refused(&ProfileFile { trust: vec![], ..file() }), "2 endpoints but 0 entries in trust");
        let unknown = format!("colour = 1\n{}", toml::to_string(&file()).expect("plain fields"));
        assert!(Profile::parse(Path::new("/p"), &unknown).expect_err("unknown key").contains("colour"));
    }
}
