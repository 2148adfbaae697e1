//! The composition root.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use log_adapters::http::{HttpApi, HttpOptions, HttpParts, Side};
use log_adapters::objects::cache;
use log_adapters::objects::writes::FailingWrites;
use log_adapters::store::slate::{self, SlateStore, WalStore};
use log_adapters::telemetry::{GaugeValues, Metrics};
use log_domain::follow::Followers;
use log_domain::{Clock, Error, LogService, Stopped, Watermarks};
use poem::listener::Acceptor;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::config::Config;
use crate::logging::LostLines;
use crate::readiness::Readiness;
use crate::security::Security;
use crate::serving::serve;
use crate::storage::Stores;
use crate::write_health;

/// The part of a stop's time that requests in flight may take at most; the rest is for the flush.
const DRAIN_SHARE: f64 = 0.5;

/// What a server takes from outside.
pub struct ServerParts<A, S> {
    /// Where the log is kept, once it answers; the server already says that it starts while this is awaited.
    pub stores: S,
    /// Where timestamps come from.
    pub clock: Arc<dyn Clock>,
    /// For a simulation only: see [`slate::StoreParts::seed`].
    pub seed: Option<u64>,
    /// Where request ids begin; random, but in a simulation.
    pub request_id_seed: u64,
    /// Where connections come from.
    pub acceptor: A,
    /// Where those of operators come from, for metrics and health, which are then nowhere else.
    pub admin: Option<A>,
    /// TLS and tokens. (None of TLS for operators.)
    pub security: Security,
    /// Counts the log lines that were lost.
    pub log_lines: Arc<LostLines>,
}

/// A server that accepts requests.
pub struct Running {
    service: Arc<LogService<SlateStore>>,
    /// Not ready any more.
    stopping: watch::Sender<bool>,
    listening: Listening,
    lame_duck: Duration,
    timeout: Duration,
}

/// The side of a server that connections come to.
struct Listening {
    closing: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

/// Why a server did not end as it should: something acknowledged may be lost.
#[derive(Debug)]
pub struct NotFlushed(
    /// What stood in the way.
    pub Error,
);

impl fmt::Display for NotFlushed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for NotFlushed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// Listens, opens the log and serves it. Until the log is open every request is answered that the server is starting.
///
/// # Errors
/// As [`SlateStore::open`].
pub async fn start<A, S>(config: &Config, parts: ServerParts<A, S>) -> log_domain::Result<Running>
where
    A: Acceptor + 'static,
    S: Future<Output = log_domain::Result<Stores>>,
{
    if let Some(folder) = config.cache_folder() {
        cache::prepare(&folder)?;
    }
    let metrics = Metrics::new().map_err(|error| Error::internal(format!("metrics: {error}")))?;
    let options = HttpOptions {
        request_id_seed: parts.request_id_seed,
        ..config.http()
    };
    let api = HttpApi::starting(&metrics.meter(), parts.security.authorizer(), options);
    let side = match parts.admin {
        None => Side::Only,
        Some(_) => Side::Public,
    };
    let lost = parts.log_lines;
    metrics.watch_lost_log_lines(Arc::new(move || lost.counts()));
    let (closing, is_closing) = watch::channel(false);
    let tls = parts.security.tls();
    // The two listeners share the room for requests.
    let bounds = config.bounds();
    let serving = serve(
        parts.acceptor,
        tls,
        api.endpoint(side),
        bounds.clone(),
        is_closing.clone(),
    );
    let serving = match parts.admin {
        Some(admin) => {
            let operators = api.endpoint(Side::Operators);
            let operators = serve(admin, None, operators, bounds, is_closing);
            tokio::spawn(async move {
                futures::join!(serving, operators);
            })
        }
        None => tokio::spawn(serving),
    };
    let listening = Listening { closing, serving };

    let stores = parts.stores.await?;
    let limits = config.limits();
    let followers = Arc::new(Followers::new(&limits));
    let writes = Arc::new(FailingWrites::default());
    let store = slate::StoreParts {
        objects: writes.watch(stores.objects),
        clock: parts.clock,
        listener: Arc::clone(&followers) as Arc<_>,
        telemetry: Arc::new(metrics.clone()),
        recorder: metrics.slatedb(),
        seed: parts.seed,
    };
    let options = slate::Options {
        wal: stores.wal.map(|wal| WalStore {
            objects: writes.watch(wal.objects),
            ..wal
        }),
        ..config.store()
    };
    let store = SlateStore::open(store, options).await?;
    let service = Arc::new(LogService::new(
        store,
        followers,
        Arc::new(metrics.clone()),
        limits,
    ));
    let (stopping, is_stopping) = watch::channel(false);
    let readiness = Arc::new(Readiness::new(
        Arc::clone(&service),
        Arc::clone(&writes),
        is_stopping,
    ));
    readiness.keep_asking();
    write_health::keep_telling(&writes);
    watch_for_metrics(&metrics, &service, &readiness, &writes);
    api.open(HttpParts {
        service: Arc::clone(&service),
        readiness,
        render_metrics: Arc::new(move || metrics.render()),
    });
    Ok(Running {
        service,
        stopping,
        listening,
        lame_duck: config.lame_duck(),
        timeout: config.shutdown.timeout,
    })
}

impl Running {
    /// Resolves when the log can no longer be written to: another server took over, or the engine failed.
    pub async fn broken(&self) -> Stopped {
        self.service.stopped().await
    }

