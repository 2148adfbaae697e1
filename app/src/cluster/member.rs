//! Tells the other nodes that this one is alive, and finds out who else is.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use log_adapters::cluster::{ClusterObjects, NodeState, Version, Written};
use log_adapters::http::PartitionMap;
use log_domain::cluster::{Held, Membership, Moves, NodeName, Partition, Placement, Seen};
use log_domain::{Error, Result, Stopped};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use super::ClusterParts;
use super::mover::Mover;
use super::table::Table;
use super::teller::Teller;
use super::view::View;
use crate::config::Cluster;
use crate::log_throttle::LogThrottle;

/// Interval of the log line while the object store does not answer.
const SAY_EVERY: Duration = Duration::from_secs(30);

/// So many heartbeats without a listing, and the node is not ready.
const READY_FOR: u32 = 4;

/// News that follow each other are looked at together.
const SPACING: Duration = Duration::from_millis(20);

/// The clocks of two nodes run equally fast, up to this share.
const CLOCKS_AGREE: f64 = 0.9;

/// How soon after a listing the next one is made, for a node that was not in it.
const LISTINGS_APART: Duration = Duration::from_secs(1);

/// A node among the others.
pub(super) struct Member {
    settings: Cluster,
    parts: ClusterParts,
    objects: ClusterObjects,
    table: Arc<Table>,
    teller: Arc<Teller>,
    leaving: AtomicBool,
    /// Whether everything is handed over that other nodes can take.
    left: watch::Sender<bool>,
    /// Whether another process runs under the name of this node.
    displaced: watch::Sender<bool>,
    last_listing: Mutex<Option<Instant>>,
}

/// What a node remembers from one heartbeat to the next.
struct Memory {
    began: Instant,
    membership: Membership,
    /// The version of the node's own object.
    version: Option<Version>,
    /// What it wrote last.
    written: Option<NodeState>,
    /// What the others were told last.
    told: Option<NodeState>,
    /// What each node said, and the content that it was read from.
    states: BTreeMap<NodeName, (Option<String>, NodeState)>,
    cannot_write: LogThrottle,
    cannot_list: LogThrottle,
}

impl Memory {
    /// When to list the nodes once more between two heartbeats, to find the next death at the moment when it is one.
    fn next_death(&self) -> Option<Instant> {
        let due = self.membership.next_death()?;
        self.began.checked_add(due)
    }
}

impl Member {
    pub(super) fn new(
        settings: Cluster,
        parts: ClusterParts,
        objects: ClusterObjects,
        table: Arc<Table>,
        teller: Arc<Teller>,
    ) -> Self {
        Self {
            settings,
            parts,
            objects,
            table,
            teller,
            leaving: AtomicBool::new(false),
            left: watch::Sender::new(false),
            displaced: watch::Sender::new(false),
            last_listing: Mutex::default(),
        }
    }

    /// Hands everything over from now on.
    pub(super) fn leave(&self) {
        if !self.leaving.swap(true, Ordering::Relaxed) {
            self.table.hints().has_news();
        }
    }

    /// Resolves when everything is handed over that other nodes can take.
    pub(super) async fn has_left(&self) {
        // The sender is here, so it does not go.
        let _ = self.left.subscribe().wait_for(|left| *left).await;
    }

    /// Whether another process runs under the name of this node.
    pub(super) fn is_broken(&self) -> bool {
        *self.displaced.borrow()
    }

    /// Resolves when another process runs under the name of this node.
    pub(super) async fn broken(&self) -> Stopped {
        let _ = self
            .displaced
            .subscribe()
            .wait_for(|displaced| *displaced)
            .await;
        Stopped::Fenced
    }

    /// Why the node should not be sent requests, if it should not.
    pub(super) fn ready(&self) -> std::result::Result<(), String> {
        if self.leaving.load(Ordering::Relaxed) {
            return Err("the server is shutting down".to_owned());
        }
        if self.is_broken() {
            return Err("another process runs under the name of this node".to_owned());
        }
        let last = *self.last_listing.lock();
        match last {
            None => Err("the node has not joined its cluster yet".to_owned()),
            Some(last) if last.elapsed() > READY_FOR * self.settings.heartbeat => Err(format!(
                "the object store has not listed the nodes of the cluster for {} s",
                last.elapsed().as_secs()
            )),
            Some(_) => Ok(()),
        }
    }

    /// Removes the object of this node, so that the others need not find out that it is gone.
    pub(super) async fn remove(&self, deadline: Instant) {
        let removed = timeout_at(deadline, self.objects.remove(self.table.node()));
        if !matches!(removed.await, Ok(Ok(()))) {
            tracing::warn!(
                "the object of this node could not be removed; the others will find that it is dead"
            );
        }
    }

