//! Reports an object store that rejects writes, even if reads succeed: a 403 to each PUT, a full disk.

use std::sync::Arc;
use std::time::Duration;

use log_adapters::objects::writes::FailingWrites;

use crate::log_throttle::LogThrottle;

/// Writes that have failed for this long are logged, and the server is not ready.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often to look.
const POLL: Duration = Duration::from_secs(1);
/// How often to log that writes still fail.
const LOG_EVERY: Duration = Duration::from_secs(30);

/// Why a server whose writes fail is not ready.
pub(crate) fn refusal(writes: &FailingWrites) -> Option<String> {
    let failing = writes.longest().filter(|fail| fail.since >= PATIENCE)?;
    Some(format!(
        "the object store has refused every write for {} s, so nothing becomes durable: {}",
        failing.since.as_secs(),
        failing.cause
    ))
}

/// Logs that writes fail, and that they succeed again, while there is another reference to `writes`.
pub(crate) fn keep_telling(writes: &Arc<FailingWrites>) {
    let writes = Arc::downgrade(writes);
    tokio::spawn(async move {
        let mut throttle = LogThrottle::new(LOG_EVERY);
        let mut failing = false;
        loop {
            tokio::time::sleep(POLL).await;
            let Some(writes) = writes.upgrade() else {
                return;
            };
            match refusal(&writes) {
                Some(why) => {
                    failing = true;
                    if throttle.is_due() {
                        tracing::warn!("{why}");
                    }
                }
                None if failing => {
                    failing = false;
                    throttle.is_over();
                    tracing::info!("the object store takes writes again");
                }
                None => {}
            }
        }
    });
}
