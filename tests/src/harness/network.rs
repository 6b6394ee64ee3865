//! Member banks with a validator each and a central bank that follows, as processes on this machine.

use super::{Binaries, Cli, Failure, Process, Signal, http, ports, wait::seen, wait_until};
use concordat_cli::{Client, Profile, secrets};
use concordat_keys::SecretKey;
use concordat_proto::v1::NodeStatus;
use concordat_types::NetworkId;
use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    sync::Arc,
    time::Duration,
};

/// What to make.
#[derive(Clone, Debug)]
pub struct Layout {
    /// New or empty.
    pub dir: PathBuf,
    pub banks: u16,
    pub operator_keys: u16,
    /// None: ports that are free now.
    pub base_port: Option<u16>,
}

#[derive(Debug)]
pub struct Network {
    pub dir: PathBuf,
    pub network_id: NetworkId,
    pub cli: Cli,
    /// The banks in order, the central bank last.
    pub nodes: Vec<Node>,
    pub binaries: Binaries,
}

#[derive(Debug)]
pub struct Node {
    pub name: String,
    pub is_validator: bool,
    /// `host:port`
    pub peer: String,
    pub client: String,
    pub http: String,
    /// The member's folder, which is its profile.
    pub home: PathBuf,
    pub profile: Profile,
    /// None: not started, or killed.
    pub process: Option<Process>,
    /// Asks this node alone.
    rpc: Client,
}

impl Network {
    /// Makes keys, genesis and configurations by `concordat network new`; starts nothing.
    pub async fn create(binaries: Binaries, cli: Cli, layout: &Layout) -> Result<Network, Failure> {
        let base_port = match layout.base_port {
            Some(port) => port,
            None => ports::free_ports(PORTS_PER_MEMBER * (layout.banks + 1))?,
        };
        let (dir, banks) = (layout.dir.display().to_string(), layout.banks.to_string());
        let (base_port, operator_keys) = (base_port.to_string(), layout.operator_keys.to_string());
        let mut arguments = vec!["network", "new", "--dir", &dir, "--banks", &banks, "--base-port", &base_port];
        if layout.operator_keys != 1 {
            arguments.extend(["--operator-keys", &operator_keys]);
        }
        arguments.push("--trial");
        let data = cli.run(None, &arguments).await?.data()?;
        let network_id = serde_json::from_value(data["network_id"].clone())
            .map_err(|error| Failure::check(format!("network new: no network id: {error}")))?;
        let members = data["members"].as_array().cloned().unwrap_or_default();
        let mut nodes = Vec::new();
        for member in &members {
            nodes.push(Node::of(&layout.dir, member).await?);
        }
        let expected = usize::from(layout.banks) + 1;
        match nodes.len() {
            count if count == expected => Ok(Network { dir: layout.dir.clone(), network_id, cli, nodes, binaries }),
            count => Err(Failure::check(format!("network new: {count} members, expected {expected}"))),
        }
    }

    pub fn node(&self, name: &str) -> Result<&Node, Failure> {
        let node = self.nodes.iter().find(|node| node.name == name);
        node.ok_or_else(|| Failure::check(format!("there is no node {name}")))
    }