    /// Is a member until another process runs under the name of this node.
    pub(super) async fn run(self: Arc<Self>, mover: Arc<Mover>) {
        tokio::select! {
            () = self.beat(&mover) => {}
            () = self.open_what_is_free(&mover) => {}
        }
    }

    async fn beat(&self, mover: &Arc<Mover>) {
        let mut memory = Memory {
            began: Instant::now(),
            membership: Membership::new(self.settings.rules()),
            version: None,
            written: None,
            told: None,
            states: BTreeMap::new(),
            cannot_write: LogThrottle::new(SAY_EVERY),
            cannot_list: LogThrottle::new(SAY_EVERY),
        };
        let mut next = Instant::now();
        while !self.is_broken() {
            if Instant::now() >= next {
                next = Instant::now() + self.settings.heartbeat;
                self.write(&mut memory, mover).await;
                self.tell(&mut memory).await;
                self.look(&mut memory).await;
            } else {
                if memory.written.as_ref() != Some(&self.state()) {
                    self.write(&mut memory, mover).await;
                    self.tell(&mut memory).await;
                }
                if memory.next_death().is_some_and(|due| Instant::now() >= due) {
                    self.look(&mut memory).await;
                }
                next = next.min(self.look_at_writers(&mut memory).await);
            }
            let (placement, held) = (self.table.placement(), self.table.held());
            mover.settle().await;
            mover.begin(&self.moves(&placement, &held));
            let has_left = held.is_empty() || placement == Placement::default();
            if self.leaving.load(Ordering::Relaxed) && memory.written.is_some() && has_left {
                self.left.send_replace(true);
            }
            let until = memory.next_death().map_or(next, |due| next.min(due));
            let _news_or_not = timeout_at(until, self.table.hints().news()).await;
            tokio::time::sleep(SPACING).await;
        }
    }

    /// Opens what other nodes say that they give up, without waiting for what they write. Does not end.
    async fn open_what_is_free(&self, mover: &Arc<Mover>) {
        loop {
            self.table.hints().freed().await;
            let (placement, held) = (self.table.placement(), self.table.held());
            let open = self.moves(&placement, &held).open;
            mover.begin(&Moves {
                open,
                ..Moves::default()
            });
        }
    }

    /// What this node does next.
    fn moves(&self, placement: &Placement, held: &BTreeMap<Partition, Held>) -> Moves {
        let (node, served) = (self.table.node(), self.table.served_elsewhere());
        Moves::next(placement, node, held, &served, self.settings.moves)
    }

    /// What this node says of itself.
    fn state(&self) -> NodeState {
        NodeState {
            incarnation: self.parts.incarnation,
            url: self.parts.url.clone(),
            zone: self.settings.zone.clone(),
            release: env!("CARGO_PKG_VERSION").to_owned(),
            dead_after: self.settings.dead_after,
            leaving: self.leaving.load(Ordering::Relaxed),
            serving: self.table.serving(),
        }
    }

    /// Writes the object of this node.
    async fn write(&self, memory: &mut Memory, mover: &Mover) {
        let state = self.state();
        let began = Instant::now();
        let within = self.settings.heartbeat;
        let written = timeout(within, self.write_as_own(&state, memory)).await;
        match written.unwrap_or_else(|_| Err(late(within))) {
            // Who has its name may serve its partitions.
            Ok(false) => self.table.is_displaced(),
            Ok(true) => {
                if !self.table.is_alive() && !self.still_has_its_claims(mover).await {
                    return;
                }
                // The others count from when they see this, which is later.
                let alive = self.settings.dead_after.mul_f64(CLOCKS_AGREE);
                self.table.has_told(began, began + alive);
                memory.cannot_write.is_over();
            }
            Err(why) if memory.cannot_write.is_due() => {
                tracing::warn!(%why, "this node could not tell the others that it is alive");
            }
            Err(_) => {}
        }
    }

    /// Whether this node has renewed its claims, because others may have held it for dead until now. It serves no partition that it could not renew.
    async fn still_has_its_claims(&self, mover: &Mover) -> bool {
        let within = self.settings.heartbeat;
        let renewed = timeout(within, mover.renew_claims()).await;
        let renewed = renewed.unwrap_or_else(|_| Err(late(within)));
        if let Err(why) = &renewed {
            tracing::warn!(%why, "this node could not find out whether others have taken its partitions; it does not serve them yet");
        }
        renewed.is_ok()
    }

