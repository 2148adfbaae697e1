//! The composition root.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use log_adapters::cache;
use log_adapters::http::{self, HttpOptions, HttpParts};
use log_adapters::metrics::Metrics;
use log_adapters::slate::{self, SlateStore};
use log_domain::follow::Followers;
use log_domain::{Clock, Error, LogService, Stopped, Watermarks};
use object_store::ObjectStore;
use poem::Server;
use poem::listener::Acceptor;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::config::Config;

/// What a server takes from outside.
pub struct Parts<A> {
    /// Where the log is kept.
    pub objects: Arc<dyn ObjectStore>,
    /// Where timestamps come from.
    pub clock: Arc<dyn Clock>,
    /// For a simulation only: see [`slate::Parts::seed`].
    pub seed: Option<u64>,
    /// Where request ids begin; random, but in a simulation.
    pub request_id_seed: u64,
    /// Where connections come from.
    pub acceptor: A,
}

/// A server that accepts requests.
pub struct Running {
    service: Arc<LogService<SlateStore>>,
    stopping: watch::Sender<bool>,
    serving: JoinHandle<std::io::Result<()>>,
    shutdown: Duration,
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

/// Opens the log and serves it.
///
/// # Errors
/// As [`SlateStore::open`].
pub async fn start<A: Acceptor + 'static>(
    config: &Config,
    parts: Parts<A>,
) -> log_domain::Result<Running> {
    let limits = config.limits();
    if let Some(folder) = &config.cache.dir {
        cache::prepare(folder)?;
    }
    let metrics = Metrics::new().map_err(|error| Error::internal(format!("metrics: {error}")))?;
    let followers = Arc::new(Followers::new(&limits));
    let store = SlateStore::open(
        slate::Parts {
            objects: parts.objects,
            clock: parts.clock,
            listener: Arc::clone(&followers) as Arc<_>,
            recorder: metrics.slatedb(),
            seed: parts.seed,
        },
        config.store(),
    )
    .await?;
    let service = Arc::new(LogService::new(
        store,
        followers,
        Arc::new(metrics.clone()),
        limits,
    ));
    let (stopping, mut stop) = watch::channel(false);
    let endpoint = http::endpoint(HttpParts {
        service: Arc::clone(&service),
        readiness: Arc::new(Ready {
            service: Arc::clone(&service),
            stopping: stop.clone(),
        }),
        meter: metrics.meter(),
        render_metrics: Arc::new(move || metrics.render()),
        options: HttpOptions {
            request_id_seed: parts.request_id_seed,
            ..config.http()
        },
    });
    let shutdown = config.timeouts.shutdown;
    let server = Server::new_with_acceptor(parts.acceptor).name("log");
    let serving = tokio::spawn(async move {
        let stopped = async move { drop(stop.wait_for(|stop| *stop).await) };
        server
            .run_with_graceful_shutdown(endpoint, stopped, Some(shutdown))
            .await
    });
    Ok(Running {
        service,
        stopping,
        serving,
        shutdown,
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

    /// Stops: accepts nothing new, answers what is in flight and everybody who follows, makes everything that was
    /// acknowledged durable. All within `timeouts.shutdown`.
    ///
    /// # Errors
    /// [`NotFlushed`] when not everything acknowledged is durable.
    pub async fn stop(self) -> Result<(), NotFlushed> {
        let deadline = Instant::now() + self.shutdown;
        tracing::info!(
            "stopping: no new connections, followers are answered, requests in flight are finished"
        );
        self.stopping.send_replace(true);
        self.service.dismiss_followers();
        if tokio::time::timeout_at(deadline, self.serving)
            .await
            .is_err()
        {
            tracing::warn!("some requests did not finish in time");
        }
        let Watermarks { tip, durable } = self.service.watermarks();
        tracing::info!(%tip, %durable, "stopping: making everything acknowledged durable");
        self.service.close().await.map_err(NotFlushed)
    }
}

/// Ready while the object store answers and nobody has asked to stop.
struct Ready {
    service: Arc<LogService<SlateStore>>,
    stopping: watch::Receiver<bool>,
}

impl http::Readiness for Ready {
    fn check(&self) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async {
            if *self.stopping.borrow() {
                return Err("the server is shutting down".to_owned());
            }
            self.service
                .check()
                .await
                .map_err(|error| error.to_string())
        })
    }
}
