//! What may differ from node to node: defaults < node.toml < environment < flags. What must be equal everywhere stands
//! in genesis.

use crate::error::RunError;
use concordat_proto::Code;
use concordat_types::MemberId;
use config::{Environment, File, FileFormat};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// node.toml. Paths in it are relative to the file; in a loaded `Config` they are complete.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Whose node this is.
    pub member: MemberId,
    /// genesis.json of the network.
    #[serde(default = "default_genesis")]
    pub genesis: PathBuf,
    /// Folder of the store and the log; made where there is none.
    #[serde(default = "default_data")]
    pub data: PathBuf,
    #[serde(default)]
    pub tls: TlsConfig,
    #[serde(default)]
    pub listen: ListenConfig,
    #[serde(default)]
    pub log: LogConfig,
    /// Transactions that wait for a block, in bytes.
    #[serde(default = "default_mempool_bytes_max")]
    pub mempool_bytes_max: usize,
    /// Keep an index, so that this node answers for statements, balances of past heights and references.
    #[serde(default = "default_index")]
    pub index: bool,
    /// Added to this node's clock; a test aid, refused unless the network is a trial.
    #[serde(default)]
    pub clock_offset_ms: i64,
    /// Where node.toml lies; `ports.json` is written beside it.
    #[serde(skip)]
    pub home: PathBuf,
}

/// The node's own key and self-signed certificate, PEM.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    pub key: PathBuf,
    pub crt: PathBuf,
}

/// `host:port`; port 0 is a free one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListenConfig {
    /// Other nodes.
    pub peer: String,
    /// Members' programs.
    pub client: String,
    /// Metrics and probes, without TLS: keep it on loopback or inside the machine room.
    pub http: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// error, warn, info, debug, trace, or directives such as `info,concordat_node=debug`.
    pub level: String,
    pub format: LogFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

/// Flags of `run`: they win over everything else.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Overrides {
    /// Listen for other nodes on this address.
    #[arg(long, value_name = "HOST:PORT")]
    pub listen_peer: Option<String>,
    /// Listen for members' programs on this address.
    #[arg(long, value_name = "HOST:PORT")]
    pub listen_client: Option<String>,
    /// Serve metrics and probes on this address.
    #[arg(long, value_name = "HOST:PORT")]
    pub listen_http: Option<String>,
    /// Keep the store and the log in this folder.
    #[arg(long, value_name = "DIR")]
    pub data: Option<String>,
    /// error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// text or json.
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
}

impl Config {
    pub fn load(path: &Path, overrides: &Overrides) -> Result<Config, RunError> {
        let shown = path.display();
        let refused = |error: config::ConfigError| {
            Code::Config
                .error(format!("{shown}: {error}"))
                .with_next("Mend the file, the CONCORDAT__… variables or the flags.")
        };
        if !path.is_file() {
            let next =
                "Name the file with --config or CONCORDAT_CONFIG; `concordat network new` writes one for each member.";
            return Err(Code::Config.error(format!("there is no configuration file {shown}")).with_next(next));
        }
        let environment =
            Environment::with_prefix("CONCORDAT").prefix_separator("__").separator("__").try_parsing(true);
        let mut builder = config::Config::builder()
            .add_source(File::from(path.to_owned()).format(FileFormat::Toml))
            .add_source(environment);
        for (key, value) in overrides.entries() {
            builder = builder.set_override_option(key, value.cloned()).map_err(refused)?;
        }
        let mut config: Config = builder.build().and_then(config::Config::try_deserialize).map_err(refused)?;
        config.complete(path)?;
        Ok(config)
    }

