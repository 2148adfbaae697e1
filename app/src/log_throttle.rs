//! Repeats a log line about a lasting condition at intervals.

use std::time::Duration;

use tokio::time::Instant;

/// When a condition was last logged.
pub(crate) struct LogThrottle {
    every: Duration,
    logged: Option<Instant>,
}

impl LogThrottle {
    /// Logs at most once in this time while the condition lasts.
    pub(crate) fn new(every: Duration) -> Self {
        Self {
            every,
            logged: None,
        }
    }

    /// Whether to log now; if so, it counts as logged.
    pub(crate) fn is_due(&mut self) -> bool {
        let due = self
            .logged
            .is_none_or(|logged| logged.elapsed() >= self.every);
        if due {
            self.logged = Some(Instant::now());
        }
        due
    }

    /// The condition is over: it is logged immediately when it begins again.
    pub(crate) fn is_over(&mut self) {
        self.logged = None;
    }
}
