//! What a node knows of the others: what they say, who is alive, and what is to be where.

use std::collections::{BTreeMap, BTreeSet};

use log_adapters::cluster::NodeState;
use log_domain::cluster::{Mark, Membership, NodeName, Partition, Placement};

/// What is known of other nodes, and of this one as they see it.
#[derive(Default)]
pub(super) struct View {
    /// What each node says.
    pub(super) nodes: BTreeMap<NodeName, NodeState>,
    /// The nodes that are alive.
    pub(super) alive: BTreeSet<NodeName>,
    /// Those that are dead, and what was seen of them last.
    pub(super) dead: BTreeMap<NodeName, Mark>,
    /// What is to be where.
    pub(super) placement: Placement,
    /// What was learnt since from answers: the URL of the node that serves a partition.
    pub(super) learnt: BTreeMap<Partition, String>,
    /// URLs of nodes that do not serve a partition, whatever they say.
    pub(super) wrong: BTreeMap<Partition, BTreeSet<String>>,
}

impl View {
    pub(super) fn new(
        nodes: BTreeMap<NodeName, NodeState>,
        membership: &Membership,
        placement: Placement,
    ) -> Self {
        let dead = membership.dead();
        Self {
            nodes,
            alive: membership.alive().cloned().collect(),
            dead: dead
                .map(|(node, mark)| (node.clone(), mark.clone()))
                .collect(),
            placement,
            ..Self::default()
        }
    }

    /// The URL of the node that serves `partition`, as far as is known: the best guess that was not wrong, or else the best.
    pub(super) fn url(&self, partition: Partition, own: &str) -> Option<&str> {
        let learnt = self.learnt.get(&partition).map(String::as_str);
        let alive = self
            .nodes
            .iter()
            .filter(|(node, _)| self.alive.contains(*node));
        let serving = alive.filter(|(_, state)| state.serving.contains(&partition));
        let serving = serving.map(|(_, state)| state.url.as_str());
        let placed = self.placement.node(partition);
        let placed = placed.and_then(|node| self.nodes.get(node));
        let placed = placed.map(|state| state.url.as_str());
        let guesses = learnt.into_iter().chain(serving).chain(placed);
        let guesses = guesses.filter(|url| *url != own);
        let wrong = self.wrong.get(&partition);
        let mut first = None;
        for url in guesses {
            first.get_or_insert(url);
            if !wrong.is_some_and(|wrong| wrong.contains(url)) {
                return Some(url);
            }
        }
        first
    }

    /// The other node than `own` that serves `partition`, as it says. What `own` itself has said is in its slots.
    pub(super) fn server(
        &self,
        partition: Partition,
        own: &NodeName,
    ) -> Option<(NodeName, String)> {
        let alive = self
            .nodes
            .iter()
            .filter(|(node, _)| *node != own && self.alive.contains(*node));
        let mut serving = alive.filter(|(_, state)| state.serving.contains(&partition));
        let server = serving.next();
        server.map(|(node, state)| (node.clone(), state.url.clone()))
    }
}
