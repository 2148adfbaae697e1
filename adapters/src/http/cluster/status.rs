//! `GET /-/cluster`: what a node knows of its cluster.

use poem::{Response, Result};
use serde::Serialize;

use super::map::{ClusterStatus, NodeStatus, PartitionStatus};
use crate::http::routes::access::json;

#[derive(Serialize)]
struct Answer<'a> {
    status: &'static str,
    partitions: Vec<OfPartition<'a>>,
    nodes: Vec<OfNode<'a>>,
}

#[derive(Serialize)]
struct OfPartition<'a> {
    partition: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    tip: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    durable: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum State {
    Serving,
    Moving,
    Unserved,
}

#[derive(Serialize)]
struct OfNode<'a> {
    node: &'a str,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<&'a str>,
    version: &'a str,
    alive: bool,
}

/// The answer that says `known`.
pub(super) fn answer(known: &ClusterStatus) -> Result<Response> {
    json(&Answer {
        status: "success",
        partitions: known.partitions.iter().map(of_partition).collect(),
        nodes: known.nodes.iter().map(of_node).collect(),
    })
}

fn of_partition(known: &PartitionStatus) -> OfPartition<'_> {
    let node = known.node.as_ref();
    OfPartition {
        partition: known.partition.number(),
        node: node.map(|(node, _)| node.as_str()),
        url: node.map(|(_, url)| url.as_str()),
        state: match (known.moving, node) {
            (true, _) => State::Moving,
            (false, Some(_)) => State::Serving,
            (false, None) => State::Unserved,
        },
        tip: known.watermarks.map(|(tip, _)| tip.get()),
        durable: known.watermarks.map(|(_, durable)| durable.get()),
    }
}

fn of_node(known: &NodeStatus) -> OfNode<'_> {
    OfNode {
        node: known.node.as_str(),
        url: &known.url,
        zone: known.zone.as_deref(),
        version: &known.release,
        alive: known.alive,
    }
}
