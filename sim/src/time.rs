//! Simulated time.

use log_domain::Clock;

use crate::determinism::{self, EPOCH_MS};

/// The simulated clock of one host, which may go ahead or behind.
#[derive(Debug, Clone, Copy)]
pub struct SimClock {
    /// How far it is ahead, in milliseconds.
    pub skew_ms: i64,
}

impl Clock for SimClock {
    fn now_ms(&self) -> i64 {
        EPOCH_MS + self.skew_ms + now_ms() as i64
    }
}

/// Milliseconds since the simulation began.
pub fn now_ms() -> u64 {
    determinism::elapsed().as_millis() as u64
}
