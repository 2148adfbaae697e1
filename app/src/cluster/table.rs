//! What a node knows of where partitions are: those that it holds, and what other nodes say.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use log_adapters::cluster::Version;
use log_adapters::http::{
    ClusterStatus, NodeStatus, PartitionMap, PartitionRoutes, PartitionState, PartitionStatus,
    Place, Writer,
};
use log_domain::Watermarks;
use log_domain::cluster::{Held, Mark, NodeName, Partition, Partitions, Placement};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Connect;
use super::hints::Hints;
use super::view::View;
use crate::log::Log;

/// Where partitions are.
pub(super) struct Table {
    node: NodeName,
    url: String,
    partitions: Partitions,
    connect: Connect,
    slots: Mutex<BTreeMap<Partition, Slot>>,
    view: Mutex<View>,
    connections: Mutex<HashMap<String, Arc<dyn Writer>>>,
    changes: watch::Sender<()>,
    hints: Hints,
    /// Whether this node stops.
    stopping: watch::Sender<bool>,
    /// When the last heartbeat began that succeeded.
    heartbeat: Mutex<Option<Instant>>,
    /// Until then no other node holds this one for dead.
    alive_until: Mutex<Option<Instant>>,
}

/// A partition that this node holds.
enum Slot {
    Opening {
        /// Whether its claim has to be renewed before it is served.
        renews: bool,
    },
    Serving {
        log: Arc<Log>,
        routes: PartitionRoutes,
        claim: Version,
        /// Whether it is to be closed, for another node.
        leaves: bool,
    },
    Closing,
    /// It is closed, and another node is to open it.
    Closed,
}

impl Table {
    pub(super) fn new(
        node: NodeName,
        url: String,
        partitions: Partitions,
        connect: Connect,
    ) -> Self {
        Self {
            node,
            url,
            partitions,
            connect,
            slots: Mutex::default(),
            view: Mutex::default(),
            connections: Mutex::default(),
            changes: watch::Sender::new(()),
            hints: Hints::default(),
            stopping: watch::Sender::new(false),
            heartbeat: Mutex::default(),
            alive_until: Mutex::default(),
        }
    }

    /// The name of this node.
    pub(super) fn node(&self) -> &NodeName {
        &self.node
    }

    /// What this node holds.
    pub(super) fn held(&self) -> BTreeMap<Partition, Held> {
        let slots = self.slots.lock();
        let held = slots.iter().map(|(partition, slot)| {
            let held = match slot {
                Slot::Opening { .. } => Held::Opening,
                Slot::Serving { leaves: false, .. } => Held::Serving,
                Slot::Serving { leaves: true, .. } | Slot::Closing | Slot::Closed => Held::Closing,
            };
            (*partition, held)
        });
        held.collect()
    }

    /// The partitions that this node serves.
    pub(super) fn serving(&self) -> BTreeSet<Partition> {
        let served = self.served().into_iter();
        served.map(|(partition, _)| partition).collect()
    }

    /// The logs of the partitions that this node serves.
    pub(super) fn logs(&self) -> Vec<Arc<Log>> {
        self.served().into_iter().map(|(_, log)| log).collect()
    }

    /// The partitions that this node serves, and their logs.
    pub(super) fn served(&self) -> Vec<(Partition, Arc<Log>)> {
        let slots = self.slots.lock();
        let logs = slots.iter().filter_map(|(partition, slot)| match slot {
            Slot::Serving { log, .. } => Some((*partition, Arc::clone(log))),
            Slot::Opening { .. } | Slot::Closing | Slot::Closed => None,
        });
        logs.collect()
    }

    /// This node stops: what it passes on ends.
    pub(super) fn stops(&self) {
        self.stopping.send_replace(true);
    }

