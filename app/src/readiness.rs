//! Readiness: whether the server should receive requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use log_adapters::http;
use log_adapters::objects::writes::FailingWrites;
use log_adapters::store::slate::ServedStore;
use log_domain::LogService;
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use crate::log_throttle::LogThrottle;
use crate::write_health;

/// The result of a check is cached for this long, because each check costs requests to the object store.
const REMEMBERED: Duration = Duration::from_secs(1);

/// Without a probe for this long the server runs the check itself, so that the metric is not stale.
const UNASKED: Duration = Duration::from_secs(10);

/// Interval of the log line while the server is not ready.
const SAY_EVERY: Duration = Duration::from_secs(30);

/// Ready while the object store answers and accepts writes, and the server is neither fenced nor stopping.
pub(crate) struct Readiness {
    service: Arc<LogService<ServedStore>>,
    writes: Arc<FailingWrites>,
    stopping: watch::Receiver<bool>,
    last: Mutex<Option<(Instant, Result<(), String>)>>,
    passed: AtomicBool,
    outage: parking_lot::Mutex<LogThrottle>,
}

impl Readiness {
    pub(crate) fn new(
        service: Arc<LogService<ServedStore>>,
        writes: Arc<FailingWrites>,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        Self {
            service,
            writes,
            stopping,
            last: Mutex::default(),
            passed: AtomicBool::new(true),
            outage: parking_lot::Mutex::new(LogThrottle::new(SAY_EVERY)),
        }
    }

    /// Whether the last check passed, and nothing that needs no check says otherwise.
    pub(crate) fn is_ready(&self) -> bool {
        self.passed.load(Ordering::Relaxed)
            && write_health::refusal(&self.writes).is_none()
            && !*self.stopping.borrow()
            && self.service.status().stopped.is_none()
    }

    /// Runs the check periodically, while there is another reference to it.
    pub(crate) fn keep_asking(self: &Arc<Self>) {
        let readiness = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(UNASKED).await;
                let Some(readiness) = readiness.upgrade() else {
                    return;
                };
                let unasked = match &*readiness.last.lock().await {
                    Some((when, _)) => when.elapsed() >= UNASKED,
                    None => true,
                };
                if unasked {
                    drop(readiness.checked().await);
                }
            }
        });
    }

    /// Logs changes of readiness, and repeats the line while the server is not ready.
    fn say(&self, passed: bool, outcome: &Result<(), String>) {
        let mut outage = self.outage.lock();
        match outcome {
            Ok(()) if !passed => {
                outage.is_over();
                tracing::info!("ready again: the object store answers");
            }
            Err(reason) if outage.is_due() => {
                tracing::warn!(reason, "not ready: the check of the object store failed");
            }
            _ => {}
        }
    }

    async fn checked(&self) -> Result<(), String> {
        if *self.stopping.borrow() {
            return Err("the server is shutting down".to_owned());
        }
        if self.service.status().stopped.is_some() {
            return self
                .service
                .check()
                .await
                .map_err(|error| error.to_string());
        }
        // Logged by itself, and known without asking.
        if let Some(why) = write_health::refusal(&self.writes) {
            return Err(why);
        }
        // Held during the check, so that concurrent probes share one check.
        let mut last = self.last.lock().await;
        match &*last {
            Some((when, outcome)) if when.elapsed() < REMEMBERED => outcome.clone(),
            _ => {
                let outcome = self
                    .service
                    .check()
                    .await
                    .map_err(|error| error.to_string());
                let passed = self.passed.swap(outcome.is_ok(), Ordering::Relaxed);
                self.say(passed, &outcome);
                *last = Some((Instant::now(), outcome.clone()));
                outcome
            }
        }
    }
}

impl http::Readiness for Readiness {
    fn check(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(self.checked())
    }
}
