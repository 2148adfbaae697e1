//! The lifetime of a running server, until it stops or fails.

use std::fmt;
use std::time::Duration;

use log_domain::{Error, Stopped};
use tokio::time::Instant;

use crate::server::{NotFlushed, Running};

/// Why a server did not stop cleanly.
#[derive(Debug)]
pub enum Ended {
    /// Another server took over the log.
    Fenced,
    /// The storage engine failed.
    Failed,
    /// The shutdown timeout passed before everything was durable.
    NotFlushed(NotFlushed),
    /// A second signal came before everything was durable.
    Hurried(&'static str),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fenced => f.write_str("fenced: another server has taken over this log"),
            Self::Failed => {
                f.write_str("the storage engine failed; what was not durable yet may be lost")
            }
            Self::NotFlushed(why) => why.fmt(f),
            Self::Hurried(signal) => {
                write!(f, "{signal} again: stopped without waiting for the flush")
            }
        }
    }
}

impl std::error::Error for Ended {}

/// Serves until `signal` resolves to its name or the server is fenced; then stops. A fenced server first answers its
/// clients with that error for `fenced_for`.
///
/// # Errors
/// When something that was acknowledged may be lost, or another server has the log.
pub async fn until_ended(
    running: Running,
    mut signal: impl AsyncFnMut() -> &'static str,
    fenced_for: Duration,
) -> Result<(), Ended> {
    let broken = tokio::select! {
        name = signal() => {
            tracing::info!("{name}: stopping; a second signal stops immediately");
            None
        }
        why = running.broken() => Some(why),
    };
    let since = Instant::now();
    if broken == Some(Stopped::Fenced) {
        tracing::error!(
            "FENCED: another server has taken over this log; this server acknowledges no more appends and stops"
        );
        tokio::select! {
            () = tokio::time::sleep(fenced_for) => {}
            name = signal() => tracing::info!("{name}: stopping"),
        }
    }
    let stopped = tokio::select! {
        stopped = running.stop(since) => stopped,
        name = signal() => return Err(Ended::Hurried(name)),
    };
    match (broken, stopped) {
        (Some(Stopped::Fenced), _) | (_, Err(NotFlushed(Error::Fenced))) => Err(Ended::Fenced),
        (Some(_), _) => Err(Ended::Failed),
        (None, Err(not_flushed)) => Err(Ended::NotFlushed(not_flushed)),
        (None, Ok(())) => {
            tracing::info!("stopped; everything acknowledged is durable");
            Ok(())
        }
    }
}
