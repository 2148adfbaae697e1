//! The composition root.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use log_adapters::http::{Setting, Writer};
use log_adapters::objects::cache;
use log_domain::{Clock, CommitFeed, Error, Stopped, Watermarks};
use poem::listener::Acceptor;
use tokio::time::Instant;

use crate::config::Config;
use crate::log::{Log, LogParts};
use crate::logging::LostLines;
use crate::node::{Node, NodeParts};
use crate::security::Security;
use crate::storage::Stores;

/// The part of a stop's time that requests in flight may take at most; the rest is for the flush.
const DRAIN_SHARE: f64 = 0.5;

/// The external parts of a server.
pub struct ServerParts<A, S> {
    /// Where the log is kept, once it answers; the server already says that it starts while this is awaited.
    pub stores: S,
    /// Where timestamps come from.
    pub clock: Arc<dyn Clock>,
    /// For a simulation only: see [`log_adapters::store::slate::StoreParts::seed`].
    pub seed: Option<u64>,
    /// Where request ids begin; random, but in a simulation.
    pub request_id_seed: u64,
    /// Where connections come from.
    pub acceptor: A,
    /// Where those of operators come from, for metrics and health, which are then nowhere else.
    pub admin: Option<A>,
    /// TLS and tokens. (None of TLS for operators.)
    pub security: Security,
    /// The server that writes the log, for a read-only one that forwards to it.
    pub writer: Option<Arc<dyn Writer>>,
    /// What read-only servers of the log are told, if this one writes it: one of its own.
    pub feed: Arc<CommitFeed>,
    /// Counts the log lines that were lost.
    pub log_lines: Arc<LostLines>,
    /// The configuration as it is shown to those who may see it.
    pub settings: Vec<Setting>,
}

/// A server that accepts requests.
pub struct Running {
    node: Node,
    log: Log,
    lame_duck: Duration,
    timeout: Duration,
}

/// Why a server did not stop cleanly: acknowledged records may be lost.
#[derive(Debug)]
pub struct NotFlushed(
    /// The cause.
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
    let writer = parts.writer;
    let node = Node::listen(
        config,
        NodeParts {
            request_id_seed: parts.request_id_seed,
            acceptor: parts.acceptor,
            admin: parts.admin,
            security: parts.security,
            writer: writer.clone(),
            log_lines: parts.log_lines,
            settings: parts.settings,
        },
    )?;
    let log = LogParts {
        stores: parts.stores.await?,
        clock: parts.clock,
        seed: parts.seed,
        writer,
        feed: parts.feed,
    };
    let log = Log::open(config, log, node.metrics()).await?;
    node.serve(&log);
    Ok(Running {
        node,
        log,
        lame_duck: config.lame_duck(),
        timeout: config.shutdown.timeout,
    })
}

impl Running {
    /// Resolves when the log can no longer be served: another server took over, or the engine or a task of the server failed.
    pub async fn broken(&self) -> Stopped {
        self.log.broken().await
    }

    /// The tip and the durable watermark.
    pub fn watermarks(&self) -> Watermarks {
        self.log.service().watermarks()
    }

    /// Stops, within `shutdown.timeout` from `since` on: is not ready, for `shutdown.lame_duck`; stops listening, ends
    /// all followers, finishes requests in flight; makes all acknowledged records durable.
    ///
    /// # Errors
    /// [`NotFlushed`] when not everything acknowledged is durable.
    pub async fn stop(self, since: Instant) -> Result<(), NotFlushed> {
        let deadline = since + self.timeout;
        self.log.stop_being_ready();
        let service = self.log.service();
        if !self.lame_duck.is_zero() && service.status().stopped.is_none() {
            tracing::info!(
                "stopping, 1 of 4: reporting not ready; still listening for {:?}",
                self.lame_duck
            );
            tokio::time::sleep(self.lame_duck).await;
        }
        tracing::info!("stopping, 2 of 4: no new connections, followers are answered");
        service.dismiss_followers();
        let drained_by = Instant::now() + (deadline - Instant::now()).mul_f64(DRAIN_SHARE);
        tracing::info!("stopping, 3 of 4: finishing the requests in flight");
        if !self.node.close(drained_by).await {
            tracing::warn!("some requests did not finish in time");
        }
        let Watermarks { tip, durable } = service.watermarks();
        tracing::info!(%tip, %durable, "stopping, 4 of 4: making everything acknowledged durable");
        let left = deadline.saturating_duration_since(Instant::now());
        service.close(left).await.map_err(NotFlushed)
    }
}
