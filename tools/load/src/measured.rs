//! What one task of a load, or all of them, measured.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Longer latencies count as this one. No request takes so long: the client gives up before.
const LONGEST_MICROS: u64 = 600_000_000;

/// What was measured.
pub(crate) struct Measured {
    /// Of the requests that succeeded, in microseconds.
    pub(crate) latency: Histogram<u64>,
    pub(crate) records: u64,
    pub(crate) errors: u64,
    /// To show one: most errors of a run are the same.
    pub(crate) first_error: Option<Problem>,
}

/// Why a request did not succeed.
#[derive(Debug)]
pub(crate) struct Problem(String);

impl Measured {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            latency: Histogram::new_with_bounds(1, LONGEST_MICROS, 3)
                .expect("bounds that are allowed"),
            records: 0,
            errors: 0,
            first_error: None,
        }
    }

    /// What all of these tasks measured together.
    pub(crate) async fn of_all(mut tasks: JoinSet<Self>) -> Self {
        let mut all = Self::new();
        while let Some(measured) = tasks.join_next().await {
            all.add(measured.expect("a task of the load does not panic"));
        }
        all
    }

    /// Adds the outcome of a request that was due at `due`: how many records it was about.
    pub(crate) fn note(&mut self, due: Instant, outcome: Result<u64, impl Into<Problem>>) {
        match outcome {
            Ok(records) => {
                self.answered(due.elapsed(), 1);
                self.records += records;
            }
            Err(error) => self.failed(error),
        }
    }

    /// So many requests were answered, each after `took`.
    pub(crate) fn answered(&mut self, took: Duration, requests: u64) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.latency.saturating_record_n(micros.max(1), requests);
    }

    /// A request failed.
    pub(crate) fn failed(&mut self, problem: impl Into<Problem>) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| problem.into());
    }

    /// Adds what another task measured.
    fn add(&mut self, other: Self) {
        self.latency
            .add(other.latency)
            .expect("histograms of the same bounds");
        self.records += other.records;
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
    }
}

impl Problem {
    /// In words.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// An error, with all that it says of itself.
    pub(crate) fn of(error: impl fmt::Debug) -> Self {
        Self(format!("{error:?}"))
    }
}

impl From<opendata_log::Error> for Problem {
    fn from(error: opendata_log::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<reqwest::Error> for Problem {
    fn from(error: reqwest::Error) -> Self {
        Self::of(error)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