    pub fn validators(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.is_validator)
    }

    pub fn central_bank(&self) -> Result<&Node, Failure> {
        self.node(CENTRAL_BANK)
    }

    pub fn profile(&self, member: &str) -> PathBuf {
        let joined = self.nodes.iter().find(|node| node.name == member);
        joined.map_or_else(|| self.dir.join(member), |node| node.home.clone())
    }

    /// The node of an institution that has joined, by `concordat join` into a folder of its own.
    pub async fn add(&mut self, name: &str, dir: &Path, base_port: u16) -> Result<(), Failure> {
        let ports = [base_port, base_port + 1, base_port + 2].map(|port| format!("127.0.0.1:{port}"));
        self.nodes.push(Node::in_folder(dir, name, ports).await?);
        Ok(())
    }

    /// Runs a command as a member.
    pub async fn cli(&self, member: &str, arguments: &[&str]) -> Result<super::Answer, Failure> {
        self.cli.run(Some(&self.profile(member)), arguments).await
    }

    pub fn start(&mut self, name: &str) -> Result<(), Failure> {
        let command = self.command(name)?;
        self.start_by(name, command)
    }

    /// By a command other than its own, which leads to it.
    pub fn start_by(&mut self, name: &str, command: Command) -> Result<(), Failure> {
        let node = self.node_mut(name)?;
        node.process = Some(Process::start(command, &node.log_path())?);
        Ok(())
    }

    /// None while it runs, and where it was not started.
    pub fn exited(&mut self, name: &str) -> Result<Option<ExitStatus>, Failure> {
        Ok(self.node_mut(name)?.process.as_mut().and_then(Process::exited))
    }

    pub fn start_all(&mut self) -> Result<(), Failure> {
        let names: Vec<String> = self.nodes.iter().map(|node| node.name.clone()).collect();
        names.iter().try_for_each(|name| self.start(name))
    }

    /// What starts the member's program.
    pub fn command(&self, name: &str) -> Result<Command, Failure> {
        let node = self.node(name)?;
        let program = if node.is_validator { &self.binaries.validator } else { &self.binaries.node };
        let mut command = Command::new(program);
        command.arg("run").arg("--config").arg(node.config_path());
        let passphrase = node.home.with_file_name("passphrase");
        command.env_remove("CONCORDAT_CONFIG").env("CONCORDAT_PASSPHRASE_FILE", passphrase);
        Ok(command)
    }

    /// SIGKILL.
    pub fn kill(&mut self, name: &str) -> Result<(), Failure> {
        match self.node_mut(name)?.process.take() {
            Some(mut process) => process.kill(),
            None => return Err(Failure::check(format!("{name} does not run"))),
        }
        Ok(())
    }

    pub fn signal(&self, name: &str, signal: Signal) -> Result<(), Failure> {
        let process = self.node(name)?.process.as_ref();
        process.ok_or_else(|| Failure::check(format!("{name} does not run")))?.signal(signal)
    }

    /// Kills everything.
    pub fn stop(&mut self) {
        for node in &mut self.nodes {
            node.process = None;
        }
    }

    /// Until all nodes that run are ready and connected with each other.
    pub async fn wait_ready(&mut self, within: Duration) -> Result<(), Failure> {
        let running = self.nodes.iter().filter(|node| node.process.is_some()).count();
        for node in self.nodes.iter_mut().filter(|node| node.process.is_some()) {
            let what = format!("{} is ready", node.name);
            wait_until(&what, within, async || {
                node.check_alive()?;
                let answer = http::get(&node.http, "/readyz").await.map_err(|error| format!("/readyz: {error}"))?;
                seen(answer.status == 200, || format!("/readyz: {} {}", answer.status, answer.body.trim()))?;
                let status = node.status().await?;
                let connected = status.peers.iter().filter(|peer| peer.connected).count();
                seen(connected + 1 >= running, || format!("{connected} of {} peers are connected", running - 1))
            })
            .await
            .map_err(|failure| node.with_last_words(failure))?;
        }
        Ok(())
    }

    /// Of the nodes that answer, by name.
    pub async fn heights(&self) -> Vec<(String, u64)> {
        let mut heights = Vec::new();
        for node in self.nodes.iter().filter(|node| node.process.is_some()) {
            if let Ok(status) = node.status().await {
                heights.push((node.name.clone(), status.height));
            }
        }
        heights
    }

    /// A profile's client with all its keys.
    pub async fn member(&self, name: &str) -> Result<Member, Failure> {
        Member::of(&self.node(name)?.profile).await
    }

    fn node_mut(&mut self, name: &str) -> Result<&mut Node, Failure> {
        let node = self.nodes.iter_mut().find(|node| node.name == name);
        node.ok_or_else(|| Failure::check(format!("there is no node {name}")))
    }
}

impl Node {
    async fn of(dir: &Path, member: &serde_json::Value) -> Result<Node, Failure> {
        let name = member["member"].as_str().unwrap_or_default().to_owned();
        let ports = ["peer", "client", "http"].map(|kind| format!("127.0.0.1:{}", member[kind]));
        Node::in_folder(dir, &name, ports).await
    }

    async fn in_folder(dir: &Path, name: &str, [peer, client, http]: [String; 3]) -> Result<Node, Failure> {
        let home = dir.join(name);
        let profile = Profile::load(&home)?;
        let rpc = Client::connect(&profile).await?.of_node(0).with_timeout(RPC_TIMEOUT);
        let is_validator = home.join("validator").is_dir();
        Ok(Node { is_validator, peer, client, http, home, profile, process: None, rpc, name: name.to_owned() })
    }

    pub fn config_path(&self) -> PathBuf {
        self.home.join("node/node.toml")
    }

    pub fn data_path(&self) -> PathBuf {
        self.home.join("node/data")
    }

    pub fn log_path(&self) -> PathBuf {
        self.home.join("node.log")
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.log_path()).unwrap_or_default()).into_owned()
    }

    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// A client of this node alone.
    pub fn rpc(&self) -> &Client {
        &self.rpc
    }

    pub async fn status(&self) -> Result<NodeStatus, String> {
        self.rpc.status().await.map_err(|error| format!("{}: {error}", self.name))
    }

    /// Until the node has committed the height.
    pub async fn wait_height(&self, height: u64, within: Duration) -> Result<NodeStatus, Failure> {
        let what = format!("{} at height {height}", self.name);
        wait_until(&what, within, async || {
            let status = self.status().await?;
            if status.height >= height { Ok(status) } else { Err(format!("it is at {}", status.height)) }
        })
        .await
    }

    fn check_alive(&mut self) -> Result<(), String> {
        match self.process.as_mut().and_then(Process::exited) {
            None => Ok(()),
            Some(status) => Err(format!("{} has ended: {status}", self.name)),
        }
    }

    fn with_last_words(&self, mut failure: Failure) -> Failure {
        if let Some(process) = &self.process {
            failure.cause = format!("{}\n{}", failure.cause, process.last_words());
        }
        failure
    }
}

/// A member as a program uses it: where its nodes are, and the keys that sign.
#[derive(Clone, Debug)]
pub struct Member {
    pub name: String,
    pub client: Client,
    pub keys: Arc<Vec<SecretKey>>,
}

impl Member {
    pub async fn of(profile: &Profile) -> Result<Member, Failure> {
        let client = Client::connect(profile).await?;
        let keys = Arc::new(secrets::operator_keys(profile)?);
        Ok(Member { name: profile.member.to_string(), client, keys })
    }
}

pub const CENTRAL_BANK: &str = "central-bank";
/// A node that runs answers within this, on a busy machine too.
const RPC_TIMEOUT: Duration = Duration::from_secs(3);
const PORTS_PER_MEMBER: u16 = 10;
