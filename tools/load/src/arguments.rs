//! What to send, how much, and for how long.

use std::fmt;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// Sends appends, scans or counts to a Log server for some seconds, and prints throughput, latency and errors.
#[derive(Debug, Clone, Parser)]
#[command(name = "log-load", version)]
pub(crate) struct Arguments {
    /// Where the server listens
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,

    /// What to send
    #[arg(long, value_enum, default_value_t = Mode::Append)]
    pub(crate) mode: Mode,

    /// How many requests are on their way at once, each on its own connection
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) connections: u64,

    /// Requests in a second, of all connections together. Latencies then count from when a request was due, so a slow server is
    /// asked as often as a fast one. Without it, each connection sends its next request when the last one was answered
    #[arg(long, value_name = "REQUESTS", value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) rate: Option<u64>,

    /// With `--mode session`: how many appends each connection has on their way
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) outstanding: u64,

    /// How long to send
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(crate) seconds: u64,

    /// Records in one append, or in one page of a scan
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub(crate) records: u64,

    /// Length of a record's value
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(0..=8_388_608))]
    pub(crate) value_bytes: u64,

    /// With `--mode append`: headers of each record, of 32 bytes each
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=64))]
    pub(crate) headers: u64,

    /// How many distinct keys the records are spread over
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) keys: u64,

    /// Whether appends wait until they are on object storage
    #[arg(long)]
    pub(crate) durable: bool,

    /// Append without a producer: for servers that do not know producers, and to see what one costs
    #[arg(long)]
    pub(crate) without_producers: bool,
}

impl Arguments {
    /// How long to send.
    pub(crate) fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }
}

/// The kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Append batches; records of a batch go to keys in turn
    Append,
    /// Append one batch again and again, encoded before and without a producer, over plain HTTP/1.1: costs the load generator least
    Repeat,
    /// Append batches in a session for each connection, without producers, --outstanding of them at once
    Session,
    /// Read a page of a key, again and again
    Scan,
    /// Count the records of a key
    Count,
    /// 20 appends a second, each of 1,000 records of 1,000 random bytes over 1,000 of 20,000 keys, and as many polls of random keys that have nothing new.
    /// Sizes, rates and connections are fixed; latencies count from when a request was due
    Mailbox,
}

impl fmt::Display for Arguments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let durable = if self.durable { ", durable" } else { "" };
        if self.mode == Mode::Mailbox {
            return write!(f, "{:?}{durable}", self.mode);
        }
        write!(
            f,
            "{:?}{durable}: {} connections, {} records of {} B per request, {} keys",
            self.mode, self.connections, self.records, self.value_bytes, self.keys
        )?;
        match self.rate {
            Some(rate) => write!(f, ", {rate} requests/s"),
            None => Ok(()),
        }
    }
}
