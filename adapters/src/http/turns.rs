//! Readers take turns: pages that are being read and written down lie in memory, and only so much of it is for them.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many pages at the same time; whoever comes later waits, in order.
#[derive(Debug, Clone)]
pub(super) struct Turns(Arc<Semaphore>);

/// One's turn, until it is dropped.
pub(super) struct Turn(
    #[expect(dead_code, reason = "held, and given back on drop")] Option<OwnedSemaphorePermit>,
);

impl Turns {
    /// As many as pages of `page` bytes fit into `bytes`, and at least one.
    pub(super) fn new(bytes: u64, page: usize) -> Self {
        let pages = usize::try_from(bytes / (page as u64).max(1)).unwrap_or(usize::MAX);
        Self(Arc::new(Semaphore::new(
            pages.clamp(1, Semaphore::MAX_PERMITS),
        )))
    }

    /// Waits for as long as the caller has patience.
    pub(super) async fn wait(&self) -> Turn {
        // The semaphore is never closed.
        Turn(Arc::clone(&self.0).acquire_owned().await.ok())
    }
}
