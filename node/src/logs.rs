//! Log lines to stderr, as text or JSON.

use crate::{
    config::{LogConfig, LogFormat},
    error::RunError,
};
use concordat_proto::Code;
use std::io;
use tracing_subscriber::{EnvFilter, fmt};

/// Once a process. A second call leaves the first in force.
pub fn init(config: &LogConfig) -> Result<(), RunError> {
    let filter = EnvFilter::try_new(&config.level)
        .map_err(|error| Code::Config.error(format!("log.level {:?} is not one: {error}", config.level)))?;
    let lines = fmt().with_env_filter(filter).with_writer(io::stderr).with_target(true);
    let installed = match config.format {
        LogFormat::Text => lines.with_ansi(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
    };
    if installed.is_err() {
        tracing::debug!("the log is set up already");
    }
    Ok(())
}