    fn complete(&mut self, path: &Path) -> Result<(), RunError> {
        let absolute = std::path::absolute(path)
            .map_err(|error| Code::Config.error(format!("{} has no complete path: {error}", path.display())))?;
        self.home = absolute.parent().map(Path::to_owned).unwrap_or_default();
        for relative in [&mut self.genesis, &mut self.data, &mut self.tls.key, &mut self.tls.crt] {
            *relative = self.home.join(&*relative);
        }
        if self.mempool_bytes_max < MEMPOOL_BYTES_MIN {
            let cause = format!("mempool_bytes_max is {}, at least {MEMPOOL_BYTES_MIN}", self.mempool_bytes_max);
            return Err(Code::Config.error(cause));
        }
        Ok(())
    }
}

impl Overrides {
    fn entries(&self) -> [(&'static str, Option<&String>); 6] {
        [
            ("listen.peer", self.listen_peer.as_ref()),
            ("listen.client", self.listen_client.as_ref()),
            ("listen.http", self.listen_http.as_ref()),
            ("data", self.data.as_ref()),
            ("log.level", self.log_level.as_ref()),
            ("log.format", self.log_format.as_ref()),
        ]
    }
}

impl Default for TlsConfig {
    fn default() -> Self {
        TlsConfig { key: "tls.key".into(), crt: "tls.crt".into() }
    }
}

impl Default for ListenConfig {
    fn default() -> Self {
        ListenConfig { peer: "0.0.0.0:7400".into(), client: "0.0.0.0:7401".into(), http: "127.0.0.1:7402".into() }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig { level: "info".into(), format: LogFormat::Text }
    }
}

/// `D/genesis.json`, seen from `D/MEMBER/node/node.toml`.
fn default_genesis() -> PathBuf {
    "../../genesis.json".into()
}

fn default_data() -> PathBuf {
    "data".into()
}

fn default_mempool_bytes_max() -> usize {
    256 << 20
}

fn default_index() -> bool {
    true
}

/// One full block must fit.
const MEMPOOL_BYTES_MIN: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, overrides: &Overrides) -> Result<Config, RunError> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("node.toml");
        std::fs::write(&path, text).expect("it is written");
        let mut config = Config::load(&path, overrides)?;
        // Paths without the folder's changing name.
        for path in [&mut config.genesis, &mut config.data, &mut config.tls.key, &mut config.tls.crt] {
            *path = path.strip_prefix(folder.path()).unwrap_or(path).to_owned();
        }
        Ok(config)
    }

    #[test]
    fn defaults_give_way_to_the_file_and_the_file_to_flags() {
        let config = load("member = \"bank-a\"", &Overrides::default()).expect("a member is enough");
        assert_eq!((config.listen.clone(), config.tls.clone()), (ListenConfig::default(), TlsConfig::default()));
        assert_eq!(config.data, Path::new("data"));
        assert!(
            config.index
                && !load("member = \"bank-a\"\nindex = false", &Overrides::default()).expect("it is valid").index
        );
        let text =
            "member = \"bank-a\"\ndata = \"/var/data\"\n[listen]\npeer = \"127.0.0.1:1\"\nclient = \"127.0.0.1:2\"\n";
        let flags = Overrides { listen_client: Some("127.0.0.1:3".to_owned()), ..Overrides::default() };
        let config = load(text, &flags).expect("it is valid");
        assert_eq!((config.listen.peer.as_str(), config.listen.client.as_str()), ("127.0.0.1:1", "127.0.0.1:3"));
        assert_eq!((config.data.as_path(), config.listen.http.as_str()), (Path::new("/var/data"), "127.0.0.1:7402"));
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        for (text, named) in [
            ("member = \"bank-a\"\ncolour = 1", "colour"),
            ("member = \"bank-a\"\n[listen]\nport = 1", "port"),
            ("member = \"Bank A\"", "member"),
            ("data = \"d\"", "member"),
            ("member = \"bank-a\"\nlog.format = \"xml\"", "xml"),
            ("member = \"bank-a\"\nmempool_bytes_max = 1", "mempool_bytes_max"),
        ] {
            let error = load(text, &Overrides::default()).expect_err(text);
            assert_eq!(error.code, Code::Config);
            assert!(error.cause.contains(named), "{text}: {}", error.cause);
        }
    }
}
