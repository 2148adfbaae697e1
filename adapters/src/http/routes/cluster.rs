//! `GET /api/v1/cluster`: which partitions the log has, and who serves them.

use std::sync::Arc;

use log_domain::cluster::{NodeName, Partition, Partitions};
use log_domain::{LogReader, LogService, Sequence, Watermarks};
use poem_openapi::OpenApi;

use crate::http::document::Tag;
use crate::http::wire::failure::Failure;
use crate::http::wire::format::Format;
use crate::http::wire::proto::{self, ClusterNode, ClusterPartition, ClusterResponse};
use crate::http::wire::reply::Reply;

/// What a server knows of the partitions of its log, and of the nodes that serve them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterStatus {
    /// All partitions, in order.
    pub partitions: Vec<PartitionStatus>,
    /// The nodes that have an object, in the order of their names.
    pub nodes: Vec<NodeStatus>,
}

/// What a server knows of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionStatus {
    /// The partition.
    pub partition: Partition,
    /// The node that serves it, and its URL. None in a log that is not clustered too.
    pub node: Option<(NodeName, String)>,
    /// What is being done with it.
    pub state: PartitionState,
    /// Its tip and durable watermark, if this server serves it.
    pub watermarks: Option<(Sequence, Sequence)>,
}

/// What is being done with a partition, as far as a server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionState {
    /// A node serves it.
    Serving,
    /// This node opens or closes it.
    Moving,
    /// No node serves it.
    Unserved,
}

/// What a server knows of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeStatus {
    /// Its name.
    pub node: NodeName,
    /// Its URL.
    pub url: String,
    /// Its zone.
    pub zone: Option<String>,
    /// Its release.
    pub release: String,
    /// Whether it is alive.
    pub alive: bool,
}

/// Knows the partitions and the nodes.
type StatusSource = Arc<dyn Fn() -> ClusterStatus + Send + Sync>;

#[derive(Clone)]
pub(in crate::http) struct ClusterRoute(pub(in crate::http) StatusSource);

#[OpenApi]
impl ClusterRoute {
    /// Partitions and nodes
    ///
    /// Returns the partitions of the log and the nodes of the cluster, as this server knows them. Clients that send a request to the node that
    /// serves its partition save a hop; any node answers any request. A log that is not clustered has one partition, 0, and no nodes.
    #[oai(
        path = "/api/v1/cluster",
        method = "get",
        operation_id = "getCluster",
        tag = "Tag::Log"
    )]
    async fn cluster(&self, format: Format) -> Result<Reply<ClusterResponse>, Failure> {
        let known = (self.0)();
        let answer = ClusterResponse {
            status: proto::SUCCESS.to_owned(),
            partitions: known.partitions.into_iter().map(partition).collect(),
            nodes: known.nodes.into_iter().map(node).collect(),
        };
        Ok(Reply::new(format, &answer)?)
    }
}

/// What there is to know of a log that is not clustered.
pub(in crate::http) fn not_clustered<S: LogReader>(service: &LogService<S>) -> ClusterStatus {
    let Watermarks { tip, durable } = service.watermarks();
    let partitions = Partitions::ONE.all().map(|partition| PartitionStatus {
        partition,
        node: None,
        state: PartitionState::Serving,
        watermarks: Some((tip, durable)),
    });
    ClusterStatus {
        partitions: partitions.collect(),
        nodes: Vec::new(),
    }
}

fn partition(known: PartitionStatus) -> ClusterPartition {
    let (node, url) = known.node.unzip();
    let (tip, durable) = known.watermarks.unzip();
    let state = match known.state {
        PartitionState::Serving => "serving",
        PartitionState::Moving => "moving",
        PartitionState::Unserved => "unserved",
    };
    ClusterPartition {
        partition: known.partition.number(),
        node: node.map(|node| node.to_string()),
        url,
        state: state.to_owned(),
        tip: tip.map(Sequence::get),
        durable: durable.map(Sequence::get),
    }
}

fn node(known: NodeStatus) -> ClusterNode {
    ClusterNode {
        node: known.node.to_string(),
        url: known.url,
        zone: known.zone,
        version: known.release,
        alive: known.alive,
    }
}
