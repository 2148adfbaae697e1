//! What a client knows to be in the log, so that its later reads show that much, whichever server answers them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reqwest::header::HeaderMap;

/// A read that does not wait for new records is given so long by the server to show what the client knows.
pub(crate) const SHOWN_WITHIN: Duration = Duration::from_secs(5);

/// Up to where a client knows the log: what it appended and read, as far as no crash can undo it.
///
/// Only what is durable counts: a server that lost what was not durable would never show it, and reads would wait for it until they time out.
#[derive(Debug)]
pub(crate) struct Seen {
    below: AtomicU64,
    is_passed: bool,
}

impl Seen {
    pub(crate) fn new(is_passed: bool) -> Self {
        Self {
            below: AtomicU64::new(0),
            is_passed,
        }
    }

    /// Everything below this sequence is in the log.
    pub(crate) fn below(&self) -> u64 {
        self.below.load(Ordering::Acquire)
    }

    /// Everything below this sequence is in the log.
    pub(crate) fn advance(&self, below: u64) {
        self.below.fetch_max(below, Ordering::AcqRel);
    }

    /// What is below this sequence was read, in an answer with these headers, which say what of it is durable.
    pub(crate) fn read(&self, below: u64, headers: &HeaderMap) {
        let durable = headers.get("log-durable-sequence");
        let durable = durable.and_then(|durable| durable.to_str().ok()?.parse().ok());
        // A server that does not say it may know no `at_least`, either.
        self.advance(below.min(durable.unwrap_or(0)));
    }

    /// What a read must be shown, for which the caller asked for this.
    pub(crate) fn at_least(&self, asked: Option<u64>) -> Option<u64> {
        let known = || self.is_passed.then(|| self.below());
        asked.or_else(known).filter(|below| *below > 0)
    }

    /// The parameter that says it.
    pub(crate) fn parameter(&self, asked: Option<u64>) -> Option<(&'static str, String)> {
        Some(("at_least", self.at_least(asked)?.to_string()))
    }
}
