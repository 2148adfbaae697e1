//! A node of a cluster: it serves the partitions that are placed on it, and passes requests for others on.
//!
//! [`member`] tells the other nodes that this one is alive, finds out who else is, and decides with [`log_domain::cluster`] what is to be opened and
//! handed over. [`mover`] does that. [`table`] is what this node knows of where partitions are, with [`hints`] of other nodes, to which
//! [`teller`] gives them. [`backlogs`] keeps what it has in memory of its partitions small.

mod backlogs;
mod hints;
mod member;
mod metrics;
mod mover;
mod table;
mod teller;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use futures::future::{BoxFuture, join_all};
use log_adapters::cluster::ClusterObjects;
use log_adapters::http::{Readiness, Writer};
use log_adapters::store::slate::{Caches, MergeSlots, settings};
use log_domain::{Clock, Error, Result, Stopped};
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use crate::config::{Config, Create};
use crate::node::Node;
use crate::storage::Stores;
use member::Member;
use mover::Mover;
use table::Table;
use teller::Teller;

/// What a node takes from outside.
pub struct ClusterParts {
    /// The URL at which others reach it.
    pub url: String,
    /// Tells this process from others under the same name. Give each process a random one.
    pub incarnation: u64,
    /// Makes connections to other nodes.
    pub connect: Connect,
}

/// Makes a connection to the node at a URL, or says what is wrong with the URL.
pub type Connect = Arc<dyn Fn(&str) -> std::result::Result<Arc<dyn Writer>, String> + Send + Sync>;

/// What opens partitions besides.
pub(crate) struct Opening {
    /// Where they are kept.
    pub(crate) stores: Stores,
    /// Where timestamps come from.
    pub(crate) clock: Arc<dyn Clock>,
    /// See [`log_adapters::store::slate::StoreParts::seed`].
    pub(crate) seed: Option<u64>,
}

/// A node that has joined its cluster.
pub(crate) struct ClusterNode {
    table: Arc<Table>,
    mover: Arc<Mover>,
    member: Arc<Member>,
    running: JoinHandle<()>,
    backlogs: JoinHandle<()>,
}

impl ClusterNode {
    /// Joins, or begins the cluster, and lets `node` serve it.
    ///
    /// # Errors
    /// As [`ClusterObjects::begin`].
    pub(crate) async fn join(
        config: &Config,
        parts: ClusterParts,
        opening: Opening,
        node: &Node,
    ) -> Result<Self> {
        let invalid = |why: crate::config::Refusal| Error::invalid(why.to_string());
        let partitions = config.partitions().map_err(invalid)?;
        let name = config.node().map_err(invalid)?;
        let objects = ClusterObjects::new(Arc::clone(&opening.stores.objects), config.place().1);
        let create = config.storage.create == Create::IfMissing;
        objects.begin(partitions, create).await?;
        let table = Arc::new(Table::new(
            name,
            parts.url.clone(),
            partitions,
            Arc::clone(&parts.connect),
        ));
        let incarnation = parts.incarnation;
        let teller = Arc::new(Teller::new(&config.cluster, Arc::clone(&table)));
        let member = Arc::new(Member::new(
            config.cluster.clone(),
            parts,
            objects.clone(),
            Arc::clone(&table),
            Arc::clone(&teller),
        ));
        let memory = &config.memory;
        let merges = MergeSlots::new(settings::concurrent_merges(&config.store().settings));
        let mover = Arc::new(Mover {
            config: config.clone(),
            objects,
            opening,
            openings: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            caches: Caches::new(memory.block_cache.as_u64(), memory.meta_cache.as_u64()),
            merges: merges.clone(),
            moves: node.metrics().moves(),
            metrics: node.metrics().clone(),
            table: Arc::clone(&table),
            teller,
            incarnation,
            in_doubt: Mutex::default(),
            api: node.serve_cluster(
                &config.limits(),
                Arc::clone(&table) as Arc<_>,
                Arc::clone(&member) as Arc<_>,
            ),
        });
        metrics::watch(node.metrics(), &table, &member, merges);
        let running = tokio::spawn(Arc::clone(&member).run(Arc::clone(&mover)));
        let (unflushed, at_once) = (memory.unflushed.as_u64(), config.cluster.moves);
        let small = backlogs::keep_small(Arc::clone(&table), unflushed / 2, at_once);
        let backlogs = tokio::spawn(small);
        Ok(Self {
            table,
            mover,
            member,
            running,
            backlogs,
        })
    }

    /// Resolves when this node can no longer be one: another process runs under its name, or a part of this one failed.
    pub(crate) async fn broken(&self) -> Stopped {
        self.member.broken().await
    }

    /// From now on this node is not ready.
    pub(crate) fn stop_being_ready(&self) {
        self.member.leave();
    }

    /// Whether this node can no longer be one.
    pub(crate) fn is_broken(&self) -> bool {
        self.member.is_broken()
    }

    /// Hands the partitions over to other nodes, as far as there are some, until `deadline`. Requests are answered meanwhile.
    pub(crate) async fn hand_over(&self, deadline: Instant) {
        self.member.leave();
        let handed_over = timeout_at(deadline, self.member.has_left());
        if handed_over.await.is_err() {
            tracing::warn!("not all partitions were handed over in time");
        }
    }

    /// Ends all followers.
    pub(crate) fn dismiss_followers(&self) {
        self.table.stops();
        for log in self.table.logs() {
            log.service().dismiss_followers();
        }
    }

    /// Makes everything acknowledged durable, and leaves.
    ///
    /// # Errors
    /// The first one of the partitions that could not be closed.
    pub(crate) async fn close(self, deadline: Instant) -> Result<()> {
        // So that no partition is opened while the others are closed.
        self.running.abort();
        self.backlogs.abort();
        let logs = self.table.logs();
        let left = deadline.saturating_duration_since(Instant::now());
        let closed = logs.iter().map(|log| log.service().close(left));
        let closed: Result<Vec<()>> = join_all(closed).await.into_iter().collect();
        self.mover.ended();
        if closed.is_ok() && !self.member.is_broken() {
            self.member.remove(deadline).await;
        }
        closed.map(drop)
    }
}

impl Readiness for Member {
    fn check(&self) -> BoxFuture<'_, std::result::Result<(), String>> {
        Box::pin(std::future::ready(self.ready()))
    }
}
