//! Why something did not come out as it should: code, cause, next step.

use concordat_cli::CliError;
use serde::Serialize;
use std::{fmt, io, path::Path};

/// In the form in which all programs of Concordat report errors.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Failure {
    pub code: String,
    pub cause: String,
    pub next: String,
}

impl Failure {
    pub fn new(code: &str, cause: impl Into<String>, next: impl Into<String>) -> Failure {
        Failure { code: code.to_owned(), cause: cause.into(), next: next.into() }
    }

    /// The network does not do what it promises.
    pub fn check(cause: impl Into<String>) -> Failure {
        Failure::new("E_CHECK", cause, "Look at the logs of the nodes; this should not happen.")
    }

    /// This machine or this build will not do.
    pub fn set_up(cause: impl Into<String>, next: impl Into<String>) -> Failure {
        Failure::new("E_SET_UP", cause, next)
    }

    pub fn file(what: &str, path: &Path, error: &io::Error) -> Failure {
        Failure::set_up(format!("{what} {}: {error}", path.display()), "Check free space and permissions.")
    }

    pub fn context(mut self, what: impl fmt::Display) -> Failure {
        self.cause = format!("{what}: {}", self.cause);
        self
    }
}

/// A promise that must hold.
pub fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::check(otherwise())) }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.cause)
    }
}

impl std::error::Error for Failure {}

impl From<CliError> for Failure {
    fn from(error: CliError) -> Failure {
        Failure::new(error.code, error.cause, error.next)
    }
}
