//! The server's log, on standard error.
//!
//! Whatever happens to standard error, no log line fails or blocks the code that logs it: lines are handed to a
//! [`LogWriter`], which has a thread of its own.

use std::io::{IsTerminal, stderr};
use std::panic::PanicHookInfo;

use tracing::Dispatch;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

use crate::config::{Config, LogFormat};

mod fenced;
pub(crate) mod filter;
mod rate_limit;
mod writer;

use fenced::FencedEngines;
use rate_limit::RateLimit;
pub use writer::{LogWriter, LostLines};

/// Begins to log as configured, to `writer`. Once in a process.
///
/// # Errors
/// What is wrong with the filter in `log`.
pub fn begin(config: &Config, writer: &LogWriter) -> Result<(), String> {
    let filter = filter::parse(&config.log)?;
    let limit = RateLimit::new(&config.log, writer.lost());
    let lines = lines(config, writer);
    registry()
        .with(filter)
        .with(FencedEngines::new(&config.log))
        .with(limit)
        .with(lines)
        .init();
    let unfiltered = unfiltered(config, writer);
    std::panic::set_hook(Box::new(move |panic| {
        tracing::dispatcher::with_default(&unfiltered, || log_panic(panic));
    }));
    Ok(())
}

/// Writes why the process ends with this exit code, in the form of the other lines, whatever the filter in `log` says.
pub fn last_line(config: &Config, writer: &LogWriter, exit_code: u8, message: &str) {
    tracing::dispatcher::with_default(&unfiltered(config, writer), || {
        tracing::error!(target: "opendata_log", exit_code, "{message}");
    });
}

fn unfiltered(config: &Config, writer: &LogWriter) -> Dispatch {
    registry().with(lines(config, writer)).into()
}

fn lines<S>(config: &Config, writer: &LogWriter) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let writer = writer.clone();
    let lines = fmt::layer()
        .with_writer(move || writer.clone())
        // It would report them with `eprintln!`, which panics when standard error is gone.
        .log_internal_errors(false);
    match in_json(config) {
        true => lines
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .boxed(),
        false => lines.with_ansi(stderr().is_terminal()).boxed(),
    }
}

/// Whether each line is an object for programs, and not text for people.
pub fn in_json(config: &Config) -> bool {
    match config.log_format {
        LogFormat::Auto => !stderr().is_terminal(),
        LogFormat::Json => true,
        LogFormat::Text => false,
    }
}

/// Logs a panic as any other line. The standard hook writes to standard error itself, and blocks when it is not read.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let thread = std::thread::current();
    let thread = thread.name().unwrap_or("<unnamed>");
    let backtrace = std::backtrace::Backtrace::capture();
    let backtrace = match backtrace.status() {
        std::backtrace::BacktraceStatus::Captured => backtrace.to_string(),
        _ => String::new(),
    };
    let message = panic.payload_as_str().unwrap_or("no message");
    let location = panic.location().map(ToString::to_string);
    tracing::error!(
        thread,
        location,
        backtrace,
        "a thread panicked, which is a bug: {message}"
    );
}
