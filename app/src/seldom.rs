//! What would be logged again and again, and is logged every so often.

use std::time::Duration;

use tokio::time::Instant;

/// When something was said last.
pub(crate) struct Seldom {
    every: Duration,
    said: Option<Instant>,
}

impl Seldom {
    /// It is said at most once in so long.
    pub(crate) fn new(every: Duration) -> Self {
        Self { every, said: None }
    }

    /// Whether it is to be said now; then it is taken for said.
    pub(crate) fn is_due(&mut self) -> bool {
        let due = self.said.is_none_or(|said| said.elapsed() >= self.every);
        if due {
            self.said = Some(Instant::now());
        }
        due
    }

    /// It is over: the next time it is said at once.
    pub(crate) fn is_over(&mut self) {
        self.said = None;
    }
}