    /// How far the log reaches.
    pub fn watermarks(&self) -> Watermarks {
        self.service.watermarks()
    }

    /// Stops, within `shutdown.timeout` from `since` on: is not ready, for `shutdown.lame_duck`; stops listening, answers everybody
    /// who follows, finishes what is in flight; makes everything that was acknowledged durable.
    ///
    /// # Errors
    /// [`NotFlushed`] when not everything acknowledged is durable.
    pub async fn stop(self, since: Instant) -> Result<(), NotFlushed> {
        let deadline = since + self.timeout;
        self.stopping.send_replace(true);
        if !self.lame_duck.is_zero() && self.service.status().stopped.is_none() {
            tracing::info!(
                "stopping, 1 of 4: not ready any more; still listening for {:?}",
                self.lame_duck
            );
            tokio::time::sleep(self.lame_duck).await;
        }
        tracing::info!("stopping, 2 of 4: no new connections, followers are answered");
        self.service.dismiss_followers();
        let drained_by = Instant::now() + (deadline - Instant::now()).mul_f64(DRAIN_SHARE);
        tracing::info!("stopping, 3 of 4: finishing the requests in flight");
        if !self.listening.close(drained_by).await {
            tracing::warn!("some requests did not finish in time");
        }
        let Watermarks { tip, durable } = self.service.watermarks();
        tracing::info!(%tip, %durable, "stopping, 4 of 4: making everything acknowledged durable");
        let left = deadline.saturating_duration_since(Instant::now());
        self.service.close(left).await.map_err(NotFlushed)
    }
}

impl Listening {
    /// Stops listening; answers whether all requests were finished by then.
    async fn close(self, deadline: Instant) -> bool {
        self.closing.send_replace(true);
        tokio::time::timeout_at(deadline, self.serving)
            .await
            .is_ok()
    }
}

fn watch_for_metrics(
    metrics: &Metrics,
    service: &Arc<LogService<SlateStore>>,
    readiness: &Arc<Readiness>,
    writes: &Arc<FailingWrites>,
) {
    let (service, readiness) = (Arc::downgrade(service), Arc::downgrade(readiness));
    let writes = Arc::downgrade(writes);
    metrics.watch(Arc::new(move || {
        match (service.upgrade(), readiness.upgrade()) {
            (Some(service), Some(readiness)) => GaugeValues {
                status: service.status(),
                followers: service.followers() as u64,
                ready: readiness.is_ready(),
                writes_fail: writes
                    .upgrade()
                    .and_then(|writes| writes.longest())
                    .map_or(Duration::ZERO, |fail| fail.since),
            },
            _ => GaugeValues::default(),
        }
    }));
}
