//! How long a page is read for.

use log_domain::PageLimit;
use tokio::time::Instant;

/// The end of the time of a page. It is looked at between rows and segments, after the first of them was read, so that each page gets
/// further than the one before.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageTime(Option<Instant>);

impl PageTime {
    /// The time of a page that is read from now on.
    pub(super) fn of(limit: &PageLimit) -> Self {
        // A time that is too long to be told is none.
        let end = |time| Instant::now().checked_add(time);
        Self(limit.time.and_then(end))
    }

    /// Whether the page ends with what it has.
    pub(super) fn is_over(&self) -> bool {
        self.0.is_some_and(|end| Instant::now() >= end)
    }
}
