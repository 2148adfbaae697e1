//! Simulated time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use log_domain::Clock;

use crate::determinism::{self, EPOCH_MS};

/// The simulated clock of one host, which may go ahead or behind. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct SimClock(Arc<AtomicI64>);

impl SimClock {
    /// A clock that is so many milliseconds ahead.
    pub fn ahead(ms: i64) -> Self {
        Self(Arc::new(AtomicI64::new(ms)))
    }

    /// How many milliseconds it is ahead now.
    pub fn ahead_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets it forward, or back.
    pub fn step(&self, by_ms: i64) {
        self.0.fetch_add(by_ms, Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn now_ms(&self) -> i64 {
        EPOCH_MS + self.ahead_ms() + now_ms() as i64
    }
}

/// Milliseconds since the simulation began.
pub fn now_ms() -> u64 {
    determinism::elapsed().as_millis() as u64
}
