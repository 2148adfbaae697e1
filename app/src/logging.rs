//! What the server says, on stderr.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

use crate::config::{Config, LogFormat};

/// Begins to log as configured. Once in a process.
///
/// # Errors
/// What is wrong with the filter in `log`.
pub fn begin(config: &Config) -> Result<(), String> {
    let filter = EnvFilter::try_new(&config.log).map_err(|error| format!("log: {error}"))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr);
    match in_json(config) {
        true => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .init(),
        false => lines.with_ansi(stderr().is_terminal()).init(),
    }
    Ok(())
}

/// Whether each line is an object for programs, and not text for people.
pub fn in_json(config: &Config) -> bool {
    match config.log_format {
        LogFormat::Auto => !stderr().is_terminal(),
        LogFormat::Json => true,
        LogFormat::Text => false,
    }
}
