//! Tests against a small server in this process that refuses, breaks off, stays silent and restarts.

mod arguments;
mod batches;
mod cursors;
mod deletions;
mod fake;
mod fake_log;
mod outcomes;
mod partitions;
mod producers;
mod reads;
mod seen;
mod split;
mod status;
mod tails;
mod unordered;

use std::time::Duration;

use crate::{LogClient, LogClientBuilder, Retry};

/// More than a connection takes before somebody reads.
const LARGE: usize = 16_000_000;

/// A client that waits no longer than tests should.
fn client(url: &str, attempts: u32) -> LogClient {
    builder(url, attempts)
        .build()
        .expect("settings that are accepted")
}

/// The settings of such a client.
fn builder(url: &str, attempts: u32) -> LogClientBuilder {
    let retry = Retry {
        attempts,
        pause: Duration::from_millis(10),
        longest_pause: Duration::from_millis(50),
        patience: Duration::from_secs(5),
    };
    LogClient::builder(url).no_proxy().retry(retry)
}
