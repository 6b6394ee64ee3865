//! Errors as people and scripts get them: a stable code, the cause, the next step, and an exit code.

use concordat_proto::codes::{Code, CodedError};
use concordat_types::{NameError, ResultCode};
use serde::Serialize;
use std::{io, path::Path};
use tonic::Code as GrpcCode;

/// What the process ends with; scripts hold on to the numbers (docs/interfaces.md).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Exit {
    Ok = 0,
    Internal = 1,
    Usage = 2,
    /// The ledger recorded a result other than ok, or does not take the transaction's form.
    Refused = 3,
    /// This side has no right, or no known key.
    Denied = 4,
    /// State unknown; safe to repeat.
    Unreachable = 5,
    /// The other side, or what it sent, is not what it should be.
    Verification = 6,
    /// Something on this machine must not be used as it is.
    UnsafeLocalState = 7,
}

/// Codes of this program beside those of `concordat_proto::codes`.
pub const REFUSED: &str = "E_REFUSED";
pub const UNREACHABLE: &str = "E_UNREACHABLE";
pub const SERVER_KEY: &str = "E_TLS_SERVER_KEY";
pub const PAYMENT_STATE: &str = "E_PAYMENT_STATE";
pub const PASSPHRASE: &str = "E_PASSPHRASE";
pub const KEY_FILE: &str = "E_KEY_FILE";

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error, Serialize)]
#[error("{code}: {cause}")]
pub struct CliError {
    pub code: &'static str,
    /// Number of the ledger's result, where it refused (docs/errors.md).
    pub result: Option<u16>,
    pub cause: String,
    pub next: String,
    #[serde(skip)]
    pub exit: Exit,
}

impl CliError {
    pub fn new(exit: Exit, code: &'static str, cause: impl Into<String>, next: impl Into<String>) -> CliError {
        CliError { code, result: None, cause: cause.into(), next: next.into(), exit }
    }

    pub fn usage(cause: impl Into<String>, next: impl Into<String>) -> CliError {
        CliError::new(Exit::Usage, Code::Usage.name(), cause, next)
    }

    pub fn config(cause: impl Into<String>, next: impl Into<String>) -> CliError {
        CliError::new(Exit::Usage, Code::Config.name(), cause, next)
    }

    pub fn internal(cause: impl Into<String>) -> CliError {
        CodedError { code: Code::Internal, cause: cause.into(), next: None }.into()
    }

    /// A result other than ok that the ledger recorded.
    pub fn refused(result: ResultCode) -> CliError {
        let cause = format!("{result}: {}", result.cause());
        CliError { result: Some(result.number()), ..CliError::new(Exit::Refused, REFUSED, cause, result.next_step()) }
    }

    pub fn file(what: &str, path: &Path, error: &io::Error) -> CliError {
        let cause = format!("{what} {}: {error}", path.display());
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::AlreadyExists => {
                CliError::usage(cause, "Check the path and its permissions.")
            }
            _ => CliError::new(Exit::Internal, Code::Disk.name(), cause, Code::Disk.next_step()),
        }
    }

    pub fn with_next(mut self, next: impl Into<String>) -> CliError {
        self.next = next.into();
        self
    }

    /// Was the request perhaps not seen, so that another node, or the same one later, may answer?
    pub fn is_worth_repeating(&self) -> bool {
        self.exit == Exit::Unreachable
    }
}

impl From<CodedError> for CliError {
    fn from(error: CodedError) -> CliError {
        let next = error.next_step().to_owned();
        CliError::new(exit_of(error.code), error.code.name(), error.cause, next)
    }
}

impl From<NameError> for CliError {
    fn from(error: NameError) -> CliError {
        CliError::usage(error.0, "Mend the name; --help of the command has examples.")
    }
}

fn exit_of(code: Code) -> Exit {
    match code {
        Code::Usage | Code::Config | Code::Genesis => Exit::Usage,
        Code::WrongNetwork | Code::WrongVersion => Exit::Verification,
        Code::Signer | Code::DataForeign => Exit::UnsafeLocalState,
        _ => match code.grpc() {
            GrpcCode::PermissionDenied | GrpcCode::Unauthenticated => Exit::Denied,
            GrpcCode::Unavailable | GrpcCode::DeadlineExceeded | GrpcCode::ResourceExhausted => Exit::Unreachable,
            GrpcCode::InvalidArgument | GrpcCode::FailedPrecondition | GrpcCode::NotFound => Exit::Refused,
            GrpcCode::DataLoss => Exit::UnsafeLocalState,
            _ => Exit::Internal,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_an_exit_that_is_not_success() {
        for code in Code::ALL {
            assert_ne!(exit_of(*code), Exit::Ok, "{code}");
        }
        assert_eq!(exit_of(Code::TlsUnknownKey), Exit::Denied);
        for code in [Code::Timeout, Code::Busy, Code::NoValidator, Code::Unavailable] {
            assert_eq!(exit_of(code), Exit::Unreachable, "{code}");
        }
        for code in [Code::Malformed, Code::BadSignature, Code::Expired, Code::NotFound] {
            assert_eq!(exit_of(code), Exit::Refused, "{code}");
        }
        assert_eq!(exit_of(Code::NotAuthorised), Exit::Denied);
    }

    #[test]
    fn the_json_of_an_error_has_four_fields() {
        let error = CliError::refused(ResultCode::InsufficientFunds);
        let json = serde_json::to_value(&error).expect("plain fields");
        let fields: Vec<_> = json.as_object().expect("a struct").keys().cloned().collect();
        assert_eq!(fields, ["cause", "code", "next", "result"]);
        assert_eq!(json["result"], 92);
        assert_eq!(json["code"], "E_REFUSED");
        assert!(json["cause"].as_str().expect("text").starts_with("insufficient_funds: "));
        assert_eq!(error.exit, Exit::Refused);
    }
}
