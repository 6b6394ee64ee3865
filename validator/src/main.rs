//! The `concordat-validator` command: makes a consensus key, and runs a node that signs with it.

use clap::{Args, Parser, Subcommand};
use concordat_keys::{Strength, passphrase_from_env};
use concordat_node::{
    Config, RunError, RunOptions, VERSION,
    config::Overrides,
    genesis, init_logs,
    probe::{HealthArgs, health},
};
use concordat_types::NetworkId;
use concordat_validator::{ConsensusKey, FileSigner, OpenRecordError, create_record};
use serde_json::json;
use std::{
    error::Error,
    fs,
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// A validator of a Concordat ledger: a node with a consensus key.
#[derive(Debug, Parser)]
#[command(name = "concordat-validator", version = VERSION, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a consensus key and its sign record; both are made once and never copied
    Init(InitArgs),
    /// Run the node, and sign with the key, until told to stop
    Run(RunArgs),
    /// Ask the running node whether it is ready: exit code 0 or 1
    Health(HealthArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "The passphrase of the key is read from the file that CONCORDAT_PASSPHRASE_FILE names.

Example:
  CONCORDAT_PASSPHRASE_FILE=secret concordat-validator init --dir validator")]
struct InitArgs {
    /// Folder for consensus.key and sign-record; it is made if missing
    #[arg(long)]
    dir: PathBuf,
    /// For trial networks: any passphrase will do, and the key is quick to open
    #[arg(long)]
    trial: bool,
    /// One JSON object on stdout
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "The passphrase of the key is read from the file that CONCORDAT_PASSPHRASE_FILE names.

Example:
  CONCORDAT_PASSPHRASE_FILE=secret concordat-validator run --config node/node.toml --validator-dir validator")]
struct RunArgs {
    /// The node's configuration file
    #[arg(long, env = "CONCORDAT_CONFIG", default_value = "node.toml")]
    config: PathBuf,
    /// Folder with consensus.key and sign-record [default: validator, beside the configuration file's folder]
    #[arg(long, value_name = "DIR")]
    validator_dir: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
}

fn main() -> ExitCode {
    let done = match Cli::parse().verb {
        Verb::Init(args) => init(&args),
        Verb::Run(args) => run(args),
        Verb::Health(args) => health(&args).map(|text| println!("{text}")).map_err(Failure::from),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error[{}]: {}\n  next: {}", failure.code, failure.cause, failure.next);
            ExitCode::from(failure.exit)
        }
    }
}

/// What the process ends with: 1, or 7 where something on this machine must not be used as it is.
struct Failure {
    code: &'static str,
    cause: String,
    next: String,
    exit: u8,
}

impl Failure {
    fn new(code: &'static str, cause: impl Into<String>, next: impl Into<String>) -> Failure {
        Failure { code, cause: cause.into(), next: next.into(), exit: INTERNAL }
    }

    /// The text of the error and of what caused it.
    fn of(code: &'static str, what: &str, error: &dyn Error, next: impl Into<String>) -> Failure {
        let mut causes = vec![error.to_string()];
        let mut source = error.source();
        while let Some(error) = source {
            causes.push(error.to_string());
            source = error.source();
        }
        Failure::new(code, format!("{what}: {}", causes.join(": ")), next)
    }

    fn unsafe_local_state(self) -> Failure {
        Failure { exit: UNSAFE_LOCAL_STATE, ..self }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Failure {
        let failure = Failure::new(error.code.name(), error.cause.clone(), error.next_step());
        // Whatever the signer says, it is about the promise never to sign twice.
        if failure.code == "E_SIGNER" { failure.unsafe_local_state() } else { failure }
    }
}

fn init(args: &InitArgs) -> Result<(), Failure> {
    let (key_path, record_path) = (args.dir.join(KEY_FILE), args.dir.join(RECORD_FILE));
    for path in [&key_path, &record_path] {
        if path.exists() {
            let next = "A validator has one key; to make another, name another folder.";
            return Err(Failure::new("E_SIGNER", format!("{} exists", path.display()), next).unsafe_local_state());
        }
    }
    let passphrase = passphrase_from_env().map_err(no_passphrase)?;
    make_dir(&args.dir).map_err(|error| disk(&args.dir, &error))?;
    let key = ConsensusKey::generate().map_err(|error| Failure::of("E_INTERNAL", "no randomness", &error, RETRY))?;
    let strength = if args.trial { Strength::Trial } else { Strength::Full };
    key.save(&key_path, &passphrase, strength)
        .map_err(|error| Failure::of("E_SIGNER", &key_path.display().to_string(), &error, RETRY))?;
    if let Err(error) = create_record(&record_path, key.public_key()) {
        // Nobody has heard of the key yet, and without a record it could not be used.
        let _ = fs::remove_file(&key_path);
        return Err(disk(&record_path, &error));
    }
    let (key, possession) = (key.public_key(), key.possession());
    let text = match args.json {
        true => json!({ "key": key, "possession": possession }).to_string(),
        false => format!("key         {key}\npossession  {possession}"),
    };
    writeln!(io::stdout(), "{text}")
        .map_err(|error| Failure::of("E_DISK", "stdout", &error, "The key was made all the same."))
}

fn run(args: RunArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config, &args.overrides)?;
    init_logs(&config.log)?;
    let (network, _) = genesis::load(&config.genesis)?;
    let dir = args.validator_dir.unwrap_or_else(|| config.home.join("..").join("validator"));
    let signer = open_signer(&dir, network)?;
    Ok(concordat_node::run(RunOptions { config, signer: Some(Box::new(signer)) })?)
}

/// Key and record are used together or not at all.
fn open_signer(dir: &Path, network: NetworkId) -> Result<FileSigner, Failure> {
    let (key_path, record_path) = (dir.join(KEY_FILE), dir.join(RECORD_FILE));
    let passphrase = passphrase_from_env().map_err(no_passphrase)?;
    let key = ConsensusKey::load(&key_path, &passphrase).map_err(|error| {
        let next =
            "Check --validator-dir and the passphrase file; `concordat-validator init` makes a new validator's key.";
        Failure::of("E_SIGNER", &key_path.display().to_string(), &error, next)
    })?;
    FileSigner::open(key, &record_path, network, EPOCH).map_err(|error| {
        // A record that cannot be read or written may still be a good one.
        if let OpenRecordError::Io { path, source } = &error {
            return disk(path, source);
        }
        let next = "Never copy, edit or delete a sign record: the validator could sign twice. Look for another process or a moved disk first.";
        Failure::of("E_SIGNER", "the sign record cannot be used", &error, next).unsafe_local_state()
    })
}

fn make_dir(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

fn no_passphrase(error: concordat_keys::PassphraseError) -> Failure {
    let next = "Set CONCORDAT_PASSPHRASE_FILE to a file that holds the passphrase, readable by you alone.";
    Failure::of("E_PASSPHRASE", "no passphrase", &error, next)
}

fn disk(path: &Path, error: &io::Error) -> Failure {
    Failure::of("E_DISK", &path.display().to_string(), error, "Check free space and permissions, then try again.")
}

const KEY_FILE: &str = "consensus.key";
const RECORD_FILE: &str = "sign-record";
/// No recovery certificate has begun another.
const EPOCH: u32 = 0;
const INTERNAL: u8 = 1;
const UNSAFE_LOCAL_STATE: u8 = 7;
const RETRY: &str = "Mend what the message names, then try again.";
