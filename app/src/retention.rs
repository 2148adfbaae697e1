//! Gives up what the retention settings no longer keep, again and again.

use std::sync::Arc;
use std::time::Duration;

use log_domain::{Clock, Error, LogService, LogStore, Retention, SealPolicy};
use tokio::time::Instant;

use crate::clock_steps::ClockSteps;
use crate::log_throttle::LogThrottle;

/// How often to check. A check costs a walk through the list of data files; a trim is only written when something is due.
const CHECK_EVERY: Duration = Duration::from_secs(5);
/// How often to log that it fails.
const LOG_EVERY: Duration = Duration::from_secs(60);

/// Trims the log for as long as there is another reference to `service`, if `retention` limits anything.
pub(crate) fn keep_trimming<S: LogStore>(
    service: &Arc<LogService<S>>,
    retention: Retention,
    seal: SealPolicy,
    clock: Arc<dyn Clock>,
) {
    if retention.is_off() {
        return;
    }
    tracing::info!(
        max_age = ?retention.max_age,
        max_bytes = retention.max_bytes,
        seal_interval = ?seal.interval,
        seal_bytes = seal.bytes,
        "retention is on: what exceeds it is deleted, by whole segments"
    );
    let service = Arc::downgrade(service);
    tokio::spawn(async move {
        let mut throttle = LogThrottle::new(LOG_EVERY);
        let mut steps = ClockSteps::new(clock.now_ms(), Instant::now());
        let mut is_believed = true;
        loop {
            tokio::time::sleep(CHECK_EVERY).await;
            let Some(service) = service.upgrade() else {
                return;
            };
            let now_ms = clock.now_ms();
            let before = is_believed;
            is_believed = steps.believes(now_ms, Instant::now());
            if before && !is_believed {
                tracing::error!(
                    "the clock was set ahead: for an hour, or until it is set back, retention.max_age deletes nothing"
                );
            }
            let retention = Retention {
                max_age: retention.max_age.filter(|_| is_believed),
                ..retention
            };
            match trim(&service, &retention, now_ms).await {
                Ok(()) => throttle.is_over(),
                // The process ends, or says itself that it cannot write.
                Err(_) if service.status().stopped.is_some() => return,
                Err(error) => {
                    if throttle.is_due() {
                        tracing::warn!(%error, "could not delete what retention no longer keeps; it is tried again");
                    }
                }
            }
        }
    });
}

/// # Errors
/// As [`LogService::trim`].
async fn trim<S: LogStore>(
    service: &LogService<S>,
    retention: &Retention,
    now_ms: i64,
) -> Result<(), Error> {
    for due in service.due(retention, now_ms) {
        let before = service.floor();
        let floor = service.trim(due).await?;
        if floor > before {
            tracing::info!(%floor, "retention: records below this sequence are deleted");
        }
    }
    Ok(())
}
