//! Where the partitions of a cluster are, as one node knows it.

use std::sync::Arc;

use futures::future::BoxFuture;
use log_domain::cluster::{NodeName, Partition, Partitions};
use poem::endpoint::{BoxEndpoint, EndpointExt};
use poem::{Endpoint, Request, Response, Result};
use tokio::sync::watch;

use crate::http::remote::writer::Writer;
use crate::http::routes::cluster::ClusterStatus;

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

    /// Resolves when this node stops: what it passes on without an end has to end.
    fn stopping(&self) -> BoxFuture<'static, ()>;

    /// What is known of the cluster.
    fn status(&self) -> ClusterStatus;

    /// The node with this name has written something new: look at it now, not only at the next heartbeat.
    fn has_written(&self, node: NodeName);

    /// The node that serves `partition` gives it up: open it now, if it is placed here.
    fn gives_up(&self, partition: Partition);
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
