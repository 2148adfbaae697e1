//! Where the partitions of a cluster are, as one node knows it.

use std::sync::Arc;

use log_domain::Sequence;
use log_domain::cluster::{NodeName, Partition, Partitions};
use poem::endpoint::{BoxEndpoint, EndpointExt};
use poem::{Endpoint, Request, Response, Result};
use tokio::sync::watch;

use crate::http::remote::writer::Writer;

/// Knows where partitions are.
pub trait PartitionMap: Send + Sync + 'static {
    /// The partitions of the cluster.
    fn partitions(&self) -> Partitions;

    /// Where requests to `partition` go now.
    fn place(&self, partition: Partition) -> Place;

    /// Changes when the place of a partition does.
    fn changes(&self) -> watch::Receiver<()>;

    /// The node with the URL `from` does not serve `partition`, or cannot be reached: the one with the URL `to` does, if that is known.
    fn moved(&self, partition: Partition, from: &str, to: Option<&str>);

    /// What is known of the cluster.
    fn status(&self) -> ClusterStatus;

    /// The node with this name has written something new: look at it now, not only at the next heartbeat.
    fn wake(&self, node: NodeName);
}

/// Where requests to a partition go.
pub enum Place {
    /// This node serves it.
    Here(PartitionRoutes),
    /// Another node does, as far as this one knows.
    There {
        /// Its URL.
        url: String,
        /// The connection to it.
        node: Arc<dyn Writer>,
    },
    /// Nobody does, as far as this one knows.
    Nowhere,
}

/// The routes of a partition that this node serves.
#[derive(Clone)]
pub struct PartitionRoutes(Arc<BoxEndpoint<'static, Response>>);

impl PartitionRoutes {
    pub(in crate::http) fn new(routes: impl Endpoint + 'static) -> Self {
        Self(Arc::new(routes.map_to_response().boxed()))
    }

    /// The answer of the partition.
    pub(in crate::http) async fn answer(&self, request: Request) -> Result<Response> {
        self.0.call(request).await
    }
}

/// What a node knows of its cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterStatus {
    /// All partitions, in order.
    pub partitions: Vec<PartitionStatus>,
    /// The nodes that have an object, in the order of their names.
    pub nodes: Vec<NodeStatus>,
}

/// What a node knows of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionStatus {
    /// The partition.
    pub partition: Partition,
    /// The node that serves it, and its URL.
    pub node: Option<(NodeName, String)>,
    /// Whether this node opens or closes it now.
    pub moving: bool,
    /// Its tip and durable watermark, if this node serves it.
    pub watermarks: Option<(Sequence, Sequence)>,
}

/// What a node knows of a node.
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
