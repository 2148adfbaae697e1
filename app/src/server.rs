//! The composition root.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use log_adapters::cluster::ClusterObjects;
use log_adapters::http::{Setting, Writer};
use log_adapters::objects::{Place, cache};
use log_domain::{Clock, CommitFeed, Error, Stopped, Watermarks};
use poem::listener::Acceptor;
use tokio::time::Instant;

use crate::cluster::{ClusterNode, ClusterParts, Opening};
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
    /// What makes the server a node of a cluster, if it is one.
    pub cluster: Option<ClusterParts>,
    /// The configuration as it is shown to those who may see it.
    pub settings: Vec<Setting>,
}

/// A server that accepts requests.
pub struct Running {
    node: Node,
    served: Served,
    lame_duck: Duration,
    timeout: Duration,
}

/// What a server serves.
enum Served {
    /// A log.
    Log(Arc<Log>),
    /// Partitions of a cluster.
    Cluster(ClusterNode),
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
    let stores = parts.stores.await?;
    let served = match parts.cluster {
        Some(cluster) => {
            let opening = Opening {
                stores,
                clock: parts.clock,
                seed: parts.seed,
            };
            Served::Cluster(ClusterNode::join(config, cluster, opening, &node).await?)
        }
        None => {
            refuse_cluster(config, &stores).await?;
            let log = LogParts {
                stores,
                clock: parts.clock,
                seed: parts.seed,
                writer,
                feed: Some(parts.feed),
                partition: None,
            };
            let log = Arc::new(Log::open(config, log, node.metrics()).await?);
            log.count_in(node.metrics());
            node.serve(&log);
            Served::Log(log)
        }
    };
    Ok(Running {
        node,
        served,
        lame_duck: config.lame_duck(),
        timeout: config.shutdown.timeout,
    })
}

/// Refuses to open a log where there is a cluster.
async fn refuse_cluster(config: &Config, stores: &Stores) -> log_domain::Result<()> {
    let (place, path) = config.place();
    if matches!(place, Place::Folder(_) | Place::Memory) {
        return Ok(());
    }
    let cluster = ClusterObjects::new(Arc::clone(&stores.objects), path);
    match cluster.partitions().await? {
        None => Ok(()),
        Some(partitions) => Err(Error::invalid(format!(
            "there is a cluster of {} partitions: set cluster.enabled, or choose another prefix",
            partitions.number()
        ))),
    }
}

impl Running {
    /// Resolves when the log can no longer be served: another server took over, or the engine or a task of the server failed.
    pub async fn broken(&self) -> Stopped {
        match &self.served {
            Served::Log(log) => log.broken().await,
            Served::Cluster(node) => node.broken().await,
        }
    }

    /// Stops, within `shutdown.timeout` from `since` on: is not ready, for `shutdown.lame_duck`; stops listening, ends
    /// all followers, finishes requests in flight; makes all acknowledged records durable.
    ///
    /// # Errors
    /// [`NotFlushed`] when not everything acknowledged is durable.
    pub async fn stop(self, since: Instant) -> Result<(), NotFlushed> {
        let deadline = since + self.timeout;
        let Self {
            node,
            served,
            lame_duck,
            ..
        } = self;
        served.stop_being_ready();
        if !lame_duck.is_zero() && !served.has_stopped() {
            tracing::info!(
                "stopping, 1 of 4: reporting not ready; still listening for {lame_duck:?}"
            );
            tokio::time::sleep(lame_duck).await;
        }
        let drained_by = Instant::now() + (deadline - Instant::now()).mul_f64(DRAIN_SHARE);
        if let Served::Cluster(node) = &served
            && !served.has_stopped()
        {
            tracing::info!("stopping: handing the partitions over to other nodes");
            node.hand_over(drained_by).await;
        }
        tracing::info!("stopping, 2 of 4: no new connections, followers are answered");
        served.dismiss_followers();
        tracing::info!("stopping, 3 of 4: finishing the requests in flight");
        if !node.close(drained_by).await {
            tracing::warn!("some requests did not finish in time");
        }
        served.close(deadline).await.map_err(NotFlushed)
    }
}

impl Served {
    fn stop_being_ready(&self) {
        match self {
            Self::Log(log) => log.stop_being_ready(),
            Self::Cluster(node) => node.stop_being_ready(),
        }
    }

    /// Whether it has stopped by itself.
    fn has_stopped(&self) -> bool {
        match self {
            Self::Log(log) => log.service().status().stopped.is_some(),
            Self::Cluster(node) => node.is_broken(),
        }
    }

    fn dismiss_followers(&self) {
        match self {
            Self::Log(log) => log.service().dismiss_followers(),
            Self::Cluster(node) => node.dismiss_followers(),
        }
    }

    /// Makes everything acknowledged durable.
    async fn close(self, deadline: Instant) -> log_domain::Result<()> {
        match self {
            Self::Log(log) => {
                let Watermarks { tip, durable } = log.service().watermarks();
                tracing::info!(%tip, %durable, "stopping, 4 of 4: making everything acknowledged durable");
                let left = deadline.saturating_duration_since(Instant::now());
                log.service().close(left).await
            }
            Self::Cluster(node) => {
                tracing::info!("stopping, 4 of 4: making everything acknowledged durable");
                node.close(deadline).await
            }
        }
    }
}
