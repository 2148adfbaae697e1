//! The parts that exist once per process: listeners, TLS and tokens, bounds of connections, metrics, the HTTP API.

use std::sync::Arc;

use log_adapters::http::{
    HttpApi, HttpOptions, HttpParts, PartitionApi, PartitionMap, Readiness, Setting, Side, Writer,
};
use log_adapters::store::slate::ServedStore;
use log_adapters::telemetry::Metrics;
use log_domain::{Error, Limits, Result};
use poem::listener::Acceptor;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::config::Config;
use crate::log::Log;
use crate::logging::LostLines;
use crate::security::Security;
use crate::serving::serve;

/// The external parts of a node.
pub(crate) struct NodeParts<A> {
    /// Where request ids begin.
    pub(crate) request_id_seed: u64,
    /// Where connections come from.
    pub(crate) acceptor: A,
    /// Where those of operators come from.
    pub(crate) admin: Option<A>,
    /// TLS and tokens.
    pub(crate) security: Security,
    /// Where a read-only server forwards changes to.
    pub(crate) writer: Option<Arc<dyn Writer>>,
    /// Counts the log lines that were lost.
    pub(crate) log_lines: Arc<LostLines>,
    /// The configuration as it is shown.
    pub(crate) settings: Vec<Setting>,
}

/// A process that listens, and serves logs: one today.
pub(crate) struct Node {
    api: HttpApi,
    metrics: Metrics,
    closing: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Node {
    /// Listens. Until a log is served, every request is answered that the server is starting.
    ///
    /// # Errors
    /// [`Error::Internal`] when the metrics cannot be set up.
    pub(crate) fn listen<A: Acceptor + 'static>(
        config: &Config,
        parts: NodeParts<A>,
    ) -> Result<Self> {
        let metrics = Metrics::new();
        let metrics = metrics.map_err(|error| Error::internal(format!("metrics: {error}")))?;
        let options = HttpOptions {
            request_id_seed: parts.request_id_seed,
            settings: parts.settings,
            ..config.http()
        };
        let api = HttpApi::starting(&metrics.meter(), parts.security.authorizer(), options);
        let api = match parts.writer {
            Some(writer) => api.forwarding_to(writer),
            None => api,
        };
        let side = match parts.admin {
            None => Side::Only,
            Some(_) => Side::Public,
        };
        let lost = parts.log_lines;
        metrics.watch_lost_log_lines(Arc::new(move || lost.counts()));
        let (closing, is_closing) = watch::channel(false);
        // The two listeners share the room for requests.
        let bounds = config.bounds();
        let serving = serve(
            parts.acceptor,
            parts.security.tls(),
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
        Ok(Self {
            api,
            metrics,
            closing,
            serving,
        })
    }

    /// Where the logs of this node count.
    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Starts to serve `log`.
    pub(crate) fn serve(&self, log: &Log) {
        let metrics = self.metrics.clone();
        self.api.open(HttpParts {
            service: Arc::clone(log.service()),
            readiness: Arc::clone(log.readiness()) as Arc<_>,
            render_metrics: Arc::new(move || metrics.render()),
            feed: log.feed().cloned(),
        });
    }

    /// Starts to serve a node of a cluster. The answer makes the routes of its partitions.
    pub(crate) fn serve_cluster(
        &self,
        limits: &Limits,
        map: Arc<dyn PartitionMap>,
        readiness: Arc<dyn Readiness>,
    ) -> PartitionApi {
        let metrics = self.metrics.clone();
        let parts = log_adapters::http::NodeParts {
            map,
            readiness,
            meter: metrics.meter(),
            render_metrics: Arc::new(move || metrics.render()),
        };
        self.api.open_cluster::<ServedStore>(limits, parts)
    }

    /// Stops listening; answers whether all requests were finished by `deadline`.
    pub(crate) async fn close(self, deadline: Instant) -> bool {
        self.closing.send_replace(true);
        tokio::time::timeout_at(deadline, self.serving)
            .await
            .is_ok()
    }
}
