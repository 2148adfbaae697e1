//! Deadlines of reads.

use std::time::Duration;

use log_domain::Error;
use tokio::time::timeout;

/// What `read` gives, if it does in time.
pub(in crate::http) async fn before<T>(
    deadline: Duration,
    read: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let late = |_| Error::DeadlineExceeded(deadline.as_millis() as u64);
    timeout(deadline, read).await.map_err(late)?
}