    /// This node begins to open `partition`, unless it holds it already.
    pub(super) fn opens(&self, partition: Partition) -> bool {
        match self.slots.lock().entry(partition) {
            Entry::Vacant(slot) => {
                slot.insert(Slot::Opening { renews: false });
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// The partitions that this node serves, and their logs, to renew its claims. Those that it opens now are not served before theirs are renewed.
    pub(super) fn to_renew(&self) -> Vec<(Partition, Arc<Log>)> {
        let mut slots = self.slots.lock();
        let logs = slots.iter_mut().filter_map(|(partition, slot)| match slot {
            Slot::Serving { log, .. } => Some((*partition, Arc::clone(log))),
            Slot::Opening { renews } => {
                *renews = true;
                None
            }
            Slot::Closing | Slot::Closed => None,
        });
        logs.collect()
    }

    /// This node serves `partition`, which it has claimed, unless it has to renew its claim first.
    pub(super) fn serves(
        &self,
        partition: Partition,
        log: Arc<Log>,
        routes: PartitionRoutes,
        claim: Version,
    ) -> bool {
        let mut slots = self.slots.lock();
        if let Some(Slot::Opening { renews }) = slots.get_mut(&partition)
            && std::mem::take(renews)
        {
            return false;
        }
        let slot = Slot::Serving {
            log,
            routes,
            claim,
            leaves: false,
        };
        slots.insert(partition, slot);
        drop(slots);
        // Older news of it does not count any more.
        self.hints.take_free(partition);
        self.changed();
        true
    }

    /// The claim by which this node serves this log of `partition` is another one now.
    pub(super) fn renewed(&self, partition: Partition, of: &Arc<Log>, renewed: Version) {
        if let Some(Slot::Serving { log, claim, .. }) = self.slots.lock().get_mut(&partition)
            && Arc::ptr_eq(log, of)
        {
            *claim = renewed;
        }
    }

    /// Resolves when this node does not serve this log of `partition` any more.
    pub(super) async fn until_not_served(&self, partition: Partition, of: &Arc<Log>) {
        let mut changes = self.changes.subscribe();
        let serves = || match self.slots.lock().get(&partition) {
            Some(Slot::Serving { log, .. }) => Arc::ptr_eq(log, of),
            _ => false,
        };
        while serves() {
            // The sender is here, so it does not go.
            let _ = changes.changed().await;
        }
    }

    /// This node prepares to close `partition`, and serves it meanwhile: its log, if this node serves it.
    pub(super) fn leaves(&self, partition: Partition) -> Option<Arc<Log>> {
        match self.slots.lock().get_mut(&partition)? {
            Slot::Serving { log, leaves, .. } => {
                *leaves = true;
                Some(Arc::clone(log))
            }
            Slot::Opening { .. } | Slot::Closing | Slot::Closed => None,
        }
    }

    /// This node begins to close `partition`: its log and the claim, if this node serves it.
    pub(super) fn closes(&self, partition: Partition) -> Option<(Arc<Log>, Version)> {
        let mut slots = self.slots.lock();
        let slot = slots.get_mut(&partition)?;
        match std::mem::replace(slot, Slot::Closing) {
            Slot::Serving { log, claim, .. } => Some((log, claim)),
            other => {
                *slot = other;
                None
            }
        }
    }

    /// This node has closed `partition`, for another node. Resolves when that serves it.
    pub(super) async fn handed_over(&self, partition: Partition) {
        self.slots.lock().insert(partition, Slot::Closed);
        self.changed();
        let mut changes = self.changes.subscribe();
        while self.view.lock().server(partition, &self.node).is_none() {
            // The sender is here, so it does not go.
            let _ = changes.changed().await;
        }
    }

    /// This node does not hold `partition` any more.
    pub(super) fn released(&self, partition: Partition) {
        self.slots.lock().remove(&partition);
        self.changed();
    }

    /// This node has not opened `partition`. It is tried again with the next heartbeat, or immediately if the node that has it has announced in the meantime that it
    /// gives it up.
    pub(super) fn released_quietly(&self, partition: Partition) {
        self.slots.lock().remove(&partition);
        self.hints.look_again(partition);
    }

    /// This node does not serve this log of `partition` any more.
    pub(super) fn lost(&self, partition: Partition, lost: &Arc<Log>) {
        let mut slots = self.slots.lock();
        if let Some(Slot::Serving { log, .. }) = slots.get(&partition)
            && Arc::ptr_eq(log, lost)
        {
            slots.remove(&partition);
            drop(slots);
            self.changed();
        }
    }

    /// Another process has the name of this node, and may serve its partitions.
    pub(super) fn is_displaced(&self) {
        *self.alive_until.lock() = None;
        self.changes.send_replace(());
    }

    /// Whether no other node holds this one for dead.
    pub(super) fn is_alive(&self) -> bool {
        let alive_until = *self.alive_until.lock();
        alive_until.is_some_and(|until| Instant::now() < until)
    }

    /// How long ago the last heartbeat began that succeeded.
    pub(super) fn heartbeat_age(&self) -> Option<Duration> {
        self.heartbeat.lock().map(|began| began.elapsed())
    }

    /// A heartbeat has succeeded, so no other node holds this one for dead before `until`. After that others may serve its partitions, so this
    /// one does not.
    pub(super) fn has_told(&self, began: Instant, until: Instant) {
        *self.heartbeat.lock() = Some(began);
        let before = self.alive_until.lock().replace(until);
        if before.is_none_or(|before| before <= Instant::now()) {
            self.changes.send_replace(());
        }
    }

    /// What is known now in place of what was known before.
    pub(super) fn knows(&self, view: View) {
        *self.view.lock() = view;
        self.changes.send_replace(());
    }

    /// What was seen last of another node, if this one has found that it is dead.
    pub(super) fn last_of_dead(&self, node: &NodeName) -> Option<Mark> {
        self.view.lock().dead.get(node).cloned()
    }

    /// The partitions that other nodes serve, as they say.
    pub(super) fn served_elsewhere(&self) -> BTreeSet<Partition> {
        let free = self.hints.free();
        let view = self.view.lock();
        let others = view.alive.iter().filter(|node| **node != self.node);
        let states = others.filter_map(|node| view.nodes.get(node));
        let served = states.flat_map(|state| state.serving.iter().copied());
        served.filter(|served| !free.contains(served)).collect()
    }

    /// A copy of what is to be where.
    pub(super) fn placement(&self) -> Placement {
        self.view.lock().placement.clone()
    }

    /// Connections to all other nodes that are alive.
    pub(super) fn others(&self) -> Vec<Arc<dyn Writer>> {
        let view = self.view.lock();
        let others = view.alive.iter().filter(|node| **node != self.node);
        let urls: Vec<String> = others
            .filter_map(|node| Some(view.nodes.get(node)?.url.clone()))
            .collect();
        drop(view);
        urls.iter().filter_map(|url| self.connection(url)).collect()
    }

    /// A connection to the node on which `partition` is placed, if that is another one.
    pub(super) fn next(&self, partition: Partition) -> Option<Arc<dyn Writer>> {
        let view = self.view.lock();
        let next = view.placement.node(partition);
        let next = next.filter(|next| **next != self.node)?;
        let url = view.nodes.get(next)?.url.clone();
        drop(view);
        self.connection(&url)
    }

    /// What other nodes have told.
    pub(super) fn hints(&self) -> &Hints {
        &self.hints
    }

    /// What this node holds has changed.
    fn changed(&self) {
        self.changes.send_replace(());
        self.hints.has_news();
    }

    fn connection(&self, url: &str) -> Option<Arc<dyn Writer>> {
        let mut connections = self.connections.lock();
        if let Some(connection) = connections.get(url) {
            return Some(Arc::clone(connection));
        }
        match (self.connect)(url) {
            Ok(connection) => {
                connections.insert(url.to_owned(), Arc::clone(&connection));
                Some(connection)
            }
            Err(why) => {
                tracing::warn!(
                    url,
                    why,
                    "a node cannot be reached at the URL that it advertises"
                );
                None
            }
        }
    }
}

impl PartitionMap for Table {
    fn partitions(&self) -> Partitions {
        self.partitions
    }

    fn place(&self, partition: Partition) -> Place {
        match self.slots.lock().get(&partition) {
            Some(Slot::Serving { routes, .. }) => {
                return match self.is_alive() {
                    true => Place::Here(routes.clone()),
                    false => Place::Nowhere,
                };
            }
            Some(Slot::Opening { .. } | Slot::Closing) => return Place::Nowhere,
            Some(Slot::Closed) | None => {}
        }
        let url = self
            .view
            .lock()
            .url(partition, &self.url)
            .map(str::to_owned);
        match url.and_then(|url| Some((self.connection(&url)?, url))) {
            Some((node, url)) => Place::There { url, node },
            None => Place::Nowhere,
        }
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    fn stopping(&self) -> BoxFuture<'static, ()> {
        let mut stopping = self.stopping.subscribe();
        async move {
            // Without its sender, this node has stopped.
            let _stops_or_stopped = stopping.wait_for(|stops| *stops).await;
        }
        .boxed()
    }

    fn moved(&self, partition: Partition, from: &str, to: Option<&str>) {
        let view = &mut *self.view.lock();
        let wrong = view.wrong.entry(partition).or_default();
        wrong.insert(from.to_owned());
        match to.filter(|to| *to != from) {
            Some(to) => {
                wrong.remove(to);
                view.learnt.insert(partition, to.to_owned());
            }
            None => {
                view.learnt.remove(&partition);
            }
        }
    }

    fn status(&self) -> ClusterStatus {
        let is_alive = self.is_alive();
        let held = self.held();
        let slots = self.slots.lock();
        let view = self.view.lock();
        let partitions = self.partitions.all().map(|partition| {
            let (node, watermarks) = match slots.get(&partition) {
                // Another one may serve it by now.
                Some(Slot::Serving { .. }) if !is_alive => (None, None),
                Some(Slot::Serving { log, .. }) => {
                    let Watermarks { tip, durable } = log.service().watermarks();
                    let own = (self.node.clone(), self.url.clone());
                    (Some(own), Some((tip, durable)))
                }
                _ => (view.server(partition, &self.node), None),
            };
            let held = held.get(&partition);
            let state = match (held, &node) {
                (Some(Held::Opening | Held::Closing), _) => PartitionState::Moving,
                (_, Some(_)) => PartitionState::Serving,
                (_, None) => PartitionState::Unserved,
            };
            PartitionStatus {
                partition,
                node,
                state,
                watermarks,
            }
        });
        let nodes = view.nodes.iter().map(|(node, state)| NodeStatus {
            node: node.clone(),
            url: state.url.clone(),
            zone: state.zone.clone(),
            release: state.release.clone(),
            alive: view.alive.contains(node),
        });
        ClusterStatus {
            partitions: partitions.collect(),
            nodes: nodes.collect(),
        }
    }

    fn has_written(&self, node: NodeName) {
        self.hints.has_written(node);
    }

    fn gives_up(&self, partition: Partition) {
        self.hints.gives_up(partition);
    }
}
