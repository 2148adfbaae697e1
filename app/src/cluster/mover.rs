//! Opens partitions, and hands them over.

use std::sync::Arc;
use std::time::Duration;

use log_adapters::cluster::ClusterObjects;
use log_adapters::http::{PartitionApi, PartitionMap};
use log_adapters::store::slate::{self, Caches, Instance};
use log_adapters::telemetry::Metrics;
use log_domain::cluster::{Moves, NodeName, Partition};
use log_domain::{Error, Result, Stopped};

use tokio::time::timeout;

use super::Opening;
use super::table::Table;
use crate::config::Config;
use crate::log::{Log, LogParts, PartitionParts};
use crate::storage::Stores;

/// A node that was handed a partition serves it within this time, or it is not waited for.
const TAKEN: Duration = Duration::from_secs(5);

/// What moves partitions.
pub(super) struct Mover {
    pub(super) config: Config,
    pub(super) objects: ClusterObjects,
    pub(super) opening: Opening,
    pub(super) caches: Caches,
    pub(super) metrics: Metrics,
    pub(super) table: Arc<Table>,
    pub(super) api: PartitionApi,
}

impl Mover {
    /// Begins these moves. Each goes on by itself.
    pub(super) fn begin(self: &Arc<Self>, moves: &Moves) {
        for partition in &moves.hand_over {
            if let Some(log) = self.table.closes(*partition) {
                let (mover, partition) = (Arc::clone(self), *partition);
                tokio::spawn(async move { mover.hand_over(partition, log).await });
            }
        }
        for partition in &moves.open {
            self.table.opens(*partition);
            let (mover, partition) = (Arc::clone(self), *partition);
            tokio::spawn(async move { mover.open(partition).await });
        }
    }

    /// The logs were closed without being handed over.
    pub(super) fn ended(&self) {
        for partition in self.table.serving() {
            self.table.released(partition);
        }
    }

    /// Closes a partition. The node on which it is placed hears that it is free with what this node says next.
    async fn hand_over(&self, partition: Partition, log: Arc<Log>) {
        let within = self.config.shutdown.timeout;
        match log.service().close(within).await {
            Ok(()) => tracing::info!(%partition, "handed a partition over"),
            // It is given up all the same: what the next node finds is what is durable.
            Err(why) => {
                tracing::error!(%partition, %why, "a partition was given up before all of it was durable")
            }
        }
        drop(log);
        // The next one is handed over when this one is served again, or somebody else has to see to that.
        let _served_or_not = timeout(TAKEN, self.table.handed_over(partition)).await;
        self.table.released(partition);
    }

    /// Opens a partition, unless another node that is alive has it.
    async fn open(self: Arc<Self>, partition: Partition) {
        match self.opened(partition).await {
            Ok(Some(log)) => {
                let log = Arc::new(log);
                let routes = self.api.routes(Arc::clone(log.service()));
                self.table.serves(partition, Arc::clone(&log), routes);
                tracing::info!(%partition, tip = %log.service().watermarks().tip, "serving a partition");
                self.keep(partition, log).await;
            }
            Ok(None) => self.table.released_quietly(partition),
            Err(why) => {
                tracing::warn!(%partition, %why, "a partition could not be opened; it is tried again");
                self.table.released_quietly(partition);
            }
        }
    }

    async fn opened(&self, partition: Partition) -> Result<Option<Log>> {
        let path = self.objects.of_partition(partition);
        let stores = &self.opening.stores;
        let own = self.table.node().as_str();
        let last = slate::last_owner(&*stores.objects, &path).await?;
        let other = last.filter(|last| last.instance != own && !last.released);
        if let Some(other) = &other {
            if !self.is_dead(&other.instance).await? {
                return Ok(None);
            }
            tracing::warn!(%partition, node = other.instance, "taking a partition over from a node that is dead or has left");
        }
        let parts = LogParts {
            stores: Stores {
                objects: Arc::clone(&stores.objects),
                wal: stores.wal.clone(),
            },
            clock: Arc::clone(&self.opening.clock),
            seed: self
                .opening
                .seed
                .map(|seed| seed.wrapping_add(partition.number().into())),
            writer: None,
            feed: None,
            partition: Some(PartitionParts {
                partition,
                of: self
                    .config
                    .partitions()
                    .map_err(|why| Error::invalid(why.to_string()))?,
                path,
                owner: Instance {
                    name: own.to_owned(),
                    take_over: other.is_some(),
                },
                caches: self.caches.of_log(partition.number().into()),
            }),
        };
        Log::open(&self.config, parts, &self.metrics)
            .await
            .map(Some)
    }

    /// Whether the node with this name is dead, or has removed its object, which it does when it has closed its partitions. One that this
    /// node has not seen yet is not.
    async fn is_dead(&self, node: &str) -> Result<bool> {
        let Ok(node) = NodeName::parse(node) else {
            return Ok(true);
        };
        let found = self.objects.node(&node, self.table.partitions()).await?;
        Ok(found.is_none() || self.table.is_dead(&node))
    }

    /// Gives a partition up when its log has stopped by itself, and only it.
    async fn keep(&self, partition: Partition, log: Arc<Log>) {
        match log.broken().await {
            // This node closes it.
            Stopped::Closing => return,
            Stopped::Fenced => {
                tracing::warn!(%partition, "another node has taken a partition over")
            }
            Stopped::Failed => {
                tracing::error!(%partition, "a partition failed; it is opened again")
            }
        }
        log.service().dismiss_followers();
        self.table.lost(partition, &log);
    }
}
