//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Runs a server over SeaweedFS under mixed load, makes something fail at regular intervals, and then compares what
/// clients were told with what the log holds. Needs root (it mounts a tmpfs), and SeaweedFS's `weed` in `LOG_TEST_WEED`.
#[derive(Debug, Clone, Parser)]
#[command(version)]
pub(crate) struct Arguments {
    /// The server's binary.
    #[arg(long, value_name = "FILE")]
    pub(crate) binary: PathBuf,
    /// How long the load lasts, for example `60m`.
    #[arg(long, default_value = "60m", value_parser = humantime::parse_duration)]
    pub(crate) duration: Duration,
    /// The time between failures.
    #[arg(long, default_value = "30s", value_parser = humantime::parse_duration)]
    pub(crate) failure_every: Duration,
    /// Keys that are appended to.
    #[arg(long, default_value_t = 100_000)]
    pub(crate) keys: u32,
    /// Clients that append, each one batch after the other.
    #[arg(long, default_value_t = 8)]
    pub(crate) appenders: u32,
    /// Appends of one client in a second, at most.
    #[arg(long, default_value_t = 20)]
    pub(crate) rate: u32,
    /// Clients that follow keys, half of them with long polls and half with event streams.
    #[arg(long, default_value_t = 16)]
    pub(crate) followers: u32,
    /// Clients that scan keys.
    #[arg(long, default_value_t = 4)]
    pub(crate) scanners: u32,
    /// Draws the failures and the contents of the batches. (The timing of the processes is real, so a run is not repeated exactly.)
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Where the logs of the servers go.
    #[arg(long, value_name = "DIR", default_value = "soak-logs")]
    pub(crate) logs: PathBuf,
}
