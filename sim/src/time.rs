//! Simulated time.

use log_domain::Clock;

use crate::determinism;

/// The simulation begins at this time (Unix ms): 2026-09-21.
pub const EPOCH_MS: i64 = 1_790_000_000_000;

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
