//! The read concurrency limit, which bounds the memory for pages that are being read and encoded.

use std::sync::Arc;
use std::time::Duration;

use log_domain::Error;
use tokio::sync::Semaphore;

use super::deadline::before;
use crate::http::wire::failure::Failure;

/// Limits concurrent reads of pages; further readers wait in FIFO order.
#[derive(Debug, Clone)]
pub(in crate::http) struct ReadLimit(Arc<Semaphore>);

impl ReadLimit {
    /// As many as pages of `page` bytes fit into `bytes`, and at least one.
    pub(in crate::http) fn new(bytes: u64, page: usize) -> Self {
        let pages = usize::try_from(bytes / (page as u64).max(1)).unwrap_or(usize::MAX);
        Self(Arc::new(Semaphore::new(
            pages.clamp(1, Semaphore::MAX_PERMITS),
        )))
    }

    /// Waits for a place among the readers; then `read` gives a page and `answer` writes it down.
    ///
    /// # Errors
    /// [`Error::DeadlineExceeded`] when the page was not there within `limit`; else those of `read` and `answer`.
    pub(in crate::http) async fn read<P, A>(
        &self,
        limit: Duration,
        read: impl Future<Output = Result<P, Error>>,
        answer: impl FnOnce(P) -> Result<A, Error>,
    ) -> Result<A, Failure> {
        let (page, _place) = before(limit, async {
            // The semaphore is never closed.
            let place = self.0.acquire().await.ok();
            Ok((read.await?, place))
        })
        .await?;
        Ok(answer(page)?)
    }
}