    /// Whether it was written; not if another process has the name.
    async fn write_as_own(&self, state: &NodeState, memory: &mut Memory) -> Result<bool> {
        let node = self.table.node();
        loop {
            let written = self
                .objects
                .write(node, state, memory.version.as_ref())
                .await;
            if let Written::As(version) = written? {
                memory.version = Some(version);
                memory.written = Some(state.clone());
                return Ok(true);
            }
            let found = self.objects.node(node, self.table.partitions()).await?;
            let Some((found, version)) = found else {
                memory.version = None;
                continue;
            };
            // One that was there before this process is its predecessor, or will find this one.
            if memory.written.is_some() && found.incarnation != state.incarnation {
                tracing::error!(
                    %node,
                    "another process has joined the cluster under the name of this node: each node needs a name of its own (cluster.node)"
                );
                self.displaced.send_replace(true);
                return Ok(false);
            }
            memory.version = Some(version);
        }
    }

    /// Finds out who is alive, and where partitions are to be.
    async fn look(&self, memory: &mut Memory) {
        let within = self.settings.heartbeat;
        let listed = timeout(within, self.objects.nodes()).await;
        let listed = match listed.unwrap_or_else(|_| Err(late(within))) {
            Ok(listed) => listed,
            Err(why) => {
                memory.membership.failed();
                if memory.cannot_list.is_due() {
                    tracing::warn!(%why, "this node could not find out which others are alive; nothing moves until it can");
                }
                return;
            }
        };
        memory.cannot_list.is_over();
        let before: Vec<NodeName> = memory.membership.alive().cloned().collect();
        let seen = listed.iter().map(|(node, listed)| {
            let known = memory.states.get(node);
            let seen = Seen {
                mark: listed.mark.clone(),
                dead_after: known.map_or(Duration::ZERO, |(_, state)| state.dead_after),
            };
            (node.clone(), seen)
        });
        let seen = seen.collect();
        memory.membership.listed(memory.began.elapsed(), seen);
        for gone in before
            .iter()
            .filter(|node| !memory.membership.is_alive(node))
        {
            tracing::warn!(node = %gone, "a node is dead, or has left");
        }
        memory.states.retain(|node, _| listed.contains_key(node));
        for (node, listed) in listed {
            let known = memory.states.get(&node);
            if listed.content.is_some() && known.is_some_and(|known| known.0 == listed.content) {
                continue;
            }
            self.read(node, listed.content, memory).await;
        }
        *self.last_listing.lock() = Some(Instant::now());
        self.table.knows(self.view(memory));
    }

    /// Looks at the nodes that have written something new. Answers when the next listing is due, which finds those that are not known.
    async fn look_at_writers(&self, memory: &mut Memory) -> Instant {
        let mut due = Instant::now() + self.settings.heartbeat;
        let writers = self.table.hints().writers();
        if writers.is_empty() {
            return due;
        }
        for node in writers {
            if memory.states.contains_key(&node) {
                self.read(node, None, memory).await;
            } else {
                let last = *self.last_listing.lock();
                due = last.map_or_else(Instant::now, |last| last + LISTINGS_APART);
            }
        }
        self.table.knows(self.view(memory));
        due
    }

    /// Reads what a node says of itself, which was listed with this content.
    async fn read(&self, node: NodeName, content: Option<String>, memory: &mut Memory) {
        let within = self.settings.heartbeat;
        let state = timeout(within, self.objects.node(&node, self.table.partitions())).await;
        match state.unwrap_or_else(|_| Err(late(within))) {
            Ok(Some((state, _))) => {
                if !memory.states.contains_key(&node) && node != *self.table.node() {
                    tracing::info!(%node, url = state.url, "found a node");
                }
                memory.states.insert(node, (content, state));
            }
            Ok(None) => {
                memory.states.remove(&node);
            }
            Err(why) => {
                tracing::warn!(%node, %why, "what a node says of itself could not be read");
            }
        }
    }

    /// Tells the other nodes that this one has written something new, if it has.
    async fn tell(&self, memory: &mut Memory) {
        if memory.written != memory.told {
            memory.told.clone_from(&memory.written);
            self.teller.has_written().await;
        }
    }

    fn view(&self, memory: &Memory) -> View {
        let states = memory.states.iter();
        let nodes: BTreeMap<NodeName, NodeState> = states
            .map(|(node, (_, state))| (node.clone(), state.clone()))
            .collect();
        let leaving = self.leaving.load(Ordering::Relaxed);
        let is_placed_on = |node: &&NodeName| match *node == self.table.node() {
            true => !leaving,
            false => nodes.get(*node).is_some_and(|state| !state.leaving),
        };
        let on: Vec<NodeName> = memory
            .membership
            .alive()
            .filter(is_placed_on)
            .cloned()
            .collect();
        let placement = Placement::of(self.table.partitions(), &on);
        View::new(nodes, &memory.membership, placement)
    }
}

fn late(within: Duration) -> Error {
    Error::unavailable(format!(
        "the object store did not answer within {} ms",
        within.as_millis()
    ))
}
