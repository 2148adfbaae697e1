//! `at_least`: reads that wait until the server shows what the client knows to be there.

use std::time::Duration;

use log_domain::{Error, LogReader, LogService, Sequence, Visibility};
use tokio::time::{Instant, timeout};

/// Waits until everything below `at_least` is shown at this visibility, for as long as `wait`. Answers how much of that is left.
///
/// # Errors
/// [`Error::Behind`] when it is not shown in time; those of [`LogService::reach`].
pub(in crate::http) async fn reached<S: LogReader>(
    service: &LogService<S>,
    at_least: Option<u64>,
    visibility: Visibility,
    wait: Duration,
) -> Result<Duration, Error> {
    let Some(at_least) = at_least else {
        return Ok(wait);
    };
    let began = Instant::now();
    match timeout(wait, service.reach(Sequence::new(at_least), visibility)).await {
        Ok(reached) => reached.map(|()| wait.saturating_sub(began.elapsed())),
        Err(_) => Err(Error::Behind {
            at_least,
            shown: service.watermarks().visible(visibility).get(),
            waited_ms: wait.as_millis() as u64,
        }),
    }
}
