//! Errors that keep a node from starting or end it: code, cause, next step.

use concordat_proto::codes::{Code, CodedError};
use concordat_replica::{
    Fatal, OpenError, chain::OpenChainError, disk::DiskError, log::LogError, signer::SignerError, store::StoreError,
};

/// What `run` ends with. The same form goes to clients as `google.rpc.ErrorInfo`.
pub type RunError = CodedError;

/// For people, on stderr.
pub fn report(error: &RunError) -> String {
    format!("error[{}]: {}\n  next: {}", error.code, error.cause, error.next_step())
}

pub fn of_store(error: &StoreError) -> RunError {
    let code = match error {
        StoreError::Foreign(_) => Code::DataForeign,
        StoreError::Corrupt(_) => Code::DataCorrupt,
        StoreError::InUse(_) => Code::DataInUse,
        StoreError::Io(_) => Code::Disk,
    };
    code.error(error.to_string())
}

pub fn of_disk(error: &DiskError) -> RunError {
    Code::Disk.error(error.to_string())
}

pub fn of_open(error: &OpenError) -> RunError {
    match error {
        OpenError::Chain(error) => of_chain(error),
        OpenError::Log(error) => of_log(error),
        OpenError::Signer(error) => of_signer(error),
        OpenError::Fatal(error) => of_fatal(error),
    }
}

pub fn of_fatal(error: &Fatal) -> RunError {
    match error {
        Fatal::Store(error) => of_store(error),
        Fatal::Log(error) => of_log(error),
        Fatal::Signer(error) => of_signer(error),
        Fatal::Chain(error) => of_chain(error),
    }
}

fn of_chain(error: &OpenChainError) -> RunError {
    match error {
        OpenChainError::Store(error) => of_store(error),
        OpenChainError::Genesis(_) => Code::Genesis.error(error.to_string()),
        _ => Code::DataCorrupt.error(error.to_string()),
    }
}

fn of_log(error: &LogError) -> RunError {
    match error {
        LogError::Disk(error) => of_disk(error),
        LogError::Corrupt { .. } => Code::DataCorrupt.error(error.to_string()),
    }
}

fn of_signer(error: &SignerError) -> RunError {
    let code = match error {
        SignerError::Disk(_) => Code::Disk,
        SignerError::Broken(_) => Code::Signer,
    };
    code.error(error.to_string())
}
